"""A chain of keyed digests: each link covers the one before it and its own content. Pure.

The key lives outside the database, so that nobody who can write to the database alone can make a changed history look
whole: a link that was altered, dropped or swapped fits neither its content nor its neighbours. What this cannot show is
that the last links were dropped: for that a head noted elsewhere is compared.
"""

from collections.abc import Sequence
from hashlib import blake2b

DIGEST_BYTES = 32
GENESIS = bytes(DIGEST_BYTES)
"""What stands before the first link."""


def link(secret: bytes, previous: bytes, content: bytes) -> bytes:
    """The digest of a link after ``previous``: keyed BLAKE2b."""
    hashing = blake2b(previous, digest_size=DIGEST_BYTES, key=secret)
    hashing.update(content)
    return hashing.digest()


def framed(fields: Sequence[bytes | None]) -> bytes:
    """Fields as bytes that no other fields share: each with its length, a missing one with a length of its own."""
    return b"".join(b"\xff\xff\xff\xff" if each is None else len(each).to_bytes(4, "big") + each for each in fields)
