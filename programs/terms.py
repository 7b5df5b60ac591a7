"""Which version of a programme holds for whom on which day, and what a change may not do at once. Pure.

A day, a week or another period of a rule is judged by the version in force on its first day (``incentives.evaluate``).
What somebody who takes part already keeps, is what the version under which they take part promises (``grandfather``):

- ``period``: what is under way is finished under its version; from the next day or week on the new one holds.
- ``none``: the same, and a later version starts on a Monday, so that no week has days of two versions.
- ``enrolment``: who takes part on the day a later version starts keeps the terms until that enrolment ends. A later
  version that lowers nothing holds for them too: that is in their favour.

A version that lowers what members can earn needs notice: the days that the version before it promises. Raising may
start today.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from incentives.rules import RuleSet, path_text
from programs.programme import Programme

ZONE = ZoneInfo("Europe/Amsterdam")
"""Whose days programmes are lived by, until members set a zone of their own."""
Path = tuple[str | int, ...]
_MORE_IS_MORE = frozenset({"coins", "per_day", "per_week", "per_month", "per_year", "days_per_week_max"})
"""Numbers of which a higher one cannot lower what is earned."""
_LESS_IS_MORE = frozenset({"per", "at_least", "minimum", "maximum", "increase_percent", "days_min"})
"""Numbers of which a lower one cannot."""
_WORDS = frozenset({"title", "text"})


Span = tuple[date, date | None]
"""First and last day of an enrolment; None where it runs."""


@dataclass(frozen=True)
class Version:
    """A programme as it is from a day on."""

    effective_from: date
    programme: Programme


Plan = tuple[tuple[date, int], ...]
"""From which day on which version (its place) holds, the earliest first."""


class Terms:
    """The versions of one programme, and which of them holds for whom."""

    def __init__(self, versions: Sequence[Version]) -> None:
        self.versions = versions
        # Of two versions from the same day the later one holds.
        self._places = list({version.effective_from: place for place, version in enumerate(versions)}.values())
        self._starts = [versions[place].effective_from for place in self._places]
        self._usual: Plan = tuple(zip(self._starts, self._places, strict=True))
        self._keeps = any(versions[place].programme.grandfather == "enrolment" for place in self._places)
        self._for_all: dict[tuple[int, int], bool] = {}

    def plan(self, spans: Iterable[Span]) -> Plan:
        """Which version holds for a member from which day on."""
        if not self._keeps:
            return self._usual
        steps: list[tuple[date, int]] = []
        for start, until in _joined(spans):
            held: int | None = None
            for day, place in self._usual:
                if day > until:
                    break
                if held is None or day <= start or self._holds_for_all(held, place):
                    held = place
                    steps.append((max(day, start), place))
        return _shortest(steps) or self._usual

    def cohorts(self, spans: Mapping[UUID, Sequence[Span]]) -> dict[Plan, list[UUID]]:
        """Members by the plan that holds for them."""
        found: dict[Plan, list[UUID]] = defaultdict(list)
        for member, own in spans.items():
            found[self.plan(own) if self._keeps else self._usual].append(member)
        return found

    def rules(self, plan: Plan) -> list[tuple[date, RuleSet]]:
        """A plan as ``evaluate`` takes it."""
        return [(day, self.versions[place].programme.rules) for day, place in plan]

    def _holds_for_all(self, old: int, new: int) -> bool:
        """Whether a later version also holds for who takes part already."""
        if (old, new) not in self._for_all:
            before, after = self.versions[old].programme, self.versions[new].programme
            self._for_all[old, new] = before.grandfather != "enrolment" or not lowered(before, after)
        return self._for_all[old, new]


def _joined(spans: Iterable[Span]) -> Iterator[tuple[date, date]]:
    """First and last days of taking part; what goes on through another employer the day after is one."""
    first = last = None
    for start, end in sorted(spans, key=lambda span: (span[0], span[1] or date.max)):
        until = end or date.max
        if first is not None and last is not None:
            if last == date.max or start <= last + timedelta(days=1):
                last = max(last, until)
                continue
            yield first, last
        first, last = start, until
    if first is not None and last is not None:
        yield first, last


def _shortest(steps: Iterable[tuple[date, int]]) -> Plan:
    """Without steps that change nothing; equal plans are judged together. The first holds from ever on."""
    found: list[tuple[date, int]] = []
    for day, place in sorted(dict(steps).items()):
        if not found or found[-1][1] != place:
            found.append((day if found else date.min, place))
    return tuple(found)


def local_day(now: datetime) -> date:
    """The day on which programmes are at a moment."""
    return now.astimezone(ZONE).date()


@dataclass(frozen=True, slots=True)
class Soonest:
    """From which days a later version may hold: one that lowers nothing, and one that lowers something."""

    raising: date
    lowering: date


def soonest(old: Version, today: date) -> Soonest:
    """When a version may follow ``old``, which may itself have yet to start."""
    terms = old.programme
    raising = max(today, old.effective_from)
    lowering = max(today + timedelta(days=terms.notice_days), raising)
    if terms.grandfather == "none":
        raising, lowering = (day + timedelta(days=-day.weekday() % 7) for day in (raising, lowering))
    return Soonest(raising, lowering)


def given_anew(old: Programme, new: Programme) -> Iterator[tuple[str, str]]:
    """The ids under which the new version would pay for something of another kind, each with its path and a sentence.

    Amounts are booked under an id: what was paid once under it would be paid once more by a rule that counts apart.
    """
    known = {name: paid for name, _, paid in _paid_under(old)}
    for name, path, (kind, of) in _paid_under(new):
        before = known.get(name, (kind, of))
        if before != (kind, of):
            was = before[0] if before[1] == name else f"a step of {before[1]}"
            yield path, f"'{name}' was {was} in an earlier version: amounts are booked under it, so give it a new id"


def _paid_under(programme: Programme) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Each id under which a programme pays, its path, and the kind and id of the rule."""
    for place, rule in enumerate(programme.rules.rules):
        for path, name in rule.names():
            yield name, path_text(("rewards", "rules", place, *path)), (rule.kind, rule.id)


def lowered(old: Programme, new: Programme) -> tuple[str, ...]:
    """The places in the document where the new version may let somebody earn less; empty where it cannot.

    Careful rather than clever: a change counts as lowering unless it surely lowers nothing.
    """
    before, after = old.rules.model_dump(mode="python"), new.rules.model_dump(mode="python")
    ids = {rule["id"]: place for place, rule in enumerate(after["rules"])}
    found: list[Path] = []
    for place, rule in enumerate(before["rules"]):
        if rule["id"] not in ids:
            found.append(("rewards", "rules", place))
        else:
            there = ids[rule["id"]]
            found += _lower(rule, after["rules"][there], ("rewards", "rules", there))
    for name in ("category_caps", "caps"):
        found += _lower(before[name], after[name], ("rewards", name), caps=True)
    if new.notice_days < old.notice_days:
        found.append(("notice_days",))
    if old.grandfather == "enrolment" and new.grandfather != "enrolment":
        found.append(("grandfather",))
    found += _lower(
        [each.model_dump(exclude={"title", "text", "symbol"}) for each in old.activities],
        [each.model_dump(exclude={"title", "text", "symbol"}) for each in new.activities[: len(old.activities)]],
        ("activities",),
    )
    return tuple(dict.fromkeys(path_text(path) for path in found))


def _lower(old: Any, new: Any, path: Path, *, caps: bool = False) -> Iterator[Path]:
    """The places below a value where the new one may give less."""
    name = str(path[-1])
    caps = caps or name == "caps"
    if old == new or name in _WORDS:
        return
    if caps and (old is None or new is None):
        if old is None:  # a cap where there was none
            yield path
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _lower_of(cast("dict[str, Any]", old), cast("dict[str, Any]", new), path, caps=caps)
    elif isinstance(old, list) and isinstance(new, list) and len(cast("list[Any]", old)) <= len(cast("list[Any]", new)):
        for place, (each, its_next) in enumerate(zip(cast("list[Any]", old), cast("list[Any]", new), strict=False)):
            yield from _lower(each, its_next, (*path, place), caps=caps)
    elif not _in_favour(name, old, new):
        yield path


def _lower_of(old: dict[str, Any], new: dict[str, Any], path: Path, *, caps: bool) -> Iterator[Path]:
    for key in [*old, *(key for key in new if key not in old)]:
        if not caps or (key in old and key in new):
            yield from _lower(old.get(key), new.get(key), (*path, key), caps=caps)
        elif key in new:  # caps where there were none
            yield (*path, key)


def _in_favour(name: str, old: object, new: object) -> bool:
    """Whether one number replaced another in the direction that lowers nothing."""
    if not isinstance(old, int | Decimal) or not isinstance(new, int | Decimal) or isinstance(old, bool):
        return False
    return (name in _MORE_IS_MORE and new > old) or (name in _LESS_IS_MORE and new < old)
