"""What a peer says, cleared of the secrets that it was told: an echo of one is shown and kept nowhere.

A secret is known again as it is, as programs quote it, and in base64, as logins send it; also where it stands within a
longer text that is encoded so.

Knows nothing of protocols and peers.
Invariant: what is cleared holds none of these forms.
Source: the masking of secrets in the logs of build servers.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_CORE_CHARS_MIN = 8
"""Less of base64 may stand anywhere by chance."""
_FOR_ADDRESSES = str.maketrans("+/", "-_")


@dataclass(frozen=True, slots=True)
class Echoes:
    """The forms in which secrets may come back, the longest first; what stands in their place."""

    forms: tuple[str, ...] = field(default=(), repr=False)
    instead: str = "***"

    def cleared(self, text: str) -> str:
        """The text without them; before it is cut, as half a secret is not known again."""
        for form in self.forms:
            text = text.replace(form, self.instead)
        return text

    def cleared_bytes(self, content: bytes) -> bytes:
        """The same of bytes."""
        for form in self.forms:
            content = content.replace(form.encode(errors="surrogatepass"), self.instead.encode())
        return content


def echoes_of(secrets: Iterable[str], *, user: str | None = None, instead: str = "***") -> Echoes:
    """In which forms these may come back; those of a login with `user`, too."""
    found = {form for secret in secrets if secret for form in _forms(secret, user) if form}
    return Echoes(tuple(sorted(found, key=lambda form: (-len(form), form))), instead)


def _forms(secret: str, user: str | None) -> Iterator[str]:
    content = secret.encode(errors="surrogatepass")
    yield from (secret, ascii(secret)[1:-1], repr(content)[2:-1])
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    encoded = [_in_base64(content), *_cores(content)]
    if user is not None:
        encoded.append(_in_base64(f"\0{user}\0".encode(errors="replace") + content))
    for form in encoded:
        yield from (form, form.rstrip("="), form.translate(_FOR_ADDRESSES))


def _cores(content: bytes) -> Iterator[str]:
    """What of it stands in the base64 of any text that holds it, whatever is before and behind."""
    for before in range(3):
        whole = _in_base64(bytes(before) + content)
        core = whole[-(-8 * before // 6) : 8 * (before + len(content)) // 6]
        if len(core) >= _CORE_CHARS_MIN:
            yield core


def _in_base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")
