"""The back-test: what lists made in the past would have caught, method beside method, window by window."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pingan_geo.errors import MixedOriginsError, NoReportsError, ShortRecordError
from pingan_geo.model.report import Period
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import backtest, layout
from pingan_geo.ui.components.filters import choose, show_filters
from pingan_geo.ui.state import DETAILS, keep_question, read_question


def show(visit: Visit) -> None:
    """Draw the page."""
    t, choices = visit.t, visit.choices()
    question, refused = read_question(choices)
    layout.show_heading(
        visit,
        t("Back-test"),
        t("What lists made in the past would have caught: a method sees only what was reported before."),
    )
    layout.show_refused(refused, t)
    question = show_filters(question, choices, visit.today, t)
    detail = choose("detail", question.detail, t("Cell size"), DETAILS, t)
    question = replace(question, detail=detail)
    keep_question(question, t.language)
    asked = question.report_filter(visit.today)
    if question.preset != "custom":  # "the last 90 days" are too few to learn from and to try on
        asked = replace(asked, period=Period(None, asked.period.until))
    try:
        found, coverage = backtest.find_back_test(visit, asked, visit.resolution(detail))
    except NoReportsError:
        layout.show_nothing(visit, asked)
        return
    except (MixedOriginsError, ShortRecordError) as error:
        layout.show_error(error, t)
        return
    backtest.show_scores(found, float(coverage), t)
    backtest.show_window(visit, found, float(coverage))
    backtest.offer_files(visit, found)
    layout.show_about(found.about, t)
    st.caption(t("The record is taken from its beginning, unless the dates are your own."))
    st.caption(t("Finds of patrols neither train a method nor count as hits."))
