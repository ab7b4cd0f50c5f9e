"""Rates and changes against esda, statsmodels and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.rates import confint_poisson

from pingan_geo.spatial.cells import cells_covering, neighbour_pairs
from pingan_geo.stats.change import compare_periods, mann_kendall
from pingan_geo.stats.rates import rate_interval, smooth_rates


@pytest.fixture
def units():
    rng = np.random.default_rng(5)
    exposed = rng.integers(20, 900, 120)
    return rng.poisson(exposed * rng.gamma(4, 0.01, 120)), exposed


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_smoothing_equals_esda(units):
    from esda.smoothing import Empirical_Bayes

    theirs = Empirical_Bayes(*units)
    np.testing.assert_allclose(smooth_rates(*units).smoothed, theirs.r.ravel(), rtol=1e-12)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_smoothing_among_neighbours_equals_esda(units):
    import shapely
    from esda.smoothing import Spatial_Empirical_Bayes
    from libpysal.weights import W

    cells = cells_covering(shapely.box(120.60, 30.78, 120.64, 30.80), 9)[:120]
    left, right = neighbour_pairs(cells)
    beside = {
        unit: [*right[left == unit].tolist(), *left[right == unit].tolist()] for unit in range(cells.size)
    }
    count, exposed = units[0][: cells.size], units[1][: cells.size]
    theirs = Spatial_Empirical_Bayes(count, exposed, W(beside, id_order=list(range(cells.size))))
    ours = smooth_rates(count, exposed, left, right)
    assert (ours.prior_var == 0).any()
    assert (ours.prior_var > 0).any()
    np.testing.assert_allclose(ours.smoothed, theirs.r.ravel(), rtol=1e-11)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_interval_equals_statsmodels(level):
    count = np.array([0, 1, 2, 5, 17, 400, 100_000])
    exposed = np.array([1, 3, 0.5, 10, 900, 2, 7])
    low, high = rate_interval(count, exposed, level)
    for place in range(count.size):
        theirs = confint_poisson(count[place], exposed[place], method="exact-c", alpha=1 - level)
        assert low[place] == pytest.approx(theirs[0], rel=1e-10, abs=1e-300)
        assert high[place] == pytest.approx(theirs[1], rel=1e-10)


@pytest.mark.parametrize(("length_before_d", "length_after_d"), [(28, 28), (90, 7), (7, 30)])
def test_change_equals_scipy(length_before_d, length_after_d):
    was, now = (each.ravel() for each in np.meshgrid([0, 1, 2, 3, 8, 40, 5000], [0, 1, 2, 3, 9, 41, 5200]))
    ours = compare_periods(was, now, length_before_d=length_before_d, length_after_d=length_after_d)
    share = length_after_d / (length_before_d + length_after_d)
    scale = length_after_d / length_before_d
    for row in ours.itertuples():
        both = row.before + row.after
        if not both:
            assert np.isnan(row.p_value)
            continue
        tails = [stats.binomtest(row.after, both, share, side).pvalue for side in ("greater", "less")]
        assert row.p_value == pytest.approx(min(1, 2 * min(tails)), rel=1e-9, abs=1e-300)
        interval = stats.binomtest(row.after, both, share).proportion_ci(0.95, method="exact")
        # scipy searches for the share to about 1e-12
        low, high = row.ratio_low * scale, row.ratio_high * scale
        assert low / (1 + low) == pytest.approx(interval.low, abs=1e-10)
        assert (high / (1 + high) if row.before else 1) == pytest.approx(interval.high, abs=1e-10)
        assert np.isinf(row.ratio_high) == (row.before == 0)


def test_mann_kendall_equals_scipy():
    rng = np.random.default_rng(8)
    series = np.concatenate([rng.poisson(2, (12, 40)), rng.normal(0, 1, (12, 40)).cumsum(axis=0)], axis=1)
    s, z, p = mann_kendall(series)
    for cell in range(80):
        # tau-b of scipy with steps in order: s over the root of pairs times pairs that are not tied
        ties = np.unique(series[:, cell], return_counts=True)[1]
        untied = 66 - (ties * (ties - 1) // 2).sum()
        theirs = stats.kendalltau(np.arange(12), series[:, cell], method="asymptotic")
        assert s[cell] == pytest.approx(theirs.statistic * np.sqrt(66 * untied), abs=1e-9)
        # without the correction for continuity, which scipy does not make
        plain = stats.norm.isf(theirs.pvalue / 2)
        if abs(s[cell]) > 1:
            assert abs(z[cell]) == pytest.approx(plain * (abs(s[cell]) - 1) / abs(s[cell]), rel=1e-9)
        assert p[cell] == pytest.approx(2 * stats.norm.sf(abs(z[cell])), rel=1e-9)
