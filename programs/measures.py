"""What the reports on the ground floor may count of this floor's data: one measure, activity by month.

A member is *active* in a month with at least one own deed in it: a check-in or any accepted day of data, whatever
the values and whatever the source. Values themselves never reach a report through here.
"""

from collections.abc import Set
from datetime import date
from uuid import UUID

import pandas as pd
from sqlalchemy.orm import Session

from programs.days import day_frame, event_frame


def active_months(db: Session, *, subjects: Set[UUID] | None, first: date, last: date) -> pd.DataFrame:
    """One row per subject and month with a deed between two days (inclusive): columns member, month ('2026-10')."""
    days = day_frame(db, subjects, first, last)
    events = event_frame(db, subjects, first, last)
    deeds = pd.concat(
        [
            pd.DataFrame({"member": days["member"], "month": pd.to_datetime(days["day"]).dt.strftime("%Y-%m")}),
            pd.DataFrame({"member": events["member"], "month": pd.to_datetime(events["at"]).dt.strftime("%Y-%m")}),
        ],
        ignore_index=True,
    )
    return deeds.drop_duplicates().sort_values(["member", "month"], ignore_index=True)
