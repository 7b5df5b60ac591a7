"""Who is asking, and the one place that says what each may do.

A ``Principal`` stands for one authenticated party (or one job) in one store. A ``Purpose`` is why a transaction
is opened. ``MAY`` lists which role may open which store for which purpose; everything else is Forbidden. Inside a
transaction, functions compare the rows they touch with the principal through ``own_subject``, ``own_employer``
and ``own_holder``: what is not the principal's answers exactly like what does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from privacy.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Side(StrEnum):
    """The two stores; see docs/architecture.md for why they are apart."""

    members = "members"
    employers = "employers"


class Role(StrEnum):
    """What a principal is, whatever its name."""

    visitor = "visitor"
    """Nobody yet: somebody who signs in or redeems a code."""
    member = "member"
    hr = "hr"
    insurer = "insurer"
    payroll = "payroll"
    provider = "provider"
    """Offers something that members can spend on or be referred to."""
    confirmer = "confirmer"
    """Confirms a milestone on a member's behalf."""
    support = "support"
    """Helps one member, on one record, by that member's grant."""
    operator = "operator"
    job = "job"


class Purpose(StrEnum):
    """Why a transaction is opened."""

    authentication = "authentication"
    own_use = "own_use"
    """A member about the member's own."""
    rewards = "rewards"
    """Earning and spending coins."""
    administration = "administration"
    """Organisations, contracts, programmes, invitations."""
    reports = "reports"
    """Reading published reports."""
    publishing = "publishing"
    """Making reports: the job's purpose."""
    copying = "copying"
    """Carrying declared facts from one store to the other: the job's purpose."""
    operation = "operation"
    """Keeping it running: migrations, checks, jobs' own bookkeeping."""
    help = "help"
    """Helping one member on that member's grant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One authenticated party.

    account: the account's id in its own store. subject: the member's pseudonym for data (members only).
    employer, holder: the organisation that the party acts for (employers' store only).
    name: for jobs, the job's name; never a person's.
    collective: for jobs, the one collective, pool or region that they work on.
    """

    role: Role
    account: UUID | None = None
    subject: UUID | None = None
    employer: UUID | None = None
    holder: UUID | None = None
    name: str | None = None
    collective: UUID | None = None


VISITOR = Principal(role=Role.visitor)
OPERATOR = Principal(role=Role.operator)


def job(name: str, *, collective: UUID | None = None) -> Principal:
    """The principal of a scheduled job; of one collective, pool or region, it sees its members only."""
    return Principal(role=Role.job, name=name, collective=collective)


def _may(**sides: set[Purpose]) -> Mapping[Side, frozenset[Purpose]]:
    return {Side(side): frozenset(purposes) for side, purposes in sides.items()}


LOOKING_AT = "looking_at"
"""Where a transaction keeps the subjects whose data the access log says it looks at."""
_P = Purpose
MAY: Mapping[Role, Mapping[Side, frozenset[Purpose]]] = {
    Role.visitor: _may(members={_P.authentication}, employers={_P.authentication}),
    Role.member: _may(members={_P.authentication, _P.own_use, _P.rewards, _P.reports}),
    Role.hr: _may(employers={_P.authentication, _P.administration, _P.reports}),
    Role.insurer: _may(employers={_P.authentication, _P.administration, _P.reports}),
    Role.payroll: _may(employers={_P.authentication, _P.reports}),
    Role.provider: _may(members={_P.authentication, _P.rewards}),
    Role.confirmer: _may(members={_P.authentication, _P.rewards}),
    Role.support: _may(members={_P.authentication, _P.help}),
    Role.operator: _may(
        members={_P.authentication, _P.operation}, employers={_P.authentication, _P.operation, _P.administration}
    ),
    Role.job: _may(
        members={_P.operation, _P.rewards, _P.publishing, _P.copying},
        employers={_P.operation, _P.publishing, _P.copying},
    ),
}


def allow(principal: Principal, side: Side, purpose: Purpose) -> None:
    """Raise Forbidden unless the role may open this store for this purpose."""
    if purpose not in MAY[principal.role].get(side, frozenset()):
        raise Forbidden(f"A {principal.role} may not open the {side}' store for {purpose}.")


def acting(db: "Session") -> Principal:
    """The principal on whose behalf the transaction was opened."""
    principal = db.info["principal"]
    assert isinstance(principal, Principal)
    return principal


def is_own_subject(db: "Session", subject: UUID) -> bool:
    """Whether the principal may touch this subject's rows: its own member, a job, or who has said so in the log.

    Support and the operator see nobody unless ``access_log.look`` wrote a line for this subject in this transaction.
    """
    principal = acting(db)
    if principal.role in (Role.support, Role.operator):
        return subject in db.info.get(LOOKING_AT, ())
    return principal.role is Role.job or principal.subject == subject


def own_subject(db: "Session", subject: UUID) -> UUID:
    """The subject itself where the principal may touch it: see ``is_own_subject``; else NotFound."""
    if not is_own_subject(db, subject):
        raise NotFound("There is no such person.")
    return subject


def own_employer(db: "Session", employer: UUID) -> UUID:
    """The employer itself where the principal acts for it, is the operator or a job; else NotFound."""
    principal = acting(db)
    if principal.role not in (Role.job, Role.operator) and principal.employer != employer:
        raise NotFound("There is no such employer.")
    return employer


def own_holder(db: "Session", holder: UUID) -> UUID:
    """The holder itself where the principal acts for it, is the operator or a job; else NotFound."""
    principal = acting(db)
    if principal.role not in (Role.job, Role.operator) and principal.holder != holder:
        raise NotFound("There is no such collective.")
    return holder
