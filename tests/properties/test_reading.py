"""No file crashes the reader, none is half read, and the rows of a sheet are all accounted for."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import openpyxl
import PIL.Image
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pingan_geo.errors import PinganError
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.intake.proposals import propose_layout

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LEDGER = [
    ["新塍镇台账", "", "", ""],
    ["编号", "位置", "", "时间"],
    ["", "经度", "纬度", ""],
    ["A1", 120.6101, 30.8011, "2025-07-03"],
    ["", "", "", ""],
    ["A2", 120.6102, 30.8012, "2025-07-04"],
    ["合计", 2, "", ""],
]
JSON_LIST = '[{"service_request_id": "1", "long": 120.61, "lat": 30.8, "address": {"street": "北街"}}, 7]'
#: File name → what calls for that reader; each is real and tiny.
ENDINGS = (
    "csv",
    "gbk.csv",
    "xlsx",
    "xls",
    "xlsb",
    "ods",
    "json",
    "geojson",
    "gpkg",
    "kml",
    "zip",
    "kmz",
    "jpg",
    "photos.zip",
)


def real_files(folder: Path, made_files) -> dict[str, Path]:
    """One real, tiny file of each kind."""
    made = {ending: folder / f"seed.{ending}" for ending in ENDINGS}
    text = io.StringIO()
    csv.writer(text).writerows(LEDGER)
    made["csv"].write_bytes(text.getvalue().encode())
    made["gbk.csv"].write_bytes(text.getvalue().encode("gb18030"))
    book = openpyxl.Workbook()
    for row in LEDGER:
        book.active.append(row)
    book.active.merge_cells("A1:D1")
    book.active.merge_cells("B2:C2")
    book.create_sheet("8月").append(["x", "y"])
    book.save(made["xlsx"])
    made["xls"].write_bytes(made_files.xls(LEDGER, merges=[(0, 0, 0, 3), (1, 1, 1, 2)]))
    made["xlsb"].write_bytes(made_files.xlsb(LEDGER))
    made["ods"].write_bytes(made_files.ods(LEDGER))
    made["json"].write_bytes(JSON_LIST.encode())
    frame = gpd.GeoDataFrame({"Name": ["北街"]}, geometry=[shapely.Point(120.61, 30.8)], crs=4326)
    frame.to_file(made["geojson"])
    frame.to_file(made["gpkg"])
    frame.to_file(made["kml"], driver="KML")
    frame.to_file(folder / "layer.shp")
    parts = {f"layer.{end}": (folder / f"layer.{end}").read_bytes() for end in ("shp", "shx", "dbf", "prj")}
    made["zip"].write_bytes(made_files.packed(parts))
    made["kmz"].write_bytes(made_files.packed({"doc.kml": made["kml"].read_bytes()}))
    PIL.Image.new("RGB", (4, 4)).save(made["jpg"])
    made["photos.zip"].write_bytes(made_files.packed({"a/1.jpg": made["jpg"].read_bytes()}))
    return made


@pytest.fixture(scope="module")
def seeds(tmp_path_factory, made_files):
    return real_files(tmp_path_factory.mktemp("seeds"), made_files)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("reading")


def read_whole(path: Path) -> int | None:
    """Read a file as the program does; what it holds, or ``None`` when it was refused in one sentence."""
    try:
        table = open_table(path, kind="reports", datum="wgs84")
        chunks = list(read_rows(table))
        propose_layout(path, datum="wgs84")
    except PinganError:
        return None
    for chunk in chunks:
        assert list(chunk.rows.columns) == list(table.headings)
        assert chunk.rows.index.is_unique
        assert len(chunk.skipped) == len(chunk.skipped_as)
        assert not set(chunk.skipped) & {*chunk.rows.index, *chunk.broken["row_number"]}
    assert len(set(table.headings)) == len(table.headings)
    return sum(len(chunk.rows) + len(chunk.broken) + chunk.blank + len(chunk.skipped) for chunk in chunks)


def test_every_real_file_is_read(seeds):
    assert {ending: bool(read_whole(path)) for ending, path in seeds.items()} == dict.fromkeys(ENDINGS, True)


@QUICK
@given(st.sampled_from(ENDINGS), st.binary(max_size=300))
def test_any_bytes_under_any_name_are_read_or_refused(folder, ending, content):
    path = folder / f"a.{ending}"
    path.write_bytes(content)
    read_whole(path)


edits = st.lists(
    st.tuples(
        st.sampled_from(["put", "cut", "double", "end"]),
        st.integers(0, 2**20),
        st.binary(min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=4,
)


def mutate(content: bytes, changes) -> bytes:
    for what, at, put in changes:
        at %= max(len(content), 1)
        if what == "put":
            content = content[:at] + put + content[at + len(put) :]
        elif what == "cut":
            content = content[:at] + content[at + 7 * len(put) :]
        elif what == "double":
            content = content[: at + 40] + content[at:]
        else:
            content = content[:at]
    return content


@QUICK
@given(st.sampled_from(ENDINGS), st.sampled_from(ENDINGS), edits)
def test_damaged_files_under_any_name_are_read_or_refused(folder, seeds, kind, ending, changes):
    path = folder / f"b.{ending}"
    path.write_bytes(mutate(seeds[kind].read_bytes(), changes))
    read_whole(path)


words = st.sampled_from(
    ["", "", "编号", "位置", "经度", "合计", "小 计", "Total", "制表人：甲", "备注：x", "飞线", "北街8号", "2025-07-03", "120.6101", "30.8", "7", "45500", "新塍镇台账"]
)  # fmt: skip
cell = st.one_of(words, words, words, st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6))
grids = st.integers(1, 6).flatmap(
    lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=14)
)


def accounted(path: Path, height: int) -> None:
    try:
        table = open_table(path)
    except PinganError:
        return
    chunks = list(read_rows(table))
    seen = sum(len(chunk.rows) + len(chunk.broken) + chunk.blank + len(chunk.skipped) for chunk in chunks)
    assert seen + table.heading_row == height
    for chunk in chunks:
        kinds = dict(zip(chunk.skipped, chunk.skipped_as, strict=True))
        assert set(kinds.values()) <= {"total", "heading", "title", "note"}


def last_filled(rows) -> int:
    return max((number for number, row in enumerate(rows, 1) if any(row)), default=0)


@QUICK
@given(grids)
def test_every_row_of_a_random_sheet_is_accounted_for(folder, rows):
    """Rows in = heading and above + rows out + blank + skipped + broken."""
    book = openpyxl.Workbook()
    for place, row in enumerate(rows, 1):
        for column, text in enumerate(row, 1):
            if text:
                book.active.cell(place, column).value = f"'{text}" if text.startswith("=") else text
    book.save(folder / "c.xlsx")
    accounted(folder / "c.xlsx", last_filled(rows))


@QUICK
@given(grids)
def test_every_row_of_a_random_text_is_accounted_for(folder, rows):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    (folder / "c.csv").write_text(text.getvalue(), encoding="utf-8")
    accounted(folder / "c.csv", len(rows))


@QUICK
@given(grids)
def test_a_row_with_a_place_or_a_day_is_never_put_aside(folder, rows):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    (folder / "d.csv").write_text(text.getvalue(), encoding="utf-8")
    try:
        table = open_table(folder / "d.csv")
    except PinganError:
        return
    for chunk in read_rows(table):
        for number, kind in zip(chunk.skipped, chunk.skipped_as, strict=True):
            assert kind == "heading" or "120.6101" not in rows[number - 1]
            assert kind in {"heading", "note"} or "2025-07-03" not in rows[number - 1]


@QUICK
@given(grids)
def test_a_proposed_layout_reads_the_file_that_it_was_proposed_for(folder, rows):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    path = folder / "e.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    try:
        proposed = propose_layout(path)
    except PinganError:
        return
    layout = LedgerLayout.from_json(proposed.layout.to_json())
    if proposed.problem is None:
        table = open_table(path, layout=layout)
        assert table.fields == layout.fields


FUZZ_SECONDS = 60
FUZZ = """
import sys, tempfile, os
from pathlib import Path
import atheris
with atheris.instrument_imports(include=["pingan_geo.intake"]):
    from pingan_geo.errors import PinganError
    from pingan_geo.intake.files import open_table, read_rows
    from pingan_geo.intake.proposals import propose_layout
import warnings
warnings.simplefilter("ignore")
folder = Path(tempfile.mkdtemp())
NAMES = ["a.csv", "a.xlsx", "a.zip", "a.kmz", "a.kml", "a.geojson", "a.json", "a.shp", "a.gpkg", "a.jpg"]

def one(content):
    if not content:
        return
    path = folder / NAMES[content[0] % len(NAMES)]
    path.write_bytes(content[1:])
    try:
        table = open_table(path, kind="reports", datum="wgs84")
        for chunk in read_rows(table):
            assert list(chunk.rows.columns) == list(table.headings)
        propose_layout(path, datum="wgs84")
    except PinganError:
        pass

atheris.Setup(sys.argv, one)
atheris.Fuzz()
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fuzzed_files_are_read_or_refused(tmp_path, seeds):
    """Atheris follows the branches of the readers; anything but a PinganError ends it with another code."""
    pytest.importorskip("atheris")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for ending, path in seeds.items():
        for name in range(10):
            (corpus / f"{ending}.{name}").write_bytes(bytes([name]) + path.read_bytes())
    script = tmp_path / "fuzz.py"
    script.write_text(FUZZ, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(corpus), f"-max_total_time={FUZZ_SECONDS}", "-max_len=20000", "-rss_limit_mb=4096", "-timeout=60"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]  # the error stands in stdout
    runs = [line for line in done.stderr.splitlines() if line.startswith("Done ")]
    assert runs, done.stderr[-2000:]
    assert int(runs[0].split()[1]) > 100


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(QUICK, max_examples=2_000)
@given(st.sampled_from(ENDINGS), st.sampled_from(ENDINGS), edits)
def test_damaged_files_at_length(folder, seeds, kind, ending, changes):
    test_damaged_files_under_any_name_are_read_or_refused.hypothesis.inner_test(
        folder, seeds, kind, ending, changes
    )
