"""The erasure list: who was erased, beside the keys, in a file that only grows.

One JSON document a line: its number, the account, its subject, the day, and the SHA-256 of the line before with all of
this, so that a changed, dropped or swapped line shows. A line is on the disk before anything else of an erasure
happens; a line without its end was never acknowledged and does not count. The list is backed up apart from the
databases and tells nothing to who has no old database: the ids are random.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from privacy.errors import Conflict
from privacy.key_files import locked, make_durable

FILE = "erased.jsonl"
GENESIS = bytes(32)


class ListBroken(Conflict):
    """The list was altered, or is older than what depends on it: the sentence names it and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One erasure. subject: None where nobody could tell it any more. digest: of the list up to here."""

    number: int
    account: UUID
    subject: UUID | None
    on: date
    digest: bytes

    def line(self) -> bytes:
        """As it is written."""
        content = _content(self.number, self.account, self.subject, self.on)
        return json.dumps({**content, "digest": self.digest.hex()}).encode() + b"\n"


def _content(number: int, account: UUID, subject: UUID | None, on: date) -> dict[str, object]:
    return {"number": number, "account": account.hex, "subject": subject.hex if subject else None, "on": on.isoformat()}


def _digest(previous: bytes, content: dict[str, object]) -> bytes:
    return sha256(previous + json.dumps(content).encode()).digest()


class ErasureList:
    """The list in a folder of keys."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / FILE

    def read(self) -> Sequence[Entry]:
        """All entries, the oldest first. Raises ListBroken."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return self._entries(content)

    def append(self, account: UUID, subject: UUID | None, *, on: date) -> None:
        """Add an erasure, on the disk when this returns; nothing where it is on the list. Raises ListBroken."""
        with locked(self.directory / "wrapped", alone=True):  # not that of the folder, which a rotation keeps
            entries = self.read()
            if any(entry.account == account for entry in entries):
                return
            previous = entries[-1].digest if entries else GENESIS
            digest = _digest(previous, _content(len(entries) + 1, account, subject, on))
            whole = sum(len(entry.line()) for entry in entries)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                file.truncate(whole)  # away with a line that was never finished
                file.seek(whole)
                file.write(Entry(len(entries) + 1, account, subject, on, digest).line())
                file.flush()
                os.fsync(file.fileno())
            make_durable(self.directory)

    def _entries(self, content: bytes) -> list[Entry]:
        entries: list[Entry] = []
        previous = GENESIS
        for number, line in enumerate(content.split(b"\n")[:-1], 1):
            try:
                entry = _parsed(line)
            except (ValueError, KeyError, TypeError) as error:
                raise self._broken(number) from error
            wanted = _digest(previous, _content(number, entry.account, entry.subject, entry.on))
            if entry.number != number or entry.digest != wanted or entry.line() != line + b"\n":
                raise self._broken(number)
            entries.append(entry)
            previous = entry.digest
        return entries

    def _broken(self, number: int) -> ListBroken:
        return ListBroken(f"Line {number} of the erasure list {self.path} was altered: restore it from its backup.")


def _parsed(line: bytes) -> Entry:
    part = json.loads(line)
    subject = None if part["subject"] is None else UUID(part["subject"])
    on = date.fromisoformat(part["on"])
    return Entry(int(part["number"]), UUID(part["account"]), subject, on, bytes.fromhex(part["digest"]))
