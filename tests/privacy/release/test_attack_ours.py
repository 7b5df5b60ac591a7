"""The attacker on our own design, as somebody outside would run it: nothing beyond the promise, whatever it knows."""

import os
import random
import sys

import pytest
from attack_designs import firm

from privacy.release.attack.report import attacked
from privacy.release.document import Document, tables_of
from privacy.release.noise import SeededNoise
from privacy.release.people import read_people
from privacy.release.plan import Audience
from privacy.release.protect import State, Terms, protect, standard_rho
from privacy.release.table import attributes_text, csv_text

SOAK = "VITAAL_SOAK_BATTERY" in os.environ
CASES = [(heads, share) for heads in (25, 60, 250) for share in (0, 0.5, 0.8, 1)] if SOAK else [(30, 0.8)]
MONTHS = 24 if SOAK else 12


def files_of(documents: list[Document]) -> dict[str, str]:
    files: dict[str, str] = {}
    for table in tables_of(documents):
        files[f"{table.name}.csv"] = csv_text(table.rows)
        if table.noise_covariance is not None:
            files[f"{table.name}.attrs.json"] = attributes_text(table.noise_covariance)
    return files


@pytest.mark.parametrize(("heads", "share"), CASES)
def test_the_attacker_finds_nothing_beyond_the_promise(heads: int, share: float) -> None:
    made = firm(heads, heads, months=MONTHS, turnover=0 if heads == 25 else 0.012)
    people = read_people(made.roster(known={each.id for each in made.people}).encode(), file="people.csv")
    terms = Terms(kind=Audience.employer, rho=standard_rho(Audience.employer))
    documents = protect(people, terms=terms, state=State(), noise=SeededNoise(heads))
    chance = random.Random(heads)
    known = {each.id for each in made.people if chance.random() < share}

    report = attacked(files_of(documents), public=made.roster(known=known))

    said = f"{heads} heads, {share:.0%} known: surest {report.confidence:.3f}, promised {report.bound:.3f}\n"
    sys.stdout.write(said)
    assert list(report.findings) == []
    assert report.told
    assert report.one_month < 0.2
    assert report.whole_history <= report.bound
    assert all(each.kept for each in report.years)
