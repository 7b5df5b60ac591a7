"""The members' store: whatever depends on what a person does. Its tables derive from ``MembersBase``.

A table that may only grow says ``__append_only__ = True``; the migrations give it triggers that refuse the rest.
"""

from collections.abc import Set
from typing import ClassVar

from sqlalchemy.orm import DeclarativeBase

from privacy.principals import Side
from privacy.store.append_only import Older, Ratchet, guard
from privacy.store.columns import new_metadata
from privacy.store.holding import Holding
from privacy.store.rights import Verb, declare
from privacy.store.rows import keep_rows
from privacy.store.sight import Through


class MembersBase(DeclarativeBase):
    """Base of every table of the members' store."""

    metadata = new_metadata()
    __append_only__: ClassVar[bool] = False
    __gates__: ClassVar[tuple[Older, ...]] = ()
    """By which column rows are old enough to go (``retention``), also from a table that only grows."""
    __ratchet__: ClassVar[Ratchet | None] = None
    """Which columns may only grow or only fall, in a table whose rows stay."""
    __holding__: ClassVar[Holding | None] = None
    """What is decided about the table; a test refuses a table without it."""
    __face_may__: ClassVar[Set[Verb] | None] = None
    __job_may__: ClassVar[Set[Verb] | None] = None
    """What faces and jobs may do with rows, where ``rights`` would not derive it rightly."""
    __through__: ClassVar[Through | None] = None
    """Whose rows they are, where no column of their own says so."""


guard(MembersBase)
declare(Side.members, MembersBase)
keep_rows(MembersBase)
