"""The attacker finds in weaker designs what is known of them, and nothing that is not so."""

import random

import pytest
from attack_designs import MONTHS, Firm, Person, by_month, count, design_a, design_b, design_c, design_d, firm, row
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.release.attack.findings import Attack
from privacy.release.attack.report import Report, attacked

DESIGNS = {
    "a": design_a,
    "b": design_b,
    "c": lambda firm, tables: design_c(firm, 3, tables),
    "d": lambda firm, tables: design_d(firm, 3, tables=tables[:2]),
}
EXACT = {Attack.totals_minus_parts, Attack.all_or_nothing, Attack.suppressed, Attack.reconstruction}
TABLES = ("total", "department", "site")


def planted(heads: int, *, always: bool, months: int = MONTHS) -> tuple[Firm, Person]:
    """A firm with one employee who takes part always or never, and stays."""
    made = firm(heads, 1, months=months)
    victim = next(each for each in made.people if each.first == 0 and each.last == months - 1)
    victim.months = set(range(months)) if always else set()
    return made, victim


def against_one(design: str, heads: int, *, always: bool, tables: tuple[str, ...] = TABLES) -> Report:
    """An attacker who knows everybody but the planted one."""
    made, victim = planted(heads, always=always)
    known = {each.id for each in made.people} - {victim.id}
    return attacked(DESIGNS[design](made, tables), public=made.roster(known=known))


@pytest.mark.parametrize(
    ("design", "whole", "month"),
    [("a", (1, 1), (1, 1)), ("b", (0.99, 1), (0.1, 0.6)), ("c", (0.9, 1), (0.3, 0.8)), ("d", (0.3, 0.6), (0.1, 0.25))],
)
@pytest.mark.parametrize("always", [True, False])
def test_one_unknown_among_known_colleagues_is_found_as_surely_as_the_design_allows(
    design: str, always: bool, whole: tuple[float, float], month: tuple[float, float]
) -> None:
    [told] = against_one(design, 60, always=always).told

    assert whole[0] <= told.whole_history <= whole[1]
    assert month[0] <= sum(told.months.values()) / len(told.months) <= month[1]
    assert not told.partly


def test_design_a_is_as_bad_at_250() -> None:
    [told] = against_one("a", 250, always=True, tables=("total", "department")).told
    assert told.whole_history == told.one_month == 1


def test_hidden_cells_of_a_minimum_group_size_are_recovered() -> None:
    made = firm(60, 2)
    report = attacked(design_a(made, TABLES), public=made.roster(measures=False))

    assert report.solved.withheld == 54
    assert report.solved.recovered == 42
    assert {Attack.totals_minus_parts, Attack.budget} <= {each.attack for each in report.findings}


def test_complementary_suppression_hides_the_cells_but_nobody_in_them() -> None:
    report = against_one("b", 60, always=True)
    assert report.solved.recovered <= 2
    assert report.confidence == 1


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 10_000), heads=st.integers(4, 14), rounded=st.booleans(), share=st.sampled_from([0, 0.5, 0.9])
)
def test_whatever_is_called_certain_is_true(seed: int, heads: int, rounded: bool, share: float) -> None:
    made = firm(heads, seed, months=2, turnover=0.2)
    chance = random.Random(seed)
    known = {each.id for each in made.people if chance.random() < share}
    report = attacked((design_b if rounded else design_a)(made), public=made.roster(known=known))

    people = {each.id: each for each in made.people}
    for each in report.findings:
        months = [int(month) for month in each.months]
        if each.people and (each.attack in EXACT or "took part in this" not in each.inference) and each.figures:
            active = [
                month in people[name].months for name in each.people for month in months if people[name].present(month)
            ]
            assert all(active) if each.inference in ("took part", "every one of them took part") else not any(active)
        elif each.inference.startswith("the withheld number is"):
            table, cell = each.cell.split(" ", 1)
            for month in months:
                assert each.inference.endswith(f" {count(made.cells(table, month)[cell], month)}")
    assert not report.notes


def test_without_a_roster_cells_alone_are_attacked() -> None:
    made = firm(60, 2, months=6)
    report = attacked(design_a(made, ("total", "site")))
    assert (report.solved.withheld, report.solved.recovered) == (6, 6)
    assert {each.cell for each in report.findings if each.attack is Attack.totals_minus_parts} == {"site west"}


def small(*active: int) -> Firm:
    """Six people in one month, three in each department, the sixth on the other site."""
    columns = [{"department": f"d{at // 3}", "site": "s" if at < 5 else "t", "age_band": "x"} for at in range(6)]
    people = [Person(f"p{at}", columns[at], 0, 0, {0} if at in active else set()) for at in range(6)]
    return Firm(people, 1)


def findings(made: Firm, files: dict[str, str], **roster: object) -> dict[Attack, set[tuple[str, ...]]]:
    found: dict[Attack, set[tuple[str, ...]]] = {}
    for each in attacked(files, public=made.roster(**roster)).findings:  # type: ignore[arg-type]
        found.setdefault(each.attack, set()).add(each.people)
    return found


def exact(made: Firm, *tables: str) -> dict[str, str]:
    """Counts of whatever group, hidden nowhere."""
    return by_month(
        tables,
        lambda firm, table, month: [
            row(table, cell, month, count(people, month), len(people))
            for cell, people in firm.cells(table, month).items()
        ],
        made,
    )


def test_a_group_of_whom_all_take_part_is_told() -> None:
    made = small(0, 1, 2)
    assert findings(made, exact(made, "department"))[Attack.all_or_nothing] == {("p0", "p1", "p2"), ("p3", "p4", "p5")}


def test_two_cohorts_of_one_month_tell_the_leaver() -> None:
    people = [Person(f"p{at}", {"department": "d", "site": "s", "age_band": "x"}, 0, 1, {1}) for at in range(3)]
    people.append(Person("joiner", people[0].columns, 1, 1, set()))
    people[0].months = set()
    made = Firm(people, 2)
    files = {
        "early.csv": exact(made, "total")["total-01.csv"].replace(",any,1,count,4", ",any,0,count,3"),
        "late.csv": exact(made, "total")["total-01.csv"],
    }
    assert ("joiner",) in findings(made, files)[Attack.overlap]


def test_a_total_less_a_part_and_a_crossing_table_tell_single_people() -> None:
    made = small(0, 3, 5)
    found = findings(made, exact(made, "total", "department", "site"))
    assert ("p5",) in found[Attack.all_or_nothing]
    known = findings(made, exact(made, "total", "department"), known={"p0", "p1", "p3", "p4", "p5"})
    assert ("p2",) in known[Attack.one_unknown]


def test_the_same_answer_given_again_with_fresh_noise_averages() -> None:
    made = small(0, 1)
    files = {
        f"again-{at}.csv": exact(made, "total")["total-00.csv"]
        .replace(",2,any", f",{at},any")
        .replace("none,0", "gauss,4")
        for at in range(16)
    }
    found = [each for each in attacked(files).findings if each.attack is Attack.averaging]
    assert len(found) == 1
    assert found[0].confidence == pytest.approx(0.383, abs=1e-3)
    assert found[0].right_of_100 == 69


@pytest.mark.parametrize(("value", "noise", "confidence"), [("33.3333", "none,0", 1.0), ("2.25", "gauss,4", 0.9)])
def test_digits_after_the_point_are_told(value: str, noise: str, confidence: float) -> None:
    text = exact(small(0, 1), "total")["total-00.csv"].replace(",2,any", f",{value},any").replace("none,0", noise)
    found = [
        each for each in attacked({"t.csv": text.replace("count", "pct")}).findings if each.attack is Attack.residue
    ]
    assert [each.confidence for each in found] == [confidence]


def test_an_unrounded_share_tells_the_number_behind_it() -> None:
    made = small(0, 1)
    text = exact(made, "total")["total-00.csv"].replace(",2,any", ",33.333333,any").replace("count", "pct")
    report = attacked({"t.csv": text}, public=made.roster(known={"p0", "p1", "p2", "p3", "p4"}))
    assert report.told[0].one_month == 1


def test_the_budget_is_recomputed_from_the_noise_alone() -> None:
    made = small(0)
    text = exact(made, "total")["total-00.csv"].replace("none,0", "gauss,2")
    report = attacked({"t.csv": text}, rho_year=0.1)
    assert [each.rho for each in report.years] == [pytest.approx(1 / 8)]
    assert [each.attack for each in report.findings if each.attack is Attack.budget] == [Attack.budget]
    assert not [each for each in attacked({"t.csv": text}, rho_year=0.125).findings if each.attack is Attack.budget]


def test_noise_that_cancels_between_two_figures_hides_nothing() -> None:
    made = small(0)
    total, department = (
        exact(made, each)[f"{each}-00.csv"].replace("none,0", "gauss,9") for each in ("total", "department")
    )
    rows = [*total.splitlines(), department.splitlines()[1]]
    files = {"t.csv": "\n".join(rows) + "\n", "t.attrs.json": '{"noise_cov": [[81, 81], [81, 81]]}'}
    report = attacked(files)
    assert report.whole_history == 1
    assert report.years[0].rho is None
