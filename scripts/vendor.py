"""Writes the libraries of the web app into `static/vendor`, from npm by exact version; `python -m scripts.vendor`.

They are ES modules. What one imports of another by its bare name is imported by its file, so that a page needs no
import map; the line that names a source map, which is not served, is left out. Nothing else is changed. `--hashes`
prints what the table below is to say, when versions were changed.

Knows nothing of the page. Invariant: what is written is what the table says, by its hash; anything else stops it.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from scripts.parts import ROOT

FOLDER = ROOT / "src" / "weft" / "server" / "static" / "vendor"


class Vendored(NamedTuple):
    """One file: where it is from, what it is called here, and the SHA-256 of what is written."""

    package: str
    version: str
    source: str
    name: str
    sha256: str


_PREACT = ("preact", "11.2.0")
_SIGNALS = ("@preact/signals", "2.11.4")
_CORE = ("@preact/signals-core", "1.14.5")
_HTM = ("htm", "3.1.1")
VENDORED = (
    Vendored(
        *_PREACT, "dist/preact.mjs", "preact.js", "225d7a773766e6fb2cfcc45274fe41d2059f5782f3f2c4569aa5132a2d3a2902"
    ),
    Vendored(
        *_PREACT, "hooks/dist/hooks.mjs", "hooks.js", "5c65ab263688d0805862fd0807c779af02c2799c44fda0873dfcb870d0da70a0"
    ),
    Vendored(
        *_PREACT, "LICENSE", "preact.LICENSE.txt", "1fe6958409c8c257a70c587a18b6f7f412b179b456630790d30b2ec9a8e4b7d4"
    ),
    Vendored(
        *_SIGNALS, "dist/signals.mjs", "signals.js", "822c3a0f6516b2221beae1f8fea0ca2d0c886eb16ce98949530aa1d2b8ac64d6"
    ),
    Vendored(
        *_SIGNALS, "LICENSE", "signals.LICENSE.txt", "a11fc89e4c6b118854c7a667734a0b2e6bf2af5e45c6686de31adbccc8f3ae8d"
    ),
    Vendored(
        *_CORE,
        "dist/signals-core.mjs",
        "signals-core.js",
        "147cdbe5e0e6e9cb35a27f2d4f496f8ba0fbd6beedf9e683e0297a976773b724",
    ),
    Vendored(
        *_CORE,
        "LICENSE",
        "signals-core.LICENSE.txt",
        "a11fc89e4c6b118854c7a667734a0b2e6bf2af5e45c6686de31adbccc8f3ae8d",
    ),
    Vendored(*_HTM, "dist/htm.mjs", "htm.js", "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4"),
    Vendored(*_HTM, "LICENSE", "htm.LICENSE.txt", "740725f7252e750af735d0028cc534970772f513331e9f68150fede8fb3ce00f"),
)
IMPORTED = {
    "preact": "./preact.js",
    "preact/hooks": "./hooks.js",
    "@preact/signals-core": "./signals-core.js",
}
"""The file that stands for a bare name."""
_IMPORT = re.compile(r"""(\b(?:from|import)\s*)(["'])([^"'./][^"']*)\2""")
_MAP = re.compile(r"\n?//# sourceMappingURL=\S+\s*$")


def rewritten(text: str) -> str:
    """A module as it is served. Raises `KeyError` for a bare name that nothing stands for."""
    return _MAP.sub("\n", _IMPORT.sub(lambda found: f"{found[1]}{found[2]}{IMPORTED[found[3]]}{found[2]}", text))


def hash_of(content: bytes) -> str:
    """As the table has it."""
    return hashlib.sha256(content).hexdigest()


def misfits(folder: Path = FOLDER) -> list[str]:
    """What in the folder is not as the table says; nothing where all is."""
    found = {path.name: hash_of(path.read_bytes()) for path in folder.iterdir()} if folder.is_dir() else {}
    said = {one.name: one.sha256 for one in VENDORED}
    return sorted(name for name in found.keys() | said.keys() if found.get(name) != said.get(name))


def _fetched(package: str, version: str, into: Path) -> Path:
    """The folder of a package, unpacked; npm checks what it was given against the registry's own hash."""
    npm = ["npm", "pack", f"{package}@{version}", "--silent", "--pack-destination", str(into)]
    name = subprocess.run(npm, check=True, capture_output=True, text=True, cwd=into).stdout.split()[-1]
    with tarfile.open(into / name) as packed:
        packed.extractall(into / name[:-4], filter="data")
    return into / name[:-4] / "package"


def _content(one: Vendored, folder: Path) -> bytes:
    text = (folder / one.source).read_text(encoding="utf-8")
    return (rewritten(text) if one.name.endswith(".js") else text).encode()


def main() -> int:
    """Write them all, or say which are not what the table says."""
    with tempfile.TemporaryDirectory() as name:
        packages = {(one.package, one.version) for one in VENDORED}
        folders = {each: _fetched(*each, Path(name)) for each in sorted(packages)}
        contents = {one: _content(one, folders[one.package, one.version]) for one in VENDORED}
    if "--hashes" in sys.argv[1:]:
        print("\n".join(f"{one.name} {hash_of(content)}" for one, content in contents.items()))
        return 0
    if wrong := [one.name for one, content in contents.items() if hash_of(content) != one.sha256]:
        print(f"not what the table says, so nothing was written: {', '.join(wrong)}", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    for one, content in contents.items():
        (FOLDER / one.name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
