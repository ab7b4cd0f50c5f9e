"""Counting keeps every report: by step, by share, by filter."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.model.report import Period
from pingan_geo.stats.counts import STEPS, concentration, trend

UNHURRIED = settings(deadline=None, max_examples=80)
moments = st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1))
near_moments = st.datetimes(datetime(2024, 11, 1), datetime(2027, 3, 1))


@UNHURRIED
@given(st.lists(near_moments, max_size=40), st.tuples(near_moments, near_moments), st.sampled_from(STEPS))
def test_the_steps_of_a_trend_are_the_calendars_and_hold_every_report_of_the_period(times, ends, step):
    since, until = (end.replace(microsecond=0) for end in sorted(ends))
    instants = np.array(times, dtype="datetime64[s]")
    table = trend(instants, Period(since, until), step)
    inside = instants[(instants >= np.datetime64(since, "s")) & (instants < np.datetime64(until, "s"))]
    assert table["count"].sum() == inside.size
    if since == until:
        assert len(table) == 0
        return
    frequency = {"day": "D", "week": "W-SUN", "month": "M"}[step]
    expected = pd.period_range(since, until - pd.Timedelta(1, "s"), freq=frequency)
    assert table["start"].tolist() == [period.start_time for period in expected]
    by_pandas = (
        pd.Series(inside).dt.to_period(frequency).value_counts() if inside.size else pd.Series(dtype=int)
    )
    assert table["count"].tolist() == [int(by_pandas.get(period, 0)) for period in expected]
    whole = [period.start_time >= since and period.end_time < until for period in expected]
    assert table["complete"].tolist() == whole


@UNHURRIED
@given(st.lists(st.integers(0, 50), max_size=60), st.lists(st.floats(0.001, 1.0), min_size=1, max_size=5))
def test_no_fewer_cells_hold_the_share(counts, shares):
    table = concentration(counts, shares=shares)
    total, held = sum(counts), sorted(counts, reverse=True)
    for row in table.itertuples():
        assert row.share >= row.asked_share - 1e-9
        assert row.count == sum(held[: row.cells])
        assert sum(held[: row.cells - 1]) < row.asked_share * total - 1e-9 * (row.cells > 1)
    assert len(table) == (len(shares) if total else 0)
