"""Pressing Ctrl-C, in the main thread, also where the tests were started with it switched off."""

from __future__ import annotations

import signal


def press() -> None:
    """Raises KeyboardInterrupt, as the interpreter does when a person presses it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
