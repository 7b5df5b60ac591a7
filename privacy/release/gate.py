"""The gate: every release is attacked before it is stored, together with everything published to its audience. Pure.

It reads the design of a release (what, when, how many heads, how much noise), what was published, and synthetic
worlds; never true data, and of published values only whether they are whole numbers and drawn once. So its verdict is
the same whatever anybody did, and a refusal tells nothing. The bound is that of the plan's yearly budgets: rho a year
gives an attacker who knows everybody else an advantage of 2 Phi(sqrt(2 rho) / 2) - 1 about somebody who takes
part all the time, against never; years, and the audiences of one person, add up.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

from privacy.errors import Conflict
from privacy.release.attack.findings import advantage
from privacy.release.attack.planted import gained, moved_squared
from privacy.release.document import Document
from privacy.release.mechanisms import COEFFICIENTS, MICRO, MONTHS
from privacy.release.noise import OPENDP, SEEDED
from privacy.release.plan import (
    HEADS_MIN,
    PLAN,
    POOL_EMPLOYERS_MIN,
    POOL_HEADS_MIN,
    REGION_HEADS_MIN,
    YEARLY_LIMIT_MICRO,
    Audience,
    Name,
    Scope,
    Statistic,
    Tier,
)

TRIALS = 400
SEED = 1
HEADS_LEAST: Mapping[Audience, int] = {
    Audience.employer: HEADS_MIN,
    Audience.pool: POOL_HEADS_MIN,
    Audience.collective: POOL_HEADS_MIN,
    Audience.region: REGION_HEADS_MIN,
}
"""Of the group as a whole; a cell of a table has at least HEADS_MIN."""


class Reason(StrEnum):
    """Why a release is refused, as the operator reads it."""

    not_planned = "it is no line of the statistics plan for this kind of group"
    bare = "it carries an exact value: it has no noise of a known source"
    too_little_noise = "it has less noise than its budget asks for"
    not_whole = "one of its values is no whole number: its digits could tell the noise from the true value"
    few_heads = "it is about fewer people than may be reported on"
    drawn_again = "noise was drawn a second time for something that is published already: the two would average"
    by_difference = "its pool differs from another by fewer employers than a pool has: subtracting tells about them"
    over_budget = "with what is published it would tell more about one person in this year than was promised"
    guessed = "an attacker guessed a made-up member from it more often than was promised"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One release and why it may not be published."""

    release: UUID
    about: str
    reason: Reason

    @property
    def sentence(self) -> str:
        """For the operator: no figures."""
        return f"The report on {self.about} was refused: {self.reason}."


@dataclass(frozen=True, slots=True)
class Verdict:
    """bound, theory: the promised advantage over the years and audiences judged, and that of the releases."""

    refusals: tuple[Refusal, ...]
    bound: float
    theory: float

    @property
    def allowed(self) -> bool:
        """Whether everything may be published."""
        return not self.refusals


class ReleaseRefused(Conflict):
    """A report would have told more about one person than was promised: nothing of its collective was published."""

    ours_alone = True

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(" ".join(each.sentence for each in refusals))
        self.refusals = tuple(refusals)


def judged(
    published: Sequence[Document],
    new: Sequence[Document],
    *,
    pools: Mapping[UUID, frozenset[UUID]] | None = None,
    limits_micro: Mapping[Tier, int] = YEARLY_LIMIT_MICRO,
) -> Verdict:
    """Whether these releases may join what was published to one person's audiences.

    published, new: of every scope whose reports somebody could be in together: an employer or its pool, with its
    collective and region where they are judged together. pools: the employers of every pool of the year.
    """
    refusals: list[Refusal] = []
    before: dict[UUID, Document] = {each.id: each for each in published}
    for document in new:
        about = f"{document.statistic} of {document.window} for the {document.scope.kind}"
        everything = list(before.values())
        reasons = list(_reasons(document, everything, pools or {}))
        if not reasons:
            reasons = list(_passing([*everything, document], document, limits_micro))
        refusals += [Refusal(document.id, about, reason) for reason in reasons]
        if not reasons:
            before[document.id] = document
    accepted = list(before.values())
    years = {(each.scope.tier, _year(each)) for each in accepted}
    bound = sum(limits_micro[tier] for tier, _ in years) / MICRO
    costs = {key: _cost_at_most(accepted, *key) for key in years}
    return Verdict(tuple(refusals), _advantage(bound), _advantage(float(sum(costs.values()))))


def _advantage(rho: float) -> float:
    return advantage(math.sqrt(2 * rho))


def _reasons(document: Document, before: Sequence[Document], pools: Mapping[UUID, frozenset[UUID]]):
    """What is wrong with one release by itself, or beside what was drawn before."""
    line = _line(document)
    if line is None:
        yield Reason.not_planned
        return
    if document.noise not in {OPENDP, SEEDED} or document.scale_grains <= 0:
        yield Reason.bare
    elif line.sensitivity_squared / (2 * document.scale**2) > Fraction(_most(line, document.scope.kind), MICRO):
        yield Reason.too_little_noise
    if not all(type(each) is int for each in document.noisy):
        yield Reason.not_whole
    whole = max(document.heads, default=0) if document.table == "total" else HEADS_LEAST[document.scope.kind]
    if min(document.heads, default=0) < HEADS_MIN or whole < HEADS_LEAST[document.scope.kind]:
        yield Reason.few_heads
    if any(_place(each) == _place(document) for each in before):
        yield Reason.drawn_again
    if document.scope.kind is Audience.pool and _subtractable(document.scope.id, pools):
        yield Reason.by_difference


def _line(document: Document) -> Statistic | None:
    every = document.period.every
    lines = [each for each in PLAN if each.name is document.statistic and each.every is every]
    return lines[0] if lines and _most(lines[0], document.scope.kind) else None


def _most(line: Statistic, kind: Audience) -> int:
    """The most micro-rho that a line gives a kind of group for one draw of noise: of reach the whole year's."""
    year = max((micro for (audience, _), micro in line.rho_year_micro.items() if audience is kind), default=0)
    return year if line.name is Name.reach else year // line.windows


def _place(document: Document) -> tuple[object, ...]:
    """What noise is drawn for once: of reach a month's place in its scope's year."""
    at = document.position if document.statistic is Name.reach else document.window
    return document.scope, document.statistic, _year(document), at


def _year(document: Document) -> int:
    return int(document.window[:4])


def _subtractable(pool: UUID, pools: Mapping[UUID, frozenset[UUID]]) -> bool:
    """Whether another pool shares employers with this one, so that the rest of either would stand alone."""
    ours = pools.get(pool, frozenset())
    rests = [(ours - other, other - ours) for at, other in pools.items() if at != pool and ours & other]
    return any(0 < len(rest) < POOL_EMPLOYERS_MIN for pair in rests for rest in pair)


def _passing(everything: Sequence[Document], new: Document, limits_micro: Mapping[Tier, int]):
    """Whether all releases of the new one's group and year together pass the promise, on paper or by experiment."""
    year, tier = _year(new), new.scope.tier
    group = [each for each in everything if each.scope == new.scope and _year(each) == year]
    if _cost(group) > Fraction(limits_micro[tier], MICRO):
        yield Reason.over_budget
    elif gained(group, seed=SEED, trials=TRIALS).lower > _advantage(limits_micro[tier] / MICRO):
        yield Reason.guessed


def _cost_at_most(documents: Sequence[Document], tier: Tier, year: int) -> Fraction:
    """The cost of a year for whoever is in the group of a tier that costs most."""
    groups: dict[Scope, list[Document]] = {}
    for each in documents:
        if each.scope.tier is tier and _year(each) == year:
            groups.setdefault(each.scope, []).append(each)
    return max(map(_cost, groups.values()), default=Fraction(0))


def _cost(documents: Sequence[Document]) -> Fraction:
    """rho of one person's year in one group, by the plan's sensitivities and the noise that was really added."""
    reach = [(each.position, each.scale) for each in documents if each.statistic is Name.reach]
    firsts: list[Counter[Fraction]] = [Counter() for _ in range(MONTHS)]
    for at, scale in reach:
        for first in range(at + 1):
            firsts[first][scale] += COEFFICIENTS[at - first] ** 2
    rest: Counter[Fraction] = Counter()
    for each in documents:
        if each.statistic is not Name.reach:
            rest[each.scale] += moved_squared(each.statistic, each.window)
    return max(map(_rho, firsts)) + _rho(rest)


def _rho(squares: Mapping[Fraction, int]) -> Fraction:
    """Of squared changes by the scale of their noise."""
    return sum((Fraction(square) / (2 * scale**2) for scale, square in squares.items()), Fraction(0))
