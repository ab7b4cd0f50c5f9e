"""Space-time scan after Kulldorff: which circle of cells, in which days, holds more reports than it should.

Every circle around every centre, over every run of steps, is a cylinder; the one whose surplus is the least
likely by chance is looked for, and its chance is judged against the greatest surplus in data sets of the
same size made at random, so that having looked at very many cylinders is already counted in.

Poisson form: expected counts are given, from people, homes or visits. Permutation form: nobody knows the
exposure; what is expected is the share of the place times the share of the time, and random data are made by
dealing the dates out anew. A rise of the whole town at once, or a place that is always busy, is no cluster to
the second form. See Kulldorff (1997), Communications in Statistics 26, and Kulldorff et al. (2005), PLoS
Medicine 2(3); early stop after Besag and Clifford (1991), p-values from the extreme-value distribution after
Abrams, Kleinman and Kulldorff (2010).

A small p-value says that chance alone seldom makes such a surplus among as many reports. It does not say why,
and a change in who reports, or where patrols look, is a cause like any other. The border of a cluster is that
of a circle, not of the trouble. This module loads numba: import it where a scan is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from pingan_geo.errors import BadChoiceError, UnalignedIndexError

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

#: A cylinder with fewer reports is never a cluster: one report is always a surplus somewhere.
FEWEST: Final = 2
#: Replications stop once so many were more extreme than what was found: it is then plainly nothing.
STOP_AFTER: Final = 50
#: Circles in which up to so much more is expected than in the smallest of them are first tested together.
_CIRCLES_TOGETHER: Final = 1.4
_TABLE_FROM: Final = 1e-3
_TABLE_RATIO: Final = 1.1
_CENTRES_AT_ONCE: Final = 512
_MOST_PAIRS: Final = 120_000_000


@dataclass(frozen=True, eq=False)
class Cluster:
    """A cylinder with more reports than expected.

    Parameters
    ----------
    cells
        Positions of its cells, nearest to the centre first.
    centre, radius_m
        Position of the middle cell; distance from there to the middle of the outermost one (0: one cell).
    first_step, last_step
        Steps of its time, both included.
    observed, expected, ratio
        Reports in it, how many there would be if nothing were special, and the one by the other.
    statistic
        Logarithm of the likelihood ratio: ranks clusters of one scan, means nothing by itself.
    p
        Share of random data sets whose best cylinder is as extreme; NaN without replications. Already
        counts in that all cylinders were tried. Not the chance that the cluster is false.
    p_gumbel
        The same, read off a Gumbel distribution fitted to the random data sets: also tells chances smaller
        than one by the number of replications. NaN below two replications.
    """

    cells: Places
    centre: int
    radius_m: float
    first_step: int
    last_step: int
    observed: int
    expected: float
    ratio: float
    statistic: float
    p: float
    p_gumbel: float


@dataclass(frozen=True, eq=False)
class ScanResult:
    """What a scan found.

    Parameters
    ----------
    clusters
        Most likely first. No two share both a cell and a step; of one centre at most one is listed. The
        p-values of the second and later ones are somewhat too large when the first is strong.
    replications
        Random data sets really made.
    stopped_early
        Whether :data:`STOP_AFTER` of them beat the best cluster before all were made.
    total
        Reports that took part.
    maxima
        Greatest statistic of each random data set.
    """

    clusters: tuple[Cluster, ...]
    replications: int
    stopped_early: bool
    total: int
    maxima: Floats


def scan_poisson(
    counts: ArrayLike,
    expected: ArrayLike,
    x_m: ArrayLike,
    y_m: ArrayLike,
    *,
    radius_m: float,
    longest: int = 1,
    most_share: float = 0.5,
    prospective: bool = False,
    purely_spatial: bool = False,
    replications: int = 999,
    rng: np.random.Generator,
    on_progress: Callable[[int, int], None] | None = None,
    most_clusters: int = 10,
) -> ScanResult:
    """Return the clusters of counts against what exposure leads one to expect.

    Parameters
    ----------
    counts
        Reports, cells × steps (or one number per cell), whole numbers. Empty cells belong in.
    expected
        Same shape, 0 or more: exposure, or any expectation; only its proportions count. Differences of age,
        season or effort that are not in it will show as clusters.
    x_m, y_m
        Middles of the cells in metres. Every cell with exposure is a centre.
    radius_m
        Greatest radius of a circle; may be infinite.
    longest
        Most steps of a cylinder.
    most_share
        A circle holds at most this share of all that is expected.
    prospective
        Only cylinders that last until the last step: what is going on now.
    purely_spatial
        Take all steps together, whatever ``longest`` is.
    replications
        Random data sets; 0: no p-values. Fewer when :data:`STOP_AFTER` of them beat the best cluster.
    rng
        Source of randomness; the same state gives the same answer, on any number of cores.
    on_progress
        Told how many replications are done, of how many.
    most_clusters
        Clusters returned at most.

    Returns
    -------
    ScanResult
        No clusters when no cylinder has more reports than expected. A cluster is a surplus against what
        was put in as expected; it is not a high risk when the exposure is wrong.

    Raises
    ------
    UnalignedIndexError
        If the shapes do not fit together.
    BadChoiceError
        If a number is out of its range, or there are reports in a cell and step with no exposure.
    """
    observed = np.atleast_1d(np.asarray(counts))
    wanted = np.atleast_1d(np.asarray(expected, dtype=np.float64))
    if observed.ndim == 1:
        observed = observed[:, None]
    if wanted.ndim == 1:
        wanted = wanted[:, None]
    if observed.shape != wanted.shape or observed.ndim != 2:
        raise UnalignedIndexError(left="counts", right="expected")
    if observed.size and not (np.isfinite(observed).all() and (observed >= 0).all()):
        raise BadChoiceError(name="counts", value="missing or negative", expected="0 or more")
    whole = observed.astype(np.int64)
    if not np.array_equal(whole, observed):
        raise BadChoiceError(name="counts", value="broken", expected="whole numbers")
    if wanted.size and not (np.isfinite(wanted).all() and (wanted >= 0).all()):
        raise BadChoiceError(name="expected", value="missing or negative", expected="0 or more")
    if purely_spatial:
        whole, wanted = whole.sum(axis=1, keepdims=True), wanted.sum(axis=1, keepdims=True)
        longest = 1
    if bool(((whole > 0) & (wanted == 0)).any()):
        raise BadChoiceError(name="expected", value=0, expected="above 0 wherever there are reports")
    x, y = _middles(x_m, y_m, whole.shape[0], "counts")
    steps = whole.shape[1]
    _check_scan(steps, radius_m, longest, most_share, replications, most_clusters)
    total = int(whole.sum())
    if total < FEWEST:
        return _nothing(total)
    used = np.flatnonzero(wanted.sum(axis=1) > 0)
    whole, wanted = whole[used], wanted[used] * (total / wanted.sum())
    place, step = np.divmod(np.repeat(np.arange(whole.size), whole.ravel()), steps)
    chance = np.cumsum(wanted.ravel())

    def simulate(source: np.random.Generator) -> tuple[Places, Places]:
        # sorted numbers find sorted places, as the kernels want them
        drawn = np.sort(source.random(total)) * chance[-1]
        found = np.minimum(np.searchsorted(chance, drawn, side="right"), chance.size - 1)
        return np.divmod(found, steps)

    zones = _Zones(x[used], y[used], wanted.sum(axis=1), radius_m, most_share * total)
    windows = _Windows(wanted, longest, prospective, separable=False)
    return _scan(zones, windows, (place, step), simulate, used, replications, rng, on_progress, most_clusters)


def scan_permutation(
    cell: ArrayLike,
    step: ArrayLike,
    x_m: ArrayLike,
    y_m: ArrayLike,
    steps: int,
    *,
    radius_m: float,
    longest: int,
    most_share: float = 0.5,
    prospective: bool = False,
    replications: int = 999,
    rng: np.random.Generator,
    on_progress: Callable[[int, int], None] | None = None,
    most_clusters: int = 10,
) -> ScanResult:
    """Return where and when reports crowd together more than the place and the time explain by themselves.

    Parameters
    ----------
    cell, step
        Per report: position of its cell, and number of its step from 0.
    x_m, y_m
        Middles of all cells in metres. Cells with a report are the centres; the others add nothing.
    steps
        Steps of the whole period. It should be much longer than ``longest``.
    radius_m, longest, most_share, prospective, replications, rng, on_progress, most_clusters
        As for :func:`scan_poisson`; the share is that of all reports.

    Returns
    -------
    ScanResult
        A cluster is a surplus here and now beyond what this place and this time have otherwise. It does not
        say that the place is dangerous: a place that is bad all the time is not found, and one that became
        quiet elsewhere while staying the same here may be.

    Raises
    ------
    UnalignedIndexError
        If ``cell`` and ``step``, or the coordinates, differ in length.
    BadChoiceError
        If a number is out of its range.
    """
    place, when = np.ravel(np.asarray(cell, dtype=np.int64)), np.ravel(np.asarray(step, dtype=np.int64))
    if place.size != when.size:
        raise UnalignedIndexError(left="cell", right="step")
    x, y = _middles(x_m, y_m, None, "x_m")
    _check_scan(steps, radius_m, longest, most_share, replications, most_clusters)
    for name, given, end in (("cell", place, x.size), ("step", when, steps)):
        if given.size and not (given.min() >= 0 and given.max() < end):
            raise BadChoiceError(
                name=name, value=(int(given.min()), int(given.max())), expected=f"0-{end - 1}"
            )
    if place.size < FEWEST:
        return _nothing(place.size)
    used, place = np.unique(place, return_inverse=True)
    order = np.argsort(place, kind="stable")
    place, when = place[order], when[order]
    by_place = np.bincount(place).astype(np.float64)
    by_step = np.bincount(when, minlength=steps) / place.size

    def simulate(source: np.random.Generator) -> tuple[Places, Places]:
        return place, source.permutation(when)

    zones = _Zones(x[used], y[used], by_place, radius_m, most_share * place.size)
    windows = _Windows(by_place[:, None] * by_step, longest, prospective, separable=True)
    return _scan(zones, windows, (place, when), simulate, used, replications, rng, on_progress, most_clusters)


# -- what is scanned ---------------------------------------------------------------------------------


class _Zones:
    """Circles: per centre the cells around it, nearest first, as far as radius and share allow."""

    def __init__(self, x: Floats, y: Floats, weight: Floats, radius_m: float, most: float) -> None:
        places = np.column_stack([x, y])
        tree = cKDTree(places)
        reach = min(radius_m, float(np.hypot(np.ptp(x), np.ptp(y)))) + 1e-3
        near, closes, away, sizes = [], [], [], []
        held = 0
        for begin in range(0, len(places), _CENTRES_AT_ONCE):
            part = cKDTree(places[begin : begin + _CENTRES_AT_ONCE])
            pairs = part.sparse_distance_matrix(tree, reach, output_type="ndarray")
            millimetres = np.rint(pairs["v"] * 1000).astype(np.int64)
            order = np.lexsort((pairs["j"], millimetres, pairs["i"]))
            centre, other, distance = pairs["i"][order], pairs["j"][order], millimetres[order]
            # cells equally far from the centre come into the circle together
            last = np.append((centre[1:] != centre[:-1]) | (distance[1:] != distance[:-1]), True)
            running = np.cumsum(weight[other])
            first = np.searchsorted(centre, centre)
            running -= running[first] - weight[other[first]]
            rim = np.flatnonzero(last)
            at_rim = running[rim][np.searchsorted(rim, np.arange(centre.size))]
            fits = (distance <= radius_m * 1000 + 0.5) & (at_rim <= most * (1 + 1e-12))
            near.append(other[fits].astype(np.int32))
            closes.append(last[fits])
            away.append(distance[fits] / 1000.0)
            sizes.append(np.bincount(centre[fits], minlength=part.n))
            held += int(fits.sum())
            if held > _MOST_PAIRS:
                raise BadChoiceError(
                    name="radius_m", value=radius_m, expected="smaller: too many pairs of cells"
                )
        self.start = np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)
        self.near, self.closes = np.concatenate(near), np.concatenate(closes)
        self.away_m = np.concatenate(away)
        self.weight = weight


class _Windows:
    """Runs of steps: what is expected in them per cell, and bounds that spare most of them."""

    def __init__(self, expected: Floats, longest: int, prospective: bool, *, separable: bool) -> None:
        cells, self.steps = expected.shape
        self.longest, self.prospective = longest, prospective or self.steps == 1
        if self.prospective:
            back = expected[:, ::-1][:, :longest]
            self.expected = np.cumsum(back, axis=1)
            return
        self.expected = np.zeros((cells, self.steps + 1))
        np.cumsum(expected, axis=1, out=self.expected[:, 1:])
        self.least, self.most = np.empty((cells, longest)), np.empty((cells, longest))
        for length in range(1, longest + 1):
            sums = self.expected[:, length:] - self.expected[:, :-length]
            self.most[:, length - 1] = sums.max(axis=1) * (1 + 1e-9)
            if separable:
                # where nothing at all happened in town there is no report to look at
                sums = np.where(sums > 1e-12, sums, np.inf)
            self.least[:, length - 1] = sums.min(axis=1) * (1 - 1e-9)

    def best(
        self, zones: _Zones, place: Places, step: Places, *, each: bool
    ) -> tuple[Floats, Places, Places, Places]:
        """Return per centre statistic, last cell (index into ``near``), first and last step.

        Unless ``each``, only the greatest statistic of all is right.
        """
        total = float(place.size)
        if self.prospective:
            recent = step >= self.steps - self.longest
            place, step = place[recent], step[recent]
        starts = np.searchsorted(place, np.arange(zones.weight.size + 1))
        when = step.astype(np.int32)
        circles, events = (zones.start, zones.near, zones.closes), (starts, when)
        if self.prospective:
            return _scan_last_steps(circles, self.expected, events, self.steps, total, each)
        tables = (self.expected, self.least, self.most)
        return _scan_all_steps(circles, zones.weight, tables, events, total, each)


def _scan(
    zones: _Zones,
    windows: _Windows,
    events: tuple[Places, Places],
    simulate: Callable[[np.random.Generator], tuple[Places, Places]],
    used: Places,
    replications: int,
    rng: np.random.Generator,
    on_progress: Callable[[int, int], None] | None,
    most_clusters: int,
) -> ScanResult:
    found = _without_overlap(zones, windows.best(zones, *events, each=True), most_clusters)
    maxima, stopped = np.zeros(0), False
    if found:
        maxima, stopped = _replicate(zones, windows, simulate, found[0][0], replications, rng, on_progress)
    clusters = []
    for statistic, centre, end, first, last in found:
        near = zones.near[zones.start[centre] : end + 1]
        inside = np.isin(events[0], near) & (events[1] >= first) & (events[1] <= last)
        if windows.prospective:
            expected = float(windows.expected[near, windows.steps - 1 - first].sum())
        else:
            expected = float((windows.expected[near, last + 1] - windows.expected[near, first]).sum())
        observed = int(inside.sum())
        p, p_gumbel = _p_values(statistic, maxima, stopped=stopped)
        cells, radius_m = used[near].astype(np.int64), float(zones.away_m[end])
        ratio = observed / expected
        clusters.append(
            Cluster(
                cells=cells,
                centre=int(used[centre]),
                radius_m=radius_m,
                first_step=first,
                last_step=last,
                observed=observed,
                expected=expected,
                ratio=ratio,
                statistic=statistic,
                p=p,
                p_gumbel=p_gumbel,
            )
        )
    return ScanResult(tuple(clusters), maxima.size, stopped, events[0].size, maxima)


def _without_overlap(
    zones: _Zones, best: tuple[Floats, Places, Places, Places], most: int
) -> list[tuple[float, int, int, int, int]]:
    """Return statistic, centre, end, first and last step of the best cylinders that share nothing."""
    statistic, ends, firsts, lasts = best
    some = np.flatnonzero(statistic > 0)
    # the same cells summed in another order differ in the last digit: of equals the smallest is taken
    sizes = ends[some] - zones.start[some]
    order = some[np.lexsort((zones.away_m[ends[some]], sizes, -np.round(statistic[some], 9)))]
    taken: list[tuple[float, int, int, int, int]] = []
    held: list[tuple[NDArray[np.int32], int, int]] = []
    for centre in order.tolist():
        if len(taken) >= most:
            break
        end, first, last = int(ends[centre]), int(firsts[centre]), int(lasts[centre])
        near = zones.near[zones.start[centre] : end + 1]
        if any(
            first <= until and since <= last and bool(np.isin(near, cells).any())
            for cells, since, until in held
        ):
            continue
        held.append((near, first, last))
        taken.append((float(statistic[centre]), centre, end, first, last))
    return taken


def _replicate(
    zones: _Zones,
    windows: _Windows,
    simulate: Callable[[np.random.Generator], tuple[Places, Places]],
    beaten: float,
    replications: int,
    rng: np.random.Generator,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[Floats, bool]:
    """Return the greatest statistic of each random data set, and whether they were stopped early."""
    # each has its own seed, so that the answer does not hang on the number of cores
    seeds = rng.integers(0, 2**63, size=replications)

    def one(seed: int) -> float:
        place, step = simulate(np.random.default_rng(seed))
        return float(windows.best(zones, place, step, each=False)[0].max())

    maxima: list[float] = []
    more = 0
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for begin in range(0, replications, 8 * workers):
            for value in pool.map(one, seeds[begin : begin + 8 * workers].tolist()):
                maxima.append(value)
                more += value >= beaten - 1e-9
                if more >= STOP_AFTER and len(maxima) < replications:
                    return np.array(maxima), True
            if on_progress is not None:
                on_progress(len(maxima), replications)
    return np.array(maxima), False


def _p_values(statistic: float, maxima: Floats, *, stopped: bool) -> tuple[float, float]:
    if maxima.size == 0:
        return np.nan, np.nan
    # random data may hold the very same cylinder, summed in another order
    more = int((maxima >= statistic - 1e-9).sum())
    p = more / maxima.size if stopped else (more + 1) / (maxima.size + 1)
    spread = float(maxima.std(ddof=1)) if maxima.size > 1 else 0.0
    if spread == 0.0:
        return p, np.nan
    scale = spread * np.sqrt(6) / np.pi
    mode = float(maxima.mean()) - np.euler_gamma * scale
    return p, float(-np.expm1(-np.exp(-(statistic - mode) / scale)))


def _nothing(total: int) -> ScanResult:
    return ScanResult((), 0, False, int(total), np.zeros(0))


def _middles(x_m: ArrayLike, y_m: ArrayLike, cells: int | None, name: str) -> tuple[Floats, Floats]:
    x, y = np.ravel(np.asarray(x_m, dtype=np.float64)), np.ravel(np.asarray(y_m, dtype=np.float64))
    if x.size != y.size:
        raise UnalignedIndexError(left="x_m", right="y_m")
    if cells is not None and x.size != cells:
        raise UnalignedIndexError(left=name, right="x_m")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise BadChoiceError(name="x_m, y_m", value="missing", expected="given for every cell")
    return x, y


def _check_scan(
    steps: Any, radius_m: float, longest: int, most_share: float, replications: int, most_clusters: int
) -> None:
    if steps < 1:
        raise BadChoiceError(name="steps", value=steps, expected="1 or more")
    if not radius_m >= 0:
        raise BadChoiceError(name="radius_m", value=radius_m, expected="0 or more")
    if not 1 <= longest <= steps:
        raise BadChoiceError(name="longest", value=longest, expected=f"1-{steps}")
    if not 0 < most_share <= 1:
        raise BadChoiceError(name="most_share", value=most_share, expected="above 0 and up to 1")
    if replications < 0:
        raise BadChoiceError(name="replications", value=replications, expected="0 or more")
    if most_clusters < 1:
        raise BadChoiceError(name="most_clusters", value=most_clusters, expected="1 or more")


# -- compiled ----------------------------------------------------------------------------------------


def _compiled(function: Function) -> Function:
    # without the interpreter's lock, so that replications run beside each other
    return cast("Function", njit(cache=True, nogil=True)(function))


@_compiled
def _statistic(count: float, expected: float, total: float) -> float:
    """Logarithm of Kulldorff's likelihood ratio; 0 without a surplus."""
    if count <= expected:
        return 0.0
    value = count * np.log(count / expected)
    if count < total:
        value += (total - count) * np.log((total - count) / (total - expected))
    return float(value)


@_compiled
def _may_beat(count: float, expected: float, total: float, top: float) -> bool:
    """Whether the statistic may be above ``top`` if at least so much is expected; mostly without logarithms.

    log z is at most (z - 1) / sqrt(z), and log(1 - z) at most -z.
    """
    if count < FEWEST or count <= expected:
        return False
    if expected <= 0.0:
        return True
    surplus = count - expected
    if surplus * (np.sqrt(count / expected) - (total - count) / (total - expected)) <= top:
        return False
    return _statistic(count, expected, total) > top


@_compiled
def _scan_last_steps(
    circles: Any, expected: Floats, events: Any, steps: int, total: float, each: bool
) -> tuple[Floats, Places, Places, Places]:
    start, near, closes = circles
    starts, when = events
    centres, longest = start.size - 1, expected.shape[1]
    best = np.zeros(centres)
    ends, firsts = start[:-1].copy(), np.zeros(centres, dtype=np.int64)
    lasts = np.full(centres, steps - 1)
    by_age = np.zeros(longest, dtype=np.int64)
    mean = np.zeros(longest)
    top = 0.0
    for centre in range(centres):
        top = 0.0 if each else top
        by_age[:] = 0
        mean[:] = 0.0
        touched = False
        for index in range(start[centre], start[centre + 1]):
            cell = near[index]
            for age in range(longest):
                mean[age] += expected[cell, age]
            for event in range(starts[cell], starts[cell + 1]):
                by_age[steps - 1 - when[event]] += 1
                touched = True
            if not touched or not closes[index]:
                continue
            touched = False
            count = 0
            for age in range(longest):
                if by_age[age] == 0:
                    continue  # a longer time without a further report is no better
                count += by_age[age]
                if _may_beat(count, mean[age], total, top):
                    top = _statistic(count, mean[age], total)
                    best[centre], ends[centre], firsts[centre] = top, index, steps - 1 - age
    return best, ends, firsts, lasts


@_compiled
def _needed_at(expected: float, total: float, top: float) -> float:
    """Return the count, as a real number, whose statistic is ``top``; more than ``total`` if there is none."""
    if _statistic(total, expected, total) <= top:
        return total + 1.0
    count = min(expected + np.sqrt(2.0 * top * expected) + top, total * (1.0 - 1e-12))
    for _ in range(40):
        # the statistic is convex in the count, so Newton's steps come down to the root from above
        slope = np.log(count / expected) - np.log((total - count) / (total - expected))
        if slope <= 0.0:
            break
        step = (_statistic(count, expected, total) - top) / slope
        count = min(max(count - step, expected), total * (1.0 - 1e-12))
        if abs(step) < 1e-7 * count:
            break
    return float(count * (1.0 - 1e-6))


@_compiled
def _fill_needed(needed: Any, total: float, top: float) -> None:
    """Tabulate :func:`_needed_at` for expected counts that grow by a tenth each."""
    for place in range(needed.size):
        expected = _TABLE_FROM * _TABLE_RATIO**place
        needed[place] = _needed_at(expected, total, top) if expected < total else total + 1.0


@_compiled
def _look_up(needed: Any, expected: float) -> float:
    if expected <= _TABLE_FROM:
        return needed[0] * expected / _TABLE_FROM  # type: ignore[no-any-return]
    place = min(int(np.log(expected / _TABLE_FROM) / np.log(_TABLE_RATIO)), needed.size - 2)
    left = _TABLE_FROM * _TABLE_RATIO**place
    share = min(max((expected - left) / (left * (_TABLE_RATIO - 1.0)), 0.0), 1.0)
    return needed[place] + share * (needed[place + 1] - needed[place])  # type: ignore[no-any-return]


@_compiled
def _windows_above(running: Floats, mean: Floats, length: int, slope: float, level: float) -> int:
    """Return how many windows of a length hold more than ``level`` plus ``slope`` times the expected."""
    late, late_mean = running[length:], mean[length:]
    above = 0
    for first in range(late.size):
        above += (late[first] - running[first]) - slope * (late_mean[first] - mean[first]) > level
    return above


@_compiled
def _add_cell(
    cell: int, by_step: Floats, mean: Floats, low: Floats, high: Floats, tables: Any, events: Any
) -> bool:
    """Add a cell to a circle; return whether it has reports."""
    expected, least, most = tables
    starts, when = events
    mean += expected[cell]
    low += least[cell]
    high += most[cell]
    for event in range(starts[cell], starts[cell + 1]):
        by_step[when[event]] += 1.0
    return starts[cell + 1] > starts[cell]  # type: ignore[no-any-return]


@_compiled
def _draw_lines(
    running: Floats, mean: Floats, low: Floats, high: Floats, needed: Floats, slope: Floats, level: Floats
) -> bool:
    """Draw per length of time the line that a window must rise above; return whether any window does.

    A length at which none does gets a line that nothing rises above.
    """
    promising = False
    for length in range(1, low.size + 1):
        here, there = low[length - 1], high[length - 1]
        at_here, at_there = _look_up(needed, here), _look_up(needed, there)
        steep = (at_there - at_here) / (there - here) if there > here * (1.0 + 1e-9) else 1.0
        floor = at_here - steep * here - 1e-7 * (1.0 + at_there)
        if _windows_above(running, mean, length, steep, floor) > 0:
            promising = True
        else:
            floor = np.inf
        slope[length - 1], level[length - 1] = steep, floor
    return promising


@_compiled
def _search_circle(
    running: Floats, mean: Floats, slope: Floats, level: Floats, total: float, top: float
) -> tuple[float, int, int]:
    """Return the greatest statistic above ``top`` of one circle's windows, and its first and last step."""
    steps, begin, end = running.size - 1, -1, -1
    for length in range(1, slope.size + 1):
        steep, floor = slope[length - 1], level[length - 1]
        if floor == np.inf or _windows_above(running, mean, length, steep, floor) == 0:
            continue
        for first in range(steps - length + 1):
            count = running[first + length] - running[first]
            wanted = mean[first + length] - mean[first]
            if count < FEWEST or count - steep * wanted <= floor:
                continue
            value = _statistic(count, wanted, total)
            if value > top:
                top, begin, end = value, first, first + length - 1
    return top, begin, end


@_compiled
def _scan_all_steps(
    circles: Any, weight: Floats, tables: Any, events: Any, total: float, each: bool
) -> tuple[Floats, Places, Places, Places]:
    """Circles of about one size are tested together first, one length of time after the other.

    The counts of the largest circle are held against what is expected in the smallest. How many reports a
    window needs to beat the best so far is a concave function of what is expected there (the statistic is
    jointly convex), so a straight line between the least and the most expected lies below it: windows below
    that line cannot win, and comparing with a line is fast.
    """
    start, near, closes = circles
    expected, starts, when = tables[0], events[0], events[1]
    centres, steps, longest = start.size - 1, expected.shape[1] - 1, tables[1].shape[1]
    best = np.zeros(centres)
    ends, firsts, lasts = start[:-1].copy(), np.zeros(centres, np.int64), np.zeros(centres, np.int64)
    by_step, running = np.zeros(steps), np.zeros(steps + 1)
    mean, inner_mean = np.zeros(steps + 1), np.zeros(steps + 1)
    low, high, inner_low = np.zeros(longest), np.zeros(longest), np.zeros(longest)
    slope, level = np.zeros(longest), np.zeros(longest)
    needed = np.zeros(int(np.log(max(total, 1.0) / _TABLE_FROM) / np.log(_TABLE_RATIO)) + 3)
    nothing = needed.copy()
    _fill_needed(nothing, total, 0.0)
    needed[:] = nothing
    top = tabled = 0.0
    for centre in range(centres):
        if each and top > 0.0:
            top = tabled = 0.0
            needed[:] = nothing
        by_step[:] = mean[:] = 0.0
        low[:] = high[:] = 0.0
        weighed = 0.0
        index, stop = start[centre], start[centre + 1]
        while index < stop:
            begin, limit, touched = index, -1.0, False
            # cells at one distance belong together: a circle ends where ``closes`` says so
            while index < stop and (weighed <= limit or limit < 0.0 or not closes[index - 1]):
                weighed += weight[near[index]]
                touched |= _add_cell(near[index], by_step, mean, low, high, tables, events)
                if closes[index] and limit < 0.0:
                    limit = weighed * _CIRCLES_TOGETHER
                    inner_mean[:] = mean
                    inner_low[:] = low
                index += 1
            running[1:] = np.cumsum(by_step)
            if not touched or not _draw_lines(running, inner_mean, inner_low, high, needed, slope, level):
                continue
            peeled = by_step.copy()
            inner_mean[:] = mean
            for outer in range(index - 1, begin - 1, -1):
                if closes[outer]:
                    running[1:] = np.cumsum(peeled)
                    value, first, last = _search_circle(running, inner_mean, slope, level, total, top)
                    if value > top:
                        top = value
                        best[centre], ends[centre], firsts[centre], lasts[centre] = value, outer, first, last
                cell = near[outer]
                inner_mean -= expected[cell]
                for event in range(starts[cell], starts[cell + 1]):
                    peeled[when[event]] -= 1.0
            if top > tabled * 1.02 + 0.05:
                tabled = top
                _fill_needed(needed, total, top)
    return best, ends, firsts, lasts
