"""Invitation codes as people type them, and new ones: what a code is, never whose."""

import hashlib
import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: without I, L, O and U."""
SHARED_CHARACTERS = 8
SINGLE_CHARACTERS = 16
"""80 random bits: too many to guess online, and to search for a stolen digest."""
GROUP = 4
_MISREAD = str.maketrans("OIL", "011")


def plain_code(code: str) -> str:
    """A code as compared: case, spaces and hyphens do not matter."""
    return "".join(code.split()).replace("-", "").upper()


def code_digest(code: str) -> bytes:
    """SHA-256 of a code as compared."""
    return hashlib.sha256(plain_code(code).encode()).digest()


def code_digests(code: str) -> set[bytes]:
    """The digests under which a typed code may be known: as typed, and with O, I and L read as 0 and 1."""
    return {code_digest(code), code_digest(plain_code(code).translate(_MISREAD))}


def new_code(characters: int) -> str:
    """A random code in groups of four; each character carries five bits."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(characters))
    return "-".join(letters[start : start + GROUP] for start in range(0, characters, GROUP))
