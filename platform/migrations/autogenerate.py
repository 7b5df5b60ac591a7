"""For developers: write the migrations that bring both stores from their newest version to what the models say.

Usage: ``python -m vitaal.migrations.autogenerate "what changes and why"``. Read what it wrote before committing it:
the triggers of append-only tables (``privacy.store.append_only``) are written by hand.
"""

import sys
import tempfile
from pathlib import Path

from alembic import command

from privacy.keys import KeyRing
from privacy.principals import Side
from privacy.store import open_store
from privacy.store.engine import raw_connection

from .. import schema


def generate(message: str) -> None:
    """Write a migration for each store that differs from its models."""
    for side in Side:
        with tempfile.TemporaryDirectory() as folder:
            keys = KeyRing.create(Path(folder) / "keys")
            store = open_store(side, f"sqlite:///{folder}/store.sqlite", keys)
            schema.upgrade(store)
            settings = schema.config(side)
            number = len(list((schema.MIGRATIONS / side / "versions").glob("*.py"))) + 1
            with raw_connection(store.engine) as connection:
                settings.attributes["connection"] = connection
                command.revision(settings, message, autogenerate=True, rev_id=f"{number:04d}")
            store.close()


if __name__ == "__main__":
    generate(sys.argv[1])
