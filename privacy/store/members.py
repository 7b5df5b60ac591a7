"""The members' store: whatever depends on what a person does. Its tables derive from ``MembersBase``.

A table that may only grow says ``__append_only__ = True``; the migrations give it triggers that refuse the rest.
"""

from typing import ClassVar

from sqlalchemy.orm import DeclarativeBase

from privacy.store.append_only import guard
from privacy.store.columns import new_metadata
from privacy.store.holding import Holding


class MembersBase(DeclarativeBase):
    """Base of every table of the members' store."""

    metadata = new_metadata()
    __append_only__: ClassVar[bool] = False
    __holding__: ClassVar[Holding | None] = None
    """What is decided about the table; a test refuses a table without it."""


guard(MembersBase)
