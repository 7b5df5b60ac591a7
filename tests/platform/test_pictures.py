"""The geometry of the pictures: what is coloured, hatched and drawn is what the figures say."""

import re

from hypothesis import given
from hypothesis import strategies as st

from vitaal.web.pictures import FIGURES, HEIGHT, Estimate, figures, trend

percents = st.integers(0, 100)


@given(percents, percents)
def test_ten_people_are_coloured_and_hatched_exactly_as_far_as_the_interval_goes(one: int, other: int) -> None:
    low, high = sorted((one, other))
    people = figures(low, high)
    assert len(people) == FIGURES
    assert round(sum(each.sure for each in people) * 10, 6) == low
    assert round(sum(each.sure + each.perhaps for each in people) * 10, 6) == high
    assert all(0 <= each.sure <= each.sure + each.perhaps <= 1 for each in people)


def test_four_of_ten_between_three_and_five_is_three_coloured_and_two_hatched() -> None:
    people = figures(30, 50)
    assert [each.sure for each in people] == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert [each.perhaps for each in people] == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_no_line_leads_from_one_year_into_the_next() -> None:
    months = [Estimate(str(month), 40, 30, 50, breaks=month in (0, 3)) for month in range(6)]
    picture = trend(months)
    assert len(picture.lines) == len(picture.bands) == 2
    assert [line.count("L") for line in picture.lines] == [2, 2]


def test_one_month_alone_is_a_dot_with_its_range_and_nothing_at_all_is_an_empty_frame() -> None:
    alone = trend([Estimate("May", 40, 30, 50)])
    assert (len(alone.dots), alone.lines, alone.bands) == (1, [], [])
    assert alone.dots[0].top < alone.dots[0].y < alone.dots[0].bottom
    assert trend([]).dots == []


@given(
    st.lists(st.tuples(percents, percents, percents).map(sorted), min_size=1, max_size=60), st.sampled_from([330, 640])
)
def test_everything_lies_inside_the_frame(points: list[list[int]], width: int) -> None:
    picture = trend([Estimate("x", value, low, high) for low, value, high in points], width=width)
    for dot in picture.dots:
        assert 0 <= dot.x <= width
        assert 0 <= dot.top <= dot.y <= dot.bottom <= HEIGHT
    for path in (*picture.lines, *picture.bands):
        assert all(0 <= float(number) <= max(width, HEIGHT) for number in re.findall(r"[\d.]+", path))
    assert len(picture.dots) / picture.label_every <= width / 40
