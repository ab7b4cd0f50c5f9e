"""Layers are replaced as a whole and stored reports follow; named points are added; all can be taken back."""

from __future__ import annotations

import csv
import json
from datetime import datetime

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
import shapely

from pingan_geo.errors import (
    BadChoiceError,
    BatchNotFoundError,
    BrokenPolygonsError,
    Cancelled,
    DuplicateCodesError,
    EmptyFileError,
    GeometryKindError,
    MissingColumnsError,
    OutsideTownError,
    UndoOrderError,
)
from pingan_geo.storage.records import meta_set, read_features, read_reports
from pingan_geo.workflow.file_swaps import note_swaps, stage_file
from pingan_geo.workflow.held import held_rows
from pingan_geo.workflow.import_layers import import_layer, undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import create_town, layer_bytes, open_town

NOW = datetime(2026, 3, 1, 9)
WEST, SOUTH, EAST, NORTH = 120.60, 30.78, 120.6315, 30.807


@pytest.fixture
def town(tiny_town_files, tmp_path):
    files = tiny_town_files
    town = create_town(
        tmp_path / "town", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    import_reports(town, files / "reports.csv", now=NOW)
    yield town
    town.close()


def layer_file(path, shapes, crs=4326, **columns):
    columns = columns or {"code": [f"B{number}" for number in range(len(shapes))]}
    frame = gpd.GeoDataFrame(columns, geometry=list(shapes), crs=4326)
    frame.to_crs(crs).to_file(path)
    return path


def halves(middle=(WEST + EAST) / 2):
    return [shapely.box(WEST, SOUTH, middle, NORTH), shapely.box(middle, SOUTH, EAST, NORTH)]


def bring(town, kind, path, **how):
    receipt = import_layer(town, kind, path, now=NOW, **how)
    assert receipt.adds_up(), receipt
    return receipt


def reports_of(town):
    with town.store.read() as connection:
        return read_reports(connection)


def features_of(town, kind):
    with town.store.read() as connection:
        return read_features(connection, kind)


def table(path, *rows):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


# -- refused -----------------------------------------------------------------------------------------


def test_unknown_kind_is_refused(town, tiny_town_files):
    with pytest.raises(BadChoiceError):
        import_layer(town, "area", tiny_town_files / "area.geojson", now=NOW)


def test_bad_layers_are_refused_and_change_nothing(town, tmp_path):
    before = (town.folder / "grids.geojson").read_bytes(), reports_of(town)
    lying = shapely.Polygon([(WEST, SOUTH), (WEST, SOUTH), (WEST, SOUTH), (WEST, SOUTH)])
    cases = [
        (OutsideTownError, [shapely.box(0, 0, 1, 1)], ["A"]),
        (DuplicateCodesError, halves(), ["A", "A"]),
        (GeometryKindError, [shapely.Point(WEST, SOUTH)], ["A"]),
        (BrokenPolygonsError, [halves()[0], lying], ["A", "B"]),
    ]
    for error, shapes, codes in cases:
        path = layer_file(tmp_path / f"{error.code}.gpkg", shapes, code=codes)
        with pytest.raises(error, match=path.name) as caught:
            import_layer(town, "grids", path, now=NOW)
        assert "\n" not in str(caught.value)
    assert (town.folder / "grids.geojson").read_bytes() == before[0]
    assert reports_of(town).equals(before[1])
    assert not list(town.folder.glob("*.swap-*"))


def test_cancelled_layer_changes_nothing(town, tmp_path):
    before = (town.folder / "grids.geojson").read_bytes(), reports_of(town)

    def cancel(step):
        if step.done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        import_layer(town, "grids", layer_file(tmp_path / "a.gpkg", halves()), now=NOW, on_progress=cancel)
    open_town(town.folder).close()
    assert (town.folder / "grids.geojson").read_bytes() == before[0]
    assert reports_of(town).equals(before[1])


def test_bad_tables_of_points_are_refused(town, tmp_path):
    with pytest.raises(EmptyFileError):
        import_layer(town, "posts", table(tmp_path / "a.csv", ["编号", "名称", "经度", "纬度"]), now=NOW)
    with pytest.raises(MissingColumnsError):
        import_layer(town, "posts", table(tmp_path / "b.csv", ["名称"], ["甲"]), now=NOW)


# -- layers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crs", [4326, 4549, 3857])
def test_new_grids_replace_the_old_and_reports_follow(town, tmp_path, crs):
    receipt = bring(town, "grids", layer_file(tmp_path / "a.gpkg", halves(), crs=crs))
    assert (receipt.read, receipt.accepted) == (2, 2)
    notes = dict(receipt.notes)
    assert notes["{count} of the old layer are gone: {codes}."]["count"] == 9
    assert notes["{count} stored reports now lie in another polygon."]["count"] == 600
    reports = reports_of(town)
    middle = (WEST + EAST) / 2
    sure = np.abs(reports["lon"] - middle) > 1e-6
    assert (reports["grid_id"] == np.where(reports["lon"] < middle, "B0", "B1"))[sure].all()
    assert set(town.layer("grids")["code"]) == {"B0", "B1"}


def test_same_layer_twice_is_repeated(town, tiny_town_files):
    receipt = bring(town, "grids", tiny_town_files / "grids.geojson")
    assert (receipt.read, receipt.repeated, receipt.batch_id) == (9, 9, None)


def test_changed_polygon_is_merged(town, tmp_path):
    bring(town, "beats", layer_file(tmp_path / "a.gpkg", halves()))
    moved = bring(town, "beats", layer_file(tmp_path / "b.gpkg", [halves()[0], halves(120.62)[1]]))
    assert (moved.merged, moved.repeated) == (1, 1)


def test_overlaps_gaps_and_bow_ties_are_told(town, tmp_path):
    middle = (WEST + EAST) / 2
    half = (SOUTH + NORTH) / 2
    bow = shapely.Polygon([(WEST, SOUTH), (middle, half), (middle, SOUTH), (WEST, half)])
    east = shapely.box(middle - 0.001, SOUTH, EAST, NORTH)
    receipt = bring(town, "beats", layer_file(tmp_path / "a.gpkg", [bow, east], code=["W", "E"]))
    assert (receipt.corrected, receipt.accepted) == (1, 1)
    notes = dict(receipt.notes)
    assert notes["Mended, because they crossed themselves: {codes}."] == {"codes": ["W"]}
    overlap = next(values for text, values in receipt.notes if "overlaps" in text)
    assert (overlap["one"], overlap["other"], overlap["count"]) == ("E", "W", 1)
    assert any("gaps" in text for text in notes)


def test_dry_run_of_a_layer_writes_nothing(town, tmp_path):
    before = (town.folder / "grids.geojson").read_bytes(), reports_of(town)
    receipt = bring(town, "grids", layer_file(tmp_path / "a.gpkg", halves()), dry_run=True)
    assert (receipt.accepted, receipt.batch_id) == (2, None)
    assert (town.folder / "grids.geojson").read_bytes() == before[0]
    assert reports_of(town).equals(before[1])


def test_roads_need_no_code(town, tmp_path):
    line = shapely.LineString([(WEST, SOUTH), (EAST, NORTH)])
    path = layer_file(tmp_path / "roads.geojson", [line, line.reverse()], name=["北街", ""])
    assert bring(town, "roads", path).accepted == 2
    assert bring(town, "roads", path).repeated == 2
    assert len(town.layer("roads")) == 2


def test_layer_taken_back_is_as_before(town, tmp_path):
    before = layer_bytes(town.layer("grids")), reports_of(town)
    first = bring(town, "grids", layer_file(tmp_path / "a.gpkg", halves()))
    second = bring(town, "grids", layer_file(tmp_path / "b.gpkg", halves(120.62)))
    with pytest.raises(UndoOrderError):
        undo_import(town, first.batch_id, NOW)
    undo_import(town, second.batch_id, NOW)
    undo_import(town, first.batch_id, NOW)
    assert layer_bytes(town.layer("grids")) == before[0]
    assert reports_of(town).equals(before[1])
    with pytest.raises(BatchNotFoundError):
        undo_import(town, first.batch_id, NOW)


def test_the_receipt_says_of_how_many_the_households_are_known(town, tmp_path):
    file = layer_file(tmp_path / "beats.geojson", halves(), code=["B1", "B2"], 户数=["120户", "?"])
    notes = dict(bring(town, "beats", file).notes)
    assert notes["Households are known of {known} of {count}."] == {"known": 1, "count": 2}
    assert town.layer("beats")["户数"].tolist() == ["120户", "?"]
    plain = layer_file(tmp_path / "plain.geojson", halves())
    assert not [note for note, _ in bring(town, "beats", plain).notes if "ouseholds" in note]


def test_first_layer_taken_back_is_gone(town, tmp_path):
    receipt = bring(town, "beats", layer_file(tmp_path / "a.gpkg", halves()))
    assert (reports_of(town)["beat_id"] != "").all()
    undo_import(town, receipt.batch_id, NOW)
    assert len(town.layer("beats")) == 0
    assert (reports_of(town)["beat_id"] == "").all()


def test_killed_between_commit_and_rename_is_finished_at_the_next_opening(town, tmp_path):
    new = (town.folder / "grids.geojson").read_bytes().replace("第1网格".encode(), "第一网格".encode())
    with town.store.begin() as connection:
        note_swaps(connection, stage_file(town.folder / "grids.geojson", new))
    open_town(town.folder).close()
    assert (town.folder / "grids.geojson").read_bytes() == new
    assert not list(town.folder.glob("*.swap-*"))


def test_killed_before_commit_leaves_only_a_stray_that_is_swept(town, tmp_path):
    old = (town.folder / "grids.geojson").read_bytes()
    stage_file(town.folder / "grids.geojson", b"half")
    open_town(town.folder).close()
    assert (town.folder / "grids.geojson").read_bytes() == old
    bring(town, "posts", table(tmp_path / "a.csv", ["名称", "经度", "纬度"], ["甲", "120.61", "30.79"]))
    assert not list(town.folder.glob("*.swap-*"))


def test_noted_rename_cannot_leave_the_folder(town, tmp_path):
    (tmp_path / "victim.txt").write_text("safe")
    with town.store.begin() as connection:
        meta_set(connection, "file_swaps", json.dumps({"../victim.txt": "", "x.toml": "../victim.txt"}))
    open_town(town.folder).close()
    assert (tmp_path / "victim.txt").read_text() == "safe"


# -- named points ------------------------------------------------------------------------------------


def test_points_are_stored_placed_and_known_again(town, tiny_town_files):
    receipt = bring(town, "posts", tiny_town_files / "posts.csv")
    assert (receipt.read, receipt.accepted) == (3, 3)
    posts = features_of(town, "posts")
    assert (posts["cell"] != 0).all()
    assert (posts["grid_id"] != "").all()
    again = bring(town, "posts", tiny_town_files / "posts.csv")
    assert (again.repeated, again.batch_id) == (3, None)


def test_changed_and_doubtful_rows(town, tmp_path):
    head = ["编号", "名称", "类型", "经度", "纬度", "岗长电话", "岗长身份证", "备注"]
    person = ["13812345678", "330411199001011234"]
    first = bring(
        town, "posts", table(tmp_path / "a.csv", head, ["1", "甲岗", "小区", "120.61", "30.79", *person, ""])
    )
    assert ("Columns about persons were not stored: {columns}.", {"columns": head[5:7]}) in first.notes
    rows = [
        ["1", "甲岗", "小区", "120.612", "30.79", *person, "搬了"],
        ["2", "乙岗", "", "30.79", "120.61", *person, ""],
        ["3", "丙岗", "", "", "", *person, ""],
        ["", "", "", "120.61", "30.79", *person, ""],
        ["4", "丁岗", "", "120.61", "30.79", *person, "电话13912345678"],
        ["4", "丁岗", "", "120.61", "30.79", *person, "电话13912345678"],
        ["4", "戊岗", "", "120.61", "30.79", *person, ""],
        ["5", "己岗"],
    ]
    receipt = bring(town, "posts", table(tmp_path / "b.csv", head, *rows))
    assert (receipt.read, receipt.accepted, receipt.corrected) == (8, 1, 1)  # 乙岗 can only be exchanged
    assert (receipt.merged, receipt.repeated) == (1, 1)
    assert receipt.held_by_reason == {"broken_row": 1, "duplicate_id": 1, "no_name": 1, "no_place": 1}
    posts = features_of(town, "posts").set_index("feature_id")
    assert posts.loc["1", "lon"] == 120.612
    assert json.loads(posts.loc["1", "attributes"]) == {"备注": "搬了"}
    assert json.loads(posts.loc["4", "attributes"]) == {"备注": "电话***********"}
    assert "138123" not in held_rows(town).to_csv()
    undo_import(town, receipt.batch_id, NOW)
    posts = features_of(town, "posts").set_index("feature_id")
    assert (list(posts.index), posts.loc["1", "lon"]) == (["1"], 120.61)
    assert len(held_rows(town)) == 0


def test_points_come_from_layers_and_workbooks_too(town, tmp_path):
    path = layer_file(
        tmp_path / "a.gpkg", [shapely.Point(120.61, 30.79)], name=["甲企业"], 行业=["喷涂"], crs=4549
    )
    assert bring(town, "enterprises", path).accepted == 1
    assert features_of(town, "enterprises").iloc[0][["feature_id", "name", "kind"]].tolist() == [
        "甲企业",
        "甲企业",
        "喷涂",
    ]
    book = openpyxl.Workbook()
    book.active.append(["名称", "经度", "纬度"])
    book.active.append(["老供销社", 120.61, 30.79])
    book.save(tmp_path / "b.xlsx")
    assert bring(town, "places", tmp_path / "b.xlsx").accepted == 1


def test_volunteers_need_no_place(town, tmp_path):
    path = table(tmp_path / "a.csv", ["编号", "姓名", "手机", "村社"], ["V1", "王某", "13812345678", "东村"])
    assert bring(town, "volunteers", path).accepted == 1
    volunteer = features_of(town, "volunteers").iloc[0]
    assert np.isnan(volunteer["lon"])
    assert volunteer["cell"] == 0
    assert json.loads(volunteer["attributes"]) == {"村社": "东村"}


def test_points_in_gcj02_are_turned(town, tmp_path):
    head = ["名称", "经度(GCJ-02)", "纬度(GCJ-02)"]
    bring(town, "places", table(tmp_path / "a.csv", head, ["甲", "120.6144", "30.7877"]))
    place = features_of(town, "places").iloc[0]
    assert 0.003 < 120.6144 - place["lon"] < 0.006


def test_dry_run_of_points_writes_nothing(town, tiny_town_files):
    receipt = bring(town, "posts", tiny_town_files / "posts.csv", dry_run=True)
    assert (receipt.accepted, receipt.batch_id) == (3, None)
    assert len(features_of(town, "posts")) == 0


def test_features_follow_new_grids(town, tiny_town_files, tmp_path):
    bring(town, "posts", tiny_town_files / "posts.csv")
    bring(town, "grids", layer_file(tmp_path / "a.gpkg", halves()))
    assert set(features_of(town, "posts")["grid_id"]) <= {"B0", "B1"}
