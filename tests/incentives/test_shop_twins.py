"""Two worlds that differ in one member's orders look the same to everybody but that member."""

from datetime import timedelta
from uuid import UUID

from books import DAY, NOW, pay_in, rewards
from sqlalchemy import inspect, text

from incentives.labels import delist_unlabelled, expiring
from incentives.offering import Offer, add_item, add_label, add_partner
from incentives.partners import settle_partners, statement_of
from incentives.purses import purse
from incentives.shelf import ItemKind, items
from incentives.shop import buy
from incentives.team_pools import count_pools
from privacy.jobs import Period
from privacy.keys import Cipher, KeyRing
from privacy.principals import Side
from privacy.store import Store
from tests.databases import OpenFresh

CIPHER = Cipher(b"k" * 32)


def _live(members: Store, *, sam_buys: bool) -> tuple[list, list, int]:
    """Twelve colleagues buy and give; Sam gives too, or not. What a partner and the shop's visitors see of it."""
    with rewards(members) as db:
        partner, cause = add_partner(db, name="Slaapwijzer"), add_partner(db, name="Speeltuin", charity=True)
        words = {"title_nl": "A", "title_en": "A", "description_nl": "", "description_en": ""}
        codes = [f"C{number}" for number in range(50)]
        service = Offer(kind=ItemKind.service, price_coins=10, codes=codes, **words)
        pool = Offer(kind=ItemKind.team_pool, price_coins=50, target_coins=1_000, **words)
        sold = add_item(db, partner=partner.id, offer=service, now=NOW)
        add_label(
            db, item=sold.id, scheme="NELL", grade="A", issued_on=DAY, expires_on=DAY + timedelta(days=90), now=NOW
        )
        pot = add_item(db, partner=cause.id, offer=pool, now=NOW)
        for number in range(13):
            subject = UUID(int=number + 1)
            pay_in(db, purse(db, subject, NOW), 100)
            if number or sam_buys:
                at = NOW + timedelta(minutes=13 - number)
                for item in (sold, pot):
                    order = UUID(int=1_000 + 2 * number + (item is pot))
                    buy(
                        db,
                        subject=subject,
                        cipher=CIPHER,
                        item=item.id,
                        order=order,
                        now=at,
                        coin_value_cents=10,
                    )
        count_pools(db, NOW + timedelta(hours=2))
        settle_partners(db, Period.parse("2026-02"), NOW + timedelta(days=30))
        delist_unlabelled(db, NOW)
        return (
            [statement_of(db, each.id)[1] for each in (partner, cause)],
            [(item.kind, item.price_coins, item.shown_percent) for item in items(db, NOW)],
            len(expiring(db, NOW)),
        )


def test_everybody_but_the_member_sees_the_same_with_and_without_the_orders(
    dialect: str, keys: KeyRing, employers: Store, open_fresh: OpenFresh
) -> None:
    before = _everything(employers)
    with open_fresh(Side.members, dialect, keys) as members:
        with_sam = _live(members, sam_buys=True)
    with open_fresh(Side.members, dialect, keys) as members:
        assert _live(members, sam_buys=False) == with_sam
    assert _everything(employers) == before, "an order touched the employers' store"
    assert all(with_sam[:2]), "or nothing was compared"


def _everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row that HR and the insurer could ever be shown, as stored."""
    with store.engine.connect() as connection:
        return {
            name: sorted(map(tuple, connection.execute(text(f'SELECT * FROM "{name}"'))), key=repr)
            for name in inspect(connection).get_table_names()
        }
