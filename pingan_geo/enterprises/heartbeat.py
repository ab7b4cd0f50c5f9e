"""The heartbeat of a firm: whether its daily self-check came on every day that it was due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.model.enterprise import SELF_CHECKS

#: States of a day: nothing was due; done; due and missed; still open (today).
NOT_DUE, DONE, MISSED, OPEN = range(4)
#: After so many missed working days in a row the pin of a firm turns hollow.
SILENT_AFTER_D: Final = 2


@dataclass(frozen=True, eq=False)
class Heartbeat:
    """Self-checks, day by day.

    Parameters
    ----------
    enterprises
        ``enterprise_id`` of each row.
    days
        ``datetime64[D]`` of each column.
    states
        ``uint8`` (firms, days): NOT_DUE, DONE, MISSED or OPEN.
    missed_in_a_row
        Days missed since the last self-check, up to the newest day.
    """

    enterprises: pd.Index
    days: NDArray[np.datetime64]
    states: NDArray[np.uint8]
    missed_in_a_row: NDArray[np.int64]

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Whether the pin is hollow."""
        return self.missed_in_a_row >= SILENT_AFTER_D

    @property
    def kept(self) -> NDArray[np.float64]:
        """Share (0-1) of the days due on which a self-check came; NaN where none was due."""
        done = (self.states == DONE).sum(axis=1)
        due = done + (self.states == MISSED).sum(axis=1)
        share: NDArray[np.float64] = np.divide(done, due, out=np.full(len(done), np.nan), where=due > 0)
        return share


def heartbeat(
    checks: pd.DataFrame,
    enterprises: Sequence[str],
    *,
    since: date,
    today: date,
    workdays: ArrayLike,
    registered: ArrayLike | None = None,
    closed: ArrayLike | None = None,
) -> Heartbeat:
    """Return on which days each firm's self-check came, was missed, or was not due.

    Parameters
    ----------
    checks
        SELF_CHECKS, in any order; several of one day count once. Rows of other firms or days are left aside.
    enterprises
        ``enterprise_id`` of the firms that check daily.
    since, today
        First day, and the day that is still running: it is open until it is over, never missed.
    workdays
        bool per day of ``[since, today]``: whether it is worked (see :mod:`pingan_geo.calendars`).
    registered
        ``datetime64[D]`` per firm: nothing was due before; NaT or ``None``: from the beginning.
    closed
        bool (firms, days): days on which a firm is closed and nothing is due.

    Raises
    ------
    BadChoiceError
        If ``today`` lies before ``since``.
    UnalignedIndexError
        If ``workdays``, ``registered`` or ``closed`` have another size.

    Notes
    -----
    A self-check on a day that is not worked counts as done, but none is due then. A day done says that a form
    came, not that anything was looked at.
    """
    SELF_CHECKS.check(checks)
    days = np.arange(np.datetime64(since, "D"), np.datetime64(today, "D") + 1)
    firms = pd.Index(enterprises)
    works = np.asarray(workdays, dtype=bool)
    if not len(days):
        raise BadChoiceError(name="today", value=today, expected=f">= {since}")
    if works.shape != days.shape:
        raise UnalignedIndexError(left="workdays", right="days")
    due = np.broadcast_to(works, (len(firms), len(works))).copy()
    if registered is not None:
        first = np.asarray(registered, dtype="datetime64[D]")
        if first.shape != (len(firms),):
            raise UnalignedIndexError(left="registered", right="enterprises")
        due &= np.isnat(first)[:, None] | (days >= first[:, None])
    if closed is not None:
        off = np.asarray(closed, dtype=bool)
        if off.shape != due.shape:
            raise UnalignedIndexError(left="closed", right="enterprises x days")
        due &= ~off
    states = np.where(due, MISSED, NOT_DUE).astype(np.uint8)
    if len(firms):
        states[:, -1][due[:, -1]] = OPEN
    row = firms.get_indexer(pd.Index(checks["enterprise_id"]))
    column = (checks["time"].to_numpy().astype("datetime64[D]") - days[0]).astype(int)
    known = (row >= 0) & (column >= 0) & (column < len(days))
    states[row[known], column[known]] = DONE
    return Heartbeat(firms, days, states, _missed_at_the_end(states))


def _missed_at_the_end(states: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return how many days were missed after the last one done."""
    missed = np.cumsum(states == MISSED, axis=1)
    until_done = np.where(states == DONE, missed, 0).max(axis=1, initial=0)
    in_a_row: NDArray[np.int64] = missed[:, -1] - until_done
    return in_a_row
