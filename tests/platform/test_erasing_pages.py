"""Deleting one's account on the pages: said plainly, asked once more, and over for every browser."""

import pytest

from privacy.erasure_list import ErasureList
from tests.platform.town import Town, Visitor

PAGE = "/me/data/erase"


def test_the_page_says_what_is_lost_and_asks_for_a_tick(town: Town) -> None:
    sam = town.newcomer()
    text = sam.text(PAGE)
    for said in ("What is gone for good", "What stays", "Take my data with me first", "Old copies of the keys"):
        assert said in text
    answer = sam.send(PAGE)
    assert answer.status_code == 422
    assert "Tick the box if you are sure." in answer.get_data(as_text=True)
    assert sam.get("/me/account").status_code == 200


def test_a_member_who_is_sure_is_gone_from_every_browser(town: Town) -> None:
    sam = town.newcomer()
    other = Visitor(town.members, "en")
    other.send("/sign-in", login=sam.login, password="three words together")
    assert other.get("/me/account").status_code == 200
    answer = sam.send(PAGE, sure="yes")
    assert (answer.status_code, answer.location) == (303, "/erased")
    assert "Your data cannot be opened any more" in sam.text("/erased")
    for browser in (sam, other):
        assert browser.get("/me/account").status_code == 302
    refused = Visitor(town.members, "en").send("/sign-in", login=sam.login, password="three words together")
    assert refused.status_code in (400, 403, 422)
    assert len(ErasureList(town.stores.members.keys.directory).read()) >= 1


def test_a_browser_that_was_left_open_is_asked_for_the_password(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    from vitaal.web import signing

    sam = town.newcomer()
    form = sam.field(PAGE, "csrf_token")
    monkeypatch.setattr(signing, "PROVEN_SECONDS", -1)
    for answer in (sam.get(PAGE), sam.client.post(PAGE, data={"csrf_token": form, "sure": "yes"})):
        assert answer.status_code == 303
        assert answer.location.startswith("/me/account/prove")
    assert sam.get("/me/account").status_code == 200


def test_the_page_after_it_is_the_same_for_everybody(town: Town) -> None:
    assert town.visitor().get("/erased").status_code == 200
