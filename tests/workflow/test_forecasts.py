from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from pingan_geo.errors import MixedOriginsError, NoReportsError
from pingan_geo.i18n import translator
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import parents
from pingan_geo.workflow import forecasts
from pingan_geo.workflow.backtest import BASELINE
from pingan_geo.workflow.explore import load_reports
from pingan_geo.workflow.forecasts import OURS, choose_method
from pingan_geo.workflow.hotspots import find_hotspots

EN = translator("en")
RESOLUTION = 9


@pytest.fixture(scope="module")
def reports(tiny_town):
    """The tiny town's reports over 400 days."""
    table = load_reports(tiny_town)
    table = table[table["origin"] == "reported"].reset_index(drop=True)
    rng = np.random.default_rng(3)
    seconds = np.sort(rng.integers(0, 400 * 86_400, len(table))).astype("timedelta64[s]")
    table["time"] = np.datetime64("2025-01-01T00:00:00") + seconds
    table["time_until"] = np.datetime64("NaT", "s")
    return table


@pytest.fixture(scope="module")
def moving(reports):
    """The same, but all of a month come from two places, and every month from two others."""
    table = reports.copy()
    month = (table["time"] - table["time"].min()).dt.days.to_numpy() // 40
    rng = np.random.default_rng(4)
    _, first = np.unique(parents(table["cell"].to_numpy(), RESOLUTION), return_index=True)
    chosen = rng.permutation(first)[: 2 * (month.max() + 1)].reshape(-1, 2)
    source = chosen[month, rng.integers(0, 2, len(table))]
    for column in ("lon", "lat", "cell"):
        table[column] = table[column].to_numpy()[source]
    return table


def gate(town, reports, **asked):
    known = {"resolution": RESOLUTION, "seed": 0, "reports": reports, "t": EN}
    return choose_method(town, ReportFilter(**asked), **known)


def test_finds_of_patrols_make_no_forecast(tiny_town, reports):
    found = reports.assign(origin=pd.Categorical(["found"] * len(reports)))
    asked = ReportFilter(origin="found")
    with pytest.raises(MixedOriginsError):
        find_hotspots(tiny_town, asked, method="forecast", resolution=RESOLUTION, reports=found)


def test_before_the_first_report_there_is_nothing_to_learn_from(tiny_town):
    early = ReportFilter(period=Period(until=datetime(1990, 1, 1)))
    with pytest.raises(NoReportsError):
        find_hotspots(tiny_town, early, method="forecast", resolution=RESOLUTION)


def test_a_short_record_is_counted_and_says_so(tiny_town, reports):
    first = reports["time"].min()
    chosen = gate(tiny_town, reports, period=Period(until=(first + np.timedelta64(60, "D")).to_pydatetime()))
    assert chosen.method == BASELINE
    assert chosen.tried is None
    assert "too short" in chosen.sentence


def test_where_places_last_a_count_is_as_good_and_is_taken(tiny_town, reports):
    chosen = gate(tiny_town, reports)
    hits = chosen.tried.summary.set_index("method")["hits"]
    assert chosen.method in forecasts.PLAIN
    assert hits[chosen.method] == hits[list(forecasts.PLAIN)].max()
    assert "has not earned its place" in chosen.sentence
    assert "of the area caught" in chosen.sentence


def test_where_places_move_on_ours_earns_its_place(tiny_town, moving):
    chosen = gate(tiny_town, moving)
    pair = chosen.tried.pairs.query("method == @OURS and baseline == @BASELINE").iloc[0]
    assert pair["low"] > 0
    assert chosen.method == OURS
    assert "Our forecast is used" in chosen.sentence


def test_a_lead_that_is_too_small_is_none(tiny_town, moving, monkeypatch):
    monkeypatch.setattr(forecasts, "LEAST_LEAD", np.inf)
    assert gate(tiny_town, moving).method in forecasts.PLAIN


def test_the_list_is_in_order_of_what_is_expected_and_says_until_when(tiny_town, reports):
    until = datetime(2025, 11, 1)
    asked = ReportFilter(period=Period(until=until))
    found = find_hotspots(
        tiny_town, asked, method="forecast", resolution=RESOLUTION, top=10, language="en", reports=reports
    )
    score = found.table["score"].to_numpy()
    assert (np.diff(score) <= 0).all()
    assert (score > 0).all()
    assert found.table["reason"].str.contains("from 2025-11-01 to 2025-11-28").all()
    assert found.total == found.in_listed + found.in_other + found.unassigned
    assert found.verdict in dict(found.about).values()


def test_what_came_after_the_end_changes_nothing(tiny_town, reports):
    until = datetime(2025, 11, 1)
    asked = ReportFilter(period=Period(until=until))
    kept = reports[~(reports["time"] >= np.datetime64(until))]
    known = {"method": "forecast", "resolution": RESOLUTION, "top": 10}
    one = find_hotspots(tiny_town, asked, reports=reports, **known)
    two = find_hotspots(tiny_town, asked, reports=kept, **known)
    assert one.table["cell"].tolist() == two.table["cell"].tolist()
    assert one.table["score"].tolist() == two.table["score"].tolist()
