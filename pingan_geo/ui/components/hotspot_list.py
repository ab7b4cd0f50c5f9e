"""What a hotspot list is asked for, and the list with its map and the test of the picked cell."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import downloads, tables, verdict
from pingan_geo.ui.components.filters import choose, choose_number
from pingan_geo.ui.components.map_view import show_hotspot_map
from pingan_geo.ui.state import DETAILS, METHODS, Question, cuts_of, keep_question
from pingan_geo.workflow.hotspots import Hotspots


def choose_list(question: Question, visit: Visit) -> Question:
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


def show_list(visit: Visit, question: Question, found: Hotspots) -> None:
    """Draw map, list, test and files, and keep the cell that was picked."""
    t = visit.t
    kind, _, cell = question.pick.partition(":")
    cell = cell if kind == "cell" else ""
    clicked = show_hotspot_map(visit, found, cell)
    left, panel = st.columns([3, 2], gap="large")
    with left:
        words = tables.worded_hotspots(found.table, t)
        row = tables.show_table(words, t, key="hotspots", height=640 if cell else 420, pick=True)
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
