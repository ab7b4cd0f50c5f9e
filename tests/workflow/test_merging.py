"""One incident told by several people: asked at the import, merged, counted once, and taken back without a trace."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pingan_geo.errors import Cancelled, ReportNotFoundError, SettingsError
from pingan_geo.intake.duplicates import _REASONS as CODES
from pingan_geo.model.report import ReportFilter
from pingan_geo.storage.duplicates import count_duplicates, read_duplicates
from pingan_geo.workflow import duplicates as work
from pingan_geo.workflow.answers import Answer, answer, take_back_answer
from pingan_geo.workflow.explore import explore, index_reports, load_reports
from pingan_geo.workflow.exports import export_table
from pingan_geo.workflow.hotspots import find_hotspots
from pingan_geo.workflow.import_layers import undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import Town, create_town

NOW = datetime(2026, 3, 1, 9, 0)
HOLE = "路中间一个大坑，骑车差点摔倒"


def write_ledger(file: Path, rows: list[tuple[str, str, datetime, float, float, str, str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as opened:
        out = csv.writer(opened)
        out.writerow(["编号", "类别", "发生时间", "经度", "纬度", "地点", "描述", "上报人编号"])
        out.writerows(rows)
    return file


def hole(number: int, hours: float, east_deg: float = 0.0, words: str = HOLE, who: str = "") -> Any:
    time = f"{datetime(2026, 2, 1, 8) + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}"
    return (f"H{number}", "RD1", time, 120.612 + east_deg, 30.792, "北街12号", words, who or f"V{number}")


@pytest.fixture
def town(tiny_town_files: Path, tmp_path: Path) -> Iterator[Town]:
    """A town with one ledger of three reports: two of one hole, and one of another far away."""
    made = create_town(
        tmp_path / "town",
        area=tiny_town_files / "area.geojson",
        grids=tiny_town_files / "grids.geojson",
        name="小镇",
    )
    file = write_ledger(
        tmp_path / "a.csv", [hole(1, 0), hole(2, 3, words="路当中有个大坑，骑车差点摔"), hole(3, 1, 0.01)]
    )
    receipt = import_reports(made, file, source="甲", now=NOW)
    assert receipt.accepted == 3, receipt
    forget_questions(made)
    yield made
    made.close()


def forget_questions(town: Town) -> None:
    """Let nothing have been asked, whatever the import did at its end."""
    with sqlite3.connect(town.folder / "town.sqlite") as plain:
        plain.execute("DELETE FROM duplicate")


def bring(town: Town, name: str, rows: list[Any]) -> int:
    """Import a further ledger, asking at its end as an import does; return its number."""
    receipt = import_reports(
        town, write_ledger(town.folder.parent / f"{name}.csv", rows), source=name, now=NOW
    )
    assert receipt.batch_id is not None, receipt
    queue(town, receipt.batch_id)
    return receipt.batch_id


def queue(town: Town, batch: int) -> work.Search:
    with town.store.begin() as connection:
        return work.queue_duplicates(town, connection, batch)


def waiting(town: Town, decision: str | None = "") -> list[tuple[str, str]]:
    """Return the senders' numbers of the pairs; each is stored with the earlier arrival first."""
    with town.store.read() as connection:
        pairs = read_duplicates(connection, decision)
    for first, second in zip(pairs["first"], pairs["second"], strict=True):
        assert arrival(town, first) < arrival(town, second)
    return sorted(
        tuple(sorted(pair)) for pair in zip(pairs["first_source_id"], pairs["second_source_id"], strict=True)
    )


def arrival(town: Town, report_id: int) -> int:
    with sqlite3.connect(town.folder / "town.sqlite") as plain:
        return int(plain.execute("SELECT arrival FROM report WHERE report_id = ?", [report_id]).fetchone()[0])


def earliest(town: Town, *source_ids: str) -> int:
    """Return what happened first, and of several what came first."""
    with sqlite3.connect(town.folder / "town.sqlite") as plain:
        times = dict(plain.execute("SELECT report_id, time FROM report"))
    numbers = (number_of(town, name) for name in source_ids)
    return min(numbers, key=lambda number: (times[number], arrival(town, number)))


def number_of(town: Town, source_id: str) -> int:
    with sqlite3.connect(town.folder / "town.sqlite") as plain:
        return int(
            plain.execute("SELECT report_id FROM report WHERE source_id = ?", [source_id]).fetchone()[0]
        )


def dump(town: Town) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table but the counter of changes, which only ever grows."""
    with sqlite3.connect(town.folder / "town.sqlite") as plain:
        tables = [row[0] for row in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert {"report", "duplicate", "batch"} <= set(tables)
        return {
            name: sorted(
                (row for row in plain.execute(f"SELECT * FROM {name}") if row[0] != "data_version"), key=repr
            )
            for name in tables
        }


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "decide",
    [
        lambda town, known: work.merge(town, known, [5], NOW),
        lambda town, known: work.merge(town, 5, [known], NOW),
        lambda town, known: work.unmerge(town, [known, 5]),
        lambda town, known: work.keep_apart(town, [known, 5], NOW),
        lambda town, known: work.ask_again(town, [known, 5]),
        lambda town, _known: work.reports_of_incident(town, 5),
    ],
)
def test_a_report_that_is_not_stored_is_refused_and_nothing_changes(town: Town, decide: Any) -> None:
    queue(town, 1)
    before = dump(town)
    with pytest.raises(ReportNotFoundError, match="number 5"):
        decide(town, number_of(town, "H1"))
    assert dump(town) == before


def test_a_rule_that_cannot_be_used_is_refused_before_anything_is_asked(town: Town) -> None:
    with (town.folder / "town.toml").open("a", encoding="utf-8") as file:
        file.write("\n[duplicates.RD1]\nradius_m = -1\n")
    with pytest.raises(SettingsError, match=r"duplicates\.RD1\.radius_m"):
        work.find_all_duplicates(town)
    assert waiting(town, None) == []


def test_a_cancelled_search_asks_nothing(town: Town) -> None:
    def cancel(_step: Any) -> None:
        raise Cancelled

    before = dump(town)
    with pytest.raises(Cancelled):
        work.find_all_duplicates(town, on_progress=cancel)
    assert dump(town) == before


# -- asking ------------------------------------------------------------------------------------------


def test_an_import_asks_about_its_own_rows_and_what_is_near_them(town: Town) -> None:
    assert queue(town, 1).queued == 1
    assert waiting(town) == [("H1", "H2")]
    batch = bring(town, "乙", [hole(7, 5), hole(8, 6, -0.009)])
    assert waiting(town) == [("H1", "H2"), ("H1", "H7"), ("H2", "H7")]
    assert queue(town, batch).queued == 0, "asked once"


def test_an_import_asks_nothing_about_pairs_that_it_did_not_bring(town: Town) -> None:
    assert waiting(town, None) == [], "H1 and H2 are a pair that nobody asked about"
    bring(town, "乙", [hole(7, 5)])
    assert waiting(town) == [("H1", "H7"), ("H2", "H7")]


def test_an_earlier_report_that_comes_later_stands_for_the_incident(town: Town) -> None:
    queue(town, 1)
    work.merge(town, number_of(town, "H1"), [number_of(town, "H2")], NOW)
    before = dump(town)
    batch = bring(town, "乙", [hole(7, -5)])
    assert work.merge(town, number_of(town, "H1"), [number_of(town, "H7")], NOW) == number_of(town, "H7")
    assert work.reports_of_incident(town, number_of(town, "H2")).head == number_of(town, "H7")
    undo_import(town, batch, NOW)
    after = dump(town)
    assert after["report"] == before["report"]
    assert after["duplicate"] == before["duplicate"]


def test_a_row_that_a_person_frees_is_compared_at_once(town: Town) -> None:
    lacking = list(hole(7, 5))
    lacking[3] = ""
    bring(town, "乙", [hole(8, 6, -0.009), tuple(lacking)])
    before = dump(town)
    assert waiting(town) == []
    answer(town, "held:1", Answer("mend", cells={"经度": "120.612"}), now=NOW)
    assert waiting(town) == [("H1", "H7"), ("H2", "H7")], "and only the freed one"
    with town.store.read() as connection:
        assert set(read_duplicates(connection)["batch_id"]) == {2}, "the import that brought the row"
    take_back_answer(town)
    assert dump(town) == before


def test_nothing_is_merged_unasked(town: Town) -> None:
    queue(town, 1)
    assert len(load_reports(town)) == 3


def test_the_whole_town_is_asked_about_as_its_imports_would_be(town: Town) -> None:
    import_reports(town, write_ledger(town.folder.parent / "乙.csv", [hole(7, -5)]), source="乙", now=NOW)
    forget_questions(town)
    steps: list[Any] = []
    search = work.find_all_duplicates(town, on_progress=steps.append)
    assert search == work.Search(queued=len(waiting(town)))
    assert waiting(town) == [("H1", "H2"), ("H1", "H7"), ("H2", "H7")]
    assert steps[0].stage == "Comparing reports"
    with town.store.read() as connection:
        pairs = read_duplicates(connection).set_index("second_source_id")["batch_id"]
        assert count_duplicates(connection) == 2, "the third follows from the two"
    # H7 came second, although it happened first
    assert set(pairs["H7"]) == {2}
    assert sorted(pairs) == [1, 2, 2]
    assert work.find_all_duplicates(town).queued == 0


def test_a_town_sets_its_own_radius(town: Town) -> None:
    with (town.folder / "town.toml").open("a", encoding="utf-8") as file:
        file.write("\n[duplicates.RD1]\nwindow_h = 2\n")
    assert queue(town, 1).queued == 0


def test_too_large_an_import_is_not_searched_and_says_so(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MOST_AT_IMPORT", 2)
    search = queue(town, 1)
    assert search == work.Search(not_searched=3)
    assert [values for _, values in work.describe_search(search)] == [{"count": 3}]
    assert list(work.describe_search(work.Search())) == []


def test_every_reason_has_words(town: Town) -> None:
    assert set(CODES) <= set(work.REASONS)


# -- deciding ----------------------------------------------------------------------------------------


def test_merging_counts_once_keeps_every_teller_and_leaves_no_trace_when_undone(town: Town) -> None:
    bring(town, "乙", [hole(7, 5, who="V1")])
    queue(town, 1)
    before = dump(town)
    first, second, third = (number_of(town, name) for name in ("H1", "H2", "H7"))
    assert work.merge(town, third, [first, second], NOW) == earliest(town, "H1", "H2"), "not the one named"
    assert waiting(town) == []
    assert sorted(load_reports(town)["report_id"]) == sorted(
        [earliest(town, "H1", "H2"), number_of(town, "H3")]
    )
    told = work.reports_of_incident(town, third)
    assert (told.head, told.tellers) == (earliest(town, "H1", "H2"), 2)
    teller = dict(zip(told.reports["source_id"], told.reports["teller"], strict=True))
    assert list(told.reports["source_id"])[-1] == "H7"
    assert teller["H1"] == teller["H7"] != teller["H2"]
    assert "reporter" not in told.reports.columns
    assert len(work.reports_of_incident(town, number_of(town, "H3")).reports) == 1
    assert dump(town) != before
    assert work.unmerge(town, [second, third]) == 3
    assert dump(town) == before


def test_taking_one_out_leaves_the_others_merged(town: Town) -> None:
    bring(town, "乙", [hole(7, 5)])
    queue(town, 1)
    first, second, third = (number_of(town, name) for name in ("H1", "H2", "H7"))
    work.merge(town, first, [second, third], NOW)
    work.unmerge(town, [first])
    assert work.reports_of_incident(town, third).head == second
    assert work.reports_of_incident(town, first).reports["source_id"].tolist() == ["H1"]
    assert waiting(town) == [("H1", "H2"), ("H1", "H7")]


def test_reports_that_nobody_asked_about_are_put_together_by_hand_and_parted_again(town: Town) -> None:
    queue(town, 1)
    before = dump(town)
    far, near = number_of(town, "H3"), number_of(town, "H1")
    assert work.merge(town, far, [near], NOW) == earliest(town, "H1", "H3")
    with town.store.read() as connection:
        made = read_duplicates(connection, "merged")
    assert made["reason"].tolist() == ["by_hand"]
    assert made["distance_m"].iloc[0] == pytest.approx(957, abs=3)
    # it holds when further decisions are made on the incident
    work.merge(town, near, [number_of(town, "H2")], NOW)
    assert len(work.reports_of_incident(town, far).reports) == 3
    work.unmerge(town, [far])
    assert waiting(town, "merged") == [("H1", "H2")]
    work.unmerge(town, [near])
    assert dump(town) == before


def test_what_is_kept_apart_is_not_asked_again_until_somebody_wishes(town: Town) -> None:
    queue(town, 1)
    before = dump(town)
    both = [number_of(town, name) for name in ("H1", "H2")]
    assert work.keep_apart(town, both, NOW) == 1
    assert work.find_all_duplicates(town).queued == 0
    assert waiting(town) == []
    assert len(load_reports(town)) == 3
    assert work.ask_again(town, both) == 1
    assert dump(town) == before


def test_a_merged_incident_is_asked_about_once_more_only_with_others(town: Town) -> None:
    queue(town, 1)
    work.merge(town, number_of(town, "H1"), [number_of(town, "H2")], NOW)
    assert work.find_all_duplicates(town).queued == 0
    bring(town, "乙", [hole(7, 5)])
    assert waiting(town) == [("H1", "H7"), ("H2", "H7")]
    assert work.duplicate_groups(town) == (
        tuple(sorted(number_of(town, name) for name in ("H1", "H2", "H7"))),
    )


def test_what_is_one_incident_by_way_of_another_is_not_asked(town: Town) -> None:
    rows = write_ledger(town.folder.parent / "乙.csv", [hole(7, 5)])
    import_reports(town, rows, source="乙", now=NOW)
    forget_questions(town)
    work.merge(town, number_of(town, "H1"), [number_of(town, "H2"), number_of(town, "H7")], NOW)
    assert waiting(town, None) == [("H1", "H2"), ("H1", "H7")], "H2 and H7 are no pair"
    assert work.find_all_duplicates(town).queued == 0


def test_an_import_is_taken_back_also_after_merges(town: Town) -> None:
    queue(town, 1)
    before = dump(town)
    batch = bring(town, "乙", [hole(7, 5)])
    work.merge(town, number_of(town, "H7"), [number_of(town, "H1"), number_of(town, "H2")], NOW)
    undo_import(town, batch, NOW)
    assert len(load_reports(town)) == 2, "the two that were merged before it stay so by their own pair"
    work.unmerge(town, [number_of(town, "H2")])
    after = dump(town)
    assert after["report"] == before["report"]
    assert after["duplicate"] == before["duplicate"]
    assert len(load_reports(town)) == 3


# -- counted once everywhere -------------------------------------------------------------------------


def test_maps_and_hotspots_count_an_incident_once_and_the_export_keeps_all_rows(
    town: Town, tmp_path: Path
) -> None:
    bring(town, "乙", [hole(7, 5)])
    queue(town, 1)

    def counted() -> tuple[int, int, int]:
        reports = load_reports(town)
        view = explore(index_reports(reports, town.settings.board_of), ReportFilter(), resolution=9)
        assert view.in_cells + view.without_cell == view.total == len(reports) == view.of_all
        found = find_hotspots(town, ReportFilter())
        return view.total, int(found.table["count"].sum()), found.total

    before = counted()
    assert before == (4, 4, 4)
    work.merge(town, number_of(town, "H1"), [number_of(town, "H2"), number_of(town, "H7")], NOW)
    assert counted() == (2, 2, 2)
    export = export_table(town, "reports", tmp_path / "all.geojson", audience="patrol")
    assert export.rows == 4
    text = json.loads((tmp_path / "all.geojson").read_text(encoding="utf-8"))
    assert len(text["features"]) == 4
    assert not any("reporter" in one["properties"] for one in text["features"])
