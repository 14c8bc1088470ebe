"""What callers bring: random texts that say of which kind they are, and what is kept of them.

A session's CSRF token is made from the session's own text, so that it fits that one alone and need not be kept.

Knows nothing of whose they are. Invariant: what is kept of one does not let anybody in.
Source: prefixes as GitHub's tokens have, which scanners for secrets find; the HMAC pattern against forged requests.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Literal, TypeAlias

from weft.secrets.store import Hidden

Kind: TypeAlias = Literal["session", "token", "link"]
PREFIXES: dict[Kind, str] = {"session": "weft_s_", "token": "weft_t_", "link": "weft_l_"}
_RANDOM_BYTES = 32
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


def csrf_of(session: str) -> Hidden:
    """What a page of this session sends along, and no other site can know."""
    return Hidden(hmac.digest(session.encode(errors="backslashreplace"), b"weft csrf", "sha256").hex())


def is_csrf(session: str, given: str) -> bool:
    """Whether this is the session's CSRF token."""
    return hmac.compare_digest(csrf_of(session).reveal().encode(), given.encode(errors="backslashreplace"))
