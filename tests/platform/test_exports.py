"""A member's data as files: everything of one's own, nothing of anybody else's, in JSON and as FHIR R4."""

import io
import json
import re
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fhir.resources.R4B.bundle import Bundle
from sqlalchemy import insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from privacy.access_log import Reason, What, look
from privacy.errors import NotFound
from privacy.export import Person, Section, decided, own, person_of, sections
from privacy.people import cipher_of
from privacy.principals import OPERATOR, Purpose, Side
from privacy.store import Store, transaction
from privacy.store.holding import AtErasure, Holding, Keeping, Nature, Owner, plain, pseudonym, sealed
from privacy.store.members import MembersBase
from programs.days import DayMetric
from programs.imports.records import epoch_ms
from programs.observations import Observation
from programs.sealing import Sealer
from tests.factories import NOW, as_member, copied_company, new_member
from tests.platform.columns import held
from tests.platform.rich import LATER, Rich, rich_company, rich_member
from vitaal import exports, fhir

EMPTY_HERE = frozenset({"ledger_hold", "reach_mark", "release_cohort_member", "access_round"})
"""Tables whose rows come from jobs or pass by: the tests of those write them."""


@contextmanager
def own_export(members: Store, who: Rich) -> Iterator[tuple[Session, Person]]:
    profile = who.profile
    with transaction(members, as_member(profile), Purpose.own_use, read_only=True) as db:
        cipher = cipher_of(db, profile.account)
        yield db, person_of(db, profile.account, cipher=cipher, subject=profile.subject, now=LATER)


@contextmanager
def by_hand(members: Store, who: Rich) -> Iterator[tuple[Session, Person]]:
    """As the operator, who in the database sees everybody: only the export itself keeps to one person."""
    profile = who.profile
    with transaction(members, OPERATOR, Purpose.operation) as db:
        look(db, subject=profile.subject, what=What.everything, reason=Reason.asked, now=LATER)
        cipher = cipher_of(db, profile.account)
        yield db, person_of(db, profile.account, cipher=cipher, subject=profile.subject, now=LATER)


def as_json(members: Store, who: Rich) -> tuple[dict[str, Any], str]:
    out = io.BytesIO()
    with own_export(members, who) as (db, person):
        exports.write_json(db, person, out)
    text = out.getvalue().decode()
    return json.loads(text), text


def as_fhir(members: Store, who: Rich) -> tuple[dict[str, Any], str]:
    out = io.BytesIO()
    with own_export(members, who) as (db, person):
        exports.write_fhir(db, person, out)
    text = out.getvalue().decode()
    return json.loads(text), text


@pytest.fixture
def two(members: Store) -> tuple[Rich, Rich]:
    company = rich_company(members)
    return rich_member(members, company, name="anna", steps=12_347), rich_member(
        members, company, name="bob", steps=9_871
    )


def own_rows(db: Session, person: Person, model: type[DeclarativeBase]) -> list[Any]:
    return list(db.scalars(select(model).where(own(model, person))))


def exported_tables() -> list[type[DeclarativeBase]]:
    return [model for model, _, holding in held(Side.members) if holding and holding.export and holding.owner]


def test_everything_of_ones_own_is_in_it(members: Store, two: tuple[Rich, Rich]) -> None:
    anna, _ = two
    document, text = as_json(members, anna)
    assert set(document["sections"]) == {section.name for section in exports.all_sections()}
    values = set(_values(document))
    with own_export(members, anna) as (db, person):
        for model in exported_tables():
            rows = own_rows(db, person, model)
            name = model.__tablename__
            section = document["sections"][decided(model).export]
            if rows:
                assert section, f"{name} is missing"
            for row in rows:
                for column, said in decided(model).columns.items():
                    value = getattr(row, column)
                    if said.nature in (Nature.sealed, Nature.digest) or value is None:
                        continue
                    assert _as_text(value) in values, f"{name}.{column}"
    for word in anna.words:
        assert word in text, word


def test_the_rich_member_has_rows_in_the_tables_of_today(members: Store, two: tuple[Rich, Rich]) -> None:
    """Else the test above would hold of nothing."""
    with own_export(members, two[0]) as (db, person):
        filled = {model.__tablename__ for model in exported_tables() if own_rows(db, person, model)}
    wanted = {"member", "member_session", "membership", "codicil_decision", "support_grant", "access_log"}
    wanted |= {"observation", "import_batch", "day_metric", "event", "enrolment", "goal"}
    assert filled >= wanted | {"purse", "settlement", "shop_order"}


def test_nothing_of_anybody_else_is_in_it(members: Store, two: tuple[Rich, Rich]) -> None:
    anna, bob = two
    texts = [as_json(members, anna)[1], as_fhir(members, anna)[1]]
    for write in (exports.write_json, exports.write_fhir):
        out = io.BytesIO()
        with by_hand(members, anna) as (db, person):
            write(db, person, out)
        texts.append(out.getvalue().decode())
    foreign = {str(bob.profile.account), str(bob.profile.subject), *bob.words}
    with own_export(members, bob) as (db, person):
        for model in exported_tables():
            for row in own_rows(db, person, model):
                for column, said in decided(model).columns.items():
                    value = getattr(row, column)
                    if said.nature is Nature.pseudonym and isinstance(value, UUID):
                        foreign.add(str(value))
                    elif isinstance(value, float) and value > 1_000:
                        foreign.add(repr(value))
    assert len(foreign) > 40
    for text in texts:
        for value in foreign:
            assert not re.search(rf"(?<![\w.]){re.escape(value)}(?![\w.])", text), value


def test_nobody_exports_a_foreign_subject(members: Store, two: tuple[Rich, Rich]) -> None:
    anna, bob = two
    with transaction(members, as_member(anna.profile), Purpose.own_use, read_only=True) as db:
        cipher = cipher_of(db, anna.profile.account)
        with pytest.raises(NotFound):
            person_of(db, anna.profile.account, cipher=cipher, subject=bob.profile.subject, now=LATER)


def test_nothing_sealed_stays_closed_and_no_digest_is_handed_out(members: Store, two: tuple[Rich, Rich]) -> None:
    document, text = as_json(members, two[0])
    names = {name for rows in document["sections"].values() for row in rows for name in row}
    assert not {"sealed", "digest", "record_key", "content", "token_digest", "login_digest", "password_hash"} & names
    with own_export(members, two[0]) as (db, person):
        for model in exported_tables():
            for row in own_rows(db, person, model):
                for column, said in decided(model).columns.items():
                    value = getattr(row, column)
                    if said.nature in (Nature.sealed, Nature.digest) and isinstance(value, bytes):
                        assert value.hex() not in text, column


def test_coins_come_with_their_reasons_in_both_languages(members: Store, two: tuple[Rich, Rich]) -> None:
    document, _ = as_json(members, two[0])
    told = document["sections"]["coin_reasons"]
    assert told
    assert all(row["reason_nl"] and row["reason_en"] and row["coins"] > 0 for row in told)
    moves = [row for row in document["sections"]["coins"] if row["kind"] == "movement"]
    assert sum(row["coins"] for row in told) == sum(row["amount_coins"] for row in moves if row["amount_coins"] > 0)


def test_the_same_data_gives_the_same_zip_and_its_names_say_nobody(members: Store, two: tuple[Rich, Rich]) -> None:
    packed = []
    for _ in range(2):
        out = io.BytesIO()
        with own_export(members, two[0]) as (db, person):
            exports.write_zip(db, person, out)
        packed.append(out.getvalue())
    assert packed[0] == packed[1]
    with zipfile.ZipFile(io.BytesIO(packed[0])) as found:
        assert found.testzip() is None
        assert found.namelist() == ["vitaal.json", "fhir.json"]
        assert json.loads(found.read("vitaal.json")) == as_json(members, two[0])[0]
    assert exports.file_name(LATER) == "vitaal-2026-03-17.zip"


def test_the_values_are_a_bundle_that_others_can_read(members: Store, two: tuple[Rich, Rich]) -> None:
    """By fhir.resources, which has no R4 (4.0.1): its R4B (4.3.0) asks the same of the fields that we use."""
    document, _ = as_fhir(members, two[0])
    bundle = Bundle.model_validate(document)
    assert bundle.type == "collection"
    patient, *observations = [entry["resource"] for entry in document["entry"]]
    assert patient == {"resourceType": "Patient", "id": str(two[0].profile.subject), "active": True}
    assert {each["resourceType"] for each in observations} == {"Observation"}
    assert len({each["fullUrl"] for each in document["entry"]}) == len(document["entry"])
    for entry in document["entry"]:
        assert entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}"
    for each in observations:
        _check_observation(each, patient)


def _check_observation(each: dict[str, Any], patient: dict[str, Any]) -> None:
    """R4's own rules, https://hl7.org/fhir/R4/observation.html: what must be there, and in which form."""
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", each["id"])
    assert each["status"] == "final"
    assert each["subject"] == {"reference": f"urn:uuid:{patient['id']}"}
    (coding,) = each["code"]["coding"]
    assert coding["system"] == "http://loinc.org"
    assert _loinc_check_digit(coding["code"])
    assert each["category"][0]["coding"][0]["code"] in {"activity", "vital-signs"}
    quantity = each["valueQuantity"]
    assert quantity["system"] == "http://unitsofmeasure.org"
    assert quantity["code"] in {"{steps}", "m", "min", "/min", "kg"}
    assert ("effectiveDateTime" in each) != ("effectivePeriod" in each)
    times = [each["effectiveDateTime"]] if "effectiveDateTime" in each else list(each["effectivePeriod"].values())
    for at in times:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d)?", at), at
    if "effectivePeriod" in each:
        period = each["effectivePeriod"]
        assert datetime.fromisoformat(period["start"]) <= datetime.fromisoformat(period["end"])


def _loinc_check_digit(code: str) -> bool:
    """LOINC's own check digit (Mod 10), so that a mistyped code shows; see the LOINC Users' Guide, appendix C."""
    number, _, check = code.partition("-")
    doubled = [int(digit) * 2 if place % 2 == 0 else int(digit) for place, digit in enumerate(reversed(number))]
    return (10 - sum(value - 9 if value > 9 else value for value in doubled) % 10) % 10 == int(check)


def test_every_value_with_a_code_is_in_the_bundle_once_and_corrected(members: Store, two: tuple[Rich, Rich]) -> None:
    document, text = as_fhir(members, two[0])
    found = [entry["resource"] for entry in document["entry"][1:]]
    with own_export(members, two[0]) as (db, person):
        days = [row for row in own_rows(db, person, DayMetric) if row.metric in fhir.CODES]
    by_day = [each for each in found if len(each.get("effectiveDateTime", "")) == 10]
    assert sorted((row.day.isoformat(), row.value) for row in days) == sorted(
        (each["effectiveDateTime"], each["valueQuantity"]["value"]) for each in by_day
    )
    records = [each for each in found if each not in by_day]
    assert len([each for each in records if each["code"]["text"] == "Steps"]) == 14, "what is held back is left out"
    (night,) = [each for each in records if each["code"]["text"] == "Sleep"]
    assert night["valueQuantity"]["value"] == 12_347 % 500 + 0.5, "the later version alone"
    (weight,) = [each for each in records if each["code"]["text"] == "Body weight"]
    assert weight["valueQuantity"]["value"] == 70 + 12_347 / 10_000
    assert weight["effectiveDateTime"] == "2026-03-02T10:30:00.000+01:00"
    assert weight["device"] == {"display": "App-anna/Watch-anna"}
    assert "wheel" not in text.lower(), "no code, no observation"


def test_a_table_without_a_decision_or_with_closed_columns_is_refused() -> None:
    def holding(**more: Any) -> Holding:
        return Holding(
            about="A table of tomorrow.",
            owner=Owner.subject,
            columns={"subject": pseudonym("whose"), **more},
            at_erasure=AtErasure.delete,
            keeping=Keeping.account,
            export="tomorrow",
        )

    def table(name: str, held_as: Holding | None, kind: Any) -> type[DeclarativeBase]:
        body = {
            "__tablename__": name,
            "__holding__": held_as,
            "__annotations__": {"subject": Mapped[UUID], "extra": Mapped[kind]},
            "subject": mapped_column(primary_key=True),
            "extra": mapped_column(),
        }
        return type(name, (MembersBase,), body)

    try:
        plainly = table("of_tomorrow", holding(extra=plain("a figure")), int)
        assert "tomorrow" in {section.name for section in exports.all_sections()}, "a plain table needs nothing more"
        _forget(plainly)
        closed = table("of_tomorrow_closed", holding(extra=sealed("words")), bytes)
        with pytest.raises(AssertionError, match="has sealed columns"):
            exports.all_sections()
        _forget(closed)
        undecided = table("of_tomorrow_undecided", None, int)
        with pytest.raises(AssertionError, match="says nothing about its columns"):
            exports.all_sections()
        _forget(undecided)
        with pytest.raises(AssertionError):
            sections([*exports.SECTIONS, Section("elsewhere", (DayMetric,), lambda *_: iter(()))])
    finally:
        for mapper in list(MembersBase.registry.mappers):
            if mapper.class_.__name__.startswith("of_tomorrow"):
                _forget(mapper.class_)


def _forget(model: type[DeclarativeBase]) -> None:
    MembersBase.metadata.remove(model.__table__)  # type: ignore[arg-type]
    MembersBase.registry._dispose_cls(model)
    MembersBase.registry._managers.pop(model.__mapper__.class_manager, None)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_fifty_thousand_observations_are_exported_in_seconds_and_little_memory(members: Store) -> None:
    profile = new_member(members, copied_company(members))
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        _many(db, profile.subject, cipher_of(db, profile.account), 50_000)
    who = Rich(profile=profile, words=(), code="")
    with own_export(members, who) as (db, person):
        out, started = io.BytesIO(), time.perf_counter()
        exports.write_zip(db, person, out)
        seconds = time.perf_counter() - started
    with own_export(members, who) as (db, person):
        tracemalloc.start()
        counts = exports.write_json(db, person, _Nowhere())
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    measured = f"50,000 observations: {seconds:.1f} s, zip {len(out.getvalue()):,} bytes, peak {peak_bytes:,} bytes"
    sys.stderr.write(f"\n{measured}\n")
    assert counts["observations"] == 50_000
    assert seconds < 15, "generous: other work may share the processor"
    assert peak_bytes < 16_000_000, "rows must not be held all at once"


class _Nowhere:
    def write(self, data: bytes, /) -> object:
        return len(data)


def _many(db: Session, subject: UUID, cipher: Any, count: int) -> None:
    from programs.imports.records import Record

    sealer, at, batch = Sealer(subject, cipher), epoch_ms(NOW), uuid4()
    rows = []
    for number in range(count):
        start = at + number * 600_000
        day = (NOW + timedelta(minutes=10 * number)).date()
        made = Record("steps", day, start, start + 600_000, 3_600, number % 900, "steps", "App", device_name="Watch")
        key, content, closed = sealer.seal(made)
        rows.append(
            {
                "id": uuid4(),
                "subject": subject,
                "metric": "steps",
                "local_day": day,
                "record_key": key,
                "content": content,
                "sealed": closed,
                "provenance": "sensed",
                "state": "accepted",
                "reason": None,
                "received_at": NOW,
                "batch": batch,
            }
        )
    db.execute(insert(Observation), rows)


def _values(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for value in part.values():
            yield from _values(value)
    elif isinstance(part, list):
        for value in part:
            yield from _values(value)
    elif part is not None:
        yield _as_text(part)


def _as_text(value: Any) -> str:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{float(value):.6f}"
    return str(getattr(value, "value", value))
