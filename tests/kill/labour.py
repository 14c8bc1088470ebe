"""Work in a worker process that does not end by itself the first time."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.kill.garden import append
from weft import Entity, Field, Retry, derive, field

LEDGER = "WEFT_TEST_LEDGER"


def toil(number: int) -> str:
    """Goes on and on when it is first called for a number; then it is quick."""
    path = os.environ[LEDGER]
    begun = Path(path).read_text().split() if Path(path).exists() else []
    append(path, f"{number}:{os.getpid()}")
    if not any(word.startswith(f"{number}:") for word in begun):
        time.sleep(600)
    return f"{number} is done"


class Labour(Entity):
    number: Field[int] = field()
    patient = derive(toil, number, runner="process", retry=Retry(3, delay_s=0.01))
    strict = derive(toil, number, runner="process")
    timed = derive(toil, number, runner="process", timeout_s=0.7, retry=Retry(3, delay_s=0.01))
