"""What a hotspot list is asked for, and the list with its map and the test of the picked cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from pingan_geo.i18n import mark
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import course, downloads, tables, verdict
from pingan_geo.ui.components.filters import choose, choose_number
from pingan_geo.ui.components.map_view import show_hotspot_map
from pingan_geo.ui.state import (
    AGAINST,
    DETAILS,
    ENDS,
    METHODS,
    NONE,
    RULES,
    Question,
    cuts_of,
    keep_question,
)
from pingan_geo.workflow.clusters import LONGEST_DAYS
from pingan_geo.workflow.hotspot_methods import Options
from pingan_geo.workflow.hotspots import Hotspots

#: Methods that take a while: what is being done, and what doing it again is called.
_LONG: Mapping[str, tuple[str, str]] = {
    "scan": (mark("Looking at all places and days …"), mark("Look for clusters")),
    "forecast": (mark("Trying the forecast on the past …"), mark("Forecast again")),
}


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
    question = _choose_options(replace(question, detail=detail, method=method, cut=cut), visit)
    if cut == "top":
        return replace(question, top=int(choose_number("top", question.top, t("Cells"), 1, 500, 1)))
    if cut == "coverage":
        share = choose_number("coverage", question.coverage, t("Percent of the area"), 0.1, 100.0, 0.5)
        return replace(question, coverage=float(share))
    return question


def _choose_options(question: Question, visit: Visit) -> Question:
    """Draw what the method takes and others do not."""
    t = visit.t
    if question.method == "density":
        question = replace(question, rule=choose("rule", question.rule, t("Kernel"), RULES, t))
    if question.method in {"density", "gi"}:
        against = choose("against", question.against, t("Set against"), AGAINST, t)
        question = replace(question, against=against)
    if question.method == "scan":
        question = replace(question, ends=choose("ends", question.ends, t("Clusters"), ENDS, t))
    return question


def find_list(visit: Visit, question: Question, recounts: int) -> Hotspots | None:
    """Return the list, with a bar and a button to stop where it takes a while; ``None`` when it was stopped.

    Raises
    ------
    PinganError
        As :func:`pingan_geo.workflow.hotspots.find_hotspots`.
    """
    asked = question.report_filter(visit.today)
    scan = question.method == "scan"
    kernel, share = question.method == "density", question.method in {"density", "gi"}
    longest = LONGEST_DAYS
    if scan and asked.period.since and asked.period.until:
        longest = max(min(longest, (asked.period.until - asked.period.since).days // 2), 1)
    options = Options(
        bandwidth_rule="cv" if kernel and question.rule != "usual" else "",
        adaptive=kernel and question.rule == "adaptive",
        edge="uniform" if kernel and question.rule != "usual" else "none",
        against=question.against if share and question.against != NONE else "",
        days=longest if scan else None,
        retrospective=scan and question.ends == "any",
    )
    kept: dict[str, Any] = {
        "method": question.method,
        "resolution": visit.resolution(question.detail),
        "top": question.top if question.cut == "top" else None,
        "coverage": question.coverage / 100 if question.cut == "coverage" else None,
        "recounts": recounts if question.method in {"count", "density", "gi"} else 0,
        "options": options,
    }
    if question.method not in _LONG:
        return visit.hotspots(asked, **kept)
    t, bar, button = visit.t, st.empty(), st.empty()
    doing, again = _LONG[question.method]
    if button.button(t("Stop looking"), key="hotspots_stop"):
        button.button(t(again), key="hotspots_again")
        return None

    def progress(done: int, total: int) -> None:
        bar.progress(min(done / max(total, 1), 1.0), t(doing))

    found = visit.hotspots(asked, on_progress=progress, **kept)
    bar.empty()
    button.empty()
    return found


def show_list(visit: Visit, question: Question, found: Hotspots) -> None:
    """Draw map, list, test and files, and keep the cell that was picked."""
    t = visit.t
    kind, _, cell = question.pick.partition(":")
    cell = cell if kind == "cell" else ""
    clicked = show_hotspot_map(visit, found, cell)
    left, panel = st.columns([3, 2], gap="large")
    with left:
        words = tables.worded_hotspots(found.table, t)
        row = tables.show_table(words, t, key="hotspots", height=420, pick=True)
        course.show_course(found, cell, t)
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
