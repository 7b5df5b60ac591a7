"""The yearly settlement of an employer's prepayments, once the year's total of coins is published; employers' store.

It rests on the published, noisy total of the firm, or of the small firms that it is reported on with, on contracted
heads, and on what part of every coin the employer carries by the programmes in force. Nothing else is known here.
"""

from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

from sqlalchemy.orm import Session

from admin.published_coins import coins_of_employer
from admin.wkr import PrepaidYear, contracts_of, programmes_on
from incentives.wkr_settlement import PublishedSpending, YearlySettlement, settle_year
from programs.cost_classes import employer_part

MONTHS = 12


def published_settlement(db: Session, prepaid: PrepaidYear) -> YearlySettlement | None:
    """What the year comes to, or None while its total is not published. ``prepaid`` is the whole year's."""
    if prepaid.through < date(prepaid.year, MONTHS, 31) or not prepaid.heads:
        return None
    published = coins_of_employer(db, prepaid.employer, prepaid.year)
    if published is None:
        return None
    spending = PublishedSpending(
        reference=str(published.reference),
        total_cents=published.cents,
        heads=published.heads,
        own_heads=published.heads if published.alone else min(prepaid.heads, published.heads),
    )
    return settle_year(prepaid.cents(), spending, part=_part(db, prepaid.employer, prepaid.year))


def _part(db: Session, employer: UUID, year: int) -> Fraction:
    """What part of every coin the employer carried: the mean over the months under contract, by each one's last day."""
    contracts = contracts_of(db, employer)
    parts: list[Fraction] = []
    for month in range(1, MONTHS + 1):
        first = date(year, month, 1)
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        running = [each for each in contracts if each.starts_on <= last and (each.ends_on or last) >= first]
        if running:
            parts.append(employer_part(programmes_on(db, running[-1].collective, last)))
    return sum(parts, Fraction()) / len(parts) if parts else Fraction(1)
