"""A team's route for other programs: GPX in WGS-84 and in GCJ-02, each saying which, and KML in WGS-84.

Nothing here depends on the clock: the time in a file is that of the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as ET

import gpxpy.gpx
import numpy as np

from pingan_geo.coords import from_wgs84
from pingan_geo.errors import BadChoiceError
from pingan_geo.model.patrol import Halt, Stop
from pingan_geo.outputs.exports import plain_text
from pingan_geo.outputs.patrol_sheet import Sheet

#: Datum of a track to how it is written.
DATUMS: Final = {"wgs84": "WGS-84", "gcj02": "GCJ-02"}
_KML: Final = "http://www.opengis.net/kml/2.2"
_DIGITS: Final = 7


def sheet_gpx(sheet: Sheet, datum: str) -> str:
    """Return the route as GPX 1.1: a waypoint and a route point for each stop, the way as a track.

    Parameters
    ----------
    sheet
        The team's sheet.
    datum
        ``wgs84``, as every GPS takes it, or ``gcj02`` for map apps that are shifted so. The name of the file, of the
        route and of the track say which, and the keywords.

    Raises
    ------
    BadChoiceError
        If the datum is another.
    """
    if datum not in DATUMS:
        raise BadChoiceError(name="datum", value=datum, expected=" / ".join(DATUMS))
    said, t = DATUMS[datum], sheet.t
    gpx = gpxpy.gpx.GPX()
    gpx.creator = "pingan_geo"
    gpx.name = f"{sheet.name} ({said})"
    gpx.description = "\n".join(
        [
            t("Coordinates: {datum}", datum=said),
            f"{sheet.title} · {plain_text(sheet.team_words)} · {sheet.shift}",
            *sheet.notes,
        ]
    )
    gpx.keywords = f"{said}, {datum}"
    gpx.time = None
    route = gpxpy.gpx.GPXRoute(name=gpx.name, description=t("Coordinates: {datum}", datum=said))
    for place in _places(sheet):
        lon, lat = _shifted([(place.lon, place.lat)], datum)[0]
        name, words = _words(sheet, place)
        gpx.waypoints.append(
            gpxpy.gpx.GPXWaypoint(latitude=lat, longitude=lon, name=name, description=words, comment=said)
        )
        route.points.append(gpxpy.gpx.GPXRoutePoint(latitude=lat, longitude=lon, name=name))
    gpx.routes.append(route)
    if sheet.route.line:
        track = gpxpy.gpx.GPXTrack(name=gpx.name, description=t("Coordinates: {datum}", datum=said))
        points = [
            gpxpy.gpx.GPXTrackPoint(latitude=lat, longitude=lon)
            for lon, lat in _shifted(sheet.route.line, datum)
        ]
        track.segments.append(gpxpy.gpx.GPXTrackSegment(points))
        gpx.tracks.append(track)
    return str(gpx.to_xml(version="1.1"))


def sheet_kml(sheet: Sheet) -> bytes:
    """Return the route as KML, WGS-84: the way as a line, a placemark for each stop.

    Written with the standard library: simplekml leaves ``<![CDATA[`` in a text unescaped. A description is shown as
    HTML by viewers, so a user's text is escaped for HTML too.
    """
    ET.register_namespace("", _KML)
    root = ET.Element(f"{{{_KML}}}kml")
    document = _child(root, "Document")
    _child(document, "name", f"{sheet.name} (WGS-84)")
    about = [f"{sheet.title} · {plain_text(sheet.team_words)} · {sheet.shift}", *sheet.notes]
    _child(
        document, "description", _html("\n".join([sheet.t("Coordinates: {datum}", datum="WGS-84"), *about]))
    )
    style = _child(document, "Style", id="way")
    line_style = _child(style, "LineStyle")
    _child(line_style, "color", "ff6b3512")
    _child(line_style, "width", "4")
    if sheet.route.line:
        mark = _child(document, "Placemark")
        _child(mark, "name", sheet.t("Way"))
        _child(mark, "styleUrl", "#way")
        line = _child(mark, "LineString")
        _child(line, "tessellate", "1")
        _child(line, "coordinates", " ".join(f"{lon:.7f},{lat:.7f}" for lon, lat in sheet.route.line))
    for place in _places(sheet):
        name, words = _words(sheet, place)
        mark = _child(document, "Placemark")
        _child(mark, "name", name)
        _child(mark, "description", _html(words))
        _child(_child(mark, "Point"), "coordinates", f"{place.lon:.7f},{place.lat:.7f}")
    ET.indent(root)
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _places(sheet: Sheet) -> Iterator[Halt | Stop]:
    yield sheet.team.start
    yield from sheet.route.stops
    yield sheet.team.end


def _words(sheet: Sheet, place: Halt | Stop) -> tuple[str, str]:
    """Return name and description of a place; whoever goes there sees the number first."""
    name = plain_text(place.name)
    if isinstance(place, Halt):
        start = place is sheet.team.start
        return f"{sheet.t('Start') if start else sheet.t('End point')} {name}", sheet.shift
    words = [
        f"{place.arrive:%H:%M}–{place.leave:%H:%M}",
        sheet.kind_of(place),
        sheet.category_of(place),
        "/".join(sheet.checks_of(place)),
    ]
    return f"{place.number} {name}", " · ".join(word for word in words if word)


def _shifted(places: object, datum: str) -> list[tuple[float, float]]:
    degrees = np.asarray(places, dtype=np.float64)
    lon, lat = from_wgs84(degrees[:, 0], degrees[:, 1], datum)
    return [(round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y in zip(lon, lat, strict=True)]


def _child(parent: ET.Element, name: str, text: str = "", **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, f"{{{_KML}}}{name}", attributes)
    if text:
        child.text = text
    return child


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
