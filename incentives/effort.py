"""Effort in minutes of moderate activity, whatever the way of moving. Pure.

A minute of vigorous activity counts as two of moderate activity (WHO guidelines on physical activity and sedentary
behaviour, 2020).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
UNKNOWN = -1
VIGOROUS_AS_MODERATE = 2


def effort_minutes(amounts: Mapping[str, Ints]) -> Ints:
    """Minutes of moderate effort of each cell, in thousandths; -1 where no metric says anything about it.

    amounts: the known day metrics in thousandths of their unit, -1 where unknown, all of one shape.
    """
    shape = next(iter(amounts.values())).shape
    unknown = np.full(shape, UNKNOWN, dtype=np.int64)
    moderate, vigorous = amounts.get("moderate_minutes", unknown), amounts.get("vigorous_minutes", unknown)
    total = np.maximum(moderate, 0) + VIGOROUS_AS_MODERATE * np.maximum(vigorous, 0)
    return np.where((moderate == UNKNOWN) & (vigorous == UNKNOWN), UNKNOWN, total)
