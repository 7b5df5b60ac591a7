"""``vitaal incentives equity``: does equal effort earn equal coins? Pure: opens no store."""

import sys
from itertools import groupby
from typing import Any

import click

from incentives.cohorts import ACT_MINUTES, WEEKS
from incentives.equity import MEMBERS, TOLERANCE, Audit, Row, audit
from incentives.vocabulary import Language
from programs.documents import read_programme

from .common import answer, json_option, note
from .files import read_text

_WORDS = {
    "en": {
        "head": "coins per hour of effort",
        "members": "most members",
        "ratio": "ratio",
        "all": "all coins",
        "moving": "coins for moving",
        "way": "way of moving",
        "shift": "shift",
        "contract": "contract",
        "age": "age",
        "equal": "equal",
        "less": "LESS",
        "more": "MORE",
        "unsure": "NOT CERTAIN",
        "passes": "Equal effort earns equal coins: every group within {percent}%.",
        "fails": "Equal effort does not earn equal coins.",
        "how": "{members} people a group, {weeks} weeks, seed {seed}; ± is a 95% interval; a tick is {act} minutes.",
    },
    "nl": {
        "head": "munten per uur inspanning",
        "members": "meeste deelnemers",
        "ratio": "verhouding",
        "all": "alle munten",
        "moving": "munten voor bewegen",
        "way": "manier van bewegen",
        "shift": "dienst",
        "contract": "contract",
        "age": "leeftijd",
        "equal": "gelijk",
        "less": "MINDER",
        "more": "MEER",
        "unsure": "NIET ZEKER",
        "passes": "Gelijke inspanning geeft gelijke munten: elke groep binnen {percent}%.",
        "fails": "Gelijke inspanning geeft geen gelijke munten.",
        "how": "{members} per groep, {weeks} weken, seed {seed}; ± is een 95%-interval; een vinkje: {act} minuten.",
    },
}


@click.group()
def incentives() -> None:
    """What members earn."""


@incentives.command()
@click.option("--programme", "document", type=click.Path(allow_dash=True), required=True, help="The document (YAML).")
@click.option("--members", type=int, default=MEMBERS, show_default=True, help="People in each group.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the people's effort.")
@click.option("--lang", type=click.Choice(["en", "nl"]), default="en", show_default=True, help="Language of the words.")
@json_option
def equity(*, document: str, members: int, seed: int, lang: Language, as_json: bool) -> None:
    """Audit whether equal effort earns equal coins by way of moving, shift, contract and age; status 1 where not.

    Synthetic people put in the same effort, each in their own way; - reads standard input.
    """
    text, name = read_text(document)
    programme = read_programme(text, file=name)
    found = audit(programme.rules, members=members, seed=seed)
    answer(as_json, _document(programme.key, found), _text(programme.title.text(lang), found, lang))
    if not found.equal:
        note(f"error: {_WORDS[lang]['fails']}")
        sys.exit(1)


def _document(key: str, found: Audit) -> dict[str, Any]:
    return {
        "programme": key,
        "equal": found.equal,
        "members": found.members,
        "seed": found.seed,
        "weeks": WEEKS,
        "tolerance": TOLERANCE,
        "cohorts": [
            {
                "coins": row.part,
                "dimension": row.cohort.dimension,
                "cohort": row.cohort.key,
                "coins_per_hour": round(row.coins_per_hour, 4),
                "members_low": round(row.low, 4),
                "members_high": round(row.high, 4),
                "ratio": round(row.ratio, 4),
                "ratio_low": round(row.ratio_low, 4),
                "ratio_high": round(row.ratio_high, 4),
                "verdict": row.verdict,
            }
            for row in found.rows
        ],
        "findings": [each.model_dump() for each in found.findings],
    }


def _text(title: str, found: Audit, lang: Language) -> str:
    words = _WORDS[lang]
    lines = [title, f"{'':<32} {words['head']:>26} {words['members']:>18} {words['ratio']:>16}"]
    for (part, dimension), rows in groupby(found.rows, key=lambda row: (row.part, row.cohort.dimension)):
        lines += ["", f"{words[dimension]}, {words[part]}", *(_line(row, lang) for row in rows)]
    lines += ["", *(f"- {each.text(lang)}" for each in found.findings)]
    how = words["how"].format(members=found.members, weeks=WEEKS, seed=found.seed, act=ACT_MINUTES)
    lines.append(words["passes"].format(percent=round(TOLERANCE * 100)) if found.equal else words["fails"])
    return "\n".join([*lines, how])


def _line(row: Row, lang: Language) -> str:
    spread = f"{row.low:.2f} - {row.high:.2f}"
    ratio = f"{row.ratio:.3f} ± {(row.ratio_high - row.ratio_low) / 2:.3f}"
    verdict = _WORDS[lang][row.verdict]
    return f"  {row.cohort.title.text(lang):<30} {row.coins_per_hour:>26.2f} {spread:>18} {ratio:>16}  {verdict}"
