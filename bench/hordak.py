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
from pathlib import Path
from urllib.parse import urlsplit

from bench.frame import Comparison, NotMeasured
from bench.ledger_world import AS_JOB, NOW, World, book_rows, world
from bench.places import members_store, postgresql_database
from incentives.posting import Poster
from privacy.principals import Purpose

HORDAK = "django-hordak==2.0.0"
WANTED = (HORDAK, "django<6", "psycopg2-binary")
SINGLES, BATCH = 50, 10_000


def comparisons() -> Iterator[Comparison]:
    """Rows for ``bench.__main__``. Raises: NotMeasured."""
    python = _environment()
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


def _batch(here: World) -> None:
    assert book_rows(here, here.postings.numbers(BATCH)) == BATCH
