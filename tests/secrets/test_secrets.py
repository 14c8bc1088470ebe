"""Stores of secrets: what is put comes back by its reference, and by nothing else."""

from __future__ import annotations

import copy
import io
import logging
import os
import pickle
import shlex
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

import weft
from weft.flow import Secret
from weft.secrets import FileSecrets, KeyringSecrets, MemorySecrets, SecretStore, default_path
from weft.secrets.file import DamagedSecrets, SecretsBusy, UnsafeSecrets
from weft.secrets.keyring import LIST, NoKeyring
from weft.secrets.store import SECRET_BYTES_MAX, BadSecret, Hidden, NoSecret, NothingToDrop
from weft.stores.lease import FileLock
from weft.value import shape_of

CANARY = "canary-7f3a9"
MADE = ["memory", "file", "keyring"]


class Ring:
    """A keyring that keeps entries as real ones do, and can be told to fail."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.fails_at: str | None = None

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if username == self.fails_at:
            raise OSError(f"cannot keep {password}")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SecretStore:
    """One of each kind."""
    made: dict[str, Callable[[], SecretStore]] = {
        "memory": MemorySecrets,
        "file": lambda: FileSecrets(tmp_path / "own" / "secrets.json"),
        "keyring": lambda: KeyringSecrets(Ring(), lock=tmp_path / "own" / "secrets.json"),
    }
    return made[request.param]()


every_store = pytest.mark.parametrize("store", MADE, indirect=True)


@every_store
def test_what_is_put_comes_back_by_its_reference(store: SecretStore) -> None:
    mail = store.put("mail", CANARY)

    assert mail == Secret("mail", 1)
    assert store.get(mail) == CANARY
    assert store.list() == {"mail": (1,)}


@every_store
def test_a_new_value_is_a_new_generation_and_the_old_reference_means_the_old_value(store: SecretStore) -> None:
    first, second = store.put("mail", "one"), store.put("mail", "two")

    assert (first.generation, second.generation) == (1, 2)
    assert (store.get(first), store.get(second)) == ("one", "two")


@every_store
def test_the_same_value_put_again_is_the_same_generation(store: SecretStore) -> None:
    assert store.put("mail", CANARY) == store.put("mail", CANARY)
    assert store.list() == {"mail": (1,)}


@every_store
def test_a_generation_is_never_given_twice_also_after_all_were_dropped(store: SecretStore) -> None:
    old = store.put("mail", "one")
    assert store.drop("mail") == (1,)

    new = store.put("mail", "one")

    assert new == Secret("mail", 2)
    with pytest.raises(NoSecret):
        store.get(old)


@every_store
def test_one_generation_can_be_dropped_alone(store: SecretStore) -> None:
    first, second = store.put("mail", "one"), store.put("mail", "two")

    assert store.drop("mail", 1) == (1,)

    assert store.get(second) == "two"
    with pytest.raises(NoSecret, match="kept are its generations 2"):
        store.get(first)


@every_store
def test_one_that_is_missing_names_what_to_do_next(store: SecretStore) -> None:
    store.put("mail", CANARY)

    with pytest.raises(NoSecret, match=r"did you mean 'mail'.*weft secret set mial") as refused:
        store.get(Secret("mial"))
    with pytest.raises(NothingToDrop, match=r"no secret 'nothing' that could be dropped: there are 'mail'$"):
        store.drop("nothing")
    with pytest.raises(NothingToDrop, match=r"no secret 'mail' of generation 7 .*: kept are its generations 1$"):
        store.drop("mail", 7)
    assert CANARY not in str(refused.value)


@every_store
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", CANARY), (CANARY * 20, "x"), ("a b", CANARY), ("-a", CANARY), ("a\n", CANARY), ("mail", ""),
        ("mail", CANARY + "x" * SECRET_BYTES_MAX), ("mail", CANARY + "\udc80"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_without_being_shown(store: SecretStore, name: str, value: str) -> None:
    with pytest.raises(BadSecret) as refused:
        store.put(name, value)

    assert CANARY not in str(refused.value)
    assert store.list() == {}


@every_store
def test_a_value_is_in_no_repr_log_or_traceback_even_with_what_variables_hold(
    store: SecretStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = store.put("mail", CANARY)

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(store, "_keep", full)
    shown = [repr(store), str(store), repr(secret), repr(store.list()), caplog.text]
    try:
        store.put("mail", f"{CANARY} two")
    except OSError as failed:
        # The first frame is this test's own.
        told = traceback.TracebackException(type(failed), failed, failed.__traceback__.tb_next, capture_locals=True)  # type: ignore[union-attr]
        shown += told.format()

    assert any("the disk is full" in each for each in shown)
    assert [each for each in shown if CANARY in each] == []


def test_a_hidden_value_is_not_pickled_or_copied() -> None:
    hidden = Hidden(CANARY)

    assert CANARY not in repr(hidden)
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled") as refused:
            take(hidden)
        assert CANARY not in str(refused.value)


# The file.


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file of secrets is, that holds one."""
    path = tmp_path / "own" / "secrets.json"
    FileSecrets(path).put("mail", CANARY)
    return path


posix_alone = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no modes and owners")


@posix_alone
def test_the_file_and_its_folder_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = tmp_path / "own" / "secrets.json"
        FileSecrets(path).put("mail", CANARY)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {each.name for each in path.parent.iterdir()} == {"secrets.json", "secrets.json.lock"}
    assert CANARY not in Path(f"{path}.lock").read_text(encoding="utf-8")


@posix_alone
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601])
def test_a_file_that_others_may_read_is_refused_with_what_mends_it(path: Path, mode: int) -> None:
    path.chmod(mode)

    with pytest.raises(UnsafeSecrets) as refused:
        FileSecrets(path).get(Secret("mail"))
    with pytest.raises(UnsafeSecrets):
        FileSecrets(path).put("mail", "two")

    mend = str(refused.value).partition("Mend it with: ")[2]
    subprocess.run(shlex.split(mend), check=True)
    assert FileSecrets(path).get(Secret("mail")) == CANARY


@posix_alone
def test_a_folder_that_others_may_write_to_is_refused_with_what_mends_it(path: Path) -> None:
    path.parent.chmod(0o770)

    with pytest.raises(UnsafeSecrets, match="others may write to it") as refused:
        FileSecrets(path).get(Secret("mail"))
    with pytest.raises(UnsafeSecrets):
        FileSecrets(path.parent / "another.json").put("mail", CANARY)

    subprocess.run(shlex.split(str(refused.value).partition("Mend it with: ")[2]), check=True)
    assert FileSecrets(path).get(Secret("mail")) == CANARY


@posix_alone
def test_a_file_of_somebody_else_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    with pytest.raises(UnsafeSecrets, match="sudo chown"):
        FileSecrets(path).get(Secret("mail"))


@posix_alone
def test_a_link_is_refused_as_the_file_and_as_its_folder(path: Path, tmp_path: Path) -> None:
    link, folder = path.parent / "link.json", tmp_path / "folder"
    link.symlink_to(path)
    folder.symlink_to(path.parent)

    for each in (link, folder / "secrets.json"):
        with pytest.raises(UnsafeSecrets, match="symbolic link"):
            FileSecrets(each).get(Secret("mail"))
        with pytest.raises(UnsafeSecrets, match="symbolic link"):
            FileSecrets(each).put("mail", "two")
    assert FileSecrets(path).list() == {"mail": (1,)}


def test_what_is_no_file_is_refused(path: Path) -> None:
    folder = path.parent / "folder.json"
    folder.mkdir(mode=0o700)

    with pytest.raises(UnsafeSecrets, match="it is no file"):
        FileSecrets(folder).list()


@posix_alone
def test_a_draft_that_somebody_left_or_laid_there_is_not_written_through(path: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text("untouched", encoding="utf-8")
    Path(f"{path}.new").symlink_to(trap)

    FileSecrets(path).put("mail", "two")

    assert trap.read_text(encoding="utf-8") == "untouched"
    assert not path.is_symlink()
    assert FileSecrets(path).get(Secret("mail", 2)) == "two"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": "weft secrets 2", "secrets": {}}', f'{{"format": "weft secrets 1", "{CANARY}": 1}}',
     '{"format": "weft secrets 1", "secrets": {"a": {"newest": 1, "kept": {"x": "y"}}}}', "[" * 100_000],
)  # fmt: skip
def test_a_damaged_file_is_named_and_never_written_over(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")

    for act in (lambda: FileSecrets(path).list(), lambda: FileSecrets(path).put("mail", "two")):
        with pytest.raises(DamagedSecrets, match=r"mv .*\.damaged") as refused:
            act()
        told = traceback.TracebackException(DamagedSecrets, refused.value, refused.tb.tb_next, capture_locals=True)
        assert CANARY not in "".join(told.format())
    assert path.read_text(encoding="utf-8") == text


DYING = """
import os, sys
from weft.secrets import FileSecrets
step = sys.argv[2]
real = getattr(os, step)
calls = []
def die(*arguments, **named):
    calls.append(1)
    if sys.argv[3] == "after":
        real(*arguments, **named)
    os._exit(9)
setattr(os, step, die)
FileSecrets(sys.argv[1]).put("mail", "two")
"""


@pytest.mark.kill
@pytest.mark.parametrize(
    ("step", "when", "left"),
    [("fsync", "before", "old"), ("fsync", "after", "old"), ("replace", "before", "old"), ("replace", "after", "new")],
)
def test_a_crash_leaves_the_old_or_the_new_and_stops_nobody(path: Path, step: str, when: str, left: str) -> None:
    died = subprocess.run([sys.executable, "-c", DYING, str(path), step, when], check=False, timeout=60)

    assert died.returncode == 9
    assert FileSecrets(path).list() == {"mail": (1,) if left == "old" else (1, 2)}
    assert FileSecrets(path).get(Secret("mail", 1)) == CANARY
    assert FileSecrets(path).put("mail", "two") == Secret("mail", 2)


def test_the_value_is_on_the_disk_before_it_takes_its_place_and_its_place_after(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, os.replace

    def noted_sync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def noted_replace(old: str, new: str) -> None:
        steps.append("replace")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)

    FileSecrets(path).put("mail", "two")

    assert steps == ["file", "replace", *(["folder"] if os.name == "posix" else [])]


WRITING = """
import sys
from weft.secrets import FileSecrets
store = FileSecrets(sys.argv[1], patience_s=60)
for each in range(15):
    store.put("shared", f"{sys.argv[2]} {each}")
"""


@pytest.mark.kill
def test_two_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITING, str(path), name]) for name in ("one", "two")]

    assert [each.wait(60) for each in writers] == [0, 0]

    store = FileSecrets(path)
    kept = store.list()["shared"]
    values = [store.get(Secret("shared", each)) for each in kept]
    assert kept == tuple(range(1, 31))
    assert sorted(values) == sorted(f"{name} {each}" for name in ("one", "two") for each in range(15))


def test_a_writer_waits_for_another_and_then_says_who_it_waits_for(path: Path) -> None:
    other = FileLock(f"{path}.lock")
    assert other.acquire()
    try:
        with pytest.raises(SecretsBusy, match="Another process has held"):
            FileSecrets(path, patience_s=0).put("mail", "two")
        assert FileSecrets(path).get(Secret("mail")) == CANARY
    finally:
        other.release()


def test_the_default_is_in_a_folder_of_its_own() -> None:
    assert default_path().parts[-2:] == (".weft", "secrets.json")


# The keyring.


def test_a_keyring_holds_each_value_as_an_entry_and_a_list_without_values(tmp_path: Path) -> None:
    ring = Ring()
    KeyringSecrets(ring, lock=tmp_path / "own" / "x").put("mail", CANARY)

    assert ring.entries["weft", "mail 1"] == CANARY
    assert CANARY not in ring.entries["weft", LIST]


@pytest.mark.parametrize("step", ["mail 2", LIST])
def test_a_keyring_that_fails_keeps_the_old_and_shows_no_value(tmp_path: Path, step: str) -> None:
    ring = Ring()
    store = KeyringSecrets(ring, lock=tmp_path / "own" / "x")
    store.put("mail", "one")

    ring.fails_at = step
    with pytest.raises(NoKeyring, match="it failed with OSError") as refused:
        store.put("mail", CANARY)
    told = traceback.TracebackException(NoKeyring, refused.value, refused.tb.tb_next, capture_locals=True)
    assert CANARY not in "".join(told.format())
    assert store.list() == {"mail": (1,)}

    ring.fails_at = None
    assert store.get(store.put("mail", "three")) == "three"


def test_a_list_that_another_program_changed_is_named(tmp_path: Path) -> None:
    ring = Ring()
    ring.entries["weft", LIST] = "[1]"

    with pytest.raises(NoKeyring, match="delete that entry"):
        KeyringSecrets(ring, lock=tmp_path / "own" / "x").list()


def test_a_system_without_a_keyring_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(NoKeyring, match=r"pip install 'weft\[keyring\]'"):
        KeyringSecrets()


# What spaces hold of a secret.


def test_a_reference_is_kept_by_its_name_and_generation() -> None:
    shape = shape_of(Secret)

    assert shape.to_plain(Secret("mail", 3)) == {"name": "mail", "generation": 3}
    assert shape.decode(shape.encode(Secret("mail", 3))) == Secret("mail", 3)


def length_of(user: str) -> int:
    return len(user)


class Login(weft.Entity):
    user: weft.Field[str] = weft.field()
    password: weft.Field[Secret] = weft.field()
    length = weft.derive(length_of, user)


def test_a_value_is_nowhere_in_a_space_its_log_or_its_export(tmp_path: Path) -> None:
    store = FileSecrets(tmp_path / "own" / "secrets.json")
    place = tmp_path / "space.weft"

    with weft.open(str(place)) as space:
        login = space.create(Login, user="ada", password=store.put("mail", CANARY))
        assert login.length.wait() == 3
        login.password = store.put("mail", f"{CANARY} two")
        assert store.get(login.password) == f"{CANARY} two"
    said = subprocess.run(
        [sys.executable, "-m", "weft", "export", str(place), str(tmp_path / "export")],
        check=False, capture_output=True, timeout=60,
    )  # fmt: skip

    assert said.returncode == 0, said.stderr
    files = [each for each in tmp_path.rglob("*") if each.is_file() and each.parent.name != "own"]
    assert len(files) >= 2
    assert [each for each in files if CANARY.encode() in each.read_bytes()] == []


# The command.


def secret(*arguments: str, given: str = "", home: Path) -> subprocess.CompletedProcess[str]:
    """`weft secret …`, with its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "weft", "secret", *arguments], input=given, capture_output=True, text=True, timeout=60,
        env={**os.environ, "HOME": str(home), "USERPROFILE": str(home), "WEFT_DEBUG": "1"}, check=False,
    )  # fmt: skip


def test_the_command_keeps_lists_and_drops_and_never_shows_a_value(tmp_path: Path) -> None:
    first = secret("set", "mail", given=f"{CANARY}\n", home=tmp_path)
    second = secret("set", "mail", given=f"{CANARY} two\r\n", home=tmp_path)
    listed, as_json = secret("list", home=tmp_path), secret("list", "--json", home=tmp_path)
    store = FileSecrets(tmp_path / ".weft" / "secrets.json")
    values = [store.get(Secret("mail", 1)), store.get(Secret("mail", 2))]
    dropped = secret("drop", "mail", "--generation", "1", home=tmp_path)
    again = secret("drop", "mail", "--generation", "1", home=tmp_path)

    assert first.stdout == "mail is kept, as generation 1\n"
    assert second.stdout == "mail is kept, as generation 2\n"
    assert values == [CANARY, f"{CANARY} two"]
    assert listed.stdout == "mail  generation 2 (also 1)\n"
    assert '"mail": [\n      1,\n      2\n    ]' in as_json.stdout
    assert dropped.stdout == "mail is dropped: generation 1\n"
    assert again.returncode == 1
    assert "kept are its generations 2" in again.stderr
    for each in (first, second, listed, as_json, dropped, again):
        assert CANARY not in each.stdout + each.stderr


@pytest.mark.parametrize(
    "arguments", [("set", "mail", CANARY), ("set", f"--value={CANARY}", "mail"), ("set", f"{CANARY}!")]
)
def test_a_value_given_as_an_argument_is_refused_and_not_repeated(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    said = secret(*arguments, given="x", home=tmp_path)

    assert said.returncode != 0
    assert CANARY not in said.stdout + said.stderr
    assert secret("list", home=tmp_path).stdout == ""


def test_what_is_not_unicode_is_refused_without_being_shown(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "weft", "secret", "set", "mail", "--file", str(tmp_path / "own" / "s.json")],
        input=CANARY.encode() + b"\xff", capture_output=True, timeout=60, check=False,
    )  # fmt: skip

    assert said.returncode == 1
    assert b"is not Unicode" in said.stderr
    assert CANARY.encode() not in said.stderr


def test_at_a_terminal_the_value_is_asked_for_twice_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from weft.cli.secret import command

    asked: list[str] = []

    def answer(text: str) -> str:
        asked.append(text)
        return CANARY

    monkeypatch.setattr("click.termui.hidden_prompt_func", answer)
    terminal = io.TextIOWrapper(io.BytesIO(b"not read"))
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", terminal)

    command(["set", "mail", "--file", str(tmp_path / "own" / "s.json")], standalone_mode=False)

    said = capsys.readouterr()
    assert len(asked) == 2
    assert CANARY not in said.out + said.err
    assert FileSecrets(tmp_path / "own" / "s.json").get(Secret("mail")) == CANARY


def test_two_places_at_once_are_a_usage_error(tmp_path: Path) -> None:
    said = secret("list", "--keyring", "--file", "x", home=tmp_path)

    assert said.returncode == 2
