"""A team's route as a map to print: one SVG, north up, in millimetres, told apart without colour.

Roads and waters are grey, the route is the darkest line, stops are shapes with numbers. Names are placed where
they cover neither a stop nor another name; a name that finds no room is left out, its number stays.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final
from xml.sax.saxutils import escape

import numpy as np
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import LocalMetres, local_metres
from pingan_geo.i18n import Translator
from pingan_geo.model.patrol import Halt, Route, Stop
from pingan_geo.outputs.exports import plain_text
from pingan_geo.outputs.patrol_sheet import Ground

#: The font that the sheet embeds.
FONT: Final = "Noto Sans CJK SC"
#: Route, shapes and letters; the route has a white rim, so that it reads over roads and water.
ROUTE: Final = "#12356b"
INK: Final = "#111111"
_WATER: Final = "#cfdde6"
_ROAD, _LANE, _BORDER = "#b4b4ac", "#d3d3cc", "#8a8a84"
#: Width in millimetres of a road by its kind, and whether it is one that is drawn dark.
_ROAD_WIDTHS: Final = {
    "motorway": 1.3, "trunk": 1.1, "main": 1.1, "primary": 1.1, "secondary": 0.9, "tertiary": 0.7,
    "street": 0.6, "residential": 0.5, "unclassified": 0.5,
}  # fmt: skip
_LANE_WIDTH: Final = 0.35
#: Metres that the map shows at least, and how much room is left around the route.
_LEAST_M: Final = 400.0
_MARGIN: Final = 0.09
_MARK_MM, _NUMBER_MM, _NAME_MM, _GROUND_MM = 3.0, 3.5, 3.1, 2.6
_NAME_LINE: Final = 9  # characters of a stop's name on one line of the map; two lines at most
_RINGS: Final = (2.15, 3.2, 4.3)
#: What stands in brackets at the end of a name is left out of the map before the name is cut.
_BRACKETED: Final = re.compile(r"\s*[((].*[))]\s*$")
_OPENING: Final = re.compile(r"[\s((]+$")
_BARS_M: Final = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)

#: Shape of each kind of stop as a path in a box from -1 to 1, and whether it is filled dark.
MARKS: Final = {
    "hotspot": ("M-1 0A1 1 0 1 1 1 0A1 1 0 1 1 -1 0Z", True),
    "must": ("M-.92 -.92H.92V.92H-.92Z", True),
    "control": ("M-1 0A1 1 0 1 1 1 0A1 1 0 1 1 -1 0Z", False),
    "post": ("M0 -1.12L1 -.62V.1C1 .68 .5 1.02 0 1.2C-.5 1.02 -1 .68 -1 .1V-.62Z", False),
    "break": ("M0 -1.2L1.2 0L0 1.2L-1.2 0Z", False),
}
_START_MARK: Final = "M-.8 -1L1.1 0L-.8 1Z"


@dataclass
class _Paper:
    """The window on the ground, how it falls on the paper, and what is taken there."""

    width: float
    height: float
    plane: LocalMetres
    west: float
    north: float
    mm_per_m: float
    taken: list[tuple[float, float, float, float]] = field(default_factory=list)

    @property
    def window(self) -> tuple[float, float, float, float]:
        """West, south, east and north of the paper in metres."""
        return (
            self.west,
            self.north - self.height / self.mm_per_m,
            self.west + self.width / self.mm_per_m,
            self.north,
        )

    def point(self, lon: float, lat: float) -> tuple[float, float]:
        """Return where a place falls, in millimetres from the upper left."""
        x, y = self.plane.forward(lon, lat)
        return (float(x) - self.west) * self.mm_per_m, (self.north - float(y)) * self.mm_per_m

    def shapes(self, geometries: Any) -> tuple[list[Any], NDArray[np.int64]]:
        """Return geometries (degrees) cut to the paper, in millimetres, and which each of them was."""
        shapes = np.asarray(geometries, dtype=object)
        if not len(shapes):
            return [], np.empty(0, dtype=np.int64)
        west, south, east, north = self.window
        corners_lon, corners_lat = self.plane.inverse([west, east, west, east], [south, south, north, north])
        frame = shapely.box(corners_lon.min(), corners_lat.min(), corners_lon.max(), corners_lat.max())
        near = np.flatnonzero(shapely.intersects(shapely.box(*shapely.bounds(shapes).T), frame))
        found, which = [], []
        for number in near:
            drawn = shapely.transform(shapes[number], self._to_paper)
            drawn = shapely.clip_by_rect(drawn, -2, -2, self.width + 2, self.height + 2)
            drawn = shapely.simplify(drawn, 0.08)
            if not drawn.is_empty:
                found.append(drawn)
                which.append(number)
        return found, np.array(which, dtype=np.int64)

    def _to_paper(self, degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = self.plane.forward(degrees[:, 0], degrees[:, 1])
        return np.column_stack(((x - self.west) * self.mm_per_m, (self.north - y) * self.mm_per_m))

    def room(self, box: tuple[float, float, float, float]) -> float:
        """Return how bad a place for a name is: 0 free; infinite off the paper; else what it covers in mm²."""
        left, top, right, low = box
        if left < 1 or top < 1 or right > self.width - 1 or low > self.height - 1:
            return math.inf
        return sum(
            max(0.0, min(right, other[2]) - max(left, other[0]))
            * max(0.0, min(low, other[3]) - max(top, other[1]))
            for other in self.taken
        )


def route_map(
    route: Route, *, ground: Ground, t: Translator, width_mm: float, height_mm: float, names: bool = True
) -> str:
    """Return the map of a route as SVG text, as large as asked for.

    Parameters
    ----------
    route
        Drawn with all its stops; the map shows all of it, and at least 400 m.
    ground
        Layers in EPSG:4326 that are drawn under it, each perhaps without rows.
    t
        Language of what stands in it (start, end, metres, north).
    width_mm, height_mm
        Of the picture.
    names
        Whether names stand beside the numbers where there is room.

    Returns
    -------
    str
        One ``<svg>`` with a scale bar and a north arrow; what people wrote is escaped.
    """
    paper = _paper(route, width_mm, height_mm)
    way = shapely.LineString(_way(paper, route))
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width_mm}mm" height="{height_mm}mm" '
            f'viewBox="0 0 {width_mm} {height_mm}" font-family="{FONT}">'
        ),
        f'<clipPath id="paper"><rect width="{width_mm}" height="{height_mm}"/></clipPath>',
        f'<rect width="{width_mm}" height="{height_mm}" fill="#ffffff"/><g clip-path="url(#paper)">',
        *_ground(paper, ground),
        *_line(paper, route),
        "</g>",
        *_marks(paper, route, t, way, names=names),
        *_ground_names(paper, ground, way),
        (
            f'<rect x=".15" y=".15" width="{width_mm - 0.3:g}" height="{height_mm - 0.3:g}" fill="none" '
            f'stroke="{INK}" stroke-width=".3"/>'
        ),
        "</svg>",
    ]
    return "".join(parts)


def mark_svg(kind: str, text: str = "") -> str:
    """Return the mark of a kind of stop, of ``start`` or of ``route`` as a small SVG, with its number or without."""
    if kind == "route":
        inner = (
            f'<path d="M-1.2 .5L1.2 -.5" stroke="{ROUTE}" stroke-width=".45" fill="none"/>'
            f'<path d="M-.3 -.42L.55 -.23L-.05 .46Z" fill="{ROUTE}"/>'
        )
    else:
        path, dark = MARKS.get(kind, (_START_MARK, True))
        inner = f'<path d="{path}" fill="{INK if dark else "#ffffff"}" stroke="{INK}" stroke-width=".24"/>'
        if text:
            colour, size = "#ffffff" if dark else INK, 1.3 if len(text) < 3 else 1.0
            inner += (
                f'<text y="{0.36 * size:.2f}" font-size="{size}" text-anchor="middle" font-family="{FONT}" '
                f'fill="{colour}" stroke="{colour}" stroke-width=".04">{escape(text)}</text>'
            )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="4.4mm" height="4.4mm" viewBox="-1.4 -1.4 2.8 2.8">'
        f"{inner}</svg>"
    )


def _paper(route: Route, width: float, height: float) -> _Paper:
    places = [(route.team.start.lon, route.team.start.lat), (route.team.end.lon, route.team.end.lat)]
    places += [(stop.lon, stop.lat) for stop in route.stops]
    places += list(route.line)
    degrees = np.array(places, dtype=np.float64)
    middle = (degrees.min(axis=0) + degrees.max(axis=0)) / 2
    plane = local_metres(float(middle[0]), float(middle[1]))
    x, y = plane.forward(degrees[:, 0], degrees[:, 1])
    wide = max(_LEAST_M, float(np.ptp(x))) * (1 + 2 * _MARGIN)
    high = max(_LEAST_M, float(np.ptp(y))) * (1 + 2 * _MARGIN)
    mm_per_m = min(width / wide, height / high)
    centre_x, centre_y = float(x.min() + x.max()) / 2, float(y.min() + y.max()) / 2
    return _Paper(
        width,
        height,
        plane,
        centre_x - width / mm_per_m / 2,
        centre_y + height / mm_per_m / 2,
        mm_per_m,
    )


# -- the ground --------------------------------------------------------------------------------------


def _ground(paper: _Paper, ground: Ground) -> Iterator[str]:
    flat, lines = [], []
    shapes, which = paper.shapes(ground.waters.geometry.to_numpy() if len(ground.waters) else [])
    widths = _metres(ground.waters)
    for shape, number in zip(shapes, which, strict=True):
        if shape.geom_type in ("Polygon", "MultiPolygon"):
            flat.append(_path(shape, closed=True))
        else:
            wide = max(0.7, min(8.0, widths[number] * paper.mm_per_m))
            lines.append(f'<path d="{_path(shape)}" stroke-width="{wide:.2f}"/>')
    yield f'<g fill="{_WATER}" stroke="none"><path d="{"".join(flat)}"/></g>'
    yield f'<g fill="none" stroke="{_WATER}" stroke-linecap="round" stroke-linejoin="round">{"".join(lines)}</g>'
    for layer, width, dash in ((ground.villages, 0.25, ".6 1.2"), (ground.area, 0.5, "3 1 .6 1")):
        shapes, _ = paper.shapes(shapely.boundary(layer.geometry.to_numpy()) if len(layer) else [])
        path = "".join(_path(shape) for shape in shapes)
        yield (
            f'<path d="{path}" fill="none" stroke="{_BORDER}" stroke-width="{width}" '
            f'stroke-dasharray="{dash}"/>'
        )
    yield from _roads(paper, ground)


def _roads(paper: _Paper, ground: Ground) -> Iterator[str]:
    shapes, which = paper.shapes(ground.roads.geometry.to_numpy() if len(ground.roads) else [])
    kinds = _words(ground.roads, "kind")
    by_width: dict[float, list[str]] = {}
    for shape, number in zip(shapes, which, strict=True):
        if shape.geom_type in ("LineString", "MultiLineString"):
            width = _ROAD_WIDTHS.get(kinds[number].removesuffix("_link"), _LANE_WIDTH)
            by_width.setdefault(width, []).append(_path(shape))
    for width, paths in sorted(by_width.items()):
        colour = _LANE if width <= _LANE_WIDTH else _ROAD
        yield (
            f'<path d="{"".join(paths)}" fill="none" stroke="{colour}" stroke-width="{width}" '
            'stroke-linecap="round" stroke-linejoin="round"/>'
        )


def _words(layer: Any, column: str) -> list[str]:
    if column not in layer.columns:
        return [""] * len(layer)
    return [plain_text(word).strip() if isinstance(word, str) else "" for word in layer[column]]


def _metres(layer: Any) -> NDArray[np.float64]:
    if "width_m" not in layer.columns:
        return np.full(len(layer), 8.0)
    metres: NDArray[np.float64] = layer["width_m"].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(metres), 8.0, metres)


def _path(shape: Any, *, closed: bool = False) -> str:
    """Return a geometry (mm) as an SVG path; rings of a filled one are closed."""
    if hasattr(shape, "geoms"):
        return "".join(_path(part, closed=closed) for part in shape.geoms)
    if shape.geom_type == "Polygon":
        return "".join(_path(ring, closed=True) for ring in (shape.exterior, *shape.interiors))
    if shape.geom_type == "Point":
        return ""
    points = "L".join(f"{x:.2f} {y:.2f}" for x, y in shapely.get_coordinates(shape).tolist())
    return f"M{points}{'Z' if closed else ''}"


# -- the route ---------------------------------------------------------------------------------------


def _way(paper: _Paper, route: Route) -> list[tuple[float, float]]:
    """Return the way in millimetres; straight from stop to stop when the plan holds no line."""
    line = route.line or (
        (route.team.start.lon, route.team.start.lat),
        *((stop.lon, stop.lat) for stop in route.stops),
        (route.team.end.lon, route.team.end.lat),
    )
    points = [paper.point(*place) for place in line]
    return points if len(points) > 1 else points * 2


def _line(paper: _Paper, route: Route) -> Iterator[str]:
    points = _way(paper, route)
    path = "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points)
    for colour, width in (("#ffffff", 2.0), (ROUTE, 0.95)):
        yield (
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" '
            'stroke-linecap="round" stroke-linejoin="round"/>'
        )
    for x, y, turn in _arrows(points):
        yield (
            f'<path d="M-1.5 -1.25L1.6 0L-1.5 1.25Z" fill="{ROUTE}" stroke="#ffffff" stroke-width=".35" '
            f'transform="translate({x:.2f} {y:.2f}) rotate({turn:.1f})"/>'
        )


def _arrows(
    points: Sequence[tuple[float, float]], every_mm: float = 22.0
) -> Iterator[tuple[float, float, float]]:
    """Yield where an arrow along the way stands, and its turn in degrees."""
    gone, due = 0.0, every_mm / 2
    for (x0, y0), (x1, y1) in pairwise(points):
        long = math.hypot(x1 - x0, y1 - y0)
        while long > 0 and gone + long >= due:
            share = (due - gone) / long
            if long > 2:  # a short piece does not show the direction of the way
                yield (
                    x0 + share * (x1 - x0),
                    y0 + share * (y1 - y0),
                    math.degrees(math.atan2(y1 - y0, x1 - x0)),
                )
            due += every_mm
        gone += long


def _marks(paper: _Paper, route: Route, t: Translator, way: Any, *, names: bool) -> Iterator[str]:
    furniture = list(_furniture(paper, route, t))
    placed: list[tuple[Stop, float, float]] = []
    start = paper.point(route.team.start.lon, route.team.start.lat)
    end = paper.point(route.team.end.lon, route.team.end.lat)
    same = math.dist(start, end) < 2 * _MARK_MM
    for place in (start,) if same else (start, end):
        _take(paper, place, _MARK_MM)
    for stop in route.stops:
        x, y = paper.point(stop.lon, stop.lat)
        seat_x, seat_y = _seat(paper, x, y)
        _take(paper, (seat_x, seat_y), _MARK_MM)
        placed.append((stop, seat_x, seat_y))
        if (seat_x, seat_y) != (x, y):
            yield (
                f'<path d="M{x:.2f} {y:.2f}L{seat_x:.2f} {seat_y:.2f}" stroke="{INK}" stroke-width=".35"/>'
                f'<circle cx="{x:.2f}" cy="{y:.2f}" r=".7" fill="{INK}"/>'
            )
    yield _mark(*start, _START_MARK, dark=True, text="")
    if not same:
        yield _mark(*end, "M-.85 -.85H.85V.85H-.85Z", dark=False, text=t("End"))
    for stop, x, y in placed:
        path, dark = MARKS.get(stop.kind, MARKS["hotspot"])
        yield _mark(x, y, path, dark=dark, text=str(stop.number))
    yield from furniture
    yield from _name(paper, *start, [t("Start and end") if same else t("Start")], way)
    for stop, x, y in placed:
        if names and stop.kind != "break":
            yield from _name(paper, x, y, _lines(plain_text(stop.name)), way)


def _take(paper: _Paper, place: tuple[float, float], radius: float) -> None:
    x, y = place
    paper.taken.append((x - radius, y - radius, x + radius, y + radius))


def _seat(paper: _Paper, x: float, y: float) -> tuple[float, float]:
    """Return where a stop's mark stands: on its place, or beside it where another mark stands already."""
    best, least = (x, y), math.inf
    seats = [(x, y)] + [
        (x + ring * _MARK_MM * math.cos(turn), y + ring * _MARK_MM * math.sin(turn))
        for ring in _RINGS
        for turn in np.arange(0, 2 * math.pi, math.pi / 6)
    ]
    for seat_x, seat_y in seats:
        box = (seat_x - _MARK_MM, seat_y - _MARK_MM, seat_x + _MARK_MM, seat_y + _MARK_MM)
        bad = paper.room(box)
        if bad < least:
            best, least = (seat_x, seat_y), bad
        if bad == 0:
            break
    return best


def _mark(x: float, y: float, path: str, *, dark: bool, text: str) -> str:
    size = _NUMBER_MM * (0.78 if len(text) > 2 else 1.0)
    words = (
        f'<text x="{x:.2f}" y="{y + size * 0.36:.2f}" font-size="{size:.2f}" text-anchor="middle" '
        f'fill="{"#ffffff" if dark else INK}" stroke="{"#ffffff" if dark else INK}" stroke-width=".12">'
        f"{escape(text)}</text>"
        if text
        else ""
    )
    return (
        f'<path d="{path}" transform="translate({x:.2f} {y:.2f}) scale({_MARK_MM - 0.3:g})" '
        f'fill="{INK if dark else "#ffffff"}" stroke="{INK}" stroke-width=".24" '
        f'style="paint-order:stroke"/>{words}'
    )


# -- names -------------------------------------------------------------------------------------------


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is printed: a Chinese character is as wide as it is high."""
    return sum(size if ord(sign) > 0x2E7F else size * 0.58 for sign in text)


def _lines(name: str) -> list[str]:
    """Return a name in one or two lines of about the same length; the list says what an ellipsis stands for."""
    if text_width(name, 1) > 2 * _NAME_LINE:
        name = _BRACKETED.sub("", name) or name
    wide = text_width(name, 1)
    if wide <= _NAME_LINE + 1:
        return [name]
    half, first = min(_NAME_LINE, wide / 2 + 0.5), ""
    while text_width(first, 1) < half - 0.5:
        first += name[len(first)]
    first = _OPENING.sub("", first)
    rest = name[len(first) :].lstrip()
    if text_width(rest, 1) > _NAME_LINE + 0.5:
        while text_width(rest, 1) > _NAME_LINE - 0.5:
            rest = rest[:-1]
        rest += "…"
    return [first, rest]


def _name(paper: _Paper, x: float, y: float, lines: list[str], way: Any) -> Iterator[str]:
    """Yield a name beside a mark where it covers least of the way; nothing when there is no room for it."""
    wide = max(text_width(line, _NAME_MM) for line in lines)
    high = 1.18 * _NAME_MM * len(lines)
    side, slant = _MARK_MM + 0.7, _MARK_MM * 0.75
    seats = (
        (x + side, y - high / 2, "start"), (x - side - wide, y - high / 2, "end"),
        (x - wide / 2, y + side - 0.3, "middle"), (x - wide / 2, y - side - high + 0.3, "middle"),
        (x + slant, y + slant, "start"), (x - slant - wide, y + slant, "end"),
        (x + slant, y - slant - high, "start"), (x - slant - wide, y - slant - high, "end"),
        (x - wide * 0.2, y + side, "middle"), (x - wide * 0.8, y + side, "middle"),
        (x - wide * 0.2, y - side - high, "middle"), (x - wide * 0.8, y - side - high, "middle"),
    )  # fmt: skip
    free = []
    for rank, (left, top, anchor) in enumerate(seats):
        box = (left, top, left + wide, top + high)
        if paper.room(box) == 0:
            covered = float(shapely.intersection(way, shapely.box(*box)).length)
            free.append((covered + 0.3 * rank, rank, box, anchor))
    if not free:
        return
    _, _, box, anchor = min(free)
    paper.taken.append(box)
    at = {"start": box[0], "middle": (box[0] + box[2]) / 2, "end": box[2]}[anchor]
    for number, line in enumerate(lines):
        yield _halo(at, box[1] + _NAME_MM * (0.92 + 1.18 * number), _NAME_MM, line, INK, anchor=anchor)


def _halo(
    x: float, y: float, size: float, text: str, colour: str, *, turn: float = 0.0, anchor: str = "middle"
) -> str:
    turned = f' transform="rotate({turn:.1f} {x:.2f} {y:.2f})"' if turn else ""
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" stroke="#ffffff" '
        f'stroke-width=".9" stroke-linejoin="round" style="paint-order:stroke"{turned}>{escape(text)}</text>'
    )


def _ground_names(paper: _Paper, ground: Ground, way: Any) -> Iterator[str]:
    """Yield names of roads and waters along them, the widest first, each once, where there is room."""
    wanted: list[tuple[float, float, str, Any]] = []
    for layer, base in ((ground.roads, 0.0), (ground.waters, -0.4)):
        if not len(layer):
            continue
        shapes, which = paper.shapes(layer.geometry.to_numpy())
        names, kinds = _words(layer, "name"), _words(layer, "kind")
        for shape, number in zip(shapes, which, strict=True):
            if names[number] and shape.geom_type in ("LineString", "MultiLineString"):
                width = _ROAD_WIDTHS.get(kinds[number], _LANE_WIDTH) + base
                wanted.append((width, float(shape.length), names[number], shape))
    said: set[str] = set()
    for _, _, name, shape in sorted(wanted, key=lambda one: (-one[0], -one[1], one[2])):
        if name not in said and len(said) < 24 and (text := _along(paper, name, shape, way)):
            said.add(name)
            yield text


def _along(paper: _Paper, name: str, shape: Any, way: Any) -> str:
    wide = text_width(name, _GROUND_MM)
    if wide > 45:
        return ""
    lines = list(shape.geoms) if hasattr(shape, "geoms") else [shape]
    for line in sorted(lines, key=lambda one: -one.length):
        for share in (0.5, 0.3, 0.7, 0.15, 0.85):
            if line.length < wide * 1.1:
                break
            here = line.interpolate(share, normalized=True)
            before = line.interpolate(max(0.0, share * line.length - wide / 2))
            after = line.interpolate(min(line.length, share * line.length + wide / 2))
            if before.distance(after) < 0.92 * wide:  # too crooked for a straight text
                continue
            turn = math.degrees(math.atan2(after.y - before.y, after.x - before.x))
            turn = turn - 180 if turn > 90 else turn + 180 if turn < -90 else turn
            down = np.array([-math.sin(math.radians(turn)), math.cos(math.radians(turn))])
            # a name on the way of the route stands above it: the way may not be hidden
            off = down * (-2.3 if way.distance(here) < 1.4 else 0.0)
            boxes = [
                (x - _GROUND_MM * 0.6, y - _GROUND_MM * 0.6, x + _GROUND_MM * 0.6, y + _GROUND_MM * 0.6)
                for x, y in (
                    np.array([before.x, before.y]) * (1 - part) + np.array([after.x, after.y]) * part + off
                    for part in np.linspace(0, 1, 7)
                )
            ]
            if all(paper.room(box) == 0 for box in boxes):
                paper.taken.extend(boxes)
                x, y = np.array([here.x, here.y]) + off + down * _GROUND_MM * 0.36
                return _halo(float(x), float(y), _GROUND_MM, name, "#4a4a45", turn=turn)
    return ""


# -- scale and north ---------------------------------------------------------------------------------


def bar_m(mm_per_m: float) -> int:
    """Return the length of the scale bar in metres: the longest round one of at most 42 mm."""
    fitting = [metres for metres in _BARS_M if metres * mm_per_m <= 42]
    return fitting[-1] if fitting else _BARS_M[0]


def _furniture(paper: _Paper, route: Route, t: Translator) -> Iterator[str]:
    """Yield scale bar and north arrow, each in that corner of its side where fewer stops are."""
    marked: list[Stop | Halt] = [*route.stops, route.team.start, route.team.end]
    places = [paper.point(place.lon, place.lat) for place in marked]

    def in_the_way(left: float, top: float, right: float, low: float) -> int:
        reach = _MARK_MM + 0.5
        return sum(left - reach < x < right + reach and top - reach < y < low + reach for x, y in places)

    metres = bar_m(paper.mm_per_m)
    long = metres * paper.mm_per_m
    said = f"{metres // 1000} km" if metres >= 1000 else f"{metres} m"
    top, low = paper.height - 9.4, paper.height - 3.2
    left = min((1.6, paper.width - long - 11.6), key=lambda at: in_the_way(at, top, at + long + 10, low + 2))
    begin = left + 2.4
    yield (
        f'<rect x="{left:.2f}" y="{top:.2f}" width="{long + 10:.2f}" height="8.2" fill="#ffffff" fill-opacity=".88"/>'
        f'<path d="M{begin:.2f} {low - 2:.2f}V{low:.2f}H{begin + long:.2f}V{low - 2:.2f}" fill="none" '
        f'stroke="{INK}" stroke-width=".45"/>'
        f'<text x="{begin + long / 2:.2f}" y="{low - 1.1:.2f}" font-size="2.9" text-anchor="middle" '
        f'fill="{INK}">{said}</text>'
    )
    paper.taken.append((left, top, left + long + 10, paper.height))
    middle = min((paper.width - 6.5, 6.5), key=lambda at: in_the_way(at - 5.4, 2, at + 5.4, 14))
    yield (
        f'<g transform="translate({middle:.2f} 8.2)"><circle r="5.4" fill="#ffffff" fill-opacity=".88"/>'
        f'<path d="M0 -4.6L2.5 2.2L0 .8L-2.5 2.2Z" fill="{INK}"/>'
        f'<text y="5" font-size="3" text-anchor="middle" fill="{INK}">{escape(t("N"))}</text></g>'
    )
    paper.taken.append((middle - 5.4, 2.0, middle + 5.4, 14.0))
