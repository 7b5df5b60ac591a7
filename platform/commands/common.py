"""What every command shares: ``--json``, ``--dir``, one answer for people or for programs, refusals as one sentence."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from privacy.errors import VitaalError

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
    """A group whose commands answer an engine's refusal with one sentence and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except VitaalError as error:
            note(f"error: {error.message}")
            sys.exit(1)


Command = Callable[..., Any]
