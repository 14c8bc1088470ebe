"""The text that a reader of an HTML mail would see; nothing of it is run, fetched or kept as markup.

Scripts, styles, comments and what the page hides are left out: a sender writes there for machines, not for people.
Takes time in proportion to its input, whatever that is, which the standard library's parser does not promise.

Knows nothing of mails.
Invariant: what comes out is plain text; no tag of the input is in it as a tag, and nothing raises.
Source: the tokenizer of the HTML standard, of which it keeps what text needs.
"""

from __future__ import annotations

import html
import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BLOCKS = _words(
    "address article aside blockquote br center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr "
    "li main nav ol option p pre section table tbody tfoot thead tr ul"
)
_CELLS = frozenset({"td", "th"})
_VOID = _words("area base br col embed hr img input link meta source track wbr")
_UNSEEN = _words("head iframe math noscript object script select style svg template textarea title")
"""Elements whose content no mail program shows as text."""
_RAW = frozenset({"script", "style", "textarea", "title", "iframe"})
"""Elements in which a tag is no tag: only their own end ends them."""
_NAME = re.compile(r"/?([a-zA-Z][^\s/>]*)")
_TAG_END = re.compile(r"""(?:[^"'>]++|"[^"]*+"|'[^']*+')*+>""")
_HIDDEN = re.compile(
    r"(?i)display\s*:\s*none|visibility\s*:\s*hidden|(?<![\w.-])opacity\s*:\s*0*(?:\.0*)?(?![\d.])"
    r"|font-size\s*:\s*0*(?:\.0*)?(?:px|pt|em|rem|%)?\s*(?![\w.%])"
)
_HIDDEN_WORD = re.compile(r"(?i)\shidden(?=[\s=/>])")


def text_of_html(source: str) -> tuple[str, bool]:
    """The text that is seen, and whether any was left out because the page hides it."""
    reader = _Reader(source)
    reader.read()
    return _tidy("".join(reader.seen)), reader.has_hidden


class _Reader:
    """One pass over the source. `hiding` is the element within which nothing is seen, `depth` how often it is open."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lowered = source.lower() if len(source.lower()) == len(source) else _ascii_lowered(source)
        self.seen: list[str] = []
        self.hiding = ""
        self.depth = 0
        self.has_hidden = False
        self.has_whole_quotes = True

    def read(self) -> None:
        source, at = self.source, 0
        while at < len(source):
            opened = source.find("<", at)
            if opened < 0:
                self._show(source[at:])
                return
            self._show(source[at:opened])
            at = self._markup(opened)

    def _show(self, text: str) -> None:
        if not text:
            return
        if not self.hiding:
            self.seen.append(_unescaped(text))
        elif self.hiding not in _UNSEEN and text.strip():
            self.has_hidden = True

    def _markup(self, opened: int) -> int:
        """Take what begins with `<`; where to go on. What is never closed goes to the end, as in browsers."""
        source = self.source
        if source.startswith("<!--", opened):
            closed = source.find("-->", opened + 2)
            return len(source) if closed < 0 else closed + 3
        named = _NAME.match(source, opened + 1)
        if named is None and source[opened + 1 : opened + 2] not in ("!", "?", "/"):
            self._show("<")
            return opened + 1
        end = self._tag_end(opened)
        if named is not None:
            return self._tag(source[opened:end], named[1].lower(), end)
        return end

    def _tag_end(self, opened: int) -> int:
        if self.has_whole_quotes:
            found = _TAG_END.match(self.source, opened + 1)
            if found is not None:
                return found.end()
            self.has_whole_quotes = False  # A quote is open to the end: looked for once, or each tag would look again.
        closed = self.source.find(">", opened)
        return len(self.source) if closed < 0 else closed + 1

    def _tag(self, tag: str, name: str, end: int) -> int:
        is_end = tag.startswith("</")
        if self.hiding:
            self._follow(name, is_end=is_end, is_empty=tag.endswith("/>"))
        elif not is_end and name not in _VOID and (name in _UNSEEN or _is_hidden(tag)):
            self.hiding, self.depth = name, 1
        self._lay_out(name)
        if name in _RAW and not is_end:
            return self._raw_end(name, end)
        return end

    def _follow(self, name: str, *, is_end: bool, is_empty: bool) -> None:
        if name != self.hiding or (is_empty and not is_end):
            return
        if is_end or name == "p":  # A paragraph ends where the next begins.
            self.depth -= 1
        else:
            self.depth += 1
        if self.depth == 0:
            self.hiding = ""

    def _lay_out(self, name: str) -> None:
        if self.hiding:
            return
        if name in _BLOCKS:
            self.seen.append("\n")
        elif name in _CELLS:
            self.seen.append(" ")

    def _raw_end(self, name: str, at: int) -> int:
        closed = self.lowered.find(f"</{name}", at)
        return len(self.source) if closed < 0 else closed


def _ascii_lowered(source: str) -> str:
    return re.sub("[A-Z]+", lambda found: found[0].lower(), source)


def _is_hidden(tag: str) -> bool:
    return _HIDDEN_WORD.search(tag) is not None or ("style" in tag.lower() and _HIDDEN.search(tag) is not None)


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # a number of more digits than Python takes
        return text


def _tidy(text: str) -> str:
    """Runs of blanks are one, and of empty lines one: how far things stood apart is of no use without their layout."""
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
