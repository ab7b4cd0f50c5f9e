"""Where people look: what gets no verdict first, then a town whose unseen quarters are known."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import cells_covering, from_text, neighbour_pairs, resolutions
from pingan_geo.workflow.explore import index_reports
from pingan_geo.workflow.import_layers import import_layer
from pingan_geo.workflow.seen import (
    EFFORT_CLASSES,
    LEAST_HOUSEHOLDS,
    LEAST_OTHERS,
    LEAST_OWN,
    LEAST_STEADY,
    MOST_CHANNELS,
    MOST_FAMILIES,
    _unseen,
    households_by_cell,
    see_effort,
)
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 3, 1, 9, 0)
THEFT = ReportFilter(categories=("TH1",))
#: Nothing at all is seen in the north-east grid, and in the south-west one only the police see anything.
UNSEEN, UNWATCHED = "330411104003003", "330411104001001"
HOUSEHOLDS = 300


@pytest.fixture(scope="module")
def housed_town(tiny_town_files, tmp_path_factory):
    """The tiny town with 300 households in each grid, and an estate that holds 200 of those of its grid."""
    folder = tmp_path_factory.mktemp("housed")
    grids = json.loads((tiny_town_files / "grids.geojson").read_text(encoding="utf-8"))
    for one in grids["features"]:
        one["properties"]["户数"] = HOUSEHOLDS
    (folder / "grids.geojson").write_text(json.dumps(grids, ensure_ascii=False), encoding="utf-8")
    west, south, east, north = 120.613, 30.7915, 120.616, 30.7935
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    estate = {
        "type": "Feature",
        "properties": {"code": "E1", "name": "中心小区", "parent": "330411104002", "户数": 200},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    west, south = 120.6201, 30.7841  # too small for the middle of any cell
    ring = [[west, south], [west + 2e-5, south], [west + 2e-5, south + 2e-5], [west, south]]
    tiny = {
        "type": "Feature",
        "properties": {**estate["properties"], "code": "E2", "户数": 40},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    layer = {"type": "FeatureCollection", "features": [estate, tiny]}
    (folder / "estates.geojson").write_text(json.dumps(layer, ensure_ascii=False), encoding="utf-8")
    town = create_town(folder / "town", area=tiny_town_files / "area.geojson", grids=folder / "grids.geojson")
    import_layer(town, "villages", tiny_town_files / "villages.geojson", now=NOW)
    import_layer(town, "estates", folder / "estates.geojson", now=NOW)
    yield town
    town.close()


def reports(town, made_index, *, seed=0, police=1600, pictures=4800, thefts=None, **texts):
    """Return an index of a town where pictures are sent everywhere but in two quarters, over 180 days."""
    rng = np.random.default_rng(seed)
    size = police + pictures
    x, y = rng.uniform(-1500, 1500, size), rng.uniform(-1490, 1490, size)
    source = np.where(np.arange(size) < police, "派出所", "随手拍").astype(object)
    category = rng.choice(np.array(["TH1", "RD1", "FR1", "CF1", "EN1"], dtype=object), size)
    if thefts is not None:
        here = category == "TH1"
        x[here], y[here] = (
            thefts[0] + rng.normal(0, 30, here.sum()),
            thefts[1] + rng.normal(0, 30, here.sum()),
        )
    columns = {"source": source, "category": category, **texts}
    whole = made_index(town, x, y, rng.integers(0, 180, size), **columns)
    table = whole.reports
    missed = (table["grid_id"] == UNSEEN) | ((table["grid_id"] == UNWATCHED) & (table["source"] == "随手拍"))
    missed &= (table["category"] != "TH1") if thefts is not None else True
    return index_reports(table[~missed].reset_index(drop=True), town.settings.board_of)


@pytest.fixture(scope="module")
def index(housed_town, made_index):
    return reports(housed_town, made_index)


# -- no verdict --------------------------------------------------------------------------------------


def test_a_resolution_that_is_not_stored_is_refused(housed_town, index):
    for wrong in (-1, housed_town.settings.finest + 1):
        with pytest.raises(BadChoiceError, match="resolution"):
            see_effort(housed_town, index, THEFT, resolution=wrong)


@pytest.mark.parametrize("origin", ["found", ""])
def test_finds_of_patrols_are_no_reports(housed_town, index, origin):
    found = see_effort(housed_town, index, replace(THEFT, origin=origin), resolution=9, language="en")
    assert not found.told
    assert "Reported by the public" in found.sentences[0]


def test_too_few_of_other_kinds(housed_town, made_index):
    few = reports(housed_town, made_index, police=110, pictures=140)
    found = see_effort(housed_town, few, THEFT, resolution=9, language="en")
    assert 0 < found.others < LEAST_OTHERS
    assert not found.told
    assert found.sentences[0].startswith(f"No verdict, too few reports: {found.others} of other kinds")
    assert "数据太少，不下结论" in see_effort(housed_town, few, THEFT, resolution=9).sentences[0]


def test_without_police_and_households_there_is_nothing_to_compare_with(tiny_town, housed_town, made_index):
    pictures = reports(tiny_town, made_index, police=30, pictures=2000)
    found = see_effort(tiny_town, pictures, THEFT, resolution=9, language="en")
    assert found.steady < LEAST_STEADY
    assert not found.told
    assert not found.housed
    assert "12345" in found.sentences[0]
    weaker = see_effort(housed_town, pictures, THEFT, resolution=9, language="en")
    assert weaker.told
    assert weaker.by_people
    assert any("set against households" in said for said in weaker.sentences)


def test_without_households_no_cell_is_dark_and_that_is_said(tiny_town, made_index):
    found = see_effort(tiny_town, reports(tiny_town, made_index), THEFT, resolution=9, language="en")
    assert found.told
    assert not found.housed
    assert not found.table["dark"].any()
    assert found.table["households"].isna().all()
    assert any("no hexagon can be called dark" in said for said in found.sentences)


def test_a_rough_estimate_gets_no_verdict(housed_town, index, monkeypatch):
    sure = see_effort(housed_town, index, THEFT, resolution=9)
    limit = float(sure.table["uncertainty"].quantile(0.8))
    monkeypatch.setattr("pingan_geo.workflow.seen.MOST_DOUBT", limit)
    rough = see_effort(housed_town, index, THEFT, resolution=9, language="en")
    unsure = rough.table["uncertainty"] > limit
    assert 0 < unsure.sum() < len(unsure) / 2
    assert (rough.table["effort"].isna() == unsure).all()
    assert (rough.classed[unsure] == EFFORT_CLASSES[0]).all()
    assert f"{unsure.sum()} of {len(unsure)} hexagons are too uncertain" in rough.sentences[0]


def test_few_of_the_kind_asked_for_get_no_list(housed_town, index):
    day = replace(THEFT, period=Period(datetime(2026, 2, 26), datetime(2026, 2, 28)))
    found = see_effort(housed_town, index, day, resolution=9, language="en")
    assert 0 < found.own < LEAST_OWN
    assert found.told  # effort is told from a year all the same
    assert not found.listed
    assert (
        found.table[["count_rank", "corrected_risk", "corrected_low", "corrected_high", "corrected_rank"]]
        .isna()
        .all()
        .all()
    )
    assert found.sentences[-1].startswith(f"No corrected list, too few reports: {found.own}")


def test_without_a_kind_there_is_effort_and_no_list(housed_town, index):
    found = see_effort(housed_town, index, ReportFilter(), resolution=9, language="en")
    assert found.told
    assert not found.listed
    assert found.own == 0
    assert found.sentences[-1] == "Choose a category or a board for the corrected list."


# -- a town whose unseen quarters are known --------------------------------------------------------------


@pytest.mark.parametrize("resolution", [9, 10])
@pytest.mark.parametrize("asked", [ReportFilter(), THEFT])
def test_unseen_quarters_with_people_are_dark_and_no_others(housed_town, index, resolution, asked):
    found = see_effort(housed_town, index, asked, resolution=resolution)
    table = found.table.set_index("cell")
    dark = table[table["dark"]]
    assert set(dark["grid_id"]) <= {UNSEEN, UNWATCHED, ""}
    # all but a rim of the quarter in which nothing is seen: cells beside it see something
    quarter = table[table["grid_id"] == UNSEEN]
    assert quarter["dark"].mean() > 0.3
    from_inside = (table["lon"] - 120.6277) ** 2 + (table["lat"] - 30.8037) ** 2
    assert table.loc[from_inside.idxmin(), "dark"]
    # where only the police see, less is seen than elsewhere
    unwatched = table[table["grid_id"] == UNWATCHED]["effort"].median()
    elsewhere = table[~table["grid_id"].isin([UNSEEN, UNWATCHED, ""])]["effort"].median()
    assert unwatched < 0.8 < elsewhere
    assert unwatched < 0.7 * elsewhere


def test_a_quarter_without_people_is_not_dark(tiny_town_files, housed_town, made_index, tmp_path):
    grids = json.loads((housed_town.folder / "grids.geojson").read_text(encoding="utf-8"))
    for one in grids["features"]:
        if one["properties"]["code"] == UNSEEN:
            one["properties"]["households"] = 0
    (tmp_path / "grids.geojson").write_text(json.dumps(grids, ensure_ascii=False), encoding="utf-8")
    town = create_town(
        tmp_path / "town", area=tiny_town_files / "area.geojson", grids=tmp_path / "grids.geojson"
    )
    found = see_effort(town, reports(town, made_index), ReportFilter(), resolution=9)
    assert not found.table["dark"][found.table["grid_id"] == UNSEEN].any()
    town.close()


def test_nothing_seen_says_nothing_where_hardly_anything_was_to_be_expected(housed_town):
    cells = cells_covering(housed_town.area, 9)
    people = households_by_cell(housed_town, cells, 9)
    left, right = neighbour_pairs(cells)
    seen = np.zeros(len(cells))
    busiest = int(np.argmax(people))
    for reports_in_all, is_dark in ((9, False), (9_000, True)):
        seen[busiest] = reports_in_all
        dark = _unseen(cells, people, seen, 9)
        assert dark.any() == is_dark
        assert not dark[[busiest, *right[left == busiest], *left[right == busiest]]].any()
    assert not dark[people < LEAST_HOUSEHOLDS].any()


def test_where_the_kind_asked_for_is_reported_does_not_move_its_own_effort(housed_town, made_index):
    """A real hot spot must not be explained away as attention."""
    west = see_effort(housed_town, reports(housed_town, made_index, thefts=(-900, 0)), THEFT, resolution=9)
    east = see_effort(housed_town, reports(housed_town, made_index, thefts=(900, 0)), THEFT, resolution=9)
    one, other = (each.table.set_index("cell")["effort"] for each in (west, east))
    np.testing.assert_allclose(one, other.reindex(one.index), rtol=1e-9)
    assert west.table["cell"].iloc[0] != east.table["cell"].iloc[0]


def test_the_corrected_list_stands_beside_the_counts(housed_town, index):
    found = see_effort(housed_town, index, THEFT, resolution=9)
    table = found.table
    fits = index.select(THEFT)
    assert found.listed
    assert table["count"].sum() == found.own == fits.sum()
    assert table["count"].is_monotonic_decreasing
    assert (table["count_rank"].isna() == (table["count"] == 0)).all()
    first = table["count"].iloc[0]
    assert (table["count_rank"][table["count"] == first] == 1).all()
    assert sorted(table["corrected_rank"]) == list(range(1, len(table) + 1))
    by_rank = table.sort_values("corrected_rank")["corrected_risk"]
    assert by_rank.is_monotonic_decreasing
    assert table["corrected_risk"].between(table["corrected_low"], table["corrected_high"]).all()
    # the quarter that nobody pictures rises against its counts
    rises = (table["count_rank"].fillna(len(table)) - table["corrected_rank"])[table["grid_id"] == UNWATCHED]
    assert rises.median() > 0
    np.testing.assert_array_equal(from_text(table["cell"]), found.cells)


def test_villages_choose_rows_and_nothing_else(housed_town, index):
    whole = see_effort(housed_town, index, THEFT, resolution=9).table
    part = see_effort(housed_town, index, replace(THEFT, villages=("330411104002",)), resolution=9).table
    rest = whole[whole["village_id"] == "330411104002"].reset_index(drop=True)
    assert 0 < len(part) < len(whole)
    assert part.equals(rest)


def test_hours_and_sources_do_not_count_and_that_is_said(housed_town, index):
    whole = see_effort(housed_town, index, THEFT, resolution=9)
    narrow = see_effort(
        housed_town, index, replace(THEFT, hours=(1, 2), sources=("派出所",)), resolution=9, language="en"
    )
    assert narrow.table.equals(whole.table)
    assert any("do not count here" in said for said in narrow.sentences)


def test_effort_is_that_of_a_year_however_short_the_period(housed_town, index):
    month = replace(THEFT, period=Period(datetime(2026, 2, 1), datetime(2026, 3, 1)))
    whole, short = (see_effort(housed_town, index, asked, resolution=9) for asked in (THEFT, month))
    one, other = (each.table.set_index("cell")["effort"].sort_index() for each in (whole, short))
    np.testing.assert_allclose(one, other)
    assert 0 < short.own < whole.own


def test_private_kinds_are_no_finer_than_patrols_see_them(housed_town, index):
    settings = housed_town.settings
    fine = see_effort(housed_town, index, THEFT, resolution=11)
    assert fine.resolution == settings.patrol_resolution < 11
    assert set(resolutions(fine.cells)) == {settings.patrol_resolution}
    assert see_effort(housed_town, index, ReportFilter(categories=("RD1",)), resolution=11).resolution == 11


def test_any_number_of_sources_and_kinds(housed_town, made_index):
    """More than there is room for are taken together; none is lost."""
    rng = np.random.default_rng(2)
    size = 4000
    names = np.array(
        [f"微信群{number}" for number in range(2 * MOST_CHANNELS)] + ["派出所"] * 8, dtype=object
    )
    kinds = np.array(
        [f"{chr(65 + number)}Q{number}" for number in range(MOST_FAMILIES + 4)] + ["TH1"], dtype=object
    )
    index = made_index(
        housed_town,
        rng.uniform(-1400, 1400, size),
        rng.uniform(-1400, 1400, size),
        rng.integers(0, 100, size),
        source=rng.choice(names, size),
        category=rng.choice(kinds, size),
    )
    found = see_effort(housed_town, index, THEFT, resolution=9)
    assert found.own + found.others == size
    assert found.told
    assert found.table["effort"].between(0.5, 2).all()


# -- households --------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [8, 9, 10, 11])
def test_no_household_is_lost_or_counted_twice(housed_town, resolution):
    cells = cells_covering(housed_town.area, resolution)
    living = households_by_cell(housed_town, cells, resolution)
    assert living.sum() == pytest.approx(9 * HOUSEHOLDS, rel=1e-9)
    assert living.min() >= 0
    if resolution == 11:
        assert living.max() > 2 * np.median(living)  # in the estate they live closer


def test_a_town_without_households_has_none(tiny_town):
    assert households_by_cell(tiny_town, cells_covering(tiny_town.area, 9), 9) is None
