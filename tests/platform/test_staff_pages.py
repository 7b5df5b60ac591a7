"""What HR and insurers read and do on their pages, in both languages, on both stores."""

import re

import pytest

from tests.platform.town import TODAY, Town, Visitor, words_of

FIRST_BAND = "rewards.rules[0].bands[0].coins"


def programme(town: Town, key: str = "move-and-rest") -> str:
    return f"/insurer/programmes/{town.world.collective}/{key}"


def change(visitor: Visitor, town: Town, *, path: str = FIRST_BAND, coins: str, on: str = str(TODAY)):
    address = f"{programme(town)}/amount"
    return visitor.send(address, page=f"{address}?path={path}", path=path, coins=coins, effective_from=on)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("Report of October 2026", "Next report 1 December", "Move and rest", "€150 a month", "colleagues")),
        ("nl", ("Rapport van oktober 2026", "Volgend rapport 1 december", "Bewegen en rusten", "€ 150 per maand")),
    ],
)
def test_hr_reads_its_newest_report_what_runs_and_the_fixed_cost(
    town: Town, language: str, expected: tuple[str, ...]
) -> None:
    page = town.staff("vandijk", language=language).text("/hr").replace("\xa0", " ")
    for words in expected:
        assert words in page


def test_the_picture_has_ten_people_and_a_table_stands_beside_the_trend(town: Town) -> None:
    body = town.staff("vandijk").get("/hr").get_data(as_text=True)
    ten = re.search(r'<svg class="ten".*?</svg>', body, re.DOTALL)
    assert ten is not None
    assert ten.group(0).count("<clipPath") == 10
    assert 'role="img"' in ten.group(0)
    assert "The same as a table" in body
    assert re.search(r'<th scope="row">October 2026</th><td class="amount">\d+%</td>', body)


def test_before_the_first_report_hr_reads_what_to_expect_and_a_marked_example(town: Town) -> None:
    page = town.staff("bakkerij").text("/hr")
    assert "Your first report is on its way" in page
    assert "at least 5 firms with 100 people together" in page
    assert "Example: these are not your figures" in page
    assert "1 December 2026" in page
    assert "Move and rest" in page


def test_hr_finds_its_units_heads_and_the_shared_code(town: Town) -> None:
    page = town.staff("vandijk").text("/hr/people")
    for words in ("Magazijn 40", "Kantoor 20", "60 people", "DEMO", "localhost/join/DEMO", "Valid until"):
        assert words in page


@pytest.mark.parametrize(("language", "words"), [("en", "Employer"), ("nl", "Werkgever")])
def test_the_insurer_sees_its_collective_with_contracted_heads(town: Town, language: str, words: str) -> None:
    page = town.staff("zonzeker", language=language).text("/insurer")
    assert words in page
    assert "Bakkerij De Korenaar 12" in page
    assert "Van Dijk Logistiek 60" in page
    assert re.search(r"(Together|Samen) 72", page)


def test_the_insurer_switches_a_ready_programme_on_once(town: Town) -> None:
    visitor = town.staff("zonzeker")
    assert "Ready to switch on Take a break" in visitor.text("/insurer/programmes")
    for _ in range(2):
        answer = visitor.send(
            f"{programme(town, 'take-a-break')}/switch-on", page="/insurer", effective_from=str(TODAY)
        )
        assert answer.status_code == 303
    page = visitor.text(programme(town, "take-a-break"))
    assert "Runs Version 1" in page
    assert "Equal coins for equal effort Whoever puts in the same effort earns the same" in page
    member = town.newcomer()
    assert "Take a break" not in member.text("/me/programmes")
    town.copy()
    assert "Take a break" in member.text("/me/programmes")


def test_a_programme_cannot_be_switched_on_in_the_past(town: Town) -> None:
    answer = town.staff("zonzeker", language="nl").send(
        f"{programme(town, 'take-a-break')}/switch-on",
        page=programme(town, "take-a-break"),
        effective_from="2026-11-17",
    )
    assert answer.status_code == 422
    assert "Een programma begint vandaag of later." in words_of(answer)
    assert 'value="2026-11-17"' in answer.get_data(as_text=True)


def test_one_amount_is_changed_in_a_form_and_members_see_it_after_the_copy(town: Town) -> None:
    visitor, member = town.staff("zonzeker"), town.newcomer()
    answer = change(visitor, town, path="rewards.rules[2].coins", coins="2")
    assert answer.status_code == 303
    page = visitor.text(answer.location)
    assert "Changed: 2 coins from 18 November 2026." in page
    assert "Regular sleep each day 2" in page
    assert "Version 2" in page
    town.copy()
    assert "Regular sleep each day +2" in member.text(town.programme)


@pytest.mark.parametrize(
    ("coins", "on", "words"),
    [
        ("0", str(TODAY), "Fill in a whole number of coins, 1 or more."),
        ("two", str(TODAY), "Fill in a whole number of coins, 1 or more."),
        ("", str(TODAY), "Fill in a whole number of coins."),
        ("2", str(TODAY), "Another step of this reward gives 2 coins already"),
        ("99", str(TODAY), "99 coins could never be paid in full: the programme pays at most 5."),
        ("4", "2026-11-17", "A new version starts today or later"),
        ("4", "tomorrow", "Not a valid date value."),
    ],
)
def test_a_refused_amount_is_kept_and_explained(town: Town, coins: str, on: str, words: str) -> None:
    answer = change(town.staff("zonzeker"), town, coins=coins, on=on)
    assert answer.status_code == 422
    assert words in words_of(answer)
    body = answer.get_data(as_text=True)
    assert coins == "" or f'value="{coins}"' in body
    assert "Change an amount" in body


def test_more_than_the_contract_allows_is_refused(town: Town) -> None:
    answer = change(town.staff("zonzeker"), town, path="rewards.rules[3].coins", coins="5000")
    assert answer.status_code == 409
    assert "Choose a lower amount." in words_of(answer)


def test_the_most_a_programme_can_cost_is_shown_before_it_is_switched_on(town: Town) -> None:
    page = town.staff("zonzeker").text(programme(town, "take-a-break"))
    assert "The most it can cost €" in page
    assert "when all 72 people take part" in page


def test_nothing_that_a_member_does_changes_what_staff_read(town: Town) -> None:
    hr, insurer = town.staff("vandijk"), town.staff("zonzeker")
    paths = (("/hr", hr), ("/hr/people", hr), ("/insurer", insurer), ("/insurer/programmes", insurer))
    before = [visitor.text(path) for path, visitor in paths]
    member = town.newcomer()
    member.send(town.programme, choice="six-thousand")
    member.send("/me/check-in", page="/me", kind="check_in:sleep_rhythm")
    assert [visitor.text(path) for path, visitor in paths] == before
