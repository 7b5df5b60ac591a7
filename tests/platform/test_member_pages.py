"""What members read and do on their pages, in both languages, on both stores."""

import re
from datetime import timedelta
from io import BytesIO
from uuid import uuid4

import pytest

from tests.platform.town import NOW, Town, Visitor, words_of
from vitaal.web.access import BYTES_MAX

SLEEP = "Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed\n"
DAILY = (
    "Id,ActivityDate,TotalSteps,TotalDistance,TrackerDistance,LoggedActivitiesDistance,VeryActiveDistance,"
    "ModeratelyActiveDistance,LightActiveDistance,SedentaryActiveDistance,VeryActiveMinutes,FairlyActiveMinutes,"
    "LightlyActiveMinutes,SedentaryMinutes,Calories\n"
)


def started(town: Town, *, language: str = "en") -> Visitor:
    """Somebody who takes part with a goal."""
    visitor = town.newcomer(language=language)
    answer = visitor.send(town.programme, choice="six-thousand")
    assert answer.location == "/me"
    return visitor


def bring_in(visitor: Visitor, content: str | bytes, *, batch: str | None = None):
    data = content.encode() if isinstance(content, str) else content
    return visitor.send(
        "/me/data/import", page="/me/data", batch=batch or str(uuid4()), file=(BytesIO(data), "my file.csv")
    )


@pytest.mark.parametrize(
    ("language", "employer_line", "promise"),
    [
        ("en", "Van Dijk Logistiek invites you", "so nobody knows for sure whether you take part"),
        ("nl", "Van Dijk Logistiek nodigt je uit", "Zo weet niemand zeker of jij meedoet"),
    ],
)
def test_the_join_page_says_who_invites_and_what_is_promised(
    town: Town, language: str, employer_line: str, promise: str
) -> None:
    page = town.visitor(language=language).text("/join/DEMO")
    assert employer_line in page
    assert "Vitaal MKB Midden-Nederland" in page
    assert promise in page


@pytest.mark.parametrize(("language", "words"), [("en", "This code is not valid."), ("nl", "Deze code klopt niet.")])
def test_a_wrong_code_says_so_in_the_readers_language(town: Town, language: str, words: str) -> None:
    visitor = town.visitor(language=language)
    assert visitor.get("/join/WRONG").status_code == 422
    assert words in words_of(visitor.get("/join/WRONG"))
    answer = visitor.send("/join", code="WRONG")
    assert answer.status_code == 422
    assert words in words_of(answer)
    assert 'value="WRONG"' in answer.get_data(as_text=True)
    assert visitor.send("/join", code="demo").location == "/join/demo"


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"nickname": "Sam", "password": "kort"}, "password", "Kies een pincode van minstens 6 cijfers"),
        ({"nickname": "Sam", "password": "123456"}, "password", "Deze pincode proberen anderen als eerste"),
        ({"nickname": "", "password": "lang genoeg hoor"}, "nickname", "Kies een bijnaam."),
        ({"nickname": "S" * 41, "password": "lang genoeg hoor"}, "nickname", "1 tot 40 tekens"),
    ],
)
def test_a_refused_join_keeps_what_was_typed_and_marks_the_field(
    town: Town, fields: dict[str, str], field: str, words: str
) -> None:
    answer = town.visitor(language="nl").send("/join/DEMO", **fields)
    body = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">.*?{words}', body, re.DOTALL)
    assert re.search(rf'<input(?=[^>]*aria-invalid="true")(?=[^>]*id="{field}")', body)
    if fields["nickname"]:
        assert f'value="{fields["nickname"]}"' in body
    assert fields["password"] not in body


def test_a_wrong_password_and_an_unknown_name_answer_alike(town: Town) -> None:
    sam = town.newcomer()
    wrong = town.visitor().send("/sign-in", login=sam.login, password="not this one")
    unknown = town.visitor().send("/sign-in", login="tom1234", password="not this one")
    assert wrong.status_code == unknown.status_code == 403
    assert words_of(wrong) == words_of(unknown)
    assert "The name and the password do not belong together." in words_of(wrong)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("Hello Sam", "Wednesday 18 November", "Goal: 6,000 a day", "10 coins", "€0.50", "Wednesday: Welcome")),
        ("nl", ("Hallo Sam", "woensdag 18 november", "Doel: 6.000 per dag", "10 munten", "€ 0,50", "Woensdag: Welkom")),
    ],
)
def test_the_first_day_shows_the_welcome_coins_and_why(town: Town, language: str, expected: tuple[str, ...]) -> None:
    page = started(town, language=language).text("/me").replace("\xa0", " ")
    for words in expected:
        assert words in page


def test_before_a_programme_is_chosen_the_day_points_to_one(town: Town) -> None:
    assert "Choose a programme first" in town.newcomer().text("/me")


def test_a_tick_is_paid_at_once_with_its_reason_and_twice_is_once(town: Town) -> None:
    visitor = started(town)
    for _ in range(2):
        answer = visitor.send("/me/check-in", page="/me", kind="check_in:sleep_rhythm")
        page = visitor.text(answer.location)
        assert "+1 coin" in page
        assert "Wednesday: Regular sleep: 1 coin" in page
        assert "11 coins" in page
        assert "Done today" in page


def test_only_check_ins_of_ones_own_programmes_can_be_ticked(town: Town) -> None:
    for kind in ("check_in:break", "joined", "gym_visit", "nonsense"):
        assert started(town).send("/me/check-in", page="/me", kind=kind).status_code == 404


def test_typed_steps_count_and_the_same_form_twice_is_once(town: Town) -> None:
    visitor = started(town)
    batch = str(uuid4())
    for _ in range(2):
        assert visitor.send("/me/steps", page="/me", steps="8000", batch=batch).status_code == 303
    page = visitor.text("/me")
    assert "Wednesday: 8,000 steps, goal reached" in page
    assert "Wednesday: 8,000 steps (7,500 or more): 2 coins" in page
    assert "12 coins" in page


@pytest.mark.parametrize("steps", ["", "many", "-5", "250001", "1e3"])
def test_impossible_steps_are_refused_at_their_field(town: Town, steps: str) -> None:
    answer = started(town).send("/me/steps", page="/me", steps=steps, batch=str(uuid4()))
    assert answer.status_code == 422
    assert 'id="steps-error"' in answer.get_data(as_text=True)


def test_effort_as_it_felt_counts_and_filled_in_again_takes_its_own_place(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = started(town)
    told = (("60", "felt_hard_minutes"), ("38", "felt_hard_minutes"), ("76", "felt_moderate_minutes"))
    for later, (minutes, felt) in enumerate(told):
        monkeypatch.setattr("vitaal.faces.members.today.now", lambda later=later: NOW + timedelta(minutes=later))
        answer = visitor.send("/me/effort", page="/me", minutes=minutes, felt=felt, once=str(uuid4()))
        assert answer.status_code == 303
    page = visitor.text("/me")
    assert "Your effort of today is kept." in page
    assert "Wednesday: 76 minutes of moderate effort (75 or more): 2 coins" in page
    assert "12 coins" in page


@pytest.mark.parametrize(
    ("minutes", "felt", "field"),
    [("", "felt_hard_minutes", "minutes"), ("1441", "felt_hard_minutes", "minutes"), ("30", "sleep_minutes", "felt")],
)
def test_impossible_effort_is_refused_at_its_field(town: Town, minutes: str, felt: str, field: str) -> None:
    answer = started(town).send("/me/effort", page="/me", minutes=minutes, felt=felt, once=str(uuid4()))
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.get_data(as_text=True)


def test_a_goal_of_ones_own_needs_a_number_and_is_shown_from_this_week(town: Town) -> None:
    visitor = town.newcomer()
    refused = visitor.send(town.programme, choice="own", value="")
    assert refused.status_code == 422
    assert "Fill in your own number." in words_of(refused)
    assert visitor.send(town.programme, choice="own", value="4321").status_code == 303
    assert "Goal: 4,321 a day" in visitor.text("/me")
    visitor.send(town.programme, choice="six-thousand")
    assert "From next Monday: 6,000." in visitor.text(town.programme)


def test_a_goal_that_was_not_offered_is_refused(town: Town) -> None:
    answer = town.newcomer().send(town.programme, choice="a-little-more")
    assert answer.status_code == 422
    assert "Choose one of the goals." in words_of(answer)


def test_leaving_asks_first_and_keeps_the_coins(town: Town) -> None:
    visitor = started(town)
    assert "Stop with Move and rest?" in visitor.text(f"{town.programme}/leave")
    visitor.send(f"{town.programme}/leave")
    assert "You take part" not in visitor.text("/me/programmes").replace("You have stopped.", "")
    assert "10 coins" in visitor.text("/me")


def test_every_coin_has_its_reason_and_what_was_missed_is_said(town: Town) -> None:
    visitor = started(town)
    visitor.send("/me/check-in", page="/me", kind="check_in:sleep_rhythm")
    page = visitor.text("/me/coins")
    assert "Wednesday: Regular sleep: 1 coin 18 November 2026 +1" in page
    assert "Wednesday: Welcome: 10 coins 18 November 2026 +10" in page
    assert "Earned up to now: 11 coins." in page
    assert "Nothing spent yet." in page


def test_buying_asks_first_shows_the_code_and_twice_the_same_order_is_once(town: Town) -> None:
    visitor = started(town)
    item = f"/me/shop/{town.voucher}"
    assert "Left afterwards 0 coins" in visitor.text(item)
    order = visitor.field(item, "order")
    first = visitor.send(item, order=order)
    again = visitor.send(item, order=order)
    assert first.location == again.location == f"/me/shop/orders/{order}"
    assert "COFFEE-" in visitor.text(first.location)
    assert "You have 0 coins" in visitor.text("/me/shop")
    assert "10 coins to go." in visitor.text("/me/shop")


def test_who_has_too_few_coins_is_told_how_many_are_missing(town: Town) -> None:
    visitor = town.newcomer(language="nl")
    answer = visitor.send(f"/me/shop/{town.voucher}", order=str(uuid4()))
    assert answer.status_code == 409
    assert "Dit kost 10 munten. Je hebt er nog 10 nodig." in words_of(answer)


def test_a_file_is_taken_in_with_a_report_by_line_and_again_changes_nothing(town: Town) -> None:
    visitor = started(town)
    rows = "7,11/18/2026,8000,0,0,0,0,0,0,0,10,20,30,900,2000\n7,11/18/2026,many,0,0,0,0,0,0,0,1,2,3,4,5\n"
    batch = str(uuid4())
    answer = bring_in(visitor, DAILY + rows, batch=batch)
    assert answer.location == f"/me/data/imports/{batch}"
    page = visitor.text(answer.location)
    assert "TotalSteps must be a whole number, 0 or more." in page
    assert re.search(r"Lines that could not be read 1 ", page)
    assert bring_in(visitor, DAILY + rows, batch=batch).location == answer.location
    again = visitor.text(bring_in(visitor, DAILY + rows).location)
    assert re.search(r"New 0 Known already [1-9]", again)
    data = visitor.text("/me/data")
    assert "8,000 steps" in data
    assert "18 Nov 2026 8,000" in data
    assert "12 coins" in visitor.text("/me")


def test_days_before_joining_are_set_aside_with_the_reason(town: Town) -> None:
    visitor = started(town)
    bring_in(visitor, SLEEP + "7,11/1/2026 12:00:00 AM,1,400,450\n")
    assert "Set aside" in visitor.text("/me/data")
    page = visitor.text("/me/data/held")
    assert "before the day on which you joined" in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Het bestand is leeg."),
        (b"a,b,c\n1,2,3\n", "De kolommen van dit bestand kennen we niet."),
        (b"\xff\xfe\x00\x01\n", "Regel 1 van het bestand is geen UTF-8-tekst."),
        ((SLEEP + "7,11/18/2026,1,400,450\n8,11/18/2026,1,400,450\n").encode(), "meer dan één persoon"),
    ],
    ids=["empty", "unknown columns", "not text", "two persons"],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence_with_nothing_half_done(
    town: Town, content: bytes, words: str
) -> None:
    visitor = started(town, language="nl")
    answer = bring_in(visitor, content)
    assert answer.status_code == 422
    assert words in words_of(answer)
    assert "Er is nog niets bekend" in visitor.text("/me/data")


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    view = town.members.view_functions["data.take_file"]
    assert getattr(view, BYTES_MAX) == 20_000_000
    monkeypatch.setattr(view, BYTES_MAX, 2_000)
    answer = bring_in(started(town), b"x" * 3_000)
    assert answer.status_code == 413
    assert "This file is too large." in words_of(answer)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_member_reads_the_very_sentence_that_the_employer_reads(town: Town, language: str) -> None:
    def sentence(visitor: Visitor, path: str) -> str:
        found = re.search(r'<p class="sentence">(.*?)</p>', visitor.get(path).get_data(as_text=True))
        assert found is not None
        return found.group(1)

    mine = sentence(started(town, language=language), "/me/employer-view")
    assert mine == sentence(town.staff("vandijk", language=language), "/hr")


def test_before_any_report_the_member_is_told_so(town: Town) -> None:
    page = town.newcomer(code="BAKKERIJ").text("/me/employer-view")
    assert "Your employer has not had any report." in page


def test_the_chosen_language_is_remembered_and_wins(town: Town) -> None:
    visitor = town.visitor(language="en")
    visitor.send("/language", page="/", language="nl", next="/join")
    assert "Meedoen met een code" in visitor.text("/join")
    fresh = town.members.test_client()
    assert "Kleine stappen" in fresh.get("/", headers={"Accept-Language": "nl-NL"}).get_data(as_text=True)
    assert "Small steps" in fresh.get("/", headers={"Accept-Language": "en-GB"}).get_data(as_text=True)
    assert "Kleine stappen" in fresh.get("/", headers={"Accept-Language": "xx"}).get_data(as_text=True)
