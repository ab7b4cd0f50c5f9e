"""The made reports of known incidents, and how offered pairs are counted."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

from duplicates import joined, plain, shares
from made_incidents import KINDS, NEAR_MISSES, make_reports, near_miss_pairs, true_pairs

from pingan_geo.coords import local_metres
from pingan_geo.model.tables import REPORTS


@pytest.fixture(scope="module")
def reports():
    return make_reports(3, 1_500)


def test_the_same_seed_gives_the_same_reports_and_another_seed_others(reports):
    assert make_reports(3, 1_500).equals(reports)
    assert not make_reports(4, 1_500).equals(reports)


def test_columns_have_the_types_of_stored_reports(reports):
    for name in (
        "report_id",
        "category",
        "time",
        "time_until",
        "lon",
        "lat",
        "radius_m",
        "place",
        "description",
    ):
        assert reports[name].dtype == pd.Series([], dtype=REPORTS.columns[name]).dtype, name
    assert reports["report_id"].is_unique
    assert reports["incident"].nunique() == 1_500


def test_numbers_of_reports_do_not_betray_the_truth(reports):
    """Neither the numbers nor the order of the table put an incident's reports side by side."""
    by_number = reports.sort_values("report_id")["incident"].to_numpy()
    assert (by_number[1:] == by_number[:-1]).mean() < 0.01


def test_one_to_four_people_tell_of_an_incident_in_other_words(reports):
    sizes = reports.groupby("incident").size()
    assert set(sizes) == {1, 2, 3, 4}
    told = reports[(reports["description"] != "")]
    for _, words in told.groupby("incident")["description"]:
        assert words.is_unique


def test_every_category_and_near_miss_occurs(reports):
    assert set(reports["category"]) == set(KINDS)
    assert set(reports["near_miss"]) == {"", *NEAR_MISSES}


def test_near_misses_are_other_incidents_nearby_or_much_later(reports):
    truth, misses = true_pairs(reports), near_miss_pairs(reports)
    assert misses
    assert not truth & set(misses)
    x, y = local_metres(120.62, 30.80).forward(reports["lon"], reports["lat"])
    place = dict(zip(reports["report_id"], zip(x, y, reports["time"], strict=True), strict=True))
    for (one, other), kind in misses.items():
        (x1, y1, t1), (x2, y2, t2) = place[one], place[other]
        days = abs((t2 - t1) / pd.Timedelta(days=1))
        assert np.hypot(x2 - x1, y2 - y1) < 700
        assert days >= 40 if kind == "again" else days <= 32


def test_tellings_of_an_incident_lie_within_its_longest_time(reports):
    for _, rows in reports.groupby("incident"):
        longest = max(KINDS[category].longest_h for category in rows["category"])
        span = (rows["time"].max() - rows["time"].min()) / pd.Timedelta(hours=1)
        assert span <= longest + 24  # a day-only report starts at midnight


# -- counted ------------------------------------------------------------------------------------------


def test_pairs_are_counted_whatever_their_order():
    truth = {(1, 2), (1, 3), (2, 3), (7, 9)}
    found = shares([(2, 1), (3, 1), (5, 6)], truth)
    assert (found.offered, found.precision, found.recall) == (3, pytest.approx(2 / 3), 0.5)
    nothing = shares([], truth)
    assert nothing.recall == 0
    assert np.isnan(nothing.precision)


def test_an_incident_is_joined_when_its_reports_hang_together():
    table = pd.DataFrame({"report_id": [1, 2, 3, 4, 5, 6], "incident": [10, 10, 10, 20, 20, 30]})
    assert joined([(1, 2), (3, 2), (1, 6)], table) == 0.5
    assert joined([(1, 2), (3, 2), (5, 4)], table) == 1.0
    assert joined([(1, 6)], table) == 0.0
    assert joined([(1, 6), (6, 2), (6, 3)], table) == 0.0  # by way of another incident is not together


def test_the_plain_rule_joins_what_is_near_in_place_and_time():
    plane = local_metres(120.62, 30.80)
    lon, lat = plane.inverse(np.array([0.0, 30.0, 30.0, 400.0]), np.zeros(4))
    start = pd.Timestamp("2025-03-01")
    table = pd.DataFrame(
        {
            "report_id": [1, 2, 3, 4],
            "category": "RD1",
            "time": [start, start + pd.Timedelta(hours=5), start + pd.Timedelta(days=5), start],
            "lon": lon,
            "lat": lat,
        }
    )
    assert plain(table) == {(1, 2)}
    assert plain(table, {"RD1": (50.0, 24.0 * 10)}) == {(1, 2), (1, 3), (2, 3)}
    assert plain(table.assign(category=["RD1", "FW1", "RD1", "RD1"])) == set()
