"""Killed without warning while photos come in, an answer is given or taken back, an import is undone: all or nothing."""

from __future__ import annotations

import csv
import io
import random
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from pingan_geo.workflow.answers import Answer, answer
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import create_town, open_town

NOW = datetime(2026, 3, 1, 9)
CHILD = """
import sys
from datetime import datetime
from pathlib import Path
from pingan_geo.workflow.answers import Answer, answer, take_back_answer
from pingan_geo.workflow.import_layers import undo_import
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.towns import open_town
import pingan_geo.intake.photos
folder, what = Path(sys.argv[1]), sys.argv[2]
now = datetime(2026, 3, 1, 10)
town = open_town(folder)
print("ready", flush=True)
if what == "photos":
    import_reports(town, folder.parent / "photos.zip", now=now)
elif what == "answer":
    answer(town, "category:飞碟", Answer("new", code="UFO", name="飞碟"), now=now)
elif what == "take back":
    take_back_answer(town)
else:
    undo_import(town, int(what), now)
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def towns(tiny_town_files, tmp_path_factory):
    """Folders of a town before and after 3,000 rows were answered, and one with photos; a ZIP of photos."""
    home = tmp_path_factory.mktemp("killed")
    files = tiny_town_files
    town = create_town(
        home / "asked", area=files / "area.geojson", grids=files / "grids.geojson", name="小镇"
    )
    settings = town.folder / "town.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("open = true", "open = false"), encoding="utf-8"
    )
    with (home / "a.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [["编号", "类别", "时间", "经度", "纬度", "描述"]]
            + [[n, "飞碟", f"2025-{n % 12 + 1:02d}-03 14:05", f"120.6{n % 29:02d}", f"30.79{n % 9}", f"第{n}件"]
               for n in range(3_000)]
        )  # fmt: skip
    assert import_reports(town, home / "a.csv", now=NOW).held == 3_000
    town.close()
    draw = np.random.default_rng(20260301)
    with zipfile.ZipFile(home / "photos.zip", "w") as packed:
        for number in range(40):
            packed.writestr(f"RD1/{number:02d}.jpg", _photo(draw, number))
        packed.writestr("RD1/broken.jpg", _photo(draw, 40)[:500])
    for name, then in (("answered", _answer), ("photos", _bring_photos)):
        shutil.copytree(home / "asked", home / name)
        then(home / name)
    return home


def _photo(draw, number):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[36867] = f"2025:07:{number % 28 + 1:02d} 14:05:00"
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (30.0, 47.0, 27.6), "E", (120.0, 36.0, 39.6)
    packed = io.BytesIO()
    Image.fromarray(draw.integers(0, 256, (480, 640, 3), dtype=np.uint8)).save(packed, "JPEG", exif=exif)
    return packed.getvalue()


def _answer(folder):
    town = open_town(folder)
    assert answer(town, "category:飞碟", Answer("new", code="UFO", name="飞碟"), now=NOW).accepted == 3_000
    town.close()


def _bring_photos(folder):
    town = open_town(folder)
    receipt = import_reports(town, folder.parent / "photos.zip", now=NOW)
    assert (receipt.accepted, receipt.held_by_reason) == (40, {"broken_photo": 1})
    town.close()


def state_of(folder):
    """Everything that a town holds, but for pictures that nothing names."""
    with sqlite3.connect(folder / "town.sqlite") as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in names
            if name not in {"meta", "sqlite_sequence"}
        }
        named = [row[0] for row in connection.execute("SELECT DISTINCT file FROM photo")]
    for name in named:  # whole
        Image.open(folder / "media" / name).load()
    return tables, (folder / "town.toml").read_bytes()


def run(folder, what, moment=None):
    """Let a child do it; kill it so many seconds after it began."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), what], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    with child:
        assert child.stdout.readline() == "ready\n"
        begun = time.monotonic()
        if moment is None:
            return child.stdout.readline() == "done\n", time.monotonic() - begun
        time.sleep(moment)
        child.kill()
        return "done" in child.stdout.read(), moment


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("start", "what"),
    [
        ("asked", "photos"),
        ("asked", "answer"),
        ("answered", "take back"),
        ("answered", "1"),
        ("photos", "2"),
    ],
    ids=["import of photos", "answer", "take-back", "undo after an answer", "undo of photos"],
)
def test_killed_work_is_done_or_was_never_begun(towns, what, start):
    draw = random.Random(f"{start} {what}")
    work = towns / "work"

    def begin():
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(towns / start, work)

    begin()
    before = state_of(work)
    finished, length = run(work, what)
    assert finished
    after = state_of(work)
    assert after != before
    ends = []
    for moment in sorted(draw.uniform(0.0, 1.1 * length) for _ in range(15)):
        begin()
        finished, _ = run(work, what, moment)
        open_town(work).close()  # a file swapped half-way is settled by whoever opens the town next
        found = state_of(work)
        assert found in (before, after), f"killed after {moment:.3f} of {length:.3f} s"
        assert found == after or not finished
        ends.append(found == after)
    assert not all(ends)
    if start == "asked":  # and the work can be done again, with the same outcome
        begin()
        run(work, what, 0.5 * length)
        if state_of(work) == before:
            assert run(work, what)[0]
        assert state_of(work) == after
        assert not what.startswith("photos") or not list((work / "media").glob("*.part"))
    shutil.rmtree(work)
