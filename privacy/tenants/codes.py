"""Invitation codes as people type them: pure."""

import hashlib


def code_digest(code: str) -> bytes:
    """SHA-256 of a code: case, spaces and hyphens do not matter."""
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(plain.encode()).digest()
