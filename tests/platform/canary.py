"""A member who lives in a served installation, and everything by which somebody could be told of that member."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from tests.platform.mail_host import MailHost
from tests.platform.town import Town

TODAY = datetime.now(UTC).date()
WORD = "Kanarienaam"
"""The canary's nickname, and what every built-in fault says."""
SECRETS = {
    "password": "kanariewachtwoord-77",
    "code of the invitation": "KANARIECODE93",
    "wrong code": "KANARIEFOUT12",
    "private address": "kanarie.post@example.org",
    "mailed code": "KANARIEMAIL55",
    "voucher": "KANARIEBON88",
    "file": "kanariebestand",
    "path": "kanariepad",
}
STEPS = 48273
HOURLY = "Id,ActivityHour,StepTotal\n"
SERVER = Path(__file__).with_name("canary_server.py")
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


class Browser:
    """A real browser's share of HTTP, which keeps what it was answered."""

    def __init__(self, base: str) -> None:
        self.http = httpx.Client(base_url=base, cookies={"vitaal_language": "en"}, timeout=60)
        self.answers: list[httpx.Response] = []

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self._kept(self.http.get(path, **options))

    def send(self, path: str, *, page: str | None = None, files: Any = None, **fields: str) -> httpx.Response:
        token = _TOKEN.search(self.get(page or path).text)
        assert token is not None, page or path
        return self._kept(self.http.post(path, data={"csrf_token": token[1], **fields}, files=files))

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        self.answers.append(answer)
        return answer

    def value(self, path: str, name: str) -> str:
        found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', self.get(path).text)
        assert found is not None
        return found[1]


@dataclass
class Canary:
    """Everything that is the canary's."""

    secrets: dict[str, str] = field(default_factory=lambda: {"nickname": WORD, **SECRETS})

    def heard_in(self, text: str) -> list[str]:
        """What of the canary a text tells, in any capitals."""
        plain = unescape(text).casefold()
        found = [name for name, secret in self.secrets.items() if secret.casefold() in plain]
        return found + (["steps"] if re.search(rf"(?<!\d){STEPS // 1000}[.,]?{STEPS % 1000}(?!\d)", plain) else [])


@dataclass
class Installation:
    """A served town: its folder, its mail server, and what its process writes."""

    folder: Path
    temporary: Path
    town: Town
    host: MailHost
    environment: Mapping[str, str]
    voucher: UUID
    address: str = ""

    def command(self, *arguments: str) -> str:
        """What ``vitaal`` writes for these arguments, on both outputs."""
        done = subprocess.run(
            [sys.executable, SERVER, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout

    @contextmanager
    def served(self) -> Iterator[list[str]]:
        """The server and worker for the length of a block; afterwards the list holds what they wrote."""
        said: list[str] = []
        log = self.temporary.with_name("log")
        with log.open("wb") as out:
            server = subprocess.Popen(
                [sys.executable, SERVER, "serve", "--dir", self.folder, "--port", "0", "--worker"],
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            try:
                wait_for(lambda: "Serving on" in log.read_text())
                self.address = log.read_text().split("Serving on ")[1].split()[0]
                yield said
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(timeout=60)
        said += log.read_text().splitlines()


def wait_for(done: Any, timeout_s: float = 90) -> None:
    until = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.1)
