"""Reports known only as between two instants, weighted over the hours that they may lie in.

A burglary found on Monday at 7 happened at some time since Friday at 18. It is neither dropped nor put at
the start, the middle or midnight: every hour of the interval gets the share of the interval that it covers,
and the shares of one report add up to 1 (aoristic analysis, Ratcliffe 2002). That supposes each instant of
the interval as likely as any other, which makes hours look more even than they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, ReversedIntervalError, UnalignedIndexError
from pingan_geo.stats.filters import known_hours, only_days, weekdays

#: Hours of the week: 0 is Monday 0-1 h, 167 Sunday 23-24 h.
WEEK_HOURS: Final = 168
#: What can be asked of reports known only by their day: kept apart, or spread over its hours.
WHOLE_DAYS: Final = ("unknown", "spread")

_HOUR_S, _DAY_S, _WEEK_S = 3600, 86_400, 604_800
#: Pieces of intervals worked out at once: some 100 MB.
_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class HourWeights:
    """The hours of the week in which each report may lie: one entry per report and hour, by report.

    Parameters
    ----------
    event
        int32, ascending: position of the report.
    hour
        uint8: hour of the week, 0 = Monday 0-1 h. The hour in which an interval of nearly a week both begins
        and ends has two entries.
    weight
        Above 0. The entries of one report add up to 1; a report whose hours are unknown has none.
    unknown
        One bool per report.
    """

    event: NDArray[np.int32]
    hour: NDArray[np.uint8]
    weight: NDArray[np.float64]
    unknown: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many reports there are, also those whose hours are unknown."""
        return len(self.unknown)

    def within(self, hours: ArrayLike) -> NDArray[np.float64]:
        """Return the chance that each report lies in some hours of the week; NaN where unknown.

        Parameters
        ----------
        hours
            168 shares of an hour, 0-1, or bools.

        Raises
        ------
        UnalignedIndexError
            If there are not 168.
        """
        wanted = np.asarray(hours, dtype=np.float64)
        if wanted.shape != (WEEK_HOURS,):
            raise UnalignedIndexError(left="hours", right="the 168 hours of a week")
        chance = np.bincount(self.event, self.weight * wanted[self.hour], minlength=len(self))
        return np.where(self.unknown, np.nan, chance)


def aoristic_weights(times: Any, time_until: Any = None, *, whole_days: str = "unknown") -> HourWeights:
    """Return the hours of the week that each report may lie in, with their weights.

    Parameters
    ----------
    times
        Instants, or starts of intervals; ``datetime64`` of the town's wall clock, to the second. NaT: unknown.
    time_until
        Ends of the intervals (exclusive); NaT, or equal to the start, where the instant is known. ``None``:
        all are instants.
    whole_days
        Of a report that gives nothing but one or more calendar days: ``unknown`` keeps it apart, ``spread``
        gives all hours of those days the same weight.

    Returns
    -------
    HourWeights
        An entry for each hour touched, up to 169 a report: see :func:`aoristic_counts` for many long ones.

    Raises
    ------
    ReversedIntervalError
        If an interval ends before it begins.
    BadChoiceError
        If there is no such treatment of days.
    UnalignedIndexError
        If the ends are not as many as the starts.
    """
    spans = _Spans.of(times, time_until, whole_days)
    event, hour, weight = zip(*spans.pieces(), strict=True)
    return HourWeights(
        np.concatenate(event), np.concatenate(hour), np.concatenate(weight), unknown=spans.unknown
    )


def aoristic_counts(
    times: Any,
    time_until: Any = None,
    *,
    group: ArrayLike | None = None,
    groups: int = 1,
    whole_days: str = "unknown",
) -> tuple[NDArray[np.float64], int]:
    """Return how much weight lies in each hour of the week, per group; memory does not grow with intervals.

    Parameters
    ----------
    times, time_until, whole_days
        As for :func:`aoristic_weights`.
    group
        Whole numbers below ``groups``, one per report, e.g. the position of its cell; -1: in no group.
    groups
        How many there are.

    Returns
    -------
    counts
        groups × 168. Its sum, plus ``unknown``, plus the known reports in no group, is the number of reports.
    unknown
        Reports, in a group or not, whose hours are unknown.

    Raises
    ------
    ReversedIntervalError, BadChoiceError, UnalignedIndexError
        As :func:`aoristic_weights` does, and the last if there is not one group a report.
    """
    spans = _Spans.of(times, time_until, whole_days)
    own = np.zeros(len(spans), dtype=np.int64) if group is None else np.asarray(group, dtype=np.int64)
    if own.shape != (len(spans),):
        raise UnalignedIndexError(left="group", right="times")
    return spans.summed(own, groups), int(spans.unknown.sum())


@dataclass(frozen=True, eq=False)
class WeekHours:
    """Reports by hour and weekday. ``counts.sum() + unknown == known + spread + unknown``, all reports.

    Parameters
    ----------
    counts
        7 × 24, Monday first; fractions where reports are known as intervals.
    known
        Reports whose hour is known: at an instant, or within an hour (they count by its start).
    spread
        Reports known as a longer interval and weighted over it.
    unknown
        Reports known by their day only, or without a time. They count in no hour.
    """

    counts: NDArray[np.float64]
    known: int
    spread: int
    unknown: int


def hour_weekday(times: Any, time_until: Any = None) -> WeekHours:
    """Return how many reports fell into each hour of each day of the week.

    Parameters
    ----------
    times, time_until
        As for :func:`aoristic_weights`.

    Returns
    -------
    WeekHours

    Raises
    ------
    ReversedIntervalError, UnalignedIndexError
        As :func:`aoristic_weights` does.
    """
    start = np.ravel(np.asarray(times, dtype="datetime64[s]"))
    return count_hours(start, time_until, known_hours(start, time_until), weekdays(start))


def count_hours(times: Any, time_until: Any, hours: ArrayLike, days: ArrayLike) -> WeekHours:
    """Return the same as :func:`hour_weekday` for hours (-1 where not known) and weekdays worked out before."""
    hour, day = np.asarray(hours, dtype=np.int64), np.asarray(days, dtype=np.int64)
    known = hour >= 0
    counts = np.bincount(day[known] * 24 + hour[known], minlength=WEEK_HOURS).astype(np.float64)
    number = int(known.sum())
    if number == known.size:
        return WeekHours(counts.reshape(7, 24), number, 0, 0)
    rest = ~known
    until = None if time_until is None else np.asarray(time_until, dtype="datetime64[s]")[rest]
    weights, unknown = aoristic_counts(np.asarray(times, dtype="datetime64[s]")[rest], until)
    counts += weights[0]
    return WeekHours(counts.reshape(7, 24), number, int(rest.sum()) - unknown, unknown)


@dataclass(frozen=True, eq=False)
class _Spans:
    """Intervals as whole seconds: where in the week each begins, and how long it lasts."""

    begin_s: NDArray[np.int64]  # since Monday 0 h
    length_s: NDArray[np.int64]
    unknown: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.unknown)

    @classmethod
    def of(cls, times: Any, time_until: Any, whole_days: str) -> _Spans:
        if whole_days not in WHOLE_DAYS:
            raise BadChoiceError(name="whole_days", value=whole_days, expected=" / ".join(WHOLE_DAYS))
        start = np.ravel(np.asarray(times, dtype="datetime64[s]"))
        unknown = np.isnat(start)
        begin = np.where(unknown, 0, start.astype(np.int64))
        length = np.zeros(len(start), dtype=np.int64)
        if time_until is not None:
            until = np.ravel(np.asarray(time_until, dtype="datetime64[s]"))
            if len(until) != len(start):
                raise UnalignedIndexError(left="times", right="time_until")
            between = ~unknown & ~np.isnat(until)
            length[between] = (until[between] - start[between]).astype(np.int64)
            reversed_ = np.flatnonzero(length < 0)
            if len(reversed_):
                raise ReversedIntervalError(count=len(reversed_), row=int(reversed_[0]))
            if whole_days == "unknown":
                unknown |= only_days(start, until)
        # 1970-01-01 was a Thursday
        return cls((begin + 3 * _DAY_S) % _WEEK_S, length, unknown)

    def pieces(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.float64]]]:
        """Yield (report, hour of the week, weight) by report, a bounded number at once; at least one batch."""
        rows = np.flatnonzero(~self.unknown)
        begin, length = self.begin_s[rows], self.length_s[rows]
        weeks, rest = np.divmod(length, _WEEK_S)
        # hours touched by what is left after whole weeks; an instant touches its own
        last = (begin + np.maximum(rest, 1) - 1) // _HOUR_S
        number = np.where((weeks > 0) & (rest == 0), 0, last - begin // _HOUR_S + 1)
        total = np.cumsum(number + np.where(weeks > 0, WEEK_HOURS, 0))
        cut = 0
        while True:
            done = int(total[cut - 1]) if cut else 0
            stop = max(cut + 1, int(np.searchsorted(total, done + _AT_ONCE, side="right")))
            part = slice(cut, stop)
            yield _pieces(rows[part], begin[part], length[part], weeks[part], rest[part], number[part])
            cut = stop
            if cut >= len(rows):
                return

    def summed(self, group: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
        """Return groups × 168: the sum of the pieces, at a cost that does not grow with the intervals.

        Of each interval only the first and the last hour are added one by one; the full hours between are a
        step up and a step down of a running sum over two weeks.
        """
        rows = np.flatnonzero((group >= 0) & ~self.unknown)
        own, begin, length = group[rows], self.begin_s[rows], self.length_s[rows]
        weeks, rest = np.divmod(length, _WEEK_S)
        per_s = 1.0 / np.maximum(length, 1)
        end = begin + rest
        first, last = begin // _HOUR_S, (end - 1) // _HOUR_S
        several = last > first
        in_first = np.where(several, (first + 1) * _HOUR_S - begin, rest)
        found = np.zeros((groups, 2 * WEEK_HOURS))
        _add(found, own, first, np.where(length > 0, in_first * per_s, 1.0))
        _add(found, own[several], last[several], ((end - last * _HOUR_S) * per_s)[several])
        full = last > first + 1
        steps = np.zeros((groups, 2 * WEEK_HOURS))
        _add(steps, own[full], first[full] + 1, (_HOUR_S * per_s)[full])
        _add(steps, own[full], last[full], -(_HOUR_S * per_s)[full])
        # sums of fractions may end a hair below nothing
        found += np.maximum(np.cumsum(steps, axis=1), 0.0)
        even = np.bincount(own, weeks * _HOUR_S * per_s, minlength=groups)
        return found[:, :WEEK_HOURS] + found[:, WEEK_HOURS:] + even[:, None]


def _add(
    sums: NDArray[np.float64], row: NDArray[np.int64], column: NDArray[np.int64], weight: NDArray[np.float64]
) -> None:
    sums += np.bincount(row * sums.shape[1] + column, weight, minlength=sums.size).reshape(sums.shape)


def _pieces(
    rows: NDArray[np.int64],
    begin: NDArray[np.int64],
    length: NDArray[np.int64],
    weeks: NDArray[np.int64],
    rest: NDArray[np.int64],
    number: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.float64]]:
    of = np.repeat(np.arange(len(rows)), number)
    step = np.arange(len(of)) - np.repeat(np.cumsum(number) - number, number)
    at = begin[of] // _HOUR_S + step
    end = begin + rest
    covered = np.minimum(end[of], (at + 1) * _HOUR_S) - np.maximum(begin[of], at * _HOUR_S)
    weight = np.where(length[of] > 0, covered / np.maximum(length[of], 1), 1.0)
    hour = at % WEEK_HOURS
    long = np.flatnonzero(weeks > 0)
    if len(long):
        of = np.concatenate([of, np.repeat(long, WEEK_HOURS)])
        hour = np.concatenate([hour, np.tile(np.arange(WEEK_HOURS), len(long))])
        weight = np.concatenate([weight, np.repeat(weeks[long] * _HOUR_S / length[long], WEEK_HOURS)])
        order = np.argsort(of, kind="stable")
        of, hour, weight = of[order], hour[order], weight[order]
    return rows[of].astype(np.int32), hour.astype(np.uint8), weight
