"""The spaces that a server serves, by name.

Knows nothing of callers or methods. Invariant: a name leads to one space for as long as the server runs.
Source: the tenants of a database server.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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


class Served:
    """Open spaces. `secrets`: where answers put what is kept outside; `accounts`: whose users callers are."""

    def __init__(
        self, spaces: Mapping[str, Space], *, secrets: KeepsSecrets | None = None, accounts: Accounts | None = None
    ) -> None:
        self._spaces = dict(spaces)
        self._indexes = {name: LogIndex() for name in spaces}
        self.secrets, self.uploads = secrets, Uploads()
        self._accounts = accounts

    @property
    def accounts(self) -> Accounts:
        """Those of this server. Raises `NoAccounts`."""
        if self._accounts is None:
            raise NoAccounts
        return self._accounts

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
