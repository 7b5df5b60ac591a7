"""Published equivalences: how much of an activity asks as much as one minute of moderate effort.

Moderate is 3.0 to 5.9 METs, vigorous 6.0 METs and more, and a vigorous minute counts as two moderate ones (WHO 2020).
Distances are turned into time at the named pace, which is the slow end of what people do, in the member's favour.
Each figure names the publication that it is from; a later publication becomes a new table with its own date, so that
what was earned under an older one can still be computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from types import MappingProxyType

WHO_2020 = "World Health Organization (2020), WHO guidelines on physical activity and sedentary behaviour"
COMPENDIUM_2024 = (
    "Herrmann et al. (2024), 2024 Adult Compendium of Physical Activities, Journal of Sport and Health Science 13(1)"
)
CADENCE_2019 = (
    "Tudor-Locke et al. (2019), Walking cadence (steps/min) and intensity in 21-40 year olds: CADENCE-adults,"
    " International Journal of Behavioral Nutrition and Physical Activity 16:8"
)
STEPS_PER_MILE_2008 = (
    "Hoeger et al. (2008), One-mile step count at walking and running speeds, ACSM's Health & Fitness Journal 12(1)"
)
PUSHES_2021 = (
    "Push-rate threshold for physical activity intensity in persons who use manual wheelchairs (2021),"
    " American Journal of Physical Medicine & Rehabilitation 100(3):292-296"
)


@dataclass(frozen=True, slots=True)
class Equivalence:
    """``units`` of a day metric ask as much as ``minutes`` minutes of moderate effort, and the ``source`` says so."""

    units: Fraction
    minutes: Fraction
    why: str
    source: str

    @property
    def minutes_per_unit(self) -> Fraction:
        """Minutes of moderate effort for one unit."""
        return self.minutes / self.units


@dataclass(frozen=True, slots=True)
class Table:
    """All equivalences as known on a date. A metre of running is also counted as ``run_steps_per_meter`` steps."""

    known_on: date
    of: Mapping[str, Equivalence]
    run_steps_per_meter: Fraction


def _equal(units: int, minutes: Fraction | int, why: str, source: str) -> Equivalence:
    return Equivalence(Fraction(units), Fraction(minutes), why, source)


EQUIVALENCES = Table(
    known_on=date(2024, 1, 31),
    of=MappingProxyType(
        {
            "moderate_minutes": _equal(1, 1, "the unit itself", WHO_2020),
            "vigorous_minutes": _equal(1, 2, "75 vigorous minutes do what 150 moderate ones do", WHO_2020),
            "exercise_minutes": _equal(1, 1, "counted by devices from a brisk walk on: moderate or more", WHO_2020),
            "steps": _equal(100, 1, "100 steps a minute is walking at 3 METs", CADENCE_2019),
            "walk_meters": _equal(80, 1, "walking at 4.8 km/h (2.8 to 3.4 mph) is moderate", COMPENDIUM_2024),
            "run_meters": _equal(67, 1, "running at 8 km/h (5.0 mph) is vigorous: 134 m a minute", COMPENDIUM_2024),
            "cycle_minutes": _equal(1, 1, "cycling to work or for pleasure under 10 mph is 4.0 METs", COMPENDIUM_2024),
            "cycle_meters": _equal(250, 1, "the same at 15 km/h", COMPENDIUM_2024),
            "wheel_pushes": _equal(55, 1, "55 pushes a minute is where moderate effort begins", PUSHES_2021),
            "felt_light_minutes": _equal(
                1,
                Fraction(1, 2),
                "felt as 3 or 4 of 10; no guideline gives a figure: as much as walking at 50 steps a minute",
                WHO_2020,
            ),
            "felt_moderate_minutes": _equal(1, 1, "felt as 5 or 6 of 10 of the own capacity", WHO_2020),
            "felt_hard_minutes": _equal(1, 2, "felt as 7 or more of 10 of the own capacity: vigorous", WHO_2020),
        }
    ),
    run_steps_per_meter=Fraction(6, 5),  # 1,951 a mile at 12 minutes a mile, rounded down; source: STEPS_PER_MILE_2008
)
"""The table in force; older ones are to be kept beside it when it changes."""


def felt_metric(felt: int) -> str | None:
    """The day metric for effort felt as ``felt`` on the scale from 0 (nothing) to 10 (the most there is).

    WHO 2020 calls 5 and 6 of one's own capacity moderate, 7 and 8 vigorous. It is the own capacity that counts: the
    same walk feels harder with pain or a heavy body, and then it is worth more. Below 3 is rest: None.
    """
    if felt < 3:
        return None
    if felt < 5:
        return "felt_light_minutes"
    return "felt_moderate_minutes" if felt < 7 else "felt_hard_minutes"
