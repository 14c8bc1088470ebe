"""The text of a definition: where it stands in its file or notebook cell, its tokens, and the names that it reads.

Two texts that differ in comments, blank lines, line breaks inside brackets, quotes or trailing commas normalise to the
same tokens. Docstrings stay, without their indentation: model libraries send them as prompts. So do the names of local
variables; to see through them would take a syntax tree, and trees differ between interpreters.

Refuses to know what a name stands for, and anything of the running program but the lines that it was read from.
Invariant: equal text normalises equally, and reads the same names, on every interpreter.
Source: tokenize and symtable of the standard library; the formatters' promise to leave the syntax tree as it was.
"""

from __future__ import annotations

import ast
import functools
import io
import keyword
import linecache
import symtable
import tokenize
from collections import Counter
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any, NamedTuple, TypeAlias

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Written(NamedTuple):
    """A function or class as it is written: each decorator, in brackets, and the rest."""

    decorators: tuple[str, ...]
    body: str


class Import(NamedTuple):
    """An import inside a definition, as `from ..module import names` with two dots as level."""

    level: int
    module: str
    names: tuple[str, ...]


class Piece(NamedTuple):
    """What one text comes down to. `names` are read from outside it, the longest form of each, as `prompts.SYSTEM`."""

    tokens: str
    names: tuple[str, ...]
    imports: tuple[Import, ...]
    head: str
    """For a decorator: what it calls."""
    handed: frozenset[str] = frozenset()
    """Of the names, those that are only handed to a method `call`, as what it is to call."""


class Text:
    """A file's or cell's text, and its definitions by where they begin."""

    def __init__(self, text: str) -> None:
        """Find the definitions. Raises `SyntaxError`."""
        self.text = text
        self.lines = _lines(text)
        self.functions: dict[tuple[str, int], Definition] = {}
        self.classes: dict[str, list[Definition]] = {}
        waiting: list[tuple[str, ast.AST]] = [("", ast.parse(text))]
        while waiting:
            prefix, parent = waiting.pop()
            waiting.extend((self._note(prefix, node), node) for node in ast.iter_child_nodes(parent))

    def _note(self, prefix: str, node: ast.AST) -> str:
        """Keep it if it is a definition; returns the prefix of the qualified names inside it."""
        if isinstance(node, ast.ClassDef):
            self.classes.setdefault(prefix + node.name, []).append(node)
            return f"{prefix}{node.name}."
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            self.functions[node.name, first] = node
            return f"{prefix}{node.name}.<locals>."
        return prefix

    def function(self, name: str, line: int) -> Written | None:
        """The function of this name that begins, with its decorators, in this line."""
        found = self.functions.get((name, line))
        return None if found is None else self._cut(found)

    def class_(self, qualname: str, line: int) -> Written | None:
        """The class of this name that holds the line; else the last one, which is the one that stands."""
        found = sorted(self.classes.get(qualname, ()), key=lambda node: node.lineno)
        holding = [node for node in found if node.lineno <= line <= (node.end_lineno or 0)]
        candidates = holding or found
        return self._cut(candidates[-1]) if candidates else None

    def _cut(self, node: Definition) -> Written:
        body = "".join(self.lines[node.lineno - 1 : node.end_lineno])
        return Written(tuple(f"({self._segment(decorator)})" for decorator in node.decorator_list), body)

    def _segment(self, node: ast.expr) -> str:
        # Not ast.get_source_segment, which splits the whole text again each time. Columns of a tree count bytes.
        lines = [line.encode() for line in self.lines[node.lineno - 1 : node.end_lineno]]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"".join(lines).decode()


def text_of(file: str, module_globals: dict[str, Any] | None = None) -> Text | None:
    """What was read from `file`, which may be a notebook cell or inside an archive. Raises `SyntaxError`."""
    text = "".join(linecache.getlines(file, module_globals)) if file else ""
    return _text(text) if text else None


@functools.lru_cache(maxsize=32)
def _text(text: str) -> Text:
    return Text(text)


@functools.lru_cache(maxsize=4096)
def piece_of(source: str) -> Piece:
    """The tokens, names and imports of a definition's body or decorator."""
    text = f"if 1:\n{source}" if source[:1].isspace() else source
    tree = ast.parse(text)
    outer = _outer_names(symtable.symtable(text, "<definition>", "exec"))
    read = {name for name in _dotted_names(tree) if name.partition(".")[0] in outer}
    quoted = {name for annotation in _quoted_annotations(tree) for name in _dotted_names(annotation)}
    handed = Counter(_handed(tree)) if ".call" in source else Counter[str]()
    often = Counter(_dotted_names(tree)) if handed else handed
    only = frozenset(name for name in handed if handed[name] == often[name])
    return Piece(normalise(source), tuple(sorted(read | quoted)), tuple(_imports(tree)), _head(tree), only)


# Which names it reads.


def _outer_names(table: symtable.SymbolTable) -> set[str]:
    names: set[str] = set()
    waiting = [table]
    while waiting:
        scope = waiting.pop()
        waiting.extend(scope.get_children())
        for symbol in scope.get_symbols():
            if symbol.is_global() or (scope is table and symbol.is_referenced()):
                names.add(symbol.get_name())
    return names


def _dotted_names(tree: ast.AST) -> Iterator[str]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        dotted = _dotted(node)
        if dotted:
            yield dotted
        else:
            waiting.extend(ast.iter_child_nodes(node))


def _dotted(node: ast.AST) -> str:
    rest: list[str] = []
    while isinstance(node, ast.Attribute):
        rest.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(rest)]) if isinstance(node, ast.Name) else ""


def _handed(tree: ast.AST) -> Iterator[str]:
    """What calls of methods named `call` are given first."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "call":
            yield from (dotted for first in node.args[:1] if (dotted := _dotted(first)))


def _quoted_annotations(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            for part in ast.walk(annotation) if isinstance(annotation, ast.AST) else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    try:
                        yield ast.parse(part.value.strip(), mode="eval")
                    except SyntaxError:  # a value of a Literal, not a name
                        continue


def _imports(tree: ast.AST) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield Import(node.level, node.module or "", tuple(alias.name for alias in node.names))
        elif isinstance(node, ast.Import):
            yield from (Import(0, alias.name, ()) for alias in node.names)


def _head(tree: ast.Module) -> str:
    statement = tree.body[0] if tree.body else None
    if not isinstance(statement, ast.Expr):
        return ""
    value = statement.value
    return _dotted(value.func if isinstance(value, ast.Call) else value)


# Its tokens.

_NEWLINE, _INDENT, _DEDENT = "\tnewline", "\tindent", "\tdedent"
_LAYOUT = {tokenize.NEWLINE: _NEWLINE, tokenize.INDENT: _INDENT, tokenize.DEDENT: _DEDENT}
_LEFT_OUT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER})
_OPENING = frozenset(code for code, name in tokenize.tok_name.items() if name in ("FSTRING_START", "TSTRING_START"))
_CLOSING = frozenset(code for code, name in tokenize.tok_name.items() if name in ("FSTRING_END", "TSTRING_END"))


def normalise(source: str) -> str:
    """The tokens that count, one a line."""
    return "\n".join(_without_trailing_commas(_tokens(source)))


def _tokens(source: str) -> list[str]:
    lines = _lines(source)
    tokens: list[str] = []
    depth, opened = 0, (0, 0)
    for token in tokenize.generate_tokens(iter(lines).__next__):
        # From 3.12 on an f-string is many tokens, before that it was one: take its text, which is the same.
        if token.type in _OPENING:
            opened = opened if depth else token.start
            depth += 1
        elif token.type in _CLOSING:
            depth -= 1
            if not depth:
                tokens.append(ascii(_between(lines, opened, token.end)))
        elif not depth and token.type not in _LEFT_OUT:
            tokens.append(_token_text(token, begins=not tokens or tokens[-1] in _LAYOUT.values()))
    # A method or inner function is indented as a whole, which is layout.
    return tokens[1:-1] if tokens[:1] == [_INDENT] else tokens


def _lines(text: str) -> list[str]:
    # Not splitlines, which also splits at form feeds, where Python's own lines go on.
    return io.StringIO(text).readlines()


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, left), (last, right) = start, end
    if first == last:
        return lines[first - 1][left:right]
    return "".join([lines[first - 1][left:], *lines[first : last - 1], lines[last - 1][:right]])


def _token_text(token: tokenize.TokenInfo, *, begins: bool) -> str:
    """`begins`: it is the first of its statement, as docstrings are."""
    if token.type in _LAYOUT:
        return _LAYOUT[token.type]
    if token.type == tokenize.NUMBER:
        return token.string.lower()
    if token.type != tokenize.STRING:
        return token.string
    try:
        value = ast.literal_eval(token.string)
    except (SyntaxError, ValueError):  # an f-string, before 3.12
        return ascii(token.string)
    return ascii(cleandoc(value) if begins and isinstance(value, str) else value)


def _without_trailing_commas(tokens: list[str]) -> Iterator[str]:
    """Leave out commas before a closing bracket, which formatters put there; not the one that makes `(a,)` a tuple."""
    commas: list[int] = []
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        if token in ("(", "[", "{"):
            is_name = before.isidentifier() and not keyword.iskeyword(before)
            is_call = token == "(" and (is_name or before in (")", "]"))
            commas.append(1 if is_call or token == "{" else 0)
        elif token in (")", "]", "}") and commas:
            commas.pop()
        elif token == "," and commas:
            commas[-1] += 1
            if after in (")", "]", "}") and commas[-1] > 1:
                continue
        yield token
