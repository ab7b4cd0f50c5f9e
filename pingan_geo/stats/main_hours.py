"""The hours of the day in which most reports fall."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

#: Fewer reports with a known hour than this say nothing about hours.
ENOUGH_REPORTS: Final = 10
#: A run of hours longer than this is no peak.
LONGEST_RUN_H: Final = 6
#: What a run must hold of the reports with a known hour.
SHARE: Final = 0.5


def main_hours(counts: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the shortest run of hours that holds at least half of the reports, per place.

    Parameters
    ----------
    counts
        Places × 24: reports with a known hour, by hour of the day.

    Returns
    -------
    start, end
        ``[start, end)``; start 0-23, end 1-24, or beyond midnight again small (22, 2). Both -1 when fewer
        than ``ENOUGH_REPORTS`` have a known hour, or no run of at most ``LONGEST_RUN_H`` holds half. Of runs
        of one length the one with more reports, then the earlier one.

    Notes
    -----
    These are the hours of the reports, which follow when people look, not only when things happen.
    """
    hours = np.asarray(counts, dtype=np.int64).reshape(-1, 24)
    total = hours.sum(axis=1)
    start, end = np.full(len(hours), -1, dtype=np.int64), np.full(len(hours), -1, dtype=np.int64)
    twice = np.concatenate(
        [np.zeros((len(hours), 1), dtype=np.int64), np.cumsum(np.tile(hours, 2), axis=1)], axis=1
    )
    undecided = total >= ENOUGH_REPORTS
    for length in range(1, LONGEST_RUN_H + 1):
        runs = twice[:, length : length + 24] - twice[:, :24]
        best = runs.argmax(axis=1)
        holds = undecided & (runs.max(axis=1, initial=0) >= SHARE * total)
        start[holds] = best[holds]
        end[holds] = (best[holds] + length - 1) % 24 + 1
        undecided &= ~holds
    return start, end
