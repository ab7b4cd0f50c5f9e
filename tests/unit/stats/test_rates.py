from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats.rates import active_reporters, rate_interval, rates, smooth_rates

# -- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [-1, 1.5, np.nan, np.inf])
@pytest.mark.parametrize("asked", [rates, smooth_rates, rate_interval])
def test_counts_must_be_whole(asked, count):
    with pytest.raises(BadChoiceError, match=r"counts is .*whole, 0 or more"):
        asked([1, count], [10, 10])


@pytest.mark.parametrize("exposure", [-1, np.nan, np.inf])
@pytest.mark.parametrize("asked", [rates, smooth_rates, rate_interval])
def test_exposure_must_be_a_number(asked, exposure):
    with pytest.raises(BadChoiceError, match="exposure is"):
        asked([1, 2], [10, exposure])


@pytest.mark.parametrize("asked", [rates, smooth_rates, rate_interval])
def test_each_count_needs_its_exposure(asked):
    with pytest.raises(UnalignedIndexError):
        asked([1, 2], [10])


@pytest.mark.parametrize("level", [0, 1, -0.5, np.nan])
def test_level_lies_between_0_and_1(level):
    with pytest.raises(BadChoiceError, match="level"):
        rate_interval([1], [1], level)


def test_neighbours_come_in_pairs_of_units_that_exist():
    with pytest.raises(BadChoiceError, match="only one of them"):
        smooth_rates([1, 2], [1, 1], left=[0])
    with pytest.raises(UnalignedIndexError):
        smooth_rates([1, 2], [1, 1], left=[0], right=[])
    for position in (-1, 2):
        with pytest.raises(BadChoiceError, match="0 to 1"):
            smooth_rates([1, 2], [1, 1], left=[0], right=[position])


def test_each_report_needs_its_reporter():
    with pytest.raises(UnalignedIndexError):
        active_reporters([1, 2], [1, 1], ["a"])


# -- rates ------------------------------------------------------------------------------------------


def test_no_exposure_is_no_rate_and_not_0():
    np.testing.assert_array_equal(rates([4, 0, 3, 0], [2, 5, 0, 0]), [2, 0, np.nan, np.nan])
    low, high = rate_interval([3, 0], [0, 0])
    assert np.isnan([*low, *high]).all()
    assert rates([], []).size == 0


def test_units_without_exposure_change_no_other_unit():
    count, exposed = np.array([4, 0, 9, 30]), np.array([20, 30, 40, 50])
    alone = smooth_rates(count, exposed)
    with_them = smooth_rates([*count, 8, 0], [*exposed, 0, 0])
    np.testing.assert_allclose(with_them.smoothed[:4], alone.smoothed, rtol=1e-12)
    assert np.isnan(with_them.smoothed[4:]).all()
    assert np.isnan(with_them.rate[4:]).all()
    assert np.isnan(with_them.shrinkage[4:]).all()


def test_a_small_unit_is_drawn_to_the_mean_and_a_large_one_stays():
    count = np.array([1, 400, 40, 0, 100])
    exposed = np.array([2, 1000, 1000, 3, 1000])
    found = smooth_rates(count, exposed)
    mean = count.sum() / exposed.sum()
    np.testing.assert_allclose(found.prior_mean, mean)
    assert found.rate[0] == found.rate.max()
    assert found.smoothed.argmax() == 1
    assert found.shrinkage[0] < found.shrinkage[3] < 0.3
    assert found.shrinkage[1] > 0.9
    assert (np.abs(found.smoothed - mean) <= np.abs(found.rate - mean)).all()


def test_where_chance_explains_all_differences_all_have_the_mean():
    found = smooth_rates([2, 3, 2, 3], [10, 10, 10, 10])
    np.testing.assert_array_equal(found.prior_var, 0)
    np.testing.assert_allclose(found.smoothed, 0.25)


def test_nothing_reported_and_nothing_at_all():
    found = smooth_rates([0, 0], [10, 20])
    np.testing.assert_array_equal(found.smoothed, [0, 0])
    assert smooth_rates([], []).smoothed.size == 0
    assert np.isnan(smooth_rates([1, 0], [0, 0]).prior_mean).all()


def test_neighbours_only():
    """Two groups that do not touch do not know each other; a unit alone is drawn to itself."""
    count, exposed = np.array([1, 2, 300, 20, 7]), np.array([10, 10, 100, 100, 10])
    found = smooth_rates(count, exposed, left=[0, 2], right=[1, 3])
    np.testing.assert_allclose(found.prior_mean, [0.15, 0.15, 1.6, 1.6, 0.7])
    np.testing.assert_allclose(found.smoothed[4], 0.7)
    apart = smooth_rates(count[2:4], exposed[2:4])
    np.testing.assert_allclose(found.smoothed[2:4], apart.smoothed, rtol=1e-12)


def test_interval_of_no_report_and_of_exposure():
    low, high = rate_interval([0, 0], [1, 10])
    np.testing.assert_array_equal(low, 0)
    np.testing.assert_allclose(high, [-np.log(0.025), -np.log(0.025) / 10], rtol=1e-12)


def test_active_reporters_counts_people_once_and_nobody_not():
    found = active_reporters(
        ["a", "b", "c"], ["a", "a", "a", "b", "b", "gone"], ["甲", "甲", "乙", "", "甲", "丙"]
    )
    assert found.tolist() == [2, 1, 0]
    cells = np.array([5, 7], dtype=np.uint64)
    assert active_reporters(cells, cells[[1, 1]], ["甲", "乙"]).tolist() == [0, 2]
    assert active_reporters(cells, [], []).tolist() == [0, 0]
