"""A ledger as an office prints it comes in like the clean one, and the receipt says how it was read."""

from __future__ import annotations

from datetime import datetime

import openpyxl
import pytest

from pingan_geo.i18n import translator
from pingan_geo.storage.records import read_reports
from pingan_geo.workflow.import_layers import import_layer, undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 3, 1, 9)


@pytest.fixture
def town(tiny_town_files, tmp_path):
    files = tiny_town_files
    town = create_town(
        tmp_path / "town", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    yield town
    town.close()


def printed(path, *, sheets=("7月", "8月")):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for place, name in enumerate(sheets):
        sheet = book.create_sheet(name)
        sheet.append([f"小镇{name}隐患台账"])
        sheet.append(["编号", "位置", None, "时间", "隐患类型"])
        sheet.append([None, "经度", "纬度"])
        sheet.append([f"A{place}", 120.611, 30.791, f"2025-07-0{place + 1} 14:05", "私拉电线"])
        sheet.append([f"B{place}", 120.612, 30.792, f"2025-07-0{place + 1} 15:05", "私拉电线"])
        sheet.append(["合 计", 2])
        for cells in ("A1:E1", "A2:A3", "B2:C2", "D2:D3", "E2:E3"):
            sheet.merge_cells(cells)
    book.save(path)
    return path


def stored(town):
    with town.store.read() as connection:
        columns = ["source_id", "lon", "lat", "time", "category"]
        return read_reports(connection)[columns].sort_values("source_id", ignore_index=True)


def test_printed_ledger_gives_the_reports_of_the_clean_one(town, tmp_path):
    receipt = import_reports(town, printed(tmp_path / "a.xlsx"), now=NOW)
    assert (receipt.read, receipt.accepted, receipt.adds_up()) == (4, 4, True)
    found = stored(town)
    undo_import(town, receipt.batch_id, NOW)
    clean = tmp_path / "b.csv"
    clean.write_text(
        "编号,经度,纬度,时间,隐患类型\n"
        "A0,120.611,30.791,2025-07-01 14:05,私拉电线\nB0,120.612,30.792,2025-07-01 15:05,私拉电线\n"
        "A1,120.611,30.791,2025-07-02 14:05,私拉电线\nB1,120.612,30.792,2025-07-02 15:05,私拉电线\n",
        encoding="utf-8",
    )
    import_reports(town, clean, now=NOW)
    assert found.equals(stored(town))


def test_receipt_says_what_was_title_heading_and_total(town, tmp_path):
    receipt = import_reports(town, printed(tmp_path / "a.xlsx"), now=NOW, dry_run=True)
    zh = translator("zh")
    said = [zh(text, **values) for text, values in receipt.notes]
    assert "读取 2 个工作表：7月、8月。" in said
    assert "第 1 行是标题，未读取。" in said
    assert "第 2–3 行是表头，已合并为“位置-经度”等。" in said
    assert "合计行已跳过（行号 7月:6、8月:6）。" in said


def test_list_of_named_points_says_what_was_skipped(town, tmp_path):
    path = tmp_path / "posts.csv"
    path.write_text(
        "编号,名称,经度,纬度\nP1,一号岗,120.611,30.791\n合计,1,,\n制表人：甲,,,\n", encoding="utf-8"
    )
    receipt = import_layer(town, "posts", path, now=NOW, dry_run=True)
    assert (receipt.read, receipt.accepted) == (1, 1)
    assert ("Totals were skipped: row {rows}.", {"rows": ["3"]}) in receipt.notes
    assert ("Notes about the table were skipped: row {rows}.", {"rows": ["4"]}) in receipt.notes
