from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from pingan_geo.errors import (
    BrokenPolygonsError,
    DuplicateCodesError,
    EmptyCodesError,
    GeometryKindError,
    UnalignedIndexError,
)
from pingan_geo.spatial.grids import PolygonIndex, area_m2, check_polygons, mend_polygons

FIGURE_OF_EIGHT = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])


def layer(shapes, codes=None):
    codes = codes or [chr(ord("a") + place) for place in range(len(shapes))]
    texts = {name: pd.Series(codes, dtype="str") for name in ("code", "name", "parent")}
    return gpd.GeoDataFrame(texts, geometry=gpd.GeoSeries(shapes, crs=4326), crs=4326)


def town(west, south, east, north):
    """Return a box in hundredths of a degree from 120 E, 30 N."""
    return shapely.box(120 + west / 100, 30 + south / 100, 120 + east / 100, 30 + north / 100)


# -- PolygonIndex -----------------------------------------------------------------------------------


def test_codes_and_geometries_must_be_as_many():
    with pytest.raises(UnalignedIndexError):
        PolygonIndex(["a"], [town(0, 0, 1, 1), town(1, 0, 2, 1)])


@pytest.mark.parametrize("shape", [shapely.Point(1, 2), shapely.LineString([(0, 0), (1, 1)])])
def test_shapes_that_are_no_polygons_are_refused(shape):
    with pytest.raises(GeometryKindError):
        PolygonIndex(["a", "b"], [town(0, 0, 1, 1), shape])


def test_a_layer_without_polygons_holds_nothing():
    for index in (PolygonIndex([], []), PolygonIndex(["a", "b"], [None, shapely.Polygon()])):
        assert index.assign([120.0, np.nan], [30.0, 30.0]).tolist() == ["", ""]


def test_missing_infinite_and_far_places_are_in_no_polygon():
    index = PolygonIndex(["a"], [town(0, 0, 1, 1)])
    lon = [np.nan, 120.005, np.inf, 1e300, -1e300, 120.005, 120.005]
    lat = [30.005, np.nan, 30.005, 30.005, 30.005, 31.0, 30.005]
    assert index.assign(lon, lat).tolist() == ["", "", "", "", "", "", "a"]
    assert index.assign([], []).tolist() == []


def test_a_place_on_a_border_belongs_to_the_smallest_code_whatever_the_order():
    shapes = {"b": town(0, 0, 1, 1), "a": town(1, 0, 2, 1), "d": town(0, 1, 1, 2), "c": town(1, 1, 2, 2)}
    lon = 120 + np.array([1.0, 0.5, 1.5, 1.0, 1.0, 0.0, 2.0]) / 100
    lat = 30 + np.array([0.5, 1.0, 1.0, 1.0, 1.5, 0.0, 2.0]) / 100
    for order in (list(shapes), list(reversed(shapes)), sorted(shapes)):
        index = PolygonIndex(order, [shapes[code] for code in order])
        assert index.assign(lon, lat).tolist() == ["a", "b", "a", "a", "c", "b", "c"]


def test_overlaps_and_holes():
    ring = town(0, 0, 10, 10).difference(town(3, 3, 7, 7))
    index = PolygonIndex(["b", "a", "c"], [ring, town(2, 2, 4, 4), town(0, 0, 10, 10)])
    lon, lat = 120 + np.array([1, 2.5, 3.5, 5, 7, 11]) / 100, 30 + np.array([1, 2.5, 3.5, 5, 5, 5]) / 100
    assert index.assign(lon, lat).tolist() == ["b", "a", "a", "c", "b", ""]


def test_positions_count_in_the_sorted_codes_and_keep_the_shape():
    index = PolygonIndex(["b", "a"], [town(0, 0, 1, 1), town(1, 0, 2, 1)])
    assert index.codes == ("a", "b")
    lon = np.array([[120.005, 120.015], [121, np.nan]])
    assert index.positions(lon, 30.005).tolist() == [[1, 0], [-1, -1]]
    assert index.assign(lon, 30.005).shape == (2, 2)


def test_codes_are_compared_as_text():
    index = PolygonIndex(["9", "10"], [town(0, 0, 1, 1)] * 2)
    assert index.assign(120.005, 30.005) == "10"


# -- check_polygons ---------------------------------------------------------------------------------


def test_a_sound_layer():
    report = check_polygons(layer([town(0, 0, 1, 1), town(1, 0, 2, 1)]), town(0, 0, 2, 1))
    assert report.sound
    assert report.area_known
    assert report.overlap_m2 == report.gap_m2 == 0
    assert check_polygons(layer([])).sound


def test_overlaps_gaps_and_parts_outside_are_measured_and_placed():
    report = check_polygons(
        layer([town(1, 0, 2, 1), town(0, 0, 1.1, 1), town(3, 0, 4.5, 1)], ["b", "a", "c"]), town(0, 0, 4, 1)
    )
    geod = pyproj.Geod(ellps="WGS84")

    def true_m2(shape):
        return abs(geod.geometry_area_perimeter(shapely.segmentize(shape, 0.001))[0])

    for table, codes, piece in (
        (report.overlaps, ["a", "b"], town(1, 0, 1.1, 1)),
        (report.gaps, [], town(2, 0, 3, 1)),
        (report.outside, ["c"], town(4, 0, 4.5, 1)),
    ):
        assert len(table) == 1
        row = table.iloc[0]
        assert row["area_m2"] == pytest.approx(true_m2(piece), rel=1e-4)
        assert piece.contains(shapely.Point(row["lon"], row["lat"]))
        assert [row[name] for name in table.columns if name.startswith("code")] == codes
    assert not report.sound
    assert report.gap_m2 == report.gaps["area_m2"].sum()


def test_without_an_area_only_enclosed_gaps_are_seen():
    frame = layer(
        [town(0, 0, 3, 1), town(0, 2, 3, 3), town(0, 1, 1, 2), town(2, 1, 3, 2), town(9, 9, 10, 10)]
    )
    report = check_polygons(frame)
    assert not report.area_known
    assert len(report.gaps) == 1
    assert town(1, 1, 2, 2).contains(shapely.Point(report.gaps["lon"][0], report.gaps["lat"][0]))


def test_slivers_of_rounding_are_no_mistakes():
    one, other = town(0, 0, 1, 1), shapely.box(120.01 - 1e-9, 30, 120.02, 30.01)
    assert shapely.area(shapely.intersection(one, other)) > 0
    assert check_polygons(layer([one, other]), town(0, 0, 2, 1)).sound
    assert not check_polygons(layer([one, other]), town(0, 0, 2, 1), tolerance_m2=0.01).sound


def test_overlap_of_polygons_that_only_touch_is_none():
    report = check_polygons(layer([town(0, 0, 1, 1), town(1, 1, 2, 2), town(1, 0, 2, 1)]), tolerance_m2=0.0)
    assert len(report.overlaps) == 0


def test_broken_and_repeated_polygons_are_named():
    frame = layer(
        [FIGURE_OF_EIGHT, shapely.box(2, 2, 3, 3), shapely.box(2, 2, 3, 3), None], ["x", "y", "y", "n"]
    )
    report = check_polygons(frame)
    assert report.broken == ("n", "x")
    assert report.duplicates == ("y",)
    assert report.overlaps[["code_a", "code_b"]].to_numpy().tolist() == [["y", "y"]]
    assert frame.geometry[0] is not None
    assert not frame.geometry[0].is_valid  # the caller's frame is as it was


# -- mend_polygons ----------------------------------------------------------------------------------


def test_codes_are_needed_and_must_differ():
    with pytest.raises(EmptyCodesError, match=r"grids\.shp.*: 2"):
        mend_polygons(layer([town(0, 0, 1, 1), town(1, 0, 2, 1)], ["a", " "]), "grids.shp")
    with pytest.raises(DuplicateCodesError, match=r"grids\.shp.*: a\."):
        mend_polygons(layer([town(0, 0, 1, 1), town(1, 0, 2, 1)], ["a", "a "]), "grids.shp")


def test_other_shapes_are_refused():
    with pytest.raises(GeometryKindError, match="Point"):
        mend_polygons(layer([town(0, 0, 1, 1), shapely.Point(120, 30)]), "grids.shp")


TURN = np.arange(5) * 4 * np.pi / 5
TWICE_ROUND = [(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (4, 0), (4, 2), (0, 2), (0, 0)]


@pytest.mark.parametrize(
    "shape",
    [
        None,
        shapely.Polygon(),
        shapely.Polygon([(0, 0), (1, 0), (2, 0), (0, 0)]),
        shapely.Polygon(np.column_stack([np.cos(TURN), np.sin(TURN)])),
        shapely.Polygon(TWICE_ROUND),
    ],
    ids=["missing", "empty", "flat", "five-pointed star", "twice round"],
)
def test_what_cannot_be_mended_without_guessing_is_refused(shape):
    with pytest.raises(BrokenPolygonsError, match=r"grids\.shp.*: b\."):
        mend_polygons(layer([town(0, 0, 1, 1), shape]), "grids.shp")


def test_a_figure_of_eight_becomes_its_halves():
    frame = layer([town(0, 0, 1, 1), FIGURE_OF_EIGHT])
    mended, codes = mend_polygons(frame, "grids.shp")
    assert codes == ("b",)
    assert mended.geometry.is_valid.all()
    assert mended.geometry[1].area == pytest.approx(0.5)
    assert mended.geometry[0].equals(frame.geometry[0])
    assert mended.crs == frame.crs
    assert not frame.geometry[1].is_valid


def test_a_spike_is_cut_off():
    spiked = shapely.Polygon([(0, 0), (4, 0), (4, 4), (4, 6), (4, 4), (0, 4)])
    mended, codes = mend_polygons(layer([spiked]))
    assert codes == ("a",)
    assert mended.geometry[0].equals(shapely.box(0, 0, 4, 4))


def test_a_sound_layer_stays_as_it_is():
    frame = layer([town(0, 0, 1, 1), town(1, 0, 2, 1)])
    mended, codes = mend_polygons(frame)
    assert codes == ()
    assert mended.geometry.geom_equals_exact(frame.geometry, 0).all()
    assert mended["code"].dtype == frame["code"].dtype


def test_area_of_a_square_kilometre():
    from pingan_geo.coords import local_metres

    lon, lat = local_metres(120.6, 30.8).inverse([0, 1000, 1000, 0], [0, 0, 1000, 1000])
    square = shapely.Polygon(np.column_stack([lon, lat]))
    assert area_m2([square, None])[0] == pytest.approx(1e6, rel=1e-6)
    assert area_m2([square, None])[1] == 0
