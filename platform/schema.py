"""The schema of a store: its version, its migrations, and whether it is what the models say."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import DeclarativeBase

from incentives.server import let_keeper_read, make_functions, unguarded_parts
from privacy.errors import Invalid
from privacy.principals import Purpose, Side, job
from privacy.store import Store, policies, roles, transaction
from privacy.store.append_only import apply_guards, missing_guards
from privacy.store.employers import EmployersBase
from privacy.store.engine import raw_connection
from privacy.store.members import MembersBase

from .registry import load_tables

MIGRATIONS = Path(__file__).parent / "migrations"


def config(side: Side) -> Config:
    """Alembic's settings for the migrations of a store."""
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS / side))
    settings.set_main_option("path_separator", "os")
    return settings


def models(side: Side) -> type[DeclarativeBase]:
    """The base of every table that the models of a store declare."""
    load_tables()
    return MembersBase if side is Side.members else EmployersBase


def revision(store: Store) -> str | None:
    """The store's schema version, None where it has none. Raises Invalid where it cannot be reached."""
    return revision_at(store.side, store.engine)


def revision_at(side: Side, engine: Engine) -> str | None:
    """The schema version of what may become a store. Raises as ``revision``."""
    try:
        with raw_connection(engine, read_only=True) as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise Invalid(f"The {side}' store cannot be reached: check that it runs at its address.") from error
    except DatabaseError as error:
        raise Invalid(f"The {side}' store is not a database that can be read.") from error


def upgrade(store: Store) -> None:
    """Bring a store's schema up to date. Raises Invalid where it is newer than this program."""
    _refuse_newer(store, revision(store))
    migrate(store.side, store.engine)
    if store.dialect == "postgresql" and store.side is Side.members:
        with raw_connection(store.engine) as connection:
            policies.trust(connection, store.keys)


def migrate(side: Side, engine: Engine) -> None:
    """Run the migrations of a store that are still to be run, and end with the walls that the models ask for."""
    settings = config(side)
    with raw_connection(engine) as connection:
        settings.attributes["connection"] = connection
        walled = connection.dialect.name == "postgresql"
        if walled and side is Side.members and _is_behind(side, connection):
            policies.lift_policies(connection)
        command.upgrade(settings, "head")
        apply_guards(connection, models(side))
        if walled and side is Side.members:
            make_functions(connection)
        if walled:
            build_walls(side, connection)


def build_walls(side: Side, connection: Connection) -> None:
    """Row-level security and, where the roles are there, grants: whatever was there before."""
    load_tables()
    if side is Side.members:
        policies.apply_policies(connection)
    if roles.exist(connection, side):
        roles.grant(connection, side)
        if side is Side.members:
            let_keeper_read(connection)


def _is_behind(side: Side, connection: Connection) -> bool:
    current = MigrationContext.configure(connection).get_current_revision()
    return current != ScriptDirectory.from_config(config(side)).get_current_head()


def require_current(store: Store) -> None:
    """Raise Invalid unless the store's schema is the one this program was made for."""
    current = revision(store)
    _refuse_newer(store, current)
    if current != ScriptDirectory.from_config(config(store.side)).get_current_head():
        raise Invalid(f"The {store.side}' store has an older schema than this program: run `vitaal db upgrade`.")
    if store.dialect == "postgresql" and store.side is Side.members:
        _require_trust(store)


def _require_trust(store: Store) -> None:
    """Where the database believes nothing that this process says it would show no rows, and nobody would be told."""
    with transaction(store, job("start"), Purpose.operation, read_only=True) as db:
        if not db.scalar(text("SELECT vitaal_wall.reaches('whole')")):
            raise Invalid(
                "The members' store does not believe this installation's keys: run `vitaal db upgrade`, and let no"
                " proxy share connections between transactions."
            )


def _refuse_newer(store: Store, current: str | None) -> None:
    scripts = ScriptDirectory.from_config(config(store.side))
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise Invalid(f"The {store.side}' store was written by a newer version of Vitaal: install that version.")


def differences(store: Store) -> list[str]:
    """What differs between models and database, one sentence each; empty where they agree."""
    base = models(store.side)
    with raw_connection(store.engine, read_only=True) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [f"The {store.side}' store differs: {change!r}." for change in compare_metadata(context, base.metadata)]
        unguarded = missing_guards(connection, base)
        if store.dialect == "postgresql" and store.side is Side.members:
            found += policies.policy_problems(connection)
            unguarded += unguarded_parts(connection)
    return found + [f"The {store.side}' store does not protect {name} against changes." for name in unguarded]
