"""A space that this program may only read, since the definition it brings is not to come into force.

It is a client that says nothing: older code would else tell what a newer definition does not mean, and older folds
would refuse what newer ones take.

Knows nothing of handles. Invariant: nothing is posted, kept or demanded, so the files stay as they are.
Source: read-only replicas; schema registries that turn an older writer away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Never

from weft.blob import Blob
from weft.client import Client, ClientAdds, ClientDefines
from weft.content import Plain
from weft.errors import WeftError
from weft.in_force import earlier_at, say_read_only
from weft.pins import DefinitionPinned, refuse_pinned
from weft.settlement import Place, Settlement, finish, is_settled, open_settlement
from weft.spec import TypeSpec
from weft.store import DEFINITION, Store


class ReadOnly(WeftError):
    """{path} is open for reading only. {why}"""

    exit_code = 4
    path: str
    why: str


class Reader(Client):
    """Another program's space, or nobody's, to be looked at."""

    def __init__(self, store: Store, *, now: Callable[[], str], why: str) -> None:
        super().__init__(store, {}, now=now, needs_engine=False)
        self.why = why
        say_read_only(store.path, why)

    def define(self, spec: TypeSpec, kind: type) -> None:
        """Refuse: `ReadOnly`."""
        self._refuse()

    def keep(self, blob: Blob) -> None:
        """Refuse: `ReadOnly`."""
        self._refuse()

    def watch(self, place: Place, *, stays: bool = False) -> None:
        """Refuse: `ReadOnly`."""
        self._refuse()

    def settlement(self, place: Place, since: int) -> Settlement:
        """Done at once where the place is settled; else it is refused, as nobody may be asked to settle it."""
        with self.view() as engine:
            if not is_settled(engine, place, since):
                self._refuse()
        future = open_settlement()
        finish(future)
        return future

    def all_settled(self, since: int) -> Settlement:
        """Refuse: `ReadOnly`."""
        self._refuse()

    def _post(self, message: dict[str, Plain]) -> int:
        self._refuse()

    def _refuse(self) -> Never:
        raise ReadOnly(path=str(self.store.path), why=self.why)


def client_or_reader(store: Store, specs: dict[str, TypeSpec], *, now: Callable[[], str], needs_engine: bool) -> Client:
    """A client; a reader where a definition of this program is older than the one in force, or that is pinned. Raises
    `ClientDefines` for any other that differs, and `ClientAdds`."""
    try:
        return Client(store, specs, now=now, needs_engine=needs_engine)
    except (ClientAdds, ClientDefines):
        why = _why_reader(store, specs.values(), now)
        if not why:
            raise
        return Reader(store, now=now, why=why)


def _why_reader(store: Store, specs: Iterable[TypeSpec], now: Callable[[], str]) -> str:
    with Client(store, {}, now=now).view() as engine:
        try:
            refuse_pinned(engine, specs)
        except DefinitionPinned as why:
            return str(why)
        for spec in specs:
            row, earlier = engine.row(DEFINITION, (spec.name,)), earlier_at(engine, spec)
            newest = row[0] if row is not None else None
            if earlier and isinstance(newest, int):
                return (
                    f"This program's definition of {spec.name} is that of position {earlier}, older than the one in "
                    f"force since {newest}. Open the space with the newer code, or without types= to look at it."
                )
    return ""
