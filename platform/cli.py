"""The command ``vitaal``: names, options and formats are a contract (docs/commands.md)."""

import click

from .commands.common import RefusingGroup
from .commands.db import db
from .commands.demo import demo
from .commands.jobs import jobs, worker
from .commands.ledger import ledger
from .commands.programme import programme
from .commands.release import release
from .commands.rules import rules


@click.group(cls=RefusingGroup)
@click.version_option(package_name="vitaal")
def main() -> None:
    """Vitaal: an engine for employer vitality platforms."""


for command in (demo, worker, db, jobs, programme, rules, ledger, release):
    main.add_command(command)
