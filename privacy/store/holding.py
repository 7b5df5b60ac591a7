"""What is decided about every table: whose rows they are, what each column is, and what becomes of them.

Each table class says ``__holding__ = Holding(…)`` beside its columns. Row ownership, export, erasure, retention and
the printed list of columns (docs/columns.md) are all read from it, so that a new table without a decision fails a
test rather than being forgotten in one of them. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Nature(StrEnum):
    """What somebody who has the database and no key can read from a column."""

    sealed = "encrypted"
    """Under the person's own key, or the operator's where it belongs to nobody: nothing."""
    digest = "keyed digest"
    """Found by who knows the text and the key: nothing."""
    pseudonym = "pseudonym"
    """A random id that only a key ties to a person."""
    plain = "plain"
    """A figure, a day or a state, under a pseudonym: never free text about a person."""
    public = "public"
    """What an organisation declares or what was published."""


class Owner(StrEnum):
    """The column by which a row belongs to one person."""

    subject = "subject"
    account = "account"
    id = "id"
    """Of an account itself."""


class AtErasure(StrEnum):
    """What becomes of a person's rows when the person is erased, besides the key."""

    delete = "deleted"
    keep = "kept under the pseudonym"
    """The books and the published figures must stay right; nothing ties the pseudonym to a person any more."""
    untouched = "untouched"
    """The table holds nothing about members."""


class Keeping(StrEnum):
    """How long rows are kept; the dated figures are in ``privacy.retention``."""

    observations = "observations"
    account = "account"
    ledger = "ledger"
    access_log = "access_log"
    security = "security"
    """Attempts, tokens and mails on their way: days."""
    organisation = "organisation"
    operation = "operation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What one column is, and why it is so."""

    nature: Nature
    why: str


def sealed(why: str) -> Column:
    """Encrypted before it reaches the database."""
    return Column(nature=Nature.sealed, why=why)


def digest(why: str) -> Column:
    """A keyed digest."""
    return Column(nature=Nature.digest, why=why)


def pseudonym(why: str) -> Column:
    """A random id."""
    return Column(nature=Nature.pseudonym, why=why)


def plain(why: str) -> Column:
    """Readable, under a pseudonym at most."""
    return Column(nature=Nature.plain, why=why)


def public(why: str) -> Column:
    """Declared by an organisation, or published."""
    return Column(nature=Nature.public, why=why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The decision about one table.

    about: what a row is, in one sentence. owner: None where a row belongs to no single person. export: the section
    of a member's export that carries it, or None with the reason in ``not_exported``.
    """

    about: str
    columns: Mapping[str, Column]
    keeping: Keeping
    owner: Owner | None = None
    at_erasure: AtErasure = AtErasure.untouched
    export: str | None = None
    not_exported: str | None = field(default=None)
