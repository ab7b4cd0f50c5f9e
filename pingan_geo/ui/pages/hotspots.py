"""The hotspot list: the same rows as ``pingan hotspots``, and the test behind each of them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pingan_geo.errors import MixedOriginsError, NoReportsError
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import downloads, layout, tables, verdict
from pingan_geo.ui.components.filters import choose, choose_number, show_filters
from pingan_geo.ui.components.map_view import show_hotspot_map
from pingan_geo.ui.state import DETAILS, METHODS, Question, cuts_of, keep_question, read_question
from pingan_geo.workflow.hotspots import Hotspots

RECOUNTS = 20
#: With more reports than these the recounts would make a visitor wait; the command line makes them.
MOST_RECOUNTED = 50_000


def show(visit: Visit) -> None:
    """Draw the page."""
    t, choices = visit.t, visit.choices()
    question, refused = read_question(choices)
    layout.show_heading(
        visit, t("Hotspots"), t("The cells that stand out, and whether chance alone would bring them.")
    )
    layout.show_refused(refused, t)
    question = show_filters(question, choices, visit.today, t)
    with st.container(horizontal=True, vertical_alignment="bottom", key="hotspot_controls"):
        question = _controls(question, visit)

    asked = question.report_filter(visit.today)
    try:
        found = visit.hotspots(
            asked,
            method=question.method,
            resolution=visit.resolution(question.detail),
            top=question.top if question.cut == "top" else None,
            coverage=question.coverage / 100 if question.cut == "coverage" else None,
            recounts=RECOUNTS if len(visit.index) <= MOST_RECOUNTED else 0,
        )
    except NoReportsError:
        keep_question(question, t.language)
        layout.show_nothing(visit, asked)
        return
    except MixedOriginsError as error:
        keep_question(question, t.language)
        layout.show_error(error, t)
        return
    verdict.show_verdict(found)
    layout.show_hotspot_totals(found, t)
    if found.table.empty:
        keep_question(question, t.language)
        st.markdown(t("Nothing is listed. “First N cells” lists the strongest cells all the same."))
    else:
        question = _list(visit, question, found)
    layout.show_about(found.about, t)


def _controls(question: Question, visit: Visit) -> Question:
    """Draw what is asked beside the filters."""
    t = visit.t
    detail = choose("detail", question.detail, t("Cell size"), DETAILS, t)
    method = choose("method", question.method, t("Ranked by"), METHODS, t)
    cuts = cuts_of(method)
    if method != question.method:  # another method, another usual length
        question = replace(question, cut=next(iter(cuts)))
        st.session_state["ask_cut"] = question.cut
    cut = choose("cut", question.cut, t("How long"), cuts, t)
    question = replace(question, detail=detail, method=method, cut=cut)
    if cut == "top":
        return replace(question, top=int(choose_number("top", question.top, t("Cells"), 1, 500, 1)))
    if cut == "coverage":
        share = choose_number("coverage", question.coverage, t("Percent of the area"), 0.1, 100.0, 0.5)
        return replace(question, coverage=float(share))
    return question


def _list(visit: Visit, question: Question, found: Hotspots) -> Question:
    """Draw map, panel, list and files; return the question with the cell that was picked."""
    t = visit.t
    kind, _, cell = question.pick.partition(":")
    cell = cell if kind == "cell" else ""
    clicked = show_hotspot_map(visit, found, cell)
    left, panel = st.columns([3, 2], gap="large")
    with left:
        words = tables.worded_hotspots(found.table, t)
        row = tables.show_table(words, t, key="hotspots", height=420, pick=True)
    if row is not None:
        clicked = str(found.table["cell"].iloc[row])
    if clicked:
        question = replace(question, pick=f"cell:{clicked}")
    keep_question(question, t.language)
    if clicked and clicked != cell:  # the map draws the picked cell with a bold edge
        st.rerun()
    with panel:
        verdict.show_test(found, cell, t)
    downloads.offer_hotspots(visit, found)
    return question
