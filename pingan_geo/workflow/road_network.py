"""The town's roads as a network: read once, drawn on, and what must be said of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike

from pingan_geo.errors import NoRoadsError, NoRoadsForModeError
from pingan_geo.i18n import Translator, mark
from pingan_geo.model.patrol import MODES
from pingan_geo.spatial.road_graph import RoadPart
from pingan_geo.spatial.road_lines import RoadLines
from pingan_geo.spatial.road_profiles import TAGS
from pingan_geo.spatial.roads import SNAP_LIMIT_M, RoadNetwork, Travel, straight_travel
from pingan_geo.workflow.notes import Note
from pingan_geo.workflow.towns import Town

#: An extract of OpenStreetMap that stands in the town's folder under this name is taken before the roads layer.
OSM_FILE: Final = "roads.osm.pbf"
#: Endings of such extracts.
OSM_ENDINGS: Final = (".osm.pbf", ".pbf", ".osm", ".osm.gz", ".osm.bz2")
#: Parts shorter than this are not worth a word on a plan, metres.
WORTH_SAYING_M: Final = 100.0
_NAMED: Final = 3  # parts that a sentence names
#: Of a stored layer, how the map draws classes that it has no style for.
_DRAWN_AS: Final = dict.fromkeys(("steps", "pedestrian", "bridleway", "corridor"), "path")

_Stamp = tuple[int, int]
#: File to what it was when it was read, and its network: a town's roads change once a year.
_kept: dict[Path, tuple[_Stamp, RoadNetwork]] = {}
_MOST_KEPT: Final = 4


def town_roads(town: Town) -> RoadNetwork | None:
    """Return the town's road network.

    Parameters
    ----------
    town
        The town. ``roads.osm.pbf`` in its folder comes first, then its roads layer.

    Returns
    -------
    RoadNetwork or None
        ``None`` when the town has no roads. It is kept in the process until the file changes.

    Raises
    ------
    PinganError
        If the file cannot be used, as :func:`pingan_geo.spatial.road_osm.read_osm` and
        :func:`pingan_geo.intake.layers.read_layer` say.
    """
    extract, layer = town.folder / OSM_FILE, town.settings.layer_path("roads")
    file = extract if extract.is_file() else layer
    if not file.is_file():
        return None
    about = file.stat()
    stamp = (about.st_mtime_ns, about.st_size)
    known = _kept.get(file)
    if known is not None and known[0] == stamp:
        return known[1]
    if file == extract:
        network: RoadNetwork | None = RoadNetwork.of_osm(file, town.area)
    else:
        network = _network_of(town.layer("roads"))
    if network is None:
        return None
    while len(_kept) >= _MOST_KEPT:
        _kept.pop(next(iter(_kept)), None)
    _kept[file] = (stamp, network)
    return network


def _network_of(layer: Any) -> RoadNetwork | None:
    """Return the network of a layer, ``None`` when it has no line with a length."""
    try:
        return RoadNetwork.of_layer(layer)
    except NoRoadsError:
        return None


def town_travel(
    town: Town, lons: ArrayLike, lats: ArrayLike, mode: str, *, limit_m: float = SNAP_LIMIT_M
) -> Travel:
    """Return the ways between places of the town, along its roads where it has any.

    Parameters
    ----------
    town
        The town.
    lons, lats
        WGS-84 degrees, (n,).
    mode
        ``walk``, ``ebike`` or ``car``.
    limit_m
        A place farther than this from every road is not reachable.

    Returns
    -------
    Travel
        Straight lines times a factor (``basis`` says so) when the town has no roads, or none that is open to
        the mode.

    Raises
    ------
    BadChoiceError
        If there is no such mode.
    PinganError
        As :func:`town_roads`.
    """
    network = town_roads(town)
    if network is not None:
        try:
            return network.matrix(lons, lats, mode, limit_m=limit_m)
        except NoRoadsForModeError:
            pass
    return straight_travel(lons, lats, mode)


# -- what must be said -------------------------------------------------------------------------------


def say_parts(network: RoadNetwork, mode: str, t: Translator) -> str:
    """Return which roads are cut off from the rest, for the notes of a plan; ``""`` when none is.

    Parameters
    ----------
    network
        The roads.
    mode
        ``walk``, ``ebike`` or ``car``.
    t
        Translator of the visitor.

    Returns
    -------
    str
        Number and length of the parts, and where the longest are. Parts under 100 m are not counted.
    """
    note = _note_of_parts(network, mode)
    return t(note[0], **note[1]) if note else ""


def say_travel(travel: Travel, t: Translator) -> str:
    """Return what must be said of the ways of a plan: straight lines, places off all roads; ``""`` when nothing."""
    said = []
    if travel.basis == "straight":
        said.append(
            t(
                "No roads are known: ways are straight lines times {factor}.",
                factor=round(travel.factor, 2),
            )
        )
    lost = int((~travel.reachable).sum())
    if lost:
        said.append(
            t("{mode}: {count} places are too far from any road.", count=lost, mode=MODES[travel.mode])
        )
    return " ".join(said)


def describe_roads(layer: Any) -> Iterator[Note]:
    """Say in a receipt how long the roads of a layer are for each mode, and what is not joined to the rest."""
    network = _network_of(layer)
    if network is None:
        return
    for mode in network.profiles:
        try:
            metres = network.metres_of(mode)
        except NoRoadsForModeError:
            yield ("{mode}: no road is open.", {"mode": MODES[mode]})
            continue
        yield (
            "{mode}: {km} km of roads on which every place is reached from every other.",
            {"mode": MODES[mode], "km": round(metres / 1000.0, 1)},
        )
        if note := _note_of_parts(network, mode):
            yield note


def _note_of_parts(network: RoadNetwork, mode: str) -> Note | None:
    parts = [part for part in network.parts(mode) if part.metres >= WORTH_SAYING_M]
    if not parts:
        return None
    return (
        mark(
            "{mode}: {count} parts with {km} km of roads are not joined to the rest, and nobody is sent there: {where}."
        ),
        {
            "mode": MODES[mode],
            "count": len(parts),
            "km": round(sum(part.metres for part in parts) / 1000.0, 1),
            "where": [_where(part) for part in parts[:_NAMED]] + (["…"] if len(parts) > _NAMED else []),
        },
    )


def _where(part: RoadPart) -> str:
    return f"{part.name} ({part.lon:.4f}, {part.lat:.4f})".strip()


# -- an extract as a layer ---------------------------------------------------------------------------


def is_extract(file: Path) -> bool:
    """Return whether a file's name is that of an extract of OpenStreetMap."""
    return file.name.lower().endswith(OSM_ENDINGS)


def read_extract(file: Path, area: Any) -> tuple[Any, list[Note]]:
    """Read the roads of an extract of OpenStreetMap in and around a town.

    Parameters
    ----------
    file
        PBF or XML.
    area
        The town's, WGS-84.

    Returns
    -------
    layer, notes
        As :func:`layer_of_roads` gives it, and what a receipt has to say.

    Raises
    ------
    PinganError
        As :func:`pingan_geo.spatial.road_osm.read_osm` says.
    """
    from pingan_geo.spatial.road_osm import AROUND_M, read_osm

    roads = read_osm(file, area)
    notes: list[Note] = [
        (
            "Read as an extract of OpenStreetMap. Its terms (ODbL) ask that maps and lists made with it name the OpenStreetMap contributors.",
            {},
        ),
        ("Kept are roads within {km} km of the town.", {"km": AROUND_M / 1000.0}),
    ]
    if roads.cut:
        notes.append(
            ("{count} roads have points that are not in the file, and were cut there.", {"count": roads.cut})
        )
    return layer_of_roads(roads), notes


def layer_of_roads(roads: RoadLines) -> Any:
    """Return roads of OpenStreetMap as a roads layer of a town.

    Parameters
    ----------
    roads
        Of :func:`pingan_geo.spatial.road_osm.read_osm`.

    Returns
    -------
    GeoDataFrame
        ``code`` (number of the way), ``name, parent, kind`` (class of road, for the map), ``osm_id``, ``layer``
        (level) and every tag of the profiles that any road has. A network made of it is the same as one made
        of the roads themselves.
    """
    lonlat = np.column_stack((roads.lon[roads.nodes], roads.lat[roads.nodes]))
    line_of = np.repeat(np.arange(roads.count), np.diff(roads.starts))
    shapes = shapely.linestrings(lonlat, indices=line_of)
    used = [roads.tags[number] for number in roads.tags_of]
    classes = [tags.get("highway", "") for tags in used]
    columns: dict[str, Any] = {
        "code": roads.codes,
        "name": roads.names,
        "parent": "",
        "kind": [_DRAWN_AS.get(kind, kind) for kind in classes],
        "osm_id": roads.codes,
        "layer": roads.levels,
    }
    for key in TAGS:
        if any(key in tags for tags in roads.tags):
            columns[key] = [tags.get(key, "") for tags in used]
    table = pd.DataFrame(columns)
    for column in table.columns.drop("layer"):
        table[column] = table[column].astype("str")
    return gpd.GeoDataFrame(table, geometry=shapes, crs=4326)
