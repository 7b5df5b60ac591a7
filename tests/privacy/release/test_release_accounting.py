"""Google's dp-accounting recomputes the year of every kind of group: within 1% of our ledger and of what is printed.

It lives in an environment of its own, made once from the package registry in the user's cache, and is no dependency of
anything. Making it takes minutes, so this is collected with VITAAL_SOAK_ACCOUNTING=1 alone (``make soak``);
``test_release_guarantee.py`` always compares with figures that it gave.
"""

import json
import os
import subprocess
import sys
import venv
from math import isqrt
from pathlib import Path

import pytest
from release_world import World
from sqlalchemy import select

from privacy.principals import Purpose, job
from privacy.release import mechanisms
from privacy.release.budget import ReleaseBudgetYear
from privacy.release.guarantee import DELTA_ONE_IN, YEARS, advantage, epsilon, figures
from privacy.release.outbox import NoisyValue
from privacy.release.plan import PLAN, REACH, Name
from privacy.store import transaction

WANTED = "dp-accounting==0.6.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vitaal-tests"
Events = list[tuple[int, int, int, int, bool]]
"""Squared sensitivity, standard deviation in grains, grains a unit, how often, whether the sensitivity is whole."""


@pytest.fixture(scope="session")
def accounting() -> Path:
    """The Python of an environment with dp-accounting."""
    folder = CACHE / WANTED.replace("==", "-")
    python, complete = folder / ("Scripts" if os.name == "nt" else "bin") / "python", folder / "complete"
    if complete.exists():
        return python
    try:
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WANTED]
        subprocess.run(install, check=True, capture_output=True, timeout=900)
    except (OSError, subprocess.SubprocessError):
        reason = f"{WANTED} cannot be installed here: the package registry does not answer"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    complete.touch()
    return python


def recomputed(python: Path, scopes: dict[str, Events]) -> dict[str, dict[str, float]]:
    asked = {"scopes": scopes, "delta": 1 / DELTA_ONE_IN, "years": YEARS}
    script = Path(__file__).with_name("accounting.py")
    answer = subprocess.run(
        [str(python), str(script)], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def agrees(theirs: dict[str, float], rho_micro: int) -> None:
    """Their figures are ours within 1%, and nothing that is printed is better than theirs."""
    rho, printed = rho_micro / mechanisms.MICRO, figures(rho_micro)
    assert theirs["rho"] == pytest.approx(rho, rel=0.01)
    assert theirs["epsilon"] == pytest.approx(epsilon(rho, 1 / DELTA_ONE_IN), rel=0.01)
    assert theirs["advantage"] == pytest.approx(advantage(rho), rel=0.01)
    assert theirs["advantage_after_years"] == pytest.approx(advantage(YEARS * rho), rel=0.01)
    assert theirs["rho"] <= rho
    assert theirs["epsilon_gaussian"] <= theirs["epsilon"] <= printed.epsilon
    assert 50 + 50 * theirs["advantage"] <= printed.right
    assert 50 + 50 * theirs["advantage_after_years"] <= printed.right_after_years


def event(sensitivity_squared: int, scale_grains: int, count: int = 1) -> tuple[int, int, int, int, bool]:
    whole = isqrt(sensitivity_squared) ** 2 == sensitivity_squared
    return sensitivity_squared, scale_grains, mechanisms.GRAIN, count, whole


def test_a_year_of_the_whole_plan_costs_what_is_charged_for_it(accounting: Path) -> None:
    scopes, charged = dict[str, Events](), dict[str, int]()
    for kind, size in sorted({key for line in PLAN for key in line.rho_year_micro}):
        name = f"{kind} {size}"
        scopes[name], charged[name] = [], 0
        for line in PLAN:
            whole_year = line.rho_year_micro.get((kind, size), 0)
            rho, count = (whole_year, 1) if line is REACH else (line.rho_window_micro(kind, size), line.windows)
            if rho:
                grains = int(mechanisms.scale_for(line.sensitivity_squared, rho) * mechanisms.GRAIN)
                scopes[name].append(event(line.sensitivity_squared, grains, count))
                charged[name] += rho * count
    for name, theirs in recomputed(accounting, scopes).items():
        agrees(theirs, charged[name])
        sys.stdout.write(f"{name}: ledger {charged[name] / 1e6:.6f}, dp-accounting {theirs}\n")


def test_a_published_year_costs_what_the_ledger_says(accounting: Path, world: World) -> None:
    world.small_collective()
    world.firm("large", 150)
    world.run_through("2026-01", "2026-12")
    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        ledger = {row.audience: row.spent_micro_rho for row in db.scalars(select(ReleaseBudgetYear))}
        drawn = {
            (row.audience, row.statistic, row.window if row.statistic != Name.reach else row.window[:4]): event(
                row.sensitivity_squared, row.scale_grains
            )
            for row in db.scalars(select(NoisyValue))
        }
    scopes: dict[str, Events] = {str(audience): [] for audience in ledger}
    for (audience, *_), one in drawn.items():
        scopes[str(audience)].append(one)
    found = recomputed(accounting, scopes)
    for audience, spent in ledger.items():
        agrees(found[str(audience)], spent)
