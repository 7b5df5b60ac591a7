"""The programme as a document: what an insurer's programme manager decides, in one checked model."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from incentives.rules import AMOUNT_MAX, Document, EventKind, Metric, Percent, RuleSet, Slug, Texts, refusal
from incentives.vocabulary import proven_by_others

Line = Annotated[str, Field(min_length=1, max_length=500)]
Payer = Literal["insurer", "employer", "municipality", "region", "other"]
CostClass = Literal["wage", "nil_valued", "targeted_exemption", "other_payer"]


class Audience(Document):
    """Who may be offered the programme; an empty list means everybody in the collective."""

    regions: list[Line] = Field(default_factory=list[Line])
    sectors: list[Line] = Field(default_factory=list[Line])


class GoalChoice(Document):
    """A goal that a member may choose: a value a day, or an increase on the own usual week."""

    id: Slug
    metric: Metric
    title: Texts
    increase_percent: Percent | None = None
    value: Annotated[int, Field(ge=1, le=AMOUNT_MAX)] | None = None

    def model_post_init(self, context: Any, /) -> None:
        """One way to set the goal, not two and not none."""
        if (self.increase_percent is None) == (self.value is None):
            raise refusal("needs either a value or an increase_percent")


class Activity(Document):
    """Something to do, in plain words; with an event it is ticked, without one it is measured."""

    id: Slug
    title: Texts
    text: Texts
    symbol: Annotated[str, Field(min_length=1, max_length=16)]
    event: EventKind | None = None

    def model_post_init(self, context: Any, /) -> None:
        """What is ticked is the member's own to say."""
        if self.event is not None and proven_by_others(self.event):
            raise refusal("somebody else confirms this: it cannot be ticked", "event")


class FundingShare(Document):
    """The part that one payer carries of every coin."""

    payer: Payer
    percent: Annotated[int, Field(ge=1, le=100)]
    cost_class: CostClass = Field(
        default="wage", description="What this part is for wage tax; wage unless the document says otherwise."
    )
    cap_coins_per_year: Annotated[int, Field(ge=0, le=AMOUNT_MAX)] | Literal["funded"] | None = Field(
        default=None,
        description="The most that this programme draws from each fund of this payer in a calendar year; `funded`: as "
        "much as the payer has put in. Where it is reached, members earn until the budget is used up.",
    )


class Review(Document):
    """Who looked at the rewards before they were published, and when."""

    by: Line
    on: date


class Evidence(Document):
    """What is known about the effect, and where that is written."""

    text: Texts
    source: Line


class Card(Document):
    """The public card: aim, evidence, whom the programme suits and whom not."""

    aim: Texts
    evidence: Evidence
    suits: Texts
    suits_not: Texts


class Programme(Document):
    """One version of a programme. In YAML the rule set stands under ``rewards``."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    key: Slug
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    title: Texts
    summary: Texts
    audience: Audience = Audience()
    starts_on: date | Literal["rolling"] = "rolling"
    goals: list[GoalChoice] = Field(default_factory=list[GoalChoice], max_length=20)
    activities: Annotated[list[Activity], Field(min_length=1, max_length=50)]
    rules: Annotated[RuleSet, Field(alias="rewards")]
    funding: Annotated[list[FundingShare], Field(min_length=1, max_length=10)]
    cost_class: Line | None = None
    review: Review | None = None
    notice_days: Annotated[int, Field(ge=7, le=366)] = Field(
        default=14, description="How many days before it starts a later version that lowers anything is published."
    )
    grandfather: Literal["period", "enrolment", "none"] = Field(
        default="period",
        description="What members keep when a later version starts: the day or week under way (period), all terms until"
        " they stop (enrolment), or nothing, and a later version then starts on a Monday (none).",
    )
    card: Card

    def model_post_init(self, context: Any, /) -> None:
        """What concerns the document as a whole."""
        total = sum(share.percent for share in self.funding)
        if total != 100:
            raise refusal(f"the shares add up to {total} percent instead of 100", "funding")
        payers = [share.payer for share in self.funding]
        for name, ids in (
            ("funding", payers),
            ("goals", [goal.id for goal in self.goals]),
            ("activities", [activity.id for activity in self.activities]),
        ):
            for i, item in enumerate(ids):
                if item in ids[:i]:
                    raise refusal(f"'{item}' occurs twice", name, i)
