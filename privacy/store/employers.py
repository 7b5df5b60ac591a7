"""The employers' store: what organisations declare, and what has been published to them. Tables: ``EmployersBase``.

No act of a member ever touches this store, not even by a read: its counters would move.
"""

from typing import ClassVar

from sqlalchemy.orm import DeclarativeBase

from privacy.store.append_only import guard
from privacy.store.columns import new_metadata
from privacy.store.holding import Holding


class EmployersBase(DeclarativeBase):
    """Base of every table of the employers' store."""

    metadata = new_metadata()
    __append_only__: ClassVar[bool] = False
    __holding__: ClassVar[Holding | None] = None
    """What is decided about the table; a test refuses a table without it."""


guard(EmployersBase)
