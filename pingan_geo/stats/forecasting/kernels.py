"""Forecasts by smoothing: what was reported nearby, and lately, is likely here.

Every bandwidth and decay is chosen on the past alone: the last windows of the record are forecast from what
was known before each, and the values under which their reports were most likely are taken. So a cell's own
report counts for its neighbours as far as it did so far. Smoothing knows no streets, walls or water.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from pingan_geo.stats.forecasting.counts import check_horizon, expected_total, share_out
from pingan_geo.stats.forecasting.features import spacing_m
from pingan_geo.stats.forecasting.history import Floats, History, Region
from pingan_geo.stats.forecasting.rasters import gaussian_sums

Place = tuple[int, ...]

#: Prospective hotspot (Bowers, Johnson and Pease 2004): how far and how long a report counts.
PROMAP_REACH_M: Final = 400.0
PROMAP_REACH_D: Final = 56.0

#: Days after which a report counts a 2.7th, to choose from; the last is "for ever".
DECAYS_D: Final = (3.5, 7.0, 14.0, 28.0, 56.0, 112.0, 224.0, 448.0, 896.0, 1792.0, np.inf)

_WINDOW_D: Final = 28.0
_FEWEST_WINDOWS: Final = 3
_MOST_WINDOWS: Final = 12
_ENOUGH: Final = 1_000  # reports in the windows that are held out
_FLOOR: Final = 0.01  # share of reports that may fall anywhere: no report is impossible
_RATIO: Final = 2.0**0.5  # from one bandwidth to the next
_WIDEST_M: Final = 4_000.0
_TRIM: Final = 5.0  # no bandwidth is more than this many times the global one
_NARROWEST: Final = 0.4  # nor less than this
_ADAPTIVE_RATIO: Final = 1.25


def kernel(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Smooth all reports of the record by one Gaussian: a :class:`Forecaster`.

    The bandwidth is the one under which the reports of the last windows were most likely. It does not notice
    what has changed, and it smooths a single bad house over its whole street.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    scores = _smoothed(history, select_bandwidth(history))
    return share_out(scores, expected_total(history, horizon_d))


def select_bandwidth(history: History) -> float:
    """Return the bandwidth, metres, that would have foretold the last windows of the record best.

    It says how far reports reached so far, on average over the whole region; no quarter need be like it.
    """
    windows = _past(history)
    ladder = _bandwidths(history.region)
    if not windows:
        return ladder[len(ladder) // 2]

    def fit(place: Place) -> float:
        return sum(_likelihood(_smoothed(known, ladder[place[0]]), seen) for known, seen in windows)

    (rung,) = _climb(fit, [(len(ladder) // 3,)], (len(ladder),))
    return ladder[rung]


def adaptive_kernel(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Smooth all reports, less where they are many and more where they are few: a :class:`Forecaster`.

    Abramson's bandwidths around the one of :func:`kernel`. It does not notice what has changed, and far
    from any other a single report is spread so thinly that it hardly counts.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    scores = _smoothed_adaptively(history, select_bandwidth(history))
    return share_out(scores, expected_total(history, horizon_d))


def space_time_kernel(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Smooth reports by a Gaussian, older ones counting less and less: a :class:`Forecaster`.

    Bandwidth and decay are chosen together on the past (:func:`select_space_time`). Its total is the rate
    of late, weighted alike. It knows no seasons: after a quiet winter it expects a quiet spring.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    bandwidth_m, decay_d = select_space_time(history)
    weights = np.exp(-history.age_d / decay_d)
    lasted = history.span_d if np.isinf(decay_d) else decay_d * -np.expm1(-history.span_d / decay_d)
    total = float(weights[history.cell >= 0].sum()) * horizon_d / lasted
    return share_out(_smoothed(history, bandwidth_m, weights), total)


def select_space_time(history: History) -> tuple[float, float]:
    """Return the bandwidth, metres, and the decay, days, that would have foretold the last windows best.

    A report counts exp(-age / decay); infinite means that age does not matter. A short decay says that
    reports followed each other, not that one led to the other.
    """
    windows = _past(history)
    ladder = _bandwidths(history.region)
    if not windows:
        return ladder[len(ladder) // 2], np.inf

    def fit(place: Place) -> float:
        bandwidth_m, decay_d = ladder[place[0]], DECAYS_D[place[1]]
        return sum(
            _likelihood(_smoothed(known, bandwidth_m, np.exp(-known.age_d / decay_d)), seen)
            for known, seen in windows
        )

    # one start for lasting differences and one for near repeats: there may be a best place at either
    rung = ladder.index(select_bandwidth(history))
    wide, late = _climb(fit, [(rung, len(DECAYS_D) - 3), (rung, 3)], (len(ladder), len(DECAYS_D)))
    return ladder[wide], DECAYS_D[late]


def promap(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Rank cells by the reports near them in the last eight weeks, the nearer and later the more: a :class:`Forecaster`.

    Prospective hotspot mapping after Bowers, Johnson and Pease (2004): a report within
    :data:`PROMAP_REACH_M` and :data:`PROMAP_REACH_D` counts 1 / (1 + its distance in half cells) times
    1 / (1 + its age in whole weeks). Nothing is chosen from the reports; the mean total of the record is shared out, and
    where nothing was reported lately, evenly. What is older than eight weeks is forgotten.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    region = history.region
    late = history.age_d <= PROMAP_REACH_D
    places = cKDTree(np.column_stack([region.x_m, region.y_m]))
    reports = cKDTree(np.column_stack([history.x_m[late], history.y_m[late]]))
    pairs = places.sparse_distance_matrix(reports, PROMAP_REACH_M, output_type="ndarray")
    weeks = np.floor(history.age_d[late] / 7.0)
    worth = 1.0 / (1.0 + pairs["v"] / (spacing_m(region) / 2.0)) / (1.0 + weeks[pairs["j"]])
    scores = np.bincount(pairs["i"], weights=worth, minlength=len(region)).astype(np.float64)
    return share_out(scores, expected_total(history, horizon_d))


# -- bandwidths, and the past to choose them on -------------------------------------------------------


def _bandwidths(region: Region) -> list[float]:
    """Return bandwidths to choose from, metres; under half a cell there is nothing to smooth."""
    finest = spacing_m(region) / 2.0
    rungs = int(np.ceil(np.log(max(_WIDEST_M / finest, 8.0)) / np.log(_RATIO))) + 1
    return [finest * _RATIO**rung for rung in range(rungs)]


def _past(history: History) -> list[tuple[History, Floats]]:
    """Return the last windows of the record, each as what was known before it and what was then counted.

    Windows of four weeks, at least three and as many as hold enough reports, none in the first half of the
    record; a shorter record is cut into shorter windows.
    """
    length = min(_WINDOW_D, history.span_d / (2 * _FEWEST_WINDOWS))
    most = min(_MOST_WINDOWS, int(history.span_d / 2 / length + 1e-9))
    windows, held_out = [], 0.0
    for number in range(1, most + 1):
        seen = history.counts(length * number, length * (number - 1))
        known = history.before(length * number)
        if not (known.cell >= 0).any():
            break
        if seen.any():
            windows.append((known, seen))
            held_out += float(seen.sum())
        if number >= _FEWEST_WINDOWS and held_out >= _ENOUGH:
            break
    return windows


def _likelihood(scores: Floats, seen: Floats) -> float:
    """Return the log-likelihood of where the reports of a window fell, whatever their number."""
    shares = (1.0 - _FLOOR) * share_out(scores, 1.0) + _FLOOR / scores.size
    hit = seen > 0
    return float(seen[hit] @ np.log(shares[hit]))


def _climb(fit: Callable[[Place], float], starts: list[Place], sizes: Place) -> Place:
    """Return the best place of a lattice that is reached by steps uphill from any of the starts."""
    found: dict[Place, float] = {}
    steps = list(product((-1, 0, 1), repeat=len(sizes)))

    def height(place: Place) -> float:
        if place not in found:
            found[place] = fit(place)
        return found[place]

    tops = []
    for here in starts:
        while True:
            around = [tuple(at + by for at, by in zip(here, step, strict=True)) for step in steps]
            inside = [each for each in around if all(0 <= at < n for at, n in zip(each, sizes, strict=True))]
            best = max(inside, key=height)
            if height(best) <= height(here):
                break
            here = best
        tops.append(here)
    return max(tops, key=height)


def _smoothed(history: History, bandwidth_m: float, weights: Floats | None = None) -> Floats:
    """Return the weighted reports that each cell would get, smoothed."""
    region = history.region
    weights = np.ones(len(history)) if weights is None else weights
    sums = gaussian_sums(history.x_m, history.y_m, weights, region.x_m, region.y_m, bandwidth_m)
    return np.asarray(sums * region.area_m2, dtype=np.float64)


def _smoothed_adaptively(history: History, bandwidth_m: float) -> Floats:
    """Return the reports that each cell would get, each smoothed by its own bandwidth."""
    weights = np.ones(len(history))
    pilot = gaussian_sums(history.x_m, history.y_m, weights, history.x_m, history.y_m, bandwidth_m)
    own = _abramson(pilot, bandwidth_m)
    # each bandwidth is shared between the two rungs of a ladder beside it
    above = np.log(own / own.min()) / np.log(_ADAPTIVE_RATIO)
    lower = np.floor(above).astype(np.int64)
    share = above - lower
    total = np.zeros(len(history.region))
    for rung in range(int(lower.max()) + 2):
        part = np.where(lower == rung, 1.0 - share, np.where(lower + 1 == rung, share, 0.0))
        used = part > 0
        if used.any():
            total += gaussian_sums(
                history.x_m[used],
                history.y_m[used],
                part[used],
                history.region.x_m,
                history.region.y_m,
                float(own.min()) * _ADAPTIVE_RATIO**rung,
            )
    return total * history.region.area_m2


def _abramson(pilot: Floats, bandwidth_m: float) -> Floats:
    """Return bandwidths after a pilot density at the reports, with the global one as their geometric mean."""
    wanted = np.exp(np.log(pilot).mean() / 2.0) / np.sqrt(pilot)
    return np.asarray(bandwidth_m * np.clip(wanted, _NARROWEST, _TRIM), dtype=np.float64)
