"""Two missed working days turn a pin hollow; weekends, closed days and today never do."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from pingan_geo.calendars import Calendar
from pingan_geo.enterprises.heartbeat import DONE, MISSED, NOT_DUE, OPEN, heartbeat
from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.model.enterprise import SELF_CHECKS

SINCE, TODAY = (
    date(2026, 9, 14),
    date(2026, 9, 22),
)  # Monday to Tuesday of the week after; Sunday 20 is worked
WORKDAYS = Calendar().workdays(SINCE, date(2026, 9, 23))


def checks(**days: list[int]) -> pd.DataFrame:
    rows = [(firm, pd.Timestamp(2026, 9, day, 14)) for firm, of in days.items() for day in of]
    table = pd.DataFrame(rows, columns=["enterprise_id", "time"]).assign(people=5, items=20, finds=0)
    return table.astype(dict(SELF_CHECKS.columns))


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(UnalignedIndexError):
        heartbeat(checks(), ["a"], since=SINCE, today=TODAY, workdays=WORKDAYS[1:])
    with pytest.raises(UnalignedIndexError):
        heartbeat(checks(), ["a"], since=SINCE, today=TODAY, workdays=WORKDAYS, closed=np.zeros((2, 9), bool))
    with pytest.raises(BadChoiceError):
        heartbeat(checks(), ["a"], since=TODAY, today=SINCE, workdays=[])


def test_days_as_a_person_would_colour_them():
    beat = heartbeat(
        checks(a=[14, 15, 16, 17, 18, 20, 21]), ["a"], since=SINCE, today=TODAY, workdays=WORKDAYS
    )
    assert beat.states.tolist() == [[DONE, DONE, DONE, DONE, DONE, NOT_DUE, DONE, DONE, OPEN]]
    assert beat.missed_in_a_row.tolist() == [0]
    assert beat.kept.tolist() == [1.0]


def test_two_missed_working_days_and_not_the_weekend_make_it_silent():
    # last check on Friday: the worked Sunday and Monday were missed; Saturday was free, today is still open
    beat = heartbeat(
        checks(two=[14, 15, 16, 17, 18], one=[18, 20], late=[18, 22]),
        ["two", "one", "late", "never"],
        since=SINCE, today=TODAY, workdays=WORKDAYS,
    )  # fmt: skip
    assert beat.missed_in_a_row.tolist() == [2, 1, 0, 7]
    assert beat.silent.tolist() == [True, False, False, True]


def test_closed_days_and_days_before_the_firm_was_registered_are_not_due():
    closed = np.zeros((2, 9), bool)
    closed[0, :] = True
    beat = heartbeat(
        checks(), ["closed", "new"], since=SINCE, today=TODAY, workdays=WORKDAYS,
        closed=closed, registered=np.array(["NaT", "2026-09-21"], "datetime64[D]"),
    )  # fmt: skip
    assert beat.missed_in_a_row.tolist() == [0, 1]
    assert beat.states[1].tolist() == [NOT_DUE] * 7 + [MISSED, OPEN]
    assert np.isnan(beat.kept[0])


def test_order_and_repeats_of_the_checks_do_not_matter():
    given = checks(a=[18, 14, 14, 20], b=[15])
    shuffled = pd.concat([given, given]).sample(frac=1, random_state=1)
    first, second = (
        heartbeat(each, ["a", "b"], since=SINCE, today=TODAY, workdays=WORKDAYS) for each in (given, shuffled)
    )
    np.testing.assert_array_equal(first.states, second.states)
