"""A space as people and programs hold it: open it, edit it, wait for what follows from the edits.

The first program to open a file is its engine; every other is a client, which reads, edits through the inbox and waits.
Both look the same from here. `with` runs the engine on a thread of its own, `async with` on the running loop; without
either, the thread starts with the first use.

Knows nothing of how slots are scheduled or settled. Invariant: a blocking call never runs on the loop that it waits
for. Source: database connections, whose one surface hides who does the work.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, ParamSpec, Self, TypeVar

from weft.attempt import Attempts
from weft.client import Client
from weft.content import Cid, Plain, encode
from weft.definition import compile_type, compiled_types, service_name, type_name, unique_types
from weft.demanded import Watch
from weft.desk import SpaceDesk
from weft.edit import Edit
from weft.engine import Engine, EventReused
from weft.entity import Entity, entity_at, told_to
from weft.erased import erased_entity
from weft.errors import WeftError
from weft.expected import check_flow, check_texts, check_type, check_types, no_place
from weft.flow import Flow
from weft.folding import event_id, event_plain
from weft.glance import space_html
from weft.handle import Seat, Value
from weft.home import Home, InsideOperation
from weft.in_force import fingerprint_of, warn_of_services
from weft.meant import unknown_verb
from weft.pins import DefinitionPinned, Pin, pins
from weft.points import OnPoint, pass_by
from weft.reader import Reader, client_or_reader
from weft.record import EditTooLarge
from weft.run_list import ListedRun, ListedStep
from weft.run_verbs import RunVerbs
from weft.settlement import Place, Settlement, wait_for
from weft.spec import TypeSpec
from weft.spelling import nearest
from weft.store import ENTITY, KIND, SpaceLocked, Store, refuse_fork
from weft.subscription import Subscription
from weft.told import Ref
from weft.value import VALUE_BYTES_MAX

if TYPE_CHECKING:
    from weft.blob import Blob
    from weft.call import Runner
    from weft.declare import Node
    from weft.erasure import Forgotten
    from weft.past.index import LogIndex
    from weft.past.recorded import HistoryEntry
    from weft.past.view import PastSpace
    from weft.plan.plan import Plan
    from weft.pump import Pump
    from weft.runs.driven import Runs
    from weft.why.explanation import Explanation

P = ParamSpec("P")
Ent = TypeVar("Ent", bound=Entity)


class BlockingCall(WeftError, RuntimeError):
    """{call} would block the event loop that this space runs on. Use `{instead}`."""

    call: str
    instead: str


class EditOutside(WeftError, RuntimeError):
    """In an async space an edit is made inside `async with space.edit():`, which says when it is durable. {what} was
    edited outside of one."""

    what: str


class WaitsInEdit(WeftError, RuntimeError):
    """A value is waited for within an edit, which tells what it stages when it ends. Leave the edit first, and wait
    then."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@contextlib.contextmanager
def _named(edit: Edit) -> Iterator[None]:
    """Call an edit by the name that its author gave it."""
    try:
        yield
    except EventReused as reused:
        if edit.once is None:
            raise
        raise EventReused(what=f"edit {edit.once!r} by {edit.actor!r}") from reused


def _engine_or(as_client: Callable[[], Client] | None, as_engine: Callable[[], Home], store: Store) -> Home | Client:
    """The engine; unless none but that is wanted a client, where another program is the engine, or where a definition
    is pinned."""
    try:
        return as_engine()
    except (SpaceLocked, DefinitionPinned):
        if as_client is None:
            raise
        store.release()
        return as_client()


class Space(RunVerbs):
    """One space, held open. Close it, or use it with `with`; a program that ends without closing loses nothing."""

    def __init__(
        self,
        store: Store,
        specs: dict[str, TypeSpec],
        *,
        services: Mapping[type, object],
        actor: str,
        engine: bool | None = None,
        recompute: bool | None = None,
        runners: Mapping[str, Runner] | None = None,
        now: Callable[[], str] = _now,
        new_id: Callable[[], str] = lambda: os.urandom(16).hex(),
        on_point: OnPoint = pass_by,
        make_attempts: Callable[..., Attempts] = Attempts,
        drive: Callable[[Space, Pump], Runs] | None = None,
    ) -> None:
        self.actor, self._now, self._new_id, self._point = actor, now, new_id, on_point
        self._store = store
        self._staged: ContextVar[Edit | None] = ContextVar("weft_edit", default=None)
        self._seen = 0
        """The position of this program's newest edit: what its waits are for."""
        self.read_at = 0
        """The newest position at which this program has read what was told: what its edits have seen."""
        self._pid = os.getpid()
        self._index: LogIndex | None = None
        self._declared: dict[type, TypeSpec] = {}
        self.desk = SpaceDesk(self)
        by_name = {service_name(protocol): service for protocol, service in services.items()}

        def as_client() -> Client:
            return client_or_reader(store, specs, now=now, needs_engine=engine is not False)

        def as_engine() -> Home:
            return Home(
                store, specs, services=by_name, recompute=recompute, runners=runners, now=now, on_point=on_point,
                make_attempts=make_attempts,
            )  # fmt: skip

        try:
            self._opened = (
                as_client() if engine is False else _engine_or(None if engine else as_client, as_engine, store)
            )
        except BaseException:
            store.close()
            raise
        self._seen = self._opened.position()
        if isinstance(self._opened, Home) and drive is not None:
            self._opened.make_runs = partial(drive, self)
        if isinstance(self._opened, Client) and not self.read_only:
            warn_of_services(self._opened, {name: fingerprint_of(each) for name, each in by_name.items()})

    @property
    def _host(self) -> Home | Client:
        """Who answers here. Raises `OpenedElsewhere` in a fork of the process that opened the space: nothing answers
        there, and its locks may be held by threads that are not."""
        refuse_fork(self.path, self._pid)
        return self._opened

    # ---- holding it ----
    def __enter__(self) -> Self:
        """The engine runs on a thread of its own."""
        try:
            self._host.start()
        except BaseException:
            self.close()  # nobody else will: a `with` that was not entered is not left
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        """The engine runs on the running loop."""
        try:
            await self._host.start_here()
        except BaseException:
            await self._host.close_here()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._host.close_here()

    def close(self) -> None:
        """Let go of the space; calls under way are cancelled, and made again when it is next opened. Harmless twice,
        and in a fork of the process that opened it, whose it stays."""
        if os.getpid() == self._pid:
            self._opened.close()

    @property
    def path(self) -> str | None:
        """Where it is; None in memory."""
        return self._store.path

    @property
    def is_engine(self) -> bool:
        """Whether this program computes the space; else another does, and this one is its client."""
        return isinstance(self._opened, Home)

    @property
    def read_only(self) -> str:
        """Why this program may only read the space: its definitions are older than those in force, or differ from
        pinned ones. Empty where it may edit."""
        return self._opened.why if isinstance(self._opened, Reader) else ""

    if not TYPE_CHECKING:  # Checkers know every verb; at run time the refusal names the one that was meant.

        def __getattr__(self, name):
            raise unknown_verb("a space", type(self), name)

    def __repr__(self) -> str:
        how = "" if self.is_engine else ", read-only" if self.read_only else ", as a client"
        return f"<Space {self.path or 'in memory'}{how}>"

    def view(self) -> AbstractContextManager[Engine]:
        """What the space holds, between two turns of its engine: for tools that look at spaces without their types.
        Look quickly, and keep nothing: while it is open the space stands still."""
        return self._host.view()

    def _repr_html_(self) -> str:
        with self._host.view() as engine:
            return space_html(engine, repr(self))

    # ---- editing ----
    def edit(self, *, by: str | None = None, once: str | None = None, cause: int = 0, base: int | None = None) -> Edit:
        """One atomic batch: all of it is told, or nothing. `by`: the actor. `once`: the batch's own name, under which
        it is told once however often it is said. `cause`: the position of the record that it answers.
        `base`: the newest position that its author had seen, where that is not what this program has seen: of a server
        that edits for many."""
        check_texts("space.edit", by=by, once=once)
        actor = by or self.actor
        id = event_id(actor, once if once is not None else self._new_id())
        return Edit(self, id=id, actor=actor, once=once, cause=cause, base=base)

    def create(self, kind: Callable[P, Ent], /, *args: P.args, **inputs: P.kwargs) -> Ent:
        """A new entity, told what its class asks for. Raises TypeError for what is missing, mistyped or mistaken."""
        if isinstance(kind, type) or not callable(kind):
            check_type("space.create", kind)
        draft = kind(*args, **inputs)
        spec = self._define(type(draft))
        with self._editing(type(draft).__name__) as edit:
            id = edit.create(spec, *told_to(draft))
        return entity_at(type(draft), Seat(self.desk, id))

    def get(self, kind: type[Ent], id: str, /) -> Ent:
        """The entity of this type and id. Raises KeyError, naming the nearest."""
        check_type("space.get", kind)
        staged = self._staged.get()
        if staged is not None and id in staged.created:
            return entity_at(kind, Seat(self.desk, id))
        with self._host.view() as engine:
            row = engine.row(ENTITY, (id,))
            if (erased := erased_entity(engine, id)) is not None:
                raise erased
            if row is None or row[0] != type_name(kind):
                known = [str(key[2]) for key, _ in engine.rows(KIND, (type_name(kind),))]
                raise KeyError(f"there is no {kind.__name__} {id}: {nearest(id, known)}")
        return entity_at(kind, Seat(self.desk, id))

    def find(self, kind: type[Ent], /) -> Sequence[Ent]:
        """All entities of a type, in order of creation."""
        check_type("space.find", kind)
        with self._host.view() as engine:
            ids = [str(key[2]) for key, _ in sorted(engine.rows(KIND, (type_name(kind),)))]
        staged = self._staged.get()
        ids += [id for id, spec in staged.created.items() if spec.name == type_name(kind)] if staged is not None else []
        return [entity_at(kind, Seat(self.desk, id)) for id in ids]

    def retry(self, value: Value[Any] | Ref[Any] | ListedRun, /, *, before: ListedStep | str | None = None) -> None:
        """Try what failed again: an event like any other. A run that `runs()` lists, or the newest one of a flow, goes
        on with the code that the space's engine has, before whatever failed in it; or, whether it failed or goes on,
        `before` one of its steps, as `steps()` has them, or its key. What it was told before that stands."""
        if isinstance(value, Entity):
            check_flow("space.retry", value)
        if isinstance(value, ListedRun) or (isinstance(value, Value) and isinstance(value.node, Flow)):
            self._retry_run(value, before)
            return
        entity, node, element = self._place("space.retry", value)
        if before is not None:
            raise TypeError(f"before={before!r}: a node has no steps, but a flow has")
        with self._editing(node) as edit:
            edit.retry(entity, node, element)

    def define(self, *kinds: type[Entity]) -> None:
        """Put definitions in force, as `open(types=…)` does: for a notebook, where a class is made anew."""
        specs = compiled_types(check_types("space.define", kinds))
        for name, kind in unique_types(kinds).items():
            self._put(specs[name], kind)

    def know(self, kinds: Sequence[type[Entity]]) -> None:
        """Take these classes for what entities of their types are here."""
        self._host.kinds |= unique_types(kinds)

    def kind_named(self, name: str) -> type[Entity] | None:
        """The class that this program knows a type by; None where it was opened without."""
        return self._host.kinds.get(name)

    def pin(self, *kinds: type[Entity], why: str = "", by: str | None = None) -> None:
        """Keep the definitions of these types that are in force: a program that brings other ones opens the space for
        reading only. Only its engine can: else `PinnedByEngine`. Of one that is pinned the first word holds."""
        self._pin("space.pin", kinds, why, by)

    def unpin(self, *kinds: type[Entity], why: str = "", by: str | None = None) -> None:
        """Let go of what `pin` pinned: whoever computes the space next may bring another definition."""
        self._pin("space.unpin", kinds, why, by)

    def _pin(self, call: str, kinds: tuple[type[Entity], ...], why: str, by: str | None) -> None:
        check_texts(call, by=by, why=why)
        for kind in check_types(call, kinds):
            self._host.pin(type_name(kind), is_pinned=call == "space.pin", actor=by or self.actor, why=why)

    def pins(self) -> dict[str, Pin]:
        """The types that are pinned, by name: since when, by whom, and why."""
        with self._host.view() as engine:
            return pins(engine)

    def _define(self, kind: type[Entity]) -> TypeSpec:
        name = type_name(kind)
        if name not in self._host.types or self._host.kinds.get(name, kind) is not kind:
            self._put(compiled_types([kind])[name], kind)
        self._host.kinds[name] = kind
        return self._host.types[name]

    def declared(self, kind: type) -> TypeSpec:
        """What a class declares, whether or not the space was opened with it."""
        if kind not in self._declared:
            self._declared[kind] = compile_type(kind)
        return self._declared[kind]

    def _put(self, spec: TypeSpec, kind: type) -> None:
        self._host.define(spec, kind)
        self._saw(self._host.position())  # what is waited for from here on follows the definition

    @contextlib.contextmanager
    def _editing(self, what: str) -> Iterator[Edit]:
        """The open edit, or one of its own that is told at the end."""
        staged = self._staged.get()
        if staged is not None:
            yield staged
            return
        if self._host.is_async:
            raise EditOutside(what=what)
        edit = self.edit()
        yield edit
        self._tell(edit)

    def _event(self, edit: Edit) -> dict[str, Plain]:
        depth = self._host.depth_after(edit.cause) if edit.cause else 0
        base = self.seen if edit.base is None else edit.base
        event = event_plain(
            edit.id, edit.intents, actor=edit.actor, base=base, time=self._now(), cause=edit.cause, depth=depth
        )
        size_bytes = len(encode(event))
        if size_bytes > VALUE_BYTES_MAX:
            raise EditTooLarge(size_bytes=size_bytes, size_bytes_max=VALUE_BYTES_MAX)
        return event

    def _keep_blobs(self, edit: Edit) -> None:
        """Content first: an event never names a blob that is not there."""
        for blob in edit.blobs:
            self._host.keep(blob)
        if edit.blobs:
            self._point("content kept")

    def _tell(self, edit: Edit) -> None:
        if edit.intents:
            self._keep_blobs(edit)
            with _named(edit):
                edit.position = self._host.tell(self._event(edit))
                self._saw(edit.position)

    async def _tell_async(self, edit: Edit) -> None:
        if edit.intents:
            self._keep_blobs(edit)
            with _named(edit):
                edit.position = await self._host.tell_async(self._event(edit))
                self._saw(edit.position)

    def keep(self, blob: Blob) -> None:
        """Keep a blob's content, durably, before anything names it: for programs that are given content first, and told
        later what it is for."""
        self._host.keep(blob)

    def open_blob(self, id: Cid) -> BinaryIO:
        """The content that this id names, seekable. Raises `NoBlob`."""
        return self._store.open_blob(id)

    def kept(self, id: Cid) -> Blob | None:
        """A blob by its content id, as content of no known type; None where it is not here."""
        from weft.blob import UNKNOWN_MEDIA_TYPE, Blob

        if not self._store.has_blob(id):
            return None
        with self.open_blob(id) as content:
            size_bytes = content.seek(0, os.SEEK_END)
        return Blob(id, UNKNOWN_MEDIA_TYPE, size_bytes, self.open_blob)

    def settlement(self, place: Place) -> Settlement:
        """Done when a place is settled as of all that this program told, or read. Raises `WaitsInEdit`."""
        if (staged := self._staged.get()) is not None and staged.intents:
            raise WaitsInEdit()
        return self._host.settlement(place, self.seen)

    @property
    def seen(self) -> int:
        """The newest position that this program has told or read: what it waits for is settled no earlier."""
        return max(self._seen, self.read_at)

    def _saw(self, position: int) -> None:
        """Edits told at once are acknowledged in any order, so what was seen is asked after the wait."""
        self._seen = max(self._seen, position)

    def _check_blocking(self, call: str, instead: str) -> None:
        if self._host.runs_here:
            raise InsideOperation(call=call)
        if self._host.is_async:
            raise BlockingCall(call=call, instead=instead)

    # ---- forgetting ----
    def forget(self, what: Entity | Blob | str, /, *, why: str = "", by: str | None = None,
               even_if_used: bool = False, derived: bool = False) -> Forgotten:  # fmt: skip
        """Take an entity, or a blob, out of the space for good: its bytes go, from the log too, and a record stays that
        says that they did, by whom and `why`. An entity takes the blobs along that nothing else names.

        `even_if_used`: a blob that something still names, which is else refused. `derived`: what other entities made
        out of it goes too. It blocks for as long as a rebuild takes. Raises `UnknownEntity`, `EntityErased`, `NoBlob`,
        `BlobInUse`, `BlobIsValue`; `NotItsEngine` and `NoEngineHere` where this program is a client."""
        from weft.erasure import forget

        done = forget(self, what, why=why, by=by, even_if_used=even_if_used, derived=derived)
        self._index = None
        return done

    # ---- following ----
    def watch(self, *values: Value[Any] | Ref[Any]) -> Watch:
        """Demand nodes until what is returned is closed, its `with` is left, or the space is closed: they are kept
        current without anybody waiting."""
        with Watch() as watch:
            for value in values:
                place = self._place("space.watch", value)
                self._host.watch(place)
                watch.callback(self._host.let_go, place)
            return watch.pop_all()

    def demand(self, place: Place) -> None:
        """Have a node, or an element of it, computed from now on, for as long as its engine runs."""
        self._host.watch(place, stays=True)

    def wait_settled(self, *, timeout_s: float | None = None) -> int:
        """Block until everything demanded is settled at or after your last edit; returns how far it is settled."""
        self._check_blocking("wait_settled()", "await space.settled()")
        all_settled = self._host.all_settled(self.seen)
        wait_for(all_settled, timeout_s, "everything demanded", "the space", lambda: "not settled")
        return self.settled_mark()

    async def settled(self) -> int:
        """`wait_settled`, for a coroutine."""
        import asyncio

        await asyncio.wrap_future(self._host.all_settled(self.seen))
        return self.settled_mark()

    def settled_mark(self) -> int:
        """The position up to which everything demanded is settled, now."""
        with self._host.view() as engine:
            return engine.settled_mark()

    @property
    def position(self) -> int:
        """The newest record's position."""
        with self._host.view() as engine:
            return engine.position

    def subscribe(self, after: int = 0) -> Subscription:
        """Every activity behind position `after`, each once and in order, then those to come. Iterate it with `for`, or
        `async for`; close it, or leave its `with`, to stop."""
        return Subscription(self._store, self._host, after=after)

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each operation was executed and reused since this program opened the space."""
        found: dict[str, dict[str, int]] = {}
        for (operation, how), count in sorted(self._host.counts().items()):
            kind = {"ran": "executed", "built in": "executed"}.get(how, "reused")
            if how != "passed on":
                found.setdefault(operation, {"executed": 0, "reused": 0})[kind] += count
        return found

    def why(self, value: Value[Any] | Ref[Any], /) -> Explanation:
        """Why a value is what it is: down to operations and versions, services and settings, people and positions.
        What it returns is text; its `json()`, `mermaid()` and `plain()` tell the same in other forms."""
        from weft.why.explanation import explain

        place = self._place("space.why", value)
        with self._host.view() as engine:
            return explain(engine, *place)

    def plan(self, *values: Value[Any] | Ref[Any]) -> Plan:
        """What would be computed if these were asked for now; without any, everything that is not current. A dry run:
        nothing is called, recorded or demanded."""
        from weft.plan.plan import plan_of

        places = [self._place("space.plan", value) for value in values]
        offered = self._host.services if isinstance(self._host, Home) else None
        with self._host.view() as engine:
            return plan_of(engine, places, offered=offered)

    def at(self, position: int, /, *, as_shown: bool = False) -> PastSpace:
        """The space as it was at a position of its log, to be read. What was computed is given as it was right then,
        also where it was computed later; where nobody computed it from what had been told by then, reading it raises
        `ValueUnknown`, which says what was shown instead. `as_shown`: as it was shown, though it may have been due.
        Raises `NoSuchPosition`."""
        from weft.past.view import PastSpace

        return PastSpace(self._host.view, position, as_shown, index=self._log_index(), open_blob=self._store.open_blob)

    def history(self, of: Value[Any] | Ref[Any] | Entity, node: Node[Any] | None = None, /) -> Sequence[HistoryEntry]:
        """All that a node, or one element of it, ever was, oldest first: values, by whom or by what operation, and what
        never came to be shown, with the reason. What was told is named by its entity and by the class, as in
        `space.history(post, Post.title)`. O(entries · log n), and O(log) the first time."""
        from weft.past.recorded import history_of, told_place

        place = self._place("space.history", of) if isinstance(of, Value | Ref) else told_place(of, node)
        with self._host.view() as engine:
            return history_of(engine, place, self._log_index(), open_blob=self._store.open_blob)

    def _log_index(self) -> LogIndex:
        if self._index is None:
            from weft.past.index import LogIndex

            self._index = LogIndex()
        return self._index

    def _place(self, call: str, value: Value[Any] | Ref[Any]) -> Place:
        if isinstance(value, Value):
            return self.desk.place(value.entity_id, value.node, value.key)
        if not isinstance(value, Ref):
            raise no_place(call, value)
        return value.target.entity, value.target.node, value.target.element
