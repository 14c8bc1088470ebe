"""Comparing view points: what the notes on a topic's books claim, which claims meet, and which may disagree.

A title carries no view, so only the user's own notes are compared, and their lack is said. Without a model the
comparison is extractive: every claim is a sentence of the notes, word for word; two claims meet when they share terms;
they may disagree when one is negated or says the opposite word. With a model the same claims are handed over, and its
text streams; it is told to stay with them. Every result says by which method it was made.
Knows nothing of where notes come from. Notes are given by a book's title, which need not be spelled as on the spine.
Invariant: every quote stands word for word in the notes on the book it is quoted for.
Source: extractive summaries; lexical cues of contradiction (negation and antonyms).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from weft.examples.bookshelf.alike import likeness, plain, words
from weft.examples.bookshelf.terms import cosine, rarities, stem, terms
from weft.examples.bookshelf.types import Claim, Comparison, Relation, Topic
from weft.services.completion import Completion

EXTRACTIVE = "extractive, from your notes, without a model"
NO_NOTES = "no notes"

_SAME_TITLE = 0.85
_MEETING_MIN = 0.18
_RELATIONS_MAX = 12
_CLAIM_WORDS_MIN = 3

_NEGATING = """
    no not never none nothing neither nor cannot without hardly cant dont doesnt didnt isnt arent wasnt wont wouldnt
    shouldnt couldnt fails failed lacks
"""
_NEGATIONS = frozenset(_NEGATING.split())
_OPPOSITES = tuple(
    tuple(frozenset(stem(word) for word in side.split()) for side in pair)
    for pair in (
        ("more increase rise grow gain higher", "less fewer decrease fall shrink decline lose lower"),
        ("good better best benefit help useful", "bad worse worst harm hurt useless"),
        ("possible feasible can", "impossible infeasible cannot"),
        ("always all everyone everything", "never none nobody nothing"),
        ("necessary essential must needed", "unnecessary optional needless"),
        ("true right correct", "false wrong mistaken"),
        ("strong success succeed win", "weak failure fail lose"),
        ("cheap easy simple fast", "expensive costly hard difficult complex slow"),
        ("hope optimism", "despair pessimism doom"),
        ("individual personal private", "collective public state government"),
        ("safe secure", "dangerous risky unsafe"),
        ("support favour accept agree", "oppose reject deny disagree"),
    )
)


def compare(topic: Topic, notes: Mapping[str, str]) -> Comparison:
    """What the notes (by title) on the topic's books say about one another, found without a model; O(claims²)."""
    told = _told(topic, notes)
    without = tuple(book.title for book in topic.books if book.title not in told)
    if not told:
        return Comparison(_nothing_told(topic), NO_NOTES, without_notes=without)
    claims = tuple(Claim(title, sentence) for title, text in told.items() for sentence in _sentences(text))
    relations = _relations(claims)
    return Comparison(_in_words(topic, claims, relations, without), EXTRACTIVE, claims, relations, without)


async def compare_with(topic: Topic, notes: Mapping[str, str], *, model: Completion) -> AsyncIterator[Comparison]:
    """The same told by a model: yields the whole comparison so far. Where there are no notes no model is asked."""
    found = compare(topic, notes)
    if not found.claims:
        yield found
        return
    method = f"model {model.fingerprint().get('model', 'unnamed')!s}, from your notes"
    async for text in model.stream(_question(topic, found)):
        yield replace(found, text=text, method=method)


def is_title_of(noted: str, found: str) -> bool:
    """Whether a note under the title `noted` is on the book that was found as `found`."""
    return likeness(plain(noted), plain(found)) >= _SAME_TITLE


def _told(topic: Topic, notes: Mapping[str, str]) -> dict[str, str]:
    """The notes on each of the topic's books, under the title that the book has here."""
    told = dict[str, str]()
    for book in topic.books:
        texts = [text for title, text in notes.items() if is_title_of(title, book.title) and text.strip()]
        if texts:
            told[book.title] = "\n".join(texts)
    return told


def _nothing_told(topic: Topic) -> str:
    count = len(topic.books)
    books = "its one book" if count == 1 else f"any of its {count} books"
    return (
        f"There are no notes on {books} about {topic.name}. A title alone carries no view, so there is nothing to "
        "compare: write down what the books say, in notes by title."
    )


def _sentences(text: str) -> list[str]:
    """The statements of a text: its sentences, without questions and scraps."""
    found = re.split(r"(?<=[.!?…])[\"'”’)]*\s+|\n+", text)
    return [
        sentence.strip()
        for sentence in found
        if len(words(sentence)) >= _CLAIM_WORDS_MIN and not sentence.strip().endswith("?")
    ]


def _relations(claims: Sequence[Claim]) -> tuple[Relation, ...]:
    """Claims of different books that meet, those that may disagree first, then the likeliest."""
    rarity = rarities([claim.quote for claim in claims])
    met = list[Relation]()
    for one, other in combinations(claims, 2):
        if one.book == other.book:
            continue
        near = cosine(one.quote, other.quote, rarity)
        theirs = frozenset(terms(other.quote))
        shared = tuple(dict.fromkeys(term for term in terms(one.quote) if term in theirs))
        if near >= _MEETING_MIN and shared:
            met.append(Relation(one, other, round(near, 3), shared, _opposed(one.quote, other.quote)))
    met.sort(key=lambda relation: (not relation.opposed, -relation.likeness))
    return tuple(met[:_RELATIONS_MAX])


def _opposed(one: str, other: str) -> str:
    """By what two sentences may contradict one another, or nothing; two negations speak for agreement."""
    mine, theirs = words(one), words(other)
    negated = [sorted(_NEGATIONS.intersection(said)) for said in (mine, theirs)]
    if bool(negated[0]) != bool(negated[1]):
        return f"“{(negated[0] or negated[1])[0]}” on one side only"
    left, right = [frozenset(stem(word) for word in said) for said in (mine, theirs)]
    for up, down in _OPPOSITES:
        for first, second in ((left, right), (right, left)):
            if (first & up) - second and (second & down) - first:
                return f"“{min((first & up) - second)}” against “{min((second & down) - first)}”"
    return ""


def _in_words(topic: Topic, claims: Sequence[Claim], relations: Sequence[Relation], without: Sequence[str]) -> str:
    books = tuple(dict.fromkeys(claim.book for claim in claims))
    lines = [f"On {topic.name}, from your notes on {len(books)} of {len(topic.books)} books (quotes, no model):"]
    against = [relation for relation in relations if relation.opposed]
    lines += [_told_pair("May disagree", relation, f" ({relation.opposed})") for relation in against]
    lines += [
        _told_pair("Speak of the same", relation, f" ({', '.join(relation.share)})")
        for relation in relations
        if not relation.opposed
    ]
    if not claims:
        lines.append("The notes make no statement that could be quoted.")
    elif not relations:
        lines += [f"{claim.book}: “{claim.quote}”" for claim in claims[:_RELATIONS_MAX]]
        lines.append("Nothing in these notes meets." if len(books) > 1 else "There is nothing to compare it with yet.")
    if without:
        lines.append(f"No notes yet: {', '.join(without)}.")
    return "\n".join(lines)


def _told_pair(kind: str, relation: Relation, why: str) -> str:
    one, other = relation.one, relation.other
    return f"{kind}{why}: {one.book}: “{one.quote}” / {other.book}: “{other.quote}”"


def _question(topic: Topic, found: Comparison) -> str:
    quotes = "\n".join(f"- {claim.book}: {claim.quote}" for claim in found.claims)
    missing = f"\nThere are no notes on: {', '.join(found.without_notes)}." if found.without_notes else ""
    return (
        f"Compare the view points of these books on {topic.name}, from a reader's notes alone. Say where they agree "
        "and where they may disagree, quoting the notes. Add no view that is not in them.\n"
        f"Notes:\n{quotes}{missing}"
    )
