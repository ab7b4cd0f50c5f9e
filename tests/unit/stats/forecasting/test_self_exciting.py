from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.spatial.cells import cells_of, disk
from pingan_geo.stats.forecasting.history import history_before, place_events, region_of
from pingan_geo.stats.forecasting.self_exciting import fit_self_exciting, self_exciting

FIRST = np.datetime64("2024-01-01T00:00:00")
REGION = region_of(disk(cells_of([120.6], [30.8], 10)[0], 18))
SPAN_D = 500.0


def simulated(ratio, decay_d, spread_m, seed, *, n=1_500, shuffle=False):
    """Return a record of a process whose numbers are known: smooth background, and followers of followers."""
    rng = np.random.default_rng(seed)
    first = rng.poisson(n * (1 - ratio))
    middle = rng.uniform(-1_200, 1_200, (8, 2))
    x, y = (middle[rng.integers(0, 8, first)] + rng.normal(0, 350, (first, 2))).T
    day = rng.uniform(0, SPAN_D, first)
    generation = np.column_stack([x, y, day])
    everyone = [generation]
    while len(generation):
        children = rng.poisson(ratio, len(generation))
        parents = np.repeat(generation, children, axis=0)
        step = np.column_stack(
            [rng.normal(0, spread_m, (len(parents), 2)), rng.exponential(decay_d, len(parents))]
        )
        generation = parents + step
        generation = generation[generation[:, 2] < SPAN_D]
        everyone.append(generation)
    x, y, day = np.concatenate(everyone).T
    if shuffle:
        day = rng.permutation(day)
    return record(x, y, day)


def record(x, y, day, until_d=SPAN_D):
    lon, lat = REGION.plane.inverse(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    time = FIRST + np.round(np.asarray(day) * 86_400).astype("timedelta64[s]")
    return history_before(
        place_events(REGION, lon, lat, time),
        FIRST + np.timedelta64(round(until_d * 86_400), "s"),
        since=FIRST,
    )


@pytest.mark.parametrize(("ratio", "decay_d", "spread_m"), [(0.25, 10.0, 60.0), (0.5, 5.0, 40.0)])
def test_the_numbers_of_a_simulated_process_are_found_again(ratio, decay_d, spread_m):
    """Within 0.08 for the ratio, a quarter for decay and spread, on the mean of four records of about 1,500."""
    found = [fit_self_exciting(simulated(ratio, decay_d, spread_m, seed)) for seed in range(4)]
    assert np.mean([one.branching_ratio for one in found]) == pytest.approx(ratio, abs=0.08)
    assert np.mean([one.decay_d for one in found]) == pytest.approx(decay_d, rel=0.25)
    assert np.mean([one.spread_m for one in found]) == pytest.approx(spread_m, rel=0.25)


def test_the_same_reports_in_another_order_of_time_excite_nothing():
    assert fit_self_exciting(simulated(0.5, 5.0, 40.0, 1, shuffle=True)).branching_ratio < 0.12
    assert fit_self_exciting(simulated(0.0, 5.0, 40.0, 2)).branching_ratio < 0.12


def test_a_late_report_raises_its_surroundings_more_than_an_old_one():
    known = simulated(0.5, 5.0, 40.0, 3)
    rng = np.random.default_rng(0)
    lone = np.array([REGION.x_m[0], REGION.y_m[0]])  # a corner where nothing else is

    def at_corner(age_d):
        x, y = np.append(known.x_m, lone[0]), np.append(known.y_m, lone[1])
        return self_exciting(record(x, y, np.append(SPAN_D - known.age_d, SPAN_D - age_d)), 7.0, rng)[0]

    assert at_corner(0.5) > 3 * at_corner(60.0)


def test_the_total_is_the_rate_of_the_record():
    known = simulated(0.25, 10.0, 60.0, 4)
    found = self_exciting(known, 28.0, np.random.default_rng(0)).sum()
    assert found == pytest.approx((known.cell >= 0).sum() * 28 / SPAN_D, rel=0.2)


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_a_handful_of_reports_gives_a_forecast(n):
    rng = np.random.default_rng(5)
    known = record(rng.normal(0, 100, n), rng.normal(0, 100, n), np.sort(rng.uniform(400, 499, n)))
    found = self_exciting(known, 28.0, rng)
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.sum() > 0
    assert fit_self_exciting(known).branching_ratio < 0.5


def test_reports_of_one_day_without_a_time_do_not_follow_each_other():
    same = np.zeros(40)
    known = record(same, same, np.full(40, 300.0))
    assert fit_self_exciting(known).branching_ratio == 0.0
    assert np.isfinite(self_exciting(known, 7.0, np.random.default_rng(0))).all()
