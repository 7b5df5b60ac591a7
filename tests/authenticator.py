"""A passkey device in software: makes credentials and answers questions as a browser would hand them on."""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def content(of: str) -> bytes:
    return urlsafe_b64decode(of + "=" * (-len(of) % 4))


@dataclass
class Credential:
    """One key pair, for one site and one account."""

    id: bytes
    key: ec.EllipticCurvePrivateKey
    rp_id: str
    handle: bytes
    count: int = 0


@dataclass
class Authenticator:
    """A device at an origin. flags: what it claims of its person."""

    origin: str
    flags: int = PRESENT | VERIFIED
    counts: bool = True
    held: list[Credential] = field(default_factory=list)

    def create(self, options: str) -> str:
        """Answer the options for a new passkey."""
        asked = json.loads(options)
        made = Credential(
            secrets.token_bytes(32),
            ec.generate_private_key(ec.SECP256R1()),
            asked["rp"]["id"],
            content(asked["user"]["id"]),
        )
        self.held.append(made)
        numbers = made.key.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = bytes(16) + len(made.id).to_bytes(2, "big") + made.id + public
        data = self._data(made, self.flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(made, "webauthn.create", asked["challenge"], {"attestationObject": text(attestation)})

    def get(self, options: str, credential: Credential | None = None) -> str:
        """Answer the options for signing in."""
        asked, used = json.loads(options), credential or self.held[-1]
        used.count += 1 if self.counts else 0
        data = self._data(used, self.flags)
        client = self._client("webauthn.get", asked["challenge"])
        signature = used.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        more = {"authenticatorData": text(data), "signature": text(signature), "userHandle": text(used.handle)}
        return self._answer(used, "webauthn.get", asked["challenge"], more)

    def _data(self, used: Credential, flags: int) -> bytes:
        return sha256(used.rp_id.encode()).digest() + bytes([flags]) + used.count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, used: Credential, kind: str, challenge: str, more: dict[str, Any]) -> str:
        response = {"clientDataJSON": text(self._client(kind, challenge)), **more}
        return json.dumps(
            {
                "id": text(used.id),
                "rawId": text(used.id),
                "type": "public-key",
                "clientExtensionResults": {},
                "response": response,
            }
        )
