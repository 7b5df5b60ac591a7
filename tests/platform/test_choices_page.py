"""My choices: what members read, what a button does, what a page that stood open too long does."""

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from privacy import choice_texts, codicil
from privacy.codicil import BASIS, Basis, Decision, Use
from privacy.memberships import Membership
from privacy.principals import Principal, Purpose, Role, job
from privacy.store import transaction
from tests.platform.town import Town, Visitor, words_of
from vitaal.registry import USES

PAGE = "/me/data/choices"
OFFERED = ("employer_report", "insurer_report")


def decide(visitor: Visitor, purpose: str, allowed: str, *, shown: str = "1"):
    return visitor.send(PAGE, purpose=purpose, allowed=allowed, shown=shown)


def decisions(town: Town) -> list[Decision]:
    with transaction(town.stores.members, job("test"), Purpose.operation, read_only=True) as db:
        return list(db.scalars(select(Decision).order_by(Decision.purpose, Decision.number)))


def card(visitor: Visitor, use: str) -> str:
    """The words of one choice."""
    body = visitor.get(PAGE).get_data(as_text=True)
    found = re.search(rf'<section class="card" id="{use}".*?</section>', body, re.DOTALL)
    assert found is not None, use
    return " ".join(re.sub(r"<[^>]+>", " ", found.group()).split())


@pytest.mark.parametrize(
    ("language", "heading", "link", "coins", "default", "nothing"),
    [
        (
            "en",
            "My choices",
            "Look at my choices",
            "Your coins never depend on this",
            "On until you say no.",
            "You have changed nothing yet.",
        ),
        (
            "nl",
            "Mijn keuzes",
            "Bekijk mijn keuzes",
            "Je munten hangen hier nooit van af",
            "Aan, tot jij nee zegt.",
            "Je hebt nog niets veranderd.",
        ),
    ],
)
def test_a_newcomer_reads_every_use_its_text_and_that_coins_do_not_depend_on_it(
    town: Town, language: str, heading: str, link: str, coins: str, default: str, nothing: str
) -> None:
    visitor = town.newcomer(language=language)
    assert link in visitor.text("/me/data")
    page = visitor.text(PAGE)
    assert heading in page
    assert coins in page
    assert nothing in page
    for use, versions in choice_texts.all_versions().items():
        text = versions[-1].text(language)
        for part in (text.title, text.what, text.who, text.why, text.if_no):
            assert (part in page.replace("\u2019", "'")) is (use in USES), (use, part)
    for use in OFFERED:
        assert default in card(visitor, use)


def test_one_form_per_choice_and_none_for_what_the_account_is_for(town: Town) -> None:
    body = town.newcomer().get(PAGE).get_data(as_text=True)
    forms = re.findall(rf'<form method="post" action="{PAGE}">.*?</form>', body, re.DOTALL)
    assert [re.findall(r'name="(\w+)"(?: value="(\w+)")?', each)[1:] for each in forms] == [
        [("purpose", use), ("shown", "1"), ("allowed", "no")] for use in OFFERED
    ]
    assert all('name="csrf_token"' in each for each in forms)
    assert {use for use in USES if BASIS[Use(use)] is not Basis.agreement} == set(OFFERED)


@pytest.mark.parametrize(
    ("language", "out", "back", "since"),
    [
        (
            "en",
            "You no longer count from the report about November 2026.",
            "You count again from the report about November 2026.",
            "Off since 18 November 2026: your choice.",
        ),
        (
            "nl",
            "Je telt niet meer mee vanaf het rapport over november 2026.",
            "Je telt weer mee vanaf het rapport over november 2026.",
            "Uit sinds 18 november 2026: jouw keuze.",
        ),
    ],
)
def test_a_choice_is_recorded_and_the_page_says_from_when_it_counts(
    town: Town, language: str, out: str, back: str, since: str
) -> None:
    visitor = town.newcomer(language=language)
    answer = decide(visitor, "employer_report", "no")
    assert (answer.status_code, answer.location) == (303, PAGE)
    page = words_of(visitor.get(PAGE))
    assert out in page
    assert since in card(visitor, "employer_report")
    assert since not in card(visitor, "insurer_report")
    [row] = decisions(town)
    assert (row.purpose, row.allowed, row.text_version, row.locale) == ("employer_report", False, 1, language)

    decide(visitor, "employer_report", "yes")
    assert back in words_of(visitor.get(PAGE))
    assert [row.allowed for row in decisions(town)] == [False, True]


def test_the_history_shows_each_own_decision_and_nobody_elses(town: Town) -> None:
    sam, kim = town.newcomer("sam"), town.newcomer("kim")
    for purpose, allowed in (("employer_report", "no"), ("insurer_report", "no"), ("employer_report", "yes")):
        decide(sam, purpose, allowed)
    history = sam.text(PAGE).partition("What I chose before")[2].partition("This belongs to")[0]
    told = re.findall(r"Report for (?:your employer|the insurer) 18 November 2026 (?:on|off)", history)
    assert len(told) == 3
    assert "You have changed nothing yet." in kim.text(PAGE)


def test_sending_a_form_twice_is_one_decision(town: Town) -> None:
    visitor = town.newcomer()
    for _ in range(2):
        assert decide(visitor, "insurer_report", "no").status_code == 303
    assert len(decisions(town)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"purpose": "own_use", "allowed": "no", "shown": "1"},
        {"purpose": "rewards", "allowed": "no", "shown": "1"},
        {"purpose": "research", "allowed": "yes", "shown": "1"},
        {"purpose": "nonsense", "allowed": "no", "shown": "1"},
        {"purpose": "employer_report", "allowed": "maybe", "shown": "1"},
        {"purpose": "employer_report", "allowed": "no", "shown": "99"},
        {"purpose": "employer_report", "allowed": "no", "shown": ""},
        {"purpose": "employer_report"},
    ],
    ids=str,
)
def test_what_is_no_choice_on_the_page_changes_nothing(town: Town, fields: dict[str, str]) -> None:
    visitor = town.newcomer()
    answer = visitor.send(PAGE, **fields)
    assert answer.status_code == 422
    assert "My choices" in words_of(answer)
    assert decisions(town) == []


def test_a_form_without_its_token_changes_nothing(town: Town) -> None:
    visitor = town.newcomer()
    visitor.get(PAGE)
    fields = {"purpose": "employer_report", "allowed": "no", "shown": "1"}
    assert visitor.client.post(PAGE, data=fields).status_code == 400
    assert decisions(town) == []


def test_a_yes_on_a_text_that_has_changed_is_asked_again_and_a_no_is_taken(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = town.newcomer()
    decide(visitor, "employer_report", "no")
    found: dict[str, Any] = dict(choice_texts.all_versions())
    first = found["employer_report"][0]
    found["employer_report"] = (
        first,
        first.model_copy(update={"version": 2, "effective_from": first.effective_from.replace(month=11)}),
    )
    monkeypatch.setattr(choice_texts, "all_versions", lambda: found)
    answer = decide(visitor, "employer_report", "yes", shown="1")
    assert answer.status_code == 409
    assert "This text has changed. Read it again before you choose." in words_of(answer)
    assert 'name="shown" value="2"' in answer.get_data(as_text=True)
    assert decide(visitor, "employer_report", "yes", shown="2").status_code == 303
    assert decide(visitor, "employer_report", "no", shown="1").status_code == 303
    assert [(row.allowed, row.text_version) for row in decisions(town)] == [(False, 1), (True, 2), (False, 1)]


def test_a_consent_that_lapsed_says_so_and_asks_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(USES, "research", "test")
    visitor = town.newcomer()
    assert "Off until you say yes." in card(visitor, "research")
    with transaction(town.stores.members, job("test"), Purpose.operation, read_only=True) as db:
        subject = db.scalars(select(Membership.subject)).one()
    member = Principal(role=Role.member, subject=subject)
    with transaction(town.stores.members, member, Purpose.own_use) as db:
        codicil.choose(db, subject, Use.research, True, datetime(2026, 11, 10, 12, tzinfo=UTC))
    assert "On since 10 November 2026: your choice." in card(visitor, "research")
    found: dict[str, Any] = dict(choice_texts.all_versions())
    first = found["research"][0]
    changed = {"version": 2, "effective_from": date(2026, 11, 15), "asks_again": True}
    found["research"] = (first, first.model_copy(update=changed))
    monkeypatch.setattr(choice_texts, "all_versions", lambda: found)
    told = card(visitor, "research")
    assert "Off since 15 November 2026, because the text has changed." in told
    assert "Yes, turn this on" in told
