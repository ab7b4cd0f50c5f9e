"""How often the scan cries wolf: at 5 % it must do so in 3-7 % of data sets in which there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.stats.scan import scan_permutation, scan_poisson

pytestmark = pytest.mark.slow

# 2,000, not 500: the share then strays by 0.5 points by chance, so that ten tests stay within two of 5 %
SIMULATIONS, REPLICATIONS, SIDE, STEPS, REPORTS = 2000, 99, 7, 42, 250


def chances(null):
    """Chance of each cell and step; in the uneven null places and times differ greatly, but not together."""
    if null == "even":
        place, time = np.ones(SIDE * SIDE), np.ones(STEPS)
    else:
        x, y = np.divmod(np.arange(SIDE * SIDE), SIDE)
        place = np.exp(-np.hypot(x - 2, y - 4) / 1.5) + 0.02
        time = 1 + 0.8 * np.sin(np.arange(STEPS) / 5) + (np.arange(STEPS) % 7 == 5)
    chance = np.outer(place, time)
    return chance / chance.sum()


@pytest.mark.parametrize(
    ("form", "prospective"),
    [
        ("poisson", True),
        ("poisson", False),
        ("poisson in space", False),
        ("permutation", True),
        ("permutation", False),
    ],
)
@pytest.mark.parametrize("null", ["even", "uneven"])
def test_false_alarms(form, null, prospective):
    rng = np.random.default_rng([len(form), len(null), prospective])
    chance = chances(null)
    x, y = np.divmod(np.arange(SIDE * SIDE), SIDE)
    shared = {
        "radius_m": 300,
        "longest": 7,
        "prospective": prospective,
        "replications": REPLICATIONS,
        "rng": rng,
        "most_clusters": 1,
    }
    alarms, by_gumbel = 0, 0
    for _ in range(SIMULATIONS):
        drawn = rng.choice(chance.size, REPORTS, p=chance.ravel())
        if form == "permutation":
            cell, step = np.divmod(drawn, STEPS)
            result = scan_permutation(cell, step, x * 100.0, y * 100.0, STEPS, **shared)
        else:
            counts = np.bincount(drawn, minlength=chance.size).reshape(chance.shape)
            space = form == "poisson in space"
            result = scan_poisson(counts, chance, x * 100.0, y * 100.0, purely_spatial=space, **shared)
        alarms += bool(result.clusters) and result.clusters[0].p <= 0.05
        by_gumbel += bool(result.clusters) and result.clusters[0].p_gumbel <= 0.05
    print(
        f"{form}, {null}, prospective {prospective}: {alarms / SIMULATIONS:.1%}, {by_gumbel / SIMULATIONS:.1%}"
    )
    assert 0.03 <= alarms / SIMULATIONS <= 0.07
    assert 0.03 <= by_gumbel / SIMULATIONS <= 0.07
