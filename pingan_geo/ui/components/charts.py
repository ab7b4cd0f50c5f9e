"""The line and the hour × weekday chart beside the map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pingan_geo.i18n import Translator, mark
from pingan_geo.workflow.explore import MapView

ACCENT = "#0b5394"
_FAINT = "#c3d3e2"
#: Categories with a bar of their own.
_BARS = 7
_STEPS = {"day": mark("Reports a day"), "week": mark("Reports a week"), "month": mark("Reports a month")}


def show_trend(view: MapView, t: Translator, *, height: int = 150) -> None:
    """Draw how many reports came in each step; a step that is not over yet is faint."""
    st.markdown(f"**{t(_STEPS[view.step])}**")
    steps = pd.DataFrame(
        {
            "start": view.trend["start"],
            "day": [t.date(start) for start in view.trend["start"].dt.date],
            "count": view.trend["count"],
            "complete": view.trend["complete"],
        }
    )
    day, count = t("From"), t("Reports")
    base = alt.Chart(steps).encode(
        x=alt.X(
            "start:T", title=None, axis=alt.Axis(format=_axis_format(view, t), labelOverlap=True, grid=False)
        ),
        y=alt.Y(
            "count:Q", title=None, axis=alt.Axis(tickMinStep=1, format=",d", tickCount=4, labelFlush=False)
        ),
        tooltip=[alt.Tooltip("day:N", title=day), alt.Tooltip("count:Q", title=count, format=",d")],
    )
    line = base.transform_filter("datum.complete").mark_line(color=ACCENT, strokeWidth=2)
    dots = base.mark_circle(size=36, opacity=1).encode(
        color=alt.condition("datum.complete", alt.value(ACCENT), alt.value(_FAINT))
    )
    st.altair_chart(_plain(line + dots, height), width="stretch", key="trend")
    if not bool(steps["complete"].all()):
        st.caption(t("Pale: this step is not complete."))


def show_hours(hours: NDArray[np.int64], without: int, t: Translator, *, key: str, height: int = 175) -> None:
    """Draw 7 × 24 counts; reports without a known hour are said below."""
    st.markdown(f"**{t('Hours and weekdays')}**")
    names = t.weekdays()
    cells = pd.DataFrame(
        {
            "weekday": np.repeat(names, 24),
            "hour": np.tile(np.arange(24), 7),
            "clock": np.tile([f"{hour:02d}:00–{hour + 1:02d}:00" for hour in range(24)], 7),
            "count": hours.ravel(),
        }
    )
    chart = (
        alt.Chart(cells)
        .mark_rect()
        .encode(
            x=alt.X(
                "hour:O",
                title=None,
                axis=alt.Axis(
                    values=list(range(0, 24, 3)), labelAngle=0, labelExpr="datum.value + ':00'", ticks=False
                ),
            ),
            y=alt.Y(
                "weekday:N",
                sort=names,
                title=None,
                axis=alt.Axis(ticks=False, labelBound=False, labelFlush=False),
            ),
            color=alt.Color(
                "count:Q",
                scale=alt.Scale(
                    range=["#f1f4f7", "#0b5394"], domainMin=0, domainMax=max(int(hours.max()), 1)
                ),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("weekday:N", title=t("Weekday")),
                alt.Tooltip("clock:N", title=t("Hour")),
                alt.Tooltip("count:Q", title=t("Reports"), format=",d"),
            ],
        )
    )
    st.altair_chart(_plain(chart, height), width="stretch", key=f"hours_{key}")
    known = int(hours.sum())
    total = known + without
    said = t("The hour is known of {known} of {total}.", known=known, total=total)
    if known:
        weekday, hour = divmod(int(hours.argmax()), 24)
        said = t(
            "The hour is known of {known} of {total}. Most: {weekday} {hour}:00, {count}.",
            known=known,
            total=total,
            weekday=names[weekday],
            hour=str(hour),
            count=int(hours.max()),
        )
    st.caption(said)


def show_categories(categories: pd.DataFrame, names: Mapping[str, str], t: Translator) -> None:
    """Draw how many reports each category has, the first few as bars."""
    st.markdown(f"**{t('By category')}**")
    first = categories.head(_BARS)
    bars = pd.DataFrame(
        {
            "category": [names.get(code, code) for code in first["category"]],
            "count": first["count"].to_numpy(),
        }
    )
    order = bars["category"].tolist()
    base = alt.Chart(bars).encode(
        y=alt.Y(
            "category:N", sort=order, title=None, axis=alt.Axis(labelLimit=150, ticks=False, domain=False)
        ),
        x=alt.X("count:Q", axis=None),
        tooltip=[
            alt.Tooltip("category:N", title=t("Category")),
            alt.Tooltip("count:Q", title=t("Reports"), format=",d"),
        ],
    )
    numbers = base.mark_text(align="left", dx=4, color="#333333").encode(
        text=alt.Text("count:Q", format=",d")
    )
    st.altair_chart(
        _plain(base.mark_bar(color=ACCENT, height=12) + numbers, 22 * len(bars) + 4),
        width="stretch",
        key="categories",
    )
    rest = categories.iloc[_BARS:]
    if len(rest):
        st.caption(t("{kinds} other categories: {count}", kinds=len(rest), count=int(rest["count"].sum())))


def _axis_format(view: MapView, t: Translator) -> str:
    if view.step == "month":
        return "%Y-%m"
    return "%m-%d" if t.language == "zh" else "%d %b"


def _plain(chart: Any, height: int) -> Any:
    return chart.properties(
        height=height, padding={"left": 0, "right": 8, "top": 4, "bottom": 0}
    ).configure_view(strokeWidth=0)
