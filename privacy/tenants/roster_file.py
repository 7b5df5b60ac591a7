"""Roster files: what HR's own CSV says, read exactly as it stands or refused by row and column. Pure.

UTF-8 (with or without its mark), UTF-16 and Windows text (cp1252); separated by comma, semicolon or tab; lines that end
in LF, CRLF or a bare CR; cells in quotes with line breaks in them. Every cell is text: 007 stays 007, NA stays a name.
Nothing is trimmed, guessed or merged. Memory does not grow with the file: one row at a time, of bounded length.

Bytes that are valid UTF-8 are UTF-8; others are cp1252, unless both occur in one file, which is refused. Rows are
counted as spreadsheets count them: the line of column names is row 1, a cell with a line break stays one row.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import BinaryIO

from privacy.errors import Invalid
from privacy.post.addresses import plain_address

FILE_BYTES_MAX = 200_000_000
ROWS_MAX = 1_000_000
LINE_CHARS_MAX = 20_000
NAME_LENGTH_MAX = 120
NUMBER_LENGTH_MAX = 40
ADDRESS_LENGTH_MAX = 254
UNIT_LENGTH_MAX = 80
CHUNK_BYTES = 1 << 20
SEPARATORS = (",", ";", "\t")


class Column(StrEnum):
    """What a roster may hold, and nothing else: a file with other columns is refused, so that they never reach us."""

    full_name = "name"
    number = "number"
    address = "address"
    unit = "unit"
    starts_on = "from"
    ends_on = "until"


NAMES: dict[Column, tuple[str, ...]] = {
    Column.full_name: ("name", "naam"),
    Column.number: ("staff number", "personeelsnummer", "number", "nummer"),
    Column.address: ("e-mail", "email", "e-mailadres", "mail", "address"),
    Column.unit: ("unit", "department", "site", "afdeling", "vestiging"),
    Column.starts_on: ("from", "vanaf", "in dienst"),
    Column.ends_on: ("until", "tot en met", "tot", "uit dienst"),
}
"""The column names that are understood, capitals or not; the first is English, the second Dutch."""


class Why(StrEnum):
    """What is wrong with a cell or row, and what to do. It never repeats what the file says."""

    empty_name = "Fill in a name."
    long = "This cell is too long: shorten it."
    unprintable = "This cell holds a line break or a character that cannot be printed: type it anew."
    formula = "This cell starts with a sign that spreadsheets take for a formula: remove the sign."
    outer_space = "There is a space before or after it: remove the space."
    address = "This is not an e-mail address: correct it, or leave the cell empty."
    nobody = "Fill in an e-mail address or a staff number: one of the two is needed."
    unit = "There is no department or site of this name yet: add it first, or correct the name."
    day = "Write the day as 2026-03-31 or 31-03-2026."
    order = "The last day lies before the first: correct one of the two."
    cells = "This row has fewer cells than there are columns: was the file cut off?"
    more_cells = "There is something to the right of the last column: remove it."
    twice = "The same e-mail address or staff number stands in an earlier row: keep one of the two."
    quotes = "The quotation marks of this row do not match, or the row is far too long: the rest was not read."


@dataclass(frozen=True, slots=True)
class Fault:
    """Where something is wrong: the row as spreadsheets count, the column as the file calls it."""

    row: int
    column: str
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One row: exactly the texts of its cells, with the two days read."""

    row: int
    name: str
    number: str = ""
    address: str = ""
    unit: str = ""
    starts_on: date | None = None
    ends_on: date | None = None

    @property
    def key(self) -> str:
        """By what the person is found again in the next file: the address, else the staff number."""
        return f"address:{self.address.translate(_ASCII_LOWER)}" if self.address else f"number:{self.number}"

    @property
    def looks_like(self) -> str | None:
        """What a reader's eye may take the address for: equal for look-alikes, such as a Cyrillic and a Latin a."""
        return look_of(self.address) if self.address else None


_ASCII_LOWER = {capital: capital + 32 for capital in range(ord("A"), ord("Z") + 1)}
_LOOKS = str.maketrans("авекмнорстухіјѕһԁɡıοανρτικ01|", "abekmhopctyxijshdgioavptikoll")


def look_of(address: str) -> str:
    """The address with letters that look alike made equal, and without what follows a plus sign."""
    plain = unicodedata.normalize("NFKC", address).casefold().translate(_LOOKS)
    local, _, domain = plain.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is written."""

    encoding: str
    separator: str
    columns: tuple[Column | None, ...]
    """What each column holds; None for one without a name, which must be empty."""
    titles: tuple[str, ...]

    def title(self, column: Column) -> str:
        """What the file calls a column; the first column's title where it has none of this kind."""
        return self.titles[self.columns.index(column) if column in self.columns else 0]


def recognise(file: BinaryIO) -> Form:
    """Find out how a file is written, reading all of it once; it is left at its beginning. Raises Invalid."""
    encoding = _encoding(file)
    for separator in SEPARATORS:
        titles = _first_row(file, encoding, separator)
        found = tuple(_column(title) for title in titles)
        if Column.full_name in found and len(found) > 1:
            return Form(encoding, separator, _checked(found, titles), tuple(titles))
    raise Invalid(
        "The first line must hold the names of the columns: name, staff number, e-mail, unit, from, until.",
        field="file",
    )


def read_rows(file: BinaryIO, form: Form) -> Iterator[tuple[int, list[str]]]:
    """Every row below the column names that is not empty, its cells exactly as they stand. Raises RowUnreadable."""
    for number, cells in _rows(file, form.encoding, form.separator):
        if number > 1 and any(cells):
            if number > ROWS_MAX + 1:
                raise Invalid(f"A list has at most {ROWS_MAX:,} rows.", field="file")
            yield number, cells


def read_people(file: BinaryIO, form: Form) -> Iterator[Person | Fault]:
    """Every row as a person, or what is wrong with it. Raises Invalid where there are too many rows."""
    try:
        for number, cells in read_rows(file, form):
            yield from _person(number, cells, form)
    except RowUnreadable as error:
        yield Fault(error.row, form.titles[0], Why.quotes)


class RowUnreadable(Invalid):
    """From this row on the file cannot be divided into cells."""

    def __init__(self, row: int) -> None:
        super().__init__(Why.quotes.value, field="file")
        self.row = row


def _first_row(file: BinaryIO, encoding: str, separator: str) -> list[str]:
    rows = _rows(file, encoding, separator)
    try:
        return next(rows)[1]
    except StopIteration:
        raise Invalid("The file is empty.", field="file") from None
    except RowUnreadable:
        return []  # with another separator the quotation marks may fit
    finally:
        rows.close()


def _rows(file: BinaryIO, encoding: str, separator: str) -> Generator[tuple[int, list[str]]]:
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    number = 1
    try:
        # strict: a stray quotation mark is reported rather than dropped
        for cells in csv.reader(_lines(text), delimiter=separator, strict=True):
            yield number, cells
            number += 1
    except (csv.Error, _LineTooLong) as error:
        raise RowUnreadable(number) from error
    finally:
        text.detach()
        file.seek(0)


class _LineTooLong(Exception):
    pass


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LINE_CHARS_MAX + 1):
        if len(line) > LINE_CHARS_MAX:
            raise _LineTooLong
        yield line


# --- How the bytes are to be read


_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def has_utf8_letters(data: bytes) -> bool:
    """Whether some bytes beyond ASCII are a letter in UTF-8."""
    return _UTF8_LETTER.search(data) is not None


def _encoding(file: BinaryIO) -> str:
    file.seek(0)
    head = file.read(4)
    if head in _SPREADSHEETS:
        raise Invalid("This is a spreadsheet. Save it as CSV, and choose that file.", field="file")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return _proven(file, encoding)
    if len(head) == 4 and head[1] == head[3] == 0 and head[0] and head[2]:
        return _proven(file, "utf-16-le")
    if len(head) == 4 and head[0] == head[2] == 0 and head[1] and head[3]:
        return _proven(file, "utf-16-be")
    return "utf-8" if _bad_line(file, "utf-8") is None else _proven_windows(file)


def _proven(file: BinaryIO, encoding: str) -> str:
    line = _bad_line(file, encoding)
    if line is not None:
        raise Invalid(f"Line {line} is no readable text: save the file as CSV UTF-8 anew.", field="file")
    return encoding


def _proven_windows(file: BinaryIO) -> str:
    tail = b""
    for chunk in _chunks(file):
        if has_utf8_letters(tail + chunk):
            raise Invalid(
                "This file mixes two ways of writing letters such as é: save it as CSV UTF-8 anew.", field="file"
            )
        tail = chunk[-3:]
    return _proven(file, "cp1252")


def _bad_line(file: BinaryIO, encoding: str) -> int | None:
    """The line on which the bytes are no text in this encoding; None where all are."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    for chunk in _chunks_and_end(file):
        try:
            line += decoder.decode(chunk, final=not chunk).count("\n")
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n")
    return None


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    size = 0
    while chunk := file.read(CHUNK_BYTES):
        size += len(chunk)
        if size > FILE_BYTES_MAX:
            raise Invalid(f"The file is larger than {FILE_BYTES_MAX // 1_000_000} MB.", field="file")
        yield chunk


def _chunks_and_end(file: BinaryIO) -> Iterator[bytes]:
    yield from _chunks(file)
    yield b""


# --- What the cells say


def _column(title: str) -> Column | None:
    plain = title.strip().casefold()
    return next((column for column, names in NAMES.items() if plain in names), None)


def _checked(found: tuple[Column | None, ...], titles: Sequence[str]) -> tuple[Column | None, ...]:
    for place, (column, title) in enumerate(zip(found, titles, strict=True), start=1):
        if column is None and title.strip():
            raise Invalid(
                f"Column {place} is none that we use: remove it. "
                "We take name, staff number, e-mail, unit, from, until.",
                field="file",
            )
        if column is not None and found.index(column) != place - 1:
            raise Invalid(f"Column {place} stands there twice: remove one of the two.", field="file")
    if Column.address not in found and Column.number not in found:
        raise Invalid("The list needs a column e-mail or a column staff number.", field="file")
    return found


def _person(row: int, cells: list[str], form: Form) -> Iterator[Person | Fault]:
    if len(cells) < len(form.columns):
        yield Fault(row, form.titles[len(cells)], Why.cells)
        return
    if any(cells[len(form.columns) :]) or any(
        cell for cell, column in zip(cells, form.columns, strict=False) if column is None
    ):
        yield Fault(row, form.titles[0], Why.more_cells)
        return
    said = {column: cell for column, cell in zip(form.columns, cells, strict=False) if column is not None}
    titles = {column: title for column, title in zip(form.columns, form.titles, strict=True) if column is not None}
    faults = [Fault(row, titles[column], why) for column, cell in said.items() if (why := _wrong(column, cell))]
    if faults:
        yield from faults
        return
    person = Person(
        row=row,
        name=said[Column.full_name],
        number=said.get(Column.number, ""),
        address=said.get(Column.address, ""),
        unit=said.get(Column.unit, ""),
        starts_on=read_day(said.get(Column.starts_on, "")),
        ends_on=read_day(said.get(Column.ends_on, "")),
    )
    if not person.address and not person.number:
        yield Fault(row, titles.get(Column.address) or titles[Column.number], Why.nobody)
    elif person.starts_on and person.ends_on and person.ends_on < person.starts_on:
        yield Fault(row, titles[Column.ends_on], Why.order)
    else:
        yield person


_LENGTHS = {
    Column.full_name: NAME_LENGTH_MAX,
    Column.number: NUMBER_LENGTH_MAX,
    Column.address: ADDRESS_LENGTH_MAX,
    Column.unit: UNIT_LENGTH_MAX,
    Column.starts_on: 10,
    Column.ends_on: 10,
}
_USUAL = re.compile(r"[A-Za-z0-9_+'-]+(\.[A-Za-z0-9_+'-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}")
_NOWHERE = (".test", ".local", ".localhost", ".invalid", ".arpa", ".onion")


def _wrong(column: Column, cell: str) -> Why | None:
    if not cell.strip():
        return Why.empty_name if column is Column.full_name else Why.outer_space if cell else None
    if len(cell) > _LENGTHS[column]:
        return Why.long
    if not cell.isprintable():
        return Why.unprintable
    if cell[0] in "=+-@":
        return Why.formula
    if column is not Column.full_name and cell != cell.strip():
        return Why.outer_space
    return _wrong_for(column, cell)


def _wrong_for(column: Column, cell: str) -> Why | None:
    if column is Column.address:
        return None if is_address(cell) else Why.address
    if column in (Column.starts_on, Column.ends_on):
        return Why.day if read_day(cell) is None else None
    return None


def is_address(text: str) -> bool:
    """Whether mail could go there. The usual form is seen at once, since a roster may have a million."""
    local, _, domain = text.rpartition("@")
    if _USUAL.fullmatch(text) and len(local) <= 64 and len(domain) <= 200 and not domain.lower().endswith(_NOWHERE):
        return True
    try:
        plain_address(text)
    except Invalid:
        return False
    return True


_DAY = re.compile(r"(?P<iso>\d{4}-\d{2}-\d{2})|(?P<d>\d{1,2})-(?P<m>\d{1,2})-(?P<y>\d{4})")


def read_day(text: str) -> date | None:
    """A day written as 2026-03-31 or 31-03-2026; None for anything else."""
    found = _DAY.fullmatch(text)
    if found is None or not text.isascii():
        return None
    try:
        if found["iso"]:
            return date.fromisoformat(found["iso"])
        return date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError:
        return None
