"""Two shelves to begin with, and a reader's notes on a few of their books, made up for demonstrations.

The notes are no summaries of the books: they are the sort of sentences that a reader jots down.
Knows nothing of how anything is found. Invariant: every title is one of `TITLES`, and stands on one shelf.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from weft.examples.bookshelf.titles import TITLES, Printed

SHELVES: tuple[tuple[str, ...], ...] = (
    (
        "The Uninhabitable Earth",
        "Persuasion",
        "The Selfish Gene",
        "The Dry Garden",
        "Gone Girl",
        "How to Avoid a Climate Disaster",
        "The Guns of August",
        "Refactoring",
        "The Silk Roads",
        "Drawdown",
    ),
    (
        "Beth Chatto's Gravel Garden",
        "The New Climate War",
        "Stalingrad",
        "This Changes Everything",
        "The Talented Mr Ripley",
        "Buddenbrooks",
        "The Song of the Dodo",
        "How to Eat",
        "Postwar",
        "Never Let Me Go",
    ),
)
"""Titles by shelf, from left to right."""

NOTES: Mapping[str, str] = MappingProxyType(
    {
        "The Uninhabitable Earth": "Warming is faster and worse than most people believe. "
        "Fear of warming is a good reason to act.",
        "How to Avoid a Climate Disaster": "Emissions must fall to zero. "
        "Clean energy has to become cheap before poor countries can use it.",
        "Drawdown": "Clean energy is cheap already. Keeping food from being wasted makes emissions fall.",
        "The New Climate War": "Fear of warming is a bad reason to act, because despair stops people.",
        "This Changes Everything": "Markets will not make emissions fall to zero.",
    }
)
"""Title to what a reader noted."""


def shelf_of(number: int) -> tuple[Printed, ...]:
    """The books of a shelf, as publishers print them."""
    known = {book.title: book for book in TITLES}
    return tuple(known[title] for title in SHELVES[number])
