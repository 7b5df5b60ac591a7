"""The folder of a store's keys: which files there are, what they hold, and which operator's key wrapped them.

``operator.key`` is the operator's key of version 1, ``operator.2.key`` that of version 2 and so on; more than one is
there only while a rotation is under way. ``secrets/`` holds the installation's own secrets, ``signing/`` the keys that
sign, where there are any, and ``wrapped/`` one file per person, its name the person's account id. Each of these begins
with a line that names the version of the operator's key that wraps it; a bare file of 40 bytes is of version 1. A
folder without ``secrets/`` is of the first kind: its secrets are derived from the operator's key, until a rotation
writes them down.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from privacy.operator_keys import KEY_BYTES, FileKey, KeysMissing, OperatorKey, WrongKey, read_key

LOOKUP = "lookup"
FIRST_SEAL = "seal-1"
_DERIVED = {LOOKUP: "lookup", FIRST_SEAL: "operator"}
_OPERATOR = re.compile(r"operator(?:\.([2-9]|[1-9]\d+))?\.key")
_HEADER = re.compile(rb"vitaal-key ([1-9]\d{0,8})\n")
BARE_BYTES = KEY_BYTES + 8
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Opened:
    """What opens everything else: the operator's keys by version, and the installation's secrets by name."""

    keys: Mapping[int, OperatorKey]
    secrets: Mapping[str, bytes]
    derived: bool = False
    """Whether the secrets follow from the operator's key and stand in no file."""

    @property
    def newest(self) -> int:
        """The version that wraps whatever is new."""
        return max(self.keys)

    @property
    def seals(self) -> list[bytes]:
        """The installation's sealing keys, the newest first."""
        names = [name for name in self.secrets if name != LOOKUP]
        return [self.secrets[name] for name in sorted(names, key=seal_number, reverse=True)]


def seal_number(name: str) -> int:
    """The number of a sealing secret by its name."""
    return int(name.removeprefix("seal-"))


class _Moved(Exception):
    """The folder changed while it was read."""


class KeyFolder:
    """One store's folder of keys."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.wrapped = directory / "wrapped"
        self.secrets = directory / "secrets"
        self.signing = directory / "signing"

    def operator_path(self, version: int) -> Path:
        """The file of one version of the operator's key."""
        return self.directory / ("operator.key" if version == 1 else f"operator.{version}.key")

    def versions(self) -> list[int]:
        """The versions of the operator's key that are there, the oldest first."""
        try:
            names = [path.name for path in self.directory.iterdir()]
        except OSError:
            return []
        return sorted(int(found[1] or 1) for name in names if (found := _OPERATOR.fullmatch(name)))

    def path(self, owner: UUID) -> Path:
        """The file of one person's key."""
        return self.wrapped / owner.hex[:2] / owner.hex

    def people(self) -> Iterator[Path]:
        """The files of all persons' keys."""
        for folder in sorted(self.wrapped.iterdir()):
            for path in sorted(folder.iterdir()):
                if not path.name.startswith("."):
                    yield path

    def secret_files(self) -> list[Path]:
        """The files of the installation's secrets."""
        if not self.secrets.is_dir():
            return []
        return sorted(path for path in self.secrets.iterdir() if not path.name.startswith("."))

    def signing_files(self) -> list[Path]:
        """The files of the keys that sign, by their numbers; none until something is signed."""
        if not self.signing.is_dir():
            return []
        return sorted((path for path in self.signing.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))

    def open(self) -> Opened:
        """Read the operator's keys and the secrets. Raises KeysMissing."""
        for _ in range(_TRIES):
            try:
                return self._open()
            except _Moved:
                continue
        raise KeysMissing(
            f"The operator's key that wrapped the keys in {self.directory} is missing: restore it from its backup."
        )

    def _open(self) -> Opened:
        keys: dict[int, OperatorKey] = {}
        for version in self.versions() or [1]:
            try:
                keys[version] = read_key(self.operator_path(version))
            except KeysMissing:
                if version in self.versions() or not self.versions():
                    raise
                raise _Moved from None  # a rotation has just removed it
        if not self.wrapped.is_dir():
            raise KeysMissing(f"The folder {self.wrapped} of people's keys is missing: restore it from its backup.")
        secrets = {path.name: self._unwrapped(path, keys) for path in self.secret_files()}
        if not secrets:
            return Opened(keys, self._derived(keys), derived=True)
        if not {LOOKUP, FIRST_SEAL} <= secrets.keys():
            raise self._secrets_missing()
        return Opened(keys, secrets)

    def _secrets_missing(self) -> KeysMissing:
        return KeysMissing(f"Files of the folder {self.secrets} are missing: restore it from its backup.")

    def _derived(self, keys: Mapping[int, OperatorKey]) -> dict[str, bytes]:
        """The secrets of a folder of the first kind; its operator's key is tried on a person's."""
        first = keys.get(1)
        if first is None and not self.secret_files():
            raise self._secrets_missing()
        if first is None:
            raise _Moved  # a rotation has just written them down
        path = next(self.people(), None)
        if not isinstance(first, FileKey):
            raise self._secrets_missing()
        if path is not None:
            if len(keys) == 1 and not self._is_bare(path):
                raise self._secrets_missing()
            self._unwrapped(path, keys)
        return {name: _derive(purpose, first.key) for name, purpose in _DERIVED.items()}

    def _is_bare(self, path: Path) -> bool:
        try:
            return path.stat().st_size == BARE_BYTES
        except FileNotFoundError as error:
            raise _Moved from error

    def _unwrapped(self, path: Path, keys: Mapping[int, OperatorKey]) -> bytes:
        try:
            version, wrapped = split(path.read_bytes())
        except FileNotFoundError as error:
            raise _Moved from error
        if version not in keys:
            raise _Moved
        return self.unwrap(keys, version, wrapped)

    def unwrap(self, keys: Mapping[int, OperatorKey], version: int, wrapped: bytes) -> bytes:
        """Unwrap a key. Raises KeysMissing where another operator's key wrapped it."""
        try:
            return keys[version].unwrap(wrapped)
        except WrongKey as error:
            raise KeysMissing(
                f"The operator's key {self.operator_path(version)} is not the one that wrapped the keys beside it: "
                "restore the right one from its backup."
            ) from error


def split(content: bytes) -> tuple[int, bytes]:
    """The version of the operator's key, and what it wrapped. Raises KeysMissing for what is no such file."""
    if len(content) == BARE_BYTES:
        return 1, content
    header = _HEADER.match(content)
    if header is None:
        raise KeysMissing("A file among the keys is damaged: restore the keys from their backup.")
    return int(header[1]), content[header.end() :]


def joined(version: int, wrapped: bytes, *, bare: bool = False) -> bytes:
    """The content of a file of a wrapped key; bare: as folders of the first kind have it."""
    if bare and version == 1:
        return wrapped
    return b"vitaal-key %d\n%s" % (version, wrapped)


def _derive(purpose: str, key: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"vitaal {purpose}".encode()).derive(key)
