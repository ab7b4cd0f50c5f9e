"""The map: what was reported where and when, and everything behind a place that is clicked."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import charts, layout
from pingan_geo.ui.components.filters import choose, choose_overlays, show_filters
from pingan_geo.ui.components.map_view import offered_overlays, show_report_map
from pingan_geo.ui.components.place import keep_pick, show_place, show_place_reports
from pingan_geo.ui.components.twin import show_twin
from pingan_geo.ui.components.watch import say_watch, show_corrected
from pingan_geo.ui.state import DETAILS, LAYERS, keep_question, read_question


def show(visit: Visit) -> None:
    """Draw the page."""
    t, choices = visit.t, visit.choices()
    question, refused = read_question(choices)
    layout.show_heading(visit, t("Map"))
    layout.show_refused(refused, t)
    question = show_filters(question, choices, visit.today, t)
    with st.container(horizontal=True, vertical_alignment="bottom", key="map_controls"):
        question = replace(question, layer=choose("layer", question.layer, t("Shown as"), LAYERS, t))
        question = replace(question, detail=choose("detail", question.detail, t("Cell size"), DETAILS, t))
        overlays = choose_overlays(question, offered_overlays(visit), t("Also on the map"), t)
    question = keep_pick(replace(question, overlays=overlays), visit.resolution(question.detail))
    keep_question(question, t.language)

    view = visit.view(question.report_filter(visit.today), visit.resolution(question.detail))
    if not view.total:
        layout.show_nothing(visit, view.asked)
        return
    layout.show_totals(visit, view, question.layer)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        picked = show_report_map(visit, question, view)
        say_watch(visit, question)
    with right:
        asked = replace(question, pick=picked) if picked else question
        if asked.pick and not picked:
            asked = show_place(visit, question, view)
        elif not asked.pick:
            charts.show_trend(view, t)
            charts.show_hours(view.hours, t, key="all")
            charts.show_categories(view.categories, choices.of("categories"), t)
    if asked != question:
        keep_question(asked, t.language)
        st.rerun()
    listed = show_corrected(visit, question)
    if listed and listed != question.pick:
        keep_question(replace(question, pick=listed), t.language)
        st.rerun()
    if question.pick:
        show_place_reports(visit, question, view)
    show_twin(visit, question, view)
