"""One cell or polygon that was picked on the map: its reports, its hours, its neighbours, the way back."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from pingan_geo.errors import BadChoiceError
from pingan_geo.i18n import mark
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import charts, downloads, layout, tables
from pingan_geo.ui.state import Question
from pingan_geo.workflow.explore import MapView, PlaceView, parse_cell

#: By eighths of a circle from north, clockwise.
_DIRECTIONS = (
    mark("north"),
    mark("north-east"),
    mark("east"),
    mark("south-east"),
    mark("south"),
    mark("south-west"),
    mark("west"),
    mark("north-west"),
)


def keep_pick(question: Question, resolution: int) -> Question:
    """Return the question without a picked cell that is of another size than is drawn."""
    kind, _, code = question.pick.partition(":")
    if kind == "cell":
        try:
            parse_cell(code, resolution)
        except BadChoiceError:
            return replace(question, pick="")
    return question


def show_place(visit: Visit, question: Question, view: MapView) -> Question:
    """Draw what is known of the picked place and return the question, changed by a step to another place."""
    t = visit.t
    kind, _, code = question.pick.partition(":")
    place = visit.place(view, kind, code)
    if st.button(t("Back to the whole town"), key="pick_back"):
        return replace(question, pick="")
    layout.show_section(_title(visit, place))
    st.markdown(t("**{count}** of {total} reports that fit lie here.", count=place.total, total=view.total))
    charts.show_hours(place.hours, t, key="place")
    if not place.neighbours.empty:
        return _neighbours(visit, question, place)
    return question


def show_place_reports(visit: Visit, question: Question, view: MapView) -> None:
    """Draw the list of the reports in the picked place, across the page."""
    t = visit.t
    kind, _, code = question.pick.partition(":")
    place = visit.place(view, kind, code)
    layout.show_section(t("Reports here"))
    if place.shown < place.total:
        st.caption(t("Shown {shown} of {total}, the newest.", shown=place.shown, total=place.total))
    words = tables.worded_reports(visit, place.reports)
    tables.show_table(words, t, key="place_reports")
    if place.total:
        downloads.offer_downloads(
            visit,
            place.reports.drop(columns="cell"),
            name=f"reports_{code}",
            title=_title(visit, place),
            key="place_reports",
            geometry="point",
        )


def _neighbours(visit: Visit, question: Question, place: PlaceView) -> Question:
    t = visit.t
    around = int(place.neighbours["count"].sum())
    st.markdown(f"**{t('Neighbouring hexagons')}** · {t('{count} reports', count=around)}")
    with st.container(horizontal=True, key="neighbours"):
        for code, count, bearing_deg in place.neighbours.itertuples(index=False):
            direction = t(_DIRECTIONS[round(bearing_deg / 45) % 8])
            label = t("{direction}: {count}", direction=direction, count=int(count))
            if st.button(label, key=f"go_{code}", help=str(code)):
                return replace(question, pick=f"cell:{code}")
    return question


def _title(visit: Visit, place: PlaceView) -> str:
    t, choices = visit.t, visit.choices()
    if place.kind == "cell":
        where = _where(place.reports, choices.of("villages"))
        return t("Hexagon {code}", code=place.code) + (f" · {where}" if where else "")
    names = choices.of(f"{place.kind}s")
    kind = t("Grid") if place.kind == "grid" else t("Village")
    return f"{kind} · {names.get(place.code, place.code)}"


def _where(reports: pd.DataFrame, names: object) -> str:
    """Return the village in which most of the listed reports lie."""
    if reports.empty:
        return ""
    code = str(reports["village_id"].mode().iloc[0])
    return dict(names).get(code, "")  # type: ignore[call-overload,no-any-return]
