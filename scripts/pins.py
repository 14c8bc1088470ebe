"""constraints.txt anew: the newest versions that install together on this Python, names and versions only.

Uses an environment of its own, so that nothing is held back by what was installed before. Run it on the oldest
supported Python; `make test` then shows whether the same versions serve the newest.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """\
# Exact versions of everything that the project, its checks and its benchmarks install, on every supported Python.
# `make pins` writes this file anew from the registry. It holds names and versions only: where packages come from is
# the business of the machine that installs them.
"""


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory(prefix="weft-pins-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [f"{folder}/bin/python", "-m", "pip"]
        subprocess.run([*pip, "install", "-q", "-e", f"{ROOT}[all,dev,bench]"], check=True)
        frozen = subprocess.run(
            [*pip, "freeze", "--exclude", "weft"], check=True, capture_output=True, text=True
        ).stdout
    pins = [line for line in frozen.splitlines() if "==" in line]
    (ROOT / "constraints.txt").write_text(HEAD + "\n".join(pins) + "\n")


if __name__ == "__main__":
    main()
