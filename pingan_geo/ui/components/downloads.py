"""Buttons that hand out a table as files, written by the one door :mod:`pingan_geo.outputs.exports`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from pingan_geo.outputs.exports import table_bytes
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components.tables import headings

if TYPE_CHECKING:
    from pingan_geo.workflow.hotspots import Hotspots

_TYPES = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".geojson": "application/geo+json",
    ".gpkg": "application/geopackage+sqlite3",
    ".kml": "application/vnd.google-earth.kml+xml",
}
_LABELS = {".csv": "CSV", ".xlsx": "Excel", ".geojson": "GeoJSON", ".gpkg": "GPKG", ".kml": "KML"}


def offer_downloads(
    visit: Visit,
    table: pd.DataFrame,
    *,
    name: str,
    title: str,
    key: str,
    suffixes: Sequence[str] = (".csv", ".xlsx", ".geojson"),
    geometry: str | None = None,
    about: Sequence[tuple[str, str]] = (),
) -> None:
    """Draw one button per format; a file is written only when its button is pressed.

    Parameters
    ----------
    name
        Of the file, without its ending.
    title
        Of the table, inside the file.
    geometry
        As in :func:`pingan_geo.outputs.exports.write_table`.
    about
        What was asked: (label, text) pairs that go into the file.
    """
    t = visit.t
    with st.container(horizontal=True, key=f"downloads_{key}", vertical_alignment="center"):
        st.markdown(t("Download"), width="content")
        for suffix in suffixes:
            _button(visit, _writer(visit, table, suffix, title, geometry, about), name, suffix, key)


def offer_hotspots(visit: Visit, found: Hotspots) -> None:
    """Draw one button per format for a hotspot list; the files are those of ``pingan hotspots``."""
    t = visit.t
    with st.container(horizontal=True, key="downloads_hotspots", vertical_alignment="center"):
        st.markdown(t("Download"), width="content")
        for suffix in _LABELS:
            _button(visit, _hotspot_writer(visit, found, suffix), "hotspots", suffix, "hotspots")


def _hotspot_writer(visit: Visit, found: Hotspots, suffix: str) -> Callable[[], bytes]:
    def write() -> bytes:
        from pingan_geo.workflow.hotspots import export_hotspots

        words = headings(found.table.columns, visit.t)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"hotspots{suffix}"
            return export_hotspots(found, file, language=visit.t.language, headings=words).read_bytes()

    return write


def _button(visit: Visit, write: Callable[[], bytes], name: str, suffix: str, key: str) -> None:
    st.download_button(
        _LABELS[suffix],
        write,
        file_name=f"{_safe(visit.settings.name)}_{_safe(name)}{suffix}",
        mime=_TYPES[suffix],
        on_click="ignore",
        key=f"download_{key}{suffix}",
    )


def _writer(
    visit: Visit, table: Any, suffix: str, title: str, geometry: str | None, about: Sequence[tuple[str, str]]
) -> Callable[[], bytes]:
    t = visit.t

    def write() -> bytes:
        return table_bytes(
            table,
            suffix,
            notice=visit.notice,
            title=title,
            geometry=geometry,
            about=about,
            headings=headings(table.columns, t),
            sheet_names=(t("Data"), t("About")),
        )

    return write


def _safe(name: str) -> str:
    return re.sub(r"[^\w-]+", "_", name).strip("_") or "town"
