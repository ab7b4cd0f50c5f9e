"""How good a forecast was: hits of a short list of cells, honest intervals, and whether it still holds.

A forecast is judged by what a patrol would do with it: flag the cells with the most expected reports, a
stated share of all cells, and count which of the reports that then came lay in them. All of it is about
reports. A cell that nobody looks at has none, so a hit rate does not say how much was prevented, seen or
missed in the town, and a list that sends people to where reports come from may make its own hits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, ShortRecordError, UnalignedIndexError

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

#: Days between two origins: four whole weeks, so that no weekday is favoured and windows do not overlap.
STEP_D = 28.0
#: A forecast that has seen less than four months is no forecast.
LEAST_TRAINING_D = 120.0
MOST_ORIGINS = 12
_DAY_S = 86_400
_DRAWS = 2_000


@dataclass(frozen=True)
class Score:
    """What a list of cells caught in one window, or in several by sums.

    Parameters
    ----------
    hits
        Reports of the window in flagged cells; not whole where cells tie at the cut.
    events
        All reports of the window, also those outside the region.
    best
        Most reports that as many cells could have held.
    area_share
        Area of the flagged cells over the area of the region.
    """

    hits: float
    events: float
    best: float
    area_share: float

    @property
    def hit_rate(self) -> float:
        """Share of the reports that lay in flagged cells; NaN without reports.

        More area, more hits: only lists of the same area can be compared by it.
        """
        return self.hits / self.events if self.events else float("nan")

    @property
    def pai(self) -> float:
        """Predictive accuracy index, hit rate over share of the area; NaN without reports.

        How many times more reports lie in the flagged area than in an area drawn at random. Fields and
        rivers in the region raise it, so it does not compare one town with another.
        """
        return self.hit_rate / self.area_share

    @property
    def pei(self) -> float:
        """Predictive efficiency index, hits over the best that as many cells could do; NaN without any.

        1 cannot be reached: the best cells are chosen knowing the answers, chance included, so where
        reports are few even the true risk has a low PEI.
        """
        return self.hits / self.best if self.best else float("nan")


@dataclass(frozen=True, eq=False)
class Record:
    """The scores of one method on one region: one row a coverage, one column an origin.

    Parameters
    ----------
    hits, best, area_share
        As in :class:`Score`, coverages x origins.
    events
        Of each origin's window.
    """

    hits: Floats
    best: Floats
    area_share: Floats
    events: Floats

    def pooled(self, row: int) -> Score:
        """Return the score of one coverage over all origins, by sums."""
        return pooled([self.score(row, column) for column in range(len(self.events))])

    def score(self, row: int, column: int) -> Score:
        """Return the score of one coverage at one origin."""
        hits, best, share = (float(part[row, column]) for part in (self.hits, self.best, self.area_share))
        return Score(hits, float(self.events[column]), best, share)


@dataclass(frozen=True)
class Interval:
    """A number and the range that other windows of the same kind might have given.

    From few origins it is too narrow, and it knows nothing of a change to come.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Lead:
    """How far one method is ahead of another on the same windows.

    Parameters
    ----------
    ratio
        Geometric mean of the ratios of PAI, minus 1: 0.1 is a tenth more hits. Its range is of the
        bootstrap over origins, paired.
    better
        Share of the draws in which the method is ahead. Not a p-value, and not the chance that it is better
        in another town.
    """

    ratio: Interval
    better: float


def origins(
    first: np.datetime64,
    end: np.datetime64,
    horizon_d: float,
    *,
    step_d: float = STEP_D,
    most: int = MOST_ORIGINS,
    least_training_d: float = LEAST_TRAINING_D,
) -> NDArray[np.datetime64]:
    """Return the instants from which to forecast in a back-test, ascending.

    The last is one step before the end of the record (one horizon, if that is longer), so that every window
    is whole; the others go back step by step as long as enough record is left to learn from.

    Parameters
    ----------
    first
        Where the record begins: the day of its first report.
    end
        Where it ends, exclusive: the day after its last report.
    horizon_d
        Length of the windows in days, above 0.
    step_d
        Days between origins, above 0. With windows longer than the step, windows overlap and the intervals
        of the bootstrap are too narrow.
    most
        At most so many, at least 1; the latest are kept.
    least_training_d
        Days of record before each origin.

    Raises
    ------
    ShortRecordError
        If there is room for none.
    BadChoiceError
        If a number is not above 0.
    """
    for name, value in (("horizon_d", horizon_d), ("step_d", step_d), ("most", most)):
        if not 0 < value < np.inf:
            raise BadChoiceError(name=name, value=value, expected="above 0")
    start, stop = (one.astype("datetime64[s]").astype(np.int64) for one in (first, end))
    back = int(max(step_d, horizon_d) * _DAY_S) + np.arange(most) * int(step_d * _DAY_S)
    found = stop - back
    found = np.sort(found[found >= start + int(least_training_d * _DAY_S)])
    if not len(found):
        needed = least_training_d + max(step_d, horizon_d)
        raise ShortRecordError(days=round(float(stop - start) / _DAY_S), needed=round(needed))
    return np.asarray(found, dtype="datetime64[s]")


def flagged(expected: ArrayLike, coverage: float) -> Floats:
    """Return how surely each cell is on the list: 1, 0, or its chance where cells tie at the cut.

    Parameters
    ----------
    expected
        Expected reports, or any score, per cell; finite.
    coverage
        Share of the cells to flag, above 0, at most 1: so many cells, rounded, at least one.

    Raises
    ------
    BadChoiceError
        If there is no cell, a value is missing, or the coverage is not such a share.
    """
    score = np.asarray(expected, dtype=np.float64)
    if not 0 < coverage <= 1:
        raise BadChoiceError(name="coverage", value=coverage, expected="a share above 0, at most 1")
    if not len(score) or not np.isfinite(score).all():
        raise BadChoiceError(name="expected", value="NaN", expected="a finite number for every cell")
    k = how_many(len(score), coverage)
    cut = np.partition(score, len(score) - k)[len(score) - k]
    above, tied = score > cut, score == cut
    return np.asarray(np.where(tied, (k - above.sum()) / tied.sum(), above), dtype=np.float64)


def how_many(cells: int, coverage: float) -> int:
    """Return how many cells a share of them is: rounded, at least one."""
    return max(1, round(coverage * cells))


def score(
    expected: ArrayLike, happened: ArrayLike, events: float, areas: ArrayLike, coverage: float
) -> Score:
    """Return what the cells with the highest expectation caught.

    Cells that tie at the cut are flagged by expectation: the mean over every way to break the ties.

    Parameters
    ----------
    expected, happened, areas
        Per cell: what was forecast, the reports of the window, square metres.
    events
        All reports of the window, also those in no cell: leaving them out would flatter.
    coverage
        Share of the cells to flag.

    Raises
    ------
    UnalignedIndexError
        If the three are not equally long.
    BadChoiceError
        As :func:`flagged`, or if ``events`` is fewer than what happened in the cells.
    """
    counts, area = np.asarray(happened, dtype=np.float64), np.asarray(areas, dtype=np.float64)
    surely = flagged(expected, coverage)
    if not len(surely) == len(counts) == len(area):
        raise UnalignedIndexError(left="expected", right="happened, areas")
    if events < counts.sum() * (1.0 - 1e-9):  # shares of intervals add up to a hair beside
        raise BadChoiceError(name="events", value=events, expected=f"{counts.sum():g} or more")
    k = how_many(len(counts), coverage)
    best = np.partition(counts, len(counts) - k)[len(counts) - k :].sum()
    return Score(float(surely @ counts), float(events), float(best), float(surely @ area / area.sum()))


def pooled(scores: Sequence[Score]) -> Score:
    """Return several windows' scores as one, by sums; a window with many reports weighs more.

    Raises
    ------
    BadChoiceError
        If there are none.
    """
    if not scores:
        raise BadChoiceError(name="scores", value=0, expected="at least one window")
    return Score(
        sum(one.hits for one in scores),
        sum(one.events for one in scores),
        sum(one.best for one in scores),
        sum(one.area_share for one in scores) / len(scores),
    )


def record_of(scores: Sequence[Sequence[Score]]) -> Record:
    """Return scores as arrays: a sequence of origins for each coverage, the same origins in each.

    Raises
    ------
    BadChoiceError
        If there are none.
    UnalignedIndexError
        If the coverages do not have the same windows.
    """
    if not scores or not scores[0]:
        raise BadChoiceError(name="scores", value=0, expected="at least one window")
    events = [[one.events for one in row] for row in scores]
    if any(row != events[0] for row in events):
        raise UnalignedIndexError(left="scores of one coverage", right="those of another")
    hits, best, area_share = (
        np.array([[getattr(one, name) for one in row] for row in scores], dtype=np.float64)
        for name in ("hits", "best", "area_share")
    )
    return Record(hits, best, area_share, np.array(events[0], dtype=np.float64))


def block_draws(
    n: int, rng: np.random.Generator, *, draws: int = _DRAWS, block: int | None = None
) -> Positions:
    """Return positions of a circular block bootstrap, draws x n.

    Windows that follow one another are alike, so whole blocks of them are drawn, and the last block is
    joined to the first.

    Parameters
    ----------
    n
        How many windows there are, at least 1.
    rng
        Source of chance.
    draws
        How many samples.
    block
        Windows in a block; by default the cube root of ``n``, rounded.

    Raises
    ------
    BadChoiceError
        If a number is below 1.
    """
    length = max(1, round(n ** (1 / 3))) if block is None else block
    for name, value in (("n", n), ("draws", draws), ("block", length)):
        if value < 1:
            raise BadChoiceError(name=name, value=value, expected="1 or more")
    starts = rng.integers(0, n, (draws, -(-n // length)))
    return ((starts[:, :, None] + np.arange(length)) % n).reshape(draws, -1)[:, :n]


def intervals(
    record: Record, rng: np.random.Generator, *, level: float = 0.95, draws: int = _DRAWS
) -> list[dict[str, Interval]]:
    """Return ``hit_rate``, ``pai`` and ``pei`` over all origins with their ranges, one dict a coverage.

    Parameters
    ----------
    record
        Of one method.
    rng
        Source of chance.
    level
        Share of the draws inside the range.
    draws
        Of the block bootstrap over origins.

    Returns
    -------
    list of dict
        NaN where no window has a report. From a handful of origins the ranges are too narrow, and they are
        of windows like these, not of a forecast for a year that is different.
    """
    picks = block_draws(len(record.events), rng, draws=draws)
    found = []
    for row in range(len(record.hits)):
        whole = record.pooled(row)
        events = record.events[picks].sum(axis=1)
        hits, best = record.hits[row][picks].sum(axis=1), record.best[row][picks].sum(axis=1)
        area = record.area_share[row][picks].mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = {"hit_rate": hits / events, "pai": hits / events / area, "pei": hits / best}
        found.append({name: _interval(getattr(whole, name), drawn, level) for name, drawn in rates.items()})
    return found


def compare(
    method: Sequence[Record],
    baseline: Sequence[Record],
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    draws: int = _DRAWS,
) -> Lead:
    """Return how far a method is ahead of another, pooled over data sets and coverages.

    In each data set and at each coverage PAI is pooled over origins by sums; the lead is the geometric mean
    of the ratios, so that a large data set does not drown a small one. The bootstrap draws origins, the same
    for both methods and for all coverages of a data set. Where one of the two has no hit at all, half a hit is given to
    both: a ratio to nothing has no size.

    Parameters
    ----------
    method, baseline
        One record a data set, in the same order, of the same windows.
    rng
        Source of chance.
    level
        Share of the draws inside the range.
    draws
        Of the block bootstrap.

    Returns
    -------
    Lead
        It says who found more of the reports in these windows on these data; a lead whose range holds 0 may
        be chance, and neither list need be worth walking.

    Raises
    ------
    UnalignedIndexError
        If the two were not measured on the same windows.
    BadChoiceError
        If there is no record, or no report in a data set's windows.
    """
    if not method:
        raise BadChoiceError(name="method", value=0, expected="at least one data set")
    if len(method) != len(baseline) or any(
        ours.hits.shape != theirs.hits.shape or (ours.events != theirs.events).any()
        for ours, theirs in zip(method, baseline, strict=False)
    ):
        raise UnalignedIndexError(left="method", right="baseline")
    whole, drawn = [], []
    for ours, theirs in zip(method, baseline, strict=True):
        if not ours.events.any():
            raise BadChoiceError(name="events", value=0, expected="a report in some window of every data set")
        picks = block_draws(len(ours.events), rng, draws=draws)
        everything = np.arange(len(ours.events))[None]
        whole.append(_log_ratio(ours, theirs, everything))
        drawn.append(_log_ratio(ours, theirs, picks))
    value = float(np.exp(np.concatenate(whole).mean()) - 1.0)
    ratios = np.exp(np.concatenate(drawn).mean(axis=0)) - 1.0
    return Lead(_interval(value, ratios, level), float((ratios > 0).mean()))


def _log_ratio(ours: Record, theirs: Record, picks: Positions) -> Floats:
    """Return log PAI ratio, coverages x draws; events are the same on both sides."""
    mine, its = ours.hits[:, picks].sum(axis=2), theirs.hits[:, picks].sum(axis=2)
    half = 0.5 * ((mine == 0) | (its == 0))
    area = theirs.area_share[:, picks].mean(axis=2) / ours.area_share[:, picks].mean(axis=2)
    return np.asarray(np.log((mine + half) / (its + half) * area))


def _interval(value: float, drawn: Floats, level: float) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, ((1 - level) / 2, (1 + level) / 2))
    return Interval(value, float(low), float(high))


# -- are the numbers themselves right? -----------------------------------------------------------------


def reliability(
    expected: ArrayLike, happened: ArrayLike, bins: int = 10, *, level: float = 0.95
) -> pd.DataFrame:
    """Return whether as much happened as was expected, from the calmest cells to the busiest.

    Cells (of one window or of several laid end to end) are put in order of their expectation and cut into
    groups of about equal expected totals; cells that expect the same stay together.

    Parameters
    ----------
    expected, happened
        Per cell and window; expectations 0 or more.
    bins
        How many groups at most.
    level
        Of the interval.

    Returns
    -------
    pandas.DataFrame
        ``cells``, ``expected``, ``happened`` (totals of the group), ``ratio`` (happened over expected, NaN
        where nothing is expected), ``low``, ``high`` (exact Poisson interval of the ratio). A forecast can
        be perfectly calibrated and useless: the mean everywhere is. Reports that come in bursts leave the
        Poisson interval more often than its level says.

    Raises
    ------
    UnalignedIndexError
        If the two are not equally long.
    BadChoiceError
        If an expectation is negative or missing, or ``bins`` is below 1.
    """
    from scipy.special import gammaincinv

    ahead, came = _expected_and_happened(expected, happened)
    if bins < 1:
        raise BadChoiceError(name="bins", value=bins, expected="1 or more")
    group = _groups(ahead, bins)
    cells = np.bincount(group)
    sums, counts = np.bincount(group, ahead), np.bincount(group, came)
    # the exact Poisson interval, which shares of reports known as an interval do not break
    outside = (1.0 - level) / 2.0
    least = np.where(counts > 0, gammaincinv(np.maximum(counts, 1e-9), outside), 0.0)
    ratio, low, high = (
        np.divide(part, sums, out=np.full(len(sums), np.nan), where=sums > 0)
        for part in (counts, least, gammaincinv(counts + 1.0, 1.0 - outside))
    )
    return pd.DataFrame(
        {"cells": cells, "expected": sums, "happened": counts, "ratio": ratio, "low": low, "high": high}
    )


def _groups(ahead: Floats, bins: int) -> Positions:
    """Return the group of each cell, 0 the calmest: groups of about equal expected totals."""
    order = np.argsort(ahead, kind="stable")
    ascending = ahead[order]
    reached = np.cumsum(ascending)
    # the group that the middle of a cell's own part of the total lies in, or the first of its equals' groups
    middle = (reached - ascending / 2) / max(reached[-1], 1e-300)
    group = np.minimum(middle * bins, bins - 1).astype(np.int64)
    begins = np.concatenate([[True], ascending[1:] != ascending[:-1]])
    group = group[np.maximum.accumulate(np.where(begins, np.arange(len(ahead)), 0))]
    found = np.empty(len(ahead), dtype=np.int64)
    found[order] = np.unique(group, return_inverse=True)[1]
    return found


def covered_groups(expected: ArrayLike, happened: ArrayLike, bins: int = 10, *, level: float = 0.9) -> Floats:
    """Return in which windows the totals of groups of cells lay in their intervals.

    The groups are those of :func:`reliability` over all windows. Each interval is made with the spread that the totals
    of all groups had in the windows before, so that it knows nothing of its own window.

    Parameters
    ----------
    expected, happened
        Windows x cells, the windows in the order of time; expectations 0 or more.
    bins
        How many groups at most.
    level
        Share of the totals that should lie inside, at least.

    Returns
    -------
    numpy.ndarray
        Windows x groups, from calm to busy: 1 inside, 0 outside, NaN in the earlier half of the windows, which the
        spread is first learnt from. Their mean is the coverage measured; from a handful of windows it is rough.

    Raises
    ------
    UnalignedIndexError, BadChoiceError
        As :func:`reliability`.
    """
    ahead, came = _expected_and_happened(expected, happened)
    if bins < 1:
        raise BadChoiceError(name="bins", value=bins, expected="1 or more")
    windows = len(ahead)
    group = _groups(ahead.ravel(), bins)
    size = int(group.max()) + 1
    at = np.repeat(np.arange(windows), ahead.shape[1]) * size + group
    totals, counts = (
        np.bincount(at, part.ravel(), minlength=windows * size).reshape(windows, size)
        for part in (ahead, came)
    )
    inside = np.full((windows, size), np.nan)
    for number in range(max(1, windows // 2), windows):
        spread = dispersion(totals[:number], counts[:number])
        low, high = prediction_interval(totals[number], spread=spread, level=level)
        inside[number] = (low <= counts[number]) & (counts[number] <= high)
    return inside


def dispersion(expected: ArrayLike, happened: ArrayLike) -> float:
    """Return how much more counts vary than chance: variance = m + dispersion x m², by moments, 0 or more.

    0 is Poisson. It is one number for all cells and takes up every fault of the forecast as well as bursts
    of reports; it does not say which of the two it is.

    Raises
    ------
    UnalignedIndexError, BadChoiceError
        As :func:`reliability`.
    """
    ahead, came = _expected_and_happened(expected, happened)
    squares = float((ahead**2).sum())
    return max(0.0, float(((came - ahead) ** 2 - ahead).sum()) / squares) if squares else 0.0


def prediction_interval(
    expected: ArrayLike, *, spread: float = 0.0, level: float = 0.9
) -> tuple[Floats, Floats]:
    """Return the counts between which a cell's reports should fall, both ends included.

    Parameters
    ----------
    expected
        Reports expected, 0 or more.
    spread
        As :func:`dispersion` gives it, from windows before: 0 for Poisson, else negative binomial.
    level
        Share of the windows that should fall inside, at least. Counts are whole, so that in calm cells
        (0 to 1 report) many more do.

    Returns
    -------
    low, high
        They take the expectation as known: where it is wrong, too few counts fall inside.

    Raises
    ------
    BadChoiceError
        If an expectation or the spread is negative or missing, or the level not between 0 and 1.
    """
    from scipy import stats

    if not 0 < level < 1:
        raise BadChoiceError(name="level", value=level, expected="between 0 and 1")
    if not 0 <= spread < np.inf:
        raise BadChoiceError(name="spread", value=spread, expected="0 or more")
    ahead, _ = _expected_and_happened(expected, np.zeros(np.shape(expected)))
    outside = (1.0 - level) / 2.0
    if spread > 0:
        size = 1.0 / spread
        law = stats.nbinom(size, size / (size + ahead))
    else:
        law = stats.poisson(ahead)
    low, high = law.ppf(outside), law.ppf(1.0 - outside)
    nothing = ahead == 0
    return np.where(nothing, 0.0, low), np.where(nothing, 0.0, high)


def covered(low: ArrayLike, high: ArrayLike, happened: ArrayLike) -> float:
    """Return the share of counts inside their intervals, ends included; NaN without any.

    Wide enough intervals cover everything: look at their width too.
    """
    came = np.asarray(happened, dtype=np.float64)
    inside = (np.asarray(low) <= came) & (came <= np.asarray(high))
    return float(inside.mean()) if inside.size else float("nan")


def _expected_and_happened(expected: ArrayLike, happened: ArrayLike) -> tuple[Floats, Floats]:
    ahead, came = np.asarray(expected, dtype=np.float64), np.asarray(happened, dtype=np.float64)
    if ahead.shape != came.shape:
        raise UnalignedIndexError(left="expected", right="happened")
    if not len(ahead) or not (np.isfinite(ahead) & (ahead >= 0)).all():
        raise BadChoiceError(name="expected", value="NaN", expected="0 or more for every cell, at least one")
    return ahead, came


# -- does it still hold? -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drift:
    """Whether the list catches less than it did.

    Parameters
    ----------
    before, now
        Hit rate of the back-test, and of the recent windows.
    p_value
        How seldom so few hits or fewer would come if nothing had changed.
    alarm
        Whether that is below the level.
    """

    before: float
    now: float
    p_value: float
    alarm: bool


def drift(
    hits: ArrayLike, events: ArrayLike, recent_hits: float, recent_events: float, *, level: float = 0.01
) -> Drift:
    """Return whether the recent hit rate is lower than the back-test's by more than chance.

    Hits of the recent windows are taken as beta-binomial around the back-test's hit rate. Hit rates differ
    between windows by more than chance (bursts, holidays), and the back-test itself knows its rate only so
    well; both widen the law, as estimated by moments from the windows of the back-test.

    Parameters
    ----------
    hits, events
        Of each window of the back-test; at least two windows with reports.
    recent_hits, recent_events
        Of the time since, as one window. Hits that are not whole count as the next whole one.
    level
        Below which the alarm is given: with 0.01 and one look a month, a false one in eight years.

    Returns
    -------
    Drift
        An alarm says that the list caught fewer of the reports, not why: fewer patrols, another ledger or a
        new place do it too. No alarm, with few reports, says little.

    Raises
    ------
    BadChoiceError
        If fewer than two windows have reports, hits exceed events, or there are no recent reports.
    UnalignedIndexError
        If there is not one number of events for each of hits.
    """
    law, before = _usual_law(hits, events, recent_events)
    if not 0 <= recent_hits <= recent_events + 1e-9:
        raise BadChoiceError(name="hits", value=recent_hits, expected="no more than events")
    p_value = min(1.0, float(law.cdf(int(np.ceil(recent_hits - 1e-9)))))
    return Drift(before, recent_hits / recent_events, p_value, p_value < level)


def control_chart(hits: ArrayLike, events: ArrayLike, *, level: float = 0.01) -> pd.DataFrame:
    """Return for each window whether it was worse than those before it, by the rule of :func:`drift`.

    Parameters
    ----------
    hits, events
        Of each window, in the order of time.
    level
        As for :func:`drift`.

    Returns
    -------
    pandas.DataFrame
        One row a window: ``hit_rate`` (NaN without reports), ``before`` (of all windows before it), ``limit`` (an alarm is
        given below this hit rate), ``p_value``, ``alarm``. NaN and false where fewer than two windows with reports came before, or
        less than one report in it.
    """
    caught, all_of = np.asarray(hits, dtype=np.float64), np.asarray(events, dtype=np.float64)
    rows = []
    for number, (own, of) in enumerate(zip(caught, all_of, strict=True)):
        rate = own / of if of > 0 else np.nan
        if of < 1 or (all_of[:number] > 0).sum() < 2:
            rows.append((rate, np.nan, np.nan, np.nan, False))
            continue
        found = drift(caught[:number], all_of[:number], float(own), float(of), level=level)
        law, _ = _usual_law(caught[:number], all_of[:number], float(of))
        rows.append((rate, found.before, float(law.ppf(level)) / round(of), found.p_value, found.alarm))
    return pd.DataFrame(rows, columns=["hit_rate", "before", "limit", "p_value", "alarm"])


def _usual_law(hits: ArrayLike, events: ArrayLike, recent_events: float) -> tuple[Any, float]:
    """Return the law of the hits among recent reports if nothing has changed, and the hit rate before."""
    from scipy import stats

    caught, all_of = np.asarray(hits, dtype=np.float64), np.asarray(events, dtype=np.float64)
    if caught.shape != all_of.shape:
        raise UnalignedIndexError(left="hits", right="events")
    caught, all_of = caught[all_of > 0], all_of[all_of > 0]
    if len(caught) < 2:
        raise BadChoiceError(name="events", value=len(caught), expected="two windows with reports, or more")
    if (caught > all_of + 1e-9).any():
        raise BadChoiceError(name="hits", value=float(caught.max()), expected="no more than events")
    if not recent_events >= 1:
        raise BadChoiceError(name="recent_events", value=recent_events, expected="1 or more")
    n, total = all_of, float(all_of.sum())
    rate = (float(caught.sum()) + 0.5) / (total + 1.0)  # never 0 or 1
    # one-way moments: what windows differ by beyond binomial chance, as correlation within a window
    between = float((n * (caught / n - rate) ** 2).sum()) / (len(n) - 1)
    usual = (total - float((n**2).sum()) / total) / (len(n) - 1)
    within = float((caught * (1.0 - caught / n)).sum()) / max(total - len(n), 1.0)
    mixed = between + (usual - 1.0) * within
    alike = min(max((between - within) / mixed, 0.0), 0.99) if mixed > 0 else 0.0
    unknown = float((n * (1.0 + (n - 1.0) * alike)).sum()) / total**2
    correlation = min(alike + unknown, 0.99)
    size = 1.0 / correlation - 1.0
    law = stats.betabinom(round(recent_events), rate * size, (1.0 - rate) * size)
    return law, float(caught.sum()) / total
