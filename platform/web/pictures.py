"""Pictures of published estimates: geometry only; templates draw it as SVG with a table beside. Pure.

Estimates are shares of a group in percent, each with the interval that a reader is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FIGURES = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """One of ten people: how much of it is certainly coloured, and how much of it only perhaps, from 0 to 1."""

    sure: float
    perhaps: float


def figures(low: float, high: float) -> list[Figure]:
    """Ten people for an interval in percent: coloured up to ``low``, hatched up to ``high``."""
    return [Figure(_part(low, position), _part(high, position) - _part(low, position)) for position in range(FIGURES)]


def _part(percent: float, position: int) -> float:
    """How much of the figure at this position lies below a percentage."""
    return min(1.0, max(0.0, percent / FIGURES - position))


@dataclass(frozen=True, slots=True)
class Estimate:
    """One published share of a group at one time, in percent; the label is already in the reader's language."""

    label: str
    value: float
    low: float
    high: float
    breaks: bool = False
    """A new count starts here (a new year), so that no line leads to it."""


@dataclass(frozen=True, slots=True)
class Dot:
    """Where one estimate stands in the picture."""

    x: float
    y: float
    top: float
    bottom: float
    label: str


@dataclass(frozen=True, slots=True)
class Trend:
    """The picture of estimates over time: bands and lines as SVG paths, one of each per unbroken stretch."""

    width: float
    height: float
    bands: list[str]
    lines: list[str]
    dots: list[Dot]
    ruler: list[tuple[float, int]]
    label_every: int


LEFT, RIGHT, TOP, BOTTOM = 40.0, 14.0, 12.0, 30.0
HEIGHT = 220.0
LABEL_WIDTH = 44.0


def trend(estimates: Sequence[Estimate], *, width: float = 640.0) -> Trend:
    """Lay out estimates from left to right on a scale of 0 to 100 percent."""
    inner = width - LEFT - RIGHT
    step = inner / max(1, len(estimates) - 1)
    start = LEFT if len(estimates) > 1 else LEFT + inner / 2
    dots = [
        Dot(start + step * index, _y(each.value), _y(each.high), _y(each.low), each.label)
        for index, each in enumerate(estimates)
    ]
    stretches: list[list[Dot]] = []
    for dot, estimate in zip(dots, estimates, strict=True):
        if estimate.breaks or not stretches:
            stretches.append([])
        stretches[-1].append(dot)
    return Trend(
        width,
        HEIGHT,
        [_band(stretch) for stretch in stretches if len(stretch) > 1],
        [_line(stretch) for stretch in stretches if len(stretch) > 1],
        dots,
        [(_y(share), share) for share in (0, 25, 50, 75, 100)],
        max(1, -(-len(estimates) // int(inner // LABEL_WIDTH))),
    )


def _y(percent: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - percent / 100)


def _line(dots: Sequence[Dot]) -> str:
    return "M" + "L".join(f"{dot.x:.1f} {dot.y:.1f}" for dot in dots)


def _band(dots: Sequence[Dot]) -> str:
    above = [f"{dot.x:.1f} {dot.top:.1f}" for dot in dots]
    below = [f"{dot.x:.1f} {dot.bottom:.1f}" for dot in reversed(dots)]
    return "M" + "L".join([*above, *below]) + "Z"
