"""The view of rates without a browser: what it says is what the workflow says, and the address carries it."""

from __future__ import annotations

from datetime import datetime

import geopandas as gpd
import pytest

from pingan_geo.i18n import translator
from pingan_geo.model.report import ReportFilter
from pingan_geo.workflow.analysis import load_reporters
from pingan_geo.workflow.explore import index_reports, load_reports
from pingan_geo.workflow.import_layers import import_layer
from pingan_geo.workflow.rate_words import say_line, say_rates, say_totals
from pingan_geo.workflow.rates import rate_table
from pingan_geo.workflow.towns import open_town
from pingan_geo.workflow.views import list_views

NOW = datetime(2026, 3, 1, 9, 0)
ALL = ReportFilter()


@pytest.fixture
def housed_town(own_town):
    """The tiny town, its villages with households but for one."""
    town = open_town(own_town)
    villages = town.layer("villages").assign(households=[1200, 300, None])
    file = own_town / "new_villages.geojson"
    gpd.GeoDataFrame(villages).to_file(file)
    import_layer(town, "villages", file, now=NOW)
    yield town
    town.close()


def by_workflow(town, by, per, asked=ALL):
    index = index_reports(load_reports(town), town.settings.board_of)
    return rate_table(town, index, asked, by=by, per=per, resolution=9, reporters=load_reporters(town, index))


@pytest.mark.parametrize(("name", "value"), [("by", "street"), ("per", "head")])
def test_what_an_address_cannot_ask_is_left_out_and_said(open_page, tiny_town, words_of, name, value):
    app = open_page(tiny_town, "analysis", show="rates", **{name: value})
    assert not app.exception
    assert f"`{name}={value}`" in words_of(app)


def test_finds_beside_finds_are_refused_in_a_sentence(open_page, tiny_town):
    app = open_page(tiny_town, "analysis", show="rates", per="find", origin="all", period="all")
    assert not app.exception
    assert "origin" in app.error[0].value


def test_a_town_without_such_a_layer_says_so(open_page, tiny_town):
    app = open_page(tiny_town, "analysis", show="rates", by="estate", period="all")
    assert not app.exception
    assert "estates" in app.error[0].value


def test_a_town_without_villages_starts_with_what_it_has(open_page, own_town):
    (own_town / "villages.geojson").unlink()
    app = open_page(own_town, "analysis", show="rates", per="km2", period="all")
    assert not app.exception
    assert not app.error
    assert len(app.dataframe[0].value) == 9
    (own_town / "grids.geojson").unlink()
    app = open_page(own_town, "analysis", show="rates", per="km2", period="all")
    assert not app.exception
    assert not app.error
    assert "cell" in app.dataframe[0].value


def test_where_no_households_are_known_nothing_is_drawn_but_the_counts(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "analysis", show="rates", period="all")
    assert not app.exception
    assert "没有比率" in words_of(app)
    assert (
        app.dataframe[0].value["上报数量" if "上报数量" in app.dataframe[0].value else "count"].sum() == 600
    )


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("by", "per"), [
    ("village", "household"), ("grid", "km2"), ("grid", "reporter"), ("village", "find"), ("cell", "km2"),
])  # fmt: skip
def test_the_sentences_are_those_of_the_workflow(open_page, housed_town, words_of, by, per, language):
    app = open_page(housed_town, "analysis", show="rates", by=by, per=per, period="all", lang=language)
    assert not app.exception
    t, found = translator(language), by_workflow(housed_town, by, per)
    said = words_of(app).replace("&lt;", "<").replace("&#x27;", "'")
    for sentence in (*say_rates(found, t), *say_line(found, t), say_totals(found, t)):
        assert sentence in said
    assert app.dataframe[0].value["count"].tolist() == found.table["count"].tolist()


def test_reports_only_where_no_households_are_known(open_page, housed_town, words_of):
    # the third village, of unknown households, holds nearly all of this kind
    app = open_page(housed_town, "analysis", show="rates", category="TH1", period="all")
    assert not app.exception
    assert "不知道户数" in words_of(app)


def test_hexagons_have_no_households_so_another_rate_is_shown(open_page, tiny_town):
    app = open_page(tiny_town, "analysis", show="rates", by="cell", period="all")
    assert not app.exception
    assert not app.error
    assert "".join(app.query_params["per"]) == "km2"


def test_the_address_and_a_saved_view_carry_the_rates(open_page, own_town):
    app = open_page(own_town, "analysis", show="rates", by="grid", per="km2", period="all")
    app.text_input(key="view_name").set_value("每平方公里")
    app.button(key="view_save").click().run()
    assert not app.exception
    town = open_town(own_town)
    (kept,) = list_views(town, "analysis")
    town.close()
    assert {name: list(kept.address[name]) for name in ("show", "by", "per")} == {
        "show": ["rates"], "by": ["grid"], "per": ["km2"],
    }  # fmt: skip
    again = open_page(own_town, "analysis", view="每平方公里")
    assert not again.exception
    assert "".join(again.query_params["by"]) == "grid"
    assert len(again.dataframe[0].value) == 9
