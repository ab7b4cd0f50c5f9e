"""How stable a list of hot cells is: which of them would be listed if chance or the grid had fallen otherwise.

Where the borders of cells lie is arbitrary, and so is which of the incidents came to be reported. A cell that
leads the list only because a border happened to gather its reports will not do so on a grid moved by half a
cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from pingan_geo.coords import LocalMetres, local_metres
from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.spatial.cells import areas_m2, cells_of, centres, disk, resolutions

Floats = NDArray[np.float64]
Cells = NDArray[np.uint64]

SHIFTS: Final = 30
BOOTSTRAPS: Final = 30
#: Area of a regular hexagon to its edge.
_EDGE: Final = np.sqrt(2.0 / (3.0 * np.sqrt(3.0)))
#: Cells of one resolution differ a little in shape and size.
_SLACK: Final = 1.05


def stability(
    lon: ArrayLike,
    lat: ArrayLike,
    cells: ArrayLike,
    resolution: int,
    *,
    listed: ArrayLike,
    shifts: int = SHIFTS,
    bootstraps: int = BOOTSTRAPS,
    other_resolutions: Sequence[int] = (),
    rng: np.random.Generator,
) -> Floats:
    """Return for each listed cell the share of recounts in which it is listed again.

    Reports are counted anew in up to three ways: in cells of other sizes; in cells whose origin is shifted
    (all reports are moved by one random step, anywhere within a cell, and counted again); and as a sample of
    the same size drawn from the reports with replacement (bootstrap). Each recount makes a list of its own:
    the cells with most reports, as many as cover the same area as the listed ones (at least one). **A listed
    cell survives a recount when its centre lies in a cell of the new list or beside its border**: within one
    edge of a hexagon (its own, or that of the new cell if longer) of the new cell's centre, measured back on
    unshifted ground. Where more cells tie for the last places of the new list than there are places, a
    survival by one of them counts by the share of the tied cells that find a place.

    Parameters
    ----------
    lon, lat
        Of the reports that were counted, WGS-84 degrees; missing ones are left out.
    cells
        ``uint64``, all cells of the area at ``resolution``. Reports outside them are not counted; shifted
        cells and cells of other sizes are counted when they hold a report of the area.
    resolution
        Of ``cells``, H3.
    listed
        The cells of the list, ``uint64``, each once and all among ``cells``. They may come from any test; the
        recounts rank by number of reports.
    shifts, bootstraps
        Number of recounts of each kind; 0 leaves the kind out.
    other_resolutions
        Cell sizes to count with, e.g. ``(8, 10)``; empty leaves the kind out.
    rng
        The same generator and input give the same result.

    Returns
    -------
    numpy.ndarray
        0 to 1, in the order of ``listed``: the mean of the shares of survivals of the kinds used, so that
        many shifts do not drown two cell sizes. NaN for all when there is no report to count. It says how
        much the place on the list depends on arbitrary choices and on chance. It is **not** the probability
        that the place is dangerous or that it will stay hot, and says nothing of effort: a place that is
        looked at much is listed again and again.

    Raises
    ------
    BadChoiceError
        If nothing is to be recounted, a number is negative, a cell has another resolution, a listed cell is
        twice in the list or not among ``cells``, or there is no such resolution.
    UnalignedIndexError
        If longitudes and latitudes differ in number.
    """
    area, chosen = (
        np.unique(np.asarray(cells, dtype=np.uint64)),
        np.ravel(np.asarray(listed, dtype=np.uint64)),
    )
    x, y = np.ravel(np.asarray(lon, dtype=np.float64)), np.ravel(np.asarray(lat, dtype=np.float64))
    if x.size != y.size:
        raise UnalignedIndexError(left="lon", right="lat")
    _check(area, chosen, resolution, shifts, bootstraps, other_resolutions)
    if not chosen.size:
        return np.zeros(0)
    at = cells_of(x, y, resolution)
    inside = np.isin(at, area)
    x, y, at = x[inside], y[inside], at[inside]
    if not x.size:
        return np.full(chosen.size, np.nan)

    plane = local_metres(float(np.median(x)), float(np.median(y)))
    homes = np.column_stack(plane.forward(*centres(chosen)))
    edge_m = float(np.sqrt(np.nanmedian(areas_m2(chosen)))) * float(_EDGE)
    kinds = []
    if other_resolutions:
        still = np.zeros(homes.shape[0])
        for other in other_resolutions:
            found, counts = np.unique(cells_of(x, y, other), return_counts=True)
            other_edge_m = float(np.sqrt(np.nanmedian(areas_m2(found)))) * float(_EDGE)
            places = max(1, round(chosen.size * (edge_m / other_edge_m) ** 2))
            new = np.column_stack(plane.forward(*centres(found)))
            still += _survive(homes, new, _in_list(counts, places), max(edge_m, other_edge_m))
        kinds.append(still / len(other_resolutions))
    if shifts:
        steps = rng.uniform(size=(shifts, 2)) @ _lattice(chosen[0])
        kinds.append(_after_shifts(x, y, plane, chosen, homes, edge_m, steps))
    if bootstraps:
        found, counts = np.unique(at, return_counts=True)
        # drawing reports with replacement is drawing their cells
        drawn = rng.multinomial(x.size, counts / x.size, size=bootstraps)
        place = np.minimum(np.searchsorted(found, chosen), found.size - 1)
        present = found[place] == chosen
        again = np.array([_in_list(each, chosen.size)[place] for each in drawn])
        kinds.append(np.where(present, again.mean(axis=0), 0.0))
    share: Floats = np.mean(kinds, axis=0)
    return share


def _check(
    area: Cells,
    chosen: Cells,
    resolution: int,
    shifts: int,
    bootstraps: int,
    other_resolutions: Sequence[int],
) -> None:
    for name, number in (("shifts", shifts), ("bootstraps", bootstraps)):
        if number < 0:
            raise BadChoiceError(name=name, value=number, expected="0 or more")
    if not shifts and not bootstraps and not other_resolutions:
        raise BadChoiceError(name="shifts", value=0, expected="above 0, or another kind of recount asked for")
    wrong = [int(each) for each in np.unique(resolutions(area)) if each != resolution]
    if wrong:
        raise BadChoiceError(
            name="cells", value=f"of resolution {wrong}", expected=f"of resolution {resolution}"
        )
    if np.unique(chosen).size != chosen.size or not np.isin(chosen, area).all():
        raise BadChoiceError(
            name="listed", value="repeated or unknown", expected="cells of the area, each once"
        )


def _after_shifts(
    x: Floats,
    y: Floats,
    plane: LocalMetres,
    chosen: Cells,
    homes: Floats,
    reach_m: float,
    steps: Floats,
) -> Floats:
    """Return the share of shifted grids on which each cell is listed again; steps in degrees."""
    moved_x = (x[None, :] + steps[:, :1]).ravel()
    moved_y = (y[None, :] + steps[:, 1:]).ravel()
    placed = cells_of(moved_x, moved_y, int(resolutions(chosen[0]))).reshape(len(steps), x.size)
    still = np.zeros(chosen.size)
    for cells, step in zip(placed, steps, strict=True):
        found, counts = np.unique(cells, return_counts=True)
        chance = _in_list(counts, chosen.size)
        kept = chance > 0
        lon, lat = centres(found[kept])
        new = np.column_stack(plane.forward(lon - step[0], lat - step[1]))
        still += _survive(homes, new, chance[kept], reach_m)
    return still / len(steps)


def _lattice(cell: np.uint64) -> Floats:
    """Return two steps, in degrees, from a cell to neighbours 60° apart: a grid moved by both is itself again.

    So any part of the one and any part of the other, drawn evenly, is as likely a position of the grid as
    any other.
    """
    around = disk(cell, 1)
    steps = np.column_stack(centres(around[around != cell])) - np.column_stack(centres(np.array([cell])))
    order = np.argsort(np.arctan2(steps[:, 1], steps[:, 0]))
    return np.asarray(steps[order[:2]], dtype=np.float64)


def _in_list(counts: NDArray[np.int64], places: int) -> Floats:
    """Return the chance of each cell to be among the ``places`` with most reports; 0 without reports."""
    places = min(places, int((counts > 0).sum()))
    if not places:
        return np.zeros(counts.size)
    limit = np.partition(counts, counts.size - places)[counts.size - places]
    above, tied = counts > limit, counts == limit
    chance: Floats = above + tied * ((places - int(above.sum())) / int(tied.sum()))
    return chance


def _survive(homes: Floats, new: Floats, chance: Floats, reach_m: float) -> Floats:
    """Return for each home the highest chance of a new cell within reach to be in its list."""
    best = np.zeros(homes.shape[0])
    kept = chance > 0
    pairs = cKDTree(homes).sparse_distance_matrix(cKDTree(new[kept]), reach_m * _SLACK, output_type="ndarray")
    np.maximum.at(best, pairs["i"], chance[kept][pairs["j"]])
    return best
