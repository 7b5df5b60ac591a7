"""What the shop offers: labels that end, collectives' own items, team pools, and partners paid in coarse sums."""

from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest
from books import DAY, NOW, rewards, verdict
from test_shop_refunds import an_item, bought, rich

from incentives.labels import delist_unlabelled, expiring
from incentives.ledger import balance
from incentives.offering import add_label, add_partner, withdraw
from incentives.partners import PartnerPayout, settle_partners, statement_of
from incentives.shelf import ItemKind, items, label_of
from incentives.team_pools import count_pools
from privacy.errors import Conflict, Invalid, NotFound
from privacy.jobs import Period
from privacy.store import Store

FEBRUARY, MARCH = Period.parse("2026-02"), Period.parse("2026-03")


def _label(db, item, *, days: int = 40, **more: object):
    fields = {"scheme": "NELL", "grade": "B", "issued_on": DAY, "expires_on": DAY + timedelta(days=days), **more}
    return add_label(db, item=item.id, now=NOW, **fields)


def _on_sale(db, at) -> list:
    return [item.id for item in items(db, at)]


def test_a_service_is_on_sale_only_while_its_label_is_in_force(members: Store) -> None:
    with rewards(members) as db:
        service, subject = an_item(db, ItemKind.service, codes=("A", "B")), rich(db, services=100)
        assert _on_sale(db, NOW) == []
        label = _label(db, service)
        last = NOW + timedelta(days=40)
        assert (_on_sale(db, last), label_of(db, service.id, last)) == ([service.id], label)
        assert _on_sale(db, last + timedelta(days=1)) == []
        with pytest.raises(NotFound, match="not on sale"):
            bought(db, subject, service, at=last + timedelta(days=1))
        bought(db, subject, service, at=last)


def test_the_job_takes_a_service_off_sale_and_a_new_label_brings_it_back(members: Store) -> None:
    with rewards(members) as db:
        service = an_item(db, ItemKind.service)
        assert [each.expires_on for each in expiring(db, NOW)] == [None], "a service that waits for its label"
        _label(db, service)
        assert expiring(db, NOW) == []
        soon = NOW + timedelta(days=10)
        assert [each.item for each in expiring(db, soon)] == [service.id], "thirty days ahead"
        assert delist_unlabelled(db, soon) == 0
        late = NOW + timedelta(days=41)
        assert (delist_unlabelled(db, late), delist_unlabelled(db, late)) == (1, 0)
        assert (service.withdrawn_at, service.withdrawn_for) == (late, "label")
        add_label(
            db,
            item=service.id,
            scheme="ISO 82304-2",
            grade="A",
            issued_on=late.date(),
            expires_on=late.date() + timedelta(days=300),
            now=late,
        )
        assert _on_sale(db, late) == [service.id]
        withdraw(db, item=service.id, now=late)
        _label(db, service, days=500)
        assert _on_sale(db, late) == [], "what the operator withdrew stays so"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"scheme": "OWN"}, "quality label is one of"),
        ({"scheme": "ORCHA", "grade": "64"}, "from 65 to 100"),
        ({"grade": "Z"}, "from A to E"),
        ({"issued_on": DAY + timedelta(days=1)}, "in force today"),
        ({"expires_on": DAY - timedelta(days=1), "issued_on": DAY - timedelta(days=9)}, "in force today"),
        ({"expires_on": DAY + timedelta(days=4000)}, "at most 5 years"),
    ],
)
def test_a_label_that_cannot_be_is_refused(members: Store, change: dict, sentence: str) -> None:
    with rewards(members) as db:
        service = an_item(db, ItemKind.service)
        with pytest.raises(Invalid, match=sentence):
            _label(db, service, **change)
        with pytest.raises(NotFound, match="no such service"):
            _label(db, an_item(db))


def test_a_collectives_own_items_are_for_its_members_alone(members: Store) -> None:
    collective = uuid4()
    with rewards(members) as db:
        local = an_item(db, collective=collective)
        assert _on_sale(db, NOW) == []
        assert items(db, NOW, collectives=[uuid4()]) == []
        assert items(db, NOW, collectives=[collective]) == [local]
        with pytest.raises(NotFound, match="not on sale"):
            bought(db, rich(db, free=50), local)


def test_a_pool_shows_big_steps_that_several_people_took_together(members: Store) -> None:
    with rewards(members) as db:
        pool = an_item(db, ItemKind.team_pool, price_coins=50, target_coins=1_000)
        givers = [rich(db, free=2_000) for _ in range(9)]
        seconds = count()

        def give(*people: int) -> None:
            for person in people:
                bought(db, givers[person], pool, at=NOW + timedelta(seconds=next(seconds)))

        give(*[0] * 6)
        count_pools(db, NOW + timedelta(hours=1))
        assert pool.shown_percent == 0, "30 percent, all of one person"
        give(1, 2, 3, 4)
        count_pools(db, NOW + timedelta(hours=1))
        assert (balance(db, pool.account), pool.shown_percent) == (500, 50)
        give(5, 5, 5)
        count_pools(db, NOW + timedelta(hours=1))
        assert pool.shown_percent == 50, "65 percent, but one person could be read from a step"
        give(0, 1, 2, 6)
        count_pools(db, NOW + timedelta(hours=1))
        assert pool.shown_percent == 80
    assert verdict(members).problems == []


def test_a_partner_is_paid_coarse_sums_once_a_month_and_the_rest_is_carried(members: Store) -> None:
    with rewards(members) as db:
        partner = add_partner(db, name="De Fietser")
        item = an_item(db, partner=partner.id, codes=tuple(f"C{number}" for number in range(40)))
        buyers = [rich(db, free=1_000) for _ in range(6)]
        for buyer in (*buyers, *buyers[:3]):
            bought(db, buyer, item)
        assert settle_partners(db, FEBRUARY, NOW + timedelta(days=28)) == 0, "nine orders are carried"
        for buyer in buyers[:4]:
            bought(db, buyer, item, at=NOW + timedelta(days=30))
        for _ in range(3):
            settle_partners(db, FEBRUARY, NOW + timedelta(days=60))
        assert balance(db, item.account) == 130
        assert settle_partners(db, MARCH, NOW + timedelta(days=60)) == 1
        for _ in range(3):
            assert settle_partners(db, MARCH, NOW + timedelta(days=61)) == 0
        assert balance(db, item.account) == 30, "paid in steps of five of the dearest"
        found, lines = statement_of(db, partner.id)
        assert found.name == "De Fietser"
        assert [(line.period, line.coins, line.cents) for line in lines] == [("2026-03", 100, 1_000)]
        assert db.get_one(PartnerPayout, (item.account, "2026-02")).coins == 0
    assert verdict(members).problems == []


def test_one_eager_buyer_or_what_can_still_go_back_is_not_paid_out(members: Store) -> None:
    with rewards(members) as db:
        codes = tuple(f"C{number}" for number in range(40))
        one, waits = an_item(db, codes=codes), an_item(db, codes=codes, refund_days=60)
        eager, many = rich(db, free=1_000), [rich(db, free=100) for _ in range(10)]
        for buyer in many:
            bought(db, eager, one)
            bought(db, buyer, waits)
        assert settle_partners(db, FEBRUARY, NOW + timedelta(days=28)) == 0
        assert settle_partners(db, Period.parse("2026-04"), NOW + timedelta(days=90)) == 1
        assert (balance(db, one.account), balance(db, waits.account)) == (100, 0)


def test_a_partners_name_means_one_partner(members: Store) -> None:
    with rewards(members) as db:
        assert add_partner(db, name="Roos").id == add_partner(db, name=" Roos ").id
        with pytest.raises(Conflict, match="is known as a partner"):
            add_partner(db, name="Roos", charity=True)
        with pytest.raises(NotFound, match="no such partner"):
            statement_of(db, uuid4())
