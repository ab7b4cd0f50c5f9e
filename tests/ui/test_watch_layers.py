"""Where people look, and alerts after a report, on the map page: what the page says is what the workflow says."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import geopandas as gpd
import numpy as np
import pytest

from pingan_geo.coords import local_metres
from pingan_geo.i18n import translator
from pingan_geo.model.report import ReportFilter
from pingan_geo.outputs.exports import table_bytes
from pingan_geo.ui.components.tables import HEADINGS, headings
from pingan_geo.workflow.alerts import alert_table, near_repeat_alerts
from pingan_geo.workflow.explore import index_reports, load_reports
from pingan_geo.workflow.import_layers import import_layer
from pingan_geo.workflow.import_reports import import_reports
from pingan_geo.workflow.seen import see_effort
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 3, 1, 9, 0)
THEFT = ReportFilter(categories=("TH4",))
#: Nothing is reported in the north-east grid.
UNSEEN = (2.0, 2.0)


@pytest.fixture(scope="module")
def watched_town(tiny_town_files, tmp_path_factory):
    """A town with households, police and pictures, and break-ins of which half are followed by another."""
    folder = tmp_path_factory.mktemp("watched")
    town = create_town(folder / "town", area=tiny_town_files / "area.geojson", name="小镇")
    grids = gpd.read_file(tiny_town_files / "grids.geojson").assign(households=300)
    grids.to_file(folder / "grids.geojson")
    import_layer(town, "grids", folder / "grids.geojson", now=NOW)
    import_layer(town, "villages", tiny_town_files / "villages.geojson", now=NOW)
    rng = np.random.default_rng(4)
    plane = local_metres(120.61575, 30.7935)

    def write(source, category, x, y, day):
        lon, lat = plane.inverse(x, y)
        column, row = (lon - 120.60) / 0.0105, (lat - 30.78) / 0.009
        kept = ~((column > UNSEEN[0]) & (row > UNSEEN[1]))
        file = folder / f"{source}{category}.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["编号", "类别", "发生时间", "经度", "纬度"])
            for number in np.flatnonzero(kept):
                time = datetime(2025, 9, 1, 12) + timedelta(days=int(day[number]))
                rows.writerow(
                    [
                        f"{category}-{number}",
                        category,
                        f"{time:%Y-%m-%d %H:%M}",
                        f"{lon[number]:.6f}",
                        f"{lat[number]:.6f}",
                    ]
                )
        assert import_reports(town, file, source=source, now=NOW).accepted == kept.sum()

    for source, category, size in (("派出所", "RD1", 300), ("派出所", "CF1", 300), ("随手拍", "RD1", 700)):
        write(
            source,
            category,
            rng.uniform(-1500, 1500, size),
            rng.uniform(-1490, 1490, size),
            rng.integers(0, 180, size),
        )
    x, y, day = rng.uniform(-1400, 1400, 300), rng.uniform(-1400, 1400, 300), rng.integers(0, 176, 300)
    again = np.arange(150)
    write(
        "派出所",
        "TH4",
        np.append(x, x[again] + rng.uniform(-40, 40, 150)),
        np.append(y, y[again] + rng.uniform(-40, 40, 150)),
        np.append(day, day[again] + rng.integers(1, 4, 150)),
    )
    yield town
    town.close()


def index_of(town):
    return index_reports(load_reports(town), town.settings.board_of)


@pytest.mark.parametrize("detail", ["leader", "patrol"])
def test_where_people_look_is_what_the_workflow_says(open_page, watched_town, words_of, detail):
    app = open_page(watched_town, layer="seen", category="TH4", period="all", detail=detail)
    assert not app.exception
    resolution = {"leader": 9, "patrol": 10}[detail]
    found = see_effort(watched_town, index_of(watched_town), THEFT, resolution=resolution)
    assert found.told
    assert found.listed
    dark = int(found.table["dark"].sum())
    assert dark > 0
    said = words_of(app)
    assert all(sentence in said for sentence in found.sentences)
    assert f"有人住，没人看 <small>({dark})</small>" in said
    assert "绝不代替条数" in said
    assert "弱提示" in said
    beside, twin = (one.value for one in app.dataframe[:2])
    # the counts come first, the corrected number stands beside them
    assert list(beside.columns[:4]) == ["count_rank", "count", "corrected_rank", "corrected_risk"]
    assert beside["count_rank"].dropna().is_monotonic_increasing
    assert set(found.table["cell"][found.table["count_rank"] <= 20]) <= set(beside["cell"])
    assert set(found.table["cell"][found.table["corrected_rank"] <= 20]) <= set(beside["cell"])
    assert len(twin) == len(found.table)
    assert twin["count"].sum() == found.own
    assert (twin["dark"] == "是").sum() == dark


def test_why_nothing_is_said_of_effort(open_page, tiny_town, words_of):
    app = open_page(tiny_town, layer="seen", category="TH1", period="all")
    assert not app.exception
    said = words_of(app)
    assert "数据太少，不下结论（其他类别中来自派出所或热线的只有 0 条" in said
    assert "绝不代替条数" not in said
    assert len(app.dataframe) == 0
    finds = open_page(tiny_town, layer="seen", origin="all", period="all", lang="en")
    assert "Where people look is told from what the public reports" in words_of(finds)


def test_without_a_kind_there_is_effort_and_no_list(open_page, watched_town, words_of):
    app = open_page(watched_town, layer="seen", period="all", lang="en")
    assert not app.exception
    assert "Choose a category or a board for the corrected list." in words_of(app)
    assert len(app.dataframe) == 1
    assert "corrected_risk" not in app.dataframe[0].value


def test_alerts_are_what_the_workflow_says(open_page, watched_town, words_of):
    app = open_page(watched_town, layer="alerts", category="TH4", detail="patrol")
    assert not app.exception
    found = near_repeat_alerts(watched_town, index_of(watched_town), THEFT, resolution=10)
    assert len(found.table) > 0
    assert f"{found.sentence}。" in words_of(app)
    assert "不是预测" in words_of(app)
    table = app.dataframe[0].value
    assert len(table) == len(found.table)
    assert sorted(table["until"]) == sorted(found.table["until"].dt.strftime("%Y-%m-%d"))
    assert (table["until"] > found.today.isoformat()).all()
    # the beginning of the period takes nothing away, its end does
    week = open_page(watched_town, layer="alerts", category="TH4", detail="patrol", period="7d")
    assert week.dataframe[0].value.equals(table)
    before = open_page(
        watched_town,
        layer="alerts",
        category="TH4",
        detail="patrol",
        period="custom",
        since="2025-12-01",
        until="2026-01-01",
    )
    assert (before.dataframe[0].value["until"] < "2026-01-08").all()


@pytest.mark.parametrize(("lang", "said"), [("zh", "请先选择类别"), ("en", "Choose a category first")])
def test_without_a_category_alerts_say_what_to_do(open_page, tiny_town, words_of, lang, said):
    app = open_page(tiny_town, layer="alerts", period="all", lang=lang, **{"with": "none"})
    assert not app.exception
    assert said in words_of(app)
    assert 'class="legend"' not in words_of(app)  # of what is not drawn
    assert len(app.dataframe) == 0


def test_the_files_hold_every_cell_and_what_it_does_not_mean(watched_town):
    index = index_of(watched_town)
    seen = see_effort(watched_town, index, THEFT, resolution=9).table
    alerts = alert_table(watched_town, near_repeat_alerts(watched_town, index, THEFT, resolution=10))
    for table in (seen, alerts):
        options = {
            "notice": "",
            "title": "x",
            "geometry": "cell",
            "about": [("Not meant", "a finding"), ("Not meant", "safe")],
            "headings": headings(table.columns, translator("zh")),
            "sheet_names": ("a", "b"),
        }
        assert not set(options["headings"]) - set(HEADINGS)
        layer = gpd.read_file(io.BytesIO(table_bytes(table, ".geojson", **options)))
        assert len(layer) == len(table)
        assert layer.geometry.geom_type.eq("Polygon").all()
        for suffix in (".csv", ".xlsx"):
            assert len(table_bytes(table, suffix, **options)) > 20 * len(table)


def test_a_picked_cell_of_these_layers_shows_its_reports(open_page, watched_town, words_of):
    for layer in ("seen", "alerts"):
        whole = open_page(watched_town, layer=layer, category="TH4", period="all")
        cell = whole.dataframe[0].value["cell"].iloc[0]
        app = open_page(watched_town, layer=layer, category="TH4", period="all", pick=f"cell:{cell}")
        assert not app.exception
        assert "条在这里" in words_of(app)
