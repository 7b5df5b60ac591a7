"""Whom a job can write to: members who gave a private address, found by their pseudonyms.

Only the key of each person ties the two: every address is opened until all are found. For a few among many who have
something to be told.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from privacy import people
from privacy.addresses import MemberAddress
from privacy.errors import Forbidden, NotFound
from privacy.keys import KeyDestroyed
from privacy.principals import Role, acting
from privacy.store import keys_of

_ROWS_PER_FETCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who can be written to."""

    account: UUID
    subject: UUID
    address: str
    locale: str


def readers(db: Session, subjects: Collection[UUID]) -> Iterator[Reader]:
    """Those of the members who gave a private address. Raises Forbidden: for jobs alone."""
    if acting(db).role is not Role.job:
        raise Forbidden("Only a job finds out to whom it writes.")
    wanted = set(subjects)
    rows = select(MemberAddress).order_by(MemberAddress.account).execution_options(yield_per=_ROWS_PER_FETCH)
    for row in db.scalars(rows) if wanted else ():
        try:
            profile = people.profile(db, row.account)
            if profile.subject in wanted:
                address = row.opened(keys_of(db).cipher(row.account))
                yield Reader(account=row.account, subject=profile.subject, address=address, locale=profile.locale)
        except (KeyDestroyed, NotFound):  # erased while this ran
            continue
