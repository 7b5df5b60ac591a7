"""Attacks on figures without noise: withheld cells, totals less parts, overlaps, all or nothing, reconstruction. Pure.

Everything is asked of the integer bounds of one system that holds all tables together; the name of an attack is that of
the shortest way to its answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from privacy.release.attack.bounds import SLACK, SOLVES_MAX, Contradiction, Part, feasible
from privacy.release.attack.findings import Attack, Finding
from privacy.release.attack.model import Model
from privacy.release.attack.puzzles import Equation, Puzzle, Unknown, cell_puzzles, roster_puzzle
from privacy.release.attack.tables import Tables


@dataclass(slots=True)
class Solved:
    """What came out. withheld, recovered: cells; notes: what could not be tried and why."""

    findings: list[Finding]
    notes: list[str]
    withheld: int = 0
    recovered: int = 0
    solves: int = 0


def solved(tables: Tables, models: Sequence[Model]) -> Solved:
    """Attack everything without noise; without a roster, cells alone."""
    out = Solved([], [])
    out.withheld = sum(each.value is None for each in tables.figures)
    for puzzle in _puzzles(tables, models, out):
        _solve(puzzle, tables, out)
    for model in models:
        out.findings += _reached(model, tables)
    return out


def _puzzles(tables: Tables, models: Sequence[Model], out: Solved) -> Iterator[Puzzle]:
    if not models:
        yield from cell_puzzles(tables)
    for model in models:
        for spread in (False, True):
            puzzle = roster_puzzle(model, spread=spread)
            if puzzle is None:
                break
            if all(feasible(part) for part in puzzle.system.parts()):
                yield puzzle
                break
        else:
            out.notes.append(f"The figures about {model.measure} contradict one another: is their noise declared?")


def _solve(puzzle: Puzzle, tables: Tables, out: Solved) -> None:
    equations: dict[int, list[Equation]] = {}
    for equation in puzzle.equations:
        for unknown in equation.unknowns:
            equations.setdefault(unknown, []).append(equation)
    for part in puzzle.system.parts():
        own = list({id(each): each for at in part.unknowns for each in equations.get(at, ())}.values())
        if not any(each.told for each in own):
            continue
        if out.solves > SOLVES_MAX:
            out.notes.append("Not every cell was tried: these are too many for one attack.")
            return
        try:
            _solve_part(puzzle, part, own, tables, out)
        except Contradiction:
            out.notes.append(f"The figures about {puzzle.measure} contradict one another: is their noise declared?")


def _solve_part(puzzle: Puzzle, part: Part, equations: Sequence[Equation], tables: Tables, out: Solved) -> None:
    for equation in equations:
        if not equation.told:
            value = part.pinned(equation.unknowns)
            if value is not None:
                out.recovered += 1
                out.findings.append(_withheld(equation, equations, tables, puzzle.measure, value))
    for at in part.unknowns:
        if at >= len(puzzle.unknowns) or puzzle.unknowns[at].most == 0:
            continue
        unknown = puzzle.unknowns[at]
        value = part.pinned([at])
        if value is not None and (value < SLACK or value > unknown.most - SLACK):
            out.findings.append(
                _settled(
                    at,
                    unknown,
                    everybody=value > SLACK,
                    equations=equations,
                    tables=tables,
                    measure=puzzle.measure,
                )
            )
    out.solves += part.solves


def _withheld(equation: Equation, equations: Sequence[Equation], tables: Tables, measure: str, value: float) -> Finding:
    """A withheld cell that is not hidden."""
    figure = equation.figure
    siblings = [
        each
        for each in equations
        if each.told and each.figure.table == figure.table and each.figure.start == figure.start
    ]
    rest = {at for each in siblings for at in each.unknowns}
    ours = set(equation.unknowns)
    plain = any(
        each.told and each.figure.table != figure.table and ours <= set(each.unknowns) <= ours | rest
        for each in equations
    )
    return Finding(
        attack=Attack.totals_minus_parts if plain else Attack.suppressed,
        confidence=1.0,
        inference=f"the withheld number is {equation.known + value * equation.factor:g}",
        measure=measure,
        cell=f"{figure.table} {figure.cell}",
        months=(tables.month(figure.end),),
        figures=(figure.where,),
    )


def _settled(
    at: int, unknown: Unknown, *, everybody: bool, equations: Sequence[Equation], tables: Tables, measure: str
) -> Finding:
    """Some people of whom all, or none, took part."""
    attack, told_by = _named(at, unknown, equations)
    one = len(unknown.people) == 1
    if everybody:
        inference = "took part" if one else "every one of them took part"
    else:
        inference = "did not take part" if one else "none of them took part"
    return Finding(
        attack=attack,
        confidence=1.0,
        inference=inference,
        measure=measure,
        people=unknown.people,
        cell=unknown.cell,
        months=tuple(tables.month(each) for each in unknown.months),
        figures=tuple(each.figure.where for each in told_by),
    )


def _named(at: int, unknown: Unknown, equations: Sequence[Equation]) -> tuple[Attack, list[Equation]]:
    """The shortest way to it: one figure, two of them, or all together."""
    holding = [each for each in equations if each.told and at in each.unknowns]
    for each in holding:
        if set(each.unknowns) == {at}:
            alone = len(unknown.people) == 1 and each.size > 1
            return (Attack.one_unknown if alone else Attack.all_or_nothing), [each]
        if each.figure.value == 0 or (each.size and each.figure.value == each.size / (each.figure.people or 1)):
            return Attack.all_or_nothing, [each]
    told = [each for each in equations if each.told]
    for larger in holding:
        for smaller in told:
            if set(larger.unknowns) - set(smaller.unknowns) == {at} and set(smaller.unknowns) < set(larger.unknowns):
                parts = larger.figure.table != smaller.figure.table and larger.figure.start == smaller.figure.start
                return (Attack.totals_minus_parts if parts else Attack.overlap), [larger, smaller]
        inside = [each for each in told if at not in each.unknowns and set(each.unknowns) < set(larger.unknowns)]
        for table in sorted({each.figure.table for each in inside}):
            parts = [each for each in inside if each.figure.table == table]
            if set(larger.unknowns).difference(*(each.unknowns for each in parts)) == {at}:
                return Attack.totals_minus_parts, [larger, *parts]
    return Attack.reconstruction, holding


def _reached(model: Model, tables: Tables) -> Iterator[Finding]:
    """Reach over several months that is nobody or everybody."""
    for at, figure in enumerate(model.figures):
        if model.linear[at] or not figure.exact or figure.value is None or figure.round_base > 1 or figure.off_grid:
            continue
        people = figure.value * figure.people
        everybody = people >= model.sizes[at] > 0 and (figure.denominator or 0) <= model.sizes[at]
        if people == 0 or everybody:
            inside = model.masks[at].any(axis=1)[model.roster.kind]
            yield Finding(
                attack=Attack.all_or_nothing,
                confidence=1.0,
                inference="every one of them took part at least once" if everybody else "none of them ever took part",
                measure=model.measure,
                people=tuple(name for name, counts in zip(model.roster.ids, inside, strict=True) if counts),
                cell=f"{figure.table} {figure.cell}",
                months=tuple(tables.month(each) for each in range(figure.start, figure.end + 1)),
                figures=(figure.where,),
            )
