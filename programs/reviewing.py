"""What must be settled before a programme is published, and what its author should think about. Pure.

`needs_review` names what may be published only after an independent review is recorded, `unlawful_draws` what the law's
limit on free draws forbids on a day, `notes` what is allowed but deserves a second look.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from incentives.rules import Deposit, Lottery, Milestones, Rule, path_text
from incentives.tax_figures import CENTS, prize_pool_cents
from incentives.vocabulary import NO_HEALTH, OUTCOMES

from .programme import Programme


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a rule, with its place in the document."""

    path: str
    text: str


def needs_review(programme: Programme) -> list[str]:
    """Why an independent review must be recorded first; empty where none is needed, or one is recorded."""
    if programme.review is not None:
        return []
    return [
        f"{path_text(('rewards', 'rules', i))}: '{rule.id}' {why}; record who reviewed it, and when, under review"
        for i, rule in enumerate(programme.rules.rules)
        for why in _reviewed_first(rule)
    ]


def _reviewed_first(rule: Rule) -> Iterator[str]:
    if isinstance(rule, Milestones):
        yield "pays for milestones and may be published only after an independent review"
    if isinstance(rule, Deposit):
        yield "lets members lose a deposit and may be published only after an independent review"


def unlawful_draws(programme: Programme, on: date) -> list[str]:
    """Which lotteries have a prize pool that is not free on a day. Raises: UnknownTaxYear."""
    return [
        f"{path_text(('rewards', 'rules', i, 'prize_pool_euro'))}: a free draw must stay under "
        f"{prize_pool_cents(on.year) // CENTS:,} euro of prizes in {on.year}, not {rule.prize_pool_euro:,}"
        for i, rule in enumerate(programme.rules.rules)
        if isinstance(rule, Lottery) and rule.prize_pool_euro * CENTS >= prize_pool_cents(on.year)
    ]


def notes(programme: Programme) -> list[Note]:
    """What the author should look at again, in the order of the document."""
    return [
        Note(path_text(("rewards", "rules", i)), text)
        for i, rule in enumerate(programme.rules.rules)
        for text in _noted(rule)
    ]


def _noted(rule: Rule) -> Iterator[str]:
    unrelated = sorted({event for event in rule.events() if event.partition(":")[0] in NO_HEALTH})
    if unrelated:
        yield f"rewards {', '.join(unrelated)}, which is unrelated to health"
    outcomes = sorted({metric for metric in rule.metrics() if metric in OUTCOMES})
    if outcomes:
        yield f"rewards {', '.join(outcomes)}, which nobody can simply choose: reward what people do instead"
