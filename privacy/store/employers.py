"""The employers' store: what organisations declare, and what has been published to them. Tables: ``EmployersBase``.

No act of a member ever touches this store, not even by a read: its counters would move.
"""

from collections.abc import Set
from typing import ClassVar

from sqlalchemy.orm import DeclarativeBase

from privacy.principals import Side
from privacy.store.append_only import Older, guard
from privacy.store.columns import new_metadata
from privacy.store.holding import Holding
from privacy.store.rights import Verb, declare


class EmployersBase(DeclarativeBase):
    """Base of every table of the employers' store."""

    metadata = new_metadata()
    __append_only__: ClassVar[bool] = False
    __gates__: ClassVar[tuple[Older, ...]] = ()
    """By which column rows are old enough to go (``retention``), also from a table that only grows."""
    __holding__: ClassVar[Holding | None] = None
    """What is decided about the table; a test refuses a table without it."""
    __face_may__: ClassVar[Set[Verb] | None] = None
    __job_may__: ClassVar[Set[Verb] | None] = None
    """What faces and jobs may do with rows, where ``rights`` would not derive it rightly."""


guard(EmployersBase)
declare(Side.employers, EmployersBase)
