"""The file of accounts: whose it is, what stands in it, who may change it at once, and what is refused."""

from __future__ import annotations

import os
import shlex
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import is_required
from tests.server.accounts import HERE, NOW_S, PASSWORD, Clock, accounts, log_in
from weft.secrets import default_path as secrets_path
from weft.secrets.file import UnsafeSecrets
from weft.server.accounts import Accounts, default_path
from weft.server.accounts.file import VERSION, AccountsFailed, DamagedAccounts, NewerAccounts
from weft.server.accounts.logins import WrongLogin
from weft.server.caller import Stranger

posix_alone = pytest.mark.skipif(
    not hasattr(os, "geteuid") and not is_required("posix"), reason="this system has no modes and owners"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file of accounts is, with an administrator ann."""
    path = tmp_path / "own" / "accounts.sqlite"
    with accounts(path) as held:
        held.users.add("ann", PASSWORD)
    return path


def mend(error: object) -> None:
    """Do what a message says."""
    told = str(error)
    command = told.partition("Mend it with: ")[2] or told.partition("or begin anew with: ")[2]
    subprocess.run(shlex.split(command), check=True)


def look(path: Path) -> int:
    """Open it, and ask."""
    with accounts(path) as held:
        return held.changes


@posix_alone
@pytest.mark.parametrize("umask", [0, 0o077, 0o777])
def test_the_file_is_made_for_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    (tmp_path / "own").mkdir(mode=0o700)
    before = os.umask(umask)
    try:
        path = tmp_path / "own" / "accounts.sqlite"
        with accounts(path) as held, held._file.writing() as sql:
            sql.execute("UPDATE meta SET changes = 7")
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    finally:
        os.umask(before)

    assert modes == {"accounts.sqlite": 0o600, "accounts.sqlite-journal": 0o600}


def test_its_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    accounts(tmp_path / "own" / "accounts.sqlite").close()

    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700


@posix_alone
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_file_that_others_may_read_is_refused_with_what_mends_it(path: Path, mode: int) -> None:
    path.chmod(mode)

    with pytest.raises(UnsafeSecrets) as refused:
        accounts(path)

    mend(refused.value)
    accounts(path).close()


@posix_alone
def test_a_folder_a_link_and_a_file_of_somebody_else_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, folder = path.with_name("link"), path.with_name("folder")
    link.symlink_to(path)
    folder.mkdir(mode=0o700)

    for each in (link, folder):
        with pytest.raises(UnsafeSecrets):
            accounts(each)
    path.parent.chmod(0o777)
    with pytest.raises(UnsafeSecrets, match="others may write to it"):
        accounts(path)
    path.parent.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(UnsafeSecrets, match="sudo chown"):
        accounts(path)


@pytest.mark.parametrize("kind", ["text", "cut", "flipped", "other program", "no tables"])
def test_a_damaged_file_is_named_with_what_to_do_and_never_written_over(path: Path, kind: str) -> None:
    whole = path.read_bytes()
    if kind == "text":
        path.write_bytes(b"no database at all" * 100)
    elif kind == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "flipped":
        path.write_bytes(whole[:4096] + bytes(each ^ 0xFF for each in whole[4096:4200]) + whole[4200:])
    else:
        statement = "PRAGMA application_id = 5" if kind == "other program" else "DROP TABLE meta"
        with closing(sqlite3.connect(path)) as sql:
            sql.execute(statement)
    before = path.read_bytes()

    with pytest.raises(DamagedAccounts, match=str(path)) as refused:
        look(path)

    assert path.read_bytes() == before
    mend(refused.value)
    with accounts(path) as held:
        assert not held.has_users()


def test_a_file_of_a_newer_weft_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as sql:
        sql.execute(f"PRAGMA user_version = {VERSION + 1}")

    with pytest.raises(NewerAccounts, match=rf"{path} was written by a newer Weft.*version {VERSION + 1}"):
        accounts(path)


def test_a_file_that_another_holds_is_waited_for_and_then_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.server.accounts.file.PATIENCE_S", 0.05)
    with accounts(path) as held, closing(sqlite3.connect(path, isolation_level=None)) as other:
        token = held.tokens.make("ann", "sync").reveal()
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(AccountsFailed, match=r"another program has kept it locked.*try again"):
            held.users.rename("ann", "Ann")
        # Who only asks is not kept waiting, though it could not be written that the token was used.
        assert held.caller(token).user == "ann"

        other.execute("ROLLBACK")
        assert held.users.rename("ann", "Ann").display == "Ann"


def test_a_path_that_can_be_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises((AccountsFailed, UnsafeSecrets), match=str(tmp_path)):
        accounts(tmp_path / "file" / "accounts.sqlite")


def test_what_was_kept_is_there_when_the_file_is_opened_again(path: Path) -> None:
    with accounts(path) as held:
        session, token = log_in(held, "ann").session.reveal(), held.tokens.make("ann", "sync").reveal()
        link = held.logins.make_link("ann").reveal()

    with accounts(path) as held:
        assert held.has_users()
        assert held.caller(session).user == held.caller(token).user == "ann"
        assert held.logins.by_link(link).user == "ann"


def test_no_secret_stands_in_the_file_or_beside_it(path: Path) -> None:
    with accounts(path) as held:
        opened, token, link = log_in(held, "ann"), held.tokens.make("ann", "sync"), held.logins.make_link("ann")
        by_link = held.logins.by_link(held.logins.make_link("ann").reveal())
        secrets = [PASSWORD, opened.session, token, link, by_link.session]
        with held._file.writing() as sql:
            sql.execute("UPDATE meta SET changes = changes")
            bytes_held = b"".join(each.read_bytes() for each in path.parent.iterdir())
    bytes_held += b"".join(each.read_bytes() for each in path.parent.iterdir())

    assert b"scrypt 2 1 1 " in bytes_held
    for each in secrets:
        bare = each.reveal().removeprefix("weft_s_").removeprefix("weft_t_").removeprefix("weft_l_")
        assert bare.encode() not in bytes_held
        assert bare.encode().hex().encode() not in bytes_held


def test_what_is_removed_is_not_left_in_the_file(path: Path) -> None:
    with accounts(path) as held:
        held.users.add("bob", PASSWORD)
        ((kept,),) = held._file.rows("SELECT password FROM user WHERE name = 'bob'")
        assert kept.encode() in path.read_bytes()

        held.users.remove("bob")

    assert kept.encode() not in path.read_bytes()


OTHER = """
import sys
from tests.server.accounts import PASSWORD, accounts
with accounts(sys.argv[1]) as held:
    getattr(held.users, sys.argv[2])(*sys.argv[3:])
"""


def another_program(path: Path, *arguments: str) -> None:
    """Let another process change something."""
    subprocess.run([sys.executable, "-c", OTHER, str(path), *arguments], check=True, timeout=60)


@pytest.mark.kill
def test_what_another_program_changes_counts_at_the_next_question(path: Path) -> None:
    with accounts(path) as held:
        held.users.add("bob", PASSWORD)
        session, before = log_in(held, "bob").session.reveal(), held.changes

        another_program(path, "set_role", "bob", "viewer")
        assert held.changes == before + 1
        assert held.caller(session).capabilities == {"read"}

        another_program(path, "grant", "bob", "a shelf")
        assert held.changes == before + 2
        assert not held.caller(session).may("read", "another")

        another_program(path, "disable", "bob")
        assert held.changes == before + 3
        with pytest.raises(Stranger):
            held.caller(session)


@pytest.mark.parametrize("age_s", [0.0, 3600.0])
def test_a_change_is_noticed_whenever_the_file_was_last_written(path: Path, age_s: float) -> None:
    with accounts(path) as held, accounts(path) as other:
        written_s = time.time() - age_s
        os.utime(path, (written_s, written_s))
        before = held.changes
        assert held.changes == before

        other.users.rename("ann", "Ann")
        if not age_s:
            os.utime(path, (written_s, written_s))  # as of a file system that counts in long steps

        assert held.changes == before + 1
        assert held.changes == before + 1


def test_of_a_file_that_nobody_writes_sqlite_is_not_asked(path: Path) -> None:
    asked: list[str] = []
    with accounts(path) as held:
        os.utime(path, (NOW_S - 3600, time.time() - 3600))
        before = held.changes
        held._file._connection.set_trace_callback(asked.append)

        assert held.changes == before

    assert asked == []


@pytest.mark.kill
def test_programs_that_change_it_at_once_lose_nothing(path: Path) -> None:
    writing = "for each in range(15): held.users.grant('bob', f'{sys.argv[2]} {each}')"
    source = OTHER.replace("getattr(held.users, sys.argv[2])(*sys.argv[3:])", writing)
    with accounts(path) as held:
        held.users.add("bob", PASSWORD)
        writers = [subprocess.Popen([sys.executable, "-c", source, str(path), name]) for name in ("one", "two")]

        assert [each.wait(60) for each in writers] == [0, 0]

        wanted = {f"{name} {each}" for name in ("one", "two") for each in range(15)}
        assert held.users.get("bob").entities == frozenset(wanted)


@pytest.mark.kill
def test_programs_that_make_it_at_once_make_one(tmp_path: Path) -> None:
    path = tmp_path / "own" / "accounts.sqlite"
    source = OTHER.replace("getattr(held.users, sys.argv[2])(*sys.argv[3:])", "held.users.add(sys.argv[2], PASSWORD)")
    writers = [subprocess.Popen([sys.executable, "-c", source, str(path), name]) for name in ("one", "two", "three")]

    assert [each.wait(60) for each in writers] == [0, 0, 0]

    with accounts(path) as held:
        assert sorted(each.role for each in held.users.list()) == ["administrator", "editor", "editor"]


def test_who_changes_something_is_alone_from_the_first_look_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.server.accounts.file.PATIENCE_S", 0.05)
    with accounts(path) as one, accounts(path) as other:
        with one._file.changing(), pytest.raises(AccountsFailed):
            other.users.rename("ann", "Ann")

        assert other.users.rename("ann", "Ann").display == "Ann"


def test_one_who_was_quicker_in_making_the_file_is_not_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = tmp_path / "own" / "accounts.sqlite", sqlite3.connect

    class Late(sqlite3.Connection):
        def execute(self, statement: str, *cells: Any) -> sqlite3.Cursor:
            if statement == "BEGIN IMMEDIATE" and sqlite3.connect is not real:
                monkeypatch.setattr(sqlite3, "connect", real)
                with accounts(path) as quicker:
                    quicker.users.add("ann", PASSWORD)
            return super().execute(statement, *cells)

    monkeypatch.setattr(sqlite3, "connect", partial(real, factory=Late))

    with accounts(path) as held:
        assert [each.name for each in held.users.list()] == ["ann"]


DYING = """
import os, sys
from tests.server.accounts import PASSWORD, accounts
held = accounts(sys.argv[1])
real = held._file.changing
def dies():
    context = real()
    sql = context.__enter__()
    if sys.argv[2] == "spilled":
        sql.execute("PRAGMA cache_size = 1")
        sql.execute("CREATE TABLE large AS WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200)"
                    " SELECT randomblob(4096) AS x FROM n")
    sql.execute("UPDATE user SET is_disabled = 1")
    if sys.argv[2] == "committed":
        context.__exit__(None, None, None)
    os._exit(9)
dies()
"""


@pytest.mark.kill
@pytest.mark.parametrize("when", ["written", "spilled", "committed"])
def test_a_program_that_dies_in_a_change_leaves_all_of_it_or_nothing(path: Path, when: str) -> None:
    size = path.stat().st_size
    with accounts(path) as held:
        died = subprocess.run([sys.executable, "-c", DYING, str(path), when], check=False, timeout=60)
        assert died.returncode == 9
        assert (path.stat().st_size > size) == (when == "spilled")

        assert held.users.get("ann").is_disabled == (when == "committed")
    with accounts(path) as held:
        assert held.users.get("ann").is_disabled == (when == "committed")
        assert held.users.enable("ann").name == "ann"


def test_a_copy_that_is_put_in_its_place_counts_at_the_next_question(path: Path) -> None:
    copy = path.read_bytes()
    with accounts(path) as held:
        held.users.add("bob", PASSWORD)
        session = log_in(held, "bob").session.reveal()
        before = held.changes

        draft = path.with_name("draft")
        draft.write_bytes(copy)
        draft.chmod(0o600)
        draft.replace(path)

        assert held.changes > before
        with pytest.raises(Stranger):
            held.caller(session)
        assert log_in(held, "ann").user == "ann"

        before = held.changes
        path.unlink()
        assert held.changes > before
        assert not held.has_users()
        with pytest.raises(WrongLogin):
            log_in(held, "ann")


def test_a_copy_that_may_not_be_used_lets_nobody_in_until_it_is_mended(path: Path) -> None:
    with accounts(path) as held:
        session = log_in(held, "ann").session.reveal()
        draft = path.with_name("draft")
        draft.write_bytes(path.read_bytes())
        draft.chmod(0o644)
        draft.replace(path)

        with pytest.raises(UnsafeSecrets):
            held.caller(session)
        with pytest.raises(UnsafeSecrets) as refused:
            held.changes  # noqa: B018

        mend(refused.value)
        assert held.caller(session).user == "ann"
    with pytest.raises(AccountsFailed, match="closed"):
        held.caller(session)


def test_a_change_that_fails_leaves_the_file_as_it_was_and_usable(path: Path) -> None:
    def fail(held: Accounts) -> None:
        with held._file.changing() as sql:
            sql.execute("UPDATE user SET is_disabled = 1")
            sql.execute("INSERT INTO link VALUES (?, ?, ?)", (b"x", "nobody", 1))

    with accounts(path) as held:
        with pytest.raises(AccountsFailed, match="Nothing of the change was kept"):
            fail(held)

        assert not held.users.get("ann").is_disabled
        assert held.users.rename("ann", "Ann").display == "Ann"


def test_the_default_is_beside_the_secrets() -> None:
    assert default_path() == secrets_path().with_name("accounts.sqlite")
    assert default_path().parts[-2:] == (".weft", "accounts.sqlite")


def test_what_is_in_memory_is_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clock = Clock()

    with accounts(None, clock) as held:
        held.users.add("ann", PASSWORD)
        assert held.caller(log_in(held, "ann", source=HERE).session.reveal()).user == "ann"

    assert clock.now_s == NOW_S
    assert list(tmp_path.iterdir()) == []
