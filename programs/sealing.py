"""What is sealed of a source record, and the two keyed digests by which it is recognised. Pure.

``Sealed.key`` is equal for all versions of one source record, ``Sealed.content`` for equal versions only.
"""

import json
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from privacy.keys import Cipher
from programs.imports.records import Record

encode_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
"""Compact JSON: the same text for the same values."""


class Sealed(NamedTuple):
    """A record as the store keeps it."""

    key: bytes
    content: bytes
    sealed: bytes


class Sealer:
    """Seals and opens the records of one subject; a sealed part cannot be moved to another record or subject."""

    __slots__ = ("_cipher", "_context")

    def __init__(self, subject: UUID, cipher: Cipher) -> None:
        self._cipher = cipher
        self._context = f"observation.sealed:{subject}"

    def seal(self, record: Record) -> Sealed:
        """Digest and seal one record."""
        key, content = self.recognise(record)
        payload = _payload(record).encode()
        return Sealed(key, content, self._cipher.seal(payload, context=f"{self._context}:{key.hex()}"))

    def recognise(self, record: Record) -> tuple[bytes, bytes]:
        """The digests of one record: the same for all of its versions, and for equal versions only."""
        identity = record.source_id if record.source_id is not None else f"{record.start_ms}/{record.end_ms}"
        name = f"{record.metric}\0{record.app}\0{record.device_name}\0{identity}"
        key = self._cipher.digest(name, context="observation.record")
        # A correction may change day or provenance alone, which stand plain in the row: they are content all the same.
        content = f"{record.local_day}{record.manual}{_payload(record)}"
        return key, self._cipher.digest(content, context="observation.content")

    def open(self, sealed: bytes, *, key: bytes, metric: str, local_day: date, manual: bool) -> Record:
        """The record again, from its row. Raises Conflict where the row was altered."""
        part = json.loads(self._cipher.open(sealed, context=f"{self._context}:{key.hex()}"))
        return Record(
            metric=metric,
            local_day=local_day,
            start_ms=part["start"],
            end_ms=part["end"],
            offset_s=part["offset"],
            value=part["value"],
            unit=part["unit"],
            app=part["app"],
            device_kind=part["kind"],
            device_name=part["device"],
            source_id=part["id"],
            modified_ms=part["modified"],
            manual=manual,
            whole_day=part["whole_day"],
            worn=part["worn"],
        )


def _payload(record: Record) -> str:
    """The sealed part as JSON, written by hand: half the cost of an import was the general encoder."""
    return (
        f'{{"start":{record.start_ms:d},"end":{record.end_ms:d},"offset":{record.offset_s:d},'
        f'"value":{float(record.value)!r},"id":{encode_json(record.source_id)},'
        f'"modified":{"null" if record.modified_ms is None else int(record.modified_ms)},'
        f"{_device(record.unit, record.app, record.device_kind, record.device_name)},"
        f'"whole_day":{"true" if record.whole_day else "false"},"worn":{"true" if record.worn else "false"}}}'
    )


@lru_cache(maxsize=1_024)
def _device(unit: str, app: str, device_kind: str, device_name: str) -> str:
    """The members of the object that are the same for all records of a source."""
    return encode_json({"unit": unit, "app": app, "kind": device_kind, "device": device_name})[1:-1]
