"""``python -m vitaal``: the command line."""

from .cli import main

main(prog_name="vitaal")
