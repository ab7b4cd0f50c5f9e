"""What a town holds, as a table or a layer: in the datum asked for, as finely as the reader may see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import from_wgs84, parse_datum
from pingan_geo.errors import BadChoiceError
from pingan_geo.i18n import Translator, mark, translator
from pingan_geo.model.report import ReportFilter
from pingan_geo.outputs.exports import write_table
from pingan_geo.spatial.cells import areas_m2, centres, parents, to_text
from pingan_geo.spatial.grids import area_m2
from pingan_geo.stats.filters import select
from pingan_geo.storage.records import read_features, read_reports
from pingan_geo.workflow.placing import Placer
from pingan_geo.workflow.said import say_filter, town_notice
from pingan_geo.workflow.towns import Town

KINDS = ("reports", "posts", "stations", "enterprises", "grids", "places")
AUDIENCES = ("analyst", "patrol", "leader")
EXPORT_DATUMS = ("wgs84", "gcj02", "bd09")
#: Half the width of a hexagon from corner to corner is at most this times the root of its area.
_CELL_RADIUS = 0.66
_DIGITS = 7
_DATUM_NAMES = {"gcj02": "GCJ-02", "bd09": "BD-09"}


@dataclass(frozen=True)
class Export:
    """What was written.

    Parameters
    ----------
    file, kind, rows
        Where, what, how many.
    datum
        Of all coordinates in the file.
    audience
        For whom.
    coarsened
        Reports of which only the cell is given.
    notice
        As it stands in the file.
    """

    file: Path
    kind: str
    rows: int
    datum: str
    audience: str
    coarsened: int = 0
    notice: str = ""


def export_table(
    town: Town,
    kind: str,
    file: Path,
    *,
    datum: str = "wgs84",
    audience: str = "analyst",
    report_filter: ReportFilter | None = None,
    language: str = "",
) -> Export:
    """Write what a town holds of one kind.

    Parameters
    ----------
    town
        The town.
    kind
        One of :data:`KINDS`. ``reports`` have at least ``id, category, time, lon, lat, datum, level,
        radius_m, cell, grid_id, source``; ``grids`` are polygons in the layer formats, with a point inside
        and the area.
    file
        Its ending says the format: ``.csv .xlsx .geojson .gpkg .kml``.
    datum
        ``wgs84``, ``gcj02`` or ``bd09``, of the columns and of the shapes; the column ``datum`` and the
        notice say so. KML holds WGS-84 only.
    audience
        ``analyst``: all. ``patrol``: reports of private categories are put to the centre of their cell at the
        leader resolution, without words or the sender's number, and are counted from 1. ``leader``: all
        reports are. Only analysts get reporters' pseudonyms and the further columns of features.
    report_filter
        Which reports; by default all, also those that patrols found (column ``origin``).
    language
        Of notices; the town's when empty.

    Returns
    -------
    Export

    Raises
    ------
    BadChoiceError
        If kind, datum or audience is not offered, or KML is asked for another datum.
    ExportFormatError, FolderMissingError, ExportTooLargeError
        If the file cannot be written.
    """
    for name, value, offered in (("kind", kind, KINDS), ("audience", audience, AUDIENCES)):
        if value not in offered:
            raise BadChoiceError(name=name, value=value, expected=" / ".join(offered))
    datum = parse_datum(datum)
    if datum not in EXPORT_DATUMS:
        raise BadChoiceError(name="datum", value=datum, expected=" / ".join(EXPORT_DATUMS))
    t = translator(language or town.settings.language)
    asked = report_filter or ReportFilter(origin="")
    coarsened = 0
    if kind == "reports":
        table, coarsened = _reports(town, asked, audience)
    elif kind == "grids":
        table = _grids(town)
    else:
        table = _features(town, kind, audience)
    table = _in_datum(table, datum)
    notice = _notice(town, datum, coarsened, t)
    write_table(
        table,
        file,
        notice=notice,
        title=t(TITLES[kind]),
        geometry="shape" if kind == "grids" else "point",
        about=_about(town, kind, asked, table, datum, t),
        names=table["name"].tolist() if "name" in table.columns else None,
        sheet_names=(t("Data"), t("About")),
        datum=datum,
    )
    return Export(Path(file), kind, len(table), datum, audience, coarsened, notice)


TITLES = {
    "reports": mark("Reports"),
    "posts": mark("Safety posts"),
    "stations": mark("Alliance stations"),
    "enterprises": mark("Enterprises"),
    "grids": mark("Grids"),
    "places": mark("Named places"),
}

# -- reports -----------------------------------------------------------------------------------------


def _reports(town: Town, asked: ReportFilter, audience: str) -> tuple[pd.DataFrame, int]:
    with town.store.read() as connection:
        reports = read_reports(connection, merged=True)
    reports = reports[select(reports, asked, town.settings.board_of)].reset_index(drop=True)
    coarse = _coarse(town, reports, audience)
    if coarse.any():
        reports = _to_cells(town, reports, coarse)
    table = pd.DataFrame(
        {
            "id": reports["report_id"],
            "category": reports["category"],
            "category_name": _names(town, reports["category"]),
            "time": reports["time"],
            "time_until": reports["time_until"],
            "lon": reports["lon"],
            "lat": reports["lat"],
            "level": reports["level"],
            "radius_m": reports["radius_m"],
            "cell": pd.Series(to_text(reports["cell"].to_numpy(dtype=np.uint64)), dtype="str"),
            "grid_id": reports["grid_id"],
            "village_id": reports["village_id"],
            "beat_id": reports["beat_id"],
            "source": reports["source"],
            "source_id": reports["source_id"],
            "origin": reports["origin"],
            "place": reports["place"],
            "description": reports["description"],
            "batch_id": reports["batch_id"],
            "received_datum": reports["datum"],
            "stated_grid": reports["stated_grid"],
            "merged_into": reports["merged_into"],
        }
    )
    if audience == "analyst":
        table["reporter"] = reports["reporter"]
    return table, int(coarse.sum())


def _names(town: Town, categories: Any) -> pd.Series:
    names = town.settings.category_names
    return categories.map(lambda code: names.get(code, code)).astype("str")


def _coarse(town: Town, reports: Any, audience: str) -> NDArray[np.bool_]:
    if audience == "leader":
        return np.ones(len(reports), dtype=bool)
    if audience == "patrol":
        private = [category.code for category in town.settings.categories if category.private]
        return np.asarray(reports["category"].isin(private), dtype=bool)
    return np.zeros(len(reports), dtype=bool)


def _to_cells(town: Town, reports: Any, coarse: NDArray[np.bool_]) -> Any:
    """Put reports to the centre of their cell, polygons too, so that nothing tells where in it they were."""
    resolution = min(town.settings.leader_resolution, town.settings.finest)
    moved = reports.copy()
    cells = reports["cell"].to_numpy(dtype=np.uint64, copy=True)
    cells[coarse] = parents(cells[coarse], resolution)
    lon, lat = centres(cells[coarse])
    moved["cell"] = cells
    moved.loc[coarse, "lon"], moved.loc[coarse, "lat"] = lon, lat
    moved.loc[coarse, "radius_m"] = np.round(_CELL_RADIUS * np.sqrt(areas_m2(cells[coarse])))
    moved.loc[coarse, "level"] = "cell"
    for column, codes in Placer.of(town).zones(lon, lat).items():
        moved.loc[coarse, column] = codes
    for column in ("place", "description", "source_id", "stated_grid"):
        moved.loc[coarse, column] = ""
    # the number is made of place and words as well, so someone with a guess could check it: counted instead
    counted = reports["report_id"].to_numpy(copy=True)
    counted[coarse] = np.arange(1, int(coarse.sum()) + 1)
    head = pd.Index(reports["report_id"]).get_indexer(reports["merged_into"])
    moved["report_id"] = counted
    moved["merged_into"] = np.where(head >= 0, counted[head], np.where(coarse, 0, reports["merged_into"]))
    return moved


# -- features and polygons ---------------------------------------------------------------------------


def _features(town: Town, kind: str, audience: str) -> pd.DataFrame:
    with town.store.read() as connection:
        features = read_features(connection, kind)
    table = pd.DataFrame(
        {
            "id": features["feature_id"],
            "name": features["name"],
            "kind": features["kind"],
            "lon": features["lon"],
            "lat": features["lat"],
            "cell": pd.Series(to_text(features["cell"].to_numpy(dtype=np.uint64)), dtype="str"),
            "grid_id": features["grid_id"],
            "village_id": features["village_id"],
        }
    )
    if audience != "analyst":  # further columns may name persons in charge
        return table
    rows = [json.loads(text or "{}") for text in features["attributes"]]
    taken = {*table.columns, "datum", "notice"}
    for heading in dict.fromkeys(heading for row in rows for heading in row):
        name = heading
        while name in taken:
            name += "_"
        taken.add(name)
        table[name] = pd.Series([_text(row.get(heading, "")) for row in rows], dtype="str")
    return table


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(str(item) for item in value)
    return "" if value is None else str(value)


def _grids(town: Town) -> Any:
    frame = town.layer("grids").reset_index(drop=True)
    inside = frame.geometry.representative_point()
    table = frame[["code", "name", "parent", "geometry"]].copy()
    table["lon"], table["lat"] = np.round(inside.x, _DIGITS), np.round(inside.y, _DIGITS)
    table["area_m2"] = np.round(area_m2(frame.geometry.to_numpy()))
    return table


# -- datum, notice, about ----------------------------------------------------------------------------


def _in_datum(table: Any, datum: str) -> Any:
    """Return the table with columns and shapes in a datum, and a column that says so after ``lat``."""
    table = table.copy()
    if datum != "wgs84":
        lon, lat = from_wgs84(table["lon"].to_numpy(np.float64), table["lat"].to_numpy(np.float64), datum)
        table["lon"], table["lat"] = np.round(lon, _DIGITS), np.round(lat, _DIGITS)
        if "geometry" in table.columns:
            moved = shapely.transform(
                table.geometry.to_numpy(), lambda xy: np.column_stack(from_wgs84(xy[:, 0], xy[:, 1], datum))
            )
            table = table.set_geometry(moved)
            table = table.set_crs(None, allow_override=True)  # no code stands for these
    texts = pd.Series([datum] * len(table), index=table.index, dtype="str")
    table.insert(list(table.columns).index("lat") + 1, "datum", texts)
    return table


def _notice(town: Town, datum: str, coarsened: int, t: Translator) -> str:
    parts = [town_notice(town.settings, t)]
    if datum != "wgs84":
        parts.append(t("Coordinates are {datum}, not WGS-84", datum=_DATUM_NAMES[datum]))
    if coarsened:
        parts.append(
            t("{count} reports stand at the centre of their cell, not at their place", count=coarsened)
        )
    return " · ".join(part for part in parts if part)


def _about(
    town: Town, kind: str, asked: ReportFilter, table: Any, datum: str, t: Translator
) -> list[tuple[str, str]]:
    lines = [(t("Town"), t.pick(town.settings.name, town.settings.name_en))]
    if kind == "reports":
        lines += say_filter(town.settings, asked, t)
    lines.append((t("Rows"), t.number(len(table))))
    lines.append((t("Datum"), datum))
    return lines
