"""The analysis: an area drawn on the map and all that is known of it; areas and periods compared; time."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import analysis, layout
from pingan_geo.ui.components.analysis_rates import show_rates
from pingan_geo.ui.components.analysis_state import SHOWS, keep_asked, read_asked
from pingan_geo.ui.components.analysis_views import show_views
from pingan_geo.ui.components.filters import choose, show_filters


def show(visit: Visit) -> None:
    """Draw the page."""
    t, choices = visit.t, visit.choices()
    asked, refused = read_asked(visit, choices)
    said = t("Draw an area and see what is reported there, compared with the rest and with other times.")
    layout.show_heading(visit, t("Analysis"), said)
    layout.show_refused(refused, t)
    asked = replace(asked, question=show_filters(asked.question, choices, visit.today, t))
    asked = replace(
        asked, show=choose("an_show", asked.show, t("What to look at"), SHOWS, t, hide_label=True)
    )
    if asked.question.villages or asked.question.grids:
        st.caption(t("The filters Village and Grid do not count here: choose them as an area."))
    if not visit.index.select(analysis.report_filter(visit, asked)).any():
        keep_asked(asked, t.language)
        layout.show_nothing(visit, analysis.report_filter(visit, asked))
        return
    if asked.show in {"area", "areas"}:
        analysis.show_areas(visit, asked)
    elif asked.show == "periods":
        analysis.show_periods(visit, asked)
    elif asked.show == "rates":
        show_rates(visit, asked)
    else:
        analysis.show_time(visit, asked)
    show_views(visit, asked)
