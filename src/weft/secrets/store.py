"""What a store of secrets does, wherever it keeps them: put, get, drop, list.

Knows nothing of where values are kept: a place says how it is locked, read and changed.
Invariant: a value leaves by `get` alone; nothing else here shows, says or raises one.
Source: versions of secrets as in Vault's key-value store; references in place of values as in systemd's credentials.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from hmac import compare_digest
from typing import NamedTuple, NoReturn

from weft.errors import WeftError
from weft.flow import Secret
from weft.spelling import nearest

SECRET_BYTES_MAX = 64 << 10
"""How long the value of a secret may be, as UTF-8."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")


class NoSecret(WeftError):
    """There is no secret {name!r} of generation {generation}: {hint}. Set it with `weft secret set {name}`, or put it
    into the store that this program was given, and use the reference that comes back."""

    name: str
    generation: int
    hint: str


class NothingToDrop(NoSecret):
    """There is no secret {name!r}{which} that could be dropped: {hint}"""

    which: str


class BadSecret(WeftError):
    """This cannot be kept as a secret, as {why}."""

    why: str


class Hidden:
    """A value on its way: it is shown by nothing but `reveal`, also where a traceback lists what variables hold."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value."""
        return self._value

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a hidden value is not pickled or copied; give its reference")


class Generations(NamedTuple):
    """Of one secret: the newest generation there ever was, and those that are kept."""

    newest: int
    kept: tuple[int, ...]


Listed = Mapping[str, Generations]
NOTHING = Generations(0, ())


class SecretStore(ABC):
    """Where the values of secrets are. Each verb is whole: two processes may use it at once, and one may die in it."""

    def put(self, name: str, value: str) -> Secret:
        """Keep a value, as a new generation unless it is that of the newest. Raises `BadSecret`."""
        hidden, value = Hidden(value), ""
        _check(name, hidden)
        with self._locked():
            found = self._listed().get(name, NOTHING)
            newest = Secret(name, found.newest)
            last = self._value(newest) if found.newest in found.kept else None
            if last is not None and compare_digest(last.reveal().encode(), hidden.reveal().encode()):
                return newest
            secret = Secret(name, found.newest + 1)
            self._keep(secret, hidden, Generations(secret.generation, (*found.kept, secret.generation)))
        return secret

    def get(self, secret: Secret) -> str:
        """The value behind a reference. Raises `NoSecret`."""
        if (hidden := self._value(secret)) is None:
            raise NoSecret(name=secret.name, generation=secret.generation, hint=self._hint(secret))
        return hidden.reveal()

    def drop(self, name: str, generation: int | None = None) -> tuple[int, ...]:
        """Forget the value of one generation, or of all; which they were. Raises `NothingToDrop`."""
        with self._locked():
            found = self._listed().get(name, NOTHING)
            gone = tuple(each for each in found.kept if generation in (None, each))
            if gone:
                # The newest number stays: no later value may have the reference of one that is gone.
                self._forget(name, gone, Generations(found.newest, tuple(e for e in found.kept if e not in gone)))
        if not gone:
            number, which = (0, "") if generation is None else (generation, f" of generation {generation}")
            hint = self._hint(Secret(name, number))
            raise NothingToDrop(name=name, generation=number, which=which, hint=hint)
        return gone

    def list(self) -> dict[str, tuple[int, ...]]:
        """Which secrets there are, by name, and their generations in order; no values."""
        return {name: found.kept for name, found in sorted(self._listed().items()) if found.kept}

    def _hint(self, secret: Secret) -> str:
        known = self.list()
        if kept := known.get(secret.name):
            return f"kept are its generations {', '.join(map(str, kept))}"
        return nearest(secret.name, known)

    @abstractmethod
    def _locked(self) -> AbstractContextManager[object]:
        """Keep everybody else from changing anything meanwhile."""

    @abstractmethod
    def _listed(self) -> Listed:
        """Every name that there ever was."""

    @abstractmethod
    def _value(self, secret: Secret) -> Hidden | None:
        """The value of one generation, if it is kept."""

    @abstractmethod
    def _keep(self, secret: Secret, value: Hidden, generations: Generations) -> None:
        """Keep a value, and what is listed for its name then: both or neither."""

    @abstractmethod
    def _forget(self, name: str, gone: tuple[int, ...], generations: Generations) -> None:
        """Forget values, and list what is left: both, or neither."""

    @abstractmethod
    def __repr__(self) -> str: ...


def _check(name: str, value: Hidden) -> None:
    if not _NAME.fullmatch(name):
        # It is not repeated: who mixes the two up gives the value as the name.
        why = "its name has 1 to 100 of the characters A-Z a-z 0-9 . _ / - and begins with a letter or digit"
        raise BadSecret(why=why)
    try:
        size_bytes = len(value.reveal().encode())
    except UnicodeEncodeError:
        size_bytes = -1
    if size_bytes < 0:
        raise BadSecret(why=f"the value of {name} is not Unicode")
    if not 0 < size_bytes <= SECRET_BYTES_MAX:
        raise BadSecret(why=f"the value of {name} has {size_bytes} bytes, not 1 to {SECRET_BYTES_MAX}")
