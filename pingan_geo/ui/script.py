"""The app: opens the town, speaks the visitor's language, runs the page asked for."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st

from pingan_geo.errors import PinganError
from pingan_geo.i18n import Translator
from pingan_geo.ui.cache import Visit, begin_visit, current_town
from pingan_geo.ui.components import layout
from pingan_geo.ui.state import visitor_language

_ICON = Path(__file__).with_name("icon.png")


def run() -> None:
    """Run the app for one visitor; every error raised on purpose becomes one sentence."""
    st.set_page_config(
        page_title="pingan_geo", page_icon=str(_ICON), layout="wide", initial_sidebar_state="auto"
    )
    try:
        place = current_town()
    except PinganError as error:
        t = visitor_language("zh")
        layout.show_style(t)
        layout.show_language_switch(t)
        layout.show_error(error, t)
        return
    t = visitor_language(place.settings.language)
    layout.show_style(t)
    layout.show_language_switch(t)
    with st.spinner(t("Reading the reports …")):
        visit = begin_visit(place, t)
    st.navigation(_pages(visit, t), position="top").run()
    layout.show_footer(visit)


def _pages(visit: Visit, t: Translator) -> list[Any]:
    waiting = visit.waiting()
    review = t("Review") + (f" ({t.number(waiting)})" if waiting else "")
    shown = (
        ("map", t("Map")),
        ("hotspots", t("Hotspots")),
        ("analysis", t("Analysis")),
        ("backtest", t("Back-test")),
        ("patrols", t("Patrols")),
        ("imports", t("Import")),
        ("review", review),
        ("town", t("Town")),
    )
    return [
        st.Page(partial(_show, name, visit), title=title, url_path=name, default=name == "map")
        for name, title in shown
    ]


def _show(name: str, visit: Visit) -> None:
    """Run one page; the others, and what they need, are not loaded for it."""
    page = import_module(f"pingan_geo.ui.pages.{name}")
    try:
        page.show(visit)
    except PinganError as error:
        layout.show_error(error, visit.t)
