"""A messy ledger gives the rows of the clean one: titles, two-row headings, totals, blanks, months as sheets."""

from __future__ import annotations

import openpyxl
import pytest

from pingan_geo.intake.asides import is_note, is_total
from pingan_geo.intake.columns import map_columns
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.headings import find_heading

CLEAN_HEADINGS = ["序号", "位置-经度", "位置-纬度", "时间", "隐患类型", "描述"]
ROWS = [
    [1, 120.6101, 30.8011, "2025-07-03 14:05", "私拉电线", "车棚飞线"],
    [2, 120.6102, 30.8012, "2025-07-04 08:30", "道路破损", ""],
    [3, 120.6103, 30.8013, "2025-07-05 19:45", "私拉电线", "合计两处"],
    [4, 120.6104, 30.8014, "2025-07-06 09:00", "井盖缺失", "注：已告知"],
]


def cells_of(path, **how):
    """Every row as text without its number, by heading."""
    return [
        dict(zip(chunk.rows.columns, cells, strict=True))
        for chunk in read_rows(open_table(path, **how))
        for cells in chunk.rows.itertuples(index=False)
    ]


def skipped_of(path):
    return [
        (chunk.sheet, *each)
        for chunk in read_rows(open_table(path))
        for each in zip(chunk.skipped, chunk.skipped_as, strict=True)
    ]


def clean(path):
    book = openpyxl.Workbook()
    for row in [CLEAN_HEADINGS, *ROWS]:
        book.active.append(row)
    book.save(path)
    return path


def messy(sheet, *, title_rows=1):
    """A printed ledger: merged title, two heading rows, blank columns, repeated headings, totals, notes."""
    sheet["B1"] = "新塍镇隐患排查台账（2025年7月）"
    sheet.merge_cells("B1:I1")
    if title_rows == 2:
        sheet["B2"], sheet["G2"] = "填报单位：综治办", "日期：2025年8月1日"
    top = title_rows + 1

    def heading(row):
        for column, text in zip("BCFGI", ["序号", "位置", "时间", "隐患类型", "描述"], strict=True):
            sheet[f"{column}{row}"] = text
        sheet[f"C{row + 1}"], sheet[f"D{row + 1}"] = "经度", "纬度"
        sheet.merge_cells(f"C{row}:D{row}")
        for column in "BFGI":
            sheet.merge_cells(f"{column}{row}:{column}{row + 1}")

    def data(row, cells):
        for column, cell in zip("BCDFGI", cells, strict=True):
            sheet[f"{column}{row}"] = cell

    heading(top)
    data(top + 2, ROWS[0])
    data(top + 3, ROWS[1])
    sheet[f"B{top + 4}"], sheet[f"G{top + 4}"] = "小 计", 2
    heading(top + 5)
    data(top + 7, ROWS[2])
    data(top + 9, ROWS[3])
    sheet[f"B{top + 10}"], sheet[f"G{top + 10}"] = "合　计", "4件"
    sheet[f"B{top + 11}"], sheet[f"F{top + 11}"] = "制表人：甲", "审核人：乙"
    return sheet


# -- not put aside -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cells",
    [
        ["合计", "", "2025-07-03", "飞线"],
        ["小计", "飞线", "3"],  # words of its own
        ["合计", "120.6101", "30.8011"],
        ["总计划", "5"],
        ["小计量器厂", "120.61", "30.8"],
        ["小计", "13812345678"],
        ["会计", "5"],
        ["5", "6"],
        ["", ""],
        ["A1", "飞线", "合计", "7"],
    ],
)
def test_row_that_may_be_a_report_is_no_total(cells):
    assert not is_total(cells)


@pytest.mark.parametrize(
    "cells",
    [
        ["备注：楼道", "120.6101", "30.8011"],
        ["说明：无", "飞线"],
        ["注意", "x"],
        ["制表", "3"],
        ["", ""],
        ["1", "备注：好"],
    ],
)
def test_row_that_may_be_a_report_is_no_note(cells):
    assert not is_note(cells)


@pytest.mark.parametrize(
    "records",
    [
        [["编号", "地点", "内容"], ["", "新塍镇", "北街"], ["2", "洛东路", "x"]],
        [["名称", "", "地点"], ["甲", "乙", "丙"], ["丁", "戊", "己"]],
        [["编号", "时间"], ["A1", "2025-07-03"], ["A2", "2025-07-04"]],
        [["a", "", "c"], ["x", "5", "z"], ["x", "6", "z"]],
    ],
)
def test_first_row_of_data_is_no_second_row_of_the_heading(records):
    heading = find_heading(records)
    assert (heading.first, heading.last) == (0, 0)


# -- headings ----------------------------------------------------------------------------------------


def test_nothing_has_no_heading():
    assert find_heading([]) is None
    assert find_heading([["", " "], []]) is None


@pytest.mark.parametrize(
    ("records", "cells", "rows"),
    [
        ([["台账", "", ""], ["编号", "时间", "地点"], ["1", "2", "3"]], ("编号", "时间", "地点"), (1, 1)),
        (
            [["序号", "位置", "", "时间"], ["", "经度", "纬度", ""], ["1", "120.61", "30.8", "7月3日"]],
            ("序号", "位置-经度", "位置-纬度", "时间"),
            (0, 1),
        ),
        (
            [
                ["基本情况", "", "位置", ""],
                ["编号", "时间", "经度", "纬度"],
                ["1", "7月3日", "120.61", "30.8"],
            ],
            ("基本情况-编号", "基本情况-时间", "位置-经度", "位置-纬度"),
            (0, 1),
        ),
        (
            [
                ["位置", "", "时间", ""],
                ["经度", "纬度", "日期", "时刻"],
                ["120.61", "30.8", "2025-07-03", "14:05"],
            ],
            ("位置-经度", "位置-纬度", "时间-日期", "时间-时刻"),
            (0, 1),
        ),
        (
            [["序号", "位置", "", "备注"], ["序号", "经度", "纬度", "备注"], ["1", "120.61", "30.8", "x"]],
            ("序号", "位置-经度", "位置-纬度", "备注"),
            (0, 1),
        ),
        (
            [["单位：综治办", "", "日期：2025-08-01"], ["编号", "时间", "地点"], ["1", "7月3日", "北街"]],
            ("编号", "时间", "地点"),
            (1, 1),
        ),
        (
            [["编号", "时间", "长度"], ["", "（年月日）", "（米）"], ["1", "2025-07-03", "5"]],
            ("编号", "时间", "长度"),
            (0, 0),  # a row of units alone is not known to be one
        ),
        ([["", "编号", "", "时间"], ["", "1", "", "2"]], ("", "编号", "", "时间"), (0, 0)),
    ],
)
def test_headings_are_found_and_joined(records, cells, rows):
    heading = find_heading(records)
    assert (heading.cells, (heading.first, heading.last)) == (cells, rows)


def test_where_cells_are_merged_blanks_do_not_spread_a_cell():
    records = [["编号", "", "位置", ""], ["号", "备注", "经度", "纬度"], ["1", "x", "120.61", "30.8"]]
    merges = [((0, 2), (0, 3))]
    assert find_heading(records, merges).cells == ("编号-号", "备注", "位置-经度", "位置-纬度")


def test_three_rows_of_merged_headings_are_joined(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [
        ["隐患台账", None, None, None],
        ["编号", "情况", None, None],
        [None, "位置", None, "时间"],
        [None, "经度", "纬度", None],
        ["1", 120.61, 30.8, "2025-07-03"],
    ]:
        sheet.append(row)
    for cells in ("A1:D1", "A2:A4", "B2:D2", "B3:C3", "D3:D4"):
        sheet.merge_cells(cells)
    book.save(tmp_path / "a.xlsx")
    table = open_table(tmp_path / "a.xlsx")
    assert table.headings == ("编号", "情况-位置-经度", "情况-位置-纬度", "情况-时间")
    assert (table.title_rows, table.heading_rows, table.heading_row) == ((1,), (2, 3, 4), 4)


def test_fields_are_found_in_joined_headings():
    columns = map_columns(CLEAN_HEADINGS, "reports", file="a.xlsx")
    assert columns.fields["lon"] == "位置-经度"
    assert columns.fields["lat"] == "位置-纬度"


# -- a messy ledger is the clean one -----------------------------------------------------------------


@pytest.mark.parametrize("title_rows", [1, 2])
def test_messy_workbook_gives_the_rows_of_the_clean_one(tmp_path, title_rows):
    book = openpyxl.Workbook()
    messy(book.active, title_rows=title_rows)
    book.save(tmp_path / "messy.xlsx")
    found = cells_of(tmp_path / "messy.xlsx")
    assert found == cells_of(clean(tmp_path / "clean.xlsx"))
    assert len(found) == len(ROWS)
    table = open_table(tmp_path / "messy.xlsx")
    top = title_rows + 1
    assert table.heading_rows == (top, top + 1)
    assert table.title_rows == tuple(range(1, top))
    assert table.blank_columns == (5, 8)
    assert skipped_of(tmp_path / "messy.xlsx") == [
        ("", top + 4, "total"),
        ("", top + 5, "heading"),
        ("", top + 6, "heading"),
        ("", top + 10, "total"),
        ("", top + 11, "note"),
    ]
    assert sum(chunk.blank for chunk in read_rows(table)) == 1


def test_messy_text_gives_the_rows_of_the_clean_one(tmp_path):
    lines = [
        ["隐患排查台账", "", "", "", "", "", ""],
        ["序号", "位置", "", "", "时间", "隐患类型", "描述"],
        ["", "经度", "纬度", "", "", "", ""],
        *([*map(str, row[:3]), "", *row[3:]] for row in ROWS),
        ["合计", "", "", "", "", "4", ""],
        ["制表人：甲"],
    ]
    path = tmp_path / "messy.csv"
    path.write_text("\n".join(",".join(line) for line in lines), encoding="gb18030")
    assert cells_of(path) == cells_of(clean(tmp_path / "clean.xlsx"))
    assert skipped_of(path) == [("", 8, "total"), ("", 9, "note")]
    assert open_table(path).blank_columns == (4,)


def test_column_without_heading_that_says_something_stays(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("编号,,,地点\n1,,,x\n2,,y,z\n", encoding="utf-8")
    table = open_table(path)
    assert (table.headings, table.blank_columns) == (("编号", "#3", "地点"), (2,))
    assert cells_of(path)[1] == {"编号": "2", "#3": "y", "地点": "z"}


def test_broken_row_beside_a_blank_column_keeps_its_cells_under_their_headings(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("编号,,地点\n1,,x\n2,,y,z\n", encoding="utf-8")
    broken = [text for chunk in read_rows(open_table(path)) for text in chunk.broken["values"]]
    assert broken == ['{"编号": "2", "#2": "", "地点": "y", "+1": "z"}']


def test_old_workbook_tells_its_merged_cells_too(tmp_path, made_files):
    rows = [["台账", "", ""], ["序号", "位置", ""], ["", "经度", "纬度"], [1, 120.61, 30.8], ["合计", 1, ""]]
    path = tmp_path / "a.et"
    path.write_bytes(made_files.xls(rows, merges=[(0, 0, 0, 2), (1, 0, 2, 0), (1, 1, 1, 2)]))
    assert cells_of(path) == [{"序号": "1", "位置-经度": "120.61", "位置-纬度": "30.8"}]
    assert skipped_of(path) == [("", 5, "total")]


# -- sheets ------------------------------------------------------------------------------------------


@pytest.fixture
def months(tmp_path):
    """A cover, twelve months of which every third has another order of columns, a sheet with other headings."""
    book = openpyxl.Workbook()
    book.active.title = "封面"
    book.active.append(["2025年台账"])
    summary = book.create_sheet("汇总")
    summary.append(["类别", "数量"])
    summary.append(["飞线", 24])
    for month in range(1, 13):
        sheet = book.create_sheet(f"{month}月")
        order = [3, 2, 1, 0] if month % 3 == 0 else [0, 1, 2, 3]
        for _ in range(month % 2):
            sheet.append([f"{month}月隐患", None, None, None])
        for row in [
            ["类别", "时间", "经度", "纬度"],
            *(["飞线", f"2025-{month:02}-0{n}", 120.61, 30.8] for n in (1, 2)),
        ]:
            sheet.append([row[place] for place in order])
        sheet.append(["合计"])
    book.create_sheet("隐藏").append(["类别", "时间", "经度", "纬度"])
    book["隐藏"].sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


def test_months_as_sheets_are_read_as_one(months):
    table = open_table(months, kind="reports")
    assert table.sheets == tuple(f"{month}月" for month in range(1, 13))
    assert table.other_sheets == ("封面", "汇总")
    chunks = list(read_rows(table))
    assert [chunk.sheet for chunk in chunks] == list(table.sheets)
    assert [len(chunk.rows) for chunk in chunks] == [2] * 12
    assert all(chunk.skipped_as == ("total",) for chunk in chunks)
    assert [chunk.rows["时间"].iloc[1] for chunk in chunks] == [
        f"2025-{month:02}-02" for month in range(1, 13)
    ]
    assert {name for chunk in chunks for name in chunk.rows["类别"]} == {"飞线"}
    assert chunks[0].rows.index.tolist() == [3, 4]
    assert [chunk.done for chunk in chunks] == sorted(chunk.done for chunk in chunks)
    assert chunks[-1].done == table.total


def test_sum_of_sheets_is_that_of_each(months):
    """Read apart, the months hold the rows that they hold together."""
    whole = sum(len(chunk.rows) for chunk in read_rows(open_table(months, kind="reports")))
    book = openpyxl.load_workbook(months)
    apart = sum(
        sum(1 for row in sheet.iter_rows(values_only=True) if any("飞线" in str(cell) for cell in row))
        for sheet in book
        if sheet.title.endswith("月")
    )
    assert whole == apart == 24


def test_rows_of_one_sheet_do_not_name_it(tmp_path):
    assert {chunk.sheet for chunk in read_rows(open_table(clean(tmp_path / "a.xlsx")))} == {""}
