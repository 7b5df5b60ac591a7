"""Laws of evaluating, on random documents and populations."""

from datetime import date, timedelta

import pandas as pd
from hypothesis import HealthCheck, given, settings
from reference import World
from reference_kinds import KEY, reference
from rule_worlds import cases, enrolled, frames

from incentives.evaluate import entitlements, explain
from incentives.rules import RuleSet
from programs.ceiling import max_coins_per_year
from programs.documents import ready

SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
FEWER = settings(SLOW, max_examples=30)
Case = tuple[World, list[tuple[date, RuleSet]]]


def keyed(rows: pd.DataFrame) -> set[tuple[object, ...]]:
    return set(rows[["member", "period", "rule", "coins", "purse"]].itertuples(index=False, name=None))


def judged(world: World, versions: list[tuple[date, RuleSet]], *, reasons: bool = False) -> pd.DataFrame:
    return entitlements(
        *frames(world), versions, enrolled=enrolled(world), over=world.over, draw_key=KEY, reasons=reasons
    )


@SLOW
@given(cases())
def test_the_population_at_once_earns_what_the_plain_reference_says(case: Case) -> None:
    world, versions = case
    rows = judged(world, versions)
    assert keyed(rows) == reference(world, versions)
    assert not rows.duplicated(["member", "period", "rule"]).any()


@SLOW
@given(cases())
def test_later_days_change_no_earlier_entitlement(case: Case) -> None:
    world, versions = case
    cut = world.first + (world.last - world.first) / 2
    world.over = None
    whole = judged(world, versions)
    shorter = World(
        world.first,
        cut,
        {key: value for key, value in world.values.items() if key[1] <= cut},
        [event for event in world.events if event[1].date() <= cut],
        [fact for fact in world.facts if fact[3] <= cut],
        world.enrolled,
    )
    before = judged(shorter, versions)
    assert keyed(certain(before)) == keyed(certain(whole[whole["at"] < pd.Timestamp(cut + timedelta(days=1))]))


def certain(rows: pd.DataFrame) -> pd.DataFrame:
    """Without what is given up front, which later days may take back, while all other amounts stay."""
    return rows[~rows["rule"].str.startswith("loss_framed")]


@FEWER
@given(cases())
def test_explaining_agrees_with_evaluating_and_gives_a_sentence_in_both_languages(case: Case) -> None:
    world, versions = case
    rows = judged(world, versions, reasons=True)
    told = explain(*frames(world), versions, member="anna", enrolled=enrolled(world), over=world.over, draw_key=KEY)
    paid = told[told["coins"] > 0]
    columns = ["member", "period", "rule", "coins", "purse", "reason_nl", "reason_en", "at"]
    ours = rows[rows["member"] == "anna"]
    assert set(paid[columns].itertuples(index=False, name=None)) == set(
        ours[columns].itertuples(index=False, name=None)
    )
    assert told["reason_nl"].str.len().gt(10).all()
    assert told["reason_en"].str.len().gt(10).all()


@FEWER
@given(cases())
def test_nobody_earns_more_in_a_year_than_the_document_can_promise(case: Case) -> None:
    world, versions = case
    rules = versions[0][1]
    most = max_coins_per_year(ready()["move-and-rest"].model_copy(update={"rules": rules}))
    rows = judged(world, [(world.first, rules)])
    years = rows["at"].dt.year
    assert rows["coins"].groupby([rows["member"], years]).sum().le(most).all()
