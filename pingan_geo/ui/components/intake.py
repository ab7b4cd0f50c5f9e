"""Parts of the import page: choosing a file, progress, earlier imports."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.model.receipt import OnProgress, Progress
from pingan_geo.settings import DATUMS
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.tables import show_table
from pingan_geo.workflow.inventory import load_batches
from pingan_geo.workflow.layouts import forget_layout, list_layouts

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
DATUM_NAMES: Mapping[str, str] = {
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
LARGEST_MB = 200
_SUFFIXES = (
    *(
        "csv",
        "txt",
        "tsv",
        "xlsx",
        "xlsm",
        "xls",
        "et",
        "ods",
        "json",
        "geojson",
        "gpkg",
        "zip",
        "kml",
        "kmz",
        "pbf",
        "osm",
    ),
    *("jpg", "jpeg", "heic", "heif"),
)
_STEPS = (mark("Choose the file"), mark("See what it is"), mark("Check it"), mark("Receipt"))


@dataclass(frozen=True)
class Upload:
    """A file that was dropped on the page, and what the visitor says of it.

    Parameters
    ----------
    kind
        ``reports``, ``grids`` …
    datum, source, date_order
        As :func:`pingan_geo.workflow.import_reports.import_reports` takes them.
    layout
        Name of a layout that is remembered, ``""`` for none.
    dropped
        From Streamlit.
    """

    kind: str
    datum: str
    source: str
    date_order: str
    layout: str
    dropped: Any

    @property
    def file_id(self) -> str:
        """Another one for each file that is dropped, the same file again too."""
        return str(self.dropped.file_id)

    @contextmanager
    def file(self) -> Iterator[Path]:
        """Yield the file on disk under its own name; gone afterwards."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / (PurePath(self.dropped.name.replace("\\", "/")).name or "file")
            file.write_bytes(self.dropped.getbuffer())
            yield file


def show_step(number: int, t: Translator) -> None:
    """Draw where in the four steps the visitor is."""
    shown = "".join(
        f'<li class="{"now" if place == number else "done" if place < number else ""}">{t(words)}</li>'
        for place, words in enumerate(_STEPS, 1)
    )
    st.html(f'<ol class="steps">{shown}</ol>')


def choose_file(visit: Visit) -> Upload | None:
    """Draw the fields of an import and return what is to be read, ``None`` until a file is there."""
    t = visit.t
    dropped = st.file_uploader(
        t("Drop the ledger as it is: Excel, CSV, layer, photos (ZIP), up to {limit} MB", limit=LARGEST_MB),
        type=_SUFFIXES,
        key=own_key("import_file"),
        max_upload_size=LARGEST_MB,
    )
    if dropped is not None and st.session_state.get("receipt", ("",))[0] == dropped.file_id:
        return Upload("reports", "", "", "", "", dropped)  # imported: nothing is asked any more
    places = st.columns(4)
    kind = _one(places[0], t("What the file holds"), KINDS, "import_kind", t)
    known = source = date_order = ""
    if kind == "reports":
        known = _choose_layout(visit, places[1])
        source = places[2].text_input(
            t("Name of the ledger (may be empty)"),
            key=own_key("import_source"),
            max_chars=80,
            placeholder=t("e.g. the station's ledger"),
        )
    datum = _one(places[3], t("Coordinates are"), DATUM_NAMES, own_key("import_datum"), t)
    with st.expander(t("More, seldom needed")):
        if kind == "reports":
            date_order = _one(st, t("Dates such as 3/4/2026"), _DATE_ORDERS, own_key("import_dates"), t)
            if known and st.button(t("Forget the layout {name}", name=layout.plain(known)), key="forget"):
                forget_layout(visit.town, known)
                st.rerun()
        st.caption(
            t(
                "Larger files: {command} on the server reads a file of any size.",
                command=f"`pingan import {kind} …`",
            )
        )
    return None if dropped is None else Upload(kind, datum, source.strip(), date_order, known, dropped)


def own_key(name: str) -> str:
    """Return the key of a field that is empty again for the next file."""
    return f"{name}_{st.session_state.get('import_round', 0)}"


def choose_another() -> None:
    """Empty the page for the next file."""
    st.session_state["import_round"] = st.session_state.get("import_round", 0) + 1
    for name in ("receipt", "checked", "proposals"):
        st.session_state.pop(name, None)


def _choose_layout(visit: Visit, place: Any) -> str:
    t = visit.t
    layouts = list_layouts(visit.town)
    names = layouts["name"][layouts["kind"] == "reports"].tolist()
    key = own_key("import_layout")
    if st.session_state.get(key) not in ("", *names):
        st.session_state.pop(key, None)  # forgotten in the meantime
    return str(
        place.selectbox(
            t("Layout"),
            ["", *names],
            format_func=lambda name: name or t("As found in the file"),
            key=key,
        )
    )


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


def show_batches(visit: Visit) -> int | None:
    """Draw the imports made so far; return the number of the one whose receipt is to be shown."""
    t = visit.t
    batches = load_batches(visit.town)
    layout.show_section(t("Imports"))
    if batches.empty:
        st.caption(t("Nothing was imported yet. Drop a ledger above."))
        return None
    standing = batches[batches["undone_at"].isna()]
    names = {
        int(row.batch_id): t("{batch}: {file}", batch=str(row.batch_id), file=row.file_name)
        for row in standing.itertuples()
    }
    chosen = None
    if names:
        chosen = st.selectbox(
            t("Receipt of an earlier import"),
            list(names),
            None,
            format_func=lambda one: names.get(one, str(one)),
            key=own_key("batch"),
            placeholder=t("Choose one"),
        )
    table = batches.copy()
    table["kind"] = [t(KINDS.get(kind, kind)) for kind in table["kind"]]
    show_table(table, t, key="batches", height=240)
    return chosen


assert set(DATUMS) < set(DATUM_NAMES)  # noqa: S101 - a datum without a name could not be chosen
