"""`weft user` and `weft token`: who may use a server, as shells see it."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Weft, clean, command
from tests.cli.pseudo_terminal import in_terminal
from tests.server.accounts import HERE
from weft.secrets.store import Hidden
from weft.server.accounts import Accounts
from weft.server.caller import CAPABILITIES, Caller, Stranger

PASSWORD = "canary horse battery"

Typed = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    """`typed("user", "add", "ann", said="…")`: the real program, with this on standard input."""

    def run(*arguments: object, said: str = f"{PASSWORD}\n", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            cwd=tmp_path,
            env=clean(HOME=str(tmp_path), **environment),
            input=said,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where accounts are kept."""
    return tmp_path / "own" / "accounts.sqlite"


@pytest.fixture
def kept(file: Path) -> Path:
    """The file, with an administrator ann, and bob."""
    with Accounts(file) as held:
        held.users.add("ann", Hidden(PASSWORD))
        held.users.add("bob", Hidden(PASSWORD))
    return file


def said(done: subprocess.CompletedProcess[str]) -> Any:
    """What was printed as JSON."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_first_user_administers_and_a_password_is_read_from_standard_input(typed: Typed, file: Path) -> None:
    first = typed("user", "add", "ann", "--stdin", "--display", "Ann Example", "--accounts", file)
    second = typed("user", "add", "bob", "--stdin", "--role", "viewer", "--json", "--accounts", file)

    assert (first.stdout, first.stderr) == ("ann (Ann Example): administrator, all entities\n", "")
    shown = said(second)
    assert shown.pop("made").startswith("20")
    assert shown == {
        "name": "bob", "display": "bob", "role": "viewer", "entities": None, "roles": {}, "disabled": False,
            "owner": False,
    }  # fmt: skip
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with Accounts(file) as held:
        assert held.logins.by_password("ann", Hidden(PASSWORD), source=HERE).user == "ann"
    listed = typed("user", "list", "--accounts", file)
    assert listed.stdout == "ann (Ann Example): administrator, all entities\nbob: viewer, all entities\n"
    assert [each["name"] for each in said(typed("user", "list", "--json", "--accounts", file))["users"]] == [
        "ann",
        "bob",
    ]


def test_in_a_terminal_a_password_is_asked_twice_and_not_shown(tmp_path: Path, file: Path) -> None:
    with in_terminal("user", "add", "ann", "--accounts", file, folder=tmp_path) as terminal:
        terminal.read_to("password of ann")
        terminal.type(PASSWORD)
        terminal.read_to("Repeat")
        terminal.type(PASSWORD)

        assert terminal.end() == 0
        assert PASSWORD not in terminal.shown
    with Accounts(file) as held:
        assert held.logins.by_password("ann", Hidden(PASSWORD), source=HERE).user == "ann"


def test_a_password_is_no_argument_and_one_that_is_given_so_is_not_repeated(typed: Typed, kept: Path) -> None:
    for verb in ("add", "password"):
        done = typed("user", verb, "bob", "canary-hunter2", "--accounts", kept)
        assert done.returncode == 2
        assert "--stdin" in done.stderr
        assert "canary" not in done.stdout + done.stderr
    done = typed("user", "password", "bob", "--accounts", kept)
    assert done.returncode == 2
    assert "Nobody can be asked" in done.stderr


def test_who_only_looks_makes_no_file_and_the_default_is_in_the_home(typed: Typed, tmp_path: Path) -> None:
    for group in ("user", "token"):
        done = typed(group, "list")
        assert (done.returncode, done.stdout) == (0, "")
        assert "there are none" in done.stderr
    assert typed("user", "disable", "ann").returncode == 2
    assert list(tmp_path.iterdir()) == []

    assert typed("user", "add", "ann", "--stdin").returncode == 0
    assert (tmp_path / ".weft" / "accounts.sqlite").exists()


def test_a_server_that_runs_hears_of_each_change(typed: Typed, kept: Path) -> None:
    with Accounts(kept) as server:
        session = server.logins.by_password("bob", Hidden(PASSWORD), source=HERE).session.reveal()

        def change(verb: str, *arguments: str) -> str:
            done = typed("user", verb, *arguments, "--accounts", kept)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert change("grant", "bob", "a shelf") == "bob: editor, held to a shelf\n"
        changed = change("grant", "bob", "a cat", "--role", "viewer")
        assert changed == "bob: editor, held to a cat (viewer), a shelf\n"
        assert server.caller(session).may("read", "a cat")
        assert server.caller(session).may("edit", "a shelf")
        assert not server.caller(session).may("edit", "a cat")
        assert json.loads(change("grant", "bob", "a cat", "--role", "viewer", "--json"))["roles"] == {"a cat": "viewer"}

        assert change("revoke", "bob", "a cat") == "bob: editor, held to a shelf\n"
        assert not server.caller(session).may("read", "a cat")
        assert change("revoke", "bob", "a shelf") == "bob: editor, held to no entity\n"
        assert json.loads(change("grant", "bob", "--all", "--json"))["entities"] is None
        assert change("grant", "bob", "--role", "operator") == "bob: operator, all entities\n"
        assert server.caller(session).may("operate")

        assert change("disable", "bob") == "bob: operator, all entities, disabled\n"
        with pytest.raises(Stranger, match="disabled"):
            server.caller(session)
        assert change("enable", "bob") == "bob: operator, all entities\n"
        assert change("rename", "bob", "Bob B.") == "bob (Bob B.): operator, all entities\n"

        assert typed("user", "password", "bob", "--stdin", "--accounts", kept, said="another password").returncode == 0
        assert server.logins.by_password("bob", Hidden("another password"), source=HERE).user == "bob"
        assert change("remove", "Bob") == "bob is removed\n"
        assert [each.name for each in server.users.list()] == ["ann"]


def test_a_token_is_printed_once_and_listed_without_its_text(typed: Typed, kept: Path) -> None:
    made = typed("token", "make", "ann", "sync", "--may", "read", "--may", "edit", "--entity", "a", "--accounts", kept)
    other = said(typed("token", "make", "bob", "watch", "--endless", "--json", "--accounts", kept))

    token = made.stdout.strip()
    assert token.startswith("weft_t_")
    assert token not in made.stderr
    with Accounts(kept) as server:
        caller = server.caller(token)
        assert caller == Caller("ann", frozenset({"read", "edit"}), frozenset({"a"}), is_token=True)
        assert server.caller(other["token"]).user == "bob"
        assert (other["may"], other["entities"], other["expires"], other["revoked"]) == (["read"], None, None, None)

        listed = typed("token", "list", "--accounts", kept).stdout
        assert token not in listed
        assert "ann sync: edit read, held to a; until " in listed
        assert "bob watch: read, all entities; endless; last used " in listed
        assert max(map(len, listed.splitlines())) <= 80
        assert said(typed("token", "list", "ann", "--json", "--accounts", kept))["tokens"][0]["name"] == "sync"

        assert typed("token", "revoke", "ann", "sync", "--accounts", kept).stdout == "sync of ann is revoked\n"
        with pytest.raises(Stranger, match="revoked"):
            server.caller(token)
    assert "; revoked; last used 2" in typed("token", "list", "ann", "--accounts", kept).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("user", "add", "ann", "--stdin"), 1, "There is a user ann already"),
        (("user", "add", "dora", "--stdin", "--role", "captain"), 2, "There is no role 'captain'"),
        (("user", "disable", "ann"), 1, "could administer"),
        (("user", "remove", "bib"), 2, "did you mean 'bob'"),
        (("user", "grant", "bob"), 2, "Say what is granted"),
        (("user", "grant", "bob", "a", "--all"), 2, "exclude each other"),
        (("user", "revoke", "bob", "a"), 1, "bob may act upon all entities"),
        (("token", "make", "bob", "t", "--may", "fly"), 2, "Nobody can be let 'fly'"),
        (("token", "make", "bob", "t", "--days", "0"), 2, "--days"),
        (("token", "revoke", "bob", "t"), 2, "bob has no token 't'"),
        (("token", "list", "nobody"), 2, "There is no user 'nobody'"),
    ],
)
def test_what_cannot_be_done_ends_in_one_line_and_a_code(
    typed: Typed, kept: Path, arguments: tuple[str, ...], code: int, why: str
) -> None:
    done = typed(*arguments, "--accounts", kept)

    assert (done.returncode, done.stdout) == (code, "")
    assert why in done.stderr
    assert PASSWORD not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_others_may_read_is_refused_with_what_mends_it(weft: Weft, kept: Path) -> None:
    kept.chmod(0o644)

    done = weft("user", "list", "--accounts", kept)

    assert done.returncode == 1
    assert f"chmod 600 {kept}" in done.stderr


def test_every_capability_is_in_the_help(weft: Weft) -> None:
    shown = weft("token", "make", "--help").stdout

    assert all(each in shown for each in CAPABILITIES)
    assert max(map(len, shown.splitlines())) <= 80
