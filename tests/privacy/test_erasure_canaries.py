"""Canaries in everything that a member fills in: after erasure none is found, in whatever form, wherever one can look.

``make soak`` prints the figure. Each sealed, digested or written column of every table whose rows belong to a person is
listed in ``PLANTED`` with the canaries that went into it, so that a new one without a canary fails.
"""

import gzip
import logging
import os
import sys
import zlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import String, select

from incentives import shop
from incentives.leaving import AT_LEAVING
from privacy import addresses, codicil, people, recovery, support
from privacy.access_log import Reason, What, look
from privacy.erasure import erase
from privacy.member_passkeys import MemberPasskey
from privacy.people import Profile, cipher_of
from privacy.principals import OPERATOR, VISITOR, Purpose, Side
from privacy.store import Store, transaction
from privacy.store.holding import AtErasure, Nature, Owner
from privacy.store.members import MembersBase
from privacy.store.rights import is_owned, models_of
from programs import appeals, enrolment, pauses, referrals
from programs.check_ins import check_in
from programs.confirmations import Confirmation
from programs.days import take_in
from programs.held import held_items
from programs.imports.records import Rejected, whole_day
from programs.observations import RecordFingerprint
from programs.own_choices import OwnChoice
from tests.factories import JOB, NOW, TODAY, as_member, new_member
from tests.platform.rich import LATER, MOVE, rich_company, rich_voucher
from tests.privacy.full_life import ZONE, award
from vitaal.backups import KEYS_KEPT, Places, back_up
from vitaal.registry import load_tables

NOBODYS = "one of a fixed list, or a number of ours: nothing that a member writes"
PLANTED: dict[str, str] = {
    "access_log.words": "helper",
    "event.reference": "reference",
    "held_step.item": "appeal",
    "held_step.sealed": "appeal",
    "import_batch.report": "line",
    "mailed_code.code_digest": "mailed code",
    "mailed_code.sealed": "address",
    "mailed_code.token_digest": "mailed code",
    "member.login_digest": "login",
    "member.password_hash": "password",
    "member.sealed": "nickname",
    "member_address.digest": "address",
    "member_address.sealed": "address",
    "member_passkey.credential_digest": "passkey",
    "member_passkey.sealed": "passkey",
    "member_session.token_digest": "session",
    "observation.content": "app",
    "observation.record_key": "source",
    "observation.sealed": "device",
    "record_fingerprint.content": "app",
    "record_fingerprint.record_key": "source",
    "recovery_code.digest": "card",
    "confirmation.sealed_by": "provider",
    "referral.code_digest": "inviting",
    "referral_code.code_digest": "own inviting",
    "referral_code.sealed_code": "own inviting",
    "shop_order.sealed_code": "voucher",
    "support_grant.code_digest": "grant",
    "support_grant.sealed_code": "grant",
    "support_grant.sealed_subject": "grant",
    **dict.fromkeys(
        [
            *(
                f"access_log.{name}"
                for name in ("role", "actor_name", "what", "action", "purpose", "reason", "outcome")
            ),
            *("codicil_decision.purpose", "codicil_decision.locale", "day_metric.metric", "enrolment.programme"),
            *("event.kind", "goal.metric", "import_batch.format", "ledger_account.kind", "ledger_hold.state"),
            *("ledger_transfer.code", "ledger_transfer.cause", "mailed_code.wanted", "member.locale"),
            *(f"observation.{name}" for name in ("metric", "provenance", "state", "reason")),
            *("membership.ended_by", "reach_mark.tier", "reach_mark.month", "reach_mark.audience_kind"),
            *("release_cohort_member.quarter", "settlement.programme", "settlement.rule", "settlement.period"),
            *("own_choice.key", "own_choice.value"),
            *("shop_order.state", "support_grant.topic", "purse.kind", "settlement.purse_kind", "shop_payment.purse"),
        ],
        NOBODYS,
    ),
}
"""For each column the canary that was planted in it, or why a member writes nothing there."""


def fields_of_members() -> set[str]:
    """Every column of a person's rows that could hold words."""
    load_tables()
    found: set[str] = set()
    for name, model in models_of(MembersBase).items():
        if is_owned(model):
            for column in model.__table__.columns:
                nature = model.__holding__.columns[column.name].nature
                if nature in (Nature.sealed, Nature.digest) or isinstance(column.type, String):
                    found.add(f"{name}.{column.name}")
    return found


def test_every_field_of_a_member_has_its_canary() -> None:
    assert fields_of_members() == PLANTED.keys()


@dataclass
class Canaries:
    """Words that occur nowhere else, by what they were filled in as."""

    words: dict[str, str] = field(default_factory=dict)

    def new(self, name: str) -> str:
        self.words[name] = f"Zq{uuid4().hex[:10]}{name.replace(' ', '')}"
        return self.words[name]

    def keep(self, name: str, word: str) -> str:
        self.words[name] = word
        return word

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Each in every form in which it might be written."""
        for name, word in self.words.items():
            plain = word.encode()
            yield name, plain
            yield name, word.lower().encode()
            for encoding in ("utf-16-le", "utf-16-be"):
                yield name, word.encode(encoding)
            for shift in range(3):
                yield name, b64encode(b"\0" * shift + plain)[4 if shift else 0 : -4]
            yield name, plain.hex().encode()
            yield name, plain.hex().upper().encode()
            yield name, zlib.compress(plain)[2:-4]
            yield name, gzip.compress(plain, mtime=0)[10:-8]


def plant(members: Store, canaries: Canaries) -> Profile:
    """A member who fills in a canary wherever there is a field."""
    new = canaries.new
    company = rich_company(members)
    voucher = rich_voucher(members, [new("voucher")])
    sam = new_member(members, company, nickname=new("nickname"), password=new("password"))
    canaries.keep("login", sam.login)
    me = as_member(sam)
    kim = new_member(members, company, today=TODAY - timedelta(days=200))
    with transaction(members, as_member(kim), Purpose.own_use) as db:
        cipher = cipher_of(db, kim.account)
        code = referrals.make_code(db, kim.subject, cipher=cipher, today=TODAY).code(cipher)
    canaries.keep("inviting", code)
    with transaction(members, me, Purpose.own_use) as db:
        cipher = cipher_of(db, sam.account)
        enrolment.enrol(db, sam.subject, collective=company.collective, programme=MOVE, today=TODAY)
        enrolment.choose_goal(db, sam.subject, metric="steps", value=7_000, today=TODAY)
        codicil.choose(db, sam.subject, codicil.Use.employer_report, False, NOW, locale="en")
        check_in(db, subject=sam.subject, kind="meal", at=NOW, zone=ZONE, reference=new("reference"), now=LATER)
        words = {"app": new("app"), "device_name": new("device"), "device_kind": "watch", "source_id": new("source")}
        take_in(
            db,
            subject=sam.subject,
            cipher=cipher,
            records=[
                *(whole_day("steps", TODAY + timedelta(days=n), 12_000, zone=ZONE, **words) for n in range(14)),
                whole_day(
                    "steps", TODAY + timedelta(days=14), 280_000, zone=ZONE, app=words["app"], device_kind="watch"
                ),
                Rejected(f"Cannot read {new('line')}", field="value", line=7),
            ],
            format="test",
            batch=uuid4(),
            now=LATER,
        )
        grant = support.give_leave(
            db,
            subject=sam.subject,
            account=sam.account,
            cipher=cipher,
            topic=support.Topic.imports,
            health=True,
            days=3,
            now=LATER,
        )
        canaries.keep("grant", grant)
        item = held_items(db, sam.subject)[0].id
        own = {"subject": sam.subject, "account": sam.account, "cipher": cipher}
        appeals.ask(db, **own, item=item, words=f"I walked {new('appeal')}", now=LATER)
        referrals.enter(db, sam.subject, code=code, today=TODAY)
        mine = referrals.make_code(db, sam.subject, cipher=cipher, today=TODAY)
        canaries.keep("own inviting", mine.code(cipher))
        event = uuid4()
        sealed_by = cipher.seal(new("provider").encode(), context=f"confirmation:{event}")
        pauses.pause(db, sam.subject, from_day=TODAY, until_day=TODAY, today=TODAY)
        db.add(OwnChoice(subject=sam.subject, key="gives_to", from_day=TODAY, value="self"))
        db.add(Confirmation(event=event, subject=sam.subject, sealed_by=sealed_by, confirmed_on=TODAY))
    award(members, sam, company, 50)
    with transaction(members, JOB, Purpose.rewards) as db:
        shop.buy(db, subject=sam.subject, cipher=cipher, item=voucher, order=uuid4(), now=LATER)
    with transaction(members, me, Purpose.authentication) as db:
        address = f"{new('address')}@example.org"
        step = addresses.begin_change(
            db, sam.account, address=address, is_anothers=False, locale="en", now=LATER
        )  # the letter with its code waits, under the operator's key
        canaries.keep("mailed code", step)
        canaries.keep("card", recovery.new_card(db, sam.account)[0])
        db.add(
            addresses.MemberAddress(
                account=sam.account,
                digest=addresses._digest(db, address),
                sealed=cipher.seal(address.encode(), context=addresses._context(sam.account)),
                second_step=False,
            )
        )
        known = {column.name for column in MemberPasskey.__table__.columns}
        passkey = new("passkey").encode()
        values = {"id": uuid4(), "account": sam.account, "created_on": TODAY, "used_on": None, "made_on": TODAY}
        values |= {"credential_digest": members.keys.lookup_digest(passkey.decode(), domain="x"), "sign_count": 0}
        values |= {"sealed": cipher.seal(passkey, context="member_passkey")}
        db.add(MemberPasskey(**{name: value for name, value in values.items() if name in known}))
    with transaction(members, OPERATOR, Purpose.operation) as db:
        helper = f"Helped with {new('helper')}"
        look(db, subject=sam.subject, what=What.coins, reason=Reason.helping, now=LATER, words=helper, cipher=cipher)
    with transaction(members, VISITOR, Purpose.authentication) as db:
        canaries.keep("session", people.start_session(db, sam.account, now=LATER))
    return sam


def files_of(store: Store) -> Iterator[Path]:
    """Everything that a database keeps on disk: tables, indexes, write-ahead logs, journals."""
    if store.dialect == "sqlite":
        database = Path(str(store.engine.url.database))
        yield from database.parent.glob(f"{database.name}*")
        return
    with store.engine.connect() as connection:
        connection.exec_driver_sql("CHECKPOINT")
        data = Path(connection.exec_driver_sql("SHOW data_directory").scalar_one())
        oid = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()").scalar_one()
    if not os.access(data, os.R_OK):
        pytest.skip("the data of the PostgreSQL server cannot be read from here")
    yield from (data / "base" / str(oid)).iterdir()
    yield from (path for path in (data / "pg_wal").iterdir() if path.is_file())


def found_in(paths: Iterator[Path] | list[Path], canaries: Canaries, *, also: bytes = b"") -> list[tuple[str, str]]:
    """Where which canary is, in whatever form."""
    forms = list(canaries.forms())
    hits: list[tuple[str, str]] = []
    for path, content in [("logs", also), *((str(path), _content(path)) for path in paths)]:
        hits += [(path, name) for name, form in forms if form in content]
    return hits


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # the server recycles its logs
        return b""


def test_no_canary_is_found_after_erasure(
    members: Store, employers: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_tables()
    caplog.set_level(logging.DEBUG)
    canaries, out = Canaries(), tmp_path / "backups"
    places = Places(
        urls={store.side: store.engine.url.render_as_string(hide_password=False) for store in (members, employers)},
        keys={store.side: store.keys.directory for store in (members, employers)},
    )
    sam = plant(members, canaries)
    assert {name for name in PLANTED.values() if name != NOBODYS} <= canaries.words.keys()
    account = sam.account.hex.encode() if members.dialect == "sqlite" else sam.account.bytes
    assert any(account in _content(path) for path in files_of(members)), "what is looked through holds the account"
    first = LATER.date()
    back_up(places, out, today=first)
    assert erase(members, sam.account, now=LATER, at_leaving=AT_LEAVING)
    back_up(places, out, today=first + KEYS_KEPT + timedelta(days=1))
    looked = [*files_of(members), *files_of(employers)]
    for folder in (members.keys.directory, employers.keys.directory, out):
        looked += [path for path in folder.rglob("*") if path.is_file()]
    hits = found_in(looked, canaries, also=caplog.text.encode())
    archives = [path for path in looked if path.is_relative_to(out)]
    assert len([path for path in archives if path.parent.name == "databases"]) == 2, "an older database is among them"
    sys.stdout.write(
        f"erasure on {members.dialect}: {len(canaries.words)} canaries, {len(list(canaries.forms()))} forms, "
        f"{len(looked)} files, {sum(len(_content(path)) for path in looked) / 1e6:.0f} MB: {len(hits)} hits\n"
    )
    assert hits == []


def test_every_table_that_is_to_go_had_rows_and_has_none_left(members: Store) -> None:
    load_tables()
    sam = plant(members, Canaries())
    with transaction(members, JOB, Purpose.operation) as db:
        db.add(RecordFingerprint(subject=sam.subject, record_key=b"key", content=b"content"))
    leaving = {
        name
        for name, model in models_of(MembersBase).items()
        if is_owned(model) and model.__holding__.at_erasure is AtErasure.delete
    }
    assert _tables_of(members, sam, leaving) == leaving - {"member_passkey_challenge"}, "somebody's rows in all of them"
    assert erase(members, sam.account, now=LATER, at_leaving=AT_LEAVING)
    assert _tables_of(members, sam, leaving) == set()


def _tables_of(members: Store, sam: Profile, names: set[str]) -> set[str]:
    """The tables among these that have rows of a member."""
    found: set[str] = set()
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        for name in names:
            model = models_of(MembersBase)[name]
            owner = model.__holding__.owner
            whose = sam.subject if owner is Owner.subject else sam.account
            if db.scalars(select(model).where(getattr(model, owner.value) == whose).limit(1)).first() is not None:
                found.add(name)
    return found


def test_the_search_finds_a_canary_in_every_form(tmp_path: Path) -> None:
    canaries = Canaries()
    word = canaries.new("nickname")
    written = {
        "plain": word.encode(),
        "utf16": f"x{word}".encode("utf-16-le")[2:],
        "base64": b64encode(b"{" + word.encode() + b"}"),
        "hex": word.encode().hex().encode(),
        "zlib": zlib.compress(word.encode()),
        "gzip": gzip.compress(word.encode()),
    }
    for name, content in written.items():
        (tmp_path / name).write_bytes(b"some " + content + b" more")
    assert {Path(path).name for path, _ in found_in(sorted(tmp_path.iterdir()), canaries)} == written.keys()


@pytest.mark.parametrize("side", [Side.members])
def test_a_member_who_is_there_is_found_where_nothing_is_sealed(members: Store, side: Side) -> None:
    """The search sees the database's content: what is plain there is found before and gone from the rows after."""
    canaries = Canaries()
    sam = plant(members, canaries)
    subject = sam.subject.hex.encode() if members.dialect == "sqlite" else sam.subject.bytes
    assert any(subject in _content(path) for path in files_of(members))
    assert found_in(files_of(members), canaries) == [], "everything that a member writes is sealed from the start"
