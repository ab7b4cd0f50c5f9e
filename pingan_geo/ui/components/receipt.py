"""The receipt of an import: what became of every row, each kind of outcome as a list, beside a map."""

from __future__ import annotations

import html
import json
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.intake.columns import FIELD_NAMES
from pingan_geo.model.receipt import CORRECTION_REASONS, HOLD_REASONS, Receipt
from pingan_geo.outputs.map_layers import PointLayer, PolygonLayer
from pingan_geo.outputs.maps import town_map
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.tables import show_table
from pingan_geo.ui.components.town_map import show_map
from pingan_geo.ui.routes import tile_source
from pingan_geo.workflow.corrections import list_corrections, list_held
from pingan_geo.workflow.held import export_held
from pingan_geo.workflow.inventory import load_batch_reports

_OUTCOMES = (
    ("accepted", mark("Accepted")),
    ("merged", mark("Merged")),
    ("corrected", mark("Corrected")),
    ("held", mark("Held")),
    ("repeated", mark("Repeated")),
)
_ROWS_SHOWN = 500
#: Points farther from the town than this, in degrees, are told of and not drawn: the town would be a dot.
_NEAR_DEG = 0.2


def show_receipt(receipt: Receipt, visit: Visit) -> None:
    """Draw what became of every row, and what the file was taken to be."""
    t = visit.t
    layout.show_section(t("Receipt: {file}", file=receipt.file))
    show_sum(receipt, t)
    if receipt.batch_id is not None and receipt.kind == "reports":
        _show_outcome(receipt, visit)
    show_details(receipt, visit)


def show_sum(receipt: Receipt, t: Translator) -> None:
    """Draw the sum that accounts for every row."""
    parts = [f"{t(name)} {t.number(getattr(receipt, field))}" for field, name in _OUTCOMES]
    st.markdown(f"**{t('Read')} {t.number(receipt.read)}** = " + " + ".join(parts))


def show_details(receipt: Receipt, visit: Visit) -> None:
    """Draw why rows were held, what the file was taken to be, and the files to take away."""
    t = visit.t
    if receipt.held_by_reason:
        st.markdown(f"**{t('Why rows were held')}**")
        reasons = [t(HOLD_REASONS.get(code, code)) for code in receipt.held_by_reason]
        table = pd.DataFrame({"reason": reasons, "held": list(receipt.held_by_reason.values())})
        show_table(table, t, key="receipt_reasons")
    st.markdown("\n".join(f"- {layout.plain(t(msgid, **values))}" for msgid, values in receipt.notes))
    if receipt.columns:
        with st.expander(t("How the columns were understood")):
            fields = {t(FIELD_NAMES.get(name, name)): heading for name, heading in receipt.columns.items()}
            layout.show_facts(fields)
    with st.container(horizontal=True, key="receipt_files", vertical_alignment="center"):
        _offer(t("Receipt (JSON)"), _as_json(receipt), receipt.file, "receipt", ".json")
        if receipt.batch_id is not None and receipt.held:
            for suffix, label in ((".xlsx", "Excel"), (".csv", "CSV")):
                written = _held_writer(visit, receipt.batch_id, suffix)
                _offer(t("Held rows as {format}", format=label), written, receipt.file, "held", suffix)


def show_undo(receipt: Receipt, visit: Visit) -> bool:
    """Draw the way back from an import and return whether it was confirmed."""
    t = visit.t
    if receipt.batch_id is None:
        return False
    with st.popover(t("Take this import back …")):
        st.markdown(
            t(
                "All that import {batch} brought goes: reports, held rows, and what was mended or merged since.",
                batch=receipt.batch_id,
            )
        )
        return bool(st.button(t("Yes, take it back"), key="undo", type="primary"))


def _show_outcome(receipt: Receipt, visit: Visit) -> None:
    """Draw one chip a kind of outcome, and the rows of the one that is pressed."""
    t = visit.t
    counts = {field: getattr(receipt, field) for field, _ in _OUTCOMES if getattr(receipt, field)}
    if not counts:
        return
    names = dict(_OUTCOMES)
    key = f"outcome_{receipt.batch_id}"
    if st.session_state.get(key) not in counts:
        st.session_state[key] = "held" if "held" in counts else None
    chosen = st.pills(
        t("Show the rows"),
        list(counts),
        format_func=lambda field: f"{t(names[field])} {t.number(counts[field])}",
        key=key,
    )
    if chosen == "held":
        _show_held(receipt, visit)
    elif chosen == "corrected":
        _show_corrected(receipt, visit)
    elif chosen == "repeated":
        st.caption(t("These rows are stored already, by this or an earlier file, and were not stored twice."))
    elif chosen:
        reports = load_batch_reports(visit.town, _batch(receipt), merged=chosen == "merged")
        names_of = visit.choices().of("categories")
        reports["category"] = reports["category"].map(lambda code: names_of.get(code, code)).astype("str")
        shown = _first(reports, t)[["row_number", "time", "category", "place", "description"]].copy()
        show_table(shown, t, key=f"rows_{chosen}", height=320)


def _show_held(receipt: Receipt, visit: Visit) -> None:
    t = visit.t
    held = list_held(visit.town, _batch(receipt))
    if held.empty:
        st.caption(t("All of them were mended or put aside since."))
        return
    # A plain link: the review is a page of its own, and the language goes along.
    st.html(
        f'<a class="onward" href="review?lang={t.language}" target="_self">'
        f"{html.escape(t('Mend the held rows one by one'))} →</a>"
    )
    st.caption(t("Or mend them in the file below and import it: rows that are stored already stay single."))
    listed = _first(held, t)
    reasons = [t(HOLD_REASONS.get(code, code)) for code in listed["reason"]]
    values = [" | ".join(str(value) for value in json.loads(row).values()) for row in listed["values"]]
    table = listed[["sheet", "row_number", "detail"]].assign(reason=reasons, values=values)
    columns = ["row_number", "reason", "detail", "values"]
    if (table["sheet"] != "").any():
        columns = ["sheet", *columns]
    _show_beside_map(visit, table[columns], held, reasons, key="held")


def _show_corrected(receipt: Receipt, visit: Visit) -> None:
    t = visit.t
    corrections = list_corrections(visit.town, _batch(receipt))
    listed = _first(corrections, t)
    reasons = [t(CORRECTION_REASONS.get(code, code)) for code in listed["what"]]
    table = listed[["row_number", "before", "after"]].assign(reason=reasons)
    _show_beside_map(
        visit, table[["row_number", "reason", "before", "after"]], corrections, reasons, key="corrected"
    )


def _show_beside_map(
    visit: Visit, table: pd.DataFrame, rows: pd.DataFrame, reasons: list[str], *, key: str
) -> None:
    """Draw a list and, where its rows say a place, a map beside it."""
    t = visit.t
    lon, lat = rows["lon"].to_numpy("float64"), rows["lat"].to_numpy("float64")
    west, south, east, north = visit.town.area.bounds
    placed = np.isfinite(lon) & np.isfinite(lat)
    near = (lon > west - _NEAR_DEG) & (lon < east + _NEAR_DEG)
    near &= (lat > south - _NEAR_DEG) & (lat < north + _NEAR_DEG)
    left, right = st.columns([3, 2]) if near.any() else (st.container(), None)
    with left:
        show_table(table, t, key=key, height=360)
    unseen = {
        t("{count} rows say no place.", count=int((~placed).sum())): (~placed).any(),
        t("{count} rows lie far from the town.", count=int((placed & ~near).sum())): (placed & ~near).any(),
    }
    st.caption(" ".join(sentence for sentence, is_so in unseen.items() if is_so))
    if right is None:
        return
    shown = near[: len(table)]
    tips = [f"{t('Row')} {row}\n{reason}" for row, reason in zip(table["row_number"], reasons, strict=True)]
    with right:
        base = town_map(
            bounds=(
                min(west, lon[near].min()), min(south, lat[near].min()),
                max(east, lon[near].max()), max(north, lat[near].max()),
            ),
            t=t,
            notice=visit.notice,
            area=visit.polygons("area"),
            tiles=tile_source(visit.settings),
            language=t.language,
        )  # fmt: skip
        layers: list[Any] = []
        villages = visit.polygons("villages")
        if len(villages):
            layers.append(PolygonLayer(villages, "villages", labels=True))
        dots = np.flatnonzero(shown)
        layers.append(PointLayer(lon[dots], lat[dots], "reports", tips=[tips[row] for row in dots], size=11))
        show_map(base, layers, key=f"map_{key}", height=360)


def _first(rows: pd.DataFrame, t: Translator) -> pd.DataFrame:
    if len(rows) > _ROWS_SHOWN:
        st.caption(t("The first {shown} of {total}.", shown=_ROWS_SHOWN, total=len(rows)))
    return rows.head(_ROWS_SHOWN)


def _batch(receipt: Receipt) -> int:
    assert receipt.batch_id is not None  # noqa: S101 - the caller looked
    return receipt.batch_id


def _offer(label: str, written: bytes | Callable[[], bytes], file: str, name: str, suffix: str) -> None:
    st.download_button(
        label,
        written,
        file_name=f"{PurePath(file).stem.replace('*', '')}_{name}{suffix}",
        on_click="ignore",
        key=f"{name}{suffix}",
    )


def _as_json(receipt: Receipt) -> bytes:
    return json.dumps(receipt.as_dict(), ensure_ascii=False, indent=1).encode("utf-8")


def _held_writer(visit: Visit, batch: int, suffix: str) -> Callable[[], bytes]:
    def write() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"held{suffix}"
            export_held(visit.town, file, batch=batch, language=visit.t.language)
            return file.read_bytes()

    return write
