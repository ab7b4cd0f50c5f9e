"""Kernel densities and bandwidths against spatstat 3.0.

Where ours are by definition the same: densities at points, leave-one-out with uniform edge correction,
``bw.scott`` (ours is the geometric mean of its two, as ``isotropic=TRUE`` gives), ``bw.ppl`` on its own
candidates. Where the definition differs:

- ``density.ppp`` moves each point to the pixels around it (128 × 128, here 7.8 × 3.9 m) and folds the picture;
  ours is the sum itself at the middle of the same pixels. That is seen most at a bandwidth of few pixels, and
  far from all points, where moving one by a metre changes the last digits of nearly nothing.
- ``bw.abram`` reads its pilot from such a picture, edge-corrected uniformly; ours is summed at the points.
- ``densityAdaptiveKernel`` as in the reference file is not edge-corrected (its integral is 3,081 of 3,604).
- ``bw.ppl`` takes the best of 16 candidates from the smallest distance of two points to half the diagonal; ours, when
  not told candidates, looks more finely around the best, and leaves out all reports of one place together.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from scipy.spatial import cKDTree

from pingan_geo.stats.kernel import (
    abramson_bandwidths,
    kernel_density,
    leave_one_out_density,
    select_bandwidth,
)

pytestmark = pytest.mark.shared_data

WINDOW = shapely.box(0, 0, 1000, 500)
PIXELS = 128
PIXEL_KM2 = 1.0 * 0.5 / PIXELS**2
NUMBER = r"(-?[\d.]+(?:e-?\d+)?)"


@pytest.fixture(scope="module")
def trees(shared_dir):
    points = pd.read_csv(shared_dir / "reference" / "spatstat" / "spatstat_bei.csv")
    assert len(points) == 3604
    return points["x"].to_numpy(), points["y"].to_numpy()


@pytest.fixture(scope="module")
def said(shared_dir):
    text = (shared_dir / "reference" / "spatstat" / "dens_out.txt").read_text(encoding="utf-8")

    def numbers(pattern: str) -> list[float]:
        found = re.search(pattern.replace("#", NUMBER), text)
        assert found, pattern
        return [float(each) for each in found.groups()]

    return numbers


@pytest.fixture(scope="module")
def burglaries(shared_dir):
    table = pd.read_csv(shared_dir / "data" / "cincinnati_burglary_2016_2018.csv")
    plane = pyproj.Transformer.from_crs(4326, 32616, always_xy=True)
    return plane.transform(table["lon"].to_numpy(), table["lat"].to_numpy())


def pixels():
    columns, rows = np.meshgrid((np.arange(PIXELS) + 0.5) / PIXELS, (np.arange(PIXELS) + 0.5) / PIXELS)
    return columns.ravel() * 1000, rows.ravel() * 500


def per_m2(density):
    return density / 1e6


def test_at_points_without_edge_correction(trees, said):
    x, y = trees
    theirs = said("at points sigma 50 no-edge first5 # # # # #")
    assert per_m2(kernel_density(x, y, x[:5], y[:5], 50)) == pytest.approx(theirs, rel=2e-7)


def test_leave_one_out_with_edge_correction(trees, said):
    x, y = trees
    theirs = said("LOO edge first5 # # # # #")
    found = leave_one_out_density(x, y, 50, window=WINDOW, edge="uniform")
    assert per_m2(found[:5]) == pytest.approx(theirs, rel=2e-7)


def test_sums_at_places_of_another_town(burglaries, said):
    for x, y in ((715000, 4335000), (712000, 4332000), (708500, 4333800)):
        (theirs,) = said(f"exact KDE sigma300 per km2 at {x} {y} : #")
        assert kernel_density(*burglaries, [x], [y], 300) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize(
    ("sigma", "of_integral", "of_peak", "of_corner"),
    [(25, 2e-4, 5e-3, 0.4), (50, 2e-4, 2e-3, 0.06), (100, 2e-4, 2e-3, 0.014)],
)
@pytest.mark.parametrize(("corrected", "edge"), [("TRUE", "uniform"), ("FALSE", "none")])
def test_pictures(trees, said, sigma, of_integral, of_peak, of_corner, corrected, edge):
    integral, corner, peak = said(f"bei sigma {sigma} edge {corrected}  integral #  min #  max #")
    found = kernel_density(*trees, *pixels(), sigma, window=WINDOW, edge=edge)
    assert found.sum() * PIXEL_KM2 == pytest.approx(integral, rel=of_integral)
    assert per_m2(found.max()) == pytest.approx(peak, rel=of_peak)
    assert per_m2(found.min()) == pytest.approx(corner, rel=of_corner)


@pytest.mark.parametrize(("sigma", "within"), [(25, 0.03), (50, 2e-3), (100, 2e-4)])
@pytest.mark.parametrize(("corrected", "edge"), [("TRUE", "uniform"), ("FALSE", "none")])
def test_the_middle(trees, said, sigma, within, corrected, edge):
    """The pixel at (500, 250): at the corner of four, spatstat takes the lower left."""
    theirs = said(rf"bei sigma {sigma} edge {corrected} .*\(x=500,y=250\) #")
    middle = [500 - 500 / PIXELS], [250 - 250 / PIXELS]
    found = kernel_density(*trees, *middle, sigma, window=WINDOW, edge=edge)
    assert per_m2(found) == pytest.approx(theirs, rel=within)


def test_adaptive(trees, said):
    x, y = trees
    theirs = said("bw.abram summary # # # # # #")
    own = abramson_bandwidths(x, y, 50, window=WINDOW, edge="uniform")
    quartiles = np.percentile(own, [0, 25, 50, 75, 100])
    summary = [*quartiles[:3], own.mean(), *quartiles[3:]]
    assert summary == pytest.approx(theirs, rel=0.012)
    integral, peak = said("Abramson h0=50: integral #  max #")
    found = kernel_density(x, y, *pixels(), own)
    assert found.sum() * PIXEL_KM2 == pytest.approx(integral, rel=5e-4)
    assert per_m2(found.max()) == pytest.approx(peak, rel=0.01)


def test_scott(trees, burglaries, said):
    for points, pattern in ((trees, "bw.scott # #  bw.CvL"), (burglaries, "cinci .*bw.scott # #")):
        east, north = said(pattern)
        assert select_bandwidth(*points, "scott") == pytest.approx(np.sqrt(east * north), rel=1e-6)


def candidates(x, y, half_diagonal):
    points = np.column_stack([x, y])
    nearest = cKDTree(points).query(points, k=2)[0][:, 1]
    return np.geomspace(nearest[nearest > 0].min(), half_diagonal, 16)


def test_likelihood_cross_validation(trees, said):
    (theirs,) = said("bw.ppl #  bw.scott 76")
    x, y = trees
    offered = candidates(x, y, np.hypot(1000, 500) / 2)
    assert select_bandwidth(x, y, "cv", window=WINDOW, candidates_m=offered) == pytest.approx(
        theirs, rel=1e-6
    )
    # ours, unasked, lies between the neighbours of theirs and is at least as likely
    ours = select_bandwidth(x, y, "cv", window=WINDOW)
    assert offered[7] < ours < offered[9]

    def likelihood(sigma):
        return np.log(leave_one_out_density(x, y, sigma, window=WINDOW, edge="uniform")).sum()

    assert likelihood(ours) >= likelihood(theirs)


def test_likelihood_cross_validation_of_another_town(burglaries, said):
    """The window of the reference is not kept beside it: from the points' own bounds the candidates lie 4e-5 off."""
    (theirs,) = said("cinci .*bw.ppl #")
    x, y = burglaries
    offered = candidates(x, y, np.hypot(np.ptp(x), np.ptp(y)) / 2)[6:11]  # the others only cost time
    assert select_bandwidth(x, y, "cv", candidates_m=offered) == pytest.approx(theirs, rel=1e-4)
