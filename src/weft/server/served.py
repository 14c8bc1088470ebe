"""The spaces that a server serves, by name.

Knows nothing of callers or methods. Invariant: a name leads to one space for as long as the server runs, also where
several would give it at one time.
Source: the tenants of a database server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from weft.errors import WeftError
from weft.past.index import LogIndex
from weft.questions import KeepsSecrets
from weft.server.accounts import Accounts
from weft.server.uploads import Uploads
from weft.space import Space
from weft.spelling import nearest


class UnknownSpace(WeftError, KeyError):
    """No space {name!r} is served here: {nearest}"""

    name: str
    nearest: str


class NoAccounts(WeftError):
    """This server keeps no accounts: whoever started it knows its callers in another way. Ask them."""


class NameTaken(WeftError):
    """A space called {name} is served here already, or being made. Give another name."""

    name: str


class OpensNone(WeftError):
    """This server serves the spaces that it was given, and opens no others. Make one with `weft fork`, and have it
    served."""


Opens: TypeAlias = Callable[[str], Space]
"""Opens the space at a path as the others were opened, and holds it until the server stops."""


class Served:
    """Open spaces. `secrets`: where answers put what is kept outside; `accounts`: whose users callers are; `opens`:
    how more of them come to be served."""

    def __init__(
        self,
        spaces: Mapping[str, Space],
        *,
        secrets: KeepsSecrets | None = None,
        accounts: Accounts | None = None,
        opens: Opens | None = None,
    ) -> None:
        self._spaces: Mapping[str, Space] = dict(spaces)
        self._indexes = {name: LogIndex() for name in spaces}
        self.secrets, self.uploads = secrets, Uploads()
        self._accounts, self._opens = accounts, opens
        self._names, self._naming = {*spaces}, threading.Lock()
        self.bases: dict[frozenset[str], int] = {}
        """Up to where the logs of two spaces are the same, by their names, where both went on from there."""
        self.on_add: list[Callable[[str, Space], None]] = []
        """Told of each space that comes to be served, on the thread that has it served."""

    @property
    def accounts(self) -> Accounts:
        """Those of this server. Raises `NoAccounts`."""
        if self._accounts is None:
            raise NoAccounts
        return self._accounts

    @contextmanager
    def adding(self, name: str) -> Iterator[Opens]:
        """Keep a name for a space that is being made, and then serve it, by what this gives. The name is free again
        where that does not come to pass. Raises `NameTaken`, `OpensNone`, and what opening it does."""
        if self._opens is None:
            raise OpensNone
        with self._naming:
            if name in self._names:
                raise NameTaken(name=name)
            self._names.add(name)
        opens = self._opens

        def add(path: str) -> Space:
            space = opens(path)
            with self._naming:  # who goes through them at this moment goes on with those that there were
                self._indexes[name] = LogIndex()
                self._spaces = {**self._spaces, name: space}
            for told in self.on_add:
                told(name, space)
            return space

        try:
            yield add
        finally:
            with self._naming:
                if name not in self._spaces:
                    self._names.discard(name)

    def __iter__(self) -> Iterator[tuple[str, Space]]:
        """Each, with its name."""
        return iter(self._spaces.items())

    def space(self, name: str) -> Space:
        """The one of this name. Raises `UnknownSpace`."""
        if name not in self._spaces:
            raise UnknownSpace(name=name, nearest=nearest(name, self._spaces))
        return self._spaces[name]

    def index(self, name: str) -> LogIndex:
        """What is remembered of a space's log, for looks into the past; used within a view. Raises `UnknownSpace`."""
        self.space(name)
        return self._indexes[name]
