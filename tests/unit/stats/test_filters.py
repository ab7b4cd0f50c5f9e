from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.stats.filters import hour_spans, known_hours, only_days, select, weekdays, within_hours

COLUMNS = ("category", "time", "time_until", "village_id", "grid_id", "source", "origin", "batch_id")
BOARD_OF = {"wiring": "home", "theft": "home", "roads": "", "blocked_exit": "commerce"}


@pytest.fixture
def reports():
    none = "NaT"
    rows = [
        # the first has a date only; the fourth is known to the hour; the fifth is at midnight
        ("wiring", "2026-03-02", "2026-03-03", "v1", "g1", "12345", "reported", 1),
        ("wiring", "2026-03-02T08:59:59", none, "v1", "g2", "12345", "reported", 1),
        ("theft", "2026-03-03T09:00", none, "v2", "g3", "courier", "reported", 1),
        ("theft", "2026-03-08T23:30", "2026-03-09T00:30", "v2", "", "courier", "found", 2),
        ("blocked_exit", "2026-03-09T00:00", none, "", "", "", "reported", 2),
        ("roads", "2026-03-10T12:00", "2026-03-10T14:00", "v1", "g1", "", "found", 2),
        ("unlisted", "2026-03-11T12:00", none, "v1", "g1", "", "reported", 2),
    ]
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    kinds = {"time": "datetime64[s]", "time_until": "datetime64[s]", "batch_id": "int64"}
    return pd.DataFrame(
        {
            name: pd.Series(np.array(column, dtype=kinds.get(name)), dtype=kinds.get(name, "str"))
            for name, column in columns.items()
        }
    ).set_index(np.arange(7) * 10)


def rows(reports, **asked):
    return np.flatnonzero(select(reports, ReportFilter(**{"origin": "", **asked}), BOARD_OF)).tolist()


def test_an_empty_question_takes_everything_that_was_reported(reports):
    assert rows(reports) == [0, 1, 2, 3, 4, 5, 6]
    assert np.flatnonzero(select(reports, ReportFilter(), BOARD_OF)).tolist() == [0, 1, 2, 4, 6]
    assert rows(reports, origin="found") == [3, 5]


def test_a_table_without_rows(reports):
    assert select(reports.iloc[:0], ReportFilter(hours=(1,), boards=("home",)), BOARD_OF).shape == (0,)


def test_codes_that_nothing_has_take_nothing(reports):
    for asked in (
        {"categories": ("mars",)},
        {"boards": ("mars",)},
        {"grids": ("g9",)},
        {"sources": ("x",)},
        {"batch": 9},
        {"origin": "x"},
    ):
        assert rows(reports, **asked) == []


def test_each_limit_alone(reports):
    assert rows(reports, categories=("theft", "roads")) == [2, 3, 5]
    assert rows(reports, boards=("home",)) == [0, 1, 2, 3]
    assert rows(reports, boards=("",)) == [5, 6]  # no board, or not in the town's list
    assert rows(reports, villages=("v2",)) == [2, 3]
    assert rows(reports, grids=("g1", "g3")) == [0, 2, 5, 6]
    assert rows(reports, sources=("courier",)) == [2, 3]
    assert rows(reports, batch=2) == [3, 4, 5, 6]


def test_all_limits_must_hold(reports):
    assert rows(reports, categories=("wiring",), boards=("commerce",)) == []
    assert rows(reports, boards=("home",), villages=("v1",), hours=(8,)) == [1]


def test_a_period_is_half_open_and_counts_an_interval_by_its_start(reports):
    since, until = datetime(2026, 3, 2), datetime(2026, 3, 9)
    assert rows(reports, period=Period(since, until)) == [0, 1, 2, 3]
    assert rows(reports, period=Period(until, None)) == [4, 5, 6]
    assert rows(reports, period=Period(None, datetime(2026, 3, 2, 9))) == [0, 1]
    assert rows(reports, period=Period(datetime(2026, 3, 2, 8, 59, 59, 500_000), None)) == [2, 3, 4, 5, 6]
    assert rows(reports, period=Period(until, since)) == []


def test_an_hour_that_is_not_known_never_fits(reports):
    assert rows(reports, hours=(0,)) == [4]  # the date-only report is not at midnight
    assert rows(reports, hours=tuple(range(24))) == [1, 2, 3, 4, 5, 6]
    assert rows(reports, hours=(12, 13)) == [5, 6]  # from 12 to 14 h it surely was
    assert rows(reports, hours=(12,)) == [6]
    assert rows(reports, hours=(-1,)) == []


def test_weekdays_begin_on_monday(reports):
    assert rows(reports, weekdays=(0,)) == [0, 1, 4]
    assert rows(reports, weekdays=(6,)) == [3]


def test_without_boards_no_category_has_one(reports):
    assert not select(reports, ReportFilter(boards=("home",))).any()


def test_known_hours_and_weekdays_of_single_instants():
    times = np.array(
        ["1969-12-31T23:59:59", "1970-01-01T00:00", "NaT", "2026-02-28T23:00"], dtype="datetime64[s]"
    )
    until = np.array(["NaT", "1970-01-01T01:00", "NaT", "2026-03-01T00:00:01"], dtype="datetime64[s]")
    assert known_hours(times, until).tolist() == [23, 0, -1, -1]
    assert known_hours(times).tolist() == [23, 0, -1, 23]
    assert weekdays(times).tolist() == [2, 3, -1, 5]


def test_the_hours_that_a_report_may_lie_in():
    spans = [
        ("2026-03-02T18:30", "NaT", 18, 1),
        ("2026-03-02T18", "2026-03-02T19", 18, 1),
        ("2026-03-02T18:30", "2026-03-02T20", 18, 2),
        ("2026-03-02T22:15", "2026-03-03T05:15", 22, 8),
        ("2026-03-02", "2026-03-03", -1, 0),
        ("2026-03-02", "2026-03-05", -1, 0),
        ("NaT", "NaT", -1, 0),
        ("2026-03-06T18", "2026-03-09T07", 18, 25),
        ("2026-03-02T06", "2026-03-03T06", 6, 24),
        ("2026-03-02", "2026-03-02T23", 0, 23),
    ]
    times, until = (np.array([row[end] for row in spans], dtype="datetime64[s]") for end in (0, 1))
    first, number = hour_spans(times, until)
    assert first.tolist() == [row[2] for row in spans]
    assert number.tolist() == [row[3] for row in spans]
    assert np.flatnonzero(only_days(times, until)).tolist() == [4, 5]
    assert hour_spans(times)[1].tolist() == [1, 1, 1, 1, 1, 1, 0, 1, 1, 1]


def test_an_interval_lies_in_hours_that_hold_all_of_it():
    times = np.array(["2026-03-02T12", "2026-03-02T22", "2026-03-02"], dtype="datetime64[s]")
    until = np.array(["2026-03-02T18", "2026-03-03T06", "2026-03-03"], dtype="datetime64[s]")
    assert within_hours(times, until, range(12, 18)).tolist() == [True, False, False]
    assert within_hours(times, until, range(12, 17)).tolist() == [False, False, False]
    assert within_hours(times, until, (22, 23, 0, 1, 2, 3, 4, 5)).tolist() == [False, True, False]
    assert within_hours(times, until, range(24)).tolist() == [True, True, False]
    assert within_hours(times, until, (-1, 24)).tolist() == [False, False, False]
