"""``vitaal programme preview``: what a programme will cost, and who gains or loses by a change, on simulated people."""

from dataclasses import asdict

import click

from programs.documents import read_programme
from programs.preview import Expected
from programs.preview import preview as previewed

from .common import answer, json_option
from .files import input_file, read_text


@click.command()
@input_file("file")
@click.option("--members", type=int, default=1_000, show_default=True, help="Employees to simulate.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number gives other people.")
@click.option("--coin-cents", type=int, default=10, show_default=True, help="What a coin is worth, in euro cents.")
@click.option("--against", metavar="FILE", help="The version before: also show who gains and who loses.")
@json_option
def preview(file: str, *, members: int, seed: int, coin_cents: int, against: str | None, as_json: bool) -> None:
    """Expect a year of the programme in FILE among simulated employees; nobody's own data is used.

    Ranges hold nine of ten simulated crowds.
    """
    text, name = read_text(file)
    programme = read_programme(text, file=name)
    before = None if against is None else read_programme(read_text(against)[0], file=against)
    found = previewed(programme, against=before, employees=members, seed=seed, coin_cents=coin_cents)
    cents = found.cost_cents
    euros = Expected(middle=cents.middle / 100, low=cents.low / 100, high=cents.high / 100)
    lines = [
        f"{programme.key} version {programme.version}, a year among {members:,} employees (simulated, seed {seed}):",
        f"  take part:            {_range(found.participants)}",
        f"  coins:                {_range(found.coins)}",
        f"  coins per participant {_range(found.coins_each)}",
        f"  cost in euros:        {_range(euros)}",
    ]
    lines += [
        f"  {each.group}: {each.winners_percent:.1f}% gain, {each.losers_percent:.1f}% lose,"
        f" {each.before_coins:,.1f} -> {each.after_coins:,.1f} coins on average"
        for each in found.changes
    ]
    document = {"key": programme.key, "version": programme.version, "seed": seed, **asdict(found)}
    answer(as_json, document, "\n".join(lines))


def _range(figure: Expected) -> str:
    return f"{figure.middle:,.0f} ({figure.low:,.0f} to {figure.high:,.0f})"
