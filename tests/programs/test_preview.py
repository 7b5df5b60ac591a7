"""What a programme is expected to cost, and who gains or loses by a change: on simulated people, never on members."""

from datetime import date

import pytest

from privacy.errors import Invalid
from programs.documents import change_amount, read_programme, ready_text
from programs.preview import preview

MOVE = ready_text("move-and-rest")
AMOUNT = "rewards.rules[1].coins"
OLD = read_programme(MOVE, file="x")


def test_a_preview_is_the_same_for_the_same_seed_and_tells_ranges() -> None:
    one, again, other = (preview(OLD, employees=30, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    for figure in (one.participants, one.coins, one.cost_cents):
        assert 0 <= figure.low <= figure.middle <= figure.high
    assert one.cost_cents.middle == pytest.approx(one.coins.middle * 10, abs=1)
    assert one.changes == []


def test_who_gains_and_who_loses_is_told_by_group() -> None:
    lower, higher = (read_programme(change_amount(MOVE, AMOUNT, coins), file="x") for coins in (4, 12))
    worse = {each.group: each for each in preview(lower, against=OLD, employees=30).changes}
    better = {each.group: each for each in preview(higher, against=OLD, employees=30).changes}
    assert worse["everybody"].winners_percent == better["everybody"].losers_percent == 0
    assert worse["everybody"].losers_percent > 0
    assert worse["everybody"].after_coins < worse["everybody"].before_coins < better["everybody"].after_coins
    assert sum(each.people for name, each in worse.items() if name != "everybody") == worse["everybody"].people
    same = preview(OLD, against=OLD, employees=30, first=date(2026, 1, 5)).changes
    assert all(each.winners_percent == each.losers_percent == 0 for each in same)


@pytest.mark.parametrize(
    ("employees", "cents", "field"), [(19, 10, "members"), (20_001, 10, "members"), (30, 0, "coin_cents")]
)
def test_what_cannot_be_previewed_is_refused_by_field(employees: int, cents: int, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        preview(OLD, employees=employees, coin_cents=cents)
    assert refusal.value.field == field
