"""Secrets in the system's keyring, by the package `keyring`.

A keyring has no list, and its entries are small and apart from each other. So each value is an entry, and which there
are is another: a value is written before it is listed, and taken off the list before it goes.

Knows nothing of which keyring it is.
Invariant: what is listed is there; a value that a crash left unlisted is written over by the next of its name.
Source: the package keyring, for macOS's Keychain, Windows' Credential Locker and the Secret Service.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from weft.errors import WeftError
from weft.flow import Secret
from weft.secrets.file import FileSecrets, default_path
from weft.secrets.store import Generations, Hidden, Listed, SecretStore

LIST = "weft: list of secrets"


class NoKeyring(WeftError):
    """The system's keyring cannot be used: {why}. Unlock or install one, or keep secrets in a file, as is done where no
    keyring is asked for."""

    why: str


class Keyring(Protocol):
    """What is needed of a keyring; backends of the package `keyring` are such."""

    def get_password(self, service: str, username: str, /) -> str | None: ...
    def set_password(self, service: str, username: str, password: str, /) -> None: ...
    def delete_password(self, service: str, username: str, /) -> None: ...


class KeyringSecrets(SecretStore):
    """Secrets in a keyring, by default the one that the system has; `service` is what entries are filed under. Writers
    take turns by a lock file. Raises `NoKeyring`."""

    def __init__(
        self, backend: Keyring | None = None, *, service: str = "weft", lock: str | Path | None = None
    ) -> None:
        """`lock`: beside which file writers lock each other out; by default beside the default file."""
        self._backend = _system_keyring() if backend is None else backend
        self._service = service
        self._beside = FileSecrets(lock or default_path())

    def _locked(self) -> AbstractContextManager[object]:
        return self._beside._locked()

    def _listed(self) -> Listed:
        said = self._ask("get_password", LIST)
        try:
            listed = {} if said is None else json.loads(said.reveal())
            return {name: Generations(int(newest), tuple(map(int, kept))) for name, (newest, kept) in listed.items()}
        except (ValueError, TypeError, AttributeError):
            pass
        raise NoKeyring(
            why=f"its entry {LIST!r} of {self._service!r} was changed by another program; delete that entry"
        )

    def _value(self, secret: Secret) -> Hidden | None:
        return self._ask("get_password", _entry(secret))

    def _keep(self, secret: Secret, value: Hidden, generations: Generations) -> None:
        self._ask("set_password", _entry(secret), value)
        self._list(secret.name, generations)

    def _forget(self, name: str, gone: tuple[int, ...], generations: Generations) -> None:
        self._list(name, generations)
        for each in gone:
            self._ask("delete_password", _entry(Secret(name, each)))

    def _list(self, name: str, generations: Generations) -> None:
        self._ask("set_password", LIST, Hidden(json.dumps({**self._listed(), name: generations})))

    def _ask(self, verb: str, entry: str, *value: Hidden) -> Hidden | None:
        """What the keyring says. Its own errors are not passed on: their frames and texts may hold the value."""
        try:
            found = getattr(self._backend, verb)(self._service, entry, *(each.reveal() for each in value))
            return None if found is None else Hidden(found)
        except Exception as why:  # noqa: BLE001 - keyrings raise what they like
            failed = type(why).__name__
        raise NoKeyring(why=f"it failed with {failed}")

    def __repr__(self) -> str:
        return f"<secrets in the keyring {type(self._backend).__name__}, under {self._service}>"


def _entry(secret: Secret) -> str:
    return f"{secret.name} {secret.generation}"


def _system_keyring() -> Any:
    try:
        import keyring
    except ImportError:
        raise NoKeyring(why="the package keyring is not installed: pip install 'weft[keyring]'") from None
    found = keyring.get_keyring()
    if found.priority <= 0:
        raise NoKeyring(why="this system has none that is safe and unlocked")
    return found
