"""What is to be reached: the table of the design, one entry per row, named so that a measurement can point at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limit:
    """``floor`` must be reached, ``aim`` is gone for. A ratio of speeds has to be at least that, a figure at most."""

    work: str
    against: str
    floor: float
    aim: float | None = None
    at_most: bool = False

    def verdict(self, value: float) -> Literal["aim reached", "floor reached", "not reached"]:
        """Where a measured value stands."""
        aim = self.floor if self.aim is None else self.aim
        if self._holds(value, aim):
            return "floor reached" if self.aim is None else "aim reached"
        return "floor reached" if self._holds(value, self.floor) else "not reached"

    def _holds(self, value: float, bound: float) -> bool:
        return value <= bound if self.at_most else value >= bound


LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "single-postgresql": Limit("single posting, durable, PostgreSQL", "raw server-function call", 0.6, 0.8),
        "single-hordak": Limit("single posting, durable, PostgreSQL", "hordak", 4),
        "single-pgledger": Limit("single posting, durable, PostgreSQL", "pgledger", 1.4),
        "batch-10000-postgresql": Limit("batch of 10,000, all features, PostgreSQL", "keyed COPY", 0.5, 0.7),
        "batch-100-postgresql": Limit("batch of 100, all features, PostgreSQL", "keyed COPY", 0.65),
        "batch-10000-sqlite": Limit("batch of 10,000, all features, SQLite", "raw keyed executemany", 1.2),
        "batch-100-sqlite": Limit("batch of 100, all features, SQLite", "raw keyed executemany", 0.9),
        "single-sqlite": Limit("single posting, SQLite", "raw keyed insert", 0.5),
        "hot-fund-bulk": Limit("eight posters on one fund, bulk", "one function call each", 10),
        "hot-fund-blocking": Limit("eight posters on one fund, blocking", "one function call each", 1.5),
        "fairness-sqlite": Limit("fairness of posters, SQLite", "most turns / fewest turns", 2, at_most=True),
        "rules": Limit("rules: 1 million events x 10 rules, caps per day and week", "plain loop per event", 8, 14),
        "pipeline-postgresql": Limit(
            "observations -> entitlements -> postings, PostgreSQL", "everything per event", 25, 35
        ),
        "replay": Limit("replaying a settled batch, 0 new rows", "fresh batch", 0.7),
        "balance": Limit("balance read", "summing a million transfers", 100),
        "privacy-stage": Limit("privacy stage, 10,000 cells", "the limit of 0.3 s", 1),
        "privacy-stage-duckdb": Limit("privacy stage, 10,000 cells", "DuckDB group-by of a million members", 0.1),
        "publishing": Limit("publishing about 200 firms of 60", "the limit of 60 s", 1),
        "storage-postgresql": Limit("storage, PostgreSQL", "bytes a posting", 200, at_most=True),
        "error-reach-60": Limit("error of reach, 60 heads", "points", 4.5, 4, at_most=True),
        "error-reach-250": Limit("error of reach, 250 heads", "points", 2, 2, at_most=True),
        "error-participation-60": Limit("error of participation, 60 heads", "points", 5, 4, at_most=True),
        "error-participation-250": Limit("error of participation, 250 heads", "points", 2.5, 2, at_most=True),
        "error-department": Limit("error of a department, 250 heads", "points", 4.5, at_most=True),
        "coverage": Limit("coverage of 90% intervals", "points from 90%", 3, at_most=True),
    }
)
NOT_MEASURED: Mapping[str, str] = MappingProxyType(
    {"single-pgledger": "pgledger is not in the package registry, and nothing is installed from anywhere else"}
)
"""Rows of the table that no module measures, each with its reason."""
