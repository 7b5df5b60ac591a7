"""Running the demo: set up a collective, let its members live month by month, run the jobs when they are due.

The stores are made in a hidden folder beside the target and moved into place at the end, so that a demo that is
stopped halfway leaves what was there before.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random

from incentives.offering import Offer, add_item, add_label, add_partner
from incentives.shelf import CODED, ItemKind
from privacy.claims import RunState, run_due, start_jobs
from privacy.errors import Conflict, Invalid
from privacy.principals import OPERATOR, Purpose
from privacy.store import transaction
from programs.imports.records import Rejected

from ..scheduled import JOBS
from ..stores import OpenStores, make_in
from ..worker import context_for
from .lives import Arrival, Life, join, live
from .summary import Summary, summarise
from .world import Firm, World, set_up

MARKER = ".vitaal-demo"
JOBS_AT = time(4)
VOUCHERS = 5_000
POOL_COINS = 20_000
Progress = Callable[[str, float], None]
"""Told what is being done and which part of the whole is done (0 to 1)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a demo shows: its employers, its first and last day, its members in order of joining, and its seed."""

    firms: tuple[Firm, ...]
    first: date
    until: date
    arrivals: Sequence[Arrival]
    seed: int
    refused: Sequence[Rejected] = ()
    """Lines of imported files that could not be read."""


def run(directory: Path, plan: Plan, progress: Progress) -> Summary:
    """Run the demo into ``directory``, replacing an earlier demo only. Raises: Invalid, Conflict."""
    _require_replaceable(directory)
    building = directory.resolve().parent / f".{directory.resolve().name}.building"
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir(mode=0o700)
    except OSError as error:
        raise Invalid(f"The folder {directory} cannot be made: {error.strerror}.", field="dir") from error
    try:
        (building / MARKER).write_text("A Vitaal demo: made by `vitaal demo`, replaced by the next one.\n")
        stores = make_in(building)
        try:
            world, spent_coins = _play(stores, plan, progress)
            found = summarise(stores, world, building=building, directory=directory, spent_coins=spent_coins)
        finally:
            stores.close()
        progress("Moving everything into place", 1.0)
        shutil.rmtree(directory, ignore_errors=True)
        building.rename(directory)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return found


def _require_replaceable(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise Invalid(f"{directory} is a file: choose a folder for the demo.", field="dir")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / MARKER).exists():
        raise Conflict(f"The folder {directory} holds something that is not a demo: choose another one.", field="dir")


def _play(stores: OpenStores, plan: Plan, progress: Progress) -> tuple[World, int]:
    """Live through all months; the world and the number of coins spent."""
    random = Random(plan.seed)
    progress("Setting up the collective", 0.0)
    world = set_up(stores.employers, plan.firms, first=plan.first, until=plan.until)
    _stock_the_shop(stores, plan.first, plan.until)
    start_jobs(stores.members, _at(plan.first - timedelta(days=1)))
    _run_jobs(stores, plan.first)
    waiting, here, spent_coins = list(plan.arrivals), list[Life](), 0
    ends = list(_month_ends(plan.first, plan.until))
    for number, end in enumerate(ends):
        while waiting and waiting[0].on <= end:
            here.append(join(stores.members, world, waiting.pop(0), number=len(here) + 1))
        for index, life in enumerate(here):
            spent_coins += live(stores.members, life, until=end, random=random)
            progress(f"{end:%B %Y}", (number + (index + 1) / len(here)) / len(ends))
        _run_jobs(stores, end + timedelta(days=1))
    return world, spent_coins


def _month_ends(first: date, until: date) -> Iterator[date]:
    day = first
    while day <= until:
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield min(until, following - timedelta(days=1))
        day = following


def _at(day: date) -> datetime:
    return datetime.combine(day, JOBS_AT, tzinfo=UTC)


def _run_jobs(stores: OpenStores, day: date) -> None:
    """Run what is due at four in the morning, as a worker would. Raises Conflict where a job failed."""
    for outcome in run_due(context_for(stores, _at(day)), JOBS):
        if outcome.state is RunState.failed:
            raise Conflict(f"The job {outcome.job} failed for {outcome.period}: {outcome.message}")


def _stock_the_shop(stores: OpenStores, day: date, until: date) -> None:
    """A voucher that the welcome coins can pay, a service with its label, a donation, and a pot to fill together."""
    now = _at(day)
    offers = (
        Offer(
            kind=ItemKind.voucher,
            title_nl="Kop koffie of thee bij De Korenaar",
            title_en="Cup of coffee or tea at De Korenaar",
            description_nl="Laat de code zien aan de toonbank.",
            description_en="Show the code at the counter.",
            price_coins=10,
            codes=[f"KOFFIE-{number:05d}" for number in range(1, VOUCHERS + 1)],
            refund_days=14,
        ),
        Offer(
            kind=ItemKind.service,
            title_nl="Beter slapen: cursus van vier weken",
            title_en="Sleep better: a course of four weeks",
            description_nl="Online, in je eigen tempo. Met de code start je wanneer je wilt.",
            description_en="Online, at your own pace. The code lets you begin when you like.",
            price_coins=120,
            codes=[f"SLAAP-{number:05d}" for number in range(1, VOUCHERS + 1)],
            member_limit=1,
            refund_days=14,
        ),
        Offer(
            kind=ItemKind.donation,
            title_nl="Fruit voor de voedselbank",
            title_en="Fruit for the food bank",
            description_nl="Wij maken het bedrag over aan de voedselbank.",
            description_en="We transfer the amount to the food bank.",
            price_coins=40,
        ),
        Offer(
            kind=ItemKind.team_pool,
            title_nl="Samen voor de speeltuin",
            title_en="Together for the playground",
            description_nl="Een lot kost 50 munten. Is de pot vol, dan krijgt de speeltuin een nieuwe schommel.",
            description_en="A ticket costs 50 coins. When the pot is full, the playground gets a new swing.",
            price_coins=50,
            target_coins=POOL_COINS,
        ),
    )
    partners = ("De Korenaar", "Slaapwijzer", "Voedselbank", "Speeltuin De Hoek")
    with transaction(stores.members, OPERATOR, Purpose.operation) as db:
        for name, offer in zip(partners, offers, strict=True):
            partner = add_partner(db, name=name, charity=offer.kind not in CODED)
            item = add_item(db, partner=partner.id, offer=offer, now=now)
            if offer.kind is ItemKind.service:
                issued, ends = day - timedelta(days=60), until + timedelta(days=400)
                add_label(db, item=item.id, scheme="ORCHA", grade="82", issued_on=issued, expires_on=ends, now=now)
