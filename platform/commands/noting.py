"""``vitaal release note``: an error found after publication, as a dated note on the figure that stays."""

from datetime import UTC, datetime
from pathlib import Path

import click

from privacy.jobs import Period
from privacy.principals import Purpose, Side, job
from privacy.release.noted import add_note
from privacy.release.notes import By, Kind
from privacy.release.plan import Name
from privacy.release.published import find_scope
from privacy.store import transaction

from ..stores import open_side
from .common import answer, json_option, stores_option

NOTING = job("note-releases")
EVERYBODY = "all"


@click.command("note")
@click.option("--audience", required=True, help="Whose figure, as for export; all for a fault in the software.")
@click.option("--statistic", required=True, type=click.Choice([each.value for each in Name]), help="Which figure.")
@click.option("--window", required=True, help="Its period: 2026-05, 2026-Q2, 2026-H1 or 2026.")
@click.option("--kind", required=True, type=click.Choice([each.value for each in Kind]), help="What was wrong.")
@click.option("--declared-by", required=True, type=click.Choice([each.value for each in By]), help="Who said so.")
@stores_option
@json_option
def note(
    audience: str, statistic: str, window: str, kind: str, declared_by: str, directory: Path | None, as_json: bool
) -> None:
    """Note in fixed words, with today's date, that a published figure rests on an error. The figure stays."""
    label = Period.parse(window).label
    store = open_side(Side.employers, directory)
    try:
        with transaction(store, NOTING, Purpose.publishing) as db:
            found = add_note(
                db,
                None if audience == EVERYBODY else find_scope(db, audience),
                statistic=Name(statistic),
                window=label,
                kind=Kind(kind),
                declared_by=By(declared_by),
                now=datetime.now(UTC),
            )
    finally:
        store.close()
    told = {
        "notes": len(found),
        "statistic": statistic,
        "window": label,
        "kind": kind,
        "noted_on": found[0].noted_on.isoformat(),
        "text": {locale: found[0].sentence(locale) for locale in ("nl", "en")},
    }
    answer(as_json, told, "\n".join([*(each.sentence("en") for each in found[:1]), f"Noted on {len(found)} figures."]))
