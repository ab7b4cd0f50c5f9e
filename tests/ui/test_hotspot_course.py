"""The panel of a picked hotspot says how it came to be: what cannot be told first, then what the list holds."""

from __future__ import annotations

import json

import pytest

from pingan_geo.i18n import translator
from pingan_geo.model.report import ReportFilter
from pingan_geo.workflow.courses import LIFE_WORDS, MORAN_WORDS, say_word
from pingan_geo.workflow.hotspots import find_hotspots


@pytest.fixture(scope="module")
def found(tiny_town):
    return find_hotspots(tiny_town, ReportFilter(), method="gi", resolution=10)


def opened(open_page, town, cell, **address):
    usual = {"period": "all", "method": "gi", "detail": "patrol", "pick": f"cell:{cell}"}
    app = open_page(town, "hotspots", **{**usual, **address})
    assert not app.exception
    return app


def test_a_record_that_is_too_short_says_so(open_page, tiny_town, words_of, found):
    custom = {"period": "custom", "since": "2025-12-01", "until": "2026-01-01"}
    app = opened(open_page, tiny_town, found.table["cell"][0], **custom, method="count", top="500", cut="top")
    said = words_of(app)
    assert "记录太短" in said
    assert not app.get("vega_lite_chart")


def test_no_comparison_where_reports_do_not_reach_back(open_page, tiny_town, words_of, found):
    said = words_of(opened(open_page, tiny_town, found.table["cell"][0]))
    assert "无法对比" in said


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_panel_says_the_class_the_steps_and_the_second_opinion(
    open_page, tiny_town, words_of, found, language
):
    t = translator(language)
    rows = [row for row, life in enumerate(found.table["life"]) if life]
    assert rows
    row = rows[0]
    app = opened(open_page, tiny_town, found.table["cell"][row], lang=language)
    said = words_of(app).replace("\\", "")
    assert t("Life class: {life}", life=say_word(found.table["life"][row], LIFE_WORDS, t)) in said
    assert t(MORAN_WORDS[found.courses.moran[row]]) in said
    (chart,) = app.get("vega_lite_chart")
    assert json.loads(chart.proto.spec)["mark"]["type"] == "bar"
    steps, hot = found.courses.steps, int(found.courses.hot[:, row].sum())
    assert (f"{hot} of {steps}" if language == "en" else f"{steps} 段中有 {hot} 段") in said
    shown = app.dataframe[0].value
    assert shown["life"].tolist() == [say_word(code, LIFE_WORDS, t) for code in found.table["life"]]


def test_the_change_of_a_cell_stands_beside_that_of_the_whole_area(open_page, tiny_town, words_of, found):
    custom = {"period": "custom", "since": "2025-12-01", "until": "2026-02-28", "lang": "en"}
    app = opened(open_page, tiny_town, found.table["cell"][0], **custom)
    said = words_of(app).replace("\\", "")
    assert "in the period before (2025-09-03 to 2025-11-30)" in said
    assert "the whole area: " in said
    assert "Who reported is not known" in said
