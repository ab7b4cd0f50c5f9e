"""What a list says of its hotspots' past: the same through `find_hotspots`, its files and for each audience."""

from __future__ import annotations

import itertools
from datetime import datetime

import h3
import numpy as np
import pandas as pd
import pytest

from pingan_geo.i18n import translator
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.outputs.exports import read_back
from pingan_geo.workflow.courses import CHANGE_WORDS, LIFE_WORDS, MORAN_WORDS, say_word
from pingan_geo.workflow.explore import load_reports
from pingan_geo.workflow.hotspots import export_hotspots, find_hotspots

LATE = ReportFilter(period=Period(datetime(2025, 12, 1), datetime(2026, 2, 28)))


@pytest.fixture(scope="module")
def reports(tiny_town):
    return load_reports(tiny_town)


def listed(town, reports, asked=LATE, **options):
    return find_hotspots(town, asked, **{"method": "gi", "resolution": 10, "reports": reports, **options})


def test_reports_and_finds_together_have_no_past(tiny_town, reports):
    both = reports.assign(origin=np.where(np.arange(len(reports)) % 2, "reported", "found"))
    found = find_hotspots(tiny_town, ReportFilter(origin=""), reports=both)
    assert set(found.table["life"]) | set(found.table["change"]) == {""}
    assert found.table[["near", "near_before", "near_newcomers", "change_p"]].isna().all(axis=None)
    assert "Life class" not in dict(found.about)


def test_only_hotspots_of_the_corrected_test_have_a_class(tiny_town, reports):
    found = listed(tiny_town, reports, coverage=1.0)
    hot = found.tests["p_value"] < 0.05
    assert 0 < hot.sum() < len(hot)
    assert set(found.table["life"][~hot]) == {""} == set(found.tests["moran"][~hot])
    assert set(found.table["life"][hot]) <= {"", *LIFE_WORDS}
    assert set(found.tests["moran"][hot]) <= set(MORAN_WORDS)
    assert (found.table["life"][hot] != "").any()


def test_the_change_is_that_of_the_cell_and_its_neighbours(tiny_town, reports):
    found = listed(tiny_town, reports)
    np.testing.assert_array_equal(found.table["near"], found.tests["observed"])
    earlier = found.courses.earlier
    assert earlier == Period(datetime(2025, 9, 3), datetime(2025, 12, 1))
    time = reports["time"]
    before = reports[(time >= earlier.since) & (time < earlier.until)]
    own = [h3.cell_to_parent(f"{cell:x}", 10) for cell in before["cell"]]
    for cell, count in zip(found.table["cell"], found.table["near_before"], strict=True):
        assert count == sum(one in h3.grid_disk(cell, 1) for one in own)
    assert listed(tiny_town, reports, ReportFilter()).table["near_before"].isna().all()


def test_newcomers_come_from_either_column_or_array(tiny_town, reports):
    people = np.array([f"r{one}" for one in np.random.default_rng(1).integers(0, 700, len(reports))], object)
    given = listed(tiny_town, reports, reporters=people).table["near_newcomers"]
    told = listed(tiny_town, reports.assign(reporter=pd.Series(people, dtype="str"))).table["near_newcomers"]
    pd.testing.assert_series_equal(given, told)
    assert 0 < given.sum() < listed(tiny_town, reports).table["near"].sum()
    assert listed(tiny_town, reports).table["near_newcomers"].isna().all()


@pytest.mark.parametrize("method", ["count", "density"])
def test_other_orders_say_the_same_of_a_cell(tiny_town, reports, method):
    tested = listed(tiny_town, reports).table.set_index("cell")
    other = listed(tiny_town, reports, method=method, coverage=1.0).table.set_index("cell")
    for name in ("life", "change", "near", "near_before"):
        pd.testing.assert_series_equal(tested[name], other[name].loc[tested.index])


def test_leaders_get_the_class_and_no_series(tiny_town, reports):
    found = listed(tiny_town, reports, audience="leader", resolution=9, coverage=1.0)
    usual = listed(tiny_town, reports, resolution=9, coverage=1.0)
    assert found.table["life"].tolist() == usual.table["life"].tolist()
    assert usual.courses.near.shape == usual.courses.hot.shape == (usual.courses.steps, len(usual.table))
    assert found.courses.starts.size == found.courses.near.size == found.courses.hot.size == 0


def test_the_past_comes_from_outside_the_period_and_only_of_the_kind_asked_for(tiny_town, reports):
    kinds = ("FW1", "RD1", "TH1")
    found = listed(tiny_town, reports, ReportFilter(categories=kinds, period=LATE.period), top=1)
    around = h3.grid_disk(found.table["cell"][0], 1)
    own = np.array([h3.cell_to_parent(f"{cell:x}", 10) in around for cell in reports["cell"]])
    kind = reports["category"].isin(kinds).to_numpy()
    starts = [*found.courses.starts, np.datetime64("2026-02-28")]
    assert found.courses.steps == 6
    for step, (start, end) in enumerate(itertools.pairwise(starts)):
        there = own & kind & ((reports["time"] >= start) & (reports["time"] < end)).to_numpy()
        assert found.courses.near[step, 0] == there.sum()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_workbook_for_people_has_words_and_other_files_codes(tiny_town, reports, language, tmp_path):
    found, t = listed(tiny_town, reports, language=language), translator(language)
    names = {name: name for name in found.table.columns}
    file = export_hotspots(found, tmp_path / "a.xlsx", language=language, headings=names)
    book = pd.read_excel(file, sheet_name=0, dtype=str, engine="calamine", header=None).fillna("")
    row = next(number for number, values in enumerate(book.to_numpy()) if "life" in values)
    words = dict(zip(book.iloc[row], range(book.shape[1]), strict=True))
    assert book.iloc[row + 1 :, words["life"]].tolist()[: len(found.table)] == [
        say_word(code, LIFE_WORDS, t) for code in found.table["life"]
    ]
    assert book.iloc[row + 1 :, words["change"]].tolist()[: len(found.table)] == [
        say_word(code, CHANGE_WORDS, t) for code in found.table["change"]
    ]
    codes = read_back(export_hotspots(found, tmp_path / "a.csv"), {"life": "str", "change": "str"})
    assert codes["life"].tolist() == found.table["life"].tolist()


def test_about_says_how_classes_came_about(tiny_town, reports):
    about = dict(listed(tiny_town, reports, language="en").about)
    assert about["Life class"].startswith("of 6 steps of 28 days")
    assert "(2025-09-03 to 2025-11-30)" in about["Change"]
    short = ReportFilter(period=Period(datetime(2025, 9, 1), datetime(2025, 11, 1)))
    about = dict(listed(tiny_town, reports, short, language="en", top=3).about)
    assert about["Life class"].startswith("none: too short a record")
