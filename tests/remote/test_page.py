"""The page for those who use a space that another program serves: its examples, against a server."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import missing_part
from tests.server.whole import Whole, whole
from tests.test_docs import ROOT, Block, blocks
from tests.until import LIMIT_S
from weft import Entity

PAGE = "docs/how-to/remote.md"
STATIC = ROOT / "src" / "weft" / "server" / "static"
ADDRESS = "http://127.0.0.1:8707"


def sum_type(folder: Path, code: str) -> type[Entity]:
    """What the page declares, from a file as the page says."""
    (folder / "sums.py").write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("sums", folder / "sums.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules["sums"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: type[Entity] = module.Sum
    return found


def outputs(kind: str) -> tuple[str, str]:
    """The examples of a kind that need a server, as one, and what the page says that they print."""
    page = blocks(PAGE)
    pairs = list(itertools.pairwise(page))
    shown = [(one, other) for one, other in pairs if one.kind == kind and one.mark == "not run"]
    assert all(other.kind == "text" for _, other in shown)
    return "\n".join(one.text for one, _ in shown), "".join(other.text for _, other in shown)


@pytest.mark.parametrize("kind", ["python", "javascript"])
def test_the_examples_of_the_page_print_what_it_says(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sums", None)  # put back when the test ends
    declared: Block = next(one for one in blocks(PAGE) if one.mark == "file")
    code, expected = outputs(kind)
    with whole(types=[sum_type(tmp_path, declared.text)]) as server:
        code = code.replace(ADDRESS, server.straight)
        printed = by_python(code, capsys) if kind == "python" else by_node(code, server, tmp_path)

    assert printed == expected


def by_python(code: str, capsys: pytest.CaptureFixture[str]) -> str:
    scope: dict[str, object] = {"token": "key of ann"}
    exec(compile(code, PAGE, "exec"), scope)
    return capsys.readouterr().out


def by_node(code: str, server: Whole, folder: Path) -> str:
    node = shutil.which("node")
    if node is None:
        missing_part("node", "it is not installed: apt-get install nodejs")
    assert node is not None
    script = folder / "page.mjs"
    code = code.replace('"/static/weft.js"', f'"{(STATIC / "weft.js").as_uri()}"')
    script.write_text(f'const token = "key of ann";\n{code}', encoding="utf-8")
    asked = [node, "--experimental-websocket", "--no-warnings", str(script)]
    ran = subprocess.run(asked, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
