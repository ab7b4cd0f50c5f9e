"""A file of shapes becomes coded shapes in WGS-84, or is refused in one sentence."""

from __future__ import annotations

import json
import warnings
import zipfile

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely

from pingan_geo.coords import from_wgs84
from pingan_geo.errors import (
    AmbiguousColumnsError,
    EmptyCodesError,
    EmptyFileError,
    FileMissingError,
    GeometryKindError,
    LayerChoiceError,
    MissingColumnsError,
    NoCrsError,
    UnknownDatumError,
    UnreadableFileError,
)
from pingan_geo.intake.layers import households_of, read_layer
from pingan_geo.model.tables import POLYGONS

WEST, EAST = shapely.box(120.60, 30.70, 120.61, 30.71), shapely.box(120.61, 30.70, 120.62, 30.71)
CODES = ["330411104003001", "330411104003002"]


def two(**columns):
    return gpd.GeoDataFrame(columns or {"code": CODES}, geometry=[WEST, EAST], crs=4326)


def write(frame, file, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyogrio's remarks on formats are not what is tested
        pyogrio.write_dataframe(frame, file, **options)
    return file


def same_places(layer, shapes=(WEST, EAST), tolerance=1e-7):
    return (shapely.hausdorff_distance(layer.geometry.to_numpy(), np.array(shapes)) < tolerance).all()


# -- refused -----------------------------------------------------------------------------------------


def test_absent_file(tmp_path):
    with pytest.raises(FileMissingError):
        read_layer(tmp_path / "no.geojson", kind="grids")


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.shp", "a.kml", "a.fgb", "a.zip"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 500, b"PK\x03\x04" + b"x" * 300])
def test_damaged_file(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFileError, match=name):
        read_layer(tmp_path / name, kind="area")


def test_other_ending(tmp_path):
    (tmp_path / "grids.docx").write_bytes(b"x")
    with pytest.raises(UnreadableFileError, match="docx"):
        read_layer(tmp_path / "grids.docx", kind="grids")


def test_file_that_only_points_at_another(tmp_path):
    target = write(two(), tmp_path / "real.geojson")
    layer = f'<OGRVRTLayer name="real"><SrcDataSource>{target}</SrcDataSource></OGRVRTLayer>'
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    (tmp_path / "a.geojson").write_text(vrt, encoding="utf-8")
    with pytest.raises(UnreadableFileError):
        read_layer(tmp_path / "a.geojson", kind="area")


@pytest.mark.parametrize("features", [[], [{"type": "Feature", "properties": {"id": "1"}, "geometry": None}]])
def test_layer_without_shapes(tmp_path, features):
    file = tmp_path / "a.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    with pytest.raises(EmptyFileError):
        read_layer(file, kind="area")


def test_points_among_polygons(tmp_path):
    mixed = gpd.GeoDataFrame({"code": CODES}, geometry=[WEST, shapely.Point(120.6, 30.7)], crs=4326)
    with pytest.raises(GeometryKindError, match=r"points, but polygons"):
        read_layer(write(mixed, tmp_path / "a.geojson"), kind="grids")


def test_polygons_where_lines_are_needed(tmp_path):
    file = write(two(), tmp_path / "a.geojson")
    with pytest.raises(GeometryKindError, match=r"polygons, but lines"):
        read_layer(file, kind="roads")
    assert len(read_layer(file, kind="waters")) == 2


def test_no_column_for_the_code(tmp_path):
    file = write(two(colour=["red", "blue"]), tmp_path / "a.geojson")
    with pytest.raises(MissingColumnsError, match="colour"):
        read_layer(file, kind="grids")


def test_two_columns_for_the_code(tmp_path):
    file = write(two(**{"Grid ID": CODES, "grid_id": CODES}), tmp_path / "a.geojson")
    with pytest.raises(AmbiguousColumnsError, match="Grid ID, grid_id"):
        read_layer(file, kind="grids")


def test_shape_without_code(tmp_path):
    file = write(two(code=["G1", None]), tmp_path / "a.geojson")
    with pytest.raises(EmptyCodesError, match="rows have no code: 2"):
        read_layer(file, kind="grids")


def test_shapefile_that_does_not_say_its_coordinates(tmp_path):
    file = write(two().to_crs(4549), tmp_path / "a.shp")
    file.with_suffix(".prj").unlink()
    with pytest.raises(NoCrsError, match="prj"):
        read_layer(file, kind="grids")
    assert same_places(read_layer(file, kind="grids", datum="EPSG:4549"), tolerance=1e-8)


def test_metres_that_call_themselves_degrees(tmp_path):
    metres = gpd.GeoDataFrame({"code": ["1"]}, geometry=[shapely.box(5e5, 3.4e6, 5.1e5, 3.41e6)], crs=4326)
    with pytest.raises(NoCrsError):
        read_layer(write(metres, tmp_path / "a.geojson"), kind="area")


def test_undefined_coordinates_of_a_geopackage(tmp_path):
    file = write(two().set_crs(None, allow_override=True), tmp_path / "a.gpkg")
    with pytest.raises(NoCrsError):
        read_layer(file, kind="grids")
    assert same_places(read_layer(file, kind="grids", datum="cgcs2000"))


@pytest.mark.parametrize("datum", ["mars", "EPSG:999999"])
def test_unknown_datum(tmp_path, datum):
    with pytest.raises(UnknownDatumError):
        read_layer(write(two(), tmp_path / "a.geojson"), kind="grids", datum=datum)


def test_several_layers_that_could_be_meant(tmp_path):
    file = tmp_path / "a.gpkg"
    write(two(), file, layer="east")
    write(two(), file, layer="west")
    with pytest.raises(LayerChoiceError, match="east, west"):
        read_layer(file, kind="grids")
    write(two(code=["1", "2"]), file, layer="grids")
    assert read_layer(file, kind="grids")["code"].tolist() == ["1", "2"]


# -- read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("a.geojson", "GeoJSON"),
        ("a.gpkg", "GPKG"),
        ("a.shp", "ESRI Shapefile"),
        ("a.kml", "KML"),
        ("a.fgb", "FlatGeobuf"),
    ],
)
def test_every_format_gives_the_same_layer(tmp_path, name, driver):
    frame = two(code=CODES, name=["虹桥一", "虹桥二塍"], parent=["330411104003"] * 2)
    if driver == "KML":
        frame = frame.rename(columns={"name": "title"})  # KML has a Name of its own
    options = {"SPATIAL_INDEX": "NO"} if driver == "FlatGeobuf" else {}  # keeps the order
    layer = read_layer(write(frame, tmp_path / name, driver=driver, **options), kind="grids")
    assert layer["code"].tolist() == CODES
    assert layer["name"].tolist() == ["虹桥一", "虹桥二塍"]
    assert layer["parent"].tolist() == ["330411104003"] * 2
    assert layer.crs.to_epsg() == 4326
    assert same_places(layer)
    POLYGONS.check(layer)


@pytest.mark.parametrize("epsg", [4490, 4549, 3857, 32651])
def test_other_coordinates_are_turned_into_wgs84(tmp_path, epsg):
    assert same_places(
        read_layer(write(two().to_crs(epsg), tmp_path / "a.gpkg"), kind="grids"), tolerance=1e-6
    )


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_stated_datum_is_turned_back(tmp_path, datum):
    shifted = two()
    shifted.geometry = shapely.transform(
        shifted.geometry.to_numpy(), lambda xy: np.column_stack(from_wgs84(xy[:, 0], xy[:, 1], datum))
    )
    file = write(shifted, tmp_path / "a.geojson", COORDINATE_PRECISION=12)
    assert same_places(read_layer(file, kind="grids", datum=datum), tolerance=1e-8)
    assert not same_places(read_layer(file, kind="grids"), tolerance=1e-3)


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
@pytest.mark.parametrize("zipped", [False, True])
def test_chinese_shapefile_that_does_not_say_its_encoding(tmp_path, encoding, zipped):
    frame = two(code=CODES, name=["新塍一", "镕镇"])
    file = write(frame, tmp_path / "a.shp", encoding=encoding)
    file.with_suffix(".cpg").unlink()
    if zipped:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
            for end in (".shp", ".shx", ".dbf", ".prj"):
                packed.write(file.with_suffix(end), f"网格/网格{end}")
        file = tmp_path / "a.zip"
    assert read_layer(file, kind="grids")["name"].tolist() == ["新塍一", "镕镇"]


def test_layers_own_headings_are_believed_first(tmp_path):
    file = write(
        two(id=[1, 2], 网格编码=CODES, 网格名称=["甲", "乙"], 村社编码=[330411104003.0] * 2, name=["x", "y"]),
        tmp_path / "a.geojson",
    )
    grids = read_layer(file, kind="grids")
    assert grids[["code", "name", "parent"]].to_numpy().tolist() == [
        [CODES[0], "甲", "330411104003"],
        [CODES[1], "乙", "330411104003"],
    ]
    assert grids["original_name"].tolist() == ["x", "y"]
    assert grids["id"].tolist() == [1, 2]
    assert read_layer(file, kind="beats")["code"].tolist() == ["1", "2"]


def test_numbers_as_codes_are_written_as_people_write_them(tmp_path):
    assert read_layer(write(two(id=[330411104003001.0, 7.0]), tmp_path / "a.gpkg"), kind="grids")[
        "code"
    ].tolist() == [
        "330411104003001",
        "7",
    ]


def test_area_and_lines_need_no_codes(tmp_path):
    area = read_layer(write(two(colour=["red", "blue"]), tmp_path / "a.geojson"), kind="area")
    assert area["code"].tolist() == ["1", "2"]
    roads = gpd.GeoDataFrame(
        {"路名": ["兴镇路", None]},
        geometry=[shapely.LineString([(0, 0), (1, 1)]), shapely.LineString([(1, 1), (2, 1)])],
    ).set_crs(4326)
    found = read_layer(write(roads, tmp_path / "r.geojson"), kind="roads")
    assert found[["code", "name"]].to_numpy().tolist() == [["1", "兴镇路"], ["2", ""]]


def test_placemark_drawn_by_hand_has_its_name_for_a_code(tmp_path):
    file = tmp_path / "a.kml"
    file.write_text(
        """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder><Placemark id="0F3">
        <name>甲网格</name><Polygon><outerBoundaryIs><LinearRing>
        <coordinates>120.6,30.7,5 120.61,30.7,5 120.61,30.71,5 120.6,30.7,5</coordinates>
        </LinearRing></outerBoundaryIs></Polygon></Placemark></Folder></Document></kml>""",
        encoding="utf-8",
    )
    layer = read_layer(file, kind="grids")
    assert layer["code"].tolist() == ["甲网格"]
    assert not layer.geometry.has_z.any()


def test_town_layer_read_again_keeps_its_codes(tmp_path):
    """A column that another file would be believed by must not take the place of the code."""
    file = write(
        two(code=["V1", "V2"], name=["", ""], parent=["", ""], code12=["9", "8"]), tmp_path / "a.geojson"
    )
    assert read_layer(file, kind="villages")["code"].tolist() == ["V1", "V2"]


# -- households --------------------------------------------------------------------------------------


def test_households_that_are_no_numbers_are_unknown_and_stay_as_they_were(tmp_path):
    file = write(two(code=CODES, 户数=["约三百", "1,560"]), tmp_path / "grids.geojson")
    layer = read_layer(file, kind="grids")
    np.testing.assert_array_equal(households_of(layer), [np.nan, 1560])
    assert layer["户数"].tolist() == ["约三百", "1,560"]
    file = write(two(code=CODES, households=["many", "3"]), tmp_path / "other.geojson")
    layer = read_layer(file, kind="grids")
    np.testing.assert_array_equal(households_of(layer), [np.nan, 3])
    assert layer["original_households"].tolist() == ["many", "3"]


def test_a_number_below_nothing_is_no_number_of_households(tmp_path):
    layer = read_layer(write(two(code=CODES, households=[-1.0, 0.0]), tmp_path / "grids.gpkg"), kind="grids")
    np.testing.assert_array_equal(households_of(layer), [np.nan, 0])


def test_without_a_column_households_are_unknown_and_not_none(tmp_path):
    layer = read_layer(write(two(), tmp_path / "grids.geojson"), kind="grids")
    assert np.isnan(households_of(layer)).tolist() == [True, True]


@pytest.mark.parametrize("kind", ["grids", "villages", "beats", "estates"])
@pytest.mark.parametrize(("heading", "values"), [
    ("households", [156, 58]), ("Households", [156, 58]), ("户数", ["１５６户", " 58 "]), ("总户数", [156.0, 58.0]),
])  # fmt: skip
def test_households_come_under_one_name(tmp_path, kind, heading, values):
    file = write(two(**{"code": CODES, heading: values}), tmp_path / "layer.geojson")
    layer = read_layer(file, kind=kind)
    assert households_of(layer).tolist() == [156, 58]
    assert "households" in layer.columns


def test_who_lives_there_comes_before_who_is_registered(tmp_path):
    file = write(two(code=CODES, 户籍户数=[9, 9], 常住户数=[156, 58]), tmp_path / "layer.geojson")
    layer = read_layer(file, kind="grids")
    assert households_of(layer).tolist() == [156, 58]
    assert layer["户籍户数"].tolist() == [9, 9]


def test_two_columns_of_one_heading_are_both_kept_and_a_third_is_asked(tmp_path):
    frame = two(code=CODES, households=[1, 2], House_holds=[3, 4], 户数=[156, 58])
    layer = read_layer(write(frame, tmp_path / "layer.geojson"), kind="grids")
    assert households_of(layer).tolist() == [156, 58]
    assert layer["original_households"].tolist() == [1, 2]
    assert layer["House_holds"].tolist() == [3, 4]


def test_a_layer_of_ours_with_nothing_known_is_read_again_as_it_is(tmp_path):
    frame = two(code=CODES, name=["", ""], parent=["", ""], households=[None, None], 户数=["?", "?"])
    first = read_layer(write(frame, tmp_path / "one.geojson"), kind="grids")
    again = read_layer(write(first, tmp_path / "two.geojson"), kind="grids")
    assert sorted(again.columns) == sorted(first.columns)
    assert np.isnan(households_of(again)).all()
