"""A team's page for the phone: one HTML file that asks nobody for anything and keeps what is entered.

Scripts and styles stand inside and are named by their hashes in the page's own policy, so nothing else can run,
and nothing can be loaded or sent. The map is drawn by the phone from the ground that is packed in here.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.i18n import Translator
from pingan_geo.model.patrol import ANSWERS, Halt, Stop
from pingan_geo.outputs.assets import PREFIX, asset_text
from pingan_geo.outputs.exports import plain_text
from pingan_geo.outputs.patrol_sheet import Sheet

#: Name of what the page hands back; ``intake/patrol_returns.py`` reads it.
RETURN_FORMAT: Final = "pingan-patrol-return/1"
PATROL_JS: Final = PREFIX + "pingan_patrol.js"
PATROL_CSS: Final = PREFIX + "pingan_patrol.css"
QRCODE_JS: Final = PREFIX + "vendor/qrcode-generator/qrcode.js"
#: Bytes of ground that a page carries at most; finer detail is left out until it fits.
GROUND_BYTES: Final = 100_000
#: Longest side of a photo in pixels, and letters of one QR code: read from a phone at arm's length.
PHOTO_PX: Final = 1280
PART_LETTERS: Final = 420
_AROUND_M: Final = 400.0
_SIMPLER_M: Final = (1.5, 4.0, 8.0, 16.0)
_WATER, _ROAD, _LANE, _BORDER = "#bcd5e6", "#a9a9a2", "#cfcfc8", "#8a8a84"
_WIDE_ROADS: Final = {
    "motorway": 14,
    "trunk": 12,
    "main": 12,
    "primary": 12,
    "secondary": 9,
    "tertiary": 7,
    "street": 6,
}


def sheet_page(sheet: Sheet) -> str:
    """Return the phone page of a team as HTML; the same sheet gives the same text.

    Raises
    ------
    AssetsMissingError
        If the browser files have not been fetched.
    """
    scripts = [asset_text(QRCODE_JS), asset_text(PATROL_JS)]
    style = asset_text(PATROL_CSS)
    policy = (
        f"default-src 'none'; script-src {' '.join(_hash(text) for text in scripts)}; "
        f"style-src {_hash(style)}; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    t = sheet.t
    title = f"{t('Team {team}', team=sheet.team.code)} · {sheet.title}"
    plan = json.dumps(_plan(sheet), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{"zh-CN" if t.language == "zh" else "en"}"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">',
            '<meta name="format-detection" content="telephone=no"><meta name="referrer" content="no-referrer">',
            f"<title>{html.escape(title)}</title>",
            f"<style>{style}</style></head><body>",
            _body(sheet, title),
            f'<script type="application/json" id="plan">{_inside_script(plan)}</script>',
            *(f"<script>{text}</script>" for text in scripts),
            "</body></html>\n",
        ]
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _inside_script(text: str) -> str:
    """Return JSON that may stand inside a script element."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _body(sheet: Sheet, title: str) -> str:
    t = sheet.t
    tabs = (("list", t("List")), ("map", t("Map")), ("add", t("Add a find")), ("back", t("Hand back")))
    buttons = "".join(
        f'<button type="button" data-tab="{tab}">{html.escape(word)}</button>' for tab, word in tabs
    )
    tools = "".join(
        f'<button type="button" id="{name}" aria-label="{html.escape(word)}">{sign}</button>'
        for name, sign, word in (
            ("nearer", "+", t("Zoom in")),
            ("farther", "−", t("Zoom out")),
            ("whole", "⤢", t("The whole round")),
            ("me", "◎", t("My position")),
        )
    )
    synthetic = f"<p><strong>{html.escape(sheet.synthetic)}</strong></p>" if sheet.synthetic else ""
    return f"""<header id="top"><h1>{html.escape(title)}</h1>
<p><span>{html.escape(sheet.shift)}</span><span id="progress"></span><span id="kept" role="status"></span></p>{synthetic}</header>
<main><noscript>{html.escape(t("This page needs JavaScript: open it in the phone's browser."))}</noscript>
<p class="said" id="warning" role="alert"></p>
<section id="list"></section>
<section id="mapbox" hidden><p class="said" id="gps" role="status"></p>
<div class="map"><canvas id="canvas" tabindex="0" aria-label="{html.escape(t("Map of the round; the list says the same in words"))}"></canvas>
<div class="cross" id="cross" hidden></div><div class="tools">{tools}</div></div>
<button type="button" class="main" id="use" hidden>{html.escape(t("Use the place in the circle"))}</button></section>
<section id="add" hidden></section>
<section id="back" hidden></section></main>
<div class="undo" id="undo" hidden><span id="undone"></span><button type="button" id="undo_button">{html.escape(t("Undo"))}</button></div>
<nav>{buttons}</nav>"""


def _plan(sheet: Sheet) -> dict[str, Any]:
    route, patrol, t = sheet.route, sheet.patrol, sheet.t
    places = [(halt.lon, halt.lat) for halt in (route.team.start, route.team.end)]
    places += [(stop.lon, stop.lat) for stop in route.stops]
    line = list(route.line) or [places[0], *places[2:], places[1]]
    degrees = np.array([*places, *line], dtype=np.float64)
    origin = degrees.min(axis=0) / 2 + degrees.max(axis=0) / 2
    plane = local_metres(float(origin[0]), float(origin[1]))
    east, _ = plane.forward(origin[0] + 0.01, origin[1])
    _, north = plane.forward(origin[0], origin[1] + 0.01)
    scale = np.array([float(east) / 0.01, float(north) / 0.01])
    metres = (degrees - origin) * scale
    window = (*(metres.min(axis=0) - _AROUND_M), *(metres.max(axis=0) + _AROUND_M))
    visited = "\n".join(f"{stop.number} {stop.stop_id}" for stop in route.stops)

    def xy(place: Halt | Stop) -> list[float]:
        there = (np.array([place.lon, place.lat]) - origin) * scale
        return [round(float(there[0]), 1), round(float(there[1]), 1)]

    ground, names = _ground(sheet, origin, scale, window)
    return {
        "format": RETURN_FORMAT,
        "patrol": patrol.patrol_id,
        "team": route.team.code,
        # answers given to another order of stops must not fall on this one
        "stamp": hashlib.sha256(visited.encode("utf-8", "surrogatepass")).hexdigest()[:12],
        "file": sheet.name,
        "photo_px": PHOTO_PX,
        "part_letters": PART_LETTERS,
        "stops": [_stop(sheet, stop) | {"xy": xy(stop)} for stop in route.stops],
        "start": {"name": plain_text(route.team.start.name), "xy": xy(route.team.start)},
        "end": {
            "name": plain_text(route.team.end.name),
            "xy": xy(route.team.end),
            "navigation": sheet.navigation(route.team.end),
        },
        "back_at": f"{route.back_at:%H:%M}",
        "notes": sheet.notes,
        "answers": [[code, t(word)] for code, word in ANSWERS.items()],
        "categories": [[code, plain_text(word)] for code, word in sheet.categories.items()],
        "origin": [round(float(value), 7) for value in origin],
        "metres": [round(float(value), 3) for value in scale],
        "line": [[round(float(x), 1), round(float(y), 1)] for x, y in metres[len(places) :]],
        "ground": ground,
        "names": names,
        "words": page_words(t),
    }


def _stop(sheet: Sheet, stop: Stop) -> dict[str, Any]:
    return {
        "number": stop.number,
        "stop_id": stop.stop_id,
        "kind": stop.kind,
        "kind_word": sheet.kind_of(stop),
        "name": plain_text(stop.name),
        "lon": stop.lon,
        "lat": stop.lat,
        "arrive": f"{stop.arrive:%H:%M}",
        "leave": f"{stop.leave:%H:%M}",
        "level": stop.level if sheet.level_of(stop) else "",
        "level_word": sheet.level_of(stop),
        "category_word": sheet.category_of(stop),
        "count": sheet.t("{count} reports", count=sheet.count_of(stop)) if stop.count_30d else "",
        "hours": plain_text(stop.main_hours),
        "last": sheet.last_visit_of(stop),
        "checks": sheet.checks_of(stop),
        "reason": sheet.reason_of(stop),
        "past": sheet.past_of(stop),
        "grid": sheet.grid_of(stop),
        "navigation": sheet.navigation(stop),
        "geo": f"geo:{stop.lat:.6f},{stop.lon:.6f}?q={stop.lat:.6f},{stop.lon:.6f}",
    }


# -- the ground --------------------------------------------------------------------------------------


def _ground(
    sheet: Sheet,
    origin: NDArray[np.float64],
    scale: NDArray[np.float64],
    window: tuple[float, float, float, float],
) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """Return what is drawn under the route as lines of whole metres, and names with a place each."""
    packed: list[dict[str, Any]] = []
    for simpler in _SIMPLER_M:
        for lanes in (True, False):
            packed = list(_layers(sheet, origin, scale, window, simpler, lanes=lanes))
            if len(json.dumps(packed, separators=(",", ":"))) <= GROUND_BYTES:
                return packed, _names(sheet, origin, scale, window)
    return [], []


def _layers(
    sheet: Sheet,
    origin: NDArray[np.float64],
    scale: NDArray[np.float64],
    window: tuple[float, float, float, float],
    simpler: float,
    *,
    lanes: bool,
) -> Iterator[dict[str, Any]]:
    ground = sheet.ground
    for layer, colour, of in (
        (ground.waters, _WATER, "water"),
        (ground.villages, _BORDER, "border"),
        (ground.roads, _ROAD, "road"),
    ):
        shapes, which = _cut(layer, origin, scale, window, simpler, outline=of == "border")
        groups: dict[tuple[str, int, bool], list[list[int]]] = {}
        for shape, row in zip(shapes, which, strict=True):
            fill = of == "water" and "Polygon" in shape.geom_type
            style = (colour, _wide(layer, of, row), fill)
            if of == "road" and style[1] < min(_WIDE_ROADS.values()):
                if not lanes:
                    continue
                style = (_LANE, style[1], fill)
            groups.setdefault(style, []).extend(_deltas(shape))
        for (shade, wide, fill), lines in sorted(groups.items()):
            yield {"colour": shade, "width": wide, "fill": fill, "lines": lines}


def _wide(layer: Any, of: str, row: int) -> int:
    """Return the width in metres that a line is drawn with."""
    if of == "border":
        return 1
    known = layer["width_m"].iloc[row] if "width_m" in layer.columns else np.nan
    if of == "water":
        return round(float(known)) if known == known and known > 0 else 8
    kind = layer["kind"].iloc[row] if "kind" in layer.columns else ""
    return _WIDE_ROADS.get(str(kind).removesuffix("_link"), 4)


def _cut(
    layer: Any,
    origin: NDArray[np.float64],
    scale: NDArray[np.float64],
    window: tuple[float, float, float, float],
    simpler: float,
    *,
    outline: bool = False,
) -> tuple[list[Any], list[int]]:
    if not len(layer):
        return [], []
    shapes = layer.geometry.to_numpy()
    if outline:  # before the cut, whose edge is no border
        shapes = shapely.boundary(shapes)
    low = origin + np.array(window[:2]) / scale
    high = origin + np.array(window[2:]) / scale
    near = np.flatnonzero(
        shapely.intersects(shapely.box(*shapely.bounds(shapes).T), shapely.box(*low, *high))
    )
    found, which = [], []
    for row in near.tolist():
        moved = shapely.transform(shapes[row], lambda places: (places - origin) * scale)
        moved = shapely.simplify(shapely.clip_by_rect(moved, *window), simpler)
        if not moved.is_empty:
            found.append(moved)
            which.append(row)
    return found, which


def _deltas(shape: Any) -> list[list[int]]:
    """Return each line of a geometry as steps in whole metres, x and y in turn."""
    if hasattr(shape, "geoms"):
        return [line for part in shape.geoms for line in _deltas(part)]
    if shape.geom_type == "Polygon":
        return [line for ring in (shape.exterior, *shape.interiors) for line in _deltas(ring)]
    if shape.geom_type == "Point":
        return []
    places = np.rint(shapely.get_coordinates(shape)).astype(np.int64)
    steps = np.diff(places, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    moved = np.any(steps != 0, axis=1)
    moved[0] = True
    return [steps[moved].ravel().tolist()]


def _names(
    sheet: Sheet,
    origin: NDArray[np.float64],
    scale: NDArray[np.float64],
    window: tuple[float, float, float, float],
) -> list[list[Any]]:
    """Return names of roads and waters, each once, the longest first."""
    found: dict[str, tuple[float, float, float]] = {}
    for layer in (sheet.ground.roads, sheet.ground.waters):
        if "name" not in layer.columns:
            continue
        shapes, which = _cut(layer, origin, scale, window, 2.0)
        for shape, row in zip(shapes, which, strict=True):
            name = layer["name"].iloc[row]
            if isinstance(name, str) and name.strip() and shape.length > found.get(name, (0.0,))[0]:
                middle = (
                    shape.representative_point()
                    if "Polygon" in shape.geom_type
                    else shapely.line_interpolate_point(
                        max(getattr(shape, "geoms", [shape]), key=lambda line: line.length),
                        0.5,
                        normalized=True,
                    )
                )
                found[name] = (shape.length, middle.x, middle.y)
    longest = sorted(found.items(), key=lambda one: (-one[1][0], one[0]))[:40]
    return [[plain_text(name), round(x), round(y)] for name, (_, x, y) in longest]


# -- words -------------------------------------------------------------------------------------------


def page_words(t: Translator) -> dict[str, str]:
    """Return the words of the page; ``{names}`` in them are filled in on the phone."""
    return {
        "next": t("Next"),
        "then": t("After that"),
        "done": t("Done"),
        "all_done": t("All stops are answered"),
        "back": t("Back at {place} by {time}"),
        "to_next": t("On to the next one"),
        "close": t("Close"),
        "finds": t("New finds"),
        "notes": t("Notes"),
        "arrive": t("I am here"),
        "arrived_at": t("Here since {time}"),
        "go_on": t("Go on"),
        "show": t("On the map"),
        "navigate": t("Lead me there (Amap)"),
        "other_maps": t("Other map app (WGS-84)"),
        "did": t("{number}: {what}"),
        "recorded": t("Recorded: {what}"),
        "checks": t("Check:"),
        "count": t("30 days:"),
        "hours": t("hours:"),
        "last": t("last:"),
        "why": t("Why:"),
        "past": t("Last time:"),
        "away": t("Straight line:"),
        "note": t("What is wrong (no names, no telephones)"),
        "photo": t("Take a photo"),
        "photos": t("{count} photos"),
        "photo_failed": t("The photo could not be read. Take it again."),
        "remove": t("Remove"),
        "add_here": t("Add a find here"),
        "add": t("Add a find"),
        "category": t("What is it?"),
        "choose": t("Choose …"),
        "not_sure": t("Not sure"),
        "where": t("Where is it?"),
        "my_place": t("Where I stand"),
        "at_a_stop": t("At a stop"),
        "at_stop": t("at stop {number}"),
        "on_map": t("Point on the map"),
        "need_category": t("Still to say: what it is"),
        "need_place": t("Still to say: where it is"),
        "save_find": t("Save"),
        "gps_none": t("This browser cannot say where it is. Point on the map instead."),
        "gps_https": t("Browsers say where they are only on https pages or saved files: save this page on the phone and open it there, or point on the map."),
        "gps_waiting": t("Looking for the position …"),
        "gps_refused": t("The position was refused. Allow it in the browser's settings, or point on the map."),
        "gps_unknown": t("No position yet: go outside, or point on the map."),
        "gps_found": t("Position known within {metres} m"),
        "start": t("Start"),
        "end": t("End point"),
        "start_end": t("Start and end"),
        "hand_back": t("Hand back"),
        "answered": t("{done} of {all} stops answered, {finds} new finds"),
        "person": t("Patrolled by (staff no.)"),
        "as_file": t("Results as a file"),
        "as_codes": t("Results as QR codes"),
        "as_text": t("Results as text to copy"),
        "save_page": t("Save this page on the phone"),
        "codes_no_photos": t("Codes and text carry everything but the photos; those are in the file only."),
        "copy": t("Copy all of it and send it to the desk."),
        "part": t("Code {part} of {parts}"),
        "before": t("Back"),
        "after": t("Next code"),
        "kept": t("Kept {time}"),
        "kept_here": t("Everything is kept in this browser, also without a signal and after a restart."),
        "not_kept": t("Not kept on the phone"),
        "keep_none": t("This browser keeps nothing: do not close the page before you have handed back."),
        "keep_failed": t("The phone could not store this (no room left?). Hand back soon, and do not close the page."),
        "wipe": t("Delete all of it from this phone"),
        "wipe_sure": t("Really delete? Press once more"),
    }  # fmt: skip
