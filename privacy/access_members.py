"""The access log of the members' store."""

from privacy.access_columns import (
    SEALS_HOLDING,
    AccessSealColumns,
    EntryColumns,
    RoundColumns,
    entries_holding,
    rounds_holding,
)
from privacy.store.members import MembersBase


class AccessEntry(EntryColumns, MembersBase):
    """See ``access_columns.EntryColumns``."""

    __tablename__ = "access_log"
    __holding__ = entries_holding("a member", export="access_log", not_exported=None)


class AccessRound(RoundColumns, MembersBase):
    """See ``access_columns.RoundColumns``."""

    __tablename__ = "access_round"
    __holding__ = rounds_holding(export="access_log", not_exported=None)


class AccessSeal(AccessSealColumns, MembersBase):
    """See ``access_columns.AccessSealColumns``."""

    __tablename__ = "access_seal"
    __holding__ = SEALS_HOLDING
