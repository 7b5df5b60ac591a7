"""Lines of retention: from which day on rows of a category are kept; recorded before anything older goes."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Date, String
from sqlalchemy.orm import Mapped, mapped_column

from privacy.store.holding import Column, Holding, Keeping, plain

_COLUMNS: Mapping[str, Column] = {
    "category": plain("which rows: a category of docs/privacy.md"),
    "before_day": plain("rows of days before this one go; days up to this one are closed"),
}


class RetentionLineColumns:
    """Rows of a category before a day may go: the triggers of tables that only grow ask this table."""

    __append_only__ = True

    category: Mapped[str] = mapped_column(String(20), primary_key=True)
    before_day: Mapped[date] = mapped_column(Date, primary_key=True)


def line_holding() -> Holding:
    """What is decided about lines."""
    return Holding(
        about="From which day on rows of a category are kept.",
        columns=_COLUMNS,
        keeping=Keeping.operation,
        not_exported="a rule of the installation, about nobody",
    )
