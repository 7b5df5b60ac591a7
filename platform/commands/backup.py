"""``vitaal backup`` and ``vitaal restore``: databases, keys and the erasure list, in folders to be stored apart."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from incentives.ledger_head import note_head
from incentives.verify import verify
from privacy.errors import Conflict
from privacy.keys import KeyRing
from privacy.principals import OPERATOR, Purpose, Side
from privacy.store import Store, open_store, transaction

from .. import schema
from ..backups import Places, back_up, blank_again, bring_back
from ..settings import read_settings
from ..stores import follow_erasures, keys_folder, open_side, urls
from .common import answer, json_option, stores_option

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--out", required=True, type=FOLDER, help="The folder of all backups.")
@stores_option
@json_option
def backup(out: Path, directory: Path | None, as_json: bool) -> None:
    """Back up both stores while they are in use; old archives of keys are deleted after 7 days."""
    for side in Side:
        open_side(side, directory).close()  # its keys fit, its schema is ours, its erasures are done
    done = back_up(_places(directory), out, today=datetime.now(UTC).date())
    files = [str(path) for path in done.files]
    lines = [*files, f"{done.deleted} old archives were deleted."]
    answer(as_json, {"files": files, "deleted": done.deleted}, "\n".join(lines))


@click.command()
@click.option("--from", "source", required=True, type=FOLDER, help="The folder of all backups.")
@click.option("--keys-from", type=FOLDER, help="The folder with keys/ and erasures/, where they are stored apart.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Which day's databases; by default the newest.")
@click.option("--to", "directory", type=FOLDER, help="A blank folder for the SQLite stores and the keys.")
@json_option
def restore(source: Path, keys_from: Path | None, day: datetime | None, directory: Path | None, as_json: bool) -> None:
    """Bring back a backup into a blank place: of --to, or of the settings. Whoever was erased since is erased again."""
    places = _places(directory)
    chosen = bring_back(source, places, keys_from=keys_from, day=day.date() if day else None)
    try:
        head = _made_ready(places)
    except BaseException:
        blank_again(places)
        raise
    days = {"databases": str(chosen.databases), "keys": str(chosen.keys), "erasures": str(chosen.erasures)}
    lines = [*(f"{name} of {on}" for name, on in days.items()), f"The ledger is whole; its last seal: {head}"]
    answer(as_json, {**days, "ledger_head": head}, "\n".join(lines))


def _made_ready(places: Places) -> str:
    """Migrate what was brought back, erase again, and check the books; the ledger's last seal."""
    for side in Side:
        with _opened(places, side) as store:
            schema.upgrade(store)
            follow_erasures(store)
    with (
        _opened(places, Side.members) as store,
        transaction(store, OPERATOR, Purpose.operation, read_only=True) as db,
    ):
        verdict = verify(db)
    if not verdict.ok:
        raise Conflict(f"The ledger of the backup is wrong: {verdict.problems[0]}")
    note_head(places.keys[Side.members], verdict.head, datetime.now(UTC))
    return verdict.head


@contextmanager
def _opened(places: Places, side: Side) -> Generator[Store]:
    store = open_store(side, places.urls[side], KeyRing(places.keys[side]))
    try:
        yield store
    finally:
        store.close()


def _places(directory: Path | None) -> Places:
    settings = read_settings()
    return Places(urls=urls(directory, settings), keys={side: keys_folder(directory, settings, side) for side in Side})
