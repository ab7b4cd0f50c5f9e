"""The funnel: refused inputs first, then known tails by hand and against scipy's distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gamma, nbinom, poisson

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats.funnel import funnel_limits, funnel_test
from pingan_geo.stats.rates import smooth_rates
from pingan_geo.stats.significance import adjust


@pytest.mark.parametrize(("counts", "exposure"), [
    ([1.5], [1]), ([-1], [1]), ([np.nan], [1]), ([1], [-1]), ([1], [np.nan]), ([1], [np.inf]),
])  # fmt: skip
def test_what_cannot_be_tested_is_refused(counts, exposure):
    with pytest.raises(BadChoiceError):
        funnel_test(counts, exposure)


def test_one_exposure_for_each_count():
    with pytest.raises(UnalignedIndexError):
        funnel_test([1, 2], [1])


@pytest.mark.parametrize("how", [
    {"exposure": [0]}, {"rate": 0}, {"rate": np.nan}, {"level": 0}, {"level": 1}, {"between": -1},
])  # fmt: skip
def test_limits_that_there_are_not(how):
    with pytest.raises(BadChoiceError):
        funnel_limits(**{"exposure": [10], "rate": 0.5} | how)


def test_by_hand():
    # 8 reports of 4 households: 2 each. P(X >= 5 | 2) = 0.05265, P(X <= 0 | 2) = e^-2 = 0.13534.
    found = funnel_test([5, 0, 2, 1], [1, 1, 1, 1], correction="none")
    assert found.rate == 2
    assert found.expected.tolist() == [2, 2, 2, 2]
    assert found.p.tolist() == pytest.approx([0.105306, 0.270671, 1.0, 0.812012], abs=1e-6)
    assert found.side.tolist() == [1, -1, 0, -1]


def test_without_exposure_nothing_is_tested_and_its_reports_count_for_nobody():
    found = funnel_test([5, 3, 1], [2, 0, 1])
    assert found.rate == 2
    assert np.isnan(found.p[1])
    assert np.isnan(found.p_value[1])
    assert np.isnan(found.expected[1])
    assert found.side[1] == 0
    empty = funnel_test([], [])
    assert np.isnan(empty.rate)
    assert not len(empty.p)
    assert np.isnan(funnel_test([4], [0]).rate)


def test_where_nothing_is_reported_nobody_is_outside():
    assert funnel_test([0, 0], [10, 1000]).p_value.tolist() == [1, 1]


@pytest.mark.parametrize("correction", ["none", "bh", "by", "bonferroni"])
def test_p_values_are_corrected_over_the_units_tested(correction):
    found = funnel_test([9, 1, 0, 4], [2, 2, 0, 3], correction=correction)
    np.testing.assert_array_equal(found.p_value, adjust(found.p, correction))


counted = st.lists(st.tuples(st.integers(0, 400), st.floats(0.01, 1e4)), min_size=1, max_size=20)


@given(counted, st.sampled_from([0.0, 0.3, 4.0]))
def test_tails_are_scipys(pairs, spread):
    counts, exposure = np.array(pairs).T
    if not counts.sum():
        counts[0] = 1
    rate = counts.sum() / exposure.sum()
    found = funnel_test(counts, exposure, between=spread * rate**2, correction="none")
    mean = rate * exposure
    chance = poisson(mean) if not spread else nbinom(1 / spread, 1 / (1 + spread * mean))
    two = 2 * np.minimum(chance.sf(counts - 1), chance.cdf(counts))
    np.testing.assert_allclose(found.p, np.minimum(two, 1), rtol=1e-7, atol=1e-12)


@given(
    st.floats(0.01, 1e4),
    st.floats(1e-3, 10),
    st.sampled_from([0.95, 0.998]),
    st.sampled_from([0.0, 0.5]),
    st.integers(0, 300),
)
def test_a_count_is_beyond_a_limit_exactly_when_its_tail_is_small(exposure, rate, level, spread, count):
    between = spread * rate**2
    low, high = (limit[0] for limit in funnel_limits([exposure], rate, level, between=between))
    mean = exposure * rate
    chance = poisson(mean) if not spread else nbinom(1 / spread, 1 / (1 + spread * mean))
    tail = (1 - level) / 2
    above, below = chance.sf(count - 1), chance.cdf(count)
    if abs(above - tail) > 1e-9:
        assert (count >= high * exposure) == (above <= tail)
    if abs(below - tail) > 1e-9:
        assert (not np.isnan(low) and count <= low * exposure) == (below <= tail)


def test_limits_narrow_with_exposure_and_lie_around_the_rate():
    exposure = np.geomspace(20, 1e5, 50)
    low, high = funnel_limits(exposure, 0.4, 0.95)
    wide_low, wide_high = funnel_limits(exposure, 0.4, 0.998)
    assert (np.diff(high) < 0).all()
    assert (np.diff(low[~np.isnan(low)]) > 0).all()
    assert ((low < 0.4) & (high > 0.4)).all()
    assert (wide_high > high).all()
    assert (np.nan_to_num(wide_low) < low).all()


@pytest.mark.parametrize("mean", [3.0, 40.0])
def test_chance_alone_brings_no_more_outside_than_said(mean):
    rng = np.random.default_rng(11)
    outside = []
    for _ in range(300):
        exposure = rng.gamma(2.0, mean / 2.0, size=100)
        outside.append((funnel_test(rng.poisson(exposure), exposure).p_value < 0.05).any())
    assert np.mean(outside) <= 0.07  # corrected: any town with a unit outside, 5 % and its own chance


def test_usual_differences_bring_no_more_outside_than_said():
    rng = np.random.default_rng(5)
    shape, outside, chance_only, named = 2.0, [], [], []
    for _ in range(300):
        exposure = rng.uniform(20, 400, size=80)
        true = gamma(shape, scale=1 / shape).rvs(80, random_state=rng)
        counts = rng.poisson(true * exposure)
        outside.append((funnel_test(counts, exposure, between=1 / shape, correction="none").p < 0.05).mean())
        between = float(smooth_rates(counts, exposure).prior_var[0])  # as the page has it: estimated
        named.append((funnel_test(counts, exposure, between=between).p_value < 0.05).any())
        chance_only.append((funnel_test(counts, exposure, correction="none").p < 0.05).mean())
    assert 0.03 <= np.mean(outside) <= 0.06
    assert np.mean(named) <= 0.1
    assert np.mean(chance_only) > 0.5  # Poisson limits alone would call most units unusual
