"""The map page: refused addresses first, then what it says, and that filters, address and numbers agree."""

from __future__ import annotations

import re

import pytest

from pingan_geo.model.report import ReportFilter
from pingan_geo.stats.filters import select
from pingan_geo.storage.records import read_reports

CELL = re.compile(r"8[0-9a-f]{14}")


@pytest.fixture(scope="module")
def reports(tiny_town):
    with tiny_town.store.read() as connection:
        return read_reports(connection)


@pytest.mark.parametrize(
    "address",
    [
        {"layer": "<script>alert(1)</script>"},
        {"category": "gASVKAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjA=="},
        {"hours": "99-1"},
        {"since": "2026-02-30"},
        {"pick": "cell:zz"},
        {"lang": "fr"},
        {"utm": "1"},
        {"village": "`**x**`"},
    ],
)
def test_a_bad_address_is_one_sentence_and_the_rest_of_the_page(open_page, tiny_town, address):
    app = open_page(tiny_town, **address)
    assert not app.exception
    assert [one.value for one in app.warning]
    assert app.warning[0].value.startswith("链接中有本镇没有的内容")
    assert app.get("component_instance") or app.get("iframe") or len(app.dataframe)


def test_a_town_that_is_not_there_is_one_sentence(open_app, tmp_path):
    app = open_app(tmp_path / "nowhere", lang="en")
    assert not app.exception
    assert "There is no town in" in app.error[0].value


def test_an_empty_town_says_what_to_do(open_page, tiny_town_files, tmp_path, words_of):
    from pingan_geo.workflow.towns import create_town

    create_town(tmp_path / "town", area=tiny_town_files / "area.geojson").close()
    for name in ("map", "hotspots", "imports", "town"):
        app = open_page(tmp_path / "town", name)
        assert not app.exception, name
        assert name in {"imports", "town"} or "本镇还没有上报" in words_of(app)


def test_a_choice_that_nothing_fits_says_what_there_is(open_page, tiny_town, words_of):
    app = open_page(tiny_town, period="custom", since="1999-01-01", until="1999-02-01")
    said = words_of(app)
    assert "没有符合条件的上报" in said
    assert "现有上报的时间范围：2025年9月" in said
    assert len(app.dataframe) == 0


@pytest.mark.parametrize("layer", ["cells", "density", "grids", "villages", "points"])
@pytest.mark.parametrize("detail", ["leader", "patrol"])
def test_numbers_on_the_page_are_those_of_the_reports(open_page, tiny_town, reports, words_of, layer, detail):
    app = open_page(tiny_town, period="all", layer=layer, detail=detail, category="FW1")
    assert not app.exception
    fits = int(select(reports, ReportFilter(categories=("FW1",))).sum())
    assert 0 < fits < 600
    said = words_of(app)
    assert f"**{fits}** 条，全部 600 条" in said
    inside, without, total = map(int, re.search(r"(\d+) \+ \S+ (\d+) = (\d+)", said).groups())
    assert inside + without == total == fits
    table = app.dataframe[0].value
    if layer == "points":
        assert len(table) == fits
    else:
        assert table["count"].sum() == inside


def test_filters_of_the_address_are_those_of_the_widgets(open_page, tiny_town):
    app = open_page(
        tiny_town, period="custom", since="2025-10-01", until="2025-11-01", category="FW1", hours="18-19",
        weekdays="0-4", village="330411104001", lang="en", layer="grids",
    )  # fmt: skip
    value = {
        widget.key: widget.value
        for kind in (app.selectbox, app.multiselect, app.date_input)
        for widget in kind
    }
    assert value["ask_categories"] == ["FW1"]
    assert value["ask_villages"] == ["330411104001"]
    assert (value["ask_hour_first"], value["ask_hour_last"]) == (18, 19)
    assert (str(value["ask_since"]), str(value["ask_until"])) == ("2025-10-01", "2025-10-31")
    assert not app.warning


def test_a_copied_link_shows_the_same(open_page, tiny_town, words_of):
    first = open_page(tiny_town, lang="zh")
    first.selectbox(key="ask_preset").set_value("all").run()
    first.multiselect(key="ask_categories").set_value(["RD1", "FW1"]).run()
    first.selectbox(key="ask_hour_first").set_value(18).run()
    first.multiselect(key="ask_villages").set_value(["330411104001"]).run()
    link = dict(first.query_params)
    assert set(link) == {"lang", "period", "category", "hours", "village"}
    second = open_page(tiny_town, **link)
    assert words_of(second) == words_of(first)
    assert second.dataframe[0].value.equals(first.dataframe[0].value)
    assert not second.warning


def test_filters_survive_a_change_of_page(open_app, tiny_town):
    app = open_app(tiny_town.folder, period="all", category="FW1")
    assert app.multiselect(key="ask_categories").value == ["FW1"]
    assert "FW1" in app.query_params["category"]
    app.run()
    assert app.multiselect(key="ask_categories").value == ["FW1"]
    app.button(key="clear_filters").click().run()
    assert app.multiselect(key="ask_categories").value == []
    assert "category" not in app.query_params


def test_a_picked_cell_shows_its_reports_and_the_way_back(open_page, tiny_town, reports, words_of):
    whole = open_page(tiny_town, period="all")
    top = whole.dataframe[0].value.iloc[0]
    app = open_page(tiny_town, period="all", pick=f"cell:{top['cell']}")
    assert f"有 **{top['count']}** 条在这里" in words_of(app)
    assert len(app.dataframe[0].value) == min(top["count"], 200)
    around = [one for one in app.button if one.key.startswith("go_")]
    assert len(around) == 6
    around[0].click().run()
    assert around[0].key.removeprefix("go_") in str(app.query_params["pick"])
    app.button(key="pick_back").click().run()
    assert "pick" not in app.query_params
    assert not [one for one in app.button if one.key == "pick_back"]


def test_a_picked_cell_of_another_size_is_let_go(open_page, tiny_town):
    cell = open_page(tiny_town, period="all").dataframe[0].value["cell"].iloc[0]
    app = open_page(tiny_town, period="all", pick=f"cell:{cell}", detail="patrol")
    assert not app.exception
    assert "pick" not in app.query_params


def test_a_picked_grid_counts_what_the_map_counts(open_page, tiny_town, words_of):
    table = open_page(tiny_town, period="all", layer="grids").dataframe[0].value
    code, count = table["code"].iloc[0], table["count"].iloc[0]
    assert f"有 **{count}** 条在这里" in words_of(
        open_page(tiny_town, period="all", layer="grids", pick=f"grid:{code}")
    )


@pytest.mark.parametrize("name", ["map", "hotspots", "imports", "town"])
def test_no_english_in_the_chinese_interface_and_none_the_other_way(open_page, tiny_town, words_of, name):
    zh = words_of(open_page(tiny_town, name, period="all", lang="zh"))
    en = words_of(open_page(tiny_town, name, period="all", lang="en"))
    plain = re.sub(r"<[^>]+>|`[^`]*`|pingan\\?_geo|https?:\S+", " ", zh)
    allowed = {
        "CSV",
        "Excel",
        "GeoJSON",
        "GPKG",
        "KML",
        "Shapefile",
        "zip",
        "MB",
        "GCJ",
        "WGS",
        "BD",
        "CGCS",
        "H3",
    }
    allowed |= {"Gi", "Asia", "Shanghai", "wgs84", "FW1", "FR1", "TH1", "RD1", "N", "km"}
    english = {
        word for word in re.findall(r"[A-Za-z][A-Za-z0-9]+", plain) if not CELL.fullmatch(word)
    } - allowed
    assert not english
    own = re.sub("小镇|测试台账|平安岗|.村第?.?网?格?", "", en)
    assert not re.search("[\u3400-\u9fff]{4}", re.sub(r"<[^>]+>", " ", own)), own


def test_two_visitors_have_two_languages(open_page, tiny_town, words_of):
    one, other = open_page(tiny_town, lang="zh"), open_page(tiny_town, lang="en")
    one.run()
    assert "显示" in words_of(one) or "时间范围" in words_of(one)
    assert "Period" in words_of(other)
    other.run()
    assert "Period" in words_of(other)


def test_a_synthetic_town_says_so_on_every_page(open_page, own_town, words_of):
    file = own_town / "town.toml"
    text = file.read_text(encoding="utf-8").replace("synthetic = false", "synthetic = true")
    file.write_text(text, encoding="utf-8")
    for name in ("map", "hotspots", "imports", "town"):
        assert "合成数据" in words_of(open_page(own_town, name)), name
