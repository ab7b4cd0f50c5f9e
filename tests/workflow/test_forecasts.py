from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from pingan_geo.errors import BadChoiceError, MixedOriginsError, NoReportsError, UnknownCategoryError
from pingan_geo.i18n import translator
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import parents
from pingan_geo.workflow import forecasts
from pingan_geo.workflow.backtest import BASELINE
from pingan_geo.workflow.explore import load_reports
from pingan_geo.workflow.forecasts import OURS, choose_method, expected_by_hour
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


# -- lists and risk by the hour ------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch, tiny_town):
    """A stand-in for our forecast that needs no learning, and no trial remembered from before."""
    monkeypatch.setattr(forecasts, "OURS", "count_90")
    (tiny_town.folder / forecasts.TRIALS_FILE).unlink(missing_ok=True)
    return tiny_town


@pytest.fixture(scope="module")
def halves(reports):
    """The reports, by day: half of the cells in the evening, the others in the morning."""
    table = reports.copy()
    rng = np.random.default_rng(5)
    evening = np.unique(table["cell"].to_numpy("uint64"), return_inverse=True)[1] % 2 == 0
    hour = np.where(evening, rng.integers(18, 23, len(table)), rng.integers(6, 11, len(table)))
    table["time"] = table["time"].dt.floor("D") + pd.to_timedelta(hour, unit="h")
    return table.sort_values("time", ignore_index=True)


SHIFT = {"since": datetime(2025, 11, 14, 18), "until": datetime(2025, 11, 14, 23, 30)}


def risk(town, reports, **asked):
    return expected_by_hour(town, **{**SHIFT, "language": "en", "reports": reports, **asked})


@pytest.mark.parametrize(
    "wrong",
    [
        {"until": SHIFT["since"]},
        {"until": datetime(2025, 12, 1)},
        {"resolution": 4},
        {"resolution": 12},
        {"categories": ("XX",)},
        {"since": datetime(1990, 1, 1), "until": datetime(1990, 1, 1, 5)},
    ],
    ids=str,
)
def test_a_shift_that_cannot_be_forecast_is_refused(quick, halves, wrong):
    with pytest.raises((BadChoiceError, UnknownCategoryError, NoReportsError)):
        risk(quick, halves, **wrong)


def test_each_hour_of_a_shift_has_its_expected_reports(quick, halves):
    found = risk(quick, halves)
    assert [str(start)[11:13] for start in found.starts] == ["18", "19", "20", "21", "22", "23"]
    assert found.expected.shape == (len(found.cells), 6)
    assert (found.expected >= 0).all()
    # half of the day's reports, in the five hours; a quarter of a report an hour of them on a usual day
    known = halves[halves["time"] < SHIFT["since"]]
    a_day = len(known) / ((SHIFT["since"] - known["time"].min()).days + 1) / 2
    assert 0.5 * a_day < found.expected.sum() < 2 * a_day
    assert found.expected[:, 5].sum() < 0.1 * found.expected[:, 1].sum()
    assert "of the area caught" in found.hit_rate_sentence
    assert "of the area caught" not in found.sentence
    again = risk(quick, halves)
    np.testing.assert_array_equal(found.expected, again.expected)


def test_a_trial_is_remembered_until_a_report_changes(quick, halves):
    seen = []

    def seen_so_far(done, total):
        seen.append((done, total))

    def call(table):
        seen.clear()
        return risk(quick, table, on_progress=seen_so_far)

    first = call(halves)
    assert seen
    second = call(halves)
    assert not seen
    assert (first.sentence, first.hit_rate_sentence) == (second.sentence, second.hit_rate_sentence)
    zh = risk(quick, halves, language="zh", on_progress=seen_so_far)
    assert not seen
    assert "上一期清单" in zh.hit_rate_sentence
    call(halves.drop(index=5))
    assert seen
    (quick.folder / forecasts.TRIALS_FILE).write_text('{"broken": [', encoding="utf-8")
    assert call(halves).sentence == first.sentence
    assert seen


def test_finds_change_neither_list_nor_risk(quick, halves):
    finds = halves.iloc[:300].assign(origin="found", cell=halves["cell"].iloc[7])
    more = pd.concat([halves, finds], ignore_index=True).sort_values("time", ignore_index=True)
    one, two = risk(quick, halves), risk(quick, more)
    np.testing.assert_array_equal(one.expected, two.expected)
    assert one.hit_rate_sentence == two.hit_rate_sentence
    counted = risk(quick, more.assign(origin="reported"))
    assert not np.array_equal(one.expected, counted.expected)
    known = {"method": "forecast", "resolution": RESOLUTION, "top": 10}
    lists = [find_hotspots(quick, ReportFilter(), reports=table, **known) for table in (halves, more)]
    assert lists[0].table["score"].tolist() == lists[1].table["score"].tolist()


def test_nothing_that_came_or_was_known_after_the_shift_began_is_seen(quick, halves):
    later = halves["time"] >= SHIFT["since"]
    moved = halves.copy()
    moved.loc[later, "cell"] = moved["cell"].iloc[7]
    one, two = risk(quick, halves), risk(quick, moved)
    np.testing.assert_array_equal(one.expected, two.expected)
    # began before the shift, known after it
    span = halves.iloc[:200].assign(
        time=pd.Timestamp(SHIFT["since"]) - pd.Timedelta(days=2),
        time_until=pd.Timestamp(SHIFT["since"]) + pd.Timedelta(hours=3),
        cell=halves["cell"].iloc[7],
    )
    three = risk(quick, pd.concat([halves, span], ignore_index=True).sort_values("time", ignore_index=True))
    np.testing.assert_array_equal(one.expected, three.expected)


def test_a_record_that_ends_long_before_the_shift_is_said_to_be_old(quick, halves):
    found = risk(quick, halves, since=datetime(2026, 5, 1, 18), until=datetime(2026, 5, 1, 22))
    assert "days before the shift" in found.sentence
    assert "days before the shift" not in risk(quick, halves).sentence


def test_without_hours_the_risk_is_spread_evenly(quick, halves):
    days = halves.assign(
        time=halves["time"].dt.floor("D"), time_until=halves["time"].dt.floor("D") + pd.Timedelta(days=1)
    )
    found = risk(quick, days)
    np.testing.assert_allclose(found.expected[:, :5], found.expected[:, [0] * 5])
    assert found.expected.sum() > 0


def test_the_list_for_some_hours_learns_from_all_and_expects_what_comes_in_them(quick, halves):
    known = {"method": "forecast", "resolution": RESOLUTION, "coverage": 1.0, "language": "en"}
    asked = ReportFilter(period=Period(until=datetime(2025, 11, 1)))
    whole = find_hotspots(quick, asked, reports=halves, **known)
    evening = replace(asked, hours=(18, 19, 20, 21, 22))
    part = find_hotspots(quick, evening, reports=halves, **known)
    assert part.table["score"].sum() < 0.75 * whole.table["score"].sum()
    assert part.table["reason"].str.contains("in these hours from 2025-11-01").all()
    assert "by the hours" in part.verdict
    learnt = dict(part.about)["Learnt from"]
    assert learnt == dict(whole.about)["Learnt from"]
    rest = find_hotspots(
        quick,
        replace(asked, hours=tuple(hour for hour in range(24) if hour not in evening.hours)),
        reports=halves,
        **known,
    )
    total = part.table["score"].sum() + rest.table["score"].sum()
    assert total == pytest.approx(whole.table["score"].sum(), rel=0.02)


def test_the_sentence_on_hits_is_that_of_the_windows(quick, halves):
    chosen = choose_method(
        quick, ReportFilter(), resolution=RESOLUTION, seed=0, reports=halves, t=translator("zh")
    )
    rows = chosen.tried.table[chosen.tried.table["method"] == chosen.method]
    assert f"命中 {rows['hit_rate'].iloc[-1]:.0%} 的上报" in chosen.hit_rate
    assert chosen.sentence.endswith(chosen.hit_rate)
