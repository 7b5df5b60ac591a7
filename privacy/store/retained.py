"""The employers' store's lines of retention."""

from privacy.retention_columns import RetentionLineColumns, line_holding
from privacy.store.employers import EmployersBase
from privacy.store.rights import READ


class DeclaredRetentionLine(RetentionLineColumns, EmployersBase):
    """See ``RetentionLineColumns``."""

    __tablename__ = "retention_line"
    __face_may__ = READ
    __holding__ = line_holding()
