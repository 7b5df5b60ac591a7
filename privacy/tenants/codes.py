"""Invitation codes as people type them: pure."""

import hashlib


def plain_code(code: str) -> str:
    """A code as compared: case, spaces and hyphens do not matter."""
    return "".join(code.split()).replace("-", "").upper()


def code_digest(code: str) -> bytes:
    """SHA-256 of a code as compared."""
    return hashlib.sha256(plain_code(code).encode()).digest()
