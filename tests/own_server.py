"""A PostgreSQL server of a test's own, durable as in production, to be killed whole and started again."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg

USER = "postgres"
START_SECONDS_MAX = 60
_QUIET: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}


def _programs() -> Path | None:
    """The folder of the newest server's programs."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name))
    known = shutil.which("initdb")
    folders = [*reversed(packaged), *([Path(known).parent] if known else [])]
    fit = (folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists())
    return next(fit, None)


def _account() -> dict[str, Any]:
    """Under whom the server runs, for it refuses to be root's."""
    if os.geteuid() != 0:
        return {}
    group = pwd.getpwnam(USER).pw_gid
    return {"user": USER, "group": group, "extra_groups": []}


def why_no_own_server() -> str | None:
    """Why a test cannot start a server of its own, or None."""
    if _programs() is None:
        return "the programs initdb and postgres are not installed"
    if os.geteuid() == 0 and USER not in {entry.pw_name for entry in pwd.getpwall()}:
        return f"a server cannot run as root, and there is no user {USER}"
    return None


class OwnServer:
    """One server with its data in a folder; ``kill`` takes the postmaster and every other process of it at once."""

    def __init__(self, folder: Path) -> None:
        programs = _programs()
        assert programs is not None
        self._programs, self._data, self._log = programs, folder / "data", folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        making = [programs / "initdb", "-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale"]
        # --no-sync: what initdb writes need not survive a power cut, and no kill of ours is one.
        subprocess.run([*making, "--no-sync"], check=True, cwd=folder, **_QUIET, **_account())

    def url(self, database: str) -> str:
        """The address of a database on the server as it runs now: each start takes another free port."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/{database}"

    def launch(self) -> None:
        """Start the server without waiting for it."""
        assert self._process is None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "max_connections": 30,
            "shared_buffers": "16MB",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options],
                cwd=self._data.parent,
                stderr=log,
                start_new_session=True,
                **_QUIET,
                **_account(),
            )

    def start(self) -> None:
        """Start the server and wait until it has recovered and answers."""
        self.launch()
        until = monotonic() + START_SECONDS_MAX
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            assert self._process is not None
            if self._process.poll() is not None:  # somebody took the port between looking and starting
                self._process = None
                self.launch()
            assert monotonic() < until, self.log()
            sleep(0.02)

    def kill(self) -> None:
        """``kill -9`` for every process of the server. The postmaster stands still meanwhile: it could start others."""
        process = self._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
        pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
        for child in (child for child, parent in pairs if parent == process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait()
        self._process = None

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is not None:
            self.kill()

    def log(self) -> str:
        """What the server wrote so far."""
        return self._log.read_text(errors="replace")

    @property
    def recoveries(self) -> int:
        """How often it found at its start that it had not been shut down."""
        return self.log().count("automatic recovery in progress")


@contextmanager
def own_server() -> Generator[OwnServer]:
    """A running server that lives as long as the block."""
    folder = Path(tempfile.mkdtemp(prefix="vitaal-server-"))  # not in pytest's own, which is closed to other users
    server = None
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        server = OwnServer(folder)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
