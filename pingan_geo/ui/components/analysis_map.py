"""The maps of the analysis: an area is drawn on one by clicks; two stand side by side with one legend."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import geopandas as gpd
import shapely
import streamlit as st

from pingan_geo.errors import AreaError
from pingan_geo.outputs.map_layers import (
    CellLayer,
    PointLayer,
    PolygonLayer,
    count_classes,
    script_json,
)
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components.analysis_state import DRAWING_MAP, Asked
from pingan_geo.ui.components.map_view import base_map, ground_layers, legend_html
from pingan_geo.ui.components.town_map import show_map
from pingan_geo.workflow.analysis import (
    MOST_CORNERS,
    Area,
    Emerging,
    NearRepeat,
    area_shape,
    circle,
)

#: Stroke of area A and of area B: told apart by the dash too.
_STROKES = {
    "A": {"stroke": "#0b5394", "casing": "#ffffff", "weight": 3},
    "B": {"stroke": "#a61c00", "casing": "#ffffff", "weight": 3, "dash": [7, 5]},
    "": {"stroke": "#5b2a86", "casing": "#ffffff", "weight": 3, "dash": [2, 4]},
}


_ALERT = {"stroke": "#a61c00", "weight": 1.2, "fill": "#a61c00", "opacity": 0.12}
_MOST_ALERTS = 200


def show_drawing_map(
    visit: Visit,
    asked: Asked,
    side: str,
    cells: Any,
    breaks: Any,
    cluster: Emerging | None,
    near: NearRepeat | None,
) -> Asked:
    """Draw the town's reports and the areas, and return what is asked after a click of this run.

    Parameters
    ----------
    side
        ``A`` or ``B``: the area that a click changes.
    cells
        CELL_COUNTS.
    breaks
        Of their classes.
    cluster, near
        The cluster and the alerts still open are drawn, when there are any.
    """
    layers = [*_underlays(visit, asked, side), _cells(visit, cells["cell"], cells["count"], breaks)]
    areas = {"A": asked.first, "B": asked.second} if asked.show == "areas" else {"A": asked.first}
    for name, area in areas.items():
        layers += _area_layers(visit, name, area)
    if cluster is not None and cluster.stands_out:
        ring = Area("circle", corners=((cluster.lon, cluster.lat),), radius_m=round(cluster.radius_m))
        layers += _area_layers(visit, "", ring)
    if near is not None and len(near.alerts):
        layers.append(_alerts(near))
    clicked = show_map(base_map(visit), layers, key=DRAWING_MAP, height=520)
    st.html(legend_html("cells", count_classes(list(breaks)), cells["count"].to_numpy(), visit.t))
    if clicked is None or clicked.get("click") == st.session_state.get("analysis_click"):
        return asked
    st.session_state["analysis_click"] = clicked.get("click")
    return _clicked(visit, asked, side, float(clicked["lon"]), float(clicked["lat"]))


def show_count_map(visit: Visit, asked: Asked, cells: Any, counts: Any, breaks: Any, key: str) -> None:
    """Draw counts with given classes, without a legend: several maps share one."""
    layers = [*_underlays(visit, asked, "A"), _cells(visit, cells, counts, breaks)]
    if asked.first.complete:
        layers += _area_layers(visit, "A", asked.first)
    show_map(base_map(visit), layers, key=key, height=420)


def show_one_legend(visit: Visit, breaks: Any) -> None:
    """Draw the legend that all maps of the page share."""
    st.html(_legend_of(visit, breaks))


def _legend_of(visit: Visit, breaks: Any) -> str:
    # Numbers in brackets would be those of one map only.
    classes = count_classes(list(breaks))
    whole = legend_html("cells", classes, [], visit.t)
    head, _, _ = whole.rpartition("<small>")
    return head.replace(" <small>(0)</small>", "") + "</div>"


def _cells(visit: Visit, cells: Any, counts: Any, breaks: Any) -> CellLayer:
    return CellLayer(cells, counts, count_classes(list(breaks)), tip=visit.t("{value} reports"))


def _underlays(visit: Visit, asked: Asked, side: str) -> list[Any]:
    layers = ground_layers(visit, ("roads", "waters"))
    kind = asked.area(side).kind
    grids, villages = visit.polygons("grids"), visit.polygons("villages")
    if kind == "grid" and len(grids):
        layers.append(PolygonLayer(grids, "grids"))
    if len(villages):
        layers.append(PolygonLayer(villages, "villages", labels=True))
    return layers


def _area_layers(visit: Visit, name: str, area: Area) -> list[Any]:
    """Return the outline of an area, or the corners clicked so far."""
    layers: list[Any] = []
    try:
        shape = area_shape(visit.town, area) if area.complete else None
    except AreaError:
        shape = None  # the page says why; its corners show where
    if shape is not None:
        parts = [part for part in shapely.get_parts([shape]) if part.geom_type == "Polygon"]
        names = [name] + [""] * (len(parts) - 1)
        frame = gpd.GeoDataFrame({"code": names, "name": names}, geometry=parts, crs=4326)
        layer = PolygonLayer(frame, "area", labels=bool(name))
        options = json.loads(layer.options_text)
        options["styles"], options["pane"] = [_STROKES[name]], "pinganShapes"
        layer.options_text = script_json(options)
        layers.append(layer)
    if area.kind == "polygon" and area.corners:
        lon, lat = zip(*area.corners, strict=True)
        layers.append(PointLayer(lon, lat, "reports", size=9))
    return layers


def _alerts(near: NearRepeat) -> PolygonLayer:
    """Return the circles in which to look first: those that end soonest are cut off when there are many."""
    latest = near.alerts.sort_values("days_left", ascending=False, kind="stable").head(_MOST_ALERTS)
    rings = [circle(lon, lat, near.reach_m) for lon, lat in zip(latest["lon"], latest["lat"], strict=True)]
    names = [""] * len(rings)
    layer = PolygonLayer(gpd.GeoDataFrame({"code": names, "name": names}, geometry=rings, crs=4326), "area")
    options = json.loads(layer.options_text)
    options["styles"], options["pane"] = [_ALERT], "pinganShapes"
    layer.options_text = script_json(options)
    return layer


def _clicked(visit: Visit, asked: Asked, side: str, lon: float, lat: float) -> Asked:
    area = asked.area(side)
    place = (round(lon, 5), round(lat, 5))
    if area.kind == "circle":
        area = replace(area, corners=(place,))
    elif area.kind == "polygon":
        if len(area.corners) < MOST_CORNERS and place not in area.corners:
            area = replace(area, corners=(*area.corners, place))
    else:
        code = _code_at(visit, f"{area.kind}s", lon, lat)
        if code:
            rest = tuple(one for one in area.codes if one != code)
            area = replace(area, codes=rest if code in area.codes else (*area.codes, code))
    return asked.with_area(side, area)


def _code_at(visit: Visit, layer: str, lon: float, lat: float) -> str:
    """Return the polygon at a place, of several the smallest code, as everywhere."""
    frame = visit.polygons(layer)
    if not len(frame):
        return ""
    here = frame["code"][shapely.intersects_xy(frame.geometry.to_numpy(), lon, lat)]
    return str(min(here)) if len(here) else ""
