"""Answers that no button proposes: another category, another grid, a year, a point on the map, changed cells."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.settings import Settings, read_settings
from pingan_geo.ui.cache import ReviewDesk, Visit
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.review import give, sitting, tag
from pingan_geo.workflow.answers import Answer
from pingan_geo.workflow.review import ReviewItem

#: Reasons of held rows that a point on the map can settle.
_PLACE_REASONS = frozenset(
    (
        "no_place",
        "bad_place",
        "null_island",
        "swapped_place",
        "outside_town",
        "unlike_places",
        "grid_conflict",
    )
)
_MOST_CELLS = 60


def takes_point(item: ReviewItem) -> bool:
    """Whether a point on the map is an answer."""
    return item.kind == "place" or (item.can_mend and item.reason in _PLACE_REASONS)


def show_free_answers(visit: Visit, desk: ReviewDesk, item: ReviewItem, faults: Collection[str]) -> None:
    """Draw the fields of a question."""
    if takes_point(item):
        _show_point(visit, desk, item)
    with st.container(key="review_free"):
        if item.kind == "category":
            _show_categories(visit, desk, item)
        elif item.kind == "grid":
            _show_grids(visit, desk, item)
        elif item.kind == "date":
            _show_year(visit, desk, item)
        elif item.can_mend:
            if item.reason == "no_category" and len(faults) == 1:
                _show_missing_category(visit, desk, item, next(iter(faults)))
            _show_cells(visit, desk, item, faults)


def _show_point(visit: Visit, desk: ReviewDesk, item: ReviewItem) -> None:
    """Offer the point that was clicked; until then say that one can be."""
    t, point = visit.t, sitting().point
    if point is None or point[0] != item.key:
        st.caption(t("Or click the right place on the map."))
        return
    _, lon, lat = point
    name = t("{lon}, {lat}", lon=f"{lon:.5f}", lat=f"{lat:.5f}")
    way = "use" if item.kind == "place" else "mend"
    st.button(
        t("Here, at the point on the map ({point})", point=name),
        key=f"point_{tag(item)}",
        type="primary",
        shortcut="P",
        on_click=give,
        args=(visit, desk, item, Answer(way, lon=lon, lat=lat), name),
    )


def _show_categories(visit: Visit, desk: ReviewDesk, item: ReviewItem) -> None:
    t, settings = visit.t, read_settings(visit.town.folder)  # with what was added a moment ago
    names = {one.code: t.pick(one.name, one.name_en) or one.code for one in settings.categories}
    chosen = _choose(t("Another category of the town"), names, item, t)
    if chosen:
        _use(visit, desk, item, Answer("use", code=chosen), names[chosen])
    with st.expander(t("New category")):
        _show_new_category(visit, desk, item, settings)


def _show_missing_category(visit: Visit, desk: ReviewDesk, item: ReviewItem, heading: str) -> None:
    names = {one.code: visit.t.pick(one.name, one.name_en) or one.code for one in visit.settings.categories}
    chosen = _choose(visit.t("Another category of the town"), names, item, visit.t)
    if chosen:
        _use(visit, desk, item, Answer("mend", cells={heading: chosen}), names[chosen])


def _show_new_category(visit: Visit, desk: ReviewDesk, item: ReviewItem, settings: Settings) -> None:
    t = visit.t
    boards = {"": t("no board"), **{one.code: t.pick(one.name, one.name_en) for one in settings.boards}}
    keys = {field: f"new_{field}_{tag(item)}" for field in ("name", "code", "name_en", "board")}

    def add() -> None:
        told = {field: str(st.session_state.get(key) or "").strip() for field, key in keys.items()}
        name, code, name_en, board = told.values()
        give(visit, desk, item, Answer("new", code, name, name_en, board), name)

    with st.form(f"new_{tag(item)}", border=False):
        left, right = st.columns(2)
        left.text_input(t("Name"), str(item.values.get("word", ""))[:60], max_chars=60, key=keys["name"])
        right.text_input(t("Code"), max_chars=20, placeholder="XF1", key=keys["code"])
        left.text_input(t("English name"), max_chars=60, key=keys["name_en"])
        right.selectbox(t("Board"), list(boards), format_func=boards.__getitem__, key=keys["board"])
        st.form_submit_button(t("Add the category and use it"), on_click=add)


def _show_grids(visit: Visit, desk: ReviewDesk, item: ReviewItem) -> None:
    t, names = visit.t, dict(visit.choices().of("grids"))
    chosen = _choose(t("Another grid of the town"), names, item, t)
    if chosen:
        _use(visit, desk, item, Answer("use", code=chosen), chosen)


def _show_year(visit: Visit, desk: ReviewDesk, item: ReviewItem) -> None:
    t, key = visit.t, f"year_{tag(item)}"

    def use() -> None:
        text = str(st.session_state.get(key) or "").strip()
        give(visit, desk, item, Answer("year", year=int(text) if text.isdecimal() else 0), text)

    with st.form(f"form_{key}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(t("Another year"), max_chars=4, placeholder="2023", width=140, key=key)
        st.form_submit_button(t("Use this year"), on_click=use)


def _show_cells(visit: Visit, desk: ReviewDesk, item: ReviewItem, faults: Collection[str]) -> None:
    """Draw the cells of a row as fields, those at fault first."""
    t = visit.t
    cells = sorted(item.received.items(), key=lambda cell: cell[0] not in faults)[:_MOST_CELLS]
    keys = {heading: f"cell_{place}_{tag(item)}" for place, (heading, _) in enumerate(cells)}

    def mend() -> None:
        now = {
            heading: str(st.session_state.get(key, item.received[heading])) for heading, key in keys.items()
        }
        changed = {heading: text for heading, text in now.items() if text != str(item.received[heading])}
        if changed:
            give(visit, desk, item, Answer("mend", cells=changed))
        else:
            sitting().tell("hint", [(mark("no cell was changed"), {})])

    with st.form(f"mend_{tag(item)}", border=False):
        columns: list[Any] = []
        for place, (heading, cell) in enumerate(cells):
            if place % 2 == 0:  # pairs, so that a phone shows the cells in this order too
                columns = st.columns(2)
            sign = "▸ " if heading in faults else ""
            columns[place % 2].text_input(
                f"{sign}{layout.plain(heading)}" or "—", str(cell), key=keys[heading], max_chars=2_000
            )
        st.caption(t("Change what is wrong and press Enter; ▸ marks the cell at fault."))
        st.form_submit_button(t("Read the row again"), on_click=mend)


def _choose(label: str, names: dict[str, str], item: ReviewItem, t: Translator) -> str:
    def say(code: str) -> str:
        return code if names[code] == code else t("{name} ({code})", name=names[code], code=code)

    chosen = st.selectbox(
        label,
        list(names),
        None,
        key=f"pick_{tag(item)}",
        format_func=say,
        placeholder=t("Type to search"),
    )
    return str(chosen or "")


def _use(visit: Visit, desk: ReviewDesk, item: ReviewItem, said: Answer, name: str) -> None:
    st.button(
        visit.t("Use this one"),
        key=f"use_{tag(item)}",
        type="primary",
        on_click=give,
        args=(visit, desk, item, said, name),
    )
