"""Which edits of a program change an operation's version, and which do not."""

from __future__ import annotations

import functools
import importlib.util
import linecache
import os
import shutil
import subprocess
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.operation import op
from weft.source import SourceUnavailable, Trace, module_name, trace_source
from weft.source_text import normalise

PROGRAM = '''
from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from enum import Enum

LIMIT = 3
STOP = {"the": 1, "a": 2}
PATTERN = re.compile("[a-z]+")


class Mode(Enum):
    FAST = 1


MODE = Mode.FAST


def twice(number):
    def decorate(fn):
        @functools.wraps(fn)
        def wrapper(*given):
            return fn(*given) * number

        return wrapper

    return decorate


@dataclass(frozen=True)
class Book:
    """A book."""

    title: str = "untitled"
    tags: tuple[str, ...] = field(default=("new",))


def clean(text: str) -> str:
    return "".join(PATTERN.findall(text))


def shorten(text: str) -> str:
    return clean(text)[:LIMIT] if shorten else ""


def unused() -> int:
    return 1


HANDLERS = {"short": shorten}


@twice(2)
def find_books(texts: list[str], *, handler: str = "short") -> tuple[Book, ...]:
    """Find them.

    One a line.
    """
    kept = [text for text in texts if text not in STOP]
    message = f"found {len(kept)!r} {LIMIT:>{LIMIT}}"
    return tuple(Book(HANDLERS[handler](text)) for text in kept if MODE and message)
'''


@pytest.fixture
def version_of(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """The version of `find_books` in a module of this text, made afresh each time."""

    def version(text: str, function: str = "find_books") -> str:
        return trace_source(getattr(_load(tmp_path, "books", text), function)).digest

    yield version
    linecache.clearcache()


def _load(folder: Path, name: str, text: str) -> types.ModuleType:
    folder = folder / f"{len(os.listdir(folder))}"
    folder.mkdir()
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        # The module stays reachable through its functions; classes are looked up by their module's name.
        sys.modules[name] = module
    return module


@pytest.fixture(autouse=True)
def _modules() -> Iterator[None]:
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        if name == "books" or name.startswith(("library", "prompts")):
            del sys.modules[name]


LAYOUT = [
    ("LIMIT = 3\n", "# how many letters\n\n\nLIMIT = 3  # letters\n"),
    (
        "    kept = [text for text in texts",
        "    # those that count\n\n    kept = [  # all\n        text for text in texts",
    ),
    (
        "[text for text in texts if text not in STOP]",
        "[\n        text for text in texts\n        if text not in STOP\n    ]",
    ),
    ('"".join(PATTERN.findall(text))', "''.join(PATTERN.findall(text,),)"),
    ('handler: str = "short")', "handler: str = 'short',)"),
    ('    """Find them.\n\n    One a line.\n    """', '    """Find them.\n\n    One a line."""'),
    ("return 1", "return 2"),
    ("LIMIT = 3", "LIMIT = 1 + 2"),
    ("    return clean(text)[:LIMIT]", "        return clean(text)[:LIMIT]"),
    ('{"the": 1, "a": 2}', '{"the": 1,\n    "a": 2,\n}'),
]
EDITS = [
    ("LIMIT = 3", "LIMIT = 4"),
    ("LIMIT = 3", "LIMIT = 3.0"),
    ('"a": 2', '"a": 3'),
    ('"[a-z]+"', '"[a-z]*"'),
    ("FAST = 1", "FAST = 2"),
    ('"".join', '" ".join'),
    ("[:LIMIT]", "[LIMIT:]"),
    ('title: str = "untitled"', 'title: str = "nameless"'),
    ('field(default=("new",))', 'field(default=("new"))'),
    ('"""A book."""', '"""A book or two."""'),
    ("Find them.", "Find all of them."),
    ("@twice(2)", "@twice(3)"),
    ("@twice(2)\n", ""),
    ("* number", "+ number"),
    ('handler: str = "short"', 'handler: str | None = "short"'),
    ("texts: list[str]", "texts: tuple[str, ...]"),
    ("for text in kept", "for text in kept[1:]"),
    ("found {len(kept)!r}", "found {len(kept)}"),
    ('HANDLERS = {"short": shorten}', 'HANDLERS = {"short": clean}'),
    ("kept", "chosen"),  # a local name counts too: it costs a rerun and tells no lie
]


@pytest.mark.parametrize(("old", "new"), LAYOUT)
def test_comments_layout_quotes_and_unused_code_do_not_change_a_version(
    version_of: Callable[[str], str], old: str, new: str
) -> None:
    assert old in PROGRAM

    assert version_of(PROGRAM.replace(old, new)) == version_of(PROGRAM)


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_an_edit_of_anything_that_the_function_stands_on_changes_its_version(
    version_of: Callable[[str], str], old: str, new: str
) -> None:
    assert old in PROGRAM

    assert version_of(PROGRAM.replace(old, new)) != version_of(PROGRAM)


def test_a_version_is_short_and_begins_with_a_letter_so_that_no_declared_number_equals_it() -> None:
    digest = trace_source(_load).digest

    assert digest[0] == "h"
    assert len(digest) == 17


def test_functions_that_call_each_other_have_versions_that_change_with_either(version_of: Callable[..., str]) -> None:
    text = "def even(n):\n    return not n or odd(n - 1)\n\ndef odd(n):\n    return n and even(n - 1)\n"

    assert version_of(text, "even") == version_of(text + "\n", "even")
    assert version_of(text, "even") != version_of(text.replace("n and", "n or"), "even")
    assert version_of(text, "even") != version_of(text, "odd")


def test_a_chain_of_two_thousand_functions_needs_no_deep_stack(version_of: Callable[..., str]) -> None:
    text = "".join(f"def f{n}():\n    return f{n + 1}()\n" for n in range(2_000)) + "def f2000():\n    return {}\n"

    assert version_of(text.format(1), "f0") != version_of(text.format(2), "f0")


def test_a_constant_that_holds_itself_has_a_version(version_of: Callable[..., str]) -> None:
    text = "LOOP = [1]\nLOOP.append(LOOP)\ndef f():\n    return LOOP\n"

    assert version_of(text, "f") != version_of(text.replace("[1]", "[2]"), "f")


CONSTANTS = [
    ("1", "True"),
    ("1", "1.0"),
    ("'1'", "b'1'"),
    ("[1]", "(1,)"),
    ("{1, 2}", "{1, 3}"),
    ("frozenset('a')", "frozenset('b')"),
    ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"),
    ("{'a': (1, [2])}", "{'a': (1, [3])}"),
    ("Mode.FAST", "Mode.SLOW"),
    ("Text('a')", "Text('b')"),
    ("Text('a')", "'a'"),
    ("Size(1)", "Size(2)"),
    ("Pair(1, 2)", "Pair(1, 3)"),
    ("partial(int, base=2)", "partial(int, base=8)"),
    ("re.compile('a')", "re.compile('a', re.I)"),
    ("timedelta(1)", "timedelta(2)"),
    ("Decimal('1')", "Decimal('1.0')"),
    ("PurePosixPath('a')", "PurePosixPath('b')"),
    ("Literal['a']", "Literal['b']"),
    ("int | None", "str | None"),
    ("list[int]", "list[str]"),
    ("int", "str"),
    ("NewType('Id', int)", "NewType('Id', str)"),
    ("[g]", "[h]"),
    ("range(3)", "range(4)"),
]
KINDS = """
import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import PurePosixPath
from typing import Literal, NamedTuple, NewType, Optional


class Mode(Enum):
    FAST = 1
    SLOW = 2


class Text(str): ...


@dataclass
class Size:
    width: int


class Pair(NamedTuple):
    one: int
    two: int


def g(): return 1
def h(): return 2


CONSTANT = {}


def f():
    return CONSTANT
"""


@pytest.mark.parametrize(("one", "other"), CONSTANTS)
def test_a_constant_counts_by_its_class_and_value(version_of: Callable[..., str], one: str, other: str) -> None:
    texts = [KINDS.replace("{}", each) for each in (one, one, other)]

    first, again, changed = (version_of(text, "f") for text in texts)

    assert first == again != changed


EQUAL = [("int | None", "Optional[int]"), ("{3, 1, 2}", "{1, 2, 3}"), ("1e3", "1000.0")]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_constants_count_the_same_however_written(version_of: Callable[..., str], one: str, other: str) -> None:
    assert version_of(KINDS.replace("{}", one), "f") == version_of(KINDS.replace("{}", other), "f")


def test_an_object_that_cannot_be_written_down_counts_by_its_class(version_of: Callable[..., str]) -> None:
    text = """
class Client:
    x = 1
    def __init__(self, n): self.n = n
CLIENT = Client(1)
def f():
    return CLIENT
"""

    assert version_of(text, "f") == version_of(text.replace("Client(1)", "Client(2)"), "f")
    assert version_of(text, "f") != version_of(text.replace("x = 1", "x = 2"), "f")


def test_an_object_that_answers_for_another_is_not_asked_anything(version_of: Callable[..., str]) -> None:
    text = """
from unittest.mock import Mock
class Lazy:
    @property
    def __class__(self): raise RuntimeError("outside of a request")
    def __getattr__(self, name): raise RuntimeError("outside of a request")
REQUEST, MODEL = Lazy(), Mock()
def f():
    return REQUEST, MODEL
"""

    assert version_of(text, "f") == version_of(text, "f")


def test_a_closure_counts_by_what_it_holds(version_of: Callable[..., str]) -> None:
    text = "def make(n):\n    def f(x):\n        return x + n\n    return f\n\nf = make({})\n"

    assert version_of(text.format(1), "f") == version_of(text.format("2 - 1"), "f")
    assert version_of(text.format(1), "f") != version_of(text.format(2), "f")


def test_a_cached_function_counts_by_what_it_wraps(version_of: Callable[..., str]) -> None:
    text = "import functools\n\n@functools.cache\ndef g(x):\n    return x + 1\n\ndef f(x):\n    return g(x)\n"

    assert version_of(text, "f") != version_of(text.replace("+ 1", "+ 2"), "f")
    assert version_of(text, "g") != version_of(text.replace("+ 1", "+ 2"), "g")


def test_what_a_wrapper_from_elsewhere_wraps_counts_and_the_wrapper_does_not() -> None:
    def kept(x: int) -> int:
        return x + 1

    # As a library's decorator does, whose own text is no part of this package.
    wrapper = types.FunctionType((lambda *given: kept(*given)).__code__, {"__name__": "library"}, closure=_cells(kept))
    functools.update_wrapper(wrapper, kept)

    assert trace_source(wrapper).digest == trace_source(kept).digest


def _cells(value: object) -> tuple[types.CellType, ...]:
    return (types.CellType(value),)


def test_a_class_as_operation_counts_by_its_text_and_its_bases(version_of: Callable[..., str]) -> None:
    text = "class Base:\n    x = 1\n\nclass Book(Base):\n    title: str\n"

    assert version_of(text, "Book") != version_of(text.replace("x = 1", "x = 2"), "Book")
    assert version_of(text, "Book") != version_of(text.replace("title: str", "title: int"), "Book")
    assert version_of(text, "Book") == version_of(text.replace("title: str", "title: str  # on the spine"), "Book")


def test_a_quoted_annotation_counts_as_the_class_it_names(version_of: Callable[..., str]) -> None:
    text = "def f(x) -> 'list[Book]':\n    return []\n\nclass Book:\n    title = 1\n"

    assert version_of(text, "f") != version_of(text.replace("title = 1", "title = 2"), "f")


def test_what_op_says_does_not_count_nor_does_its_absence(version_of: Callable[..., str]) -> None:
    plain = "import weft.operation\nfrom weft.operation import op\n\n\ndef f(x: int) -> int:\n    return x\n"
    said = plain.replace("def f", "@op(version=2, timeout_s=3)\ndef f")
    said_by_module = plain.replace("def f", "@weft.operation.op(pure=True)\ndef f")

    def version(text: str) -> str:
        linecache.clearcache()
        version_of(text, "f")  # loads it
        return trace_source(sys.modules["books"].f, apart_from=(op,)).digest

    assert version(said) == version(plain) == version(said_by_module)


def test_the_standard_library_and_what_is_installed_do_not_count(version_of: Callable[..., str]) -> None:
    text = "import json\nimport pytest\n\ndef f(x):\n    return json.dumps(x), pytest.approx(x)\n"

    trace = trace_source(_load_in(version_of, text, "f"))

    assert {name for _, name, _ in trace.lookups} == {"json", "pytest"}


def _load_in(version_of: Callable[..., str], text: str, name: str) -> Callable[..., object]:
    version_of(text, name)
    return getattr(sys.modules["books"], name)  # type: ignore[no-any-return]


# Packages.


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The version of `library.shelf.f` where the package's other modules have these texts."""

    def version(shelf: str, **others: str) -> str:
        folder = tmp_path / str(len(os.listdir(tmp_path)))
        (folder / "library" / "deep").mkdir(parents=True)
        for name, text in {"__init__": "", "deep/__init__": "", "shelf": shelf, **others}.items():
            (folder / "library" / f"{name.replace('__deep__', 'deep/')}.py").write_text(text, encoding="utf-8")
        for name in [name for name in sys.modules if name.startswith("library")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            module = importlib.import_module("library.shelf")
            return trace_source(module.f).digest

    return version


@pytest.mark.parametrize(
    "shelf",
    [
        "from library.words import clean\n\ndef f(x):\n    return clean(x)\n",
        "from . import words\n\ndef f(x):\n    return words.clean(x)\n",
        "import library.words\n\ndef f(x):\n    return library.words.clean(x)\n",
        "def f(x):\n    from library.words import clean\n\n    return clean(x)\n",
        "def f(x):\n    from .words import clean\n\n    return clean(x)\n",
        "def f(x):\n    from . import words\n\n    return words.clean(x)\n",
        "def f(x):\n    import library.words\n\n    return library.words.clean(x)\n",
    ],
)
def test_a_function_from_another_module_of_the_package_counts(package: Callable[..., str], shelf: str) -> None:
    words = "def clean(text):\n    return text.strip()\n"

    before = package(shelf, words=words)

    assert package(shelf, words=words + "\n# more\n") == before
    assert package(shelf, words=words.replace("strip", "lower")) != before


def test_an_import_inside_a_function_counts_the_same_before_and_after_it_ran(package: Callable[..., str]) -> None:
    package("def f(x):\n    from library.words import clean\n\n    return clean(x)\n", words="clean = str.strip\n")
    f = sys.modules["library.shelf"].f

    before = trace_source(f).digest
    importlib.import_module("library.words")

    assert trace_source(f).digest == before


def test_modules_beside_a_script_count_and_those_beside_a_package_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "prompts.py").write_text("SYSTEM = 'be brief'\n", encoding="utf-8")
    (tmp_path / "books.py").write_text("import prompts\n\ndef f(x):\n    return prompts.SYSTEM\n", encoding="utf-8")
    f = importlib.import_module("books").f

    before = trace_source(f)
    sys.modules["prompts"].SYSTEM = "be long"  # type: ignore[attr-defined]

    assert not before.is_current()
    assert trace_source(f).digest != before.digest


# Notebooks, and what has no source.


class Notebook:
    """Cells as IPython runs them: one namespace, each cell a text of its own in linecache."""

    def __init__(self) -> None:
        self.names: dict[str, object] = {"__name__": "__main__"}
        self.count = 0

    def run(self, text: str) -> None:
        self.count += 1
        cell = f"<ipython-input-{self.count}>"
        text = textwrap.dedent(text)
        linecache.cache[cell] = (len(text), None, text.splitlines(keepends=True), cell)
        exec(compile(text, cell, "exec"), self.names)

    def trace(self, name: str) -> Trace:
        return trace_source(self.names[name])  # type: ignore[arg-type]


def test_a_notebook_cell_that_is_run_again_changes_the_version_if_its_text_changed() -> None:
    notebook = Notebook()
    notebook.run("def clean(x):\n    return x.strip()\n")
    notebook.run("def f(x):\n    return clean(x)\n")
    first = notebook.trace("f")

    notebook.run("def clean(x):\n    return x.strip()  # as before\n")
    same = notebook.trace("f")
    notebook.run("def clean(x):\n    return x.lower()\n")
    other = notebook.trace("f")

    assert first.digest == same.digest != other.digest
    assert [first.is_current(), same.is_current(), other.is_current()] == [False, False, True]


def test_a_name_that_is_defined_later_makes_an_early_trace_stale() -> None:
    notebook = Notebook()
    notebook.run("def f(x):\n    return later(x)\n")
    early = notebook.trace("f")

    notebook.run("def later(x):\n    return x\n")

    assert not early.is_current()
    assert notebook.trace("f").digest != early.digest


@pytest.mark.skipif(sys.modules["__main__"].__dict__.get("__file__") is None, reason="needs a __main__ with a file")
def test_a_class_without_text_counts_by_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(default: int, kind: str) -> str:
        notebook = Notebook()
        main = types.ModuleType("__main__")
        main.__dict__.update(notebook.names)
        notebook.names = main.__dict__
        monkeypatch.setitem(sys.modules, "__main__", main)
        notebook.run(f"from dataclasses import dataclass\n@dataclass\nclass Book:\n    pages: {kind} = {default}\n")
        notebook.run("def f(x) -> Book:\n    return Book(x)\n")
        return notebook.trace("f").digest

    assert version(1, "int") == version(1, "int")
    assert version(1, "int") != version(2, "int")
    assert version(1, "int") != version(1, "float")


def test_a_function_without_source_is_refused_with_the_next_step() -> None:
    names: dict[str, object] = {"__name__": "nowhere"}
    exec("def f(x):\n    return x\n", names)

    with pytest.raises(SourceUnavailable, match=r"nowhere/f cannot be read: .* @op\(version=1\)"):
        trace_source(names["f"])  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["\n\ndef f(x):\n    return x\n", "def f(:\n"])
def test_a_file_that_changed_under_the_program_is_noticed(tmp_path: Path, text: str) -> None:
    module = _load(tmp_path, "books", "def f(x):\n    return x\n")
    Path(str(module.__file__)).write_text(text, encoding="utf-8")

    with pytest.raises(SourceUnavailable, match="changed since it was loaded"):
        trace_source(module.f)


# Names of modules.


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ({"__name__": "library.shelf"}, "library.shelf"),
        ({"__name__": "__main__", "__file__": "/home/ann/bookshelf.py"}, "bookshelf"),
        ({"__name__": "__main__", "__file__": "/x/y.py", "__spec__": types.SimpleNamespace(name="app.cli")}, "app.cli"),
        ({"__name__": "__main__"}, "notebook"),
        ({}, "notebook"),
    ],
)
def test_a_module_has_one_name_however_it_is_run(names: dict[str, object], name: str) -> None:
    assert module_name(names) == name


# Tokens.


@given(st.lists(st.sampled_from(["a", "b", "1", "'x'", "f(a,)", "[1, 2,]", "(a,)", "{a: b,}", "x[1,]"]), min_size=1))
def test_normalising_keeps_the_difference_between_programs(parts: list[str]) -> None:
    text = f"f({', '.join(parts)})"

    assert eval_shape(normalise(text)) == eval_shape(text)


def eval_shape(text: str) -> str:
    import ast

    return ast.dump(ast.parse(text.replace("\tnewline", "").replace("\n", " ").strip()))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 'a'", 'x = "a"', True),
        ("x = r'\\d'", "x = '\\\\d'", True),
        ("x = 0XFF", "x = 0xff", True),
        ("f(a,)", "f(a)", True),
        ("(a,)", "(a)", False),
        ("x[1,]", "x[1]", False),
        ("return (a,)", "return (a)", False),
        ("(a, b,)", "(a, b)", True),
        ("{a,}", "{a}", True),
        ("x = b'a'", "x = 'a'", False),
        ("x = f'{a}'", "x = '{a}'", False),
        ("if a:\n    b\nc", "if a:\n    b\n    c", False),
        ("if a:\n  b", "if a:\n    b", True),
    ],
)
def test_tokens_are_the_same_where_the_program_is(one: str, other: str, same: bool) -> None:
    assert (normalise(one) == normalise(other)) is same


# Interpreters.


def _other_pythons() -> list[str]:
    """Those that start; a name on the path may be a shim for nothing."""
    named = [shutil.which(f"python3.{minor}") for minor in (12, 13, 14)]
    beside = [str(path) for path in sorted(Path(sys.base_prefix).parent.glob("3.1[2-9]*/bin/python3"))]
    found = [path for path in [*named, *beside] if path]
    return [
        path for path in found if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
    ]


PRINTS = """
import sys, types

weft = sys.modules["weft"] = types.ModuleType("weft")  # what this needs of it, without what another Python may lack
weft.__path__ = [sys.argv[1]]
import weft.source, books, bookshelf_like

for module, name in ((books, "find_books"), (books, "Book"), (books, "shorten"), (bookshelf_like, "compare")):
    print(name, weft.source.trace_source(getattr(module, name)).digest)
"""
LIKE = '''
import threading
from typing import Literal, Protocol

Status = Literal["draft", "published"]
LOCK = threading.Lock()


class Completion(Protocol):
    async def complete(self, prompt: str) -> str: ...


async def compare(topic: str | None, status: Status, *, model: Completion):
    if False:
        unreached()
    texts = [f"{topic!r:>{len(status)}} {{}} {'x' 'y'}" for topic in (topic or "")]
    async for part in model:
        yield {key: value for key, value in enumerate(texts) if (other := part)}, other, super


def unreached():
    with LOCK:
        return f"""a {
            1
        } b"""
'''


def test_versions_are_the_same_on_every_interpreter(tmp_path: Path) -> None:
    others = _other_pythons()
    if not others:
        pytest.skip("there is no other Python beside this one")
    (tmp_path / "books.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "bookshelf_like.py").write_text(LIKE, encoding="utf-8")
    (tmp_path / "prints.py").write_text(PRINTS, encoding="utf-8")
    package = Path(str(sys.modules["weft.source"].__file__)).parent

    printed = {
        subprocess.run(
            [python, str(tmp_path / "prints.py"), str(package)], check=True, capture_output=True, text=True, timeout=60
        ).stdout
        for python in (sys.executable, *others)
    }

    assert len(printed) == 1
    assert printed.pop().count(" h") == 4
