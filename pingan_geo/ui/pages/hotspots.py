"""The hotspot list: the same rows as ``pingan hotspots``."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pingan_geo.errors import NoReportsError
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import downloads, layout, tables
from pingan_geo.ui.components.filters import choose, choose_number, show_filters
from pingan_geo.ui.components.map_view import show_hotspot_map
from pingan_geo.ui.state import CUTS, DETAILS, METHODS, keep_question, read_question


def show(visit: Visit) -> None:
    """Draw the page."""
    t, choices = visit.t, visit.choices()
    question, refused = read_question(choices)
    layout.show_heading(
        visit, t("Hotspots"), t("The cells with the most reports, and why each is on the list.")
    )
    layout.show_refused(refused, t)
    question = show_filters(question, choices, visit.today, t)
    with st.container(horizontal=True, vertical_alignment="bottom", key="hotspot_controls"):
        detail = choose("detail", question.detail, t("Cell size"), DETAILS, t)
        method = choose("method", question.method, t("Ranked by"), METHODS, t)
        cut = choose("cut", question.cut, t("How long"), CUTS, t)
        question = replace(question, detail=detail, method=method, cut=cut)
        if cut == "top":
            question = replace(question, top=int(choose_number("top", question.top, t("Cells"), 1, 500, 1)))
        else:
            share = choose_number("coverage", question.coverage, t("Percent of the area"), 0.1, 100.0, 0.5)
            question = replace(question, coverage=float(share))
    keep_question(question, t.language)

    asked = question.report_filter(visit.today)
    try:
        found = visit.hotspots(
            asked,
            method=question.method,
            resolution=visit.resolution(question.detail),
            top=question.top if question.cut == "top" else None,
            coverage=question.coverage / 100 if question.cut == "coverage" else None,
        )
    except NoReportsError:
        layout.show_nothing(visit, asked)
        return
    layout.show_hotspot_totals(found, t)
    show_hotspot_map(visit, found)
    tables.show_table(tables.worded_hotspots(found.table), t, key="hotspots", height=420)
    downloads.offer_hotspots(visit, found)
    layout.show_about(found.about, t)
