"""What one transaction sees: whose rows, decided from who asks and what for. Pure.

Both walls inside the members' store read it: the query filter (``rows.py``) on both databases, and row-level security
(``policies.py``) on PostgreSQL. The employers' store belongs to organisations; its functions ask ``own_employer``.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from privacy.principals import Principal, Purpose, Role, Side


class Reach(StrEnum):
    """Which rows of the tables that have owners are seen."""

    nothing = "nothing"
    """None: the work is about organisations alone."""
    own = "own"
    """Those of one subject and one account."""
    sign_in = "sign_in"
    """Accounts, to be looked up by who has not proven yet to be anybody; nothing behavioural."""
    collective = "collective"
    """Those of the subjects with a membership at an employer of one collective, pool or region."""
    whole = "whole"
    """All: what the ledger, erasure and retention work on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The reach of a transaction and whose rows it means. collective: a collective, pool or region."""

    reach: Reach
    subject: UUID | None = None
    account: UUID | None = None
    collective: UUID | None = None

    def of_subject(self, subject: UUID) -> "Sight":
        """The same for one person's rows: somebody else's, looked at with a reason."""
        return self if self.reach is Reach.whole else Sight(reach=Reach.own, subject=subject, account=self.account)

    def with_account(self, account: UUID) -> "Sight":
        """The same and one account's rows: of the person who is looked at."""
        return self if self.reach is Reach.whole else Sight(reach=Reach.own, subject=self.subject, account=account)


ALL = Sight(reach=Reach.whole)
NOTHING = Sight(reach=Reach.nothing)


def sight_of(side: Side, principal: Principal, purpose: Purpose) -> Sight:
    """What this principal sees for this purpose; only the members' store has owners."""
    if side is Side.employers:
        return ALL
    if principal.role is Role.job:
        return _of_job(principal, purpose)
    if principal.role is Role.operator and purpose is Purpose.operation:
        return ALL
    if purpose is Purpose.authentication and principal.account is None:
        return Sight(reach=Reach.sign_in)
    return Sight(reach=Reach.own, subject=principal.subject, account=principal.account)


def _of_job(principal: Principal, purpose: Purpose) -> Sight:
    if principal.collective is not None:
        return Sight(reach=Reach.collective, collective=principal.collective)
    return NOTHING if purpose in (Purpose.copying, Purpose.publishing) else ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Through:
    """Rows that belong to whoever owns a row of another table which one of their columns names.

    columns: any of them decides. table, key: the table with the owner (a subject) and its column that they name.
    only: a column and the value that it has in such rows; those with another value belong to nobody, and whoever may
    read the table sees them.
    """

    columns: tuple[str, ...]
    table: str
    key: str
    only: tuple[str, str] | None = None
