"""The demo town's ground: polygons, roads, waters and places, all synthetic.

One call of :func:`build_geography` makes everything that lies still. Layers come as GeoDataFrames in
WGS-84 degrees, rounded to 7 decimals (about a centimetre); a border that two polygons share has the same
vertices on both sides and in every layer, so villages, grids and beats tile the town exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from pingan_geo.coords import LocalMetres, local_metres
from pingan_geo.demo import names
from pingan_geo.demo.lines import Line, draw_outline, draw_roads, draw_village_roads, draw_waters
from pingan_geo.demo.mesh import Floats, Ints, Mesh, border_edges, relax_borders, rings_of, sums, weave_mesh
from pingan_geo.demo.settlements import (
    Estate,
    Hamlets,
    Place,
    Shops,
    build_estates,
    build_hamlets,
    build_places,
    build_plants,
    build_shops,
)
from pingan_geo.demo.territories import (
    BEATS_KM,
    estate_of_cells,
    nearest_cells,
    share_out_beats,
    share_out_grids,
    share_out_villages,
)

#: Decimals of a degree that layers are written with.
DECIMALS = 7
#: Mesh cells that a hamlet's houses are spread over.
HAMLET_CELLS = 7


@dataclass(frozen=True)
class Ground:
    """The same ground in metres from the seat of the town, for what happens on it.

    Parameters
    ----------
    plane
        Turns metres into WGS-84 degrees.
    area
        Of the town, metres; its border is that of the layer to a centimetre.
    hearts
        (28, 2) of the villages.
    roads, waters, estates, hamlets, shops, plants, places
        What lies on it.
    """

    plane: LocalMetres
    area: shapely.Polygon
    hearts: Floats
    roads: Sequence[Line]
    waters: Sequence[Line]
    estates: Sequence[Estate]
    hamlets: Hamlets
    shops: Shops
    plants: Floats
    places: Sequence[Place]

    def degrees(self, xy: Floats) -> tuple[Floats, Floats]:
        """Return WGS-84 longitude and latitude of metres, rounded as layers are."""
        lon, lat = self.plane.inverse(xy[:, 0], xy[:, 1])
        return np.round(lon, DECIMALS), np.round(lat, DECIMALS)


@dataclass(frozen=True)
class Geography:
    """The layers of the demo town (WGS-84 degrees) and the ground beneath them (metres).

    Parameters
    ----------
    layers
        ``area``, ``villages``, ``grids``, ``beats``, ``estates``, ``roads``, ``waters``: GeoDataFrames with
        the columns of :data:`pingan_geo.model.tables.POLYGONS`, more columns, and the geometry.
    ground
        See :class:`Ground`.
    """

    layers: dict[str, Any]
    ground: Ground


def build_geography(rng: np.random.Generator) -> Geography:
    """Return the ground and the layers of the demo town.

    Parameters
    ----------
    rng
        Moves everything a little; names, codes and known facts stay.

    Raises
    ------
    ValueError
        If the layout does not fit together; none of the seeds tried does that.
    """
    line_rng, mesh_rng, village_rng, settle_rng, grid_rng, beat_rng = rng.spawn(6)
    outline = draw_outline(line_rng)
    waters, roads = draw_waters(outline, line_rng), draw_roads(line_rng)
    woven = [water.line for water in waters[1:]] + [
        road.line for road in roads if road.kind in ("motorway", "main")
    ]
    mesh = weave_mesh(outline, woven, mesh_rng)
    villages, heart_cells = share_out_villages(mesh, waters, roads, village_rng)
    hearts = mesh.points[heart_cells]
    village_rings = rings_of(mesh, villages, len(names.VILLAGES))
    rough = [shapely.Polygon(mesh.vertices[ring]) for ring in village_rings]
    roads = roads + draw_village_roads(hearts, [village.name for village in names.VILLAGES], roads, line_rng)
    estates = build_estates(rough, hearts, roads, waters, settle_rng)
    hamlets = build_hamlets(rough, estates, roads, waters, settle_rng)
    estate_cells = estate_of_cells(mesh, [estate.shape for estate in estates])
    households = _households_of_cells(mesh, estates, hamlets)
    grids, village_of_grid = share_out_grids(mesh, villages, households, estate_cells, waters, grid_rng)
    beats = share_out_beats(mesh, roads, beat_rng)

    drawn = border_edges(mesh, grids) | border_edges(mesh, beats)
    vertices = relax_borders(mesh, drawn)
    town_ring = rings_of(mesh, np.zeros(mesh.inside, dtype=np.int64), 1)[0]
    relaxed = shapely.Polygon(vertices[town_ring])
    vertices = vertices * np.sqrt(names.AREA_KM2 * 1e6 / relaxed.area)
    area = shapely.Polygon(vertices[town_ring])

    shops = build_shops(area, roads, settle_rng)
    plants = build_plants(area, hearts, estates, waters, settle_rng)
    places = build_places(area, hearts, roads, waters, shops, settle_rng)
    plane = local_metres(names.SEAT_LON, names.SEAT_LAT)
    ground = Ground(plane, area, hearts, roads, waters, estates, hamlets, shops, plants, places)

    corners = np.column_stack(ground.degrees(vertices))
    grid_households = sums(grids, households, len(village_of_grid))
    layers = {
        "area": _layer(
            [names.TOWN_CODE], [names.TOWN_NAME], [names.TOWN_CODE[:6]], _polygons(corners, [town_ring])
        ),
        "villages": _village_layer(_polygons(corners, village_rings)),
        "grids": _grid_layer(
            _polygons(corners, rings_of(mesh, grids, len(village_of_grid))),
            village_of_grid,
            grid_households,
        ),
        "beats": _layer(
            [f"{names.TOWN_CODE}J{number:02d}" for number in range(1, len(BEATS_KM) + 1)],
            [name for name, _, _ in BEATS_KM],
            [names.TOWN_CODE] * len(BEATS_KM),
            _polygons(corners, rings_of(mesh, beats, len(BEATS_KM))),
        ),
        "estates": _estate_layer(ground),
        "roads": _line_layer("R", roads, ground),
        "waters": _line_layer("W", waters, ground),
    }
    return Geography(layers, ground)


def _households_of_cells(mesh: Mesh, estates: Sequence[Estate], hamlets: Hamlets) -> Floats:
    """Return about how many households live in each inner cell."""
    households = np.zeros(mesh.inside)
    for estate in estates:
        points = mesh.points[: mesh.inside]
        cells = np.flatnonzero(shapely.contains_xy(estate.shape.buffer(40), points[:, 0], points[:, 1]))
        if not len(cells):
            cells = nearest_cells(mesh, np.array(estate.shape.centroid.coords))
        households[cells] += estate.households / len(cells)
    around = cKDTree(mesh.points[: mesh.inside]).query(hamlets.xy, k=HAMLET_CELLS)[1]
    np.add.at(households, around, hamlets.households[:, None] / HAMLET_CELLS)
    return households


def _polygons(corners: Floats, rings: Sequence[Ints]) -> list[shapely.Polygon]:
    return [shapely.Polygon(corners[ring]) for ring in rings]


def _layer(
    codes: Sequence[str], titles: Sequence[str], parents: Sequence[str], shapes: Sequence[Any], **more: Any
) -> Any:
    columns = {
        "code": pd.Series(codes, dtype="str"),
        "name": pd.Series(titles, dtype="str"),
        "parent": pd.Series(parents, dtype="str"),
        **{name: pd.Series(values) for name, values in more.items()},
        # A file that leaves the folder must still say what it is.
        "synthetic": True,
    }
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs="EPSG:4326")


def _village_layer(shapes: Sequence[shapely.Polygon]) -> Any:
    villages = names.VILLAGES
    return _layer(
        [village.code for village in villages],
        [village.name for village in villages],
        [names.TOWN_CODE] * len(villages),
        shapes,
        kind=[village.kind for village in villages],
        households=[village.households for village in villages],
    )


def _grid_layer(shapes: Sequence[shapely.Polygon], village_of_grid: Ints, households: Floats) -> Any:
    codes, titles, parents = [], [], []
    number, last = 0, -1
    for village_number in village_of_grid.tolist():
        number = number + 1 if village_number == last else 1
        last = village_number
        village = names.VILLAGES[village_number]
        # 6 district + 3 town + 3 village + 3 sequence
        codes.append(f"{village.code}{number:03d}")
        titles.append(f"{village.name}第{names.ORDINALS[number - 1]}网格")
        parents.append(village.code)
    return _layer(
        codes, titles, parents, shapes, households=np.maximum(np.round(households), 1).astype(np.int64)
    )


def _estate_layer(ground: Ground) -> Any:
    estates = ground.estates
    shapes = []
    for estate in estates:
        corners = np.column_stack(ground.degrees(shapely.get_coordinates(estate.shape)[:-1]))
        shapes.append(shapely.Polygon(corners))
    return _layer(
        [f"E{number:02d}" for number in range(1, len(estates) + 1)],
        [estate.name for estate in estates],
        [names.VILLAGES[estate.village].code for estate in estates],
        shapes,
        households=[estate.households for estate in estates],
    )


def _line_layer(letter: str, lines: Sequence[Line], ground: Ground) -> Any:
    """Return lines cut at the town's border (a river on the border stays), one row per connected stretch."""
    reach = ground.area.buffer(30)
    titles, kinds, widths, shapes = [], [], [], []
    for line in lines:
        for part in shapely.get_parts(line.line.intersection(reach)):
            if part.length < 60:
                continue
            lon, lat = ground.degrees(shapely.get_coordinates(part))
            titles.append(line.name)
            kinds.append(line.kind)
            widths.append(line.width_m)
            shapes.append(shapely.LineString(np.column_stack([lon, lat])))
    codes = [f"{letter}{number:03d}" for number in range(1, len(shapes) + 1)]
    return _layer(codes, titles, [names.TOWN_CODE] * len(shapes), shapes, kind=kinds, width_m=widths)
