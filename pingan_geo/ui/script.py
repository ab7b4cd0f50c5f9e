"""The app: opens the town, speaks the visitor's language, runs the page asked for."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pingan_geo.errors import PinganError
from pingan_geo.i18n import Translator
from pingan_geo.ui.cache import Visit, begin_visit, current_town
from pingan_geo.ui.components import layout
from pingan_geo.ui.pages import hotspots, imports, town
from pingan_geo.ui.pages import map as map_page
from pingan_geo.ui.state import visitor_language


def run() -> None:
    """Run the app for one visitor; every error raised on purpose becomes one sentence."""
    st.set_page_config(page_title="pingan_geo", page_icon="🛡", layout="wide", initial_sidebar_state="auto")
    try:
        place = current_town()
    except PinganError as error:
        t = visitor_language("zh")
        layout.show_style(t)
        layout.show_language_switch(t)
        st.error(t.error(error))
        return
    t = visitor_language(place.settings.language)
    layout.show_style(t)
    layout.show_language_switch(t)
    with st.spinner(t("Reading the reports …")):
        visit = begin_visit(place, t)
    st.navigation(_pages(visit, t), position="top").run()
    layout.show_footer(visit)


def _pages(visit: Visit, t: Translator) -> list[st.Page]:
    shown = (
        (map_page.show, t("Map"), "map", True),
        (hotspots.show, t("Hotspots"), "hotspots", False),
        (imports.show, t("Import"), "import", False),
        (town.show, t("Town"), "town", False),
    )
    return [
        st.Page(partial(_guarded, show, visit), title=title, url_path=path, default=default)
        for show, title, path, default in shown
    ]


def _guarded(show: object, visit: Visit) -> None:
    try:
        show(visit)  # type: ignore[operator]
    except PinganError as error:
        st.error(visit.t.error(error))


if __name__ == "__main__":
    run()
