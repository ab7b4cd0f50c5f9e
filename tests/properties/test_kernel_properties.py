"""What holds for every kernel density."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.stats.kernel import (
    EDGES,
    kernel_density,
    kernel_mass,
    leave_one_out_density,
    relative_density,
)

WINDOW = shapely.Polygon([(0, 0), (1000, 100), (900, 900), (400, 600), (0, 1000)])
COORDINATE = st.floats(-50, 1050, allow_nan=False)
POINTS = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=2, max_size=30)
BANDWIDTH = st.floats(20, 500)
QUICK = settings(max_examples=60, deadline=None)


def columns(points):
    x, y = np.array(points, dtype=np.float64).T
    return x, y


@QUICK
@given(POINTS, POINTS, BANDWIDTH, st.sampled_from(EDGES), st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(points, places, bandwidth, edge, adaptive, shuffle):
    turned = list(points)
    shuffle.shuffle(turned)
    one, other = (
        kernel_density(
            *columns(each), *columns(places), bandwidth, window=WINDOW, edge=edge, adaptive=adaptive
        )
        for each in (points, turned)
    )
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-200)


@QUICK
@given(POINTS, POINTS, BANDWIDTH, st.floats(0.1, 10), st.floats(-1e4, 1e4))
def test_another_unit_and_another_origin_are_the_same_town(points, places, bandwidth, factor, shift):
    (x, y), (at_x, at_y) = columns(points), columns(places)
    here = kernel_density(x, y, at_x, at_y, bandwidth)
    there = kernel_density(
        x * factor + shift, y * factor, at_x * factor + shift, at_y * factor, bandwidth * factor
    )
    np.testing.assert_allclose(there * factor**2, here, rtol=1e-5, atol=1e-12)


@QUICK
@given(POINTS, POINTS, BANDWIDTH, st.sampled_from(EDGES))
def test_reports_add_up(points, places, bandwidth, edge):
    (x, y), at = columns(points), columns(places)
    half = len(points) // 2

    def density(who):
        return kernel_density(x[who], y[who], *at, bandwidth, window=WINDOW, edge=edge)

    parts = density(slice(None, half)) + density(slice(half, None))
    np.testing.assert_allclose(parts, density(slice(None)), rtol=1e-9, atol=1e-200)


@QUICK
@given(POINTS, POINTS, BANDWIDTH)
def test_a_correction_only_raises(points, places, bandwidth):
    inside = shapely.intersects_xy(WINDOW, *columns(points))
    x, y = (part[inside] for part in columns(points))
    at = columns(places)
    plain = kernel_density(x, y, *at, bandwidth)
    for edge in ("uniform", "diggle"):
        corrected = kernel_density(x, y, *at, bandwidth, window=WINDOW, edge=edge)
        known = np.isfinite(corrected)
        np.testing.assert_array_equal(known, shapely.intersects_xy(WINDOW, *at))
        assert (corrected[known] >= plain[known] * (1 - 1e-9)).all()


@QUICK
@given(POINTS, BANDWIDTH)
def test_a_window_and_the_rest_around_it_hold_the_whole_kernel(points, bandwidth):
    x, y = columns(points)
    rest = shapely.box(-9000, -9000, 9000, 9000).difference(WINDOW)
    both = kernel_mass(WINDOW, x, y, bandwidth) + kernel_mass(rest, x, y, bandwidth)
    np.testing.assert_allclose(both, 1.0, atol=4e-6)


@QUICK
@given(POINTS, BANDWIDTH)
def test_leaving_one_out_takes_its_own_kernel_away(points, bandwidth):
    x, y = columns(sorted(set(points)))
    everything = kernel_density(x, y, x, y, bandwidth)
    others = leave_one_out_density(x, y, bandwidth)
    own = 1e6 / (2 * np.pi * bandwidth**2)
    np.testing.assert_allclose(others + own, everything, rtol=1e-9)


@QUICK
@given(POINTS, POINTS, POINTS, BANDWIDTH, st.booleans())
def test_twice_the_exposure_is_half_the_rate_and_the_same_ratio(points, homes, places, bandwidth, adaptive):
    arguments = *columns(points), *columns(homes), *columns(places), bandwidth
    peak = 1e6 / (2 * np.pi * bandwidth**2)
    one = relative_density(*arguments, floor_per_km2=peak / 50, adaptive=adaptive)
    double = relative_density(
        *arguments,
        floor_per_km2=peak / 25,
        exposure_weights=np.full(len(homes), 2.0),
        adaptive=adaptive,
    )
    np.testing.assert_allclose(double.rate * 2, one.rate, rtol=1e-9)
    np.testing.assert_allclose(double.ratio, one.ratio, rtol=1e-9)
    assert (np.isnan(one.ratio) == (one.exposure_per_km2 < peak / 50)).all()
