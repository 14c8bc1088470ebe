"""Effects that are edits: of another space, or of this one by an event of its own. Each is told once, by its key.

What an effect says there is a function of the author's, which edits as any code does; the edit is named by the effect's
key, so the space itself knows it when it comes again, and gives the position at which it was told.

Knows nothing of what is edited. Invariant: however often an effect is tried, one event is told for it.
Source: transactional outboxes whose receiver keeps the ids of what it took.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from weft.driver import EffectRefused, NotReached
from weft.engine import EventReused
from weft.errors import WeftError
from weft.failure import message_of
from weft.flow import Effect
from weft.pump import SpaceClosed
from weft.reduce import Refused
from weft.space import Space
from weft.store import StoreFailed

Edits: TypeAlias = Mapping[type[Effect[int]], Callable[[Space, Any], object]]
"""What an effect of a class says in the space that it is given: a function (space, effect)."""


class EditDriver:
    """Tells effects in a space, as edits. A receipt is the position at which that is told there; of a space whose
    engine is another program's, and takes its time, the newest that is known."""

    def __init__(self, space: Space, edits: Edits, *, by: str | None = None) -> None:
        """`by`: whose edits they are; else the space's own actor's."""
        self._space, self._edits, self._by = space, dict(edits), by

    @property
    def effects(self) -> tuple[type[Effect[int]], ...]:
        """The classes that it knows what to say of."""
        return tuple(self._edits)

    async def carry_out(self, effect: Effect[int], key: str, /) -> int:
        """Tell it, unless that was told under this key. What the function raises, and what the space refuses, is a
        refusal."""
        return await asyncio.to_thread(self._tell, effect, key)

    def _tell(self, effect: Effect[int], key: str) -> int:
        kind, is_said = type(effect), False
        edit = self._space.edit(by=self._by, once=key)
        says = next(self._edits[base] for base in kind.__mro__ if base in self._edits)
        try:
            with edit:
                says(self._space, effect)
                is_said = True
        except (StoreFailed, SpaceClosed) as why:
            raise NotReached(effect=kind.__name__, why=message_of(why), after_s=None) from why
        except (Refused, EventReused) as why:
            raise EffectRefused(effect=kind.__name__, why=message_of(why)) from why
        except Exception as why:
            if is_said:
                raise  # it may have been told
            said = message_of(why) if isinstance(why, WeftError) else f"{type(why).__name__}: {message_of(why)}"
            raise EffectRefused(effect=kind.__name__, why=said) from why
        return edit.position
