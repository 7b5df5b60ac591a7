"""Programme documents: what is refused, with which words, and what the ready ones promise."""

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from incentives.evaluate import DayMetrics, Events, Facts, entitlements
from privacy.errors import Invalid, NotFound
from programs.documents import (
    amounts,
    change_amount,
    json_schema,
    max_coins_per_year,
    read_programme,
    ready,
    ready_text,
)

TEXT = ready_text("move-and-rest")
FIRST = "rewards.rules[0].bands[0].any_of[0]"
KINDS = (
    "'bands', 'rate', 'weekly_goal', 'check_in', 'one_off', 'adaptive_goal', 'daily_goal', 'chosen_schedule', "
    "'loss_framed', 'lottery', 'milestones', 'streak', 'comeback', 'contingency', 'team_pool', 'deposit', 'status', "
    "'referral'"
)
COMMA = "is not a known key here; numbers are written with a point, such as 1.5"
DATE = "must be a date such as 2026-02-03, not '2026-02-30'"


def refusal(old: str, new: str) -> str:
    assert old in TEXT
    with pytest.raises(Invalid) as caught:
        read_programme(TEXT.replace(old, new, 1), file="p.yaml")
    return caught.value.message


def line(part: str) -> int:
    return TEXT[: TEXT.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        ("per_day: 5,", "per_day: -5,", "rewards.caps.per_day", "must be at least 1, not -5"),
        ("per_day: 5,", "per_day: .nan,", "rewards.caps.per_day", "must be a whole number, not NaN"),
        ("per_day: 5,", "per_day: 1e309,", "rewards.caps.per_day", "must be a whole number, not 1E+309"),
        ("per_day: 5,", f"per_day: {2**63},", "rewards.caps.per_day", f"must be at most 10000000, not {2**63}"),
        ("per_day: 5,", "per_day: '1,5',", "rewards.caps.per_day", "must be a whole number, not '1,5'"),
        ("per_day: 5,", "per_day: 1,5,", "rewards.caps.5", COMMA),
        ("at_least: 5000", "at_least: 1e309", f"{FIRST}.at_least", "must be at most 10000000, not 1E+309"),
        ("at_least: 5000", "at_least: -.inf", f"{FIRST}.at_least", "must be a finite number"),
        ("metric: steps, at", "metric: stepz, at", f"{FIRST}.metric", "unknown metric 'stepz'; did you mean steps?"),
        (
            "event: check_in:sleep_rhythm",
            "event: milestone:end",
            "activities[1].event",
            "somebody else confirms this: it cannot be ticked",
        ),
        ("kind: bands", "kind: raffle", "rewards.rules[0].kind", f"'raffle' is no kind of rule; known: {KINDS}"),
        ("days_min: 4", "days_min: no", "rewards.rules[1].days_min", "must be a whole number, not 'no'"),
        ("version: 1", "version: 010", "version", "must be a whole number, not '010'"),
        ("starts_on: rolling", "starts_on: 2026-02-30", "starts_on", DATE),
        ("key: move-and-rest", "key: Move!", "key", "'Move!' must be lower-case letters, digits, - and _"),
    ],
)
def test_a_wrong_value_is_named_by_path_and_line(old: str, new: str, place: str, what: str) -> None:
    assert refusal(old, new) == f"p.yaml: {place} (line {line(old)}): {what}"


def test_the_shares_of_the_payers_add_up_to_a_hundred() -> None:
    assert refusal("percent: 60", "percent: 61").endswith("the shares add up to 101 percent instead of 100")
    assert refusal("payer: insurer", "payer: employer").endswith("'employer' occurs twice")


def test_a_goal_is_a_value_or_an_increase() -> None:
    assert "needs either a value or an increase_percent" in refusal(
        "value: 6000", "value: 6000\n    increase_percent: 5"
    )


def test_several_problems_come_in_one_message_and_at_most_ten() -> None:
    message = refusal("coins: 10", "coinz: 10")
    assert "rewards.rules[1].coins" in message
    assert "is missing; rewards.rules[1].coinz" in message
    bad = TEXT.replace("at_least:", "at_leest:")
    with pytest.raises(Invalid) as caught:
        read_programme(bad, file="p.yaml")
    assert caught.value.message.count("; ") == 10
    assert caught.value.message.endswith("more")
    assert caught.value.field == "rewards.rules[0].bands[0].any_of[0].at_leest"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("- a", "line 1: a programme is a list of keys"),
        ("key: [", "line 1: cannot be read as YAML"),
        ("a: 1\n---\nb: 2", "cannot be read as YAML"),
        ("a: 1\n\tb: 2", "line 2: cannot be read as YAML"),
        ("a: \x07", "a character that is not text"),
        ("a: 1\na: 2", "line 2: the key 'a' occurs twice"),
        ("? [a]\n: 1", "a key must be a word"),
        ("a: &x [1]\nb: [*x, *x]", "line 2: aliases (*x) are not allowed"),
        ("a: !!python/object/apply:os.system [ls]", "version (line 1): is missing"),
        ("a: !!binary aGk=", "line 1: tags"),
        ("[" * 5_000, "more than 20 levels deep"),
        ("a: [" + "1," * 20_001 + "]", "more than 20,000 values"),
        ("x" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_text_that_is_no_plain_yaml_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_programme(text, file="p.yaml")
    assert caught.value.message.startswith("p.yaml: ")
    assert message in caught.value.message


def test_an_amount_is_changed_without_touching_anything_else() -> None:
    changed = change_amount(TEXT, "rewards.rules[1].coins", 12)
    old, new = TEXT.splitlines(), changed.splitlines()
    assert [(a, b) for a, b in zip(old, new, strict=True) if a != b] == [
        ("version: 1", "version: 2"),
        ("      coins: 10", "      coins: 12"),
    ]
    again = change_amount(changed, "rewards.rules[0].bands[2].coins", 4)
    assert [amount.coins for amount in amounts(read_programme(again, file="p"))] == [1, 2, 4, 12, 1, 10]


@pytest.mark.parametrize("coins", [0, -1, 31, 2**63])
def test_an_amount_that_the_document_could_not_keep_is_refused(coins: int) -> None:
    with pytest.raises(Invalid, match=r"rewards.rules\[1\].coins"):
        change_amount(TEXT, "rewards.rules[1].coins", coins)


def test_only_amounts_can_be_changed() -> None:
    with pytest.raises(Invalid, match="no amount at 'funding"):
        change_amount(TEXT, "funding[0].percent", 50)


def test_amounts_have_names_that_people_understand() -> None:
    titles = [amount.title for amount in amounts(ready()["move-and-rest"])]
    assert titles[1].nl == "Elke dag bewegen: vanaf 7.500 stappen"
    assert titles[3].en == "Your own weekly goal"


def test_the_most_a_member_can_earn_is_never_less_than_what_a_perfect_year_pays() -> None:
    for key, programme in ready().items():
        first, last = pd.Timestamp("2023-12-31"), pd.Timestamp("2025-01-01")
        every = pd.date_range(first, last)
        rows = pd.DataFrame({"member": "a", "day": every, "metric": "steps", "value": 12_000.0})
        kinds = ["joined", *(activity.event for activity in programme.activities if activity.event)]
        happened = [("a", day + pd.Timedelta(hours=9), kind) for day in every[1:] for kind in kinds]
        earned = entitlements(
            DayMetrics.from_frame(rows, first.date(), last.date()),
            Events(pd.DataFrame(happened, columns=["member", "at", "kind"])),
            Facts(pd.DataFrame([("a", "goal_steps", 6000, None)], columns=["member", "key", "value", "from"])),
            programme.rules,
            reasons=False,
        )
        year = earned[(earned["at"] >= "2024-01-01") & (earned["at"] < "2025-01-01")]["coins"].sum()
        most = max_coins_per_year(programme)
        assert year <= most <= year * 1.05, key


def test_the_ready_programmes_say_what_they_say_they_do() -> None:
    assert {"move-and-rest", "take-a-break"} <= set(ready())
    rules = {rule.id: rule for rule in ready()["move-and-rest"].rules.rules}
    assert rules["welcome"].outside_caps
    assert [share.percent for share in ready()["move-and-rest"].funding] == [60, 40]
    assert ready()["move-and-rest"].rules.caps.per_week == 30
    with pytest.raises(NotFound, match="'nothing'"):
        ready_text("nothing")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"nl", "en"} and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


@pytest.mark.parametrize("key", sorted(ready()))
def test_a_ready_programme_uses_short_sentences(key: str) -> None:
    for text in _texts(ready()[key].model_dump()):
        for sentence in re.split(r"[.?!](?:\s|$)", text):
            assert len(sentence.split()) <= 15, sentence


def test_the_schema_describes_what_is_read() -> None:
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert "rewards" in schema["required"]
    kinds = schema["$defs"]["RuleSet"]["properties"]["rules"]["items"]["discriminator"]["mapping"]
    assert set(kinds) == set(KINDS.replace("'", "").split(", "))
