"""A code by mail: to the proven private address alone, once, and saying nothing but the code."""

from datetime import timedelta
from uuid import uuid4

import pytest
from books import pay_in, rewards
from sqlalchemy import select
from test_shop_refunds import an_item

from incentives.delivery import mail_code
from incentives.purses import purse
from incentives.refunds import NoRefund, give_back
from incentives.shop import buy
from privacy import addresses
from privacy.addresses import MemberAddress
from privacy.errors import Conflict, NotFound
from privacy.people import cipher_of
from privacy.post.letters import write
from privacy.post.members import Mail
from privacy.post.queueing import unseal
from privacy.principals import Purpose
from privacy.store import Store, keys_of, transaction
from tests.factories import NOW, as_member, copied_company, new_member

ADDRESS = "sam@example.org"


def test_a_bought_code_goes_to_the_private_address_once_and_says_nothing_else(members: Store) -> None:
    company = copied_company(members)
    sam, kim = new_member(members, company), new_member(members, company, nickname="Kim")
    with rewards(members) as db:
        pay_in(db, purse(db, sam.subject, NOW), 10)
        item = an_item(db, refund_days=14, on_sale_from=NOW - timedelta(days=1))
    order = uuid4()
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        cipher = cipher_of(db, sam.account)
        buy(db, subject=sam.subject, cipher=cipher, item=item.id, order=order, now=NOW)
    said = {"account": sam.account, "subject": sam.subject, "cipher": cipher, "order": order, "now": NOW}
    with pytest.raises(Conflict, match="private e-mail address"), _as(members, sam) as db:
        mail_code(db, locale="nl", **said)
    with _as(members, sam) as db:
        sealed = cipher.seal(ADDRESS.encode(), context=addresses._context(sam.account))
        db.add(MemberAddress(account=sam.account, digest=b"d" * 16, sealed=sealed, second_step=False))
    for _ in range(2):
        with _as(members, sam) as db:
            mail_code(db, locale="nl", **said)
    with rewards(members) as db:
        mail = db.scalars(select(Mail)).one()
        addressed = unseal(keys_of(db), mail.id, mail.sealed)
        letter = write(addressed.letter)
        assert (addressed.to, "AAA" in letter.text) == (ADDRESS, True)
        assert not any(word in f"{letter.subject} {letter.text}" for word in ("Iets", "munt", "Vitaal", "Bakkerij"))
    with _as(members, sam) as db, pytest.raises(NoRefund, match="seen the code"):
        give_back(db, subject=sam.subject, cipher=cipher, order=order, now=NOW)
    with _as(members, kim) as db, pytest.raises(NotFound):
        mail_code(db, locale="nl", **said | {"account": kim.account, "subject": kim.subject})


def _as(members: Store, profile):
    return transaction(members, as_member(profile), Purpose.own_use)
