"""Whatever a file holds: it is refused in one sentence, or every one of its rows is accounted for."""

from __future__ import annotations

import csv
import datetime as dt
import io
from dataclasses import replace

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
from pingan_geo.intake.texts import mask_persons, parse_degrees
from pingan_geo.intake.times import PARTS_OF_DAY, parse_times
from pingan_geo.intake.values import ReportRules, clean_reports
from pingan_geo.model.place import LOCATED
from pingan_geo.model.receipt import HOLD_REASONS
from pingan_geo.model.tables import CLEAN_REPORTS, CORRECTIONS, HELD_ROWS

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


MANY_HEADINGS = [
    "类别",
    "时间",
    "经度",
    "纬度",
    "坐标",
    "地址",
    "小区",
    "幢号",
    "办结时间",
    "所属网格",
    "来源",
    "天气",
]
MANY = [
    ["FW1", "飞线", "噪声"],
    [
        "7月31日下午",
        "7.31晚",
        "2025-07-03 14:05",
        "二〇二五年七月三日",
        "45500",
        "2月29日",
        "8月1日9:00-11:00",
    ],
    ["120.61", "", "120°36′", "30.79", "E120.61"],
    ["30.79", "", "30°48′N", "120.61"],
    ["", "", "120.61,30.79", "30.79 120.61", "POINT(120.61 30.79)", "3,4"],
    ["", "北街", "南街", "老街", "外", "120.61,30.79", "北13812345678"],
    ["", "洛东小区"],
    ["", "3", "3幢"],
    ["", "2025-07-02", "2025-07-03", "8月2日"],
    ["", "XC-7", "XC-8"],
    ["", "甲", "乙"],
    ["", "晴", "电话13812345678"],
]
many = st.tuples(*(st.one_of(*[st.sampled_from(usual)] * 4, cell) for usual in MANY)).map(list)


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
        inside=inside,
        date_order="mdy",
    )


def clean(rows, headings=HEADINGS, **how):
    table = pd.DataFrame(rows, columns=headings, dtype="str")
    table.index = pd.Index(np.arange(2, 2 + len(table)), name="row_number")
    chunk = RawChunk(table, broken_frame(), 0, 0)
    return clean_reports(chunk, map_columns(headings, "reports", file="a.csv"), replace(rules(), **how))


def inside(lon, lat):
    return (np.abs(lon - 120.6) < 0.2) & (np.abs(lat - 30.8) < 0.2)


def locate(texts):
    """Find the texts that begin with a known sign: one here, one far away, one doubtful."""
    known = {"北": ("accepted", 120.6), "南": ("accepted", 121.6), "老": ("review", 120.6)}
    found = [known.get(text[:1], ("rejected", np.nan)) for text in texts]
    table = pd.DataFrame({"status": [each[0] for each in found], "lon": [each[1] for each in found]})
    table = table.assign(lat=table["lon"] - 89.8, level="door", radius_m=15.0, score=0.5)
    words = dict.fromkeys(("name", "reason", "candidates"), "")
    return LOCATED.check(table.assign(**words).astype(dict.fromkeys(("status", "level", *words), "str")))


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


def clean_many(rows):
    return clean(
        rows,
        MANY_HEADINGS,
        locate=locate,
        year=2025,
        keep_extra=True,
        grid_code=lambda texts: ["XC-7" if text == "XC-7" else "" for text in texts],
        datum_by_source={"甲": ("wgs84", "guessed")},
    )


@settings(QUICK, max_examples=80)
@given(st.lists(many, max_size=20))
def test_a_ledger_with_everything_is_conserved_and_inside(rows):
    cleaned = clean_many(rows)
    reports = CLEAN_REPORTS.check(cleaned.reports)
    numbers = sorted([*reports["row_number"], *HELD_ROWS.check(cleaned.held)["row_number"]])
    assert numbers == list(range(2, 2 + len(rows)))
    assert set(cleaned.held["reason"]) <= set(HOLD_REASONS)
    assert inside(reports["lon"].to_numpy(), reports["lat"].to_numpy()).all()
    until = reports["time_until"]
    assert (until.isna() | (until > reports["time"])).all()
    assert (reports["time"] <= pd.Timestamp(2026, 1, 2)).all()
    assert cleaned.located == (reports["datum_known_by"] == "gazetteer").sum()
    corrected = CORRECTIONS.check(cleaned.corrections)["row_number"]
    assert set(corrected) <= set(reports["row_number"])
    assert corrected.is_unique
    assert sum(cleaned.unknown_grids.values()) == (~reports["stated_grid"].isin(["", "XC-7"])).sum()
    held = (cleaned.held["reason"] == "unknown_category").sum()
    assert sum(cleaned.unknown_categories.values()) == held
    assert "13812345678" not in reports.to_csv() + cleaned.held.to_csv()


@settings(QUICK, max_examples=50)
@given(st.lists(many, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_a_row_with_everything_is_judged_by_itself(rows, shuffle):
    together = clean_many(rows)
    order = list(range(len(rows)))
    shuffle.shuffle(order)
    turned = clean_many([rows[place] for place in order])
    verdicts = [
        {
            **dict.fromkeys(each.reports["row_number"], ""),
            **dict(zip(each.held["row_number"], each.held["reason"], strict=True)),
        }
        for each in (together, turned)
    ]
    assert [verdicts[0][place + 2] for place in order] == [verdicts[1][n + 2] for n in range(len(rows))]


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


DIGITS = "〇一二三四五六七八九"


def in_words(number):
    tens, ones = divmod(number, 10)
    return ("" if tens == 0 else "十" if tens == 1 else f"{DIGITS[tens]}十") + (
        DIGITS[ones] if ones or not tens else ""
    )


@QUICK
@given(
    st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2099, 12, 30)),
    st.integers(1, 600),
    st.sampled_from(
        [
            "{year}年{month}月{day}日{hour}:{minute:02d}-{hour2}:{minute2:02d}",
            "{year}-{month}-{day} {hour}时{minute}分至{hour2}时{minute2}分",
            "{month}月{day}日{hour}点{minute}分到{hour2}点{minute2}分",
            "{chinese}年{month_words}月{day_words}日{hour_words}点{minute}分-{hour2_words}点{minute2}分",
            "{month}.{day:02d} {hour}：{minute:02d}～{hour2}：{minute2:02d}",
        ]
    ),
)
def test_every_interval_survives_its_spelling(start, minutes, form):
    start = start.replace(second=0, microsecond=0)
    end = start + dt.timedelta(minutes=minutes)
    if end.date() != start.date() and (start.hour < 18 or (end.hour, end.minute) > (8, 0)):
        return  # a range over midnight is only believed at night
    words = form.format(
        year=start.year,
        chinese="".join(DIGITS[int(digit)] for digit in str(start.year)),
        **{f"{name}_words": in_words(getattr(start, name)) for name in ("month", "day", "hour")},
        **{name: getattr(start, name) for name in ("month", "day", "hour", "minute")},
        hour2=end.hour,
        hour2_words=in_words(end.hour),
        minute2=end.minute,
    )
    read = parse_times(pa.array([words], pa.large_string()), timezone="Asia/Shanghai", year=start.year)
    assert (read.instant[0], read.until[0]) == (np.datetime64(start, "s"), np.datetime64(end, "s"))


@QUICK
@given(
    st.sampled_from(sorted(PARTS_OF_DAY)), st.dates(dt.date(1990, 1, 1), dt.date(2099, 12, 30)), st.booleans()
)
def test_every_part_of_a_day_is_an_interval_of_it(word, day, with_year):
    first, end, _, _ = PARTS_OF_DAY[word]
    text = f"{day.year}年{day.month}月{day.day}日{word}" if with_year else f"{day.month}-{day.day}{word}"
    read = parse_times(pa.array([text], pa.large_string()), timezone="Asia/Shanghai", year=day.year)
    midnight = np.datetime64(day, "s")
    assert read.instant[0] == midnight + np.timedelta64(first, "h")
    assert read.until[0] == midnight + np.timedelta64(end, "h")


@QUICK
@given(
    st.floats(0, 180),
    st.sampled_from(["{d}°{m}′{s:.6f}″", "E{v:.9f}", "{v:.9f}e", "东经{d}度{m}分{s:.6f}秒"]),
)
def test_every_angle_survives_its_spelling(degrees, form):
    whole = int(degrees)
    minute = int((degrees - whole) * 60)
    second = min(max((degrees - whole) * 3600 - minute * 60, 0), 59.999999)
    written = form.format(v=degrees, d=whole, m=minute, s=second)
    read = parse_degrees(pa.array([written], pa.large_string()))
    assert read.numbers[0] == pytest.approx(degrees, abs=1e-8)


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
