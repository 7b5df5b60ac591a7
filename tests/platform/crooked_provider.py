"""An OpenID Connect provider on loopback that can be told to do what a broken or hostile one does."""

import json
import secrets
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

Change = Callable[[dict[str, Any]], None]


class CrookedProvider:
    """Answers codes with ID tokens. change_claims, change_discovery: what it alters; key, header: how it signs."""

    def __init__(self, address: str) -> None:
        self.issuer = address
        self.client = ("vitaal", "client-secret")
        self.own_key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self.key: Any = self.own_key
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.token: str | None = None
        self.change_claims: Change = lambda _claims: None
        self.change_discovery: Change = lambda _document: None
        self.asked: dict[str, dict[str, str]] = {}
        self.problems: list[str] = []

    def sign_in(self, address: str, subject: str = "anna") -> str:
        """What a browser does there: the address that it is sent back to."""
        parts = urlsplit(address)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        code = secrets.token_urlsafe(8)
        self.asked[code] = {**asked, "subject": subject}
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def discovery(self) -> dict[str, Any]:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }
        self.change_discovery(document)
        return document

    def exchange(self, form: dict[str, str], basic: str) -> dict[str, Any]:
        asked = self.asked.pop(form.get("code", ""), {})
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if asked.get("code_challenge") != challenge or asked.get("code_challenge_method") != "S256":
            self.problems.append("PKCE")
        if b64decode(basic).decode() != ":".join(self.client):
            self.problems.append("client")
        if asked.get("redirect_uri") != form.get("redirect_uri"):
            self.problems.append("redirect")
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": asked.get("subject"),
            "aud": self.client[0],
            "iat": now,
            "exp": now + 300,
            "nonce": asked.get("nonce"),
            "name": "Anna de Vries",
        }
        self.change_claims(claims)
        token = self.token or jwt.encode(self.header, claims, self.key, algorithms=["RS256", "HS256"])
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}


@contextmanager
def crooked_provider() -> Iterator[CrookedProvider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/.well-known/openid-configuration":
                self._answer(provider.discovery())
            elif self.path == "/jwks":
                self._answer({"keys": [provider.own_key.as_dict(private=False)]})
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(sent).items()}
            self._answer(provider.exchange(form, self.headers.get("Authorization", "").partition(" ")[2]))

        def _answer(self, document: dict[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = CrookedProvider(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
