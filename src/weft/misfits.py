"""Items of which some do not fit their type any more, since its class or annotation changed after they were told.

Those that fit are read as ever. One that does not is in its place, is counted, and raises when it is read itself; the
error has its element id, by which it is taken out, as no item of today's type says what it is.

Knows nothing of spaces and edits. Invariant: how many there are, and in what order, asks for no decoding.
Source: lazily parsed sequences, where one bad part spoils no other (serde's RawValue).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import cast, overload

from weft.blob import Opener
from weft.collection import ElementId
from weft.content import Plain
from weft.errors import Undecodable, Unencodable
from weft.reduce import Cell, ItemsCell, element_identity
from weft.tree import Member
from weft.value import Shape


class ItemMisfit(Undecodable):
    """{where} does not decode as {wanted}: {why}. What was told there is of an older shape: give it the annotation that
    fits, give a field that was gained a default, or take it out: .remove(ElementId({element!r})), of weft.collection;
    the other items are read as ever."""

    element: ElementId


class Misfits(Sequence[object]):
    """Such items, in their order. Iterating raises `ItemMisfit` at one that does not fit, and may go on after it."""

    def __init__(self, place: str, shape: Shape, members: Sequence[Member], open_blob: Opener) -> None:
        self._place, self._shape, self._members, self._open_blob = place, shape, members, open_blob

    def __len__(self) -> int:
        """How many there are, with those that do not fit."""
        return len(self._members)

    @overload
    def __getitem__(self, index: int, /) -> object: ...
    @overload
    def __getitem__(self, index: slice, /) -> Sequence[object]: ...
    def __getitem__(self, index: int | slice, /) -> object:
        """One of them; a slice is read as a whole."""
        places = range(len(self._members))[index]
        return self._read(places) if isinstance(places, int) else tuple(self._read(place) for place in places)

    def __iter__(self) -> Iterator[object]:
        """Each when it is asked for. No generator, which an error ends."""
        return map(self._read, range(len(self._members)))

    def __contains__(self, item: object) -> bool:
        """Whether one that fits is equal to it."""
        return any(self._is_at(place, item) for place in range(len(self._members)))

    def _is_at(self, place: int, item: object) -> bool:
        try:
            return bool(item == self._read(place))
        except ItemMisfit:
            return False

    def _read(self, place: int) -> object:
        member = self._members[place]
        try:
            return self._shape.decode(member.encoded, self._open_blob)
        except Undecodable as why:
            inner = "" if why.where == "the value" else f".{why.where.lstrip('.')}"
            raise ItemMisfit(
                where=f"{self._place}[{place}]{inner}",
                wanted=why.wanted,
                why=why.why,
                element=ElementId(member.element),
            ) from None

    def __repr__(self) -> str:
        """Each as it is read; one that does not fit by its element id."""
        return f"({', '.join(map(self._text, range(len(self._members))))})"

    def _text(self, place: int) -> str:
        try:
            return repr(self._read(place))
        except ItemMisfit as misfit:
            return f"<misfit {misfit.element}>"


def names_item(text: object, cell: Cell, shape: Shape) -> bool:
    """Whether a text is the element id of an item, and no item itself: so is named what does not fit its type."""
    assert isinstance(cell, ItemsCell)
    with contextlib.suppress(Unencodable):
        (plain,) = cast("list[Plain]", shape.to_plain((text,)))
        if element_identity(plain, cell.spec.key) in cell.items:
            return False
    return text in cell.items
