"""What is found for an area: refused areas first, then every number against an independent one."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from pingan_geo.errors import AreaError, BadChoiceError
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.grids import area_m2
from pingan_geo.workflow.analysis import (
    MOST_CORNERS,
    RADIUS_M,
    Area,
    analyse_area,
    area_shape,
    compare_areas,
    compare_two_periods,
    earlier_period,
    emerging_cluster,
    load_reporters,
    parse_area,
    slice_time,
)
from pingan_geo.workflow.explore import index_reports, load_reports

MIDDLE = (120.61575, 30.7935)
LAST90 = ReportFilter(period=Period(datetime(2025, 11, 30), datetime(2026, 2, 28)))


@pytest.fixture(scope="module")
def index(tiny_town):
    return index_reports(load_reports(tiny_town), tiny_town.settings.board_of)


def box(west, south, east, north):
    return Area("polygon", corners=((west, south), (east, south), (east, north), (west, north)))


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "", "square:1,2", "polygon:1", "polygon:1,2,3", "polygon:nan,2", "polygon:1,91", "polygon:181,2",
    "circle:1,2;3,4", "circle:1,2;49", "circle:1,2;5001", "circle:1,2;-5", "polygon:1e9,2", "<b>:1,2",
    "polygon:" + ";".join(["1,2"] * (MOST_CORNERS + 1)), "grid:" + "a" * 4000,
])  # fmt: skip
def test_what_is_no_area_is_refused(text):
    with pytest.raises(BadChoiceError):
        parse_area(text)


@pytest.mark.parametrize(("area", "said"), [
    (Area("polygon", corners=(MIDDLE, (120.62, 30.8))), "not complete"),
    (Area("circle"), "not complete"),
    (Area("grid"), "not complete"),
    (Area("polygon", corners=((120.60, 30.78), (120.63, 30.80), (120.63, 30.78), (120.60, 30.80))), "crosses"),
    (Area("polygon", corners=((120.60, 30.78), (120.61, 30.78), (120.62, 30.78))), "encloses nothing"),
    (Area("circle", corners=((121.0, 31.0),)), "outside the town"),
    (Area("grid", codes=("330411104001001", "nowhere")), "no grid or village"),
])  # fmt: skip
def test_what_cannot_be_looked_into_is_said(tiny_town, area, said):
    with pytest.raises(AreaError, match=said):
        area_shape(tiny_town, area)


def test_a_cluster_of_reports_mixed_with_finds_is_not_looked_for(tiny_town, index):
    with pytest.raises(BadChoiceError, match="origin"):
        emerging_cluster(tiny_town, index, ReportFilter(origin=""), datetime(2026, 3, 1))


# -- areas -------------------------------------------------------------------------------------------

places = st.tuples(
    st.floats(-180, 180).map(lambda x: round(x, 5) + 0.0), st.floats(-89, 89).map(lambda y: round(y, 5) + 0.0)
)
areas = st.one_of(
    st.builds(Area, st.just("polygon"), corners=st.lists(places, max_size=MOST_CORNERS).map(tuple)),
    st.builds(
        Area,
        st.just("circle"),
        corners=st.lists(places, min_size=1, max_size=1).map(tuple),
        radius_m=st.integers(*RADIUS_M),
    ),
    st.builds(
        Area,
        st.sampled_from(["grid", "village"]),
        codes=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9), unique=True, max_size=9).map(tuple),
    ),
)  # fmt: skip


@given(areas)
def test_an_area_comes_back_from_its_text(area):
    assert parse_area(area.text) == area


def test_a_circle_has_the_area_of_a_circle_and_is_cut_at_the_border(tiny_town):
    inner = area_shape(tiny_town, Area("circle", corners=(MIDDLE,), radius_m=400))
    assert area_m2(inner)[0] == pytest.approx(math.pi * 400**2, rel=1e-3)
    corner = area_shape(tiny_town, Area("circle", corners=((120.60, 30.78),), radius_m=400))
    assert area_m2(corner)[0] == pytest.approx(math.pi * 400**2 / 4, rel=1e-2)


def test_a_grid_drawn_by_hand_holds_what_the_grid_holds(tiny_town, index):
    frame = tiny_town.layer("grids")
    code = frame["code"].iloc[4]
    drawn = box(*frame.geometry.iloc[4].bounds)
    by_code = analyse_area(tiny_town, index, LAST90, Area("grid", codes=(code,)), resolution=9)
    by_hand = analyse_area(tiny_town, index, LAST90, drawn, resolution=9)
    assert by_code.total == by_hand.total > 10
    assert by_code.km2 == pytest.approx(by_hand.km2, rel=1e-6)


# -- one area ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("area", [
    Area("circle", corners=(MIDDLE,), radius_m=700),
    box(120.60, 30.78, 120.61, 30.80),
    Area("village", codes=("330411104002", "330411104003")),
])  # fmt: skip
def test_every_report_is_here_or_elsewhere_and_rates_are_counts_by_area(tiny_town, index, area):
    found = analyse_area(tiny_town, index, LAST90, area, resolution=9)
    fitting = index.reports[index.select(LAST90)]
    assert found.total + found.rest + found.placeless == len(fitting)
    assert found.view.total == found.total == int(found.view.hours.counts.sum()) + found.view.hours.unknown
    assert found.km2 + found.rest_km2 == pytest.approx(float(area_m2(tiny_town.area)[0]) / 1e6)
    if area.kind != "village":
        here = shapely.contains_xy(found.shape, fitting["lon"], fitting["lat"])
        assert found.total == int(here.sum())
    assert found.rate.per_km2 == pytest.approx(found.total / found.km2)
    assert found.rate.low < found.rate.per_km2 < found.rate.high
    one = found.against_rest
    assert one.ratio == pytest.approx(found.rate.per_km2 / found.rest_rate.per_km2)
    test = binomtest(found.total, found.total + found.rest, found.km2 / (found.km2 + found.rest_km2))
    low, high = test.proportion_ci(0.95)
    odds = found.rest_km2 / found.km2
    assert one.low == pytest.approx(low / (1 - low) * odds)
    assert one.high == pytest.approx(high / (1 - high) * odds)
    assert (one.p_value < 0.05) == (one.low > 1 or one.high < 1)


def test_reports_outside_the_town_are_in_neither_and_said(tiny_town):
    reports = load_reports(tiny_town)
    lost = reports.index[-20:]
    reports.loc[lost, "lon"] += 1.0
    reports.loc[lost, ["village_id", "grid_id"]] = ""
    index = index_reports(reports, tiny_town.settings.board_of)
    area = Area("village", codes=("330411104001",))
    found = analyse_area(tiny_town, index, ReportFilter(), area, resolution=9)
    assert found.placeless == 20
    assert found.total + found.rest == len(reports) - 20


def test_the_period_before_is_counted_in_the_same_area(tiny_town, index):
    area = Area("village", codes=("330411104001",))
    asked = ReportFilter(period=Period(datetime(2026, 1, 1), datetime(2026, 2, 1)))
    found = analyse_area(tiny_town, index, asked, area, resolution=9)
    reports = index.reports
    day = reports["time"]
    here = reports["village_id"] == "330411104001"
    before = here & (day >= "2025-12-01") & (day < "2026-01-01")
    assert found.against_earlier.before == int(before.sum())
    assert found.against_earlier.after == int((here & (day >= "2026-01-01") & (day < "2026-02-01")).sum())
    assert earlier_period(index, asked.period) == Period(datetime(2025, 12, 1), datetime(2026, 1, 1))


def test_without_reports_so_old_there_is_no_comparison(tiny_town, index):
    found = analyse_area(
        tiny_town, index, ReportFilter(), Area("village", codes=("330411104001",)), resolution=9
    )
    assert found.earlier is None
    assert found.against_earlier is None


def test_limits_on_villages_give_way_to_the_area(tiny_town, index):
    area = Area("village", codes=("330411104001",))
    limited = replace(LAST90, villages=("330411104003",), grids=("330411104003001",))
    assert (
        analyse_area(tiny_town, index, limited, area, resolution=9).rest
        == analyse_area(tiny_town, index, LAST90, area, resolution=9).rest
    )


def test_few_reports_give_no_verdict(tiny_town, index):
    few = ReportFilter(period=Period(datetime(2026, 2, 20), datetime(2026, 2, 22)))
    found = analyse_area(tiny_town, index, few, Area("circle", corners=(MIDDLE,)), resolution=9)
    assert found.total + found.rest < 30
    assert not found.against_rest.enough
    assert not found.against_earlier.enough
    assert found.near is None


def test_nothing_is_tested_where_reports_and_finds_are_mixed(tiny_town):
    reports = load_reports(tiny_town)
    reports["origin"] = pd.Series(np.where(np.arange(len(reports)) % 3, "reported", "found"), dtype="str")
    index = index_reports(reports, tiny_town.settings.board_of)
    area = Area("village", codes=("330411104001",))
    found = analyse_area(tiny_town, index, replace(LAST90, origin=""), area, resolution=9)
    assert found.mixed
    assert found.against_rest is found.against_earlier is found.near is found.newcomers is None
    assert compare_areas(found, found) is None
    assert (
        compare_two_periods(index, replace(LAST90, origin=""), datetime(2025, 9, 1), resolution=9).compared
        is None
    )
    assert not analyse_area(tiny_town, index, LAST90, area, resolution=9).mixed


def test_who_reported_elsewhere_before_is_no_newcomer(tiny_town, index):
    area = Area("village", codes=("330411104001",))
    asked = ReportFilter(period=Period(datetime(2026, 1, 1), datetime(2026, 2, 1)))
    day, here = index.reports["time"], (index.reports["village_id"] == "330411104001").to_numpy()
    after = here & (day >= "2026-01-01").to_numpy() & (day < "2026-02-01").to_numpy()
    elsewhere = np.flatnonzero(~here & (day >= "2025-12-01").to_numpy() & (day < "2026-01-01").to_numpy())
    later = np.flatnonzero(~here & (day >= "2026-01-01").to_numpy())
    senders = np.full(len(index), "", dtype=object)
    rows = np.flatnonzero(after)
    assert len(rows) >= 6
    senders[rows[:3]], senders[rows[3:5]], senders[rows[5]] = "new", "known elsewhere", "only later elsewhere"
    senders[elsewhere[0]], senders[later[-1]] = "known elsewhere", "only later elsewhere"
    found = analyse_area(tiny_town, index, asked, area, resolution=9, reporters=senders).newcomers
    assert (found.after_from_newcomers, found.after_from_old) == (4, 2)
    assert found.after == int(after.sum())
    assert found.before == analyse_area(tiny_town, index, asked, area, resolution=9).against_earlier.before


def test_reporters_stand_beside_their_reports(tiny_town, index):
    senders = load_reporters(tiny_town, index)
    assert len(senders) == len(index)
    assert not senders.any()  # the ledger of the tiny town names none


def test_reports_that_follow_each_other_nearby_are_found(tiny_town):
    reports = load_reports(tiny_town)
    rng = np.random.default_rng(4)
    rows = rng.permutation(np.flatnonzero(reports["time"] >= pd.Timestamp("2025-11-30")))
    first, second = rows[: len(rows) // 2], rows[-(len(rows) // 2) :]
    for column in ("lon", "lat", "village_id", "grid_id", "cell"):
        reports.loc[second, column] = reports.loc[first, column].to_numpy()
    reports.loc[second, "time"] = reports.loc[first, "time"].to_numpy() + np.timedelta64(86400, "s")
    everywhere = box(120.60, 30.78, 120.631, 30.806)
    near = [
        analyse_area(
            tiny_town, index_reports(table, tiny_town.settings.board_of), LAST90, everywhere, resolution=9
        ).near
        for table in (reports, load_reports(tiny_town))
    ]
    assert near[0].p_value < 0.01 < near[1].p_value
    assert near[0].ratio > near[1].ratio
    assert near[0].reach_m >= 100
    # Every alert is a report of the last days, no further back than reports follow each other.
    table = near[0].alerts
    assert len(table)
    assert table["days_left"].between(1, near[0].reach_days).all()
    last = reports[reports["time"] >= pd.Timestamp("2026-02-28") - pd.Timedelta(days=near[0].reach_days)]
    assert len(table) == len(last[last["time"] < pd.Timestamp("2026-02-28")])


# -- two areas, two periods, time --------------------------------------------------------------------


def test_two_areas_are_compared_by_area_and_overlapping_ones_are_not(tiny_town, index):
    codes = ("330411104001", "330411104002")
    first, second = (
        analyse_area(tiny_town, index, LAST90, Area("village", codes=(code,)), resolution=9) for code in codes
    )
    one = compare_areas(first, second)
    assert one.ratio == pytest.approx(first.rate.per_km2 / second.rate.per_km2)
    both = analyse_area(tiny_town, index, LAST90, Area("village", codes=codes), resolution=9)
    assert compare_areas(first, both) is None


def test_two_periods_share_one_ladder_of_classes(index):
    asked = ReportFilter(period=Period(datetime(2026, 1, 1), datetime(2026, 2, 1)))
    pair = compare_two_periods(index, asked, datetime(2025, 10, 1), resolution=8)
    time = index.reports["time"]
    assert pair.first.total == int(((time >= "2025-10-01") & (time < "2025-11-01")).sum())
    assert pair.second.total == int(((time >= "2026-01-01") & (time < "2026-02-01")).sum())
    most = max(pair.first.cells["count"].max(), pair.second.cells["count"].max())
    assert pair.breaks[0] == 1
    assert pair.breaks[-1] <= most
    assert pair.compared.ratio == pytest.approx(pair.second.total / pair.first.total)
    assert compare_two_periods(index, asked, datetime(2025, 12, 15), resolution=8).compared is None


def test_newcomers_of_two_periods_are_told_apart_with_a_gap_between_them(index):
    """Who reported between the two periods, or outside the area, is no newcomer; the gap counts for neither."""
    asked = ReportFilter(period=Period(datetime(2026, 1, 1), datetime(2026, 2, 1)))
    time = index.reports["time"]
    since, split = datetime(2025, 10, 1), datetime(2026, 1, 1)
    assert compare_two_periods(index, asked, since, resolution=8).newcomers is None
    people = np.array(
        [f"r{one}" for one in np.random.default_rng(1).integers(0, 900, len(index))], dtype=object
    )
    inside = np.arange(len(index)) % 2 == 0
    for part in (None, inside):
        pair = compare_two_periods(index, asked, since, resolution=8, inside=part, reporters=people)
        found, here = pair.newcomers, np.ones(len(index), dtype=bool) if part is None else part
        assert (found.before, found.after) == (pair.first.total, pair.second.total)
        seen = set(people[(time < split).to_numpy()])
        after = here & ((time >= split) & (time < "2026-02-01")).to_numpy()
        assert 0 < found.after_from_newcomers < found.after
        assert found.after_from_newcomers == sum(one not in seen for one in people[after])
    later = compare_two_periods(
        index,
        replace(asked, period=Period(since, datetime(2025, 11, 1))),
        split,
        resolution=8,
        reporters=people,
    )
    assert later.compared is not None
    assert later.newcomers is None


@pytest.mark.parametrize(("days", "step"), [(10, "day"), (90, "week"), (400, "month")])
def test_the_steps_of_time_hold_all_reports_once(index, days, step):
    until = datetime(2026, 2, 28)
    asked = ReportFilter(period=Period(until - timedelta(days=days), until))
    slices = slice_time(index, asked, resolution=9)
    assert slices.step == step
    assert slices.counts.sum() == index.select(asked).sum()
    for position in range(len(slices.starts)):
        period = slices.period(position)
        view = index.select(ReportFilter(period=period))
        cells, counts = slices.at(position)
        assert counts.sum() == view.sum()
        assert len(cells) == len(counts)
    assert slices.starts[0] == asked.period.since
    assert slices.breaks[-1] <= max(slices.counts.max(), 1)
    assert 0 <= slices.usual < len(slices.starts)


# -- clusters ----------------------------------------------------------------------------------------


def test_a_cluster_that_was_planted_is_found_where_and_when_it_is(tiny_town):
    reports = load_reports(tiny_town)
    until = datetime(2026, 3, 1)
    spread = np.random.default_rng(1).integers(0, 84, len(reports)).astype("timedelta64[D]")
    reports["time"] = np.datetime64(until - timedelta(days=84), "s") + spread
    quiet = emerging_cluster(tiny_town, index_reports(reports, {}), ReportFilter(), until)
    assert not quiet.stands_out
    here = reports.index[reports["grid_id"] == "330411104002003"][:25]
    assert len(here) == 25
    reports.loc[here, "time"] = np.datetime64("2026-02-26T10:00:00")
    seen = []
    found = emerging_cluster(
        tiny_town,
        index_reports(reports, {}),
        ReportFilter(),
        until,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert found.stands_out
    assert found.p_value < 0.01
    assert found.since <= datetime(2026, 2, 26) < found.until
    assert "中村" in found.place
    assert found.ratio == pytest.approx(found.observed / found.expected)
    assert found.total == len(reports)
    assert seen


def test_a_cluster_that_is_over_is_not_told_as_this_week(tiny_town):
    reports = load_reports(tiny_town)
    until = datetime(2026, 3, 1)
    spread = np.random.default_rng(1).integers(0, 84, len(reports)).astype("timedelta64[D]")
    reports["time"] = np.datetime64(until - timedelta(days=84), "s") + spread
    here = reports.index[reports["grid_id"] == "330411104002003"][:25]
    reports.loc[here, "time"] = np.datetime64("2026-01-10T10:00:00")
    assert not emerging_cluster(tiny_town, index_reports(reports, {}), ReportFilter(), until).stands_out


def test_few_reports_make_no_cluster(tiny_town, index):
    found = emerging_cluster(
        tiny_town, index, ReportFilter(categories=("TH1",), hours=(3,)), datetime(2026, 3, 1)
    )
    assert not found.found
    assert found.total < 30
