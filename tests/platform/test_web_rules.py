"""Rules that hold for every page of both faces."""

import re
import subprocess
import sys
from io import BytesIO
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug.routing import Rule

from admin.contracts import add_holder
from privacy.principals import OPERATOR, Purpose, Role
from privacy.staff import add_staff
from privacy.store import transaction
from tests.platform.town import PASSWORD, Town, Visitor, alike
from vitaal.web.access import AGAIN, ROLES, local_path

OWN_SCRIPT = re.compile(r'<script src="(?:/staff)?/static/(passkeys|one-time)\.js\?v=[0-9a-f]{10}" defer></script>')
STAFF_OUTSIDE = ("/staff/sign-in", "/staff/sign-in/passkey", "/staff/start", "/staff/organisation")
WITH_SCRIPT = {
    "/sign-in",
    "/sign-in/passkey",
    "/me/account/passkeys",
    "/staff/sign-in",
    "/staff/sign-in/passkey",
    "/staff/start",
    "/staff/account/passkeys",
}
"""The only pages on which a script may run: one of our own two."""
MISSING = {"code": "NOSUCHCODE", "key": "no-such-programme", "filename": "no-such-file", "year": 1999, "number": 1}


@pytest.fixture
def dialect() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


def path_of(app: Flask, rule: Rule) -> str:
    values = {name: MISSING.get(name, str(uuid4())) for name in rule.arguments}
    with app.test_request_context():
        return str(app.url_map.bind("localhost").build(rule.endpoint, values))


def rules(app: Flask, *, of: Role | None = None) -> list[Rule]:
    found = [rule for rule in app.url_map.iter_rules() if rule.endpoint in app.view_functions]
    if of is None:
        return found
    return [rule for rule in found if of in getattr(app.view_functions[rule.endpoint], ROLES)]


def methods(rule: Rule) -> set[str]:
    return (rule.methods or set()) & {"GET", "POST"}


def test_every_route_declares_who_may_call_it(town: Town) -> None:
    for app in (town.members, town.employers):
        for rule in rules(app):
            assert hasattr(app.view_functions[rule.endpoint], ROLES), rule


def test_a_route_without_a_declaration_is_not_answered(town: Town) -> None:
    view = town.members.view_functions["today.today_page"]
    bare = lambda: "secret"  # noqa: E731
    town.members.view_functions["today.today_page"] = bare
    try:
        with pytest.raises(AttributeError):
            town.newcomer().get("/me")
    finally:
        town.members.view_functions["today.today_page"] = view


def test_a_refused_form_is_shown_again_only_to_those_who_may_open_its_page(town: Town) -> None:
    for app in (town.members, town.employers):
        for view in app.view_functions.values():
            page = getattr(view, AGAIN, None)
            if page is not None:
                assert getattr(page, ROLES) == getattr(view, ROLES)


def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_comes_back(town: Town) -> None:
    for app, sign_in in ((town.members, "/sign-in"), (town.employers, "/staff/sign-in")):
        closed = [rule for rule in rules(app) if getattr(app.view_functions[rule.endpoint], ROLES)]
        assert closed
        for rule in closed:
            for method in methods(rule):
                answer = app.test_client().open(path_of(app, rule), method=method)
                assert answer.status_code == 302, rule
                assert answer.location.startswith(f"{sign_in}?next="), rule
    visitor = town.newcomer()
    visitor.client.delete_cookie("vitaal_member", path="/me")
    answer = visitor.get("/me/shop?page=2", follow_redirects=False)
    back = visitor.send(
        "/sign-in", page=answer.location, login=visitor.login, password="three words together", next="/me/shop?page=2"
    )
    assert back.location == "/me/shop?page=2"


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "", "me", "/a\nb"])
def test_signing_in_never_leads_elsewhere(wanted: str) -> None:
    assert local_path(wanted, otherwise="/me") == "/me"


def staff_of_every_role(town: Town) -> dict[Role, Visitor]:
    with transaction(town.stores.employers, OPERATOR, Purpose.administration) as db:
        add_staff(
            db, role=Role.payroll, name="Pay", login="payroll", password=PASSWORD, employer=town.world.employers[0]
        )
        add_staff(db, role=Role.operator, name="Op", login="operator", password=PASSWORD)
    return {
        Role.hr: town.staff("vandijk"),
        Role.insurer: town.staff("zonzeker"),
        Role.payroll: town.staff("payroll"),
        Role.operator: town.staff("operator"),
    }


def test_every_route_answers_every_other_role_like_a_missing_page(town: Town) -> None:
    for role, visitor in staff_of_every_role(town).items():
        missing = alike(visitor.get("/staff/nowhere"))
        for rule in rules(town.employers):
            roles = getattr(town.employers.view_functions[rule.endpoint], ROLES)
            if not roles or role in roles or "GET" not in methods(rule):
                continue
            assert alike(visitor.get(path_of(town.employers, rule))) == missing, (role, rule)


def test_foreign_and_unknown_ids_answer_alike(town: Town) -> None:
    sam, kim = town.newcomer("sam"), town.newcomer("kim")
    sam.send(town.programme, choice="six-thousand")
    bought = sam.send(f"/me/shop/{town.voucher}", order=str(uuid4())).location
    assert sam.get(bought).status_code == 200
    batch = str(uuid4())
    header = b"Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed\n7,11/18/2026 12:00:00 AM,1,400,450\n"
    sam.send("/me/data/import", page="/me/data", batch=batch, file=(BytesIO(header), "sleep.csv"))
    assert sam.get(f"/me/data/imports/{batch}").status_code == 200
    for own, kind in ((bought, "/me/shop/orders/"), (f"/me/data/imports/{batch}", "/me/data/imports/")):
        foreign, unknown = kim.get(own), kim.get(f"{kind}{uuid4()}")
        assert foreign.status_code == 404
        assert alike(foreign) == alike(unknown)


def test_every_address_with_an_id_answers_404_for_an_unknown_one(town: Town) -> None:
    member, insurer = town.newcomer(), town.staff("zonzeker")
    for app, visitor, role in ((town.members, member, Role.member), (town.employers, insurer, Role.insurer)):
        for rule in rules(app, of=role):
            if rule.arguments and "GET" in methods(rule):
                assert visitor.get(path_of(app, rule)).status_code == 404, rule


def test_another_insurer_finds_nothing_of_this_collective(town: Town) -> None:
    with transaction(town.stores.employers, OPERATOR, Purpose.administration) as db:
        other = add_holder(db, name="Anders")
        add_staff(db, role=Role.insurer, name="A", login="anders", password=PASSWORD, holder=other.id)
    visitor = town.staff("anders")
    for tail in ("move-and-rest", "take-a-break", "move-and-rest/amount?path=rewards.rules[0].bands[0].coins"):
        foreign = visitor.get(f"/insurer/programmes/{town.world.collective}/{tail}")
        unknown = visitor.get(f"/insurer/programmes/{uuid4()}/{tail}")
        assert foreign.status_code == 404
        assert alike(foreign) == alike(unknown)
    assert "You have no collective yet" in visitor.text("/insurer")


def test_a_form_without_its_token_changes_nothing_and_is_shown_again(town: Town) -> None:
    visitor = town.newcomer()
    answer = visitor.client.post("/me/steps", data={"steps": "4000", "batch": str(uuid4())})
    assert answer.status_code == 400
    assert "Nothing is known yet" in visitor.text("/me/data")


def pages(town: Town) -> list[tuple[str, Visitor]]:
    member, hr, insurer = town.newcomer(), town.staff("vandijk"), town.staff("zonzeker")
    member.send(town.programme, choice="six-thousand")
    programme = f"/insurer/programmes/{town.world.collective}/move-and-rest"
    return [
        *((path, town.visitor()) for path in ("/", "/join", "/join/DEMO", "/sign-in", "/nowhere")),
        *((path, member) for path in ("/me", "/me/programmes", town.programme, f"{town.programme}/leave")),
        *((path, member) for path in ("/me/coins", "/me/shop", f"/me/shop/{town.voucher}", "/me/data")),
        ("/me/employer-view", member),
        ("/hr", hr),
        ("/hr/people", hr),
        *((path, town.visitor()) for path in ("/sign-in/passkey",)),
        ("/me/account/passkeys", member),
        *((path, Visitor(town.employers, "en")) for path in STAFF_OUTSIDE),
        *((path, hr) for path in ("/staff/people", "/staff/account", "/staff/account/passkeys")),
        ("/staff/people", insurer),
        ("/insurer", insurer),
        ("/insurer/programmes", insurer),
        (programme, insurer),
        (f"{programme}/amount?path=rewards.rules[0].bands[0].coins", insurer),
    ]


def test_every_page_keeps_to_its_own_origin_without_styles_in_it_and_runs_at_most_our_own_script(town: Town) -> None:
    for path, visitor in pages(town):
        answer = visitor.get(path)
        body = answer.get_data(as_text=True)
        assert answer.status_code == (404 if path == "/nowhere" else 200), path
        scripts = OWN_SCRIPT.findall(body)
        body = OWN_SCRIPT.sub("", body)
        assert bool(scripts) == (path in WITH_SCRIPT), path
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", body), path
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', body), path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert f"script-src {chr(39)}{'self' if scripts else 'none'}{chr(39)};" in policy, path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_every_page_has_its_landmarks_one_heading_and_names_for_its_fields(town: Town) -> None:
    for path, visitor in pages(town):
        body = visitor.get(path).get_data(as_text=True)
        assert re.search(r'<html lang="en">', body), path
        assert body.count("<main ") == body.count("<h1") == 1, path
        assert 'href="#main"' in body, path
        ids = re.findall(r'\sid="([^"]+)"', body)
        assert len(ids) == len(set(ids)), path
        for kind, name in re.findall(r'<input(?=[^>]*type="(\w+)")(?=[^>]*\sid="([^"]+)")[^>]*>', body):
            assert kind == "hidden" or f'for="{name}"' in body, (path, name)
        for target in re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', body):
            assert all(each in ids for each in target.split()), (path, target)


def test_the_first_page_with_everything_it_needs_is_under_100_kb(town: Town) -> None:
    visitor = town.visitor()
    answer = visitor.get("/")
    assets = re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.get_data(as_text=True))
    assert assets
    total = len(answer.data)
    for asset in assets:
        found = visitor.get(asset.replace("&amp;", "&"), buffered=True)
        assert found.status_code == 200
        assert "immutable" in found.headers["Cache-Control"]
        total += len(found.data)
    assert total < 100_000


def test_session_cookies_go_to_their_own_face_only_and_are_closed_to_scripts(town: Town) -> None:
    visitor = town.newcomer()
    answer = visitor.send("/sign-in", login=visitor.login, password="three words together")
    cookies = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith("vitaal_member=")]
    assert sorted(re.search(r"Path=([^;]+)", each).group(1) for each in cookies) == ["/me", "/sign-out"]  # type: ignore[union-attr]
    assert all("HttpOnly" in each and "SameSite=Lax" in each and "Secure" not in each for each in cookies)
    staff = Visitor(town.employers, "en").send("/staff/sign-in", login="vandijk", password=PASSWORD)
    cookies = [each for each in staff.headers.getlist("Set-Cookie") if each.startswith("vitaal_staff=")]
    assert sorted(re.search(r"Path=([^;]+)", each).group(1) for each in cookies) == ["/hr", "/insurer", "/staff"]  # type: ignore[union-attr]


def test_over_https_cookies_are_secure_and_browsers_told_to_stay_there(town: Town) -> None:
    client = town.members.test_client()
    page = client.get("/sign-in", base_url="https://localhost")
    assert "Strict-Transport-Security" in page.headers
    assert all("Secure" in each for each in page.headers.getlist("Set-Cookie"))


def test_signing_out_ends_the_session_itself_and_not_only_the_cookie(town: Town) -> None:
    visitor = town.newcomer()
    kept = visitor.client.get_cookie("vitaal_member", path="/me")
    assert kept is not None
    visitor.send("/sign-out", page="/me")
    visitor.client.set_cookie("vitaal_member", kept.value, path="/me")
    assert visitor.get("/me").status_code == 302


def test_each_face_says_that_it_lives_and_is_ready(town: Town) -> None:
    for app in (town.members, town.employers):
        for path in ("/healthz", "/readyz"):
            assert app.test_client().get(path).status_code == 200


def test_a_failing_page_says_so_without_its_insides(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.members.testing = False
    view = town.members.view_functions["joining.home_page"]

    secret = "@".join(("anna", "example.org"))

    def broken() -> str:
        raise ValueError(secret)

    setattr(broken, ROLES, frozenset())
    town.members.view_functions["joining.home_page"] = broken
    answer = town.visitor().get("/")
    town.members.view_functions["joining.home_page"] = view
    assert answer.status_code == 500
    assert "our fault" in answer.get_data(as_text=True)
    assert secret not in answer.get_data(as_text=True)
    assert secret not in caplog.text
    assert "ValueError" in caplog.text


@pytest.mark.parametrize(
    ("face", "store"),
    [("members", "privacy.store.employers"), ("employers", "privacy.store.members")],
)
def test_a_face_loads_nothing_of_the_other_store(face: str, store: str) -> None:
    code = f"import sys, vitaal.app, vitaal.faces.{face}; sys.exit({store!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
