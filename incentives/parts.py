"""Parts of entitlements as arrays: who should get what from which payer, beside what is known to be posted. Pure.

A part is one payer's share of what one member earned by one rule in one period, for one purse.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any, cast
from uuid import UUID

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from incentives.differences import COINS_PER_ENTITLEMENT_MAX, DICE_SIDES, Rows, split
from privacy.errors import Invalid

Objects = NDArray[np.object_]
Numbers = NDArray[np.int64]
STATE = (
    "posted_coins",
    "written_off_coins",
    "refused_coins",
    "owed_coins",
    "postings",
    "over_limit_coins",
    "counted_cents",
)
"""What is kept of a part, in the order of the columns of ``Parts.before``."""
POSTED, WRITTEN_OFF, POSTINGS, COUNTED = 0, 1, 4, 6
PURSES = ("free", "services", "good_cause")
"""The kinds of purses, as rules name them."""
FREE = PURSES[0]


@dataclass(frozen=True, slots=True)
class FundShare:
    """A payer's fund and the whole percents of every coin that it pays; a member's shares add up to 100."""

    account: UUID
    share: int = 100


Changes = Mapping[UUID, Sequence[tuple[date, Sequence[FundShare]]]]
"""For members whose payers changed, who pays for what was earned from which day on, the earliest first."""
Split = tuple[FundShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """Parts by what names them, as columns. purse: its kind. day: when it was earned, in days since 1970."""

    member: Objects
    rule: Objects
    period: Objects
    purse: Objects
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
    changes: Changes | None = None,
) -> Wanted:
    """Entitlements divided over payers. Raises Invalid (coins, purse, shares, a member without a fund)."""
    coins = _coins(entitlements)
    member, rule, period = (_objects(entitlements[name]) for name in ("member", "rule", "period"))
    purse = _purse_of(entitlements)
    moment = np.asarray(pd.to_datetime(entitlements["at"]), dtype="datetime64[D]")
    assert not np.isnat(moment).any(), "every entitlement has a day"
    codes, subjects = pd.factorize(member)
    names = _combined(codes, _codes(rule), _codes(period), _codes(purse))
    assert len(np.unique(names)) == len(names), "one row per member, rule, period and purse"
    splits, which = _paying(codes, list(subjects), moment, funds, changes or {})
    in_time = np.ones(len(moment), dtype=bool) if since is None else moment >= np.datetime64(since, "D")
    places, paying, targets, shared = [_NOWHERE], [_NOBODY], [_NOTHING], [_NOTHING]
    for number, shares in enumerate(splits):
        at = np.flatnonzero(in_time & (which == number))
        keys = zip(member[at], rule[at], period[at], purse[at], strict=True)
        dice = _dice(programme, keys, secret) if len(shares) > 1 else np.zeros(len(at), dtype=np.int64)
        for share, target in zip(shares, split(coins[at], dice, [share.share for share in shares]).T, strict=True):
            places.append(at)
            paying.append(_filled(share.account, len(at)))
            targets.append(target)
            shared.append(np.full(len(at), len(shares) > 1, dtype=np.int64))
    place = np.concatenate(places)
    return Wanted(
        member=member[place],
        rule=rule[place],
        period=period[place],
        purse=purse[place],
        fund=np.concatenate(paying),
        day=moment[place].astype(np.int64),
        target=np.concatenate(targets),
        shared=np.concatenate(shared).astype(np.bool_),
    )


def _paying(
    codes: Numbers,
    subjects: Sequence[UUID],
    moment: NDArray[np.datetime64],
    funds: Mapping[UUID, Sequence[FundShare]],
    changes: Changes,
) -> tuple[list[Split], Numbers]:
    """Every way in which payers share, and for each row which of them holds on its day.

    Before the first day that a member's changes name, the first ones pay.
    """
    if not funds.keys() >= set(subjects):
        raise Invalid("An entitlement belongs to a member whose programme has no fund.", field="funds")
    # Also of members with nothing earned: shares that do not add up are refused whoever has them.
    always = {shares: ((date.min, _split_of(shares)),) for shares in {tuple(shares) for shares in funds.values()}}
    spans_of = [_spans_of(changes[each]) if each in changes else always[tuple(funds[each])] for each in subjects]
    numbered = {spans: number for number, spans in enumerate(dict.fromkeys(spans_of))}
    of_row = np.array([numbered[spans] for spans in spans_of], dtype=np.int64)[codes] if spans_of else _NOTHING
    splits: dict[Split, int] = {}
    which = np.zeros(len(codes), dtype=np.int64)
    for spans, number in numbered.items():
        rows = np.flatnonzero(of_row == number)
        days = np.array([day for day, _ in spans], dtype="datetime64[D]")
        holds = np.array([splits.setdefault(shares, len(splits)) for _, shares in spans], dtype=np.int64)
        which[rows] = holds[np.maximum(np.searchsorted(days, moment[rows], side="right") - 1, 0)]
    return list(splits), which


def _spans_of(spans: Sequence[tuple[date, Sequence[FundShare]]]) -> tuple[tuple[date, Split], ...]:
    return tuple((day, _split_of(shares)) for day, shares in spans)


_NOWHERE: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
_NOBODY: Objects = np.zeros(0, dtype=object)
_NOTHING: Numbers = np.zeros(0, dtype=np.int64)


@dataclass(slots=True, kw_only=True)
class Parts:
    """All parts, wanted or known, as arrays of equal length; ``rows`` and ``postings`` move on as steps are posted.

    members, purses, funds, lots: what the codes of ``rows`` stand for.
    """

    members: list[UUID]
    purses: list[tuple[UUID, str]]
    funds: list[UUID]
    lots: list[tuple[int, int]]
    """Per lot code, the codes of its purse and fund."""
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
        member, rule, period, kind, fund, day = (
            np.concatenate((getattr(known, name), getattr(wanted, name)))
            for name in ("member", "rule", "period", "purse", "fund", "day")
        )
        member_codes, members = pd.factorize(member)
        fund_codes, funds = pd.factorize(fund)
        kind_codes, kinds = pd.factorize(kind)
        award = _combined(member_codes, _codes(rule), _codes(period), kind_codes)
        place = _combined(award, fund_codes)
        count = int(place.max()) + 1 if len(place) else 0
        at = np.zeros(count, dtype=np.intp)
        at[place] = np.arange(len(place))  # the last one wins: what is wanted, where it is
        in_known, in_wanted = place[: len(known.day)], place[len(known.day) :]
        before = np.zeros((count, len(STATE)), dtype=np.int64)
        before[in_known] = known.state
        target, shared = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=bool)
        target[in_wanted], shared[in_wanted] = wanted.target, wanted.shared
        owner, paid_by, of_kind = member_codes[at], np.asarray(fund_codes[at], np.int64), kind_codes[at]
        purse, purse_at = _first_of(_combined(owner, of_kind))
        lot, lot_at = _first_of(_combined(purse, paid_by))
        rows = Rows(
            award=_combined(award[at]),
            member=np.asarray(owner, np.int64),
            purse=purse,
            fund=paid_by,
            lot=lot,
            limit=np.zeros(count, dtype=np.int64),
            coin_cents=np.zeros(count, dtype=np.int64),
            target=target,
            posted=before[:, POSTED],
            written_off=before[:, WRITTEN_OFF],
        )
        return cls(
            members=list(members),
            purses=[(cast("UUID", members[owner[row]]), str(kinds[of_kind[row]])) for row in purse_at],
            funds=list(funds),
            lots=[(int(purse[row]), int(paid_by[row])) for row in lot_at],
            rule=rule[at],
            period=period[at],
            day=day[at],
            shared=shared,
            rows=rows,
            before=before,
            postings=before[:, POSTINGS],
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


def _purse_of(entitlements: pd.DataFrame) -> Objects:
    if "purse" not in entitlements:
        return _filled(FREE, len(entitlements))
    purse = _objects(entitlements["purse"])
    if unknown := set(purse).difference(PURSES):
        raise Invalid(f"There is no purse {unknown.pop()!r}: {', '.join(PURSES)}.", field="purse")
    return purse


def _split_of(shares: Sequence[FundShare]) -> Split:
    """In the order of the accounts, so that the same shares always split alike."""
    ordered = tuple(sorted(shares, key=lambda share: share.account))
    fit = all(type(share.share) is int and share.share > 0 for share in ordered)
    if not fit or sum(share.share for share in ordered) != 100 or len({s.account for s in ordered}) < len(ordered):
        raise Invalid("The shares of payers are whole percents of different funds, together 100.", field="share")
    return ordered


def purse_mark(kind: str) -> str:
    """What a purse adds to the key of an entitlement: nothing where it is free, as before purses had kinds."""
    return "" if kind == FREE else f"|{kind}"


def _dice(programme: str, keys: Iterable[tuple[UUID, str, str, str]], secret: bytes) -> Numbers:
    """One throw per entitlement, the same at every settling."""
    throws = (
        blake2b(
            f"split|{member.hex}|{programme}|{rule}|{period}{purse_mark(purse)}".encode(), digest_size=4, key=secret
        ).digest()
        for member, rule, period, purse in keys
    )
    return np.array([int.from_bytes(throw, "big") % DICE_SIDES for throw in throws], dtype=np.int64)


def _objects(values: Iterable[Any]) -> Objects:
    return np.array(list(values), dtype=object)


def _filled(value: object, length: int) -> Objects:
    filled = np.empty(length, dtype=object)
    filled[:] = value
    return filled


def _codes(values: Objects | Numbers) -> Numbers:
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def _combined(*codes: Numbers) -> Numbers:
    """0, 1, 2, … per distinct combination, in the order of first appearance."""
    combined = np.zeros(len(codes[0]), dtype=np.int64)
    for each in codes:
        combined = _codes(combined * (int(each.max(initial=0)) + 1) + each)
    return combined


def _first_of(codes: Numbers) -> tuple[Numbers, list[int]]:
    """The codes, and per code the place of its first row."""
    return codes, np.unique(codes, return_index=True)[1].tolist()
