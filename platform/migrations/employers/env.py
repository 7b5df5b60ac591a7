"""Runs the migrations of the employers' store on the connection it is handed."""

from alembic import context

from privacy.store.employers import EmployersBase
from vitaal.registry import load_tables  # pyright: ignore[reportMissingImports] - platform/, as installed

load_tables()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=EmployersBase.metadata,
    compare_type=True,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
