"""Passwords, as they are kept: hashed with a salt of their own, at a cost that is kept with them.

Knows nothing of users. Invariant: a password is compared in constant time, and is in nothing that is kept or raised.
Source: scrypt (Percival 2009), at the cost that OWASP's sheet on storing passwords gives for 32 MiB; NIST SP 800-63B on
what a password may be.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from dataclasses import dataclass
from hmac import compare_digest

from weft.errors import WeftError
from weft.secrets.store import Hidden

PASSWORD_CHARS_MIN = 8
"""How long a password must be, in characters."""
PASSWORD_BYTES_MAX = 1024
"""How long a password may be, as UTF-8."""
_SALT_BYTES = 16
_KEY_BYTES = 32
_MEMORY_BYTES_MAX = 256 << 20
"""What one hash may take: a file that asks for more is damaged."""


class BadPassword(WeftError):
    """This cannot be a password, as {why}. Take another, such as four words."""

    why: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash takes: 128 · n · r bytes, and p times as long."""

    n: int = 1 << 15
    r: int = 8
    p: int = 3


def check(password: Hidden) -> None:
    """Raises `BadPassword`."""
    try:
        given = _bytes_of(password)
    except UnicodeEncodeError:
        given = None  # raised below, where no other error that holds it is its context
    if given is None:
        raise BadPassword(why="it is not Unicode")
    if len(password.reveal()) < PASSWORD_CHARS_MIN:
        raise BadPassword(why=f"it has fewer than {PASSWORD_CHARS_MIN} characters")
    if len(given) > PASSWORD_BYTES_MAX:
        raise BadPassword(why=f"it has more than {PASSWORD_BYTES_MAX} bytes")


def hashed(password: Hidden, cost: Cost) -> str:
    """A text that `is_right` tells the password by."""
    salt = os.urandom(_SALT_BYTES)
    return f"scrypt {cost.n} {cost.r} {cost.p} {salt.hex()} {_key(password, salt, cost).hex()}"


def nobodys(cost: Cost) -> str:
    """A text that no password fits, and that takes as long to find that out."""
    return f"scrypt {cost.n} {cost.r} {cost.p} {os.urandom(_SALT_BYTES).hex()} {os.urandom(_KEY_BYTES).hex()}"


def is_right(password: Hidden, kept: str) -> bool:
    """Whether it is the one that was hashed; it is not where `kept` is no such text."""
    try:
        kind, n, r, p, salt, key = kept.split(" ")
        wanted = bytes.fromhex(key)
        found = _key(password, bytes.fromhex(salt), Cost(int(n), int(r), int(p)))
    except ValueError:
        return False
    return kind == "scrypt" and compare_digest(found, wanted)


def _key(password: Hidden, salt: bytes, cost: Cost) -> bytes:
    try:
        given = _bytes_of(password)[: PASSWORD_BYTES_MAX + 1]
    except UnicodeEncodeError:
        given = b""  # nobody has this one: `check` lets none be set that is shorter than some characters
    return hashlib.scrypt(given, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=_MEMORY_BYTES_MAX, dklen=_KEY_BYTES)


def _bytes_of(password: Hidden) -> bytes:
    # Keyboards write one letter in several ways.
    return unicodedata.normalize("NFKC", password.reveal()).encode()
