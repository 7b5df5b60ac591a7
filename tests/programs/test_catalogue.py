"""Published programmes: versions with a day from which they hold, promises that the contract bounds, nothing edited."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from privacy.errors import Conflict, Invalid, NotFound
from privacy.principals import Purpose
from privacy.store import Store, transaction
from privacy.tenants import declared
from programs import catalogue
from programs.catalogue import ProgrammeVersion, TooGenerous, TooSoon
from programs.documents import amounts, max_coins_per_year, read_programme, ready, ready_text
from programs.reviews import ReviewMissing, record_review
from tests.factories import NOW, TODAY, YEAR_START, Company, as_hr, as_insurer, at_once, declared_company

DAY = timedelta(days=1)
MOVE = "move-and-rest"
AMOUNT = "rewards.rules[1].coins"


def _publish(
    employers: Store, company: Company, document: str | None = None, *, on: object = TODAY
) -> ProgrammeVersion:
    with transaction(employers, as_insurer(company), Purpose.administration) as db:
        return catalogue.publish(
            db,
            company.collective,
            document=document or ready_text(MOVE),
            effective_from=on,
            now=NOW,  # type: ignore[arg-type]
        )


def _coins(version: ProgrammeVersion) -> int:
    (found,) = [amount.coins for amount in amounts(read_programme(version.document, file="x")) if amount.path == AMOUNT]
    return found


def test_a_changed_amount_is_a_new_version_and_days_before_it_keep_theirs(employers: Store) -> None:
    company = declared_company(employers)
    _publish(employers, company, on=YEAR_START)
    with transaction(employers, as_insurer(company), Purpose.administration) as db:
        catalogue.set_amount(
            db, company.collective, key=MOVE, path=AMOUNT, coins=5, effective_from=TODAY + 14 * DAY, now=NOW
        )
    with transaction(employers, as_insurer(company), Purpose.administration, read_only=True) as db:
        days = [YEAR_START - DAY, YEAR_START, TODAY + 13 * DAY, TODAY + 14 * DAY]
        found = [catalogue.current(db, company.collective, day) for day in days]
        assert [{key: row.version for key, row in each.items()} for each in found] == [
            {},
            {MOVE: 1},
            {MOVE: 1},
            {MOVE: 2},
        ]
        assert [_coins(row) for row in catalogue.versions(db, company.collective)] == [10, 5]
        assert catalogue.newest(db, company.collective, MOVE).version == 2


def test_of_two_versions_for_the_same_day_the_later_holds(employers: Store) -> None:
    company = declared_company(employers)
    for _ in range(2):
        _publish(employers, company)
    with transaction(employers, as_insurer(company), Purpose.administration, read_only=True) as db:
        assert catalogue.current(db, company.collective, TODAY)[MOVE].version == 2


def test_nobodys_past_changes(employers: Store) -> None:
    company = declared_company(employers)
    _publish(employers, company, on=YEAR_START)
    with pytest.raises(Invalid, match="nobody's past changes") as refusal:
        _publish(employers, company, on=TODAY - DAY)
    assert refusal.value.field == "effective_from"
    _publish(employers, company, on=TODAY + 9 * DAY)
    with pytest.raises(Invalid, match="nobody's past changes"):
        _publish(employers, company, on=TODAY + 8 * DAY)


def test_a_ready_programme_is_switched_on_once(employers: Store) -> None:
    company = declared_company(employers)
    with transaction(employers, as_insurer(company), Purpose.administration) as db:
        with pytest.raises(Invalid, match="starts today or later"):
            catalogue.switch_on(db, company.collective, key=MOVE, effective_from=TODAY - DAY, now=NOW)
        with pytest.raises(NotFound):
            catalogue.switch_on(db, company.collective, key="no-such", effective_from=TODAY, now=NOW)
        first = catalogue.switch_on(db, company.collective, key=MOVE, effective_from=TODAY, now=NOW)
        again = catalogue.switch_on(db, company.collective, key=MOVE, effective_from=TODAY + DAY, now=NOW)
        assert again is first
        assert len(catalogue.versions(db, company.collective)) == 1


def test_a_version_published_twice_at_once_is_published_once(employers: Store) -> None:
    company = declared_company(employers)
    answers = at_once(4, lambda: _publish(employers, company))
    published = sorted(answer.version for answer in answers if isinstance(answer, ProgrammeVersion))
    assert published == list(range(1, len(published) + 1)), "each version number was given once"
    assert all(isinstance(answer, ProgrammeVersion | Conflict) for answer in answers)


def _just_enough(*keys: str) -> int:
    """What the contract must allow, in cents, for these ready programmes at ten cents a coin."""
    return sum(max_coins_per_year(ready()[key]) for key in keys) * 10


@pytest.mark.parametrize("short_by", [0, 1])
def test_programmes_together_promise_no_more_than_the_contract_allows(employers: Store, short_by: int) -> None:
    company = declared_company(employers, yearly_reward_max_cents=_just_enough(MOVE, "take-a-break") - short_by)
    _publish(employers, company)
    if short_by:
        with pytest.raises(TooGenerous, match=r"could pay one member \d+\.\d\d euro a year; the contract allows"):
            _publish(employers, company, ready_text("take-a-break"))
    else:
        _publish(employers, company, ready_text("take-a-break"))


def test_a_new_version_replaces_the_promise_of_the_old_one(employers: Store) -> None:
    company = declared_company(employers, yearly_reward_max_cents=_just_enough(MOVE))
    _publish(employers, company)
    _publish(employers, company)


def test_a_promise_counts_what_is_announced_for_later(employers: Store) -> None:
    company = declared_company(employers, yearly_reward_max_cents=_just_enough(MOVE, "take-a-break") - 1)
    _publish(employers, company, ready_text("take-a-break"), on=TODAY + 30 * DAY)
    with pytest.raises(TooGenerous):
        _publish(employers, company, on=TODAY)


def _set(employers: Store, company: Company, coins: int, on: object) -> ProgrammeVersion:
    with transaction(employers, as_insurer(company), Purpose.administration) as db:
        return catalogue.set_amount(
            db,
            company.collective,
            key=MOVE,
            path=AMOUNT,
            coins=coins,
            effective_from=on,  # type: ignore[arg-type]
            now=NOW,
        )


def test_what_lowers_needs_notice_and_what_raises_may_start_today(employers: Store) -> None:
    company = declared_company(employers)
    _publish(employers, company, on=YEAR_START)
    with pytest.raises(TooSoon, match=r"at rewards\.rules\[1\]\.coins\).*14 days' notice, so it starts on") as refusal:
        _set(employers, company, 9, TODAY + 13 * DAY)
    assert refusal.value.field == "effective_from"
    with transaction(employers, as_insurer(company), Purpose.administration, read_only=True) as db:
        days = catalogue.may_follow(catalogue.newest(db, company.collective, MOVE), TODAY)
    assert (days.raising, days.lowering) == (TODAY, TODAY + 14 * DAY)
    assert _set(employers, company, 11, TODAY).version == 2
    assert _set(employers, company, 9, TODAY + 14 * DAY).version == 3


def test_the_notice_is_the_one_that_the_version_before_promised(employers: Store) -> None:
    company = declared_company(employers)
    _publish(employers, company, ready_text(MOVE) + "\nnotice_days: 30\n", on=YEAR_START)
    shorter = ready_text(MOVE) + "\nnotice_days: 7\n"
    with pytest.raises(TooSoon, match=r"notice_days\).*30 days' notice"):
        _publish(employers, company, shorter, on=TODAY + 29 * DAY)
    _publish(employers, company, shorter, on=TODAY + 30 * DAY)


def test_a_version_of_a_programme_that_keeps_nothing_starts_on_a_monday(employers: Store) -> None:
    company = declared_company(employers)
    _publish(employers, company, ready_text(MOVE) + "\ngrandfather: none\n", on=YEAR_START)
    tuesday = TODAY + (8 - TODAY.weekday()) * DAY
    with pytest.raises(TooSoon, match="starts on a Monday"):
        _set(employers, company, 11, tuesday)
    assert _set(employers, company, 11, tuesday + 6 * DAY).version == 2


MILESTONE = """
    - id: quit
      kind: milestones
      proof: third_party
      category: move
      outside_caps: true
      title: {nl: Gestopt, en: Quit}
      steps: [{id: end, event: "milestone:end", coins: 5}]
"""


def test_what_a_third_party_must_prove_is_published_after_a_review_of_exactly_these_rewards(employers: Store) -> None:
    company = declared_company(employers)
    document = ready_text(MOVE).replace("  rules:\n", "  rules:" + MILESTONE, 1)
    programme = read_programme(document, file="x")
    with pytest.raises(ReviewMissing, match="independent review") as refusal:
        _publish(employers, company, document)
    assert refusal.value.field == "review"

    def review(of: object, by: str = "Trimbos-instituut", on: object = TODAY) -> None:
        with transaction(employers, as_insurer(company), Purpose.administration) as db:
            record_review(
                db,
                company.collective,
                programme=of,  # type: ignore[arg-type]
                reviewer=by,
                reviewed_on=on,  # type: ignore[arg-type]
                finding="The amounts follow the trial of 2016.",
                now=NOW,
            )

    other = read_programme(document.replace("coins: 5}]", "coins: 6}]", 1), file="x")
    review(other)
    with pytest.raises(ReviewMissing):
        _publish(employers, company, document)
    with pytest.raises(Invalid, match="after it was done"):
        review(programme, on=TODAY + DAY)
    with pytest.raises(Invalid, match="independent"):
        with transaction(employers, as_insurer(company), Purpose.administration, read_only=True) as db:
            own = declared.holder(db, company.holder).name
        review(programme, by=f" {own.upper()} ")
    review(programme)
    assert _publish(employers, company, document).version == 1
    with pytest.raises(DBAPIError, match="only grows"), employers.engine.begin() as connection:
        connection.execute(text("UPDATE programme_review SET finding = ''"))


Call = Callable[[Session, UUID], object]
BY_COLLECTIVE: dict[str, Call] = {
    "versions": catalogue.versions,
    "current": lambda db, collective: catalogue.current(db, collective, TODAY),
    "newest": lambda db, collective: catalogue.newest(db, collective, MOVE),
    "publish": lambda db, collective: catalogue.publish(
        db, collective, document=ready_text(MOVE), effective_from=TODAY, now=NOW
    ),
    "switch_on": lambda db, collective: catalogue.switch_on(db, collective, key=MOVE, effective_from=TODAY, now=NOW),
    "set_amount": lambda db, collective: catalogue.set_amount(
        db, collective, key=MOVE, path=AMOUNT, coins=1, effective_from=TODAY, now=NOW
    ),
    "yearly_promise_cents": lambda db, collective: catalogue.yearly_promise_cents(db, collective, ready()[MOVE]),
}


@pytest.mark.parametrize("name", BY_COLLECTIVE)
def test_a_foreign_collective_answers_like_a_missing_one(employers: Store, name: str) -> None:
    mine, foreign = declared_company(employers), declared_company(employers)
    _publish(employers, foreign)
    answers = set()
    for principal in (as_insurer(mine), as_hr(mine)):
        for collective in (foreign.collective, uuid4()):
            with pytest.raises(NotFound) as refusal, transaction(employers, principal, Purpose.administration) as db:
                BY_COLLECTIVE[name](db, collective)
            answers.add((refusal.value.message, refusal.value.field))
    assert len(answers) == 1


@pytest.mark.parametrize("change", ["UPDATE programme_version SET document = ''", "DELETE FROM programme_version"])
def test_what_was_published_is_never_edited(employers: Store, change: str) -> None:
    _publish(employers, declared_company(employers))
    with pytest.raises(DBAPIError, match="only grows"), employers.engine.begin() as connection:
        connection.execute(text(change))


def test_a_document_that_is_no_programme_is_not_published(employers: Store) -> None:
    company = declared_company(employers)
    with pytest.raises(Invalid):
        _publish(employers, company, "key: nothing else\n")
    with transaction(employers, as_insurer(company), Purpose.administration, read_only=True) as db:
        assert catalogue.versions(db, company.collective) == []


def test_an_id_never_changes_its_kind(employers: Store) -> None:
    company = declared_company(employers)
    _publish(employers, company)
    first = ready_text(MOVE)
    rule = next(each for each in read_programme(first, file="x").rules.rules if each.kind == "one_off")
    place = [each.id for each in read_programme(first, file="x").rules.rules].index(rule.id)
    start = first.index(f"- id: {rule.id}")
    other = first[:start] + first[start:].replace("kind: one_off", "kind: check_in", 1)
    without = first[:start] + first[start:].replace(f"id: {rule.id}", "id: another_one", 1)
    for document in (other, other.replace("version: 1", "version: 2")):
        with pytest.raises(Invalid, match=f"'{rule.id}' was one_off in an earlier version") as refusal:
            _publish(employers, company, document, on=TODAY + 30 * DAY)
        assert refusal.value.field == f"rewards.rules[{place}].id"
    _publish(employers, company, without, on=TODAY + 30 * DAY)
    with pytest.raises(Invalid, match="in an earlier version"):  # also where the version just before has no such id
        _publish(employers, company, other, on=TODAY + 60 * DAY)
