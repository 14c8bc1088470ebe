"""MIME taken apart, whatever the bytes: header fields, and from nested parts the text to read and the attachments.

A broken message is the usual case, not an error: what can be read is given, and what was wrong with it is listed. The
parts are found here and not by the standard library's parser, whose time and stack grow with how deep they are nested.
Of that library addresses, dates and parameters are taken, each of which may raise on odd bytes: that is a defect then.

Knows nothing of mailboxes, or of what fields mean.
Invariant: nothing here raises for any bytes; texts are valid Unicode without control characters; time and memory are
in proportion to the bytes.
Source: RFC 5322, 2045 to 2047 and 2231, and the mails that keep to none of them.
"""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from typing import TypeVar

from weft.services.html_text import text_of_html

T = TypeVar("T")

HEADER_BYTES_MAX = 64 << 10
"""Of a mail's header so much is read."""
VALUE_CHARS_MAX = 16 << 10
"""Of one field of a mail's header so much is read."""
PARTS_MAX = 200
"""So many parts of a mail are looked at."""
DEPTH_MAX = 16
"""So deep the parts of a mail may be nested."""
HTML_CHARS_MAX = 1 << 20
"""Of an HTML mail so much is turned into text."""
_NAME_CHARS_MAX = 200
_NOT_FOR_TEXT = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"})
"""Codecs that Python takes for text, and that no mail is written in."""

_LINE_END = re.compile(rb"\r*\n|\r")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*(?:\n|\Z))")


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a mail carries beside its text: its name, which may be empty, and its content type."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of a header in their order: names in lower case, values as one line, not decoded yet."""

    fields: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        """The first value of that name, or nothing."""
        return next((value for each, value in self.fields if each == name), "")

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return any(each == name for each, _ in self.fields)


@dataclass(slots=True)
class Found:
    """What reading came to, beside the text: attachments, and defects in the order in which they were met."""

    attachments: list[Attachment] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    parts: int = 0

    def note(self, defect: str) -> None:
        """Add a defect, once."""
        if defect not in self.defects:
            self.defects.append(defect)

    def tried(self, make: Callable[[], T], otherwise: T, defect: str) -> T:
        """What `make` gives; where it raises, `otherwise`, and the defect is noted."""
        try:
            return make()
        except Exception:  # noqa: BLE001 - parsers of the standard library raise what they like on odd bytes
            self.note(defect)
            return otherwise


def in_plain_lines(raw: bytes) -> bytes:
    """The same bytes with every end of a line written as one line feed."""
    return _LINE_END.sub(b"\n", raw)


def split(raw: bytes, found: Found) -> tuple[Header, bytes]:
    """The header and the body of a message whose lines end in line feeds. Without any field all of it is body."""
    at = -1 if raw.startswith(b"\n") else raw.find(b"\n\n")
    block, body = (b"", raw[1:]) if raw.startswith(b"\n") else (raw, b"") if at < 0 else (raw[:at], raw[at + 2 :])
    header = _header(block, found)
    if block.strip() and not header.fields:
        found.note("it has no header")
        return header, raw
    return header, body


def _header(block: bytes, found: Found) -> Header:
    if len(block) > HEADER_BYTES_MAX:
        found.note(f"its header is longer than {HEADER_BYTES_MAX} bytes: the rest of it was left out")
        block = block[:HEADER_BYTES_MAX]
    fields: list[tuple[str, str]] = []
    for line in re.sub(rb"\n(?=[ \t])", b"", block).split(b"\n"):
        named = _FIELD.fullmatch(line)
        if named is not None:
            fields.append((named[1].decode("ascii").lower(), _value(named[2], found)))
        elif line.strip():
            found.note("its header has lines that are no fields")
    return Header(tuple(fields))


def _value(raw: bytes, found: Found) -> str:
    if len(raw) > VALUE_CHARS_MAX:
        found.note(f"a field of its header is longer than {VALUE_CHARS_MAX} bytes, and was cut")
        raw = raw[:VALUE_CHARS_MAX]
    if raw.isascii():
        text = raw.decode("ascii")
    else:
        found.note("its header holds bytes that are not ASCII")
        text = _guessed(raw)
    return clean(text).strip()


def clean(text: str) -> str:
    """Valid Unicode without control characters but line feeds and tabs."""
    return _CONTROLS.sub("", text).encode("utf-8", "replace").decode("utf-8")


def decoded_words(value: str, found: Found) -> str:
    """A field's value with its encoded words as text (RFC 2047). A character may be split over two words: many are."""
    pieces: list[str] = []
    charset, pending, at = "", b"", 0
    for word in _WORD.finditer(value):
        between = value[at : word.start()]
        content = _word_bytes(word, found)
        if pending and (between.strip() or word[1].lower() != charset):
            pieces.append(_as_text(pending, charset, found, "a field of its header"))
            pending = b""
        if between.strip() or at == 0:
            pieces.append(between)
        charset, pending, at = word[1].lower(), pending + content, word.end()
    if pending:
        pieces.append(_as_text(pending, charset, found, "a field of its header"))
    pieces.append(value[at:])
    return " ".join(clean("".join(pieces)).split())


def _word_bytes(word: re.Match[str], found: Found) -> bytes:
    content = word[3].encode("utf-8", "replace")
    if word[2] in "bB":
        return _from_base64(content, found)
    return quopri.decodestring(content, header=True)


class Reading:
    """One message's parts, read into text; attachments and defects go into `found`."""

    def __init__(self, found: Found) -> None:
        self.found = found

    def text(self, header: Header, body: bytes, depth: int = 0) -> str:
        """The text of a part and of those within it; attachments are named, and their content is left alone."""
        found = self.found
        found.parts += 1
        if depth > DEPTH_MAX:
            found.note(f"its parts are nested deeper than {DEPTH_MAX}: what is further in was left out")
            return ""
        if found.parts > PARTS_MAX:
            found.note(f"it has more than {PARTS_MAX} parts: the others were left out")
            return ""
        about = _parameters(header, found)
        kind = found.tried(about.get_content_type, "text/plain", "a part's content type cannot be read")
        if kind.startswith("multipart/"):
            pieces = self._pieces(about, body)
            if pieces is not None:
                return self._joined(kind, pieces, depth)
            kind = "text/plain"
        name = self._file_name(about)
        disposition = found.tried(about.get_content_disposition, None, "a part's disposition cannot be read")
        if kind == "message/rfc822" and disposition != "attachment":
            return self.text(*split(body, found), depth + 1)
        if disposition == "attachment" or name or kind not in ("text/plain", "text/html"):
            found.attachments.append(Attachment(name, clean(kind)[:_NAME_CHARS_MAX]))
            return ""
        return self._leaf(kind, about, body)

    def _pieces(self, about: Message, body: bytes) -> list[bytes] | None:
        """The parts of a multipart; None, and a defect, where they cannot be told apart."""
        boundary = self.found.tried(about.get_boundary, None, "a boundary cannot be read")
        if not boundary:
            self.found.note("it says that it has parts, and not what parts them")
            return None
        mark = re.escape(boundary.encode("utf-8", "replace"))
        marks = list(re.finditer(rb"^--" + mark + rb"(--)?[ \t]*$\n?", body, re.MULTILINE))
        if not marks:
            self.found.note("it says that it has parts, and none begins")
            return None
        opening = [place for place, each in enumerate(marks) if each[1]]
        if opening:
            marks = marks[: opening[0] + 1]
        else:
            self.found.note("its last part is not closed")
        ends = [*(each.start() for each in marks[1:]), len(body)]
        return [body[each.end() : end] for each, end in zip(marks, ends, strict=True) if not each[1]]

    def _joined(self, kind: str, pieces: list[bytes], depth: int) -> str:
        texts: list[tuple[bool, str]] = []
        for piece in pieces:
            header, body = split(piece, self.found) if not piece.startswith(b"\n") else (Header(()), piece[1:])
            said = header.first("content-type").lower()
            texts.append(("html" not in said.partition(";")[0], self.text(header, body, depth + 1)))
            if self.found.parts > PARTS_MAX:
                break
        filled = [(is_plain, text) for is_plain, text in texts if text.strip()]
        if kind != "multipart/alternative":
            return "\n\n".join(text for _, text in filled)
        plain = [text for is_plain, text in filled if is_plain]
        return plain[0] if plain else filled[-1][1] if filled else ""

    def _file_name(self, about: Message) -> str:
        raw = self.found.tried(about.get_filename, None, "an attachment's name cannot be read")
        name = decoded_words(clean(str(raw or "")), self.found).replace("\\", "/").rpartition("/")[2]
        return name[:_NAME_CHARS_MAX]

    def _leaf(self, kind: str, about: Message, body: bytes) -> str:
        found = self.found
        content = _transferred(body, str(about.get("Content-Transfer-Encoding", "")), found)
        charset = found.tried(lambda: str(about.get_param("charset") or ""), "", "a part's charset cannot be read")
        text = _as_text(content, charset.strip("\"' "), found, "its text")
        if kind == "text/html":
            if len(text) > HTML_CHARS_MAX:
                found.note(f"its HTML is longer than {HTML_CHARS_MAX} characters: the rest of it was left out")
            text, has_hidden = text_of_html(text[:HTML_CHARS_MAX])
            if has_hidden:
                found.note("its HTML hides text from its readers, which was left out")
        return clean(text)


def _parameters(header: Header, found: Found) -> Message:
    about = Message()
    for name in ("Content-Type", "Content-Disposition", "Content-Transfer-Encoding"):
        if header.has(name.lower()):
            about[name] = header.first(name.lower())
    return about


def _transferred(body: bytes, encoding: str, found: Found) -> bytes:
    encoding = encoding.strip().strip("\"'").lower()
    if encoding == "base64":
        return _from_base64(body, found)
    if encoding == "quoted-printable":
        if _BAD_ESCAPE.search(body):
            found.note("its quoted-printable is broken")
        return quopri.decodestring(body)
    if encoding not in ("", "7bit", "8bit", "binary"):
        found.note("its transfer encoding is not known: it was taken as it is")
    return body


def _from_base64(content: bytes, found: Found) -> bytes:
    """What base64 holds; characters that are none of its own are passed over, and a last one too many is dropped."""
    kept = _NOT_BASE64.sub(b"", content)
    if len(kept) % 4 == 1:
        kept = kept[:-1]
    whole = re.fullmatch(rb"[A-Za-z0-9+/\s]*={0,2}\s*", content) is not None
    if not whole or len(b"".join(content.split())) % 4:
        found.note("its base64 is broken")
    return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def _as_text(content: bytes, charset: str, found: Found, what: str) -> str:
    if content.isascii() and charset.lower() in ("", "us-ascii", "ascii", "utf-8", "utf8"):
        return content.decode("ascii")
    if charset.lower() in ("", "us-ascii", "ascii"):
        found.note(f"{what} is in no charset that is named: it was guessed")
        return _guessed(content)
    codec = _codec(charset)
    if codec is None:
        found.note(f"{what} is in a charset that is not known: it was guessed")
        return _guessed(content)
    try:
        return content.decode(codec)
    except (ValueError, LookupError):
        found.note(f"{what} is not in the charset that is named")
    return found.tried(lambda: content.decode(codec, "replace"), "", f"{what} cannot be read in its charset")


def _codec(charset: str) -> str | None:
    try:
        name = codecs.lookup(charset).name
        is_text = isinstance(b"".decode(name), str)
    except (LookupError, ValueError):
        return None
    return name if is_text and name.replace("_", "-") not in _NOT_FOR_TEXT else None


def _guessed(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
