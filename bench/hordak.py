"""Posting against hordak, a ledger on Django and PostgreSQL, with an environment and a database of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench.environments import environment
from bench.frame import Comparison, NotMeasured
from bench.ledger_world import AS_JOB, NOW, World, book_rows, world
from bench.places import members_store, postgresql_database
from incentives.posting import Poster
from privacy.principals import Purpose

HORDAK = "django-hordak==2.0.0"
BESIDE = ("django<6", "psycopg2-binary")
SINGLES, BATCH = 50, 10_000


def comparisons() -> Iterator[Comparison]:
    """Rows for ``bench.__main__``. Raises: NotMeasured."""
    python = environment(HORDAK, *BESIDE)
    with members_store("postgresql") as store, postgresql_database() as url, _hordak(python, url) as tell:
        here = world(store)
        poster = Poster(store, AS_JOB, Purpose.rewards)

        def singles() -> None:
            for new in here.postings.transfers(SINGLES):
                poster.book(new, booked_at=NOW)

        work = f"{SINGLES} single postings, durable, PostgreSQL"
        yield Comparison(work, HORDAK, singles, lambda: tell(f"single {SINGLES}"), 7, "single-hordak")
        work = f"batch of {BATCH:,}, all features, PostgreSQL"
        yield Comparison(work, HORDAK, lambda: _batch(here), lambda: tell(f"batch {BATCH}"), 5)


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


def _batch(here: World) -> None:
    assert book_rows(here, here.postings.numbers(BATCH)) == BATCH
