"""Parts of the import page: choosing a file, progress, receipt, held rows, batches."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.intake.columns import FIELD_NAMES
from pingan_geo.model.receipt import HOLD_REASONS, OnProgress, Progress, Receipt
from pingan_geo.settings import DATUMS
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.tables import show_table
from pingan_geo.workflow.held import export_held, held_rows
from pingan_geo.workflow.inventory import load_batches

KINDS: Mapping[str, str] = {
    "reports": mark("Reports"),
    "grids": mark("Grids"),
    "villages": mark("Villages"),
    "beats": mark("Police beats"),
    "estates": mark("Estates"),
    "roads": mark("Roads"),
    "waters": mark("Waters"),
    "posts": mark("Safety posts"),
    "stations": mark("Alliance stations"),
    "enterprises": mark("Enterprises"),
    "places": mark("Named places"),
    "volunteers": mark("Volunteers"),
}
_DATUMS: Mapping[str, str] = {
    "": mark("As the file or the town says"),
    "wgs84": mark("WGS-84 (GPS)"),
    "gcj02": mark("GCJ-02 (Amap, Tencent)"),
    "bd09": mark("BD-09 (Baidu)"),
    "cgcs2000": mark("CGCS2000 (survey)"),
}
_DATE_ORDERS: Mapping[str, str] = {
    "": mark("As the file shows"),
    "dmy": mark("Day before month"),
    "mdy": mark("Month before day"),
}
_OUTCOMES = (
    ("accepted", mark("Accepted")),
    ("merged", mark("Merged")),
    ("corrected", mark("Corrected")),
    ("held", mark("Held")),
    ("repeated", mark("Repeated")),
)
LARGEST_MB = 200
_SUFFIXES = ["csv", "txt", "tsv", "xlsx", "xls", "geojson", "json", "gpkg", "zip", "kml"]
_HELD_SHOWN = 500


@dataclass(frozen=True)
class Upload:
    """A file that was dropped on the page, and what the visitor says of it."""

    kind: str
    datum: str
    source: str
    date_order: str
    dropped: Any

    @contextmanager
    def file(self) -> Iterator[Path]:
        """Yield the file on disk under its own name; gone afterwards."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / (PurePath(self.dropped.name.replace("\\", "/")).name or "file")
            file.write_bytes(self.dropped.getbuffer())
            yield file


def choose_file(visit: Visit) -> Upload | None:
    """Draw the fields of an import and return what is to be read, ``None`` until a file is there."""
    t = visit.t
    places = st.columns(4)
    kind = _one(places[0], t("What the file holds"), KINDS, "import_kind", t)
    datum = _one(places[1], t("Coordinates are"), _DATUMS, "import_datum", t)
    source = date_order = ""
    if kind == "reports":
        date_order = _one(places[2], t("Dates such as 3/4/2026"), _DATE_ORDERS, "import_dates", t)
        source = places[3].text_input(
            t("Name of the ledger (may be empty)"), key="import_source", max_chars=80
        )
    dropped = st.file_uploader(
        t("CSV, Excel, GeoJSON, GPKG or zipped Shapefile, up to {limit} MB", limit=LARGEST_MB),
        type=_SUFFIXES,
        key="import_file",
        max_upload_size=LARGEST_MB,
    )
    st.caption(
        t(
            "Larger files: {command} on the server reads a file of any size.",
            command=f"`pingan import {kind} …`",
        )
    )
    return None if dropped is None else Upload(kind, datum, source.strip(), date_order, dropped)


def _one(place: Any, label: str, offered: Mapping[str, str], key: str, t: Translator) -> str:
    return str(place.selectbox(label, list(offered), format_func=lambda code: t(offered[code]), key=key))


@contextmanager
def start_progress(t: Translator) -> Iterator[OnProgress]:
    """Draw a progress bar with a cancel button while the block runs.

    Any click makes Streamlit stop the run at the next step; the import then rolls back as a whole, so the
    button needs no handler of its own.
    """
    with st.container(key="progress"):
        bar = st.progress(0.0, text=t("Reading the file …"))
        cancel = st.empty()
        cancel.button(t("Cancel"), key="cancel", help=t("Nothing is written before the end."))

    def on_progress(step: Progress) -> None:
        share = min(step.done / step.total, 1.0) if step.total else 0.0
        bar.progress(share, text=t("{stage}: {rows} rows", stage=t(step.stage), rows=step.rows))

    try:
        yield on_progress
    finally:
        bar.empty()
        cancel.empty()


def show_receipt(receipt: Receipt, visit: Visit) -> None:
    """Draw what became of every row, and what the file was taken to be."""
    t = visit.t
    layout.show_section(t("Receipt: {file}", file=receipt.file))
    if receipt.dry_run:
        st.info(t("Checked only. Nothing was written."))
    parts = [f"{t(name)} {t.number(getattr(receipt, field))}" for field, name in _OUTCOMES]
    st.markdown(f"**{t('Read')} {t.number(receipt.read)}** = " + " + ".join(parts))
    for msgid, values in receipt.notes:
        st.markdown(f"- {layout.plain(t(msgid, **values))}")
    left, right = st.columns(2)
    if receipt.columns:
        with left:
            st.markdown(f"**{t('How the columns were understood')}**")
            table = pd.DataFrame({"field": _fields(receipt, t), "heading": list(receipt.columns.values())})
            show_table(table.astype("str"), t, key="receipt_columns")
    if receipt.held_by_reason:
        with right:
            st.markdown(f"**{t('Why rows were held')}**")
            reasons = [t(HOLD_REASONS.get(code, code)) for code in receipt.held_by_reason]
            table = pd.DataFrame({"reason": reasons, "held": list(receipt.held_by_reason.values())})
            show_table(table, t, key="receipt_reasons")


def _fields(receipt: Receipt, t: Translator) -> list[str]:
    return [t(FIELD_NAMES.get(name, name)) for name in receipt.columns]


def show_held(visit: Visit) -> None:
    """Draw the rows that were held, why, and the file that goes back to the sender."""
    t = visit.t
    held = held_rows(visit.town)
    layout.show_section(t("Held rows"))
    if held.empty:
        st.caption(t("No row is held."))
        return
    st.caption(
        t("Mend them in the file and import it again: rows that are stored already are not stored twice.")
    )
    listed = held.head(_HELD_SHOWN)
    if len(listed) < len(held):
        st.caption(
            t("Shown {shown} of {total}. The file below holds all.", shown=len(listed), total=len(held))
        )
    table = listed[["file_name", "row_number", "reason", "detail", "values"]].copy()
    table["reason"] = [t(HOLD_REASONS.get(code, code)) for code in listed["reason"]]
    table["values"] = [
        " | ".join(str(value) for value in json.loads(row).values()) for row in listed["values"]
    ]
    show_table(table, t, key="held", height=280)
    for suffix, label in ((".xlsx", "Excel"), (".csv", "CSV")):
        st.download_button(
            t("Held rows as {format}", format=label),
            _held_writer(visit, suffix),
            file_name=f"held{suffix}",
            on_click="ignore",
            key=f"held{suffix}",
        )


def show_batches(visit: Visit) -> int | None:
    """Draw the imports made so far; return the number of the one that is to be taken back."""
    t = visit.t
    batches = load_batches(visit.town)
    layout.show_section(t("Imports"))
    if batches.empty:
        st.caption(t("Nothing was imported yet."))
        return None
    table = batches.copy()
    table["kind"] = [t(KINDS.get(kind, kind)) for kind in table["kind"]]
    show_table(table, t, key="batches", height=240)
    standing = batches[batches["undone_at"].isna()]
    if standing.empty:
        return None
    names = {
        int(row.batch_id): t("{batch}: {file}", batch=str(row.batch_id), file=row.file_name)
        for row in standing.itertuples()
    }
    left, right, _ = st.columns([2, 1, 2], vertical_alignment="bottom")
    batch = left.selectbox(
        t("Take an import back"),
        list(names),
        None,
        format_func=lambda one: names.get(one, str(one)),
        key="undo_batch",
        placeholder=t("Choose one"),
    )
    pressed = right.button(t("Take back"), key="undo", disabled=batch is None, width="stretch")
    return batch if pressed else None


def _held_writer(visit: Visit, suffix: str) -> Any:
    def write() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"held{suffix}"
            export_held(visit.town, file, language=visit.t.language)
            return file.read_bytes()

    return write


assert set(DATUMS) < set(_DATUMS)  # noqa: S101 - a datum without a name could not be chosen
