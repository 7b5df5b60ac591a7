"""``vitaal keys``: renewing the operator's key while everything runs."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from privacy.key_rotation import rotate
from privacy.principals import Side

from ..settings import read_settings
from ..stores import keys_folder
from .common import answer, json_option, note, stores_option


@click.group()
def keys() -> None:
    """The keys outside the databases."""


@keys.command("rotate")
@click.option(
    "--side", type=click.Choice(list(Side)), help="Renew the keys of this store only; by default those of both."
)
@click.option(
    "--service",
    metavar="unix:SOCKET#NAME",
    help="Let a key service hold the new operator's key, instead of a file beside the keys.",
)
@stores_option
@json_option
def rotate_keys(side: str | None, service: str | None, directory: Path | None, as_json: bool) -> None:
    """Give the stores a new operator's key and wrap every key anew; call it again where it was stopped."""
    settings = read_settings()
    sides = list(Side) if side is None else [Side(side)]
    done = {
        each: rotate(keys_folder(directory, settings, each), place=service, progress=_progress(each)) for each in sides
    }
    lines = [
        f"The {each}' store has operator's key {rotation.version}; {rotation.keys} keys were wrapped anew"
        + (", going on where it was stopped." if rotation.resumed else ".")
        for each, rotation in done.items()
    ]
    answer(as_json, {each: asdict(rotation) for each, rotation in done.items()}, "\n".join(lines))


def _progress(side: Side) -> Callable[[int], None]:
    return lambda keys: note(f"{side}: {keys} keys")
