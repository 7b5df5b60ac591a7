"""What every command shares: ``--json``, ``--dir``, one answer for people or for programs, refusals as one sentence."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from privacy.errors import VitaalError
from privacy.faults import told

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
stores_option = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Take the two SQLite stores and the keys of this folder (as `vitaal demo --dir` leaves them).",
)


def answer(as_json: bool, document: Any, text: str) -> None:
    """Print the result: the document with ``--json``, else the text for people."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2) if as_json else text)


def note(text: str) -> None:
    """Say something on standard error, where it disturbs no output."""
    click.echo(text, err=True)


class RefusingGroup(click.Group):
    """A group whose commands answer an engine's refusal with one sentence and exit status 1.

    Of a fault of ours the kind and the place are told: a traceback ends in a message that can carry anybody's values.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except VitaalError as error:
            note(f"error: {error.message}")
            sys.exit(1)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            note(f"error: This is a fault in Vitaal: {told(error)}.")
            sys.exit(1)


Command = Callable[..., Any]
