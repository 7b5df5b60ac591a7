"""``python -m vitaal``: the command line."""

from vitaal.cli import main

main(prog_name="vitaal")
