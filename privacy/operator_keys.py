"""The operator's key: what wraps every other key. Where it lives is its own affair.

Two forms. ``FileKey``: 32 random bytes in a file, base64, wrapping with AES key wrap (RFC 3394). ``ServiceKey``: the
file only says where a key service listens and what the key is called there (``unix:/run/keys.sock#vitaal``); the
key itself never comes here. The service reads one JSON document a line, ``{"do": "wrap"|"unwrap", "key": NAME,
"bytes": BASE64}``, and answers ``{"bytes": BASE64}`` or ``{"error": TEXT}``: a few lines in front of any KMS.
"""

import base64
import json
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from privacy.errors import Conflict, Invalid

KEY_BYTES = 32
SERVICE_PREFIX = "unix:"
SERVICE_SECONDS = 10
ANSWER_BYTES_MAX = 65_536


class KeysMissing(Invalid):
    """The operator's key is missing, unreadable or the wrong one: the sentence names the place and what to do."""


class WrongKey(Exception):
    """What was wrapped was wrapped by another key, or altered."""


class OperatorKey(Protocol):
    """One version of the operator's key."""

    def wrap(self, key: bytes) -> bytes:
        """A key of 16 bytes or more (a multiple of 8) as it may be stored. Raises KeysMissing."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key again. Raises WrongKey, KeysMissing."""
        ...


class FileKey:
    """The key in a file."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def wrap(self, key: bytes) -> bytes:
        """Wrap a key."""
        return aes_key_wrap(self.key, key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Unwrap a key."""
        try:
            return aes_key_unwrap(self.key, wrapped)
        except (InvalidUnwrap, ValueError) as error:
            raise WrongKey from error


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A key that a service on this host holds."""

    socket_path: str
    name: str

    def wrap(self, key: bytes) -> bytes:
        """Let the service wrap a key."""
        return self._ask("wrap", key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Let the service unwrap a key."""
        return self._ask("unwrap", wrapped)

    def _ask(self, do: str, content: bytes) -> bytes:
        question = {"do": do, "key": self.name, "bytes": base64.b64encode(content).decode()}
        try:
            answer = json.loads(self._answer(json.dumps(question).encode() + b"\n"))
            if "error" not in answer:
                return base64.b64decode(answer["bytes"], validate=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise KeysMissing(f"The key service at {self.socket_path} does not answer: start it.") from error
        if do == "unwrap":
            raise WrongKey
        raise KeysMissing(f"The key service at {self.socket_path} refuses the key {self.name}: look into its log.")

    def _answer(self, question: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(SERVICE_SECONDS)
            line.connect(self.socket_path)
            line.sendall(question)
            answer = b""
            while not answer.endswith(b"\n") and len(answer) < ANSWER_BYTES_MAX and (part := line.recv(4096)):
                answer += part
        return answer


def new_content(place: str | None) -> bytes:
    """What to write for a new operator's key: a new one in the file itself, or where its service is.

    place: ``unix:SOCKET#NAME`` or None. Raises Invalid.
    """
    if place is None:
        return base64.b64encode(secrets.token_bytes(KEY_BYTES))
    if _service(place) is None:
        raise Invalid("A key service is written as unix:/path/to/socket#name.", field="key")
    return place.encode()


def read_key(path: Path) -> OperatorKey:
    """The key that a file holds or points to. Raises KeysMissing; the sentence never tells what the file holds."""
    try:
        text = path.read_text(encoding="ascii").strip()
        if (service := _service(text)) is not None:
            return service
        key = base64.b64decode(text, validate=True)
    except (OSError, ValueError) as error:
        raise KeysMissing(f"The operator's key {path} is missing or unreadable: restore it from its backup.") from error
    if len(key) != KEY_BYTES:
        raise KeysMissing(f"The operator's key {path} does not have {KEY_BYTES} bytes: restore it from its backup.")
    return FileKey(key)


def _service(text: str) -> ServiceKey | None:
    if not text.startswith(SERVICE_PREFIX):
        return None
    path, _, name = text.removeprefix(SERVICE_PREFIX).partition("#")
    return ServiceKey(path, name) if path.startswith("/") and name else None


def prove(key: OperatorKey) -> None:
    """Raise Conflict or KeysMissing unless the key gives back what it wrapped: before anything depends on it."""
    probe = secrets.token_bytes(KEY_BYTES)
    try:
        if key.unwrap(key.wrap(probe)) == probe:
            return
    except WrongKey:
        pass
    raise Conflict("The new operator's key does not give back what it wrapped: nothing was changed.")
