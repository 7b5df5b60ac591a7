"""Carrying declared facts from the employers' store into the members' store, whole and on a fixed clock.

A member's act never reads the employers' store; this job does, at times that depend on nothing anybody did. It
copies every mirrored table row by row, new, changed and gone; repeating it is harmless.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Table, inspect, select
from sqlalchemy.orm import DeclarativeBase, Session

from privacy.principals import Purpose, job
from privacy.store import Store, transaction
from privacy.tenants import copies, declared


class Mirror(NamedTuple):
    """A table of the employers' store and its copy in the members' store, column for column."""

    original: type[DeclarativeBase]
    copy: type[DeclarativeBase]


MIRRORS: tuple[Mirror, ...] = (
    Mirror(declared.Holder, copies.HolderCopy),
    Mirror(declared.Collective, copies.CollectiveCopy),
    Mirror(declared.Employer, copies.EmployerCopy),
    Mirror(declared.Contract, copies.ContractCopy),
    Mirror(declared.Unit, copies.UnitCopy),
    Mirror(declared.Headcount, copies.HeadcountCopy),
    Mirror(declared.Invitation, copies.InvitationCopy),
    Mirror(declared.Pool, copies.PoolCopy),
    Mirror(declared.PoolEmployer, copies.PoolEmployerCopy),
    Mirror(declared.Region, copies.RegionCopy),
    Mirror(declared.RegionEmployer, copies.RegionEmployerCopy),
    Mirror(declared.PolicyVersion, copies.PolicyVersionCopy),
    Mirror(declared.PolicyConsent, copies.PolicyConsentCopy),
)

AS_JOB = job("copy-organisations")


def copy_organisations(members: Store, employers: Store, mirrors: Sequence[Mirror]) -> None:
    """Make every copy equal to its original, in one transaction of the members' store."""
    with transaction(employers, AS_JOB, Purpose.copying, read_only=True) as db:
        originals = [_rows(db, mirror.original) for mirror in mirrors]
    with transaction(members, AS_JOB, Purpose.copying) as db:
        for mirror, rows in zip(mirrors, originals, strict=True):
            _make_equal(db, mirror.copy, rows)


Rows = dict[tuple[Any, ...], dict[str, Any]]


def _table(model: type[DeclarativeBase]) -> Table:
    table = inspect(model).local_table
    assert isinstance(table, Table)
    return table


def _rows(db: Session, model: type[DeclarativeBase]) -> Rows:
    table = _table(model)
    keys = [column.name for column in table.primary_key]
    rows = (dict(row) for row in db.execute(select(table)).mappings())
    return {tuple(row[key] for key in keys): row for row in rows}


def _make_equal(db: Session, model: type[DeclarativeBase], wanted: Rows) -> None:
    table = _table(model)
    keys = list(table.primary_key)
    present = _rows(db, model)

    def at(key: tuple[Any, ...]) -> list[Any]:
        return [column == value for column, value in zip(keys, key, strict=True)]

    for key in present.keys() - wanted.keys():
        db.execute(table.delete().where(*at(key)))
    for key, row in wanted.items():
        if key in present and present[key] != row:
            db.execute(table.update().where(*at(key)).values(row))
    if new := [row for key, row in wanted.items() if key not in present]:
        db.execute(table.insert(), new)
