"""Whatever a file holds: it is refused in one sentence, or every one of its rows is accounted for."""

from __future__ import annotations

import csv
import datetime as dt
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pingan_geo.errors import PinganError
from pingan_geo.intake.categories import CategoryBook
from pingan_geo.intake.columns import map_columns
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.identity import content_keys
from pingan_geo.intake.raw import RawChunk, broken_frame
from pingan_geo.intake.texts import mask_persons
from pingan_geo.intake.times import parse_times
from pingan_geo.intake.values import ReportRules, clean_reports
from pingan_geo.model.receipt import HOLD_REASONS
from pingan_geo.model.tables import CLEAN_REPORTS, HELD_ROWS

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SPELLINGS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y年%m月%d日%H时%M分%S秒",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y%m%d%H%M%S",
)
HEADINGS = ["编号", "类别", "时间", "经度", "纬度", "描述"]
USUAL = [
    ["", "A1", "A2"],
    ["FW1", "飞线", "噪声"],
    ["2025-07-03", "2025-07-03 14:05", "2025年7月3日", "07/13/2025", "2025-07-03T14:05:00Z", "2027-01-01"],
    ["120.61", "１２０．６１", "120.6100", "30.79", "0"],
    ["30.79", "30.7", "120.61", "0", "无"],
    ["", "电话13812345678", "'=1", "a\nb", '"'],
]
cell = st.one_of(st.text(max_size=12), st.floats().map(repr), st.datetimes().map(str))
row = st.tuples(*(st.one_of(st.sampled_from(usual), st.sampled_from(usual), cell) for usual in USUAL)).map(
    list
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("intake") / "a.csv"


def rules():
    return ReportRules(
        categories=CategoryBook({"fw1": "FW1", "飞线": "FW1"}),
        timezone="Asia/Shanghai",
        now=dt.datetime(2026, 1, 1),
        datum="gcj02",
        datum_known_by="setting",
        inside=lambda lon, lat: (np.abs(lon - 120.6) < 0.2) & (np.abs(lat - 30.8) < 0.2),
        date_order="mdy",
    )


def clean(rows):
    table = pd.DataFrame(rows, columns=HEADINGS, dtype="str")
    table.index = pd.Index(np.arange(2, 2 + len(table)), name="row_number")
    chunk = RawChunk(table, broken_frame(), 0, 0)
    return clean_reports(chunk, map_columns(HEADINGS, "reports", file="a.csv"), rules())


@QUICK
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(file, content):
    file.write_bytes(content)
    try:
        table = open_table(file)
        rows = sum(len(chunk.rows) + len(chunk.broken) + chunk.blank for chunk in read_rows(table))
    except PinganError:
        return
    assert rows >= 0


@QUICK
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), min_size=2, max_size=4),
        max_size=12,
    )
)
def test_every_row_of_a_table_is_handed_out_once(file, rows):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["甲", "乙", "丙"], *rows])
    file.write_text(text.getvalue(), encoding="utf-8")
    table = open_table(file)
    if table.heading_row != 1 or table.headings != ("甲", "乙", "丙"):
        return  # a wider row further down is a better heading
    found, broken, blank = [], 0, 0
    for chunk in read_rows(table):
        found += zip(chunk.rows.index, map(list, chunk.rows.itertuples(index=False)), strict=True)
        broken, blank = broken + len(chunk.broken), blank + chunk.blank
    expected = [(n, r) for n, r in enumerate(rows, 2) if len(r) == 3 and any(c.strip() for c in r)]
    assert [number for number, _ in found] == [number for number, _ in expected]
    assert [cells for _, cells in found] == [cells for _, cells in expected]
    assert broken + blank + len(found) == len(rows)


@QUICK
@given(st.lists(row, max_size=20))
def test_rows_are_conserved_and_well_formed(rows):
    cleaned = clean(rows)
    CLEAN_REPORTS.check(cleaned.reports)
    HELD_ROWS.check(cleaned.held)
    numbers = sorted([*cleaned.reports["row_number"], *cleaned.held["row_number"]])
    assert numbers == list(range(2, 2 + len(rows)))
    assert set(cleaned.held["reason"]) <= set(HOLD_REASONS)
    assert np.isfinite(cleaned.reports["lon"]).all()
    assert cleaned.reports["time"].notna().all()
    assert (cleaned.reports["category"] == "FW1").all()


@QUICK
@given(st.lists(row, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_a_row_is_judged_by_itself(rows, shuffle):
    """Not by its neighbours: order and company change neither the verdict nor the number."""
    together = clean(rows).reports
    order = list(range(len(rows)))
    shuffle.shuffle(order)
    turned = clean([rows[place] for place in order]).reports
    back = np.array(order, dtype="int64") + 2
    turned = turned.assign(row_number=back[turned["row_number"].to_numpy() - 2])
    turned = turned.sort_values("row_number", ignore_index=True)
    pd.testing.assert_frame_equal(together, turned)
    assert (content_keys(together) == content_keys(turned)).all()


@QUICK
@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2199, 12, 31)), st.sampled_from(SPELLINGS))
def test_every_instant_survives_its_spelling(instant, form):
    instant = instant.replace(microsecond=0)
    words = pa.array([instant.strftime(form), "x"], pa.large_string())
    read = parse_times(words, timezone="Asia/Shanghai", date_order="mdy").instant[0]
    assert read == np.datetime64(instant, "s") or (form == "%Y%m%d%H%M%S" and instant.year > 2099)


@QUICK
@given(
    st.lists(st.sampled_from(["13812345678", "330411199001011234", "a", "，", " ", "7", "电话"]), max_size=8)
)
def test_masking_leaves_no_number_standing_alone(parts):
    text = "，".join(parts)
    masked, _, _ = mask_persons(pa.array([text], pa.large_string()))
    assert "13812345678" not in masked[0].as_py()
    assert "330411199001011234" not in masked[0].as_py()
    again, phones, ids = mask_persons(masked)
    assert (phones, ids) == (0, 0)
    assert again.equals(masked)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(QUICK, max_examples=20_000)
@given(st.binary(max_size=2_000))
def test_any_bytes_at_length(file, content):
    test_any_bytes_are_read_or_refused.hypothesis.inner_test(file, content)
