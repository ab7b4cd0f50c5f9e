"""How concentrated reports are, beside the concentration that scattering them at random brings by itself.

"20 % of the places have 80 % of the reports" is said of nearly everything that is counted in many places. Ten
reports in a hundred cells lie in ten cells at most, however they fall; and where more people live, more is
reported. So the line of the reports is drawn beside the line of the same number of reports scattered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, UnalignedIndexError

Floats = NDArray[np.float64]
_MOST_POINTS = 200
_TAIL = 0.025


@dataclass(frozen=True, eq=False)
class Lorenz:
    """The line from the unit with most reports to the one with fewest.

    Parameters
    ----------
    unit_share
        Ascending shares of all units, from 0 to 1.
    held
        Share of the reports in so many units, those with most first; all 0 without reports.
    scattered
        The same when as many reports are scattered at random, on average over the draws.
    units, top_units
        All units, and how many the top ones are.
    top_held
        Share of the reports in the top units.
    top_scattered, top_low, top_high
        The same of scattered reports: on average, and within which 95 % of the draws lie. A share above
        ``top_high`` says that reports are not scattered like that. It does not say why.
    """

    unit_share: Floats
    held: Floats
    scattered: Floats
    units: int
    top_units: int
    top_held: float
    top_scattered: float
    top_low: float
    top_high: float


def lorenz(
    counts: ArrayLike,
    rng: np.random.Generator,
    *,
    total_units: int | None = None,
    weights: ArrayLike | None = None,
    top: float = 0.2,
    draws: int = 199,
) -> Lorenz:
    """Return how many of the reports the units with most reports hold.

    Parameters
    ----------
    counts
        Reports per unit, whole and 0 or more.
    rng
        Of the scatters.
    total_units
        All units, with and without reports; ``None``: as many as there are counts.
    weights
        How likely a scattered report falls into each unit of ``counts`` (households, km²), 0 or more;
        ``None``: all units alike. With weights ``total_units`` must be the number of counts.
    top
        Share of the units that is told of, above 0 and up to 1; rounded up to whole units.
    draws
        Scatters, 1 or more.

    Returns
    -------
    Lorenz
        Counts of hexagons include fields where nobody lives, and a line over them is steep for that reason.

    Raises
    ------
    BadChoiceError
        If a count or weight is below 0 or missing, all weights are 0, ``top`` or ``draws`` is out of range,
        or there is no unit.
    UnalignedIndexError
        If there are more counts than units, or not one weight for each unit.
    """
    held = np.ravel(np.asarray(counts, dtype=np.float64))
    if not (np.isfinite(held) & (held >= 0) & (held == np.floor(held))).all():
        raise BadChoiceError(name="counts", value="other", expected="whole, 0 or more")
    units = held.size if total_units is None else int(total_units)
    if units < held.size or (weights is not None and units != held.size):
        raise UnalignedIndexError(left="counts", right="total_units")
    if not units:
        raise BadChoiceError(name="counts", value="none", expected="one unit or more")
    if not 0 < top <= 1:
        raise BadChoiceError(name="top", value=top, expected="above 0 and up to 1")
    if draws < 1:
        raise BadChoiceError(name="draws", value=draws, expected="1 or more")
    chance = _chances(weights, units)
    reports = int(held.sum())
    line = _line(np.concatenate([held, np.zeros(units - held.size)]))
    first = int(np.ceil(top * units - 1e-9))
    at = np.unique(np.round(np.linspace(0, units, min(units, _MOST_POINTS) + 1)).astype(np.int64))
    mean, tops = np.zeros(len(at)), np.zeros(draws)
    for draw in range(draws):
        scattered = _line(rng.multinomial(reports, chance).astype(np.float64))
        mean += scattered[at]
        tops[draw] = scattered[first]
    low, high = np.quantile(tops, [_TAIL, 1 - _TAIL])
    return Lorenz(
        unit_share=at / units,
        held=line[at],
        scattered=mean / draws,
        units=units,
        top_units=first,
        top_held=float(line[first]),
        top_scattered=float(tops.mean()),
        top_low=float(low),
        top_high=float(high),
    )


def _chances(weights: ArrayLike | None, units: int) -> Floats:
    if weights is None:
        return np.full(units, 1.0 / units)
    weight = np.ravel(np.asarray(weights, dtype=np.float64))
    if weight.size != units:
        raise UnalignedIndexError(left="counts", right="weights")
    if not (np.isfinite(weight) & (weight >= 0)).all() or not weight.sum() > 0:
        raise BadChoiceError(name="weights", value="other", expected="0 or more, one above 0")
    chance: Floats = weight / weight.sum()
    return chance


def _line(held: Floats) -> Floats:
    """Return the share of all reports in the first 0, 1, 2 … units, those with most first."""
    running = np.concatenate([[0.0], np.cumsum(np.sort(held)[::-1])])
    line: Floats = running / max(running[-1], 1.0)
    return line
