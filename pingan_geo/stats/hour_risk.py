"""Which part of a cell's reports falls into a shift: for the evening patrol, the evening's hotspots.

Few cells have reports enough for an hour profile of their own. So the share of a shift is drawn to that of
the surroundings (the H3 cell two sizes up, then one size up), and theirs to the town's: a weighted mean in
which the wider share counts as so many reports. How many is chosen, level by level, by how well the older
two thirds of the record foretell the newest third; where a finer level foretells nothing, it is left out,
and every cell has the share of the level above.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.spatial.cells import parents
from pingan_geo.stats.aoristic import WEEK_HOURS, HourWeights, aoristic_counts
from pingan_geo.stats.forecasting.history import Floats, Forecaster, History, Positions

#: Sizes of H3 cells above the region's own, widest first.
_LEVELS: Final = (2, 1, 0)
#: What the wider share may count as, in reports; infinity leaves the level out.
_STRENGTHS: Final = (np.inf, 1000.0, 500.0, 250.0, 120.0, 60.0)
#: A level must foretell the newest third better by so much (natural logarithm of the likelihood).
_LEAST_GAIN: Final = 4.0
_HOUR_S: Final = 3600
#: Reports that a share as of an even week counts as, for the town: never a share of exactly nothing or all.
_EVEN_REPORTS: Final = 1.0


def shift_hours(hours: Sequence[int], weekdays: Sequence[int] = range(7)) -> Floats:
    """Return a shift as 168 hours of the week, 1 in the shift and 0 outside.

    Parameters
    ----------
    hours
        Hours of the day, 0-23, at least one.
    weekdays
        0 = Monday, at least one. Hours after midnight belong to the day that they are in.

    Raises
    ------
    BadChoiceError
        If an hour or a day is none, or there are none.
    """
    for name, values, size in (("hours", hours, 24), ("weekdays", weekdays, 7)):
        if not len(values) or not all(0 <= value < size for value in values):
            raise BadChoiceError(name=name, value=list(values), expected=f"0-{size - 1}, at least one")
    shift = np.zeros((7, 24))
    shift[np.ix_(list(weekdays), list(hours))] = 1.0
    return shift.ravel()


def shift_share(history: History, weights: HourWeights, shift: ArrayLike, hours: ArrayLike) -> Floats:
    """Return the share of each cell's reports that falls into a shift.

    Parameters
    ----------
    history
        What is known.
    weights
        Hours of the week of the same reports, in the same order.
    shift
        168 shares of an hour, 0-1.
    hours
        168, at least ``shift`` each: the hours of which it is a share; ones for the whole week.

    Returns
    -------
    numpy.ndarray
        Above 0 and below 1 (1 where the shift is all of the hours), one a cell of the region; a cell without reports has the share of its
        surroundings. Of reports, which follow when people look.

    Raises
    ------
    UnalignedIndexError
        If there is not one entry of ``weights`` a report.
    BadChoiceError
        If no report says at what hour, or ``shift`` is not a part of ``hours``.
    """
    if len(weights) != len(history):
        raise UnalignedIndexError(left="weights", right="history")
    asked, whole = (np.asarray(values, dtype=np.float64) for values in (shift, hours))
    in_shift, in_hours = weights.within(asked), weights.within(whole)
    if not (asked.any() and (asked >= 0).all() and (asked <= whole).all()):
        raise BadChoiceError(name="shift", value=float(asked.sum()), expected="a part of the hours asked for")
    known = ~np.isnan(in_hours) & (history.cell >= 0)
    if not known.any():
        raise BadChoiceError(name="weights", value="unknown", expected="an hour of some report")
    if np.array_equal(asked, whole):
        return np.ones(len(history.region))
    even = float(asked.sum() / whole.sum())
    groups = [_codes(parents(history.region.cells, history.region.resolution - up)) for up in _LEVELS]
    cell, part, mass = history.cell[known], in_shift[known], in_hours[known]
    # reports come oldest first
    strengths = _choose(groups, cell, part, mass, len(cell) * 2 // 3, even)
    return _shares(groups, strengths, cell, part, mass, even)


def expected_in_shift(
    history: History,
    weights: HourWeights,
    forecast: Forecaster | ArrayLike,
    shift: ArrayLike,
    horizon_d: float,
    rng: np.random.Generator,
) -> Floats:
    """Return the reports to expect in each cell within a shift: any forecast times the share of the shift.

    Parameters
    ----------
    history
        What is known at the origin.
    weights
        Hours of the week of the same reports, in the same order: of :func:`pingan_geo.stats.aoristic.aoristic_weights`.
        A report known as an interval was known from its end on: the history must count it from there.
    forecast
        A forecaster, or its expected reports per cell in the horizon.
    shift
        168 shares of an hour, 0-1: of :func:`shift_hours`.
    horizon_d
        Days from the origin, above 0. Where these are not whole weeks, only the hours of the week that they hold count,
        each as often as it comes.
    rng
        Of the forecaster.

    Returns
    -------
    numpy.ndarray
        One a cell; zero everywhere when the shift does not come within the horizon. Never more than the
        forecast of all hours.

    Raises
    ------
    UnalignedIndexError
        If ``weights`` or the expected reports do not fit the history or its region.
    BadChoiceError
        If the horizon is not above 0, or no report says at what hour.
    """
    if not horizon_d > 0:
        raise BadChoiceError(name="horizon_d", value=horizon_d, expected="above 0")
    asked = np.asarray(shift, dtype=np.float64)
    if asked.shape != (WEEK_HOURS,):
        raise UnalignedIndexError(left="shift", right="the 168 hours of a week")
    whole = np.asarray(
        forecast(history, horizon_d, rng) if callable(forecast) else forecast, dtype=np.float64
    )
    if whole.shape != (len(history.region),):
        raise UnalignedIndexError(left="forecast", right="cells of the region")
    end = history.origin + np.timedelta64(round(horizon_d * 86_400), "s")
    comes, _ = aoristic_counts([history.origin], [end], whole_days="spread")
    hours = comes[0] / comes[0].max()
    if not (asked * hours).any():
        return np.zeros(len(history.region))
    return whole * shift_share(history, weights, asked * hours, hours)


def expected_each_hour(
    history: History,
    weights: HourWeights,
    expected: ArrayLike,
    horizon_d: float,
    begin: np.datetime64,
    end: np.datetime64,
) -> tuple[NDArray[np.datetime64], Floats]:
    """Return the reports to expect in each cell and clock hour of one shift.

    A cell's day is a day of the horizon. Its share of the shift's hours of the day is drawn to its surroundings as
    in :func:`shift_share`, and so is the share of each hour among them. Weekdays are told by the whole region
    only, and only as far as they differ by more than chance: a few weeks of one weekday's evenings know nothing
    of a cell.

    Parameters
    ----------
    history, weights
        As for :func:`expected_in_shift`.
    expected
        Reports to expect in each cell within the horizon, all hours.
    horizon_d
        Its days, above 0; whole weeks, or the shift's weekday stands for more than one in seven.
    begin, end
        The shift, wall clock, to the second; at most a week.

    Returns
    -------
    starts
        datetime64[s]: the clock hours that the shift touches.
    expected
        cells x hours; an hour that the shift touches only in part counts by that part. Where no report says at
        what hour, all hours are alike.

    Raises
    ------
    UnalignedIndexError
        If ``weights`` or ``expected`` do not fit the history or its region.
    BadChoiceError
        If the shift ends before it begins or is longer than a week, or the horizon is not above 0.
    """
    if not horizon_d > 0:
        raise BadChoiceError(name="horizon_d", value=horizon_d, expected="above 0")
    first, last = (one.astype("datetime64[s]").astype(np.int64) for one in (begin, end))
    if not 0 < last - first <= WEEK_HOURS * _HOUR_S:
        raise BadChoiceError(name="end", value=end, expected="after the beginning, at most a week")
    whole = np.asarray(expected, dtype=np.float64)
    if whole.shape != (len(history.region),):
        raise UnalignedIndexError(left="expected", right="cells of the region")
    at = np.arange(first // _HOUR_S, -(-last // _HOUR_S))
    part = (np.minimum(last, (at + 1) * _HOUR_S) - np.maximum(first, at * _HOUR_S)) / _HOUR_S
    day, hour = (at // 24 + 3) % 7, at % 24  # 1970-01-01 was a Thursday
    hours = np.unique(hour)
    shift = shift_hours(hours.tolist())
    own = [shift_hours([one]) for one in hours.tolist()]
    if not (~weights.unknown & (history.cell >= 0)).any():
        rate = np.full((len(whole), len(hours)), 1 / 24)
    else:
        in_shift = shift_share(history, weights, shift, np.ones(WEEK_HOURS))
        each = np.stack([shift_share(history, weights, one, shift) for one in own], axis=1)
        rate = in_shift[:, None] * each / each.sum(axis=1, keepdims=True)
    usual = _weekday_factors(weights, shift)
    risk = whole[:, None] / horizon_d * rate[:, np.searchsorted(hours, hour)] * (usual[day] * part)
    return (at * _HOUR_S).astype("datetime64[s]"), risk


def _weekday_factors(weights: HourWeights, shift: Floats) -> Floats:
    """Return how many times as many reports as on the mean day each weekday has in a shift, 7, of mean 1.

    Drawn to 1 by as much of their spread as chance alone gives (seven counts, six degrees of freedom).
    """
    days = np.repeat(np.eye(7), 24, axis=1)
    counts = np.array([np.nansum(weights.within(shift * day)) for day in days])
    mean = counts.mean()
    if mean <= 0:
        return np.ones(7)
    excess = float(((counts - mean) ** 2).sum() / mean)
    kept = max(0.0, 1.0 - 6.0 / excess) if excess > 0 else 0.0
    return np.asarray(1.0 + kept * (counts / mean - 1.0))


def _codes(values: NDArray[np.uint64]) -> Positions:
    return np.unique(values, return_inverse=True)[1].astype(np.int64).ravel()


def _town(part: Floats, mass: Floats, even: float) -> float:
    return float((part.sum() + _EVEN_REPORTS * even) / (mass.sum() + _EVEN_REPORTS))


def _drawn(
    group: Positions, cell: Positions, part: Floats, mass: Floats, wider: Floats, strength: float
) -> Floats:
    """Return each cell's share at one level, drawn to the wider one."""
    if np.isinf(strength):
        return wider
    size = int(group.max()) + 1
    in_shift = np.bincount(group[cell], part, minlength=size)[group]
    in_all = np.bincount(group[cell], mass, minlength=size)[group]
    return np.asarray((in_shift + strength * wider) / (in_all + strength))


def _shares(
    groups: Sequence[Positions],
    strengths: Sequence[float],
    cell: Positions,
    part: Floats,
    mass: Floats,
    even: float,
) -> Floats:
    share = np.full(len(groups[0]), _town(part, mass, even))
    for group, strength in zip(groups, strengths, strict=True):
        share = _drawn(group, cell, part, mass, share, strength)
    return share


def _choose(
    groups: Sequence[Positions], cell: Positions, part: Floats, mass: Floats, old: int, even: float
) -> list[float]:
    """Return how strongly each level is drawn to the wider one, by the newest third."""
    new_cell, new_part, new_mass = cell[old:], part[old:], mass[old:]
    share = np.full(len(groups[0]), _town(part[:old], mass[:old], even))
    chosen = []
    for group in groups:
        tried = [
            _drawn(group, cell[:old], part[:old], mass[:old], share, strength) for strength in _STRENGTHS
        ]
        fits = []
        for one in tried:
            foretold = one[new_cell]
            fits.append(
                float(new_part @ np.log(foretold) + (new_mass - new_part) @ np.log1p(-foretold))
                if len(new_cell)
                else 0.0
            )
        best = int(np.argmax(fits))
        if fits[best] < fits[0] + _LEAST_GAIN:
            best = 0
        chosen.append(_STRENGTHS[best])
        share = tried[best]
    return chosen
