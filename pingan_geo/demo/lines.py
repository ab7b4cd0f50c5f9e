"""The outline, roads and waters of the demo town as smooth curves in metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.interpolate import CubicSpline
from shapely.ops import substring

from pingan_geo.demo import names

#: Distance between the vertices of a curve.
STEP_M = 30.0


@dataclass(frozen=True)
class Line:
    """A road or a water.

    Parameters
    ----------
    name, kind
        ``motorway``, ``main``, ``secondary``, ``street``, ``lane`` of roads; ``canal``, ``river``,
        ``town river``, ``stream`` of waters.
    line
        Metres from the seat of the town.
    push_m
        How hard it is for a border to cross it, see :class:`pingan_geo.demo.mesh.Barrier`.
    width_m
        Of a water or road, as drawn.
    """

    name: str
    kind: str
    line: shapely.LineString
    push_m: float = 0.0
    width_m: float = 0.0


ROAD_WIDTH_M = {"motorway": 28.0, "main": 16.0, "secondary": 14.0, "street": 10.0, "lane": 5.0}
#: How far a curve may stray from its corners.
_WOBBLE_M = {
    "motorway": 0.0,
    "main": 14.0,
    "secondary": 8.0,
    "street": 4.0,
    "lane": 22.0,
    "river": 45.0,
    "town river": 12.0,
    "stream": 60.0,
}


def smooth_curve(
    corners: Sequence[tuple[float, float]] | np.ndarray,
    rng: np.random.Generator,
    wobble_m: float,
    *,
    closed: bool = False,
) -> shapely.LineString:
    """Return a smooth line through corners in metres, straying from them by about ``wobble_m``.

    The ends stay where they are, so that roads that meet still meet.
    """
    through = np.asarray(corners, dtype=float)
    if closed:
        through = np.vstack([through, through[:1]])
    if len(through) == 2:
        through = np.vstack([through[0], through.mean(axis=0), through[1]])
    chord = np.concatenate([[0.0], np.cumsum(np.sqrt(np.hypot(*np.diff(through, axis=0).T)))])
    spline = CubicSpline(chord, through, bc_type="periodic" if closed else "natural")
    dense = shapely.LineString(spline(np.linspace(0, chord[-1], 40 * len(through))))
    number = max(2, round(dense.length / STEP_M))
    along = np.linspace(0, dense.length, number + 1)
    xy = shapely.get_coordinates(shapely.line_interpolate_point(dense, along))
    heading = np.gradient(xy, axis=0)
    heading /= np.hypot(heading[:, 0], heading[:, 1])[:, None]
    stray = np.zeros(number + 1)
    for wavelength, share in ((2600.0, 1.0), (1100.0, 0.6), (480.0, 0.3)):
        # Whole turns on a closed line, so that its ends meet.
        turns = max(1, round(dense.length / wavelength)) if closed else dense.length / wavelength
        stray += share * np.sin(2 * np.pi * (turns * along / dense.length + rng.uniform()))
    if not closed:
        stray *= np.minimum(1.0, np.minimum(along, dense.length - along) / 250.0)
    xy = xy + wobble_m * stray[:, None] * np.column_stack([-heading[:, 1], heading[:, 0]])
    if closed:
        xy[-1] = xy[0]
    return shapely.LineString(xy)


def draw_outline(rng: np.random.Generator) -> shapely.Polygon:
    """Return the outline of the town in metres, with its published area."""
    ring = smooth_curve(np.array(names.OUTLINE_KM) * 1000, rng, 75.0, closed=True)
    outline = shapely.Polygon(ring)
    factor = np.sqrt(names.AREA_KM2 * 1e6 / outline.area)
    return shapely.Polygon(shapely.get_coordinates(outline.exterior) * factor)


def draw_waters(outline: shapely.Polygon, rng: np.random.Generator) -> list[Line]:
    """Return the waters; the Grand Canal and the first reach of 新塍塘 run along the outline."""
    canal = _along(outline, names.GRAND_CANAL_KM)
    waters = [Line(names.GRAND_CANAL, "canal", canal, 0.0, 60.0)]
    for name, kind, width_m, push_m, corners in names.WATERS_KM:
        if name == names.XINCHENG_RIVER:
            reach = _along(outline, names.XINCHENG_RIVER_KM)
            start = np.array(reach.coords[-1])
            inland = smooth_curve(np.vstack([start, np.array(corners) * 1000]), rng, _WOBBLE_M[kind])
            line = shapely.LineString(np.vstack([reach.coords, inland.coords[1:]]))
        else:
            line = smooth_curve(np.array(corners) * 1000, rng, _WOBBLE_M[kind])
        waters.append(Line(name, kind, line, push_m, width_m))
    return waters


def draw_roads(rng: np.random.Generator) -> list[Line]:
    """Return the named roads and streets."""
    return [
        Line(
            name,
            kind,
            smooth_curve(np.array(corners) * 1000, rng, _WOBBLE_M[kind]),
            push_m,
            ROAD_WIDTH_M[kind],
        )
        for name, kind, push_m, corners in names.ROADS_KM
    ]


def draw_village_roads(
    hearts: np.ndarray, village_names: Sequence[str], roads: Sequence[Line], rng: np.random.Generator
) -> list[Line]:
    """Return the roads that join every village's heart to its neighbours and to the larger roads.

    Parameters
    ----------
    hearts
        (n, 2) metres.
    village_names
        Name of each.
    roads
        The larger roads.
    """
    large = shapely.union_all([road.line for road in roads if road.kind in ("main", "secondary", "street")])
    beside_large = large.buffer(60, quad_segs=2)
    joined: set[frozenset[int]] = set()
    lines: list[Line] = []

    def add(start: np.ndarray, end: np.ndarray, name: str) -> None:
        lines.append(
            Line(
                name,
                "lane",
                smooth_curve(np.vstack([start, end]), rng, _WOBBLE_M["lane"]),
                0.0,
                ROAD_WIDTH_M["lane"],
            )
        )

    for number, heart in enumerate(hearts):
        point = shapely.Point(heart)
        if point.distance(large) > 120:
            meeting = shapely.get_coordinates(shapely.shortest_line(point, large))[1]
            if np.hypot(*(meeting - heart)) < 3200:
                add(heart, meeting, f"{village_names[number]}路")
        ways = np.hypot(*(hearts - heart).T)
        for other in np.argsort(ways)[1:4]:
            pair = frozenset((number, int(other)))
            if pair in joined or ways[other] > 3600:
                continue
            joined.add(pair)
            first, second = sorted(pair)
            straight = shapely.LineString([hearts[first], hearts[second]])
            if straight.intersection(beside_large).length < 0.25 * straight.length:
                short = [village_names[n].removesuffix("社区").removesuffix("村") for n in (first, second)]
                add(hearts[first], hearts[second], f"{short[0]}至{short[1]}公路")
    return lines


def _along(
    outline: shapely.Polygon, ends_km: tuple[tuple[float, float], tuple[float, float]]
) -> shapely.LineString:
    """Return the shorter stretch of the outline from one point near it to another."""
    ring = outline.exterior
    start, end = (ring.project(shapely.Point(x * 1000, y * 1000)) for x, y in ends_km)
    direct = substring(ring, start, end)
    if direct.length <= ring.length / 2:
        return direct
    # Round the other way, over the ring's first vertex.
    low, high = min(start, end), max(start, end)
    parts = [substring(ring, high, ring.length)] + ([substring(ring, 0, low)] if low > 0 else [])
    way = np.vstack([np.asarray(part.coords)[place > 0 :] for place, part in enumerate(parts)])
    return shapely.LineString(way if start > end else way[::-1])
