"""Views saved under names: listed as links that can be sent on, renamed, deleted. A name is never markup."""

from __future__ import annotations

import html
from collections.abc import Callable
from urllib.parse import quote

import streamlit as st

from pingan_geo.errors import PinganError
from pingan_geo.ui.cache import Visit, town_now
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.analysis_state import Asked
from pingan_geo.workflow.views import (
    MOST_CHARACTERS,
    SavedView,
    delete_view,
    list_views,
    rename_view,
    save_view,
)

PAGE = "analysis"


def show_views(visit: Visit, asked: Asked) -> None:
    """Draw the list of saved views and what can be done with them."""
    t, kept = visit.t, list_views(visit.town, PAGE)
    said = st.session_state.pop("view_said", None)
    with st.expander(t("Saved views ({count})", count=len(kept)), expanded=said is not None):
        if isinstance(said, PinganError):
            layout.show_error(said, t)
        elif said:
            st.success(layout.plain(said))
        if kept:
            st.html(_list(kept, t.language))
        left, right = st.columns(2)
        with left:
            _save(visit, asked)
        if kept:
            with right:
                _change(visit, kept)


def _list(kept: list[SavedView], language: str) -> str:
    rows = "".join(
        f'<li><a href="{PAGE}?view={quote(view.name, safe="")}&amp;lang={language}" target="_self">'
        f"{html.escape(view.name)}</a> <small>{view.saved_at:%Y-%m-%d}</small></li>"
        for view in kept
    )
    return f'<ul class="saved_views">{rows}</ul>'


def _save(visit: Visit, asked: Asked) -> None:
    t = visit.t

    def save() -> None:
        name = str(st.session_state["view_name"])
        address = {key: values for key, values in asked.address(t.language).items() if key != "lang"}
        view = save_view(visit.town, name, PAGE, address, now=town_now(visit))
        st.session_state["view_said"] = t("Saved as {name}.", name=view.name)
        st.session_state["view_name"] = ""

    st.text_input(t("Name of this view"), key="view_name", max_chars=MOST_CHARACTERS)
    st.button(t("Save this view"), key="view_save", on_click=_said, args=(save,))


def _change(visit: Visit, kept: list[SavedView]) -> None:
    t, names = visit.t, [view.name for view in kept]
    if st.session_state.get("view_chosen") not in names:
        st.session_state.pop("view_chosen", None)
    chosen = st.selectbox(t("View to rename or delete"), names, key="view_chosen")

    def rename() -> None:
        new = rename_view(visit.town, chosen, str(st.session_state["view_new_name"]))
        st.session_state["view_said"] = t("Renamed to {name}.", name=new)
        st.session_state["view_new_name"] = ""
        st.session_state["view_chosen"] = new

    def delete() -> None:
        delete_view(visit.town, chosen)
        st.session_state["view_said"] = t("Deleted: {name}.", name=chosen)

    st.text_input(t("New name"), key="view_new_name", max_chars=MOST_CHARACTERS)
    with st.container(horizontal=True):
        st.button(t("Rename"), key="view_rename", on_click=_said, args=(rename,))
        st.button(t("Delete view"), key="view_delete", on_click=_said, args=(delete,))


def _said(work: Callable[[], None]) -> None:
    """Do something a button asks for; what goes wrong is said at the next drawing."""
    try:
        work()
    except PinganError as error:
        st.session_state["view_said"] = error
