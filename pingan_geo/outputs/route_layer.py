"""Routes of teams on a map: lines told apart by colour and pattern, and numbered stops by shape."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
import shapely

from pingan_geo.errors import UnalignedIndexError
from pingan_geo.model.patrol import LeftOut, Route
from pingan_geo.outputs.map_layers import SHAPES, CanvasLayer, fold_lines

#: Line of each team: a colour that stays apart for the colour-blind, and a pattern for a grey print. More teams
#: begin again with the next pattern.
TEAM_COLOURS: Final = ("#0b5394", "#b5410f", "#1d6f42", "#7a1f7a", "#6b5200", "#3d3d3d")
_DASHES: Final = ((), (10, 5), (3, 4), (14, 4, 3, 4))
#: Shape of each kind of stop.
STOP_SHAPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hotspot": "M12 1 A11 11 0 1 1 11.99 1 Z",
        "must": SHAPES["square"],
        "control": SHAPES["hexagon"],
        "post": SHAPES["shield"],
        "break": "M12 0 L24 12 L12 24 L0 12 Z",
    }
)
_STOP_SIZE, _LEFT_SIZE = 25, 13
_LEFT_COLOUR: Final = "#8b929a"


def team_line(number: int) -> tuple[str, tuple[int, ...]]:
    """Return colour and pattern of the line of a team, counted from 0."""
    return TEAM_COLOURS[number % len(TEAM_COLOURS)], _DASHES[number % len(_DASHES)]


class RouteLayer(CanvasLayer):
    """The ways of all teams along the roads.

    Parameters
    ----------
    lines
        One a team, ``(lon, lat)`` WGS-84 from start to end; an empty one is not drawn.
    """

    maker = "pinganShapes"

    def __init__(self, lines: Sequence[Sequence[tuple[float, float]]]) -> None:
        drawn = [number for number, line in enumerate(lines) if len(line) > 1]
        geometries = np.array([shapely.LineString(lines[number]) for number in drawn], dtype=object)
        styles = []
        for colour, dash in map(team_line, range(len(lines))):
            styles.append({"stroke": colour, "casing": "#ffffff", "weight": 3.4, "dash": list(dash) or None})
        super().__init__(
            {"lines": fold_lines(geometries), "styles": drawn},
            {"styles": styles, "closed": False, "pane": "pinganShapes"},
        )


class StopLayer(CanvasLayer):
    """The stops of all teams with their numbers, and small marks of what was left out.

    Parameters
    ----------
    routes
        Whose stops are drawn; the colour is the team's, the shape tells the kind.
    left_out
        Drawn small and grey under the stops.
    tips, left_tips
        Text a stop (route by route) and a place left out shown at the pointer.
    selected
        ``stop_id`` drawn with a bold edge.

    Notes
    -----
    A click gives ``{"point": stop_id, "layer": "stops"}``.
    """

    maker = "pinganStops"

    def __init__(
        self,
        routes: Sequence[Route],
        left_out: Sequence[LeftOut] = (),
        *,
        tips: Sequence[str],
        left_tips: Sequence[str] = (),
        selected: str = "",
    ) -> None:
        stops = [(number, stop) for number, route in enumerate(routes) for stop in route.stops]
        if len(tips) != len(stops):
            raise UnalignedIndexError(left="stops", right="tips")
        if len(left_tips) != len(left_out):
            raise UnalignedIndexError(left="left_out", right="left_tips")
        looks: dict[tuple[str, str], int] = {}  # what is drawn last lies on top

        def look(colour: str, kind: str) -> int:
            return looks.setdefault((colour, kind), len(looks))

        shown: list[tuple[float, float, str, str, str, int]] = [
            (one.lon, one.lat, one.stop_id, tip, "", look(_LEFT_COLOUR, ""))
            for one, tip in zip(left_out, left_tips, strict=True)
        ]
        shown += [
            (stop.lon, stop.lat, stop.stop_id, tip, str(stop.number), look(team_line(number)[0], stop.kind))
            for (number, stop), tip in zip(stops, tips, strict=True)
        ]
        super().__init__(
            {
                "places": [[round(lon, 6), round(lat, 6)] for lon, lat, *_ in shown],
                "codes": [code for _, _, code, *_ in shown],
                "tips": [tip for *_, tip, _, _ in shown],
                "texts": [text for *_, text, _ in shown],
                "looks": [number for *_, number in shown],
            },
            {
                "styles": [
                    {
                        "path": STOP_SHAPES.get(kind, STOP_SHAPES["hotspot"]),
                        "colour": colour,
                        "size": _STOP_SIZE if kind else _LEFT_SIZE,
                        "hollow": not kind,
                    }
                    for colour, kind in looks
                ],
                "layer": "stops",
                "selected": selected,
                "size": _STOP_SIZE,
            },
        )


def team_line_svg(number: int, *, width: int = 34) -> str:
    """Return the line of a team as inline SVG, for a legend beside the map."""
    colour, dash = team_line(number)
    pattern = f' stroke-dasharray="{" ".join(map(str, dash))}"' if dash else ""
    return (
        f'<svg width="{width}" height="10" aria-hidden="true"><line x1="1" y1="5" x2="{width - 1}" y2="5" '
        f'stroke="{html.escape(colour)}" stroke-width="3.4"{pattern}/></svg>'
    )


def stop_shape_svg(kind: str, *, size: int = 14) -> str:
    """Return the shape of a kind of stop as inline SVG, for a legend beside the map."""
    fill = f'fill="{"#555e68" if kind else "#ffffff"}" stroke="#555e68" stroke-width="{0 if kind else 3}"'
    path = STOP_SHAPES.get(kind, STOP_SHAPES["hotspot"])
    return f'<svg width="{size}" height="{size}" viewBox="-1 -1 26 26" aria-hidden="true"><path d="{path}" {fill}/></svg>'
