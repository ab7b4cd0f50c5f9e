"""Rates: reports per household, per active reporter, per patrol visit, per whatever a unit holds of it.

A rate is reports over exposure. Where exposure is small a single report makes the highest rate of the town,
so a map of plain rates shows where few people live; smoothed rates and intervals say how much of it can be
believed. No rate is a risk: it still follows where and when people look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats.neighbours import sum_beside

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SmoothedRates:
    """Rates drawn towards what is usual, the more the less a unit has to say.

    A smoothed rate is better on average over all units than the plain one; it is not the true rate of a
    unit, and a small unit that really stands out is drawn back too.

    Parameters
    ----------
    rate
        Reports per exposure as they are; NaN where there is no exposure.
    smoothed
        ``shrinkage * rate + (1 - shrinkage) * prior_mean``; NaN where there is no exposure.
    prior_mean
        What is usual: reports per exposure of all units together, or of the unit and its neighbours.
    prior_var
        How much true rates differ between those units; 0 where chance alone explains the differences.
    shrinkage
        Weight of the unit's own rate, 0 to 1; NaN where there is no exposure.
    """

    rate: Floats
    smoothed: Floats
    prior_mean: Floats
    prior_var: Floats
    shrinkage: Floats


def rates(counts: ArrayLike, exposure: ArrayLike) -> Floats:
    """Return reports per unit of exposure.

    Parameters
    ----------
    counts
        Reports per unit (cell, grid, village, estate), whole and 0 or more.
    exposure
        Households, active reporters, patrol visits … of each unit, 0 or more.

    Returns
    -------
    numpy.ndarray
        NaN where there is no exposure, whatever the count. A high rate of a unit with little exposure
        does not mean a high risk: see :func:`rate_interval`.

    Raises
    ------
    BadChoiceError
        If a count is not a whole number of 0 or more, or an exposure is missing, infinite or below 0.
    UnalignedIndexError
        If there is not one exposure for each count.
    """
    count, exposed = _checked(counts, exposure)
    return _divide(count, exposed)


def smooth_rates(
    counts: ArrayLike,
    exposure: ArrayLike,
    left: ArrayLike | None = None,
    right: ArrayLike | None = None,
) -> SmoothedRates:
    """Return rates smoothed by empirical Bayes, with mean and variance by moments (Marshall 1991).

    Parameters
    ----------
    counts, exposure
        As for :func:`rates`. Units without exposure tell nothing: neither they nor their reports enter the
        mean.
    left, right
        Positions of neighbours, each pair once, as :func:`pingan_geo.spatial.cells.neighbour_pairs` gives
        them. With them each unit is drawn to the mean of itself and its neighbours instead of all.

    Returns
    -------
    SmoothedRates
        One value per unit in every field. A negative variance by moments is taken as 0 and the smoothed
        rate is then the mean. It does not mean that units are alike, only that these counts cannot tell
        them apart.

    Raises
    ------
    BadChoiceError
        As for :func:`rates`, or if only one of ``left`` and ``right`` is given, or a position in them does
        not exist.
    UnalignedIndexError
        If there is not one exposure for each count, or ``left`` and ``right`` differ in length.
    """
    count, exposed = _checked(counts, exposure)
    known = exposed > 0
    rate = _divide(count, exposed)
    count = np.where(known, count, 0.0)

    if left is None and right is None:

        def around(values: Floats) -> Floats:
            return np.full(values.size, values.sum())
    else:
        one, other = _pairs(left, right, count.size)

        def around(values: Floats) -> Floats:
            return values + sum_beside(values, one, other)

    units, exposed_around = around(known.astype(np.float64)), around(exposed)
    mean = _divide(around(count), exposed_around)
    # sum of e (r - m)^2 = sum of e r^2 - m^2 sum of e, which needs one pass for every neighbourhood
    squares = around(np.where(known, count, 0.0) * np.where(known, rate, 0.0))
    spread = _divide(squares, exposed_around) - mean**2
    variance = np.maximum(spread - _divide(mean * units, exposed_around), 0.0)
    chance = _divide(mean, exposed)
    # where nothing was reported around a unit both are 0, and any weight gives the same rate
    shrinkage = np.where(known, _divide(variance, variance + np.where(known, chance, 0.0), 0.0), np.nan)
    smoothed = shrinkage * rate + (1.0 - shrinkage) * mean
    return SmoothedRates(rate, smoothed, mean, variance, shrinkage)


def rate_interval(counts: ArrayLike, exposure: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the exact interval of each rate, counts being Poisson (Garwood 1936).

    Parameters
    ----------
    counts, exposure
        As for :func:`rates`.
    level
        Between 0 and 1: at least this share of such intervals hold the true rate.

    Returns
    -------
    low, high
        Reports per exposure; NaN where there is no exposure. They tell of chance only, not of reports that
        were never made, and are too narrow where one event brings several reports. Two intervals that
        overlap do not show that two rates are the same.

    Raises
    ------
    BadChoiceError
        As for :func:`rates`, or if ``level`` is not between 0 and 1.
    UnalignedIndexError
        If there is not one exposure for each count.
    """
    from scipy.special import gammaincinv

    if not 0 < level < 1:
        raise BadChoiceError(name="level", value=level, expected="between 0 and 1")
    count, exposed = _checked(counts, exposure)
    outside = (1.0 - level) / 2.0
    low = np.where(count > 0, gammaincinv(np.maximum(count, 1.0), outside), 0.0)
    high = gammaincinv(count + 1.0, 1.0 - outside)
    return _divide(low, exposed), _divide(high, exposed)


def active_reporters(units: ArrayLike, unit: ArrayLike, reporter: Any) -> NDArray[np.int64]:
    """Return how many different people reported from each unit: the exposure "per active reporter".

    Parameters
    ----------
    units
        Every unit once, cells or codes.
    unit
        The unit of each report; one that is not in ``units`` is in none.
    reporter
        Pseudonym of each report, ``""`` where it is not known; those are nobody.

    Returns
    -------
    numpy.ndarray
        One number per unit of ``units``. It does not say how many people looked: who sees nothing wrong
        reports nothing.

    Raises
    ------
    UnalignedIndexError
        If there is not one reporter for each report.
    """
    of_report, who = np.ravel(np.asarray(unit)), pd.Series(np.asarray(reporter, dtype=object), dtype="str")
    if of_report.size != len(who):
        raise UnalignedIndexError(left="unit", right="reporter")
    all_units = pd.Index(np.ravel(np.asarray(units)))
    if not of_report.size or not len(all_units):
        return np.zeros(len(all_units), dtype=np.int64)
    place = all_units.get_indexer(pd.Index(of_report))
    seen = pd.DataFrame({"place": place, "who": who})
    seen = seen[(seen["place"] >= 0) & who.fillna("").ne("")].drop_duplicates()
    return np.bincount(seen["place"].to_numpy(), minlength=len(all_units)).astype(np.int64)


def _checked(counts: ArrayLike, exposure: ArrayLike) -> tuple[Floats, Floats]:
    count = np.ravel(np.asarray(counts, dtype=np.float64))
    exposed = np.ravel(np.asarray(exposure, dtype=np.float64))
    if count.size != exposed.size:
        raise UnalignedIndexError(left="counts", right="exposure")
    wrong = ~(np.isfinite(count) & (count >= 0) & (count == np.floor(count)))
    if wrong.any():
        raise BadChoiceError(name="counts", value=float(count[wrong][0]), expected="whole, 0 or more")
    wrong = ~(np.isfinite(exposed) & (exposed >= 0))
    if wrong.any():
        raise BadChoiceError(name="exposure", value=float(exposed[wrong][0]), expected="a number, 0 or more")
    return count, exposed


def _pairs(
    left: ArrayLike | None, right: ArrayLike | None, units: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if left is None or right is None:
        raise BadChoiceError(name="left, right", value="only one of them", expected="both, or neither")
    one, other = (np.ravel(np.asarray(side, dtype=np.int64)) for side in (left, right))
    if one.size != other.size:
        raise UnalignedIndexError(left="left", right="right")
    both = np.concatenate([one, other])
    wrong = (both < 0) | (both >= units)
    if wrong.any():
        raise BadChoiceError(name="left, right", value=int(both[wrong][0]), expected=f"0 to {units - 1}")
    return one, other


def _divide(top: Floats, bottom: Floats, otherwise: float = np.nan) -> Floats:
    quotient: Floats = np.divide(top, bottom, out=np.full(bottom.shape, otherwise), where=bottom > 0)
    return quotient
