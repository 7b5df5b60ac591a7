"""CSV one line at a time, in bounded memory, with errors that name file and line.

A field does not continue on the next line: none of our sources writes that, and an unclosed quotation mark would
otherwise swallow the rest of the file.
"""

import csv
from collections.abc import Generator
from typing import BinaryIO

from privacy.errors import Invalid
from programs.imports.records import Rejected

LINE_BYTES_MAX = 8_192


def read_lines(stream: BinaryIO, *, file: str) -> Generator[tuple[int, list[str] | Rejected]]:
    """Each line that is not blank: its number and its cells, or what is wrong with it.

    Raises: Invalid where the file is not UTF-8 text.
    """
    number = 0
    while raw := stream.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(raw) > LINE_BYTES_MAX:
            _skip_rest_of_line(stream, raw)
            yield number, Rejected(f"The line is longer than {LINE_BYTES_MAX:,} bytes.", line=number, file=file)
            continue
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise Invalid(f"{file}, line {number}: this is not UTF-8 text.", field="file") from error
        if text:
            yield number, _cells(text, number, file)


def read_header(stream: BinaryIO, *, file: str) -> list[str]:
    """The column names of the first line; the stream is back at its start afterwards. Raises Invalid."""
    start = stream.tell()
    try:
        first = next(read_lines(stream, file=file), None)
    finally:
        stream.seek(start)
    if first is None:
        raise Invalid(f"{file} is empty.", field="file")
    if isinstance(first[1], Rejected):
        raise Invalid(f"{file}, line {first[0]}: this is not a line of column names.", field="file")
    return first[1]


def _skip_rest_of_line(stream: BinaryIO, raw: bytes) -> None:
    while raw and not raw.endswith(b"\n"):
        raw = stream.readline(LINE_BYTES_MAX)


def _cells(text: str, number: int, file: str) -> list[str] | Rejected:
    if "\0" in text:
        return Rejected("The line contains a NUL byte.", line=number, file=file)
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error:
        return Rejected("The quotation marks of this line do not match.", line=number, file=file)
