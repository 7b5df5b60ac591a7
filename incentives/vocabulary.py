"""The words that rules, imports and pages share: day metrics, events and member facts, in one place.

A day metric has one value per member and local day; an event has a kind and a local time; a fact holds from a date on.
Whatever is not listed here is refused by name, together with the nearest words that are.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Literal

Language = Literal["nl", "en"]


@dataclass(frozen=True, slots=True)
class Words:
    """A label and the words for one and for several of a thing, in one language."""

    label: str
    one: str
    many: str


@dataclass(frozen=True, slots=True)
class DayMetric:
    """One metric per local day; more than ``max_per_day`` is implausible and goes to quarantine, never to a rule."""

    unit: str
    max_per_day: float
    nl: Words
    en: Words

    def words(self, language: Language) -> Words:
        """The words of this metric in one language."""
        return self.nl if language == "nl" else self.en


def _minutes(nl: str, en: str, *, nl_label: str, en_label: str) -> DayMetric:
    return DayMetric(
        unit="min",
        max_per_day=1_500,  # the longest local day has 25 hours
        nl=Words(nl_label, f"minuut {nl}", f"minuten {nl}"),
        en=Words(en_label, f"minute of {en}", f"minutes of {en}"),
    )


def _meters(nl: str, en: str, *, nl_label: str, en_label: str, max_per_day: float) -> DayMetric:
    return DayMetric(
        unit="m",
        max_per_day=max_per_day,
        nl=Words(nl_label, f"meter {nl}", f"meter {nl}"),
        en=Words(en_label, f"metre {en}", f"metres {en}"),
    )


# Plausible maxima leave room for honest extremes: a 24-hour run is about 300 km and 250,000 steps.
DAY_METRICS: Mapping[str, DayMetric] = MappingProxyType(
    {
        "steps": DayMetric("steps", 250_000, Words("Stappen", "stap", "stappen"), Words("Steps", "step", "steps")),
        "moderate_minutes": _minutes(
            "matig bewegen", "moderate activity", nl_label="Matig bewegen", en_label="Moderate activity"
        ),
        "vigorous_minutes": _minutes(
            "stevig bewegen", "vigorous activity", nl_label="Stevig bewegen", en_label="Vigorous activity"
        ),
        "exercise_minutes": _minutes("bewegen", "exercise", nl_label="Bewegen", en_label="Exercise"),
        "walk_meters": _meters("gewandeld", "walked", nl_label="Wandelen", en_label="Walking", max_per_day=200_000),
        "run_meters": _meters("hardgelopen", "run", nl_label="Hardlopen", en_label="Running", max_per_day=320_000),
        "cycle_meters": _meters("gefietst", "cycled", nl_label="Fietsen", en_label="Cycling", max_per_day=1_000_000),
        "cycle_minutes": _minutes("fietsen", "cycling", nl_label="Fietstijd", en_label="Cycling time"),
        "wheel_pushes": DayMetric(
            "pushes",
            100_000,
            Words("Rolstoelduwen", "rolstoelduw", "rolstoelduwen"),
            Words("Wheelchair pushes", "wheelchair push", "wheelchair pushes"),
        ),
        "felt_light_minutes": _minutes(
            "lichte inspanning", "light effort", nl_label="Lichte inspanning", en_label="Light effort"
        ),
        "felt_moderate_minutes": _minutes(
            "gewone inspanning", "moderate effort", nl_label="Gewone inspanning", en_label="Moderate effort"
        ),
        "felt_hard_minutes": _minutes(
            "zware inspanning", "hard effort", nl_label="Zware inspanning", en_label="Hard effort"
        ),
        "sleep_minutes": _minutes("slaap", "sleep", nl_label="Slaap", en_label="Sleep"),
        "sedentary_minutes": _minutes("zitten", "sitting", nl_label="Zitten", en_label="Sitting"),
        "resting_heart_rate": DayMetric(
            "1/min",
            220,
            Words("Hartslag in rust", "hartslag per minuut", "hartslagen per minuut"),
            Words("Resting heart rate", "heartbeat per minute", "heartbeats per minute"),
        ),
        "weight_kg": DayMetric("kg", 650, Words("Gewicht", "kg", "kg"), Words("Weight", "kg", "kg")),
        "mindful_minutes": _minutes("rust", "mindfulness", nl_label="Rustmoment", en_label="Mindfulness"),
        # Derived from the others, or a value of its own where that is more: see incentives.effort.
        "effort_minutes": DayMetric(
            "min",
            3_000,  # no day holds more: see incentives.effort
            Words("Inspanning", "minuut matige inspanning", "minuten matige inspanning"),
            Words("Effort", "minute of moderate effort", "minutes of moderate effort"),
        ),
    }
)

REFERRAL = "referral"
"""Recorded for who invites (``programs.referrals``): no deed of one's own."""

# Kind -> (Dutch, English) words for one such event.
EVENT_KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "gym_visit": ("bezoek aan de sportschool", "gym visit"),
        "meal": ("gezonde maaltijd", "healthy meal"),
        "snack": ("gezond tussendoortje", "healthy snack"),
        "daily_challenge": ("uitdaging van de dag", "daily challenge"),
        "joined": ("je doet mee", "you joined"),
        "health_scan": ("gezondheidsscan", "health scan"),
        REFERRAL: ("collega's uitnodigen", "inviting colleagues"),
        "pause_start": ("begin van een pauze", "start of a pause"),
        "pause_end": ("einde van een pauze", "end of a pause"),
    }
)

# Kinds that carry an id of the programme's own after a colon: ``check_in:sleep_rhythm``.
EVENT_FAMILIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"check_in": ("check-in", "check-in"), "lesson": ("les", "lesson"), "milestone": ("mijlpaal", "milestone")}
)

EFFORT = "effort_minutes"


def proven_by_others(kind: str) -> bool:
    """Whether somebody else has to say that it happened: a milestone, or that a colleague came along."""
    return kind == REFERRAL or kind.partition(":")[0] == "milestone"


NO_HEALTH = frozenset({"joined", "referral", "daily_challenge"})
"""Events that say nothing about health by themselves: a rule that rewards one is pointed out to its author."""
OUTCOMES = frozenset({"resting_heart_rate", "weight_kg", "sedentary_minutes"})
"""Metrics that are outcomes, or better low than high: a rule that rewards one is pointed out to its author."""
PAUSE_START, PAUSE_END = "pause_start", "pause_end"
GIVES_TO, CHARITY = "gives_to", "charity"
FACT_KEYS: frozenset[str] = frozenset(
    {"timezone", "baseline_steps", "way_of_moving", "shift", "contract", "age_band", GIVES_TO}
)
GOAL_PREFIX = "goal_"  # ``goal_steps``: the goal that the member chose for a metric, in that metric's unit a day
BASELINE_PREFIX = "baseline_"
CHOICE_PREFIX = "choice_"  # ``choice_RULE``: which option of that rule the member chose

ID_PATTERN = r"[a-z0-9][a-z0-9_-]{0,63}"
_FAMILY_EVENT = re.compile(rf"({'|'.join(EVENT_FAMILIES)}):{ID_PATTERN}")


def is_event_kind(kind: str) -> bool:
    """Whether ``kind`` is a listed event, or a check-in, lesson or milestone with an id."""
    return kind in EVENT_KINDS or _FAMILY_EVENT.fullmatch(kind) is not None


def is_fact_key(key: str) -> bool:
    """Whether ``key`` is a listed fact, the goal or baseline of a day metric, or a choice."""
    metric = key.removeprefix(GOAL_PREFIX) if key.startswith(GOAL_PREFIX) else key.removeprefix(BASELINE_PREFIX)
    chosen = key.removeprefix(CHOICE_PREFIX)
    return (
        key in FACT_KEYS
        or (metric != key and metric in DAY_METRICS)
        or (chosen != key and re.fullmatch(ID_PATTERN, chosen) is not None)
    )


def event_words(kind: str, language: Language) -> str:
    """How a reason names one event of this kind."""
    family, _, _ = kind.partition(":")
    dutch, english = EVENT_KINDS.get(kind) or EVENT_FAMILIES[family]
    return dutch if language == "nl" else english


def unknown_metric(name: str) -> str:
    """The sentence that refuses a metric, naming the nearest known ones."""
    return f"unknown metric '{_short(name)}'; {_nearest(name, DAY_METRICS)}"


def unknown_event(kind: str) -> str:
    """The sentence that refuses an event kind, naming the nearest known ones."""
    known = [*EVENT_KINDS, *(f"{family}:ID" for family in EVENT_FAMILIES)]
    return f"unknown event '{_short(kind)}'; {_nearest(kind, known)}"


def unknown_fact(key: str) -> str:
    """The sentence that refuses a fact key, naming the nearest known ones."""
    return f"unknown fact '{_short(key)}'; {_nearest(key, [*sorted(FACT_KEYS), 'goal_steps'])}"


def _short(word: str) -> str:
    return word if len(word) <= 60 else f"{word[:57]}..."


def _nearest(word: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(word[:100], known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"
