"""The map beside a question of the review: numbered candidates, the row's point, a point that is chosen.

It stands in the page itself and not in a frame of its own, so that the keys of the page work after a click on
it. The ground comes once by a component of its own; a question brings only what it is about.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2 import component

from pingan_geo.outputs.assets import (
    ASSETS,
    LEAFLET_CSS,
    LEAFLET_JS,
    MAPS_CSS,
    MAPS_JS,
    PROTOMAPS_JS,
    asset_url,
)
from pingan_geo.outputs.map_layers import LineLayer, PolygonLayer, script_json
from pingan_geo.outputs.maps import BaseTilesLayer, water_layers
from pingan_geo.ui.cache import Visit, shared
from pingan_geo.ui.routes import tile_source
from pingan_geo.workflow.review import ReviewItem

_SEAT = '<div class="review-map"><div class="seat"></div></div>'
_MARGIN_DEG = 0.004
#: A point farther from the town than this does not pull the map away from it.
_FAR_KM = 50.0
#: Nearer than this, two pins would hide each other.
_SAME_DEG = 0.000_05
_ESTATES_FROM_ZOOM = 14
_KM_A_DEGREE = 111.2


@dataclass(frozen=True)
class Pin:
    """One place on the map.

    Parameters
    ----------
    kind
        ``candidate``, ``row`` (where a row says it is) or ``picked``.
    radius_m
        Drawn as a circle; NaN for none.
    """

    label: str
    lon: float
    lat: float
    kind: str
    tip: str = ""
    radius_m: float = math.nan


def show_ground(visit: Visit) -> None:
    """Send roads, waters and borders to the browser, once for all questions."""
    tiles = tile_source(visit.settings)
    layer = BaseTilesLayer(tiles, language=visit.t.language) if tiles else None
    with st.container(key="review_ground"):
        _component("pingan_review_ground", "<span></span>")(
            data={
                "role": "ground",
                "version": f"{visit.key}|{visit.t.language}",
                "layers": _ground(visit.key, visit),
                # The address is as seen from a component's page; this one is seen from the page itself.
                "tiles": tiles
                and layer
                and {"kind": tiles.kind, "options": layer.options_text.replace('"../../', '"')},
            },
            key="review_ground_data",
        )


def show_item_map(
    visit: Visit,
    item: ReviewItem,
    *,
    point: tuple[float, float] | None = None,
    pick: Callable[[float, float], None] | None = None,
) -> None:
    """Draw the map of one question, and say when the row's point is too far away to be on it.

    Parameters
    ----------
    visit
        The visit.
    item
        The question; of one about grids the candidates' polygons are drawn.
    point
        WGS-84 longitude and latitude that were clicked.
    pick
        Called with such a point; ``None``: clicks do nothing.
    """
    t = visit.t
    pins = _pins(visit, item)
    if point is not None:
        pins.append(Pin("P", *point, "picked"))
    _show_map(visit, item, [pin for pin in pins if math.isfinite(pin.lon) and math.isfinite(pin.lat)], pick)
    if far := far_away_km(visit, item.lon, item.lat):
        st.caption(
            t("The row's point is {distance} km from the town and not on this map.", distance=round(far))
        )
    elif any(pin.kind == "row" and math.isfinite(pin.lon) for pin in pins):
        st.caption(t("▪ marks where the row says it is."))


def _pins(visit: Visit, item: ReviewItem) -> list[Pin]:
    pins = []
    if item.kind in {"held", "grid"}:
        pins.append(Pin("▪", item.lon, item.lat, "row"))
    if item.kind == "grid":
        return [*pins, *_grid_pins(visit, item)]
    if item.kind == "duplicate":
        pair = item.received
        (x, y), (u, v) = ((pair[f"{side}_lon"], pair[f"{side}_lat"]) for side in ("first", "second"))
        if math.hypot(u - x, v - y) < _SAME_DEG:
            return [Pin("1=2", x, y, "candidate pair")]
        return [Pin("1", x, y, "candidate"), Pin("2", u, v, "candidate")]
    return pins + [
        Pin(str(number), one.lon, one.lat, "candidate", one.name, one.radius_m)
        for number, one in enumerate(item.candidates, 1)
    ]


def _grid_pins(visit: Visit, item: ReviewItem) -> list[Pin]:
    """Return the candidates of a question about grids at the middle of their polygons."""
    grids = visit.polygons("grids").set_index("code")
    pins = []
    for number, one in enumerate(item.candidates, 1):
        if one.code in grids.index:
            middle = grids.geometry[one.code].representative_point()
            pins.append(Pin(str(number), middle.x, middle.y, "candidate"))
    return pins


def _show_map(
    visit: Visit, item: ReviewItem, pins: Sequence[Pin], pick: Callable[[float, float], None] | None
) -> None:
    t, tiles = visit.t, tile_source(visit.settings)
    layers: list[Any] = []
    grids = visit.polygons("grids")
    if item.kind == "grid" and len(grids):
        chosen = grids[grids["code"].isin([one.code for one in item.candidates])]
        if len(chosen):
            layers.append(PolygonLayer(chosen, "grids"))
            options = json.loads(layers[0].options_text)
            options["styles"] = [{"stroke": "#0b5394", "weight": 2.4}]
            layers[0].options_text = script_json(options)
    key = "review_map"

    def picked() -> None:
        told: Any = st.session_state[key].get("point")
        # A click on the map of the question before must not place this one.
        if pick is not None and told and told.get("key") == item.key:
            pick(float(told["lon"]), float(told["lat"]))

    _component("pingan_review_map", _SEAT)(
        data={
            "role": "map",
            "key": item.key,
            "pick": pick is not None,
            "bounds": _bounds(visit, pins),
            "places": [
                {
                    "label": pin.label,
                    "lon": pin.lon,
                    "lat": pin.lat,
                    "kind": pin.kind,
                    "tip": pin.tip,
                    "radius": 0.0 if math.isnan(pin.radius_m) else pin.radius_m,
                }
                for pin in pins
            ],
            "layers": [[one.maker, one.payload_text, one.options_text] for one in layers],
            "notice": visit.notice,
            "attribution": bool(tiles and tiles.attribution),
            "words": {"zoom_in": t("Zoom in"), "zoom_out": t("Zoom out")},
            "assets": _assets(bool(tiles and tiles.kind == "pmtiles")),
        },
        key=key,
        on_point_change=picked,
    )


def far_away_km(visit: Visit, lon: float, lat: float) -> float:
    """Return how far a point is from the middle of the town, if that is too far to be shown; else 0."""
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return 0.0
    west, south, east, north = visit.town.area.bounds
    middle = (south + north) / 2
    # On a flat earth: good enough to say "some 180 km away".
    far = _KM_A_DEGREE * math.hypot(lat - middle, (lon - (west + east) / 2) * math.cos(math.radians(middle)))
    return far if far > _FAR_KM else 0.0


def _bounds(visit: Visit, pins: Sequence[Pin]) -> list[list[float]]:
    west, south, east, north = visit.town.area.bounds
    near = [pin for pin in pins if not far_away_km(visit, pin.lon, pin.lat) and pin.kind != "picked"]
    if near:
        lon, lat = np.array([pin.lon for pin in near]), np.array([pin.lat for pin in near])
        outside = (lon < west) | (lon > east) | (lat < south) | (lat > north)
        if outside.any():  # where it lies is only seen together with the town
            lon, lat = np.append(lon, [west, east]), np.append(lat, [south, north])
        west, south = float(lon.min()) - _MARGIN_DEG, float(lat.min()) - _MARGIN_DEG
        east, north = float(lon.max()) + _MARGIN_DEG, float(lat.max()) + _MARGIN_DEG
    return [[south, west], [north, east]]


@shared(4)
def _ground(key: str, _visit: Visit) -> list[list[Any]]:  # noqa: ARG001 - the key is what is cached by
    layers: list[Any] = water_layers(_visit.polygons("waters"))
    roads, area, villages = (_visit.polygons(name) for name in ("roads", "area", "villages"))
    layers += [LineLayer(roads)] if len(roads) else []
    layers += [PolygonLayer(area, "area")] if len(area) else []
    layers += [PolygonLayer(villages, "villages", labels=True)] if len(villages) else []
    from_zoom = [0] * len(layers)
    estates = _visit.polygons("estates")
    if len(estates):  # names of estates stand on those of villages until one is close
        layers.append(PolygonLayer(estates, "estates", labels=True))
        from_zoom.append(_ESTATES_FROM_ZOOM)
    return [
        [layer.maker, layer.payload_text, layer.options_text, zoom]
        for layer, zoom in zip(layers, from_zoom, strict=True)
    ]


def _assets(pmtiles: bool) -> dict[str, Any]:
    def seen(address: str) -> str:
        # Relative to the page, so that the app may stand behind a proxy under a path.
        return asset_url(address, prefix="assets/") or ""

    return {
        "leaflet": seen(LEAFLET_JS),
        "maps": seen(MAPS_JS),
        "protomaps": seen(PROTOMAPS_JS) if pmtiles else "",
        "styles": [seen(LEAFLET_CSS), seen(MAPS_CSS)],
    }


@lru_cache(maxsize=2)
def _component(name: str, html: str) -> Callable[..., Any]:
    """Register a component once; its files hold nothing of a user's."""
    made: Callable[..., Any] = component(
        name,
        html=html,
        css=(ASSETS / "pingan_review.css").read_text(encoding="utf-8"),
        js=(ASSETS / "pingan_review.js").read_text(encoding="utf-8"),
    )
    return made
