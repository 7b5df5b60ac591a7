"""``vitaal rules evaluate``: what a programme's rules make of day metrics, events and facts. Pure: opens no store."""

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import click
import pandas as pd

from incentives.evaluate import DayMetrics, Events, Facts, entitlements
from incentives.tables import read_day_metrics, read_events, read_facts
from privacy.errors import Invalid
from programs.documents import Programme, read_programme

from .common import answer, json_option
from .files import read_bytes, read_text

COLUMNS = ("member", "period", "rule", "coins", "reason")
_PATH = click.Path(allow_dash=True)


@click.group()
def rules() -> None:
    """Reward rules."""


@rules.command()
@click.option("--programme", "document", type=_PATH, required=True, help="The programme document (YAML).")
@click.option("--day-metrics", type=_PATH, required=True, help="CSV member,day,metric,value.")
@click.option("--events", "event_file", type=_PATH, help="CSV member,at,kind,value; at is local time.")
@click.option("--member-facts", type=_PATH, help="CSV member,key,value,from.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Only what was known and in force on this day.")
@click.option("--draw-key", default="preview", show_default=True, help="Decides what lotteries draw.")
@click.option(
    "--lang", type=click.Choice(["en", "nl"]), default="en", show_default=True, help="Language of the reasons."
)
@json_option
def evaluate(
    *,
    document: str,
    day_metrics: str,
    event_file: str | None,
    member_facts: str | None,
    as_of: datetime | None,
    draw_key: str,
    lang: str,
    as_json: bool,
) -> None:
    """Print what each member has earned as CSV: member,period,rule,coins,reason; - reads standard input."""
    if [document, day_metrics, event_file, member_facts].count("-") > 1:
        raise click.UsageError("only one option can read standard input")
    text, name = read_text(document)
    programme = read_programme(text, file=name)
    days, day_file = read_bytes(day_metrics)
    day_rows = read_day_metrics(days, file=day_file)
    event_rows, fact_rows = Events.none().frame, Facts.none().frame
    if event_file:
        event_rows = _read_events(event_file)
    if member_facts:
        facts, facts_name = read_bytes(member_facts)
        fact_rows = read_facts(facts, file=facts_name)
    known = _Known(day_rows, event_rows, fact_rows)
    rows = _evaluated(programme, known, as_of.date() if as_of else None, draw_key.encode())
    rows = rows.rename(columns={f"reason_{lang}": "reason"}).loc[:, list(COLUMNS)]
    _print(rows, as_json)


def _read_events(file: str) -> pd.DataFrame:
    data, name = read_bytes(file)
    return read_events(data, file=name)


@dataclass(frozen=True)
class _Known:
    days: pd.DataFrame
    events: pd.DataFrame
    facts: pd.DataFrame


def _evaluated(programme: Programme, known: _Known, as_of: date | None, draw_key: bytes) -> pd.DataFrame:
    """Without ``as_of`` everything given is known, so the last week counts as over."""
    given = [*known.days["day"], *(at.date() for at in known.events["at"])]
    given = [day for day in given if as_of is None or day <= as_of]
    if not given:
        return pd.DataFrame(columns=["member", "period", "rule", "coins", "purse", "reason_nl", "reason_en"])
    first, last = min(given), as_of or max(given) + timedelta(days=6 - max(given).weekday())
    if (last - first).days > 100 * 366:
        raise Invalid(f"the days run from {first} to {last}: more than a hundred years", field="day")
    versions = programme.rules if programme.starts_on == "rolling" else [(programme.starts_on, programme.rules)]
    days = DayMetrics.from_frame(known.days, first, last)
    return entitlements(days, Events(known.events), Facts(known.facts), versions, draw_key=draw_key)


def _print(rows: pd.DataFrame, as_json: bool) -> None:
    records = [(*row[:3], int(row[3]), row[4]) for row in rows.itertuples(index=False, name=None)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(records)
    total = sum(record[3] for record in records)
    document = {"entitlements": [dict(zip(COLUMNS, record, strict=True)) for record in records], "coins": total}
    answer(as_json, document, text.getvalue().rstrip("\n"))
