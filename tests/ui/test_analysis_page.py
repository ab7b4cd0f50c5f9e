"""The analysis page without a browser: refused addresses first, then that it says what the workflow says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pingan_geo.i18n import translator
from pingan_geo.model.report import ReportFilter
from pingan_geo.ui.components import analysis_words as words
from pingan_geo.workflow.analysis import (
    Area,
    Emerging,
    analyse_area,
    compare_areas,
    load_reporters,
    parse_area,
)
from pingan_geo.workflow.explore import index_reports, load_reports
from pingan_geo.workflow.towns import open_town
from pingan_geo.workflow.views import list_views, save_view

CIRCLE = "circle:120.61575,30.79350;700"
POLYGON = "polygon:120.60000,30.78000;120.61000,30.78000;120.61000,30.80000;120.60000,30.80000"
HOSTILE = '"><img src=x onerror=alert(1)> **x** :red[x]'
NOW = datetime(2026, 3, 1, 9, 0)


def found_by_workflow(town, area, asked):
    index = index_reports(load_reports(town), town.settings.board_of)
    return analyse_area(
        town, index, asked, parse_area(area), resolution=9, reporters=load_reporters(town, index)
    )


@pytest.mark.parametrize(("name", "value"), [
    ("a", "square:1,2"), ("a", "grid:nowhere"), ("b", "circle:1,2;9"), ("show", "x"), ("other", "x"),
    ("other_since", "31-12-2025"), ("at", "-1"), ("view", "nobody saved this"),
])  # fmt: skip
def test_what_an_address_cannot_ask_is_left_out_and_said(open_page, tiny_town, words_of, name, value):
    app = open_page(tiny_town, "analysis", **{name: value})
    assert not app.exception
    assert f"`{name}={value}`" in words_of(app)


@pytest.mark.parametrize("area", [
    "polygon:120.60000,30.78000;120.63000,30.80000;120.63000,30.78000;120.60000,30.80000",
    "circle:121.00000,31.00000;500",
])  # fmt: skip
def test_an_area_that_cannot_be_used_is_a_sentence(open_page, tiny_town, area):
    app = open_page(tiny_town, "analysis", a=area)
    assert not app.exception
    assert "这个区域不能用" in app.error[0].value


def test_nothing_fits(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "analysis", period="custom", since="1999-01-01", until="1999-01-02", a=CIRCLE)
    assert not app.exception
    assert "没有符合条件的上报" in words_of(app)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "area", [CIRCLE, POLYGON, "village:330411104001", "grid:330411104001001,330411104002002"]
)
def test_the_sentences_are_those_of_the_workflow(open_page, tiny_town, words_of, area, language):
    app = open_page(tiny_town, "analysis", a=area, period="all", lang=language)
    assert not app.exception
    t, found = translator(language), found_by_workflow(tiny_town, area, ReportFilter())
    said = words_of(app).replace("&lt;", "<").replace("&#x27;", "'")
    for sentence in (words.say_against_rest(found, t), words.say_rate(found, t), words.say_near(found, t)):
        assert sentence in said
    assert f"<td>{t.number(found.total)}</td>" in said


def test_two_areas(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "analysis", show="areas", a="village:330411104001", b=POLYGON, period="all")
    assert not app.exception
    pair = [found_by_workflow(tiny_town, area, ReportFilter()) for area in ("village:330411104001", POLYGON)]
    assert words.say_two_areas(compare_areas(*pair), translator("zh")) in words_of(app)
    apart = open_page(
        tiny_town, "analysis", show="areas", a="village:330411104002", b="village:330411104003", period="all"
    )
    pair = [found_by_workflow(tiny_town, f"village:33041110400{one}", ReportFilter()) for one in (2, 3)]
    assert words.say_two_areas(compare_areas(*pair), translator("zh")).replace("<", "&lt;") in words_of(apart)


@pytest.mark.parametrize("other", [{}, {"other": "year"}, {"other": "day", "other_since": "2025-10-01"}])
def test_two_periods_have_one_legend(open_page, tiny_town, words_of, other):
    app = open_page(tiny_town, "analysis", show="periods", period="30d", **other)
    assert not app.exception
    assert words_of(app).count('class="legend"') == 1


def test_the_slider_goes_through_time_with_the_same_legend(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "analysis", show="time", period="all", at="0")
    assert not app.exception

    def legend():
        return words_of(app).split('class="legend"')[1].split("</div>")[0]

    first = legend()
    assert "2025-09-01" in words_of(app)
    app.select_slider[0].set_value(3).run()
    assert not app.exception
    assert app.query_params["at"] in ("3", ["3"])
    assert legend() == first


def test_a_cluster_is_looked_for_when_the_button_is_pressed(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "analysis", a=CIRCLE)
    assert "analysis_cluster" not in words_of(app)
    app.button(key="an_scan").click().run()
    assert not app.exception
    assert "analysis_cluster" in words_of(app)
    # Found once for everybody: the next visitor sees it unasked.
    assert "analysis_cluster" in words_of(open_page(tiny_town, "analysis", a=CIRCLE))


def test_a_corner_is_taken_back_and_an_area_cleared(open_page, tiny_town):
    app = open_page(tiny_town, "analysis", a=POLYGON)
    app.button(key="an_back_A").click().run()
    assert not app.exception
    assert app.query_params["a"] in (POLYGON.rpartition(";")[0], [POLYGON.rpartition(";")[0]])
    app = open_page(tiny_town, "analysis", a="village:330411104001")
    app.button(key="an_clear_A").click().run()
    assert not app.exception
    assert app.multiselect(key="ask_an_codes_village_A").value == []
    assert app.query_params["a"] in ("village:", ["village:"])


def test_a_view_is_saved_opened_renamed_and_deleted(open_page, own_town, words_of):
    app = open_page(own_town, "analysis", a=CIRCLE, period="30d", category="FW1")
    app.text_input(key="view_name").set_value(HOSTILE)
    app.button(key="view_save").click().run()
    assert not app.exception
    assert "<img" not in words_of(app).replace(r"\<img", "")
    assert "&lt;img" in words_of(app)
    town = open_town(own_town)
    assert [view.name for view in list_views(town)] == [HOSTILE]
    # Somebody else, by the name alone.
    other = open_page(own_town, "analysis", view=HOSTILE)
    assert not other.exception
    assert other.query_params["a"] in (CIRCLE, [CIRCLE])
    assert other.query_params["category"] in ("FW1", ["FW1"])
    assert "view" not in other.query_params
    app.text_input(key="view_name").set_value(HOSTILE)
    app.button(key="view_save").click().run()
    assert r"\<img" in app.error[0].value
    app.text_input(key="view_new_name").set_value("北街夜间")
    app.button(key="view_rename").click().run()
    assert not app.exception
    assert [view.name for view in list_views(town)] == ["北街夜间"]
    app.button(key="view_delete").click().run()
    assert not app.exception
    assert list_views(town) == []
    town.close()


def test_an_empty_name_is_a_sentence(open_page, own_town):
    app = open_page(own_town, "analysis")
    app.button(key="view_save").click().run()
    assert not app.exception
    assert "视图要有名称" in app.error[0].value


def test_what_a_saved_view_asks_is_checked_as_any_address(open_page, own_town, words_of):
    town = open_town(own_town)
    save_view(town, "旧", "analysis", {"a": ["grid:gone"], "show": ["area"]}, now=NOW)
    town.close()
    app = open_page(own_town, "analysis", view="旧")
    assert not app.exception
    assert "`a=grid:gone`" in words_of(app)


def test_the_sentence_on_a_cluster_names_place_dates_and_numbers():
    since = datetime(2026, 2, 20)
    one = Emerging(
        period=ReportFilter().period, total=400, found=True, place="东村", since=since,
        until=since + timedelta(days=3), observed=12, expected=2.5, ratio=4.8, p_value=0.005, radius_m=400.0,
    )  # fmt: skip
    said = words.say_emerging(one, translator("zh"))
    for part in ("东村", "400 米", "2026年2月20日", "2026年2月22日", "12 条", "2.5", "4.8 倍", "<1%"):
        assert part in said
    few = words.say_emerging(replace(one, observed=4), translator("zh"))
    assert few.startswith("数据太少，不下结论")
    assert words.say_emerging(Emerging(ReportFilter().period, 9), translator("zh")).startswith(
        "数据太少，不下结论"
    )


def test_an_area_is_called_by_its_names():
    t = translator("en")
    names = {str(code): f"grid {code}" for code in range(5)}
    assert words.say_area(Area("grid", codes=tuple("01234")), names, t) == "grid 0, grid 1, grid 2 and 2 more"
