"""Equal coins for equal effort: an audit of a rule set on synthetic cohorts. Pure and seeded.

What is compared is coins per hour of effort: each cohort's against the mean of its dimension (way of moving, shift,
contract, age). It is done twice: for all coins, and for those of rules that pay for movement, lest ticks that everybody
can make hide that some can earn nothing by moving. A cohort is equal where the whole 95% interval of its ratio lies
within 5%; since everybody's twin is in every cohort, the interval is narrow, and where it is not, more members are
needed: what is not shown to be equal does not pass.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from privacy.errors import Invalid

from .cohorts import COHORTS, Cohort, Dimension, planned, world
from .effort import SOURCES
from .evaluate import entitlements
from .frames import Bools, Facts, Floats
from .rules import RuleSet, Texts
from .vocabulary import EFFORT

TOLERANCE = 0.05
MEMBERS = 200
MEMBERS_MIN, MEMBERS_MAX = 20, 5_000
_INTERVAL = 1.96  # 95% of a normal distribution: members are drawn independently of each other
Part = Literal["all", "moving"]
Verdict = Literal["equal", "less", "more", "unsure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One cohort, by all coins or by those for movement. Ratios are to the mean of its dimension."""

    cohort: Cohort
    part: Part
    coins_per_hour: float
    low: float
    """A tenth of the members earn less than this an hour."""
    high: float
    """A tenth earn more."""
    ratio: float
    ratio_low: float
    ratio_high: float

    @property
    def verdict(self) -> Verdict:
        """Where the whole interval lies."""
        if self.ratio_low >= 1 - TOLERANCE and self.ratio_high <= 1 + TOLERANCE:
            return "equal"
        if self.ratio_high < 1 - TOLERANCE:
            return "less"
        return "more" if self.ratio_low > 1 + TOLERANCE else "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found, cohort by cohort, and in words what to do about it."""

    rows: Sequence[Row]
    findings: Sequence[Texts]
    members: int
    seed: int

    @property
    def equal(self) -> bool:
        """Whether equal effort earns equal coins, everywhere."""
        return bool(self.rows) and all(row.verdict == "equal" for row in self.rows)


def audit(rules: RuleSet, *, members: int = MEMBERS, seed: int = 1) -> Audit:
    """Audit a rule set on ``members`` people in each cohort. Raises: Invalid."""
    if not MEMBERS_MIN <= members <= MEMBERS_MAX:
        raise Invalid(f"must lie between {MEMBERS_MIN} and {MEMBERS_MAX:,}", field="members")
    plan = planned(members, {event for rule in rules.rules for event in rule.events()} - {"joined"}, seed=seed)
    everybody = world(plan)
    paid = entitlements(
        everybody.days,
        everybody.events,
        Facts.none(),
        rules,
        enrolled=everybody.enrolled,
        reasons=False,
        draw_key=f"audit {seed}".encode(),
    )
    place = np.asarray(everybody.days.members.get_indexer(np.asarray(paid["member"], dtype=object)), dtype=np.int64)
    ways = _ways(rules)
    moving = {name for rule in rules.rules if ways[rule.id] for _, name in rule.names()}

    def rows_of(part: Part, chosen: Bools) -> Iterator[Row]:
        coins = np.zeros(members * len(COHORTS))
        np.add.at(coins, place[chosen], paid["coins"].to_numpy()[chosen])
        return _rows(coins.reshape(len(COHORTS), members), plan.effort_hours, part)

    rows = list(rows_of("all", np.ones(len(paid), dtype=np.bool_)))
    of_moving = np.asarray(paid["rule"].isin(list(moving)), dtype=np.bool_)
    if of_moving.any() and not of_moving.all():
        rows += rows_of("moving", of_moving)
    return Audit(rows=rows, findings=list(_findings(rows, rules)), members=members, seed=seed)


def _ways(rules: RuleSet) -> dict[str, set[str]]:
    """Rule -> the metrics of movement that it pays for, also through the points of other rules; empty where none."""
    own = {rule.id: {EFFORT, *SOURCES}.intersection(rule.metrics()) for rule in rules.rules}
    return {rule.id: own[rule.id].union(*(own[each] for each in rule.counted())) for rule in rules.rules}


def _rows(coins: Floats, hours: Floats, part: Part) -> Iterator[Row]:
    """coins: (cohorts, members); the members of each cohort are twins of those of the others."""
    for dimension in dict.fromkeys(cohort.dimension for cohort in COHORTS):
        places = [place for place, cohort in enumerate(COHORTS) if cohort.dimension == dimension]
        whole = coins[places].mean(axis=0)
        for place in places:
            ratio, margin = _ratio(coins[place], whole)
            each = coins[place] / hours
            low, high = np.quantile(each, (0.1, 0.9))
            yield Row(
                cohort=COHORTS[place],
                part=part,
                coins_per_hour=float(coins[place].sum() / hours.sum()),
                low=float(low),
                high=float(high),
                ratio=ratio,
                ratio_low=ratio - margin,
                ratio_high=ratio + margin,
            )


def _ratio(coins: Floats, whole: Floats) -> tuple[float, float]:
    """The ratio of two means over the same members, and half its 95% interval (linearised, as usual for ratios)."""
    if not whole.any():
        return 0.0, 0.0  # nobody earns anything: nothing is shown to be equal
    ratio = float(coins.sum() / whole.sum())
    spread = np.std(coins - ratio * whole, ddof=1) / np.sqrt(len(coins)) / whole.mean()
    return ratio, float(_INTERVAL * spread)


_WHAT: Mapping[Dimension, Texts] = {
    "shift": Texts(
        nl="Nachtwerk valt op twee dagen: betaal in kleine stappen per dag of per week, zonder hoge drempel per dag.",
        en="Night work falls on two days: pay in small steps a day or by the week, without a high threshold a day.",
    ),
    "contract": Texts(
        nl="Wie andere dagen werkt, beweegt op andere dagen: betaal in kleine stappen en verruim de grens per dag.",
        en="Who works on other days moves on other days: pay in small steps and widen the cap per day.",
    ),
    "age": Texts(
        nl="Leeftijd verandert tempo en dagen, niet de inspanning: tel effort_minutes, in kleine stappen.",
        en="Age changes pace and days, not effort: count effort_minutes, in small steps.",
    ),
}
_NOTHING = Texts(
    nl="In deze toets verdient niemand iets: er is niets te vergelijken.",
    en="Nobody earns anything in this audit: there is nothing to compare.",
)
_UNSURE = Texts(
    nl="Dat is niet zeker genoeg: neem meer deelnemers (--members).",
    en="This is not certain enough: take more members (--members).",
)


def _findings(rows: Sequence[Row], rules: RuleSet) -> Iterator[Texts]:
    """Who earns less for the same effort, and what to add; who earns more only where nobody earns less."""
    if not any(row.coins_per_hour for row in rows):
        yield _NOTHING
        return
    lacking = {row.cohort.dimension for row in rows if row.verdict == "less"}
    for cohort in COHORTS:
        mine = [row for row in rows if row.cohort is cohort and row.verdict != "equal"]
        if cohort.dimension in lacking:
            mine = [row for row in mine if row.verdict == "less"]
        if mine:
            worst = max(mine, key=lambda row: abs(row.ratio - 1))
            parts = [_how_much(worst), _advice(worst, rules)]
            yield Texts(nl=" ".join(each.nl for each in parts if each), en=" ".join(each.en for each in parts if each))


def _how_much(row: Row) -> Texts:
    percent, title, less = f"{abs(row.ratio - 1) * 100:.0f}%", row.cohort.title, row.ratio < 1
    nl_part, en_part = ("", "") if row.part == "all" else (" met bewegen", " by moving")
    return Texts(
        nl=f"{title.nl}: {percent} {'minder' if less else 'meer'} munten per uur inspanning{nl_part} dan gemiddeld.",
        en=f"{title.en}: {percent} {'fewer' if less else 'more'} coins per hour of effort{en_part} than the mean.",
    )


def _advice(row: Row, rules: RuleSet) -> Texts | None:
    if row.verdict == "unsure":
        return _UNSURE
    if row.verdict == "more":
        return None
    narrow = [rule.title for rule in rules.rules if (ways := _ways(rules)[rule.id]) and EFFORT not in ways]
    if narrow and row.cohort.dimension in ("way", "age"):
        nl, en = _listed(title.nl for title in narrow), _listed(title.en for title in narrow)
        return Texts(
            nl=f"Niet elke manier van bewegen telt bij {nl}: tel daar effort_minutes (bij een weekdoel: equal_effort).",
            en=f"Not every way of moving counts for {en}: let it count effort_minutes (a weekly goal: equal_effort).",
        )
    return _WHAT.get(row.cohort.dimension)


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(f"'{label}'" for label in labels)
