"""``vitaal release protect``: the pure privacy stage on a people file, for whoever wants to check it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from privacy.release.document import Document, Table, tables_of
from privacy.release.guarantee import Guarantee
from privacy.release.noise import OpenDpNoise, SeededNoise
from privacy.release.people import People, read_people
from privacy.release.plan import YEARLY_LIMIT_MICRO, Audience, Name, SizeClass, Statistic
from privacy.release.policy import read_policy
from privacy.release.protect import YEAR_ZERO, State, Terms, period_of, protect, standard_rho
from privacy.release.protect_state import load_state, save_state
from privacy.release.table import Row

from ..release_files import table_files, write_files
from .common import answer, json_option
from .files import read_bytes, read_text

_FILE, _FOLDER = click.Path(allow_dash=True), click.Path(path_type=Path, file_okay=False)


@click.command("protect")
@click.option("--people", "people_file", type=_FILE, required=True, help="CSV employee_id,period,columns,measures.")
@click.option("--out", type=_FOLDER, required=True, help="The folder to write the tables to.")
@click.option("--policy", "policy_file", type=_FILE, help="What may be published at all (YAML or JSON).")
@click.option("--state", "state_folder", type=_FOLDER, help="Carries the release ledger from one file to the next.")
@click.option("--seed", type=click.IntRange(0), help="Predictable noise, for tests: makes the release unpublishable.")
@json_option
def protect_people(
    people_file: str, out: Path, policy_file: str | None, state_folder: Path | None, seed: int | None, as_json: bool
) -> None:
    """Publish what the plan makes due within a people file and is not in the state yet, as CSV and release.json."""
    data, name = read_bytes(people_file)
    people = read_people(data, file=name)
    state = State() if state_folder is None else load_state(state_folder)
    noise = OpenDpNoise() if seed is None else SeededNoise(seed)
    terms = Terms(rho=standard_rho(Audience.employer)) if policy_file is None else _terms(policy_file)
    made = protect(people, terms=terms, state=state, noise=noise)
    if state_folder is not None:
        save_state(state_folder, state)
    shown = _within(state.documents, people)
    files: dict[str, str] = {}
    for table in tables_of(shown):
        files |= table_files(_in_periods(table))
    about = _about(terms, state, shown, publishable=all(each.noise == OpenDpNoise.name for each in state.documents))
    files["release.json"] = json.dumps(about, indent=2) + "\n"
    written = [str(path) for path in write_files(out, files)]
    answer(
        as_json, {"published": len(made), "publishable": about["publishable"], "files": written}, _said(made, written)
    )


def _terms(policy_file: str) -> Terms:
    """What a policy lets an employer know, by the grouping that it names; by whichever there is where it names none."""
    policy = read_policy(*read_text(policy_file))

    def rho(statistic: Statistic, size: SizeClass) -> int:
        return policy.rho_year_micro(statistic, Audience.employer, size)

    named = "grouping" in policy.model_fields_set and policy.allows(Name.grouping, Audience.employer)
    return Terms(rho=rho, grouping=policy.grouping if named else None)


def _within(documents: Sequence[Document], people: People) -> list[Document]:
    """What a file's months made due, now or in an earlier run that was cut off; of reach the whole year."""
    periods = set(people.periods)
    due = {each.table_name for each in documents if period_of(each.last_month) in periods}
    return [each for each in documents if each.table_name in due]


def _in_periods(table: Table) -> Table:
    statistic, _, window = table.name.partition("-")
    return replace(table, name=f"{statistic}-{_in_file(window)}", rows=tuple(map(_row, table.rows)))


def _in_file(window: str) -> str:
    """A window with its year as the file counts years."""
    return f"{int(window[:4]) - YEAR_ZERO}{window[4:]}"


def _row(row: Row) -> Row:
    months = {name: getattr(row, name) for name in ("start", "end", "cohort")}
    return replace(row, **{name: value if value == "-1" else str(period_of(value)) for name, value in months.items()})


def _about(terms: Terms, state: State, documents: Sequence[Document], *, publishable: bool) -> dict[str, Any]:
    limit = YEARLY_LIMIT_MICRO[terms.scope.tier] if terms.limit_micro is None else terms.limit_micro
    return {
        "format": 1,
        "audience": terms.kind,
        "publishable": publishable,
        "parameters": [
            {
                "statistic": each.statistic,
                "window": _in_file(each.window),
                "start": period_of(each.first_month),
                "end": period_of(each.last_month),
                "cells": each.cells,
                "noisy": each.noisy,
                "divisor": each.plan.divisor,
                "noise": each.noise,
                "scale": float(each.scale),
                "sensitivity_squared": each.sensitivity_squared,
                "rho_micro": each.rho_micro,
            }
            for each in documents
        ],
        "budget": [
            {"year": number - YEAR_ZERO, "limit_micro_rho": limit, "spent_micro_rho": year.spent_micro}
            for number, year in sorted(state.years.items())
        ],
        "guarantee": [
            Guarantee(
                kind=terms.kind,
                year=number - YEAR_ZERO,
                limits_micro={terms.scope.tier: limit},
                used_micro={terms.scope.tier: year.spent_micro},
                heads=year.heads,
            ).as_json()
            for number, year in sorted(state.years.items())
        ],
    }


def _said(made: Sequence[Document], files: Sequence[str]) -> str:
    if not made:
        return "Nothing new is due: everything within these months was published before, and stays as it is."
    return "\n".join([f"Published {len(made)} releases.", *files])
