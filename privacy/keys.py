"""One key per person, kept outside the databases; what is sealed with it dies with it.

A directory holds ``operator.key`` (32 random bytes, base64) and ``wrapped/``: one file per person, its name the
person's account id, its content the person's key wrapped by the operator's key (AES key wrap, RFC 3394).
Sealing is AES-256-GCM with a random 96-bit nonce; the row's identity is bound as associated data, so that a sealed
value cannot be moved to another row. Destroying a person's key makes everything sealed with it unreadable,
also in write-ahead logs and backups of the databases.
"""

import base64
import hmac
import os
import secrets
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from privacy.errors import Conflict, Invalid, NotFound

KEY_BYTES = 32
NONCE_BYTES = 12


class KeysMissing(Invalid):
    """The operator's key is not where the settings say."""


class KeyDestroyed(NotFound):
    """The person's key does not exist (any more): what was sealed with it cannot be read by anybody."""


class Cipher:
    """Seals and opens with one key; obtained from ``KeyRing.cipher`` and not kept beyond a transaction."""

    __slots__ = ("_aead", "_key")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._aead = AESGCM(key)

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        """Nonce and ciphertext; ``context`` (table, column and row) must be the same when opening."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plaintext, context.encode())

    def open(self, sealed: bytes, *, context: str) -> bytes:
        """The plaintext. Raises Conflict where the value was altered or belongs to another row."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:  # the latter: too short to hold anything
            raise Conflict("A sealed value does not fit its row: the database was altered.") from error

    def digest(self, text: str, *, context: str) -> bytes:
        """16 bytes that only this key can compute: equal for equal texts, for finding without reading."""
        return hmac.new(self._key, f"{context}\0{text}".encode(), sha256).digest()[:16]


class KeyRing:
    """The keys of one store."""

    def __init__(self, directory: Path) -> None:
        """Open the keys in ``directory``. Raises KeysMissing."""
        self._wrapped = directory / "wrapped"
        path = directory / "operator.key"
        try:
            self._operator = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
        except (OSError, ValueError) as error:
            raise KeysMissing(
                f"The operator's key {path} is missing or unreadable: restore it from its backup."
            ) from error
        if len(self._operator) != KEY_BYTES:
            raise KeysMissing(f"The operator's key {path} does not have {KEY_BYTES} bytes: restore it from its backup.")
        self._own = Cipher(self._derive("operator"))
        self._lookup = self._derive("lookup")
        self._unwrap = lru_cache(maxsize=4096)(self._unwrap_uncached)

    @classmethod
    def create(cls, directory: Path) -> "KeyRing":
        """Make a new operator's key in ``directory`` and open it. Raises Conflict where one exists."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / "wrapped").mkdir(mode=0o700, exist_ok=True)
        path = directory / "operator.key"
        try:
            _write_once(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)))
        except FileExistsError as error:
            raise Conflict(f"There already is an operator's key in {directory}.") from error
        return cls(directory)

    def new_key(self, owner: UUID) -> Cipher:
        """Make the key of a new person. Raises Conflict where there is one."""
        key = secrets.token_bytes(KEY_BYTES)
        try:
            _write_once(self._path(owner), aes_key_wrap(self._operator, key))
        except FileExistsError as error:
            raise Conflict("This account already has a key.") from error
        return Cipher(key)

    def cipher(self, owner: UUID) -> Cipher:
        """The person's cipher. Raises KeyDestroyed."""
        path = self._path(owner)
        if not path.exists():  # asked every time: another process may have destroyed it
            raise KeyDestroyed("There is no such person.")
        return Cipher(self._unwrap(path))

    def destroy(self, owner: UUID) -> None:
        """Destroy the person's key for good; harmless to repeat."""
        path = self._path(owner)
        path.unlink(missing_ok=True)
        self._unwrap.cache_clear()
        if path.parent.is_dir():
            _make_durable(path.parent)  # a power cut must not bring the key back

    @property
    def operator(self) -> Cipher:
        """For what belongs to the installation rather than to a person, such as voucher codes not yet sold."""
        return self._own

    def lookup_digest(self, text: str, *, domain: str) -> bytes:
        """32 bytes by which a login name or code is found without being stored; one value per domain."""
        return hmac.new(self._lookup, f"{domain}\0{text}".encode(), sha256).digest()

    def _path(self, owner: UUID) -> Path:
        return self._wrapped / owner.hex[:2] / owner.hex

    def _unwrap_uncached(self, path: Path) -> bytes:
        try:
            return aes_key_unwrap(self._operator, path.read_bytes())
        except FileNotFoundError as error:
            raise KeyDestroyed("There is no such person.") from error
        except InvalidUnwrap as error:
            raise KeysMissing("A person's key was wrapped by another operator's key: restore the right one.") from error

    def _derive(self, purpose: str) -> bytes:
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"vitaal {purpose}".encode()).derive(self._operator)


def _write_once(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet, durable and readable by its owner only, or nothing at all."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # unlike rename, refuses to replace
    finally:
        temporary.unlink()
    _make_durable(path.parent)  # a store that survives a power cut must find its keys


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
