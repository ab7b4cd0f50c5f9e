"""What a town holds, as files: refused questions, datums, and what each reader may see."""

from __future__ import annotations

import json

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from pingan_geo.coords import from_wgs84
from pingan_geo.errors import BadChoiceError, ExportFormatError, FolderMissingError, UnknownDatumError
from pingan_geo.model.report import ReportFilter
from pingan_geo.outputs.exports import read_back, read_notice
from pingan_geo.spatial.cells import centres, from_text, parents, to_text
from pingan_geo.workflow.explore import load_reports
from pingan_geo.workflow.exports import KINDS, export_table

FORMATS = (".csv", ".xlsx", ".geojson", ".gpkg", ".kml")


def read(file) -> pd.DataFrame:
    return pd.read_csv(
        file, dtype={"grid_id": str, "village_id": str, "source_id": str}, keep_default_na=False
    )


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("volunteers", {}),
        ("cases", {}),
        ("reports", {"audience": "public"}),
        ("reports", {"datum": "EPSG:4549"}),
        ("reports", {"datum": "cgcs2000"}),
    ],
    ids=str,
)
def test_what_is_not_offered_is_refused(tiny_town, tmp_path, kind, options):
    with pytest.raises(BadChoiceError):
        export_table(tiny_town, kind, tmp_path / "a.csv", **options)
    assert list(tmp_path.iterdir()) == []


def test_unknown_datum_ending_and_folder_are_refused(tiny_town, tmp_path):
    with pytest.raises(UnknownDatumError):
        export_table(tiny_town, "posts", tmp_path / "a.csv", datum="mars")
    with pytest.raises(ExportFormatError):
        export_table(tiny_town, "posts", tmp_path / "a.doc")
    with pytest.raises(FolderMissingError):
        export_table(tiny_town, "posts", tmp_path / "b" / "a.csv")
    with pytest.raises(BadChoiceError, match="KML"):
        export_table(tiny_town, "posts", tmp_path / "a.kml", datum="gcj02")


# -- contents ----------------------------------------------------------------------------------------


def test_reports_are_all_there_with_the_columns_of_the_contract(tiny_town, tmp_path):
    done = export_table(tiny_town, "reports", tmp_path / "a.csv")
    table, reports = read(tmp_path / "a.csv"), load_reports(tiny_town)
    assert done.rows == len(table) == 600
    wanted = [
        "id",
        "category",
        "time",
        "lon",
        "lat",
        "datum",
        "level",
        "radius_m",
        "cell",
        "grid_id",
        "source",
    ]
    assert [name for name in table.columns if name in wanted] == wanted
    assert table["id"].tolist() == reports["report_id"].tolist()
    assert table["id"].is_unique
    np.testing.assert_array_equal(table["lon"], reports["lon"])
    assert set(table["datum"]) == {"wgs84"}
    assert "notice" not in table.columns  # nothing to say of this town
    assert table["cell"].tolist() == to_text(reports["cell"].to_numpy()).tolist()
    assert "'=1+1" in set(table["description"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", FORMATS)
def test_every_kind_in_every_format_reads_back_alike(tiny_town, tmp_path, kind, suffix):
    done = export_table(tiny_town, kind, tmp_path / f"a{suffix}")
    export_table(tiny_town, kind, tmp_path / "b.gpkg")
    typed = read_back(tmp_path / "b.gpkg")
    dtypes = {name: str(dtype) for name, dtype in typed.dtypes.items()}
    if not len(typed):  # an empty column shows no type
        assert done.rows == 0
        return
    again = read_back(tmp_path / f"a{suffix}", dtypes)
    pd.testing.assert_frame_equal(again, typed, check_exact=False, rtol=1e-15)


def test_a_filter_limits_the_reports_and_found_ones_are_among_them_unasked(tiny_town, tmp_path):
    done = export_table(
        tiny_town, "reports", tmp_path / "a.csv", report_filter=ReportFilter(categories=("FW1",))
    )
    assert set(read(tmp_path / "a.csv")["category"]) == {"FW1"}
    assert 0 < done.rows < 600


def test_grids_are_polygons_with_a_point_inside_and_their_area(tiny_town, tmp_path):
    export_table(tiny_town, "grids", tmp_path / "a.geojson")
    frame = geopandas.read_file(tmp_path / "a.geojson")
    assert len(frame) == 9
    assert shapely.contains_xy(frame.geometry.to_numpy(), frame["lon"], frame["lat"]).all()
    assert frame["area_m2"].between(0.9e6, 1.1e6).all()
    stored = tiny_town.layer("grids").geometry.to_numpy()
    assert shapely.area(shapely.symmetric_difference(frame.geometry.to_numpy(), stored)).max() < 1e-12


# -- datum -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_another_datum_moves_columns_and_shapes_and_says_so(tiny_town, tmp_path, datum):
    for kind in ("posts", "grids"):
        export_table(tiny_town, kind, tmp_path / "w.geojson")
        export_table(tiny_town, kind, tmp_path / "d.geojson", datum=datum)
        plain = json.loads((tmp_path / "w.geojson").read_text(encoding="utf-8"))
        moved = json.loads((tmp_path / "d.geojson").read_text(encoding="utf-8"))
        assert moved["datum"] == datum
        assert "WGS-84" in moved["notice"]
        for one, other in zip(plain["features"], moved["features"], strict=True):
            assert other["properties"]["datum"] == datum
            ours = (other["properties"]["lon"], other["properties"]["lat"])
            wanted = from_wgs84([one["properties"]["lon"]], [one["properties"]["lat"]], datum)
            np.testing.assert_allclose(ours, np.ravel(wanted), atol=1e-7)
            first = np.ravel(one["geometry"]["coordinates"])[:2]
            assert np.abs(np.ravel(other["geometry"]["coordinates"])[:2] - first).max() > 1e-3


# -- for whom ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen(tiny_town, tmp_path_factory) -> dict[str, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("seen")
    tables = {}
    for audience in ("analyst", "patrol", "leader"):
        done = export_table(tiny_town, "reports", folder / f"{audience}.csv", audience=audience)
        tables[audience] = read(folder / f"{audience}.csv")
        private = int((tables[audience]["category"] == "TH1").sum())
        assert private > 50
        assert done.coarsened == {"analyst": 0, "patrol": private, "leader": 600}[audience]
    return tables


def test_patrols_get_no_exact_place_of_a_private_category(tiny_town, seen):
    exact, table = seen["analyst"], seen["patrol"]
    private = (table["category"] == "TH1").to_numpy()
    pd.testing.assert_frame_equal(
        table.loc[~private].drop(columns="notice"), exact.loc[~private].drop(columns="reporter")
    )
    assert_only_cells(tiny_town, table[private], exact[private])


def test_leaders_get_no_exact_place_at_all(tiny_town, seen):
    assert_only_cells(tiny_town, seen["leader"], seen["analyst"])


def assert_only_cells(town, coarse: pd.DataFrame, exact: pd.DataFrame) -> None:
    cells = parents(from_text(exact["cell"].to_numpy(dtype=object)), 9)
    assert coarse["cell"].tolist() == to_text(cells).tolist()
    lon, lat = centres(cells)
    np.testing.assert_allclose(coarse["lon"], lon)
    np.testing.assert_allclose(coarse["lat"], lat)
    assert set(coarse["level"]) == {"cell"}
    assert (coarse["radius_m"] > 150).all()
    for column in ("place", "description", "source_id"):
        assert set(coarse[column]) == {""}
    # everything else that tells of the place is the same for all reports of a cell
    told = ["lon", "lat", "level", "radius_m", "grid_id", "village_id", "beat_id"]
    assert len(coarse[["cell", *told]].drop_duplicates()) == coarse["cell"].nunique()
    assert not set(coarse["id"]) & set(exact["id"])


def test_reporters_and_the_count_of_coarsened_rows(seen):
    assert "reporter" in seen["analyst"].columns
    assert "reporter" not in seen["patrol"].columns
    assert "reporter" not in seen["leader"].columns
    assert "600" in seen["leader"]["notice"][0]


def test_synthetic_towns_say_so(tiny_town, tmp_path, monkeypatch):
    from dataclasses import replace

    synthetic = replace(tiny_town, settings=replace(tiny_town.settings, synthetic=True, notice="审图号 无"))
    for suffix in FORMATS:
        file = tmp_path / f"a{suffix}"
        done = export_table(synthetic, "posts", file)
        assert read_notice(file) == done.notice == "合成数据，非真实事件 · 审图号 无"
