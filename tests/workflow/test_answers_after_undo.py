"""An answer taken back after its import was: what came in since is not touched, whatever number it bears."""

from __future__ import annotations

import csv
import sqlite3
from datetime import datetime

import pytest

from pingan_geo.errors import ReviewItemError
from pingan_geo.storage import records
from pingan_geo.workflow.answers import Answer, answer, take_back_answer
from pingan_geo.workflow.held import dismiss_rows, held_rows
from pingan_geo.workflow.import_layers import undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 3, 1, 9)
HEADINGS = ["编号", "类别", "时间", "经度", "纬度", "地址", "描述"]
GOOD = ["A1", "FW1", "2025-07-03 14:05", "120.611", "30.791", "北街", "三楼飞线"]


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


def bring(town, path, **cells):
    row = dict(zip(HEADINGS, GOOD, strict=True)) | cells
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([HEADINGS, list(row.values())])
    receipt = import_reports(town, path, now=NOW)
    assert receipt.adds_up(), receipt
    return receipt


def count(town, table):
    with sqlite3.connect(town.folder / "town.sqlite") as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


@pytest.mark.parametrize(
    "key", ["held:²", "date:²", "duplicate:²-²", "held:" + "9" * 5000, "duplicate:1-", "held:-1"]
)
def test_a_key_that_is_no_number_is_refused(town, key):
    with pytest.raises(ReviewItemError):
        answer(town, key, Answer("merge" if key[:2] == "du" else "dismiss"), now=NOW)


def test_the_same_report_of_the_next_import_stays(town, tmp_path):
    bring(town, tmp_path / "a.csv", 类别="飞碟")
    answer(town, "category:飞碟", Answer("use", code="FW1"), now=NOW)
    undo_import(town, 1, NOW)
    again = bring(town, tmp_path / "a.csv", 类别="飞碟")
    assert again.accepted == 1  # the answer is remembered, and the report has the number that it had
    back = take_back_answer(town)
    assert (back.accepted, back.repeated, back.alias) == (0, 0, True)
    with town.store.read() as connection:
        assert records.read_reports(connection)["batch_id"].tolist() == [again.batch_id]


def test_corrections_of_the_next_import_stay(town, tmp_path):
    bring(town, tmp_path / "a.csv", 经度="")
    answer(town, "held:1", Answer("mend", cells={"经度": "120.611"}), now=NOW)
    undo_import(town, 1, NOW)
    assert bring(town, tmp_path / "b.csv", 编号="A2", 经度="30.791", 纬度="120.611").corrected == 1
    take_back_answer(town)
    assert count(town, "correction") == 1


def test_held_rows_of_the_next_import_stay_as_they_are(town, tmp_path):
    bring(town, tmp_path / "a.csv", 经度="")
    answer(town, "held:1", Answer("dismiss"), now=NOW)
    undo_import(town, 1, NOW)
    bring(town, tmp_path / "b.csv", 编号="A2", 经度="")
    assert held_rows(town)["held_id"].tolist() == [1]  # given again
    dismiss_rows(town, [1], now=NOW)
    assert take_back_answer(town).dismissed == 0
    assert held_rows(town).empty


def test_answers_of_imports_that_stand_are_taken_back_as_a_whole(town, tmp_path):
    bring(town, tmp_path / "a.csv", 类别="飞碟")
    bring(town, tmp_path / "b.csv", 编号="A2", 类别="飞碟")
    answer(town, "category:飞碟", Answer("use", code="FW1"), now=NOW)
    undo_import(town, 1, NOW)
    back = take_back_answer(town)
    assert (back.accepted, count(town, "report")) == (1, 0)
    assert held_rows(town)["batch_id"].tolist() == [2]


def test_a_place_with_a_masked_number_is_answered_and_not_remembered(town, tmp_path):
    """The next person's telephone would look the same."""
    nowhere = {"经度": "", "纬度": ""}
    bring(town, tmp_path / "a.csv", 地址="电话13812345678", **nowhere)
    said = Answer("use", name="北街", lon=120.611, lat=30.791)
    done = answer(town, f"place:电话{'*' * 11}", said, now=NOW)
    assert (done.accepted, done.alias, count(town, "alias")) == (1, False, 0)
    later = bring(town, tmp_path / "b.csv", 编号="A2", 地址="电话13987654321", **nowhere)
    assert later.held_by_reason == {"unknown_place": 1}
    assert take_back_answer(town).accepted == 1
