"""What reports are set against when a list asks "more than its share": all reports, homes, or points of a kind.

A share of all reports, or a rate per home, is as good as what it is set against: a street without homes has
none to be set against, and where little else is reported one kind of report is soon a large share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pingan_geo.errors import NoExposureError
from pingan_geo.i18n import Translator, mark
from pingan_geo.intake.layers import households_of
from pingan_geo.model.report import ReportFilter
from pingan_geo.spatial.cells import cells_covering, cells_of, centres, parents
from pingan_geo.spatial.grids import PolygonIndex
from pingan_geo.stats.filters import select
from pingan_geo.storage.records import read_features
from pingan_geo.workflow.towns import Town

Floats = NDArray[np.float64]

#: What there may be to set reports against: code to msgid.
EXPOSURES: Mapping[str, str] = {
    "all": mark("all reports"),
    "households": mark("households"),
    "enterprises": mark("enterprises"),
}
#: Layers that may tell households, the first that does is taken: grids cover the whole town.
_HOUSED: Final = ("grids", "villages", "beats", "estates")


@dataclass(frozen=True, eq=False)
class SetAgainst:
    """What reports are set against, as points with weights.

    Parameters
    ----------
    code
        Of :data:`EXPOSURES`.
    lon, lat, weight
        WGS-84 degrees, and how much of it is there.
    finest
        Cell of each point at the finest resolution.
    """

    code: str
    lon: Floats
    lat: Floats
    weight: Floats
    finest: NDArray[np.uint64]

    def name(self, t: Translator) -> str:
        """Return what it is called in a sentence."""
        return t(EXPOSURES[self.code])

    def by_cell(self, cells: NDArray[np.uint64], resolution: int) -> Floats:
        """Return how much of it is in each cell (ascending); what lies in none is left out."""
        own = parents(self.finest, resolution)
        near = np.minimum(np.searchsorted(cells, own), max(len(cells) - 1, 0))
        inside = cells[near] == own if len(cells) else np.zeros(len(own), dtype=bool)
        return np.bincount(near[inside], self.weight[inside], len(cells)).astype(np.float64)


def find_exposure(
    town: Town, against: str, asked: ReportFilter, reports: Any, shape: Any, fitting: int
) -> SetAgainst:
    """Return what reports are set against.

    Parameters
    ----------
    town
        The town.
    against
        ``all``: the reports of all categories that fit the question otherwise, those asked for among them;
        ``households``: of the first of the layers grids, villages, beats and estates that says them, spread
        evenly over each polygon; ``enterprises``: each counts as one.
    asked
        The question.
    reports
        REPORTS table of the town.
    shape
        The area asked for, WGS-84 degrees; homes and enterprises outside do not count.
    fitting
        How many reports fit the question.

    Raises
    ------
    NoExposureError
        If the town does not have it, or all reports are asked for and there is nothing to set them against.
    """
    if against not in EXPOSURES:
        raise NoExposureError(
            name=against,
            detail=mark("it must be all (reports), households or enterprises"),
        )
    if against == "all":
        wider = reports[select(reports, replace(asked, categories=(), boards=()), town.settings.board_of)]
        if len(wider) <= fitting:
            raise NoExposureError(
                name="all",
                detail=mark("they are all the reports there are. Choose a category"),
            )
        lon, lat = (wider[name].to_numpy(np.float64) for name in ("lon", "lat"))
        return SetAgainst("all", lon, lat, np.ones(len(wider)), wider["cell"].to_numpy(np.uint64))
    if against == "households":
        lon, lat, weight = _homes(town)
    else:
        with town.store.read() as connection:
            found = read_features(connection, against)
        lon, lat = (found[name].to_numpy(np.float64) for name in ("lon", "lat"))
        weight = np.ones(len(found))
    here = np.isfinite(lon) & np.isfinite(lat) & (weight > 0)
    here[here] = shapely.intersects_xy(shape, lon[here], lat[here])
    if not here.any():
        raise NoExposureError(
            name=against,
            detail=mark("no layer of the town has a column of households (户数)")
            if against == "households"
            else mark("the town has no layer of enterprises"),
        )
    lon, lat = lon[here], lat[here]
    return SetAgainst(against, lon, lat, weight[here], cells_of(lon, lat, town.settings.finest))


def _homes(town: Town) -> tuple[Floats, Floats, Floats]:
    """Return points with households: the finest cells of each polygon, which share its households evenly."""
    for name in _HOUSED:
        layer = town.layer(name)
        households = households_of(layer) if len(layer) else np.zeros(0)
        known = households > 0  # false for NaN
        if known.any():
            break
    else:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    layer, households = layer[known], households[known]
    lon, lat = centres(cells_covering(town.area, town.settings.finest))
    index = PolygonIndex(layer["code"].to_numpy(dtype=object), layer.geometry.to_numpy())
    place = index.positions(lon, lat)
    row_of = {code: row for row, code in enumerate(layer["code"])}
    rows = np.append(np.array([row_of[code] for code in index.codes], dtype=np.int64), -1)[place]
    lon, lat, rows = lon[rows >= 0], lat[rows >= 0], rows[rows >= 0]
    parts = np.bincount(rows, minlength=len(layer))
    weight = households[rows] / parts[rows]
    small = np.flatnonzero(parts == 0)  # too small for the centre of any cell
    middle = layer.geometry.representative_point().iloc[small]
    return (
        np.concatenate([lon, middle.x.to_numpy(np.float64)]),
        np.concatenate([lat, middle.y.to_numpy(np.float64)]),
        np.concatenate([weight, households[small]]),
    )
