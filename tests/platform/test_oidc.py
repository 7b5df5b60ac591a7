"""Signing in through the own organisation, against real providers on loopback: a sound one and a crooked one."""

import hmac
import html
import json
import re
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from privacy import staff
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.principals import OPERATOR, VISITOR, Principal, Purpose, Role
from privacy.staff import Seat
from privacy.staffing import links, people, providers
from privacy.store import Store, transaction
from tests.factories import Company, declared_company
from tests.platform.crooked_provider import CrookedProvider, crooked_provider
from tests.platform.town import Visitor, words_of
from vitaal.app import create_employers
from vitaal.commands.serve import utc_now
from vitaal.settings import Settings

REFUSED = "Signing in through your organisation did not work."


@dataclass
class Place:
    """An employer with a sign-in of its own, and the face that its staff use."""

    store: Store
    company: Company
    issuer: str

    def __post_init__(self) -> None:
        self.app = create_employers(Settings(), self.store, utc_now)
        self.app.testing = True

    def add(
        self, slug: str, *, issuer: str | None = None, company: Company | None = None, at_insurer: bool = False
    ) -> UUID:
        company = company or self.company
        with transaction(self.store, OPERATOR, Purpose.administration) as db:
            return providers.add_provider(
                db,
                slug=slug,
                issuer=issuer or self.issuer,
                client_id="vitaal",
                client_secret="client-secret",
                employer=self.company.employer,
                now=utc_now(),
            )

    def link(self, company: Company | None = None) -> str:
        seat = Seat(role=Role.hr, employer=(company or self.company).employer)
        with transaction(self.store, OPERATOR, Purpose.administration) as db:
            return links.invite(db, seat, address=None, locale="en", now=utc_now())

    def visitor(self) -> Visitor:
        return Visitor(self.app, "en")

    def way_out(self, visitor: Visitor, slug: str = "jansen", link: str | None = None) -> str:
        """The address at the provider."""
        if link is None:
            answer = visitor.get(f"/staff/organisation/{slug}")
        else:
            page = visitor.send("/staff/start", token=link).get_data(as_text=True)
            found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
            assert found is not None
            assert "Sign in through your organisation" in page
            answer = visitor.client.post("/staff/organisation/link", data={"csrf_token": found.group(1), "token": link})
        assert answer.status_code == 200, words_of(answer)
        found = re.search(r'<a class="button" href="([^"]+)"', answer.get_data(as_text=True))
        assert found is not None
        return html.unescape(found.group(1))

    def come_back(self, visitor: Visitor, address: str) -> TestResponse:
        parts = urlsplit(address)
        assert parts.path == "/staff/organisation/back"
        return visitor.get(f"{parts.path}?{parts.query}")

    def accounts(self) -> list[people.Colleague]:
        with transaction(self.store, OPERATOR, Purpose.administration) as db:
            return people.colleagues(db, now=utc_now())


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/staff/account").status_code == 200


def refused(answer: TestResponse) -> bool:
    return answer.status_code == 403 and REFUSED in words_of(answer)


# A sound provider


@pytest.fixture(scope="module")
def sound() -> Iterator[str]:
    """The address of oidc-provider-mock, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                httpx.get(f"{address}/.well-known/openid-configuration")
                break
            except httpx.TransportError:
                assert process.poll() is None, "the provider did not start"
                time.sleep(0.1)
        yield address
        process.terminate()


def at_sound(address: str, subject: str) -> str:
    return httpx.post(address, data={"sub": subject}, follow_redirects=False).headers["location"]


def test_a_one_time_link_binds_the_account_and_the_next_time_it_opens(employers: Store, sound: str) -> None:
    place = Place(employers, declared_company(employers), sound)
    place.add("jansen")
    newcomer = place.visitor()
    answer = place.come_back(newcomer, at_sound(place.way_out(newcomer, link=place.link()), "anna@firm.example"))
    assert answer.status_code == 303, words_of(answer)
    assert is_in(newcomer)
    (account,) = place.accounts()
    assert account.role is Role.hr
    assert account.organisation == "Bakkerij Jansen"
    again = place.visitor()
    assert place.come_back(again, at_sound(place.way_out(again), "anna@firm.example")).status_code == 303
    assert is_in(again)


def test_somebody_whom_the_provider_knows_and_nobody_let_in_stays_out(employers: Store, sound: str) -> None:
    place = Place(employers, declared_company(employers), sound)
    place.add("jansen")
    stranger = place.visitor()
    assert refused(place.come_back(stranger, at_sound(place.way_out(stranger), "stranger@firm.example")))
    assert not is_in(stranger)
    assert place.accounts() == []


def test_whoever_refuses_at_the_provider_gets_the_same_answer(employers: Store, sound: str) -> None:
    place = Place(employers, declared_company(employers), sound)
    place.add("jansen")
    visitor = place.visitor()
    location = httpx.post(place.way_out(visitor), data={"action": "deny"}).headers["location"]
    state = re.search(r"state=([^&]+)", place.way_out(visitor))
    assert state is not None
    assert "error=access_denied" in location
    parts = urlsplit(location)
    assert refused(visitor.get(f"/staff/organisation/back?{parts.query}&state={state.group(1)}"))


# A crooked one


@pytest.fixture
def crooked() -> Iterator[CrookedProvider]:
    with crooked_provider() as provider:
        yield provider


@pytest.fixture
def place(employers: Store, crooked: CrookedProvider) -> Place:
    found = Place(employers, declared_company(employers), crooked.issuer)
    found.add("jansen")
    return found


def bound(place: Place, crooked: CrookedProvider, subject: str = "anna") -> Principal:
    """An account that this subject opens."""
    visitor = place.visitor()
    answer = place.come_back(visitor, crooked.sign_in(place.way_out(visitor, link=place.link()), subject))
    assert answer.status_code == 303, words_of(answer)
    (account,) = [each for each in place.accounts() if not each.is_self]
    return Principal(role=Role.hr, account=account.id, employer=place.company.employer)


def attempt(place: Place, crooked: CrookedProvider, slug: str = "jansen") -> tuple[Visitor, TestResponse]:
    visitor = place.visitor()
    return visitor, place.come_back(visitor, crooked.sign_in(place.way_out(visitor, slug)))


def test_a_round_carries_pkce_state_and_nonce_and_asks_for_little(place: Place, crooked: CrookedProvider) -> None:
    bound(place, crooked)
    address = place.way_out(place.visitor())
    for part in ("code_challenge_method=S256", "code_challenge=", "state=", "nonce=", "scope=openid+profile&"):
        assert part in f"{address}&", part
    assert "email" not in address
    visitor, answer = attempt(place, crooked)
    assert answer.status_code == 303
    assert is_in(visitor)
    assert crooked.problems == [], "verifier, client and return address fit"


def wrong(**claims: Any) -> Any:
    return lambda found: found.update(claims)


WRONG = {
    "a foreign nonce": wrong(nonce="another"),
    "a missing nonce": lambda found: found.pop("nonce"),
    "a foreign audience": wrong(aud="somebody-else"),
    "a list of audiences without us": wrong(aud=["a", "b"], azp="vitaal"),
    "another authorized party": wrong(aud=["vitaal", "other"], azp="other"),
    "a missing audience": lambda found: found.pop("aud"),
    "a foreign issuer": wrong(iss="https://evil.example"),
    "an expired token": lambda found: found.update(exp=int(time.time()) - 120, iat=int(time.time()) - 900),
    "a token from tomorrow": wrong(iat=int(time.time()) + 86_400),
    "a token without an end": lambda found: found.pop("exp"),
    "no subject": lambda found: found.pop("sub"),
    "an empty subject": wrong(sub=""),
    "a subject that is no text": wrong(sub=7),
    "another subject": wrong(sub="bert"),
    "another subject with the same address": wrong(sub="bert", email="anna@firm.example", email_verified=True),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_wrong_token_is_refused(place: Place, crooked: CrookedProvider, change: Any) -> None:
    bound(place, crooked)
    crooked.change_claims = change
    visitor, answer = attempt(place, crooked)
    assert refused(answer)
    assert not is_in(visitor)


def forged(crooked: CrookedProvider) -> None:
    crooked.key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)


def unsigned(crooked: CrookedProvider) -> None:
    crooked.token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm5hIn0."


def symmetric(crooked: CrookedProvider) -> None:
    """Signed with the provider's public key as if it were a shared secret (RFC 8725, 2.1)."""
    claims = {"iss": crooked.issuer, "sub": "anna", "aud": "vitaal", "exp": int(time.time()) + 300}
    parts = [json.dumps(each).encode() for each in ({"alg": "HS256", "kid": "one"}, claims)]
    signed = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = hmac.new(crooked.own_key.as_pem(private=False), signed, "sha256").digest()
    crooked.token = f"{signed.decode()}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def gibberish(crooked: CrookedProvider) -> None:
    crooked.token = "not.a.token"


@pytest.mark.parametrize("twist", [forged, unsigned, symmetric, gibberish])
def test_a_token_that_the_provider_did_not_sign_is_refused(place: Place, crooked: CrookedProvider, twist: Any) -> None:
    bound(place, crooked)
    twist(crooked)
    assert refused(attempt(place, crooked)[1])


def test_the_right_token_for_another_round_is_refused(place: Place, crooked: CrookedProvider) -> None:
    bound(place, crooked)
    taken: list[str] = []
    visitor = place.visitor()
    address = crooked.sign_in(place.way_out(visitor))
    now = int(time.time())
    code = re.search(r"code=([^&]+)", address)
    assert code is not None
    claims = {"iss": crooked.issuer, "sub": "anna", "aud": "vitaal", "iat": now, "exp": now + 300}
    claims["nonce"] = crooked.asked[code.group(1)]["nonce"]
    taken.append(jwt.encode({"alg": "RS256", "kid": "one"}, claims, crooked.own_key))
    assert place.come_back(visitor, address).status_code == 303
    crooked.token = taken[0]
    assert refused(attempt(place, crooked)[1])


def test_an_issuer_that_calls_itself_otherwise_is_refused(place: Place, crooked: CrookedProvider) -> None:
    bound(place, crooked)
    for change in (
        wrong(issuer="https://evil.example"),
        wrong(token_endpoint="http://evil.example/token"),
        wrong(jwks_uri="file:///etc/passwd"),
        wrong(authorization_endpoint="javascript:alert(1)"),
        lambda found: found.pop("jwks_uri"),
    ):
        crooked.change_discovery = change
        answer = place.visitor().get("/staff/organisation/jansen")
        assert refused(answer), change


def test_another_provider_that_says_the_same_subject_opens_nothing(place: Place, crooked: CrookedProvider) -> None:
    bound(place, crooked)
    with crooked_provider() as other:
        place.add("evil", issuer=other.issuer)
        visitor, answer = attempt(place, other, "evil")
        assert refused(answer)
        assert not is_in(visitor)


def test_a_provider_whose_issuer_was_changed_opens_earlier_accounts_no_more(
    place: Place, crooked: CrookedProvider, employers: Store
) -> None:
    bound(place, crooked)
    with crooked_provider() as other:
        with employers.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE staff_provider SET issuer = '{other.issuer}'")
        assert refused(attempt(place, other)[1])


def test_the_provider_of_one_organisation_opens_no_account_of_another(
    place: Place, crooked: CrookedProvider, employers: Store
) -> None:
    foreign = declared_company(employers)
    link = place.link(foreign)
    visitor = place.visitor()
    with transaction(employers, VISITOR, Purpose.authentication) as db:
        assert providers.provider_for_link(db, link, now=utc_now()) is None
        trip = providers.begin_round(db, "jansen", link=link, now=utc_now())
    with (
        pytest.raises(providers.ProviderRefused),
        transaction(employers, VISITOR, Purpose.authentication) as db,
    ):
        providers.enter_verified(db, trip, subject="anna", name="A", locale="nl", now=utc_now())
    assert not is_in(visitor)
    account = bound(place, crooked)
    with employers.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE staff_provider SET employer = '{_sql(employers, foreign.employer)}'")
    assert account.account is not None
    assert refused(attempt(place, crooked)[1]), "the account stayed where it was"


def _sql(store: Store, value: UUID) -> str:
    return value.hex if store.dialect == "sqlite" else str(value)


def test_an_account_that_has_ended_is_not_opened(place: Place, crooked: CrookedProvider, employers: Store) -> None:
    account = bound(place, crooked)
    assert account.account is not None
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        people.end_access(db, account.account, now=utc_now(), even_last=True)
    assert refused(attempt(place, crooked)[1])


def test_an_identity_that_survives_in_the_table_opens_no_ended_account(
    place: Place, crooked: CrookedProvider, employers: Store
) -> None:
    account = bound(place, crooked)
    with employers.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE staff SET ended_at = '2026-01-01 00:00:00'")
    assert account.account is not None
    visitor, answer = attempt(place, crooked)
    assert refused(answer)
    assert not is_in(visitor)


def test_somebody_who_is_bound_already_gets_no_second_account(place: Place, crooked: CrookedProvider) -> None:
    bound(place, crooked)
    visitor = place.visitor()
    link = place.link()
    assert refused(place.come_back(visitor, crooked.sign_in(place.way_out(visitor, link=link))))
    assert len(place.accounts()) == 1
    other = place.visitor()
    assert place.come_back(other, crooked.sign_in(place.way_out(other, link=link), "bert")).status_code == 303


def test_the_way_back_serves_once_and_in_the_browser_that_left(place: Place, crooked: CrookedProvider) -> None:
    bound(place, crooked)
    visitor = place.visitor()
    address = crooked.sign_in(place.way_out(visitor))
    assert refused(place.come_back(place.visitor(), address)), "another browser"
    (code, asked), *_ = crooked.asked.items()
    crooked.asked["code-again"] = asked
    assert place.come_back(visitor, address).status_code == 303
    with visitor.client.session_transaction() as kept:
        kept["round"] = re.search(r"state=([^&]+)", address).group(1)  # type: ignore[union-attr]
    assert refused(place.come_back(visitor, address.replace(code, "code-again")))
    for query in ("", "state=x", "code=x", "state=&code="):
        assert refused(place.visitor().get(f"/staff/organisation/back?{query}"))


def test_an_answer_that_names_another_issuer_is_refused(place: Place, crooked: CrookedProvider) -> None:
    bound(place, crooked)
    visitor = place.visitor()
    address = crooked.sign_in(place.way_out(visitor))
    assert refused(place.come_back(visitor, f"{address}&iss=https%3A%2F%2Fevil.example"))


def test_a_provider_that_is_gone_and_a_name_that_is_unknown_answer_alike(place: Place, employers: Store) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place.add("gone", issuer=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        answers = [place.visitor().get(f"/staff/organisation/{slug}") for slug in ("gone", "unknown")]
    assert all(refused(answer) for answer in answers)


def test_an_account_of_the_provider_alone_has_no_password_and_loses_its_sessions_with_it(
    place: Place, crooked: CrookedProvider, employers: Store
) -> None:
    account = bound(place, crooked)
    visitor, _ = attempt(place, crooked)
    assert account.account is not None
    with transaction(employers, account, Purpose.authentication) as db:
        assert not staff.has_password(db, account.account)
        with pytest.raises(Conflict):
            staff.change_password(db, account.account, old="", new="three words together")
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        providers.remove_provider(db, "jansen")
        with pytest.raises(NotFound):
            providers.remove_provider(db, "jansen")
    assert not is_in(visitor)


@pytest.mark.parametrize(
    ("slug", "issuer"),
    [
        ("x", "https://id.example"),
        ("Jansen", "https://id.example"),
        ("jansen/x", "https://id.example"),
        ("jansen", "http://id.example"),
        ("jansen", "http://localhost.evil.example"),
        ("jansen", "https://id.example?x=1"),
        ("jansen", "https://user@id.example"),
        ("jansen", "file:///etc/passwd"),
    ],
)
def test_a_name_or_an_issuer_that_cannot_be_is_refused(employers: Store, slug: str, issuer: str) -> None:
    company = declared_company(employers)
    with pytest.raises(Invalid):
        Place(employers, company, issuer).add(slug)


def test_only_an_operator_sets_an_organisations_sign_in(employers: Store) -> None:
    company = declared_company(employers)
    hr = Principal(role=Role.hr, employer=company.employer)
    with transaction(employers, hr, Purpose.administration) as db:
        with pytest.raises(Forbidden):
            providers.add_provider(
                db,
                slug="mine",
                issuer="https://id.example",
                client_id="x",
                client_secret="y",
                employer=company.employer,
                now=utc_now(),
            )
        for call in (providers.providers, lambda db: providers.remove_provider(db, "mine")):
            with pytest.raises(Forbidden):
                call(db)


def test_members_have_no_sign_in_through_anybody() -> None:
    code = "import sys, vitaal.faces.members; sys.exit(any('oidc' in n or 'authlib' in n for n in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
