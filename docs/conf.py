"""How the documentation is built: MyST pages by Sphinx, the reference written from docstrings just before."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from scripts.reference import write_reference  # noqa: E402  (the path comes first)

project = "Weft"
author = "The Weft authors"
copyright = "The Weft authors, Apache-2.0"
release = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"Weft {release}"
nitpicky = True

write_reference(HERE / "reference" / "generated")
