"""Whatever is imported, answered, merged and taken back, in any order: every row is accounted for."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pingan_geo.errors import PinganError
from pingan_geo.settings import read_settings
from pingan_geo.storage import records
from pingan_geo.workflow.answers import Answer, answer, take_back_answer
from pingan_geo.workflow.duplicates import keep_apart, merge, unmerge
from pingan_geo.workflow.held import dismiss_rows, held_rows, restore_rows
from pingan_geo.workflow.import_layers import undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.review import review_queue
from pingan_geo.workflow.towns import create_town, open_town

NOW = datetime(2026, 3, 1, 9)
HEADINGS = ["编号", "类别", "时间", "经度", "纬度", "地址", "网格", "描述"]
OUTCOMES = ("accepted", "merged", "corrected", "held", "repeated")

#: Few values of each, so that rows meet: some the same, some of one number, some told twice.
ROWS = st.fixed_dictionaries(
    {
        "编号": st.sampled_from(["", "", "A1", "A2", "A3"]),
        "类别": st.sampled_from(["FW1", "FW1", "RD1", "飞碟", "怪事", ""]),
        "时间": st.sampled_from(["2025-07-03 14:05", "2025-07-03 15:00", "7月31日下午", "某日"]),
        "经度": st.sampled_from(["120.611", "120.6111", "30.791", ""]),
        "纬度": st.sampled_from(["30.791", "30.7911", "120.611"]),
        "地址": st.sampled_from(["北街", "老供销社"]),
        "网格": st.sampled_from(["", "XC-9"]),
        "描述": st.sampled_from(["三楼飞线充电，楼道堵塞", "路面有坑"]),
    }
)
#: What a person says to a question of each kind.
SAID = {
    "category": [Answer("use", code="FW1"), Answer("new", code="N1", name="新事"), Answer("dismiss")],
    "place": [Answer("use", name="老供销社", lon=120.612, lat=30.792), Answer("dismiss")],
    "grid": [Answer("use", code="330411104001001"), Answer("leave")],
    "date": [Answer("year", year=2025), Answer("dismiss")],
    "duplicate": [Answer("merge"), Answer("apart")],
    "held": [
        Answer("mend", cells={"时间": "2025-07-04 10:00", "类别": "FW1"}),
        Answer("mend", cells={"编号": ""}),
        Answer("mend", lon=120.613, lat=30.793),
        Answer("dismiss"),
    ],
}


@pytest.fixture(scope="module")
def empty_town(tiny_town_files, tmp_path_factory):
    """The folder of a town without reports and with a closed taxonomy."""
    folder = tmp_path_factory.mktemp("machine") / "town"
    files = tiny_town_files
    create_town(folder, area=files / "area.geojson", grids=files / "grids.geojson", name="小镇").close()
    file = folder / "town.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("open = true", "open = false"), encoding="utf-8")
    return folder


class ReviewMachine(RuleBasedStateMachine):
    """A small town, and people who do whatever the review allows."""

    origin: Path

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="review_machine_"))
        shutil.copytree(self.origin, self.folder / "town")
        self.town = open_town(self.folder / "town")
        self.files: list[Path] = []
        self.batches: list[int] = []
        self.hour = 0

    def teardown(self):
        if hasattr(self, "town"):
            self.town.close()
            shutil.rmtree(self.folder)

    def now(self):
        self.hour += 1
        return NOW + timedelta(hours=self.hour)

    def bring(self, path):
        receipt = import_reports(self.town, path, now=self.now())
        assert receipt.adds_up(), receipt
        if receipt.batch_id is not None:
            self.batches.append(receipt.batch_id)

    # -- what people do ------------------------------------------------------------------------------

    @rule(rows=st.lists(ROWS, min_size=1, max_size=5), broken=st.booleans())
    def import_a_file(self, rows, broken):
        path = self.folder / f"{len(self.files)}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([HEADINGS, *(row.values() for row in rows)])
            if broken:
                stream.write("A9,FW1\n")
        self.files.append(path)
        self.bring(path)

    @precondition(lambda self: self.files)
    @rule(choice=st.randoms(use_true_random=False))
    def import_it_again(self, choice):
        self.bring(choice.choice(self.files))

    @rule(choice=st.randoms(use_true_random=False))
    def answer_a_question(self, choice):
        items = review_queue(self.town).items
        if not items:
            return
        item = choice.choice(items)
        before = dump(self.town)
        try:
            outcome = answer(self.town, item.key, choice.choice(SAID[item.kind]), now=self.now())
        except PinganError:  # e.g. the category is there already
            assert dump(self.town) == before
            return
        if not outcome.written:
            assert dump(self.town) == before
            return
        if choice.random() < 0.5:
            take_back_answer(self.town, item.key)
            assert dump(self.town) == before

    @rule()
    def take_the_last_answer_back(self):
        take_back_answer(self.town)

    @rule(choice=st.randoms(use_true_random=False))
    def merge_some(self, choice):
        numbers = self.reports()["report_id"].tolist()
        if len(numbers) > 1:
            chosen = choice.sample(numbers, min(len(numbers), choice.choice([2, 2, 3])))
            merge(self.town, chosen[0], chosen[1:], self.now())

    @rule(choice=st.randoms(use_true_random=False))
    def part_or_keep_apart(self, choice):
        numbers = self.reports()["report_id"].tolist()
        if numbers:
            chosen = choice.sample(numbers, min(len(numbers), 2))
            unmerge(self.town, chosen) if choice.random() < 0.5 else keep_apart(self.town, chosen, self.now())

    @rule(choice=st.randoms(use_true_random=False))
    def put_rows_aside_or_bring_them_back(self, choice):
        numbers = held_rows(self.town, dismissed=True)["held_id"].tolist()
        if numbers:
            chosen = [choice.choice(numbers)]
            if choice.random() < 0.5:
                dismiss_rows(self.town, chosen, now=self.now())
            else:
                restore_rows(self.town, chosen)

    @precondition(lambda self: self.batches)
    @rule(choice=st.randoms(use_true_random=False))
    def undo_an_import(self, choice):
        undo_import(self.town, self.batches.pop(choice.randrange(len(self.batches))), self.now())

    @precondition(lambda self: self.batches)
    @rule(rows=st.lists(ROWS, min_size=1, max_size=3))
    def import_and_undo_changes_nothing(self, rows):
        before = dump(self.town, but={"batch"})
        count = len(self.batches)
        self.import_a_file(rows, broken=False)
        if len(self.batches) > count:
            undo_import(self.town, self.batches.pop(), self.now())
        assert dump(self.town, but={"batch"}) == before

    # -- what must hold ------------------------------------------------------------------------------

    def reports(self):
        with self.town.store.read() as connection:
            return records.read_reports(connection, merged=True)

    @invariant()
    def every_row_is_accounted_for(self):
        if not hasattr(self, "town"):
            return
        reports = self.reports()
        kept = dump(self.town)[0]
        with sqlite3.connect(self.town.folder / "town.sqlite") as connection:
            receipts = connection.execute(
                "SELECT batch_id, receipt FROM batch WHERE undone_at IS NULL"
            ).fetchall()
            held = connection.execute(
                "SELECT batch_id, reason, count(*) FROM held WHERE report_id IS NULL AND again_in IS NULL GROUP BY 1, 2"
            ).fetchall()
            corrected = Counter(
                batch
                for batch, _ in connection.execute("SELECT DISTINCT batch_id, row_number FROM correction")
            )
            settled = [
                row[0] for row in connection.execute("SELECT report_id FROM held WHERE report_id IS NOT NULL")
            ]
        assert [number for number, _ in receipts] == self.batches or set(self.batches) == {
            n for n, _ in receipts
        }
        stored = Counter(reports["batch_id"].tolist())
        for number, text in receipts:
            receipt = json.loads(text)
            assert receipt["read"] == sum(receipt[name] for name in OUTCOMES)
            assert receipt["accepted"] + receipt["corrected"] == stored[number]
            assert receipt["corrected"] == corrected[number]
            waiting = {reason: count for batch, reason, count in held if batch == number}
            assert receipt["held_by_reason"] == waiting
            assert min(receipt[name] for name in OUTCOMES) >= 0
        assert {batch for batch, _, _ in held} <= set(self.batches)
        assert set(stored) <= set(self.batches)
        ids = set(reports["report_id"])
        assert set(settled) <= ids
        heads = set(reports["merged_into"]) - {0}
        assert heads <= set(reports["report_id"][reports["merged_into"] == 0])  # one step leads to the head
        for first, second, *_ in kept["duplicate"]:
            assert {first, second} <= ids
        codes = {category.code for category in read_settings(self.town.folder).categories}
        assert set(reports["category"]) <= codes
        assert np.isfinite(reports[["lon", "lat"]].to_numpy()).all()


def dump(town, *, but=frozenset()):
    """Every row of the town, and its settings."""
    with sqlite3.connect(town.folder / "town.sqlite") as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in names
            if name not in {"meta", "sqlite_sequence", *but}
        }
    return tables, (town.folder / "town.toml").read_bytes()


def run(empty_town, examples, steps):
    machine = type("Machine", (ReviewMachine,), {"origin": empty_town}).TestCase
    machine.settings = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        print_blob=False,
    )
    machine("runTest").runTest()


def test_any_order_of_answers_and_imports_keeps_the_receipts_true(empty_town):
    run(empty_town, examples=6, steps=12)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_any_long_order_of_answers_and_imports_keeps_the_receipts_true(empty_town):
    run(empty_town, examples=60, steps=40)
