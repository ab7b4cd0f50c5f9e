"""Density over a whole county with a narrow kernel: too wide for a raster, still the sum of the kernels."""

from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError
from pingan_geo.stats import kernel
from pingan_geo.stats.density import density_at


def test_a_bandwidth_of_nothing_is_refused_there_too():
    with pytest.raises(BadChoiceError):
        density_at([0.0], [0.0], [0.0, 2.0], [0.0, 2.0], 0)


def test_one_report_on_the_spot_gives_the_height_of_its_kernel():
    values = density_at([120.0], [30.0], [120.0, 121.5, np.nan], [30.0, 31.5, 30.0], 100)
    assert values[0] == pytest.approx(1 / (2 * np.pi * 0.1**2))
    assert values[1] == 0
    assert np.isnan(values[2])


def test_the_sum_agrees_with_the_raster_whatever_the_chunk(monkeypatch):
    rng = np.random.default_rng(5)
    lon, lat = 120.6 + 0.02 * rng.standard_normal(3000), 30.8 + 0.02 * rng.standard_normal(3000)
    lon[0] = np.nan
    at_lon, at_lat = 120.6 + 0.02 * rng.standard_normal(200), 30.8 + 0.02 * rng.standard_normal(200)
    monkeypatch.setattr(kernel, "_DENSE", 0)
    raster = density_at(lon, lat, at_lon, at_lat, 300)
    monkeypatch.setattr(kernel, "MOST_RASTER_CELLS", 10)
    monkeypatch.setattr(kernel, "_PAIRED_AT_ONCE", 700)
    summed = density_at(lon, lat, at_lon, at_lat, 300)
    assert np.abs(summed - raster).max() < 1e-4 * raster.max()
