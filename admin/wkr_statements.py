"""Statements for payroll: what was prepaid, the rule that nobody passes the yearly limit, and a signature under both.

A statement is a function of contracts, payments, programme documents and published figures, never of what a member
did; ids and names in it follow from employer, year and number. Issuing again what has not changed answers with the last
one; what has changed gets the next number and names the one it replaces. Nothing that was issued is ever edited.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from importlib.metadata import version
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import CheckConstraint, String, Text, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from admin.wkr import prepaid_year
from admin.wkr_document import said_of
from admin.wkr_settling import published_settlement
from incentives.tax_figures import figures
from privacy.errors import NotFound
from privacy.principals import own_employer
from privacy.signing import ALGORITHM, public_keys, signed_bytes, signing_key
from privacy.store import keys_of
from privacy.store.employers import EmployersBase
from privacy.store.holding import Holding, Keeping, public
from privacy.store.rights import ADD, READ
from privacy.tenants.declared import Employer

NAMESPACE = UUID("0b5d6f0e-6a0c-5b1f-8e59-3a5b7c1d9e42")
"""Namespace of statements' ids, chosen once."""
_OF_ITS_ISSUE = ("number", "replaces", "issued_on", "engine")
"""What may differ between two issues that say the same."""


class WkrStatement(EmployersBase):
    """One signed statement. ``content`` is exactly what was signed."""

    __tablename__ = "wkr_statement"
    __append_only__ = True
    __face_may__ = READ
    __job_may__ = ADD
    __table_args__ = (
        UniqueConstraint("employer", "year", "number"),
        CheckConstraint("number > 0", name="number_positive"),
    )

    __holding__ = Holding(
        about="A signed statement for an employer's payroll: prepaid amounts and a rule.",
        columns={
            "id": public("follows from employer, year and number"),
            "employer": public("whose"),
            "year": public("about which calendar year"),
            "number": public("the how-many-eth of that year"),
            "content": public("prepaid amounts, figures and the rule: nothing that anybody did"),
            "signature": public("Ed25519 over the content"),
            "public_key": public("by which it is checked"),
            "issued_on": public("when it was made"),
        },
        keeping=Keeping.ledger,
        not_exported="About organisations alone.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    employer: Mapped[UUID] = mapped_column(index=True)
    year: Mapped[int]
    number: Mapped[int]
    content: Mapped[str] = mapped_column(Text)
    signature: Mapped[str] = mapped_column(String(128))
    public_key: Mapped[str] = mapped_column(String(64))
    issued_on: Mapped[date]

    def statement(self) -> dict[str, Any]:
        """What it says."""
        return json.loads(self.content)

    def document(self) -> dict[str, Any]:
        """The statement with its signature, as it is downloaded."""
        return {
            "statement": self.statement(),
            "signature": {"algorithm": ALGORITHM, "public_key": self.public_key, "value": self.signature},
        }

    def text(self) -> str:
        """The document as it is written to a file."""
        return json.dumps(self.document(), ensure_ascii=False, indent=2) + "\n"

    @property
    def file_name(self) -> str:
        """``wkr-2026-3``: nothing but year and number."""
        return f"wkr-{self.year}-{self.number}"


def issue_statement(db: Session, employer: UUID, year: int, *, now: datetime) -> WkrStatement:
    """The newest statement about a year, made and signed where there is none that says what is true now.

    With the settlement of the year, once the total that it rests on is published.
    Raises: UnknownTaxYear, NotFound, NothingToState.
    """
    own_employer(db, employer)
    figures(year)
    firm = db.get(Employer, employer)
    if firm is None:
        raise NotFound("There is no such employer.")
    last = newest_statement(db, employer, year)
    today = now.date() if last is None else max(now.date(), last.issued_on)  # also where a clock was set back
    prepaid = prepaid_year(db, employer, year, today=today)
    said = said_of(firm.name, prepaid, published_settlement(db, prepaid))
    if last is not None and {key: each for key, each in last.statement().items() if key not in _OF_ITS_ISSUE} == said:
        return last
    row = _signed(db, said, last, now=now)
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:  # issued by another process just now
        return statement(db, employer, year, row.number)
    return row


def statements_of(db: Session, employer: UUID) -> list[WkrStatement]:
    """All statements about an employer, the newest year and number first. Raises NotFound for another's."""
    own_employer(db, employer)
    wanted = select(WkrStatement).where(WkrStatement.employer == employer)
    return list(db.scalars(wanted.order_by(WkrStatement.year.desc(), WkrStatement.number.desc())))


def newest_statement(db: Session, employer: UUID, year: int) -> WkrStatement | None:
    """The statement about a year that no other replaces. Raises NotFound for another's employer."""
    return next((each for each in statements_of(db, employer) if each.year == year), None)


def statement(db: Session, employer: UUID, year: int, number: int) -> WkrStatement:
    """One statement. Raises NotFound."""
    for each in statements_of(db, employer):
        if (each.year, each.number) == (year, number):
            return each
    raise NotFound("There is no such statement.")


def known_keys(db: Session) -> dict[int, str]:
    """The public keys with which this installation signs and has signed."""
    return public_keys(keys_of(db))


def _signed(db: Session, said: Mapping[str, Any], last: WkrStatement | None, *, now: datetime) -> WkrStatement:
    key = signing_key(keys_of(db))
    number = 1 if last is None else last.number + 1
    whole = {
        **said,
        "number": number,
        "replaces": None if last is None else last.number,
        "issued_on": now.date().isoformat(),
        "engine": f"vitaal {version('vitaal')}",
    }
    content = signed_bytes(whole)
    employer, year = UUID(str(said["employer"]["id"])), int(said["year"])
    return WkrStatement(
        id=uuid5(NAMESPACE, f"{employer}:{year}:{number}"),
        employer=employer,
        year=year,
        number=number,
        content=content.decode(),
        signature=key.sign(content),
        public_key=key.public,
        issued_on=now.date(),
    )
