"""The back-test on a page: what each method would have caught, and one window's hits and misses on a map."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from pingan_geo.i18n import Translator, mark
from pingan_geo.model.receipt import OnProgress, Progress
from pingan_geo.model.report import ReportFilter
from pingan_geo.outputs.map_layers import CellLayer, Classes, PolygonLayer
from pingan_geo.ui.cache import Visit, shared, work_out_once
from pingan_geo.ui.components import downloads, tables
from pingan_geo.ui.components.filters import choose
from pingan_geo.ui.components.map_view import base_map, ground_layers
from pingan_geo.ui.components.town_map import show_map
from pingan_geo.ui.state import fill_widget
from pingan_geo.workflow.backtest import (
    BASELINE,
    METHOD_WORDS,
    BackTest,
    back_test,
    cells_of_origin,
    percent,
    say_hit_rate,
    say_lead,
)

#: Tried unasked: they answer in a second. The others may take minutes.
QUICK: Final = ("count_365", "count_all", "lee_o_eck", "gi_star")
_MOST_KEPT: Final = 16
HORIZONS: Final[Mapping[str, str]] = {"7": mark("7 days"), "28": mark("28 days")}
COVERAGES: Final[Mapping[str, str]] = {"0.01": mark("1%"), "0.02": mark("2%"), "0.05": mark("5%")}
_OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "hit": ("#0b5394", mark("listed, and reports came")),
    "quiet": ("#a9c7e3", mark("listed, none came")),
    "missed": ("#c8421c", mark("not listed, reports came")),
}


def find_back_test(visit: Visit, asked: ReportFilter, resolution: int) -> tuple[BackTest, str]:
    """Draw what is tried, and return the back-test and the coverage that is looked at."""
    from pingan_geo.stats.forecasting.methods import METHODS

    t = visit.t
    with st.container(horizontal=True, vertical_alignment="bottom", key="backtest_controls"):
        horizon = choose("bt_horizon", "7", t("Each list is for"), HORIZONS, t)
        coverage = choose("bt_coverage", "0.02", t("Share of the area listed"), COVERAGES, t)
        key = fill_widget("ask_bt_methods", [name for name in QUICK if name in METHODS])
        chosen = st.multiselect(
            t("Methods"), list(METHODS), format_func=lambda name: say_method(name, t), key=key
        )
    methods = tuple(name for name in METHODS if name in chosen) or (BASELINE,)
    return _tried(visit, asked, methods, float(horizon), resolution), coverage


def say_method(name: str, t: Translator) -> str:
    """Return a method in words."""
    return t(METHOD_WORDS[name]) if name in METHOD_WORDS else name


def show_scores(found: BackTest, coverage: float, t: Translator) -> None:
    """Draw the sentence on the best method, and all methods beside each other."""
    part = found.summary[np.isclose(found.summary["coverage"], coverage)]
    if not part["events"].any():
        st.info(say_hit_rate(found, found.methods[0], coverage, t))
        return
    best = str(part["method"].iloc[int(part["hits"].to_numpy().argmax())])
    st.markdown(f"**{say_hit_rate(found, best, coverage, t)}**")
    st.caption(t("Most hits by: {method}.", method=say_method(best, t)))
    for name in part.loc[part["alarm"], "method"]:
        warning = t("Warning: in the last window it caught fewer than before, by more than chance.")
        st.warning(f"{say_method(name, t)}: {warning}")
    words = pd.DataFrame(
        {
            "tried_method": [say_method(name, t) for name in part["method"]],
            "hit_rate": part["hit_rate"].to_numpy(),
            "hit_range": [
                f"{t.percent(low, 0)}–{t.percent(high, 0)}"
                for low, high in zip(part["hit_rate_low"], part["hit_rate_high"], strict=True)
            ],
            "pai": part["pai"].to_numpy(),
            "pei": part["pei"].to_numpy(),
            "lead": [
                say_lead(found, name, t, words=lambda one: say_method(one, t)) for name in part["method"]
            ],
        }
    )
    tables.show_table(words, t, key="backtest")


def show_window(visit: Visit, found: BackTest, coverage: float) -> None:
    """Draw one window: which cells were listed, where reports came, and what was missed."""
    t = visit.t
    with st.container(horizontal=True, vertical_alignment="bottom", key="backtest_window"):
        method = str(
            st.selectbox(
                t("Method"),
                found.methods,
                format_func=lambda name: say_method(name, t),
                key=_kept("ask_bt_method", found.methods, found.methods[0]),
            )
        )
        days = [str(start.astype("datetime64[D]")) for start in found.origin]
        day = str(st.selectbox(t("List made on"), days, key=_kept("ask_bt_origin", days, days[-1])))
    number = days.index(day)
    cells = cells_of_origin(found, method, number, coverage)
    window = found.table[
        (found.table["method"] == method)
        & (found.table["origin"] == found.origin[number])
        & np.isclose(found.table["coverage"], coverage)
    ].iloc[0]
    st.markdown(
        t(
            "From {day}, {days} days: {hits} of {events} reports lay in the cells listed ({coverage} of the area).",
            day=day,
            days=t.number(found.horizon_d),
            hits=t.number(window["hits"], 1),
            events=t.number(window["events"]),
            coverage=percent(t, coverage),
        )
    )
    show_map(base_map(visit), _layers(visit, cells), key="backtest_map", height=520)
    st.html(_legend(cells, t))
    if ((cells["flagged"] > 0) & (cells["flagged"] < 1)).any():
        st.caption(
            t("Cells with equal expectation at the end of the list count by their chance to be on it.")
        )


def offer_files(visit: Visit, found: BackTest) -> None:
    """Draw the buttons of the files: the same as of ``pingan backtest``."""
    downloads.offer_downloads(
        visit,
        found.table.rename(columns={"origin": "list_made"}),
        name="backtest",
        title=visit.t("Back-test"),
        key="backtest",
        suffixes=(".csv", ".xlsx"),
        about=found.about,
    )


def _kept(key: str, offered: Any, usual: str) -> str:
    """Keep what was chosen as long as it is still offered."""
    if st.session_state.get(key) not in offered:
        st.session_state[key] = usual
    return key


def _layers(visit: Visit, cells: pd.DataFrame) -> list[Any]:
    t, codes = visit.t, list(_OUTCOMES)
    tips = [
        t(
            "{outcome}: {count} reports, {expected} expected",
            outcome=t(_OUTCOMES[row.outcome][1]),
            count=row.happened,
            expected=t.number(row.expected, 2),
        )
        for row in cells.itertuples()
    ]
    values = np.array([codes.index(one) for one in cells["outcome"]], dtype=np.float64)
    classes = Classes((0.0, 1.0, 2.0), tuple(colour for colour, _ in _OUTCOMES.values()))
    ids = np.array([int(cell, 16) for cell in cells["cell"]], dtype=np.uint64)
    return [
        *ground_layers(visit, ("roads", "waters")),
        CellLayer(ids, values, classes, tips=tips),
        PolygonLayer(visit.polygons("villages"), "villages", labels=True),
    ]


def _legend(cells: pd.DataFrame, t: Translator) -> str:
    parts = [
        f'<span><i style="background:{colour}"></i>{html.escape(t(words))} '
        f"<small>({t.number(int((cells['outcome'] == code).sum()))})</small></span>"
        for code, (colour, words) in _OUTCOMES.items()
    ]
    note = html.escape(t("In brackets: number of {things}", things=t("hexagons")))
    return f'<div class="legend">{"".join(parts)}<small>{note}</small></div>'


@contextmanager
def _progress(t: Translator) -> Iterator[OnProgress]:
    """Draw a bar and a button to stop; any click makes Streamlit stop the run at the next step."""
    bar, button = st.empty(), st.empty()
    button.button(t("Cancel"), key="backtest_stop")

    def show(step: Progress) -> None:
        bar.progress(step.done / (step.total or 1), text=f"{t(step.stage)} ({step.done}/{step.total})")

    try:
        yield show
    finally:
        bar.empty()
        button.empty()


def _tried(
    visit: Visit, asked: ReportFilter, methods: tuple[str, ...], horizon_d: float, resolution: int
) -> BackTest:
    """Return a back-test, worked out once for all visitors."""

    def work() -> BackTest:
        with _progress(visit.t) as on_progress:
            return back_test(
                visit.town,
                asked,
                methods=methods,
                horizon_d=horizon_d,
                coverages=tuple(float(share) for share in COVERAGES),
                resolution=resolution,
                language=visit.t.language,
                reports=visit.index.reports,
                on_progress=on_progress,
            )

    key = (visit.key, asked, methods, horizon_d, resolution, visit.t.language)
    return work_out_once(_answers(), key, _MOST_KEPT, work)


@shared(1)
def _answers() -> dict[tuple[Any, ...], BackTest]:
    return {}
