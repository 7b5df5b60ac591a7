"""Amounts of money as people type them in forms."""

import re

from wtforms import StringField
from wtforms.validators import ValidationError

from .language import later as _l

_WRITTEN = (
    re.compile(r"(?P<whole>[0-9]{1,13})(?:[.,](?P<cents>[0-9]{1,2}))?"),
    re.compile(r"(?P<whole>[0-9]{1,3}(?:\.[0-9]{3})+)(?:,(?P<cents>[0-9]{1,2}))?"),
    re.compile(r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+)(?:\.(?P<cents>[0-9]{1,2}))?"),
)
"""500000 or 500000,50; 500.000,50 as in Dutch; 500,000.50 as in English."""
_EUROS_DIGITS_MAX = 13


def cents_of(text: str) -> int | None:
    """The whole cents of an amount in euros, or None where it cannot be read as one."""
    plain = re.sub(r"[\s€]", "", text)
    for pattern in _WRITTEN:
        found = pattern.fullmatch(plain)
        if found is not None:
            whole = re.sub(r"[.,]", "", found["whole"])
            if len(whole) <= _EUROS_DIGITS_MAX:
                return int(whole) * 100 + int((found["cents"] or "0").ljust(2, "0"))
    return None


def euros_written(_form: object, field: StringField) -> None:
    """A validator: refuse what is no amount."""
    if (field.data or "").strip() and cents_of(field.data or "") is None:
        raise ValidationError(str(_l("Write the amount in euros, such as 500000 or 1250,50.")))
