"""Reports follow the truth that is written beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.spatial import cKDTree

from pingan_geo.demo import happenings
from pingan_geo.demo.effort import FAMILIES, SOURCES
from pingan_geo.demo.happenings import USUAL_REPORTS, let_happen
from pingan_geo.demo.rhythm import END, MONTHS, START
from pingan_geo.demo.spots import CATEGORIES, TRUTH_RESOLUTION
from pingan_geo.demo.truth import effort_table, readme_text, risk_table
from pingan_geo.demo.words import sentences_of
from pingan_geo.model.tables import CLEAN_REPORTS
from pingan_geo.spatial.cells import cells_of, parents


def draw(stage, number, seed=3):
    return let_happen(stage, number, np.random.Generator(np.random.PCG64(seed)))


def known_hour(reports):
    return reports[reports["time_until"].isna()]


# -- rows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 2, 19, 2_000])
def test_exactly_as_many_as_wanted(stage, number):
    reports = draw(stage, number).reports
    assert len(CLEAN_REPORTS.check(reports)) == number


def test_the_same_for_the_same_seed(stage):
    assert draw(stage, 500).reports.equals(draw(stage, 500).reports)
    assert not draw(stage, 500).reports.equals(draw(stage, 500, seed=4).reports)


def test_all_lie_in_the_town(stage, many):
    area = stage.geography.layers["area"].geometry.iloc[0]
    assert shapely.contains_xy(area, many.reports["lon"], many.reports["lat"]).all()
    assert (many.reports["lon"] == many.reports["lon"].round(7)).all()


def test_times(many):
    reports = many.reports
    assert reports["time"].is_monotonic_increasing
    assert reports["time"].min() >= pd.Timestamp(START)
    assert reports["time"].max() < pd.Timestamp(END)
    spans = reports[reports["time_until"].notna()]
    assert 0.02 < len(spans) / len(reports) < 0.08
    assert (spans["time_until"] > spans["time"]).all()
    assert (spans["time_until"] <= pd.Timestamp(END)).all()
    whole_day = (spans["time_until"] - spans["time"] == pd.Timedelta(days=1)) & (
        spans["time"] == spans["time"].dt.normalize()
    )
    assert 0.01 < whole_day.sum() / len(reports) < 0.05
    assert (~whole_day).sum() > 100


def test_numbers_are_the_regions_and_unique(many):
    numbers = many.reports["source_id"]
    assert numbers.is_unique
    assert numbers.str.fullmatch(r"XCW\d{8}\d{4}").all()
    assert (numbers.str[3:11] == many.reports["time"].dt.strftime("%Y%m%d")).all()
    for _, ledger in many.reports.groupby("source"):
        assert ledger["row_number"].tolist() == list(range(2, len(ledger) + 2))


def test_every_category_source_and_origin_occurs(many):
    assert set(many.reports["category"]) == set(CATEGORIES)
    assert set(many.reports["source"]) == set(SOURCES)
    found = many.reports["origin"] == "found"
    assert found.mean() == pytest.approx(0.05, abs=0.001)
    assert set(many.reports["source"][found]) == {"平安岗", "派出所"}


def test_levels_carry_their_radius(many):
    radius = many.reports.groupby("level")["radius_m"].max()
    assert set(radius.index) == {"point", "door", "building", "estate", "road", "village"}
    order = ["point", "door", "building", "estate", "road", "village"]
    assert radius[order].is_monotonic_increasing
    assert many.reports["radius_m"].gt(0).all()


def test_nobody_is_described(many):
    assert many.reports["reporter"].str.fullmatch(r"|V\d{4}|GW\d{2}|YZ01").all()
    words = many.reports["description"] + many.reports["place"]
    assert not words.str.contains(r"1[3-9]\d{9}|\d{17}|电话|先生|女士|身份证").any()
    assert (many.reports["description"] != "").all()
    assert (many.reports["place"] != "").all()
    # Of thefts, the building is not told.
    thefts = many.reports["category"].str.startswith("TH")
    assert not many.reports["place"][thefts].str.contains(r"\d幢").any()
    assert many.reports["place"][~thefts].str.contains(r"\d幢").any()


@pytest.mark.parametrize("category", CATEGORIES)
def test_each_category_has_words_of_its_own(category):
    sentences = sentences_of(category)
    assert len(sentences) == len(set(sentences)) >= 8
    assert max(map(len, sentences)) < 50


# -- who reports --------------------------------------------------------------------------------------


def test_nobody_reports_before_joining(stage, many):
    volunteers = stage.alliance.features["volunteers"]
    joined = dict(zip(volunteers["feature_id"], stage.alliance.volunteer_joined, strict=True))
    by_volunteer = many.reports[many.reports["reporter"].str.startswith("V")]
    month = by_volunteer["time"].to_numpy().astype("datetime64[M]")
    first = by_volunteer["reporter"].map(joined).to_numpy().astype("datetime64[M]")
    # Someone else's report of an incident may be written down some days later, never before.
    assert (month >= first).all()
    couriers = set(volunteers["feature_id"][stage.alliance.volunteer_sends])
    by_courier = by_volunteer[by_volunteer["reporter"].isin(couriers)]
    assert by_courier["reporter"].nunique() == 15
    assert by_courier["time"].min() >= pd.Timestamp("2026-06-01")
    at_station = many.reports[many.reports["source"] == "平安驿"]
    assert at_station["time"].min() >= pd.Timestamp("2026-06-01")


def test_reports_rise_without_risk_rising(stage, many):
    months = many.reports.groupby(many.reports["time"].dt.to_period("M")).size()
    assert months["2026-08"] > 1.5 * months["2025-08"]
    for category, rhythm in stage.rhythms.items():
        summer_before = rhythm.month_share[np.datetime64("2025-08") == MONTHS][0]
        summer = rhythm.month_share[np.datetime64("2026-08") == MONTHS][0]
        storms = 3.0 if category in ("RD2", "RD3", "RD4") else 1.1
        assert 1 / storms < summer / summer_before < storms


def test_reporters_see_where_they_ride(stage, many):
    """Reports concentrate more than what happens does."""
    spots = stage.spots
    reports = many.reports[many.reports["category"].str.startswith("FW")]
    counted = np.bincount(
        np.searchsorted(spots.cells, cells_of(reports["lon"], reports["lat"], TRUTH_RESOLUTION)),
        minlength=len(spots.cells),
    )
    risk = many.risk[[number for number, code in enumerate(CATEGORIES) if code[:2] == "FW"]].sum(axis=0)
    seen = stage.effort.seen["FW"][:, -1]
    dark = seen < np.quantile(seen, 0.3)
    assert counted[dark].sum() / counted.sum() < 0.6 * risk[dark].sum() / risk.sum()


# -- rhythm -------------------------------------------------------------------------------------------


def test_wiring_is_seen_on_summer_evenings(many):
    wires = known_hour(many.reports[many.reports["category"].str.startswith("FW")])
    hours = wires["time"].dt.hour
    assert hours.between(18, 22).mean() > 0.45
    year = wires[(wires["time"] >= "2025-03-01") & (wires["time"] < "2026-03-01")]
    months = year.groupby(year["time"].dt.month).size()
    assert months[[6, 7, 8]].mean() > 1.2 * months[[12, 1, 2]].mean()


def test_thefts_come_at_their_hours_and_seasons(many):
    thefts = known_hour(many.reports[many.reports["category"].isin(["TH1", "TH2", "TH3"])])
    hours = thefts["time"].dt.hour
    peaks = hours.isin([7, 8, 12, 13, 18, 19, 20])
    assert peaks.mean() > 1.6 * 7 / 24
    year = thefts[(thefts["time"] >= "2025-03-01") & (thefts["time"] < "2026-03-01")]
    months = year.groupby(year["time"].dt.month).size()
    assert months.idxmin() == 2
    assert months.idxmax() == 5
    weekend = thefts["time"].dt.day_of_week >= 5
    assert weekend.mean() / 2 < 0.9 * (~weekend).mean() / 5


def test_roads_break_after_the_rains(many):
    holes = many.reports[many.reports["category"] == "RD1"]
    year = holes[(holes["time"] >= "2025-03-01") & (holes["time"] < "2026-03-01")]
    months = year.groupby(year["time"].dt.month).size()
    assert months[[7, 8]].mean() > 1.25 * months[[3, 4, 5]].mean()


def test_floods_come_in_storms(many):
    floods = many.reports[many.reports["category"] == "RD3"]
    days = floods.groupby(floods["time"].dt.date).size().sort_values(ascending=False)
    assert days.head(25).sum() > 0.4 * days.sum()
    steady = many.reports[many.reports["category"] == "RD1"]
    steady_days = steady.groupby(steady["time"].dt.date).size().sort_values(ascending=False)
    assert steady_days.head(25).sum() < 0.2 * steady_days.sum()


def test_thefts_bring_thefts_nearby(stage):
    """Pairs within 200 m and a week are more than when the days are shuffled; of road damage they are not."""
    reports = draw(stage, 30_000, seed=9).reports
    reports = reports[reports["origin"] == "reported"]

    def excess(codes):
        some = reports[reports["category"].isin(codes)]
        xy = np.column_stack(stage.geography.ground.plane.forward(some["lon"], some["lat"]))
        day = (some["time"].to_numpy().astype("datetime64[s]").astype(float)) / 86_400
        first, second = cKDTree(xy).query_pairs(200, output_type="ndarray").T

        def near(days):
            return (np.abs(days[first] - days[second]) <= 7).sum()

        rng = np.random.default_rng(1)
        return near(day) / np.mean([near(rng.permutation(day)) for _ in range(8)])

    assert excess(["TH2"]) > 1.25
    assert excess(["EN1"]) == pytest.approx(1.0, abs=0.2)


# -- the truth ----------------------------------------------------------------------------------------


def test_reports_are_as_many_as_risk_and_effort_say(stage, many):
    """Per family: expected first reports against those written down, finds and repeats apart."""
    first = 60_000 - round(0.055 * 60_000) - round(0.05 * 60_000)
    expected = {}
    for index, code in enumerate(CATEGORIES):
        seen = many.risk[index] @ stage.effort.seen[code[:2]] @ stage.rhythms[code].month_share
        expected[code[:2]] = expected.get(code[:2], 0.0) + float(seen)
    assert sum(expected.values()) == pytest.approx(first, rel=1e-9)
    reported = many.reports[many.reports["origin"] == "reported"]
    counts = reported.groupby(reported["category"].str[:2]).size()
    for family in ("TH", "EN", "CF"):  # never reported twice
        assert counts[family] == pytest.approx(expected[family], rel=0.04)


@pytest.mark.parametrize("category", ["EN1", "CF1"])
def test_reports_of_a_month_follow_effort(stage, many, category):
    """Categories that have no repeats: month by month as a Poisson count would."""
    reported = many.reports[(many.reports["origin"] == "reported") & (many.reports["category"] == category)]
    counts = reported.groupby(reported["time"].dt.to_period("M")).size().to_numpy()
    share = stage.rhythms[category].month_share
    expected = (many.risk[list(CATEGORIES).index(category)] @ stage.effort.seen[category[:2]]) * share
    assert 0.2 < np.mean((counts - expected) ** 2 / expected) < 2.5


def test_thefts_lie_where_the_truth_says(stage):
    """Near repeats are part of the risk that is written: counts of larger cells agree with it."""
    happened = draw(stage, 120_000, seed=21)
    reports = happened.reports[
        (happened.reports["category"] == "TH2") & (happened.reports["origin"] == "reported")
    ]
    index = list(CATEGORIES).index("TH2")
    expected = happened.risk[index] * (stage.effort.seen["TH"] @ stage.rhythms["TH2"].month_share)
    coarse, of_cell = np.unique(parents(stage.spots.cells, 8), return_inverse=True)
    expected = np.bincount(of_cell, weights=expected)
    at = np.searchsorted(coarse, parents(cells_of(reports["lon"], reports["lat"], TRUTH_RESOLUTION), 8))
    counts = np.bincount(at, minlength=len(coarse))
    assert counts.sum() == pytest.approx(expected.sum(), rel=0.05)
    assert np.corrcoef(counts, expected)[0, 1] > 0.98
    hot = np.argsort(-expected)[:20]
    assert counts[hot].sum() / counts.sum() == pytest.approx(expected[hot].sum() / expected.sum(), rel=0.05)


def test_near_repeats_are_part_of_the_risk(stage):
    """Thefts of a town in which all is seen fit the risk with repeats better than that without."""
    open_eyes = {family: np.ones_like(seen) for family, seen in stage.effort.seen.items()}
    everything = replace(stage, effort=replace(stage.effort, seen=open_eyes))
    category = list(CATEGORIES).index("TH2")
    thefts = happenings._thefts(everything, category, 150_000, 1.0, np.random.default_rng(2))
    counts = np.bincount(thefts.cell, minlength=len(stage.spots.cells))
    kernel = happenings._repeat_kernel(stage)
    with_repeats = happenings._cell_risk(stage, "TH2", kernel)
    without = np.bincount(stage.spots.cell, stage.spot_risk["TH2"], minlength=len(counts))
    assert with_repeats.sum() == pytest.approx(1.0, abs=0.01)
    assert counts @ np.log(with_repeats + 1e-15) > counts @ np.log(without + 1e-15)
    often = with_repeats * 150_000 > 40
    expected = with_repeats[often] * 150_000
    # Near repeats come in clusters, so somewhat more than Poisson noise.
    assert np.mean((counts[often] - expected) ** 2 / expected) < 3.5
    wrong = without[often] * 150_000
    assert np.mean((counts[often] - wrong) ** 2 / wrong) > 10


def test_no_reports_have_the_usual_risk(stage):
    none, usual = draw(stage, 0), draw(stage, USUAL_REPORTS)
    assert none.risk.sum() == pytest.approx(usual.risk.sum(), rel=1e-3)
    assert (none.risk >= 0).all()


def test_truth_tables(stage, many):
    risk = risk_table(stage.spots, many.risk)
    assert list(risk.columns) == ["cell", "category", "incidents_per_year"]
    assert len(risk) == len(stage.spots.cells) * len(CATEGORIES)
    assert risk["incidents_per_year"].sum() == pytest.approx(many.risk.sum())
    assert not risk.duplicated(["cell", "category"]).any()
    effort = effort_table(stage.spots, stage.effort, many.risk)
    assert len(effort) == len(stage.spots.cells) * 18
    shares = effort[["share", *(f"share_{family}" for family in FAMILIES)]]
    assert shares.ge(0).all(axis=None)
    assert shares.le(1).all(axis=None)
    assert (effort["share"] <= shares.drop(columns="share").max(axis=1) + 1e-4).all()
    text = readme_text()
    assert "合成" in text
    assert "Synthetic" in text
