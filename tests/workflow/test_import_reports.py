"""A ledger comes in as a whole or not at all, once, and every row is accounted for."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import sqlite3
import subprocess
import sys
import time
from datetime import datetime, timedelta

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely

from pingan_geo.errors import (
    BadChoiceError,
    Cancelled,
    EmptyFileError,
    MissingColumnsError,
    PinganError,
    UnknownDatumError,
    UnreadableFileError,
)
from pingan_geo.settings import read_settings
from pingan_geo.spatial.cells import cells_of
from pingan_geo.storage.records import read_batches, read_held, read_reports
from pingan_geo.workflow.held import export_held, held_rows
from pingan_geo.workflow.import_layers import undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import create_town, open_town

NOW = datetime(2026, 3, 1, 9)
HEADINGS = ["编号", "类别", "时间", "经度", "纬度", "描述"]
GOOD = ["A1", "FW1", "2025-07-03 14:05", "120.611", "30.791", "三楼飞线"]


@pytest.fixture
def town(tiny_town_files, tmp_path):
    files = tiny_town_files
    town = create_town(
        tmp_path / "town", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    yield town
    town.close()


@pytest.fixture
def closed_town(town):
    """The same town with a closed taxonomy."""
    file = town.folder / "town.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("open = true", "open = false"), encoding="utf-8")
    return town


def write_csv(path, *rows, headings=HEADINGS, encoding="utf-8-sig"):
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream).writerows([headings, *rows])
    return path


def good(number, **changes):
    row = dict(zip(HEADINGS, GOOD, strict=True)) | {"编号": f"A{number}"} | changes
    return list(row.values())


def bring(town, path, **how):
    receipt = import_reports(town, path, now=NOW, **how)
    assert receipt.adds_up(), receipt
    return receipt


def state_of(folder):
    """Everything that a town holds, to be compared before and after."""
    with sqlite3.connect(folder / "town.sqlite") as connection:
        tables = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
        ]
        rows = {table: connection.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables}
    files = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.is_file() and ".sqlite" not in file.name
    }
    rows.pop("sqlite_sequence", None)
    return rows, files


def stored(town, columns=None):
    with town.store.read() as connection:
        return read_reports(connection, columns)


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptyFileError),
        ("编号,类别,时间,经度,纬度\n".encode(), EmptyFileError),
        ("编号,类别,时间,经度,纬度\n\n,,,,\n".encode(), EmptyFileError),
        ("编号,类别,经度,纬度\n1,2,3,4\n".encode(), MissingColumnsError),
        (b"PK\x03\x04", UnreadableFileError),
        (b"<html><table>", UnreadableFileError),
        (b"\x00\x01\x02\x03", UnreadableFileError),
    ],
)
def test_bad_files_are_refused_in_one_sentence_and_change_nothing(town, tmp_path, content, error):
    path = tmp_path / "台账.csv"
    path.write_bytes(content)
    before = state_of(town.folder)
    with pytest.raises(error) as caught:
        import_reports(town, path, now=NOW)
    assert "台账.csv" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert state_of(town.folder) == before


def test_unknown_datum_and_date_order_are_refused(town, tmp_path):
    path = write_csv(tmp_path / "a.csv", GOOD)
    with pytest.raises(UnknownDatumError):
        import_reports(town, path, datum="北京54", now=NOW)
    with pytest.raises(BadChoiceError):
        import_reports(town, path, date_order="ymd", now=NOW)


# -- held --------------------------------------------------------------------------------------------


def test_every_reason_is_counted_and_rows_are_kept(closed_town, tmp_path):
    rows = [
        good(1),
        good(2, 经度=""),
        good(3, 经度="东"),
        good(4, 经度="0", 纬度="0"),
        good(5, 经度="30.791", 纬度="120.611"),
        good(6, 经度="121"),
        good(7, 时间=""),
        good(8, 时间="去年"),
        good(9, 时间="2030-01-01"),
        good(10, 类别=""),
        good(11, 类别="外星人"),
        good(1, 描述="另一件事"),
        ["B", "少了列"],
    ]
    receipt = bring(closed_town, write_csv(tmp_path / "a.csv", *rows))
    assert (receipt.read, receipt.accepted, receipt.corrected, receipt.held) == (13, 1, 1, 11)
    assert receipt.held_by_reason == {
        "bad_place": 1,
        "bad_time": 1,
        "broken_row": 1,
        "duplicate_id": 1,
        "future_time": 1,
        "no_category": 1,
        "no_place": 1,
        "no_time": 1,
        "null_island": 1,
        "outside_town": 1,
        "unknown_category": 1,
    }
    held = held_rows(closed_town, receipt.batch_id)
    assert held["row_number"].tolist() == [3, 4, 5, *range(7, 15)]  # row 6 was put right
    assert json.loads(held["values"][0]) == dict(zip(HEADINGS, rows[1], strict=True))


def test_held_rows_go_back_and_come_in_again_when_mended(closed_town, tmp_path):
    rows = [good(1), good(2, 经度="", 描述="=HYPERLINK(1)"), good(3, 类别="外星人")]
    bring(closed_town, write_csv(tmp_path / "a.csv", *rows))
    for ending in ("csv", "xlsx"):
        back = tmp_path / f"held.{ending}"
        assert export_held(closed_town, back) == 2
    raw = (tmp_path / "held.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert b",=HYPER" not in raw
    table = pd.read_csv(tmp_path / "held.csv", dtype=str, keep_default_na=False)
    assert list(table.columns) == [*HEADINGS, "原因", "待核号"]
    assert "外星人" in table["原因"][1]
    table.loc[0, "经度"], table.loc[1, "类别"] = "120.612", "飞线"
    table.to_csv(tmp_path / "mended.csv", index=False)
    receipt = bring(closed_town, tmp_path / "mended.csv")
    assert (receipt.read, receipt.accepted, receipt.held) == (2, 2, 0)
    assert sorted(stored(closed_town)["description"]) == ["=HYPERLINK(1)", "三楼飞线", "三楼飞线"]


def test_same_number_with_other_content_is_held_not_overwritten(town, tmp_path):
    bring(town, write_csv(tmp_path / "a.csv", good(1)))
    receipt = bring(town, write_csv(tmp_path / "b.csv", good(1, 描述="改过"), good(2)))
    assert receipt.held_by_reason == {"id_conflict": 1}
    assert sorted(stored(town)["description"]) == ["三楼飞线", "三楼飞线"]
    receipt = bring(town, write_csv(tmp_path / "c.csv", good(1, 描述="改过")), source="派出所")
    assert receipt.accepted == 1  # another ledger has numbers of its own


# -- once --------------------------------------------------------------------------------------------


def test_same_file_twice_brings_nothing(town, tiny_town_files):
    first = bring(town, tiny_town_files / "reports.csv")
    assert (first.read, first.accepted) == (600, 600)
    before = state_of(town.folder)
    again = bring(town, tiny_town_files / "reports.csv")
    assert (again.read, again.accepted, again.repeated, again.batch_id) == (600, 0, 600, None)
    assert "{date}" in again.notes[0][0]
    assert state_of(town.folder) == before


def test_overlapping_files_bring_only_what_is_new(town, tmp_path):
    rows = [good(number) for number in range(20)]
    bring(town, write_csv(tmp_path / "a.csv", *rows[:12]))
    receipt = bring(town, write_csv(tmp_path / "b.csv", *rows[8:], encoding="gb18030"))
    assert (receipt.accepted, receipt.repeated) == (8, 4)
    assert len(stored(town)) == 20


def test_equal_rows_without_numbers_are_all_kept_once(town, tmp_path):
    headings = HEADINGS[1:]
    twice = [GOOD[1:], GOOD[1:], [*GOOD[1:-1], "别的"]]
    assert bring(town, write_csv(tmp_path / "a.csv", *twice, headings=headings)).accepted == 3
    again = bring(town, write_csv(tmp_path / "b.csv", *reversed(twice), headings=headings))
    assert (again.accepted, again.repeated) == (0, 3)
    more = bring(town, write_csv(tmp_path / "c.csv", *twice, GOOD[1:], headings=headings))
    assert (more.accepted, more.repeated) == (1, 3)


def test_equal_rows_with_numbers_are_one_report(town, tmp_path):
    receipt = bring(town, write_csv(tmp_path / "a.csv", good(1), good(1)))
    assert (receipt.accepted, receipt.repeated) == (1, 1)


def test_undone_file_can_come_again(town, tiny_town_files):
    first = bring(town, tiny_town_files / "reports.csv")
    assert undo_import(town, first.batch_id, NOW) == 600
    assert len(stored(town)) == 0
    assert bring(town, tiny_town_files / "reports.csv").accepted == 600


def test_chunks_do_not_change_the_numbers(town, tmp_path, monkeypatch):
    rows = [good(number) for number in range(300)] + [["", *GOOD[1:]]] * 5
    bring(town, write_csv(tmp_path / "a.csv", *rows))
    monkeypatch.setattr("pingan_geo.intake.text_tables.BLOCK_BYTES", 2000)
    again = bring(town, write_csv(tmp_path / "b.csv", *rows, encoding="utf-8"))
    assert (again.accepted, again.repeated) == (0, 305)


def test_a_number_that_comes_again_in_a_later_chunk_is_held(town, tmp_path, monkeypatch):
    monkeypatch.setattr("pingan_geo.intake.text_tables.BLOCK_BYTES", 2000)
    rows = [*(good(number) for number in range(300)), good(5, 描述="另一件事"), good(6)]
    receipt = bring(town, write_csv(tmp_path / "a.csv", *rows))
    assert (receipt.accepted, receipt.repeated) == (300, 1)
    assert receipt.held_by_reason == {"duplicate_id": 1}


# -- dry run, cancel, kill ---------------------------------------------------------------------------


def test_dry_run_gives_the_receipt_and_writes_nothing(town, tmp_path):
    path = write_csv(tmp_path / "a.csv", good(1), good(2, 经度=""), good(3, 类别="外星人"), good(1))
    before = state_of(town.folder)
    tried = bring(town, path, dry_run=True)
    assert state_of(town.folder) == before
    real = bring(town, path)
    assert (tried.dry_run, tried.batch_id) == (True, None)
    assert tried.as_dict() | {"dry_run": False, "batch_id": real.batch_id} == real.as_dict()


def test_cancelled_import_leaves_nothing(town, tiny_town_files):
    before = state_of(town.folder)

    def cancel(step):
        if step.stage == "Importing reports":
            raise Cancelled

    with pytest.raises(Cancelled):
        import_reports(town, tiny_town_files / "reports.csv", now=NOW, on_progress=cancel)
    assert state_of(town.folder) == before


def test_failure_at_the_last_moment_leaves_the_settings_too(town, tmp_path, monkeypatch):
    """The new categories are ready beside the old file when the machine fails, just before the commit."""
    before = state_of(town.folder)

    def fail(connection, swaps):
        raise OSError("the machine fails")

    module = sys.modules[import_reports.__module__]  # the package gives its name to the function
    monkeypatch.setattr(module, "note_swaps", fail)
    with pytest.raises(OSError, match="the machine fails"):
        import_reports(town, write_csv(tmp_path / "a.csv", good(1, 类别="外星人")), now=NOW)
    monkeypatch.undo()
    stray = [name for name in state_of(town.folder)[1] if ".swap-" in name]
    assert len(stray) == 1
    bring(town, write_csv(tmp_path / "b.csv", good(1, 经度="")))
    rows, files = state_of(town.folder)
    assert files == before[1]
    assert rows["report"] == []


def test_progress_counts_bytes_and_rows(town, tiny_town_files):
    steps = []
    file = tiny_town_files / "reports.csv"
    import_reports(town, file, now=NOW, on_progress=steps.append)
    assert steps[-1].rows == 600
    assert steps[-1].done == steps[-1].total == file.stat().st_size


CHILD = """
import sys
from datetime import datetime
from pathlib import Path
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import open_town
town = open_town(Path(sys.argv[1]))
print("ready", flush=True)
import_reports(town, Path(sys.argv[2]), now=datetime(2026, 3, 1))
print("done", flush=True)
"""


@pytest.mark.parametrize(
    "moments", [12, pytest.param(150, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])]
)
def test_killed_import_leaves_the_town_as_it_was(town, tmp_path, moments):
    """Killed without warning at many moments from first to last: all or nothing."""
    draw = random.Random(20260301)
    begin = datetime(2025, 1, 1)
    rows = [
        [f"K{n}", f"新类别{n % 7}", begin + timedelta(minutes=n), f"{draw.uniform(120.605, 120.625):.6f}",
         f"{draw.uniform(30.785, 30.8):.6f}", "x" * 40]
        for n in range(60_000)
    ]  # fmt: skip
    path = write_csv(tmp_path / "big.csv", *rows)
    bring(town, write_csv(tmp_path / "a.csv", good(1)))
    town.close()
    before = state_of(town.folder)
    begun = time.monotonic()
    whole = _import_in_child(town.folder, path, None)
    length = time.monotonic() - begun
    assert whole
    after = state_of(town.folder)
    assert len(after[0]["report"]) == 60_001
    open_again = open_town(town.folder)
    undo_import(open_again, 2, NOW)
    open_again.close()
    undone = state_of(town.folder)
    outcomes = []
    for moment in sorted(draw.uniform(0.0, 1.05 * length) for _ in range(moments)):
        finished = _import_in_child(town.folder, path, moment)
        open_town(town.folder).close()
        found = state_of(town.folder)
        outcomes.append(finished or len(found[0]["report"]) > 1)
        if outcomes[-1]:  # killed after its commit: then it is there as a whole
            assert len(found[0]["report"]) == 60_001
            assert {category.name for category in read_settings(town.folder).categories} >= {"新类别3"}
            break
        assert found == undone
    assert not all(outcomes)
    assert before[0]["report"] == undone[0]["report"]


def _import_in_child(folder, path, moment):
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(path)], stdout=subprocess.PIPE, text=True
    )
    with child:
        try:
            said, _ = child.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            child.kill()
            said, _ = child.communicate()
    return "done" in said


# -- what is stored ----------------------------------------------------------------------------------


def test_reports_are_placed(town, tiny_town_files):
    bring(town, tiny_town_files / "reports.csv", source="测试台账")
    reports = stored(town)
    assert (reports["cell"].to_numpy() == cells_of(reports["lon"], reports["lat"], 11)).all()
    assert (reports["grid_id"] != "").all()
    grids = town.layer("grids").set_index("code").geometry
    for report in reports.iloc[::50].itertuples():
        assert grids[report.grid_id].covers(shapely.Point(report.lon, report.lat))
    assert set(reports["source"]) == {"测试台账"}
    assert reports["time_until"].notna().sum() == 60


@pytest.mark.parametrize("kind", ["gb18030", "tsv", "xlsx", "geojson", "gpkg", "shp", "gcj02", "EPSG:4549"])
def test_every_format_brings_the_same_reports(town, tmp_path, tiny_town_files, kind):
    table = pd.read_csv(tiny_town_files / "reports.csv", dtype=str, keep_default_na=False).head(60)
    table = table.drop(columns=["描述"]).rename(columns={"发生时间": "时间"})
    lon, lat = table["经度"].astype(float), table["纬度"].astype(float)
    path = tmp_path / f"a.{kind if kind in {'xlsx', 'geojson', 'gpkg', 'shp'} else 'csv'}"
    how = {}
    if kind in {"geojson", "gpkg", "shp"}:
        frame = gpd.GeoDataFrame(
            table.drop(columns=["经度", "纬度"]), geometry=gpd.points_from_xy(lon, lat), crs=4326
        )
        (frame.to_crs(4549) if kind == "gpkg" else frame).to_file(path, encoding="utf-8")
    elif kind == "xlsx":
        book = openpyxl.Workbook()
        book.active.append(["小镇台账"])
        book.active.append(list(table.columns))
        for row in table.assign(
            经度=lon, 纬度=lat, 时间=pd.to_datetime(table["时间"], format="mixed")
        ).itertuples(index=False):
            book.active.append([getattr(cell, "to_pydatetime", lambda cell=cell: cell)() for cell in row])
        book.save(path)
    elif kind in {"gcj02", "EPSG:4549"}:
        from pingan_geo.coords import from_wgs84

        x, y = from_wgs84(lon, lat, kind)
        table = table.assign(经度=[repr(float(v)) for v in x], 纬度=[repr(float(v)) for v in y])
        table.to_csv(path, index=False)
        how = {"datum": kind}
    else:
        table.to_csv(
            path,
            index=False,
            sep="\t" if kind == "tsv" else ",",
            encoding="gb18030" if kind == "gb18030" else "utf-8",
        )
    receipt = bring(town, path, **how)
    assert (receipt.accepted, receipt.held) == (60, 0), receipt
    reports = stored(town).sort_values("source_id")
    assert np.allclose(reports["lon"], lon, atol=1e-7)
    assert np.allclose(reports["lat"], lat, atol=1e-7)
    assert reports["category"].tolist() == table["类别"].tolist()
    assert set(reports["datum"]) == {kind} if how else {"wgs84"}


def test_new_categories_are_written_to_the_town_with_the_import(town, tmp_path):
    rows = [good(1, 类别="Loud Music"), good(2, 类别="loud music"), good(3, 类别="外星人"), good(4, 经度="")]
    receipt = bring(town, write_csv(tmp_path / "a.csv", *rows))
    assert dict(receipt.notes)["New categories: {names}."] == {"names": ["Loud Music", "外星人"]}
    settings = read_settings(town.folder)
    assert [(c.code, c.name) for c in settings.categories[-2:]] == [
        ("loud_music", "Loud Music"),
        ("外星人", "外星人"),
    ]
    assert sorted(stored(town)["category"]) == ["loud_music", "loud_music", "外星人"]
    assert not list(town.folder.glob("*.swap-*"))
    assert bring(town, write_csv(tmp_path / "b.csv", good(5, 类别="LOUD MUSIC"))).accepted == 1
    assert len(read_settings(town.folder).categories) == len(settings.categories)


def test_receipt_is_kept_with_the_import(town, tmp_path):
    receipt = bring(town, write_csv(tmp_path / "a.csv", good(1)), layout="老台账")
    with town.store.read() as connection:
        batch = read_batches(connection).iloc[0]
    assert json.loads(batch["receipt"]) == receipt.as_dict()
    assert (batch["file_name"], batch["layout"], batch["datum"]) == ("a.csv", "老台账", "wgs84")


def test_persons_are_nowhere_in_the_database(town, tmp_path):
    headings = [*HEADINGS, "上报人", "电话", "身份证号"]
    person = ["张三", "13812345678", "330411199001011234"]
    rows = [
        [*good(1, 描述="找13912345678"), *person],
        [*good(2, 经度="", 描述="找13912345678"), *person],
        ["3", "张三 13712345678"],
    ]
    receipt = bring(town, write_csv(tmp_path / "a.csv", *rows, headings=headings))
    assert ("Columns about persons were not stored: {columns}.", {"columns": headings[-3:]}) in receipt.notes
    town.close()
    raw = b"".join(file.read_bytes() for file in town.folder.glob("town.sqlite*"))
    for secret in ("13812345678", "13912345678", "13712345678", "330411199001011234"):
        assert secret.encode() not in raw
    with town.store.read() as connection:
        assert json.loads(read_held(connection)["values"][0])["上报人"] == ""


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "rows", "days_only"),
    [
        ("cincinnati_burglary_2016_2018", 6660, False),
        ("portland_burglary_2012_2017", 5364, True),
        ("chicago_burglary_2016", 11700, True),
        ("memphis_robbery_2019", 2245, False),
        ("houston_pothole_2011_2019", 52517, False),
    ],
)
def test_real_cities(shared_dir, tmp_path, name, rows, days_only):
    file = shared_dir / "data" / f"{name}.csv"
    town = create_town(tmp_path / "town", area=file, timezone="America/Chicago", language="en")
    receipt = bring(town, file)
    assert (receipt.read, receipt.accepted) == (rows, rows)
    reports = stored(town)
    plain = pd.read_csv(file)
    assert sorted(reports["lon"]) == sorted(plain["lon"])
    assert reports["time_until"].notna().all() == days_only
    assert {note for note, _ in receipt.notes} >= {"New categories: {names}."}
    town.close()


def test_all_errors_of_intake_are_said_in_one_line(town, tmp_path):
    path = write_csv(tmp_path / "a.csv", good(1, 时间="07/03/2025"))
    with pytest.raises(PinganError, match="07/03/2025") as caught:
        import_reports(town, path, now=NOW)
    assert "\n" not in str(caught.value)
