"""A real mail server on loopback that keeps what it takes, and certificates that tests trust."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "a secret, for the mail server"


class MailHost:
    """What the server took, and how it behaves.

    answers: what it says to a recipient instead of 250. hang_up: recipients after whose letter the line breaks, before
    the server says that it took it. slow_s: how long it thinks about a letter at most.
    """

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[tuple[str, bytes]] = []
        self.greetings: set[str] = set()
        self.answers: dict[str, str] = {}
        self.hang_up: set[str] = set()
        self.slow_s = 0.0
        self._chance = Random(7)

    @property
    def times(self) -> Counter[str]:
        """How often each recipient got a letter."""
        return Counter(to for to, _ in self.taken)

    def letter(self, number: int = -1) -> EmailMessage:
        """One letter as a mail program reads it."""
        read = message_from_bytes(self.taken[number][1], policy=policy.default)
        assert isinstance(read, EmailMessage)
        return read

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        self.greetings.add(str(session.host_name))
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self._chance.random() * self.slow_s)
        assert isinstance(envelope.content, bytes)
        (to,) = envelope.rcpt_tos
        self.taken.append((to, envelope.content))
        if to in self.hang_up:
            server.transport.abort()
        await asyncio.sleep(self._chance.random() * self.slow_s)
        return "250 OK"


def _knows(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"vitaal", PASSWORD.encode())
    return AuthResult(success=known, handled=False)


@contextmanager
def mail_host(*, implicit: ssl.SSLContext | None = None, **options: Any) -> Iterator[MailHost]:
    """A server that runs for the length of a block. options: of aiosmtpd's SMTP."""
    host = MailHost()
    with socket.create_server(("127.0.0.1", 0)) as free:
        host.port = free.getsockname()[1]
    options.setdefault("enable_SMTPUTF8", True)
    controller = Controller(host, hostname="127.0.0.1", port=host.port, ssl_context=implicit, **options)
    controller.start()
    try:
        yield host
    finally:
        controller.stop()


AUTHENTICATED: dict[str, Any] = {"authenticator": _knows, "auth_required": True}


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for 127.0.0.1, and the file with the authority to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, private = folder / "ca.pem", folder / "key.pem"
    authority.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority, private)
    return context, authority
