"""A ledger handed back holds every cell that the sender may see, and comes in again as the same reports."""

from __future__ import annotations

import csv
from datetime import datetime

import pandas as pd
import pytest

from pingan_geo.storage.records import read_reports
from pingan_geo.workflow.import_layers import import_layer, undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.ledger_export import export_ledger
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 9, 1, 9)


@pytest.fixture
def town(tiny_town_files, tmp_path):
    files = tiny_town_files
    town = create_town(
        tmp_path / "town", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    table = pd.DataFrame(
        {"编号": ["p1"], "名称": ["康泰苑"], "类型": ["estate"], "经度": [120.615], "纬度": [30.79]}
    )
    table.to_csv(tmp_path / "places.csv", index=False)
    import_layer(town, "places", tmp_path / "places.csv", now=NOW)
    yield town
    town.close()


def there_and_back(town, tmp_path, headings, *rows):
    """Import a ledger, hand it back, take it back, and import what was handed back."""
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([headings, *rows])
    receipt = import_reports(town, path, layout="日 报", now=NOW)
    assert (receipt.accepted, receipt.read) == (len(rows), len(rows)), receipt
    before = stored(town)
    assert export_ledger(town, tmp_path / "back.csv", "日  报", language="zh").rows == len(rows)
    undo_import(town, receipt.batch_id, NOW)
    again = import_reports(town, tmp_path / "back.csv", layout="日 报", now=NOW)
    assert again.accepted == len(rows), again
    pd.testing.assert_frame_equal(stored(town), before)
    return pd.read_csv(tmp_path / "back.csv", dtype=str, keep_default_na=False)


def stored(town):
    with town.store.read() as connection:
        table = read_reports(connection, ["report_id", "time", "time_until", "lon", "lat", "place"])
    return table.sort_values("report_id", ignore_index=True)


def test_columns_that_were_only_read_go_back_as_they_came(town, tmp_path):
    headings = ["编号", "类别", "时间", "坐标", "小区", "楼栋", "办结时间", "=1+1"]
    back = there_and_back(
        town,
        tmp_path,
        headings,
        ["1", "FW1", "2025-07-03 10:00", "", "康泰苑", "7", "2025-07-04", "甲"],
        ["2", "FW1", "2025-07-05 10:00", "120.611,30.791", "康泰苑", "8", "", "乙13812345678"],
    )
    assert back["坐标"].tolist() == ["", "120.6110000,30.7910000"]
    assert back["小区"].tolist() == ["康泰苑"] * 2
    assert back["楼栋"].tolist() == ["7", "8"]
    assert back["办结时间"].tolist() == ["2025-07-04", ""]
    assert back["'=1+1"].tolist() == ["甲", "乙" + "*" * 11]


def test_a_time_of_day_in_a_column_of_its_own_stays_there(town, tmp_path):
    back = there_and_back(
        town,
        tmp_path,
        ["编号", "类别", "日期", "时间", "经度", "纬度"],
        ["1", "FW1", "2025-07-03", "14:05", "120.611", "30.791"],
        ["2", "FW1", "2025-07-03", "晚上", "120.611", "30.791"],
        ["3", "FW1", "2025-07-03", "", "120.611", "30.791"],
    )
    assert back["日期"].tolist() == ["2025-07-03"] * 3
    assert back["时间"].tolist() == ["14:05", "晚上", ""]


def test_an_interval_of_days_does_not_end_on_its_first(town, tmp_path):
    back = there_and_back(
        town,
        tmp_path,
        ["编号", "类别", "时间", "time_until", "经度", "纬度"],
        ["1", "FW1", "2025-07-03 10:00", "2025-07-05 12:00", "120.611", "30.791"],
        ["2", "FW1", "2025-07-03 10:00", "", "120.611", "30.791"],
        ["3", "FW1", "2025-07-03夜间", "", "120.611", "30.791"],
    )
    assert back["时间"].tolist() == ["2025-07-03 10:00:00", "2025-07-03 10:00:00", "2025-07-03 18:00-06:00"]
    assert back["time_until"].tolist() == ["2025-07-05 12:00", "", ""]
