"""`python -m weft`: the command line, where a shell does not find `weft`.

Knows nothing of commands. Invariant: it is the same program.
"""

from __future__ import annotations

from weft.cli import main

if __name__ == "__main__":
    main()
