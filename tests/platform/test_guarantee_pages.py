"""Every page with a report says how sure the promise is: the same computed figures to HR, insurer and member."""

import pytest

from privacy.release.guarantee import Guarantee, of_plan
from privacy.release.plan import Audience, Tier
from tests.platform.town import TODAY, Town


@pytest.mark.parametrize("locale", ["nl", "en"])
def test_the_promise_stands_in_all_layers_on_the_pages_of_hr_insurer_and_member(town: Town, locale: str) -> None:
    employer = Guarantee(
        kind=Audience.employer,
        year=TODAY.year,
        limits_micro=of_plan({Tier.hr: 1, Tier.insurer: 1}),
        used_micro={},
    ).layers(locale)
    member = town.newcomer(language=locale).text("/me/employer-view")
    hr = town.staff("vandijk", language=locale).text("/hr")
    for page in (member, hr):
        assert employer.experts[0] in page
        for sentence in employer.figures:
            assert sentence in page
    assert employer.everybody in hr
    insurer = Guarantee(
        kind=Audience.collective, year=TODAY.year, limits_micro=of_plan({Tier.insurer: 1}), used_micro={}
    ).layers(locale)
    page = town.staff("zonzeker", language=locale).text("/insurer")
    assert insurer.experts[0] in page
    assert insurer.everybody in page
    join = town.visitor(language=locale).text("/join/DEMO")
    assert employer.everybody.partition(". ")[2] in join, "the first layer, under its first sentence as a heading"
    assert "rho" not in join
