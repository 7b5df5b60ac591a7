"""Speaking to an organisation's own sign-in (OpenID Connect, authorization code with PKCE): nothing else does.

What comes back counts only where its signature, issuer, audience, time and nonce are right. Every failure, also of the
network, is one refusal: whoever sees it learns nothing about accounts. No redirect is followed, no answer over 1 MB
is read, and every address is HTTPS or this machine.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from privacy.staffing.providers import ISSUER, Provider, ProviderRefused, Round

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures only: neither ``none`` nor a shared secret."""
TIMEOUT_S = 10
ANSWER_BYTES_MAX = 1_000_000
LEEWAY_S = 60
NAME = "Collega"
"""Of somebody whom the provider does not name; a colleague can be invited anew, a name is no proof of anything."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Whom a provider vouches for."""

    subject: str
    name: str


def way_out(trip: Round, *, back: str) -> str:
    """The address at the provider to which the browser goes. Raises ProviderRefused.

    back: our address to which it returns.
    """
    with _client() as client:
        found = _discover(client, trip.provider)
    uri = prepare_grant_uri(
        found["authorization_endpoint"],
        client_id=trip.provider.client_id,
        response_type="code",
        redirect_uri=back,
        scope="openid profile",
        state=trip.state,
        nonce=trip.nonce,
        code_challenge=create_s256_code_challenge(trip.verifier),
        code_challenge_method="S256",
    )
    return str(uri)


def verify(trip: Round, *, code: str, back: str, now: datetime) -> Verified:
    """Exchange the code that the browser brought back, and check what the provider says. Raises ProviderRefused."""
    with _client() as client:
        found = _discover(client, trip.provider)
        answer = _read(
            client,
            "POST",
            found["token_endpoint"],
            auth=(trip.provider.client_id, trip.provider.client_secret),
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": back,
                "code_verifier": trip.verifier,
                "client_id": trip.provider.client_id,
            },
        )
        keys = _read(client, "GET", found["jwks_uri"])
    return _verified(trip, answer, keys, now=now)


def _verified(trip: Round, answer: Mapping[str, Any], keys: Mapping[str, Any], *, now: datetime) -> Verified:
    try:
        token = jwt.decode(answer["id_token"], KeySet.import_key_set(cast("Any", keys)), algorithms=ALGORITHMS)
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": trip.provider.issuer},
                "aud": {"essential": True, "value": trip.provider.client_id},
                "sub": {"essential": True},
            },
            {
                "nonce": trip.nonce,
                "client_id": trip.provider.client_id,
                "access_token": answer.get("access_token"),
            },
        )
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_S)
        subject, name = claims["sub"], claims.get("name")
    except (JoseError, AuthlibBaseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProviderRefused from error
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
        raise ProviderRefused
    return Verified(subject, name if isinstance(name, str) and name.strip() else NAME)


def _client() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, headers={"Accept": "application/json"})


def _discover(client: httpx.Client, provider: Provider) -> Mapping[str, Any]:
    """The provider's own description, which must be of the issuer that was configured (mix-up, issuer swap)."""
    found = _read(client, "GET", f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != provider.issuer:
        raise ProviderRefused
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        address = found.get(name)
        if not isinstance(address, str) or not ISSUER.match(address):
            raise ProviderRefused
    return found


def _read(client: httpx.Client, method: str, address: str, **options: Any) -> Mapping[str, Any]:
    """The JSON object at an address. Raises ProviderRefused."""
    try:
        with client.stream(method, address, **options) as answer:
            content = b""
            for part in answer.iter_bytes():
                content += part
                if len(content) > ANSWER_BYTES_MAX:
                    raise ProviderRefused
            read: Any = json.loads(content) if answer.is_success else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ProviderRefused from error
    if not isinstance(read, dict):
        raise ProviderRefused
    return cast("Mapping[str, Any]", read)
