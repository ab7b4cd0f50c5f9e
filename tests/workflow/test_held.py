"""Held rows go back to the sender in the sender's own layout, and come in again mended."""

from __future__ import annotations

import csv
import json
from datetime import datetime

import openpyxl
import pandas as pd
import pytest

from pingan_geo.errors import ExportFormatError
from pingan_geo.model.tables import HELD_ROWS
from pingan_geo.storage.records import insert_held, read_reports
from pingan_geo.workflow.held import dismiss_rows, export_held, held_rows, restore_rows
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 3, 1, 9)
HEADINGS = ["备注", "编号", "类别", "时间", "经度", "纬度", "reason"]
GOOD = ["=1+1", "A1", "FW1", "2025-07-03 14:05", "120.611", "30.791", "上级交办"]


@pytest.fixture
def town(tiny_town_files, tmp_path):
    town = create_town(tmp_path / "town", area=tiny_town_files / "area.geojson", name="小镇")
    yield town
    town.close()


def row(number, **changes):
    return list((dict(zip(HEADINGS, GOOD, strict=True)) | {"编号": f"A{number}"} | changes).values())


def bring(town, path, *rows):
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([HEADINGS, *rows])
    return import_reports(town, path, now=NOW)


def read_csv(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def test_other_formats_are_refused(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1, 经度=""))
    with pytest.raises(ExportFormatError):
        export_held(town, tmp_path / "held.docx")


def test_mended_file_comes_in_again(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1), row(2, 经度=""), row(3, 时间="昨天"))
    assert export_held(town, tmp_path / "held.csv") == 2
    table = read_csv(tmp_path / "held.csv")
    assert list(table.columns) == [*HEADINGS, "原因", "待核号"]  # the sender's own column of that name stays
    assert table["备注"].tolist() == ["'=1+1"] * 2
    assert table["原因"].tolist() == ["没有坐标: 30.791", "时间无法识别: 昨天"]
    table["经度"], table["时间"] = "120.611", "2025-07-03 14:05"
    table.to_csv(tmp_path / "mended.csv", index=False)
    receipt = import_reports(town, tmp_path / "mended.csv", now=NOW)
    assert (receipt.accepted, receipt.held) == (2, 0)
    with town.store.read() as connection:
        reports = read_reports(connection)
    assert sorted(reports["source_id"]) == ["A1", "A2", "A3"]
    assert set(reports["description"]) == {"=1+1"}


def test_reasons_are_in_the_visitors_language(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1, 经度=""))
    export_held(town, tmp_path / "held.xlsx", language="en")
    sheet = openpyxl.load_workbook(tmp_path / "held.xlsx").worksheets[0]
    assert [cell.value for cell in sheet[1]] == [*HEADINGS, "reason_", "held number"]
    assert sheet[2][-2].value == "no coordinates: 30.791"


def test_sheet_stands_first_where_rows_have_one(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1))
    values = json.dumps(dict(zip(HEADINGS, row(8, 经度=""), strict=True)), ensure_ascii=False)
    rows = [("七月", 5, "no_place", "", values), ("八月", 5, "no_place", "", values.replace("A8", "A9"))]
    with town.store.begin() as connection:
        table = pd.DataFrame(rows, columns=list(HELD_ROWS.columns)).astype(dict(HELD_ROWS.columns))
        insert_held(connection, 1, table)
    export_held(town, tmp_path / "held.csv", batch=1)
    table = read_csv(tmp_path / "held.csv")
    assert list(table.columns) == ["工作表", *HEADINGS, "原因", "待核号"]
    assert table[["工作表", "编号"]].to_numpy().tolist() == [["七月", "A8"], ["八月", "A9"]]
    table.assign(经度="120.611").to_csv(tmp_path / "mended.csv", index=False)
    assert import_reports(town, tmp_path / "mended.csv", now=NOW).accepted == 2


def test_dismissed_rows_are_left_out_until_they_are_restored(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1, 经度=""), row(2, 经度=""), row(3, 经度=""))
    assert dismiss_rows(town, [1, 3], now=NOW) == 2
    assert dismiss_rows(town, [1], now=NOW) == 0
    assert held_rows(town)["held_id"].tolist() == [2]
    assert held_rows(town, 1, dismissed=True)["dismissed_at"].notna().tolist() == [True, False, True]
    assert export_held(town, tmp_path / "held.csv") == 1
    assert restore_rows(town, [1, 2]) == 1
    assert held_rows(town)["held_id"].tolist() == [1, 2]
