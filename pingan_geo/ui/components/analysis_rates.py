"""The view of rates: counts per household, reporter, km² or find, the funnel, and the line of concentration."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pingan_geo.errors import PinganError
from pingan_geo.i18n import Translator
from pingan_geo.model.report import ReportFilter
from pingan_geo.ui.cache import Visit, shared
from pingan_geo.ui.components import analysis, downloads, layout, tables
from pingan_geo.ui.components.analysis_state import BY, PER, Asked, keep_asked
from pingan_geo.ui.components.filters import choose
from pingan_geo.ui.components.rate_charts import (
    EXPOSURE_HEADINGS,
    say_interval,
    show_concentration,
    show_funnel,
)
from pingan_geo.workflow.rate_words import (
    about_rates,
    say_limits,
    say_line,
    say_rates,
    say_totals,
)
from pingan_geo.workflow.rates import RateTable, listed, rate_table
from pingan_geo.workflow.said import say_days
from pingan_geo.workflow.verdicts import say_chance


def show_rates(visit: Visit, asked: Asked) -> None:
    """Draw the rates of all villages, grids, estates or hexagons."""
    t = visit.t
    there = [code for code in BY if code == "cell" or len(visit.polygons(f"{code}s"))]
    if asked.by == Asked().by and asked.by not in there:  # what is usual elsewhere is not there in this town
        asked = replace(asked, by=there[0])
    by = {code: name for code, name in BY.items() if code in {*there, asked.by}}
    with st.container(horizontal=True, vertical_alignment="bottom", key="rate_controls"):
        asked = replace(asked, by=choose("an_by", asked.by, t("Counted in"), by, t))
        per = {code: name for code, name in PER.items() if (asked.by, code) != ("cell", "household")}
        usual = asked.per if asked.per in per else "km2"
        if asked.per not in per:
            st.session_state.pop("ask_an_per", None)
        asked = replace(asked, per=choose("an_per", usual, t("Reports per"), per, t))
    keep_asked(asked, t.language)
    wanted = analysis.report_filter(visit, asked)
    try:
        found = _rates(visit.key, wanted, asked.by, asked.per, visit.resolution(asked.question.detail), visit)
    except PinganError as error:
        layout.show_error(error, t)
        return
    st.markdown(f"{say_days(found.period, t)} · {say_totals(found, t)}")
    analysis.say(say_rates(found, t), strong=True)
    left, right = st.columns([3, 2], gap="medium") if found.by != "cell" else (None, st.container())
    if left is not None:
        with left:
            show_funnel(found, t)
    with right:
        show_concentration(found, t)
        analysis.say(say_line(found, t))
    _twin(visit, asked, found)
    with st.expander(t("What these numbers do not say")):
        analysis.say(say_limits(t))


def _twin(visit: Visit, asked: Asked, found: RateTable) -> None:
    """Draw the table of the rates, and its files."""
    t = visit.t
    layout.show_section(t("Rates as a table"))
    tables.show_table(worded_rates(found, t), t, key="rates", height=360)
    question = layout.say_question(
        replace(asked.question, villages=(), grids=()), visit.choices(), found.period, t
    )
    downloads.offer_downloads(
        visit,
        listed(found),
        name=f"rates_{found.by}_{found.per}",
        title=t("Rates"),
        key="rates",
        geometry="cell" if found.by == "cell" else "shape",
        about=about_rates(found, visit.name, question, t),
    )


def worded_rates(found: RateTable, t: Translator) -> pd.DataFrame:
    """Return the rates as people read them; the files keep every number."""
    table = found.table
    side = {"above": t("▲ more"), "below": t("▼ fewer")}
    columns: dict[str, Any] = {
        "name": table["name"],
        "count": table["count"],
        "share": table["share"],
        "exposure": table["exposure"],
        "rate": table["rate"],
        "interval": [say_interval(*ends, t) for ends in zip(table["low"], table["high"], strict=True)],
        "smoothed": table["smoothed"],
        "ratio": table["ratio"],
    }
    if not found.untested:
        columns["chance"] = ["" if p != p else say_chance(p, t) for p in table["p_value"]]
        columns["outside"] = [side.get(one, "") for one in table["outside"]]
    if found.by == "cell":
        columns["cell"] = table["cell"]
    if found.per == "find":
        del columns["smoothed"]
    words = pd.DataFrame(columns)
    if found.per != "km2":
        words["exposure"] = words["exposure"].astype("Int64")
    return words.rename(columns={"exposure": t(EXPOSURE_HEADINGS[found.per])})


@shared(16)
def _rates(
    key: str,
    wanted: ReportFilter,
    by: str,
    per: str,
    resolution: int,
    _visit: Visit,
) -> RateTable:
    senders = np.asarray(analysis.reporters(key, _visit)) if per == "reporter" else None
    return rate_table(
        _visit.town, _visit.index, wanted, by=by, per=per, resolution=resolution, reporters=senders
    )
