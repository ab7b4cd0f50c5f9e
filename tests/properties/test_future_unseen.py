"""Nobody profits from what came later: no forecast changes when everything from its origin on is changed.

The plant: from the origin on, all reports lie in cells where none was before. Whoever saw any of it would list
them.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pingan_geo.spatial.cells import cells_of, centres, disk
from pingan_geo.stats.evaluation import origins, score
from pingan_geo.stats.forecasting.history import history_before, place_events, region_of
from pingan_geo.stats.forecasting.methods import METHODS, forecaster

FIRST = np.datetime64("2025-01-01T00:00:00")
END = FIRST + np.timedelta64(260, "D")
HORIZON_D = 28.0
REGION = region_of(disk(cells_of([120.6], [30.8], 9)[0], 5))
LON, LAT = centres(REGION.cells)
#: No report before an origin lies here.
PLANTED = np.arange(0, len(REGION), 9)
USUAL = np.setdiff1d(np.arange(len(REGION)), PLANTED)


def town(seed: int, n: int = 260):
    """Return places and times of reports that keep away from the planted cells."""
    rng = np.random.default_rng(seed)
    heavy = rng.gamma(0.4, 1.0, len(USUAL))
    cell = rng.choice(USUAL, n, p=heavy / heavy.sum())
    second = np.sort(rng.integers(0, 260 * 86_400, n))
    second[0] = 0
    jitter = rng.normal(0, 1e-4, (2, n))
    return LON[cell] + jitter[0], LAT[cell] + jitter[1], FIRST + second.astype("timedelta64[s]")


def changed(lon, lat, time, origin, rng, how):
    """Return the same reports before the origin, and others from then on."""
    lon, lat, time = lon.copy(), lat.copy(), time.copy()
    later = time >= origin
    n = int(later.sum())
    if how == "gone":
        return lon[~later], lat[~later], time[~later]
    cell = rng.choice(PLANTED, n)
    lon[later], lat[later] = LON[cell], LAT[cell]
    if how == "at once":  # the very first instant that is not known
        time[later] = origin
    if how == "many":
        lon, lat = (np.concatenate([part, np.repeat(part[later], 20)]) for part in (lon, lat))
        time = np.concatenate([time, np.repeat(time[later], 20)])
    return lon, lat, time


@pytest.mark.parametrize("name", list(METHODS))
@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 1_000),
    number=st.integers(0, 3),
    how=st.sampled_from(["moved", "gone", "at once", "many"]),
)
def test_a_forecast_does_not_change_with_what_came_later(name, seed, number, how):
    lon, lat, time = town(seed)
    starts = origins(FIRST, END, HORIZON_D)
    origin = starts[number % len(starts)]
    method = forecaster(name)
    given_ = place_events(REGION, lon, lat, time)
    other = place_events(REGION, *changed(lon, lat, time, origin, np.random.default_rng(seed), how))
    one = method(history_before(given_, origin, since=FIRST), HORIZON_D, np.random.default_rng(seed))
    two = method(history_before(other, origin, since=FIRST), HORIZON_D, np.random.default_rng(seed))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (len(REGION),)
    assert np.isfinite(one).all()
    assert (one >= 0).all()


@pytest.mark.parametrize("name", list(METHODS))
def test_nobody_finds_the_planted_cells_better_than_their_past_deserves(name):
    hits = events = by_lot = 0.0
    for seed in range(3):
        lon, lat, time = town(seed)
        origin = origins(FIRST, END, HORIZON_D)[-1]
        lon, lat, time = changed(lon, lat, time, origin, np.random.default_rng(seed), "moved")
        placed = place_events(REGION, lon, lat, time)
        history = history_before(placed, origin, since=FIRST)
        expected = forecaster(name)(history, HORIZON_D, np.random.default_rng(seed))
        window = placed.cell[placed.time >= origin]
        happened = np.bincount(window[window >= 0], minlength=len(REGION))
        found = score(expected, happened, len(window), REGION.area_m2, 0.05)
        hits, events, by_lot = hits + found.hits, events + found.events, by_lot + found.area_share
    assert events > 20
    assert hits / events <= by_lot / 3 + 0.02  # planted where nothing was: worse than a list drawn by lot


def test_a_forecast_that_could_see_would_be_caught():
    lon, lat, time = town(1)
    origin = origins(FIRST, END, HORIZON_D)[-1]
    lon, lat, time = changed(lon, lat, time, origin, np.random.default_rng(1), "moved")
    placed = place_events(REGION, lon, lat, time)
    later = placed.cell[placed.time >= origin]
    happened = np.bincount(later[later >= 0], minlength=len(REGION))
    seeing = history_before(placed, END, since=FIRST).counts(28.0)
    assert score(seeing, happened, len(later), REGION.area_m2, 0.05).pai > 3
