"""Layers of a map: cells, density, polygons, lines, points, each a folium element of our own.

Every layer is drawn on a canvas by ``assets/pingan_maps.js`` from a compact payload. Colours come from the
server by fixed classes, so that the same number has the same colour at every zoom and date. What people
wrote travels as JSON text and only ever becomes a text node in the browser.
"""

from __future__ import annotations

import base64
import html
import json
import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

import numpy as np
import shapely
from folium.elements import JSCSSMixin
from folium.map import Layer
from folium.template import Template
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.outputs.assets import H3_JS, LEAFLET_CSS, LEAFLET_JS, MAPS_CSS, MAPS_JS

#: Says a msgid in the reader's language, as :class:`pingan_geo.i18n.Translator` does.
Say = Callable[..., str]

#: One colour for each step of the ladder of counts: yellow over red to near black. Each is darker than the
#: last, so it reads the same for the colour-blind and in a grey print; hue changes too, so that neighbours
#: are told apart on a screen.
COUNT_COLOURS: Final = (
    "#fde68a", "#fcd04b", "#fbb32f", "#f9932a", "#f0742a", "#e2552f", "#cf3a3a",
    "#b52549", "#971a56", "#771a5f", "#571a5e", "#381a52", "#1b1035",
)  # fmt: skip
#: Pale green to deep blue, for density: told apart from counts at a glance.
DENSITY_COLOURS: Final = (
    "#dcf0b5", "#c8e8b4", "#a6dcb8", "#7fcdbb", "#56bec1", "#35aac3", "#1d91c0",
    "#206fb0", "#2350a1", "#253494", "#12256c", "#061749", "#030b2a",
)  # fmt: skip
#: How much of a fill's colour covers what lies under it, and the ground of a map without base tiles
#: (as in ``assets/pingan_maps.css``). A legend shows colours as they look there.
FILL_OPACITY: Final = 0.82
GROUND: Final = "#f4f4f1"
#: A polygon in which nothing was counted.
EMPTY_COLOUR: Final = "#f0f0ec"

#: Shapes of points as SVG paths in a box of 24: told apart without colour.
SHAPES: Mapping[str, str] = MappingProxyType(
    {
        "shield": "M12 1 L21 4 V11 C21 17 17 21 12 23 C7 21 3 17 3 11 V4 Z",
        "star": "M12 1 L15.2 8.4 L23.2 9.1 L17.1 14.4 L19 22.2 L12 18 L5 22.2 L6.9 14.4 L0.8 9.1 L8.8 8.4 Z",
        "factory": "M2 22 V10 L8.5 14 V10 L15 14 V3 H19.5 L21 14 H22 V22 Z",
        "square": "M4 4 H20 V20 H4 Z",
        "diamond": "M12 1.5 L22.5 12 L12 22.5 L1.5 12 Z",
        "triangle": "M12 2 L23 21.5 H1 Z",
        "hexagon": "M6.5 2.5 H17.5 L23 12 L17.5 21.5 H6.5 L1 12 Z",
        "house": "M12 1.5 L23 11.5 H20 V22 H4 V11.5 H1 Z",
        "cross": "M9 2 H15 V9 H22 V15 H15 V22 H9 V15 H2 V9 H9 Z",
    }
)
#: Shape and colour of each kind of point that a town knows.
POINT_STYLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "posts": ("shield", "#0b5394"),
        "stations": ("star", "#a61c00"),
        "enterprises": ("factory", "#5b2a86"),
        "places": ("square", "#3d3d3d"),
        "volunteers": ("diamond", "#00695c"),
    }
)
#: Kind of road to its style; metres is its width on the ground once that is wider than the line.
ROAD_STYLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "motorway": {"stroke": "#e8b06a", "casing": "#b98033", "weight": 3.2, "metres": 24},
        "main": {"stroke": "#ffffff", "casing": "#a8a8a0", "weight": 2.6, "metres": 16},
        "secondary": {"stroke": "#ffffff", "casing": "#bdbdb6", "weight": 2.0, "metres": 11},
        "street": {"stroke": "#ffffff", "casing": "#cfcfc8", "weight": 1.3, "metres": 7, "from_zoom": 12},
        "lane": {"stroke": "#ffffff", "casing": "#d8d8d2", "weight": 0.9, "metres": 4, "from_zoom": 14},
        "path": {"stroke": "#b9b2a2", "weight": 1.0, "dash": [3, 3], "from_zoom": 15},
    }
)
#: Style to the names of road classes that other makers use.
_ROAD_NAMES: Final = {
    "motorway": ("highway", "expressway"),
    "main": ("trunk", "primary"),
    "secondary": ("tertiary", "branch"),
    "street": ("residential", "unclassified", "minor", "local"),
    "lane": ("service", "living_street", "alley"),
    "path": ("footway", "cycleway", "track"),
}
_ROAD_KIND: Final = {name: kind for kind, names in _ROAD_NAMES.items() for name in (kind, *names)}
_WATER: Final = "#b9d3e4"
_NO_CLASS: Final = 255
_SCALE: Final = 1_000_000  # coordinates travel as whole millionths of a degree
_SIMPLE_DEG: Final = 0.000_01  # about a metre: below what a screen shows


# -- classes and their legend ------------------------------------------------------------------------


@dataclass(frozen=True)
class LegendRow:
    """One line of a legend.

    Parameters
    ----------
    colour
        CSS colour of the patch, as a fill of that class looks on the map.
    low, high
        The class holds ``low <= value < high``; ``high`` is ``inf`` for the last.
    count
        How many cells or polygons are in it.
    """

    colour: str
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Classes:
    """Fixed classes: class *i* holds ``edges[i] <= value < edges[i + 1]``, the last one everything above.

    Parameters
    ----------
    edges
        Ascending lower edges, at most as many as there are colours. A value below the first is not drawn.
    colours
        One a class, light to dark.
    whole
        Values are whole numbers, so a class is written "1–4" and not "1–5".
    """

    edges: tuple[float, ...]
    colours: tuple[str, ...] = COUNT_COLOURS
    whole: bool = True

    def __post_init__(self) -> None:
        """Refuse edges that cannot be classes."""
        usable = 0 < len(self.edges) <= len(self.colours)
        if not usable or any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise BadChoiceError(
                name="edges", value=list(self.edges), expected=f"1 to {len(self.colours)} ascending numbers"
            )

    def of(self, values: ArrayLike) -> NDArray[np.uint8]:
        """Return the class of each value; 255 for one below the first edge or not a number."""
        numbers = np.asarray(values, dtype=np.float64)
        found = np.searchsorted(np.asarray(self.edges, dtype=np.float64), numbers, side="right") - 1
        return np.where(np.isnan(numbers) | (found < 0), _NO_CLASS, found).astype(np.uint8)

    def rows(self, values: ArrayLike) -> list[LegendRow]:
        """Return the legend of these values, lightest first, every class, also an empty one."""
        found = self.of(values)
        counts = np.bincount(found[found != _NO_CLASS], minlength=len(self.edges))
        highs = (*self.edges[1:], math.inf)
        return [
            LegendRow(_as_seen(colour), low, high, int(count))
            for colour, low, high, count in zip(self.colours, self.edges, highs, counts, strict=False)
        ]


def count_classes(breaks: Sequence[float], colours: tuple[str, ...] = COUNT_COLOURS) -> Classes:
    """Return classes from breaks; breaks beyond the colours join the last class."""
    edges = tuple(float(edge) for edge in breaks)[: len(colours)]
    return Classes(edges, colours, whole=all(edge == int(edge) for edge in edges))


def _as_seen(colour: str) -> str:
    """Return a fill's colour laid over the ground of the map."""
    mixed = np.array(_rgb(colour)) * FILL_OPACITY + np.array(_rgb(GROUND)) * (1 - FILL_OPACITY)
    return "#{:02x}{:02x}{:02x}".format(*np.rint(mixed).astype(int))


def class_text(row: LegendRow, *, whole: bool) -> str:
    """Return a class as text: ``3``, ``5–9``, ``100+``."""
    low = _plain(row.low)
    if math.isinf(row.high):
        return f"{low}+"
    high = row.high - 1 if whole else row.high
    return low if high == row.low else f"{low}–{_plain(high)}"


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,g}"


def legend_html(
    classes: Classes, unit: str, t: Say, *, values: ArrayLike | None = None, title: str = "", of: str = ""
) -> str:
    """Return a legend as HTML: a patch, its range and how many things fall in it. All text is escaped.

    Parameters
    ----------
    classes
        As drawn.
    unit
        Of the values, in the reader's language: "reports", "reports per km²".
    t
        Translator; says the words around the numbers.
    values
        What was drawn, for the numbers beside each class; without it there are none.
    title
        Heading; the unit alone when empty.
    of
        What is counted beside the classes, in the reader's language: "cells".
    """
    rows = classes.rows(values if values is not None else [])
    cell = "padding:1px 8px 1px 0"
    lines = []
    for row in rows:
        number = f'<td class="count" style="{cell};text-align:right;color:#555">{row.count:,}</td>'
        lines.append(
            f'<tr><td style="{cell}"><span class="patch" style="display:inline-block;width:18px;height:12px;'
            f'border:1px solid rgba(0,0,0,.35);background:{html.escape(row.colour)}"></span></td>'
            f'<td style="{cell}">{html.escape(class_text(row, whole=classes.whole))}</td>'
            f"{number if values is not None else ''}</tr>"
        )
    head = ""
    if values is not None and of:
        head = (
            f'<tr style="color:#555"><td></td><td style="{cell}">{html.escape(unit)}</td>'
            f'<td style="{cell};text-align:right">{html.escape(of)}</td></tr>'
        )
    caption = html.escape(title or t("Legend: {unit}", unit=unit))
    return (
        '<div class="pingan-legend" style="font-size:12px;line-height:1.45">'
        '<table style="border-collapse:collapse">'
        f'<caption style="text-align:left;font-weight:600">{caption}</caption>{head}{"".join(lines)}'
        "</table></div>"
    )


def shape_svg(kind: str, *, size: int = 16) -> str:
    """Return the shape of a kind of :data:`POINT_STYLES` as inline SVG, for a legend beside the map."""
    shape, colour = POINT_STYLES[kind]
    return (
        f'<svg width="{size}" height="{size}" viewBox="0 0 24 24" aria-hidden="true">'
        f'<path d="{SHAPES[shape]}" fill="{colour}" fill-rule="evenodd"/></svg>'
    )


# -- layers ------------------------------------------------------------------------------------------


class CanvasLayer(JSCSSMixin, Layer):  # type: ignore[misc] # folium is untyped
    """A layer whose payload a maker of ``pingan_maps.js`` draws."""

    default_js: ClassVar[list[tuple[str, str]]] = [
        ("leaflet", LEAFLET_JS),
        ("h3", H3_JS),
        ("pingan_maps", MAPS_JS),
    ]
    default_css: ClassVar[list[tuple[str, str]]] = [
        ("leaflet_css", LEAFLET_CSS),
        ("pingan_maps_css", MAPS_CSS),
    ]
    _template = Template(
        "{% macro script(this, kwargs) %}"
        "var {{ this.get_name() }} = L.{{ this.maker }}({{ this.payload_text }}, {{ this.options_text }});"
        "{% endmacro %}"
    )
    maker = ""

    def __init__(self, payload: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        super().__init__(name=type(self).__name__, overlay=True, control=False, show=True)
        self._name = type(self).__name__
        self.payload_text = script_json(payload)
        self.options_text = script_json(options)


class CellLayer(CanvasLayer):
    """Hexagonal cells with a value each, about eleven bytes a cell.

    Parameters
    ----------
    cells
        ``uint64`` H3 cells of one resolution, without repeats.
    values
        One a cell; a cell whose value is below the first class, or NaN, is not drawn.
    classes
        Colours and edges.
    tip
        Text shown at the pointer, ``{value}`` in it stands for the number: ``"{value} reports"``.
    decimals
        Of the number in ``tip``.
    tips
        Text a cell shown at the pointer instead of ``tip``.
    selected
        Hexadecimal cell drawn with a bold edge, also when it holds nothing; ``""`` for none.

    Notes
    -----
    A click gives ``{"cell": hexadecimal}``.
    """

    maker = "pinganCells"

    def __init__(
        self,
        cells: ArrayLike,
        values: ArrayLike,
        classes: Classes,
        *,
        tip: str = "{value}",
        decimals: int = 0,
        tips: Sequence[str] | None = None,
        selected: str = "",
    ) -> None:
        ids, numbers = np.asarray(cells, dtype=np.uint64), np.asarray(values)
        if ids.shape != numbers.shape:
            raise UnalignedIndexError(left="cells", right="values")
        found = classes.of(numbers)
        drawn = (found != _NO_CLASS) & (ids != 0)
        payload: dict[str, Any] = pack_cells(ids[drawn], numbers[drawn], found[drawn])
        if tips is not None:
            if len(tips) != len(ids):
                raise UnalignedIndexError(left="cells", right="tips")
            words, word_of = np.unique(np.array(tips, dtype=object)[drawn].astype(str), return_inverse=True)
            payload |= {"tips": words.tolist(), "tip_of": _base64(word_of.astype("<u4"))}
        super().__init__(
            payload,
            {
                "colours": classes.colours,
                "tip": tip,
                "decimals": decimals,
                "selected": selected,
                "opacity": FILL_OPACITY,
            },
        )
        self.drawn = int(drawn.sum())


class DensityOverlay(CanvasLayer):
    """A density surface as a picture laid over the map.

    Parameters
    ----------
    values
        2-D per km², as :class:`pingan_geo.stats.density.DensitySurface` has it: rows from north to south and
        evenly spaced in web Mercator, columns from west to east.
    bounds
        ``(west, south, east, north)`` of the outer edges, WGS-84 degrees.
    classes
        Colours and edges; below the first edge the picture is clear.
    """

    maker = "pinganPicture"

    def __init__(
        self,
        values: ArrayLike,
        bounds: tuple[float, float, float, float],
        classes: Classes,
    ) -> None:
        west, south, east, north = (float(edge) for edge in bounds)
        picture = density_png(np.asarray(values, dtype=np.float64), classes)
        url = "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
        super().__init__({"url": url, "bounds": [[south, west], [north, east]]}, {"opacity": FILL_OPACITY})


class PolygonLayer(CanvasLayer):
    """Polygons with a line, perhaps a fill by class, perhaps names.

    Parameters
    ----------
    frame
        POLYGONS columns and geometry in EPSG:4326; where polygons overlap, a click gives the first.
    kind
        ``villages``, ``grids``, ``beats``, ``estates``, ``area``, ``waters`` or ``dark`` (quarters of which
        nothing is known): how lines are drawn, and the ``layer`` of a click.
    values, classes
        One value a polygon and its classes, for a choropleth.
    tips
        Text a polygon shown at the pointer; its name by default.
    labels
        Names are written on the map.
    selected
        Code of the polygon drawn with a bold edge.

    Notes
    -----
    A click gives ``{"polygon": code, "layer": kind}``, except for ``area``, ``waters`` and ``dark``.
    """

    maker = "pinganShapes"
    _LINES: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "villages": {"stroke": "#5a5a55", "weight": 1.2},
        "grids": {"stroke": "#6b7680", "weight": 0.9},
        "beats": {"stroke": "#1f4e79", "weight": 1.8, "dash": [8, 5]},
        "estates": {"stroke": "#7a5c3a", "weight": 1.2, "dash": [2, 3]},
        "area": {"stroke": "#2b2b28", "weight": 2.4},
        "waters": {"fill": _WATER, "opacity": 1.0},
        "dark": {"stroke": "#111111", "casing": "#ffffff", "weight": 1.8, "dash": [4, 3]},
    }

    def __init__(
        self,
        frame: Any,
        kind: str,
        *,
        values: ArrayLike | None = None,
        classes: Classes | None = None,
        tips: Sequence[str] | None = None,
        labels: bool = False,
        selected: str = "",
    ) -> None:
        if kind not in self._LINES:
            raise BadChoiceError(name="kind", value=kind, expected=" / ".join(self._LINES))
        geometries = np.asarray(frame.geometry.values, dtype=object)
        names = [str(name) for name in frame["name"]] if "name" in frame else [""] * len(frame)
        line = self._LINES[kind]
        styles: list[Mapping[str, Any]] = [line]
        numbers = np.zeros(len(geometries), dtype=np.int64)
        if classes is not None and values is not None:
            found = classes.of(values)
            if found.shape != numbers.shape:
                raise UnalignedIndexError(left="polygons", right="values")
            fills = (*classes.colours[: len(classes.edges)], EMPTY_COLOUR)
            line = {**line, "weight": line["weight"] + 0.4}
            styles = [{**line, "fill": colour, "opacity": FILL_OPACITY} for colour in fills]
            numbers = np.where(found == _NO_CLASS, len(fills) - 1, found).astype(np.int64)
        clickable = kind not in ("area", "waters", "dark")
        payload: dict[str, Any] = {"lines": fold_lines(geometries), "styles": numbers.tolist()}
        if clickable:
            payload["codes"] = [str(code) for code in frame["code"]]
            payload["tips"] = [str(tip) for tip in (tips if tips is not None else names)]
        if labels and len(geometries):
            # Big ones first: they keep their names where two would stand on each other.
            order = np.argsort(-shapely.area(geometries), kind="stable")
            payload["names"] = [names[row] for row in order]
            payload["places"] = _fold(_label_places(geometries[order]))
        pane = "pinganBase" if kind in ("area", "waters") else "pinganShapes"
        super().__init__(
            payload,
            {
                "styles": styles,
                "layer": kind,
                "selected": selected,
                "pane": pane,
                "rank": _RANKS.get(kind, 3),
            },
        )


#: Of two polygons under the pointer the finer one answers.
_RANKS: Final = {"estates": 2, "grids": 3, "beats": 4, "villages": 5}


class LineLayer(CanvasLayer):
    """Roads by kind, or waters drawn as lines.

    Parameters
    ----------
    frame
        Geometry in EPSG:4326; a column ``kind`` with a key of :data:`ROAD_STYLES` or a usual name of a road
        class. Unknown kinds are drawn as streets.
    waters
        Draw all as water.
    """

    maker = "pinganShapes"

    def __init__(self, frame: Any, *, waters: bool = False) -> None:
        geometries = np.asarray(frame.geometry.values, dtype=object)
        if waters:
            styles: list[Mapping[str, Any]] = [{"stroke": _WATER, "weight": 2.0, "metres": 14}]
            numbers = [0] * len(geometries)
        else:
            # The widest road is drawn last, over the others.
            kinds = list(ROAD_STYLES)[::-1]
            styles = [ROAD_STYLES[kind] for kind in kinds]
            words = frame["kind"] if "kind" in frame else ["street"] * len(frame)
            numbers = [kinds.index(_road_kind(str(word))) for word in words]
        super().__init__(
            {"lines": fold_lines(geometries), "styles": numbers},
            {"styles": styles, "closed": False, "pane": "pinganBase"},
        )


class PointLayer(CanvasLayer):
    """Points with a shape of their own, or plain dots.

    Parameters
    ----------
    lon, lat
        WGS-84 degrees; a point without both is left out.
    kind
        A key of :data:`POINT_STYLES`, or ``reports`` for dots.
    codes
        One a point, handed back by a click.
    tips
        Text a point shown at the pointer.
    size
        In pixels; by default by kind and number.

    Notes
    -----
    A click gives ``{"point": code, "layer": kind}`` where codes were given.
    """

    maker = "pinganPoints"

    def __init__(
        self,
        lon: ArrayLike,
        lat: ArrayLike,
        kind: str,
        *,
        codes: Sequence[str] | None = None,
        tips: Sequence[str] | None = None,
        size: float | None = None,
    ) -> None:
        x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        placed = np.isfinite(x) & np.isfinite(y)
        places = np.rint(np.column_stack([x[placed], y[placed]]) * _SCALE).astype("<i4")
        payload: dict[str, Any] = {"places": _base64(places)}
        for name, words in (("codes", codes), ("tips", tips)):
            if words is not None:
                if len(words) != len(x):
                    raise UnalignedIndexError(left="points", right=name)
                payload[name] = [str(word) for word, here in zip(words, placed, strict=True) if here]
        if kind == "reports":
            options: dict[str, Any] = {
                "colour": "#8a1c1c",
                "edge": "#ffffff",
                "size": size or (7 if len(places) <= 2_000 else 5),
                "opacity": 0.8,
                "rank": 0.5,
                "pane": "pinganDots",
            }
        elif kind in POINT_STYLES:
            shape, colour = POINT_STYLES[kind]
            options = {
                "path": SHAPES[shape],
                "colour": colour,
                "size": size or (20 if len(places) <= 200 else 15),
            }
        else:
            raise BadChoiceError(name="kind", value=kind, expected=" / ".join([*POINT_STYLES, "reports"]))
        super().__init__(payload, {**options, "layer": kind})
        self.drawn = int(placed.sum())


@dataclass(frozen=True)
class Shown:
    """A layer that may not show everything.

    Parameters
    ----------
    layer
        What is drawn.
    shown, total
        Points drawn, and points that there are with a place.
    """

    layer: PointLayer
    shown: int
    total: int


def report_points(
    lon: ArrayLike,
    lat: ArrayLike,
    *,
    limit: int = 5_000,
    codes: Sequence[str] | None = None,
    tips: Sequence[str] | None = None,
) -> Shown:
    """Return single reports as dots, the last ``limit`` of them (the newest, where rows are in time order).

    Raises
    ------
    BadChoiceError
        If ``limit`` is not above 0.
    """
    if limit < 1:
        raise BadChoiceError(name="limit", value=limit, expected="a whole number above 0")
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    placed = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    kept = placed[-limit:]
    layer = PointLayer(
        x[kept],
        y[kept],
        "reports",
        codes=None if codes is None else [codes[row] for row in kept],
        tips=None if tips is None else [tips[row] for row in kept],
    )
    return Shown(layer, shown=len(kept), total=len(placed))


# -- packing -----------------------------------------------------------------------------------------


def script_json(value: Any) -> str:
    """Return JSON that may stand inside a script of a page: no text in it can end the script."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&'\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def pack_cells(
    cells: NDArray[np.uint64], values: NDArray[Any], classes: NDArray[np.uint8]
) -> dict[str, int | str]:
    """Return cells of one resolution in six bytes each, values in as few as they need, classes in one.

    Raises
    ------
    BadChoiceError
        If the cells are of several resolutions.
    """
    resolutions = np.unique((cells >> np.uint64(52)) & np.uint64(15))
    if len(resolutions) > 1:
        raise BadChoiceError(name="cells", value=resolutions.tolist(), expected="of one resolution")
    resolution = int(resolutions[0]) if len(resolutions) else 0
    # Base cell and digits only: header and unused digits are the same in every cell of a resolution.
    shift, bits = np.uint64(3 * (15 - resolution)), 7 + 3 * resolution
    numbers = (cells >> shift) & np.uint64((1 << bits) - 1)
    packed = np.ascontiguousarray(numbers, dtype="<u8").view(np.uint8).reshape(-1, 8)[:, :6]
    kind = "f4"
    if np.issubdtype(values.dtype, np.integer) and (not len(values) or values.min() >= 0):
        top = int(values.max()) if len(values) else 0
        kind = "u1" if top < 256 else "u2" if top < 65_536 else "u4"
    return {
        "resolution": resolution,
        "ids": _base64(packed),
        "kind": kind,
        "values": _base64(values.astype(f"<{kind}")),
        "classes": _base64(classes),
    }


def fold_lines(geometries: NDArray[Any]) -> list[list[list[int]]]:
    """Return each geometry as its rings or lines, each a flat list of whole-number steps (lon, lat, …)."""
    simple = shapely.simplify(geometries, _SIMPLE_DEG, preserve_topology=True)
    return [
        [_fold(shapely.get_coordinates(line)) for part in shapely.get_parts(one) for line in _rings(part)]
        for one in simple
    ]


def _rings(part: Any) -> list[Any]:
    return list(shapely.get_rings(part)) if shapely.get_type_id(part) == 3 else [part]


def _fold(coordinates: NDArray[np.float64]) -> list[int]:
    whole = np.rint(coordinates * _SCALE).astype(np.int64)
    steps: list[int] = np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=np.int64)).ravel().tolist()
    return steps


def _label_places(geometries: NDArray[Any]) -> NDArray[np.float64]:
    """Return the middle of the widest place inside each polygon."""
    circles = [shapely.maximum_inscribed_circle(one, tolerance=0.0005) for one in geometries]
    places: NDArray[np.float64] = np.array([shapely.get_coordinates(circle)[0] for circle in circles])
    return places


def _road_kind(word: str) -> str:
    return _ROAD_KIND.get(word.strip().lower().removesuffix("_link"), "street")


def _base64(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def density_png(values: NDArray[np.float64], classes: Classes) -> bytes:
    """Return a density surface, first row at the top, as a PNG of one flat colour a class; below is clear."""
    found = classes.of(values)
    clear = len(classes.edges)
    palette = [_rgb(colour) for colour in classes.colours[:clear]]
    picture = np.where(found == _NO_CLASS, clear, found).astype(np.uint8)
    return _png(picture, [*palette, (255, 255, 255)], clear=clear)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _png(picture: NDArray[np.uint8], palette: Sequence[tuple[int, int, int]], *, clear: int) -> bytes:
    """Return a palette PNG; the palette entry ``clear`` is see-through."""
    height, width = picture.shape
    lines = np.zeros((height, width + 1), dtype=np.uint8)  # each line starts with filter 0
    lines[:, 1:] = picture
    opaque = bytes(0 if entry == clear else 255 for entry in range(len(palette)))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(value for colour in palette for value in colour)),
        (b"tRNS", opaque),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
