"""Importing a file: what it was taken to be, a receipt that adds up, what was held, how to take it back."""

from __future__ import annotations

import streamlit as st

from pingan_geo.errors import PinganError
from pingan_geo.ui.cache import Visit, town_now
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.intake import (
    choose_file,
    show_batches,
    show_held,
    show_receipt,
    start_progress,
)
from pingan_geo.workflow.import_layers import import_layer, undo_import
from pingan_geo.workflow.import_reports import import_reports


def show(visit: Visit) -> None:
    """Draw the page."""
    t = visit.t
    layout.show_heading(
        visit, t("Import"), t("Every row read is accepted, merged, corrected, held or repeated.")
    )
    upload = choose_file(visit)
    if upload is not None:
        check, keep, _ = st.columns([1, 1, 3])
        checked = check.button(t("Check only"), key="check", width="stretch")
        kept = keep.button(t("Import"), key="import", type="primary", width="stretch")
        if checked or kept:
            try:
                with upload.file() as file, start_progress(t) as on_progress:
                    options = {"datum": upload.datum, "dry_run": checked, "now": town_now(visit)}
                    if upload.kind == "reports":
                        receipt = import_reports(
                            visit.town,
                            file,
                            source=upload.source,
                            date_order=upload.date_order,
                            on_progress=on_progress,
                            **options,
                        )
                    else:
                        receipt = import_layer(
                            visit.town, upload.kind, file, on_progress=on_progress, **options
                        )
            except PinganError as error:
                layout.show_error(error, t)
            else:
                st.session_state["receipt"] = receipt
                if kept:
                    st.rerun()  # the pages and the footer count the new rows
    if "receipt" in st.session_state:
        show_receipt(st.session_state["receipt"], visit)
    show_held(visit)
    taken_back = show_batches(visit)
    if taken_back is not None:
        undo_import(visit.town, taken_back, town_now(visit))
        st.session_state.pop("receipt", None)
        st.rerun()
