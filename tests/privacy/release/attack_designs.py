"""Firms and the weaker designs of publishing about them, as an attacker finds them: public rosters and tables as CSV.

(a) minimum group of 10 on headcount with exact counts; (b) the same with complementary suppression and rounding to 5;
(c) perturbation by small integers; (d) monthly normal noise.
"""

import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from math import isqrt

from privacy.release.table import COLUMNS

MONTHS = 24
GROUP_MIN = 10
TABLES = ("total", "department", "site", "age_band")


@dataclass
class Person:
    id: str
    columns: dict[str, str]
    first: int
    last: int
    months: set[int] = field(default_factory=set)

    def present(self, month: int) -> bool:
        return self.first <= month <= self.last


@dataclass
class Firm:
    people: list[Person]
    months: int = MONTHS

    def roster(self, *, known: Collection[str] = (), measures: bool = True) -> str:
        """The public roster; the measures of the known."""
        lines = ["employee_id,period,department,site,age_band" + (",active" if measures else "")]
        for person in self.people:
            for month in range(person.first, min(person.last, self.months - 1) + 1):
                amount = str(int(month in person.months)) if person.id in known else ""
                lines.append(",".join([person.id, str(month), *person.columns.values(), *([amount] * measures)]))
        return "\n".join(lines) + "\n"

    def cells(self, table: str, month: int) -> dict[str, list[Person]]:
        found: dict[str, list[Person]] = {"all": []} if table == "total" else {}
        for person in self.people:
            if person.present(month):
                found.setdefault("all" if table == "total" else person.columns[table], []).append(person)
        return dict(sorted(found.items()))


def firm(heads: int, seed: int, *, months: int = MONTHS, turnover: float = 0.012, active: float = 0.52) -> Firm:
    """People with habits, in departments of unequal size; leavers are replaced."""
    chance = random.Random(seed)
    weights = (6, 5, 4, 3.9, 1.2) if heads < 100 else (6, 5, 5, 4, 4, 3, 3, 3, 2.5, 2.5, 2.5, 0.8)

    def somebody(number: int, first: int) -> Person:
        columns = {
            "department": f"d{chance.choices(range(len(weights)), weights)[0]}",
            "site": chance.choices(("north", "south", "west"), (6, 3, 1))[0],
            "age_band": chance.choices(("-35", "36-50", "51+"), (3, 4, 3))[0],
        }
        person = Person(f"p{number}", columns, first, months - 1)
        habit = chance.choices((0.05, 0.5, 0.95), (38, 20, 42))[0]
        person.months = {month for month in range(first, months) if chance.random() < habit}
        return person

    people = [somebody(number, 0) for number in range(heads)]
    for month in range(1, months):
        for person in list(people):
            if person.present(month) and chance.random() < turnover:
                person.last = month - 1
                person.months = {each for each in person.months if each < month}
                people.append(somebody(len(people), month))
    return Firm(people, months)


def count(people: Collection[Person], month: int) -> int:
    return sum(month in each.months for each in people)


def row(table: str, cell: str, month: int, value: object, heads: int, **more: object) -> dict[str, object]:
    return {
        "table": table, "cell": cell, "measure": "active", "start": month, "end": month, "value": value, "stat": "any",
        "cohort": month, "unit": "count", "denominator": heads, "noise": "none", "scale": 0, "round_base": 0, "low": "",
        "high": "",
    } | more  # fmt: skip


def csv_of(rows: Iterator[dict[str, object]] | list[dict[str, object]]) -> str:
    return "\n".join([",".join(COLUMNS), *(",".join(str(each[name]) for name in COLUMNS) for each in rows)]) + "\n"


def by_month(tables: Collection[str], publish: Callable[[Firm, str, int], list[dict[str, object]]], firm: Firm):
    return {
        f"{table}-{month:02d}.csv": csv_of(publish(firm, table, month))
        for table in tables
        for month in range(firm.months)
    }


def design_a(firm: Firm, tables: Collection[str] = TABLES) -> dict[str, str]:
    def publish(firm: Firm, table: str, month: int) -> list[dict[str, object]]:
        return [
            row(table, cell, month, count(people, month) if len(people) >= GROUP_MIN else "", len(people))
            for cell, people in firm.cells(table, month).items()
        ]

    return by_month(tables, publish, firm)


def design_b(firm: Firm, tables: Collection[str] = TABLES) -> dict[str, str]:
    def publish(firm: Firm, table: str, month: int) -> list[dict[str, object]]:
        cells = firm.cells(table, month)
        hidden = {cell for cell, people in cells.items() if len(people) < GROUP_MIN}
        if len(hidden) == 1:
            rest = [cell for cell in cells if cell not in hidden]
            hidden |= {min(rest, key=lambda cell: len(cells[cell]))} if rest else set()
        return [
            row(table, cell, month, "" if cell in hidden else 5 * round(count(people, month) / 5), len(people),
                round_base=5)
            for cell, people in cells.items()
        ]  # fmt: skip

    return by_month(tables, publish, firm)


def design_c(firm: Firm, seed: int, tables: Collection[str] = TABLES) -> dict[str, str]:
    """Perturbation by -2 to 2, with its chances told."""
    chance, chances = random.Random(seed), {-2: 0.1, -1: 0.2, 0: 0.4, 1: 0.2, 2: 0.1}

    def publish(firm: Firm, table: str, month: int) -> list[dict[str, object]]:
        return [
            row(table, cell, month, count(people, month) + chance.choices(list(chances), list(chances.values()))[0],
                len(people), noise="pmf", scale=1.0954)
            for cell, people in firm.cells(table, month).items()
        ]  # fmt: skip

    files = by_month(tables, publish, firm)
    told = "{" + ", ".join(f'"{value}": {share}' for value, share in chances.items()) + "}"
    return files | {name.replace(".csv", ".attrs.json"): f'{{"pmf": {told}}}' for name in files}


def design_d(firm: Firm, seed: int, *, rho_year: float = 0.5, tables: Collection[str] = ("total", "department")):
    """Normal noise on whole numbers, a twelfth of the year's budget each month, shared by the tables."""
    chance = random.Random(seed)
    scale = isqrt(round(len(tables) * 12 / (2 * rho_year) * 10**8)) / 10**4

    def publish(firm: Firm, table: str, month: int) -> list[dict[str, object]]:
        return [
            row(table, cell, month, count(people, month) + round(chance.gauss(0, scale)), len(people), noise="gauss",
                scale=scale)
            for cell, people in firm.cells(table, month).items()
        ]  # fmt: skip

    return by_month(tables, publish, firm)
