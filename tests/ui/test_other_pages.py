"""Hotspots, imports and town: refused inputs first, then that they say what the workflows say."""

from __future__ import annotations

from datetime import date
from importlib import import_module

import pandas as pd
import pytest

from pingan_geo.errors import Cancelled
from pingan_geo.model.report import ReportFilter
from pingan_geo.workflow.held import held_rows
from pingan_geo.workflow.hotspots import find_hotspots
from pingan_geo.workflow.inventory import load_batches
from pingan_geo.workflow.towns import open_town

HEAD = "编号,类别,发生时间,经度,纬度\n"
GOOD = "N1,FW1,2026-02-01 19:30,120.61,30.79\n"
OUTSIDE = "N2,FW1,2026-02-01 19:30,100.61,30.79\n"


def upload(app, name, text):
    return app.get("file_uploader")[0].set_value((name, text.encode(), "text/csv")).run()


def test_a_file_that_cannot_be_read_is_one_sentence(open_page, own_town):
    app = upload(open_page(own_town, "imports"), "坏.csv", "随便,什么\n1,2\n")
    app.button(key="import").click().run()
    assert not app.exception
    assert "缺少" in app.error[0].value
    with_town = open_town(own_town)
    assert len(load_batches(with_town)) == 3
    with_town.close()


def test_a_check_writes_nothing(open_page, own_town, words_of):
    app = upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD + OUTSIDE)
    app.button(key="check").click().run()
    said = words_of(app)
    assert "仅检查，没有写入任何内容" in said
    assert "**读取 2** = 接收 1 + 合并 0 + 更正 0 + 待核 1 + 重复 0" in said
    town = open_town(own_town)
    assert len(load_batches(town)) == 3
    town.close()


def test_an_import_is_counted_held_listed_and_taken_back(open_page, own_town, words_of):
    app = upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD + OUTSIDE)
    app.button(key="import").click().run()
    assert not app.exception
    said = words_of(app)
    assert "**读取 2** = 接收 1 + 合并 0 + 更正 0 + 待核 1 + 重复 0" in said
    assert "共 601 条上报" in said
    town = open_town(own_town)
    assert held_rows(town)["reason"].tolist() == ["outside_town"]
    batch = int(load_batches(town)["batch_id"].max())
    assert any("地点在镇外" in str(table.value.to_dict()) for table in app.dataframe)
    app.selectbox(key="undo_batch").set_value(batch).run()
    app.button(key="undo").click().run()
    assert not app.exception
    assert "共 600 条上报" in words_of(app)
    assert held_rows(town).empty
    town.close()


def test_the_same_file_twice_brings_nothing_new(open_page, own_town, words_of):
    app = upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD)
    app.button(key="import").click().run()
    app.button(key="import").click().run()
    assert "接收 0 + 合并 0 + 更正 0 + 待核 0 + 重复 1" in words_of(app)
    assert "共 601 条上报" in words_of(app)


def test_a_cancelled_import_leaves_the_town_as_it_was(open_page, own_town, words_of, monkeypatch):
    importing = import_module("pingan_geo.workflow.import_reports")

    def cancel(on_progress, step):
        if step.stage == "Importing reports":
            raise Cancelled

    monkeypatch.setattr(importing, "_tell", cancel)
    app = upload(open_page(own_town, "imports"), "新.csv", HEAD + GOOD)
    app.button(key="import").click().run()
    assert "已取消，没有写入任何内容" in app.error[0].value
    assert "共 600 条上报" in words_of(app)


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


def test_what_a_user_wrote_in_a_file_name_is_no_markup(open_page, own_town):
    app = upload(open_page(own_town, "imports"), "![x](http:--evil.example)<b>.csv", "随便,什么\n1,2\n")
    app.button(key="import").click().run()
    assert not app.exception
    assert r"\!\[x\]\(" in app.error[0].value
