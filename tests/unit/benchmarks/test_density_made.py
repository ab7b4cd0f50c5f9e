"""The town on which densities are timed: seeded, round as scipy's kernel needs it, its sums the plain ones."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import gaussian_kde

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

from density import BANDWIDTH_M, MIDDLE, SPREAD_M, errors, made_cells, made_reports, summed

from pingan_geo.coords import local_metres
from pingan_geo.stats.kernel import kernel_density


def test_the_same_seed_gives_the_same_round_town():
    one, other = made_reports(5_000), made_reports(5_000)
    assert np.array_equal(one, other)
    assert not np.array_equal(one, made_reports(5_000, seed=6))
    np.testing.assert_allclose(np.cov(np.vstack(one)), SPREAD_M**2 * np.eye(2), atol=1e-3)


def test_cells_are_as_many_as_asked_and_around_the_middle():
    lon, lat = made_cells(3_000)
    assert lon.size == 3_000
    away = np.hypot(*local_metres(*MIDDLE).forward(lon, lat))
    assert np.median(away) == pytest.approx(away.max() / np.sqrt(2), rel=0.02)  # a full disk
    assert 1_000 < away.max() < 2_000


def test_scipy_is_asked_for_the_same_kernel():
    x, y = made_reports(3_000)
    at_x, at_y = x[:50], y[:50]
    theirs = gaussian_kde(np.vstack([x, y]), bw_method=BANDWIDTH_M / SPREAD_M)(np.vstack([at_x, at_y]))
    plain = summed(x, y, at_x, at_y, np.full(x.size, BANDWIDTH_M))
    np.testing.assert_allclose(theirs * x.size * 1e6, plain, rtol=1e-9)
    np.testing.assert_allclose(kernel_density(x, y, at_x, at_y, BANDWIDTH_M), plain, rtol=1e-9)


def test_errors_are_shares_of_the_exact_peak():
    assert errors(np.array([9.0, 2.0]), np.array([10.0, 4.0])) == pytest.approx((0.1, 0.2))
