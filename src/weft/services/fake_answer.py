"""What the fake model says: texts, objects that fit a JSON schema, and vectors, all made from what it was asked.

Knows nothing of HTTP.
Invariant: equal questions get equal answers, on every machine and in every release of Python.
Source: property-based generators run without randomness; feature hashing for the vectors.
"""

from __future__ import annotations

import hashlib
import math

from weft.content import Plain

_DEPTH_MAX = 32
_DEPTH_LISTS_MAX = 6
"""Below this lists stay as short as they may, so that a form that holds itself comes to an end."""
_COUNT_MAX = 10_000
_FORMATS = {
    "date-time": "2024-01-01T00:00:00Z",
    "date": "2024-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "nobody@example.com",
    "uri": "https://example.com/",
    "byte": "",
}


def answer_text(question: str) -> str:
    """A few words that quote the question's beginning."""
    return f"This is the fake model. You asked: {' '.join(question.split())[:80]}"


def answer_object(schema: Plain, question: str) -> Plain:
    """A value that fits `schema`: of each choice the first, one element in each list that may be longer.

    Texts are named after their property, their place and the question. What `pattern` asks for is not looked at.
    """
    defs = schema.get("$defs") if isinstance(schema, dict) else None
    mark = hashlib.sha256(question.encode()).hexdigest()[:6]
    return _Maker(defs if isinstance(defs, dict) else {}, mark).fitting(schema, "answer", 0)


def vector(text: str, dimensions: int) -> list[float]:
    """A unit vector in which texts that share words are near each other."""
    sums = [0.0] * dimensions
    for word in text.lower().split() or [""]:
        digest = hashlib.sha256(word.encode()).digest()
        sums[int.from_bytes(digest[:4]) % dimensions] += 1.0 if digest[4] & 1 else -1.0
    length = math.sqrt(sum(part * part for part in sums))
    return [part / length for part in sums] if length else [1.0] + [0.0] * (dimensions - 1)


class _Maker:
    __slots__ = ("_defs", "_mark")

    def __init__(self, defs: dict[str, Plain], mark: str) -> None:
        self._defs = defs
        self._mark = mark

    def fitting(self, schema: Plain, name: str, depth: int) -> Plain:
        if not isinstance(schema, dict) or depth > _DEPTH_MAX:
            return None
        if "const" in schema:
            return schema["const"]
        if isinstance(choices := schema.get("enum"), list) and choices:
            return choices[0]
        if isinstance(named := schema.get("$ref"), str):
            return self.fitting(self._defs.get(named.rpartition("/")[2]), name, depth + 1)
        for choices in (schema.get("anyOf"), schema.get("oneOf"), schema.get("allOf")):
            if isinstance(choices, list) and choices:
                return self.fitting(_choice(choices, depth), name, depth + 1)
        return self._of_type(schema, name, depth)

    def _of_type(self, schema: dict[str, Plain], name: str, depth: int) -> Plain:
        kind = schema.get("type")
        match kind[0] if isinstance(kind, list) and kind else kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer":
                return math.ceil(_number(schema, step=1.0))
            case "number":
                return _number(schema, step=0.5)
            case "boolean":
                return True
            case "null":
                return None
        return self._string(schema, name)

    def _object(self, schema: dict[str, Plain], depth: int) -> Plain:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        return {key: self.fitting(part, key, depth + 1) for key, part in properties.items()}

    def _array(self, schema: dict[str, Plain], name: str, depth: int) -> Plain:
        first = schema.get("prefixItems")
        parts = list(first) if isinstance(first, list) else []
        least, most = _whole(schema, "minItems", 0), _whole(schema, "maxItems", 1)
        if depth < _DEPTH_LISTS_MAX:
            least = max(least, min(1, most))
        parts += [schema.get("items")] * (least - len(parts))
        return [self.fitting(part, f"{name} {place}", depth + 1) for place, part in enumerate(parts, 1)]

    def _string(self, schema: dict[str, Plain], name: str) -> str:
        form = schema.get("format")
        if isinstance(form, str) and form in _FORMATS:
            return _FORMATS[form]
        text = f"{name} {self._mark}"
        text += "." * (_whole(schema, "minLength", 0) - len(text))
        return text[: _whole(schema, "maxLength", len(text))]


def _choice(choices: list[Plain], depth: int) -> Plain:
    """The first choice; deep inside, null where it is allowed, or a form that holds itself would have no end."""
    ends = [choice for choice in choices if isinstance(choice, dict) and choice.get("type") == "null"]
    return ends[0] if ends and depth > _DEPTH_LISTS_MAX else choices[0]


def _whole(schema: dict[str, Plain], name: str, default: int) -> int:
    found = schema.get(name)
    return min(found, _COUNT_MAX) if isinstance(found, int) else default


def _number(schema: dict[str, Plain], *, step: float) -> float:
    """1, or the nearest allowed number."""
    found = 1.0
    for name, sign, inside in (
        ("maximum", -1, 0.0),
        ("exclusiveMaximum", -1, step),
        ("minimum", 1, 0.0),
        ("exclusiveMinimum", 1, step),
    ):
        bound = schema.get(name)
        if isinstance(bound, int | float) and (found - bound) * sign < inside:
            found = bound + sign * inside
    return found
