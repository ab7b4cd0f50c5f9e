"""Where places lie in a town: inside it or not, in which cell, in which polygon of each layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.coords import parse_datum
from pingan_geo.intake.columns import ColumnMap
from pingan_geo.intake.raw import TableFile
from pingan_geo.spatial.cells import cells_of
from pingan_geo.spatial.grids import PolygonIndex

#: Column of reports → layer of polygons.
ZONES = {"grid_id": "grids", "village_id": "villages", "beat_id": "beats"}


def choose_datum(stated: str, table: TableFile, columns: ColumnMap, setting: str) -> tuple[str, str]:
    """Return the datum of a file's coordinates and how it is known.

    Parameters
    ----------
    stated
        By the person, as :func:`pingan_geo.coords.parse_datum` gives it, or ``""``. It wins, but that a layer
        in metres is not degrees of WGS-84 because somebody said so.
    table, columns
        The file and how its headings were understood.
    setting
        The town's datum.

    Returns
    -------
    tuple of str
        Datum, and ``stated``, ``crs``, ``column`` or ``setting``.
    """
    plain = stated in {"wgs84", "cgcs2000"}
    if stated and not (table.crs and plain):
        return stated, "stated"
    if table.crs:
        return parse_datum(table.crs), "crs"
    if table.kind == "photos":  # EXIF holds what the receiver of the satellites said
        return "wgs84", "crs"
    if columns.datum:
        return columns.datum, "column"
    return parse_datum(setting), "setting"


class Placer:
    """Places points in a town.

    Parameters
    ----------
    area
        The town's shape, WGS-84.
    finest
        H3 resolution that is stored.
    layers
        Layer name to its polygons (columns ``code`` and ``geometry``), for those of :data:`ZONES`.
    """

    def __init__(self, area: Any, finest: int, layers: dict[str, Any]) -> None:
        self._area = PolygonIndex(["town"], [area])
        self._finest = finest
        self._grid_codes = frozenset(layers["grids"]["code"])
        self._zones = {
            column: PolygonIndex(layers[layer]["code"], layers[layer].geometry.to_numpy())
            for column, layer in ZONES.items()
        }

    @property
    def grid_codes(self) -> frozenset[str]:
        """The codes of the town's grids."""
        return self._grid_codes

    @classmethod
    def of(cls, town: Any, **layers: Any) -> Placer:
        """Make the placer of a town; layers given by name stand in for those of the town."""
        chosen = {layer: layers[layer] if layer in layers else town.layer(layer) for layer in ZONES.values()}
        return cls(town.area, town.settings.finest, chosen)

    def inside(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which places lie inside the town or on its border."""
        return np.asarray(self._area.positions(lon, lat) >= 0)

    def cells(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.uint64]:
        """Return the cell of each place at the finest resolution."""
        return cells_of(lon, lat, self._finest)

    def zones(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> dict[str, Any]:
        """Return ``grid_id, village_id, beat_id``: codes of the polygons that hold each place, or ``""``."""
        return {
            column: pd.array(index.assign(lon, lat), dtype="str") for column, index in self._zones.items()
        }
