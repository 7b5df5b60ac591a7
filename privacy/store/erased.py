"""The members' store's memory of erasures: whose rows it refuses, how far it followed the list, what is too old.

``erased`` holds accounts' and subjects' ids alike, one a row: nothing here says which belong together. Triggers on
every table with owners ask it (``append_only.py``). ``erasure_applied`` counts the entries of the list that this
database has followed and keeps their digests, so that a list that is older than the database is noticed.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Integer, LargeBinary, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import Mapped, mapped_column

from privacy.keys import KeyDestroyed
from privacy.retention_columns import RetentionLineColumns, line_holding
from privacy.store.append_only import NO_SUCH_PERSON
from privacy.store.holding import AtErasure, Holding, Keeping, digest, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.store.rights import ADD, READ


class Erased(MembersBase):
    """An account or a subject that was erased: no table takes a row of it any more."""

    __tablename__ = "erased"
    __append_only__ = True
    __face_may__ = ADD
    __holding__ = Holding(
        about="An account or a subject that was erased.",
        columns={
            "id": pseudonym("what was erased: rows of it are refused; nothing ties it to a person"),
            "erased_on": plain("the day"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.operation,
        not_exported="whose it was cannot be told any more",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    erased_on: Mapped[date]


class ErasureApplied(MembersBase):
    """One entry of the erasure list that this database has followed."""

    __tablename__ = "erasure_applied"
    __append_only__ = True
    __face_may__ = ADD
    __holding__ = Holding(
        about="That an entry of the erasure list was followed here.",
        columns={"number": plain("its place in the list"), "digest": digest("of the list up to it")},
        at_erasure=AtErasure.keep,
        keeping=Keeping.operation,
        not_exported="about nobody",
    )

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class RetentionLine(RetentionLineColumns, MembersBase):
    """See ``RetentionLineColumns``."""

    __tablename__ = "retention_line"
    __face_may__ = READ
    __holding__ = line_holding()


@event.listens_for(Engine, "handle_error")
def _say_so(context: ExceptionContext) -> Any:
    """Let what the triggers refuse be what everybody else gets to hear: no such person."""
    if NO_SUCH_PERSON in str(context.original_exception):
        raise KeyDestroyed("There is no such person.") from context.original_exception
