"""Hotspots and town: refused inputs first, then that they say what the workflows say."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from pingan_geo.model.report import ReportFilter
from pingan_geo.ui.pages.hotspots import RECOUNTS
from pingan_geo.workflow.hotspot_methods import Options
from pingan_geo.workflow.hotspots import find_hotspots


@pytest.mark.parametrize(("address", "options"), [
    ({"top": "5"}, {"top": 5}),
    ({"cut": "coverage", "coverage": "2"}, {"coverage": 0.02}),
    ({"method": "density", "detail": "patrol"}, {"method": "density", "resolution": 10, "top": 20}),
    ({"method": "gi", "detail": "patrol"}, {"method": "gi", "resolution": 10}),
    ({"method": "gi", "cut": "top", "top": "40"}, {"method": "gi", "top": 40}),
])  # fmt: skip
def test_the_list_is_that_of_the_workflow(open_page, tiny_town, address, options):
    app = open_page(tiny_town, "hotspots", period="all", **address)
    assert not app.exception
    shown = app.dataframe[0].value
    usual = {"resolution": 9, "recounts": RECOUNTS}
    found = find_hotspots(tiny_town, ReportFilter(), **{**usual, **options}).table
    for column in ("rank", "cell", "count", "village", "grid", "nearest_place", "main_hours", "reason"):
        pd.testing.assert_series_equal(shown[column], found[column], check_names=False)


def test_a_hotspot_list_that_nothing_fits_is_a_sentence(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "hotspots", period="custom", since="1999-01-01", until="1999-01-02")
    assert not app.exception
    assert "没有符合条件的上报" in words_of(app)


def test_a_cut_that_only_a_test_knows_is_refused_for_counts(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "hotspots", period="all", cut="significant")
    assert not app.exception
    assert "cut=significant" in words_of(app)
    assert len(app.dataframe[0].value) == 20


def test_too_few_reports_are_a_sentence_and_no_map(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "hotspots", period="all", method="gi", category="RD1", hours="3")
    assert not app.exception
    said = words_of(app)
    assert "数据太少，不下结论" in said
    assert "清单为空" in said
    assert not app.dataframe


def test_the_sentence_and_the_test_of_a_picked_cell(open_page, tiny_town, words_of):
    found = find_hotspots(tiny_town, ReportFilter(), method="gi", resolution=10)
    second = found.table.iloc[1]
    said = words_of(open_page(tiny_town, "hotspots", period="all", method="gi", detail="patrol"))
    assert found.verdict in said
    assert found.tests["verdict"].iloc[0] in said.replace("\\", "")
    assert "查看它的检验结果" in said
    for method in ("gi", "count"):
        asked = {"method": method, "detail": "patrol", "pick": f"cell:{second['cell']}"}
        app = open_page(tiny_town, "hotspots", period="all", **asked)
        assert not app.exception
        said = words_of(app)
        assert "检验结果" in said
        assert f"{found.tests['z'].iloc[1]:.2f}".rstrip("0") in said
        assert f"<td>{second['count']}</td>" in said
        assert "稳定性" in said
        assert "不是“此处不是热点”的概率" in said


def test_another_method_has_its_usual_length(open_page, tiny_town):
    app = open_page(tiny_town, "hotspots", period="all", detail="patrol")
    assert len(app.dataframe[0].value) == 20
    app.segmented_control(key="ask_method").set_value("gi").run()
    assert not app.exception
    significant = find_hotspots(tiny_town, ReportFilter(), method="gi", resolution=10).significant
    assert len(app.dataframe[0].value) == significant
    assert app.query_params["method"] == "gi"
    assert "cut" not in app.query_params
    app.segmented_control(key="ask_method").set_value("count").run()
    assert not app.exception
    assert len(app.dataframe[0].value) == 20


@pytest.mark.parametrize(("address", "options"), [
    ({"method": "density", "kernel": "cv"}, {"bandwidth_rule": "cv", "edge": "uniform"}),
    ({"method": "density", "against": "all", "category": "RD1"}, {"against": "all"}),
    ({"method": "gi", "against": "all", "category": "RD1", "cut": "top"}, {"against": "all"}),
    ({"method": "scan", "ends": "any", "cut": "top"}, {"days": 28, "retrospective": True}),
    ({"method": "forecast"}, {}),
])  # fmt: skip
def test_what_a_method_is_told_is_in_the_address(open_page, tiny_town, address, options, words_of):
    app = open_page(tiny_town, "hotspots", period="all", **address)
    assert not app.exception
    asked = ReportFilter(categories=(address["category"],) if "category" in address else ())
    found = find_hotspots(tiny_town, asked, method=address["method"], top=20, options=Options(**options))
    shown = app.dataframe[0].value
    pd.testing.assert_series_equal(shown["cell"], found.table["cell"], check_names=False)
    assert found.verdict in words_of(app).replace("\\", "")
    for name in {"kernel", "against", "ends"} & set(address):
        assert app.query_params[name] in (address[name], [address[name]])
    app.run()  # the same list once more, now kept: no bar to draw again
    assert not app.exception
    assert found.verdict in words_of(app).replace("\\", "")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"method": "gi", "against": "households"}, "本镇没有一个图层带“户数”一列"),
        ({"method": "density", "against": "all"}, "请先选一个类别"),
        ({"method": "near_repeat"}, "请先选择类别"),
    ],
)
def test_what_a_method_cannot_do_is_one_sentence(open_page, tiny_town, words_of, address, sentence):
    app = open_page(tiny_town, "hotspots", period="all", **address)
    assert not app.exception
    assert sentence in words_of(app)
    assert not app.dataframe


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
