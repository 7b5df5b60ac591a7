"""The ledger's last seal, noted outside the database: beside the keys, one line per time that it was noted.

Whoever cuts off the end of the history, balances and seals with it, leaves a shorter and whole chain. That it is
shorter shows here. The file holds nothing about anybody: an instant, the seal's number and its digest. It stays out of
the backups of keys: a database that is brought back is as old as its own backup, and is noted anew.
"""

from datetime import UTC, datetime
from pathlib import Path

from privacy.key_files import locked, replace

FILE = "ledger-heads"
LINES_KEPT = 1_000


def note_head(folder: Path, head: str, now: datetime) -> None:
    """Note a head (``NUMBER:DIGEST``) beside the keys in ``folder``; on the disk when this returns."""
    line = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {head}"
    with locked(folder / "wrapped", alone=False):
        lines = _lines(folder)
        if not lines or lines[-1].split(" ")[-1] != head:
            replace(folder / FILE, "".join(f"{each}\n" for each in [*lines, line][-LINES_KEPT:]).encode())


def noted_head(folder: Path) -> str | None:
    """The head that was noted last, None before the first."""
    lines = _lines(folder)
    return lines[-1].split(" ")[-1] if lines else None


def _lines(folder: Path) -> list[str]:
    try:
        return (folder / FILE).read_text("ascii").splitlines()
    except FileNotFoundError:
        return []
