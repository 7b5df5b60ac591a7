"""Limits on what visitors try: counted before anything is checked, taken back where it succeeded.

A visitor's network is the /24 (IPv4) or /64 (IPv6) of the address; a digest of it is all that is kept.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network

from flask import request

from privacy.attempts import count_attempt, take_back
from privacy.errors import Invalid

from .desk import now, store

PREFIX_BITS = {4: 24, 6: 64}


class Counted:
    """Attempts that were counted: taken back where they succeed, unless somebody says otherwise."""

    kept = False

    def keep(self) -> None:
        """Let them count although nothing was refused."""
        self.kept = True


@contextmanager
def counted(**keys: str) -> Generator[Counted]:
    """Count an attempt of each kind, each with its key; where the block succeeds they are taken back.

    Raises: TooMany, before the block is entered.
    """
    at, counting = now(), Counted()
    for kind, key in keys.items():
        count_attempt(store(), kind, key, at)
    try:
        yield counting
    except Invalid as error:
        if error.field == "password":  # a new one that is too weak is no guess, and is refused before anything is read
            _take_back(keys, at)
        raise
    if not counting.kept:
        _take_back(keys, at)


def _take_back(keys: Mapping[str, str], at: datetime) -> None:
    for kind, key in keys.items():
        take_back(store(), kind, key, at)


def count(**keys: str) -> None:
    """Count an attempt of each kind for good. Raises TooMany."""
    for kind, key in keys.items():
        count_attempt(store(), kind, key, now())


def network() -> str:
    """The network from which this request came."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:  # a Unix socket, or a proxy that sent something else
        return "unknown"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ip_network((address, PREFIX_BITS[address.version]), strict=False))
