"""My coins: each with its reason, what was spent, and why something gave none."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session

from incentives.expiry import WARNED_AHEAD, Ending, endings
from incentives.ledger import TransferCode
from incentives.limits import Cut, cuts
from incentives.purses import Movement, PurseKind, movements, purse_availables, purse_balances
from privacy.principals import Role
from programs.rewarding import near_misses, reasons

from ...web.access import requires
from ...web.desk import now, today
from ...web.language import language
from .member import coin_value_cents, reading, subject

pages = Blueprint("coins", __name__)
LINES_PER_PAGE = 30


@dataclass(frozen=True, slots=True)
class Earned:
    """Some coins and why they came, or why they did not (0 coins)."""

    day: date
    coins: int
    reason: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinsPage:
    """Everything on the page."""

    balance_coins: int
    """Of all kinds together."""
    held_coins: int
    """Of these, set aside for an order under way."""
    kinds: dict[PurseKind, int]
    """Coins by what they are for, where there are any; empty for who has free coins alone."""
    ending: list[Ending]
    """What ends soon."""
    later: list[Ending]
    coin_cents: int | None
    earned: list[Earned]
    earned_total: int
    spent: list[Movement]
    missed: list[Earned]
    limits: list[Cut]
    year: int
    page: int
    pages: int


def read_coins(db: Session, *, now: datetime, today: date, page: int) -> CoinsPage:
    """Read the page; the first one is page 1."""
    balances, available = purse_balances(db, subject()), purse_availables(db, subject())
    kinds = {kind: coins for kind, coins in balances.items() if coins}
    ends, soon = endings(db, subject(), since=today), today + WARNED_AHEAD
    told = reasons(db, subject(), now)
    pages_total = max(1, -(-len(told) // LINES_PER_PAGE))
    page = min(max(1, page), pages_total)
    part = told.iloc[(page - 1) * LINES_PER_PAGE : page * LINES_PER_PAGE]
    return CoinsPage(
        balance_coins=sum(balances.values()),
        held_coins=sum(balances.values()) - sum(available.values()),
        kinds=kinds if kinds.keys() - {PurseKind.free} else {},
        ending=[each for each in ends if each.last_day <= soon],
        later=[each for each in ends if each.last_day > soon],
        coin_cents=coin_value_cents(db, today),
        earned=_lines(part),
        earned_total=sum(int(coins) for coins in told["coins"].tolist()),
        spent=[each for each in movements(db, subject()) if _is_spending(each)],
        missed=[each for each in _lines(near_misses(db, subject(), now)) if each.day < today],
        limits=cuts(db, subject()),
        year=today.year,
        page=page,
        pages=pages_total,
    )


def _is_spending(line: Movement) -> bool:
    """Whatever left, and what was given back of it; what was earned is told with its reason."""
    return line.amount_coins < 0 or line.code is TransferCode.refund


def newest_earned(db: Session, *, now: datetime, count: int) -> list[Earned]:
    """The newest coins with their reasons."""
    return _lines(reasons(db, subject(), now).head(count))


def _lines(rows: pd.DataFrame) -> list[Earned]:
    reasons_told = rows["reason_nl" if language() == "nl" else "reason_en"]
    moments = pd.to_datetime(rows["at"]).dt.to_pydatetime()
    return [
        Earned(at.date(), int(coins), str(reason), str(rule))
        for at, coins, reason, rule in zip(moments, rows["coins"].tolist(), reasons_told, rows["rule"], strict=True)
    ]


@pages.get("/me/coins")
@requires(Role.member)
def coins_page() -> Any:
    """Every coin with its reason."""
    with reading() as db:
        page = read_coins(db, now=now(), today=today(), page=request.args.get("page", 1, type=int))
    return render_template("members/coins.html", page=page)
