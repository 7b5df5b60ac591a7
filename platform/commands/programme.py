"""``vitaal programme``: check a programme document, print the JSON Schema that its editor can use."""

import json
from typing import Any, cast

import click

from programs.documents import json_schema, max_coins_per_year, read_programme
from programs.reviewing import needs_review, notes

from .common import answer, json_option
from .confirmations import confirmations
from .files import input_file, read_text
from .previewing import preview
from .publishing import publish, review


@click.group()
def programme() -> None:
    """Programme documents."""


@programme.command()
@input_file("file")
@json_option
def validate(file: str, *, as_json: bool) -> None:
    """Check the document FILE (- reads standard input); say by path and line what is wrong."""
    text, name = read_text(file)
    found = read_programme(text, file=name)
    most, found_notes, needed = max_coins_per_year(found), notes(found), needs_review(found)
    document = {
        "file": name,
        "valid": True,
        "key": found.key,
        "version": found.version,
        "rules": [rule.id for rule in found.rules.rules],
        "max_coins_per_year": most,
        "notes": [{"path": note.path, "text": note.text} for note in found_notes],
        "needs_review": needed,
    }
    rules = len(found.rules.rules)
    counted = f"{rules} {'rule' if rules == 1 else 'rules'}"
    answer(
        as_json,
        document,
        f"{name}: {found.key} version {found.version} is valid: {counted}, at most {most:,} coins a year.",
    )
    for note in found_notes:
        click.echo(f"Note: {note.path}: {note.text}.", err=True)
    for line in needed:
        click.echo(f"Before it is published: {line}.", err=True)


programme.add_command(preview)
programme.add_command(publish)
programme.add_command(review)
programme.add_command(confirmations)


@programme.command()
def schema() -> None:
    """Print the JSON Schema of a programme document."""
    click.echo(json.dumps(cast(Any, json_schema()), ensure_ascii=False, indent=2))
