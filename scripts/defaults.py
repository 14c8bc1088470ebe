"""The page of the reference with every limit, time and size that is built in; `python -m scripts.defaults` writes it.

Constants are found in the code, with their values, and with what stands below them as their docstring; a few say it
here instead. So none can be left out, and none can have another value than the page says.

Knows nothing of what they are used for.
Invariant: the page holds every public number of the package that is not named in `NOT_DEFAULTS`; one that nobody says
the purpose of stops the writing.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from scripts.parts import ROOT

PAGE = ROOT / "docs" / "reference" / "defaults.md"
PACKAGE = ROOT / "src" / "weft"
LEFT_OUT = ("weft.cli.", "weft.examples.", "weft.testing.")
"""Where numbers are about what is shown, or about tests."""
NOT_DEFAULTS = frozenset(
    {
        "weft.copies.outgoing.FORMAT",
        "weft.copies.publishing.READ_WRITE",
        "weft.edit.LATER",
        "weft.graph.NEVER",
        "weft.server.accounts.file.APPLICATION_ID",
        "weft.server.accounts.file.VERSION",
        "weft.stores.schema.APPLICATION_ID",
    }
)
"""Numbers that are names, marks or versions, and no limits."""

TEXTS: Mapping[str, str] = {
    "weft.blob.CHUNK_BYTES": "Blobs are read and kept in chunks of this size.",
    "weft.client.CLIENT_ACK_S": "How long a client's edit waits for its position; it is durable before.",
    "weft.client.CLIENT_POLL_S": "How often a client looks whether the file has changed.",
    "weft.home.START_S": "How long opening and closing wait for the engine's thread.",
    "weft.rebuild.RECORDS_PER_BATCH": "How many records a rebuild plays before it commits.",
    "weft.reduce.ORDER_CHARS_MAX": "The longest order key of an element that is taken from another program.",
    "weft.runners.processes.EXIT_GRACE_S": "How long a worker that was asked to end may take.",
    "weft.runners.processes.STARTUP_S_MAX": "How long a worker may take to start.",
    "weft.runners.shelf.SHELF_BYTES_MAX": "How much content of blobs a worker keeps for its next calls.",
    "weft.subscription.BATCH": "How many records a subscription reads at once.",
    "weft.subscription.PREVIEW_CHARS": "How much of a value an activity shows.",
    "weft.subscription.WAIT_S": "How long a subscription waits for the engine before it looks by itself.",
    "weft.value.shape.VALUE_BYTES_MAX": (
        "A larger value is refused, and told to be a `Blob`. An edit has the same bound."
    ),
    "weft.plan.plan.SAMPLED_MAX": "How many of the newest positions say how long calls take.",
    "weft.why.matching.GONE_MAX": "How many keys of elements that are gone an explanation shows.",
    "weft.why.mermaid.LABEL_CHARS_MAX": "How much of a title a box of a drawing shows.",
    "weft.why.plain.VALUE_BYTES_MAX": "Up to which size an explanation holds a value itself.",
    "weft.why.reading.LOOKED_BACK_MAX": "How many of the newest positions are searched for superseded results.",
    "weft.why.reading.REASONS_MAX": "How many values an explanation explains; the others are counted.",
    "weft.why.reading.SIBLINGS_MAX": "How many elements, or tellings, of one node an explanation shows.",
}
"""What constants without a docstring of their own are for."""

PARAMETERS: tuple[tuple[str, str, str], ...] = (
    ("weft.operation.Retry", "factor", "By what the pause between two tries grows."),
    ("weft.operation.Retry", "delay_s_max", "The longest pause between two tries."),
    ("weft.runners.threads.ThreadRunner", "size", "Threads for sync operations."),
    ("weft.runners.threads.ThreadRunner", "abandoned_max", "Threads that may still be in calls that were given up on."),
    ("weft.runners.processes.ProcessRunner", "size", "Worker processes."),
    (
        "weft.services.endpoint.Patience",
        "timeout_s",
        "How long a model's server may stay silent; comments are silence.",
    ),
    ("weft.services.endpoint.Patience", "answer_s_max", "How long the whole of its answer may take, tries and all."),
    ("weft.services.endpoint.Patience", "retries", "How often a request that it could not take is sent again."),
    ("weft.services.endpoint.Patience", "retry_wait_s", "The pause before the first of these; it doubles."),
    ("weft.services.endpoint.Patience", "retry_wait_s_max", "A server that asks for a longer pause is not waited for."),
    ("weft.services.completion.OpenAICompletion", "unfit_tries", "How often a model is asked for an object that fits."),
    ("weft.services.embedding.OpenAIEmbedding", "batch_max", "How many texts go into one request."),
    ("weft.services.endpoint.Endpoint", "answer_bytes_max", "The longest answer of a model that is read."),
    ("weft.server.accounts.password.Cost", "n", "The cost of hashing a password: 128 · n · r bytes of memory."),
    ("weft.server.accounts.password.Cost", "r", "The size of its blocks."),
    ("weft.server.accounts.password.Cost", "p", "How often all of that is done."),
    ("weft.server.accounts.sessions.Terms", "session_s", "How long a session lasts, however much it is used."),
    ("weft.server.accounts.sessions.Terms", "idle_s", "How long a session lasts that nobody uses."),
    ("weft.server.accounts.sessions.Terms", "link_s", "How long a one-time link is good."),
    ("weft.drivers.file.FileDriver", "turn_s_max", "How long a file waits for another writer of its folder."),
    ("weft.drivers.http.HttpDriver", "connect_s", "How long a connection to one address may take."),
    ("weft.drivers.http.HttpDriver", "answer_s_max", "How long a request may take, redirects and answer and all."),
    ("weft.drivers.http.HttpDriver", "reply_bytes_max", "The longest body of an answer that is read."),
    ("weft.drivers.http.HttpDriver", "redirects_max", "How many redirects are followed."),
    ("weft.drivers.mail.MailDriver", "silence_s_max", "How long a mail server may stay silent."),
    ("weft.drivers.mail.MailDriver", "send_s_max", "How long the whole of handing a mail over may take."),
    ("weft.services.imap.Imap", "timeout_s", "How long a mail server may stay silent."),
    ("weft.services.imap.Imap", "answer_s_max", "How long a page of heads, or the mails asked for, may take in all."),
    ("weft.services.mail_files.MailFiles", "settle_s", "Mails in files that came more recently are left for later."),
    ("weft.services.ocr.RapidOcr", "side_px_max", "Longer pictures are made smaller before they are read."),
    ("weft.services.ocr.RapidOcr", "pixels_max", "Larger pictures are refused."),
    ("weft.services.ocr.RapidOcr", "threads", "Threads that read one picture."),
)
"""Defaults of parameters: the class or function, the parameter, and what it is for."""

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Values and records",
        ("weft.content", "weft.value", "weft.blob", "weft.ledger", "weft.shared_text", "weft.reduce"),
    ),
    (
        "The engine",
        ("weft.pump", "weft.placing", "weft.held", "weft.folding", "weft.home", "weft.rebuild", "weft.operation"),
    ),
    ("Clients, subscriptions, explanations", ("weft.client", "weft.subscription", "weft.why")),
    ("Secrets, forms, schedules", ("weft.secrets", "weft.form", "weft.cron")),
    ("Runners", ("weft.runners",)),
    ("Services", ("weft.services",)),
    ("Drivers", ("weft.drivers",)),
    ("The store", ("weft.stores",)),
    ("Copies", ("weft.copies",)),
)  # fmt: skip
"""Headings, and the modules below each; what fits none stands under the last one."""
HEAD = """# Defaults

Every limit, time and size that is built in, as the code has it (`python -m scripts.defaults` writes this page, and a
test compares). A name in capitals is a constant of that module; another one is a parameter, to be given where the
object is made.
"""


class Default(NamedTuple):
    """A number that is built in: where, what it is called, what it is, what for."""

    place: str
    name: str
    value: float
    text: str


class Unsaid(Exception):
    """A constant without a purpose in words."""


def defaults() -> Iterator[Default]:
    """Every one, by place and name."""
    found = [*_constants(), *_parameters()]
    return iter(sorted(found, key=lambda each: (each.place.casefold(), each.name)))


def defaults_page() -> str:
    """The page as it should be."""
    groups: dict[str, list[Default]] = {heading: [] for heading, _ in GROUPS}
    groups["Other"] = []
    for each in defaults():
        groups[_heading(each.place)].append(each)
    return "\n".join(
        [HEAD, *(line for heading, listed in groups.items() if listed for line in _table(heading, listed))]
    )


def _heading(place: str) -> str:
    fits = [
        (len(prefix), heading)
        for heading, prefixes in GROUPS
        for prefix in prefixes
        if place == prefix or place.startswith(prefix + ".")
    ]
    return max(fits)[1] if fits else "Other"


def _table(heading: str, listed: list[Default]) -> Iterator[str]:
    yield f"## {heading}\n"
    yield "| where | name | value | for |\n|---|---|---|---|"
    for place, name, value, text in listed:
        yield f"| `{place}` | `{name}` | {value_text(name, value)} | {text} |"
    yield ""


def _constants() -> Iterator[Default]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        place = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if not f"{place}.".startswith(LEFT_OUT):
            for name, said in _named(ast.parse(path.read_text(encoding="utf-8"))):
                yield from _constant(place, name, said)


def _constant(place: str, name: str, said: str) -> Iterator[Default]:
    full = f"{place}.{name}"
    if full in NOT_DEFAULTS:
        return
    value = getattr(importlib.import_module(place), name)
    if type(value) in (int, float):
        text = said or TEXTS.get(full, "")
        if not text:
            raise Unsaid(f"{full} = {value}: say what it is for in a docstring below it, or that it is no default")
        yield Default(place, name, value, text)


def _named(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Public constants of a module in capitals, each with its docstring in one line."""
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            if isinstance(target, ast.Name) and target.id.isupper() and not target.id.startswith("_"):
                yield target.id, _docstring(after)


def _docstring(after: ast.stmt | None) -> str:
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
        return " ".join(after.value.value.split())
    return ""


def _parameters() -> Iterator[Default]:
    for place, name, text in PARAMETERS:
        module, _, kind = place.rpartition(".")
        value = inspect.signature(getattr(importlib.import_module(module), kind)).parameters[name].default
        yield Default(place, name, value, text)


def value_text(name: str, value: float) -> str:
    """The value with its unit, by its name: bytes in the largest unit that divides them, seconds, or a plain number."""
    if "BYTES" in name.upper() and isinstance(value, int):
        shift, unit = next(
            (shift, unit) for shift, unit in ((20, "MiB"), (10, "KiB"), (0, "B")) if not value % (1 << shift)
        )
        return f"{value >> shift:,} {unit}"
    if "s" in name.casefold().split("_"):
        return f"{value:,.10g} s"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


if __name__ == "__main__":
    PAGE.write_text(defaults_page(), encoding="utf-8")
