"""The peers of our forecast, worked out by loops over a tiny town: no lead may come from a peer made wrongly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pingan_geo.spatial.cells import cells_of, disk
from pingan_geo.stats.forecasting.counts import QUARTER_D, QUARTER_WEIGHT, YEAR_D, YEAR_WEIGHT
from pingan_geo.stats.forecasting.history import history_before, place_events, region_of
from pingan_geo.stats.forecasting.kernels import PROMAP_REACH_D, PROMAP_REACH_M
from pingan_geo.stats.forecasting.methods import forecaster

FIRST = np.datetime64("2024-01-01T00:00:00")
SPAN_D = 500.0
REGION = region_of(disk(cells_of([120.6], [30.8], 10)[0], 3))
N = 90


@pytest.fixture
def known():
    rng = np.random.default_rng(8)
    x, y = rng.normal(0, 150, (2, N))
    x[:20], y[:20] = 40.0, -60.0  # a place with many
    lon, lat = REGION.plane.inverse(x, y)
    time = FIRST + np.sort(rng.integers(0, int(SPAN_D * 86_400), N)).astype("timedelta64[s]")
    events = place_events(REGION, lon, lat, time)
    return history_before(events, FIRST + np.timedelta64(int(SPAN_D), "D"), since=FIRST)


def forecast(name, known):
    return forecaster(name)(known, 28.0, np.random.default_rng(0))


def counts(known, days):
    found = [0.0] * len(REGION)
    for cell, age in zip(known.cell, known.age_d, strict=True):
        if cell >= 0 and age <= days:
            found[cell] += 1
    return found


def test_lee_o_eck_by_hand(known):
    long, year, quarter = (counts(known, days) for days in (math.inf, YEAR_D, QUARTER_D))
    plainly = [
        28
        * (a / SPAN_D + YEAR_WEIGHT * b / YEAR_D + QUARTER_WEIGHT * c / QUARTER_D)
        / (1 + YEAR_WEIGHT + QUARTER_WEIGHT)
        for a, b, c in zip(long, year, quarter, strict=True)
    ]
    np.testing.assert_allclose(forecast("lee_o_eck", known), plainly)


def test_gi_star_by_hand(known):
    count, n = counts(known, math.inf), len(REGION)
    mean = sum(count) / n
    deviation = math.sqrt(sum(each**2 for each in count) / n - mean**2)
    z = []
    for cell in range(n):
        ring = [cell]
        for left, right in zip(REGION.left, REGION.right, strict=True):
            if left == cell:
                ring.append(right)
            elif right == cell:
                ring.append(left)
        k = len(ring)
        expected = deviation * math.sqrt((n * k - k * k) / (n - 1))
        z.append((sum(count[each] for each in ring) - mean * k) / expected)
    above = [each - min(z) for each in z]
    total = sum(count) * 28 / SPAN_D
    np.testing.assert_allclose(forecast("gi_star", known), [each / sum(above) * total for each in above])


def test_promap_by_hand(known):
    half = math.sqrt(REGION.area_m2.mean() * 2 / math.sqrt(3)) / 2
    scores = []
    for x, y in zip(REGION.x_m, REGION.y_m, strict=True):
        worth = 0.0
        for at_x, at_y, age in zip(known.x_m, known.y_m, known.age_d, strict=True):
            away = math.hypot(at_x - x, at_y - y)
            if age <= PROMAP_REACH_D and away <= PROMAP_REACH_M:
                worth += 1 / (1 + away / half) / (1 + math.floor(age / 7))
        scores.append(worth)
    total = sum(counts(known, math.inf)) * 28 / SPAN_D
    np.testing.assert_allclose(forecast("promap", known), [each / sum(scores) * total for each in scores])
