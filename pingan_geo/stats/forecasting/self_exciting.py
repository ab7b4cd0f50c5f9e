"""Forecast by a self-exciting point process: reports of lasting places, and reports that follow others.

After Mohler et al. (2011) and Zhuang, Ogata and Vere-Jones (2002): the intensity at a place and an instant is a
background that does not change, plus what every earlier report adds, which fades with time and distance.
Which of the two a report came from is not known; EM gives it to both by their shares (stochastic declustering).

That a report *adds* to the intensity is how the model counts, not why anything happens: a busy week with
a cause of its own looks just like one report that led to others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from pingan_geo.stats.forecasting.counts import check_horizon, expected_total, share_out
from pingan_geo.stats.forecasting.history import Floats, History, Positions
from pingan_geo.stats.forecasting.kernels import select_bandwidth
from pingan_geo.stats.forecasting.rasters import gaussian_sums

#: A report may follow another no farther and no later than this.
REACH_M: Final = 600.0
REACH_D: Final = 90.0
#: Reports that the branching ratio is given beforehand, a tenth of them followers: with few, it stays low.
PRIOR_REPORTS: Final = 10.0

_PRIOR_RATIO: Final = 0.1
_MOST_RATIO: Final = 0.95  # at 1 the reports would never end
_LEAST_M, _MOST_M = 15.0, 300.0
_LEAST_D, _MOST_D = 0.5, 45.0
_FLOOR: Final = 0.01  # share of the background that may fall anywhere: no report is impossible
_ROUNDS: Final = 60
_SETTLED: Final = 1e-4
#: Followers are looked for among this many of the latest reports: a denser record needs no more.
MOST_FOLLOWERS: Final = 15_000
_MOST_PAIRS: Final = 4_000_000


@dataclass(frozen=True, eq=False)
class SelfExcitement:
    """A fitted process.

    Parameters
    ----------
    branching_ratio
        Reports that follow one report, on average, 0 to below 1.
    decay_d
        Mean days until a follower.
    spread_m
        Standard deviation of a follower's distance, metres, along each axis.
    bandwidth_m
        Of the background's kernel, metres.
    background
        Of each report of the history, the chance that it followed none.
    """

    branching_ratio: float
    decay_d: float
    spread_m: float
    bandwidth_m: float
    background: Floats


def fit_self_exciting(history: History) -> SelfExcitement:
    """Fit the process to all that is known, by EM.

    Reports of the same instant, which are all those of one day where only dates are known, do not follow each
    other. Followers that came before the record began, or lie outside what was reported, are not known, so the
    ratio is a little too low on a short record. With fewer than about 100 reports it says little.
    """
    pairs = _pairs(history)
    bandwidth, _ = select_bandwidth(history, likeliest=True)
    n = len(history)
    lasting = np.ones(n)
    if not len(pairs.later):
        return SelfExcitement(0.0, _MOST_D, _MOST_M, bandwidth, lasting)
    ratio, decay, spread = 0.2, 14.0, 100.0
    children = np.zeros(n, dtype=np.bool_)
    children[n - pairs.followers :] = True
    # only parents whose followers were looked for can be counted
    oldest = float(history.age_d[n - pairs.followers])
    area = float(history.region.area_m2.sum())
    steady = np.full(n, np.nan)
    for turn in range(_ROUNDS):
        if turn % 5 == 0:  # the raster is the dear part and moves little
            steady = _background(history, lasting, bandwidth, area)
        close = np.exp(-pairs.metres2 / (2 * spread**2)) / (2 * np.pi * spread**2)
        soon = np.exp(-pairs.days / decay) / decay
        led = ratio * close * soon
        whole = np.bincount(pairs.later, weights=led, minlength=n) + steady
        share = led / whole[pairs.later]
        lasting = np.where(children, steady / whole, lasting)
        lasting[~children] = lasting[children].mean()
        followed = float(share.sum())
        # a parent near the end has not had all its followers yet, one from before the others had some
        begin = np.clip(history.age_d - oldest, 0.0, None)
        exposed = np.exp(-begin / decay) - np.exp(-history.age_d / decay)
        old = (ratio, decay, spread)
        ratio = (followed + PRIOR_REPORTS * _PRIOR_RATIO) / (float(exposed.sum()) + PRIOR_REPORTS)
        ratio = min(ratio, _MOST_RATIO)
        if followed > 0:
            decay = float(np.clip(share @ pairs.days / followed, _LEAST_D, _MOST_D))
            spread = float(np.clip(np.sqrt(share @ pairs.metres2 / (2 * followed)), _LEAST_M, _MOST_M))
        if turn % 5 and np.allclose(old, (ratio, decay, spread), rtol=_SETTLED):
            break
    return SelfExcitement(ratio, decay, spread, bandwidth, lasting)


def self_exciting(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Add what lasts in each cell and what late reports lead to, with those that these lead to: a :class:`Forecaster`.

    Followers of followers are laid where the first ones are. It knows no season, and a place that was put
    right yesterday keeps its background.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    fitted = fit_self_exciting(history)
    region = history.region
    lasting = gaussian_sums(
        history.x_m, history.y_m, fitted.background, region.x_m, region.y_m, fitted.bandwidth_m
    )
    lasting = lasting * region.area_m2
    inside = float(fitted.background[history.cell >= 0].sum())
    lasting = share_out(lasting, 1.0) * (1.0 - _FLOOR) + _FLOOR / len(region)
    # an impulse with all its descendants fades more slowly than its children alone
    ratio = fitted.branching_ratio
    fading = (1.0 - ratio) / fitted.decay_d
    within = -np.expm1(-fading * horizon_d) / fading
    expected = lasting * (inside / history.span_d) * (horizon_d - ratio * within) / (1.0 - ratio)
    late = history.age_d <= REACH_D
    if ratio > 0 and late.any():
        now = ratio / fitted.decay_d * np.exp(-history.age_d[late] / fitted.decay_d)
        led = gaussian_sums(
            history.x_m[late], history.y_m[late], now, region.x_m, region.y_m, fitted.spread_m
        )
        expected = expected + led * region.area_m2 * within
    if not expected.sum() > 0:
        return share_out(expected, expected_total(history, horizon_d))
    return np.asarray(expected, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """A later report, days and squared metres from an earlier one; ``followers`` of the latest were looked at."""

    later: Positions
    days: Floats
    metres2: Floats
    followers: int


def _pairs(history: History) -> _Pairs:
    n = len(history)
    place = np.column_stack([history.x_m / REACH_M, history.y_m / REACH_M, history.age_d / REACH_D])
    followers = min(n, MOST_FOLLOWERS)
    while True:
        # those before the followers, as far as they may still lead
        first = n - followers
        start = int(np.searchsorted(-history.age_d, -(history.age_d[first] + REACH_D), side="left"))
        tree = cKDTree(place[start:])
        # the tree counts each pair twice, and a report with itself
        count = int(tree.count_neighbors(tree, 1.0, p=np.inf)) // 2
        if count <= _MOST_PAIRS or followers <= 500:
            break
        followers //= 2
    pairs = tree.query_pairs(1.0, p=np.inf, output_type="ndarray") + start
    earlier, later = pairs.min(axis=1), pairs.max(axis=1)  # the oldest stands first
    days = history.age_d[earlier] - history.age_d[later]
    kept = (days > 0) & (later >= first)
    earlier, later, days = earlier[kept], later[kept], days[kept]
    metres2 = (history.x_m[later] - history.x_m[earlier]) ** 2 + (
        history.y_m[later] - history.y_m[earlier]
    ) ** 2
    return _Pairs(later, days, metres2, followers)


def _background(history: History, lasting: Floats, bandwidth_m: float, area_m2: float) -> Floats:
    """Return the background at each report, per m² and day, as the other reports tell it."""
    x, y = history.x_m, history.y_m
    around = gaussian_sums(x, y, lasting, x, y, bandwidth_m)
    others = np.maximum(around - lasting / (2 * np.pi * bandwidth_m**2), 0.0)
    return np.asarray(
        ((1.0 - _FLOOR) * others + _FLOOR * lasting.sum() / area_m2) / history.span_d, dtype=np.float64
    )
