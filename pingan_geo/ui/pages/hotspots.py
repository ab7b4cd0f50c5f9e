"""The hotspot list: the same rows as ``pingan hotspots``, and the test behind each of them."""

from __future__ import annotations

import streamlit as st

from pingan_geo.errors import (
    BadChoiceError,
    MixedOriginsError,
    NoBandwidthError,
    NoExposureError,
    NoReportsError,
)
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import layout, verdict
from pingan_geo.ui.components.filters import show_filters
from pingan_geo.ui.components.hotspot_list import choose_list, find_list, show_list
from pingan_geo.ui.state import keep_question, read_question

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
        question = choose_list(question, visit)

    asked = question.report_filter(visit.today)
    try:
        found = find_list(visit, question, RECOUNTS if len(visit.index) <= MOST_RECOUNTED else 0)
    except NoReportsError:
        keep_question(question, t.language)
        layout.show_nothing(visit, asked)
        return
    except (BadChoiceError, MixedOriginsError, NoBandwidthError, NoExposureError) as error:
        keep_question(question, t.language)
        layout.show_error(error, t)
        return
    if found is None:
        keep_question(question, t.language)
        return
    verdict.show_verdict(found)
    layout.show_hotspot_totals(found, t)
    if found.table.empty:
        keep_question(question, t.language)
        st.markdown(t("Nothing is listed. “First N cells” lists the strongest cells all the same."))
    else:
        show_list(visit, question, found)
    layout.show_about(found.about, t)
