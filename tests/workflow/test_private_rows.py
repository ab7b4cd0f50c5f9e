"""What a row says of persons stays out of everything that is kept, also when the row is held or broken."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from datetime import datetime

import openpyxl
import pandas as pd
import pytest

from pingan_geo.persons import PHONE_MASK
from pingan_geo.storage import records
from pingan_geo.workflow.answers import Answer, answer
from pingan_geo.workflow.held import held_rows
from pingan_geo.workflow.import_layers import import_layer
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.review import review_queue
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 3, 1, 9)
HEADINGS = ["编号", "类别", "时间", "经度", "纬度", "地址", "描述"]
GOOD = ["A1", "FW1", "2025-07-03 14:05", "120.611", "30.791", "北街", "三楼飞线"]
PHONE = "13812345678"


@pytest.fixture
def town(tiny_town_files, tmp_path):
    """With a closed taxonomy."""
    files = tiny_town_files
    town = create_town(
        tmp_path / "town", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    file = town.folder / "town.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("open = true", "open = false"), encoding="utf-8")
    yield town
    town.close()


def row(**cells):
    return list((dict(zip(HEADINGS, GOOD, strict=True)) | cells).values())


def bring(town, path, *rows, headings=HEADINGS, **how):
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([headings, *rows])
    receipt = import_reports(town, path, now=NOW, **how)
    assert receipt.adds_up(), receipt
    return receipt


def kept(town):
    return [json.loads(values) for values in held_rows(town)["values"]]


@pytest.mark.parametrize("places", range(3, 6))
def test_a_broken_row_keeps_no_cell_that_may_be_a_name(town, tmp_path, places):
    headings = ["编号", "类别", "时间", "姓名", "经度", "纬度"]
    cells = ["7", "FW1", "2025-07-03", "李四光", "120.611", "30.791"]
    more = [*cells[:places], "多", *cells[places:]] if places < 5 else ["多", *cells]
    fewer = cells[: places - 3] + cells[places - 2 :] if places < 5 else cells[:4]
    receipt = bring(town, tmp_path / "a.csv", more, fewer, headings=headings)
    assert receipt.held_by_reason == {"broken_row": 2}
    assert "李四光" not in str(kept(town))
    assert "7" in str(kept(town))  # the rest is there


def test_rows_swallowed_by_a_quotation_mark_keep_no_names_either(town, tmp_path):
    lines = ["编号,类别,时间,姓名,经度,纬度", '1,"FW1,2025-07-03,张三丰,120.611,30.791']
    lines += ['2,FW1,2025-07-03,李四光,120.611,30.791"', "3,FW1,2025-07-03,王五,120.611,30.791"]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    receipt = import_reports(town, path, now=NOW)
    assert (receipt.accepted, receipt.held_by_reason) == (1, {"broken_row": 1})
    assert not {"张三丰", "李四光", "王五"} & {
        name for name in ("张三丰", "李四光", "王五") if name in str(kept(town))
    }


def test_a_name_in_the_column_of_codes_is_not_kept_with_a_held_row(town, tmp_path):
    headings = ["编号", "类别", "时间", "经度", "纬度", "网格员编号"]
    rows = [["1", "FW1", "2025-07-03", "", "", who] for who in ("张三丰", "W-017")]
    bring(town, tmp_path / "a.csv", *rows, headings=headings)
    assert [each["网格员编号"] for each in kept(town)] == ["", "W-017"]


def test_a_number_cut_in_two_is_masked_in_what_is_at_fault(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(类别="甲" * 70 + PHONE))
    detail = held_rows(town)["detail"][0]
    assert "138" not in detail
    assert detail.endswith("*…")


def test_the_senders_number_survives_in_a_held_row(town, tmp_path):
    """330411 + date + running number has the form of an identity number; masked, all would be one."""
    numbers = ["330411202507030012", "330411202507030013"]
    bring(town, tmp_path / "a.csv", *(row(编号=number, 类别="飞碟") for number in numbers))
    assert [each["编号"] for each in kept(town)] == numbers
    assert answer(town, "category:飞碟", Answer("use", code="FW1"), now=NOW).accepted == 2
    with town.store.read() as connection:
        assert records.read_reports(connection)["source_id"].tolist() == numbers


def test_a_telephone_is_no_place_and_no_category(town, tmp_path):
    """Masked, all telephones are alike: one answer would place the rows of everybody."""
    nowhere = {"经度": "", "纬度": "", "地址": PHONE}
    receipt = bring(
        town,
        tmp_path / "a.csv",
        row(编号="A1", **nowhere),
        row(编号="A2", 类别=PHONE),
        row(编号="A3", 类别="x" + PHONE),
    )
    assert receipt.held_by_reason == {"no_place": 1, "no_category": 1, "unknown_category": 1}
    assert {item.key for item in review_queue(town).items} >= {"held:1", "held:2"}
    assert "138" not in str(held_rows(town).to_dict())


def test_a_telephone_is_neither_name_nor_number_of_a_place(town, tmp_path):
    path = tmp_path / "places.csv"
    table = pd.DataFrame(
        {"编号": [PHONE, "p2"], "名称": [f"张记小店{PHONE}", "李记"], "类型": ["shop", "shop"]}
    )
    table.assign(经度=[120.615, 120.616], 纬度=[30.79, 30.79]).to_csv(path, index=False)
    import_layer(town, "places", path, now=NOW)
    with town.store.read() as connection:
        features = records.read_features(connection, "places")
    assert set(features["name"]) == {f"张记小店{'*' * 11}", "李记"}
    assert "138" not in str(features.to_dict())


def test_a_ledger_that_comes_again_after_the_gazetteer_was_mended_brings_nothing(town, tmp_path):
    def place(lon):
        table = pd.DataFrame(
            {"编号": ["p1"], "名称": ["康泰苑"], "类型": ["estate"], "经度": [lon], "纬度": [30.79]}
        )
        table.to_csv(tmp_path / "places.csv", index=False)
        import_layer(town, "places", tmp_path / "places.csv", now=NOW)

    place(120.615)
    words = ["FW1", "2025-07-03 10:00", "", "", "康泰苑", "三楼飞线"]
    assert bring(town, tmp_path / "a.csv", words, words, headings=HEADINGS[1:]).accepted == 2
    place(120.6152)
    again = bring(town, tmp_path / "b.csv", words, words, row()[1:], headings=HEADINGS[1:])
    assert (again.accepted, again.repeated) == (1, 2)


def test_a_description_in_the_column_of_categories_makes_no_category(tiny_town_files, tmp_path):
    files = tiny_town_files
    town = create_town(
        tmp_path / "open", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    settings = (town.folder / "town.toml").read_bytes()
    receipt = bring(town, tmp_path / "a.csv", row(类别="塍" * 100_000))
    assert receipt.held_by_reason == {"unknown_category": 1}
    assert (town.folder / "town.toml").read_bytes() == settings
    assert len(json.dumps(receipt.as_dict())) < 5_000
    town.close()


def test_numbers_in_names_of_files_and_sheets_are_kept_and_shown_nowhere(town, tmp_path):
    book = openpyxl.Workbook()
    book.active.title = f"老王{PHONE}"
    for sheet in (book.active, book.create_sheet(f"老李{PHONE}"), book.create_sheet(f"说明{PHONE}")):
        rows = [HEADINGS, row(编号=sheet.title[:2]), row(编号=f"{sheet.title[:2]}2", 时间="昨天")]
        for cells in [["空"]] if sheet.title.startswith("说明") else rows:
            sheet.append(cells)
    path = tmp_path / f"网格员{PHONE}.xlsx"
    book.save(path)
    receipt = import_reports(town, path, now=NOW)
    assert (receipt.accepted, receipt.held) == (2, 2)
    again = import_reports(town, path, now=NOW)
    assert again.repeated == 4
    one = openpyxl.Workbook()
    one.active.title = f"老王{PHONE}"
    one.active.append(HEADINGS)
    one.active.append(row(编号="Z", 时间="2025-11-11 11:11"))
    one.save(tmp_path / f"{PHONE}.xlsx")
    single = import_reports(town, tmp_path / f"{PHONE}.xlsx", now=NOW)
    layer = import_layer(
        town, "grids", shutil.copy(town.folder / "grids.geojson", tmp_path / f"{PHONE}.geojson"), now=NOW
    )
    shown = [each.as_dict() for each in (receipt, again, single, layer)]
    shown += [item.values | {"file": item.file, "sheet": item.sheet} for item in review_queue(town).items]
    assert PHONE not in str(shown)
    assert f"网格员{PHONE_MASK}.xlsx" in str(shown)
    assert f"老王{PHONE_MASK}" in str(shown)
    with sqlite3.connect(town.folder / "town.sqlite") as connection:
        assert PHONE not in "\n".join(connection.iterdump())
