"""Nobody finds out whether somebody has an account: not from an answer's bytes, its headers or how long it took.

``VITAAL_SOAK_TRIES=2000`` measures the durations as the promise has it, and prints each figure; without it a few
tries show that nothing is left out for whoever has no account.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from random import Random
from time import perf_counter_ns

import numpy as np
import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select
from werkzeug.test import Client, TestResponse

from privacy import addresses, credentials, memberships, people, recovery
from privacy.erasure import erase
from privacy.people import Profile
from privacy.post.members import Mail
from privacy.post.queueing import unseal
from privacy.principals import Purpose
from privacy.store import Store, transaction
from tests.factories import JOB, NOW, TODAY, as_member, copied_company, copied_invitation, new_member
from vitaal.app import create_members
from vitaal.settings import Settings

TRIES = int(os.environ.get("VITAAL_SOAK_TRIES", "0"))
FEW = 40
STATES = ("never", "member", "left", "erased")
_VALUE = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_TOKEN = re.compile(r'(name="csrf_token"[^>]*value=")[^"]+"')


class World:
    """The members' pages, an account in each state, and a clock that tests move."""

    def __init__(self, members: Store) -> None:
        self.members, self.now = members, NOW
        self.app: Flask = create_members(Settings(), members, lambda: self.now)
        self.app.testing = True
        self.company = copied_company(members, code="BAKKER-26")
        self.logins = {"never": "vitaal0001"}
        self.addresses = {state: f"{state}@example.org" for state in STATES}
        self.codes = {"never": "1234 1234 1234 1234"}
        for state in ("member", "left", "erased"):
            self._add(state)
        self.clients: dict[str, Client] = {}

    def _add(self, state: str) -> None:
        who = new_member(self.members, self.company)
        self.logins[state] = who.login
        self._prove(who, self.addresses[state])
        with transaction(self.members, as_member(who), Purpose.authentication) as db:
            self.codes[state] = recovery.new_card(db, who.account)[0]
            if state == "left":
                (membership,) = memberships.memberships(db, who.subject)
                memberships.end_membership(db, membership.id, ends_on=TODAY)
        if state == "erased":
            assert erase(self.members, who.account, now=NOW, at_leaving=())

    def _prove(self, who: Profile, address: str) -> None:
        with transaction(self.members, as_member(who), Purpose.authentication) as db:
            step = addresses.begin_change(db, who.account, address=address, is_anothers=False, locale="en", now=NOW)
        with transaction(self.members, JOB, Purpose.operation, read_only=True) as db:
            found = [unseal(self.members.keys, row.id, row.sealed) for row in db.scalars(select(Mail)) if row.sealed]
        (code,) = [each.letter.values["code"] for each in found if each.to == address]
        with transaction(self.members, as_member(who), Purpose.authentication) as db:
            addresses.finish_change(db, who.account, step=step, code=code, now=NOW)

    def send(self, path: str, **fields: str) -> TestResponse:
        """Send a form as a browser does that opened the page before."""
        client = self.clients.get(path)
        if client is None:
            client = self.clients[path] = self.app.test_client()
            page = client.get(path, headers={"Accept-Language": "en"}).get_data(as_text=True)
            found = _VALUE.search(page)
            assert found is not None
            client.token = found.group(1)  # type: ignore[attr-defined]
        data = {"csrf_token": client.token, **fields}  # type: ignore[attr-defined]
        return client.post(path, data=data, headers={"Accept-Language": "en"})

    def sign_in(self, state: str) -> TestResponse:
        return self.send("/sign-in", login=self.logins[state], password="not the password")

    def recover(self, state: str) -> TestResponse:
        return self.send("/recover", login=self.logins[state], code="4321 4321 4321 4321", password="a new password")

    def reset(self, state: str) -> TestResponse:
        return self.send("/forgotten", address=self.addresses[state])

    def reset_code(self, state: str) -> TestResponse:
        self.reset(state)
        self.clients["/forgotten/code"] = self.clients["/forgotten"]
        return self.send("/forgotten/code", code="00000000", password="a new password")

    def right_password(self, state: str) -> TestResponse:
        return self.send("/sign-in", login=self.logins[state], password="correct horse battery")

    def right_card(self, state: str) -> TestResponse:
        return self.send("/recover", login=self.logins[state], code=self.codes[state], password="a new password")


Act = Callable[[World, str], TestResponse]
ACTS: dict[str, Act] = {
    "sign-in": World.sign_in,
    "recovery": World.recover,
    "reset": World.reset,
    "reset code": World.reset_code,
}


@pytest.fixture
def world(members: Store) -> World:
    return World(members)


def seen(answer: TestResponse, *typed: str) -> tuple[int, str, list[tuple[str, str]]]:
    """Everything that a visitor sees of an answer, but for the form's token and what was typed."""
    body = _TOKEN.sub(r'\1"', answer.get_data(as_text=True))
    for each in typed:
        body = body.replace(each, "TYPED")
    headers = [
        (name, re.sub(r"=[^;]*", "=…", value, count=1) if name == "Set-Cookie" else value)
        for name, value in answer.headers
        if name != "Content-Length"
    ]
    return answer.status_code, body, sorted(headers)


@pytest.mark.parametrize("act", ACTS)
def test_answers_are_the_same_bytes_and_headers_for_every_state(world: World, act: str) -> None:
    first, *others = [seen(ACTS[act](world, each), world.logins[each], world.addresses[each]) for each in STATES]
    assert all(each == first for each in others)


def test_an_erased_account_answers_its_own_password_and_card_like_one_that_never_was(world: World) -> None:
    for act in (World.right_password, World.right_card):
        gone, never = (seen(act(world, each), world.logins[each], world.codes[each]) for each in ("erased", "never"))
        assert gone == never
        assert gone[0] == 403
    assert world.right_password("member").status_code == 303
    assert world.right_card("left").status_code == 303


@pytest.mark.parametrize(("act", "passing"), [("sign-in", 5), ("recovery", 5), ("reset", 3)])
def test_whoever_tries_too_often_is_told_so_after_as_many_tries_for_every_state(
    world: World, act: str, passing: int
) -> None:
    runs = []
    for state in STATES:
        answers = [ACTS[act](world, state) for _ in range(passing + 1)]
        assert [each.status_code == 429 for each in answers] == [False] * passing + [True]
        assert int(answers[-1].headers["Retry-After"]) > 0
        runs.append([seen(each, world.logins[state], world.addresses[state]) for each in answers])
    assert all(run == runs[0] for run in runs)


def test_the_recovery_card_still_works_where_signing_in_is_refused(world: World) -> None:
    while world.sign_in("member").status_code != 429:
        pass
    assert world.right_password("member").status_code == 429
    assert world.right_card("member").status_code == 303


def test_codes_that_are_wrong_expired_or_used_answer_alike(world: World) -> None:
    """That a code was used is told to whoever redeems it only, and then like any code that is not valid."""
    copied_invitation(world.members, world.company, code="OLDONE", shared=True, expires_on=TODAY - timedelta(days=1))
    copied_invitation(world.members, world.company, code="ONCEUP", shared=False)
    new_member(world.members, replace(world.company, code="ONCEUP"))
    client, fields = world.app.test_client(), {"nickname": "Sam", "password": "a new password"}
    token = _VALUE.search(client.get("/join/BAKKER-26").get_data(as_text=True))
    assert token is not None
    pages, sent, joined = [], [], []
    for code in ("NOSUCH", "OLDONE", "ONCEUP"):
        pages.append(seen(client.get(f"/join/{code}"), code))
        sent.append(seen(world.send("/join", code=code), code))
        joined.append(seen(client.post(f"/join/{code}", data={"csrf_token": token.group(1), **fields}), code))
    assert joined[0][0] == pages[0][0] == sent[0][0] == 422
    assert joined == [joined[0]] * 3
    assert (pages[0], sent[0]) == (pages[1], sent[1])
    assert (pages[2][0], sent[2][0]) == (200, 303), "looking at a used code tells nothing either"


def auc(first: np.ndarray, second: np.ndarray) -> float:
    """The chance that a duration of the second is longer than one of the first (Mann and Whitney's U over n m)."""
    order = np.concatenate([first, second]).argsort(kind="stable")
    ranks = np.empty(order.size)
    ranks[order] = np.arange(1, order.size + 1)
    return float((ranks[first.size :].sum() - second.size * (second.size + 1) / 2) / (first.size * second.size))


def durations(world: World, act: Act, tries: int) -> dict[str, np.ndarray]:
    """How long each answer took, in nanoseconds: the states in a new random order in every round."""
    random, taken = Random(4), {state: np.empty(tries) for state in STATES}
    for state in STATES:  # whatever is made at the first use
        act(world, state)
    for number in range(tries):
        world.now += timedelta(days=8)  # the limits on attempts begin anew
        for state in random.sample(STATES, len(STATES)):
            start = perf_counter_ns()
            act(world, state)
            taken[state][number] = perf_counter_ns() - start
    return taken


@pytest.fixture
def real_hasher(password_hasher: PasswordHasher) -> Iterator[None]:
    light, credentials._hasher = credentials._hasher, password_hasher
    yield
    credentials._hasher = light


@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("real_hasher")
@pytest.mark.parametrize("act", ["sign-in", "recovery", "reset"])
def test_durations_tell_nothing(world: World, act: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With few tries the bounds are wide: a step that is left out for nobody moves the figure to nearly 0 or 1."""
    taken = durations(world, ACTS[act], TRIES or FEW)
    low, high = (0.45, 0.55) if TRIES else (0.2, 0.8)
    for first, second in combinations(STATES, 2):
        found = auc(taken[first], taken[second])
        if TRIES:
            figure = f"AUC {found:.3f} ({TRIES} tries each, {np.median(taken[first]) / 1e6:.1f} ms)"
            with capsys.disabled():
                sys.stdout.write(f"\nenumeration: {act} on {world.members.dialect}, {first}/{second}: {figure}")
        assert low <= found <= high, (act, first, second, found)


def test_the_measure_finds_a_millisecond() -> None:
    random = np.random.default_rng(1)
    assert auc(random.normal(20, 1, 500), random.normal(21, 1, 500)) > 0.7
    assert 0.45 < auc(random.normal(20, 1, 2000), random.normal(20, 1, 2000)) < 0.55
    assert isinstance(NOW, datetime)
    assert people.NOBODY.int == 0
