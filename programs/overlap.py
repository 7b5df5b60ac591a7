"""Overlap between sources is resolved, never summed: each moment is counted once, from the best source that covers it.

People wear a watch and carry a phone, and one source arrives by two paths. ``resolve`` sweeps over the records'
intervals and gives every segment to the best record that covers it; a record counts pro rata for what it keeps of its
own length. The best record is that of

1. the highest-ranking source: the member's own order first, else watch > band > ring > phone > typed by hand; whatever
   is not listed ranks lowest;
2. among equals, the latest change;
3. among those, the higher rate per unit of time (in the member's favour), then by name, so that the order of arrival
   never matters. A rate is the same before and after splitting a record pro rata, and so is the total.

An instant (start = end) has no extent: it counts whole unless a better record covers that point, and it takes
nothing from a worse record around it. Equal to the interval around it, it is taken to be part of that.

Time is in whole numbers of any one unit. Shares are added as integers in units of 2^-160, so that totals do not depend
on the order of addition and a record that keeps its whole length counts exactly. The work is n log n.
"""

import heapq
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import inf
from typing import NamedTuple

import numpy as np

DEVICE_RANKS = {"watch": 0, "band": 1, "ring": 2, "phone": 3}
TYPED_RANK = 4
UNLISTED_RANK = 5
_SCALE_BITS = 160
_KINDS = {
    "watch": "watch",
    "smartwatch": "watch",
    "band": "band",
    "wristband": "band",
    "ring": "ring",
    "phone": "phone",
    "iphone": "phone",
    "smartphone": "phone",
}


class Interval(NamedTuple):
    """What one source says about the time from ``start`` to ``end``; value: finite and not negative."""

    start: int
    end: int
    value: int | float | Fraction
    source: str
    device: str = ""
    manual: bool = False
    modified: int | None = None


class Segment(NamedTuple):
    """A stretch of time, the source it was given to and that source's share of the value."""

    start: int
    end: int
    value: float
    source: str
    device: str


class Resolved(NamedTuple):
    """total: the sum of the segments' values, rounded once."""

    total: float
    segments: list[Segment]


class _Piece(NamedTuple):
    """A stretch of time and the place of its record in the order of quality, 0 the best."""

    start: int
    end: int
    place: int


def device_kind(name: str) -> str:
    """The kind that a device's name tells (``Apple Watch`` is a watch), or an empty string."""
    for word in re.findall(r"[a-z]+", name.lower()):
        if word in _KINDS:
            return _KINDS[word]
    return ""


def resolve(records: Iterable[Interval], priority: Sequence[str] = ()) -> Resolved:
    """Give every moment to one record.

    priority: names of sources, the best first; sources that are not named come after those that are.
    """
    ranked = _best_first(list(records), priority)
    pieces = _with_instants(_sweep(ranked), ranked)
    return Resolved(_total(pieces, ranked), [_segment(piece, ranked[piece.place]) for piece in pieces])


def _best_first(records: list[Interval], priority: Sequence[str]) -> list[Interval]:
    if len(records) < 2:
        return records
    named = {source: place for place, source in reversed(list(enumerate(priority)))}
    origins = [record[3:6] for record in records]
    known = sorted(set(origins))
    levels = sorted({_rank(origin, named) for origin in known})
    level = {origin: levels.index(_rank(origin, named)) for origin in known}
    name = {origin: place for place, origin in enumerate(known)}
    order = np.lexsort(  # the last key counts first
        (
            [record.end for record in records],
            [record.start for record in records],
            [name[origin] for origin in origins],
            [_slowness(record) for record in records],
            [inf if record.modified is None else -record.modified for record in records],
            [level[origin] for origin in origins],
        )
    )
    return [records[place] for place in order.tolist()]


def _rank(origin: tuple[str, str, bool], named: Mapping[str, int]) -> tuple[float, int]:
    name, device, manual = origin
    kind = TYPED_RANK if manual else DEVICE_RANKS.get(device_kind(device), UNLISTED_RANK)
    return named.get(name, inf), kind


def _slowness(record: Interval) -> float:
    length = record.end - record.start
    return -float(record.value / length) if length else inf


def _sweep(ranked: list[Interval]) -> list[_Piece]:
    """The stretches of the best interval at every moment."""
    starts, ends = [record.start for record in ranked], [record.end for record in ranked]
    found: list[_Piece] = []
    covering: list[int] = []  # places, the best on top; those that have ended leave when they surface
    now = 0
    for place in [*np.argsort(starts, kind="stable").tolist(), None]:
        upto = None if place is None else starts[place]
        while covering and (upto is None or now < upto):
            best = covering[0]
            if ends[best] <= now:
                heapq.heappop(covering)
                continue
            until = ends[best] if upto is None else min(ends[best], upto)
            if found and found[-1].place == best and found[-1].end == now:
                found[-1] = _Piece(found[-1].start, until, best)
            else:
                found.append(_Piece(now, until, best))
            now = until
        if place is None or upto is None:
            break
        now = upto
        hidden = covering and covering[0] < place and ends[covering[0]] >= ends[place]
        if ends[place] > upto and not hidden:
            heapq.heappush(covering, place)
    return found


def _with_instants(pieces: list[_Piece], ranked: list[Interval]) -> list[_Piece]:
    best: dict[int, int] = {}
    for place, record in enumerate(ranked):
        if record.start == record.end:
            best.setdefault(record.start, place)
    if not best:
        return pieces
    starts = [piece.start for piece in pieces]
    kept: list[_Piece] = []
    for point, place in best.items():
        at = bisect_right(starts, point) - 1
        covered = at >= 0 and pieces[at].end > point and pieces[at].place < place
        if not covered:
            kept.append(_Piece(point, point, place))
    return sorted([*pieces, *kept])


def _total(pieces: list[_Piece], ranked: list[Interval]) -> float:
    kept = [0] * len(ranked)
    total = 0
    for start, end, place in pieces:
        if start == end:
            total += _share(ranked[place].value, 1, 1)
        else:
            kept[place] += end - start
    for length, record in zip(kept, ranked, strict=True):
        if length:
            total += _share(record.value, length, record.end - record.start)
    return total / (1 << _SCALE_BITS)


def _share(value: float | Fraction, part: int, whole: int) -> int:
    """``value * part / whole`` in units of 2^-160."""
    numerator, denominator = value.as_integer_ratio()
    return ((numerator * part) << _SCALE_BITS) // (denominator * whole)


def _segment(piece: _Piece, record: Interval) -> Segment:
    length = record.end - record.start
    value = (
        float(record.value)
        if piece.end - piece.start == length
        else float(Fraction(record.value) * Fraction(piece.end - piece.start, length))
    )
    return Segment(piece.start, piece.end, value, record.source, record.device)
