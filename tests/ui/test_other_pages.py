"""Hotspots and town: refused inputs first, then that they say what the workflows say."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from pingan_geo.model.report import ReportFilter
from pingan_geo.workflow.hotspots import find_hotspots


@pytest.mark.parametrize(("address", "options"), [
    ({"top": "5"}, {"top": 5}),
    ({"cut": "coverage", "coverage": "2"}, {"coverage": 0.02}),
    ({"method": "density", "detail": "patrol"}, {"method": "density", "resolution": 10, "top": 20}),
])  # fmt: skip
def test_the_list_is_that_of_the_workflow(open_page, tiny_town, address, options):
    app = open_page(tiny_town, "hotspots", period="all", **address)
    assert not app.exception
    shown = app.dataframe[0].value
    found = find_hotspots(tiny_town, ReportFilter(), **{"resolution": 9, **options}).table
    for column in ("rank", "cell", "count", "village", "grid", "nearest_place", "main_hours", "reason"):
        pd.testing.assert_series_equal(shown[column], found[column], check_names=False)


def test_a_hotspot_list_that_nothing_fits_is_a_sentence(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "hotspots", period="custom", since="1999-01-01", until="1999-01-02")
    assert not app.exception
    assert "没有符合条件的上报" in words_of(app)


def test_periods_end_with_the_newest_report(tiny_town, open_page, words_of):
    newest = pd.Timestamp(
        max(open_page(tiny_town, period="all", layer="points").dataframe[0].value["time"])
    ).date()
    said = words_of(open_page(tiny_town, period="7d"))
    assert isinstance(newest, date)
    assert f"{newest.year}年{newest.month}月{newest.day}日" in said


def test_the_town_page_tells_of_gaps_and_overlaps(open_page, own_town, words_of):
    import geopandas as gpd

    file = own_town / "grids.geojson"
    grids = gpd.read_file(file)
    file.unlink()
    grids[grids["code"] != grids["code"].max()].to_file(file, driver="GeoJSON")
    said = words_of(open_page(own_town, "town"))
    assert "网格：空隙" in said
