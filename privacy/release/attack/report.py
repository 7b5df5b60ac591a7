"""The attacker's answer: what could be inferred, about whom, by which attack, with which confidence. Pure.

An inference is a *finding* where its confidence passes what was promised for everything in the tables together; the
strongest within the promise are told beside them, since no useful table tells nothing at all.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from privacy.release.attack.exact import Solved, solved
from privacy.release.attack.findings import Attack, Finding, Notebook, advantage
from privacy.release.attack.likelihood import Told, likelihoods
from privacy.release.attack.model import Model, tied
from privacy.release.attack.residue import averaged, off_grid
from privacy.release.attack.roster import Roster, read_roster
from privacy.release.attack.spending import Spending, anybody, overspent, spending, worst_case
from privacy.release.attack.tables import Tables, read_tables

RHO_YEAR = 0.25
"""What HR's reports of a calendar year may cost, where nothing else is given."""
FINDINGS_TOLD = 500
TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that was found.

    bound: the promised confidence over all years. whole_history, one_month: advantage about somebody all of whose
    colleagues are known. people: of the roster, known how many.
    """

    tables: Tables
    roster: Roster | None
    bound: float
    findings: Sequence[Finding]
    within: Sequence[Finding]
    solved: Solved
    told: Sequence[Told]
    whole_history: float
    one_month: float
    years: Sequence[Spending]
    notes: Sequence[str]

    @property
    def confidence(self) -> float:
        """The surest inference of all."""
        return max((each.confidence for each in (*self.findings, *self.within)), default=0.0)

    def document(self) -> dict[str, object]:
        """For ``--json``."""
        known = 0 if self.roster is None else max((int(each.sum()) for each in self.roster.known.values()), default=0)
        return {
            "files": len({each.file for each in self.tables.figures}),
            "figures": len(self.tables.figures),
            "repeated_figures": self.tables.copies,
            "people": 0 if self.roster is None else len(self.roster.ids),
            "people_known": known,
            "bound": round(self.bound, 4),
            "confidence": round(self.confidence, 4),
            "findings": [each.told() for each in self.findings[:FINDINGS_TOLD]],
            "findings_count": len(self.findings),
            "attacks": {each: self._attack(each) for each in Attack},
            "withheld": self.solved.withheld,
            "withheld_recovered": self.solved.recovered,
            "somebody_all_of_whose_colleagues_are_known": {
                "whole_history": round(self.whole_history, 4),
                "one_month": round(self.one_month, 4),
            },
            "people_attacked": self._people(),
            "within_the_promise": [each.told() for each in self.within[:10]],
            "budget": [
                {"year": each.year, "rho": each.rho, "promised": each.promised, "kept": each.kept}
                for each in self.years
            ],
            "notes": list(self.notes),
        }

    def _attack(self, attack: Attack) -> dict[str, object]:
        found = [each for each in self.findings if each.attack is attack]
        rest = [each.confidence for each in self.within if each.attack is attack]
        surest = max([each.confidence for each in found] + rest, default=0.0)
        return {"findings": len(found), "confidence": round(surest, 4)}

    def _people(self) -> dict[str, object]:
        if not self.told:
            return {"people": 0}
        whole = [each.whole_history for each in self.told]
        month = [confidence for each in self.told for confidence in each.months.values()] or [0.0]
        return {
            "people": len({each.person for each in self.told}),
            "whole_history_mean": round(sum(whole) / len(whole), 4),
            "whole_history_max": round(max(whole), 4),
            "one_month_mean": round(sum(month) / len(month), 4),
            "one_month_max": round(max(month), 4),
        }

    def text(self) -> str:
        """For people."""
        lines = [
            f"{len(self.tables.figures)} figures; promised: at most {self.bound:.2f} about anybody "
            f"(0 = no better than guessing, 1 = certain).",
            "Found beyond that: nothing." if not self.findings else f"Found beyond that: {len(self.findings)}.",
            *(f"  {each.sentence()}" for each in self.findings[:30]),
        ]
        if len(self.findings) > 30:
            lines.append("  … the rest with --json")
        if self.solved.withheld:
            lines.append(f"Withheld cells recovered: {self.solved.recovered} of {self.solved.withheld}.")
        lines.append(
            f"Somebody all of whose colleagues are known: {self.whole_history:.2f} over the whole history, "
            f"{self.one_month:.2f} in one month."
        )
        for each in self.years:
            cost = "no bound" if each.rho is None else f"rho = {each.rho:.4f}"
            lines.append(f"Cost of {each.year}: {cost}, promised {each.promised:g}.")
        return "\n".join([*lines, *(f"Note: {each}" for each in self.notes)])


def attacked(
    files: Mapping[str, str],
    *,
    public: str | None = None,
    public_file: str = "public.csv",
    rho_year: float = RHO_YEAR,
) -> Report:
    """Attack some published tables, given by file name, with a public roster where there is one.

    Raises: Invalid, naming file and line.
    """
    tables = read_tables(files)
    roster = None if public is None else read_roster(public, file=public_file)
    models, notes = tied(tables, roster or anybody(tables))
    bound = advantage(math.sqrt(2 * rho_year * tables.years))
    out = solved(tables, [_of_strangers(each) for each in models] if roster is not None else ())
    told = list(likelihoods(tables, models, pmfs=tables.pmfs)) if roster is not None else []
    years = spending(tables, models, promised=rho_year)
    book = Notebook()
    book.extend(out.findings)
    book.extend(off_grid(tables))
    book.extend(averaged(tables, models))
    book.extend(overspent(years))
    book.extend(finding for each in told for finding in _about(each, tables))
    whole, month = worst_case(tables, models)
    every = book.all()
    return Report(
        tables=tables,
        roster=roster,
        bound=bound,
        findings=[each for each in every if each.confidence > bound + TOLERANCE],
        within=[each for each in every if each.confidence <= bound + TOLERANCE],
        solved=out,
        told=told,
        whole_history=whole,
        one_month=month,
        years=years,
        notes=[*notes, *dict.fromkeys(out.notes)],
    )


def _of_strangers(model: Model) -> Model:
    """The same for somebody who knows nobody, where the roster tells everybody's measures."""
    everybody = bool(model.roster.known_for(model.measure).all())
    return replace(model, roster=model.roster.without_knowledge()) if everybody else model


def _about(told: Told, tables: Tables) -> list[Finding]:
    """What was told about one person, as findings."""
    attack = Attack.one_unknown if told.stays else Attack.overlap
    months = [month for month, confidence in told.months.items() if confidence >= told.one_month > 0]
    inference = "took part in some months only" if told.partly else "took part in every month, or never"
    one_month = told.one_month, "took part in this month or not", months
    found = [(told.whole_history, inference, list(told.months)), one_month]
    return [
        Finding(
            attack=attack,
            confidence=confidence,
            inference=words,
            measure=told.measure,
            people=(told.person,),
            months=tuple(tables.month(each) for each in about),
        )
        for confidence, words, about in found
        if confidence > 0
    ]
