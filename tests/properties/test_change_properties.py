"""What holds for changes, newcomers, trends, rates and pairs whatever the numbers are."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pingan_geo.stats.change import LIFE_CLASSES, compare_periods, life_classes, mann_kendall, newcomers
from pingan_geo.stats.near_repeat import knox
from pingan_geo.stats.rates import rate_interval, rates, smooth_rates

counts = st.integers(0, 5000)
lengths = st.floats(0.5, 4000)


@settings(deadline=None)
@given(
    before=counts, after=counts, length_before_d=lengths, length_after_d=lengths, level=st.floats(0.5, 0.999)
)
def test_p_and_interval_say_the_same(before, after, length_before_d, length_after_d, level):
    row = compare_periods(
        [before], [after], length_before_d=length_before_d, length_after_d=length_after_d, level=level
    ).iloc[0]
    if not before + after:
        assert np.isnan(row["p_value"])
        return
    assert 0 <= row["p_value"] <= 1
    assert row["ratio_low"] <= row["ratio"] * (1 + 1e-9)
    assert row["ratio"] <= row["ratio_high"] * (1 + 1e-9)
    if abs(row["p_value"] - (1 - level)) > 1e-9:
        leaves_out_1 = not row["ratio_low"] < 1 < row["ratio_high"]
        assert leaves_out_1 == (row["p_value"] < 1 - level)


@settings(deadline=None)
@given(before=counts, after=counts, length_before_d=lengths, length_after_d=lengths)
def test_time_turned_round_gives_the_same_p_and_the_inverse_ratio(
    before, after, length_before_d, length_after_d
):
    forward = compare_periods(
        [before], [after], length_before_d=length_before_d, length_after_d=length_after_d
    )
    back = compare_periods([after], [before], length_before_d=length_after_d, length_after_d=length_before_d)
    np.testing.assert_allclose(forward["p_value"], back["p_value"], rtol=1e-7)
    if before and after:
        np.testing.assert_allclose(forward["ratio_low"] * back["ratio_high"], 1, rtol=1e-6)


times = st.one_of(st.none(), st.integers(0, 59))
reporters = st.sampled_from(["", "甲", "乙", "丙", "丁"])


@settings(deadline=None)
@given(rows=st.lists(st.tuples(times, reporters), max_size=40), split=st.integers(15, 44))
def test_the_parts_of_a_change_add_up(rows, split):
    day = np.datetime64("2026-01-01", "s")
    time = [np.datetime64("NaT") if at is None else day + np.timedelta64(at, "D") for at, _ in rows]
    reports = pd.DataFrame(
        {
            "time": np.array(time, dtype="datetime64[s]"),
            "reporter": pd.Series([who for _, who in rows], dtype="str"),
        }
    )

    def after_days(days):
        return (day + np.timedelta64(days, "D")).astype(datetime)

    found = newcomers(reports, after_days(split), since=after_days(10), until=after_days(50))
    inside = [at for at, _ in rows if at is not None and 10 <= at < 50]
    assert found.before + found.after == len(inside)
    assert found.without_time == sum(at is None for at, _ in rows)
    assert found.after == found.after_from_newcomers + found.after_from_old + found.after_without_reporter
    scale = found.length_after_d / found.length_before_d
    np.testing.assert_allclose(
        found.after - found.before * scale,
        found.after_from_newcomers + found.rise_from_old + found.rise_without_reporter,
        atol=1e-9,
    )
    seen_before = {who for at, who in rows if who and at is not None and at < split}
    assert found.after_from_newcomers == sum(
        at is not None and split <= at < 50 and who != "" and who not in seen_before for at, who in rows
    )


series = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 14), st.integers(0, 6)), elements=st.integers(-4, 6).map(float)
)


@settings(deadline=None)
@given(values=series)
def test_trends_turn_with_time_and_ignore_the_scale(values):
    s, z, p = mann_kendall(values)
    back = mann_kendall(values[::-1])
    np.testing.assert_array_equal(back[0], -s)
    np.testing.assert_array_equal(back[1], -z)
    np.testing.assert_array_equal(back[2], p)
    np.testing.assert_array_equal(mann_kendall(np.exp(values))[1], z)
    plain = [
        sum(
            np.sign(column[later] - column[step])
            for step in range(len(column))
            for later in range(step + 1, len(column))
        )
        for column in values.T
    ]
    np.testing.assert_array_equal(s, plain)


@settings(deadline=None)
@given(values=series)
def test_every_cell_has_one_life_of_its_own(values):
    found = life_classes(values)
    assert found.shape == (values.shape[1],)
    assert set(found) <= set(LIFE_CLASSES)
    np.testing.assert_array_equal(found == "never", ~(values >= 1.96).any(axis=0))
    np.testing.assert_array_equal(life_classes(values[:, ::-1]), found[::-1])
    hot_now = values[-1] >= 1.96
    assert not np.isin(found[hot_now], ["never", "historical"]).any()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(0, 500, allow_subnormal=False)), max_size=30),
)
def test_smoothed_rates_lie_between_the_own_and_the_usual(units):
    count, exposure = (np.array(each) for each in zip(*units, strict=True)) if units else ([], [])
    exposure = np.where(np.asarray(exposure) < 1e-3, 0.0, exposure)
    found = smooth_rates(count, exposure)
    known = exposure > 0
    np.testing.assert_array_equal(np.isnan(found.smoothed), ~known)
    ours, own, usual = found.smoothed[known], found.rate[known], found.prior_mean[known]
    slack = 1e-9 * (1 + own + usual)
    assert (ours >= np.minimum(own, usual) - slack).all()
    assert (ours <= np.maximum(own, usual) + slack).all()
    low, high = rate_interval(count, exposure)
    plain = rates(count, exposure)
    assert ((low <= plain) & (plain <= high))[known].all()


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 30)), min_size=2, max_size=40
    ),
    right_closed=st.booleans(),
    half_days=st.booleans(),
)
def test_pairs_are_conserved(events, right_closed, half_days):
    """With classes that hold everything, each pair is in one, and as many are expected as there are."""
    x, y, day = np.array(events, dtype=float).T
    day = day / 2 if half_days else day
    edges = (0, 3, 20), (0, 4, 40)
    table = knox(x, y, day, *edges, permutations=19, rng=np.random.default_rng(1), right_closed=right_closed)
    pairs = len(events) * (len(events) - 1) // 2
    assert table.observed.sum() == pairs
    np.testing.assert_allclose(table.expected.sum(axis=1), table.observed.sum(axis=1))
    np.testing.assert_allclose(table.expected.sum(axis=0), table.observed.sum(axis=0))
    assert ((table.p >= 1 / 20) & (table.p <= 1)).all()
    shifted = knox(x + 5, y - 5, day + 1000, *edges, permutations=0, rng=np.random.default_rng(1), right_closed=right_closed)  # fmt: skip
    np.testing.assert_array_equal(shifted.observed, table.observed)
