"""Which reader fits a file: told by its content, never by its name."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import BinaryIO, Protocol
from zoneinfo import ZoneInfo

from privacy.errors import Invalid
from programs.imports import fitbit
from programs.imports.lines import read_header
from programs.imports.records import Record, Rejected


class Reader(Protocol):
    """What a reader offers; see ``fitbit``."""

    def recognises(self, header: list[str], /) -> bool:
        """Whether a file with these column names is one of its own."""
        ...

    def read(self, stream: BinaryIO, *, file: str, zone: ZoneInfo) -> Iterator[tuple[str, Record | Rejected]]:
        """Person and record, or person and error, in the order of the file."""
        ...


READERS: Mapping[str, Reader] = MappingProxyType({"fitbit": fitbit})


def detect(stream: BinaryIO, *, file: str) -> str:
    """The name of the format; the stream is back at its start afterwards. Raises Invalid where none fits."""
    header = read_header(stream, file=file)
    for name, reader in READERS.items():
        if reader.recognises(header):
            return name
    raise Invalid(f"{file}: its columns are of no format that we read ({', '.join(READERS)}).", field="file")
