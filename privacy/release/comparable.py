"""Which small firms are comparable: pools chosen from sector, region and size, as facts of one day. Pure.

Firms are divided by what they are, the finest cells first: sector, region and size within a collective. What is too
small for a pool of its own is widened in a fixed order: over regions, then over sectors, then to all small firms of the
collective, then of the platform. Three laws hold, whatever the firms:

- every pool has at least 5 firms and 100 heads, and no firm is in two;
- either every firm has a pool or there is none at all: who is left over joins the nearest pool that is being made;
- firms that shared a pool the year before and still are candidates part only in groups of at least 5 firms and 100
  heads, so that no difference of an old and a new pool is a few firms that this choice has set apart. Firms that come
  and go by their contracts change pools from year to year all the same, as everybody may know; the figures of two
  years are about different months, and each has noise of its own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from privacy.release.plan import POOL_EMPLOYERS_MIN, POOL_HEADS_MIN

HEADS_TINY_MAX = 9
"""Most firms with staff have fewer than ten people, and they work otherwise than those with twenty."""
TINY, SMALL, ANY_SIZE = "1-9", "10-24", "1-24"
CELLS = 4
"""How often a cell can be looked at within a collective, the finest first; after that comes the platform."""
_NOTHING_EARLIER: Mapping[UUID, UUID] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """A firm as declared on the day."""

    employer: UUID
    collective: UUID
    sector: str
    region: str
    heads: int

    @property
    def size(self) -> str:
        """Its size class among small firms."""
        return TINY if self.heads <= HEADS_TINY_MAX else SMALL

    def cell(self, widened: int) -> tuple[object, ...]:
        """What it shares with its like, widened 0 to 4 times: without the region, the sector, all, the collective."""
        fine = (self.collective, self.size, plain(self.sector), plain(self.region))
        return fine[: CELLS - widened]


def plain(name: str) -> str:
    """A declared name as compared: capitals and spaces do not matter."""
    return " ".join(name.casefold().split())


@dataclass(slots=True)
class Grouped:
    """Firms that make a pool."""

    firms: dict[UUID, Firm] = field(default_factory=dict[UUID, Firm])

    @property
    def heads(self) -> int:
        """All their heads together."""
        return sum(each.heads for each in self.firms.values())

    @property
    def collective(self) -> UUID | None:
        """The one collective that all are under, None where there are several."""
        found = {each.collective for each in self.firms.values()}
        return found.pop() if len(found) == 1 else None

    def add(self, firms: Iterable[Firm]) -> None:
        """Take firms in."""
        self.firms |= {each.employer: each for each in firms}

    def said(self, what: str) -> list[str]:
        """The sectors, regions or sizes that occur, sorted; equal but for capitals is the same."""
        return sorted({plain(text): text for each in self._ordered() if (text := getattr(each, what))}.values())

    def _ordered(self) -> list[Firm]:
        return [self.firms[each] for each in sorted(self.firms)]


def is_enough(firms: Collection[Firm]) -> bool:
    """Whether these firms may be reported on together."""
    return len(firms) >= POOL_EMPLOYERS_MIN and sum(each.heads for each in firms) >= POOL_HEADS_MIN


def form_pools(firms: Iterable[Firm], *, earlier: Mapping[UUID, UUID] = _NOTHING_EARLIER) -> list[Grouped]:
    """The pools of these firms, the same for the same facts in whatever order they come.

    firms: those under 25 heads that have no pool this year. earlier: for each employer its pool of the year before.
    """
    waiting = sorted(firms, key=lambda each: each.employer)
    pools: list[Grouped] = []
    for widened in range(CELLS + 1):
        made, waiting = _divide(waiting, widened)
        pools += made
        waiting = _join(waiting, pools, widened) if widened >= CELLS - 1 else waiting
    _keep_together(pools, earlier)
    return sorted(pools, key=lambda each: min(each.firms))


def _divide(firms: Collection[Firm], widened: int) -> tuple[list[Grouped], list[Firm]]:
    cells: dict[tuple[object, ...], list[Firm]] = defaultdict(list)
    for each in firms:
        cells[each.cell(widened)].append(each)
    made, waiting = list[Grouped](), list[Firm]()
    for cell in cells.values():
        if is_enough(cell):
            made.append(Grouped())
            made[-1].add(cell)
        else:
            waiting += cell
    return made, waiting


def _join(firms: Collection[Firm], pools: Collection[Grouped], widened: int) -> list[Firm]:
    """Let each firm join the nearest pool with a firm of its own cell; those that find none."""
    before = [(pool, list(pool.firms.values())) for pool in pools]
    waiting: list[Firm] = []
    for firm in firms:
        near = [
            (min(steps), place)
            for place, (_, inside) in enumerate(before)
            if (steps := [step for each in inside if (step := _distance(firm, each)) <= widened])
        ]
        if near:
            before[min(near)[1]][0].add([firm])
        else:
            waiting.append(firm)
    return waiting


def _distance(one: Firm, other: Firm) -> int:
    """How often a cell must be widened to hold both."""
    return next(widened for widened in range(CELLS + 1) if one.cell(widened) == other.cell(widened))


def _keep_together(pools: list[Grouped], earlier: Mapping[UUID, UUID]) -> None:
    """Undo what would part a few firms from those that they shared a pool with the year before.

    The few move to the others; where what they leave would be too small, the two pools become one. Each step leaves
    fewer pools, or fewer parts, than there were: so it ends.
    """
    while (torn := _torn(pools, earlier)) is not None:
        few, home, away = torn
        rest = [each for key, each in away.firms.items() if key not in few]
        if is_enough(rest):
            home.add(away.firms.pop(key) for key in few)
        else:
            home.add(away.firms.values())
            pools[:] = [each for each in pools if each is not away]


def _torn(pools: Collection[Grouped], earlier: Mapping[UUID, UUID]) -> tuple[list[UUID], Grouped, Grouped] | None:
    """The first few firms that were parted, the pool that most of their like are in, and the one they are in."""
    parts: dict[UUID, list[tuple[list[UUID], Grouped]]] = defaultdict(list)
    for pool in sorted(pools, key=lambda each: min(each.firms)):
        inside: dict[UUID, list[UUID]] = defaultdict(list)
        for employer in sorted(pool.firms):
            if employer in earlier:
                inside[earlier[employer]].append(employer)
        for old, employers in inside.items():
            parts[old].append((employers, pool))
    for old in sorted(parts):
        _, home = max(parts[old], key=lambda part: (is_enough(_firms(*part)), len(part[0])))
        for employers, pool in parts[old]:
            if pool is not home and not is_enough(_firms(employers, pool)):
                return employers, home, pool
    return None


def _firms(employers: Collection[UUID], pool: Grouped) -> list[Firm]:
    return [pool.firms[each] for each in employers]
