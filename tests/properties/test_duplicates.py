"""Properties of the search for duplicates, whatever the reports are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.coords import local_metres
from pingan_geo.intake.duplicates import (
    DEFAULT_RULE,
    DEFAULT_RULES,
    MOST_SLACK_M,
    find_duplicates,
    groups_of,
)
from pingan_geo.model.tables import DUPLICATE_PAIRS, REPORTS

CATEGORIES = ("RD1", "RD2", "FW1", "FW2", "TH1", "LF1", "FR1", "未知")
WORDS = ("", "路中间一个大坑", "路中间有个坑，很深", "北街3号门口", "北街5号门口", "红色雅迪被偷", "a b c")
PLANE = local_metres(120.6, 30.79)


@st.composite
def ledgers(draw: Any) -> pd.DataFrame:
    number = draw(st.integers(0, 24))
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(CATEGORIES),
                st.integers(-120, 120),  # metres east
                st.integers(-120, 120),
                st.integers(0, 20 * 86_400),  # seconds
                st.one_of(st.none(), st.integers(0, 10 * 86_400)),  # of an interval
                st.sampled_from([np.nan, 0.0, 10.0, 30.0, 200.0, 9_000.0]),
                st.sampled_from(WORDS),
                st.sampled_from(WORDS),
                st.sampled_from(["", "V1", "V2"]),
                st.sampled_from(["reported", "reported", "found"]),
            ),
            min_size=number,
            max_size=number,
        )
    )
    ids = draw(st.lists(st.integers(1, 2**62), min_size=number, max_size=number, unique=True))
    east, north = (np.array([row[side] for row in rows], dtype=float) for side in (1, 2))
    lon, lat = PLANE.inverse(east, north)
    time = np.datetime64("2025-03-01", "s") + np.array([row[3] for row in rows], dtype="timedelta64[s]")
    span = np.array([np.timedelta64("NaT") if row[4] is None else row[4] for row in rows], "timedelta64[s]")
    table = pd.DataFrame(
        {
            "report_id": ids,
            "category": [row[0] for row in rows],
            "time": time,
            "time_until": time + span,
            "lon": lon,
            "lat": lat,
            "radius_m": [row[5] for row in rows],
            "place": [row[6] for row in rows],
            "description": [row[7] for row in rows],
            "reporter": [row[8] for row in rows],
            "origin": [row[9] for row in rows],
        }
    )
    return table.astype({name: REPORTS.columns[name] for name in table.columns})


def find(table: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return find_duplicates(table, rules=DEFAULT_RULES, default=DEFAULT_RULE, **options)


def as_sets(pairs: pd.DataFrame) -> set[frozenset[int]]:
    return {frozenset(pair) for pair in zip(pairs["first"], pairs["second"], strict=True)}


@settings(max_examples=50, deadline=None)
@given(ledgers(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(table: pd.DataFrame, luck: Any) -> None:
    turned = list(range(len(table)))
    luck.shuffle(turned)
    pd.testing.assert_frame_equal(find(table), find(table.iloc[turned]))


@settings(max_examples=50, deadline=None)
@given(ledgers(), st.integers(-(10**8), 10**8))
def test_a_shift_in_time_changes_nothing(table: pd.DataFrame, seconds: int) -> None:
    step = pd.Timedelta(seconds=seconds)
    later = table.assign(time=table["time"] + step, time_until=table["time_until"] + step)
    later = later.astype({"time": "datetime64[s]", "time_until": "datetime64[s]"})
    pd.testing.assert_frame_equal(find(table), find(later))


@settings(max_examples=70, deadline=None)
@given(ledgers())
def test_pairs_are_two_reports_within_radius_and_window(table: pd.DataFrame) -> None:
    pairs = DUPLICATE_PAIRS.check(find(table, least_score=0.0))
    assert (pairs["first"] != pairs["second"]).all()
    assert len(as_sets(pairs)) == len(pairs), "each pair once, whichever comes first"
    rows = table.set_index("report_id")
    for pair in pairs.itertuples():
        one, other = rows.loc[pair.first], rows.loc[pair.second]
        rules = [DEFAULT_RULES.get(each["category"], DEFAULT_RULE) for each in (one, other)]
        assert one["category"] == other["category"] or rules[0].family == rules[1].family != ""
        assert one["origin"] == other["origin"]
        radius, window = min(rule.radius_m for rule in rules), min(rule.window_h for rule in rules)
        rough = np.hypot(*np.nan_to_num([one["radius_m"], other["radius_m"]]))
        metres = np.hypot(
            *(
                side[0] - side[1]
                for side in PLANE.forward([one["lon"], other["lon"]], [one["lat"], other["lat"]])
            )
        )
        assert pair.distance_m == pytest.approx(metres, abs=0.05)
        assert metres <= min(np.hypot(radius, rough), radius + MOST_SLACK_M) + 0.05
        starts = [each["time"] for each in (one, other)]
        ends = [each["time"] if pd.isna(each["time_until"]) else each["time_until"] for each in (one, other)]
        hours = (max(starts) - min(ends)).total_seconds() / 3600
        if all((end - start).total_seconds() <= 7 * 86_400 for start, end in zip(starts, ends, strict=True)):
            assert pair.gap_h == pytest.approx(max(hours, 0.0), abs=1e-6)
        assert 0 <= pair.gap_h <= window
        assert 0 <= pair.score <= 1
        assert pair.reason or pair.score < 0.5
    assert pairs["score"].is_monotonic_decreasing


@settings(max_examples=50, deadline=None)
@given(ledgers(), st.data())
def test_the_new_ones_bring_exactly_their_own_pairs(table: pd.DataFrame, data: Any) -> None:
    new = np.array(data.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table))), dtype=bool)
    everything, some = find(table, least_score=0.0), find(table, new=new, least_score=0.0)
    fresh = set(table["report_id"][new])
    if everything.attrs == {"crowded": 0, "not_compared": 0, "not_offered": 0}:
        assert as_sets(some) == {pair for pair in as_sets(everything) if pair & fresh}
    assert not (some["first"].isin(fresh) & ~some["second"].isin(fresh)).any()


@settings(max_examples=40, deadline=None)
@given(ledgers())
def test_groups_hold_each_report_once_and_only_pairs_of_pairs(table: pd.DataFrame) -> None:
    pairs = find(table, least_score=0.1)
    known = as_sets(pairs)
    for groups in (groups_of(pairs), groups_of(pairs, table, rules=DEFAULT_RULES)):
        members = [number for group in groups for number in group]
        assert len(members) == len(set(members))
        assert set(members) <= {number for pair in known for number in pair}
    for group in groups_of(pairs):
        assert all(frozenset((one, other)) in known for one in group for other in group if one != other)
    if len(pairs):
        best = (int(pairs["first"].iloc[0]), int(pairs["second"].iloc[0]))
        assert any(set(best) <= set(group) for group in groups_of(pairs))
