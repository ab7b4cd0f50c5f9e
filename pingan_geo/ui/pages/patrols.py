"""Patrols: a shift is planned, looked at, changed by hand and taken away; what came back; whether it helped."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pingan_geo.i18n import mark
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import layout, patrol_plan, patrol_return, patrol_view
from pingan_geo.ui.components.filters import choose

SHOWS: Mapping[str, str] = {
    "plan": mark("Plan"),
    "return": mark("What came back"),
    "effect": mark("Did it help?"),
}


def show(visit: Visit) -> None:
    """Draw the page."""
    t = visit.t
    layout.show_heading(
        visit, t("Patrols"), t("From what is expected in a shift to rounds that teams can walk, and back.")
    )
    chosen = choose("patrol_show", "plan", t("What to look at"), SHOWS, t, hide_label=True)
    if not len(visit.index):
        st.info(t("This town holds no reports yet. The page Import takes a file of them."))
        return
    if chosen == "effect":
        patrol_return.show_effect(visit)
        return
    if chosen == "plan":
        patrol_plan.ask_plan(visit)
    patrol = patrol_plan.choose_patrol(visit)
    if patrol is None:
        st.info(t("Nothing is planned yet. Choose a day and a shift above and press Plan."))
    elif chosen == "plan":
        patrol_view.show_patrol(visit, patrol)
    else:
        patrol_return.show_return(visit, patrol)
