"""The third step of an import: read without writing, ask what only a person knows, then import."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pingan_geo.errors import DatumUnclearError, PinganError
from pingan_geo.i18n import Translator
from pingan_geo.intake.layouts import LedgerLayout
from pingan_geo.model.receipt import OnProgress, Receipt
from pingan_geo.ui.cache import Visit, town_now
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.datum_maps import show_datum
from pingan_geo.ui.components.intake import Upload, start_progress
from pingan_geo.ui.components.receipt import show_details, show_sum
from pingan_geo.workflow.import_layers import import_layer
from pingan_geo.workflow.layouts import remember_layout

if TYPE_CHECKING:
    from pingan_geo.workflow.reading import SourceGuess

#: A file up to this size is checked without being asked for: it takes a moment.
_AT_ONCE_BYTES = 2 << 20
_EARLIEST_YEAR = 1990


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Parameters
    ----------
    asked
        File and options that it was made with; another one is another check.
    receipt
        ``None`` when the file cannot be read so.
    error
        Why.
    guesses
        What the rows say of their datum.
    """

    asked: tuple[Any, ...]
    receipt: Receipt | None
    error: PinganError | None
    guesses: tuple[SourceGuess, ...] = ()


def check(visit: Visit, upload: Upload, ledger: str | LedgerLayout) -> int:
    """Draw the check of a file, import it when that is confirmed, and return the step that it has reached.

    The receipt of an import is left in the session under ``receipt``, with the file it belongs to.
    """
    t = visit.t
    layout.show_section(t("Check it"))
    asked = (upload.file_id, upload.kind, *_options(upload, ledger).values())
    checked: Checked | None = st.session_state.get("checked")
    if checked is None or checked.asked != asked:
        checked = None
        is_small = upload.dropped.size <= _AT_ONCE_BYTES
        if is_small or st.button(t("Check without importing"), key="check"):
            checked = _check(visit, upload, ledger, asked)
            st.session_state["checked"] = checked
    if checked is not None:
        show_datum(visit, checked.guesses, upload.datum, _datum_of(checked.receipt))
        if isinstance(checked.error, DatumUnclearError) and checked.guesses:
            st.warning(t("Say which coordinates these are: press one of the buttons above."))
        elif checked.error is not None:
            layout.show_error(checked.error, t)
        _ask(upload, checked.receipt, t)
    receipt = checked.receipt if checked is not None else None
    if receipt is not None:
        show_sum(receipt, t)
        st.caption(t("Checked only. Nothing was written."))
    if st.button(t("Import"), key="import", type="primary", disabled=checked is not None and receipt is None):
        _import(visit, upload, ledger)
    if receipt is not None:
        with st.expander(t("What the check found"), expanded=receipt.held > 0):
            show_details(receipt, visit)
    return 2 if receipt is None else 3


def _check(visit: Visit, upload: Upload, ledger: str | LedgerLayout, asked: tuple[Any, ...]) -> Checked:
    guesses: tuple[SourceGuess, ...] = ()
    try:
        with upload.file() as file, start_progress(visit.t) as on_progress:
            if upload.kind == "reports":
                guesses = _look_at_datum(visit, upload, file, ledger)
            receipt = _run(visit, upload, ledger, file, on_progress, dry_run=True)
    except PinganError as error:
        return Checked(asked, None, error, guesses)
    return Checked(asked, receipt, None, guesses)


def _import(visit: Visit, upload: Upload, ledger: str | LedgerLayout) -> None:
    try:
        with upload.file() as file, start_progress(visit.t) as on_progress:
            receipt = _run(visit, upload, ledger, file, on_progress, dry_run=False)
        if isinstance(ledger, LedgerLayout) and ledger.name:
            is_swapped = _options(upload, ledger)["swap"] == "yes"
            remember_layout(visit.town, replace(ledger, swapped=is_swapped), now=town_now(visit))
    except PinganError as error:
        layout.show_error(error, visit.t)
    else:
        st.session_state["receipt"] = (upload.file_id, receipt)
        st.rerun()  # the pages and the footer count the new rows


def _run(
    visit: Visit,
    upload: Upload,
    ledger: str | LedgerLayout,
    file: Path,
    on_progress: OnProgress,
    *,
    dry_run: bool,
) -> Receipt:
    now = town_now(visit)
    if upload.kind != "reports":
        return import_layer(
            visit.town,
            upload.kind,
            file,
            datum=upload.datum,
            dry_run=dry_run,
            now=now,
            on_progress=on_progress,
        )
    from pingan_geo.workflow.import_reports import import_reports

    options = _options(upload, ledger)
    return import_reports(visit.town, file, dry_run=dry_run, now=now, on_progress=on_progress, **options)


def _options(upload: Upload, ledger: str | LedgerLayout) -> dict[str, Any]:
    """Return what a person has said of the file, for :func:`import_reports`."""
    return {
        "datum": upload.datum,
        "source": upload.source,
        "layout": ledger,
        "date_order": upload.date_order,
        "year": st.session_state.get(f"year_{upload.file_id}"),
        "swap": st.session_state.get(f"swap_{upload.file_id}") or "",
    }


def _look_at_datum(
    visit: Visit, upload: Upload, file: Path, ledger: str | LedgerLayout
) -> tuple[SourceGuess, ...]:
    """Return what the rows say of their datum, also where a person has stated one: the maps stay to compare."""
    from pingan_geo.workflow.reading import ReadingOptions, look_at_datum

    asked = ReadingOptions(upload.datum, upload.source, ledger)
    return look_at_datum(visit.town, file, asked, now=town_now(visit))


def _datum_of(receipt: Receipt | None) -> str:
    """Return the datum in which a file was read, as its receipt says first."""
    said = (values["datum"] for _, values in receipt.notes if "datum" in values) if receipt else iter(())
    return str(next(said, ""))


def _ask(upload: Upload, receipt: Receipt | None, t: Translator) -> None:
    """Draw the questions of a file, each asked once; an answer that was given can be changed."""
    questions = dict(receipt.questions) if receipt is not None else {}
    year, swap = f"year_{upload.file_id}", f"swap_{upload.file_id}"
    if "year" in questions or st.session_state.get(year):
        _ask_year(questions.get("year", {}), year, t)
    if "swap" in questions or st.session_state.get(swap):
        _ask_swap(questions.get("swap", {}), swap, t)


def _ask_year(values: Any, key: str, t: Translator) -> None:
    if values:
        st.warning(
            layout.plain(
                t(
                    "{count} times name no year, such as {example}. Which year is meant? Without it they are held.",
                    **values,
                )
            )
        )
    st.number_input(
        t("Year of the times without one"),
        _EARLIEST_YEAR,
        2100,
        None,
        key=key,
        width=240,
        placeholder=t("e.g. {year}", year=2026),
    )


def _ask_swap(values: Any, key: str, t: Translator) -> None:
    if values:
        st.warning(
            layout.plain(
                t(
                    "In {count} rows, latitude and longitude look exchanged ({example}). Exchange them all?",
                    **values,
                )
            )
        )
    words = {"yes": t("Exchange them all"), "": t("No, hold these rows")}
    st.segmented_control(
        t("Latitude and longitude"),
        list(words),
        format_func=words.__getitem__,
        key=key,
        label_visibility="collapsed",
    )
