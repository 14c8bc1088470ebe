"""Effects that are shown to whoever sits at this program: each is handed to a function, which prints it, or keeps it.

Knows nothing of terminals. Invariant: what was shown is not shown again by the same program.
Source: notifications of desktops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from weft.driver import EffectError, EffectRefused
from weft.flow import Effect, WhenInDoubt


@dataclass(frozen=True)
class Show(Effect[bool]):
    """A text for a person; its receipt holds whether it was shown just then."""

    when_in_doubt: ClassVar[WhenInDoubt] = "retry"
    title: str
    text: str


class ShowDriver:
    """Hands texts to `show`, as (title, text). What it raises is a refusal, but for what says of itself what it is:
    `NotReached` where nobody sits there any more."""

    effects: tuple[type[Effect[Any]], ...] = (Show,)

    def __init__(self, show: Callable[[str, str], None]) -> None:
        self._show = show
        self._shown: set[str] = set()

    async def carry_out(self, effect: Show, key: str, /) -> bool:
        """Show it, unless this program has shown it under this key."""
        if key in self._shown:
            return False
        try:
            self._show(effect.title, effect.text)
        except EffectError:
            raise
        except Exception as why:
            raise EffectRefused(effect="Show", why=f"{type(why).__name__} while it was shown") from why
        self._shown.add(key)
        return True
