"""The terms in which rule documents are written: checked numbers, texts, caps, conditions, and what all rules share.

Every number is finite, positive and bounded, so that whatever is accepted can be evaluated exactly and without
overflow.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
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


def finite_number(value: object) -> Decimal:
    """A number as it was written, exactly."""
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


def numeric_schema(**limits: float) -> WithJsonSchema:
    """How the JSON Schema names a number with limits."""
    return WithJsonSchema({"type": "number", **limits})


Slug = Annotated[str, Field(pattern=rf"^{ID_PATTERN}$")]
Coins = Annotated[int, Field(ge=1, le=COINS_MAX)]
Cap = Annotated[int, Field(ge=1, le=CAP_MAX)]
Rate = Annotated[
    Decimal,
    BeforeValidator(finite_number),
    Field(gt=0, le=COINS_MAX, decimal_places=6),
    numeric_schema(exclusiveMinimum=0, maximum=COINS_MAX),
]
Unit = Annotated[
    Decimal,
    BeforeValidator(finite_number),
    Field(ge=1, le=1_000_000, decimal_places=3),
    numeric_schema(minimum=1, maximum=1_000_000),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(finite_number),
    Field(gt=0, le=AMOUNT_MAX, decimal_places=3),
    numeric_schema(exclusiveMinimum=0, maximum=AMOUNT_MAX),
]
Percent = Annotated[
    Decimal,
    BeforeValidator(finite_number),
    Field(ge=0, le=100, decimal_places=2),
    numeric_schema(minimum=0, maximum=100),
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


Conditions = Annotated[list[Condition], Field(min_length=1, max_length=20)]


@dataclass(frozen=True, slots=True)
class Most:
    """An upper bound on what a rule can pay one member, before caps, by when it falls."""

    day: int = 0
    """On each day."""
    week: int = 0
    """At the end of each ISO week."""
    opening: int = 0
    """On the first day of each ISO week that counts."""
    year: int = 0
    """Together on the days of a calendar year, besides."""
    week_max: int | None = None
    """The most in one ISO week, where the rule itself bounds that."""


class RuleBase(Document):
    """What all rules share."""

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
        """The whole amounts that stand in this rule, each with its path below the rule."""
        yield from ()

    def promises(self) -> Iterator[tuple[tuple[str | int, ...], int]]:
        """What this rule promises at one time, each with the path of the amount that it follows from."""
        yield from self.fixed_coins()

    @abstractmethod
    def most(self) -> Most:
        """The most that one member can earn."""

    def names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """The ids under which this rule pays, each with its path."""
        yield ("id",), self.id

    def counted(self) -> Sequence[str]:
        """The ids of the rules whose points this rule counts."""
        return ()

    def conditions(self) -> Iterator["Condition"]:
        """Every condition under which this rule pays."""
        yield from ()

    def events(self) -> Iterator[str]:
        """Every kind of event that this rule pays for."""
        yield from (each.event for each in self.conditions() if each.event is not None)

    def metrics(self) -> Iterator[str]:
        """Every day metric that this rule pays for."""
        yield from (each.metric for each in self.conditions() if each.metric is not None)

    @property
    def capped_from(self) -> CapPeriod:
        """The shortest period whose caps apply to what the rule pays."""
        return "day"

    @property
    def pays_coins(self) -> bool:
        """Whether this rule pays at all: some only count points for others."""
        return True

    @property
    def looks_back_weeks(self) -> int:
        """How many weeks before a week this rule may look at."""
        return 0


def capped(rule: RuleBase, period: CapPeriod) -> bool:
    """Whether a cap for this kind of period applies to a rule: what a week earns is not squeezed into its last day."""
    return PERIODS.index(period) >= PERIODS.index(rule.capped_from)


def path_text(path: tuple[str | int, ...]) -> str:
    """A path as people write it: ``rules[2].bands[0].coins``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
