"""Tables as people read them: headings and codes turned into words at the very last moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.state import ORIGINS
from pingan_geo.workflow.alerts import alert_table
from pingan_geo.workflow.courses import CHANGE_WORDS, LIFE_WORDS, say_word
from pingan_geo.workflow.explore import MapView, list_reports
from pingan_geo.workflow.verdicts import say_chance

#: Column to msgid of its heading, for every table of the interface and its files.
HEADINGS: Mapping[str, str] = {
    "rank": mark("Rank"),
    "cell": mark("Cell"),
    "code": mark("Code"),
    "name": mark("Name"),
    "kind": mark("Kind"),
    "grid_id": mark("Grid number"),
    "grid": mark("Grid"),
    "village": mark("Village"),
    "village_id": mark("Village number"),
    "lon": mark("Longitude"),
    "lat": mark("Latitude"),
    "score": mark("Score"),
    "count": mark("Number of reports"),
    "p_value": mark("p value"),
    "chance": mark("By chance"),
    "share": mark("Share"),
    "cumulative_share": mark("Share so far"),
    "nearest_place": mark("Nearest place"),
    "nearest_place_m": mark("Distance (m)"),
    "main_hours": mark("Main hours"),
    "last_time": mark("Latest"),
    "reason": mark("Why"),
    "time": mark("Time"),
    "category": mark("Category"),
    "place": mark("Place"),
    "description": mark("Description"),
    "source": mark("Source"),
    "origin": mark("Origin"),
    "report_id": mark("Report number"),
    "row_number": mark("Row"),
    "detail": mark("Value at fault"),
    "values": mark("Row as received"),
    "sheet": mark("Sheet"),
    "before": mark("Before"),
    "after": mark("After"),
    "file_name": mark("File"),
    "batch_id": mark("Batch"),
    "imported_at": mark("Imported"),
    "undone_at": mark("Taken back"),
    "read": mark("Read"),
    "accepted": mark("Accepted"),
    "merged": mark("Merged"),
    "corrected": mark("Corrected"),
    "held": mark("Held"),
    "repeated": mark("Repeated"),
    "parent": mark("Belongs to"),
    "board": mark("Board"),
    "lead_office": mark("Office in charge"),
    "field": mark("Field"),
    "heading": mark("Column of the file"),
    "number": mark("Number"),
    "layer": mark("Layer"),
    "overlap_m2": mark("Overlaps (m²)"),
    "gap_m2": mark("Gaps (m²)"),
    "check": mark("Check"),
    "tried_method": mark("Method"),
    "list_made": mark("List made on"),
    "hit_rate": mark("Hit rate"),
    "pai": "PAI",
    "pei": "PEI",
    "hit_range": mark("In windows like these"),
    "lead": mark("Compared"),
    "count_rank": mark("Rank by reports"),
    "corrected_rank": mark("Rank, corrected"),
    "corrected_risk": mark("Corrected for effort"),
    "corrected_range": mark("Range (of the model)"),
    "corrected_low": mark("Corrected, at least"),
    "corrected_high": mark("Corrected, at most"),
    "effort": mark("What is seen (town = 1)"),
    "uncertainty": mark("Uncertainty (of its logarithm)"),
    "households": mark("Households, about"),
    "dark": mark("People, nobody looks"),
    "until": mark("Expires"),
    "factor": mark("Times chance"),
    "events": mark("Recent reports near by"),
    "life": mark("Life class"),
    "change": mark("Change"),
    "near": mark("Reports here and beside"),
    "near_before": mark("Reports here and beside, period before"),
    "near_newcomers": mark("Of these by newcomers"),
    "change_p": mark("p of the change"),
    "exposure": mark("Exposure"),
    "rate": mark("Rate"),
    "rate_per": mark("Rate per"),
    "low": mark("Rate at least (95 %)"),
    "high": mark("Rate at most (95 %)"),
    "interval": mark("95 % interval"),
    "smoothed": mark("Smoothed rate"),
    "ratio": mark("Times the rate of all"),
    "expected": mark("Expected reports"),
    "outside": mark("Beyond chance"),
    "unusual": mark("Beyond usual differences"),
}
_SHARES = {"share", "cumulative_share", "hit_rate"}
_RANKS = {"count_rank", "corrected_rank"}
_DEGREES = {"lon", "lat"}
_LONG = {"reason", "values"}
#: A table of fewer rows is as high as they are.
_FEW = 8


def headings(columns: Any, t: Translator) -> dict[str, str]:
    """Return column to heading in the visitor's language."""
    return {str(name): t(HEADINGS[name]) if name in HEADINGS else str(name) for name in columns}


def show_table(
    table: pd.DataFrame, t: Translator, *, key: str, height: int | str = "auto", pick: bool = False
) -> int | None:
    """Draw a table that can be sorted by a click on a heading; an empty one says so.

    With ``pick`` the position of the row that was clicked since the last run comes back, ``None`` without one.
    """
    if table.empty:
        st.caption(t("Nothing to list."))
        return None
    config: dict[str, Any] = {}
    for name, heading in headings(table.columns, t).items():
        dtype = table[name].dtype
        if name in _SHARES:
            table = table.assign(**{name: table[name] * 100})
            config[name] = st.column_config.NumberColumn(heading, format="%.1f%%")
        elif pd.api.types.is_datetime64_any_dtype(dtype):
            config[name] = st.column_config.DatetimeColumn(heading, format="YYYY-MM-DD HH:mm")
        elif pd.api.types.is_float_dtype(dtype):
            config[name] = st.column_config.NumberColumn(heading, format=_format(name))
        else:
            config[name] = st.column_config.Column(heading, width="large" if name in _LONG else None)
    options: dict[str, Any] = {
        "hide_index": True,
        "placeholder": "—",
        "width": "stretch",
        "column_config": config,
        "key": f"table_{key}",
        "height": height,
    }
    if not pick:
        st.dataframe(table, **options)
        return None
    answer: Any = st.dataframe(table, on_select="rerun", selection_mode="single-cell", **options)
    cells = list(answer.selection.cells)
    # A click stays in the answer until the next one; the list under it may have changed meanwhile.
    if cells == st.session_state.get(f"clicked_{key}", []):
        return None
    st.session_state[f"clicked_{key}"] = cells
    return int(cells[0][0]) if cells and int(cells[0][0]) < len(table) else None


def drawn_table(visit: Visit, view: MapView, layer: str) -> pd.DataFrame:
    """Return the twin of what the map draws: cells or polygons with their numbers, most first."""
    if layer == "seen":
        table = visit.seen(view.asked, view.resolution).table
        return table.sort_values(["dark", "effort"], ascending=[False, True]).reset_index(drop=True)
    if layer == "alerts":
        return alert_table(visit.town, visit.alerts(view.asked, view.resolution))
    if layer not in {"grids", "villages"}:
        return visit.cell_table(view)
    counts = view.grids if layer == "grids" else view.villages
    polygons = visit.polygons(layer)[["code", "name", "geometry"]]
    table = polygons.merge(counts, on="code", how="left")[["code", "name", "count", "geometry"]]
    table["share"] = table["count"] / max(view.total, 1)
    return table.sort_values(["count", "code"], ascending=[False, True]).reset_index(drop=True)


def worded_cells(visit: Visit, table: pd.DataFrame) -> pd.DataFrame:
    """Return a list of cells or polygons with polygons by name, its columns in reading order."""
    if "cell" not in table.columns:
        return pd.DataFrame(table[["name", "count", "share", "code"]])
    if "effort" in table.columns:
        return worded_seen(visit, table)
    choices = visit.choices()
    words = table.assign(
        village=_named(table["village_id"], choices.of("villages")),
        grid=_named(table["grid_id"], choices.of("grids")),
    )
    if "until" in table.columns:
        words["until"] = table["until"].dt.strftime("%Y-%m-%d")
    columns = ["until", "factor", "events", "count", "share", "village", "grid", "cell", "lon", "lat"]
    return _filled(words, [name for name in columns if name in words.columns])


def worded_seen(visit: Visit, table: pd.DataFrame) -> pd.DataFrame:
    """Return where people look as people read it."""
    words = _corrected_words(visit, table)
    words["dark"] = np.where(table["dark"], visit.t("yes"), "")
    listed, housed = (bool(table[name].notna().any()) for name in ("corrected_risk", "households"))
    columns = [
        *(["dark", "households"] if housed else []),
        *("effort", "uncertainty"),
        *(["count", "count_rank", "corrected_rank", "corrected_risk", "corrected_range"] if listed else []),
        *("village", "grid", "cell"),
    ]
    return _filled(words, columns)


def worded_corrected(visit: Visit, table: pd.DataFrame) -> pd.DataFrame:
    """Return counts and corrected numbers side by side."""
    ranks = ["count_rank", "count", "corrected_rank", "corrected_risk", "corrected_range", "effort"]
    return _filled(_corrected_words(visit, table), [*ranks, "village", "grid", "cell"])


def _corrected_words(visit: Visit, table: pd.DataFrame) -> pd.DataFrame:
    choices, t = visit.choices(), visit.t
    spans = [
        "" if low != low else f"{t.number(low, 1)}–{t.number(high, 1)}"
        for low, high in zip(table["corrected_low"], table["corrected_high"], strict=True)
    ]
    return table.assign(
        village=_named(table["village_id"], choices.of("villages")),
        grid=_named(table["grid_id"], choices.of("grids")),
        corrected_range=pd.Series(spans, index=table.index, dtype="str"),
    )


def _filled(words: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the columns without those of polygons that nothing lies in."""
    return words[
        [name for name in columns if name not in {"village", "grid"} or bool((words[name] != "").any())]
    ]


def _format(name: str) -> str:
    if name in _DEGREES:
        return "%.5f"
    if name in {"households", "corrected_risk"}:
        return "%.1f"
    return "%.0f" if name.endswith(("_m", "_m2")) or name in _RANKS else "%.2f"


def point_table(visit: Visit, view: MapView, limit: int = 5_000) -> tuple[pd.DataFrame, int]:
    """Return the newest reports that fit, and how many they are."""
    table = list_reports(visit.index, view.fits, limit=limit).drop(columns="cell")
    return table, len(table)


def geometry_of(layer: str) -> str:
    """Return what places the rows of a layer's table in a file."""
    return {"points": "point", "grids": "shape", "villages": "shape"}.get(layer, "cell")


def worded_reports(visit: Visit, reports: pd.DataFrame) -> pd.DataFrame:
    """Return a list of reports with codes replaced by names."""
    choices, t = visit.choices(), visit.t
    words = reports.copy()
    words["category"] = _named(reports["category"], choices.of("categories"))
    words["grid"] = _named(reports["grid_id"], choices.of("grids"))
    words["village"] = _named(reports["village_id"], choices.of("villages"))
    words["origin"] = _named(reports["origin"], {code: t(name) for code, name in ORIGINS.items()})
    columns = ["time", "category", "place", "description", "village", "grid", "source", "origin"]
    filled = [name for name in columns if name in {"time", "category"} or bool((words[name] != "").any())]
    return words[filled]


def worded_hotspots(table: pd.DataFrame, t: Translator) -> pd.DataFrame:
    """Return the hotspot list as people read it; the files keep every column."""
    tested = bool(table["p_value"].notna().any())
    chance = ["" if p_value != p_value else say_chance(p_value, t) for p_value in table["p_value"]]
    words = table.assign(chance=pd.Series(chance, index=table.index, dtype="str"))
    for name, said in (("life", LIFE_WORDS), ("change", CHANGE_WORDS)):
        words[name] = pd.Series([say_word(code, said, t) for code in table[name]], words.index, dtype="str")
    told = [name for name in ("life", "change") if bool((words[name] != "").any())]
    columns = [
        "rank",
        "count",
        *(["chance"] if tested else []),
        *told,
        "nearest_place",
        "nearest_place_m",
        "village",
        "grid",
        "main_hours",
        "reason",
        "share",
        "cumulative_share",
        "last_time",
        "score",
        "cell",
    ]
    return words[columns]


def _named(codes: pd.Series, names: Mapping[str, str]) -> pd.Series:
    return codes.map(lambda code: names.get(code, code)).astype("str")
