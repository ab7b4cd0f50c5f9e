"""The funnel: which rates differ from the rate of all units by more than their exposure lets chance explain.

A list ranked by rate has the units with the least exposure at both of its ends, because their rates swing
most. The funnel draws each rate over its exposure, with limits that are wide where exposure is small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats.significance import adjust

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FunnelTest:
    """Each unit against the rate of all.

    Parameters
    ----------
    rate
        Reports per exposure of all units with exposure together.
    expected
        Reports that each unit would have at that rate; NaN without exposure.
    p
        Two-sided and exact, of each unit by itself; NaN without exposure. A small one does not mean that
        more happens there: it says that chance alone seldom brings such a count at the rate of all.
    p_value
        The same, corrected for how many units were tested.
    side
        1 where there are more reports than expected, -1 fewer, 0 as many or without exposure.
    """

    rate: float
    expected: Floats
    p: Floats
    p_value: Floats
    side: NDArray[np.int64]


def funnel_test(
    counts: ArrayLike, exposure: ArrayLike, *, between: float = 0.0, correction: str = "bh"
) -> FunnelTest:
    """Test each unit against the rate of all of them.

    Parameters
    ----------
    counts
        Reports per unit, whole and 0 or more.
    exposure
        Households, km² … of each unit, 0 or more.
    between
        How much true rates differ between units, as a variance of rates (``prior_var`` of
        :func:`pingan_geo.stats.rates.smooth_rates`). 0: all are the same but for chance, counts are Poisson.
        Above 0 true rates are Gamma and counts negative binomial: outside is then who differs more than units
        usually do.
    correction
        Of :data:`pingan_geo.stats.significance.ADJUSTMENTS`.

    Returns
    -------
    FunnelTest
        A unit is part of the rate that it is held against, so that few units find themselves a little less
        unusual than they are. Reports that hang together (one event, several tellers) fall outside more often
        than the level says.

    Raises
    ------
    BadChoiceError
        If a count is not a whole number of 0 or more, an exposure not a finite number of 0 or more,
        ``between`` below 0, or the correction not offered.
    UnalignedIndexError
        If there is not one exposure for each count.
    """
    count, exposed = np.ravel(np.asarray(counts, dtype=np.float64)), _exposure(exposure)
    if count.size != exposed.size:
        raise UnalignedIndexError(left="counts", right="exposure")
    wrong = ~(np.isfinite(count) & (count >= 0) & (count == np.floor(count)))
    if wrong.any():
        raise BadChoiceError(name="counts", value=float(count[wrong][0]), expected="whole, 0 or more")
    _not_negative("between", between)
    known = exposed > 0
    rate = float(count[known].sum() / exposed[known].sum()) if known.any() else float("nan")
    expected = np.where(known, exposed * rate, np.nan)
    p = np.full(count.size, np.nan)
    if rate > 0:
        p[known] = _two_sided(count[known], expected[known], _shape(rate, between))
    elif known.any():
        p[known] = 1.0  # nothing was reported anywhere: every unit is as all are
    side = np.where(known, np.sign(np.round(count - np.where(known, expected, count), 9)), 0)
    return FunnelTest(rate, expected, p, adjust(p, correction), side.astype(np.int64))


def funnel_limits(
    exposure: ArrayLike, rate: float, level: float = 0.95, *, between: float = 0.0
) -> tuple[Floats, Floats]:
    """Return the limits between which a unit's rate stays by chance.

    Parameters
    ----------
    exposure
        Where the limits are asked for, above 0.
    rate
        Of all units together: reports per exposure, above 0.
    level
        Between 0 and 1. A unit of the true rate ``rate`` reaches a limit in at most ``1 - level`` of cases.
    between
        As for :func:`funnel_test`.

    Returns
    -------
    low, high
        Reports per exposure. A count reaches the upper limit when the exact chance of so many or more is
        ``(1 - level) / 2`` or less, and the lower one likewise: the limits and ``p`` of :func:`funnel_test`
        never disagree. ``low`` is NaN where even no report at all is within what chance brings. The limits
        are of one unit; of a hundred units five lie outside the 95 % ones by chance.

    Raises
    ------
    BadChoiceError
        If an exposure or the rate is not above 0, ``level`` is not between 0 and 1, or ``between`` below 0.
    """
    exposed = _exposure(exposure)
    if not (exposed > 0).all():
        raise BadChoiceError(name="exposure", value=0, expected="above 0")
    if not (np.isfinite(rate) and rate > 0):
        raise BadChoiceError(name="rate", value=rate, expected="above 0")
    if not 0 < level < 1:
        raise BadChoiceError(name="level", value=level, expected="between 0 and 1")
    _not_negative("between", between)
    tail = (1.0 - level) / 2.0
    expected, shape = exposed * rate, _shape(rate, between)
    # The chance of so many or more is a smooth function of the count, also between whole numbers: the limits
    # are its inverse, and so no staircase.
    high = _count_of_chance(tail, expected, shape)
    low = _count_of_chance(1.0 - tail, expected, shape) - 1.0
    return np.where(low >= 0, low, np.nan) / exposed, high / exposed


def _shape(rate: float, between: float) -> float:
    """Return the shape of the Gamma distribution of true rates; infinite where all are the same."""
    return rate**2 / between if between > 0 else float("inf")


def _two_sided(count: Floats, expected: Floats, shape: float) -> Floats:
    from scipy.special import betainc, betaincc, gammainc, gammaincc

    some = np.maximum(count, 1.0)
    if np.isinf(shape):
        at_least, at_most = gammainc(some, expected), gammaincc(count + 1.0, expected)
    else:
        share = expected / (shape + expected)
        at_least, at_most = betainc(some, shape, share), betaincc(count + 1.0, shape, share)
    at_least = np.where(count > 0, at_least, 1.0)
    p: Floats = np.minimum(2.0 * np.minimum(at_least, at_most), 1.0)
    return p


def _count_of_chance(chance: float, expected: Floats, shape: float) -> Floats:
    """Return the count that is reached or passed with a chance."""
    from scipy.special import btdtria, gdtrib

    if np.isinf(shape):
        found: Floats = gdtrib(1.0, chance, expected)
    else:
        found = btdtria(chance, shape, expected / (shape + expected))
    return found


def _exposure(exposure: ArrayLike) -> Floats:
    exposed = np.ravel(np.asarray(exposure, dtype=np.float64))
    wrong = ~(np.isfinite(exposed) & (exposed >= 0))
    if wrong.any():
        raise BadChoiceError(name="exposure", value=float(exposed[wrong][0]), expected="a number, 0 or more")
    return exposed


def _not_negative(name: str, value: float) -> None:
    if not (np.isfinite(value) and value >= 0):
        raise BadChoiceError(name=name, value=value, expected="0 or more")
