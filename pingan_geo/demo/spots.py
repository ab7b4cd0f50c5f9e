"""Spots: the points of the ground at which things happen, and how likely each kind of thing is at each.

The true risk of a category is defined on spots and summed to cells, so that what is written as the truth is
exactly what reports are drawn from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from pingan_geo.demo import names
from pingan_geo.demo.alliance import Alliance
from pingan_geo.demo.geography import Geography, Ground
from pingan_geo.demo.mesh import Floats, Ints, smooth_noise
from pingan_geo.demo.settlements import scatter_in
from pingan_geo.spatial import cells as h3_cells

#: H3 resolution of the truth.
TRUTH_RESOLUTION = 10

KINDS = ("estate", "old", "hamlet", "shop", "motorway", "main", "street", "lane", "plant", "public", "field")

#: Category to its true share of all incidents of a year, and to how its incidents split over kinds of spots.
#: Made up, within what the published figures allow.
CATEGORIES: Mapping[str, tuple[float, Mapping[str, float]]] = {
    "FW1": (0.112, {"shop": 0.58, "public": 0.07, "plant": 0.06, "old": 0.09, "hamlet": 0.20}),
    "FW2": (0.132, {"estate": 0.34, "old": 0.21, "hamlet": 0.45}),
    "FW3": (0.122, {"estate": 0.45, "old": 0.20, "hamlet": 0.28, "shop": 0.07}),
    "FW4": (0.034, {"estate": 0.35, "public": 0.20, "plant": 0.20, "shop": 0.10, "hamlet": 0.15}),
    "FR1": (0.016, {"hamlet": 0.36, "estate": 0.14, "old": 0.12, "shop": 0.10, "plant": 0.15, "field": 0.13}),
    "RD1": (0.150, {"main": 0.36, "street": 0.18, "lane": 0.40, "motorway": 0.06}),
    "RD2": (0.005, {"main": 0.40, "street": 0.30, "lane": 0.30}),
    "RD3": (0.034, {"street": 0.32, "lane": 0.38, "main": 0.20, "hamlet": 0.10}),
    "RD4": (0.028, {"street": 0.20, "lane": 0.34, "hamlet": 0.32, "shop": 0.07, "estate": 0.07}),
    "RD5": (0.034, {"street": 0.42, "main": 0.26, "estate": 0.12, "lane": 0.20}),
    "TH1": (0.022, {"shop": 0.33, "estate": 0.24, "public": 0.14, "old": 0.09, "hamlet": 0.20}),
    "TH2": (0.030, {"estate": 0.32, "old": 0.15, "shop": 0.17, "hamlet": 0.28, "plant": 0.08}),
    "TH3": (0.030, {"estate": 0.45, "public": 0.12, "shop": 0.18, "street": 0.12, "hamlet": 0.13}),
    "TH4": (0.009, {"estate": 0.28, "old": 0.14, "hamlet": 0.58}),
    "LF1": (0.075, {"public": 0.46, "shop": 0.34, "street": 0.14, "hamlet": 0.06}),
    "EN1": (0.085, {"plant": 1.0}),
    "EN2": (0.006, {"plant": 1.0}),
    "CF1": (0.076, {"estate": 0.26, "old": 0.17, "hamlet": 0.49, "shop": 0.05, "plant": 0.03}),
}
#: Of every category, the share that may happen anywhere: no cell is without risk.
ANYWHERE = 0.03
#: Streets and places where a family of categories gathers, and how much.
_KNOWN_HOT = {
    ("FW", "北街"): 2.2,
    ("FW", "南街"): 1.5,
    ("TH", "佳源路"): 1.6,
    ("RD", "工业大道"): 1.8,
    ("RD", "嘉桐公路"): 1.4,
}
_HOT_PLACES = {
    ("LF", "蓬莱公园"): 5.0,
    ("LF", "佳源广场"): 5.0,
    ("TH", "佳源广场"): 2.0,
    ("TH", "新塍菜市场"): 2.0,
    ("LF", "新塍菜市场"): 2.5,
}


@dataclass(frozen=True)
class Spots:
    """Points of the ground.

    Parameters
    ----------
    xy
        (n, 2) metres.
    kind
        Index into :data:`KINDS`.
    size
        Households, or 1.
    group
        Spots of one estate, one hamlet, one stretch of road share a group: they are hot together.
    place
        Index into ``place_names``: words for the place.
    number
        House number, 0 where there is none; of an estate, the number of its buildings.
    cell
        Index into ``cells``.
    cells
        Sorted H3 cells of :data:`TRUTH_RESOLUTION` that touch the town.
    place_names
        Words.
    village
        Number of the village.
    """

    xy: Floats
    kind: Ints
    size: Floats
    group: Ints
    place: Ints
    number: Ints
    village: Ints
    cell: Ints
    cells: NDArray[np.uint64]
    place_names: NDArray[np.object_]


class _Collector:
    """Gathers spots kind by kind."""

    def __init__(self) -> None:
        self.parts: list[tuple[Floats, int, Floats, Ints, Ints, Ints]] = []
        self.names: dict[str, int] = {}
        self.groups = 0

    def name(self, text: str) -> int:
        return self.names.setdefault(text, len(self.names))

    def add(
        self,
        kind: str,
        xy: Floats,
        group: Ints,
        place: Ints,
        *,
        size: Floats | None = None,
        number: Ints | None = None,
    ) -> None:
        count = len(xy)
        if not count:
            return
        self.parts.append(
            (
                xy,
                KINDS.index(kind),
                np.ones(count) if size is None else size,
                group + self.groups,
                place,
                np.zeros(count, dtype=np.int64) if number is None else number,
            )
        )
        self.groups += int(group.max()) + 1


def build_spots(geography: Geography, alliance: Alliance, rng: np.random.Generator) -> Spots:
    """Return the spots of the town: dwellings, shops, roads, plants, parks, and one anywhere in each cell."""
    ground = geography.ground
    found = _Collector()
    _add_dwellings(found, ground, rng)
    _add_roads(found, ground, rng)
    shops = ground.shops
    road_place = np.array([found.name(road.name) for road in ground.roads])
    # Ten house numbers of one street are a group.
    group = np.unique(shops.road * 1000 + shops.number // 20, return_inverse=True)[1]
    found.add("shop", shops.xy, group, road_place[shops.road], number=shops.number)
    plants = alliance.features["enterprises"]
    found.add(
        "plant",
        ground.plants,
        np.arange(len(ground.plants)),
        np.array([found.name(name) for name in plants["name"]]),
    )
    public = [
        place
        for place in ground.places
        if place.kind in ("park", "square", "market", "school", "bus", "parking", "clinic", "hall")
    ]
    around = np.array([(place.x, place.y) for place in public]).repeat(6, axis=0)
    spread_m = np.array([38.0 if place.kind in ("park", "square") else 18.0 for place in public]).repeat(6)
    places = np.array([found.name(place.name) for place in public]).repeat(6)
    found.add(
        "public",
        around + rng.normal(0, 1, around.shape) * spread_m[:, None],
        np.arange(len(public)).repeat(6),
        places,
    )

    area = geography.layers["area"].geometry.iloc[0]
    cells = h3_cells.cells_covering(area, TRUTH_RESOLUTION)
    anywhere = _one_in_each_cell(cells, area, ground, rng)
    nearest_hamlet = np.arange(len(anywhere))
    found.add("field", anywhere, nearest_hamlet, np.full(len(anywhere), found.name("田间道路")))
    return _join(found, geography, cells)


def _add_dwellings(found: _Collector, ground: Ground, rng: np.random.Generator) -> None:
    for estate in ground.estates:
        count = max(6, estate.households // 9)
        found.add(
            "estate",
            scatter_in(estate.shape, count, rng),
            np.arange(count) // 12,
            np.full(count, found.name(estate.name)),
            size=np.full(count, estate.households / count),
            number=np.full(count, max(3, estate.households // 26)),
        )
    hamlets = ground.hamlets
    old = np.array([name == "老街坊" for name in hamlets.names])
    for kind, chosen in (("old", old), ("hamlet", ~old)):
        which = np.flatnonzero(chosen).repeat(9)
        xy = hamlets.xy[which] + rng.normal(0, 26 if kind == "old" else 62, (len(which), 2))
        words = [names.VILLAGES[hamlets.village[number]].name + hamlets.names[number] for number in which]
        place = np.array([found.name(word) for word in words])
        found.add(kind, xy, np.arange(len(which)) // 9, place, size=hamlets.households[which] / 9)


def _add_roads(found: _Collector, ground: Ground, rng: np.random.Generator) -> None:
    spot_kind = {
        "motorway": "motorway",
        "main": "main",
        "secondary": "main",
        "street": "street",
        "lane": "lane",
    }
    for road in ground.roads:
        along = np.arange(rng.uniform(5, 30), road.line.length, 36.0)
        xy = shapely.get_coordinates(shapely.line_interpolate_point(road.line, along))
        xy = xy + rng.normal(0, road.width_m / 5, xy.shape)
        found.add(
            spot_kind[road.kind], xy, (along // 180).astype(np.int64), np.full(len(xy), found.name(road.name))
        )


def _one_in_each_cell(
    cells: NDArray[np.uint64], area: shapely.Polygon, ground: Ground, rng: np.random.Generator
) -> Floats:
    """Return a random point of the town in every cell, in metres."""
    shapes = h3_cells.outlines(cells)
    inner = area.buffer(-0.00005, quad_segs=1)
    shapely.prepare(inner)
    whole = shapely.contains_properly(inner, shapes)
    lon, lat = h3_cells.centres(cells)
    xy = np.column_stack(ground.plane.forward(lon, lat)) + rng.uniform(-36, 36, (len(cells), 2))
    points = shapely.point_on_surface(shapely.intersection(shapes[~whole], inner))
    there = ~shapely.is_empty(points)
    edge = np.full((int((~whole).sum()), 2), np.nan)
    edge[there] = np.column_stack(
        ground.plane.forward(shapely.get_x(points[there]), shapely.get_y(points[there]))
    )
    xy[~whole] = edge
    return xy[~np.isnan(xy[:, 0])]


def inner_area(geography: Geography) -> Any:
    """Return the town without its outermost three metres, in degrees: inside also when rounded."""
    inner = geography.layers["area"].geometry.iloc[0].buffer(-0.00003, quad_segs=1)
    shapely.prepare(inner)
    return inner


def _join(found: _Collector, geography: Geography, cells: NDArray[np.uint64]) -> Spots:
    ground = geography.ground
    xy = np.concatenate([part[0] for part in found.parts])
    kind = np.concatenate([np.full(len(part[0]), part[1]) for part in found.parts])
    size, group, place, number = (
        np.concatenate([part[field] for part in found.parts]) for field in (2, 3, 4, 5)
    )
    lon, lat = ground.degrees(xy)
    inner = inner_area(geography)
    keep = shapely.contains_xy(inner, lon, lat)
    at = h3_cells.cells_of(lon, lat, TRUTH_RESOLUTION)
    cell = np.minimum(np.searchsorted(cells, at), len(cells) - 1)
    keep &= cells[cell] == at
    village = np.full(len(xy), -1, dtype=np.int64)
    for index, shape in enumerate(geography.layers["villages"].geometry):
        village[shapely.contains_xy(shape, lon, lat)] = index
    keep &= village >= 0
    return Spots(
        xy[keep],
        kind[keep],
        size[keep],
        group[keep],
        place[keep].astype(np.int64),
        number[keep],
        village[keep],
        cell[keep].astype(np.int64),
        cells,
        np.array(list(found.names), dtype=object),
    )


def risk_of_spots(spots: Spots, rng: np.random.Generator) -> dict[str, Floats]:
    """Return for every category the share of its incidents that each spot has; sums to 1.

    Smooth over the town, and with hot places: some groups of spots have many times the risk of others, the
    same ones for the categories of one family, more or less.
    """
    groups = int(spots.group.max()) + 1
    word = spots.place_names[spots.place]
    risk: dict[str, Floats] = {}
    family_heat: dict[str, Floats] = {}
    for category, (_, split) in CATEGORIES.items():
        family = category[:2]
        if family not in family_heat:
            family_heat[family] = rng.normal(0, 1, groups)
        heat = 0.60 * family_heat[family] + 0.40 * rng.normal(0, 1, groups)
        weight = spots.size * np.exp(heat[spots.group] + 0.35 * rng.normal(0, 1, len(spots.xy)))
        weight *= np.exp(0.30 * smooth_noise(spots.xy, 1500, rng, waves=12))
        for (hot_family, hot_word), factor in {**_KNOWN_HOT, **_HOT_PLACES}.items():
            if hot_family == family:
                weight[word == hot_word] *= factor
        share = np.zeros(len(spots.xy))
        for kind, part in {**split, "field": split.get("field", 0.0) + ANYWHERE}.items():
            here = spots.kind == KINDS.index(kind)
            share[here] = part * weight[here] / weight[here].sum()
        risk[category] = share / share.sum()
    return risk
