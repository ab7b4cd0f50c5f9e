from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError
from pingan_geo.spatial.cells import cells_of, centres, disk
from pingan_geo.stats.forecasting.counts import recent_counts
from pingan_geo.stats.forecasting.features import features_of, smooth, widths_of
from pingan_geo.stats.forecasting.history import history_before, place_events, region_of
from pingan_geo.stats.forecasting.kernels import select_bandwidth, select_space_time
from pingan_geo.stats.forecasting.learning import level
from pingan_geo.stats.forecasting.methods import METHODS, forecaster
from pingan_geo.stats.forecasting.rasters import gaussian_sums

FIRST = np.datetime64("2024-01-01T00:00:00")
REGION = region_of(disk(cells_of([120.6], [30.8], 10)[0], 12))
LON, LAT = centres(REGION.cells)


def history(cell, day, *, until_d=400.0, jitter_deg=2e-4, seed=0):
    """Return reports scattered about the centres of cells, on days after the first."""
    rng = np.random.default_rng(seed)
    x, y = (place[cell] + rng.normal(0, jitter_deg, len(cell)) for place in (LON, LAT))
    seconds = np.round(np.asarray(day) * 86_400).astype("timedelta64[s]")
    events = place_events(REGION, x, y, FIRST + seconds)
    return history_before(events, FIRST + np.timedelta64(round(until_d * 86_400), "s"), since=FIRST)


def steady(n, seed=0, spread=0.35):
    """Return a record whose cells differ for good, and what each deserves."""
    rng = np.random.default_rng(seed)
    deserved = rng.gamma(spread, 1.0, len(REGION))
    deserved /= deserved.sum()
    return history(rng.choice(len(REGION), n, p=deserved), np.sort(rng.random(n) * 400), seed=seed), deserved


def expected(name, known, horizon_d=28.0, seed=0):
    return forecaster(name)(known, horizon_d, np.random.default_rng(seed))


def test_an_unknown_method_is_refused_with_those_there_are():
    with pytest.raises(BadChoiceError, match="count_all"):
        forecaster("oracle")


@pytest.mark.parametrize("horizon_d", [0.0, -7.0, np.nan, np.inf])
@pytest.mark.parametrize("name", list(METHODS))
def test_a_horizon_that_is_no_span_is_refused(name, horizon_d):
    known, _ = steady(50)
    with pytest.raises(BadChoiceError):
        expected(name, known, horizon_d)


@pytest.mark.parametrize("days", [0.0, -1.0, np.nan])
def test_a_count_of_no_days_is_refused(days):
    with pytest.raises(BadChoiceError):
        recent_counts(days)


@pytest.mark.parametrize("n", [1, 3, 40, 600])
@pytest.mark.parametrize("name", list(METHODS))
def test_every_method_expects_finite_numbers_that_sum_to_the_rate_of_the_record(name, n):
    known, _ = steady(n)
    found = expected(name, known)
    assert found.shape == (len(REGION),)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    if n >= 40 and name not in {"count_28", "count_90", "space_time_kernel"}:  # these follow the last weeks
        assert found.sum() == pytest.approx(n * 28 / 400, rel=0.25)


@pytest.mark.parametrize("name", ["mixture", "glm", "boosting", "ensemble"])
def test_the_same_seed_gives_the_same_bytes(name):
    known, _ = steady(400)
    assert expected(name, known, seed=5).tobytes() == expected(name, known, seed=5).tobytes()


def test_counts_are_rates_of_the_days_they_name():
    known = history([3, 3, 7], [10.0, 390.0, 395.0])
    assert expected("count_28", known)[[3, 7]].tolist() == [1.0, 1.0]
    assert expected("count_all", known)[[3, 7]] == pytest.approx([2 * 28 / 400, 28 / 400])
    assert expected("count_365", known)[[3, 7]] == pytest.approx([28 / 365, 28 / 365])


def test_a_kernel_is_the_sum_of_gaussians_worked_out_plainly():
    rng = np.random.default_rng(1)
    x, y = rng.normal(0, 500, (2, 60))
    at_x, at_y = rng.normal(0, 600, (2, 40))
    for width in (60.0, 300.0):
        away = (x[:, None] - at_x) ** 2 + (y[:, None] - at_y) ** 2
        plainly = np.exp(-away / (2 * width**2)).sum(axis=0) / (2 * np.pi * width**2)
        found = gaussian_sums(x, y, np.ones(60), at_x, at_y, width)
        np.testing.assert_allclose(found, plainly, atol=0.005 * plainly.max())


def test_the_features_smooth_nearly_as_the_plain_sum_does():
    known, _ = steady(500)
    weights = np.stack([np.ones(len(known)), known.age_d / 400])
    away = (known.x_m[:, None] - REGION.x_m) ** 2 + (known.y_m[:, None] - REGION.y_m) ** 2
    for width in widths_of(REGION):
        plainly = weights @ np.exp(-away / (2 * width**2)) / (2 * np.pi * width**2) * REGION.area_m2
        found = smooth(known, weights, width)
        np.testing.assert_allclose(found, plainly, atol=0.05 * plainly.max())


def test_features_of_the_past_are_those_of_having_stood_there():
    known, _ = steady(300)
    early = known.before(100.0)
    again = history_before(
        place_events(
            REGION,
            *REGION.plane.inverse(known.x_m, known.y_m),
            known.origin - np.round(known.age_d * 86_400).astype("timedelta64[s]"),
        ),
        early.origin,
        since=FIRST,
    )
    np.testing.assert_allclose(features_of(early, 28.0).sums, features_of(again, 28.0).sums, atol=1e-6)


def test_no_kernel_is_narrower_than_a_cell_can_see():
    assert widths_of(REGION)[0] >= 40
    coarse = region_of(disk(cells_of([120.6], [30.8], 8)[0], 3))
    assert widths_of(coarse)[0] >= 350
    assert len(widths_of(region_of(disk(cells_of([120.6], [30.8], 5)[0], 2)))) >= 1


def test_scattered_reports_want_a_wider_kernel_than_those_of_few_places():
    rng = np.random.default_rng(2)
    n = 900
    scattered = history(rng.integers(0, len(REGION), n), np.sort(rng.random(n) * 400))
    places = history(rng.choice([20, 200, 350], n), np.sort(rng.random(n) * 400), jitter_deg=5e-5)
    assert select_bandwidth(scattered)[0] > 3 * select_bandwidth(places)[0]


def test_the_decay_is_short_where_reports_follow_each_other_and_long_where_places_last():
    rng = np.random.default_rng(3)
    place = rng.integers(0, len(REGION), 20)  # every 20 days another place is busy, for 40 days
    cell, day = np.repeat(place, 60), np.repeat(np.arange(20) * 20.0, 60) + rng.random(1200) * 40
    known = day < 400
    order = np.argsort(day[known])
    assert select_space_time(history(cell[known][order], day[known][order]))[1] <= 28
    lasting, _ = steady(1200, spread=0.05)
    assert select_space_time(lasting)[1] >= 200


def _caught(name, known, deserved):
    """Return the share of what cells deserve that the best twentieth of a forecast holds."""
    top = np.argsort(-expected(name, known), kind="stable")[: len(REGION) // 20]
    return deserved[top].sum()


@pytest.mark.parametrize("n", [60, 150])
def test_with_few_reports_ours_stays_with_the_best_simple_method(n):
    centre = (REGION.x_m / 400) ** 2 + (REGION.y_m / 400) ** 2
    deserved = np.exp(-centre / 2) + 0.02
    deserved /= deserved.sum()
    found = dict.fromkeys(("ensemble", "kernel", "gi_star", "count_all"), 0.0)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        known = history(rng.choice(len(REGION), n, p=deserved), np.sort(rng.random(n) * 400), seed=seed)
        for name in found:
            found[name] += _caught(name, known, deserved) / 6
    assert found["ensemble"] >= 0.95 * max(found.values())
    assert found["ensemble"] > 1.1 * found["count_all"]


def test_with_many_reports_ours_finds_the_cells_themselves():
    known, deserved = steady(6000)
    assert _caught("ensemble", known, deserved) >= 0.97 * _caught("count_all", known, deserved)
    assert _caught("ensemble", known, deserved) > 1.2 * _caught("kernel", known, np.roll(deserved, 40))


def test_the_level_knows_the_season_once_there_are_years_to_know_it_from():
    rng = np.random.default_rng(4)
    day = np.sort(rng.random(6000) * 1095)
    summer = (day % 365 > 150) & (day % 365 < 240)
    kept = summer | (rng.random(6000) < 0.3)
    cell = rng.integers(0, len(REGION), int(kept.sum()))
    at = history(cell, day[kept], until_d=730 + 170)
    still = float((at.age_d <= 365).sum()) / 365 * 28
    assert level(at, 28.0) > 1.4 * still
    short = at.before(400.0)
    assert level(short, 28.0) == pytest.approx(float((short.age_d <= 365).sum()) / 365 * 28, rel=0.01)


def test_features_are_made_once_for_the_same_record_and_anew_for_another():
    known, _ = steady(200)
    first = features_of(known, 28.0)
    assert features_of(known.before(0.0), 28.0) is first
    assert features_of(known, 14.0) is not first
    other = steady(200, seed=1)[0]
    assert (features_of(other, 28.0).sums != first.sums).any()
    with pytest.raises(ValueError, match="read-only"):
        first.sums[0] = 1.0
