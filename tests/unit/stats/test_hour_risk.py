"""Expected reports of a shift: thin cells take the town's hours, rich ones their own, nobody looks ahead."""

from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.spatial.cells import cells_of, centres, disk
from pingan_geo.stats.aoristic import aoristic_weights
from pingan_geo.stats.forecasting.history import history_before, place_events, region_of
from pingan_geo.stats.hour_risk import expected_each_hour, expected_in_shift, shift_hours, shift_share

MIDDLE = cells_of(np.array([120.6]), np.array([30.79]), 9)[0]
REGION = region_of(disk(MIDDLE, 6))
EVENING = shift_hours(range(18, 24))
WEEK = np.ones(168)
FIRST, ORIGIN = np.datetime64("2025-01-06", "s"), np.datetime64("2026-01-05", "s")  # Mondays
RNG = np.random.default_rng(0)


def record(evening_share, count=6000, seed=0, days=400):
    """Events with a share of evenings by cell; days run on after the origin."""
    rng = np.random.default_rng(seed)
    cell = rng.integers(0, len(REGION), count)
    hour = np.where(
        rng.random(count) < evening_share[cell], rng.integers(18, 24, count), rng.integers(0, 18, count)
    )
    time = FIRST + (rng.integers(0, days, count) * 86_400 + hour * 3600).astype("timedelta64[s]")
    lon, lat = centres(REGION.cells[cell])
    return place_events(REGION, lon, lat, time)


def known(events):
    history = history_before(events, ORIGIN)
    return history, aoristic_weights(events.time[: len(history)])


EVEN = record(np.full(len(REGION), 0.25))
EAST = record(np.where(REGION.x_m > 0, 0.6, 0.1))


def test_what_does_not_fit_together_is_refused():
    history, weights = known(EVEN)
    with pytest.raises(UnalignedIndexError):
        shift_share(history, aoristic_weights(EVEN.time), EVENING, WEEK)
    with pytest.raises(UnalignedIndexError):
        expected_in_shift(history, weights, np.ones(3), EVENING, 28, RNG)
    with pytest.raises(UnalignedIndexError):
        expected_in_shift(history, weights, np.ones(len(REGION)), np.ones(24), 28, RNG)
    with pytest.raises(BadChoiceError, match="horizon_d"):
        expected_in_shift(history, weights, np.ones(len(REGION)), EVENING, 0, RNG)
    with pytest.raises(BadChoiceError, match="shift"):
        shift_share(history, weights, np.zeros(168), WEEK)
    with pytest.raises(BadChoiceError, match="shift"):
        shift_share(history, weights, EVENING, 1 - EVENING)
    for hours, days in (((), (0,)), ((24,), (0,)), ((5,), ()), ((5,), (7,))):
        with pytest.raises(BadChoiceError):
            shift_hours(hours, days)


def test_reports_without_an_hour_give_no_share():
    history, _ = known(EVEN)
    days = EVEN.time[: len(history)].astype("datetime64[D]")
    with pytest.raises(BadChoiceError, match="an hour of some report"):
        shift_share(history, aoristic_weights(days, days + 1), EVENING, WEEK)


def test_where_hours_are_the_same_everywhere_the_order_of_cells_stays():
    history, weights = known(EVEN)
    share = shift_share(history, weights, EVENING, WEEK)
    hour = EVEN.time[: len(history)].astype(np.int64) // 3600 % 24
    np.testing.assert_allclose(share, share[0])
    assert share[0] == pytest.approx((hour >= 18).mean(), abs=0.001)


def test_where_hours_differ_each_part_has_its_own():
    share = shift_share(*known(EAST), EVENING, WEEK)
    far = np.abs(REGION.x_m) > 800
    assert share[far & (REGION.x_m > 0)].min() > 0.4
    assert share[far & (REGION.x_m < 0)].max() < 0.25
    morning = shift_share(*known(EAST), 1 - EVENING, WEEK)
    np.testing.assert_allclose(share + morning, 1.0, atol=1e-3)


def test_a_thin_cell_takes_the_share_of_its_surroundings():
    few = record(np.full(len(REGION), 0.25), count=30, seed=1)
    share = shift_share(*known(few), EVENING, WEEK)
    assert np.ptp(share) == 0
    assert 0 < share[0] < 1


def test_the_shares_are_those_worked_out_by_hand():
    """One level at a time, with the strengths that were chosen, cell by cell in plain Python."""
    from pingan_geo.spatial.cells import parents
    from pingan_geo.stats import hour_risk

    history, weights = known(EAST)
    share = shift_share(history, weights, EVENING, WEEK)
    inside = weights.within(EVENING)
    groups = [hour_risk._codes(parents(REGION.cells, 9 - up)) for up in (2, 1, 0)]
    mass = np.ones(len(inside))
    strengths = hour_risk._choose(groups, history.cell, inside, mass, len(inside) * 2 // 3, 42 / 168)
    assert np.isfinite(strengths).any()
    plain = {cell: (inside.sum() + 42 / 168) / (len(inside) + 1) for cell in range(len(REGION))}
    for up, strength in zip((2, 1, 0), strengths, strict=True):
        if np.isinf(strength):
            continue
        above = parents(REGION.cells, 9 - up)
        for cell in list(plain):
            there = above[history.cell] == above[cell]
            plain[cell] = (inside[there].sum() + strength * plain[cell]) / (there.sum() + strength)
    np.testing.assert_allclose(share, list(plain.values()), rtol=1e-9)


def test_only_the_past_is_seen():
    history, weights = known(EAST)
    later = EAST.time >= ORIGIN
    assert later.sum() > 100
    changed = EAST.time.copy()
    changed[later] += np.timedelta64(5 * 3600, "s")
    again = aoristic_weights(changed[: len(history)])
    np.testing.assert_array_equal(
        shift_share(history, weights, EVENING, WEEK), shift_share(history, again, EVENING, WEEK)
    )


def test_expected_reports_are_a_part_of_the_forecast():
    history, weights = known(EAST)
    whole = history.counts() / 13

    def forecast(past, horizon_d, rng):
        return past.counts() / 13

    found = expected_in_shift(history, weights, forecast, EVENING, 28, RNG)
    np.testing.assert_array_equal(found, expected_in_shift(history, weights, whole, EVENING, 28, RNG))
    np.testing.assert_allclose(found, whole * shift_share(history, weights, EVENING, WEEK))
    assert (found <= whole).all()
    rest = expected_in_shift(history, weights, whole, 1 - EVENING, 28, RNG)
    np.testing.assert_allclose(found + rest, whole, rtol=0.01)


def test_a_horizon_of_a_day_counts_that_days_hours_only():
    history, weights = known(EVEN)
    ones = np.ones(len(REGION))
    monday, tuesday = shift_hours(range(18, 24), [0]), shift_hours(range(18, 24), [1])
    assert expected_in_shift(history, weights, ones, tuesday, 1, RNG).sum() == 0
    slot = (EVEN.time[: len(history)].astype(np.int64) // 3600 + 72) % 168
    on_monday = slot < 24
    found = expected_in_shift(history, weights, ones, monday, 1, RNG)
    assert found.mean() == pytest.approx((slot[on_monday] >= 18).sum() / on_monday.sum(), abs=0.01)
    np.testing.assert_allclose(
        expected_in_shift(history, weights, ones, shift_hours(range(24)), 3.5, RNG), 1, atol=1e-3
    )


# -- one shift, hour by hour ---------------------------------------------------------------------------

FRIDAY = np.datetime64("2026-01-09T18:00:00")


def each_hour(events, begin, hours, expected=None, horizon_d=28.0):
    history, weights = known(events)
    whole = np.ones(len(REGION)) if expected is None else expected
    end = begin + np.timedelta64(round(hours * 3600), "s")
    return expected_each_hour(history, weights, whole, horizon_d, begin, end)


def test_a_shift_that_cannot_be_is_refused():
    for hours in (0, -2, 169):
        with pytest.raises(BadChoiceError, match="end"):
            each_hour(EVEN, FRIDAY, hours)
    with pytest.raises(BadChoiceError, match="horizon_d"):
        each_hour(EVEN, FRIDAY, 4, horizon_d=0)
    with pytest.raises(UnalignedIndexError):
        each_hour(EVEN, FRIDAY, 4, np.ones(3))


def test_the_hours_of_all_week_add_up_to_a_week_of_the_forecast():
    starts, risk = each_hour(EAST, np.datetime64("2026-01-05T00:00:00"), 168)
    assert len(starts) == 168
    np.testing.assert_allclose(risk.sum(axis=1), 7 / 28, rtol=1e-9)
    per_day = risk.sum(axis=0).reshape(7, 24)
    hour = EAST.time[EAST.time < ORIGIN].astype(np.int64) // 3600 % 24
    np.testing.assert_allclose(per_day.sum(axis=0) / per_day.sum(), np.bincount(hour) / len(hour), atol=0.01)


def test_an_hour_that_is_touched_in_part_counts_by_that_part():
    starts, whole = each_hour(EVEN, FRIDAY, 4)
    parts, risk = each_hour(EVEN, FRIDAY + np.timedelta64(45, "m"), 2.5)
    assert [str(one)[11:16] for one in parts] == ["18:00", "19:00", "20:00", "21:00"]
    np.testing.assert_allclose(risk, whole * [0.25, 1, 1, 0.25])
    assert (starts == parts).all()


def test_the_evening_belongs_to_the_east_where_it_is():
    _, risk = each_hour(EAST, FRIDAY, 6)
    far = np.abs(REGION.x_m) > 800
    east, west = (risk.sum(axis=1)[far & side] for side in (REGION.x_m > 0, REGION.x_m < 0))
    assert east.min() > 1.5 * west.max()


def test_after_midnight_the_next_weekday_counts():
    """All reports are on Saturdays: of Friday's night only the hours after midnight expect anything much."""
    rng = np.random.default_rng(2)
    day = FIRST + (7 * rng.integers(0, 52, 3000) + 5) * np.timedelta64(86_400, "s")
    time = day + rng.integers(0, 86_400, 3000).astype("timedelta64[s]")
    lon, lat = centres(REGION.cells[rng.integers(0, len(REGION), 3000)])
    starts, risk = each_hour(place_events(REGION, lon, lat, time), FRIDAY, 12)
    before = starts < np.datetime64("2026-01-10T00:00:00")
    assert risk[:, before].sum() < 0.01 * risk[:, ~before].sum()
    assert risk.sum() / len(REGION) == pytest.approx(7 / 28 * 6 / 24, rel=0.05)


def test_weekdays_that_differ_by_chance_only_are_nearly_alike():
    risk = {}
    for day in range(7):
        begin = np.datetime64("2026-01-05T18:00:00") + np.timedelta64(day, "D")
        risk[day] = each_hour(EVEN, begin, 6)[1].sum()
    assert max(risk.values()) / min(risk.values()) < 1.1


def test_without_any_hour_all_hours_are_alike():
    history, _ = known(EVEN)
    days = EVEN.time[: len(history)].astype("datetime64[D]")
    weights = aoristic_weights(days, days + 1)
    whole = np.arange(len(REGION), dtype=float)
    _, risk = expected_each_hour(history, weights, whole, 28, FRIDAY, FRIDAY + np.timedelta64(3, "h"))
    np.testing.assert_allclose(risk, np.tile(whole[:, None] / 28 / 24, (1, 3)))
