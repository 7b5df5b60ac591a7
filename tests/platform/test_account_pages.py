"""What members read and do about their accounts, in both languages, on both stores."""

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from flask import session as form_session
from sqlalchemy import select

from privacy import people
from privacy.post.members import Mail
from privacy.post.queueing import unseal
from privacy.principals import Purpose, job
from privacy.store import transaction
from tests.platform.town import NOW, PASSWORD_NEW, Town, Visitor, words_of
from vitaal.app import create_members
from vitaal.settings import Settings
from vitaal.web.attempts import network

NEW = "another one, please"
ADDRESS = "sam@example.org"
CARD = "/me/account/card"


def mailed(town: Town, kind: str, to: str = ADDRESS) -> str:
    """The code in the newest letter of a kind."""
    with transaction(town.stores.members, job("test"), Purpose.operation, read_only=True) as db:
        keys = town.stores.members.keys
        found = [unseal(keys, row.id, row.sealed) for row in db.scalars(select(Mail)) if row.sealed]
    (letter,) = [each.letter for each in found if each.to == to and each.letter.kind == kind]
    return letter.values["code"]


def codes_on(page: str) -> list[str]:
    return re.findall(r"<li>(\d{4} \d{4} \d{4} \d{4})</li>", page)


def with_card(visitor: Visitor) -> list[str]:
    answer = visitor.send(CARD, page=CARD)
    assert answer.status_code == 200
    return codes_on(answer.get_data(as_text=True))


def with_address(town: Town, visitor: Visitor, address: str = ADDRESS) -> None:
    assert visitor.send("/me/account/address", address=address).location == "/me/account/address/code"
    answer = visitor.send("/me/account/address/code", code=mailed(town, "address_check", address))
    assert answer.location == "/me/account/address"


def grown_old(town: Town, visitor: Visitor) -> None:
    """Let the proof that the browser remembers be of an hour ago."""
    with visitor.client.session_transaction() as kept:
        kept["proven"] = int((NOW - timedelta(hours=1)).timestamp())
    assert form_session is not None
    assert town is not None


@pytest.mark.parametrize(
    ("language", "greeting", "card"),
    [
        ("en", "Welcome! This is your login name", "Make my card"),
        ("nl", "Welkom! Dit is je inlognaam", "Maak mijn kaart"),
    ],
)
def test_whoever_joins_sees_the_login_name_and_is_offered_the_card(
    town: Town, language: str, greeting: str, card: str
) -> None:
    visitor = town.newcomer("Zoë", language=language)
    assert re.fullmatch(r"zoe\d{4}", visitor.login)
    page = visitor.text("/me/account/welcome")
    assert greeting in page
    assert visitor.login in page
    assert card in page


def test_a_pin_is_enough_to_join_and_to_sign_in(town: Town) -> None:
    visitor = town.visitor()
    answer = visitor.send("/join/DEMO", nickname="Sam", password="407193")
    assert answer.location == "/me/account/welcome"
    login = re.search(r'class="login-name">([^<]+)<', visitor.get(answer.location).get_data(as_text=True))
    assert login is not None
    assert town.visitor().send("/sign-in", login=login.group(1), password="407193").location == "/me"


def test_the_card_shows_its_codes_once_with_the_login_name(town: Town) -> None:
    visitor = town.newcomer()
    answer = visitor.send(CARD, page="/me/account/welcome")
    page = answer.get_data(as_text=True)
    assert len(codes_on(page)) == 8
    assert visitor.login in page
    assert "You see these codes only once." in words_of(answer)
    again = visitor.get(CARD).get_data(as_text=True)
    assert "8 codes of your card are still good." in again
    assert not codes_on(again)
    assert "8 of 8 codes unused" in visitor.text("/me/account")


@pytest.mark.parametrize(("language", "refusal"), [("en", "do not belong together"), ("nl", "horen niet bij elkaar")])
def test_a_code_of_the_card_lets_in_with_a_new_password_once(town: Town, language: str, refusal: str) -> None:
    visitor = town.newcomer()
    code = with_card(visitor)[0]
    lost = town.visitor(language=language)
    assert lost.send("/recover", login=visitor.login, code=code, password=NEW).location == "/me"
    assert lost.get("/me").status_code == 200
    assert visitor.get("/me").status_code == 302, "the old browser is signed out"
    again = town.visitor(language=language).send("/recover", login=visitor.login, code=code, password=NEW)
    assert again.status_code == 403
    assert refusal in words_of(again)
    assert town.visitor().send("/sign-in", login=visitor.login, password=NEW).location == "/me"


def test_a_private_address_is_proven_and_helps_to_get_back_in(town: Town) -> None:
    visitor = town.newcomer()
    assert "You have no card yet." in visitor.text("/me/account")
    with_address(town, visitor)
    assert ADDRESS in visitor.text("/me/account")
    lost = town.visitor()
    assert lost.send("/forgotten", address=ADDRESS).location == "/forgotten/code"
    wrong = lost.send("/forgotten/code", code="00000000", password=NEW)
    assert wrong.status_code == 422
    assert "This code does not fit or is too old." in words_of(wrong)
    assert lost.send("/forgotten/code", code=mailed(town, "reset"), password=NEW).location == "/me"
    assert town.visitor().send("/sign-in", login=visitor.login, password=NEW).location == "/me"


def test_a_removed_address_is_gone(town: Town) -> None:
    visitor = town.newcomer()
    with_address(town, visitor)
    visitor.send("/me/account/address/remove", page="/me/account/address")
    assert ADDRESS not in visitor.text("/me/account")


def test_a_mailed_code_is_asked_for_at_sign_in_by_who_wants_it(town: Town) -> None:
    visitor = town.newcomer()
    with_address(town, visitor)
    visitor.send("/me/account/address/second-step", page="/me/account/address", wanted="yes")
    other = town.visitor()
    answer = other.send("/sign-in", login=visitor.login, password=PASSWORD_NEW, next="/me/shop")
    assert answer.location == "/sign-in/code"
    assert other.get("/me").status_code == 302
    assert other.send("/sign-in/code", code="00000000").status_code == 422
    assert other.send("/sign-in/code", code=mailed(town, "sign_in_code")).location == "/me/shop"
    assert other.get("/me").status_code == 200


def test_a_code_cannot_be_guessed_by_trying(town: Town) -> None:
    visitor = town.newcomer()
    with_address(town, visitor)
    lost = town.visitor()
    lost.send("/forgotten", address=ADDRESS)
    code = mailed(town, "reset")
    tries = [lost.send("/forgotten/code", code=f"{number:08d}", password=NEW).status_code for number in range(6)]
    assert tries == [422] * 5 + [429]
    assert lost.send("/forgotten/code", code=code, password=NEW).status_code == 429


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Wait 15 minutes, then try again."), ("nl", "Wacht 15 minuten en probeer het dan")]
)
def test_whoever_tries_too_often_reads_how_long_to_wait_and_of_the_card(town: Town, language: str, words: str) -> None:
    visitor, other = town.newcomer(), town.visitor(language=language)
    answers = [other.send("/sign-in", login=visitor.login, password="not this one") for _ in range(6)]
    assert [each.status_code for each in answers] == [403] * 5 + [429]
    assert words in words_of(answers[-1])
    assert answers[-1].headers["Retry-After"] == "900"
    assert "/recover" in answers[-1].get_data(as_text=True)
    assert town.visitor().send("/sign-in", login=visitor.login, password=PASSWORD_NEW).status_code == 429
    assert visitor.get("/me").status_code == 200, "who is signed in stays so"


def test_signing_in_rightly_does_not_count(town: Town) -> None:
    visitor = town.newcomer()
    for _ in range(8):
        assert town.visitor().send("/sign-in", login=visitor.login, password=PASSWORD_NEW).status_code == 303


def test_guessing_codes_of_employers_is_limited_by_network(town: Town) -> None:
    def tries(address: str) -> list[int]:
        client = town.members.test_client()
        return [
            client.get(f"/join/GUESS{number}", environ_base={"REMOTE_ADDR": address}).status_code
            for number in range(152)
        ]

    first = tries("203.0.113.7")
    assert 100 <= first.count(422) <= 150
    assert first[-1] == 429
    same = town.members.test_client().get("/join/OTHER", environ_base={"REMOTE_ADDR": "203.0.113.99"})
    other = town.members.test_client().get("/join/OTHER", environ_base={"REMOTE_ADDR": "203.0.114.7"})
    assert (same.status_code, other.status_code) == (429, 422)


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_a_network_is_all_that_is_known_of_an_address(town: Town, address: str, known: str) -> None:
    with town.members.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert network() == known


@pytest.mark.parametrize(
    ("hops", "forwarded", "known"),
    [
        (0, "203.0.113.7", "127.0.0.0/24"),
        (1, "198.51.100.1, 203.0.113.7", "203.0.113.0/24"),
        (2, "198.51.100.1, 203.0.113.7", "198.51.100.0/24"),
    ],
)
def test_only_the_proxies_that_are_ones_own_are_believed(town: Town, hops: int, forwarded: str, known: str) -> None:
    app = create_members(Settings(proxy_hops=hops), town.stores.members, lambda: NOW)
    found: list[str] = []
    app.before_request(lambda: found.append(network()))
    app.test_client().get("/", headers={"X-Forwarded-For": forwarded})
    assert found == [known]


def test_a_new_password_needs_the_old_one_and_signs_out_elsewhere(town: Town) -> None:
    visitor, other = town.newcomer(), town.visitor()
    other.send("/sign-in", login=visitor.login, password=PASSWORD_NEW)
    refused = visitor.send("/me/account/password", current="not this one", password=NEW)
    assert refused.status_code == 403
    assert other.get("/me").status_code == 200
    assert visitor.send("/me/account/password", current=PASSWORD_NEW, password=NEW).location == "/me/account"
    assert "From now on you sign in with the new one." in visitor.text("/me/account")
    assert other.get("/me").status_code == 302


def test_where_one_is_signed_in_is_shown_and_ended(town: Town) -> None:
    visitor, other = town.newcomer(), town.visitor()
    assert "Another browser" not in visitor.text("/me/account")
    other.send("/sign-in", login=visitor.login, password=PASSWORD_NEW)
    page = visitor.text("/me/account")
    assert "This browser Since 18 November 2026, last used on 18 November 2026." in page
    assert "Another browser" in page
    visitor.send("/me/account/sessions/end", page="/me/account")
    assert "Another browser" not in visitor.text("/me/account")
    assert other.get("/me").status_code == 302


@pytest.mark.parametrize("path", [CARD, "/me/account/address"])
def test_a_browser_left_open_does_not_hand_over_the_account(town: Town, path: str) -> None:
    visitor = town.newcomer()
    token = visitor.send("/me/account/prove", current="not this one")
    assert token.status_code == 403
    grown_old(town, visitor)
    assert visitor.get(path).location == f"/me/account/prove?next={path}"
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', visitor.get("/me").get_data(as_text=True))
    assert found is not None
    for act in (CARD, "/me/account/address", "/me/account/address/remove", "/me/account/address/second-step"):
        answer = visitor.client.post(act, data={"csrf_token": unescape(found.group(1)), "address": ADDRESS})
        assert answer.status_code == 403, act
    back = visitor.send("/me/account/prove", current=PASSWORD_NEW, next=path)
    assert back.location == path
    assert visitor.get(path).status_code == 200


def test_the_language_is_kept_with_the_account(town: Town) -> None:
    visitor = town.newcomer()
    visitor.send("/me/account/language", page="/me/account", language="en")
    fresh = Visitor(town.members, "en")
    fresh.client.delete_cookie("vitaal_language")
    fresh.send("/sign-in", login=visitor.login, password=PASSWORD_NEW)
    assert "My account" in fresh.text("/me/account")


def test_a_session_in_use_does_not_end_and_one_left_alone_does(town: Town) -> None:
    now = NOW
    app = create_members(Settings(), town.stores.members, lambda: now)
    app.testing = True
    visitor = Visitor(app, "en")
    visitor.send("/join/DEMO", nickname="Sam", password=PASSWORD_NEW)
    for _ in range(4):
        now += timedelta(days=3)
        assert visitor.get("/me/account").status_code == 200
    now += timedelta(days=4)
    assert visitor.get("/me/account").status_code == 302


def test_over_https_cookies_belong_to_this_very_host(town: Town) -> None:
    client = town.members.test_client()
    page = client.get("/join/DEMO", base_url="https://localhost")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.get_data(as_text=True))
    assert token is not None
    answer = client.post(
        "/join/DEMO",
        data={"csrf_token": token.group(1), "nickname": "Sam", "password": PASSWORD_NEW},
        base_url="https://localhost",
        headers={"Referer": "https://localhost/join/DEMO"},
    )
    cookies = answer.headers.getlist("Set-Cookie")
    assert answer.status_code == 303
    assert {each.partition("=")[0] for each in cookies} == {"__Host-vitaal_member", "__Host-vitaal_member_form"}
    assert all("Secure" in each and "Path=/;" in f"{each};" and "Domain" not in each for each in cookies)
    assert client.get("/me/account", base_url="https://localhost").status_code == 200
    assert client.get("/me/account", base_url="http://localhost").status_code == 302


def test_nobody_reaches_the_account_pages_without_signing_in(town: Town) -> None:
    for path in ("/me/account", CARD, "/me/account/address", "/me/account/password", "/me/account/welcome"):
        assert town.visitor().get(path).location.startswith("/sign-in?next=")
    assert UUID(int=0) == people.NOBODY
