"""What a programme's card says about equal effort: the audit, made once per set of rules and process."""

from dataclasses import dataclass, field
from functools import lru_cache

from incentives.equity import Audit, audit
from incentives.rules import RuleSet
from programs.programme import Programme

MEMBERS = 60
"""Enough to tell 5% apart on the programmes at hand, in half a second; ``vitaal incentives equity`` takes more."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """A set of rules that is known again by its text."""

    text: str
    rules: RuleSet = field(compare=False)


def equity_of(programme: Programme) -> Audit:
    """Whether the programme pays equal coins for equal effort, as it stands."""
    return _audited(_Rules(programme.rules.model_dump_json(), programme.rules))


@lru_cache(maxsize=64)
def _audited(known: _Rules) -> Audit:
    return audit(known.rules, members=MEMBERS)
