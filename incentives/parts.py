"""Parts of entitlements as arrays: who should get what from which payer, beside what is known to be posted. Pure.

A part is one payer's share of what one member earned by one rule in one period.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from incentives.differences import COINS_PER_ENTITLEMENT_MAX, DICE_SIDES, Rows, split
from privacy.errors import Invalid

Objects = NDArray[np.object_]
Numbers = NDArray[np.int64]
STATE = ("posted_coins", "written_off_coins", "refused_coins", "owed_coins", "postings")
"""What is kept of a part, in the order of the columns of ``Parts.before``."""


@dataclass(frozen=True, slots=True)
class FundShare:
    """A payer's fund and the whole percents of every coin that it pays; a member's shares add up to 100."""

    account: UUID
    share: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """Parts by what names them, as columns. day: when it was earned, in days since 1970."""

    member: Objects
    rule: Objects
    period: Objects
    fund: Objects
    day: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Keyed):
    """What the rules say. shared: whether several payers share the entitlement."""

    target: Numbers
    shared: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(Keyed):
    """What was settled before: ``state`` has the columns of STATE."""

    state: Numbers


def wanted_parts(
    *,
    programme: str,
    entitlements: pd.DataFrame,
    funds: Mapping[UUID, Sequence[FundShare]],
    secret: bytes,
    since: date | None,
    changes: Mapping[UUID, Sequence[tuple[date, Sequence[FundShare]]]] | None = None,
) -> Wanted:
    """Entitlements divided over payers. Raises Invalid (coins, shares, a member without a fund).

    changes: for members whose payers changed, who pays for what was earned from which day on, the earliest first.
    """
    coins = _coins(entitlements)
    member, rule, period = (_objects(entitlements[name]) for name in ("member", "rule", "period"))
    moment = np.asarray(pd.to_datetime(entitlements["at"]), dtype="datetime64[D]")
    assert not np.isnat(moment).any(), "every entitlement has a day"
    names = _numbers(member, rule, period)
    assert len(np.unique(names)) == len(names), "one row per member, rule and period"
    splits = {subject: _split_of(shares) for subject, shares in funds.items()}
    if not splits.keys() >= set(member):
        raise Invalid("An entitlement belongs to a member whose programme has no fund.", field="funds")
    paying_split = [splits[subject] for subject in member]
    for row, shares in _changed(member, moment, changes or {}):
        paying_split[row] = shares
    numbered = {shares: number for number, shares in enumerate(dict.fromkeys(paying_split))}
    which = np.array([numbered[shares] for shares in paying_split], dtype=np.int64)
    in_time = np.ones(len(moment), dtype=bool) if since is None else moment >= np.datetime64(since, "D")
    places, paying, targets, shared = [_NOWHERE], [_NOBODY], [_NOTHING], [_NOTHING]
    for shares, number in numbered.items():
        at = np.flatnonzero(in_time & (which == number))
        keys = zip(member[at], rule[at], period[at], strict=True)
        dice = _dice(programme, keys, secret) if len(shares) > 1 else np.zeros(len(at), dtype=np.int64)
        for share, target in zip(shares, split(coins[at], dice, [share.share for share in shares]).T, strict=True):
            places.append(at)
            paying.append(_objects([share.account] * len(at)))
            targets.append(target)
            shared.append(np.full(len(at), len(shares) > 1, dtype=np.int64))
    place = np.concatenate(places)
    return Wanted(
        member=member[place],
        rule=rule[place],
        period=period[place],
        fund=np.concatenate(paying),
        day=moment[place].astype(np.int64),
        target=np.concatenate(targets),
        shared=np.concatenate(shared).astype(np.bool_),
    )


def _changed(
    member: Objects,
    moment: NDArray[np.datetime64],
    changes: Mapping[UUID, Sequence[tuple[date, Sequence[FundShare]]]],
) -> Iterable[tuple[int, tuple[FundShare, ...]]]:
    """Rows of members whose payers changed, with the payers of the day; before the first day the first ones pay."""
    dated = {
        subject: [(np.datetime64(day, "D"), _split_of(shares)) for day, shares in spans]
        for subject, spans in changes.items()
    }
    if not dated:
        return
    for row, subject in enumerate(member):
        if subject in dated:
            spans = dated[subject]
            yield row, next((shares for day, shares in reversed(spans) if day <= moment[row]), spans[0][1])


_NOWHERE: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
_NOBODY: Objects = np.zeros(0, dtype=object)
_NOTHING: Numbers = np.zeros(0, dtype=np.int64)


@dataclass(slots=True, kw_only=True)
class Parts:
    """All parts, wanted or known, as arrays of equal length; ``rows`` and ``postings`` move on as steps are posted."""

    members: list[UUID]
    funds: list[UUID]
    rule: Objects
    period: Objects
    day: Numbers
    shared: NDArray[np.bool_]
    rows: Rows
    before: Numbers
    postings: Numbers

    @classmethod
    def of(cls, wanted: Wanted, known: Known) -> "Parts":
        """Put what is wanted beside what is known; what is known only is wanted no more: its target is 0."""
        member, rule, period, fund, day = (
            np.concatenate((getattr(known, name), getattr(wanted, name)))
            for name in ("member", "rule", "period", "fund", "day")
        )
        place = _numbers(member, rule, period, fund)
        count = int(place.max()) + 1 if len(place) else 0
        at = np.zeros(count, dtype=np.intp)
        at[place] = np.arange(len(place))  # the last one wins: what is wanted, where it is
        in_known, in_wanted = place[: len(known.day)], place[len(known.day) :]
        before = np.zeros((count, len(STATE)), dtype=np.int64)
        before[in_known] = known.state
        target, shared = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool)
        target[in_wanted], shared[in_wanted] = wanted.target, wanted.shared
        rows = Rows(
            award=_numbers(member, rule, period)[at],
            purse=_numbers(member)[at],
            fund=_numbers(fund)[at],
            target=target,
            posted=before[:, 0],
            written_off=before[:, 1],
        )
        return cls(
            members=list(dict.fromkeys(member)),
            funds=list(dict.fromkeys(fund)),
            rule=rule[at],
            period=period[at],
            day=day[at],
            shared=shared,
            rows=rows,
            before=before,
            postings=before[:, 4],
        )


def _coins(entitlements: pd.DataFrame) -> Numbers:
    coins = np.asarray(entitlements["coins"])
    if not len(coins):
        return np.zeros(0, dtype=np.int64)
    if coins.dtype.kind not in "iu" or coins.min() < 0 or coins.max() > COINS_PER_ENTITLEMENT_MAX:
        raise Invalid(
            f"An entitlement is a whole number of coins from 0 to {COINS_PER_ENTITLEMENT_MAX}.", field="coins"
        )
    return coins.astype(np.int64)


def _split_of(shares: Sequence[FundShare]) -> tuple[FundShare, ...]:
    """In the order of the accounts, so that the same shares always split alike."""
    ordered = tuple(sorted(shares, key=lambda share: share.account))
    fit = all(type(share.share) is int and share.share > 0 for share in ordered)
    if not fit or sum(share.share for share in ordered) != 100 or len({s.account for s in ordered}) < len(ordered):
        raise Invalid("The shares of payers are whole percents of different funds, together 100.", field="share")
    return ordered


def _dice(programme: str, keys: Iterable[tuple[UUID, str, str]], secret: bytes) -> Numbers:
    """One throw per entitlement, the same at every settling."""
    throws = (
        blake2b(f"split|{member.hex}|{programme}|{rule}|{period}".encode(), digest_size=4, key=secret).digest()
        for member, rule, period in keys
    )
    return np.array([int.from_bytes(throw, "big") % DICE_SIDES for throw in throws], dtype=np.int64)


def _objects(values: Iterable[Any]) -> Objects:
    return np.array(list(values), dtype=object)


def _numbers(*columns: Objects) -> Numbers:
    """0, 1, 2, … per distinct combination, in the order of first appearance."""
    numbers = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        codes, values = pd.factorize(column)
        numbers = np.asarray(pd.factorize(numbers * max(len(values), 1) + codes)[0], dtype=np.int64)
    return numbers
