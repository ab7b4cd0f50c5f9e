"""Kernel density in metres: refused questions, exact sums, the border, bandwidths, reports against exposure."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from scipy.special import ndtr

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats import kernel
from pingan_geo.stats.kernel import (
    abramson_bandwidths,
    kernel_density,
    kernel_mass,
    leave_one_out_density,
    relative_density,
    select_bandwidth,
)

TOWN = shapely.box(0, 0, 4000, 3000)


@pytest.fixture
def cloud():
    rng = np.random.default_rng(11)
    return rng.uniform(0, 4000, 400), rng.uniform(0, 3000, 400)


def summed(x, y, at_x, at_y, bandwidth, weights=None):
    """Return the density per km² report by report, with the bandwidth of each."""
    weights = np.ones(np.size(x)) if weights is None else weights
    bandwidth = np.broadcast_to(bandwidth, np.shape(x))
    total = np.zeros(np.size(at_x))
    for one, other, h, weight in zip(x, y, bandwidth, weights, strict=True):
        squared = (at_x - one) ** 2 + (at_y - other) ** 2
        total += weight * np.exp(-squared / 2 / h**2) / (2 * np.pi * h**2) * 1e6
    return total


# -- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bandwidth", [0, -1, np.nan, np.inf, [100, 0], [100, np.nan]])
def test_a_bandwidth_that_is_no_length_is_refused(bandwidth):
    with pytest.raises(BadChoiceError, match="bandwidth_m"):
        kernel_density([1, 2], [1, 2], [0], [0], bandwidth)


def test_a_bandwidth_is_refused_also_when_there_is_no_report():
    with pytest.raises(BadChoiceError, match="bandwidth_m"):
        kernel_density([], [], [0], [0], -3)
    with pytest.raises(BadChoiceError, match="bandwidth_m"):
        leave_one_out_density([], [], 0)
    with pytest.raises(BadChoiceError, match="bandwidth_m"):
        kernel_mass(TOWN, [0], [0], 0)


@pytest.mark.parametrize("weights", [[1, -1], [1, np.nan], [np.inf, 1]])
def test_weights_that_are_no_weights_are_refused(weights):
    with pytest.raises(BadChoiceError, match="weights"):
        kernel_density([1, 2], [1, 2], [0], [0], 5, weights=weights)


def test_columns_of_different_length_are_refused():
    with pytest.raises(UnalignedIndexError):
        kernel_density([1, 2], [1], [0], [0], 5)
    with pytest.raises(UnalignedIndexError):
        kernel_density([1, 2], [1, 2], [0, 1], [0], 5)
    with pytest.raises(UnalignedIndexError):
        kernel_density([1, 2], [1, 2], [0], [0], 5, weights=[1])
    with pytest.raises(UnalignedIndexError):
        kernel_density([1, 2], [1, 2], [0], [0], [5, 5, 5])
    with pytest.raises(UnalignedIndexError):
        leave_one_out_density([1, 2], [1], 5)


@pytest.mark.parametrize(
    "window",
    [
        None,
        shapely.Point(0, 0),
        shapely.LineString([(0, 0), (1, 1)]),
        shapely.Polygon(),
        shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]),
    ],
)
def test_an_edge_without_an_area_is_refused(window):
    for edge in ("uniform", "diggle"):
        with pytest.raises(BadChoiceError, match="window"):
            kernel_density([1, 2], [1, 2], [0], [0], 5, window=window, edge=edge)


def test_unknown_corrections_and_rules_are_refused():
    with pytest.raises(BadChoiceError, match="none, uniform, diggle"):
        kernel_density([1], [1], [0], [0], 5, window=TOWN, edge="torus")
    with pytest.raises(BadChoiceError, match="scott, cv"):
        select_bandwidth([1, 2], [1, 2], "silverman")


def test_adaptive_takes_one_global_bandwidth():
    with pytest.raises(BadChoiceError, match="one number"):
        kernel_density([1, 2], [1, 2], [0], [0], [5, 6], adaptive=True)
    with pytest.raises(BadChoiceError, match="one number"):
        relative_density([1], [1], [1], [1], [0], [0], [5], floor_per_km2=1)


@pytest.mark.parametrize("rule", ["scott", "cv"])
@pytest.mark.parametrize("places", [[], [7.0], [7.0, 7.0, 7.0], [7.0, np.nan]])
def test_one_place_has_no_bandwidth(rule, places):
    with pytest.raises(BadChoiceError, match="two places"):
        select_bandwidth(places, places, rule)


@pytest.mark.parametrize("candidates", [[], [0.0, 5.0], [np.nan], [-1.0]])
def test_candidates_that_are_no_lengths_are_refused(candidates):
    with pytest.raises(BadChoiceError, match="candidates_m"):
        select_bandwidth([1, 2], [1, 2], "cv", candidates_m=candidates)


@pytest.mark.parametrize("floor", [0, -1, np.nan, np.inf])
def test_a_ratio_without_a_floor_is_refused(floor):
    with pytest.raises(BadChoiceError, match="floor_per_km2"):
        relative_density([1], [1], [1], [1], [0], [0], 5, floor_per_km2=floor)


def test_a_ratio_to_nothing_is_refused():
    with pytest.raises(BadChoiceError, match="exposure_weights"):
        relative_density([1], [1], [1], [1], [0], [0], 5, floor_per_km2=1, exposure_weights=[0])
    with pytest.raises(BadChoiceError, match="weights"):
        relative_density([], [], [1], [1], [0], [0], 5, floor_per_km2=1)


# -- sums -------------------------------------------------------------------------------------------


def test_nothing_is_zero_and_a_missing_place_is_missing():
    assert kernel_density([], [], [0, 1], [0, 1], 5).tolist() == [0.0, 0.0]
    assert kernel_density([1], [1], [], [], 5).size == 0
    found = kernel_density([0, np.nan, 3], [0, 0, np.inf], [0, np.nan], [0, 0], 5)
    assert found[0] == pytest.approx(1e6 / (2 * np.pi * 25))
    assert np.isnan(found[1])


def test_a_weight_is_that_many_reports(cloud):
    x, y = cloud
    counts = np.random.default_rng(2).integers(0, 4, x.size)
    at = np.linspace(0, 3000, 50)
    once = kernel_density(np.repeat(x, counts), np.repeat(y, counts), at, at, 200)
    np.testing.assert_allclose(kernel_density(x, y, at, at, 200, weights=counts), once, rtol=1e-12)


@pytest.mark.parametrize("way", ["dense", "raster", "near"])
def test_every_way_is_the_direct_sum(cloud, way, monkeypatch):
    if way != "dense":
        monkeypatch.setattr(kernel, "_DENSE", 0)
    if way == "near":
        monkeypatch.setattr(kernel, "MOST_RASTER_CELLS", 0)
    x, y = cloud
    rng = np.random.default_rng(3)
    weights, at_x, at_y = rng.uniform(0, 3, x.size), rng.uniform(-50, 4050, 500), rng.uniform(0, 3000, 500)
    expected = summed(x, y, at_x, at_y, 150, weights)
    within = {"dense": 1e-12, "raster": 1e-4, "near": 1e-4}[way]
    found = kernel_density(x, y, at_x, at_y, 150, weights=weights)
    assert np.abs(found - expected).max() < within * expected.max()


@pytest.mark.parametrize("dense", [True, False])
def test_bandwidths_of_each_report_are_its_own(cloud, dense, monkeypatch):
    if not dense:
        monkeypatch.setattr(kernel, "_DENSE", 0)
    x, y = cloud
    rng = np.random.default_rng(4)
    own, at_x, at_y = rng.uniform(60, 400, x.size), rng.uniform(0, 4000, 300), rng.uniform(0, 3000, 300)
    expected = summed(x, y, at_x, at_y, own)
    found = kernel_density(x, y, at_x, at_y, own)
    assert np.abs(found - expected).max() < 1e-3 * expected.max()
    assert np.abs(found / expected - 1).max() < 5e-3


# -- the border -------------------------------------------------------------------------------------


def test_the_share_of_a_kernel_in_a_rectangle_is_the_product_of_two_shares():
    rng = np.random.default_rng(5)
    x, y = rng.uniform(0, 4000, 500), rng.uniform(0, 3000, 500)
    for h in (30.0, 300.0, 2500.0):
        expected = (ndtr((4000 - x) / h) - ndtr(-x / h)) * (ndtr((3000 - y) / h) - ndtr(-y / h))
        np.testing.assert_allclose(kernel_mass(TOWN, x, y, h), expected, atol=2e-6)


def test_corners_sides_and_outside():
    x, y = [0, 2000, 0, 2000, -1e5, 4001], [0, 0, 1500, 1500, 0, 1500]
    found = kernel_mass(TOWN, x, y, 100.0)
    assert found == pytest.approx([0.25, 0.5, 0.5, 1.0, 0.0, ndtr(-0.01)], abs=1e-8)


def test_holes_and_parts_and_the_direction_of_rings():
    hole = shapely.box(1000, 1000, 1200, 1300)
    ring = TOWN.difference(hole)
    rng = np.random.default_rng(6)
    x, y = rng.uniform(600, 1600, 200), rng.uniform(600, 1600, 200)
    both = kernel_mass(ring, x, y, 150) + kernel_mass(hole, x, y, 150)
    np.testing.assert_allclose(both, kernel_mass(TOWN, x, y, 150), atol=4e-6)
    np.testing.assert_allclose(kernel_mass(shapely.reverse(ring), x, y, 150), kernel_mass(ring, x, y, 150))
    parts = shapely.MultiPolygon([shapely.box(0, 0, 500, 3000), shapely.box(900, 0, 4000, 3000)])
    gap = kernel_mass(shapely.box(500, 0, 900, 3000), x, y, 150)
    np.testing.assert_allclose(kernel_mass(parts, x, y, 150), kernel_mass(TOWN, x, y, 150) - gap, atol=4e-6)


def test_the_share_in_a_winding_polygon_is_that_of_drawn_points():
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radius = 1000 + 300 * np.sin(7 * angle)
    star = shapely.Polygon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))
    drawn = np.random.default_rng(7).normal(0, 250, (200_000, 2))
    for x, y in ((0, 0), (900, 100), (-1000, 0), (0, 1300)):
        share = shapely.contains_xy(star, drawn[:, 0] + x, drawn[:, 1] + y).mean()
        assert kernel_mass(star, [x], [y], 250)[0] == pytest.approx(share, abs=0.004)


def test_many_places_read_the_share_from_a_raster():
    rng = np.random.default_rng(8)
    x, y = rng.uniform(0, 4000, 20_000), rng.uniform(0, 3000, 20_000)
    h = 400.0
    expected = (ndtr((4000 - x) / h) - ndtr(-x / h)) * (ndtr((3000 - y) / h) - ndtr(-y / h))
    found = kernel_mass(TOWN, x, y, h)
    assert not np.array_equal(found, kernel_mass(TOWN, x[:10], y[:10], h))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_even_reports_are_even_up_to_the_border():
    """Reports in every 10 m square: 10,000 a km² in the middle and, corrected, in the corner."""
    x, y = (part.ravel() + 5.0 for part in np.meshgrid(np.arange(0, 2000, 10), np.arange(0, 1500, 10)))
    town = shapely.box(0, 0, 2000, 1500)
    at_x, at_y = np.array([1000.0, 0.0, 2000.0, 1000.0]), np.array([750.0, 0.0, 700.0, 1500.0])
    plain = kernel_density(x, y, at_x, at_y, 100, window=town, edge="none")
    uniform = kernel_density(x, y, at_x, at_y, 100, window=town, edge="uniform")
    assert plain == pytest.approx([10_000, 2_500, 5_000, 5_000], rel=1e-3)
    assert uniform == pytest.approx([10_000] * 4, rel=1e-3)


@pytest.mark.parametrize("adaptive", [False, True])
def test_jones_diggle_adds_up_to_the_reports(cloud, adaptive):
    x, y = cloud
    at_x, at_y = (part.ravel() + 10.0 for part in np.meshgrid(np.arange(0, 4000, 20), np.arange(0, 3000, 20)))
    density = kernel_density(x, y, at_x, at_y, 250, window=TOWN, edge="diggle", adaptive=adaptive)
    assert density.sum() * 400 / 1e6 == pytest.approx(x.size, rel=1e-3)
    plain = kernel_density(x, y, at_x, at_y, 250, adaptive=adaptive)
    assert plain.sum() * 400 / 1e6 < 0.97 * x.size


def test_beyond_the_border_nothing_is_known():
    found = kernel_density([5, -5], [5, -5], [5, -5], [5, -5], 100, window=TOWN, edge="uniform")
    alone = kernel_density([5], [5], [5], [5], 100, window=TOWN, edge="uniform")
    assert found[0] == alone[0]  # the report outside was left out
    assert np.isnan(found[1])
    assert np.isfinite(kernel_density([5, -5], [5, -5], [-5], [-5], 100, window=TOWN)).all()


# -- bandwidths -------------------------------------------------------------------------------------


def test_adaptive_is_narrow_where_reports_are_many():
    rng = np.random.default_rng(9)
    x = np.concatenate([rng.normal(1000, 100, 300), rng.uniform(0, 2000, 200)])
    y = np.concatenate([rng.normal(1000, 100, 300), rng.uniform(0, 2000, 200)])
    own = abramson_bandwidths(x, y, 150)
    pilot = summed(x, y, x, y, 150)
    np.testing.assert_allclose(own**2 * pilot, np.median(own**2 * pilot), rtol=1e-9)
    assert np.exp(np.log(own).mean()) == pytest.approx(150)
    assert np.median(own[:300]) < 0.7 * np.median(own[300:])
    at = np.array([1000.0])
    expected = summed(x, y, at, at, own)
    assert kernel_density(x, y, at, at, 150, adaptive=True) == pytest.approx(expected, rel=1e-3)
    assert expected > kernel_density(x, y, at, at, 150)


def test_no_adaptive_bandwidth_is_more_than_five_times_the_global_one():
    rng = np.random.default_rng(10)
    x = np.concatenate([rng.normal(0, 20, 2000), [90_000.0]])
    own = abramson_bandwidths(x, np.zeros(x.size), 50)
    assert own[-1] == 250.0
    assert (own[:-1] < 250).all()


def test_scott_is_the_formula(cloud):
    x, y = cloud
    expected = np.sqrt(np.std(x, ddof=1) * np.std(y, ddof=1)) * 400 ** (-1 / 6)
    assert select_bandwidth(x, y, "scott") == pytest.approx(expected, rel=1e-12)
    along = select_bandwidth(x, np.full(x.size, 3.0), "scott")
    assert along == pytest.approx(np.std(x, ddof=1) * 400 ** (-1 / 6), rel=1e-12)


def test_cross_validation_finds_the_scale_of_clusters():
    rng = np.random.default_rng(12)
    centres_x, centres_y = rng.uniform(0, 20_000, 30), rng.uniform(0, 20_000, 30)
    for scale in (40.0, 200.0):
        x = (centres_x[:, None] + rng.normal(0, scale, (30, 30))).ravel()
        y = (centres_y[:, None] + rng.normal(0, scale, (30, 30))).ravel()
        found = select_bandwidth(x, y, "cv")
        assert 0.35 * scale < found < 1.1 * scale
        assert select_bandwidth(x, y, "scott") > 5 * scale


def test_a_town_of_addresses_does_not_choose_the_width_of_nothing():
    """Several reports of one address would foretell each other at a bandwidth of nothing."""
    rng = np.random.default_rng(13)
    x, y = rng.normal(0, 500, 200), rng.normal(0, 500, 200)
    once = select_bandwidth(x, y, "cv")
    assert select_bandwidth(np.repeat(x, 5), np.repeat(y, 5), "cv") == pytest.approx(once, rel=1e-9)


@pytest.mark.parametrize("bandwidth", [3.0, 150.0])
def test_leave_one_out_of_many_is_leave_one_out_of_few(cloud, bandwidth, monkeypatch):
    """Also where a report is alone, and rounding of the raster would be more than all its neighbours."""
    x, y = (np.concatenate([part, part[:20]]) for part in cloud)
    small = leave_one_out_density(x, y, bandwidth, window=TOWN, edge="uniform")
    own_place = (x[:, None] == x) & (y[:, None] == y)
    squared = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    heights = np.where(own_place, 0, np.exp(-squared / 2 / bandwidth**2)) / (2 * np.pi * bandwidth**2)
    mass = kernel_mass(TOWN, x, y, bandwidth)
    np.testing.assert_allclose(small, heights.sum(axis=1) / mass * 1e6, rtol=1e-9, atol=1e-280)
    monkeypatch.setattr(kernel, "_DENSE", 0)
    monkeypatch.setattr(kernel, "_CELL_COSTS", 0)
    large = leave_one_out_density(x, y, bandwidth, window=TOWN, edge="uniform")
    np.testing.assert_allclose(large, small, rtol=0.01, atol=1e-250)


# -- reports against exposure -----------------------------------------------------------------------


@pytest.mark.parametrize("adaptive", [False, True])
def test_reports_as_exposure_are_everywhere_as_everywhere(cloud, adaptive):
    x, y = cloud
    at_x, at_y = x[::7], y[::7]
    found = relative_density(
        x, y, x, y, at_x, at_y, 200, floor_per_km2=1e-6, exposure_weights=np.full(400, 3.0), adaptive=adaptive
    )
    np.testing.assert_allclose(found.ratio, 1.0, rtol=1e-9)
    np.testing.assert_allclose(found.rate, 1 / 3, rtol=1e-9)


def test_a_quarter_with_three_times_the_rate_has_three_times_the_ratio():
    rng = np.random.default_rng(14)
    homes_x, homes_y = rng.uniform(0, 4000, 40_000), rng.uniform(0, 3000, 40_000)
    risk = np.where(homes_x < 2000, 0.3, 0.1)
    robbed = rng.random(40_000) < risk
    found = relative_density(
        homes_x[robbed],
        homes_y[robbed],
        homes_x,
        homes_y,
        [1000.0, 3000.0, 9000.0],
        [1500.0, 1500.0, 1500.0],
        200,
        floor_per_km2=100,
        window=shapely.box(0, 0, 10_000, 3000),
        edge="uniform",
    )
    assert found.rate[:2] == pytest.approx([0.3, 0.1], rel=0.1)
    assert found.ratio[:2] == pytest.approx([1.5, 0.5], rel=0.1)
    assert np.isnan(found.ratio[2])
    assert np.isnan(found.rate[2])
    assert found.exposure_per_km2[2] < 100


def test_the_floor_is_what_it_says():
    peak = 1e6 / (2 * np.pi * 100**2)
    for floor, missing in ((peak * 0.999, False), (peak * 1.001, True)):
        found = relative_density([0], [0], [0], [0], [0], [0], 100, floor_per_km2=floor)
        assert bool(np.isnan(found.ratio[0])) is missing
        assert found.reports_per_km2[0] == pytest.approx(peak)
