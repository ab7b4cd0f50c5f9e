"""Counting reports: per cell, per polygon, over time, and how concentrated they are.

A count is what was reported, not what happened: it follows where and when people look. All functions
conserve rows: what they leave out they return as a number, or say how it is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.model.report import Period
from pingan_geo.model.tables import CELL_COUNTS, POLYGON_COUNTS
from pingan_geo.spatial.cells import parents

STEPS: Final = ("day", "week", "month")


def count_by_cell(cells: ArrayLike, resolution: int) -> pd.DataFrame:
    """Return how many reports each cell holds.

    Parameters
    ----------
    cells
        ``uint64``, one per report, of ``resolution`` or finer; 0 is a report without a place.
    resolution
        H3 resolution of the counts.

    Returns
    -------
    pandas.DataFrame
        CELL_COUNTS, ascending by cell; only cells with reports. Its sum plus the number of zeros given is
        the number of reports.

    Raises
    ------
    BadChoiceError
        If the cells are coarser than ``resolution``.
    """
    rolled = parents(np.ravel(np.asarray(cells, dtype=np.uint64)), resolution)
    placed = rolled[rolled != 0]
    found, counts = np.unique(placed, return_counts=True)
    table = pd.DataFrame({"cell": found.astype(np.uint64), "count": counts.astype(np.int64)})
    return CELL_COUNTS.check(table)


def count_by_polygon(codes: Any, all_codes: Iterable[str]) -> tuple[pd.DataFrame, int]:
    """Return how many reports each polygon of a layer holds.

    Parameters
    ----------
    codes
        One text per report, ``""`` for one in no polygon.
    all_codes
        Codes of the layer, each once; a polygon without reports has a row with 0.

    Returns
    -------
    counts
        POLYGON_COUNTS in the order of ``all_codes``.
    outside
        Reports in no polygon of the layer, also those with a code that the layer does not have.
    """
    layer = [str(code) for code in all_codes]
    given = pd.Series(np.asarray(codes, dtype=object), dtype="str")
    place = pd.Index(layer, dtype="str").get_indexer(pd.Index(given)) if layer else np.full(len(given), -1)
    counts, outside = count_positions(place, len(layer))
    table = pd.DataFrame({"code": pd.Series(layer, dtype="str"), "count": counts})
    return POLYGON_COUNTS.check(table), outside


def count_positions(positions: ArrayLike, size: int) -> tuple[NDArray[np.int64], int]:
    """Return how many reports each place of a list holds, and how many are in none.

    Parameters
    ----------
    positions
        Whole numbers, one per report: position in the list, -1 for a report in no place of it.
    size
        Length of the list.

    Returns
    -------
    counts
        ``size`` numbers. Their sum plus ``outside`` is the number of reports.
    outside
        Reports whose position is -1.
    """
    counts = np.bincount(np.asarray(positions, dtype=np.int64) + 1, minlength=size + 1).astype(np.int64)
    return counts[1:], int(counts[0])


def trend(times: Any, period: Period | None = None, step: str = "day") -> pd.DataFrame:
    """Return how many reports fell into each day, week or month.

    Parameters
    ----------
    times
        ``datetime64``; NaT and what lies outside the period is not counted.
    period
        Half-open; an open side ends with the first or last report.
    step
        ``day``, ``week`` (from Monday) or ``month`` (of the calendar).

    Returns
    -------
    pandas.DataFrame
        ``start`` (datetime64[s]), ``count`` and ``complete``, one row per step, steps without reports
        too; no rows when there is neither a report nor a closed period. ``complete`` is false where the
        period covers only a part of the step, or where its end is not known because the period is open:
        such a count must not be compared with the others.

    Raises
    ------
    BadChoiceError
        If there is no such step.
    """
    if step not in STEPS:
        raise BadChoiceError(name="step", value=step, expected=" / ".join(STEPS))
    asked = period or Period()
    instants = np.asarray(times, dtype="datetime64[s]")
    instants = instants[~np.isnat(instants)]
    # reports have whole seconds: an end within one is the next whole one
    since, until = (None if end is None else _whole_second(end) for end in (asked.since, asked.until))
    if since is not None:
        instants = instants[instants >= since]
    if until is not None:
        instants = instants[instants < until]
    one_second = np.timedelta64(1, "s")
    first = since if since is not None else (instants.min() if instants.size else None)
    last = until - one_second if until is not None else (instants.max() if instants.size else None)
    if first is None or last is None or last < first:
        return _trend_table(
            np.zeros(0, dtype="datetime64[s]"), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
        )
    origin, end = _step_number(np.array([first, last]), step)
    counts = np.bincount(_step_number(instants, step) - origin, minlength=end - origin + 1)
    starts = _step_start(np.arange(origin, end + 2), step)
    complete = np.ones(end - origin + 1, dtype=bool)
    complete[0] &= since is None or since == starts[0]
    complete[-1] &= until is not None and until == starts[-1]
    return _trend_table(starts[:-1], counts.astype(np.int64), complete)


def _whole_second(instant: datetime) -> np.datetime64:
    return np.datetime64(-(-int(np.datetime64(instant, "us").astype(np.int64)) // 1_000_000), "s")


def _trend_table(
    start: NDArray[np.datetime64], count: NDArray[np.int64], complete: NDArray[np.bool_]
) -> pd.DataFrame:
    return pd.DataFrame({"start": start, "count": count, "complete": complete})


def _step_number(times: NDArray[np.datetime64], step: str) -> NDArray[np.int64]:
    if step == "month":
        return times.astype("datetime64[M]").astype(np.int64)
    days = times.astype("datetime64[D]").astype(np.int64)
    return days if step == "day" else (days + 3) // 7  # week 0 began on Monday, 29 December 1969


def _step_start(number: NDArray[np.int64], step: str) -> NDArray[np.datetime64]:
    if step == "month":
        return number.astype("datetime64[M]").astype("datetime64[s]")
    days = number if step == "day" else number * 7 - 3
    return days.astype("datetime64[D]").astype("datetime64[s]")


def concentration(
    counts: ArrayLike, *, total_cells: int | None = None, shares: Sequence[float] = (0.25, 0.5, 0.8, 1.0)
) -> pd.DataFrame:
    """Return how few cells hold a quarter, half … of all reports.

    Parameters
    ----------
    counts
        Reports per cell (or polygon), each 0 or more.
    total_cells
        Cells of the whole area, with and without reports; ``None``: as many as there are counts. Without
        it, cells that no report fell into are left out and the reports look more evenly spread.
    shares
        Of all reports, above 0 and up to 1.

    Returns
    -------
    pandas.DataFrame
        ``asked_share``, ``cells`` (the fewest that hold at least that share), ``cell_share`` (of all
        cells), ``count`` and ``share`` (what they really hold). No rows when there are no reports. Some
        concentration comes from chance alone wherever there are fewer reports than cells.

    Raises
    ------
    BadChoiceError
        If a share is not above 0 and up to 1, or a count is negative.
    UnalignedIndexError
        If there are more counts than ``total_cells``.
    """
    held = np.sort(np.ravel(np.asarray(counts, dtype=np.int64)))[::-1]
    asked = np.asarray(shares, dtype=np.float64)
    if bool(((asked <= 0) | (asked > 1) | np.isnan(asked)).any()):
        raise BadChoiceError(name="shares", value=list(shares), expected="above 0 and up to 1")
    if held.size and held[-1] < 0:
        raise BadChoiceError(name="counts", value=int(held[-1]), expected="0 or more")
    cells = held.size if total_cells is None else int(total_cells)
    if cells < held.size:
        raise UnalignedIndexError(left="counts", right="total_cells")
    running = np.cumsum(held)
    total = int(running[-1]) if held.size else 0
    if total == 0:
        asked = asked[:0]
    # 0.07 of 100 reports is 7, not the 7.000000000000001 that binary numbers make of it
    needed = np.searchsorted(running, np.ceil(asked * total - 1e-9)) + 1
    count = running[needed - 1] if total else np.zeros(0, dtype=np.int64)
    return pd.DataFrame(
        {
            "asked_share": asked,
            "cells": needed.astype(np.int64),
            "cell_share": needed / max(cells, 1),
            "count": count.astype(np.int64),
            "share": count / max(total, 1),
        }
    )
