"""Reports known as between two instants, over the hours of the week."""

from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError, ReversedIntervalError, UnalignedIndexError
from pingan_geo.stats import aoristic
from pingan_geo.stats.aoristic import aoristic_counts, aoristic_weights, hour_weekday

NEVER = "NaT"


def instants(*texts):
    return np.array(texts, dtype="datetime64[s]")


def test_an_interval_that_ends_before_it_begins_is_refused():
    with pytest.raises(ReversedIntervalError, match="1 intervals end before they begin, first in row 1"):
        aoristic_weights(
            instants("2026-03-02T08", "2026-03-02T08", NEVER), instants(NEVER, "2026-03-02T07", "2026-03-02")
        )


def test_what_does_not_fit_together_is_refused():
    one = instants("2026-03-02T08")
    with pytest.raises(UnalignedIndexError):
        aoristic_weights(one, instants())
    with pytest.raises(UnalignedIndexError):
        aoristic_counts(one, group=[0, 1], groups=2)
    with pytest.raises(UnalignedIndexError):
        aoristic_weights(one).within(np.ones(24))
    with pytest.raises(BadChoiceError, match="whole_days"):
        aoristic_weights(one, whole_days="midnight")


def test_a_weekend_is_spread_over_its_61_hours_and_not_put_at_its_start():
    # 2026-03-06 is a Friday
    weights = aoristic_weights(instants("2026-03-06T18:00"), instants("2026-03-09T07:00"))
    assert weights.event.tolist() == [0] * 61
    assert weights.hour.tolist() == [*range(4 * 24 + 18, 168), *range(7)]
    np.testing.assert_allclose(weights.weight, 1 / 61)
    weekend = np.zeros(168)
    weekend[5 * 24 :] = 1
    np.testing.assert_allclose(weights.within(weekend), [48 / 61])


def test_parts_of_hours_weigh_as_their_minutes():
    weights = aoristic_weights(instants("2026-03-02T08:45"), instants("2026-03-02T10:15"))
    assert weights.hour.tolist() == [8, 9, 10]
    np.testing.assert_allclose(weights.weight, [15 / 90, 60 / 90, 15 / 90])


def test_more_than_a_week_fills_it_evenly_and_the_rest_exactly():
    counts, _ = aoristic_counts(instants("2026-03-02T08:30"), instants("2026-03-16T10:00"))
    hours = 2 * 168 + 1.5
    expected = np.full(168, 2 / hours)
    expected[8] += 0.5 / hours
    expected[9] += 1 / hours
    np.testing.assert_allclose(counts[0], expected)
    exactly, _ = aoristic_counts(instants("2026-03-02T08:30"), instants("2026-03-09T08:30"))
    np.testing.assert_allclose(exactly[0], 1 / 168)


def test_days_without_an_hour_are_kept_apart_unless_asked_to_be_spread():
    start = instants("2026-03-02", "2026-03-02", "2026-03-02", "2026-03-02T06", NEVER, "2026-03-02")
    until = instants("2026-03-03", "2026-03-05", "2026-03-02T18", "2026-03-03T06", NEVER, NEVER)
    assert aoristic_weights(start, until).unknown.tolist() == [True, True, False, False, True, False]
    spread = aoristic_weights(start, until, whole_days="spread")
    assert spread.unknown.tolist() == [False, False, False, False, True, False]
    np.testing.assert_allclose(spread.weight[spread.event == 0], 1 / 24)
    assert np.isnan(spread.within(np.ones(168))).tolist() == [False, False, False, False, True, False]


def test_an_instant_weighs_one_in_its_hour():
    start = instants("2026-03-02T00:00", "2026-03-08T23:59:59")
    for until in (None, instants(NEVER, NEVER), start):
        weights = aoristic_weights(start, until)
        assert weights.hour.tolist() == [0, 167]
        assert weights.weight.tolist() == [1, 1]


def test_nothing_makes_nothing():
    assert len(aoristic_weights(instants())) == 0
    counts, unknown = aoristic_counts(instants(), group=[], groups=3)
    assert (counts.shape, counts.sum(), unknown) == ((3, 168), 0, 0)
    assert hour_weekday(instants()).counts.shape == (7, 24)


def test_hours_of_the_week_say_what_is_known_spread_and_unknown():
    start = instants("2026-03-02T00:30", "2026-03-08T23:10", "2026-03-02T12", "2026-03-02", NEVER)
    until = instants(NEVER, "2026-03-09T00:10", "2026-03-02T18", "2026-03-03", NEVER)
    found = hour_weekday(start, until)
    assert (found.known, found.spread, found.unknown) == (2, 1, 2)
    assert (found.counts[0, 0], found.counts[6, 23]) == (1, 1)
    np.testing.assert_allclose(found.counts[0, 12:18], 1 / 6)
    assert found.counts.sum() == pytest.approx(3)
    assert hour_weekday(start[:4]).counts.sum() == 4


def test_small_batches_give_the_same(monkeypatch):
    rng = np.random.default_rng(1)
    start = np.datetime64("2026-01-01", "s") + rng.integers(0, 10**7, 400).astype("timedelta64[s]")
    until = start + rng.integers(0, 3 * 10**6, 400).astype("timedelta64[s]")
    group = rng.integers(-1, 5, 400)
    whole, one = aoristic_counts(start, until, group=group, groups=5)[0], aoristic_weights(start, until)
    monkeypatch.setattr(aoristic, "_AT_ONCE", 50)
    np.testing.assert_allclose(aoristic_counts(start, until, group=group, groups=5)[0], whole)
    again = aoristic_weights(start, until)
    np.testing.assert_array_equal(again.event, one.event)
    np.testing.assert_array_equal(again.weight, one.weight)
