"""Input files of commands: a path, or ``-`` for standard input; what cannot be read is refused in one sentence."""

import sys
from pathlib import Path

import click

from privacy.errors import Invalid

from .common import Command

BYTES_MAX = 2_000_000_000


def input_file(name: str) -> Command:
    """An argument that names an input file."""
    return click.argument(name, type=click.Path(allow_dash=True))


def read_bytes(file: str) -> tuple[bytes, str]:
    """The content of a file or of standard input, and the name to use in messages. Raises: Invalid."""
    if file == "-":
        return sys.stdin.buffer.read(), "standard input"
    path = Path(file)
    try:
        if path.is_file() and path.stat().st_size > BYTES_MAX:
            raise Invalid(f"{file}: is larger than {BYTES_MAX // 1_000_000_000} GB", field="file")
        return path.read_bytes(), file
    except OSError as error:
        raise Invalid(
            f"{file}: cannot be read: {(error.strerror or 'unknown reason').lower()}", field="file"
        ) from error


def read_text(file: str) -> tuple[str, str]:
    """The same as UTF-8 text. Raises: Invalid, naming the line."""
    data, name = read_bytes(file)
    try:
        return data.decode("utf-8-sig"), name
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Invalid(f"{name}: line {line} is not UTF-8 text", field="file") from error
