"""Exports: refused tables and files first, then what stands in each format."""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from pingan_geo.errors import (
    BadChoiceError,
    BadTableError,
    ExportFormatError,
    ExportTooLargeError,
    FileMissingError,
    FolderMissingError,
    UnreadableFileError,
)
from pingan_geo.outputs import exports
from pingan_geo.outputs.exports import FORMATS, read_back, read_notice, table_bytes, write_table
from pingan_geo.spatial.cells import cells_of, from_text, outlines, to_text

NOTICE = "合成数据，非真实事件"
LAYERS = (".geojson", ".gpkg", ".kml")


@pytest.fixture
def table() -> pd.DataFrame:
    """Two placed rows and one without a place."""
    lon, lat = np.array([120.61, 120.62, np.nan]), np.array([30.79, 30.80, np.nan])
    return pd.DataFrame(
        {
            "id": np.array([2**60 + 1, 2, 3], dtype=np.int64),
            "cell": pd.Series(to_text(cells_of(lon, lat, 9)), dtype="str"),
            "name": pd.Series(["=cmd|' /C calc'!A1", '北街<b>&"塍"', ""], dtype="str"),
            "lon": lon,
            "lat": lat,
            "score": [1.5, np.nan, 0.1],
            "time": pd.Series(["2026-08-30 21:05:00", None, "2026-01-01"], dtype="datetime64[s]"),
        }
    )


# -- refused -----------------------------------------------------------------------------------------


def test_an_unknown_ending_is_refused(table, tmp_path):
    with pytest.raises(ExportFormatError) as caught:
        write_table(table, tmp_path / "a.pdf", notice="")
    assert ".xlsx" in str(caught.value)
    with pytest.raises(ExportFormatError):
        read_back(tmp_path / "a.pdf")


def test_a_missing_folder_is_refused(table, tmp_path):
    with pytest.raises(FolderMissingError):
        write_table(table, tmp_path / "nowhere" / "a.csv", notice="")


def test_a_missing_file_cannot_be_read_back(tmp_path):
    with pytest.raises(FileMissingError):
        read_back(tmp_path / "a.csv")


@pytest.mark.parametrize("suffix", [".xlsx", *LAYERS])
def test_a_file_of_another_program_is_refused(suffix, tmp_path):
    file = tmp_path / f"a{suffix}"
    file.write_bytes(b"<kml/>" if suffix == ".kml" else b"{}")
    with pytest.raises(UnreadableFileError):
        read_back(file)


def test_more_rows_than_xlsx_holds_are_refused(tmp_path):
    many = pd.DataFrame({"a": np.zeros(1_048_576, dtype=np.int64)})
    with pytest.raises(ExportTooLargeError):
        write_table(many, tmp_path / "a.xlsx", notice="")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1.0, np.inf]),
        pd.Series([2**63], dtype="uint64"),
        pd.Series(pd.to_datetime(["2026-01-01"]).tz_localize("UTC")),
        pd.Series([1j]),
    ],
    ids=["infinite", "64 bits", "time zone", "complex"],
)
def test_a_column_that_no_file_can_carry_is_refused(column, tmp_path):
    with pytest.raises(BadTableError):
        write_table(pd.DataFrame({"a": column}), tmp_path / "a.csv", notice="")


def test_a_column_that_is_named_like_the_notice_is_refused(tmp_path):
    with pytest.raises(BadTableError):
        write_table(pd.DataFrame({"notice": [1]}), tmp_path / "a.csv", notice="")


def test_kml_takes_no_other_datum_and_no_other_geometry_is_known(table, tmp_path):
    with pytest.raises(BadChoiceError):
        write_table(table, tmp_path / "a.kml", notice="", datum="gcj02")
    with pytest.raises(BadChoiceError):
        write_table(table, tmp_path / "a.csv", notice="", geometry="square")


def test_a_failed_export_leaves_the_old_file_and_nothing_else(table, tmp_path, monkeypatch):
    file = write_table(table, tmp_path / "a.csv", notice="")
    before = file.read_bytes()

    def half(sheet, unfinished: Path) -> None:
        unfinished.write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports, "_WRITERS", {".csv": half})
    with pytest.raises(OSError, match="No space"):
        write_table(table, file, notice="new")
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]
    assert file.read_bytes() == before


# -- every format ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_notice_stands_in_every_format(table, suffix, tmp_path):
    file = write_table(table, tmp_path / f"a{suffix}", notice=NOTICE, geometry="point")
    assert read_notice(file) == NOTICE
    if suffix in {".csv", ".geojson", ".kml"}:
        assert NOTICE in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_table_gives_the_same_bytes_later(table, suffix):
    def digest() -> str:
        content = table_bytes(table, suffix, notice=NOTICE, geometry="cell", about=[("期间", "2026")])
        return hashlib.sha256(content).hexdigest()

    first = digest()
    time.sleep(1.1)
    assert digest() == first


@pytest.mark.parametrize("suffix", FORMATS)
def test_lone_surrogates_and_control_characters_do_not_break_a_file(suffix, tmp_path):
    odd = pd.DataFrame({"a": pd.Series(["\ud800", "\x00b", None], dtype=object)})
    file = write_table(odd, tmp_path / f"a{suffix}", notice="")
    assert read_back(file, {"a": "str"})["a"].tolist() == ["\ufffd", "\ufffdb", ""]


def test_the_caller_keeps_its_table(table):
    before = table.copy(deep=True)
    for suffix in FORMATS:
        table_bytes(table, suffix, notice=NOTICE, geometry="point")
    pd.testing.assert_frame_equal(table, before)


# -- one by one --------------------------------------------------------------------------------------


def test_csv_opens_in_excel_as_text(table, tmp_path):
    content = write_table(table, tmp_path / "a.csv", notice=NOTICE).read_bytes()
    assert content.startswith(b"\xef\xbb\xbfid,cell,name,lon,lat,score,time,notice\r\n")
    assert b",'=cmd|" in content
    assert b"1152921504606846977," in content


def test_csv_without_types_comes_back_as_text(table, tmp_path):
    again = read_back(write_table(table, tmp_path / "a.csv", notice=""))
    assert again["name"].tolist() == table["name"].tolist()
    assert again["id"].tolist() == ["1152921504606846977", "2", "3"]


def test_a_heading_that_looks_like_a_formula_is_neutralised_too(tmp_path):
    file = write_table(pd.DataFrame({"=1+1": [1]}), tmp_path / "a.csv", notice="")
    assert file.read_text(encoding="utf-8-sig").startswith("'=1+1")
    assert list(read_back(file).columns) == ["=1+1"]


def test_xlsx_holds_no_formulas_and_no_links(tmp_path):
    words = ["=1+1", "http://example.invalid", "{=SUM(A1)}", "mailto:a@example.invalid", "internal:Sheet1!A1"]
    file = write_table(pd.DataFrame({"a": words}), tmp_path / "a.xlsx", notice="=2")
    with zipfile.ZipFile(file) as book:
        sheets = "".join(book.read(name).decode() for name in book.namelist() if "worksheets/sheet" in name)
        rels = [name for name in book.namelist() if "worksheets/_rels" in name]
    assert "<f>" not in sheets
    assert "hyperlink" not in sheets
    assert rels == []
    assert read_back(file)["a"].tolist() == words


def test_xlsx_explains_itself_on_the_second_sheet(table, tmp_path):
    file = write_table(
        table,
        tmp_path / "a.xlsx",
        notice=NOTICE,
        title="热点",
        about=[("期间", "2026-08")],
        headings={"score": "评分"},
    )
    pages = pd.read_excel(file, sheet_name=None, header=None, engine="calamine")
    assert list(pages) == ["数据", "说明"]
    assert pages["数据"].iloc[0].tolist() == ["id", "cell", "name", "lon", "lat", "评分", "time"]
    assert pages["数据"].iloc[1, 6] == pd.Timestamp("2026-08-30 21:05:00")
    about = pages["说明"]
    assert about.iloc[:2, :2].to_numpy().tolist() == [["热点", NOTICE], ["期间", "2026-08"]]
    assert ["score", "评分", "float64"] in about.iloc[:, :3].to_numpy().tolist()
    assert list(read_back(file).columns) == list(table.columns)


def test_xlsx_widths_fit_chinese(tmp_path):
    file = write_table(
        pd.DataFrame({"a": ["十个汉字十个汉字十个"], "b": ["ten letter"]}), tmp_path / "a.xlsx", notice=""
    )
    with zipfile.ZipFile(file) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    widths = [
        float(column.get("width", 0)) for column in ET.fromstring(sheet).iter() if column.tag.endswith("}col")
    ]
    assert widths[0] > widths[1] + 8
    assert "frozen" in sheet


def test_a_text_longer_than_a_cell_is_cut_and_the_file_says_so(tmp_path):
    file = write_table(pd.DataFrame({"a": ["😀" * 20_000]}), tmp_path / "a.xlsx", notice="")
    assert read_back(file)["a"].tolist() == ["😀" * 16_383 + "…"]
    about = pd.read_excel(file, sheet_name=1, header=None, engine="calamine")
    assert "1 × …" in about[0].tolist()


def test_geojson_follows_the_rfc(table, tmp_path):
    file = write_table(
        table, tmp_path / "a.geojson", notice=NOTICE, geometry="cell", about=[("期间", "八月")]
    )
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["type"] == "FeatureCollection"
    assert "crs" not in found
    assert found["about"] == [["期间", "八月"]]
    ring = shapely.Polygon(found["features"][0]["geometry"]["coordinates"][0]).exterior
    assert ring.is_ccw
    assert found["features"][2]["geometry"] is None
    assert found["features"][0]["properties"]["id"] == "1152921504606846977"
    assert found["features"][0]["properties"]["time"] == "2026-08-30T21:05:00"
    assert found["features"][1]["properties"]["score"] is None


def test_rings_of_geojson_run_as_the_rfc_wants_whatever_they_were(tmp_path):
    clockwise = shapely.orient_polygons(shapely.box(0, 0, 1, 1), exterior_cw=True)
    frame = geopandas.GeoDataFrame({"code": ["a"]}, geometry=[clockwise], crs=4326)
    file = write_table(frame, tmp_path / "a.geojson", notice="", geometry="shape")
    found = json.loads(file.read_text(encoding="utf-8"))["features"][0]["geometry"]
    assert shapely.Polygon(found["coordinates"][0]).exterior.is_ccw


@pytest.mark.parametrize("suffix", LAYERS)
def test_cells_are_hexagons_for_any_gis(table, suffix, tmp_path):
    file = write_table(table, tmp_path / f"a{suffix}", notice=NOTICE, geometry="cell")
    shapes = geopandas.read_file(file).geometry
    wanted = outlines(from_text(table["cell"].to_numpy(dtype=object)[:2]))
    for shape, want in zip(shapes[:2], wanted, strict=True):
        assert shapely.symmetric_difference(shapely.force_2d(shape), want).area < 1e-12
    assert len(shapes) == 3
    assert shapes[2] is None or shapes[2].is_empty


def test_gpkg_says_what_it_is(table, tmp_path):
    file = write_table(
        table, tmp_path / "a.gpkg", notice=NOTICE, geometry="point", title="热点", about=[("期间", "八月")]
    )
    found = pyogrio.read_info(file)
    assert (found["layer_name"], found["crs"], found["geometry_type"]) == ("热点", "EPSG:4326", "Point")
    assert found["layer_metadata"]["DESCRIPTION"] == f"{NOTICE}\n期间: 八月"
    assert pyogrio.read_dataframe(file).geometry[0] == shapely.Point(120.61, 30.79)


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg"])
def test_another_datum_is_never_passed_off_as_wgs84(table, suffix, tmp_path):
    file = write_table(table, tmp_path / f"a{suffix}", notice=NOTICE, geometry="point", datum="gcj02")
    if suffix == ".gpkg":
        assert "4326" not in str(pyogrio.read_info(file)["crs"])
    else:
        assert json.loads(file.read_text(encoding="utf-8"))["datum"] == "gcj02"


def test_kml_is_escaped_and_typed(table, tmp_path):
    table["name"] = pd.Series(["<![CDATA[<script>alert(1)</script>]]>", "a&b", ""], dtype="str")
    file = write_table(
        table, tmp_path / "a.kml", notice="<b>notice</b>", geometry="point", names=["<i>一</i>", "二", "三"]
    )
    text = file.read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "<![CDATA[" not in text
    root = ET.fromstring(text)
    space = "{http://www.opengis.net/kml/2.2}"
    # the description is shown as HTML: still escaped after XML is undone
    assert root.findtext(f"{space}Document/{space}description") == "&lt;b&gt;notice&lt;/b&gt;"
    types = {one.get("name"): one.get("type") for one in root.iter(f"{space}SimpleField")}
    assert types == {
        "id": "string",
        "cell": "string",
        "name": "string",
        "lon": "double",
        "lat": "double",
        "score": "double",
        "time": "string",
    }
    words = [one.text or "" for one in root.iter(f"{space}SimpleData") if one.get("name") == "name"]
    assert words == table["name"].tolist()
    assert geopandas.read_file(file)["Name"].tolist() == ["<i>一</i>", "二", "三"]


@pytest.mark.parametrize("suffix", LAYERS)
def test_shapes_with_holes_and_many_parts_come_through(suffix, tmp_path):
    hole = shapely.box(0, 0, 4, 4).difference(shapely.box(1, 1, 2, 2))
    many = shapely.MultiPolygon([shapely.box(5, 5, 6, 6), shapely.box(7, 7, 8, 8)])
    frame = geopandas.GeoDataFrame({"code": ["a", "b"]}, geometry=[hole, many], crs=4326)
    file = write_table(frame, tmp_path / f"a{suffix}", notice="", geometry="shape")
    for found, wanted in zip(geopandas.read_file(file).geometry, frame.geometry, strict=True):
        assert shapely.force_2d(found).symmetric_difference(wanted).area == 0
    assert read_back(file)["code"].tolist() == ["a", "b"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_table_without_rows_keeps_its_columns(table, suffix, tmp_path):
    file = write_table(table.iloc[:0], tmp_path / f"a{suffix}", notice=NOTICE, geometry="point")
    again = read_back(file, {name: str(dtype) for name, dtype in table.dtypes.items()})
    assert list(again.columns) == list(table.columns)
    assert len(again) == 0
