"""The funnel of rates and the line of concentration, as Vega-Lite itself (see :mod:`charts`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.ui.components.charts import ACCENT
from pingan_geo.workflow.rate_words import NAMES, say_rate
from pingan_geo.workflow.rates import RateTable

#: Code of an exposure to the msgid of its heading.
EXPOSURE_HEADINGS: Mapping[str, str] = {
    "household": mark("Households"),
    "reporter": mark("Active reporters"),
    "km2": mark("km²"),
    "find": mark("Finds of patrols"),
}
_ABOVE, _BELOW, _WITHIN = "#a61c00", "#0b5394", "#8a949e"
_SIDES = {"above": _ABOVE, "below": _BELOW, "within": _WITHIN}
_SHAPES = {"above": "triangle-up", "below": "triangle-down", "within": "circle"}
#: So few units outside are named in the chart.
_NAMED = 8
#: Exposures farther apart than this are drawn on a logarithmic scale.
_WIDE = 12.0


def show_funnel(found: RateTable, t: Translator, *, height: int = 380) -> None:
    """Draw each rate over its exposure, with the limits of chance, or with its interval where none is tested."""
    rated = found.table[found.table["rate"].notna()]
    if rated.empty:
        st.info(
            t("No rate: nothing is known to count per. Households come with a column of the imported layer.")
        )
        return
    points = _points(found, rated, t)
    exposure = points["exposure"]
    top = max(float(points["rate"].max()), 2.0 * found.mean) * 1.08 or 1.0
    wide = float(exposure.max()) > _WIDE * float(exposure.min())
    x: dict[str, Any] = {
        "field": "exposure",
        "type": "quantitative",
        "title": t(EXPOSURE_HEADINGS[found.per]),
        "scale": {"type": "log"} if wide else {"type": "linear", "zero": False},
        "axis": {"grid": False, "tickCount": 6, "format": ",.2~f" if found.per == "km2" else ",d"},
    }
    x["scale"] |= {"nice": False, "padding": 12}
    y = {
        "field": "rate",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, top], "nice": False, "clamp": False},
        "axis": {"tickCount": 5},
    }
    layers = _limits(found, x, y) if not found.untested else [_intervals(x, y)]
    layers.append(_mean(found))
    paint = {"field": "side", "type": "nominal", "legend": None}
    encoding = {
        "x": x,
        "y": y,
        "color": {**paint, "scale": {"domain": list(_SIDES), "range": list(_SIDES.values())}},
        "shape": {**paint, "scale": {"domain": list(_SHAPES), "range": list(_SHAPES.values())}},
        "tooltip": [
            {"field": field, "type": "nominal", "title": title}
            for field, title in (
                ("name", t("Name")),
                ("said", t("Rate")),
                ("interval", t("95 % interval")),
                ("reports", t("Reports")),
                ("exposed", t(EXPOSURE_HEADINGS[found.per])),
            )
        ],
    }
    layers.append(
        {"mark": {"type": "point", "filled": True, "size": 62, "opacity": 0.85}, "encoding": encoding}
    )
    if 0 < int((points["side"] != "within").sum()) <= _NAMED:
        layers.append(
            {
                "transform": [{"filter": "datum.side != 'within'"}],
                "mark": {"type": "text", "dy": -11, "fontSize": 11, "color": "#333333", "limit": 120},
                "encoding": {"x": x, "y": y, "text": {"field": "name", "type": "nominal"}},
            }
        )
    st.markdown(f"**{say_rate_title(found, t)}**")
    _draw(points, layers, height, "funnel")
    st.caption(_key(found, t, top))


def say_rate_title(found: RateTable, t: Translator) -> str:
    """Return what the funnel is of."""
    rates = {
        "household": t("Reports per 100 households"),
        "reporter": t("Reports per active reporter"),
        "km2": t("Reports per km²"),
        "find": t("Reports per find of a patrol"),
    }
    return rates[found.per]


def _points(found: RateTable, rated: pd.DataFrame, t: Translator) -> pd.DataFrame:
    digits = 2 if found.per == "km2" else 0
    return pd.DataFrame(
        {
            "name": rated["name"].to_numpy(dtype=object),
            "exposure": rated["exposure"].to_numpy(),
            "rate": rated["rate"].to_numpy(),
            "low": rated["low"].to_numpy(),
            "high": rated["high"].to_numpy(),
            "side": rated["outside"].where(rated["outside"] != "", "within").to_numpy(dtype=object),
            "said": [say_rate(rate, found.per, t) for rate in rated["rate"]],
            "interval": [say_interval(*ends, t) for ends in zip(rated["low"], rated["high"], strict=True)],
            "reports": [t.number(count) for count in rated["count"]],
            "exposed": [t.number(exposure, digits) for exposure in rated["exposure"]],
        }
    )


def say_interval(low: float, high: float, t: Translator) -> str:
    """Return an interval of a rate; empty where there is none."""
    if high != high:
        return ""
    digits = 2 if high < 10 else 1
    return f"{t.number(low, digits)}–{t.number(high, digits)}"


def _limits(found: RateTable, x: Mapping[str, Any], y: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the bands of chance, and the dashed lines of the usual differences between units."""
    rows = found.limits.astype(object).where(found.limits.notna(), None)
    values = {
        "values": [
            {name.replace(".", "_"): value for name, value in row.items()} for row in rows.to_dict("records")
        ]
    }

    def band(level: str, opacity: float) -> dict[str, Any]:
        return {
            "data": values,
            # Where no report at all is within the limit, the band reaches down to 0.
            "transform": [{"calculate": f"datum.low_{level} || 0", "as": "low"}],
            "mark": {"type": "area", "color": "#9db4cc", "opacity": opacity, "clip": True},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": f"high_{level}"}},
        }

    def line(field: str) -> dict[str, Any]:
        return {
            "data": values,
            "transform": [{"filter": f"isValid(datum.{field})"}],
            "mark": {
                "type": "line",
                "color": "#6b7683",
                "strokeDash": [5, 4],
                "strokeWidth": 1,
                "clip": True,
            },
            "encoding": {"x": x, "y": {**y, "field": field}},
        }

    return [band("0_998", 0.3), band("0_95", 0.45), line("low_usual"), line("high_usual")]


def _intervals(x: Mapping[str, Any], y: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "mark": {"type": "rule", "color": "#b8c2cc", "clip": True},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
    }


def _mean(found: RateTable) -> dict[str, Any]:
    return {
        "data": {"values": [{"mean": found.mean}]},
        "mark": {"type": "rule", "color": "#333333", "strokeWidth": 1},
        "encoding": {"y": {"field": "mean", "type": "quantitative"}},
    }


def _key(found: RateTable, t: Translator, top: float) -> str:
    if found.untested:
        return t("Line: the rate of all. Bars: 95 % intervals.")
    usual = found.limits[["low_usual", "high_usual"]]
    dashed = bool(usual["low_usual"].notna().any() or (usual["high_usual"] < top).any())  # else out of sight
    said = [
        t("Line: the rate of all. Bands: what chance brings at that exposure, 95 % and 99.8 %."),
        t("Dashed: beyond it not even the usual differences between them explain a rate.") if dashed else "",
        t("▲ above, ▼ below by more than chance (corrected), ● within."),
    ]
    return " ".join(part for part in said if part)


def show_concentration(found: RateTable, t: Translator, *, height: int = 300) -> None:
    """Draw which share of the units has which share of the reports, beside scattered reports and the even line."""
    line = found.line
    points = pd.DataFrame({"units": line.unit_share, "held": line.held, "scattered": line.scattered})
    x = {
        "field": "units",
        "type": "quantitative",
        "title": t("Share of {unit}, those with most reports first", unit=t(NAMES[found.by])),
        "axis": {"format": ".0%", "tickCount": 5, "grid": False},
        "scale": {"domain": [0, 1]},
    }
    y = {
        "type": "quantitative",
        "title": None,
        "axis": {"format": ".0%", "tickCount": 5},
        "scale": {"domain": [0, 1]},
    }
    tips = [
        {"field": "units", "type": "quantitative", "title": t(NAMES[found.by]), "format": ".0%"},
        {"field": "held", "type": "quantitative", "title": t("Reports"), "format": ".0%"},
        {"field": "scattered", "type": "quantitative", "title": t("Scattered at random"), "format": ".0%"},
    ]
    even = {
        "data": {"values": [{"units": 0, "even": 0}, {"units": 1, "even": 1}]},
        "mark": {"type": "line", "color": "#b8c2cc", "strokeWidth": 1},
        "encoding": {"x": x, "y": {**y, "field": "even"}},
    }
    scattered = {
        "mark": {"type": "line", "color": "#b45f06", "strokeDash": [6, 4], "strokeWidth": 2},
        "encoding": {"x": x, "y": {**y, "field": "scattered"}, "tooltip": tips},
    }
    held = {
        "mark": {"type": "line", "color": ACCENT, "strokeWidth": 2.5},
        "encoding": {"x": x, "y": {**y, "field": "held"}, "tooltip": tips},
    }
    top = {
        "data": {"values": [{"units": line.top_units / line.units, "held": line.top_held}]},
        "mark": {"type": "point", "filled": True, "color": ACCENT, "size": 70, "opacity": 1},
        "encoding": {"x": x, "y": {**y, "field": "held"}},
    }
    st.markdown(f"**{t('Share of all reports')}**")
    _draw(points, [even, scattered, held, top], height, "concentration")
    st.caption(t("Thick: the reports. Dashed: as many reports scattered at random. Thin: all the same."))


def _draw(table: pd.DataFrame, layers: list[dict[str, Any]], height: int, key: str) -> None:
    room = {"left": 0, "right": 12, "top": 6, "bottom": 6}
    config = {"view": {"strokeWidth": 0}, "axis": {"gridColor": "#eef1f4"}}
    whole = {"layer": layers, "height": height, "padding": room, "config": config}
    st.vega_lite_chart(table, whole, width="stretch", key=f"rates_{key}")
