"""Settling on both stores: only the difference, never twice, the same in any order, exact when money runs out."""

from datetime import date
from uuid import UUID, uuid4

import pytest
from books import DAY, JOB, NOW, a_fund, a_member, earned, pay_in, rewards, settle_now, spend, verdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from incentives.holds import hold, void_hold
from incentives.ledger import Transfer, TransferCode, balance
from incentives.parts import FundShare
from incentives.purses import movements, purse, purse_balance
from incentives.settle import OWED_COINS_MAX, Settled, Settlement
from privacy.errors import NotFound
from privacy.principals import Purpose
from privacy.store import Store, transaction

OFTEN = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _row(db: Session, subject: UUID, period: str = str(DAY)) -> Settlement:
    wanted = select(Settlement).where(Settlement.subject == subject, Settlement.period == period)
    return db.scalars(wanted.execution_options(populate_existing=True)).one()


def test_what_was_earned_goes_from_the_fund_to_the_purse_with_its_cause(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        fund = a_fund(db, 100)
        done = settle_now(
            db, earned((subject, "2026-02-02", 4), (subject, "2026-02-03", 3)), {subject: [FundShare(fund)]}
        )
        assert done == Settled(posted=2, coins=7)
        assert (purse_balance(db, subject), balance(db, fund)) == (7, 93)
        moved = movements(db, subject)
        assert {(line.amount_coins, line.cause, line.code) for line in moved} == {
            (4, "move/steps/2026-02-02", TransferCode.award),
            (3, "move/steps/2026-02-03", TransferCode.award),
        }
        assert {line.happened_at.date() for line in moved} == {date(2026, 2, 2), date(2026, 2, 3)}
    assert verdict(members).problems == []


def test_settling_twice_posts_nothing(members: Store) -> None:
    one, other = uuid4(), uuid4()
    with rewards(members) as db:
        fund = a_fund(db, 100)
    frame, funds = earned((one, str(DAY), 4), (other, str(DAY), 5)), dict.fromkeys((one, other), (FundShare(fund),))
    with rewards(members) as db:
        assert settle_now(db, frame, funds).posted == 2
    before = verdict(members)
    with rewards(members) as db:
        assert settle_now(db, frame, funds) == Settled()
    after = verdict(members)
    assert (after.problems, after.head) == ([], before.head)


def test_only_the_difference_is_posted_when_more_comes_in_and_it_names_what_it_corrects(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        funds = {subject: [FundShare(a_fund(db, 100))]}
        settle_now(db, earned((subject, str(DAY), 4)), funds)
        assert settle_now(db, earned((subject, str(DAY), 9)), funds) == Settled(posted=1, coins=5)
        late, first = movements(db, subject)
        assert (late.amount_coins, late.code, late.cause) == (5, TransferCode.correction, first.cause)
        assert late.id != first.id
    assert verdict(members).problems == []


def test_what_is_no_longer_earned_is_taken_back(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        fund = a_fund(db, 100)
        funds = {subject: [FundShare(fund)]}
        settle_now(db, earned((subject, "2026-02-02", 4), (subject, "2026-02-03", 6)), funds)
        assert settle_now(db, earned((subject, "2026-02-03", 5)), funds) == Settled(posted=2, coins=-5)
        assert (purse_balance(db, subject), balance(db, fund)) == (5, 95)
        assert settle_now(db, earned(), funds).coins == -5
        assert balance(db, fund) == 100
    assert verdict(members).problems == []


def test_members_and_programmes_that_are_not_named_stay_as_they_are(members: Store) -> None:
    one, other = uuid4(), uuid4()
    with rewards(members) as db:
        shares = [FundShare(a_fund(db, 100))]
        settle_now(db, earned((one, str(DAY), 4), (other, str(DAY), 4)), {one: shares, other: shares})
        assert settle_now(db, earned(), {one: shares}).coins == -4
        assert settle_now(db, earned(), {other: shares}, programme="sleep") == Settled()
        assert (purse_balance(db, one), purse_balance(db, other)) == (0, 4)


def test_what_is_older_than_the_closing_day_stays_as_it_is(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        funds = {subject: [FundShare(a_fund(db, 100))]}
        settle_now(db, earned((subject, "2025-01-01", 4), (subject, "2026-02-02", 4)), funds)
        frame = earned((subject, "2025-01-01", 9), (subject, "2025-01-02", 9), (subject, "2026-02-02", 3))
        assert settle_now(db, frame, funds, since=date(2026, 1, 1)) == Settled(posted=1, coins=-1)
        assert purse_balance(db, subject) == 7


def test_a_stopped_settling_is_repaired_by_the_next(members: Store) -> None:
    subjects = [uuid4() for _ in range(30)]
    with rewards(members) as db:
        shares = [FundShare(a_fund(db, 1000), 60), FundShare(a_fund(db, 1000), 40)]
    frame, funds = earned(*((subject, str(DAY), 5) for subject in subjects)), dict.fromkeys(subjects, shares)
    with pytest.raises(KeyboardInterrupt), transaction(members, JOB, Purpose.rewards) as db:
        settle_now(db, frame, funds)
        raise KeyboardInterrupt
    assert verdict(members).coins_awarded == 0
    with rewards(members) as db:
        assert settle_now(db, frame, funds).coins == 150
    assert (verdict(members).problems, verdict(members).coins_awarded) == ([], 150)


def test_lost_bookkeeping_cannot_pay_anybody_twice(members: Store) -> None:
    """Even if all settlement rows vanish, the transfers' own ids refuse a second payment."""
    subject = uuid4()
    with rewards(members) as db:
        shares = [FundShare(a_fund(db, 100), 60), FundShare(a_fund(db, 100), 40)]
        settle_now(db, earned((subject, str(DAY), 10)), {subject: shares})
        db.execute(text("DELETE FROM settlement"))
    with rewards(members) as db:
        settle_now(db, earned((subject, str(DAY), 10)), {subject: shares})
        assert purse_balance(db, subject) == 10
    found = verdict(members)
    assert (found.problems, found.coins_awarded) == ([], 10)


def test_the_legs_of_a_shared_award_have_one_group_and_follow_the_shares(members: Store) -> None:
    subjects = [uuid4() for _ in range(200)]
    with rewards(members) as db:
        insurer, employer = a_fund(db, 1000), a_fund(db, 1000)
        shares = [FundShare(insurer, 70), FundShare(employer, 30)]
        settle_now(db, earned(*((subject, str(DAY), 3) for subject in subjects)), dict.fromkeys(subjects, shares))
        assert balance(db, insurer) + balance(db, employer) == 2000 - 600
        assert 380 <= 1000 - balance(db, insurer) <= 460  # 420 expected, never off by more than one coin per award
        groups = db.execute(
            select(Transfer.group_id, func.sum(Transfer.amount_coins))
            .where(Transfer.code == TransferCode.award)
            .group_by(Transfer.group_id)
        ).all()
        assert (len(groups), {coins for _, coins in groups}) == (200, {3})
    assert verdict(members).problems == []


def test_changed_shares_move_what_was_paid_between_the_payers_only(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        insurer, employer = a_fund(db, 1000), a_fund(db, 1000)
        settle_now(db, earned((subject, str(DAY), 10)), {subject: [FundShare(insurer)]})
        shares = [FundShare(insurer, 50), FundShare(employer, 50)]
        assert settle_now(db, earned((subject, str(DAY), 10)), {subject: shares}).coins == 0
        assert (balance(db, insurer), balance(db, employer), purse_balance(db, subject)) == (995, 995, 10)
        assert settle_now(db, earned((subject, str(DAY), 10)), {subject: shares}) == Settled()
    assert verdict(members).problems == []


def test_a_change_to_a_payer_without_money_takes_nothing_from_the_member(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        insurer, employer = a_fund(db, 1000), a_fund(db, 0)
        settle_now(db, earned((subject, str(DAY), 10)), {subject: [FundShare(insurer)]})
        assert settle_now(db, earned((subject, str(DAY), 10)), {subject: [FundShare(employer)]}) == Settled()
        assert (balance(db, insurer), purse_balance(db, subject)) == (990, 10)
        pay_in(db, employer, 10)
        done = settle_now(db, earned((subject, str(DAY), 10)), {subject: [FundShare(employer)]})
        assert (done.posted, done.coins) == (2, 0)
        assert (balance(db, insurer), balance(db, employer), purse_balance(db, subject)) == (1000, 0, 10)
    assert verdict(members).problems == []


def test_a_fund_that_runs_dry_pays_first_what_was_earned_first_and_the_rest_when_it_can(members: Store) -> None:
    subjects = [uuid4() for _ in range(6)]
    rows = [(subject, f"2026-02-0{day}", 10) for day, subject in enumerate(subjects, start=1)]
    with rewards(members) as db:
        fund = a_fund(db, 35)
        funds = dict.fromkeys(subjects, (FundShare(fund),))
        assert settle_now(db, earned(*reversed(rows)), funds) == Settled(posted=3, coins=30, refused=30)
        assert [purse_balance(db, subject) for subject in subjects] == [10, 10, 10, 0, 0, 0]
        assert _row(db, subjects[3], "2026-02-04").refused_coins == 10
        assert settle_now(db, earned(*rows), funds) == Settled(refused=30)
        pay_in(db, fund, 16)
        assert settle_now(db, earned(*rows), funds) == Settled(posted=2, coins=20, refused=10)
        assert (balance(db, fund), _row(db, subjects[3], "2026-02-04").refused_coins) == (1, 0)
    assert verdict(members).problems == []


def test_coins_taken_back_pay_for_others_in_the_same_settling(members: Store) -> None:
    one, other = uuid4(), uuid4()
    with rewards(members) as db:
        fund = a_fund(db, 10)
        funds = dict.fromkeys((one, other), (FundShare(fund),))
        settle_now(db, earned((one, str(DAY), 10)), funds)
        assert settle_now(db, earned((other, str(DAY), 8)), funds) == Settled(posted=2, coins=-2)
        assert (purse_balance(db, one), purse_balance(db, other), balance(db, fund)) == (0, 8, 2)


def test_what_was_spent_is_owed_and_taken_from_what_is_earned_later(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        fund = a_fund(db, 1000)
        funds = {subject: [FundShare(fund)]}
        settle_now(db, earned((subject, "2026-02-01", 50)), funds)
        spend(db, subject, 45)
        assert settle_now(db, earned((subject, "2026-02-01", 20)), funds) == Settled(posted=1, coins=-5, owed=25)
        assert (purse_balance(db, subject), _row(db, subject, "2026-02-01").owed_coins) == (0, 25)
        assert settle_now(db, earned((subject, "2026-02-01", 20)), funds) == Settled(owed=25)
        later = earned((subject, "2026-02-01", 20), (subject, "2026-02-08", 30))
        assert settle_now(db, later, funds) == Settled(posted=2, coins=5)
        assert (purse_balance(db, subject), balance(db, fund)) == (5, 950)
    assert verdict(members).problems == []


def test_what_is_owed_beyond_the_limit_is_written_off_and_not_paid_again_when_it_returns(members: Store) -> None:
    subject = uuid4()
    with rewards(members) as db:
        fund = a_fund(db, 1000)
        funds = {subject: [FundShare(fund)]}
        settle_now(db, earned((subject, str(DAY), 300)), funds)
        spend(db, subject, 300)
        done = settle_now(db, earned(), funds)
        assert done == Settled(owed=OWED_COINS_MAX, written_off=300 - OWED_COINS_MAX)
        assert settle_now(db, earned(), funds) == done
        assert settle_now(db, earned((subject, str(DAY), 250)), funds) == Settled(written_off=50)
        assert settle_now(db, earned((subject, str(DAY), 310)), funds) == Settled(posted=1, coins=10)
        assert (purse_balance(db, subject), balance(db, fund)) == (10, 690)
    assert verdict(members).problems == []


def test_held_coins_are_not_taken_back(members: Store) -> None:
    subject, reference = uuid4(), uuid4()
    with rewards(members) as db:
        funds = {subject: [FundShare(a_fund(db, 100))]}
        settle_now(db, earned((subject, str(DAY), 10)), funds)
        account = purse(db, subject, NOW)
        hold(db, reference=reference, account=account, amount_coins=8, expires_at=NOW.replace(year=2027), now=NOW)
        assert settle_now(db, earned(), funds) == Settled(posted=1, coins=-2, owed=8)
        void_hold(db, reference=reference)
        assert settle_now(db, earned(), funds) == Settled(posted=1, coins=-8)
    assert verdict(members).problems == []


def test_a_member_may_settle_only_for_themselves(members: Store) -> None:
    member, stranger = a_member(), uuid4()
    assert member.subject is not None
    with rewards(members) as db:
        shares = [FundShare(a_fund(db, 100))]
    with transaction(members, member, Purpose.rewards) as db:
        assert settle_now(db, earned((member.subject, str(DAY), 4)), {member.subject: shares}).coins == 4
        with pytest.raises(NotFound, match="no such person"):
            settle_now(db, earned((stranger, str(DAY), 4)), {stranger: shares})


def test_a_fund_that_does_not_exist_is_refused_before_anything_is_posted(members: Store) -> None:
    one, other = uuid4(), uuid4()
    with rewards(members) as db:
        funds = {one: [FundShare(a_fund(db, 100))], other: [FundShare(uuid4())]}
        with pytest.raises(NotFound, match="no such fund"):
            settle_now(db, earned((one, str(DAY), 4), (other, str(DAY), 4)), funds)
        assert purse_balance(db, one) == 0


FACTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 5), st.integers(0, 40), st.sampled_from(["steps", "sleep"])),
    min_size=1,
    max_size=12,
    unique_by=lambda fact: (fact[0], fact[1], fact[3]),
)


@OFTEN
@given(facts=FACTS, percents=st.sampled_from([[100], [60, 40], [50, 30, 20]]), data=st.data())
def test_the_same_facts_in_any_order_of_arrival_end_in_the_same_balances(
    members: Store, facts: list[tuple[int, int, int, str]], percents: list[int], data: st.DataObject
) -> None:
    """Facts arrive one by one in two orders, with wrong values first and repeats between; the end is the same."""
    subjects = [uuid4() for _ in range(3)]
    ends: list[list[int]] = []
    for programme in ("here", "there"):
        with rewards(members) as db:
            payers = [a_fund(db, 10_000) for _ in percents]
        funds = {subject: [FundShare(f, p) for f, p in zip(payers, percents, strict=True)] for subject in subjects}
        known: dict[tuple[int, int, str], int] = {}
        for who, day, coins, rule in data.draw(st.permutations(facts)):
            for value in (data.draw(st.integers(0, 40)), coins):
                known[who, day, rule] = value
                frame = earned(*((subjects[w], f"2026-02-0{d}", c, r) for (w, d, r), c in known.items()))
                with rewards(members) as db:
                    settle_now(db, frame, funds, programme=programme)
        with rewards(members) as db:
            assert settle_now(db, frame, funds, programme=programme) == Settled()
            ends.append([purse_balance(db, subject) for subject in subjects])
            assert sum(10_000 - balance(db, payer) for payer in payers) == sum(known.values())
    expected = [sum(coins for who, _, coins, _ in facts if who == number) for number in range(3)]
    assert ends == [expected, [2 * coins for coins in expected]]
    assert verdict(members).problems == []


STORY = st.lists(
    st.one_of(
        st.tuples(st.just("earn"), st.integers(0, 2), st.integers(1, 4), st.integers(0, 60)),
        st.tuples(st.just("spend"), st.integers(0, 2), st.integers(1, 50), st.just(0)),
        st.tuples(st.just("pay"), st.integers(0, 1), st.integers(1, 60), st.just(0)),
    ),
    max_size=15,
)


@OFTEN
@given(story=STORY, share=st.sampled_from([100, 70]))
def test_whatever_happens_the_books_hold_and_every_coin_is_accounted_for(
    members: Store, story: list[tuple[str, int, int, int]], share: int
) -> None:
    """Funds run dry, coins are spent and then taken back; for each member: received = entitled - refused + kept."""
    subjects = [uuid4() for _ in range(3)]
    with rewards(members) as db:
        payers = [a_fund(db, 30), a_fund(db, 30)]
    shares = (
        [FundShare(payers[0])] if share == 100 else [FundShare(payers[0], share), FundShare(payers[1], 100 - share)]
    )
    known: dict[tuple[int, int], int] = {}
    spent = [0, 0, 0]
    for what, number, amount, coins in story:
        with rewards(members) as db:
            if what == "earn":
                known[number, amount] = coins
            elif what == "pay":
                pay_in(db, payers[number], amount)
            elif amount <= purse_balance(db, subjects[number]):
                spend(db, subjects[number], amount)
                spent[number] += amount
            frame = earned(*((subjects[w], f"2026-02-0{day}", c) for (w, day), c in known.items()))
            funds = dict.fromkeys(subjects, shares)
            done = settle_now(db, frame, funds)
            again = settle_now(db, frame, funds)
            assert (again.posted, again.refused, again.owed) == (0, done.refused, done.owed)
            received = sum(purse_balance(db, subject) for subject in subjects) + sum(spent)
            assert received == sum(known.values()) - done.refused + done.owed + done.written_off
    assert verdict(members).problems == []
