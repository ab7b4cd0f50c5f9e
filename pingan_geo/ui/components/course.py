"""How a listed hotspot came to be one: its class, reports step by step, its change, the second opinion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.ui.components import layout
from pingan_geo.ui.components.analysis_words import say_new_and_old
from pingan_geo.ui.components.charts import ACCENT
from pingan_geo.workflow.courses import CHANGE_WORDS, LIFE_WORDS, MORAN_WORDS, say_word
from pingan_geo.workflow.hotspots import Hotspots
from pingan_geo.workflow.said import say_days
from pingan_geo.workflow.verdicts import LEAST_NEAR, LEVEL, say_chance

#: Life class to what it says of the steps.
_MEANINGS: Mapping[str, str] = {
    "new": mark("stands out lately and never did before"),
    "intensifying": mark("stood out before, and more so from step to step"),
    "persistent": mark("stands out in half of the steps or more, without a trend"),
    "fading": mark("still stands out, but less so from step to step"),
    "sporadic": mark("stands out now and then"),
    "historical": mark("stood out before, not lately"),
}


def show_course(found: Hotspots, cell: str, t: Translator) -> None:
    """Draw what is known of a listed cell beyond the test: its class, its change, local Moran's opinion."""
    courses, rows = found.courses, np.flatnonzero((found.table["cell"] == cell).to_numpy())
    if not len(rows) or not found.tests["verdict"].iloc[int(rows[0])]:
        return  # the panel of the test says so
    row = int(rows[0])
    layout.show_section(t("Cell {rank}: how it came to be", rank=int(found.table["rank"].iloc[row])))
    st.markdown(_say_life(found, row, t))
    if courses.starts.size:
        _draw_steps(found, row, t)
    st.caption(
        t(
            "A class names the course of the reports and is not itself tested: where more people look, a "
            "hotspot is new, and where they stop, it fades."
        )
    )
    st.markdown("  \n".join(_say_change(found, row, t)))
    st.caption(
        t(
            "A change says nothing of its cause; where the whole area reports more, so does each place. "
            "Newcomers do not report wrongly, but they make a rise that need not be one."
        )
    )
    if courses.moran[row]:
        st.markdown(layout.plain(t(MORAN_WORDS[courses.moran[row]])))
        st.caption(t("A second opinion on the same reports: what misleads the one misleads the other."))


def _say_life(found: Hotspots, row: int, t: Translator) -> str:
    courses, code = found.courses, str(found.courses.life[row])
    if code:
        said = t("Life class: {life}", life=say_word(code, LIFE_WORDS, t))
        return f"**{layout.plain(said)}** · {layout.plain(t(_MEANINGS[code]))}"
    if not found.tests["p_value"].iloc[row] < LEVEL:
        return t("No life class: the cell is no hotspot by the test.")
    if not courses.steps:
        return t("No life class: too short a record, or too few reports, to tell.")
    return t("No life class: the cell stands out over the whole period, but in no step by itself.")


def _draw_steps(found: Hotspots, row: int, t: Translator) -> None:
    """Draw reports of the cell and its neighbours in each step; full bars where it was hot."""
    courses = found.courses
    starts = pd.Series(courses.starts.astype("datetime64[s]"))
    hot = courses.hot[:, row]
    days = [
        t("{first} to {last}", first=start.date().isoformat(), last=(start + length).date().isoformat())
        for start, length in zip(
            starts, [pd.Timedelta(days=courses.step_days - 1)] * len(starts), strict=True
        )
    ]
    steps = pd.DataFrame(
        {
            "start": starts.dt.strftime("%Y-%m-%d"),
            "days": days,
            "count": courses.near[:, row],
            "hot": hot,
            "said": [t("stands out") if one else t("does not stand out") for one in hot],
        }
    )
    encoding: dict[str, Any] = {
        "x": {
            "field": "start",
            "type": "ordinal",
            "title": None,
            "axis": {
                "labelAngle": 0,
                "labelOverlap": "greedy",
                "labelSeparation": 12,
                "labelExpr": "slice(datum.value, 0, 7)",
                "ticks": False,
            },
        },
        "y": {
            "field": "count",
            "type": "quantitative",
            "title": None,
            "axis": {"tickMinStep": 1, "format": ",d", "tickCount": 3},
        },
        "tooltip": [
            {"field": "days", "type": "nominal", "title": t("Step")},
            {"field": "count", "type": "quantitative", "title": t("Reports"), "format": ",d"},
            {"field": "said", "type": "nominal", "title": t("By the test")},
        ],
    }
    full = {"test": "datum.hot", "value": ACCENT}
    spec = {
        "mark": {"type": "bar", "stroke": ACCENT, "strokeWidth": 1},
        "encoding": {**encoding, "color": {"condition": full, "value": "#ffffff"}},
        "height": 120,
        "padding": {"left": 0, "right": 8, "top": 4, "bottom": 6},
        "config": {"view": {"strokeWidth": 0}},
    }
    st.vega_lite_chart(steps, spec, width="stretch", key="course_steps")
    st.caption(
        t(
            "Reports in the cell and its neighbours, each bar {days} days. Full bars: it stands out in these "
            "days by themselves ({hot} of {steps}); empty bars: it does not.",
            days=courses.step_days,
            hot=int(hot.sum()),
            steps=courses.steps,
        )
    )


def _say_change(found: Hotspots, row: int, t: Translator) -> list[str]:
    """Return lines of markdown on the change against the period before; the first one is its word."""
    courses = found.courses
    if courses.earlier is None:
        return [t("No comparison: the town's reports do not reach back to the period before")]
    one = courses.change.iloc[row]
    if one["before"] != one["before"]:
        return [t("No comparison: the cell was not tested")]
    chance, code = say_chance(float(one["p_value"]), t), str(one["change"])
    if not code:
        said = [t("no verdict, too few reports: {least} in both together are needed", least=2 * LEAST_NEAR)]
    elif one["before"]:
        ratio = t.number(float(one["ratio"]), 2 if one["ratio"] < 1 else 1)
        said = [t("{ratio} times the period before; by chance {chance}", ratio=ratio, chance=chance)]
    else:
        said = [t("none in the period before; by chance {chance}", chance=chance)]
    word = t("Change: {word}", word=say_word(code, CHANGE_WORDS, t) or "—")
    lines = [f"**{layout.plain(word)}** · {layout.plain(said[0])}"]
    counts = t(
        "The cell and its neighbours: {after} reports, {before} in the period before ({earlier}); the whole "
        "area: {total}, before {total_before}",
        after=int(one["after"]),
        before=int(one["before"]),
        earlier=say_days(courses.earlier, t),
        total=courses.total,
        total_before=courses.total_before,
    )
    lines.append(layout.plain(counts))
    if one["known"] == one["known"]:
        known, new, old, was = (int(one[name]) for name in ("known", "newcomers", "old_after", "old_before"))
        lines.append(layout.plain(say_new_and_old(known, new, old, was, float(one["p_old"]), t)))
    return lines
