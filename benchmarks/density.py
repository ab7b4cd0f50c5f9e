"""Kernel density at 100,000 cells from 500,000 reports, beside ``scipy.stats.gaussian_kde``, on one core.

scipy sums every report at every cell; it is run at a part of the cells, drawn at random, and its time
multiplied up (its cost is the product of the two numbers; the table says so). The made town is round, its
standard deviation the same east and north, so that scipy's kernel, which takes the shape of the whole
cloud, is the same as ours: the numbers themselves are compared, too.

The peak is exact when every report is summed at the cells where ours is highest, all within one bandwidth
of the peak and the next highest ones.

Run as ``python benchmarks/density.py [REPORTS] [CELLS]``.
"""

# ruff: noqa: E402 - threads are limited before the libraries are imported
from __future__ import annotations

import sys
import time

from report import Row, measure, one_core, print_table

one_core()

import numpy as np
import shapely
from scipy.stats import gaussian_kde

from pingan_geo.coords import local_metres
from pingan_geo.spatial.cells import cells_covering, centres
from pingan_geo.stats.density import density_at
from pingan_geo.stats.kernel import abramson_bandwidths, kernel_density, kernel_mass

MIDDLE = (120.60, 30.79)
SPREAD_M = 2500.0
BANDWIDTH_M = 300.0
RESOLUTION = 11
AROUND_PEAK = 300
#: Cells at which scipy is run, and over all of which ours is compared.
SAMPLE = 1_000


def made_reports(reports: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return a round town of thin streets, crowded corners and a sparse rest, metres around its middle."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(3, reports, p=[0.5, 0.3, 0.2])
    corners = rng.normal(0, 2500, (200, 2))
    corner = corners[rng.choice(200, reports, p=rng.dirichlet(np.full(200, 0.3)))]
    points = np.where(kinds[:, None] == 0, corner + rng.normal(0, 120, (reports, 2)), 0.0)
    streets = rng.normal(0, 2000, (60, 2)), rng.normal(0, 1500, (60, 2))
    street = rng.integers(0, 60, reports)
    along = streets[0][street] + streets[1][street] * rng.uniform(-1, 1, (reports, 1))
    points = np.where(kinds[:, None] == 1, along + rng.normal(0, 15, (reports, 2)), points)
    points = np.where(kinds[:, None] == 2, rng.normal(0, 3000, (reports, 2)), points)
    points -= points.mean(axis=0)
    round_ = np.linalg.cholesky(np.linalg.inv(np.cov(points.T)))
    points = points @ round_ * SPREAD_M
    return points[:, 0], points[:, 1]


def made_cells(cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude of the centres of the cells nearest to the middle."""
    plane = local_metres(*MIDDLE)
    radius_m = np.sqrt(cells * 2_600 / np.pi) + 500  # a cell has about 2,000 m²
    around = shapely.Point(0, 0).buffer(radius_m)
    degrees = shapely.transform(around, lambda xy: np.column_stack(plane.inverse(xy[:, 0], xy[:, 1])))
    lon, lat = centres(cells_covering(degrees, RESOLUTION))
    nearest = np.argsort(np.hypot(*plane.forward(lon, lat)), kind="stable")[:cells]
    return lon[nearest], lat[nearest]


def cpu_seconds(task) -> float:
    """Return the processor's seconds for a task: a machine that others use, too, does not change them."""
    start = time.process_time()
    task()
    return time.process_time() - start


def errors(found: np.ndarray, exact: np.ndarray) -> tuple[float, float]:
    """Return how far the peak is off, and the largest difference, both as shares of the exact peak."""
    peak = exact.max()
    return abs(found.max() - peak) / peak, np.abs(found - exact).max() / peak


def summed(x, y, at_x, at_y, bandwidths) -> np.ndarray:
    """Return the density per km² summed over all reports at each place, the plain way."""
    scale = 1e6 / (2 * np.pi * bandwidths**2)
    return np.array(
        [
            (np.exp(-((x - one) ** 2 + (y - other) ** 2) / (2 * bandwidths**2)) * scale).sum()
            for one, other in zip(at_x, at_y, strict=True)
        ]
    )


def main(reports: int, cells: int) -> None:
    plane = local_metres(*MIDDLE)
    x, y = made_reports(reports)
    lon, lat = plane.inverse(x, y)
    at_lon, at_lat = made_cells(cells)
    at_x, at_y = plane.forward(at_lon, at_lat)
    window = shapely.Point(0, 0).buffer(np.hypot(at_x, at_y).max() * 0.9, quad_segs=64)

    ours, fixed = measure(lambda: kernel_density(x, y, at_x, at_y, BANDWIDTH_M), runs=5)
    fixed_cpu_s = cpu_seconds(lambda: kernel_density(x, y, at_x, at_y, BANDWIDTH_M))
    degrees, by_degrees = measure(lambda: density_at(lon, lat, at_lon, at_lat, BANDWIDTH_M), runs=5)
    edged, uniform = measure(
        lambda: kernel_density(x, y, at_x, at_y, BANDWIDTH_M, window=window, edge="uniform"), runs=2
    )
    adapted, adaptive = measure(lambda: kernel_density(x, y, at_x, at_y, BANDWIDTH_M, adaptive=True))

    some = np.random.default_rng(1).choice(cells, min(SAMPLE, cells), replace=False)
    theirs = gaussian_kde(np.vstack([x, y]), bw_method=BANDWIDTH_M / SPREAD_M)
    at_some = np.vstack([at_x[some], at_y[some]])
    density, scipy_run = measure(lambda: theirs(at_some), runs=3)
    scipy_s = scipy_run.seconds * cells / some.size
    scipy_cpu_s = cpu_seconds(lambda: theirs(at_some)) * cells / some.size
    apart = np.abs(ours[some] - density * reports * 1e6).max() / ours.max()
    peer = f"`gaussian_kde`, {some.size:,} cells × {cells / some.size:.0f}"

    top = np.argsort(ours)[-AROUND_PEAK:]
    exact = summed(x, y, at_x[top], at_y[top], np.full(reports, BANDWIDTH_M))
    of_peak, of_any = errors(ours[top], exact)
    degrees_peak, degrees_any = errors(degrees[top], exact)
    share = kernel_mass(window, at_x[top], at_y[top], BANDWIDTH_M)
    edged_peak, _ = errors(edged[top], exact / share)
    own = abramson_bandwidths(x, y, BANDWIDTH_M)
    adapted_top = np.argsort(adapted)[-AROUND_PEAK // 3 :]
    adapted_peak, adapted_any = errors(
        adapted[adapted_top], summed(x, y, at_x[adapted_top], at_y[adapted_top], own)
    )
    rows = [
        Row(
            "**fixed bandwidth, 300 m**",
            fixed.seconds,
            peer,
            scipy_s,
            f"peak {of_peak:.4%} off the exact one, {of_any:.4%} at most around it, {apart:.4%} of the peak "
            f"from scipy's in its cells; CPU {fixed_cpu_s:.2f} s and {scipy_cpu_s:.0f} s; peak memory +{fixed.peak_mb:.0f} MB, theirs +{scipy_run.peak_mb:.0f} MB",
        ),
        Row(
            "the same from degrees (`density_at`)",
            by_degrees.seconds,
            peer,
            scipy_s,
            f"peak {degrees_peak:.4%} off, {degrees_any:.4%} at most around it",
        ),
        Row(
            "corrected at the border, uniform",
            uniform.seconds,
            peer + ", uncorrected",
            scipy_s,
            f"peak {edged_peak:.4%} off",
        ),
        Row(
            "adaptive (Abramson)",
            adaptive.seconds,
            peer + ", fixed",
            scipy_s,
            f"peak {adapted_peak:.4%} off, {adapted_any:.4%} at most around it",
        ),
    ]
    print_table(f"Kernel density: {cells:,} cells, {reports:,} reports, one core", rows)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 500_000, int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    )
