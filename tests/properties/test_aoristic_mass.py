"""Weights over the hours of the week: nothing is lost, and minute by minute they are the interval's."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.stats import aoristic
from pingan_geo.stats.aoristic import aoristic_counts, aoristic_weights, hour_weekday

UNHURRIED = settings(deadline=None, max_examples=80)
minutes = st.integers(0, 3 * 365 * 1440).map(lambda number: datetime(2024, 1, 1) + timedelta(minutes=number))
#: None: an instant; days and weeks are more frequent than chance would bring them.
lengths = st.one_of(
    st.none(),
    st.integers(0, 3000),
    st.integers(9900, 10300),
    st.integers(0, 25_000),
    st.integers(1, 16).map(lambda days: days * 1440),
)
rows_of = st.lists(st.tuples(minutes, lengths), max_size=6)


def arrays(rows, shift=timedelta(0)):
    start = np.array([moment + shift for moment, _ in rows], dtype="datetime64[s]")
    until = [
        np.datetime64("NaT", "s")
        if length is None
        else np.datetime64(moment + shift, "s") + np.timedelta64(length * 60, "s")
        for moment, length in rows
    ]
    return start, np.array(until, dtype="datetime64[s]")


def by_minutes(rows):
    """Count minute by minute, with the calendar of Python."""
    found = np.zeros((len(rows), 168))
    for row, (moment, length) in enumerate(rows):
        steps = length or 1
        for minute in range(steps):
            now = moment + timedelta(minutes=minute)
            found[row, now.weekday() * 24 + now.hour] += 1 / steps
    return found


def whole_day(moment, length):
    return bool(length) and (moment.hour, moment.minute) == (0, 0) and length % 1440 == 0


def dense(weights):
    found = np.zeros((len(weights), 168))
    np.add.at(found, (weights.event, weights.hour), weights.weight)
    return found


@settings(deadline=None, max_examples=40)
@given(rows_of)
def test_the_weights_are_those_of_counting_minutes(rows):
    np.testing.assert_allclose(
        dense(aoristic_weights(*arrays(rows), whole_days="spread")), by_minutes(rows), atol=1e-9
    )


@UNHURRIED
@given(rows_of, st.sampled_from(aoristic.WHOLE_DAYS))
def test_each_report_weighs_one_or_is_counted_as_unknown(rows, whole_days):
    weights = aoristic_weights(*arrays(rows), whole_days=whole_days)
    unknown = [whole_days == "unknown" and whole_day(*row) for row in rows]
    np.testing.assert_array_equal(weights.unknown, unknown)
    np.testing.assert_allclose(dense(weights).sum(axis=1), 1.0 - np.array(unknown, dtype=float), atol=1e-9)
    assert (weights.weight > 0).all()
    assert (np.diff(weights.event) >= 0).all()


@UNHURRIED
@given(rows_of, st.integers(-60, 60))
def test_another_week_changes_nothing(rows, weeks):
    one = aoristic_weights(*arrays(rows))
    other = aoristic_weights(*arrays(rows, timedelta(weeks=weeks)))
    np.testing.assert_array_equal(one.unknown, other.unknown)
    np.testing.assert_array_equal(dense(one), dense(other))


@UNHURRIED
@given(rows_of, st.integers(0, 167))
def test_later_by_some_hours_is_the_same_later_by_some_hours(rows, hours):
    one = aoristic_weights(*arrays(rows), whole_days="spread")
    other = aoristic_weights(*arrays(rows, timedelta(hours=hours)), whole_days="spread")
    np.testing.assert_allclose(np.roll(dense(one), hours, axis=1), dense(other), atol=1e-12)


@UNHURRIED
@given(rows_of, st.data())
def test_counts_by_group_are_sums_of_the_weights(rows, data):
    group = data.draw(st.lists(st.integers(-1, 2), min_size=len(rows), max_size=len(rows)))
    counts, unknown = aoristic_counts(*arrays(rows), group=group, groups=3)
    weights = dense(aoristic_weights(*arrays(rows)))
    for number in range(3):
        np.testing.assert_allclose(
            counts[number], weights[np.array(group, dtype=int) == number].sum(axis=0), atol=1e-12
        )
    apart = sum(own < 0 and not whole_day(*row) for own, row in zip(group, rows, strict=True))
    np.testing.assert_allclose(counts.sum() + unknown + apart, len(rows))


@UNHURRIED
@given(rows_of)
def test_every_report_is_in_the_hours_or_is_counted_apart(rows):
    found = hour_weekday(*arrays(rows))
    np.testing.assert_allclose(found.counts.sum() + found.unknown, len(rows))
    assert found.known + found.spread + found.unknown == len(rows)
    assert found.known == sum(length is None or length <= 60 for _, length in rows)
    assert found.unknown == sum(whole_day(*row) for row in rows)
