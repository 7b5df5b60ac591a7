"""Signatures of the installation: Ed25519 (RFC 8032), the private keys kept with the others outside the databases.

A store's folder of keys holds ``signing/N``, a private key made when the operator's key had version N, wrapped like
everything else there. The first is made when something is signed for the first time; renewing the operator's key adds
another (``key_rotation``), which signs from then on. Older ones stay, so that what they signed can still be
recognised as ours. Who has the public key checks a signature with any tool; nothing of ours is needed.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from privacy.errors import Conflict, Invalid
from privacy.key_files import locked, make_durable, write_once
from privacy.key_folder import KeyFolder, joined, split
from privacy.keys import KeyRing
from privacy.operator_keys import KEY_BYTES

ALGORITHM = "Ed25519"
PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64


class SignatureWrong(Conflict):
    """A signature does not belong to what was signed, or to the key."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One private key; not kept beyond what it signs."""

    number: int
    _key: Ed25519PrivateKey

    @property
    def public(self) -> str:
        """The public key: 64 hexadecimal digits."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, content: bytes) -> str:
        """The signature: 128 hexadecimal digits, always the same for the same content."""
        return self._key.sign(content).hex()


def signed_bytes(said: Mapping[str, Any]) -> bytes:
    """What the signature of a document is over: JSON with sorted keys, nothing between the tokens, in UTF-8."""
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def signing_key(ring: KeyRing) -> SigningKey:
    """The key that signs now, made where there is none. Raises KeysMissing."""
    folder = KeyFolder(ring.directory)
    if not folder.signing_files():
        _make_first(folder)
    return _opened(folder, folder.signing_files()[-1])


def public_keys(ring: KeyRing) -> dict[int, str]:
    """The public keys of everything that was ever signed here, by number; the last signs now."""
    folder = KeyFolder(ring.directory)
    return {found.number: found.public for found in (_opened(folder, path) for path in folder.signing_files())}


def check_signature(content: bytes, *, signature: str, public_key: str) -> None:
    """Pass where the signature is that of this content by this key. Raises SignatureWrong, Invalid (not written so)."""
    key = Ed25519PublicKey.from_public_bytes(_unhex(public_key, PUBLIC_BYTES, "public_key"))
    try:
        key.verify(_unhex(signature, SIGNATURE_BYTES, "signature"), content)
    except InvalidSignature as error:
        raise SignatureWrong(
            "The signature does not fit: the text was changed, or another key signed it.", field="signature"
        ) from error


def public_pem(public_key: str) -> str:
    """A public key in the form that other tools take (PEM)."""
    key = Ed25519PublicKey.from_public_bytes(_unhex(public_key, PUBLIC_BYTES, "public_key"))
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _make_first(folder: KeyFolder) -> None:
    with locked(folder.wrapped, alone=False):  # or a rotation could pass over it
        opened = folder.open()
        content = joined(opened.newest, opened.keys[opened.newest].wrap(secrets.token_bytes(KEY_BYTES)))
        folder.signing.mkdir(mode=0o700, exist_ok=True)
        try:
            write_once(folder.signing / str(opened.newest), content)
        except FileExistsError:  # another process has just made it
            return
        make_durable(folder.directory)


def _opened(folder: KeyFolder, path: Path) -> SigningKey:
    keys = folder.open().keys
    version, wrapped = split(path.read_bytes())
    if version not in keys:  # a rotation has wrapped it anew meanwhile
        keys = folder.open().keys
        version, wrapped = split(path.read_bytes())
    seed = folder.unwrap(keys, version, wrapped)
    return SigningKey(int(path.name), Ed25519PrivateKey.from_private_bytes(seed))


def _unhex(text: str, length: int, field: str) -> bytes:
    try:
        found = bytes.fromhex(text.strip())
    except ValueError:
        found = b""
    if len(found) != length:
        what = field.replace("_", " ")
        raise Invalid(f"The {what} is written as {2 * length} hexadecimal digits.", field=field)
    return found
