"""Reports handed back in the layout of the ledger that they came in, with our columns beside the sender's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pingan_geo.coords import from_wgs84
from pingan_geo.i18n import translator
from pingan_geo.outputs.exports import write_table
from pingan_geo.spatial.cells import to_text
from pingan_geo.storage.records import read_batches, read_reports
from pingan_geo.workflow.exports import Export
from pingan_geo.workflow.layouts import find_layout
from pingan_geo.workflow.said import town_notice
from pingan_geo.workflow.towns import Town

#: What we add, in this order, with a msgid for its heading.
_DIGITS = 7
#: Fields whose stored value is the sender's own.
_AS_STORED = ("source_id", "source", "place", "description", "reporter")


def export_ledger(town: Town, file: Path, layout: str, *, language: str = "") -> Export:
    """Write the reports that came in one layout, under the sender's headings and in the sender's order.

    Parameters
    ----------
    town
        The town.
    file
        Its ending says the format.
    layout
        Name of a layout that is remembered.
    language
        Of our headings; the town's when empty.

    Returns
    -------
    Export
        Rows of all imports in this layout that were not taken back, in their order. Coordinates stand in the
        datum that they were received in; columns about persons are empty, because they were never stored. Ours
        are added: cell, grid, village, level, radius, WGS-84 longitude and latitude.

    Raises
    ------
    LayoutNotFoundError
        If no layout is remembered under this name.
    ExportFormatError, FolderMissingError
        If the file cannot be written.
    """
    known = find_layout(town, layout)
    t = translator(language or town.settings.language)
    with town.store.read() as connection:
        batches = read_batches(connection)
        batches = batches[(batches["layout"] == known.name) & batches["undone_at"].isna()]
        reports = read_reports(connection, merged=True)
    reports = reports[reports["batch_id"].isin(batches["batch_id"])]
    reports = reports.sort_values(["batch_id", "row_number"], kind="stable").reset_index(drop=True)
    table = _sender_columns(town, reports, known)
    taken = set(table.columns)
    for heading, column in _our_columns(reports, t):
        while heading in taken:
            heading += "_"
        taken.add(heading)
        table[heading] = column
    notice = town_notice(town.settings, t)
    write_table(table, Path(file), notice=notice, title=layout)
    return Export(Path(file), "reports", len(table), "wgs84", "analyst", 0, notice)


def _sender_columns(town: Town, reports: Any, layout: Any) -> pd.DataFrame:
    field_of = {heading: field for field, heading in layout.fields.items()}
    extra = [json.loads(text) if text else {} for text in reports["extra"]]
    lon, lat = _as_received(reports)
    values: dict[str, Any] = {
        "lon": lon,
        "lat": lat,
        "lonlat": ["" if np.isnan(x) else f"{x:.7f},{y:.7f}" for x, y in zip(lon, lat, strict=True)],
        "time": _times(reports, extra, layout.fields),
        "category": reports["category"].map(lambda code: town.settings.category_names.get(code, code)),
        "grid": reports["stated_grid"].where(reports["stated_grid"] != "", reports["grid_id"]),
        "datum": reports["datum"],
    }
    columns: dict[str, Any] = {}
    for heading in layout.headings:
        field = field_of.get(heading, "")
        if field in values:
            columns[heading] = values[field]
        elif field in _AS_STORED:
            columns[heading] = reports[field]
        else:
            columns[heading] = pd.Series([row.get(heading, "") for row in extra], dtype="str")
    return pd.DataFrame(columns, index=reports.index)


def _as_received(reports: Any) -> tuple[Any, Any]:
    """Return the coordinates in the datum that each row was received in; empty for rows placed by words."""
    lon, lat = reports["lon"].to_numpy(copy=True), reports["lat"].to_numpy(copy=True)
    for datum in reports["datum"].unique():
        rows = (reports["datum"] == datum).to_numpy()
        lon[rows], lat[rows] = from_wgs84(lon[rows], lat[rows], datum)
    by_words = (reports["datum_known_by"] == "gazetteer").to_numpy()
    lon[by_words], lat[by_words] = np.nan, np.nan
    return np.round(lon, _DIGITS), np.round(lat, _DIGITS)


def _times(reports: Any, extra: list[dict[str, str]], fields: Mapping[str, str]) -> pd.Series:
    """Return times as text that is read as the same again: a day without a clock, an interval from–to.

    Where the sender has a column for the time of day, or for the end, only the day or the start stands here.
    """
    since, until = reports["time"], reports["time_until"]
    text = since.dt.strftime("%Y-%m-%d %H:%M:%S")
    midnight = since.dt.normalize() == since
    day = until.notna() & midnight & ((until - since) == pd.Timedelta(days=1))
    spans = until.notna() & ~day
    text = text.where(~day, since.dt.strftime("%Y-%m-%d"))
    night = (since.dt.hour >= 18) & (until.dt.hour < 8) & (until - since < pd.Timedelta(hours=14))
    one_day = (since.dt.normalize() == until.dt.normalize()) | night
    start = since.dt.strftime("%Y-%m-%d %H:%M")
    text = text.where(~(spans & one_day), start + "-" + until.dt.strftime("%H:%M"))
    text = text.where(~(spans & ~one_day), start + " – " + until.dt.strftime("%Y-%m-%d %H:%M"))
    for name, shorter in (
        ("until", since.dt.strftime("%Y-%m-%d %H:%M:%S")),
        ("clock", since.dt.strftime("%Y-%m-%d")),
    ):
        own = np.array([bool(row.get(fields.get(name, ""), "")) for row in extra], dtype=bool)
        text = text.where(~own, shorter)
    return text.astype("str")


def _our_columns(reports: Any, t: Any) -> list[tuple[str, Any]]:
    return [
        (t("longitude (WGS-84)"), reports["lon"].round(_DIGITS)),
        (t("latitude (WGS-84)"), reports["lat"].round(_DIGITS)),
        (t("level"), reports["level"]),
        (t("radius in m"), reports["radius_m"]),
        (t("hexagon"), pd.Series(to_text(reports["cell"].to_numpy(dtype=np.uint64)), dtype="str")),
        (t("grid"), reports["grid_id"]),
        (t("village"), reports["village_id"]),
        (t("number here"), reports["report_id"]),
    ]
