"""Proposals that people correct: fix what a spine was read as, merge what is one book, split what are several.

A photo is read anew, and its spines are read a little differently; what a person said about a book stays with it,
since it is told about the proposal's id, which matching carries from one reading to the next. A correction of a book
that is gone waits for it. For each book the newest correction holds; one that was told meanwhile, unseen, stays beside
it, and `undo` takes it back.

Knows nothing of photos and of how ids are kept.
Invariant: `corrected` is pure, and without corrections gives the proposals' books as they are, in their order.
Source: catalogues that keep what a cataloguer said apart from what a machine read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from weft.elements import element
from weft.errors import WeftError
from weft.examples.bookshelf.alike import plain
from weft.examples.bookshelf.types import Book
from weft.operation import op

if TYPE_CHECKING:
    from weft.examples.bookshelf.app import Bookshelf
    from weft.told import Ref

BY_HAND = "by hand"


class WrongCorrection(WeftError, ValueError):
    """This is no correction: {why}."""

    why: str


@element(key="name", id="id")
class Proposal:
    """A book as it was read, and the id that it has from one reading to the next."""

    name: str
    book: Book
    id: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """A book as a person names it."""

    title: str
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person said about one proposal: what it is (`named`: one book, or the several that were read as one), or
    that it is the same book as another, whose id is `same_as`."""

    named: tuple[Named, ...] = ()
    same_as: str = ""

    def __post_init__(self) -> None:
        """Refuse what says nothing, or two things."""
        if bool(self.named) == bool(self.same_as):
            raise WrongCorrection(why="it names books, or says which other book this one is: one of the two")
        if any(not each.title.strip() for each in self.named):
            raise WrongCorrection(why="a book needs a title")


# What the shelf computes ---------------------------------------------------------------------------------------------


@op(pure=True)
def propose(found: Sequence[Book]) -> tuple[Proposal, ...]:
    """Each book that was found as a proposal, under its title and author; equal ones are numbered."""
    names: dict[str, int] = {}
    proposals: list[Proposal] = []
    for book in found:
        name = f"{book.title} — {book.author}" if book.author else book.title
        names[name] = count = names.get(name, 0) + 1
        proposals.append(Proposal(name if count == 1 else f"{name} ({count})", book))
    return tuple(proposals)


@op(pure=True)
def corrected(proposals: Sequence[Proposal], corrections: Mapping[str, Correction]) -> tuple[Book, ...]:
    """The books, with what people said of them. Books that people gave one name are one; what was read apart, and not
    named by anybody, stays apart."""
    there = {proposal.id for proposal in proposals}
    books: list[Book] = []
    named: set[tuple[str, str]] = set()
    for proposal in proposals:
        said = corrections.get(proposal.id)
        if said is not None and said.same_as and _is_elsewhere(proposal.id, corrections, there):
            continue
        for book in _books(proposal, said):
            name = (plain(book.title), plain(book.author or ""))
            if book.method != BY_HAND or name not in named:
                books.append(book)
            if book.method == BY_HAND:
                named.add(name)
    return tuple(books)


def _books(proposal: Proposal, said: Correction | None) -> Iterator[Book]:
    if said is None or not said.named:
        yield proposal.book
        return
    for each in said.named:
        yield replace(proposal.book, title=each.title, author=each.author, method=BY_HAND)


def _is_elsewhere(id: str, corrections: Mapping[str, Correction], there: Set[str]) -> bool:
    """Whether the book that this one is the same as stands on the shelf. Of books that are said to be each other the
    one with the least id stays."""
    way = [id]
    while (said := corrections.get(way[-1])) is not None and said.same_as:
        if said.same_as in way:
            if said.same_as == id:
                return id != min(one for one in way if one in there)
            break
        way.append(said.same_as)
    return any(one in there for one in way[1:])


# What people say -----------------------------------------------------------------------------------------------------


def fix(shelf: Bookshelf, proposal: Ref[Proposal], title: str, author: str | None = None) -> None:
    """Say what a book is called, whatever was or will be read of it."""
    shelf.corrections[proposal.id] = Correction((Named(title, author),))


def merge(shelf: Bookshelf, into: Ref[Proposal], *others: Ref[Proposal]) -> None:
    """Say that other proposals are the same book as this one. Raises `WrongCorrection` for none, or for itself."""
    if not others or any(other.id == into.id for other in others):
        raise WrongCorrection(why="a merge takes one book, and others that are the same")
    for other in others:
        shelf.corrections[other.id] = Correction(same_as=into.id)


def split(shelf: Bookshelf, proposal: Ref[Proposal], parts: Iterable[Named]) -> None:
    """Say which several books were read as one. Raises `WrongCorrection` for fewer than two."""
    named = tuple(parts)
    if len(named) < 2:
        raise WrongCorrection(why="a split takes two books or more")
    shelf.corrections[proposal.id] = Correction(named)


def undo(shelf: Bookshelf, proposal: Ref[Proposal]) -> None:
    """Take back what was said about a book; harmless where nothing was."""
    if proposal.id in shelf.corrections:
        del shelf.corrections[proposal.id]
