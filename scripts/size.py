"""How large and how tangled the code is: lines, function lengths, complexity, import cycles; and the limits it keeps.

Code lines are lines that hold code: no blank lines, comments or docstrings. The engine decides what is right: log,
merge, scheduling, results. The language is what users write and how it is read: nodes, annotations, values,
operations. The host is where an engine runs: its turns, its thread or loop, who waits for it. The surface is what a
program holds of a space. Timing decides when and where a call is made, and at which cut. Flows are what waits and goes
on; driving takes them from wait to wait; steps carry out, kind by kind, what they ask for. These are the core; each
has a limit of its own. All else is outside: adapters, command line, testing tools, examples.
Invariant: exits with 1 exactly when a declared limit is passed.
Source: tinygrad, which prints its size for every change.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "weft"
OUTSIDE_CORE = frozenset(
    {
        "__main__", "cli", "copies", "remote", "server", "services", "stores", "runners", "transports", "drivers",
        "testing", "examples",
        "driver",  # a port, with nothing behind it that decides
        "matching",  # plug-ins: what tells elements apart, behind one Protocol
        "vectors",  # stands before embedding services, as adapters do
        "watchers", "demanded",  # who asks for what, and whether they are there: nothing of it is decided there
        "in_force", "pins", "reader",  # say what is not as this program brings it, and keep it from coming into force
        "failure",  # words what user code raised, and decides nothing
        "shared_text",  # stands before an optional library, as adapters do
        "meant", "expected",  # word what a checker would have refused
        "cron",  # when schedules fire, for who asks
        "form",  # types as data for who answers: nothing is decided by it
        "echoes", "secrets",  # what stays outside the log, as adapters do
        "limits",  # what services bear: kept to by runners
        "spent",  # what services said that calls cost: counted, and never decided by
        "purity",  # makes calls again to look at them
        "turns",  # queues, in which calls wait and slots: nothing of either is decided there
        "erasure", "erased", "standing",  # what is taken away again, and what is said of it
        "rebuild",  # plays the log to an engine once more
        "points",  # names the moments at which tests let a process die
        # these look at what is kept: nothing is decided or written there
        "brief", "element_names", "glance", "misfits", "past", "plan", "recent_results", "why", "subscription",
        "dag_json", "questions", "returned", "run_list", "run_words", "moment", "portrait",
    }
)  # fmt: skip
LANGUAGE = frozenset(
    {
        "assignable", "blob", "declare", "definition", "elements", "entity", "expected", "handle", "live",
        "made", "node_type", "one_key", "operation", "source", "source_text", "spelling", "told", "value", "wiring",
    }
)  # fmt: skip
SURFACE = frozenset({"client", "desk", "edit", "opening", "space"})
HOST = frozenset({"home", "inbox", "pump", "settlement"})
TIMING = frozenset({"held", "placing", "policy", "schedule"})
FLOWS = frozenset(
    {
        "budget", "compiled_flow", "flow", "flow_spec", "run_rows", "run_verbs", "runs", "told_runs", "transition",
        "triggers", "waits",
    }
)  # fmt: skip
DRIVING = frozenset({"driving", "run_desk"})
STEPS = frozenset({"steps"})
LINES_MAX = {
    "engine": 4400, "host": 710, "surface": 1050, "language": 4400, "timing": 700, "flows": 1920, "driving": 1050,
    "steps": 800,
}  # fmt: skip
COMPLEXITY_LISTED = 10
LONG_LISTED = 60

SILENT = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)
BRANCHES = (
    ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.comprehension, ast.match_case,
)  # fmt: skip

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Function:
    """A function: where, its code lines, and its complexity (1 and one more for each way to branch)."""

    place: str
    lines: int
    complexity: int


@dataclass(frozen=True, slots=True)
class Module:
    """A module: its full name, its code lines, its functions, and the modules of the package it imports.

    `imports` happen when it is imported; `mentions` are all, with those inside functions or for types alone.
    """

    name: str
    lines: int
    functions: tuple[Function, ...]
    imports: frozenset[str]
    mentions: frozenset[str]

    @property
    def part(self) -> str:
        """Which part it counts to: `engine`, `host`, `surface`, `language`, `timing`, `flows`, `driving`, `steps` or
        `outside`."""
        top = self.name.split(".")[1:2]
        if not top:
            return "outside"  # `weft` itself lists names, and where they live
        parts = {
            "outside": OUTSIDE_CORE, "host": HOST, "surface": SURFACE, "language": LANGUAGE, "timing": TIMING,
            "flows": FLOWS, "driving": DRIVING, "steps": STEPS,
        }  # fmt: skip
        return next((part for part, names in parts.items() if names.intersection(top)), "engine")


def measure(package: Path) -> list[Module]:
    """Every module below `package`, by name."""
    files = {_module_name(package, path): path for path in sorted(package.rglob("*.py"))}
    return [_measure(name, path, frozenset(files)) for name, path in files.items()]


def cycles(imports: dict[str, frozenset[str]]) -> list[list[str]]:
    """Sets of modules that import each other, however far around, each sorted; none twice."""
    reach = {name: _reached(name, imports) for name in imports}
    found = {tuple(sorted(other for other in reach[name] if name in reach[other])) for name in imports}
    return [list(each) for each in sorted(found) if each]


def percentile(values: Iterable[int], share: float) -> int:
    """The smallest value that at least `share` of all values do not exceed; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0


def main() -> int:
    """Print it all; 1 if a limit is passed."""
    modules = measure(PACKAGE)
    lines = {part: sum(module.lines for module in modules if module.part == part) for part in LINES_MAX}
    circular = cycles({module.name: module.imports for module in modules})
    _print_modules(modules, lines)
    _print_functions([function for module in modules for function in module.functions])
    for circle in circular:
        print(f"import cycle: {', '.join(circle)}")
    for circle in cycles({module.name: module.mentions for module in modules}):
        print(f"know each other, by types or late imports: {', '.join(circle)}")
    broken = [
        f"{part}: {lines[part]} code lines, more than {most}" for part, most in LINES_MAX.items() if lines[part] > most
    ]
    broken += [f"{len(circular)} import cycles"] * bool(circular)
    for each in broken:
        print(f"too much: {each}")
    return 1 if broken else 0


def _print_modules(modules: list[Module], lines: dict[str, int]) -> None:
    for module in modules:
        print(f"{module.lines:6}  {module.name}  ({module.part})")
    for part, most in LINES_MAX.items():
        print(f"{lines[part]:6}  in the {part}, of {most} at most")
    print(f"{sum(module.lines for module in modules):6}  in all\n")


def _print_functions(functions: list[Function]) -> None:
    lengths = [function.lines for function in functions]
    print(f"{len(functions)} functions; lines: median {percentile(lengths, 0.5)}, 95 % {percentile(lengths, 0.95)}")
    for function in sorted(functions, key=lambda each: -each.complexity):
        if function.complexity > COMPLEXITY_LISTED:
            print(f"complexity {function.complexity}: {function.place}")
    for function in sorted(functions, key=lambda each: -each.lines):
        if function.lines > LONG_LISTED:
            print(f"{function.lines} lines: {function.place}")


def _measure(name: str, path: Path, known: frozenset[str]) -> Module:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = _code_lines(source, tree)
    functions = tuple(
        Function(f"{name}:{node.lineno} {node.name}", _lines_of(node, lines), _complexity(node))
        for node in ast.walk(tree)
        if isinstance(node, AnyFunction)
    )
    imports = frozenset(_imports(_at_import(tree), known)) - {name}
    return Module(name, len(lines), functions, imports, frozenset(_imports(ast.walk(tree), known)) - {name})


def _module_name(package: Path, path: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _code_lines(source: str, tree: ast.Module) -> frozenset[int]:
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    return frozenset(lines.difference(*(range(first, last + 1) for first, last in _docstrings(tree))))


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, int]]:
    # Any expression that is only a text is documentation: below a module, a class, a function, or an attribute.
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.end_lineno or node.lineno


def _lines_of(node: AnyFunction, lines: frozenset[int]) -> int:
    return sum(1 for line in range(node.lineno, (node.end_lineno or node.lineno) + 1) if line in lines)


def _complexity(function: AnyFunction) -> int:
    count, pending = 1, list(ast.iter_child_nodes(function))
    while pending:
        node = pending.pop()
        if isinstance(node, AnyFunction):
            continue  # a function within is counted by itself
        count += isinstance(node, BRANCHES)
        if isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
        pending.extend(ast.iter_child_nodes(node))
    return count


def _at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs when the module is imported: no bodies of functions, and nothing that is there for checkers alone."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending.extend(node.orelse)
        elif not isinstance(node, AnyFunction):
            pending.extend(ast.iter_child_nodes(node))


def _imports(nodes: Iterable[ast.AST], known: frozenset[str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            within = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in within)


def _reached(start: str, imports: dict[str, frozenset[str]]) -> frozenset[str]:
    seen: set[str] = set()
    pending = list(imports[start])
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending.extend(imports.get(name, ()))
    return frozenset(seen)


if __name__ == "__main__":
    sys.exit(main())
