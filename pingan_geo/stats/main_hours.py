"""The hours of the day in which most reports fall."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Fewer reports with a known hour than this say nothing about hours.
ENOUGH_REPORTS: Final = 10
#: A run of hours longer than this is no peak.
LONGEST_RUN_H: Final = 6
#: What a run must hold of the reports with a known hour.
SHARE: Final = 0.5


def count_spans(place: ArrayLike, first: ArrayLike, number: ArrayLike, places: int) -> NDArray[np.int64]:
    """Return how many reports of each place may lie in which hours, for :func:`main_hours`.

    Parameters
    ----------
    place
        Whole numbers below ``places``, one per report; -1: in none.
    first, number
        Of :func:`pingan_geo.stats.filters.hour_spans`.
    places
        How many there are.

    Returns
    -------
    numpy.ndarray
        places × 24 × 7: by first hour, then by hours touched, 1 to 6 and more. Without the reports of which
        no hour is known.
    """
    at, begin = np.asarray(place, dtype=np.int64), np.asarray(first, dtype=np.int64)
    touched = np.minimum(np.asarray(number, dtype=np.int64), LONGEST_RUN_H + 1)
    counted = (at >= 0) & (touched > 0)
    key = (at[counted] * 24 + begin[counted]) * (LONGEST_RUN_H + 1) + touched[counted] - 1
    shape = (places, 24, LONGEST_RUN_H + 1)
    return np.bincount(key, minlength=int(np.prod(shape))).reshape(shape).astype(np.int64)


def main_hours(counts: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the shortest run of hours that surely holds at least half of the reports, per place.

    Parameters
    ----------
    counts
        Of :func:`count_spans`; or places × 24, where all hours are known.

    Returns
    -------
    start, end
        ``[start, end)``; start 0-23, end 1-24, or beyond midnight again small (22, 2). Both -1 when of fewer
        than ``ENOUGH_REPORTS`` anything is known of the hour, or no run of at most ``LONGEST_RUN_H`` holds
        half. Of runs of one length the one with more reports, then the earlier one.

    Notes
    -----
    A report known as an interval is in a run that holds the whole interval, and in no other: spread evenly
    over it, ten reports of an afternoon would have the main hours 12-15, which nobody said. One known as an
    interval longer than any run still counts among all, so that a peak is half of them too.

    These are the hours of the reports, which follow when people look, not only when things happen.
    """
    spans = np.asarray(counts, dtype=np.int64)
    if spans.ndim < 3:
        spans = spans.reshape(-1, 24, 1)
    total = spans.sum(axis=(1, 2))
    start, end = np.full(len(spans), -1, dtype=np.int64), np.full(len(spans), -1, dtype=np.int64)
    # by first hour, over midnight, for intervals of each number of hours
    twice = np.zeros((len(spans), 49, spans.shape[2]), dtype=np.int64)
    twice[:, 1:] = np.cumsum(np.concatenate([spans, spans], axis=1), axis=1)
    undecided = total >= ENOUGH_REPORTS
    for length in range(1, LONGEST_RUN_H + 1):
        runs = np.zeros((len(spans), 24), dtype=np.int64)
        for touched in range(1, min(length, spans.shape[2]) + 1):
            latest = length - touched + 1  # an interval may begin so many hours of the run
            runs += twice[:, latest : latest + 24, touched - 1] - twice[:, :24, touched - 1]
        best = runs.argmax(axis=1)
        holds = undecided & (runs.max(axis=1, initial=0) >= SHARE * total)
        start[holds] = best[holds]
        end[holds] = (best[holds] + length - 1) % 24 + 1
        undecided &= ~holds
    return start, end
