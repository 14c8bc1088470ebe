"""The command line: one file for each command, and what they share of terminals, places and openings."""

from weft.cli.program import main

__all__ = ["main"]
