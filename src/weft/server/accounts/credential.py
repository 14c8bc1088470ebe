"""What callers bring: random texts that say of which kind they are, and what is kept of them.

Knows nothing of whose they are. Invariant: what is kept of one does not let anybody in.
Source: prefixes as GitHub's tokens have, which scanners for secrets find.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Literal, TypeAlias

from weft.secrets.store import Hidden

Kind: TypeAlias = Literal["session", "token", "link"]
PREFIXES: dict[Kind, str] = {"session": "weft_s_", "token": "weft_t_", "link": "weft_l_"}
_RANDOM_BYTES = 32
ID_CHARS = 16
"""How much of what is kept of a session is its id."""
CREDENTIAL_CHARS_MAX = 200
"""Nothing longer is looked up."""


def new(kind: Kind) -> Hidden:
    """One that nobody has."""
    return Hidden(PREFIXES[kind] + secrets.token_urlsafe(_RANDOM_BYTES))


def kind_of(credential: str) -> Kind | None:
    """Of which kind it says that it is; None for nothing that could be known."""
    if len(credential) > CREDENTIAL_CHARS_MAX or not credential.isascii():
        return None
    return next((kind for kind, prefix in PREFIXES.items() if credential.startswith(prefix)), None)


def digest(credential: str) -> bytes:
    """What is kept of it: it is found by this. Random as it is, it needs neither salt nor cost."""
    return hashlib.sha256(credential.encode(errors="backslashreplace")).digest()


def id_of(kept: bytes) -> str:
    """The id of a session by what is kept of it: it names the session, and lets nobody in."""
    return kept.hex()[:ID_CHARS]
