"""From spines to books: what on a spine is the title and what the author, and which spines show the same book.

A name is known by its form (a given name or initials, two to four words, none of the small words of titles); what
publishers print of themselves is dropped; where no name shows, the layout decides or the author stays open. Letters
that OCR ran together are parted where their case says so. Every book says by which method it was read.
Pure: the same spines give the same books. Knows nothing of photos but their ids.
Invariant: a book keeps the first photo it was seen on, and seeing it again adds no second one.
Source: the way catalogues match records, by normalised title and author.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from weft.examples.bookshelf.alike import likeness, plain, words
from weft.examples.bookshelf.names import GIVEN_NAMES, PUBLISHERS, SMALL_WORDS
from weft.examples.bookshelf.persons import NAME_MIN, could_be_name, is_initial, name_score, spelled
from weft.examples.bookshelf.types import Book, Line, Spine
from weft.operation import op

BY_NAME = "a name by its form"
BY_LAYOUT = "layout"
TITLE_ONLY = "title alone"

_SAME_TITLE = 0.85
_SAME_WORD = 0.75
_FORGIVEN_FROM = 6
"""Letters from which on a title may be misread; in a shorter one every letter counts."""
_SAME_AUTHOR = 0.75


@op(pure=True)
def find_books(spines: Sequence[tuple[Spine, ...]]) -> tuple[Book, ...]:
    """The books on all photos, in the order in which they were first seen; O(books²) comparisons by title."""
    books = list[Book]()
    for spine in (spine for photo in spines for spine in _with_lone_names(photo)):
        book = read_book(spine)
        if book is None:
            continue
        seen = next((index for index, other in enumerate(books) if same_book(book, other)), None)
        if seen is None:
            books.append(book)
        elif books[seen].author is None and book.author is not None:
            books[seen] = replace(books[seen], author=book.author, method=book.method)
    return tuple(books)


def _with_lone_names(photo: Sequence[Spine]) -> list[Spine]:
    """The spines of one photo; one that holds a name alone joins a title without an author that stands close to it."""
    joined = list[Spine]()
    for spine in photo:
        before = joined[-1] if joined else None
        if before is not None and _is_close(before, spine) and _is_lone_name(before) != _is_lone_name(spine):
            title, name = (spine, before) if _is_lone_name(before) else (before, spine)
            book = read_book(title)
            if book is not None and book.author is None:
                parts = 1 + max(line.part for line in title.lines)
                lines = title.lines + tuple(replace(line, part=line.part + parts) for line in name.lines)
                joined[-1] = replace(title, lines=lines)
                continue
        joined.append(spine)
    return joined


def _is_close(one: Spine, other: Spine) -> bool:
    """Whether two texts stand as near to one another as two lines of one spine do."""
    size_px = max(line.size_px for line in (*one.lines, *other.lines))
    return one.direction == other.direction != "across" and abs(one.x - other.x) < 1.8 * size_px


def _is_lone_name(spine: Spine) -> bool:
    return len(spine.lines) == 1 and name_score(_parted(spine.lines[0].text)) >= NAME_MIN


def same_book(one: Book, other: Book) -> bool:
    """Whether two readings name one book; a word that only one title has tells volumes and sequels apart."""
    if one.author is not None and other.author is not None and not _same_author(one.author, other.author):
        return False
    mine, theirs = words(one.title), words(other.title)
    if likeness(plain(one.title), plain(other.title)) == 1.0:
        return True
    return (
        min(len("".join(mine)), len("".join(theirs))) >= _FORGIVEN_FROM
        and likeness(plain(one.title), plain(other.title)) >= _SAME_TITLE
        and _all_matched(mine, theirs)
        and _all_matched(theirs, mine)
    )


def _same_author(one: str, other: str) -> bool:
    """By likeness, or by surname where one of them is shortened to initials."""
    if likeness(plain(one), plain(other)) >= _SAME_AUTHOR:
        return True
    mine, theirs = words(one), words(other)
    return mine[-1:] == theirs[-1:] and mine[0][0] == theirs[0][0]


def _all_matched(wanted: tuple[str, ...], there: tuple[str, ...]) -> bool:
    together = "".join(there)
    return all(
        word in there or (len(word) > 1 and not word.isdigit() and (word in together or _near(word, there)))
        for word in wanted
    )


def _near(word: str, there: tuple[str, ...]) -> bool:
    return any(likeness(word, other) >= _SAME_WORD for other in there if not other.isdigit())


def read_book(spine: Spine) -> Book | None:
    """The book that a spine names, or None where what was read names nothing."""
    pieces = _without_imprint([piece for line in spine.lines for piece in _pieces(line)])
    if not pieces:
        return None
    title, author, method = _told_apart(pieces)
    if author is None:
        return Book(_as_title(title), None, spine.photo, method) if _stands_alone(title, pieces) else None
    name = _as_name(author)
    if plain(title).endswith(" of"):
        # The Poems of Emily Dickinson: the name is the end of the title too.
        return Book(f"{_as_title(title)} {name}", name, spine.photo, method)
    return Book(_as_title(title), name, spine.photo, method)


def is_publisher(text: str) -> bool:
    """Whether this is what a publisher prints of itself."""
    letters = plain(text).replace(" ", "")
    if letters in PUBLISHERS:
        return True
    if len(letters) < 6:
        return len(letters) == 5 and any(_one_letter_off(letters, name) for name in PUBLISHERS if len(name) == 5)
    return any(abs(len(letters) - len(name)) <= 1 and likeness(letters, name) >= 0.83 for name in PUBLISHERS)


def _one_letter_off(one: str, other: str) -> bool:
    return sum(a != b for a, b in zip(one, other, strict=True)) == 1


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    size_px: float
    part: int
    confidence: float


def _pieces(line: Line) -> list[_Piece]:
    """A line as one piece, or as two where it goes over from capitals to ordinary letters."""
    text = _parted(line.text.strip(" .,;:-–—_'\"|/\\"))
    return [
        _Piece(piece, line.size_px, line.part, line.confidence)
        for piece in _cased_apart(text)
        if sum(character.isalnum() for character in piece) >= 2 or piece.isdigit()
    ]


def _cased_apart(text: str) -> list[str]:
    """Title and author printed in one line, one of them in capitals; initials go with what follows them."""
    run = text.split()
    capitals = [word.isupper() if len(plain(word)) > 1 else None for word in run]
    known = [capital for capital in capitals if capital is not None]
    changes = [index for index in range(1, len(known)) if known[index] != known[index - 1]]
    if len(changes) != 1:
        return [text]
    first = known[0]
    cut = next(index for index, capital in enumerate(capitals) if capital is not None and capital != first)
    while cut > 1 and capitals[cut - 1] is None and run[cut - 1].endswith("."):
        cut -= 1
    parts = [" ".join(run[:cut]), " ".join(run[cut:])]
    ordinary = parts[1] if first else parts[0]
    return parts if could_be_name(ordinary) and len(ordinary.split()) >= 2 else [text]


def _without_imprint(pieces: Sequence[_Piece]) -> list[_Piece]:
    """What is left without the publisher's name; one that is needed as a title stays, such as Phoenix by a person."""
    rest = [piece for piece in pieces if not is_publisher(piece.text)]
    dropped = [piece for piece in pieces if piece not in rest]
    if len(rest) == 1 and name_score(rest[0].text) >= NAME_MIN:
        needed = [piece for piece in dropped if piece.size_px >= rest[0].size_px and plain(piece.text) in PUBLISHERS]
        return [piece for piece in pieces if piece in rest or piece in needed]
    return rest


def _stands_alone(title: str, pieces: Sequence[_Piece]) -> bool:
    """Whether a text without an author can be believed: long and sure enough, and not digits among letters."""
    letters = plain(title).replace(" ", "")
    if len(letters) < 3 or min(piece.confidence for piece in pieces) < 0.75:
        return False
    digits = sum(character.isdigit() for character in letters)
    return digits in (0, len(letters)) or any(word.isdigit() for word in words(title))


def _told_apart(pieces: Sequence[_Piece]) -> tuple[str, str | None, str]:
    """Title, author and method."""
    # Of equally good names the one in smaller letters, then the last: Anna Karenina is no author.
    best = max(_name_runs(pieces), key=lambda run: (run[0], -round(pieces[run[1]].size_px / 2), run[1]), default=None)
    if best is not None and best[0] >= NAME_MIN:
        _, start, stop = best
        rest = [piece.text for index, piece in enumerate(pieces) if not start <= index < stop]
        return " ".join(rest), " ".join(piece.text for piece in pieces[start:stop]), BY_NAME
    text = " ".join(piece.text for piece in pieces)
    split = _split_by_name(text.split())
    if split is not None:
        return *split, BY_NAME
    if len({piece.part for piece in pieces}) == 1:
        # Rows of one part: each may be the title or the author.
        pieces = [replace(piece, part=row) for row, piece in enumerate(pieces)]
    return _by_layout(pieces) if len(pieces) >= 2 else (text, None, TITLE_ONLY)


def _name_runs(pieces: Sequence[_Piece]) -> list[tuple[float, int, int]]:
    """Neighbouring pieces that could be the author's name, leaving at least one piece for the title."""
    return [
        (name_score(" ".join(piece.text for piece in pieces[start : start + count])), start, start + count)
        for count in (1, 2, 3)
        if count < len(pieces)
        for start in range(len(pieces) - count + 1)
        if len({piece.part for piece in pieces[start : start + count]}) == 1
    ]


def _split_by_name(run: Sequence[str]) -> tuple[str, str] | None:
    """A line in which title and author follow one another without a gap: (title, author), the name at either end."""
    best: tuple[float, str, str] | None = None
    for count in (2, 3, 4):
        if count >= len(run):
            continue
        for name, rest in ((run[-count:], run[:-count]), (run[:count], run[count:])):
            score = name_score(" ".join(name)) - (0.5 if plain(name[-1]) in GIVEN_NAMES else 0.0)
            score -= 1.0 if is_initial(rest[-1]) else 0.0
            if score >= NAME_MIN and (best is None or score > best[0]):
                best = score, " ".join(rest), " ".join(name)
    return best[1:] if best else None


def _by_layout(pieces: Sequence[_Piece]) -> tuple[str, str | None, str]:
    """Without a known name: of the parts that could be one, that in the smallest letters, and of equals the last."""
    parts = sorted({piece.part for piece in pieces})
    texts = {part: " ".join(piece.text for piece in pieces if piece.part == part) for part in parts}
    sizes = {part: max(piece.size_px for piece in pieces if piece.part == part) for part in parts}
    names = [part for part in parts if could_be_name(texts[part]) and len(texts[part].split()) >= 2]
    if not names or len(parts) == 1:
        return " ".join(texts.values()), None, TITLE_ONLY
    author = min(names, key=lambda part: (round(sizes[part] / 3), -part))
    return " ".join(text for part, text in texts.items() if part != author), texts[author], BY_LAYOUT


_GLUED = re.compile(r"(?<=[a-zà-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ]\w)|(?<=\b[AI])(?=[A-Z][a-z])|(?<=[,;:!?])(?=[A-Za-z])")
_SURNAME_STARTS = ("Mc", "Mac", "De", "Di", "Du", "La", "Le", "Van", "Fitz", "St", "O")
_SMALL_INSIDE = (
    "on a",
    "in a",
    "of a",
    "to a",
    "of the",
    "in the",
    "to the",
    "on the",
    "from the",
    "and the",
    "for the",
)


def _parted(text: str) -> str:
    """Words that were read as one, parted where a capital stands inside; surnames such as McEwan stay whole."""
    return " ".join(_parted_word(word) for word in text.split())


def _parted_word(word: str) -> str:
    pieces = _GLUED.split(word)
    if len(pieces) == 1:
        return word
    whole = [pieces[0]]
    for before, piece in pairwise(pieces):
        if before in _SURNAME_STARTS and whole[-1] == before:
            whole[-1] += piece
        else:
            whole.append(piece)
    # Where capitals show that gaps were lost, the small words before them were lost too.
    return whole[0] if len(whole) == 1 else " ".join([*(_small_parted(piece) for piece in whole[:-1]), whole[-1]])


def _small_parted(piece: str) -> str:
    for small in _SMALL_INSIDE:
        glued = small.replace(" ", "")
        if piece.endswith(glued) and len(piece) >= len(glued) + 3:
            return f"{piece[: -len(glued)]} {small}"
    for word in sorted(SMALL_WORDS, key=lambda word: (-len(word), word)):
        if len(word) >= 2 and piece.endswith(word) and len(piece) >= len(word) + 3 and len(word) >= 3:
            return f"{piece[: -len(word)]} {word}"
    return piece


def _as_title(text: str) -> str:
    """As it is printed in a catalogue: capitals all through become a capital to each word that is not small."""
    run = text.split()
    if not text.isupper() or (len(run) == 1 and _is_letters(text)):
        return text
    cased = [_capital(word) for word in run]
    small = [word.lower() if plain(word) in SMALL_WORDS and len(word) <= 4 else word for word in cased[1:]]
    return " ".join([cased[0], *small])


def _is_letters(word: str) -> bool:
    """Whether a word is an abbreviation, such as QED or SPQR."""
    return len(word) <= 3 or (len(word) <= 5 and not set(word) & set("AEIOUY"))


def _as_name(text: str) -> str:
    capitals = text.isupper()
    mended = [spelled(word) for word in text.split()]
    return " ".join(_capital(word) if capitals and len(plain(word)) > 1 else word for word in mended)


def _capital(word: str) -> str:
    """One capital for each part of a word in capitals: Man-Month, D'Onofrio, but not Gaia'S."""
    return re.sub(r"[^\W_]+", lambda found: found[0] if found[0] == "I" else found[0].capitalize(), word).replace(
        "'S", "'s"
    )
