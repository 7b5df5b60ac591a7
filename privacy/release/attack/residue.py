"""Attacks on careless noise: values off their grid, and the same answer given several times. Pure."""

from collections.abc import Iterator, Sequence

import numpy as np

from privacy.release.attack.findings import Attack, Finding, advantage
from privacy.release.attack.model import Model, amount_max
from privacy.release.attack.tables import Figure, Tables

FLOAT_CONFIDENCE = 0.9
"""What noise made with floating point gives away: the low bits of a sum tell which true numbers could not have made it
(Mironov 2012, "On significance of the least significant bits for differential privacy")."""


def off_grid(tables: Tables) -> Iterator[Finding]:
    """Values where a rounded, integer mechanism could not have put them."""
    for noisy in (True, False):
        found = [each for each in tables.figures if each.off_grid and each.exact != noisy]
        if found:
            inference = (
                "the digits after the point tell the noise, made with floats, from the true number"
                if noisy
                else "the digits after the point tell the exact number of people"
            )
            yield Finding(
                attack=Attack.residue,
                confidence=FLOAT_CONFIDENCE if noisy else 1.0,
                inference=f"{inference} (first: {found[0].where})",
                cell=", ".join(dict.fromkeys(f"{each.table} {each.cell}" for each in found[:5])),
                months=tuple(sorted({tables.month(each.end) for each in found})),
                figures=tuple(each.where for each in found),
            )


def averaged(tables: Tables, models: Sequence[Model]) -> Iterator[Finding]:
    """Figures that ask the same again with fresh noise: together they are as exact as one with less noise."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for at, figure in enumerate(tables.figures):
        if not figure.exact and figure.value is not None:
            groups.setdefault(_question(figure, at, models), []).append(at)
    correlated = {int(at) for positions, _ in tables.covariances for at in positions}
    for found in groups.values():
        figures = [tables.figures[at] for at in found]
        if len(figures) < 2 or all(at in correlated for at in found):
            continue
        weight = sum(1 / max(each.sigma, 1e-300) ** 2 for each in figures)
        first = figures[0]
        yield Finding(
            attack=Attack.averaging,
            confidence=advantage(_change(first) * float(np.sqrt(weight))),
            inference=f"{len(figures)} answers to one question average to a noise of {weight**-0.5:.2g} people",
            measure=first.measure,
            cell=f"{first.table} {first.cell}",
            months=tuple(tables.month(each) for each in range(first.start, first.end + 1)),
            figures=tuple(each.where for each in figures),
        )


def _change(figure: Figure) -> float:
    """The most that somebody's being there changes it."""
    return amount_max(figure.measure) * (figure.months if figure.stat == "sum" else 1)


def _question(figure: Figure, at: int, models: Sequence[Model]) -> tuple[object, ...]:
    """What it asks: of the same people and months where the roster tells, else of the same cell."""
    for model in models:
        rows = np.flatnonzero(model.positions == at)
        if len(rows):
            return figure.measure, figure.stat, np.packbits(model.masks[rows[0]]).tobytes()
    return figure.measure, figure.stat, figure.table, figure.cell, figure.start, figure.end, figure.cohort
