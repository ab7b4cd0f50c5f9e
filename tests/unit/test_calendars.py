"""Working days and hours: checked by hand against the notices of the State Council."""

from __future__ import annotations

from datetime import date, time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingan_geo.calendars import Calendar, OwnDay, parse_hours, read_own_days
from pingan_geo.errors import (
    BadChoiceError,
    CalendarFileError,
    NoWorkdayError,
    UnknownCountryError,
    WorkingHoursError,
)

CHINA = Calendar()  # 8:30-11:30 and 13:30-17:30: seven hours a day


@pytest.mark.parametrize("span", ["8-11", "11:30-08:30", "08:30", "", "08:30-08:30"])
def test_hours_that_are_no_span_are_refused(span):
    with pytest.raises(WorkingHoursError):
        parse_hours([span])


def test_hours_out_of_order_or_absent_are_refused():
    for spans in (["13:30-17:30", "08:30-11:30"], ["08:00-12:00", "12:00-17:00"], []):
        with pytest.raises(WorkingHoursError):
            parse_hours(spans)


def test_hours_may_end_at_midnight():
    assert parse_hours(["08:00-24:00"]) == ((time(8), time(0)),)
    assert Calendar(hours=parse_hours(["08:00-24:00"])).minutes_a_day == 960


@pytest.mark.parametrize(
    ("row", "column"),
    [("2027-13-01,work,", "date"), ("2027-01-01,perhaps,", "kind"), (",,", "date")],
)
def test_own_day_that_cannot_be_read_names_its_row(tmp_path, row, column):
    file = tmp_path / "calendar.csv"
    file.write_text(f"date,kind,name\n2027-01-01,rest,元旦\n{row}\n", encoding="utf-8")
    with pytest.raises(CalendarFileError) as refused:
        read_own_days(file)
    assert refused.value.values["row"] == 3
    assert refused.value.values["column"] == column


def test_own_days_as_a_chinese_spreadsheet_writes_them(tmp_path):
    file = tmp_path / "calendar.csv"
    file.write_bytes("date,kind,name\r\n2026-06-13,休息,庙会\r\n2026-06-14,上班,\r\n".encode("gb18030"))
    calendar = Calendar(own=read_own_days(file))
    assert not calendar.is_workday(date(2026, 6, 13))
    assert calendar.is_workday(date(2026, 6, 14))
    assert calendar.name_of(date(2026, 6, 13)) == "庙会"
    assert read_own_days(tmp_path / "none.csv") == {}


def test_country_without_holidays_is_refused():
    with pytest.raises(UnknownCountryError):
        Calendar(country="ZZ").is_workday(date(2026, 1, 1))


def test_negative_hours_and_a_calendar_without_work_are_refused():
    with pytest.raises(BadChoiceError):
        CHINA.add_working_hours(np.datetime64("2026-09-01T09:00"), -1)
    never = Calendar(country="", own={date(2026, 1, 1): OwnDay(works=False)}, hours=((time(9), time(10)),))
    with pytest.raises(NoWorkdayError):
        never.add_working_hours(np.datetime64("2026-09-01T09:00"), 20_000)


# The year 2026 as the State Council set it: 1-3 January (4 January worked), 15-23 February (14 and 28 February
# worked), 4-6 April, 1-5 May (9 May worked), 19-21 June, 25-27 September, 1-7 October (20 September and 10 October
# worked).
@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-01-01", False), ("2026-01-04", True), ("2026-02-14", True), ("2026-02-16", False),
        ("2026-02-23", False), ("2026-02-24", True), ("2026-02-28", True), ("2026-04-06", False),
        ("2026-05-09", True), ("2026-06-19", False), ("2026-09-20", True), ("2026-09-25", False),
        ("2026-10-07", False), ("2026-10-08", True), ("2026-10-10", True), ("2026-10-11", False),
    ],
)  # fmt: skip
def test_year_2026_as_the_notice_has_it(day, works):
    assert CHINA.is_workday(date.fromisoformat(day)) is works


def test_year_2026_has_its_number_of_working_days():

    year = CHINA.workdays(date(2026, 1, 1), date(2027, 1, 1))
    by_hand = 0
    off = {
        *(f"2026-01-0{n}" for n in (1, 2, 3)), *(f"2026-02-{n}" for n in range(15, 24)),
        *(f"2026-04-0{n}" for n in (4, 5, 6)), *(f"2026-05-0{n}" for n in range(1, 6)),
        *(f"2026-06-{n}" for n in (19, 20, 21)), *(f"2026-09-{n}" for n in (25, 26, 27)),
        *(f"2026-10-0{n}" for n in range(1, 8)),
    }  # fmt: skip
    worked = {"2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"}
    for day in np.arange("2026-01-01", "2027-01-01", dtype="datetime64[D]"):
        weekday = (day.astype(int) + 3) % 7
        by_hand += str(day) in worked or (weekday < 5 and str(day) not in off)
    assert year.sum() == by_hand


def test_years_that_no_notice_covers_are_not_known_until_the_town_says():
    last = CHINA.known_until
    assert last >= date(2026, 12, 31)
    after = date(last.year + 1, 6, 1)
    assert not CHINA.is_known(after)
    saturday = next(d for n in range(7) if (d := date(after.year, 2, 1 + n)).weekday() == 5)
    told = Calendar(own={saturday: OwnDay(works=True)})
    assert told.is_known(after)
    assert told.is_workday(saturday)


# Worked out by hand: (start, working hours, deadline).
BY_HAND = [
    ("2026-09-01T09:00", 2, "2026-09-01T11:00"),  # within the morning
    ("2026-09-01T09:00", 2.5, "2026-09-01T11:30"),  # to the end of the morning: stays there
    ("2026-09-01T09:00", 3, "2026-09-01T14:00"),  # over noon
    ("2026-09-01T09:00", 6.5, "2026-09-01T17:30"),  # to the end of the day: not 8:30 of the next
    ("2026-09-01T12:00", 1, "2026-09-01T14:30"),  # reported at noon
    ("2026-09-01T20:00", 1, "2026-09-02T09:30"),  # reported in the evening
    ("2026-09-04T16:30", 2, "2026-09-07T09:30"),  # Friday to Monday
    ("2026-09-18T16:30", 2, "2026-09-20T09:30"),  # Friday to the Sunday that is worked
    ("2026-09-24T17:00", 8, "2026-09-29T09:00"),  # over 中秋: 0.5 on the 24th, 7 on the 28th, 0.5 on the 29th
    (
        "2026-09-30T15:00",
        14,
        "2026-10-09T15:00",
    ),  # over 国庆: 2.5 h on the 30th, 7 on the 8th, 4.5 on the 9th
    ("2026-10-09T16:30", 4, "2026-10-10T11:30"),  # into the Saturday that is worked
    (
        "2026-02-13T17:00",
        24,
        "2026-02-26T11:00",
    ),  # 0.5 on Friday, 7 on 14 Feb, then 24, 25 and 2.5 on the 26th
    ("2026-09-05T10:00", 0, "2026-09-05T10:00"),  # no hours: at once
]


@pytest.mark.parametrize(("start", "hours", "deadline"), BY_HAND)
def test_deadline_as_worked_out_by_hand(start, hours, deadline):
    assert CHINA.add_working_hours(np.datetime64(start), hours) == np.datetime64(deadline)


def test_all_deadlines_at_once_are_the_same():
    starts, hours, deadlines = (list(column) for column in zip(*BY_HAND, strict=True))
    got = CHINA.add_working_hours(np.array([*starts, "NaT"], "datetime64[s]"), [*hours, 3])
    np.testing.assert_array_equal(got[:-1], np.array(deadlines, "datetime64[s]"))
    assert np.isnat(got[-1])


def test_hours_between_are_those_of_the_clock():
    between = CHINA.working_hours_between(
        np.array(["2026-09-01T09:00", "2026-09-04T16:30", "2026-09-07T09:30"], "datetime64[s]"),
        np.array(["2026-09-01T14:00", "2026-09-07T09:30", "2026-09-04T16:30"], "datetime64[s]"),
    )
    np.testing.assert_allclose(between, [3, 2, -2])


def test_next_workday_over_holidays_and_back():
    assert CHINA.next_workday(date(2026, 9, 30)) == date(2026, 10, 8)
    assert CHINA.next_workday(date(2026, 9, 30), 3) == date(2026, 10, 10)
    assert CHINA.next_workday(date(2026, 10, 8), -1) == date(2026, 9, 30)
    assert CHINA.next_workday(date(2026, 10, 3), 0) == date(2026, 10, 3)


@given(
    st.integers(0, 365 * 24 * 60).map(
        lambda n: np.datetime64("2025-06-01T00:00:00") + np.timedelta64(n, "m")
    ),
    st.integers(1, 400 * 60).map(lambda minutes: minutes / 60),
)
def test_hours_between_start_and_deadline_are_the_hours_given(start, hours):
    deadline = CHINA.add_working_hours(start, hours)
    assert CHINA.working_hours_between(start, deadline) == pytest.approx(hours)
    assert CHINA.is_workday(deadline.item().date())
