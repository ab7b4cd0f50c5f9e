"""Rows whose stated grid is not the one they lie in: one judge at the import and in the review."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from datetime import datetime

import pytest

from pingan_geo.storage import records
from pingan_geo.workflow.answers import Answer, answer, take_back_answer
from pingan_geo.workflow.corrections import list_corrections, list_held
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.review import review_queue
from pingan_geo.workflow.stated_grids import grid_of_place
from pingan_geo.workflow.towns import create_town, open_town

NOW = datetime(2026, 3, 1, 9)
HEADINGS = ["编号", "类别", "时间", "经度", "纬度", "网格", "描述"]
OTHER, HERE = "330411104001001", "330411104002002"


def row(number, grid=OTHER, **changes):
    own = ["FW1", f"2025-07-0{number} 14:05", "120.611", "30.791", grid, f"三楼飞线{number}"]
    return list((dict(zip(HEADINGS, [f"A{number}", *own], strict=True)) | changes).values())


@pytest.fixture
def town(tiny_town_files, tmp_path):
    files = tiny_town_files
    town = create_town(
        tmp_path / "town", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    file = town.folder / "town.toml"
    text = file.read_text(encoding="utf-8").replace("open = true", "open = false")
    assert 'grid_conflict = "point"' in text
    file.write_text(text.replace('grid_conflict = "point"', 'grid_conflict = "hold"'), encoding="utf-8")
    town.close()
    town = open_town(town.folder)
    yield town
    town.close()


def bring(town, path, *rows, headings=HEADINGS):
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([headings, *rows])
    receipt = import_reports(town, path, now=NOW)
    assert receipt.adds_up(), receipt
    return receipt


def stored(town):
    with town.store.read() as connection:
        return records.read_reports(connection).set_index("source_id")


def item_of(town, reason):
    return next(item for item in review_queue(town).items if item.reason == reason)


def receipt_of(town, batch):
    with town.store.read() as connection:
        return json.loads(records.batch_receipt(connection, batch))


@pytest.mark.parametrize(
    ("field", "wrong", "right"), [("时间", "昨天", "2025-07-02 14:05"), ("经度", "", "120.611")]
)
def test_row_that_is_mended_is_judged_as_at_the_import(town, tmp_path, field, wrong, right):
    bring(town, tmp_path / "a.csv", row(1, HERE), row(2, **{field: wrong}))
    key = next(item.key for item in review_queue(town).items if item.kind == "held")
    outcome = answer(town, key, Answer("mend", cells={field: right}), now=NOW)
    assert (outcome.written, outcome.reason) == (False, "grid_conflict")
    assert outcome.detail.startswith(f"{OTHER} ≠ {HERE}, ")
    assert stored(town).index.tolist() == ["A1"]
    outcome = answer(town, key, Answer("mend", cells={field: right}, keep_grid=True), now=NOW)
    assert (outcome.written, outcome.corrected) == (True, 1)
    assert stored(town).loc["A2", ["stated_grid", "grid_id"]].tolist() == [OTHER, HERE]


def test_rows_that_a_spelling_frees_are_judged_one_by_one(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1, HERE, 类别="飞碟"), row(2, 类别="飞碟"))
    outcome = answer(town, "category:飞碟", Answer("use", code="FW1"), now=NOW)
    assert (outcome.accepted, outcome.held, outcome.reason) == (1, 1, "grid_conflict")
    assert stored(town).index.tolist() == ["A1"]
    assert list_held(town)["reason"].tolist() == ["grid_conflict"]
    assert receipt_of(town, 1)["held_by_reason"] == {"grid_conflict": 1}
    take_back_answer(town)
    assert receipt_of(town, 1)["held_by_reason"] == {"unknown_category": 2}


def test_point_in_another_grid_than_the_stated_one_does_not_pass_and_one_in_it_does(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1))
    key = item_of(town, "grid_conflict").key
    outcome = answer(town, key, Answer("mend", lon=120.612, lat=30.792), now=NOW)
    assert (outcome.written, outcome.reason) == (False, "grid_conflict")
    assert answer(town, key, Answer("mend", lon=120.605, lat=30.785), now=NOW).corrected == 1
    assert stored(town).loc["A1", ["stated_grid", "grid_id"]].tolist() == [OTHER, OTHER]


def test_place_is_right_or_both_are(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1), row(2))
    item = item_of(town, "grid_conflict")
    moved, kept = item.candidates
    assert (moved.code, dict(moved.cells), moved.keep_grid) == (HERE, {"网格": HERE}, False)
    assert kept.keep_grid
    answer(town, item.key, Answer("mend", cells=moved.cells), now=NOW)
    other = item_of(town, "grid_conflict")
    outcome = answer(town, other.key, Answer("mend", keep_grid=True), now=NOW)
    assert (outcome.accepted, outcome.corrected) == (1, 0)
    found = stored(town)
    assert found.loc["A1", ["stated_grid", "grid_id"]].tolist() == [HERE, HERE]
    assert found.loc["A2", ["stated_grid", "grid_id"]].tolist() == [OTHER, HERE]
    assert list_corrections(town)["after"].tolist() == [f"网格: {HERE}"]
    assert receipt_of(town, 1)["held"] == 0
    take_back_answer(town)
    assert item_of(town, "grid_conflict").key == other.key
    assert stored(town).index.tolist() == ["A1"]


def test_what_a_person_let_pass_is_not_asked_about_again(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1), row(2))
    for said in (Answer("mend", cells={"网格": HERE}), Answer("mend", keep_grid=True)):
        answer(town, item_of(town, "grid_conflict").key, said, now=NOW)
    again = bring(town, tmp_path / "b.csv", row(1), row(2), row(3))
    assert (again.repeated, again.held_by_reason) == (2, {"grid_conflict": 1})


def test_town_where_the_place_counts_keeps_both_in_the_review_too(town, tmp_path):
    file = town.folder / "town.toml"
    text = file.read_text("utf-8").replace('grid_conflict = "hold"', 'grid_conflict = "point"')
    file.write_text(text, "utf-8")
    with closing(open_town(town.folder)) as lenient:
        bring(lenient, tmp_path / "a.csv", row(1, 类别="飞碟"))
        assert answer(lenient, "category:飞碟", Answer("use", code="FW1"), now=NOW).accepted == 1
        assert stored(lenient).loc["A1", ["stated_grid", "grid_id"]].tolist() == [OTHER, HERE]


@pytest.mark.parametrize(
    ("detail", "grid"),
    [
        ("XC-07-3 ≠ XC-07-5, 722 m", "XC-07-5"),
        ("XC-07-3 ≠ -, 5 m", ""),
        ("XC ≠ 3 ≠ 东, 西, 5 m", "东, 西"),
        ("", None),
        ("XC-07-3", None),
    ],
)
def test_grid_of_the_place_is_read_from_the_detail(detail, grid):
    assert grid_of_place(detail) == grid
