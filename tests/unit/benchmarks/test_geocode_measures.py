"""How answers of a geocoder are judged, on rows made by hand; bad files are refused in a sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

from geocode import judge, made_files, main, measures, metres, read_entries, read_queries

LON, LAT = 120.62, 30.80
NOWHERE = np.nan


def made(rows):
    """Rows: expect, truth known, status, metres north of the truth, radius."""
    queries = pd.DataFrame(
        {
            "text": "x",
            "lon": [LON if known else np.nan for _, known, *_ in rows],
            "lat": [LAT if known else np.nan for _, known, *_ in rows],
            "expect": [row[0] for row in rows],
            "noise": "",
        }
    )
    located = pd.DataFrame(
        {
            "lon": [LON if row[2] != "rejected" else np.nan for row in rows],
            "lat": [LAT + row[3] / 111_195 for row in rows],
            "level": "door",
            "radius_m": [row[4] for row in rows],
            "status": [row[2] for row in rows],
        }
    )
    return judge(queries, located)


# -- refused ------------------------------------------------------------------------------------------


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "entries.csv"
    path.write_text("name,lon,lat\na,1,2\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="column kind is missing"):
        read_entries(path)


def test_a_coordinate_that_is_no_number_is_named_with_its_row(tmp_path):
    path = tmp_path / "entries.csv"
    path.write_text("name,kind,lon,lat\na,door,1,2\nb,door,x,2\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="lon of row 3 is no number: x"):
        read_entries(path)


def test_an_unknown_expectation_is_refused(tmp_path):
    path = tmp_path / "queries.csv"
    path.write_text("text,lon,lat,expect\na,1,2,yes\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="not yes"):
        read_queries(path)


def test_a_text_to_accept_needs_a_truth(tmp_path):
    path = tmp_path / "queries.csv"
    path.write_text("text,lon,lat,expect\na,,,accept\nb,,,reject\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="1 rows"):
        read_queries(path)


def test_words_such_as_null_stay_words(tmp_path):
    path = tmp_path / "queries.csv"
    path.write_text("text,lon,lat,expect\nnull,,,reject\nN/A,,,reject\n,,,reject\n", encoding="utf-8")
    queries = read_queries(path)
    assert queries["text"].tolist() == ["null", "N/A", ""]
    assert queries["noise"].tolist() == ["", "", ""]


# -- counted ------------------------------------------------------------------------------------------


def test_a_near_answer_is_a_hit_whether_accepted_or_in_review():
    rows = made([("accept", True, "accepted", 30, 25), ("accept", True, "review", 30, 40),
                 ("accept", True, "review", 120, 40), ("accept", True, "rejected", 0, NOWHERE)])  # fmt: skip
    found = measures(rows)
    assert (found.hit_50, found.hit_200) == (0.5, 0.75)
    assert found.accepted_of_acceptable == 0.25
    assert found.wrong_of_all == 0
    assert found.covered == pytest.approx(1 / 3)  # the rejected one has no radius


def test_accepted_far_away_is_wrong_and_in_review_is_not():
    rows = made([("accept", True, "accepted", 300, 25), ("accept", True, "review", 300, 25),
                 ("accept", True, "accepted", 150, 25), ("accept", True, "accepted", 10, 25)])  # fmt: skip
    assert rows["wrong"].tolist() == [True, False, False, False]
    found = measures(rows)
    assert (found.wrong_of_all, found.wrong_of_accepted) == (0.25, pytest.approx(1 / 3))


def test_to_accept_what_should_be_asked_or_rejected_is_wrong_even_when_near():
    rows = made([("review", True, "accepted", 5, 25), ("review", True, "review", 5, 25),
                 ("reject", False, "accepted", 5, 25), ("reject", False, "review", 5, 25),
                 ("reject", False, "rejected", 0, NOWHERE)])  # fmt: skip
    assert rows["wrong"].tolist() == [True, False, True, False, False]
    assert measures(rows).absent_accepted == pytest.approx(1 / 3)


def test_the_radius_is_judged_where_both_truth_and_answer_are_known():
    rows = made([("review", True, "review", 80, 100), ("review", True, "review", 80, 50),
                 ("review", False, "review", 80, 50), ("review", True, "rejected", 0, NOWHERE)])  # fmt: skip
    assert measures(rows).covered == 0.5


def test_distances_agree_with_the_ellipsoid():
    from pyproj import Geod

    lon, lat = np.array([120.62, 120.70]), np.array([30.80, 30.75])
    _, _, there = Geod(ellps="WGS84").inv(lon[:1], lat[:1], lon[1:], lat[1:])
    assert metres(lon[:1], lat[:1], lon[1:], lat[1:]) == pytest.approx(there, rel=0.005)


# -- from the command line ----------------------------------------------------------------------------


def test_one_file_alone_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "gazetteer.csv")])
    assert "both" in capsys.readouterr().err


@pytest.mark.slow
def test_files_of_ones_own_are_judged_and_printed(tmp_path, capsys):
    gazetteer, queries = made_files(tmp_path, 1, 2_000, 2, kinds=False)
    assert set(pd.read_csv(gazetteer, keep_default_na=False)["kind"]) == {""}
    found = main([str(gazetteer), str(queries), "--out", str(tmp_path / "out")])
    judged = pd.read_csv(tmp_path / "out" / "judged.csv")
    assert found.rows == len(judged) == len(read_queries(queries))
    printed = capsys.readouterr().out
    assert "wrongly accepted, of all texts" in printed
    assert "one by one: 99 of 100 within" in printed
