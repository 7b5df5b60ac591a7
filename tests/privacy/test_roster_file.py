"""Roster files: whatever a spreadsheet wrote is read back exactly, or refused by row and column."""

import csv
import io
import tracemalloc
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.errors import Invalid
from privacy.tenants import roster_file
from privacy.tenants.roster_file import (
    Fault,
    Person,
    Why,
    has_utf8_letters,
    look_of,
    read_day,
    read_people,
    read_rows,
    recognise,
)

HEADER = ["name", "staff number", "e-mail"]
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be with mark", "cp1252")


def written(rows: list[list[str]], *, encoding: str, separator: str, end: str) -> bytes:
    out = io.StringIO(newline="")
    # A bare CR or LF inside a cell is quoted by the writer only where it ends lines with it.
    quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
    csv.writer(out, delimiter=separator, lineterminator=end, quoting=quoting).writerows(rows)
    if encoding == "utf-16-be with mark":
        return b"\xfe\xff" + out.getvalue().encode("utf-16-be")
    return out.getvalue().encode(encoding)


def people(data: bytes) -> list[Person | Fault]:
    file = io.BytesIO(data)
    return list(read_people(file, recognise(file)))


def refusal(data: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        people(data)
    assert refused.value.field == "file"
    return refused.value.message


anything = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
windows = st.text(
    st.sampled_from(bytes(b for b in range(256) if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)).decode("cp1252")),
    max_size=40,
).filter(lambda text: not has_utf8_letters(text.encode("cp1252")))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_every_table_that_a_spreadsheet_writes_is_read_back_exactly(data: st.DataObject) -> None:
    encoding = data.draw(st.sampled_from(ENCODINGS))
    separator = data.draw(st.sampled_from(",;\t"))
    end = data.draw(st.sampled_from(["\r\n", "\n", "\r"]))
    cells = windows if encoding == "cp1252" else anything
    rows = data.draw(st.lists(st.lists(cells, min_size=3, max_size=3), max_size=6))
    content = written([HEADER, *rows], encoding=encoding, separator=separator, end=end)
    if encoding == "cp1252" and has_utf8_letters(content):
        return  # letters of two neighbouring cells: the same bytes are UTF-8, and refused or read as such
    file = io.BytesIO(content)
    form = recognise(file)
    assert form.separator == separator
    read = [cells for _, cells in read_rows(file, form)]
    assert read == [row for row in rows if any(row)]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_names_that_trip_programs_are_kept_as_they_are(encoding: str, separator: str, end: str) -> None:
    names = ["NA", "None", "NULL", "nan", "O'Brien", "Anne van der Berg", "Zoë Müller", "true", "1e5", "Ng"]
    rows = [[name, "007", f"p{number}+werk@example.org"] for number, name in enumerate(names)]
    found = people(written([HEADER, *rows], encoding=encoding, separator=separator, end=end))
    assert [(each.name, each.number, each.address) for each in found if isinstance(each, Person)] == [
        tuple(row) for row in rows
    ]


def test_rows_are_counted_as_spreadsheets_count_them() -> None:
    found = people(b'name,number\r\n"Jan\r\nJansen",1\r\n\r\nPiet,2\r\n')
    assert found == [Fault(2, "name", Why.unprintable), Person(row=4, name="Piet", number="2")]


@pytest.mark.parametrize(
    ("row", "column", "why"),
    [
        ("=CMD|' /C calc'!A0;1;a@example.org", "Naam", Why.formula),
        ("@SUM(A1);1;a@example.org", "Naam", Why.formula),
        ("Jan;+31;a@example.org", "Personeelsnummer", Why.formula),
        ("Jan\0sen;1;a@example.org", "Naam", Why.unprintable),
        ('"Jan\nsen";1;a@example.org', "Naam", Why.unprintable),
        ("x" * 121 + ";1;a@example.org", "Naam", Why.long),
        ("x" * 10_000 + ";1;a@example.org", "Naam", Why.long),
        (" ;1;a@example.org", "Naam", Why.empty_name),
        (";1;a@example.org", "Naam", Why.empty_name),
        ("Jan;1 ;a@example.org", "Personeelsnummer", Why.outer_space),
        ("Jan;1; a@example.org", "E-mail", Why.outer_space),
        ("Jan;1;a@b@example.org", "E-mail", Why.address),
        ("Jan;1;example.org", "E-mail", Why.address),
        ("Jan;1;a@example", "E-mail", Why.address),
        ("Jan;1;a@exam..ple.org", "E-mail", Why.address),
        ("Jan;;", "E-mail", Why.nobody),
        ("Jan;1", "E-mail", Why.cells),
        ("Jan;1;a@example.org;x", "Naam", Why.more_cells),
    ],
)
def test_what_cannot_be_taken_is_named_by_row_and_column(row: str, column: str, why: Why) -> None:
    head = "Naam;Personeelsnummer;E-mail\n"
    good = "Piet;9;p@example.org\n"
    assert people(f"{head}{row}\n{good}".encode()) == [
        Fault(2, column, why),
        Person(row=people(f"{head}{row}\n{good}".encode())[-1].row, name="Piet", number="9", address="p@example.org"),
    ]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-31", date(2026, 3, 31)),
        ("31-03-2026", date(2026, 3, 31)),
        ("1-3-2026", date(2026, 3, 1)),
        ("3/31/2026", None),
        ("31-02-2026", None),
        ("46112", None),
        ("٣-٣-٢٠٢٦", None),
    ],
)
def test_a_day_is_read_only_where_it_can_mean_one_thing(text: str, day: date | None) -> None:
    assert read_day(text) == day
    (found,) = people(f"naam,nummer,vanaf\nJan,1,{text}\n".encode())
    assert found == (Person(row=2, name="Jan", number="1", starts_on=day) if day else Fault(2, "vanaf", Why.day))


def test_a_last_day_before_the_first_is_refused() -> None:
    assert people(b"name,number,from,until\nJan,1,2026-03-02,2026-03-01\n") == [Fault(2, "until", Why.order)]


@pytest.mark.parametrize("quotes", ['Jan "de" Boer"', '"Jan" de Boer', '"Jan'])
def test_quotation_marks_that_do_not_match_are_refused_rather_than_dropped(quotes: str) -> None:
    found = people(f"name,number\nPiet,1\n{quotes},2\nKees,3\n".encode())
    assert found[0] == Person(row=2, name="Piet", number="1")
    if quotes.startswith('"'):
        assert found[1:] == [Fault(3, "name", Why.quotes)]
    else:
        assert found[1] == Person(row=3, name='Jan "de" Boer"', number="2")


def test_a_line_without_an_end_is_refused_in_bounded_memory() -> None:
    data = b"name,number\nPiet,1\n" + b"x" * 30_000_000
    tracemalloc.start()
    assert people(data)[1:] == [Fault(3, "name", Why.quotes)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b"Piet,Jansen\n", "The first line must hold the names of the columns"),
        (b"PK\x03\x04rest of a workbook", "This is a spreadsheet. Save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1", "This is a spreadsheet. Save it as CSV"),
        (b"name,number,bsn\nJan,1,123456782\n", "Column 3 is none that we use: remove it."),
        (b"name,number,name\nJan,1,Jan\n", "Column 3 stands there twice"),
        (b"name,unit\nJan,A\n", "The list needs a column e-mail or a column staff number."),
        ("name,number\nZoë,1\n".encode() + b"Andr\xe9,2\n", "This file mixes two ways of writing letters"),
        (b"name,number\nPiet,1\nAndr\x81,2\n", "Line 3 is no readable text"),
        (b"\xef\xbb\xbfname,number\nAndr\xe9,2\n", "Line 2 is no readable text"),
        ("name,number\nJan,1\n".encode("utf-16") + b"x", "is no readable text"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(data: bytes, words: str) -> None:
    assert words in refusal(data)


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster_file, "FILE_BYTES_MAX", 1_000)
    monkeypatch.setattr(roster_file, "CHUNK_BYTES", 100)
    assert "The file is larger than" in refusal(b"name,number\n" + b"Jan,1\n" * 400)


def test_a_file_with_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster_file, "ROWS_MAX", 3)
    assert len(people(b"name,number\n" + b"Jan,1\n" * 3)) == 3
    assert "A list has at most 3 rows." in refusal(b"name,number\n" + b"Jan,1\n" * 4)


def test_look_alikes_look_alike_and_stay_apart() -> None:
    latin, cyrillic, plus = "anna@example.org", "аnna@example.org", "anna+werk@example.org"
    persons = [Person(row=2, name="A", address=each) for each in (latin, cyrillic, plus)]
    assert len({each.looks_like for each in persons}) == 1
    assert len({each.key for each in persons}) == 3
    assert look_of("0lga@x.nl") == look_of("Olga@x.nl")
    assert Person(row=2, name="A", address="Anna@Example.org").key == persons[0].key
    assert Person(row=2, name="A", number="007").looks_like is None
    assert Person(row=2, name="A", number="007").key != Person(row=2, name="A", number="7").key


def test_nothing_that_a_message_says_comes_from_the_file() -> None:
    words = " ".join([*Why, refusal(b"SECRET,x\n"), refusal(b"name,number,SECRET\n")])
    assert "SECRET" not in words
