"""Run by the Python of dp-accounting's own environment: the guarantee of Gaussian releases, recomputed from its events.

Reads from standard input a JSON object: ``scopes``: for each a list of ``[sensitivity_squared, scale_grains, grain,
count, whole]`` (whole: the sensitivity is the square of a whole number, so that the discrete Gaussian on one number
is the very mechanism), ``delta`` and ``years``. Writes for each scope rho, epsilon, the advantage of the best guess
after one year and after ``years``.
"""

import json
import math
import sys

import dp_accounting
from dp_accounting import pld, rdp

ORDERS = [1 + step / 20 for step in range(1, 400)] + list(range(21, 129)) + [160, 200, 256]
FINE_GRAINED = 60  # standard deviations above this: the discrete Gaussian is the Gaussian for all that floats can tell


def _pld(sensitivity_squared, scale, whole):
    if whole and scale < FINE_GRAINED:
        return pld.privacy_loss_distribution.from_discrete_gaussian_mechanism(
            scale, sensitivity=math.isqrt(sensitivity_squared)
        )
    return pld.privacy_loss_distribution.from_gaussian_mechanism(scale / math.sqrt(sensitivity_squared))


def _recomputed(events, delta, years):
    accountant = rdp.RdpAccountant(orders=ORDERS)
    loss = None
    for sensitivity_squared, scale_grains, grain, count, whole in events:
        scale = scale_grains / grain
        accountant.compose(dp_accounting.GaussianDpEvent(scale / math.sqrt(sensitivity_squared)), count)
        one = _pld(sensitivity_squared, scale, whole).self_compose(count)
        loss = one if loss is None else loss.compose(one)
    return {
        "rho": max(value / order for value, order in zip(accountant._rdp, accountant._orders, strict=True)),
        "epsilon": float(accountant.get_epsilon(delta)),
        "epsilon_gaussian": float(loss.get_epsilon_for_delta(delta)),
        "advantage": float(loss.get_delta_for_epsilon(0)),
        "advantage_after_years": float(loss.self_compose(years).get_delta_for_epsilon(0)),
    }


def main():
    asked = json.load(sys.stdin)
    found = {name: _recomputed(events, asked["delta"], asked["years"]) for name, events in asked["scopes"].items()}
    json.dump(found, sys.stdout)


main()
