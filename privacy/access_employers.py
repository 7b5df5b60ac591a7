"""The access log of the employers' store: about accounts at work, which nothing links to members."""

from privacy.access_columns import (
    SEALS_HOLDING,
    AccessSealColumns,
    EntryColumns,
    RoundColumns,
    entries_holding,
    rounds_holding,
)
from privacy.store.employers import EmployersBase

_AT_WORK = "An account at work, which nothing links to a member."


class StaffAccessEntry(EntryColumns, EmployersBase):
    """See ``access_columns.EntryColumns``; the subject is an account of staff."""

    __tablename__ = "access_log"
    __holding__ = entries_holding("somebody at work", export=None, not_exported=_AT_WORK)


class StaffAccessRound(RoundColumns, EmployersBase):
    """See ``access_columns.RoundColumns``."""

    __tablename__ = "access_round"
    __holding__ = rounds_holding(export=None, not_exported=_AT_WORK)


class StaffAccessSeal(AccessSealColumns, EmployersBase):
    """See ``access_columns.AccessSealColumns``."""

    __tablename__ = "access_seal"
    __holding__ = SEALS_HOLDING
