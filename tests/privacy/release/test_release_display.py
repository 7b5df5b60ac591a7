"""What a reader sees promises no more than the interval holds, and never says everyone or nobody."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.release.display import Trend, coins_sentence, sentence, shown, trend, trend_sentence
from privacy.release.estimate import Z_90, Estimated
from privacy.release.plan import Audience, Name


def point(estimate: float, error: float, heads: int) -> Estimated:
    half = Z_90 * error
    return Estimated(
        cell="all",
        heads=heads,
        value=estimate,
        low=estimate - half,
        high=estimate + half,
        raw=estimate,
        raw_error=error,
    )


points = st.builds(point, st.floats(-100, 600), st.floats(0.5, 60), st.integers(25, 500))


@given(points)
def test_the_shown_interval_never_promises_more_than_the_computed_one(each: Estimated) -> None:
    figure = shown(each)
    least, most = 100 * each.low / each.heads, 100 * each.high / each.heads

    assert figure.low <= least or figure.open_low or figure.low <= 95 < least
    assert figure.high >= most or figure.open_high or figure.high >= 5 > most
    assert 10 * figure.tens_low <= least or figure.tens_low in (0, 9)
    assert 10 * figure.tens_high >= most or figure.tens_high in (1, 10)


@given(points)
def test_shown_figures_are_clamped_rounded_and_inside_their_interval(each: Estimated) -> None:
    figure = shown(each)

    assert figure.base == (5 if each.heads < 100 else 2)
    for value in (figure.percent, figure.low, figure.high):
        assert 5 <= value <= 95
        assert value % figure.base == 0
    assert figure.low <= figure.percent <= figure.high
    assert 0 <= figure.tens_low <= figure.tens <= figure.tens_high <= 10
    assert 1 <= figure.tens <= 9
    assert figure.uncertain >= 1


@given(
    points, st.sampled_from(["nl", "en"]), st.sampled_from([Name.reach, Name.participation]), st.sampled_from(Audience)
)
def test_no_sentence_says_everyone_or_nobody(each: Estimated, locale: str, name: Name, audience: Audience) -> None:
    text = sentence(shown(each), statistic=name, audience=audience, locale=locale)
    numbers = [int(number) for number in re.findall(r"\d+", text.replace("van de 10", "").replace("of 10", ""))]

    assert not re.search(r"iedereen|niemand|alle |everyone|nobody|none", text)
    assert all(number not in (0, 10, 100) or shown(each).heads >= 100 for number in numbers)
    assert not re.search(r"\b(0|100)%", text)


def test_a_small_group_is_spoken_of_in_words_of_ten() -> None:
    figure = shown(point(24, 3, 60))

    assert (figure.tens, figure.tens_low, figure.tens_high) == (4, 3, 5)
    assert sentence(figure, statistic=Name.reach, audience=Audience.employer, locale="en") == (
        "About 4 of 10 colleagues took part at least once this year (between 3 and 5)."
    )
    assert sentence(figure, statistic=Name.participation, audience=Audience.employer, locale="nl") == (
        "In een gewone maand deden ongeveer 4 van de 10 collega's mee (tussen 3 en 5)."
    )


def test_a_large_group_is_spoken_of_in_percent() -> None:
    figure = shown(point(105, 5, 250))

    assert (figure.percent, figure.low, figure.high) == (42, 38, 46)
    assert sentence(figure, statistic=Name.reach, audience=Audience.pool, locale="nl") == (
        "Ongeveer 42% van de medewerkers van bedrijven zoals het uwe deed dit jaar minstens één keer mee "
        "(tussen 38% en 46%)."
    )


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (-9, "About 1 of 10 colleagues took part at least once this year (at most 1)."),
        (3, "About 1 of 10 colleagues took part at least once this year (at most 2)."),
        (59, "About 9 of 10 colleagues took part at least once this year (at least 9)."),
        (75, "About 9 of 10 colleagues took part at least once this year (at least 9)."),
    ],
)
def test_an_end_at_the_clamp_is_said_as_at_most_or_at_least(estimate: int, expected: str) -> None:
    text = sentence(shown(point(estimate, 3, 60)), statistic=Name.reach, audience=Audience.employer, locale="en")

    assert text == expected


def test_a_figure_that_could_be_anything_says_so() -> None:
    text = sentence(shown(point(15, 12, 30)), statistic=Name.reach, audience=Audience.employer, locale="en")

    assert text == "This figure is too inexact to say anything."


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.1, 9, Trend.up), (-9, -0.1, Trend.down), (-0.1, 9, Trend.unclear), (-9, 0.1, Trend.unclear)],
)
def test_an_arrow_appears_only_where_the_change_exceeds_its_interval(low: float, high: float, expected: Trend) -> None:
    assert trend(replace(point(24, 3, 60), change_low=low, change_high=high)) is expected
    assert trend_sentence(Trend.unclear, locale="en") == "No clear difference from the time before."


def test_a_figure_with_nothing_before_it_has_no_trend() -> None:
    assert trend(point(24, 3, 60)) is None


@pytest.mark.parametrize(
    ("name", "locale", "expected"),
    [
        (
            Name.grouping,
            "nl",
            "Magazijn: in een gewone maand deden ongeveer 4 van de 10 collega's mee",
        ),
        (
            Name.age_bands,
            "en",
            "Age Magazijn: in an average month about 4 of 10 colleagues took part",
        ),
        (Name.programmes, "nl", "Magazijn: ongeveer 4 van de 10 collega's deden dit half jaar mee"),
    ],
)
def test_a_table_by_group_says_the_groups_name(name: Name, locale: str, expected: str) -> None:
    text = sentence(shown(point(24, 3, 60)), statistic=name, audience=Audience.employer, locale=locale, cell="Magazijn")

    assert text == f"{expected} ({'tussen 3 en 5' if locale == 'nl' else 'between 3 and 5'})."


@given(st.floats(-500, 5_000), st.floats(5, 2_000), st.sampled_from(["nl", "en"]))
def test_coins_are_said_in_euros_that_promise_no_more_than_their_interval(
    value: float, half: float, locale: str
) -> None:
    low, value, high = (min(max(value + each, 0.0), 3_600.0) for each in (-half, 0, half))
    figure = replace(point(0, 1, 60), value=value, low=low, high=high)
    text = coins_sentence(figure, audience=Audience.employer, locale=locale)
    numbers = [int(each.replace(".", "").replace(",", "")) for each in re.findall(r"[\d.,]*\d", text)]

    assert max(numbers) >= high
    assert min(numbers[1:]) <= low or re.search("hoogstens|at most", text)
    assert 0 not in numbers
