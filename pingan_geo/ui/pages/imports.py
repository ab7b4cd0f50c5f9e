"""Importing a file in four steps: choose it, see what it was taken to be, check, receipt."""

from __future__ import annotations

import streamlit as st

from pingan_geo.errors import PinganError
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.model.receipt import Receipt
from pingan_geo.ui.cache import Visit, town_now
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.checking import check
from pingan_geo.ui.components.intake import Upload, choose_another, choose_file, show_batches, show_step
from pingan_geo.ui.components.ledger import show_ledger
from pingan_geo.ui.components.receipt import show_receipt, show_undo
from pingan_geo.ui.state import keep_language
from pingan_geo.workflow.import_layers import undo_import
from pingan_geo.workflow.inventory import load_receipt


def show(visit: Visit) -> None:
    """Draw the page."""
    t = visit.t
    keep_language(t.language)
    layout.show_heading(
        visit, t("Import"), t("Every row read is accepted, merged, corrected, held or repeated.")
    )
    place = st.container()
    upload = choose_file(visit)
    step = 1 if upload is None else _take(visit, upload)
    with place:
        show_step(step, t)
    batch = show_batches(visit)
    if batch is not None:
        _show(visit, load_receipt(visit.town, batch))


def _take(visit: Visit, upload: Upload) -> int:
    """Draw what comes after a file is there, and return the step that it has reached."""
    t = visit.t
    made = _made(upload)
    if made is not None:
        _show(visit, made if made.batch_id is None else load_receipt(visit.town, made.batch_id))
        st.button(t("Import another file"), key="another", type="primary", on_click=choose_another)
        return 4
    ledger: str | LedgerLayout | None = ""
    try:
        if upload.kind == "reports":
            layout.show_section(t("What the file was taken to be"))
            ledger = show_ledger(visit, upload)
    except PinganError as error:
        layout.show_error(error, t)
        return 2
    return 2 if ledger is None else check(visit, upload, ledger)


def _made(upload: Upload) -> Receipt | None:
    """Return the receipt of the import that was made of this file in this session."""
    file_id, receipt = st.session_state.get("receipt", ("", None))
    return receipt if file_id == upload.file_id else None


def _show(visit: Visit, receipt: Receipt) -> None:
    show_receipt(receipt, visit)
    if show_undo(receipt, visit) and receipt.batch_id is not None:
        undo_import(visit.town, receipt.batch_id, town_now(visit))
        choose_another()
        st.rerun()
