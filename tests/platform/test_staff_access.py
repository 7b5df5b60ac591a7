"""The pages by which staff let each other in, look after their accounts and end access, on both stores."""

import re
from html import unescape
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from privacy.post.employers import Mail
from privacy.post.queueing import unseal
from privacy.principals import OPERATOR, Purpose, Role
from privacy.staff import add_staff
from privacy.staffing import people
from privacy.store import Store, transaction
from tests.platform.town import NOW, PASSWORD, Town, Visitor, alike, words_of
from vitaal.web.signing import PROVEN

LONG = "three words together"


def letters(store: Store) -> list[tuple[str | None, str, dict[str, str]]]:
    """Address, kind and values of every letter that waits."""
    with transaction(store, OPERATOR, Purpose.administration) as db:
        found = [unseal(store.keys, each.id, each.sealed) for each in db.scalars(select(Mail)) if each.sealed]
    return [(each.to, each.letter.kind, dict(each.letter.values)) for each in found]


def mailed_code(town: Town) -> str:
    """The one code that waits to be sent."""
    ((_, _, values),) = [each for each in letters(town.stores.employers) if each[1] == "staff_code"]
    return values["code"]


def another(code: str) -> str:
    return "000000" if code != "000000" else "000001"


def seat(town: Town, role: str) -> str:
    return f"{role}:{town.world.employers[0].hex}"


def invited(town: Town, by: Visitor, role: str, address: str = "") -> str:
    """The secret of a link that somebody made on the page."""
    answer = by.send("/staff/people", seat=seat(town, role), address=address)
    if address:
        assert answer.status_code == 303, words_of(answer)
        (link,) = [values["link"] for to, kind, values in letters(town.stores.employers) if to == address]
    else:
        found = re.search(r'<p class="code small">([^<]+)</p>', answer.get_data(as_text=True))
        assert found is not None, words_of(answer)
        link = unescape(found.group(1))
    assert link.startswith("http://localhost/staff/start#")
    return link.partition("#")[2]


def open_account(town: Town, token: str, login: str, password: str = LONG) -> Visitor:
    visitor = Visitor(town.employers, "en")
    page = visitor.send("/staff/start", token=token)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.get_data(as_text=True))
    assert found is not None
    data = {"csrf_token": found.group(1), "token": token, "name": login.title(), "login": login, "password": password}
    answer = visitor.client.post("/staff/start/account", data=data)
    assert answer.status_code == 200, words_of(answer)
    assert "Your account is open" in words_of(answer)
    return visitor


def account_called(town: Town, name: str) -> UUID:
    with transaction(town.stores.employers, OPERATOR, Purpose.administration) as db:
        (found,) = [each.id for each in people.colleagues(db, now=NOW) if each.name == name]
    return found


def test_hr_lets_in_a_colleague_by_a_link_handed_over(town: Town) -> None:
    hr = town.staff("vandijk")
    colleague = open_account(town, invited(town, hr, "hr"), "petra")
    assert "Petra" in colleague.text("/staff/people")
    assert "Report" in colleague.text("/hr")
    assert letters(town.stores.employers) == []


def test_a_link_by_mail_waits_for_the_address_and_that_account_needs_a_code(town: Town) -> None:
    hr = town.staff("vandijk")
    token = invited(town, hr, "payroll", "petra@vandijk.example")
    assert "petra@vandijk.example" in hr.text("/staff/people")
    open_account(town, token, "petra")
    again = Visitor(town.employers, "en")
    answer = again.send("/staff/sign-in", login="petra", password=LONG)
    assert answer.location == "/staff/sign-in/code"
    assert again.get("/staff/account").status_code == 302
    wrong = again.send("/staff/sign-in/code", code=another(mailed_code(town)))
    assert wrong.status_code == 403
    assert "This code does not fit" in words_of(wrong)
    assert again.send("/staff/sign-in/code", code=mailed_code(town)).status_code == 303
    assert "Petra" in again.text("/staff/account")


def test_the_sixth_wrong_code_is_refused_unread(town: Town) -> None:
    hr = town.staff("vandijk")
    open_account(town, invited(town, hr, "hr", "petra@vandijk.example"), "petra")
    visitor = Visitor(town.employers, "en")
    visitor.send("/staff/sign-in", login="petra", password=LONG)
    wrong = another(mailed_code(town))
    assert [visitor.send("/staff/sign-in/code", code=wrong).status_code for _ in range(5)] == [403] * 5
    visitor.send("/staff/sign-in", login="petra", password=LONG)
    answer = visitor.send("/staff/sign-in/code", code=wrong)
    assert answer.status_code == 429, "also in a new sign-in of the same account"
    assert int(answer.headers["Retry-After"]) > 0


def test_a_request_after_the_access_ended_is_answered_like_not_signed_in(town: Town) -> None:
    hr = town.staff("vandijk")
    colleague = open_account(town, invited(town, hr, "hr"), "petra")
    petra = account_called(town, "Petra")
    assert hr.send(f"/staff/people/{petra}/end", page=f"/staff/people/{petra}").status_code == 303
    nobody = Visitor(town.employers, "en")
    for path in ("/hr", "/staff/people", "/staff/account", "/staff"):
        ended, outside = (visitor.get(path) for visitor in (colleague, nobody))
        assert (ended.status_code, ended.location) == (302, outside.location)
        assert ended.location.startswith("/staff/sign-in?next=")
    assert "Petra" not in hr.text("/staff/people")


def test_a_request_after_the_role_changed_is_answered_like_not_signed_in(town: Town) -> None:
    hr = town.staff("vandijk")
    colleague = open_account(town, invited(town, hr, "hr"), "petra")
    petra = account_called(town, "Petra")
    hr.send(f"/staff/people/{petra}/role", page=f"/staff/people/{petra}", role="payroll")
    assert colleague.get("/hr").location.startswith("/staff/sign-in?next=")
    again = Visitor(town.employers, "en")
    again.send("/staff/sign-in", login="petra", password=LONG)
    assert again.get("/hr").status_code == 404
    assert "Wage tax" in again.text("/staff"), "payroll has its own pages"


def test_unknown_wrong_and_ended_sign_ins_have_the_same_bytes(town: Town) -> None:
    hr = town.staff("vandijk")
    open_account(town, invited(town, hr, "hr"), "petra")
    open_account(town, invited(town, hr, "hr", "otto@vandijk.example"), "ottoo")
    petra = account_called(town, "Petra")
    wrong = [("vandijk", "wrong password"), ("nobodyy", LONG), ("ottoo", "wrong password")]
    answers = [alike(Visitor(town.employers, "en").send("/staff/sign-in", login=n, password=p)) for n, p in wrong]
    hr.send(f"/staff/people/{petra}/end", page=f"/staff/people/{petra}")
    answers.append(alike(Visitor(town.employers, "en").send("/staff/sign-in", login="petra", password=LONG)))
    typed = ("vandijk", "nobodyy", "ottoo", "petra")
    assert len({text.replace(name, "") for name, (_, text) in zip(typed, answers, strict=True)}) == 1
    assert {status for status, _ in answers} == {403}


def test_the_last_of_hr_is_warned_and_goes_only_knowingly(town: Town) -> None:
    hr = town.staff("vandijk")
    own = account_called(town, "HR Van Dijk Logistiek")
    page = f"/staff/people/{own}"
    assert "Nobody else has this role here" in hr.text(page)
    refused = hr.send(f"{page}/end", page=page)
    assert refused.status_code == 409
    assert "Confirm that you want this" in words_of(refused)
    assert hr.get("/hr").status_code == 200
    assert hr.send(f"{page}/end", page=page, even_last="yes").status_code == 303
    assert hr.get("/hr").status_code == 302


def test_a_withdrawn_link_opens_nothing(town: Town) -> None:
    hr = town.staff("vandijk")
    token = invited(town, hr, "hr", "petra@vandijk.example")
    found = re.search(r'action="(/staff/people/links/[^"]+)"', hr.get("/staff/people").get_data(as_text=True))
    assert found is not None
    hr.send(found.group(1), page="/staff/people")
    answer = Visitor(town.employers, "en").send("/staff/start", token=token)
    assert answer.status_code == 422
    assert "has been used or is too old" in words_of(answer)


def test_a_seat_that_was_not_offered_is_refused(town: Town) -> None:
    hr = town.staff("vandijk")
    foreign = (f"hr:{town.world.employers[1].hex}", f"insurer:{town.world.holder.hex}", f"hr:{uuid4().hex}")
    for value in ("operator:", "insurer:", "hr:", "hr:zz", "", *foreign):
        assert hr.send("/staff/people", seat=value, address="").status_code in (404, 422), value
    assert letters(town.stores.employers) == []


def test_an_insurer_lets_in_hr_of_its_employers(town: Town) -> None:
    insurer = town.staff("zonzeker")
    words = insurer.text("/staff/people")
    assert "HR Van Dijk Logistiek" in words
    assert "HR Bakkerij De Korenaar" in words
    open_account(town, invited(town, insurer, "hr"), "petra")


def test_an_operator_begins_at_who_has_access_and_lets_in_anybody(town: Town) -> None:
    with transaction(town.stores.employers, OPERATOR, Purpose.administration) as db:
        add_staff(db, role=Role.operator, name="Olga", login="olga", password=PASSWORD)
    operator = town.staff("olga")
    assert operator.get("/staff").location == "/staff/people"
    open_account(town, invited(town, operator, "payroll"), "petra")
    answer = operator.send("/staff/people", seat="operator:", address="")
    assert "The link is ready" in words_of(answer)


def test_recovery_codes_are_shown_once_and_open_the_account(town: Town) -> None:
    hr = town.staff("vandijk")
    open_account(town, invited(town, hr, "hr", "petra@vandijk.example"), "petra")
    visitor = Visitor(town.employers, "en")
    visitor.send("/staff/sign-in", login="petra", password=LONG)
    visitor.send("/staff/sign-in/code", code=mailed_code(town))
    codes = re.findall(r"<li>([a-z0-9-]{14})</li>", visitor.send("/staff/account/codes", page="/staff/account").text)
    assert len(codes) == 10
    assert "You have 10 codes left" in visitor.text("/staff/account")
    assert codes[0] not in visitor.text("/staff/account")
    other = Visitor(town.employers, "en")
    other.send("/staff/sign-in", login="petra", password=LONG)
    assert other.send("/staff/sign-in/code", code=codes[0]).status_code == 303
    assert "You have 9 codes left" in other.text("/staff/account")


def test_another_password_keeps_this_browser_and_signs_out_the_others(town: Town) -> None:
    here, elsewhere = town.staff("vandijk"), town.staff("vandijk")
    assert here.send("/staff/account/password", page="/staff/account", old="wrong", password=LONG).status_code == 403
    assert here.send("/staff/account/password", page="/staff/account", old=PASSWORD, password=LONG).status_code == 303
    assert here.get("/staff/account").status_code == 200
    assert elsewhere.get("/staff/account").status_code == 302
    third = Visitor(town.employers, "en")
    third.send("/staff/sign-in", login="vandijk", password=LONG)
    here.send("/staff/account/others", page="/staff/account")
    assert third.get("/staff/account").status_code == 302
    assert here.get("/staff/account").status_code == 200


def test_foreign_and_unknown_accounts_have_the_same_page(town: Town) -> None:
    hr = town.staff("vandijk")
    foreign = account_called(town, "HR Bakkerij De Korenaar")
    for tail in ("", "/end", "/role"):
        found = [
            hr.send(f"/staff/people/{each}{tail}", page="/staff/people", role="hr")
            if tail
            else hr.get(f"/staff/people/{each}")
            for each in (foreign, uuid4())
        ]
        assert alike(found[0]) == alike(found[1])
        assert found[0].status_code == 404


def test_a_second_step_without_a_first_leads_to_the_start(town: Town) -> None:
    assert Visitor(town.employers, "en").get("/staff/sign-in/code").location == "/staff/sign-in"


@pytest.mark.parametrize("face", ["members", "employers"])
def test_whoever_finds_an_open_browser_makes_neither_a_passkey_nor_codes(town: Town, face: str) -> None:
    visitor, own = (town.newcomer(), "/me/account") if face == "members" else (town.staff("vandijk"), "/staff/account")
    token = visitor.field(f"{own}/passkeys", "csrf_token")
    with visitor.client.session_transaction() as kept:
        kept.pop(PROVEN)
    assert visitor.get(f"{own}/passkeys").status_code == 303
    for path in (f"{own}/passkeys", f"{own}/passkeys/options", f"{own}/passkeys/{uuid4()}/remove"):
        assert visitor.client.post(path, data={"csrf_token": token}).status_code == 303, path
    if face == "employers":
        answer = visitor.send("/staff/account/codes", page="/staff/account")
        assert answer.location.startswith("/staff/sign-in?next=")
