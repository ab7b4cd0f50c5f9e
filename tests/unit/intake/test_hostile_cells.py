"""A cell or a heading that nobody writes by hand must not keep a machine busy for minutes."""

from __future__ import annotations

import pytest

from pingan_geo.errors import MissingColumnsError
from pingan_geo.intake.asides import is_note, is_total
from pingan_geo.intake.columns import map_columns
from pingan_geo.intake.headings import find_heading, is_measured
from pingan_geo.intake.proposals import propose_layout
from pingan_geo.intake.raw import distinct_headings

LONG = 100_000
HOSTILE = ["1" * LONG + "a", "(" * LONG, "（" * LONG, "<" * LONG, "1 " * LONG, "共" + "1" * LONG, ":" * LONG]

pytestmark = pytest.mark.timeout(30)  # each took the square of its length: 20 s to minutes


@pytest.mark.parametrize("cell", HOSTILE, ids=lambda cell: cell[:2])
def test_the_look_of_a_long_cell_is_told_by_its_beginning(cell):
    is_measured(cell)
    assert not is_total([cell, cell])
    assert not is_note([cell])
    heading = find_heading([["时间", "类别", "地点"], [cell, cell, cell], ["1", "2", "3"]])
    assert heading is not None
    assert heading.cells[:1] in {("时间",), (f"时间-{cell}",)}
    assert find_heading([[cell, cell, cell], ["时间", "类别", "地点"]]) is not None


@pytest.mark.parametrize("cell", HOSTILE, ids=lambda cell: cell[:2])
def test_a_long_heading_is_no_field(cell):
    found = map_columns(["时间", "类别", "经度", "纬度", cell], "reports", file="a.csv")
    assert found.unused == (cell,)
    with pytest.raises(MissingColumnsError):
        map_columns([cell, "时间"], "reports", file="a.csv")


def test_ten_thousand_columns_of_one_name_are_told_apart():
    names = distinct_headings(["备注"] * 10_000 + ["备注 (2)"])
    assert len(set(names)) == 10_001
    assert names[:3] == ("备注", "备注 (2)", "备注 (3)")
    assert names[9_999] == "备注 (10000)"
    assert names[-1] == "备注 (2) (2)"


def test_a_table_of_many_columns_is_proposed_without_waiting_for_minutes(tmp_path):
    path = tmp_path / "wide.csv"
    names = ["时间", "类别", "经度", "纬度", *(f"第{number}列" for number in range(5_000))]
    row = ["2025-01-01 10:00", "FW1", "120.611", "30.791", *["13812345678"] * 5_000]
    path.write_text("\n".join(map(",".join, [names, *[row] * 20])), encoding="utf-8")
    proposed = propose_layout(path)
    assert (proposed.rows, len(proposed.columns), proposed.problem) == (20, 5_004, None)
    assert {column.samples for column in proposed.columns[4:]} == {("*" * 11,)}
    assert {row.cells[-1] for row in proposed.preview[1:]} == {"*" * 11}
