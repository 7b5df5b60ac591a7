"""The command ``vitaal``: names, options and formats are a contract (docs/commands.md).

Commands are imported when they are called: a process that serves one face loads nothing of the other's store, and
``vitaal --help`` does not wait for numerical libraries.
"""

import importlib
from typing import Any

import click

from . import logs
from .commands.common import RefusingGroup

COMMANDS = {
    "backup": ("backup:backup", "Back up both stores, their keys and the erasure list."),
    "db": ("db:db", "The schemas of the two stores."),
    "demo": ("demo:demo", "Run the main job end to end: join, move, earn, spend, report."),
    "funds": ("funds:funds", "Who pays for a collective, up to which cap, and what was received."),
    "import": ("imports:import_files", "Import a member's device exports."),
    "incentives": ("incentives:incentives", "Whether a programme pays equal coins for equal effort."),
    "init": ("init:init", "A real installation, and its first operator's one-time link."),
    "jobs": ("jobs:jobs", "Scheduled work by hand."),
    "keys": ("keys:keys", "Renew the operator's key while everything runs."),
    "ledger": ("ledger:ledger", "Check the books, or print one account."),
    "mail": ("mail:mail", "Whether letters go out."),
    "overlap": ("imports:overlap", "Resolve overlapping devices, counting nothing twice."),
    "privacy": ("privacy:privacy", "A member's own data, who looked at it, and help by the member's leave."),
    "programme": ("programme:programme", "Check programme documents."),
    "release": ("release:release", "Published reports."),
    "restore": ("backup:restore", "Bring back a backup, with its erasures."),
    "rules": ("rules:rules", "See what a programme's rules pay."),
    "serve": ("serve:serve", "Serve the pages until Ctrl-C."),
    "shop": ("shop:shop", "What is on sale, codes, labels, refunds, and what partners are paid."),
    "staff": ("staff:staff", "Accounts of operators, insurers and HR."),
    "tax": ("tax:tax", "The Dutch work-related costs scheme: statements, checks, a calculator."),
    "worker": ("jobs:worker", "Run scheduled work until stopped."),
}
"""Name -> its place in ``vitaal.commands``, and a line for ``--help``."""


class LazyGroup(RefusingGroup):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: Any = getattr(importlib.import_module(f"vitaal.commands.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list for ``--help``, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in sorted(COMMANDS.items())])


@click.group(cls=LazyGroup)
@click.version_option(package_name="vitaal")
def main() -> None:
    """Vitaal: an engine for employer vitality platforms."""
    logs.configure("WARNING")
