"""Forecasts by smoothing: what was reported nearby, and lately, is likely here.

Every bandwidth, memory and decay is chosen on the past alone: the last windows of the record are forecast
from what was known before each, and the values whose short lists caught the most are taken. So a cell's own
report counts for its neighbours as far as it did so far. Smoothing knows no streets, walls or water.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pingan_geo.stats.evaluation import how_many
from pingan_geo.stats.forecasting.counts import check_horizon, expected_total, share_out
from pingan_geo.stats.forecasting.features import spacing_m
from pingan_geo.stats.forecasting.history import Floats, History, Region
from pingan_geo.stats.forecasting.rasters import FINE, QUICK, Fineness, gaussian_sums

Place = tuple[int, ...]

#: Prospective hotspot (Bowers, Johnson and Pease 2004): how far and how long a report counts.
PROMAP_REACH_M: Final = 400.0
PROMAP_REACH_D: Final = 56.0

#: Days that a kernel looks back, to choose from.
MEMORIES_D: Final = (365.0, np.inf)
#: Days after which a report counts a 2.7th, to choose from; the last is "for ever".
DECAYS_D: Final = (3.5, 7.0, 14.0, 28.0, 56.0, 112.0, 224.0, 448.0, 896.0, 1792.0, np.inf)

_WINDOW_D: Final = 28.0
_FEWEST_WINDOWS: Final = 3
_MOST_WINDOWS: Final = 12
_ENOUGH: Final = 1_000  # reports in the windows that are held out
_LISTS: Final = (0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07)  # shares of all cells
_FLOOR: Final = 0.01  # share of reports that may fall anywhere: no report is impossible
_RATIO: Final = 2.0**0.5  # from one bandwidth to the next
_WIDEST_M: Final = 4_000.0
_TRIM: Final = 5.0  # no bandwidth is more than this many times the global one
_NARROWEST: Final = 0.4  # nor less than this
_ADAPTIVE_RATIO: Final = 1.25


def kernel(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Smooth the reports of the last year, or of the whole record, by one Gaussian: a :class:`Forecaster`.

    Bandwidth and memory are those whose short lists would have caught the most of the last windows. It
    smooths a single bad house over its whole street.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    bandwidth_m, memory_d = select_bandwidth(history)
    scores = _smoothed(history, bandwidth_m, _remembered(history, memory_d))
    return share_out(scores, expected_total(history, horizon_d))


def select_bandwidth(history: History, *, likeliest: bool = False) -> tuple[float, float]:
    """Return the bandwidth, metres, and the memory, days, that would have done best on the last windows.

    It says how far reports reached so far, on average over the whole region; no quarter need be like it.

    Parameters
    ----------
    likeliest
        Choose by the likelihood of the reports that came, with all the record in mind; by what short lists
        caught if not.
    """
    windows = _past(history)
    ladder = _bandwidths(history.region)
    memories = MEMORIES_D if history.span_d > MEMORIES_D[0] and not likeliest else MEMORIES_D[-1:]
    if not windows:
        return ladder[len(ladder) // 3], np.inf
    places = list(product(range(len(ladder)), range(len(memories))))

    def fit(place: Place) -> tuple[float, float]:
        bandwidth_m, memory_d = ladder[place[0]], memories[place[1]]
        caught, likely = _merit(
            [
                (_smoothed(known, bandwidth_m, _remembered(known, memory_d), QUICK), seen)
                for known, seen in windows
            ]
        )
        return (likely, caught) if likeliest else (caught, likely)

    wide, long = max(places, key=fit)
    return ladder[wide], memories[long]


def adaptive_kernel(history: History, horizon_d: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001 - the interface
    """Smooth reports less where they are many and more where they are few: a :class:`Forecaster`.

    Abramson's bandwidths around the one of :func:`kernel`, with its memory. Far from any other a single
    report is spread so thinly that it hardly counts.

    Raises
    ------
    BadChoiceError
        If the horizon is not above 0.
    """
    check_horizon(horizon_d)
    bandwidth_m, memory_d = select_bandwidth(history)
    scores = _smoothed_adaptively(history, bandwidth_m, history.age_d <= memory_d)
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
    """Return the bandwidth, metres, and the decay, days, whose lists would have done best on the last windows.

    A report counts exp(-age / decay); infinite means that age does not matter. A short decay says that
    reports followed each other, not that one led to the other.
    """
    windows = _past(history)
    ladder = _bandwidths(history.region)
    if not windows:
        return ladder[len(ladder) // 3], np.inf

    def fit(place: Place) -> tuple[float, float]:
        bandwidth_m, decay_d = ladder[place[0]], DECAYS_D[place[1]]
        return _merit(
            [
                (_smoothed(known, bandwidth_m, np.exp(-known.age_d / decay_d), QUICK), seen)
                for known, seen in windows
            ]
        )

    # starts for lasting differences and for near repeats: there may be a best place at either
    rung = ladder.index(select_bandwidth(history)[0])
    last = len(DECAYS_D) - 1
    starts = [(rung, last), (rung, last - 3), (1, last - 3), (1, 2)]
    wide, late = _climb(fit, starts, (len(ladder), len(DECAYS_D)))
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


def _merit(foretold: list[tuple[Floats, Floats]]) -> tuple[float, float]:
    """Return how good scores were for what was then seen: what short lists caught; if equal, likelihood.

    The kernel that makes the reports most likely is wider than the one whose list catches the most:
    likelihood looks at the many cells with little, a list at the few with much.
    """
    caught, likely = np.zeros(len(_LISTS)), 0.0
    for scores, seen in foretold:
        order = np.argsort(-scores, kind="stable")
        ranked = np.cumsum(seen[order])
        caught += ranked[[how_many(len(scores), share) - 1 for share in _LISTS]]
        shares = (1.0 - _FLOOR) * share_out(scores, 1.0) + _FLOOR / scores.size
        hit = seen > 0
        likely += float(seen[hit] @ np.log(shares[hit]))
    return float(np.log(caught + 0.5).mean()), likely


def _climb(fit: Callable[[Place], tuple[float, float]], starts: Sequence[Place], sizes: Place) -> Place:
    """Return the best place of a lattice that is reached by steps uphill from any of the starts."""
    found: dict[Place, tuple[float, float]] = {}
    steps = list(product((-1, 0, 1), repeat=len(sizes)))

    def height(place: Place) -> tuple[float, float]:
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


def _remembered(history: History, memory_d: float) -> Floats:
    """Return 1 for each report of the last ``memory_d`` days, 0 for older ones; 1 for all if none is so late."""
    late = history.age_d <= memory_d
    return (late if late.any() else ~late).astype(np.float64)


def _smoothed(history: History, bandwidth_m: float, weights: Floats, fineness: Fineness = FINE) -> Floats:
    """Return the weighted reports that each cell would get, smoothed."""
    region = history.region
    sums = gaussian_sums(history.x_m, history.y_m, weights, region.x_m, region.y_m, bandwidth_m, fineness)
    return np.asarray(sums * region.area_m2, dtype=np.float64)


def _smoothed_adaptively(history: History, bandwidth_m: float, late: NDArray[np.bool_]) -> Floats:
    """Return the late reports that each cell would get, each smoothed by its own bandwidth."""
    late = late if late.any() else ~late
    x, y = history.x_m[late], history.y_m[late]
    own = _abramson(gaussian_sums(x, y, np.ones(len(x)), x, y, bandwidth_m), bandwidth_m)
    # each bandwidth is shared between the two rungs of a ladder beside it
    above = np.log(own / own.min()) / np.log(_ADAPTIVE_RATIO)
    lower = np.floor(above).astype(np.int64)
    share = above - lower
    region = history.region
    total = np.zeros(len(region))
    for rung in range(int(lower.max()) + 2):
        part = np.where(lower == rung, 1.0 - share, np.where(lower + 1 == rung, share, 0.0))
        used = part > 0
        if used.any():
            width = float(own.min()) * _ADAPTIVE_RATIO**rung
            total += gaussian_sums(x[used], y[used], part[used], region.x_m, region.y_m, width)
    return total * region.area_m2


def _abramson(pilot: Floats, bandwidth_m: float) -> Floats:
    """Return bandwidths after a pilot density at the reports, with the global one as their geometric mean."""
    wanted = np.exp(np.log(pilot).mean() / 2.0) / np.sqrt(pilot)
    return np.asarray(bandwidth_m * np.clip(wanted, _NARROWEST, _TRIM), dtype=np.float64)
