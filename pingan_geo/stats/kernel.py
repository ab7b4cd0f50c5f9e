"""Kernel density in metres at single places: bandwidths, the border of the town, reports against exposure.

A density says how many reports lie around a place, smoothed; it does not say that something is likely to
happen there, nor that a peak is more than chance: many passers-by, many watchful neighbours and one talkative
reporter all make one. It has no test and no p-value. Two densities of different bandwidth must not be
compared.

Everything here is in the metres of :func:`pingan_geo.coords.local_metres`. Small questions are summed
directly; large ones read from a raster of an eighth of the bandwidth (a few reports in a wide area: from the
reports near each place), within 0.1 % of the direct sum where the density is high.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree
from scipy.special import owens_t

from pingan_geo.errors import BadChoiceError, UnalignedIndexError

Floats = NDArray[np.float64]

EDGES: Final = ("none", "uniform", "diggle")
RULES: Final = ("scott", "cv")
#: No adaptive bandwidth is more than this many times the global one (as in spatstat's ``bw.abram``).
TRIM: Final = 5.0

#: Beyond this many bandwidths a kernel may be cut off (0.0004 % of its weight).
REACH: Final = 5.0
#: A wider raster is not made; the reports near each place are summed instead.
MOST_RASTER_CELLS: Final = 16_000_000

_PAIRED_AT_ONCE: Final = 50_000
_STEPS_A_BANDWIDTH: Final = 8
_DENSE: Final = 20_000_000  # pairs of a report and a place that are summed one by one
_AT_ONCE: Final = 2_000_000
_IN_CACHE: Final = 100_000
_FEW_PAIRS: Final = 1_000_000
#: Bandwidths that differ are rounded to two of a ladder with rungs 3 % apart, in shares.
_RUNG: Final = 1.03
_CELL_COSTS: Final = 20  # pairs that are summed in the time of one cell of a raster
_EDGE_REACH: Final = 6.0
_FEW: Final = 2_000  # places whose share of a kernel is always worked out for each
_ISOLATED: Final = 0.01
_NEIGHBOURS: Final = 32


@dataclass(frozen=True, eq=False)
class RelativeDensity:
    """Reports against exposure, one value per place.

    Parameters
    ----------
    ratio
        Reports per exposure at the place over reports per exposure in all: 1 is as everywhere, 3 is three
        times. NaN where ``exposure_per_km2`` is below the floor.
    rate
        Reports per unit of exposure; NaN likewise.
    reports_per_km2, exposure_per_km2
        The two densities.
    """

    ratio: Floats
    rate: Floats
    reports_per_km2: Floats
    exposure_per_km2: Floats


def kernel_density(
    x_m: ArrayLike,
    y_m: ArrayLike,
    at_x_m: ArrayLike,
    at_y_m: ArrayLike,
    bandwidth_m: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    adaptive: bool = False,
    window: Any = None,
    edge: str = "none",
) -> Floats:
    """Return how many reports per square kilometre lie around places, smoothed by a Gaussian.

    It does not say how likely something is, nor that a peak is more than chance: it follows people and eyes.

    Parameters
    ----------
    x_m, y_m
        Reports, metres; those with a missing coordinate are left out.
    at_x_m, at_y_m
        Places, metres, e.g. the centres of cells.
    bandwidth_m
        Standard deviation of the kernel, metres: one number, or one per report.
    weights
        One per report, 0 or more; ``None`` counts each as 1.
    adaptive
        Take ``bandwidth_m`` as the global bandwidth of :func:`abramson_bandwidths`: narrower where reports
        are many, wider where they are few.
    window
        Shapely polygon in the same metres: the area in which reports are known. ``None``: no border.
    edge
        ``"none"``; ``"uniform"``: the density at a place divided by the share of a kernel there that lies in
        the window, unbiased where reports are even; ``"diggle"``: each report divided by the share of its
        own kernel (Jones 1993, Diggle 1985), so that the density over the window adds up to the reports.

    Returns
    -------
    numpy.ndarray
        One per place. NaN where a place is missing and, when there is an edge correction, outside the window:
        reports outside it are then left out, too.

    Raises
    ------
    BadChoiceError
        If a bandwidth is not above 0, a weight is below 0 or missing, ``edge`` is none of :data:`EDGES`,
        an edge correction has no window or one without area, or ``adaptive`` has a bandwidth per report.
    UnalignedIndexError
        If the two coordinates, weights or bandwidths differ in length.
    """
    window = _checked_window(window, edge)
    x, y, bandwidths, weight = _reports(x_m, y_m, bandwidth_m, weights, window)
    at_x, at_y = _pair(at_x_m, at_y_m, "at_x_m", "at_y_m")
    if adaptive:
        if np.ndim(bandwidth_m):
            raise BadChoiceError(name="bandwidth_m", value="a list", expected="one number when adaptive")
        bandwidths = abramson_bandwidths(
            x, y, float(np.asarray(bandwidth_m)), weights=weight, window=window, edge=edge
        )
    values = np.full(at_x.shape, np.nan)
    usable = np.isfinite(at_x) & np.isfinite(at_y)
    if window is not None:
        usable &= shapely.intersects_xy(window, at_x, at_y)
    at_x, at_y = at_x[usable], at_y[usable]
    total = np.zeros(at_x.size)
    dense = x.size * at_x.size <= _DENSE
    for rung, who, share in _rungs(bandwidths):
        part = weight[who] * share
        if edge == "diggle":
            part = part / kernel_mass(window, x[who], y[who], rung)
        heights = _sum_kernels(x[who], y[who], at_x, at_y, rung, part, dense)
        if edge == "uniform":
            heights = heights / kernel_mass(window, at_x, at_y, rung)
        total += heights
    values[usable] = total * 1e6
    return values


def leave_one_out_density(
    x_m: ArrayLike,
    y_m: ArrayLike,
    bandwidth_m: float,
    *,
    window: Any = None,
    edge: str = "none",
) -> Floats:
    """Return the density at each report that all reports of other places make there, per square kilometre.

    Reports of exactly the same place are left out together: a ledger writes one point for a whole estate, and
    a report would else be foretold by its own address. The value is no forecast for the place.

    Parameters
    ----------
    x_m, y_m
        Reports, metres.
    bandwidth_m
        Standard deviation of the kernel, metres.
    window, edge
        As in :func:`kernel_density`.

    Returns
    -------
    numpy.ndarray
        One per report; NaN where a coordinate is missing or, with an edge correction, outside the window.

    Raises
    ------
    BadChoiceError
        If the bandwidth is not above 0, or window and ``edge`` do not fit.
    UnalignedIndexError
        If ``x_m`` and ``y_m`` differ in length.
    """
    return _leave_one_out(x_m, y_m, bandwidth_m, window, edge, _DENSE)


def _leave_one_out(
    x_m: ArrayLike, y_m: ArrayLike, bandwidth_m: float, window: Any, edge: str, few_pairs: int
) -> Floats:
    window = _checked_window(window, edge)
    given_x, given_y = _pair(x_m, y_m, "x_m", "y_m")
    _reports(given_x, given_y, bandwidth_m, None, None)  # refuses bandwidths
    usable = np.isfinite(given_x) & np.isfinite(given_y)
    if window is not None:
        usable &= shapely.intersects_xy(window, given_x, given_y)
    places, back, counts = np.unique(
        np.column_stack([given_x[usable], given_y[usable]]), axis=0, return_inverse=True, return_counts=True
    )
    values = np.full(given_x.shape, np.nan)
    x, y = places[:, 0], places[:, 1]
    weight = counts.astype(np.float64)
    mass = kernel_mass(window, x, y, bandwidth_m) if edge != "none" else np.ones(x.size)
    if edge == "diggle":
        weight = weight / mass
    others = _sum_of_others(x, y, float(bandwidth_m), weight, few_pairs)
    if edge == "uniform":
        others = others / mass
    values[usable] = others[back.ravel()] * 1e6
    return values


def abramson_bandwidths(
    x_m: ArrayLike,
    y_m: ArrayLike,
    bandwidth_m: float,
    *,
    weights: ArrayLike | None = None,
    window: Any = None,
    edge: str = "none",
) -> Floats:
    """Return a bandwidth per report: the global one over the root of a pilot density (Abramson 1982).

    The pilot is the fixed-bandwidth density at the reports with the global bandwidth; the geometric mean of the
    bandwidths is the global one, apart from those cut off at :data:`TRIM` times it. A wide bandwidth marks
    few reports, not a safe place.

    Parameters
    ----------
    x_m, y_m, weights, window, edge
        As in :func:`kernel_density`.
    bandwidth_m
        The global bandwidth, metres.

    Returns
    -------
    numpy.ndarray
        Metres, one per report; NaN where the pilot is.

    Raises
    ------
    BadChoiceError, UnalignedIndexError
        As :func:`kernel_density`.
    """
    pilot = kernel_density(x_m, y_m, x_m, y_m, bandwidth_m, weights=weights, window=window, edge=edge)
    return _abramson(pilot, float(bandwidth_m))


def select_bandwidth(
    x_m: ArrayLike,
    y_m: ArrayLike,
    rule: str,
    *,
    window: Any = None,
    candidates_m: ArrayLike | None = None,
) -> float:
    """Return a bandwidth for reports by a rule.

    Cross-validation takes seconds for 10,000 reports and most of a minute for 100,000. No rule knows what is
    asked: a bandwidth decides whether streets or quarters show, and a rule's answer is a
    start, not a truth.

    Parameters
    ----------
    x_m, y_m
        Reports, metres; those with a missing coordinate, and those outside the window, are left out.
    rule
        ``"scott"``: n^(-1/6) times the standard deviation, the geometric mean of east and north; right
        for one round cloud, far too wide for a town of several quarters. ``"cv"``: the bandwidth under which
        each report is most likely from the reports of other places (likelihood cross-validation).
    window
        With it, ``"cv"`` corrects the edge uniformly.
    candidates_m
        For ``"cv"``: choose among these only. ``None``: from a two-thousandth to half of the diagonal of
        the reports' extent, then finer around the best.

    Returns
    -------
    float
        Metres.

    Raises
    ------
    BadChoiceError
        If ``rule`` is none of :data:`RULES`, fewer than two places have reports, or a candidate is not
        above 0.
    UnalignedIndexError
        If ``x_m`` and ``y_m`` differ in length.
    """
    if rule not in RULES:
        raise BadChoiceError(name="rule", value=rule, expected=", ".join(RULES))
    window = None if window is None else _checked_window(window, "uniform")
    x, y, _, _ = _reports(x_m, y_m, 1.0, None, window)
    diagonal = float(np.hypot(np.ptp(x), np.ptp(y))) if x.size else 0.0
    if not diagonal > 0:
        raise BadChoiceError(name="x_m, y_m", value="one place", expected="reports of two places or more")
    if rule == "scott":
        spreads = np.array([x.std(ddof=1), y.std(ddof=1)])
        spreads = spreads[spreads > 0]  # reports along one straight street have one direction only
        return float(np.exp(np.log(spreads).mean()) * x.size ** (-1 / 6))

    def likelihood(bandwidth_m: float) -> float:
        edge = "none" if window is None else "uniform"
        density = _leave_one_out(x, y, bandwidth_m, window, edge, _FEW_PAIRS)
        return float(np.log(np.maximum(density, np.finfo(np.float64).tiny)).sum())

    def best(candidates: Floats) -> int:
        return int(np.argmax([likelihood(float(each)) for each in candidates]))

    if candidates_m is not None:
        candidates = np.ravel(np.asarray(candidates_m, dtype=np.float64))
        if not candidates.size or not (np.isfinite(candidates) & (candidates > 0)).all():
            raise BadChoiceError(name="candidates_m", value=candidates_m, expected="above 0")
        return float(candidates[best(candidates)])
    coarse = np.geomspace(diagonal / 2000, diagonal / 2, 16)
    place = best(coarse)
    fine = np.geomspace(coarse[max(place - 1, 0)], coarse[min(place + 1, coarse.size - 1)], 11)
    return float(fine[best(fine)])


def relative_density(
    x_m: ArrayLike,
    y_m: ArrayLike,
    exposure_x_m: ArrayLike,
    exposure_y_m: ArrayLike,
    at_x_m: ArrayLike,
    at_y_m: ArrayLike,
    bandwidth_m: float,
    *,
    floor_per_km2: float,
    weights: ArrayLike | None = None,
    exposure_weights: ArrayLike | None = None,
    adaptive: bool = False,
    window: Any = None,
    edge: str = "none",
) -> RelativeDensity:
    """Return the density of reports over the density of exposure: dual kernel density, relative risk.

    Both are smoothed alike, so that what is only smoothing cancels. The ratio has no test: where exposure
    is just above the floor a single report makes a high one. It is as good as the exposure: against homes it
    is not the risk of a passer-by, and against other reports it is a share among reports.

    Parameters
    ----------
    x_m, y_m, weights
        Reports, as in :func:`kernel_density`.
    exposure_x_m, exposure_y_m, exposure_weights
        What the reports are set against, e.g. buildings with their households as weights.
    at_x_m, at_y_m
        Places, metres.
    bandwidth_m
        Standard deviation of both kernels, metres.
    floor_per_km2
        No ratio where there is less exposure than this per square kilometre. Above 0.
    adaptive
        Bandwidths after the density of reports and exposure together, equal in weight, so that both
        have the same at the same place (symmetric adaptive, Davies, Jones & Hazelton 2016).
    window, edge
        As in :func:`kernel_density`.

    Returns
    -------
    RelativeDensity

    Raises
    ------
    BadChoiceError
        If the floor is not above 0, exposure or reports have no weight at all, or as in
        :func:`kernel_density`.
    UnalignedIndexError
        As in :func:`kernel_density`.
    """
    if not (np.isfinite(floor_per_km2) and floor_per_km2 > 0):
        raise BadChoiceError(name="floor_per_km2", value=floor_per_km2, expected="above 0")
    window = _checked_window(window, edge)
    if np.ndim(bandwidth_m):
        raise BadChoiceError(name="bandwidth_m", value="a list", expected="one number")
    reports = _reports(x_m, y_m, bandwidth_m, weights, window)
    exposure = _reports(exposure_x_m, exposure_y_m, bandwidth_m, exposure_weights, window)
    totals = float(reports[3].sum()), float(exposure[3].sum())
    for name, total in zip(("weights", "exposure_weights"), totals, strict=True):
        if not total > 0:
            raise BadChoiceError(name=name, value=total, expected="above 0 in all")
    bandwidths = [reports[2], exposure[2]]
    if adaptive:
        pooled_weights = np.concatenate([reports[3] / totals[0], exposure[3] / totals[1]])
        pooled_x, pooled_y = (np.concatenate([reports[axis], exposure[axis]]) for axis in (0, 1))
        pooled = abramson_bandwidths(
            pooled_x, pooled_y, bandwidth_m, weights=pooled_weights, window=window, edge=edge
        )
        bandwidths = [pooled[: reports[0].size], pooled[reports[0].size :]]
    above, below = (
        kernel_density(x, y, at_x_m, at_y_m, own, weights=weight, window=window, edge=edge)
        for (x, y, _, weight), own in zip((reports, exposure), bandwidths, strict=True)
    )
    with np.errstate(invalid="ignore"):
        enough = below >= floor_per_km2
    rate = np.full(below.shape, np.nan)
    rate[enough] = above[enough] / below[enough]
    return RelativeDensity(rate * (totals[1] / totals[0]), rate, above, below)


def kernel_mass(window: Any, x_m: ArrayLike, y_m: ArrayLike, bandwidth_m: float) -> Floats:
    """Return the share, 0 to 1, of a Gaussian around each place that lies in a polygon.

    Within a millionth: each side of the polygon takes away what :func:`scipy.special.owens_t` gives. For many places it is read from a raster of a quarter of the bandwidth
    (within 0.0001). It is geometry and says nothing about the reports.

    Parameters
    ----------
    window
        Shapely polygon or multipolygon, metres; holes count as outside.
    x_m, y_m
        Places, metres.
    bandwidth_m
        Standard deviation, metres.

    Raises
    ------
    BadChoiceError
        If the window is no polygon with an area, or the bandwidth is not above 0.
    """
    window = _checked_window(window, "uniform")
    if not (np.isfinite(bandwidth_m) and bandwidth_m > 0):
        raise BadChoiceError(name="bandwidth_m", value=bandwidth_m, expected="above 0")
    x, y = np.ravel(np.asarray(x_m, dtype=np.float64)), np.ravel(np.asarray(y_m, dtype=np.float64))
    sides = _sides(window)
    midline = shapely.linestrings(sides.reshape(-1, 2, 2))
    border = shapely.boundary(window)
    shapely.prepare(border)
    mass: Floats = shapely.intersects_xy(window, x, y).astype(np.float64)
    near = np.flatnonzero(shapely.dwithin(shapely.points(x, y), border, _EDGE_REACH * bandwidth_m))
    if not near.size:
        return mass
    step = bandwidth_m / 4
    left, low = x[near].min() - 4 * step, y[near].min() - 4 * step
    columns, rows = (
        int(np.ceil((far - origin) / step)) + 5
        for far, origin in ((x[near].max(), left), (y[near].max(), low))
    )
    if near.size < _FEW or columns * rows >= near.size // 2:
        mass[near] = _exact_mass(window, x[near], y[near], bandwidth_m, sides, midline, border)
        return mass
    grid_x, grid_y = (part.ravel() for part in np.meshgrid(np.arange(columns), np.arange(rows)))
    grid = _exact_mass(
        window, left + grid_x * step, low + grid_y * step, bandwidth_m, sides, midline, border
    ).reshape(rows, columns)
    read = map_coordinates(grid, [(y[near] - low) / step, (x[near] - left) / step], order=3, mode="nearest")
    mass[near] = np.clip(read, 1e-12, 1.0)
    return mass


def _exact_mass(
    window: Any, x: Floats, y: Floats, bandwidth_m: float, sides: Floats, lines: Any, border: Any
) -> Floats:
    inside = shapely.intersects_xy(window, x, y)
    # on the border itself, most of all at a corner, angles are undefined: a step of no account aside
    on = shapely.dwithin(shapely.points(x, y), border, 1e-9 * bandwidth_m)
    x, y = x + 0.8e-8 * bandwidth_m * on, y + 0.6e-8 * bandwidth_m * on
    tree = shapely.STRtree(lines)
    beyond = np.zeros(x.size)
    # as many pairs at once as memory may hold
    most = max(_AT_ONCE // max(len(sides), 1), 1)
    near = np.flatnonzero(shapely.dwithin(shapely.points(x, y), border, _EDGE_REACH * bandwidth_m))
    for start in range(0, near.size, most):
        part = near[start : start + most]
        points = shapely.points(x[part], y[part])
        place, side = tree.query(points, predicate="dwithin", distance=_EDGE_REACH * bandwidth_m)
        ahead = sides[side] - np.column_stack([x[part], y[part], x[part], y[part]])[place]
        along = ahead[:, 2:] - ahead[:, :2]
        length = np.hypot(along[:, 0], along[:, 1])
        along /= length[:, None]
        away = (ahead[:, 0] * along[:, 1] - ahead[:, 1] * along[:, 0]) / bandwidth_m
        from_, to = ((ahead[:, one : one + 2] * along).sum(axis=1) / bandwidth_m for one in (0, 2))
        away = np.copysign(np.maximum(np.abs(away), 1e-12), away)  # on the line of a side, beyond its ends
        share = owens_t(away, to / away) - owens_t(away, from_ / away)
        beyond[part] = np.bincount(place, weights=share, minlength=part.size)
    # Inside, ``beyond`` is what lies outside the window; outside, it is minus what lies inside. On the border
    # itself the sign tells on which side rounding has put the place.
    small = np.abs(beyond) < 1e-6
    mass: Floats = np.clip(np.where(small, inside, np.where(beyond > 0, 1.0 - beyond, -beyond)), 1e-12, 1.0)
    return mass


def _sides(window: Any) -> Floats:
    """Return x, y, x, y of the sides of a polygon, the inside to the left of each."""
    found = []
    for polygon in shapely.get_parts(window):
        turned = shapely.orient_polygons(polygon)
        for ring in shapely.get_rings(turned):
            corners = shapely.get_coordinates(ring)
            sides = np.column_stack([corners[:-1], corners[1:]])
            found.append(sides[(corners[:-1] != corners[1:]).any(axis=1)])
    return np.concatenate(found)


# -- sums of kernels ---------------------------------------------------------------------------------


def _sum_kernels(
    x: Floats, y: Floats, at_x: Floats, at_y: Floats, bandwidth_m: float, weight: Floats, dense: bool
) -> Floats:
    """Return the sum of the kernels at each place, per m²."""
    if not x.size or not at_x.size:
        return np.zeros(at_x.size)
    if dense:
        return _sum_directly(x, y, at_x, at_y, bandwidth_m, weight)
    step = bandwidth_m / _STEPS_A_BANDWIDTH
    left, low, columns, rows = _raster(at_x, at_y, step)
    if columns * rows > MOST_RASTER_CELLS:
        return _sum_near(x, y, at_x, at_y, bandwidth_m, weight)
    raster, _ = spread((x - left) / step, (y - low) / step, (rows, columns), weight)
    # spreading each report over nine cells is itself a smoothing, of variance a quarter
    smooth = gaussian_filter(raster, np.sqrt(_STEPS_A_BANDWIDTH**2 - 0.25), mode="constant", truncate=REACH)
    place = [(at_y - low) / step - 0.5, (at_x - left) / step - 0.5]
    found = map_coordinates(smooth, place, order=3, mode="nearest")
    # a cubic curve may dip below zero beside a steep slope
    heights: Floats = np.maximum(found, 0.0) / step**2
    return heights


def _sum_near(
    x_m: Floats,
    y_m: Floats,
    at_x_m: Floats,
    at_y_m: Floats,
    bandwidth_m: float,
    weights: Floats | None = None,
) -> Floats:
    """Return the sum of the Gaussian kernels of points at each place, per m², cut off at :data:`REACH`.

    Its cost is the number of points near any place, so it suits places far apart and small bandwidths.
    """
    places = cKDTree(np.column_stack([at_x_m, at_y_m]))
    points = np.column_stack([x_m, y_m])
    total = np.zeros(places.n)
    pairs_in_all = int(places.count_neighbors(cKDTree(points), REACH * bandwidth_m))
    # as many reports at once as memory may hold pairs of
    at_once = min(max(len(points) * _AT_ONCE // max(pairs_in_all, 1), 1), _PAIRED_AT_ONCE)
    for start in range(0, len(points), at_once):
        chunk = cKDTree(points[start : start + at_once])
        pairs = places.sparse_distance_matrix(chunk, REACH * bandwidth_m, output_type="ndarray")
        heights = np.exp(-0.5 * (pairs["v"] / bandwidth_m) ** 2)
        if weights is not None:
            heights *= weights[start + pairs["j"]]
        total += np.bincount(pairs["i"], weights=heights, minlength=places.n)
    scaled: Floats = total / (2.0 * np.pi * bandwidth_m**2)
    return scaled


def spread(
    column: Floats, row: Floats, shape: tuple[int, int], weights: Floats | None = None
) -> tuple[Floats, int]:
    """Return a raster of points, each spread over nine cells, and how many lie in it.

    The shares of the nine are those of a quadratic spline: their variance is a quarter of a cell wherever
    in its cell a point lies, so it can be taken off a kernel exactly.

    Parameters
    ----------
    column, row
        One per point, counted in cells from the corner of the raster; the middle of the first cell is 0.5.
    shape
        Rows and columns of the raster. Points in or beyond its outermost cells are left out.
    weights
        One per point; ``None`` is 1 each.
    """
    inside = (column > 1) & (column < shape[1] - 1) & (row > 1) & (row < shape[0] - 1)
    column, row = column[inside], row[inside]
    whole_column, whole_row = column.astype(np.int64), row.astype(np.int64)
    weights_x = _spline(column - whole_column - 0.5)
    weights_y = _spline(row - whole_row - 0.5)
    if weights is not None:
        weights_x = tuple(share * weights[inside] for share in weights_x)
    first = (whole_row - 1) * shape[1] + whole_column - 1
    raster = np.zeros(shape[0] * shape[1])
    for down in range(3):
        for right in range(3):
            raster += np.bincount(
                first + (down * shape[1] + right),
                weights=weights_y[down] * weights_x[right],
                minlength=raster.size,
            )
    return raster.reshape(shape), int(column.size)


def _spline(offset: Floats) -> tuple[Floats, ...]:
    """Return the weights of the cell before, the own cell and the cell after; they add up to one."""
    return 0.5 * (0.5 - offset) ** 2, 0.75 - offset**2, 0.5 * (0.5 + offset) ** 2


def _raster(at_x: Floats, at_y: Floats, step: float) -> tuple[float, float, int, int]:
    """Return left and lower edge, columns and rows of a raster around places, with its margins."""
    pad = int(np.ceil(REACH * _STEPS_A_BANDWIDTH)) + 3
    left, low = float(at_x.min() - pad * step), float(at_y.min() - pad * step)
    columns, rows = (
        int(np.ceil((far - origin) / step)) + pad for far, origin in ((at_x.max(), left), (at_y.max(), low))
    )
    return left, low, columns, rows


def _sum_directly(
    x: Floats, y: Floats, at_x: Floats, at_y: Floats, bandwidth_m: float, weight: Floats
) -> Floats:
    total = np.empty(at_x.size)
    most = max(_IN_CACHE // x.size, 1)
    for start in range(0, at_x.size, most):
        part = slice(start, start + most)
        total[part] = np.exp(_exponents(x, y, at_x[part], at_y[part], bandwidth_m)) @ weight
    heights: Floats = total / (2.0 * np.pi * bandwidth_m**2)
    return heights


def _exponents(x: Floats, y: Floats, at_x: Floats, at_y: Floats, bandwidth_m: float) -> Floats:
    """Return half the squared distances in bandwidths, negative, of each place (row) to each report."""
    squared = np.subtract.outer(at_x / bandwidth_m, x / bandwidth_m)
    np.square(squared, out=squared)
    north = np.subtract.outer(at_y / bandwidth_m, y / bandwidth_m)
    np.square(north, out=north)
    squared += north
    squared *= -0.5
    return squared


def _sum_of_others(x: Floats, y: Floats, bandwidth_m: float, weight: Floats, few_pairs: int) -> Floats:
    """Return the sum of the kernels of all other places at each place, per m²; places are all different."""
    height = 1.0 / (2.0 * np.pi * bandwidth_m**2)
    if not x.size:
        return np.zeros(0)
    _, _, columns, rows = _raster(x, y, bandwidth_m / _STEPS_A_BANDWIDTH)
    raster_costs = _CELL_COSTS * columns * rows if columns * rows <= MOST_RASTER_CELLS else 0
    if x.size**2 <= max(few_pairs, raster_costs):
        total = np.empty(x.size)
        most = max(_IN_CACHE // x.size, 1)
        for start in range(0, x.size, most):
            part = slice(start, start + most)
            exponents = _exponents(x, y, x[part], y[part], bandwidth_m)
            here = np.arange(exponents.shape[0])
            exponents[here, start + here] = -np.inf
            total[part] = np.exp(exponents) @ weight
        return np.asarray(total * height)
    total = np.asarray(_sum_kernels(x, y, x, y, bandwidth_m, weight, dense=False) - weight * height)
    # what remains beside a large own kernel is rounding: few neighbours matter there, and they are summed
    alone = np.flatnonzero(total < _ISOLATED * height * np.maximum(weight, 1.0))
    points = np.column_stack([x, y])
    if alone.size:
        away, which = cKDTree(points).query(points[alone], k=min(_NEIGHBOURS + 1, x.size))
        heights = np.exp(-0.5 * (away[:, 1:] / bandwidth_m) ** 2) * weight[which[:, 1:]]
        total[alone] = heights.sum(axis=1) * height
    return total


def _rungs(bandwidths: Floats) -> list[tuple[float, NDArray[np.int64], Floats]]:
    """Return a ladder of bandwidths with the reports on each rung and the share of each that stands there.

    A report stands on the two rungs around its bandwidth, in shares linear in the logarithm.
    """
    if not bandwidths.size:
        return []
    least, most = float(bandwidths.min()), float(bandwidths.max())
    if most <= least * (1 + 1e-12):
        return [(least, np.arange(bandwidths.size), np.ones(bandwidths.size))]
    count = int(np.ceil(np.log(most / least) / np.log(_RUNG))) + 1
    ladder = np.geomspace(least, most, count)
    position = np.log(bandwidths / least) / np.log(most / least) * (count - 1)
    lower = np.clip(position.astype(np.int64), 0, count - 2)
    share = np.clip(position - lower, 0.0, 1.0)
    order = np.argsort(lower, kind="stable")
    first = np.searchsorted(lower[order], np.arange(count + 1))
    rungs = []
    for number, rung in enumerate(ladder):
        above, below = (
            order[first[each] : first[each + 1]] if each >= 0 else order[:0] for each in (number, number - 1)
        )
        who = np.concatenate([above, below])
        if who.size:
            rungs.append((float(rung), who, np.concatenate([1.0 - share[above], share[below]])))
    return rungs


def _abramson(pilot: Floats, bandwidth_m: float) -> Floats:
    """Return bandwidths that go with the inverse root of the pilot density."""
    known = pilot > 0
    if not known.any():
        return np.full(pilot.shape, bandwidth_m)
    middle = np.exp(np.log(pilot[known]).mean())
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.sqrt(middle / pilot)
    cut: Floats = bandwidth_m * np.minimum(factor, TRIM)
    return cut


# -- checks ------------------------------------------------------------------------------------------


def _pair(x: ArrayLike, y: ArrayLike, left: str, right: str) -> tuple[Floats, Floats]:
    first, second = np.ravel(np.asarray(x, dtype=np.float64)), np.ravel(np.asarray(y, dtype=np.float64))
    if first.size != second.size:
        raise UnalignedIndexError(left=left, right=right)
    return first, second


def _reports(
    x_m: ArrayLike, y_m: ArrayLike, bandwidth_m: ArrayLike, weights: ArrayLike | None, window: Any
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return coordinates, bandwidths and weights of the usable reports: known, and in the window."""
    x, y = _pair(x_m, y_m, "x_m", "y_m")
    own = np.asarray(bandwidth_m, dtype=np.float64)
    weight = np.ones(x.size) if weights is None else np.ravel(np.asarray(weights, dtype=np.float64))
    if own.ndim and own.size != x.size:
        raise UnalignedIndexError(left="x_m", right="bandwidth_m")
    if weight.size != x.size:
        raise UnalignedIndexError(left="x_m", right="weights")
    own = np.ravel(np.broadcast_to(own, x.shape) if not own.ndim else own)
    usable = np.isfinite(x) & np.isfinite(y)
    if window is not None:
        usable &= shapely.intersects_xy(window, x, y)
    checked = own[usable] if np.ndim(bandwidth_m) else np.asarray(bandwidth_m, dtype=np.float64)
    if not (np.isfinite(checked) & (checked > 0)).all():
        raise BadChoiceError(name="bandwidth_m", value=bandwidth_m, expected="above 0")
    if not (np.isfinite(weight[usable]) & (weight[usable] >= 0)).all():
        raise BadChoiceError(name="weights", value="below 0 or missing", expected="0 or more")
    return x[usable], y[usable], own[usable], weight[usable]


def _checked_window(window: Any, edge: str) -> Any:
    """Return the window when an edge correction uses it, ``None`` when there is none to make."""
    if edge not in EDGES:
        raise BadChoiceError(name="edge", value=edge, expected=", ".join(EDGES))
    if edge == "none":
        return None
    if (
        window is None
        or shapely.get_type_id(window) not in (3, 6)
        or not shapely.is_valid(window)
        or not shapely.area(window) > 0
    ):
        raise BadChoiceError(name="window", value="no polygon", expected="a valid polygon with an area")
    shapely.prepare(window)
    return window
