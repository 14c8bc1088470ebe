"""Values: what users' types hold, as canonical bytes and back.

Encoding refuses what the annotation does not say, naming the place. Decoding follows today's annotation, so that fields
may be added with a default, dropped, or widened to unions. Kept are None, bool, int, float, str, bytes, Literal, Enum,
unions, tuples, lists, sets, mappings, dataclasses, NamedTuples, TypedDicts, msgspec Structs, pydantic models, dates and
times, Decimal, UUID, Blob, plain values under `object`, and classes that say themselves how they are kept.

- A datetime with a zone comes back as the same moment in UTC; one without comes back as it was.
- Sequence comes back as a tuple, Mapping as a dict in canonical order, Set as a frozenset.
- A class's `__weft_tag__` names it within unions in place of its own name, so that it can be renamed.
- `__weft_plain__(self)` and the class method `__weft_value__(plain, arguments)` make a class a kind of its own;
  `__weft_forms__ = ("text",)` says what form its plain values have, so that `X | None` needs no tag.

Knows nothing of entities, nodes or stores.
Invariant: `shape.decode(shape.encode(value)) == value`.
Source: msgspec's schema evolution; Avro's reading of old records by today's schema.
"""

from weft.value.shape import VALUE_BYTES_MAX, VALUE_DEPTH_MAX, Shape, ValueTooLarge, WrongType, shape_of

__all__ = ["VALUE_BYTES_MAX", "VALUE_DEPTH_MAX", "Shape", "ValueTooLarge", "WrongType", "shape_of"]
