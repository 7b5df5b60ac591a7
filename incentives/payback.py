"""What comes back to those who paid, when a collective's money has come to the end of its term. Pure.

The formula is agreed beforehand and knows nothing but contract data and published figures:

    left   = max(0, everything paid - max(0, published coins of all years))
    agreed = floor(left x agreed percent)
    back   = agreed, over the payers by the agreed key, to nobody more than that payer paid

in whole coins, so that it is exact to the cent: payments are whole coins too. The published total is noisy and may lie
below nothing or above what was paid; what the books hold beyond what comes back, and what they lack of it, is carried
by whoever runs the platform. So no payer ever learns what was really left.
"""

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from privacy.errors import Invalid

PAID = "paid"
"""The key by which everybody gets back in proportion to what each paid."""
WEIGHT_MAX = 1_000
SPLIT_CHARACTERS_MAX = 120
K = TypeVar("K", bound=Hashable)
Payer = tuple[str, UUID]
"""What kind of payer, and which organisation."""


def read_split(text: str, kinds: tuple[str, ...]) -> Mapping[str, int] | None:
    """The key: None for ``paid``, else weights by kind of payer, as in ``employer=60,insurer=40``. Raises Invalid."""
    if text == PAID:
        return None
    weights: dict[str, int] = {}
    for part in text.split(","):
        kind, _, weight = part.strip().partition("=")
        if kind not in kinds or kind in weights or not re.fullmatch(r"[1-9][0-9]{0,3}", weight):
            raise Invalid(
                f"A key is `{PAID}`, or a weight for each kind of payer once, such as employer=60,insurer=40.",
                field="split",
            )
        weights[kind] = int(weight)
        if weights[kind] > WEIGHT_MAX:
            raise Invalid(f"A weight is a whole number from 1 to {WEIGHT_MAX}.", field="split")
    return weights


def written_split(weights: Mapping[str, int] | None) -> str:
    """The key as it is kept and read again."""
    return PAID if weights is None else ",".join(f"{kind}={weight}" for kind, weight in sorted(weights.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidBack:
    """What comes back, in coins. left: of everything paid, by the published figures; back: of it, by payer."""

    left_coins: int
    agreed_coins: int
    back_coins: Mapping[Payer, int]


def pay_back(
    paid_coins: Mapping[Payer, int], published_coins: int, *, weights: Mapping[str, int] | None, percent: int
) -> PaidBack:
    """Apply the formula. weights: by kind of payer, None where everybody counts by what was paid.

    A kind without a weight gets nothing. Raises: Invalid (percent).
    """
    if type(percent) is not int or not 0 <= percent <= 100:
        raise Invalid("What comes back is a whole percent from 0 to 100.", field="back_percent")
    left = max(0, sum(paid_coins.values()) - max(0, published_coins))
    agreed = left * percent // 100
    return PaidBack(left_coins=left, agreed_coins=agreed, back_coins=_back(paid_coins, agreed, weights))


def _back(paid_coins: Mapping[Payer, int], agreed: int, weights: Mapping[str, int] | None) -> dict[Payer, int]:
    if weights is None:
        return shared(agreed, paid_coins, most=paid_coins)
    kinds: dict[str, int] = {}
    for (kind, _), coins in paid_coins.items():
        kinds[kind] = kinds.get(kind, 0) + coins
    back = dict.fromkeys(paid_coins, 0)
    for kind, coins in shared(agreed, {kind: weights.get(kind, 0) for kind in kinds}, most=kinds).items():
        own = {payer: paid for payer, paid in paid_coins.items() if payer[0] == kind}
        back |= shared(coins, own, most=own)
    return back


def shared(total: int, weights: Mapping[K, int], *, most: Mapping[K, int]) -> dict[K, int]:
    """A whole total in proportion to whole weights, to nobody more than ``most``; the largest remainders go first.

    What somebody cannot take goes to the others. It adds up to the total, or to everything that can be taken where
    that is less; whoever has no weight gets nothing.
    """
    parts = dict.fromkeys(weights, 0)
    waiting = [key for key in sorted(weights, key=str) if weights[key] > 0 and most[key] > 0]
    left = total
    while waiting and left > 0:
        whole = sum(weights[key] for key in waiting)
        full = [key for key in waiting if left * weights[key] >= most[key] * whole]
        if not full:
            parts |= _by_remainders(left, {key: weights[key] for key in waiting})
            break
        for key in full:
            parts[key] = most[key]
        left -= sum(most[key] for key in full)
        waiting = [key for key in waiting if key not in full]
    return parts


def _by_remainders(total: int, weights: Mapping[K, int]) -> dict[K, int]:
    whole = sum(weights.values())
    parts = {key: total * weight // whole for key, weight in weights.items()}
    rest = total - sum(parts.values())
    for key in sorted(weights, key=lambda each: (-(total * weights[each] % whole), str(each)))[:rest]:
        parts[key] += 1
    return parts
