"""Times as ledgers write them; what is not a time stays unread."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pingan_geo.intake.times import join_clock, parse_times

TOWN = "Asia/Shanghai"


def read(text, **how):
    times = parse_times(pa.array([text], pa.large_string()), timezone=TOWN, **how)
    return str(times.instant[0]), bool(times.has_hour[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "昨天",
        "2025-02-30",
        "2025-13-01",
        "2025-07-03 25:00",
        "2025-07-03 14:61",
        "2025-07-32",
        "07/03/2025",
        "7月31日下午",
        "14:05",
        "45500",
        "20251332",
        "2025-07-03 13:05 PM",
        "2025-07-03 0:05 am",
        "1825-07-03",
        "2025-07-03 abc",
        "2025/7/3 14:05 某某",
        "99/99/9999",
    ],
)
def test_what_is_not_a_time_stays_unread(text):
    assert read(text)[0] == "NaT"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-07-03T14:05:06", "2025-07-03T14:05:06"),
        ("2025-07-03 14:05", "2025-07-03T14:05:00"),
        ("2025-07-03 14:05:06.789", "2025-07-03T14:05:06"),
        ("2025/7/3 14:05", "2025-07-03T14:05:00"),
        ("2025/7/3 9:5:6", "2025-07-03T09:05:06"),
        ("2025.07.03 14:05", "2025-07-03T14:05:00"),
        ("2025年7月3日 14时05分", "2025-07-03T14:05:00"),
        ("2025年7月3日14时", "2025-07-03T14:00:00"),
        ("2025年07月03日14:05:06", "2025-07-03T14:05:06"),
        ("2025年7月3日14时5分6秒", "2025-07-03T14:05:06"),
        ("2025年7月3日 下午2时05分", "2025-07-03T14:05:00"),
        ("2025-07-03 上午10:00", "2025-07-03T10:00:00"),
        ("2025-07-03 凌晨12:30", "2025-07-03T00:30:00"),
        ("2025-07-03 中午12:30", "2025-07-03T12:30:00"),
        ("2025-07-03 中午1:30", "2025-07-03T13:30:00"),
        ("2025-07-03 02:05 PM", "2025-07-03T14:05:00"),
        ("２０２５－０７－０３　１４：０５", "2025-07-03T14:05:00"),
        ("20250703140506", "2025-07-03T14:05:06"),
        ("20250703T140506", "2025-07-03T14:05:06"),
        ("2025-07-03T06:05:00Z", "2025-07-03T14:05:00"),
        ("2025-07-03T06:05:00+00:00", "2025-07-03T14:05:00"),
        ("2025-07-03T06:05:00-0500", "2025-07-03T19:05:00"),
        ("2025-07-03 14:05:00+08:00", "2025-07-03T14:05:00"),
        ("2025-07-03T20:30:00.000Z", "2025-07-04T04:30:00"),
    ],
)
def test_spellings_with_a_time_of_day(text, instant):
    assert read(text) == (instant, True)


@pytest.mark.parametrize(
    "text", ["2025-07-03", "2025/7/3", "2025年7月3日", "20250703", "2025.7.3", "2025-7-3"]
)
def test_spellings_of_a_day(text):
    assert read(text) == ("2025-07-03T00:00:00", False)


@pytest.mark.parametrize(
    ("text", "order", "instant"),
    [
        ("07/03/2025 02:05:00 PM", "mdy", "2025-07-03T14:05:00"),
        ("07/03/2025 12:05:00 AM", "mdy", "2025-07-03T00:05:00"),
        ("07/03/2025 12:05:00 pm", "mdy", "2025-07-03T12:05:00"),
        ("07/03/2025 14:05", "dmy", "2025-03-07T14:05:00"),
        ("3.7.2025", "dmy", "2025-07-03T00:00:00"),
        ("13/07/2025", "mdy", "NaT"),
    ],
)
def test_year_last_needs_its_order_said(text, order, instant):
    assert read(text, date_order=order)[0] == instant


def test_year_last_tells_which_orders_are_possible():
    times = parse_times(
        pa.array(["07/03/2025", "07/13/2025", "13/07/2025"], pa.large_string()), timezone=TOWN
    )
    assert times.year_last.all()
    assert times.month_first.tolist() == [False, True, False]
    assert times.day_first.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("text", "serials", "instant"),
    [
        ("45500", "1900", "2024-07-27T00:00:00"),
        ("45500.5", "1900", "2024-07-27T12:00:00"),
        ("45500.586805555555", "1900", "2024-07-27T14:05:00"),
        ("44038", "1904", "2024-07-27T00:00:00"),
    ],
)
def test_serial_numbers_of_workbooks(text, serials, instant):
    assert read(text, serials=serials)[0] == instant


def test_the_quick_way_and_the_patterns_agree():
    texts = ["2025-07-03", "2025-07-03T14:05:06", "2025-07-03 14:05", "2024-02-29 23:59:59", "1999-12-31"]
    quick = parse_times(pa.array(texts, pa.large_string()), timezone=TOWN)
    slow = parse_times(pa.array([*texts, "2025/7/3"], pa.large_string()), timezone=TOWN)
    assert (quick.instant == slow.instant[:-1]).all()
    assert (quick.has_hour == slow.has_hour[:-1]).all()
    assert quick.instant.dtype == np.dtype("datetime64[s]") == slow.instant.dtype


def test_summer_time_of_the_town():
    text = pa.array(["2025-07-03T12:00:00Z", "2025-01-03T12:00:00Z"], pa.large_string())
    assert parse_times(text, timezone="America/Chicago").instant.astype(str).tolist() == [
        "2025-07-03T07:00:00",
        "2025-01-03T06:00:00",
    ]


def test_day_and_clock_in_two_columns():
    date = pa.array(["2025/7/3", "2025-07-03T00:00:00", "2025-07-03", "2025-07-03"], pa.large_string())
    clock = pa.array(["14:05", "14:05:00", "", "2025-07-04 10:00"], pa.large_string())
    assert join_clock(date, clock).to_pylist() == [
        "2025/7/3 14:05",
        "2025-07-03 14:05:00",
        "2025-07-03",
        "2025-07-04 10:00",
    ]
