"""Rule documents: what a programme pays for, as data that is checked before anybody is promised a coin.

A `RuleSet` has rules (discriminated by ``kind``), caps per category and caps for the whole programme. Whatever it
accepts can be evaluated exactly and without overflow: every number is finite, positive and bounded. What the kinds
mean, and the order of caps and rounding, stands in `incentives.evaluate` and docs/rules.md.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from .vocabulary import (
    DAY_METRICS,
    EVENT_FAMILIES,
    EVENT_KINDS,
    ID_PATTERN,
    Language,
    is_event_kind,
    unknown_event,
    unknown_metric,
)

COINS_MAX = 100_000  # for one deed; a thousand euros at the usual cent a coin
CAP_MAX = 10_000_000
AMOUNT_MAX = 10_000_000  # of a day metric; also the most that `DayMetrics` accepts
PERIODS: tuple["CapPeriod", ...] = ("day", "week", "month", "year")
CapPeriod = Literal["day", "week", "month", "year"]
PurseWord = Literal["free", "services", "good_cause"]


def refusal(sentence: str, *at: str | int) -> PydanticCustomError:
    """A problem to raise in a validator, with the path below the model that is being validated."""
    return PydanticCustomError("refused", "{sentence}", {"sentence": sentence, "at": at})


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise refusal("must be a number with a point as decimal sign, such as 1.5")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise refusal("must be a finite number")
    return number


def _metric(name: str) -> str:
    if name not in DAY_METRICS:
        raise refusal(unknown_metric(name))
    return name


def _event(kind: str) -> str:
    if not is_event_kind(kind):
        raise refusal(unknown_event(kind))
    return kind


def _numeric_schema(**limits: float) -> WithJsonSchema:
    return WithJsonSchema({"type": "number", **limits})


Slug = Annotated[str, Field(pattern=rf"^{ID_PATTERN}$")]
Coins = Annotated[int, Field(ge=1, le=COINS_MAX)]
Cap = Annotated[int, Field(ge=1, le=CAP_MAX)]
Rate = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(gt=0, le=COINS_MAX, decimal_places=6),
    _numeric_schema(exclusiveMinimum=0, maximum=COINS_MAX),
]
Unit = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=1, le=1_000_000, decimal_places=3),
    _numeric_schema(minimum=1, maximum=1_000_000),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(gt=0, le=AMOUNT_MAX, decimal_places=3),
    _numeric_schema(exclusiveMinimum=0, maximum=AMOUNT_MAX),
]
Percent = Annotated[
    Decimal, BeforeValidator(_number), Field(ge=0, le=100, decimal_places=2), _numeric_schema(minimum=0, maximum=100)
]
Metric = Annotated[str, AfterValidator(_metric), WithJsonSchema({"type": "string", "enum": list(DAY_METRICS)})]
EventKind = Annotated[
    str,
    AfterValidator(_event),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^({'|'.join(EVENT_KINDS)}|({'|'.join(EVENT_FAMILIES)}):{ID_PATTERN})$"}
    ),
]


class Document(BaseModel):
    """The base of everything that is written by hand: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Texts(Document):
    """One text in the languages of the product."""

    nl: Annotated[str, Field(min_length=1, max_length=2_000)]
    en: Annotated[str, Field(min_length=1, max_length=2_000)]

    def text(self, language: Language) -> str:
        """The text in one language."""
        return self.nl if language == "nl" else self.en


class Caps(Document):
    """The most coins per calendar day, ISO week, calendar month and calendar year; what is left out is not capped."""

    per_day: Cap | None = None
    per_week: Cap | None = None
    per_month: Cap | None = None
    per_year: Cap | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        given = [(period, cap) for period in PERIODS if (cap := self.of(period)) is not None]
        for (short, small), (long, large) in pairwise(given):
            if small > large:
                raise refusal(
                    f"per_{short} ({small}) is more than per_{long} ({large}), so it could never matter", f"per_{short}"
                )

    def of(self, period: CapPeriod) -> int | None:
        """The cap for one kind of period."""
        cap: int | None = getattr(self, f"per_{period}")
        return cap


class Condition(Document):
    """One way to meet a band: a day metric from ``at_least`` (to under ``below``), or events of one kind that day."""

    metric: Metric | None = None
    event: EventKind | None = None
    at_least: Amount | None = None
    below: Amount | None = None

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        if (self.metric is None) == (self.event is None):
            raise refusal("needs either a metric or an event")
        if self.metric is not None and self.at_least is None:
            raise refusal("is missing: from which value does this count?", "at_least")
        if self.below is not None and self.below <= self.least:
            raise refusal(f"must be more than at_least ({self.least})", "below")

    @property
    def least(self) -> Decimal:
        """The value from which the condition is met; one event where nothing is said."""
        return Decimal(1) if self.at_least is None else self.at_least


class Band(Document):
    """A number of coins for a day that meets any one of the conditions, which ask an equal effort."""

    coins: Coins
    any_of: Annotated[list[Condition], Field(min_length=1, max_length=20)]


class _Rule(Document):
    id: Slug
    title: Texts
    category: Slug = "general"
    caps: Caps = Caps()
    outside_caps: bool = Field(
        default=False, description="Neither cut by nor counted in the caps of the category and the programme."
    )
    purse: PurseWord = Field(
        default="free",
        description="Where the coins go: free, earmarked for validated health services, or to be given away only.",
    )
    member_may_give: bool = Field(
        default=False, description="What is earned while the member's fact gives_to is charity goes to good_cause."
    )

    def model_post_init(self, context: Any, /) -> None:
        """Refuse a choice that is none."""
        if self.member_may_give and self.purse == "good_cause":
            raise refusal("has no meaning here: these coins go to a good cause anyway", "member_may_give")

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The whole amounts that this rule promises, each with its path below the rule."""
        yield from ()


class Bands(_Rule):
    """Coins per day by band; of the bands that are met, the one with the most coins wins."""

    kind: Literal["bands"]
    bands: Annotated[list[Band], Field(min_length=1, max_length=50)]

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        super().model_post_init(context)
        seen: dict[int, int] = {}
        for i, band in enumerate(self.bands):
            if band.coins in seen:
                raise refusal(f"two bands give {band.coins} coins: put their conditions in one", "bands", i, "coins")
            seen[band.coins] = i

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of each band."""
        for i, band in enumerate(self.bands):
            yield ("bands", i, "coins"), band.coins


class RateRule(_Rule):
    """Coins for every ``per`` units of a metric, or for every event, of a day; rounded up once to whole coins.

    Only whole units of ``per`` count and the rest is not carried over, unless ``part_counts``.
    """

    kind: Literal["rate"]
    metric: Metric | None = None
    event: EventKind | None = None
    coins: Rate
    per: Unit = Decimal(1)
    part_counts: bool = False

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        super().model_post_init(context)
        if (self.metric is None) == (self.event is None):
            raise refusal("needs either a metric or an event")

    @property
    def coins_per_unit(self) -> Fraction:
        """The exact rate per unit of the metric."""
        return Fraction(self.coins) / Fraction(self.per)


class WeeklyGoal(_Rule):
    """Coins for an ISO week whose mean over the known days reaches the member's personal goal.

    The goal is the one that the member chose (fact ``goal_METRIC``), else the mean over the known days of the previous
    ``baseline_weeks`` weeks (or fact ``baseline_METRIC``) plus ``increase_percent``; within minimum and maximum.
    """

    kind: Literal["weekly_goal"]
    metric: Metric
    coins: Coins
    baseline_weeks: Annotated[int, Field(ge=1, le=52)]
    baseline_days_min: Annotated[int, Field(ge=1, le=364)] = 1
    increase_percent: Percent
    minimum: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    maximum: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    days_min: Annotated[int, Field(ge=1, le=7)] = 4

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        super().model_post_init(context)
        if self.minimum > self.maximum:
            raise refusal(f"must not be more than maximum ({self.maximum})", "minimum")
        if self.baseline_days_min > 7 * self.baseline_weeks:
            raise refusal(f"{self.baseline_weeks} weeks have only {7 * self.baseline_weeks} days", "baseline_days_min")

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of a week in which the goal is reached."""
        yield ("coins",), self.coins


class CheckIn(_Rule):
    """Coins for each day with the event, on the first ``days_per_week_max`` such days of an ISO week."""

    kind: Literal["check_in"]
    event: EventKind
    coins: Coins
    days_per_week_max: Annotated[int, Field(ge=1, le=7)] = 7

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of a day."""
        yield ("coins",), self.coins


class OneOff(_Rule):
    """Coins once, for the first event of this kind."""

    kind: Literal["one_off"]
    event: EventKind
    coins: Coins

    def fixed_coins(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """The coins of the first event."""
        yield ("coins",), self.coins


Rule = Annotated[Bands | RateRule | WeeklyGoal | CheckIn | OneOff, Field(discriminator="kind")]


class RuleSet(Document):
    """The rules of one version of a programme, with its caps."""

    rules: Annotated[list[Rule], Field(min_length=1, max_length=100)]
    category_caps: dict[Slug, Caps] = {}
    caps: Caps = Caps()

    def model_post_init(self, context: Any, /) -> None:
        """Refuse what no day could make sense of."""
        seen: set[str] = set()
        for i, rule in enumerate(self.rules):
            if rule.id in seen:
                raise refusal(f"another rule is called '{rule.id}' too", "rules", i, "id")
            seen.add(rule.id)
            self._payable(i, rule)
        categories = {rule.category for rule in self.rules}
        for category in self.category_caps:
            if category not in categories:
                raise refusal(f"no rule has the category '{category}'", "category_caps", category)

    def _payable(self, i: int, rule: Rule) -> None:
        """Refuse a promise that its own caps could never keep, and one that nothing bounds."""
        levels = self.levels(rule)
        for path, coins in rule.fixed_coins():
            for level, caps in levels:
                for period in PERIODS:
                    cap = caps.of(period) if capped(rule, period) else None
                    if cap is not None and coins > cap:
                        raise refusal(
                            f"{coins} coins could never be paid in full: {level} caps per_{period} at {cap}",
                            "rules", i, *path,
                        )  # fmt: skip
        if isinstance(rule, RateRule) and rule.event and not any(c.of(p) for _, c in levels for p in PERIODS):
            raise refusal("needs a cap on the rule, its category or the programme: events have no limit", "rules", i)

    def levels(self, rule: Rule) -> list[tuple[str, Caps]]:
        """The caps that apply to a rule, in the order in which they apply."""
        levels = [("the rule", rule.caps)]
        if not rule.outside_caps:
            levels += [("the category", self.category_caps.get(rule.category, Caps())), ("the programme", self.caps)]
        return levels


def capped(rule: Rule, period: CapPeriod) -> bool:
    """Whether a cap for this kind of period applies to a rule: what a week earns is not squeezed into its last day."""
    return not (isinstance(rule, WeeklyGoal) and period == "day")


def path_text(path: tuple[str | int, ...]) -> str:
    """A path as people write it: ``rules[2].bands[0].coins``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
