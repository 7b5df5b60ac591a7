"""The arithmetic of settling, without a database."""

from uuid import uuid4

import numpy as np
import pytest
from books import DAY, earned
from hypothesis import given
from hypothesis import strategies as st

from incentives.differences import (
    COINS_PER_ENTITLEMENT_MAX,
    DICE_SIDES,
    Rooms,
    Rows,
    clip_within,
    next_step,
    rest_of,
    split,
)
from incentives.parts import FundShare, wanted_parts
from privacy.errors import Invalid


def _filled(head: list[int]) -> list[int]:
    """Shares that begin with ``head`` as far as it fits and add up to 100."""
    while sum(head) >= 100:
        head = head[:-1]
    return [*head, 100 - sum(head)]


PERCENTS = st.lists(st.integers(1, 97), max_size=3).map(_filled)


@given(
    percents=PERCENTS,
    coins=st.integers(0, COINS_PER_ENTITLEMENT_MAX),
    dice=st.integers(0, DICE_SIDES - 1),
)
def test_the_parts_of_a_split_add_up_and_are_off_by_less_than_one_coin(
    percents: list[int], coins: int, dice: int
) -> None:
    parts = split(np.array([coins]), np.array([dice]), percents)[0].tolist()
    assert sum(parts) == coins
    for part, percent in zip(parts, percents, strict=True):
        assert abs(part * 100 - coins * percent) < 100
        assert part >= 0


def test_on_average_each_payer_pays_exactly_its_share() -> None:
    dice = np.arange(0, DICE_SIDES, DICE_SIDES // 1024, dtype=np.int64)
    parts = split(np.full(len(dice), 3, dtype=np.int64), dice, [60, 25, 15])
    assert np.abs(parts.mean(axis=0) - [1.8, 0.75, 0.45]).max() < 0.002


@given(
    rows=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=30),
    room=st.lists(st.integers(0, 50), min_size=4, max_size=4),
    seed=st.integers(0, 99),
)
def test_clipping_agrees_with_a_plain_loop(rows: list[tuple[int, int]], room: list[int], seed: int) -> None:
    amounts = np.array([amount for amount, _ in rows], dtype=np.int64)
    groups = np.array([group for _, group in rows], dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(rows))
    left, expected = list(room), [0] * len(rows)
    for place in order:
        amount, group = rows[place]
        expected[place] = min(amount, left[group])
        left[group] -= expected[place]
    assert clip_within(amounts, groups, order, np.array(room, dtype=np.int64)).tolist() == expected


ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)),
    max_size=12,
    unique_by=lambda row: row[:2],
)
NO_LIMIT = 1 << 60


def _rows(listed: list[tuple[int, int, int, int, int]], *, cents: int = 0) -> Rows:
    """Entitlements 0..2 of one member paid by funds 0..2: (entitlement, fund, target, posted, forgiven).

    Fund 0 is an employer's: its coins count ``cents`` under a limit.
    """
    column = [np.array([row[place] for row in listed], dtype=np.int64) for place in range(5)]
    nobody = np.zeros(len(listed), dtype=np.int64)
    limited = (column[1] == 0) & (cents > 0)
    return Rows(
        award=column[0],
        member=nobody,
        purse=nobody,
        fund=column[1],
        lot=column[1],
        limit=np.where(limited, 1, 0),
        coin_cents=np.where(limited, cents, 0),
        target=column[2],
        posted=column[3],
        written_off=np.minimum(column[4], column[3]),
    )


@given(
    listed=ROWS,
    funds=st.lists(st.integers(0, 60), min_size=3, max_size=3),
    lots=st.lists(st.integers(0, 30), min_size=3, max_size=3),
    held=st.integers(0, 20),
    limit=st.integers(0, 400),
)
def test_steps_end_and_no_step_overdraws_anybody(
    listed: list[tuple[int, int, int, int, int]], funds: list[int], lots: list[int], held: int, limit: int
) -> None:
    rows, order = _rows(listed, cents=10), np.arange(len(listed))
    room = Rooms(
        fund=np.array(funds, dtype=np.int64),
        purse=np.array([max(0, sum(lots) - held)], dtype=np.int64),
        lot=np.array(lots, dtype=np.int64),
        limit_cents=np.array([NO_LIMIT, limit], dtype=np.int64),
    )
    for _ in range(100):
        change = next_step(rows, order=order, rooms=room)
        if not change.any():
            break
        assert (np.sign(change) * np.sign(rows.due) >= 0).all()
        assert (np.abs(change) <= np.abs(rows.due)).all()
        before = rows
        rows = rows.moved(change)
        np.subtract.at(room.fund, rows.fund, change)
        np.add.at(room.lot, rows.lot, change)
        np.subtract.at(room.limit_cents, rows.limit, change * rows.coin_cents)
        room.purse[:] += change.sum()
        for each in (room.fund, room.lot, room.purse, room.limit_cents):
            assert each.min() >= 0
        for award in range(3):
            mine = rows.award == award
            was, wanted, became = (int(each[mine].sum()) for each in (before.posted, rows.target, rows.posted))
            assert became >= min(was, wanted), "never less than entitled because of a change of payers"
            kept = int(before.forgiven()[mine].sum())
            assert became <= max(was, wanted + kept), "never more than entitled because of a change of payers"
    else:
        pytest.fail("the steps do not end")
    rest = rest_of(rows, order=order, owed_coins_max=10, limit_room_cents=room.limit_cents)
    assert rest.owed.sum() <= 10
    assert (rest.owed + rest.written_off <= np.maximum(-rows.due, 0)).all()
    assert (rest.refused + rest.over_limit <= np.maximum(rows.due, 0)).all()
    for row in np.flatnonzero(rest.owed):
        assert not min(room.lot[rows.lot[row]], room.purse[0]), "what the purse has of the fund is taken back first"


def test_coins_that_were_spent_stay_paid_by_who_paid_them_when_payers_change() -> None:
    """Fund 0 paid 10 of which 6 are spent; now fund 1 is to pay: only 4 can move, and nobody gets coins twice."""
    rows = _rows([(0, 0, 0, 10, 0), (0, 1, 10, 0, 0)])
    room = Rooms(fund=np.array([0, 100]), purse=np.array([4]), lot=np.array([4, 0]), limit_cents=np.array([NO_LIMIT]))
    assert next_step(rows, order=np.arange(2), rooms=room).tolist() == [-4, 4]


def test_a_limit_cuts_in_whole_coins_and_what_it_cuts_is_not_said_to_be_refused_by_the_fund() -> None:
    rows, order = _rows([(0, 0, 7, 0, 0), (1, 1, 5, 0, 0)], cents=10), np.arange(2)
    plenty, limits = np.array([100, 100]), np.array([NO_LIMIT, 39])
    room = Rooms(fund=plenty, purse=np.array([0]), lot=np.array([0, 0]), limit_cents=limits)
    change = next_step(rows, order=order, rooms=room)
    assert change.tolist() == [3, 5]
    rest = rest_of(rows.moved(change), order=order, owed_coins_max=10, limit_room_cents=np.array([NO_LIMIT, 9]))
    assert (rest.over_limit.tolist(), rest.refused.tolist()) == ([4, 0], [0, 0])


def _wanted(frame, shares):
    member = frame["member"].iloc[0] if len(frame) else uuid4()
    return wanted_parts(programme="p", entitlements=frame, funds={member: shares}, secret=b"x" * 32, since=None)


@pytest.mark.parametrize("coins", [1.5, True, -1, COINS_PER_ENTITLEMENT_MAX + 1, "3", None, float("nan")])
def test_an_entitlement_that_is_no_whole_number_of_coins_is_refused(coins: object) -> None:
    frame = earned((uuid4(), str(DAY), 1)).drop(columns="coins").assign(coins=[coins])
    with pytest.raises(Invalid, match="whole number of coins"):
        _wanted(frame, [FundShare(uuid4())])


@pytest.mark.parametrize("percents", [[], [99], [50, 51], [100, 0], [120, -20], [50.0, 50.0], [True, 99]])
def test_shares_that_are_not_whole_percents_of_one_hundred_are_refused(percents: list) -> None:
    with pytest.raises(Invalid, match="together 100"):
        _wanted(earned((uuid4(), str(DAY), 1)), [FundShare(uuid4(), share) for share in percents])


def test_the_same_fund_named_twice_is_refused() -> None:
    fund = uuid4()
    with pytest.raises(Invalid, match="different funds"):
        _wanted(earned((uuid4(), str(DAY), 1)), [FundShare(fund, 50), FundShare(fund, 50)])


def test_an_entitlement_of_a_member_without_a_fund_is_refused() -> None:
    with pytest.raises(Invalid, match="no fund"):
        wanted_parts(programme="p", entitlements=earned((uuid4(), str(DAY), 1)), funds={}, secret=b"x" * 32, since=None)


def test_what_was_forgiven_to_one_payer_is_not_taken_back_in_place_of_the_other() -> None:
    """One entitlement: fund 0 paid 10 too much and forgave it, fund 1 paid 5 too much."""
    rows = _rows([(0, 0, 0, 10, 10), (0, 1, 0, 5, 0)])
    room = np.array([100, 100], dtype=np.int64)
    rooms = Rooms(fund=room, purse=room[:1], lot=room, limit_cents=np.array([NO_LIMIT]))
    change = next_step(rows, order=np.arange(2), rooms=rooms)
    assert change.tolist() == [0, -5]


@pytest.mark.parametrize("percents", [(70, 30), (30, 70), (45, 55)])
def test_over_many_awards_each_payer_pays_its_share(percents: tuple[int, int]) -> None:
    subjects = [uuid4() for _ in range(2000)]
    one, other = sorted(uuid4() for _ in range(2))
    shares = (FundShare(one, percents[0]), FundShare(other, percents[1]))
    parts = wanted_parts(
        programme="p",
        entitlements=earned(*((subject, str(DAY), 1) for subject in subjects)),
        funds=dict.fromkeys(subjects, shares),
        secret=b"x" * 32,
        since=None,
    )
    paid = parts.target[parts.fund == one].sum()
    assert abs(paid - 20 * percents[0]) < 120, "five standard deviations of fair dice"
    assert parts.target.sum() == 2000
