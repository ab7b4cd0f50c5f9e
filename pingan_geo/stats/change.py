"""Change: whether a place really got worse, more people report, or it is chance.

Two periods are compared by an exact test, reports by people who are new are told from those of people who
reported before, and the course of each hotspot gets a name. A change of reports is not a change of what
happens, unless looking stayed the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, BadTableError, UnalignedIndexError

Floats = NDArray[np.float64]

LIFE_CLASSES: Final = ("new", "intensifying", "persistent", "fading", "sporadic", "historical", "never")
#: The last quarter of the steps is "now" for a life class.
RECENT_SHARE: Final = 0.25
#: Hot in at least this share of the steps is persistent, in fewer sporadic.
MOSTLY_HOT: Final = 0.5
TREND_LEVEL: Final = 0.05
_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True)
class NewcomerSplit:
    """What newcomers and people who reported before add to a change.

    ``after - before * ratio of the lengths`` is the sum of ``after_from_newcomers``, ``rise_from_old`` and
    ``rise_without_reporter``. In a steady town newcomers replace those who stop, so the first is above and
    the second below 0 even when nothing changes: a rise of the old ones is therefore on the safe side, a
    fall of them shows nothing.

    Parameters
    ----------
    before, after
        Reports in ``[since, split)`` and ``[split, until)``, of everybody.
    after_from_newcomers
        Reports by people first seen at ``split`` or later.
    after_from_old
        Reports after by people seen before ``split``.
    rise_from_old
        ``after_from_old`` less what they would have made at the pace of before.
    p_value_old
        Chance of at least so many from the old ones had their pace not risen; exact, one-sided; NaN when
        they made no report in either period. Reports of one person in a row are taken as independent: look
        at ``old_reporters`` too.
    before_without_reporter, after_without_reporter
        Reports whose reporter is not known; part of ``before`` and ``after``, of neither group.
    rise_without_reporter
        As ``rise_from_old``.
    new_reporters, old_reporters
        People who reported after, by group.
    without_time
        Reports that could not be put into a period.
    length_before_d, length_after_d
        Days of the two periods.
    """

    before: int
    after: int
    after_from_newcomers: int
    after_from_old: int
    rise_from_old: float
    p_value_old: float
    before_without_reporter: int
    after_without_reporter: int
    rise_without_reporter: float
    new_reporters: int
    old_reporters: int
    without_time: int
    length_before_d: float
    length_after_d: float


def compare_periods(
    before: ArrayLike,
    after: ArrayLike,
    *,
    length_before_d: ArrayLike,
    length_after_d: ArrayLike,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return for each unit whether its reports changed more than chance would have it.

    Given the sum of both counts, the later one is binomial when the pace stayed the same: an exact test that
    needs no model of the unit.

    Parameters
    ----------
    before, after
        Reports per unit (cell, grid, village, estate), whole and 0 or more.
    length_before_d, length_after_d
        Days of each period, one number or one per unit, above 0. To compare rates, give days times exposure
        (e.g. active reporters) of each unit.
    level
        Of the interval.

    Returns
    -------
    pandas.DataFrame
        A row per unit: ``before``, ``after`` (int64), ``expected`` (``before`` at the length of after),
        ``ratio`` (``after / expected``; infinite where nothing was before, NaN where nothing was at all),
        ``ratio_low``, ``ratio_high`` (exact, Clopper-Pearson) and ``p_value`` (two-sided, twice the smaller
        tail, so that it is below ``1 - level`` just when the interval leaves out 1; NaN where there was no
        report). It is exact, hence cautious: of units that did not change, under 1 % come below 0.05 with
        two reports and some 3 % with a hundred. Values are not corrected for the number of units: see
        :func:`pingan_geo.stats.significance.adjust`. A small p does not say why reports changed; a large one
        does not show that nothing changed. Where one event brings several reports p is too small.

    Raises
    ------
    BadChoiceError
        If a count is not a whole number of 0 or more, a length is not above 0, or ``level`` is not between
        0 and 1.
    UnalignedIndexError
        If the arrays have different lengths.
    """
    from scipy.special import betainc, betaincinv

    if not 0 < level < 1:
        raise BadChoiceError(name="level", value=level, expected="between 0 and 1")
    was, now = _whole("before", before), _whole("after", after)
    if was.size != now.size:
        raise UnalignedIndexError(left="before", right="after")
    scale = _length("length_after_d", length_after_d, was.size) / _length(
        "length_before_d", length_before_d, was.size
    )
    share = scale / (1.0 + scale)
    # the incomplete beta function is the tail of the binomial; a tail that holds everything is 1
    at_least = np.where(now > 0, betainc(np.maximum(now, 1), was + 1, share), 1.0)
    at_most = np.where(was > 0, betainc(np.maximum(was, 1), now + 1, 1.0 - share), 1.0)
    p_value = np.minimum(1.0, 2.0 * np.minimum(at_least, at_most))
    outside = (1.0 - level) / 2.0
    low = np.where(now > 0, betaincinv(np.maximum(now, 1), was + 1, outside), 0.0)
    high = np.where(was > 0, betaincinv(now + 1, np.maximum(was, 1), 1.0 - outside), 1.0)
    some = was + now > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        table = {
            "before": was.astype(np.int64),
            "after": now.astype(np.int64),
            "expected": was * scale,
            "ratio": now / (was * scale),
            "ratio_low": low / (1.0 - low) / scale,
            "ratio_high": high / (1.0 - high) / scale,
            "p_value": np.where(some, p_value, np.nan),
        }
    return pd.DataFrame(table)


def newcomers(
    reports: pd.DataFrame, split: datetime, *, since: datetime | None = None, until: datetime | None = None
) -> NewcomerSplit:
    """Return how much of a change comes from people who had not reported before.

    Parameters
    ----------
    reports
        Columns ``time`` (datetime64) and ``reporter`` (pseudonym, ``""`` unknown). Those before ``since`` are
        not counted, but who made them is no newcomer. Give the whole past: without it a person who was
        silent by chance before ``split`` looks new, and a real rise is missed more often.
    split
        Start of the later period.
    since, until
        Ends of the two periods, half-open. ``None``: midnight of the first day with a report, and after the
        last; better give them, since days without reports at an end are then missed.

    Returns
    -------
    NewcomerSplit
        It does not say that newcomers report wrongly, nor that nothing happens where only they report.

    Raises
    ------
    BadTableError
        If a column is missing.
    BadChoiceError
        If ``since``, ``split``, ``until`` do not follow each other, or there is nothing to take them from.
    """
    for column in ("time", "reporter"):
        if column not in reports.columns:
            raise BadTableError(table="reports", detail=f"column {column} is missing")
    time = reports["time"].to_numpy(dtype="datetime64[s]")
    dated = ~np.isnat(time)
    if not dated.any() and (since is None or until is None):
        raise BadChoiceError(name="since, until", value="not given", expected="given: no report has a time")
    middle = np.datetime64(split, "s")
    begin = np.datetime64(since, "s") if since is not None else _midnight(time[dated].min())
    end = np.datetime64(until, "s") if until is not None else _midnight(time[dated].max()) + _DAY
    if not begin < middle < end:
        raise BadChoiceError(
            name="since, split, until", value=f"{begin}, {middle}, {end}", expected="one after the other"
        )
    before, after = (time >= begin) & (time < middle), (time >= middle) & (time < end)
    person, _ = pd.factorize(reports["reporter"].replace("", np.nan))  # -1 where not known
    old_people = np.unique(person[dated & (time < middle)])
    known = person >= 0
    old = known & np.isin(person, old_people)
    length_before_d, length_after_d = (middle - begin) / _DAY, (end - middle) / _DAY
    scale = float(length_after_d / length_before_d)
    was, now = int((before & old).sum()), int((after & old).sum())
    nameless = int((before & ~known).sum()), int((after & ~known).sum())
    return NewcomerSplit(
        before=int(before.sum()),
        after=int(after.sum()),
        after_from_newcomers=int((after & known & ~old).sum()),
        after_from_old=now,
        rise_from_old=now - was * scale,
        p_value_old=float(chance_of_rise(was, now, scale)),
        before_without_reporter=nameless[0],
        after_without_reporter=nameless[1],
        rise_without_reporter=nameless[1] - nameless[0] * scale,
        new_reporters=int(np.unique(person[after & known & ~old]).size),
        old_reporters=int(np.unique(person[after & old]).size),
        without_time=int((~dated).sum()),
        length_before_d=float(length_before_d),
        length_after_d=float(length_after_d),
    )


def chance_of_rise(before: ArrayLike, after: ArrayLike, scale: float = 1.0) -> Floats:
    """Return how often chance alone brings at least so many reports after, had the pace not risen.

    Parameters
    ----------
    before, after
        Reports per unit; whole, 0 or more.
    scale
        Length of the later period ÷ that of the earlier one.

    Returns
    -------
    numpy.ndarray
        Exact, one-sided; NaN where there was no report in either. Not corrected for the number of units.

    Raises
    ------
    BadChoiceError
        If a count is not whole, 0 or more.
    """
    from scipy.special import betainc

    shape = np.shape(before)
    was, now = _whole("before", before), _whole("after", after)
    p = np.where(now > 0, betainc(np.maximum(now, 1), was + 1, scale / (1.0 + scale)), 1.0)
    return np.where(was + now > 0, p, np.nan).reshape(shape)


def mann_kendall(series: ArrayLike) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return whether each cell's series rises or falls, by the test of Mann and Kendall.

    Parameters
    ----------
    series
        Steps × cells; whole counts or scores of equally long steps that do not overlap.

    Returns
    -------
    s
        Pairs of steps that rise less those that fall.
    z
        ``s`` with correction for continuity over its standard deviation with correction for ties; 0 where
        all values are the same.
    p
        Two-sided, by the normal curve; NaN where all values are the same or there is one step. With fewer
        than five steps it cannot be below 0.05. It tells of a direction, not how steep, and takes the steps
        as independent: seasons and slow waves look like trends.

    Raises
    ------
    BadChoiceError
        If the series has no step or holds a missing value.
    """
    from scipy.special import ndtr

    values = _steps("series", series)
    steps, cells = values.shape
    s = np.zeros(cells, dtype=np.int64)
    same = np.zeros(values.shape, dtype=np.int64)
    for step in range(steps):
        s += np.sign(values[step + 1 :] - values[step]).sum(axis=0).astype(np.int64)
        same += values == values[step]
    # each of a group of t equal values adds (t - 1)(2t + 5): together t(t - 1)(2t + 5)
    ties = ((same - 1) * (2 * same + 5)).sum(axis=0)
    variance = (steps * (steps - 1) * (2 * steps + 5) - ties) / 18.0
    varied = variance > 0
    z = np.where(varied, (s - np.sign(s)) / np.sqrt(np.where(varied, variance, 1.0)), 0.0)
    return s, z, np.where(varied, 2.0 * ndtr(-np.abs(z)), np.nan)


def life_classes(z: ArrayLike, *, threshold: float = 1.96) -> NDArray[np.str_]:
    """Return what kind of life each cell leads as a hotspot.

    Parameters
    ----------
    z
        Steps × cells, of :func:`pingan_geo.stats.gi_star.gi_star_series`; the last step is now.
    threshold
        A cell is hot in a step where its z is at least this.

    Returns
    -------
    numpy.ndarray
        One of :data:`LIFE_CLASSES` for each cell. "Recent" is the last quarter of the steps, rounded up:

        - ``never`` hot;
        - ``historical``: hot once, but not recently;
        - ``new``: hot recently, and never before;
        - hot both recently and before: ``intensifying`` or ``fading`` where z as a whole rises or falls
          (Mann-Kendall, 5 %), else ``persistent`` where hot in half of the steps or more, else
          ``sporadic``.

        At 1.96 one cell in four without anything is hot by chance in some of twelve steps, and so gets a
        class: ask only about cells that are hotspots by a corrected test, or take a threshold of 3 or more.
        Esri's classes differ: hot there means hot in the very last step, and persistent 90 % of the steps;
        cells that fit none have no class. A class describes the past and is not itself tested: of cells
        without any change one in twenty looks intensifying or fading, and cells that hover at the
        threshold change their class easily.

    Raises
    ------
    BadChoiceError
        If there is no step, a z is missing, or the threshold is not a number.
    """
    scores = _steps("z", z)
    if not np.isfinite(threshold):
        raise BadChoiceError(name="threshold", value=threshold, expected="a number")
    steps = scores.shape[0]
    recent_steps = int(np.ceil(steps * RECENT_SHARE))
    hot = scores >= threshold
    recently, before = hot[-recent_steps:].any(axis=0), hot[:-recent_steps].any(axis=0)
    _, direction, p = mann_kendall(scores)
    trend = np.where(p < TREND_LEVEL, np.sign(direction), 0)
    return np.select(
        [
            ~recently & ~before,
            ~recently,
            ~before,
            trend > 0,
            trend < 0,
            hot.mean(axis=0) >= MOSTLY_HOT,
        ],
        ["never", "historical", "new", "intensifying", "fading", "persistent"],
        default="sporadic",
    )


def _midnight(time: np.datetime64) -> Any:
    return time.astype("datetime64[D]").astype("datetime64[s]")


def _whole(name: str, counts: ArrayLike) -> Floats:
    given = np.ravel(np.asarray(counts, dtype=np.float64))
    wrong = ~(np.isfinite(given) & (given >= 0) & (given == np.floor(given)))
    if wrong.any():
        raise BadChoiceError(name=name, value=float(given[wrong][0]), expected="whole, 0 or more")
    return given


def _length(name: str, length: ArrayLike, units: int) -> Floats:
    given = np.ravel(np.asarray(length, dtype=np.float64))
    if given.size not in (1, units):
        raise UnalignedIndexError(left=name, right="before")
    wrong = ~(np.isfinite(given) & (given > 0))
    if wrong.any():
        raise BadChoiceError(name=name, value=float(given[wrong][0]), expected="above 0")
    return np.broadcast_to(given, (units,))


def _steps(name: str, series: ArrayLike) -> Floats:
    given = np.asarray(series, dtype=np.float64)
    if given.ndim != 2 or not len(given):
        raise BadChoiceError(name=name, value=f"of shape {given.shape}", expected="steps × cells")
    if not np.isfinite(given).all():
        raise BadChoiceError(name=name, value="missing or infinite somewhere", expected="a number everywhere")
    return given
