"""A layout is proposed with all that a person needs, confirmed once, and finds its headings in later files."""

from __future__ import annotations

import json

import openpyxl
import pytest

from pingan_geo.errors import (
    AmbiguousColumnsError,
    EmptyFileError,
    LayoutFileError,
    LayoutMismatchError,
    MissingColumnsError,
    SheetMissingError,
)
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.intake.proposals import propose_layout, with_heading

LAYOUT = LedgerLayout(
    name="综治台账",
    headings=("编号", "位置-经度", "位置-纬度", "时间", "类别"),
    sheets=("7月",),
    title_rows=(1,),
    heading_rows=(2, 3),
    fields={"lon": "位置-经度", "lat": "位置-纬度", "time": "时间", "category": "类别"},
    datum="gcj02",
    year=2025,
    swapped=True,
)


def ledger(path, *, titles=1, sheets=("7月",), drop=(), names=("编号", "位置", None, "时间", "类别")):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in sheets:
        sheet = book.create_sheet(name)
        for number in range(titles):
            sheet.append([f"标题{number}"])
            sheet.merge_cells(start_row=number + 1, start_column=1, end_row=number + 1, end_column=5)
        sheet.append([None if text in drop else text for text in names])
        sheet.append([None, "经度", "纬度"])
        sheet.append(["A1", 120.61, 30.8, "2025-07-03", "飞线"])
        sheet.append(["A2", 120.62, 30.8, "2025-07-04", "飞线"])
        sheet.append(["合计", 2])
    book.save(path)
    return path


def rows_of(table):
    return [tuple(row) for chunk in read_rows(table) for row in chunk.rows.itertuples(index=False)]


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"version": 2}, "version"),
        ({"unheard": 1}, "unheard"),
        ({"year": "2025"}, "year"),
        ({"year": True}, "year"),
        ({"headings": "编号"}, "headings"),
        ({"headings": [1]}, "headings"),
        ({"heading_rows": ["2"]}, "heading_rows"),
        ({"fields": {"lon": 1}}, "fields"),
        ({"swapped": 1}, "swapped"),
    ],
)
def test_saved_layout_with_anything_unknown_is_refused(changed, named):
    content = json.loads(LAYOUT.to_json()) | changed
    with pytest.raises(LayoutFileError, match=named):
        LedgerLayout.from_json(json.dumps(content))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "{}"])
def test_what_is_no_layout_is_refused(text):
    with pytest.raises(LayoutFileError):
        LedgerLayout.from_json(text)


def test_file_without_the_headings_of_the_layout_is_refused_by_name(tmp_path):
    path = ledger(tmp_path / "a.xlsx", drop=("时间",))
    with pytest.raises(LayoutMismatchError) as caught:
        open_table(path, layout=LAYOUT)
    assert caught.value.values["headings"] == ["时间"]
    assert "综治台账" in str(caught.value)
    (tmp_path / "b.csv").write_text("编号,经度\n1,2\n", encoding="utf-8")
    with pytest.raises(LayoutMismatchError):
        open_table(tmp_path / "b.csv", layout=LAYOUT)
    (tmp_path / "c.json").write_text('[{"时间": 1, "类别": 2}]', encoding="utf-8")
    with pytest.raises(LayoutMismatchError) as caught:
        open_table(tmp_path / "c.json", layout=LAYOUT)
    assert caught.value.values["headings"] == ["位置-经度", "位置-纬度"]


def test_sheet_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(SheetMissingError) as caught:
        open_table(ledger(tmp_path / "a.xlsx", sheets=("8月",)), layout=LAYOUT)
    assert caught.value.values == {"file": "a.xlsx", "sheets": ["7月"], "known": ["8月"]}


def test_stated_sheet_with_other_headings_is_refused(tmp_path):
    path = ledger(tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(path)
    book.create_sheet("汇总").append(["类别", "数量"])
    book.save(path)
    layout = LedgerLayout(name="x", sheets=("7月", "汇总"), fields=LAYOUT.fields)
    with pytest.raises(LayoutMismatchError):
        open_table(path, layout=layout)


# -- kept and found again ----------------------------------------------------------------------------


def test_layout_survives_being_saved():
    again = LedgerLayout.from_json(LAYOUT.to_json())
    assert again == LAYOUT
    assert again.to_json() == LAYOUT.to_json()
    assert LedgerLayout.from_json(LedgerLayout().to_json()) == LedgerLayout()


@pytest.mark.parametrize("titles", [0, 1, 3])
def test_headings_are_found_wherever_they_stand_next_month(tmp_path, titles):
    table = open_table(ledger(tmp_path / "a.xlsx", titles=titles), layout=LAYOUT)
    assert table.heading_rows == (titles + 1, titles + 2)
    assert table.layout == "综治台账"
    assert table.fields == LAYOUT.fields
    assert len(rows_of(table)) == 2


def test_fields_follow_headings_that_are_spelt_with_other_blanks_and_brackets(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "编 号,位置（经度）,位置 纬度,时间：,类别\n1,120.61,30.8,2025-07-03,飞线\n", encoding="utf-8"
    )
    table = open_table(path, layout=LAYOUT)
    assert table.fields == {"lon": "位置（经度）", "lat": "位置 纬度", "time": "时间：", "category": "类别"}


def test_stated_sheets_are_read_and_no_others(tmp_path):
    path = ledger(tmp_path / "a.xlsx", sheets=("6月", "7月", "8月"))
    assert open_table(path).sheets == ("6月", "7月", "8月")
    table = open_table(path, layout=LAYOUT)
    assert (table.sheets, table.other_sheets) == (("7月",), ("6月", "8月"))
    assert len(rows_of(table)) == 2


# -- proposed ----------------------------------------------------------------------------------------


def test_proposal_shows_what_was_understood(tmp_path):
    path = ledger(tmp_path / "a.xlsx", sheets=("6月", "7月"))
    book = openpyxl.load_workbook(path)
    book.create_sheet("汇总").append(["类别", "数量"])
    book.save(path)
    proposed = propose_layout(path)
    assert proposed.layout.fields == LAYOUT.fields | {"source_id": "编号"}
    assert proposed.layout.headings == LAYOUT.headings
    assert (proposed.layout.title_rows, proposed.layout.heading_rows) == ((1,), (2, 3))
    assert [(sheet.name, sheet.rows, sheet.is_read) for sheet in proposed.sheets] == [
        ("6月", 2, True),
        ("7月", 2, True),
        ("汇总", 0, False),
    ]
    assert [(row.number, row.role) for row in proposed.preview] == [
        (1, "title"),
        (2, "heading"),
        (3, "heading"),
        (4, "row"),
        (5, "row"),
        (6, "total"),
    ]
    assert proposed.preview[3].cells == ("A1", "120.61", "30.8", "2025-07-03", "飞线")
    assert proposed.columns[1].samples == ("120.61", "120.62")
    assert proposed.columns[1].field == "lon"
    assert proposed.put_aside == (("6月", 6, "total"), ("7月", 6, "total"))
    assert (proposed.rows, proposed.problem) == (4, None)
    table = open_table(path, layout=proposed.layout)
    assert table.headings == proposed.layout.headings
    assert len(rows_of(table)) == proposed.rows


def test_proposal_blanks_persons(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "编号,经度,纬度,时间,类别,报案人,描述\n"
        "1,120.61,30.8,2025-07-03,飞线,王甲乙,电话13812345678\n"
        "制表人：王甲乙,,,,,,\n",
        encoding="utf-8",
    )
    proposed = propose_layout(path)
    assert "王甲乙" not in repr(proposed)
    assert "13812345678" not in repr(proposed)
    column = next(column for column in proposed.columns if column.heading == "报案人")
    assert (column.personal, column.samples) == (True, ())


def test_proposal_shows_both_of_two_columns_with_one_heading_and_says_what_is_blank(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("备注,经度,纬度,,时间,类别,备注\nx,1,2,,3,4,y\n", encoding="utf-8")
    proposed = propose_layout(path)
    assert [(c.heading, c.samples, c.same_as) for c in proposed.columns if "备注" in c.heading] == [
        ("备注", ("x",), ""),
        ("备注 (2)", ("y",), "备注"),
    ]
    assert proposed.blank_columns == (4,)


def test_proposal_of_a_file_that_lacks_a_field_maps_the_others(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("上报时间,经度,内容\n2025-07-03,120.61,x\n", encoding="utf-8")
    proposed = propose_layout(path)
    assert isinstance(proposed.problem, MissingColumnsError)
    assert proposed.layout.fields == {"time": "上报时间", "lon": "经度", "description": "内容"}


def test_proposal_of_a_file_with_two_columns_for_a_field_leaves_that_open(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("时间,经度,纬度,隐患类型,问题类型\n2025-07-03,120.61,30.8,x,y\n", encoding="utf-8")
    proposed = propose_layout(path)
    assert isinstance(proposed.problem, AmbiguousColumnsError)
    assert proposed.layout.fields == {"time": "时间", "lon": "经度", "lat": "纬度"}


def test_heading_can_be_moved(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("甲,乙,丙\n编号,经度,纬度\n1,120.61,30.8\n", encoding="utf-8")
    proposed = propose_layout(path)
    assert proposed.layout.heading_rows == (1,)
    moved = with_heading(proposed, first_row=2)
    assert moved.layout.headings == ("编号", "经度", "纬度")
    assert moved.layout.fields["lon"] == "经度"
    assert moved.rows == 1
    assert [row.role for row in moved.preview] == ["title", "heading", "row"]
    assert open_table(path, layout=moved.layout).heading_row == 2
    joined = with_heading(proposed, first_row=1, last_row=2)
    assert joined.layout.headings == ("甲-编号", "乙-经度", "丙-纬度")
    assert rows_of(open_table(path, layout=joined.layout)) == [("1", "120.61", "30.8")]
    with pytest.raises(EmptyFileError):
        with_heading(proposed, first_row=9)


def test_other_sheet_can_be_chosen(tmp_path):
    path = ledger(tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book.create_sheet("其他")
    sheet.append(["编号", "lon", "lat"])
    sheet.append([1, 2, 3])
    book.save(path)
    chosen = with_heading(propose_layout(path), "其他")
    assert chosen.layout.headings == ("编号", "lon", "lat")
    assert open_table(path, layout=chosen.layout).sheets == ("其他",)
    with pytest.raises(SheetMissingError):
        with_heading(propose_layout(path), "无")


def test_layers_and_lists_have_proposals_too(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(
        '[{"long": 120.61, "lat": 30.8, "service_name": "飞线", "phone": "13812345678"}]', "utf-8"
    )
    proposed = propose_layout(path)
    assert proposed.family == "json"
    assert proposed.preview[0].cells == ("120.61", "30.8", "飞线", "***")
    assert proposed.layout.fields["lon"] == "long"
