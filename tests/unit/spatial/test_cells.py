from __future__ import annotations

import h3
import numpy as np
import pytest
import shapely

from pingan_geo.errors import BadChoiceError
from pingan_geo.spatial import cells as door
from pingan_geo.spatial.cells import (
    areas_m2,
    cells_covering,
    cells_of,
    centres,
    disk,
    from_text,
    neighbour_pairs,
    outlines,
    parents,
    resolutions,
    shares_inside,
    to_text,
)


def plain(lon, lat, resolution):
    return np.array(
        [h3.str_to_int(h3.latlng_to_cell(y, x, resolution)) for x, y in zip(lon, lat, strict=True)],
        dtype=np.uint64,
    )


def over_the_earth(n, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(-180, 180, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))


@pytest.fixture(scope="module")
def pentagons():
    return np.array([h3.str_to_int(text) for text in h3.get_pentagons(9)], dtype=np.uint64)


# -- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [-1, 16, True, 9.5])
def test_a_resolution_that_does_not_exist_is_refused(resolution):
    for call in (
        lambda: cells_of(120.0, 30.0, resolution),
        lambda: parents(np.array([0], dtype=np.uint64), resolution),
        lambda: cells_covering(shapely.Point(120, 30), resolution),
    ):
        with pytest.raises(BadChoiceError, match="resolution"):
            call()


def test_parents_cannot_be_finer_than_the_cells():
    with pytest.raises(BadChoiceError):
        parents(cells_of([120.0], [30.0], 8), 9)


def test_disk_refuses_no_cell_and_negative_steps():
    with pytest.raises(BadChoiceError):
        disk(0, 1)
    with pytest.raises(BadChoiceError):
        disk(cells_of(120.0, 30.0, 9).item(), -1)


# -- places without a cell --------------------------------------------------------------------------


def test_what_is_not_on_the_earth_has_no_cell():
    lon = [np.nan, 120, np.inf, 120, -np.inf, 180.1, 120, 120, np.nan, 120]
    lat = [30, np.nan, 30, np.inf, 30, 30, 90.5, -90.01, np.nan, 30]
    cells = cells_of(lon, lat, 9)
    assert cells.dtype == np.uint64
    assert (cells[:-1] == 0).all()
    assert cells[-1] == plain([120], [30], 9)[0]


def test_no_cell_goes_through_every_door():
    none = np.zeros(2, dtype=np.uint64)
    assert (parents(none, 5) == 0).all()
    assert np.isnan(centres(none)).all()
    assert np.isnan(areas_m2(none)).all()
    assert list(outlines(none)) == [None, None]
    assert list(to_text(none)) == ["", ""]
    assert (resolutions(none) == -1).all()


def test_empty_arrays_go_through_every_door():
    none = np.zeros(0, dtype=np.uint64)
    assert cells_of([], [], 9).dtype == np.uint64
    assert (
        parents(none, 5).shape
        == centres(none)[0].shape
        == outlines(none).shape
        == to_text(none).shape
        == (0,)
    )
    assert from_text([]).shape == (0,)
    assert [part.shape for part in neighbour_pairs(none)] == [(0,), (0,)]
    assert cells_covering(shapely.Polygon(), 9).shape == cells_covering(None, 9).shape == (0,)


def test_the_edges_of_the_map_are_on_the_earth():
    lon, lat = np.array([-180.0, 180.0, 0.0, 0.0]), np.array([0.0, 0.0, 90.0, -90.0])
    np.testing.assert_array_equal(cells_of(lon, lat, 7), plain(lon, lat, 7))
    assert cells_of(-180.0, 12.0, 7) == cells_of(180.0, 12.0, 7)


# -- equal to H3 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [0, 1, 5, 9, 10, 11, 15])
def test_cells_equal_h3_all_over_the_earth(resolution):
    lon, lat = over_the_earth(1500, seed=resolution)
    np.testing.assert_array_equal(cells_of(lon, lat, resolution), plain(lon, lat, resolution))


def test_shape_is_kept():
    assert cells_of(np.full((2, 3), 120.0), 30.0, 9).shape == (2, 3)
    assert cells_of(120.0, 30.0, 9).shape == ()


def test_parents_equal_h3_all_over_the_earth_and_at_pentagons(pentagons):
    lon, lat = over_the_earth(400)
    around_pentagons = np.concatenate([disk(cell, 2) for cell in pentagons])
    fine = np.concatenate([cells_of(lon, lat, 12), parents(cells_of(*centres(around_pentagons), 12), 12)])
    for resolution in range(13):
        expected = [h3.str_to_int(h3.cell_to_parent(text, resolution)) for text in to_text(fine)]
        np.testing.assert_array_equal(parents(fine, resolution), np.array(expected, dtype=np.uint64))
    np.testing.assert_array_equal(parents(fine, 12), fine)
    assert set(resolutions(parents(fine, 4))) == {4}


def test_many_places_are_sorted_into_hexagons_with_the_same_result(monkeypatch):
    """The short cut for many places in few cells answers as H3 does, also across faces of the icosahedron."""
    rng = np.random.default_rng(5)
    asked = []
    ask = door._ask
    monkeypatch.setattr(
        door, "_ask", lambda lon, lat, resolution: asked.append(lon.size) or ask(lon, lat, resolution)
    )
    straddling = 0
    for centre_lon, centre_lat, reach in [
        (120.6, 30.8, 0.09),  # the demo town lies across two faces
        (-84.5, 39.1, 0.2),
        (0.0, 0.0, 0.05),
        (10.5, 64.7, 1.0),  # a pentagon: five faces
        (-121.0, -10.0, 0.3),
        (77.0, -89.0, 0.9),
    ]:
        lon = rng.uniform(centre_lon - reach, centre_lon + reach, 30_000)
        lat = rng.uniform(centre_lat - reach, centre_lat + reach, 30_000)
        for resolution in (6, 9, 10):
            asked.clear()
            found = cells_of(lon, lat, resolution)
            spared = sum(asked) < lon.size
            straddling += (
                spared and len(door._Lattice(lon, lat, resolution)._faces(door._icosahedron()[0])) > 1
            )
            np.testing.assert_array_equal(found, ask(lon, lat, resolution))
    assert straddling


def test_places_on_borders_of_cells_are_sorted_as_h3_does():
    hexagons = outlines(disk(cells_of(120.6, 30.8, 9).item(), 30))
    corners = shapely.get_coordinates(hexagons)
    lon, lat = np.tile(corners, (3, 1)).T
    assert lon.size > door._WORTH_SORTING
    np.testing.assert_array_equal(cells_of(lon, lat, 9), door._ask(lon, lat, 9))


# -- shapes -----------------------------------------------------------------------------------------


def test_centres_and_outlines_equal_h3(pentagons):
    lon, lat = over_the_earth(200)
    lat = np.clip(lat, -80, 80)
    cells = np.concatenate([cells_of(lon, lat, 7), pentagons])
    centre_lon, centre_lat = centres(cells)
    shapes = outlines(cells)
    for place, text in enumerate(to_text(cells)):
        assert (centre_lat[place], centre_lon[place]) == pytest.approx(h3.cell_to_latlng(text), abs=1e-9)
        corners = np.array([(x, y) for y, x in h3.cell_to_boundary(text)])
        ours = shapely.get_coordinates(shapes[place])[:-1]
        turn = np.where(ours[:, :1] > 180, [360.0, 0.0], [0.0, 0.0])
        gap = np.abs((ours - turn)[:, None] - corners[None]).max(axis=2)
        gap = np.minimum(gap, np.abs(gap - 360.0))
        assert gap.min(axis=0).max() < 1e-9
        assert len(ours) == len(corners)


def test_a_cell_across_the_180th_meridian_stays_one_small_piece():
    (shape,) = outlines(cells_of([179.9999], [0.0], 5))
    west, _, east, _ = shape.bounds
    assert 179 < west < 180 < east < 181
    assert shape.is_valid


def test_cells_covering_is_every_cell_that_touches():
    shapes = [
        shapely.box(120.60, 30.79, 120.62, 30.81),
        shapely.Point(120.6, 30.8),
        shapely.Point(120.6, 30.8).buffer(0.0005),  # smaller than a cell, holds no centre
        shapely.MultiPolygon(
            [shapely.box(120.60, 30.79, 120.601, 30.791), shapely.box(120.64, 30.79, 120.65, 30.8)]
        ),
        shapely.LineString([(120.6, 30.79), (120.63, 30.80), (120.63, 30.83)]),
        shapely.box(120.58, 30.78, 120.64, 30.83).difference(shapely.box(120.59, 30.79, 120.63, 30.82)),
    ]
    around = disk(cells_of(120.61, 30.8, 9).item(), 25)
    hexagons = outlines(around)
    for shape in shapes:
        expected = around[shapely.intersects(hexagons, shape)]
        assert 0 < expected.size < around.size
        np.testing.assert_array_equal(cells_covering(shape, 9), expected)


def test_area_of_the_towns_cells():
    assert areas_m2(cells_of([120.6], [30.8], 9))[0] == pytest.approx(80_300, rel=0.01)
    assert areas_m2(cells_of([120.6], [30.8], 10))[0] == pytest.approx(11_480, rel=0.01)


# -- text and neighbours ----------------------------------------------------------------------------


def test_the_share_of_a_cell_inside_is_that_of_the_places_that_count_for_it():
    shape = shapely.box(120.60, 30.78, 120.6315, 30.807)
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(120.60, 120.6315, 200_000), rng.uniform(30.78, 30.807, 200_000)
    finest = cells_of(lon, lat, 11)
    for resolution in (9, 10, 11):
        cells, share = shares_inside(shape, resolution, 11)
        assert (np.diff(cells.astype(np.int64)) > 0).all()
        assert ((share > 0) & (share <= 1)).all()
        # places strewn evenly over the shape fall into each cell in proportion to its share
        own, counts = np.unique(parents(finest, resolution), return_counts=True)
        found = np.zeros(len(cells))
        found[np.searchsorted(cells, own)] = counts
        expected = share / share.sum() * 200_000
        assert np.abs(found - expected).max() < 5 * np.sqrt(expected.max())
        assert float((share * areas_m2(cells)).sum()) == pytest.approx(3005 * 3012, rel=0.01)
    whole = outlines(cells[share == 1][:1])[0]
    assert shapely.covers(shape, whole)


def test_shares_by_the_hexagon_itself_and_what_is_refused():
    cell = cells_of([120.61], [30.79], 9)
    hexagon = outlines(cell)[0]
    west, south, east, north = hexagon.bounds
    half = shapely.intersection(hexagon, shapely.box(west, south, (west + east) / 2, north))
    cells, share = shares_inside(half, 9)
    assert share[cells == cell[0]] == pytest.approx(0.5, abs=0.01)
    assert share[cells != cell[0]].max(initial=0) < 1e-6
    assert shares_inside(shapely.Polygon(), 9)[1].size == 0
    with pytest.raises(BadChoiceError, match="finest is 8"):
        shares_inside(half, 9, 8)


def test_text_goes_both_ways_and_what_is_no_cell_becomes_none():
    cells = cells_of(*over_the_earth(50), 9)
    np.testing.assert_array_equal(from_text(to_text(cells)), cells)
    assert to_text(cells)[0] == h3.int_to_str(int(cells[0]))
    strange = ["", "xyz", None, np.nan, "120.6,30.8,9", "ffffffffffffffff", "-1", "=1+1", 7]
    assert list(from_text(strange)) == [0] * len(strange)


def test_disk_equals_h3_also_at_pentagons(pentagons):
    for cell in [*pentagons[:3], cells_of(120.6, 30.8, 9).item()]:
        expected = sorted(h3.str_to_int(text) for text in h3.grid_disk(h3.int_to_str(int(cell)), 2))
        assert disk(cell, 2).tolist() == expected


def test_neighbour_pairs_equal_h3(pentagons):
    rng = np.random.default_rng(3)
    cells = np.concatenate([disk(pentagons[0], 2), disk(cells_of(120.6, 30.8, 9).item(), 3)])
    cells = rng.permutation(cells)[:40]
    texts = to_text(cells)
    expected = [
        (i, j)
        for i in range(len(texts))
        for j in range(i + 1, len(texts))
        if h3.are_neighbor_cells(texts[i], texts[j])
    ]
    assert list(zip(*(part.tolist() for part in neighbour_pairs(cells)), strict=True)) == expected
