"""Which reports fit a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pingan_geo.model.report import ReportFilter

#: An hour of the day is known when the interval that a report gives is at most this long.
HOUR_KNOWN_WITHIN: Final = np.timedelta64(3600, "s")

_DAY_S: Final = 86_400
#: An interval that touches more hours than a day has.
_OVER_A_DAY: Final = 25


def select(
    reports: Any, report_filter: ReportFilter, board_of: Mapping[str, str] | None = None
) -> NDArray[np.bool_]:
    """Return which reports fit a question.

    Parameters
    ----------
    reports
        REPORTS table, or one with the columns that the question asks of. Not changed.
    report_filter
        All its limits must hold; an empty limit excludes nothing. ``origin`` is ``reported`` unless said
        otherwise: what a patrol found is not mixed in unasked.
    board_of
        Category code to board code; a category that is absent belongs to no board, ``""``.

    Returns
    -------
    numpy.ndarray
        One bool per row, in the order of the table.
    """
    asked = report_filter
    fits = np.ones(len(reports), dtype=bool)
    if asked.boards:
        boards = dict(board_of or {})
        fitting = [code for code in reports["category"].unique() if boards.get(code, "") in asked.boards]
        fits &= reports["category"].isin(fitting).to_numpy(dtype=bool)
    for column, wanted in (
        ("category", asked.categories),
        ("village_id", asked.villages),
        ("grid_id", asked.grids),
        ("source", asked.sources),
        ("origin", (asked.origin,) if asked.origin else ()),
        ("batch_id", () if asked.batch is None else (asked.batch,)),
    ):
        if wanted:
            fits &= reports[column].isin(list(wanted)).to_numpy(dtype=bool)
    return fits & _in_time(reports, asked)


def _in_time(reports: Any, asked: ReportFilter) -> NDArray[np.bool_]:
    fits = np.ones(len(reports), dtype=bool)
    if asked.period.since is None and asked.period.until is None and not asked.hours and not asked.weekdays:
        return fits
    times = reports["time"].to_numpy(dtype="datetime64[s]")
    if asked.period.since is not None:
        fits &= times >= np.datetime64(asked.period.since, "us")
    if asked.period.until is not None:
        fits &= times < np.datetime64(asked.period.until, "us")
    if asked.weekdays:
        fits &= np.isin(weekdays(times), asked.weekdays)
    if asked.hours:
        until = reports["time_until"].to_numpy(dtype="datetime64[s]")
        fits &= within_hours(times, until, asked.hours)
    return fits


def only_days(times: Any, time_until: Any) -> NDArray[np.bool_]:
    """Return which reports give nothing but one or more calendar days: intervals from midnight to midnight."""
    start, until = (np.asarray(ends, dtype="datetime64[s]") for ends in (times, time_until))
    length = np.where(np.isnat(start) | np.isnat(until), 0, (until - start).astype(np.int64))
    return np.asarray((length > 0) & (length % _DAY_S == 0) & (start.astype(np.int64) % _DAY_S == 0))


def hour_spans(times: Any, time_until: Any = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which hours of the day each report may lie in.

    Parameters
    ----------
    times, time_until
        As for :func:`known_hours`.

    Returns
    -------
    first
        0-23, -1 where nothing is known of the hour: no time, or only days.
    number
        Hours touched from the first on: 1 where :func:`known_hours` knows the hour, up to 24, 25 for more
        than a day, 0 where ``first`` is -1.
    """
    start = np.asarray(times, dtype="datetime64[s]")
    first = known_hours(start, time_until)
    number = (first >= 0).astype(np.int64)
    if time_until is not None:
        until = np.asarray(time_until, dtype="datetime64[s]")
        open_ = (first < 0) & ~np.isnat(start) & ~only_days(start, until)
        second = start[open_].astype(np.int64) % _DAY_S
        length = (until[open_] - start[open_]).astype(np.int64)
        first[open_] = second // 3600
        number[open_] = np.minimum((second + length - 1) // 3600 - second // 3600 + 1, _OVER_A_DAY)
    return first, number


def within_hours(times: Any, time_until: Any, hours: Sequence[int]) -> NDArray[np.bool_]:
    """Return which reports surely lie in some hours of the day: all hours that they may lie in are among them.

    Parameters
    ----------
    times, time_until
        As for :func:`known_hours`.
    hours
        0-23; others are in no day.

    Returns
    -------
    numpy.ndarray
        False where nothing is known of the hour.
    """
    asked = np.isin(np.arange(24), list(hours))
    holds = np.zeros((24, _OVER_A_DAY + 1), dtype=bool)
    for number in range(1, _OVER_A_DAY + 1):
        holds[:, number] = [asked[np.arange(first, first + number) % 24].all() for first in range(24)]
    first, number_of = hour_spans(times, time_until)
    return np.asarray(holds[first, number_of])


def known_hours(times: Any, time_until: Any = None) -> NDArray[np.int64]:
    """Return the hour of the day at which each report's matter happened, -1 where it is not known.

    Parameters
    ----------
    times
        Instants, or starts of intervals; ``datetime64`` of the town's wall clock.
    time_until
        Ends of the intervals (exclusive), NaT where the instant is known; ``None``: all are instants.

    Returns
    -------
    numpy.ndarray
        0-23 by the start when the interval is at most an hour long. A date without a time of day is an
        interval of a day: its hour is unknown, never midnight.
    """
    start = np.asarray(times, dtype="datetime64[s]")
    second = start.astype(np.int64) % _DAY_S
    known = ~np.isnat(start)
    if time_until is not None:
        until = np.asarray(time_until, dtype="datetime64[s]")
        known &= np.isnat(until) | (until - start <= HOUR_KNOWN_WITHIN)
    return np.where(known, second // 3600, -1)


def weekdays(times: Any) -> NDArray[np.int64]:
    """Return the day of the week of each instant, 0 = Monday; -1 for NaT. An interval counts by its start."""
    start = np.asarray(times, dtype="datetime64[s]")
    days = start.astype("datetime64[D]").astype(np.int64)
    return np.where(np.isnat(start), -1, (days + 3) % 7)  # 1970-01-01 was a Thursday
