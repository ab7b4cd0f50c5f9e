"""The line, the hour × weekday chart and the bars beside the map.

They are written as Vega-Lite itself: Streamlit draws that without the library that would write it, which
takes a second to load and a tenth of a second for each chart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.stats.aoristic import WeekHours
from pingan_geo.workflow.explore import MapView

ACCENT = "#0b5394"
_FAINT = "#c3d3e2"
_GROUND = "#f1f4f7"
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
    encoding = {
        "x": {
            "field": "start",
            "type": "temporal",
            "title": None,
            "axis": {"format": _day_format(view, t), "labelOverlap": True, "grid": False},
        },
        "y": {
            "field": "count",
            "type": "quantitative",
            "title": None,
            "axis": {"tickMinStep": 1, "format": ",d", "tickCount": 4, "labelFlush": False},
        },
        "tooltip": [_tip("day", t("From")), _count_tip(t)],
    }
    paint = {"condition": {"test": "datum.complete", "value": ACCENT}, "value": _FAINT}
    line = {
        "transform": [{"filter": "datum.complete"}],
        "mark": {"type": "line", "color": ACCENT, "strokeWidth": 2},
        "encoding": encoding,
    }
    dots = {
        "mark": {"type": "circle", "size": 36, "opacity": 1},
        "encoding": {**encoding, "color": paint},
    }
    _draw(steps, {"layer": [line, dots]}, height, "trend")
    if not bool(steps["complete"].all()):
        st.caption(t("Pale: this step is not complete."))


def show_hours(hours: WeekHours, t: Translator, *, key: str, height: int = 175) -> None:
    """Draw hours and weekdays; what is known only as an interval, and what has no hour, is said below."""
    st.markdown(f"**{t('Hours and weekdays')}**")
    names, counts = t.weekdays(), hours.counts
    cells = pd.DataFrame(
        {
            "weekday": np.repeat(names, 24),
            "hour": np.tile(np.arange(24), 7),
            "clock": np.tile([f"{hour:02d}:00–{hour + 1:02d}:00" for hour in range(24)], 7),
            "count": np.round(counts.ravel(), 2),
        }
    )
    spec = {
        "mark": "rect",
        "encoding": {
            "x": {
                "field": "hour",
                "type": "ordinal",
                "title": None,
                "axis": {
                    "values": list(range(0, 24, 3)),
                    "labelAngle": 0,
                    "labelExpr": "datum.value + ':00'",
                    "ticks": False,
                },
            },
            "y": {
                "field": "weekday",
                "type": "nominal",
                "sort": names,
                "title": None,
                "axis": {"ticks": False, "labelBound": False, "labelFlush": False},
            },
            "color": {
                "field": "count",
                "type": "quantitative",
                "scale": {
                    "range": [_GROUND, ACCENT],
                    "domainMin": 0,
                    "domainMax": max(float(counts.max()), 1.0),
                },
                "legend": None,
            },
            "tooltip": [
                _tip("weekday", t("Weekday")),
                _tip("clock", t("Hour")),
                {**_count_tip(t), "format": ",.1f" if hours.spread else ",d"},
            ],
        },
    }
    shown = hours.known + hours.spread
    if shown:
        _draw(cells, spec, height, f"hours_{key}")
    said = [t("The hour is known of {known} of {total}.", known=hours.known, total=shown + hours.unknown)]
    if hours.spread:
        said.append(
            t(
                "{count} known only as an interval are spread evenly over it: {share} of what is drawn.",
                count=hours.spread,
                share=t.percent(hours.spread / shown, 0),
            )
        )
    if hours.unknown:
        said.append(t("{count} known by the day only are not drawn.", count=hours.unknown))
    if shown:
        weekday, hour = divmod(int(counts.argmax()), 24)
        most = t.number(float(counts.max()), 1)
        said.append(t("Most: {weekday} {hour}:00, {count}.", weekday=names[weekday], hour=hour, count=most))
    st.caption(" ".join(said) if t.language == "en" else "".join(said))


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
    encoding = {
        "y": {
            "field": "category",
            "type": "nominal",
            "sort": None,
            "title": None,
            "axis": {"labelLimit": 150, "ticks": False, "domain": False},
        },
        "x": {  # room for the number after the longest bar
            "field": "count",
            "type": "quantitative",
            "axis": None,
            "scale": {"domainMin": 0, "domainMax": float(bars["count"].max()) * 1.18, "nice": False},
        },
        "tooltip": [_tip("category", t("Category")), _count_tip(t)],
    }
    number = {"field": "count", "type": "quantitative", "format": ",d"}
    spec = {
        "layer": [
            {"mark": {"type": "bar", "color": ACCENT, "height": 12}, "encoding": encoding},
            {
                "mark": {"type": "text", "align": "left", "dx": 4, "color": "#333333"},
                "encoding": {**encoding, "text": number},
            },
        ]
    }
    _draw(bars, spec, 22 * len(bars) + 4, "categories")
    rest = categories.iloc[_BARS:]
    if len(rest):
        st.caption(t("{kinds} other categories: {count}", kinds=len(rest), count=int(rest["count"].sum())))


def _day_format(view: MapView, t: Translator) -> str:
    if view.step == "month":
        return "%Y-%m"
    return "%m-%d" if t.language == "zh" else "%d %b"


def _tip(field: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": "nominal", "title": title}


def _count_tip(t: Translator) -> dict[str, Any]:
    return {"field": "count", "type": "quantitative", "title": t("Reports"), "format": ",d"}


def _draw(table: pd.DataFrame, spec: Mapping[str, Any], height: int, key: str) -> None:
    room = {"left": 0, "right": 8, "top": 4, "bottom": 6}
    whole = {**spec, "height": height, "padding": room, "config": {"view": {"strokeWidth": 0}}}
    st.vega_lite_chart(table, whole, width="stretch", key=key)
