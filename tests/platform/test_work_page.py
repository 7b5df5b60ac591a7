"""My work: employers of a member's own, a code, confirming, stopping; in both languages, and seen by nobody else."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from admin import contracts
from privacy.memberships import Membership
from privacy.principals import OPERATOR, Purpose
from privacy.store import transaction
from privacy.tenants import invitations
from tests.factories import JOB
from tests.platform.town import TODAY, Town, Visitor

DAY = timedelta(days=1)


def own(town: Town) -> str:
    with transaction(town.stores.members, JOB, Purpose.operation, read_only=True) as db:
        return f"/me/work/{db.scalars(select(Membership.id).order_by(Membership.starts_on)).first()}"


def enter(visitor: Visitor, code: str):
    return visitor.send("/me/work", code=code)


@pytest.mark.parametrize(
    ("language", "words", "second"),
    [
        ("en", "since 18 November 2026", "You now take part through Bakkerij De Korenaar."),
        ("nl", "sinds 18 november 2026", "Je doet nu mee via Bakkerij De Korenaar."),
    ],
)
def test_a_member_adds_a_second_employer_with_its_code(town: Town, language: str, words: str, second: str) -> None:
    sam = town.newcomer(language=language)
    page = sam.text("/me/work")
    assert "Van Dijk Logistiek" in page
    assert words in page
    assert enter(sam, "bakkerij").status_code == 303
    page = sam.text("/me/work")
    assert second in page
    assert "Van Dijk Logistiek" in page


@pytest.mark.parametrize("code", ["WRONG", "", "x" * 500])
def test_a_wrong_code_is_refused_and_kept_in_the_field(town: Town, code: str) -> None:
    answer = enter(town.newcomer(), code)
    assert answer.status_code == 422
    assert code in answer.get_data(as_text=True)


def test_a_new_code_has_to_be_entered_and_the_page_says_until_when(town: Town) -> None:
    sam = town.newcomer()
    with transaction(town.stores.employers, OPERATOR, Purpose.administration) as db:
        code = invitations.new_shared_code(db, town.world.employers[0], today=TODAY)
    town.copy()
    assert "Your work has a new code. Enter it before 18 December 2026." in sam.text("/me/work")
    enter(sam, code)
    page = sam.text("/me/work")
    assert "You now take part through" in page or "You go on taking part" in page
    assert "Your work has a new code" not in page


def test_stopping_says_what_changes_and_keeps_the_account(town: Town) -> None:
    sam = town.newcomer()
    page = sam.text(f"{own(town)}/stop")
    for words in ("Stop with Van Dijk Logistiek?", "until Sunday 22 November", "Your employer is not told."):
        assert words in page
    assert sam.send(f"{own(town)}/stop").location == "/me/work"
    page = sam.text("/me/work")
    assert "You have stopped here. Your account and your coins stay yours." in page
    assert "You stopped here yourself." in page
    assert sam.get("/me").status_code == 200


def test_when_the_employer_stops_the_page_says_what_counts_and_until_when(town: Town) -> None:
    sam = town.newcomer()
    sam.send(town.programme, choice="six-thousand")
    with transaction(town.stores.employers, OPERATOR, Purpose.administration) as db:
        row = contracts.end_contract(db, town.world.employers[0], ends_on=TODAY, today=TODAY)
        row.ends_on = TODAY - DAY
    town.copy()
    page = sam.text("/me/work")
    assert "no longer offers programmes since 17 November 2026." in page
    assert "What you do counts until Sunday 22 November." in page
    assert "Move and rest ends on Sunday 22 November. Until then everything counts." in sam.text("/me/programmes")
    assert "Tick what you did today" in sam.text("/me")


def test_another_members_work_answers_like_nobodys(town: Town) -> None:
    town.newcomer("sam")
    there = own(town)
    kim = town.newcomer("kim")
    for address in (f"{there}/stop", f"/me/work/{uuid4()}/stop"):
        assert kim.get(address).status_code == 404
        assert kim.send(address, page="/me/work").status_code == 404
