"""The command ``vitaal``: names, options and formats are a contract (docs/commands.md)."""

import click

from .commands.common import RefusingGroup
from .commands.programme import programme
from .commands.rules import rules


@click.group(cls=RefusingGroup)
@click.version_option(package_name="vitaal")
def main() -> None:
    """Vitaal: an engine for employer vitality platforms."""


main.add_command(programme)
main.add_command(rules)
