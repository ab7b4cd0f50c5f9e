"""From an answer to layers of the map and its legend. Counts come ready; here they only get colours."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.outputs.map_layers import (
    DENSITY_COLOURS,
    CellLayer,
    Classes,
    DensityOverlay,
    LineLayer,
    PointLayer,
    PolygonLayer,
    class_text,
    count_classes,
    report_points,
    shape_svg,
)
from pingan_geo.outputs.maps import TownMap, town_map, water_layers
from pingan_geo.spatial.cells import outlines
from pingan_geo.stats.breaks import fixed_breaks
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components.town_map import show_map
from pingan_geo.ui.components.watch import draw_alerts, draw_seen
from pingan_geo.ui.routes import tile_source
from pingan_geo.ui.state import OVERLAYS, Question
from pingan_geo.workflow.explore import MapView
from pingan_geo.workflow.verdicts import CLASSES, say_chance, significance_class

if TYPE_CHECKING:
    from pingan_geo.workflow.hotspots import Hotspots

Bounds = tuple[float, float, float, float]
MOST_POINTS = 5_000
MOST_OUTLINED = 300
#: No verdict, may be chance, then ever less likely chance: light to dark, so that a grey print tells them apart.
_CHANCE_COLOURS = ("#e4e4de", "#fdf3c4", "#fcb62f", "#d9472f", "#571a5e")
_POINTS = ("posts", "stations", "enterprises", "places")
_UNITS = {
    "cells": (mark("reports per hexagon"), mark("hexagons")),
    "density": (mark("reports per km²"), ""),
    "grids": (mark("reports per grid"), mark("grids")),
    "villages": (mark("reports per village"), mark("villages")),
}


def offered_overlays(visit: Visit) -> dict[str, str]:
    """Return the overlays that this town has anything for: code to msgid."""
    return {
        code: name
        for code, name in OVERLAYS.items()
        if len(visit.features(code) if code in _POINTS else visit.polygons(code))
    }


def show_report_map(visit: Visit, question: Question, view: MapView) -> str:
    """Draw the map and its legend; return what was picked by this run's click, ``""`` without one."""
    t = visit.t
    picked = _picked(question)
    drawn, legend = _drawn(visit, question, view, picked)
    layers = [*_underlays(visit, question, picked), *drawn]
    layers += _overlays(visit, question)
    clicked = show_map(base_map(visit), layers, key="report_map", height=640)
    if legends := legend + _overlay_legend(question, t):
        st.html(legends)
    return _pick_of(clicked, "report_map")


def _drawn(
    visit: Visit, question: Question, view: MapView, picked: Mapping[str, str]
) -> tuple[list[Any], str]:
    """Return what is drawn of the answer, and its legend."""
    t, cell = visit.t, picked.get("cell", "")
    match question.layer:
        case "seen":
            return draw_seen(visit, question, cell)
        case "alerts":
            return draw_alerts(visit, question, cell)
        case "grids" | "villages":
            return _polygons(visit, question, view, picked)
        case "points":
            return _reports(visit, view)
        case "density":
            surface = visit.density(view)
            edges = fixed_breaks(np.floor(np.max(surface.values, initial=0.0)))
            classes = Classes(tuple(float(edge) for edge in edges), DENSITY_COLOURS, whole=False)
            drawn = [DensityOverlay(surface.values, surface.bounds, classes)]
            return drawn, legend_html("density", classes, None, t)
        case _:
            classes = count_classes(view.cell_breaks.tolist())
            counts = view.cells["count"].to_numpy()
            layer = CellLayer(view.cells["cell"], counts, classes, tip=t("{value} reports"), selected=cell)
            return [layer], legend_html("cells", classes, counts, t)


def _polygons(
    visit: Visit, question: Question, view: MapView, picked: Mapping[str, str]
) -> tuple[list[Any], str]:
    t, grids = visit.t, question.layer == "grids"
    table, breaks = (view.grids, view.grid_breaks) if grids else (view.villages, view.village_breaks)
    frame = visit.polygons(question.layer)
    counts = table["count"].to_numpy()
    classes = count_classes(breaks.tolist())
    tips = [
        t("{name}: {count} reports", name=name, count=count)
        for name, count in zip(frame["name"], counts, strict=True)
    ]
    layer = PolygonLayer(
        frame,
        question.layer,
        values=counts,
        classes=classes,
        tips=tips,
        labels=not grids,
        selected=picked.get(question.layer[:-1], ""),
    )
    return [layer], legend_html(question.layer, classes, counts, t)


def show_hotspot_map(visit: Visit, found: Hotspots, picked: str) -> str:
    """Draw the ranked cells with their ranks; return the cell of this run's click, ``""`` without one.

    Counts and densities are coloured by their number of reports, tested cells by how seldom chance would
    bring them; these carry stars beside their rank too.
    """
    t, table = visit.t, found.table
    cells = np.array([int(cell, 16) for cell in table["cell"]], dtype=np.uint64)
    counts = table["count"].to_numpy()
    names = [str(rank) for rank in table["rank"]]
    layers: list[Any] = [
        *ground_layers(visit, ("roads", "waters")),
        PolygonLayer(visit.polygons("villages"), "villages"),
    ]
    tips = [
        t("{rank}. {count} reports", rank=rank, count=count)
        for rank, count in zip(table["rank"], counts, strict=True)
    ]
    if found.method == "gi":
        significance = significance_class(table["p_value"])
        classes = Classes((-1.0, 0.0, 1.0, 2.0, 3.0), _CHANCE_COLOURS)
        signs = ["", "", *list(CLASSES.values())[::-1]]
        names = [f"{name}{signs[one + 1]}" for name, one in zip(names, significance, strict=True)]
        chances = [_chance_tip(p_value, t) for p_value in table["p_value"]]
        tips = ["\n".join(pair) for pair in zip(tips, chances, strict=True)]
        layers.append(CellLayer(cells, significance, classes, tip=t("Click for its test"), selected=picked))
        legend = _chance_legend(classes, significance, t)
    else:
        classes = count_classes(found.breaks.tolist())
        layers.append(CellLayer(cells, counts, classes, tip=t("{value} reports"), selected=picked))
        legend = legend_html("cells", classes, counts, t)
    # Lines round thousands of small cells would hide their colours.
    first = cells[:MOST_OUTLINED]
    outlined = _ranked(first, table["cell"][:MOST_OUTLINED], names[:MOST_OUTLINED])
    layers.append(PolygonLayer(outlined, "grids", tips=tips[:MOST_OUTLINED], labels=True, selected=picked))
    clicked = show_map(base_map(visit, _first_bounds(visit, table)), layers, key="hotspot_map", height=480)
    st.html(legend)
    if clicked is None or clicked.get("click") == st.session_state.get("click_hotspot_map"):
        return ""
    st.session_state["click_hotspot_map"] = clicked.get("click")
    cell = str(clicked.get("cell") or clicked.get("polygon") or "")
    return cell if cell in set(table["cell"]) else ""


def _ranked(cells: Any, codes: Any, names: Sequence[str]) -> Any:
    """Return the outlines of ranked cells with their cell number as code."""
    columns = {"code": pd.Series(list(codes), dtype="str"), "name": pd.Series(names, dtype="str")}
    return gpd.GeoDataFrame(columns, geometry=list(outlines(cells)), crs=4326)


def _chance_tip(p_value: float, t: Translator) -> str:
    if p_value != p_value:
        return t("too few reports for a verdict")
    return t("by chance alone: {chance}", chance=say_chance(p_value, t))


def _chance_legend(classes: Classes, values: Any, t: Translator) -> str:
    """Return the legend of significance, the strongest first, each with its sign and number of cells."""
    bounds = [(sign, say_chance(bound / 2, t)) for bound, sign in CLASSES.items()]
    texts = [
        *(f"{sign} {chance}" for sign, chance in bounds),
        t("may be chance"),
        t("too few reports for a verdict"),
    ]
    parts = [f"<b>{html.escape(t('By chance alone (corrected)'))}</b>"]
    for row, text in zip(reversed(classes.rows(values)), texts, strict=True):
        number = f" <small>({t.number(row.count)})</small>"
        patch = f'<i style="background:{html.escape(row.colour)}"></i>'
        parts.append(f"<span>{patch}{html.escape(text)}{number}</span>")
    parts.append(f"<small>{html.escape(t('In brackets: number of {things}', things=t('hexagons')))}</small>")
    return f'<div class="legend">{"".join(parts)}</div>'


def _first_bounds(visit: Visit, table: Any) -> Bounds:
    """Return what the map of hotspots shows at first: the first list seen; later ones keep zoom and place."""
    seen = st.session_state.setdefault("hotspot_bounds", {})
    if str(visit.town.folder) not in seen:
        margin = 0.006
        seen[str(visit.town.folder)] = (
            float(table["lon"].min()) - margin,
            float(table["lat"].min()) - margin,
            float(table["lon"].max()) + margin,
            float(table["lat"].max()) + margin,
        )
    bounds: Bounds = seen[str(visit.town.folder)]
    return bounds


def base_map(visit: Visit, bounds: Bounds | None = None) -> TownMap:
    """Return the empty map of the town, fitted to bounds (WGS-84 degrees) or to the whole of it."""
    settings = visit.settings
    west, south, east, north = bounds or visit.town.area.bounds
    # The line at the bottom would hide the town's southern end.
    return town_map(
        bounds=(west, south - 0.04 * (north - south), east, north),
        t=visit.t,
        notice=visit.notice,
        area=visit.polygons("area"),
        tiles=tile_source(settings),
        language=visit.t.language,
    )


def ground_layers(visit: Visit, wanted: Sequence[str]) -> list[Any]:
    """Return the layers of the town's own files that lie under all others: of ``waters`` and ``roads`` those wanted."""
    layers: list[Any] = []
    if "waters" in wanted:
        layers += water_layers(visit.polygons("waters"))
    roads = visit.polygons("roads")
    if "roads" in wanted and len(roads):
        layers.append(LineLayer(roads))
    return layers


def _underlays(visit: Visit, question: Question, picked: Mapping[str, str]) -> list[Any]:
    layers = ground_layers(visit, question.overlays)
    villages = visit.polygons("villages")
    if question.layer != "villages" and len(villages):
        # With grids or a density the outlines only help to find one's way.
        layers.append(PolygonLayer(villages, "villages", labels=True, selected=picked.get("village", "")))
    return layers


def _overlays(visit: Visit, question: Question) -> list[Any]:
    layers: list[Any] = []
    beats = visit.polygons("beats")
    if "beats" in question.overlays and len(beats):
        layers.append(PolygonLayer(beats, "beats"))
    for kind in _POINTS:
        if kind in question.overlays:
            table = visit.features(kind)
            layers.append(PointLayer(table["lon"], table["lat"], kind, tips=table["name"].tolist()))
    return layers


def _reports(visit: Visit, view: MapView) -> tuple[list[Any], str]:
    """Return single reports as dots, the newest first to be kept, and the sentence on what was cut."""
    t = visit.t
    rows = np.flatnonzero(view.fits)[-MOST_POINTS:]
    listed = visit.index.reports.iloc[rows]
    names = visit.choices().of("categories")
    times = listed["time"].dt.strftime("%Y-%m-%d %H:%M")
    tips = [
        f"{names.get(category, category)}\n{time}"
        for category, time in zip(listed["category"], times, strict=True)
    ]
    shown = report_points(listed["lon"].to_numpy(), listed["lat"].to_numpy(), limit=MOST_POINTS, tips=tips)
    said = t("Shown {shown} of {total}, the newest.", shown=shown.shown, total=view.total)
    if shown.shown == view.total:
        said = t("All {total} reports are shown.", total=view.total)
    title = html.escape(t("Single reports"))
    return [shown.layer], f'<div class="legend"><b>{title}</b><span>{html.escape(said)}</span></div>'


def legend_html(layer: str, classes: Classes, values: Any, t: Translator) -> str:
    """Return the legend of a layer, with how many values each class has."""
    unit, things = _UNITS[layer]
    parts = [f"<b>{html.escape(t(unit))}</b>"]
    for row in classes.rows(values if values is not None else []):
        number = f" <small>({t.number(row.count)})</small>" if values is not None else ""
        text = html.escape(class_text(row, whole=classes.whole))
        parts.append(f'<span><i style="background:{html.escape(row.colour)}"></i>{text}{number}</span>')
    if values is not None:
        parts.append(f"<small>{html.escape(t('In brackets: number of {things}', things=t(things)))}</small>")
    return f'<div class="legend">{"".join(parts)}</div>'


def _overlay_legend(question: Question, t: Translator) -> str:
    shown = [kind for kind in _POINTS if kind in question.overlays]
    parts = [
        f'<span><img alt="" src="{_picture(kind)}">{html.escape(t(OVERLAYS[kind]))}</span>' for kind in shown
    ]
    if "beats" in question.overlays:
        parts.append(f"<span>- - {html.escape(t(OVERLAYS['beats']))}</span>")
    return f'<div class="legend">{"".join(parts)}</div>' if parts else ""


def _picture(kind: str) -> str:
    """Return the shape of a kind of point as a picture: Streamlit takes inline drawings out."""
    drawing = shape_svg(kind).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode("ascii")


def _picked(question: Question) -> dict[str, str]:
    kind, _, code = question.pick.partition(":")
    return {kind: code} if code else {}


def _pick_of(clicked: Mapping[str, Any] | None, key: str) -> str:
    """Return the pick of a click that was not seen before."""
    if clicked is None or clicked.get("click") == st.session_state.get(f"click_{key}"):
        return ""
    st.session_state[f"click_{key}"] = clicked.get("click")
    if clicked.get("cell"):
        return f"cell:{clicked['cell']}"
    if clicked.get("polygon") and clicked.get("layer") in {"grids", "villages"}:
        return f"{str(clicked['layer'])[:-1]}:{clicked['polygon']}"
    return ""
