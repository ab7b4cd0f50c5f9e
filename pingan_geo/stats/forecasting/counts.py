"""Forecasts by counting: what was reported in a cell is what will be reported there.

The simplest that may call itself a forecast, hard to beat where reports are many, and the yardstick of all
others. A cell without a report is expected to stay without one, however its surroundings look.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from pingan_geo.errors import BadChoiceError
from pingan_geo.stats.forecasting.history import Floats, Forecaster, History
from pingan_geo.stats.gi_star import gi_star

#: Days of the last year and of the last quarter, and their weights beside the whole record (weight 1).
YEAR_D: Final = 365.0
QUARTER_D: Final = 90.0
YEAR_WEIGHT: Final = 0.5
QUARTER_WEIGHT: Final = 0.1


def check_horizon(horizon_d: float) -> None:
    """Refuse a horizon that is not a number of days above 0.

    Raises
    ------
    BadChoiceError
        If it is not.
    """
    if not (np.isfinite(horizon_d) and horizon_d > 0):
        raise BadChoiceError(name="horizon_d", value=horizon_d, expected="above 0")


def expected_total(history: History, horizon_d: float) -> float:
    """Return the reports that the region would have within the horizon at the mean rate of the record."""
    return float((history.cell >= 0).sum()) * horizon_d / history.span_d


def share_out(scores: Floats, total: float) -> Floats:
    """Return ``total`` shared out over the cells in proportion to scores of 0 or more; evenly if all are 0."""
    in_all = float(scores.sum())
    if not in_all > 0:
        return np.full(scores.size, total / scores.size)
    return np.asarray(scores * (total / in_all), dtype=np.float64)


def recent_counts(days: float) -> Forecaster:
    """Return the forecaster that expects the rate of the last ``days`` days to go on in each cell.

    It does not say that a cell without a recent report is safe: in a short window most of them are empty by
    chance. Where the record is shorter than ``days``, it is the rate of the whole record.

    Raises
    ------
    BadChoiceError
        If ``days`` is not above 0; when forecasting, if the horizon is not.
    """
    if not (np.isfinite(days) and days > 0):
        raise BadChoiceError(name="days", value=days, expected="above 0")

    def forecast(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
        check_horizon(horizon_d)
        return history.counts(days) * (horizon_d / min(days, history.span_d))

    return forecast


def all_counts(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Return each cell's mean rate over the whole record times the horizon: a :class:`Forecaster`.

    It does not notice what has changed: a place that was put right last year still stands in its list.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    return history.counts() * (horizon_d / history.span_d)


def gi_star_counts(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Rank the cells by Gi* of all their reports: a :class:`Forecaster`.

    Only its order means something: the mean total of the record is shared out by the height of z above the
    lowest one, and no cell's number is what will be counted there. A cell beside a hotspot ranks high
    without a report of its own.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    z = gi_star(history.counts(), history.region.left, history.region.right)
    z = np.where(np.isfinite(z), z, 0.0)
    return share_out(z - z.min(), expected_total(history, horizon_d))


def lee_o_eck(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Combine where reports have always come from with where they come from now: a :class:`Forecaster`.

    After Lee, O and Eck (2020), who set two theories side by side: some places differ for good (population
    heterogeneity), and a report makes the next one more likely for a while (state dependence). Theirs is a
    spreadsheet of monthly counts; here the first is the rate of the whole record with half the rate of the
    last 365 days, the second a tenth of the rate of the last 90 days, for a record of any length. The weights are ours.
    It looks at one cell at a time and never at its neighbours.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    long = history.counts() / history.span_d
    year = history.counts(YEAR_D) / min(YEAR_D, history.span_d)
    quarter = history.counts(QUARTER_D) / min(QUARTER_D, history.span_d)
    weights = 1.0 + YEAR_WEIGHT + QUARTER_WEIGHT
    rate = (long + YEAR_WEIGHT * year + QUARTER_WEIGHT * quarter) / weights
    return np.asarray(rate * horizon_d, dtype=np.float64)
