"""`Similar`: elements are told apart by how alike their texts are, and what texts leave open by embeddings.

First equal texts; then texts that share most of their pieces, where the best of the old ones beats the second best by a
margin; then vectors, under limits of their own; last, in the same order, elements that had gone. What two vanished
elements held and one new one holds is a merge; what one held and several hold now is a split.

Knows nothing of ids but that they differ.
Invariant: each verdict depends on the elements, their order and their vectors alone.
Source: record linkage (blocking apart: lists of a model's making are short, and longer ones are compared by equality).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from weft.content import Plain
from weft.matching.matcher import Match, Merge, New, Old, Split, Unclear, Verdict
from weft.matching.vector import near
from weft.matching.words import Pieces, alike, covered, normalised, pieces_of, text_at

PAIRS_MAX = 100_000
"""More pairs than this are not compared, since the space is held meanwhile: equal texts are found in any number."""
VECTOR_PAIRS_MAX = 10_000
"""The same for vectors: a cosine takes longer."""


@dataclass(frozen=True, slots=True, init=False)
class Similar:
    """Match by the text at `by`: fields of the element, with dots into what it holds (`"books.title"`).

    `threshold`: how alike two texts are at least (0 to 1); `margin`: by how much the best must beat the second best.
    `embedding`: the Protocol of a service with `vectors`, for what texts leave open; `near` and `near_margin` are its
    limits, on the cosine."""

    by: tuple[str, ...]
    threshold: float
    margin: float
    service: str
    near: float
    near_margin: float

    def __init__(
        self,
        *by: str,
        threshold: float = 0.6,
        margin: float = 0.1,
        embedding: type | None = None,
        near: float = 0.85,
        near_margin: float = 0.03,
    ) -> None:
        if not by:
            raise TypeError('Similar needs the fields whose text it compares, as in Similar("name")')
        for said, number in (("threshold", threshold), ("near", near)):
            if not 0 < number <= 1:
                raise ValueError(f"{said} is {number}; it lies above 0, and 1 is the same text or direction")
        for said, number in (("margin", margin), ("near_margin", near_margin)):
            if not 0 <= number < 1:
                raise ValueError(f"{said} is {number}; it lies between 0 and 1")
        service = "" if embedding is None else str(embedding.__name__)
        for field, found in zip(
            ("by", "threshold", "margin", "service", "near", "near_margin"),
            (by, threshold, margin, service, near, near_margin),
            strict=True,
        ):
            object.__setattr__(self, field, found)

    @property
    def name(self) -> str:
        """What decisions say."""
        return "similar"

    def settings(self) -> Mapping[str, Plain]:
        """What the definition keeps of it."""
        said: dict[str, Plain] = {"by": list(self.by), "threshold": self.threshold, "margin": self.margin}
        if self.service:
            said |= {"embedding": self.service, "near": self.near, "near_margin": self.near_margin}
        return said

    def text(self, value: Mapping[str, Plain], /) -> str:
        """The text of an element."""
        return text_at(value, self.by)

    def match(self, olds: Sequence[Old], news: Sequence[New], /) -> Iterable[Verdict]:
        """Verdicts on what has no id yet."""
        return _Matching(self, olds, news).verdicts()


Score = Callable[[New, Old], float]


class _Matching:
    """One list on its way to verdicts."""

    def __init__(self, rule: Similar, olds: Sequence[Old], news: Sequence[New]) -> None:
        self.rule, self.olds, self.news = rule, olds, news
        self.place_of: dict[str, int] = {old.id: old.place for old in olds if old.place is not None}
        self.free: dict[int, New] = {new.place: new for new in news if new.id is None}
        self.said: list[Verdict] = []
        self._pieces: dict[str | int, Pieces] = {}
        self._merged: set[str] = set()

    def verdicts(self) -> list[Verdict]:
        self._equal(self._living())
        if self._is_few(PAIRS_MAX, len(self._living()) * len(self.news)):
            self._part()
            self._merges()
            self._one_to_one(self._living(), self._by_text, self.rule.threshold, self.rule.margin, "text")
            self._splits()
            self._by_vectors(self._living())
            self._absorbed()
            self._split_off()
        gone = [old for old in self.olds if not old.is_alive and old.id not in self.place_of]
        self._equal(gone)
        if len(gone) * len(self.free) <= PAIRS_MAX:
            self._one_to_one(gone, self._by_text, self.rule.threshold, self.rule.margin, "text")
            self._by_vectors(gone)
        # An element that turned out to be an old one after all is not unclear.
        return [one for one in self.said if not isinstance(one, Unclear) or one.place in self.free]

    def _is_few(self, most: int, pairs: int) -> bool:
        if pairs <= most:
            return True
        why = f"only equal texts were looked for: {pairs} pairs are more than {most}"
        self.said.extend(Unclear(place, (), 0.0, why) for place in self.free)
        return False

    def _living(self) -> list[Old]:
        return [old for old in self.olds if old.is_alive and self._is_open(old)]

    def _is_open(self, old: Old) -> bool:
        return old.id not in self.place_of and old.id not in self._merged

    def _old(self, old: Old) -> Pieces:
        if old.id not in self._pieces:
            self._pieces[old.id] = pieces_of(self.rule.text(old.value))
        return self._pieces[old.id]

    def _new(self, new: New) -> Pieces:
        if new.place not in self._pieces:
            self._pieces[new.place] = pieces_of(self.rule.text(new.value))
        return self._pieces[new.place]

    def _take(self, new: New, old: Old, score: float, second: float, by: str) -> None:
        self.said.append(Match(new.place, old.id, score, second, by))
        self.place_of[old.id] = new.place
        del self.free[new.place]

    def _by_text(self, new: New, old: Old) -> float:
        return alike(self._new(new), self._old(old))

    # ---- one old, one new ----
    def _equal(self, olds: Sequence[Old]) -> None:
        """Equal texts, where each stands on one side and the other once."""
        before, after = dict[str, list[Old]](), dict[str, list[New]]()
        for old in olds:
            before.setdefault(normalised(self.rule.text(old.value)), []).append(old)
        for new in self.free.values():
            after.setdefault(normalised(self.rule.text(new.value)), []).append(new)
        for text, found in after.items():
            those = before.get(text, [])
            if text and len(found) == len(those) == 1:
                self._take(found[0], those[0], 1.0, 0.0, "equal text")

    def _one_to_one(self, olds: Sequence[Old], score: Score, threshold: float, margin: float, by: str) -> None:
        """The best of the old ones for each, if it beats the second; of several that want one, the best of those."""
        wanted: dict[str, list[tuple[float, float, New]]] = {}
        by_id = {old.id: old for old in olds}
        for new in self.free.values():
            ranked = sorted(((score(new, old), old) for old in olds), key=lambda pair: -pair[0])
            if not ranked or ranked[0][0] < threshold:
                continue
            best, second = ranked[0][0], ranked[1][0] if len(ranked) > 1 else 0.0
            if best - second < margin:
                near_by = tuple(old.id for found, old in ranked if best - found < margin)
                self.said.append(Unclear(new.place, near_by, best, by))
                continue
            wanted.setdefault(ranked[0][1].id, []).append((best, second, new))
        for id, claims in wanted.items():
            best, second, new = min(claims, key=lambda claim: (-claim[0], claim[2].place))
            self._take(new, by_id[id], best, second, by)

    def _by_vectors(self, olds: Sequence[Old]) -> None:
        comparable = [old for old in olds if old.vector is not None and self._is_open(old)]
        if not self.rule.service or len(comparable) * len(self.free) > VECTOR_PAIRS_MAX:
            return
        self._one_to_one(comparable, _nearness, self.rule.near, self.rule.near_margin, "vectors")

    # ---- several old, one new ----
    def _merges(self) -> None:
        """A new element that holds what two or more vanished ones held goes on as the one it is most like."""
        inside: dict[int, list[tuple[float, Old]]] = {}
        for old in self._living():
            found = self._holder(old)
            if found is not None and found[1].place in self.free:
                inside.setdefault(found[1].place, []).append((found[0], old))
        for place, parts in inside.items():
            new = self.free[place]
            parts = [part for part in parts if self._is_held(part[1], new, [old for _, old in parts])]
            if len(parts) < 2:
                continue
            _, heir = max(parts, key=lambda part: self._by_text(new, part[1]))
            self._take(new, heir, self._by_text(new, heir), 0.0, "merge")
            for share, old in parts:
                if old is not heir:
                    self._merge(old, place, share)

    def _is_held(self, old: Old, new: New, others: Sequence[Old]) -> bool:
        """Whether what sets an old element apart from others is in a new one: two tarts are no cake."""
        shared = frozenset[str]().union(*(self._old(other) for other in others if other is not old))
        own = self._old(old) - shared
        return covered(own, self._new(new)) >= self.rule.threshold

    def _absorbed(self) -> None:
        """What vanished, and an element that goes on holds it now, and did not before."""
        for old in self._living():
            found = self._holder(old)
            if found is not None and found[1].place not in self.free:
                self._merge(old, found[1].place, found[0])

    def _holder(self, old: Old) -> tuple[float, New] | None:
        """The one new element that holds what an old one held, and came to hold it just now."""
        ranked = sorted(
            ((covered(self._old(old), self._new(new)), new) for new in self.news), key=lambda pair: -pair[0]
        )
        if not ranked or ranked[0][0] < self.rule.threshold:
            return None
        share, new = ranked[0]
        if len(ranked) > 1 and share - ranked[1][0] < self.rule.margin:
            return None
        before = self._before(new.place)
        if before is not None and share - covered(self._old(old), self._old(before)) < self.rule.margin:
            return None
        return share, new

    def _before(self, place: int) -> Old | None:
        """What the element at a place was, where it is known."""
        return next((old for old in self.olds if self.place_of.get(old.id) == place), None)

    def _merge(self, old: Old, place: int, share: float) -> None:
        self.said.append(Merge(old.id, place, share))
        self._merged.add(old.id)

    # ---- one old, several new ----
    def _part(self) -> None:
        """What had become one and is several again: each by what it was before."""
        for whole in self._living():
            family = [old for old in self.olds if old is whole or old.alias == whole.id]
            if whole.former is None:
                continue
            back = sum(old.id in self.place_of for old in family)
            claims: list[tuple[float, Old, New]] = []
            for old in (old for old in family if old.id not in self.place_of):
                was = self._old(old) if old is not whole else pieces_of(self.rule.text(whole.former))
                ranked = sorted(((alike(self._new(new), was), new) for new in self.free.values()), key=lambda r: -r[0])
                second = ranked[1][0] if len(ranked) > 1 else 0.0
                if ranked and ranked[0][0] >= self.rule.threshold and ranked[0][0] - second >= self.rule.margin:
                    claims.append((ranked[0][0], old, ranked[0][1]))
            if back + len({new.place for _, _, new in claims}) < 2:
                continue  # it goes on as one
            for score, old, new in sorted(claims, key=lambda claim: -claim[0]):
                if new.place in self.free:
                    self._take(new, old, score, 0.0, "split")

    def _splits(self) -> None:
        """A vanished element whose parts make up what it was goes on as the largest part that is free."""
        for old in self._living():
            parts = [new for new in self.news if covered(self._new(new), self._old(old)) >= self.rule.threshold]
            open_parts = [new for new in parts if new.place in self.free]
            together = frozenset[str]().union(*(self._new(part) for part in parts))
            if len(parts) < 2 or not open_parts or covered(self._old(old), together) < self.rule.threshold:
                continue
            heir = min(open_parts, key=lambda new: (-self._by_text(new, old), new.place))
            second = max((self._by_text(part, old) for part in open_parts if part is not heir), default=0.0)
            self._take(heir, old, self._by_text(heir, old), second, "split")

    def _split_off(self) -> None:
        """A new element that is a part of what another was until now, and is no more."""
        for new in list(self.free.values()):
            ranked = list(self._wholes(new))
            if ranked:
                share, old = max(ranked, key=lambda pair: pair[0])
                self.said.append(Split(new.place, old.id, share))

    def _wholes(self, new: New) -> Iterator[tuple[float, Old]]:
        after = {each.place: each for each in self.news}
        for old in self.olds:
            place = self.place_of.get(old.id)
            if place is None or not old.is_alive:
                continue
            share = covered(self._new(new), self._old(old))
            left = covered(self._new(new), self._new(after[place]))
            if share >= self.rule.threshold and share - left >= self.rule.margin:
                yield share, old


def _nearness(new: New, old: Old) -> float:
    return near(new.vector, old.vector) if new.vector is not None and old.vector is not None else 0.0
