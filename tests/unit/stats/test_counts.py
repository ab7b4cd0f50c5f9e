from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.model.report import Period
from pingan_geo.spatial.cells import cells_of, parents
from pingan_geo.stats.counts import concentration, count_by_cell, count_by_polygon, trend


def instants(*texts):
    return np.array(texts, dtype="datetime64[s]")


# -- cells and polygons -----------------------------------------------------------------------------


def test_cells_cannot_be_counted_finer_than_they_are():
    with pytest.raises(BadChoiceError):
        count_by_cell(cells_of([120.6], [30.8], 9), 10)


def test_count_by_cell():
    cells = cells_of([120.6, 120.6, 120.7, np.nan, 120.6003], [30.8, 30.8, 30.8, 30.8, 30.8], 11)
    counts = count_by_cell(cells, 8)
    assert counts["cell"].tolist() == sorted(set(parents(cells[[0, 2]], 8).tolist()))
    assert counts["count"].sum() == 4
    assert counts.loc[counts["cell"] == parents(cells, 8)[0], "count"].item() == 3
    assert len(count_by_cell(np.zeros(3, dtype=np.uint64), 8)) == 0
    assert len(count_by_cell([], 8)) == 0


def test_count_by_polygon_keeps_polygons_without_reports_and_says_what_is_outside():
    counts, outside = count_by_polygon(pd.Series(["b", "", "b", "gone"], dtype="str"), ["c", "b", "a"])
    assert counts["code"].tolist() == ["c", "b", "a"]
    assert counts["count"].tolist() == [0, 2, 0]
    assert outside == 2
    assert count_by_polygon([], ["a"])[0]["count"].tolist() == [0]
    empty, outside = count_by_polygon(["a", ""], [])
    assert (len(empty), outside) == (0, 2)


# -- trend ------------------------------------------------------------------------------------------


def test_a_step_that_does_not_exist_is_refused():
    with pytest.raises(BadChoiceError, match="day / week / month"):
        trend(instants("2026-03-02"), step="hour")


def test_no_reports_and_an_open_period_give_no_steps():
    for period in (None, Period(datetime(2026, 3, 1), None), Period(None, datetime(2026, 3, 1))):
        table = trend(instants(), period)
        assert table.columns.tolist() == ["start", "count", "complete"]
        assert len(table) == 0
        assert table["start"].dtype == np.dtype("datetime64[s]")
    assert len(trend(instants("2026-03-01"), Period(datetime(2026, 3, 2), datetime(2026, 3, 1)))) == 0


def test_every_day_of_a_period_has_a_row():
    times = instants("2026-02-27T23:59:59", "2026-03-01", "2026-03-01T12:00", "2026-03-03", "NaT")
    table = trend(times, Period(datetime(2026, 2, 27), datetime(2026, 3, 3)), "day")
    assert table["start"].dt.strftime("%m-%d").tolist() == ["02-27", "02-28", "03-01", "03-02"]
    assert table["count"].tolist() == [1, 0, 2, 0]
    assert table["complete"].all()


def test_weeks_begin_on_monday_and_cut_weeks_are_marked():
    times = instants("2026-03-01T23:59:59", "2026-03-02", "2026-03-08T23:59:59", "2026-03-18")
    table = trend(times, Period(datetime(2026, 2, 25), datetime(2026, 3, 19)), "week")
    assert table["start"].dt.strftime("%Y-%m-%d").tolist() == [
        "2026-02-23",
        "2026-03-02",
        "2026-03-09",
        "2026-03-16",
    ]
    assert (table["start"].dt.day_of_week == 0).all()
    assert table["count"].tolist() == [1, 2, 0, 1]
    assert table["complete"].tolist() == [False, True, True, False]


def test_months_are_of_the_calendar():
    times = instants("2025-12-31T23:59:59", "2026-02-28", "2026-02-01")
    table = trend(times, Period(datetime(2025, 12, 1), datetime(2026, 3, 1)), "month")
    assert table["start"].dt.strftime("%Y-%m-%d").tolist() == ["2025-12-01", "2026-01-01", "2026-02-01"]
    assert table["count"].tolist() == [1, 0, 2]
    assert table["complete"].all()


def test_an_open_period_ends_with_the_reports_and_its_last_step_is_not_complete():
    table = trend(instants("2026-03-02T10:00", "2026-03-04T11:00"), None, "day")
    assert table["count"].tolist() == [1, 0, 1]
    assert table["complete"].tolist() == [True, True, False]


def test_a_period_within_one_step():
    table = trend(
        instants("2026-03-04T11:00"), Period(datetime(2026, 3, 4, 10), datetime(2026, 3, 4, 12)), "day"
    )
    assert table["count"].tolist() == [1]
    assert table["complete"].tolist() == [False]


def test_times_before_1970():
    table = trend(
        instants("1969-12-28", "1969-12-29"), Period(datetime(1969, 12, 22), datetime(1970, 1, 5)), "week"
    )
    assert table["start"].dt.strftime("%Y-%m-%d").tolist() == ["1969-12-22", "1969-12-29"]
    assert table["count"].tolist() == [1, 1]


# -- concentration ----------------------------------------------------------------------------------


def test_what_makes_no_sense_is_refused():
    for shares in ((0.0,), (1.1,), (np.nan,), (-0.5,)):
        with pytest.raises(BadChoiceError, match="shares"):
            concentration([1], shares=shares)
    with pytest.raises(BadChoiceError, match="counts"):
        concentration([1, -1])
    with pytest.raises(UnalignedIndexError):
        concentration([1, 2, 3], total_cells=2)


def test_concentration_of_ten_reports():
    table = concentration([5, 1, 0, 3, 1], total_cells=20, shares=(0.5, 0.8, 0.81, 1.0))
    assert table["cells"].tolist() == [1, 2, 3, 4]
    assert table["count"].tolist() == [5, 8, 9, 10]
    assert table["share"].tolist() == [0.5, 0.8, 0.9, 1.0]
    assert table["cell_share"].tolist() == [0.05, 0.1, 0.15, 0.2]


def test_shares_that_are_not_round_in_binary():
    assert 0.07 * 100 > 7
    assert 0.29 * 100 < 29
    table = concentration(np.ones(100, dtype=int), shares=(0.07, 0.28, 0.29, 0.55, 0.8))
    assert table["cells"].tolist() == [7, 28, 29, 55, 80]


def test_without_reports_there_is_nothing_to_say():
    for counts in ([], [0, 0]):
        assert len(concentration(counts)) == 0


def test_an_end_within_a_second_counts_that_second():
    until = datetime(2026, 1, 1, 0, 0, 0, 1)
    counted = trend(np.array(["2026-01-01T00:00:00"], dtype="datetime64[s]"), Period(until=until))
    assert counted["count"].sum() == 1
