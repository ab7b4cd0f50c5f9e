"""Placing keeps every report, and the quick ways answer as the plain ones do."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pingan_geo.coords import from_wgs84, shifted_by_gcj02, to_wgs84
from pingan_geo.spatial.cells import cells_covering, cells_of, disk, outlines, parents
from pingan_geo.spatial.grids import PolygonIndex
from pingan_geo.stats.counts import count_by_cell, count_by_polygon

UNHURRIED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
SEEDS = st.integers(0, 2**32 - 1)


# -- polygons ---------------------------------------------------------------------------------------


def plain_rule(codes, shapes, lon, lat):
    """Every polygon is asked about every place; of those that touch it, the smallest code."""
    found = []
    for x, y in zip(lon, lat, strict=True):
        holding = [
            code
            for code, shape in zip(codes, shapes, strict=True)
            if np.isfinite(x + y) and shape is not None and shape.intersects(shapely.Point(x, y))
        ]
        found.append(min(holding, default=""))
    return found


def polygonal(shape):
    parts = [part for part in shapely.get_parts(shapely.get_parts(shape)) if part.geom_type == "Polygon"]
    return shapely.union_all(parts) if parts else None


def tiling(rng):
    """Return polygons that share their borders, with corners on a coarse lattice, some far from convex."""
    columns, rows = rng.integers(1, 5, 2)
    corners = np.stack(np.meshgrid(np.arange(columns + 1.0), np.arange(rows + 1.0)), axis=-1)
    corners[1:-1, 1:-1] += rng.integers(-3, 4, (rows - 1, columns - 1, 2)) / 8
    middles = {}

    def edge(one, other):
        key = tuple(sorted([tuple(one), tuple(other)]))
        if key not in middles:
            middles[key] = (np.array(one) + other) / 2 + rng.integers(-1, 2, 2) / 8
        return [tuple(one), tuple(middles[key])]

    shapes = []
    for row in range(rows):
        for column in range(columns):
            ring = [
                corners[row, column],
                corners[row, column + 1],
                corners[row + 1, column + 1],
                corners[row + 1, column],
            ]
            shapes.append(
                shapely.Polygon(
                    [p for a, b in zip(ring, [*ring[1:], ring[0]], strict=True) for p in edge(a, b)]
                )
            )
    return [polygonal(shapely.make_valid(shape)) for shape in shapes]


def scattered(rng):
    """Return overlapping polygons, some with holes, some of several parts, some mended figures of eight."""
    shapes = []
    for _ in range(rng.integers(1, 7)):
        points = rng.integers(0, 17, (rng.integers(3, 9), 2)) / 4
        shape = shapely.make_valid(shapely.Polygon(points))
        if rng.random() < 0.3:
            shape = shape.difference(shapely.box(*(rng.integers(0, 8, 2) / 4), *(rng.integers(9, 17, 2) / 4)))
        shapes.append(polygonal(shape))
    return shapes


def places(rng, shapes):
    """Return places inside, outside, on corners, on edges, a hair beside them, and nowhere."""
    corners = shapely.get_coordinates([shape for shape in shapes if shape is not None])
    if not len(corners):
        corners = np.zeros((1, 2))
    on_edges = (corners + np.roll(corners, 1, axis=0)) / 2
    anywhere = rng.uniform(-1, 6, (40, 2))
    beside = np.nextafter(corners, rng.choice([-np.inf, np.inf], corners.shape))
    nowhere = np.array([[np.nan, 1.0], [1.0, np.nan], [np.inf, 1.0]])
    lattice = rng.integers(-1, 20, (40, 2)) / 4
    chosen = np.concatenate([anywhere, corners, on_edges, beside, nowhere, lattice])
    return rng.permutation(chosen)[:150].T


@UNHURRIED
@given(SEEDS, st.booleans(), st.sampled_from([1.0, 0.01]))
def test_the_polygon_of_a_place_follows_the_plain_rule(seed, share_borders, size):
    rng = np.random.default_rng(seed)
    shapes = tiling(rng) if share_borders else scattered(rng)
    lon, lat = places(rng, shapes)
    if size != 1.0:  # a town: coordinates that are not round in binary
        lon, lat = 120.6 + lon * size, 30.8 + lat * size
        shapes = [
            None
            if shape is None
            else shapely.transform(shape, lambda xy: np.array([120.6, 30.8]) + xy * size)
            for shape in shapes
        ]
    codes = [f"33041110400{place}" for place in rng.permutation(len(shapes))]
    expected = plain_rule(codes, shapes, lon, lat)
    assert PolygonIndex(codes, shapes).assign(lon, lat).tolist() == expected
    # neither the order of the polygons nor that of the places matters
    order, turn = rng.permutation(len(shapes)), rng.permutation(lon.size)
    again = PolygonIndex([codes[place] for place in order], [shapes[place] for place in order])
    assert again.assign(lon[turn], lat[turn]).tolist() == [expected[place] for place in turn]


@UNHURRIED
@given(SEEDS)
def test_every_report_is_in_one_polygon_or_outside(seed):
    rng = np.random.default_rng(seed)
    shapes = [shape for shape in scattered(rng) if shape is not None]
    lon, lat = places(rng, shapes)
    codes = [str(place) for place in range(len(shapes))]
    counts, outside = count_by_polygon(PolygonIndex(codes, shapes).assign(lon, lat), codes)
    assert counts["code"].tolist() == codes
    assert counts["count"].sum() + outside == lon.size


# -- cells ------------------------------------------------------------------------------------------

coordinates = arrays.arrays(np.float64, st.integers(0, 30), elements=st.floats(width=64))


@UNHURRIED
@given(coordinates, st.randoms(use_true_random=False), st.integers(0, 15))
def test_any_number_is_placed_or_counted_apart(lon, random, resolution):
    lat = np.array([random.choice([random.uniform(-91, 91), np.nan, np.inf, 90.0]) for _ in lon])
    cells = cells_of(lon, lat, resolution)
    on_earth = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    np.testing.assert_array_equal(cells != 0, on_earth)
    for coarser in range(resolution + 1):
        assert count_by_cell(cells, coarser)["count"].sum() + (cells == 0).sum() == lon.size


@UNHURRIED
@given(st.floats(-180, 180), st.floats(-89.9, 89.9), st.integers(0, 15))
def test_parents_of_parents_are_parents(lon, lat, resolution):
    cell = cells_of(lon, lat, 15)
    straight = parents(cell, resolution)
    for step in range(14, resolution - 1, -1):
        cell = parents(cell, step)
    assert cell == straight


@UNHURRIED
@given(SEEDS)
def test_cells_covering_a_polygon_are_those_that_touch_it(seed):
    rng = np.random.default_rng(seed)
    points = np.array([120.6, 30.8]) + rng.uniform(-0.01, 0.01, (rng.integers(3, 8), 2)) * rng.choice(
        [0.05, 0.3, 1.0]
    )
    shape = shapely.make_valid(shapely.Polygon(points))
    around = disk(cells_of(120.6, 30.8, 9).item(), 14)
    hexagons = outlines(around)
    found = cells_covering(shape, 9)
    sure = around[shapely.area(shapely.intersection(hexagons, shape)) > 1e-14]
    assert set(sure) <= set(found) <= set(around[shapely.dwithin(hexagons, shape, 1e-9)])


# -- datums -----------------------------------------------------------------------------------------


@UNHURRIED
@given(
    st.lists(st.tuples(st.floats(73, 136), st.floats(17, 54)), min_size=1, max_size=30),
    st.sampled_from(["gcj02", "bd09"]),
)
def test_a_datum_goes_back_to_within_a_millimetre(points, datum):
    lon, lat = np.array(points).T
    # within a kilometre of the shift area's border two places share one shifted pair
    near = [shifted_by_gcj02(lon + x, lat + y) for x in (-0.015, 0, 0.015) for y in (-0.015, 0, 0.015)]
    clear = np.all(near, axis=0) | ~np.any(near, axis=0)
    lon, lat = lon[clear], lat[clear]
    back_lon, back_lat = to_wgs84(*from_wgs84(lon, lat, datum), datum)
    assert (
        np.hypot((back_lon - lon) * np.cos(np.radians(lat)), back_lat - lat).max(initial=0) * 111_320 < 0.001
    )


@UNHURRIED
@given(
    st.floats(119, 122),
    st.floats(27, 33),
    st.sampled_from(["EPSG:4549", "EPSG:4528", "EPSG:3857", "EPSG:32651"]),
)
def test_a_projected_system_goes_back_to_within_a_millimetre(lon, lat, code):
    back_lon, back_lat = to_wgs84(*from_wgs84(lon, lat, code), code)
    assert max(abs(back_lon - lon), abs(back_lat - lat)) * 111_320 < 0.001
