"""When a collective's money ends, and what was agreed about what is left: contract data, alike in both stores. Pure.

Nothing is earned after the week of ``ends_on``, nothing is awarded after ``closes_on`` (what came late, such as a
watch's upload, is booked until then), and coins in purses live out their own term. What comes back follows from
``incentives.payback``. Declared in the employers' store (``admin.fund_terms``), copied by a job.
"""

from datetime import date
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from incentives.payback import SPLIT_CHARACTERS_MAX
from privacy.store.holding import Holding, Keeping, public


class FundTermColumns:
    """The term of one collective's money; its shape is the same in both stores."""

    __holding__: ClassVar[Holding | None] = Holding(
        about="When a collective's money ends, and what was agreed about what is left.",
        columns={
            "collective": public("whose"),
            "ends_on": public("the last day of the programmes that it pays for: that week is finished"),
            "closes_on": public("the last day on which what was earned by then is awarded"),
            "split": public("the agreed key: by what was paid, or weights by kind of payer"),
            "back_percent": public("how much of what is left comes back"),
        },
        keeping=Keeping.organisation,
        not_exported="Agreed between organisations; about no member.",
    )

    collective: Mapped[UUID] = mapped_column(primary_key=True)
    ends_on: Mapped[date]
    closes_on: Mapped[date]
    split: Mapped[str] = mapped_column(String(SPLIT_CHARACTERS_MAX))
    back_percent: Mapped[int]

    @declared_attr.directive
    def __table_args__(cls) -> tuple[CheckConstraint, ...]:
        """Invariants that the database holds too."""
        return (
            CheckConstraint("closes_on > ends_on", name="closes_after_end"),
            CheckConstraint("back_percent BETWEEN 0 AND 100", name="back_percent"),
        )
