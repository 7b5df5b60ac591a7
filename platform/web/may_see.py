"""What an audience may see at all, in plain words: for the insurer that decides it and for the members it is about."""

from collections.abc import Mapping

from privacy.release.plan import HEADS_LARGE, PLAN, Audience, Name, SizeClass
from privacy.release.policy import AudiencePolicy

from .language import later as _l

WORDS: Mapping[Name, str] = {
    Name.reach: _l("every month: how many people took part at least once this year"),
    Name.participation: _l("every quarter: how many people take part in an ordinary month"),
    Name.grouping: _l("every half-year: the same by department or site, of at least 25 people each"),
    Name.programmes: _l("every half-year: how many people take part in each programme"),
    Name.effects: _l("every half-year: whether a programme helps"),
    Name.age_bands: _l("once a year: the same by age, of at least 25 people each"),
    Name.coins: _l("once a year: how many coins all people earned together"),
    Name.score: _l("once a year: an average of what devices or questionnaires say"),
}
YEARLY = _l("once a year: how many people take part in an ordinary month")
"""What a region gets of participation."""


def may_see(policy: AudiencePolicy, kind: Audience, *, heads: int = HEADS_LARGE) -> list[str]:
    """A line for each statistic that the policy lets an audience of so many heads know, in a fixed order."""
    size = SizeClass.of(heads)
    names = {each.name for each in PLAN if policy.rho_year_micro(each, kind, size)}
    return [
        YEARLY if kind is Audience.region and name is Name.participation else words
        for name, words in WORDS.items()
        if name in names
    ]
