"""Posting against hordak, a double-entry ledger on Django and PostgreSQL, in an environment and a database of its own.

The environment is made once, in the folder ``vitaal-bench`` of the user's cache, from the package registry; it is no
dependency of anything.
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from bench.frame import Comparison, NotMeasured
from bench.places import members_store, postgresql_database
from incentives.accounts import AccountKind, account_of, open_accounts
from incentives.ledger import NewTransfer, TransferCode, book, book_many
from privacy.principals import Purpose, job
from privacy.store import Store, transaction

HORDAK = "django-hordak==2.0.0"
WANTED = (HORDAK, "django<6", "psycopg2-binary")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNTS = 500
SINGLES, BATCH = 50, 10_000
AS_JOB = job("bench")


def comparisons() -> Iterator[Comparison]:
    """Rows for ``bench.__main__``. Raises: NotMeasured."""
    python = _environment()
    with members_store("postgresql") as store, postgresql_database() as url, _hordak(python, url) as tell:
        fund, purses = _accounts(store)
        yield Comparison(
            f"{SINGLES} single postings, durable, PostgreSQL",
            HORDAK,
            lambda: _singles(store, fund, purses),
            lambda: tell(f"single {SINGLES}"),
            7,
            "single-hordak",
        )
        yield Comparison(
            f"batch of {BATCH:,}, all features, PostgreSQL",
            HORDAK,
            lambda: _batch(store, fund, purses),
            lambda: tell(f"batch {BATCH}"),
            5,
        )


def _environment() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "vitaal-bench" / HORDAK.replace("==", "-")
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (folder / "complete").exists():
        try:
            venv.create(folder, with_pip=True, clear=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *WANTED]
            subprocess.run(install, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            raise NotMeasured(f"{HORDAK} cannot be installed here") from error
        (folder / "complete").touch()
    return python


@contextmanager
def _hordak(python: Path, url: str) -> Iterator[Callable[[str], None]]:
    """A process that posts with hordak; the block is handed what tells it to, and waits until it has."""
    parts = urlsplit(url)
    database = {
        "NAME": parts.path.removeprefix("/"),
        "USER": parts.username,
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname,
        "PORT": parts.port or 5432,
    }
    worker = Path(__file__).parent / "peers" / "hordak_worker.py"
    process = subprocess.Popen(
        [str(python), str(worker), json.dumps(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    told, answers = process.stdin, process.stdout

    def heard(word: str) -> None:
        answer = answers.readline().strip()
        if answer != word:
            raise NotMeasured(f"hordak's process said {answer!r} instead of {word!r}")

    def tell(what: str) -> None:
        told.write(f"{what}\n")
        told.flush()
        heard("done")

    try:
        heard("ready")
        yield tell
    finally:
        told.close()
        process.wait(timeout=60)
        answers.close()


def _accounts(store: Store) -> tuple[UUID, list[UUID]]:
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        outside, purses = account_of(db, kind=AccountKind.outside, now=NOW), [uuid4() for _ in range(ACCOUNTS)]
        open_accounts(db, purses, kind=AccountKind.purse, now=NOW)
    return outside, purses


def _new(number: int, fund: UUID, purses: list[UUID]) -> NewTransfer:
    return NewTransfer(
        reference=uuid4(),
        debit=fund,
        credit=purses[number % ACCOUNTS],
        amount_coins=1 + number % 5,
        code=TransferCode.award,
        cause="bench/rule/2026-01-01",
    )


def _singles(store: Store, fund: UUID, purses: list[UUID]) -> None:
    for number in range(SINGLES):
        with transaction(store, AS_JOB, Purpose.rewards) as db:
            book(
                db,
                reference=uuid4(),
                debit=fund,
                credit=purses[number % ACCOUNTS],
                amount_coins=1 + number % 5,
                code=TransferCode.award,
                cause="bench/rule/2026-01-01",
                booked_at=NOW,
            )


def _batch(store: Store, fund: UUID, purses: list[UUID]) -> None:
    with transaction(store, AS_JOB, Purpose.rewards) as db:
        book_many(db, [_new(number, fund, purses) for number in range(BATCH)], booked_at=NOW)
