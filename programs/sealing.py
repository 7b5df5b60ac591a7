"""What is sealed of a source record, and the two keyed digests by which it is recognised. Pure.

``Sealed.key`` is equal for all versions of one source record, ``Sealed.content`` for equal versions only.
"""

import json
from datetime import date
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


def seal_record(record: Record, *, subject: UUID, cipher: Cipher) -> Sealed:
    """Digest and seal one record; the sealed part cannot be moved to another record or subject."""
    identity = record.source_id if record.source_id is not None else f"{record.start_ms}/{record.end_ms}"
    name = f"{record.metric}\0{record.app}\0{record.device_name}\0{identity}"
    key = cipher.digest(name, context="observation.record")
    payload = encode_json(
        {
            "start": record.start_ms,
            "end": record.end_ms,
            "offset": record.offset_s,
            "value": float(record.value),
            "unit": record.unit,
            "app": record.app,
            "kind": record.device_kind,
            "device": record.device_name,
            "id": record.source_id,
            "modified": record.modified_ms,
            "whole_day": record.whole_day,
            "worn": record.worn,
        }
    )
    # A correction may change the day alone, which is not sealed but plain: it belongs to the content all the same.
    content = cipher.digest(f"{record.local_day}{record.manual}{payload}", context="observation.content")
    return Sealed(key, content, cipher.seal(payload.encode(), context=_context(subject, key)))


def open_record(
    sealed: bytes, *, subject: UUID, key: bytes, metric: str, local_day: date, manual: bool, cipher: Cipher
) -> Record:
    """The record again, from its row. Raises Conflict where the row was altered."""
    part = json.loads(cipher.open(sealed, context=_context(subject, key)))
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


def _context(subject: UUID, key: bytes) -> str:
    return f"observation.sealed:{subject}:{key.hex()}"
