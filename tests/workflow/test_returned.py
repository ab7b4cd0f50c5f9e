"""Held rows come in again, mended: both receipts add up, no row waits twice, and it can be taken back."""

from __future__ import annotations

import csv
import json
import sqlite3
from datetime import datetime

import numpy as np
import openpyxl
import pandas as pd
import pytest

from pingan_geo.errors import MixedHeldRowsError
from pingan_geo.storage.records import batch_receipt, read_reports
from pingan_geo.workflow.answers import Answer, answer, take_back_answer
from pingan_geo.workflow.held import dismiss_rows, export_held, held_rows
from pingan_geo.workflow.import_layers import import_layer, undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.review import review_queue
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 3, 1, 9)
HEADINGS = ["编号", "类别", "时间", "经度", "纬度", "描述"]
GOOD = ["A1", "FW1", "2025-07-03 14:05", "120.611", "30.791", "飞线"]


@pytest.fixture
def town(tiny_town_files, tmp_path):
    town = create_town(tmp_path / "town", area=tiny_town_files / "area.geojson", name="小镇")
    file = town.folder / "town.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("open = true", "open = false"), encoding="utf-8")
    yield town
    town.close()


def row(number, **changes):
    own = {"编号": f"A{number}", "时间": f"2025-{number % 12 + 1:02d}-03 14:05"}
    return list((dict(zip(HEADINGS, GOOD, strict=True)) | own | changes).values())


def bring(town, path, *rows, headings=HEADINGS, **how):
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([headings, *rows])
    receipt = import_reports(town, path, now=NOW, **how)
    assert receipt.adds_up(), receipt
    return receipt


def sent_back(town, path, **how):
    """The file of held rows as the sender sees it."""
    export_held(town, path, **how)
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def bring_back(town, path, table, **how):
    table.to_csv(path, index=False)
    receipt = import_reports(town, path, now=NOW, **how)
    assert receipt.adds_up(), receipt
    return receipt


def dump(town):
    """Every row of the town but the note of an import that was taken back, and its settings."""
    with sqlite3.connect(town.folder / "town.sqlite") as connection:
        names = [
            found[0] for found in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        tables = {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in names
            if name not in {"meta", "sqlite_sequence"}
        }
        tables["batch"] = connection.execute("SELECT * FROM batch WHERE undone_at IS NULL").fetchall()
    return tables, (town.folder / "town.toml").read_bytes()


def numbers_of(town, batch):
    """accepted, corrected, held, repeated of the receipt as it is now."""
    with town.store.read() as connection:
        receipt = json.loads(batch_receipt(connection, batch))
    assert (
        receipt["held"]
        == sum(receipt["held_by_reason"].values())
        == len(held_rows(town, batch, dismissed=True))
    )
    names = ("accepted", "corrected", "held", "repeated")
    assert receipt["read"] == sum(receipt[name] for name in names) + receipt["merged"]
    return tuple(receipt[name] for name in names)


def stored(town):
    with town.store.read() as connection:
        return read_reports(connection).set_index("source_id")


def notes(receipt):
    return [msgid for msgid, _ in receipt.notes]


# -- refused, and passed over ------------------------------------------------------------------------


def test_rows_of_imports_that_were_read_differently_are_refused(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1, 类别="飞碟"))
    bring(town, tmp_path / "b.csv", row(2, 类别="飞碟"), datum="gcj02")
    table = sent_back(town, tmp_path / "held.csv")
    before = dump(town)
    with pytest.raises(MixedHeldRowsError, match=r"gcj02.*one import at a time"):
        bring_back(town, tmp_path / "mended.csv", table.assign(类别="FW1"))
    assert dump(town) == before
    one = sent_back(town, tmp_path / "held.csv", batch=2)
    assert bring_back(town, tmp_path / "mended.csv", one.assign(类别="FW1")).accepted == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda number: number.split("-")[0],  # without its letters
        lambda number: f"{int(number.split('-')[0]) + 1}-{number.split('-')[1]}",  # a cell dragged down
        lambda _: "999999-bcdf",
        lambda _: "见附件",
        lambda _: "9" * 400 + "-bcdf",
    ],
)
def test_number_that_is_none_is_passed_over_and_said(town, tmp_path, spoil):
    bring(town, tmp_path / "a.csv", row(1, 类别="飞碟"), row(2, 类别="飞碟"), row(3))
    table = sent_back(town, tmp_path / "held.csv")[:1]
    mended = table.assign(类别="FW1", 待核号=table["待核号"].map(spoil))
    receipt = bring_back(town, tmp_path / "mended.csv", mended)
    assert (receipt.accepted, receipt.held) == (1, 0)
    assert (
        "{count} held numbers are not of rows that wait here; these rows were read as any others."
        in notes(receipt)
    )
    assert len(held_rows(town, 1)) == 2
    assert numbers_of(town, 1) == (1, 0, 2, 0)


def test_number_of_an_import_taken_back_is_not_mistaken_for_another(town, tmp_path):
    """The database gives the number of a deleted row to another one."""
    bring(town, tmp_path / "a.csv", row(1, 类别="飞碟"))
    old = sent_back(town, tmp_path / "held.csv")
    undo_import(town, 1, NOW)
    bring(town, tmp_path / "b.csv", row(2, 经度=""))
    assert held_rows(town)["held_id"].tolist() == [1]
    assert bring_back(town, tmp_path / "mended.csv", old.assign(类别="FW1")).accepted == 1
    assert len(held_rows(town)) == 1


def test_number_of_a_row_of_another_kind_is_passed_over(town, tmp_path):
    (tmp_path / "p.csv").write_text("编号,名称,经度,纬度\nP1,秀水岗,,30.79\n", encoding="utf-8")
    assert import_layer(town, "posts", tmp_path / "p.csv", now=NOW).held == 1
    from pingan_geo.workflow.returned import held_numbers

    number = held_numbers(held_rows(town))[0]
    assert "待核号" not in sent_back(town, tmp_path / "held.csv").columns
    bring(town, tmp_path / "a.csv", [*row(1), number], headings=[*HEADINGS, "待核号"])
    assert len(held_rows(town)) == 1


def test_without_the_column_of_numbers_rows_are_as_any_others(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1, 类别="飞碟"), row(2))
    table = sent_back(town, tmp_path / "held.csv").drop(columns="待核号")
    assert bring_back(town, tmp_path / "mended.csv", table.assign(类别="FW1")).accepted == 1
    assert numbers_of(town, 1) == (1, 0, 1, 0)
    assert answer(town, "category:飞碟", Answer("use", code="FW1"), now=NOW).repeated == 1
    assert numbers_of(town, 1) == (1, 0, 0, 1)


# -- mended ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_mended_rows_wait_no_longer_and_both_receipts_add_up(town, tmp_path, ending):
    bring(town, tmp_path / "a.csv", row(1), row(2, 经度=""), row(3, 类别="飞碟"), row(4, 时间="昨天"))
    before = dump(town)
    export_held(town, tmp_path / f"held.{ending}")
    mended = tmp_path / f"mended.{ending}"
    if ending == "xlsx":
        book = openpyxl.load_workbook(tmp_path / "held.xlsx")
        sheet = book.worksheets[0]
        assert [cell.value for cell in sheet[1]] == [*HEADINGS, "原因", "待核号"]
        sheet["D2"], sheet["B3"] = 120.611, "FW1"  # the third stays as it is
        book.save(mended)
    else:
        table = sent_back(town, tmp_path / "held.csv")
        table.loc[0, "经度"], table.loc[1, "类别"] = "120.611", "FW1"
        table.to_csv(mended, index=False)
    receipt = import_reports(town, mended, now=NOW)
    assert (receipt.read, receipt.accepted, receipt.held, receipt.repeated) == (3, 2, 1, 0)
    assert numbers_of(town, 1) == (1, 0, 0, 3)
    assert numbers_of(town, 2) == (2, 0, 1, 0)
    assert held_rows(town)[["batch_id", "reason"]].to_numpy().tolist() == [[2, "bad_time"]]
    assert review_queue(town).total == 1
    assert sorted(stored(town).index) == ["A1", "A2", "A3"]
    undo_import(town, 2, NOW)
    assert dump(town) == before


def test_rows_are_read_as_they_were_at_first(town, tmp_path):
    """Datum, source and year were said at the first import; the file does not repeat them."""
    how = {"datum": "gcj02", "source": "派出所", "year": 2025}
    bring(town, tmp_path / "a.csv", row(1), row(2, 类别="飞碟", 时间="7月31日下午"), **how)
    table = sent_back(town, tmp_path / "held.csv")
    bring_back(town, tmp_path / "mended.csv", table.assign(类别="FW1"))
    undo_import(town, 2, NOW)
    answer(town, "category:飞碟", Answer("use", code="FW1"), now=NOW)
    in_place = stored(town).loc["A2"]
    take_back_answer(town)
    bring_back(town, tmp_path / "mended.csv", table.assign(类别="FW1"))
    found = stored(town).loc["A2"]
    same = ["report_id", "lon", "lat", "datum", "datum_known_by", "source", "time", "time_until", "radius_m"]
    assert found[same].to_dict() == in_place[same].to_dict()
    assert found["lon"] < 120.608  # in WGS-84, half a kilometre to the west


def test_person_may_say_otherwise(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1, 类别="飞碟"), datum="gcj02")
    table = sent_back(town, tmp_path / "held.csv")
    bring_back(town, tmp_path / "mended.csv", table.assign(类别="FW1"), datum="wgs84")
    assert stored(town)["lon"].tolist() == [120.611]


def test_coordinates_in_new_columns_are_read(town, tmp_path):
    """A ledger that has only words for places gets two more columns from the sender."""
    headings = ["编号", "类别", "时间", "地址"]
    bring(town, tmp_path / "a.csv", ["A1", "FW1", "2025-07-03", "没有这个地方"], headings=headings)
    table = sent_back(town, tmp_path / "held.csv")
    receipt = bring_back(town, tmp_path / "mended.csv", table.assign(经度="120.611", 纬度="30.791"))
    assert (receipt.accepted, receipt.held) == (1, 0)
    assert held_rows(town).empty


def test_row_that_is_stored_already_counts_as_repeated_in_both(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1))
    bring(town, tmp_path / "b.csv", row(1, 经度=""), row(2))
    before = dump(town)
    receipt = bring_back(
        town, tmp_path / "mended.csv", sent_back(town, tmp_path / "h.csv").assign(经度="120.611")
    )
    assert (receipt.accepted, receipt.repeated) == (0, 1)
    assert receipt.batch_id == 3  # nothing new is stored, but there is something to take back
    assert numbers_of(town, 2) == (1, 0, 0, 1)
    assert held_rows(town).empty
    undo_import(town, 3, NOW)
    assert dump(town) == before


def test_row_with_a_cell_too_many_is_the_same_row(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1), [*row(2), "多了"])
    table = sent_back(town, tmp_path / "held.csv")
    lines = [",".join(map(str, [*cells, "又多了"])) for cells in table.to_numpy().tolist()]
    text = "\n".join([",".join(table.columns), *lines, "再来一行,FW1"])
    (tmp_path / "mended.csv").write_text(text, encoding="utf-8")
    receipt = import_reports(town, tmp_path / "mended.csv", now=NOW)
    assert (receipt.read, receipt.held) == (2, 2)
    assert numbers_of(town, 1) == (1, 0, 0, 1)
    assert held_rows(town)["batch_id"].tolist() == [2, 2]


def test_row_sent_back_twice_bears_only_its_newest_number(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1), row(2, 类别="飞碟"))
    states = [dump(town)]
    first = sent_back(town, tmp_path / "held.csv")
    bring_back(town, tmp_path / "second.csv", first.assign(描述="还是飞碟"))
    states.append(dump(town))
    second = sent_back(town, tmp_path / "held.csv")
    assert list(second.columns) == list(first.columns)
    assert second["待核号"][0] != first["待核号"][0]
    assert bring_back(town, tmp_path / "third.csv", second.assign(类别="FW1")).accepted == 1
    assert [numbers_of(town, batch) for batch in (1, 2, 3)] == [(1, 0, 0, 1), (0, 0, 0, 1), (1, 0, 0, 0)]
    assert stored(town)["description"]["A2"] == "还是飞碟"
    for batch in (3, 2):
        undo_import(town, batch, NOW)
        assert dump(town) == states[batch - 2]


def test_undo_in_another_order_loses_no_row(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1), row(2, 类别="飞碟"))
    bring_back(town, tmp_path / "b.csv", sent_back(town, tmp_path / "h.csv").assign(描述="再报"))
    bring_back(town, tmp_path / "c.csv", sent_back(town, tmp_path / "h.csv").assign(类别="FW1"))
    undo_import(town, 2, NOW)  # the first row waits again; what the third import brought stays
    assert numbers_of(town, 1) == (1, 0, 1, 0)
    assert sorted(stored(town).index) == ["A1", "A2"]
    undo_import(town, 1, NOW)
    assert held_rows(town).empty
    undo_import(town, 3, NOW)
    assert stored(town).empty


def test_row_put_aside_that_comes_again_is_put_aside_as_before_after_undo(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1, 类别="飞碟"), row(2, 类别="飞碟"))
    table = sent_back(town, tmp_path / "held.csv")
    dismiss_rows(town, [1], now=NOW)
    before = dump(town)
    assert bring_back(town, tmp_path / "mended.csv", table.assign(类别="FW1")).accepted == 2
    assert numbers_of(town, 1) == (0, 0, 0, 2)
    undo_import(town, 2, NOW)
    assert dump(town) == before


def test_same_number_twice_settles_one_row_and_the_other_is_a_row_of_its_own(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1, 类别="飞碟"))
    table = pd.concat([sent_back(town, tmp_path / "held.csv")] * 2).assign(类别="FW1", 编号=["A1", "A9"])
    receipt = bring_back(town, tmp_path / "mended.csv", table)
    assert (receipt.accepted, receipt.held) == (2, 0)
    assert numbers_of(town, 1) == (0, 0, 0, 1)


def test_trial_tells_the_same_and_writes_nothing(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1, 类别="飞碟"), row(2))
    table = sent_back(town, tmp_path / "held.csv").assign(类别="FW1")
    before = dump(town)
    trial = bring_back(town, tmp_path / "mended.csv", table, dry_run=True)
    assert dump(town) == before
    real = bring_back(town, tmp_path / "mended.csv", table)
    assert notes(trial) == notes(real)
    assert any("came back under their held numbers" in note for note in notes(real))


def test_answers_given_before_and_after_can_still_be_taken_back(town, tmp_path):
    """Receipts follow the rows: none is set to what it was before somebody else's import."""
    bring(town, tmp_path / "a.csv", row(1, 类别="飞碟"), row(2, 经度=""), row(3, 时间="昨天"), row(4))
    table = sent_back(town, tmp_path / "held.csv")
    answer(town, "held:2", Answer("mend", cells={"经度": "120.611"}), now=NOW)
    assert numbers_of(town, 1) == (1, 1, 2, 0)
    bring_back(town, tmp_path / "mended.csv", table[:1].assign(类别="FW1"))
    assert numbers_of(town, 1) == (1, 1, 1, 1)
    answer(town, "held:3", Answer("mend", cells={"时间": "2025-07-04"}), now=NOW)
    assert numbers_of(town, 1) == (1, 2, 0, 1)
    take_back_answer(town)
    take_back_answer(town)
    assert numbers_of(town, 1) == (1, 0, 2, 1)
    undo_import(town, 2, NOW)
    assert numbers_of(town, 1) == (1, 0, 3, 0)
    assert review_queue(town).total == len(held_rows(town)) == 3


def test_receipt_follows_when_the_report_that_a_row_repeats_goes(town, tmp_path):
    bring(town, tmp_path / "a.csv", row(1))
    bring(town, tmp_path / "b.csv", row(1, 经度=""), row(2))
    answer(town, "held:1", Answer("mend", cells={"经度": "120.611"}), now=NOW)
    assert numbers_of(town, 2) == (1, 0, 0, 1)
    undo_import(town, 1, NOW)
    assert numbers_of(town, 2) == (1, 0, 1, 0)
    outcome = take_back_answer(town)
    assert (outcome.repeated, outcome.corrected) == (0, 0)  # nothing was left to take back
    assert numbers_of(town, 2) == (1, 0, 1, 0)


def test_many_rows_come_back_at_once(town, tmp_path):
    rows = [row(number, 类别="飞碟", 描述=f"第{number}件") for number in range(2_500)]
    bring(town, tmp_path / "a.csv", *rows)
    table = sent_back(town, tmp_path / "held.csv")
    table["类别"] = np.where(table.index % 2 == 0, "FW1", "外星人")
    receipt = bring_back(town, tmp_path / "mended.csv", table)
    assert (receipt.accepted, receipt.held) == (1_250, 1_250)
    assert numbers_of(town, 1) == (0, 0, 0, 2_500)
    assert len(held_rows(town)) == 1_250
