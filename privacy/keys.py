"""One key per person, kept outside the databases; what is sealed with it dies with it.

A folder holds the operator's key, the installation's own secrets and one file per person, each wrapped by the
operator's key (``key_folder``); the operator's key itself lies in a file or with a key service (``operator_keys``).
Sealing is AES-256-GCM with a random 96-bit nonce; the row's identity is bound as associated data, so that a sealed
value cannot be moved to another row. Destroying a person's key makes everything sealed with it unreadable,
also in write-ahead logs and backups of the databases.

The operator's key can be renewed while processes run (``key_rotation``): a ring that meets a version it does not know
looks into its folder again. Digests by which logins and codes are found depend on a secret that outlives rotations;
what is sealed for the installation is sealed with the newest secret and opens with any.
"""

import hmac
import os
import secrets
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from privacy.errors import Conflict, NotFound
from privacy.key_files import locked, make_durable, replace, write_once
from privacy.key_folder import FIRST_SEAL, LOOKUP, KeyFolder, joined, split
from privacy.operator_keys import KEY_BYTES, KeysMissing, new_content, prove, read_key

__all__ = ["Cipher", "KeyDestroyed", "KeyRing", "KeysMissing"]

NONCE_BYTES = 12


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


class _OperatorCipher(Cipher):
    """The installation's own: seals with the newest secret, opens with any, digests with the first."""

    __slots__ = ("_ring",)

    def __init__(self, ring: "KeyRing") -> None:
        self._ring = ring
        super().__init__(ring.own_secrets()[-1])

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        return Cipher(self._ring.own_secrets()[0]).seal(plaintext, context=context)

    def open(self, sealed: bytes, *, context: str) -> bytes:
        try:
            return self._open(sealed, context)
        except Conflict:
            self._ring.look_again()  # another process may have renewed the secret since
            return self._open(sealed, context)

    def _open(self, sealed: bytes, context: str) -> bytes:
        newest, *older = self._ring.own_secrets()
        for secret in older:
            try:
                return Cipher(secret).open(sealed, context=context)
            except Conflict:
                continue
        return Cipher(newest).open(sealed, context=context)


class KeyRing:
    """The keys of one store."""

    def __init__(self, directory: Path) -> None:
        """Open the keys in ``directory``. Raises KeysMissing."""
        self.directory = directory
        self._folder = KeyFolder(directory)
        self._opened = self._folder.open()
        self._unwrap = lru_cache(maxsize=4096)(self._unwrap_uncached)

    @classmethod
    def create(cls, directory: Path, *, place: str | None = None) -> "KeyRing":
        """Make a new operator's key and the installation's secrets in ``directory`` and open them.

        place: where a key service has the operator's key (``unix:/path/to/socket#name``); None: in a file here.
        Raises: Conflict where there are keys, Invalid and KeysMissing for a place that does not serve.
        """
        folder = KeyFolder(directory)
        for path in (directory, folder.wrapped, folder.secrets):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(directory, alone=True):
            if folder.versions():
                raise Conflict(f"There already is an operator's key in {directory}.")
            if next(folder.people(), None) is not None:
                raise Conflict(f"There are keys in {directory} and their operator's key is lost: restore it.")
            content = new_content(place)
            draft = directory / ".operator.key.new"
            replace(draft, content)
            key = read_key(draft)
            prove(key)
            for name in (LOOKUP, FIRST_SEAL):
                replace(folder.secrets / name, joined(1, key.wrap(secrets.token_bytes(KEY_BYTES))))
            make_durable(folder.secrets)
            draft.rename(folder.operator_path(1))
            make_durable(directory)
        return cls(directory)

    def new_key(self, owner: UUID) -> Cipher:
        """Make the key of a new person. Raises Conflict where there is one."""
        key = secrets.token_bytes(KEY_BYTES)
        with locked(self._folder.wrapped, alone=False):
            if self._folder.versions() != sorted(self._opened.keys):  # a rotation has begun or ended
                self.look_again()
            newest = self._opened.newest
            wrapped = self._opened.keys[newest].wrap(key)
            try:
                write_once(self._folder.path(owner), joined(newest, wrapped, bare=self._opened.derived))
            except FileExistsError as error:
                raise Conflict("This account already has a key.") from error
        return Cipher(key)

    def cipher(self, owner: UUID) -> Cipher:
        """The person's cipher. Raises KeyDestroyed."""
        if not self.has(owner):  # asked every time: another process may have destroyed it
            raise KeyDestroyed("There is no such person.")
        return Cipher(self._unwrap(self._folder.path(owner)))

    def has(self, owner: UUID) -> bool:
        """Whether the person's key exists."""
        return self._folder.path(owner).exists()

    def destroy(self, owner: UUID) -> None:
        """Destroy the person's key for good; harmless to repeat."""
        path = self._folder.path(owner)
        with locked(self._folder.wrapped, alone=False):
            path.unlink(missing_ok=True)
            self._unwrap.cache_clear()
            if path.parent.is_dir():
                for half_written in path.parent.glob(f".{path.name}.*"):  # by a process that was killed
                    half_written.unlink(missing_ok=True)
                make_durable(path.parent)  # a power cut must not bring the key back

    @property
    def operator(self) -> Cipher:
        """For what belongs to the installation rather than to a person, such as voucher codes not yet sold."""
        return _OperatorCipher(self)

    def own_secrets(self) -> list[bytes]:
        """The installation's sealing secrets, the newest first: for ``operator``."""
        return self._opened.seals

    def lookup_digest(self, text: str, *, domain: str) -> bytes:
        """32 bytes by which a login name or code is found without being stored; one value per domain."""
        return hmac.new(self._opened.secrets[LOOKUP], f"{domain}\0{text}".encode(), sha256).digest()

    def look_again(self) -> None:
        """Read the folder anew: another process may be renewing the operator's key. Raises KeysMissing."""
        self._opened = self._folder.open()

    def _unwrap_uncached(self, path: Path) -> bytes:
        try:
            version, wrapped = split(path.read_bytes())
        except FileNotFoundError as error:
            raise KeyDestroyed("There is no such person.") from error
        if version not in self._opened.keys:
            self.look_again()
        if version not in self._opened.keys:
            raise KeysMissing(
                f"The operator's key that wrapped the keys in {self.directory} is missing: restore it from its backup."
            )
        return self._folder.unwrap(self._opened.keys, version, wrapped)
