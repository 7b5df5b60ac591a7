"""The SMTP server of the settings, read from an address like ``smtp://user:password@host:587``. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from privacy.errors import Invalid

PORTS = {"smtp": 587, "smtps": 465}


class Tls(StrEnum):
    """How the way to the server is protected."""

    starttls = "starttls"
    implicit = "implicit"
    none = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A server that takes letters."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    """File with the certificate authority to trust instead of the system's."""


def mail_server(url: str) -> MailServer:
    """Read the address. Raises Invalid, which never repeats it: it may hold a password."""
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, parts.hostname
    except ValueError:
        _refuse()
    if parts.scheme not in PORTS or not host or parts.path not in ("", "/") or parts.fragment:
        _refuse()
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if options.keys() - {"tls", "ca"}:
        _refuse()
    server = MailServer(
        host=host,
        port=port or PORTS[parts.scheme],
        tls=_tls(parts.scheme, options.get("tls")),
        user=_unquoted(parts, "username"),
        password=_unquoted(parts, "password"),
        ca=options.get("ca"),
    )
    if (server.user is None) != (server.password is None):
        _refuse()
    if server.user is not None and server.tls is Tls.none and not _is_this_machine(host):
        raise Invalid("A password may not travel to another machine without TLS: leave tls=none out.")
    return server


def _tls(scheme: str, option: str | None) -> Tls:
    if option not in (None, *Tls) or (scheme == "smtps" and option not in (None, Tls.implicit)):
        _refuse()
    return Tls(option) if option is not None else Tls.implicit if scheme == "smtps" else Tls.starttls


def _unquoted(parts: SplitResult, name: str) -> str | None:
    value: str | None = getattr(parts, name)
    return unquote(value) if value else None


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse() -> NoReturn:
    raise Invalid("The mail server's address must look like smtp://user:password@host:587.")
