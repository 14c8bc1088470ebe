"""A real IMAP server for tests: Dovecot as a plain process on this machine, with a folder of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import missing_part
from weft.examples.mail.letters import Letter, write_maildir

USER, PASSWORD = "owner", 'pass "wörd\\'
START_S = 30
NOBODY = 65534

CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
{users}
first_valid_uid = 0
first_valid_gid = 0
ssl = {ssl}
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
mail_max_userip_connections = 100
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
{unrooted}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A server that runs: its ports, and its user's Maildir, into which a test may put mails."""

    folder: Path
    port: int
    tls_port: int

    @property
    def maildir(self) -> Path:
        return self.folder / "mail" / USER

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"


@contextmanager
def dovecot(
    mails: Sequence[Letter] = (), *, has_tls: bool = False, mechanisms: str = "plain login"
) -> Iterator[Dovecot]:
    """The server, with these mails in its user's mailbox. Skips the test where there is no Dovecot."""
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        missing_part("dovecot", "there is no such program (Debian: dovecot-imapd)")
        raise AssertionError
    with tempfile.TemporaryDirectory(prefix="weft-dovecot-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # Who serves the mails may be another user.
        server = Dovecot(folder, _free_port(), _free_port() if has_tls else 0)
        write_maildir(server.maildir, mails)
        process = _start(program, server, has_tls=has_tls, mechanisms=mechanisms)
        try:
            _wait_until_it_listens(process, server)
            yield server
        finally:
            process.terminate()
            process.wait(START_S)


def _start(program: str, server: Dovecot, *, has_tls: bool, mechanisms: str) -> subprocess.Popen[bytes]:
    folder = server.folder
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", encoding="utf-8")
    ssl = "no"
    if has_tls:
        _make_certificate(folder)
        ssl = f"yes\nssl_cert = <{folder}/certificate.pem\nssl_key = <{folder}/key.pem"
    users, unrooted = "", "service auth {\n  user = root\n}"  # which may read what the tests write
    if not os.getuid():  # Dovecot serves no mails as root.
        (folder / "home").mkdir()
        for each in (folder / "home", folder / "mail", *(folder / "mail").rglob("*")):
            os.chown(each, NOBODY, NOBODY)
    else:  # Of its own, Dovecot has users for its parts, and changes to them: only root can.
        me = getpass.getuser()
        users = f"default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group = {_group()}"
        unrooted = "service anvil {\n  chroot =\n}\nservice imap-login {\n  chroot =\n}"
    filled = CONFIG.format(
        folder=folder,
        users=users,
        unrooted=unrooted,
        uid=os.getuid() or NOBODY,
        gid=os.getgid() or NOBODY,
        ssl=ssl,
        mechanisms=mechanisms,
        port=server.port,
        tls_port=server.tls_port,
    )
    (folder / "dovecot.conf").write_text(filled, encoding="utf-8")
    return subprocess.Popen([program, "-F", "-c", str(folder / "dovecot.conf")])


def _group() -> str:
    import grp

    return grp.getgrgid(os.getgid()).gr_name


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _make_certificate(folder: Path) -> None:
    if shutil.which("openssl") is None:
        missing_part("openssl", "there is no such program")
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(["openssl", "req", *made, *names, *files], check=True, capture_output=True)


def _wait_until_it_listens(process: subprocess.Popen[bytes], server: Dovecot) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    log = server.folder / "log"
    raise AssertionError(f"Dovecot does not listen: {log.read_text() if log.exists() else 'it wrote no log'}")
