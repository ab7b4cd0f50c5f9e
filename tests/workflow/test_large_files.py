"""A ledger of 100 MB: progress, cancelling without a trace, bounded memory (row 15 of the table "Bad input").

Limits of time live in ``benchmarks/``; the numbers met here are printed, ``pytest -s`` shows them.
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pingan_geo.errors import Cancelled
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import create_town, open_town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

NOW = datetime(2026, 3, 1, 9)
ROWS = 1_000_000
MOST_RSS_MB = 1_500

CHILD = """
import json, resource, sys, time
from datetime import datetime
from pathlib import Path
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import open_town
steps = []
begun = time.monotonic()
town = open_town(Path(sys.argv[1]))
receipt = import_reports(
    town, Path(sys.argv[2]), now=datetime(2026, 3, 1, 9),
    on_progress=lambda step: steps.append((step.stage, step.done, step.total, step.rows)),
)
print(json.dumps({
    "receipt": receipt.as_dict(),
    "steps": steps,
    "seconds": time.monotonic() - begun,
    "cpu_s": time.process_time(),
    "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}))
"""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text table of a million rows and more than 100 MB."""
    draw = random.Random(15)
    file = tmp_path_factory.mktemp("large") / "台账.csv"
    begin = datetime(2020, 1, 1)
    with file.open("w", encoding="utf-8-sig", newline="\r\n") as stream:
        stream.write("编号,类别,时间,经度,纬度,地址,描述\n")
        for number in range(ROWS):
            time = begin + timedelta(seconds=150 * number)
            lon, lat = 120.601 + 0.029 * draw.random(), 30.781 + 0.025 * draw.random()
            stream.write(
                f"A{number:07d},{draw.choice(('FW1', 'RD1', 'TH1'))},{time},{lon:.6f},{lat:.6f},"
                f"北街{number % 900}号,第{number}件：楼道里有电动车在充电\n"
            )
    assert file.stat().st_size > 100 << 20
    return file


@pytest.fixture
def folder(tiny_town_files: Path, tmp_path: Path) -> Path:
    files = tiny_town_files
    create_town(
        tmp_path / "town", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    ).close()
    return tmp_path / "town"


def counts_of(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / "town.sqlite")) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("batch", "report", "held", "correction", "duplicate", "provenance", "zone")
        }


def bring(folder: Path, file: Path) -> dict:
    """Import in a process of its own, and say what it took."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(
        f"\n{file.stat().st_size >> 20} MB, {found['receipt']['read']} rows: {found['seconds']:.0f} s, "
        f"{found['cpu_s']:.0f} s of the processor, {found['rss_mb']} MB at most"
    )
    return found


def test_a_million_rows_come_in_with_progress_and_bounded_memory(folder: Path, ledger: Path) -> None:
    found = bring(folder, ledger)
    receipt = found["receipt"]
    assert (receipt["read"], receipt["accepted"], receipt["held"]) == (ROWS, ROWS, 0)
    assert found["rss_mb"] <= MOST_RSS_MB
    size = ledger.stat().st_size
    for stage in ("Looking through the file", "Importing reports"):
        steps = [step[1:] for step in found["steps"] if step[0] == stage]
        assert len(steps) >= 10
        assert steps == sorted(steps, key=lambda step: (step[0], step[2]))
        assert steps[-1] == [size, size, ROWS]
    assert {note["text"] for note in receipt["notes"]} >= {
        (
            "The {count} reports of this import were not compared for duplicates: "
            "there are too many to do it on the way."
        )
    }
    assert counts_of(folder)["report"] == ROWS


def test_a_million_rows_that_cannot_be_placed_are_held_in_bounded_memory(
    folder: Path, ledger: Path, tmp_path: Path
) -> None:
    """The wrong ledger: every row is outside the town."""
    town = folder / "town.toml"
    assert town.is_file()
    moved = tmp_path / "外地.csv"
    with ledger.open(encoding="utf-8-sig") as source, moved.open("w", encoding="utf-8") as target:
        for line in source:
            target.write(line.replace(",120.6", ",121.6"))
    found = bring(folder, moved)
    receipt = found["receipt"]
    assert receipt["held_by_reason"] == {"outside_town": ROWS}
    assert found["rss_mb"] <= MOST_RSS_MB
    assert counts_of(folder)["held"] == ROWS


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_cancelled_import_leaves_the_town_as_it_was(folder: Path, ledger: Path, share: float) -> None:
    before = counts_of(folder)
    settings = (folder / "town.toml").read_bytes()

    def cancel(step) -> None:
        if step.stage == "Importing reports" and step.done >= share * step.total:
            raise Cancelled

    with closing(open_town(folder)) as town:
        with pytest.raises(Cancelled):
            import_reports(town, ledger, now=NOW, on_progress=cancel)
        assert counts_of(folder) == before
        assert (folder / "town.toml").read_bytes() == settings
