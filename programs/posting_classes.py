"""Which cost class a posting on the ledger has: from the version of its programme that was in force. Members' store."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import lru_cache
from uuid import UUID

from sqlalchemy.orm import Session

from incentives.funds import Payer
from incentives.tax import ClassOf
from incentives.tax_calculator import CostClass
from programs.cost_classes import EMPLOYER, class_for
from programs.offered import Version, versions_of


def ledger_name(key: str, collective: UUID) -> str:
    """A programme's name on the ledger: a key may be in use in several collectives."""
    return f"{key}:{collective.hex[:12]}"


def classes(db: Session, collectives: Collection[UUID]) -> ClassOf:
    """The class of whatever was earned in some collectives.

    Before a programme's first version its first counts; what no programme is known for is the employer's wage, as the
    law has it unless something else is designated.
    """
    versions: Mapping[str, Sequence[Version]] = {
        ledger_name(key, collective): found
        for collective in sorted(collectives)
        for key, found in versions_of(db, collective).items()
    }

    @lru_cache(maxsize=100_000)
    def class_of(payer: Payer, programme: str, day: date) -> CostClass:
        known = versions.get(programme)
        if not known:
            return CostClass.wage if payer == EMPLOYER else CostClass.other_payer
        place = bisect_right([each.effective_from for each in known], day)
        return class_for(known[max(0, place - 1)].programme, payer.value)

    return class_of
