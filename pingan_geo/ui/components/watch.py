"""Two layers of the map and what is said of them: where people look, and where to look again after a report."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.outputs.map_layers import CellLayer, Classes, PolygonLayer, class_text
from pingan_geo.spatial.cells import outlines
from pingan_geo.ui.cache import Visit
from pingan_geo.ui.components import layout, tables
from pingan_geo.ui.state import Question
from pingan_geo.workflow.seen import EFFORT_CLASSES, Seen

#: So many of the first by counts, and of the first by the corrected number, stand in the list.
FIRST = 20
#: No verdict, then ever more is seen: light to dark.
_EFFORT = Classes(
    EFFORT_CLASSES, ("#d4d4ce", "#e4f3b9", "#a6dcb8", "#56bec1", "#206fb0", "#12256c"), whole=False
)
_FACTOR = Classes(
    (0.0, 1.5, 2.0, 3.0, 5.0), ("#f7a13c", "#ec7a2b", "#d4502a", "#a92f22", "#6b1712"), whole=False
)
_READING = mark(
    "How much is seen is told from the mix of sources: pictures, posts and desks against the police and hotlines, "
    "which everybody can reach. It is relative to the town; how much of everything is seen nobody knows. The "
    "corrected list stands beside the counts and never in their place: on 20 made-up towns whose truth is known "
    "it was a little nearer to the truth (correlation of ranks +0.11; of the truly worst 2 % of hexagons, 2 in a "
    "hundred more), nearly all of that by smoothing; enterprises were ranked worse. The range held the truth in "
    "79–86 of 100 hexagons, not in 95."
)
_DARK = mark(
    "Dashed: people live there, and in that time nobody reported anything there or next to it, or less than half of "
    "the usual is seen. Told by the hexagons of the overview, with households spread evenly over each grid. It is a "
    "weak hint to go and have a look, no finding: neither dangerous nor safe."
)
_ALERTING = mark(
    "An alert is a place to look at first and no forecast: most reports have no repeat, and no alert does not mean "
    "safe. It is drawn around the hexagon of a report, never around its exact place."
)


def draw_seen(visit: Visit, question: Question, selected: str) -> tuple[list[Any], str]:
    """Return the layers of where people look, and their legend."""
    t, found = visit.t, _seen(visit, question)
    if not found.told:
        return [], ""
    dark = found.table["dark"].to_numpy()
    values = found.classed
    tips = _effort_tips(found, t)
    layers: list[Any] = [CellLayer(found.cells, values, _EFFORT, tips=tips, selected=selected)]
    if dark.any():
        layers.append(PolygonLayer(_quarters(found.cells[dark]), "dark"))
    texts = [class_text(row, whole=False) for row in _EFFORT.rows(values)]
    texts[0] = t("no verdict")
    signs = [
        f'<span><i style="border:2px dashed #111"></i>{_text(t("people, but nobody looks"))}{_number(int(dark.sum()), t)}</span>'
    ]
    title = t("What is seen, times the town's mean")
    return layers, _legend(title, _EFFORT, values, texts, t, signs if found.housed else ())


def draw_alerts(visit: Visit, question: Question, selected: str) -> tuple[list[Any], str]:
    """Return the layer of alerts, and its legend."""
    t = visit.t
    table = visit.alerts(question.report_filter(visit.today), visit.resolution(question.detail)).table
    if table.empty:
        return [], ""
    values = table["factor"].to_numpy()
    tips = [
        "\n".join(
            (
                t("Expires on {day}", day=t.date(until)),
                t("{ratio} times as many reports as by chance", ratio=t.number(factor, 2)),
                t.plural("{count} recent report near by", "{count} recent reports near by", int(events)),
            )
        )
        for until, factor, events in zip(table["until"], values, table["events"], strict=True)
    ]
    texts = [class_text(row, whole=False) for row in _FACTOR.rows(values)]
    texts[0] = t("under {number}", number=t.number(_FACTOR.edges[1], 1))
    layer = CellLayer(table["cell"], values, _FACTOR, tips=tips, selected=selected)
    return [layer], _legend(t("Reports to come, times those by chance"), _FACTOR, values, texts, t)


def about_watch(visit: Visit, question: Question) -> list[tuple[str, str]]:
    """Return (label, text) pairs on what the layer rests on and does not mean, for its files."""
    t = visit.t
    if question.layer == "alerts":
        found = visit.alerts(question.report_filter(visit.today), visit.resolution(question.detail))
        return [(t("Alerts after a report"), found.sentence), (t("Not meant"), t(_ALERTING))]
    if question.layer == "seen":
        said = [(t("Where people look"), one) for one in _seen(visit, question).sentences]
        return [*said, (t("Not meant"), t(_DARK)), (t("Not meant"), t(_READING))]
    return []


def say_watch(visit: Visit, question: Question) -> None:
    """Say what the layer rests on and what it does not mean, or why there is none."""
    t = visit.t
    if question.layer == "alerts":
        found = visit.alerts(question.report_filter(visit.today), visit.resolution(question.detail))
        _say([t("{sentence}.", sentence=found.sentence)], t(_ALERTING))
    elif question.layer == "seen":
        seen = _seen(visit, question)
        _say(list(seen.sentences), *([t(_DARK)] if seen.told and seen.housed else []))
        if seen.told:
            st.caption(layout.plain(t(_READING)))


def show_corrected(visit: Visit, question: Question) -> str:
    """Draw the counts and beside them the corrected numbers; return the pick of a row that is clicked."""
    if question.layer != "seen" or not (seen := _seen(visit, question)).listed:
        return ""
    layout.show_section(visit.t("The counts, and beside them corrected for effort"))
    words = tables.worded_corrected(visit, _first(seen.table))
    row = tables.show_table(words, visit.t, key="corrected", height=320, pick=True)
    return "" if row is None else f"cell:{words['cell'].iloc[row]}"


def _seen(visit: Visit, question: Question) -> Seen:
    return visit.seen(question.report_filter(visit.today), visit.resolution(question.detail))


def _first(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are among the first by counts or by the corrected number, by counts."""
    first = (table["count_rank"] <= FIRST) | (table["corrected_rank"] <= FIRST)
    return table[first].sort_values(["count_rank", "corrected_rank"], kind="stable").reset_index(drop=True)


def _effort_tips(found: Seen, t: Translator) -> list[str]:
    effort = found.table["effort"].to_numpy()
    hint = t("people live here, but nobody looks: go and see")
    said = [
        t("no verdict: too uncertain")
        if one != one
        else t("seen {ratio} times as the town's mean", ratio=t.number(one, 1))
        for one in effort
    ]
    return [f"{one}\n{hint}" if dark else one for one, dark in zip(said, found.table["dark"], strict=True)]


def _quarters(cells: Any) -> Any:
    """Return cells that touch as one outline each."""
    whole = shapely.union_all(shapely.set_precision(outlines(cells), 1e-7))
    parts = list(shapely.get_parts([whole]))
    names = [""] * len(parts)
    return gpd.GeoDataFrame({"code": names, "name": names}, geometry=parts, crs=4326)


def _legend(
    title: str, classes: Classes, values: Any, texts: Sequence[str], t: Translator, signs: Sequence[str] = ()
) -> str:
    parts = [f"<b>{_text(title)}</b>"]
    parts += [
        f'<span><i style="background:{_text(row.colour)}"></i>{_text(words)}{_number(row.count, t)}</span>'
        for row, words in zip(classes.rows(np.asarray(values)), texts, strict=True)
    ]
    parts += [*signs, f"<small>{_text(t('In brackets: number of {things}', things=t('hexagons')))}</small>"]
    return f'<div class="legend">{"".join(parts)}</div>'


def _number(count: int, t: Translator) -> str:
    return f" <small>({t.number(count)})</small>"


def _text(words: str) -> str:
    return html.escape(words)


def _say(sentences: Sequence[str], *captions: str) -> None:
    lines = "".join(f"<li>{_text(one)}</li>" for one in sentences)
    st.html(f'<ul class="analysis_said">{lines}</ul>')
    for caption in captions:
        st.caption(layout.plain(caption))
