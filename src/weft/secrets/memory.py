"""Secrets in memory, for tests: they end with the process.

Knows nothing of files. Invariant: as of every store of secrets.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

from weft.flow import Secret
from weft.secrets.store import Generations, Hidden, Listed, SecretStore


class MemorySecrets(SecretStore):
    """A store that nobody else sees."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, Generations] = {}
        self._values: dict[Secret, Hidden] = {}

    def _locked(self) -> AbstractContextManager[object]:
        return self._lock

    def _listed(self) -> Listed:
        return dict(self._names)

    def _value(self, secret: Secret) -> Hidden | None:
        return self._values.get(secret)

    def _keep(self, secret: Secret, value: Hidden, generations: Generations) -> None:
        self._values[secret] = value
        self._names[secret.name] = generations

    def _forget(self, name: str, gone: tuple[int, ...], generations: Generations) -> None:
        self._names[name] = generations
        for each in gone:
            self._values.pop(Secret(name, each), None)

    def __repr__(self) -> str:
        return f"<secrets in memory: {len(self._values)}>"
