"""A point → words that people on the spot know: 北街老供销社旁, 新塍大道与洛东路交叉口东侧约40米."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import UnalignedIndexError
from pingan_geo.geocoding.gazetteer import Gazetteer
from pingan_geo.model.tables import TableSpec

#: Farther than this nothing describes a place, metres.
REACH_M = 300.0
#: Nearer than this a thing is 旁 or 附近; farther, side and distance are said, metres.
BESIDE_M = 30.0
#: A named place within this is said before a nearer house number or crossing, metres.
KNOWN_BY_ALL_M = 50.0

#: The words for each point in the order of the points.
DESCRIBED = TableSpec(
    "described places",
    {
        "name": "str",  # of the entry, "" when nothing is in reach
        "relation": "str",  # "" none | beside | near (a house number) | side
        "side": "str",  # of relation side: E NE N NW W SW S SE, as seen from the entry
        "distance_m": "float64",  # from the entry; NaN when nothing is in reach
    },
)

_SIDES = np.array(["E", "NE", "N", "NW", "W", "SW", "S", "SE"])
_IN_CHINESE = {
    "E": "东",
    "NE": "东北",
    "N": "北",
    "NW": "西北",
    "W": "西",
    "SW": "西南",
    "S": "南",
    "SE": "东南",
}
#: What everybody knows first; a road or a village says too little of a point.
_FIRST = ("place", "building", "estate")
_SECOND = ("door", "crossing")


def nearest_described(lon: ArrayLike, lat: ArrayLike, gazetteer: Gazetteer) -> Any:
    """Return what each point lies beside.

    A named place, estate or building within 50 m, else the nearest of these, a house number or a crossing
    within 300 m.

    Parameters
    ----------
    lon, lat
        WGS-84 degrees; a point without coordinates lies beside nothing.
    gazetteer
        The town's names; aliases are somebody's wording and are not used.

    Returns
    -------
    pandas.DataFrame
        DESCRIBED, one row per point in their order, indexed from 0.

    Raises
    ------
    UnalignedIndexError
        If there are not as many longitudes as latitudes.
    """
    points_lon = np.ravel(np.asarray(lon, dtype=np.float64))
    points_lat = np.ravel(np.asarray(lat, dtype=np.float64))
    if points_lon.size != points_lat.size:
        raise UnalignedIndexError(left="longitudes", right="latitudes")
    points = np.column_stack(gazetteer.plane.forward(points_lon, points_lat))
    names, levels, x, y = _places(gazetteer)
    nearest, distance = _nearest(points, x, y, np.isin(levels, _FIRST), KNOWN_BY_ALL_M)
    other, farther = _nearest(points, x, y, np.isin(levels, (*_FIRST, *_SECOND)), REACH_M)
    place, distance = np.where(nearest >= 0, nearest, other), np.where(nearest >= 0, distance, farther)
    found = place >= 0
    angle = np.nan_to_num(np.arctan2(points[:, 1] - y[place], points[:, 0] - x[place]))
    octant = np.where(found, np.round(angle / (np.pi / 4)), 0).astype(np.int64) % 8
    is_near = distance <= BESIDE_M
    is_door = levels[place] == "door"
    relation = np.where(is_near & is_door, "near", np.where(is_near, "beside", "side")).astype(object)
    return pd.DataFrame(
        {
            "name": pd.array(names[place], dtype="str"),
            "relation": pd.array(np.where(found, relation, ""), dtype="str"),
            "side": pd.array(np.where(found & ~is_near, _SIDES[octant], ""), dtype="str"),
            "distance_m": np.where(found, distance, np.nan),
        }
    )


def describe_places(lon: ArrayLike, lat: ArrayLike, gazetteer: Gazetteer) -> list[str]:
    """Return words for each point as the gazetteer's own language says them, ``""`` where nothing is in reach.

    See :func:`nearest_described`, which gives the parts for other wordings and says what is raised.
    Distances are rounded to 10 m.
    """
    table = nearest_described(lon, lat, gazetteer)
    said = []
    for name, relation, side, metres in table.itertuples(index=False, name=None):
        if relation == "side":
            said.append(f"{name}{_IN_CHINESE[side]}侧约{round(metres, -1):.0f}米")
        else:
            said.append(name + {"beside": "旁", "near": "附近"}.get(relation, ""))
    return said


def _places(
    gazetteer: Gazetteer,
) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.float64], NDArray[np.float64]]:
    """Return names, levels and metres of what a point may lie beside; the last is nothing, nowhere."""
    own = [index for index, source in enumerate(gazetteer.sources) if source != "alias"]
    names = [gazetteer.names[index] for index in own]
    levels = [gazetteer.levels[index] for index in own]
    crossings = gazetteer.all_crossings
    return (
        np.array([*names, *(name for name, _, _ in crossings), ""], dtype=object),
        np.array([*levels, *("crossing" for _ in crossings), ""], dtype=object),
        np.array([*gazetteer.x[own], *(x for _, x, _ in crossings), np.nan]),
        np.array([*gazetteer.y[own], *(y for _, _, y in crossings), np.nan]),
    )


def _nearest(
    points: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    usable: NDArray[np.bool_],
    reach_m: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest usable place within reach, -1 where there is none, and its distance."""
    from scipy.spatial import cKDTree

    place = np.full(len(points), -1, dtype=np.int64)
    distance = np.full(len(points), np.nan)
    there = np.flatnonzero(usable)
    asked = np.flatnonzero(np.isfinite(points).all(axis=1))
    if not len(there) or not len(asked):
        return place, distance
    tree = cKDTree(np.column_stack((x[there], y[there])))
    metres, which = tree.query(points[asked], distance_upper_bound=reach_m)
    hit = np.isfinite(metres)
    place[asked[hit]] = there[which[hit]]
    distance[asked[hit]] = metres[hit]
    return place, distance
