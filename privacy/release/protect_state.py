"""The release ledger of the pure stage as files: what was published, who was counted, what later windows need.

``state.json`` and ``people.csv`` in a folder of their own. They hold exact data about people: whoever may not read the
people file may not read them. Both are replaced whole, the rows first, so that a crash leaves the state before or the
one after.
"""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from privacy.errors import Invalid
from privacy.release.document import read
from privacy.release.people import read_people
from privacy.release.protect import State, Year

FORMAT = 1
STATE, PEOPLE = "state.json", "people-{last}.csv"


def load_state(folder: Path) -> State:
    """The state in a folder; a new one where there is none. Raises Invalid where it cannot be read."""
    path = folder / STATE
    if not path.exists():
        return State()
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields["format"] != FORMAT:
            raise Invalid(f"{path} was written by another version of Vitaal.", field="state")
        people = folder / PEOPLE.format(last=fields["last"])
        rows = read_people(people.read_bytes(), file=str(people)).rows if fields["rows"] else pd.DataFrame()
        return State(
            years={int(number): _year(each) for number, each in fields["years"].items()},
            documents=[read(each) for each in fields["documents"]],
            rows=rows,
            last=fields["last"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Invalid(f"{path} cannot be read: give the folder that an earlier run wrote.", field="state") from error


def save_state(folder: Path, state: State) -> None:
    """Write the state into a folder. Raises Invalid where it cannot be written."""
    fields = {
        "format": FORMAT,
        "last": state.last,
        "rows": len(state.rows),
        "years": {number: _fields(year) for number, year in state.years.items()},
        "documents": [each.canonical() for each in state.documents],
    }
    people = PEOPLE.format(last=state.last)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if len(state.rows):
            _replace(folder / people, state.rows.to_csv(index=False, lineterminator="\n"))
        _replace(folder / STATE, json.dumps(fields, indent=1) + "\n")
        for old in folder.glob(PEOPLE.format(last="*")):
            if old.name != people or not len(state.rows):
                old.unlink()
    except OSError as error:
        raise Invalid(f"The state cannot be written to {folder}: {error.strerror}.", field="state") from error


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.touch(mode=0o600)
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _fields(year: Year) -> dict[str, Any]:
    return {
        "heads": year.heads,
        "months": year.months,
        "reached": sorted(year.reached),
        "counts": year.counts,
        "spent_micro": year.spent_micro,
        "stopped": year.stopped,
    }


def _year(fields: dict[str, Any]) -> Year:
    year = Year(**fields)
    year.reached = set(fields["reached"])
    return year
