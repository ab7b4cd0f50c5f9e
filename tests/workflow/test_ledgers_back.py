"""A ledger keeps its layout: confirmed once, used again, handed back filled; words become places."""

from __future__ import annotations

import json
from datetime import date, datetime

import openpyxl
import pandas as pd
import pytest

from pingan_geo.errors import LayoutMismatchError, LayoutNotFoundError, MissingColumnsError
from pingan_geo.storage.records import read_reports
from pingan_geo.workflow.import_layers import import_layer
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.layouts import list_layouts
from pingan_geo.workflow.ledger_export import export_ledger
from pingan_geo.workflow.locate import ADDED, locate_table
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 9, 1, 9)
TODAY = date(2026, 9, 1)
HEADINGS = ["序号", "时间", "类别", "位置-地点", "位置-经度", "位置-纬度", "上报人", "处理意见"]


@pytest.fixture
def town(tiny_town_files, tmp_path):
    files = tiny_town_files
    town = create_town(
        tmp_path / "town", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    names = pd.DataFrame(
        {
            "编号": ["p1", "p2", "p3"],
            "名称": ["北街老供销社", "康泰苑", "南街12号"],
            "类型": ["shop", "estate", "door"],
            "经度": [120.605, 120.615, 120.625],
            "纬度": [30.785, 30.79, 30.80],
        }
    )
    names.to_csv(tmp_path / "places.csv", index=False)
    import_layer(town, "places", tmp_path / "places.csv", now=NOW)
    yield town
    town.close()


def ledger(path, rows, title_rows=1):
    """A printed ledger: title, heading of two rows with merged cells."""
    sheet = (book := openpyxl.Workbook()).active
    for number in range(title_rows):
        sheet.append([f"随手拍上报台账{number}"])
        sheet.merge_cells(start_row=number + 1, end_row=number + 1, start_column=1, end_column=8)
    top = title_rows + 1
    sheet.append(["序号", "时间", "类别", "位置", "", "", "上报人", "处理意见"])
    sheet.append(["", "", "", "地点", "经度", "纬度", "", ""])
    sheet.merge_cells(start_row=top, end_row=top, start_column=4, end_column=6)
    for column in (1, 2, 3, 7, 8):
        sheet.merge_cells(start_row=top, end_row=top + 1, start_column=column, end_column=column)
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


JULY = [
    [1, "7月31日下午", "飞线", "康泰苑7幢", "", "", "张某", "已电话13812345678告知"],
    [2, "2026-07-30 09:05", "路面坑洼", "", "120.611", "30.791", "李某", "@所有人"],
    [3, "2026-07-29", "飞线", "北街老供销社", "", "", "", ""],
]
AUGUST = [[1, "2026-08-03 10:00", "飞线", "南街12号", "", "", "王某", "转物业"]]


def bring(town, path, **how):
    receipt = import_reports(town, path, now=NOW, **how)
    assert receipt.adds_up(), receipt
    return receipt


# -- layouts -----------------------------------------------------------------------------------------


def test_a_layout_that_nobody_knows_cannot_be_handed_back(town, tmp_path):
    with pytest.raises(LayoutNotFoundError):
        export_ledger(town, tmp_path / "back.csv", "随手拍")


def test_a_file_of_another_layout_is_refused_with_what_is_missing(town, tmp_path):
    bring(town, ledger(tmp_path / "7.xlsx", JULY), year=2026, layout="随手拍")
    other = tmp_path / "other.csv"
    other.write_text("时间,类别,地点\n2026-08-01,飞线,康泰苑\n", encoding="utf-8")
    with pytest.raises(LayoutMismatchError) as refused:
        bring(town, other, layout="随手拍")
    assert "位置-地点" in str(refused.value)


def test_next_month_comes_in_by_the_layout_wherever_its_heading_stands(town, tmp_path):
    first = bring(town, ledger(tmp_path / "7.xlsx", JULY), year=2026, layout="随手拍")
    assert (first.read, first.accepted, first.held) == (3, 3, 0)
    assert list_layouts(town)["name"].tolist() == ["随手拍"]
    later = bring(town, ledger(tmp_path / "8.xlsx", AUGUST, title_rows=4), layout="随手拍")
    assert (later.read, later.accepted) == (1, 1)
    assert later.columns == first.columns


def test_a_trial_remembers_no_layout(town, tmp_path):
    bring(town, ledger(tmp_path / "7.xlsx", JULY), year=2026, layout="随手拍", dry_run=True)
    assert list_layouts(town).empty


def test_a_ledger_goes_back_in_its_layout_with_our_columns(town, tmp_path):
    bring(town, ledger(tmp_path / "7.xlsx", JULY), year=2026, layout="随手拍")
    bring(town, ledger(tmp_path / "8.xlsx", AUGUST), layout="随手拍")
    done = export_ledger(town, tmp_path / "back.csv", "随手拍", language="zh")
    back = pd.read_csv(tmp_path / "back.csv", dtype=str, keep_default_na=False)
    assert done.rows == len(back) == 4
    assert back.columns[:8].tolist() == HEADINGS
    assert back["位置-地点"].tolist() == ["康泰苑7幢", "", "北街老供销社", "南街12号"]
    assert back["时间"].tolist()[:3] == ["2026-07-31 12:00-18:00", "2026-07-30 09:05:00", "2026-07-29"]
    assert back["位置-经度"].tolist() == ["", "120.611", "", ""]  # as received: words have no coordinates
    assert (back["经度（WGS-84）"] != "").all()
    assert back["定位级别"].tolist() == ["estate", "point", "place", "door"]
    assert set(back["上报人"]) == {""}  # never stored
    assert back["处理意见"].tolist() == ["已电话***********告知", "'@所有人", "", "转物业"]


def test_coordinates_go_back_in_the_datum_that_they_came_in(town, tmp_path):
    path = tmp_path / "gcj.csv"
    path.write_text("时间,类别,经度,纬度\n2026-08-01 10:00,飞线,120.6194,30.7921\n", encoding="utf-8")
    bring(town, path, datum="gcj02", layout="高德")
    export_ledger(town, tmp_path / "back.csv", "高德")
    back = pd.read_csv(tmp_path / "back.csv")
    assert back[["经度", "纬度"]].to_numpy()[0] == pytest.approx([120.6194, 30.7921], abs=2e-7)
    assert abs(back.filter(like="WGS-84").to_numpy()[0] - [120.6194, 30.7921]).min() > 1e-3


# -- words for places --------------------------------------------------------------------------------


def test_rows_are_placed_by_words_and_say_so(town, tmp_path):
    receipt = bring(town, ledger(tmp_path / "7.xlsx", JULY), year=2026)
    assert (
        "{count} rows without coordinates were placed by their words, from the town's gazetteer.",
        {"count": 2},
    ) in (receipt.notes)
    with town.store.read() as connection:
        reports = read_reports(connection).set_index("place")
    placed = reports.loc["北街老供销社"]
    assert (placed["lon"], placed["lat"]) == pytest.approx((120.605, 30.785))
    assert (placed["level"], placed["datum_known_by"]) == ("place", "gazetteer")
    assert placed["radius_m"] > 0


def test_a_table_without_words_is_not_located(town, tmp_path):
    path = tmp_path / "q.csv"
    path.write_text("甲,乙\n1,2\n", encoding="utf-8")
    with pytest.raises(MissingColumnsError):
        locate_table(town, path, tmp_path / "out.csv", today=TODAY)
    assert not (tmp_path / "out.csv").exists()


def test_a_table_is_located_without_being_stored(town, tmp_path):
    path = tmp_path / "q.csv"
    path.write_text(
        "编号,lon,地址\n1,手填,北街老供销社\n2,,南街14号\n3,,别处大厦\n4,,=1+1\n", encoding="utf-8"
    )
    done = locate_table(town, path, tmp_path / "out.xlsx", today=TODAY)
    found = pd.read_excel(tmp_path / "out.xlsx", engine="openpyxl", dtype=str, keep_default_na=False)
    assert found.columns.tolist()[:3] == ["编号", "lon (file)", "地址"]
    assert [name for name in ADDED if name not in found.columns] == []
    assert done.rows == len(found) == sum(done.by_status.values()) == 4
    assert found["status"].tolist()[0] == "accepted"
    assert "accepted" not in found["status"].tolist()[1:]
    assert found["cell"].tolist()[2] == found["lon"].tolist()[2] == ""
    assert json.loads(found["candidates"].tolist()[0])[0]["name"] == "北街老供销社"
    with town.store.read() as connection:
        assert read_reports(connection).empty
