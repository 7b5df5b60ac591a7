"""A code by mail, where its buyer asks for it: to the buyer's own proven private address and nowhere else.

The letter carries the code alone: not what it is for, nor where it came from.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from incentives.references import reference, reference_secret
from incentives.shop import order_of, read_code
from privacy.addresses import address_of
from privacy.errors import Conflict
from privacy.keys import Cipher
from privacy.post.letters import Letter
from privacy.post.queueing import queue

LETTER_DAYS = 1


def mail_code(
    db: Session, *, account: UUID, subject: UUID, cipher: Cipher, order: UUID, locale: str, now: datetime
) -> None:
    """Queue the letter, once per order; the code counts as read from now on.

    Raises: NotFound, Conflict (no private address is proven, or the order has no code).
    """
    found = order_of(db, subject, order)
    address = address_of(db, account)
    if address is None:
        raise Conflict("First add a private e-mail address to your account.")
    code = read_code(db, subject=subject, cipher=cipher, order=order, now=now)
    queue(
        db,
        reference=reference(reference_secret(db), at=found.ordered_at, key=f"letter|{order.hex}"),
        to=address.address,
        letter=Letter("bought_code", locale, {"code": code}),
        now=now,
        expires_at=now + timedelta(days=LETTER_DAYS),
    )
