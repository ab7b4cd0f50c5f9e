"""Density, scan, near repeats and "more than its share": refused questions, then planted truths and the numbers."""

from __future__ import annotations

import math
from datetime import datetime

import h3
import numpy as np
import pandas as pd
import pytest
import shapely

from pingan_geo.errors import BadChoiceError, MixedOriginsError, NoBandwidthError, NoExposureError
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.outputs.exports import read_back
from pingan_geo.workflow import hotspots
from pingan_geo.workflow.analysis import emerging_cluster
from pingan_geo.workflow.explore import index_reports, load_reports
from pingan_geo.workflow.hotspot_methods import Options
from pingan_geo.workflow.hotspots import export_hotspots, find_hotspots

NEVER = np.full(600, np.datetime64("NaT", "s"))
ALL, ROADS = ReportFilter(), ReportFilter(categories=("RD1",))


@pytest.fixture(scope="module")
def reports(tiny_town):
    return load_reports(tiny_town)


def moved(reports, lon, lat, **columns):
    """The reports, at other places."""
    finest = [int(h3.latlng_to_cell(y, x, 11), 16) for x, y in zip(lon, lat, strict=True)]
    return reports.assign(lon=lon, lat=lat, cell=np.array(finest, dtype=np.uint64), **columns)


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "options", "named"),
    [
        ("count", {"adaptive": True}, "adaptive"),
        ("gi", {"edge": "uniform"}, "edge"),
        ("scan", {"bandwidth_rule": "cv"}, "bandwidth_rule"),
        ("scan", {"against": "all"}, "against"),
        ("density", {"radius_m": 500.0}, "radius_m"),
        ("near_repeat", {"retrospective": True}, "retrospective"),
        ("density", {"edge": "round"}, "edge"),
        ("density", {"bandwidth_rule": "silverman"}, "bandwidth"),
        ("density", {"bandwidth_m": 0.0}, "bandwidth"),
        ("scan", {"days": 91}, "days"),
        ("scan", {"replications": -1}, "replications"),
        ("scan", {"radius_m": -1.0}, "radius_m"),
    ],
    ids=str,
)
def test_what_a_method_does_not_take_is_refused(tiny_town, reports, method, options, named):
    with pytest.raises(BadChoiceError) as refused:
        find_hotspots(tiny_town, ALL, method=method, options=Options(**options), reports=reports)
    assert refused.value.values["name"] == named


@pytest.mark.parametrize("method", ["gi", "density"])
@pytest.mark.parametrize(
    ("asked", "against", "part"),
    [
        (ROADS, "trees", "households or enterprises"),
        (ROADS, "households", "no layer of the town has a column"),
        (ROADS, "enterprises", "no layer of enterprises"),
        (ALL, "all", "Choose a category"),
    ],
    ids=str,
)
def test_what_the_town_does_not_have_is_nothing_to_set_against(
    tiny_town, reports, method, asked, against, part
):
    with pytest.raises(NoExposureError, match=part):
        find_hotspots(tiny_town, asked, method=method, options=Options(against=against), reports=reports)


@pytest.mark.parametrize("rule", ["scott", "cv"])
def test_too_few_reports_have_no_bandwidth(tiny_town, reports, rule):
    for few in (reports.iloc[:4], reports.iloc[[7] * 40]):
        with pytest.raises(NoBandwidthError):
            find_hotspots(tiny_town, ALL, method="density", options=Options(bandwidth_rule=rule), reports=few)


@pytest.mark.parametrize("method", ["scan", "near_repeat"])
def test_reports_and_finds_are_not_mixed(tiny_town, reports, method):
    both = reports.assign(origin=np.where(np.arange(len(reports)) % 2, "reported", "found"))
    with pytest.raises(MixedOriginsError):
        find_hotspots(tiny_town, ReportFilter(origin=""), method=method, reports=both)


# -- density -----------------------------------------------------------------------------------------


def test_an_even_scatter_has_an_even_density_up_to_the_border_when_it_is_corrected(tiny_town, reports):
    west, south, east, north = tiny_town.area.bounds
    rng = np.random.default_rng(1)
    many = reports.iloc[rng.integers(0, len(reports), 20_000)].reset_index(drop=True)
    even = moved(many, rng.uniform(west, east, 20_000), rng.uniform(south, north, 20_000))
    spread = {}
    for edge in ("none", "uniform", "diggle"):
        found = find_hotspots(
            *(tiny_town, ALL), method="density", coverage=1.0, reports=even, options=Options(edge=edge)
        )
        assert len(found.table) == found.cells_all  # also cells whose centre lies outside
        spread[edge] = found.table["score"].min() / found.table["score"].max()
    assert spread["none"] < 0.3
    assert spread["uniform"] > 0.6
    assert spread["diggle"] > 0.5


def test_a_rule_gives_the_bandwidth_and_the_export_says_so(tiny_town, reports, tmp_path):
    from pingan_geo.coords import local_metres
    from pingan_geo.stats.kernel import select_bandwidth

    x, y = local_metres(120.61575, 30.7935).forward(reports["lon"], reports["lat"])
    for rule in ("scott", "cv"):
        found = find_hotspots(
            *(tiny_town, ALL),
            method="density",
            reports=reports,
            language="en",
            options=Options(bandwidth_rule=rule, adaptive=rule == "cv"),
        )
        about = dict(found.about)
        if rule == "scott":
            assert found.bandwidth_m == pytest.approx(select_bandwidth(x, y, rule), rel=0.01)
            assert "Scott's rule" in about["Bandwidth"]
        else:
            # three spots of 80 m or so, and an even rest
            assert 40 < found.bandwidth_m < 200
            assert about["Kernel"].startswith("adaptive")
        file = export_hotspots(found, tmp_path / f"{rule}.xlsx", language="en")
        sheet = pd.read_excel(file, sheet_name=1, header=None, engine="openpyxl")
        assert "Bandwidth" in set(sheet[0])
        assert len(read_back(file, {"cell": "str"})) == len(found.table)


def test_a_density_against_all_reports_finds_where_a_kind_is_common(tiny_town, reports):
    # as many reports of all kinds in the east as in the west, but roads only in the west
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(120.601, 120.6305, 600), rng.uniform(30.781, 30.806, 600)
    road = (lon < 120.61) & (rng.random(600) < 0.8)
    mixed = moved(reports, lon, lat, category=np.where(road, "RD1", "FW1"))
    found = find_hotspots(
        *(tiny_town, ROADS),
        method="density",
        coverage=1.0,
        reports=mixed,
        language="en",
        options=Options(against="all", bandwidth_m=300),
    )
    west = found.table["lon"] < 120.607
    whole = 600 / road.sum()
    assert found.table["score"][west].median() == pytest.approx(0.8 * whole, rel=0.15)
    assert found.table["score"][found.table["lon"] > 120.622].max() < 0.2
    assert "times what all reports would give around its centre" in found.table["reason"][0]
    assert "not ranked" in dict(found.about)["Set against"]


# -- more than its share -----------------------------------------------------------------------------


def test_gi_against_all_reports_is_blind_to_a_crowd_and_sees_a_kind(tiny_town, reports):
    """A busy place has many road reports and no more than its share; an odd place has."""
    rng = np.random.default_rng(5)
    crowd = np.column_stack([rng.normal(120.606, 0.001, 3000), rng.normal(30.786, 0.001, 3000)])
    wide = np.column_stack([rng.uniform(120.601, 120.6305, 3000), rng.uniform(30.781, 30.806, 3000)])
    places = np.vstack([crowd, wide])
    odd = np.hypot((places[:, 0] - 120.625) * 0.86, places[:, 1] - 30.801) < 0.0025
    kind = rng.random(6000) < np.where(odd, 0.7, 0.2)
    many = reports.iloc[rng.integers(0, 600, 6000)].reset_index(drop=True)
    many = moved(many, *places.T, category=np.where(kind, "RD1", "FW1"))
    raw = find_hotspots(tiny_town, ROADS, method="gi", resolution=10, reports=many).table
    found = find_hotspots(
        *(tiny_town, ROADS),
        method="gi",
        resolution=10,
        reports=many,
        language="en",
        options=Options(against="all"),
    )
    assert raw["lon"][0] == pytest.approx(120.606, abs=0.002)
    assert found.significant > 3
    away = np.hypot((found.table["lon"] - 120.625) * 0.86, found.table["lat"] - 30.801)
    assert (away < 0.006).all()
    assert "times what its share of all reports gives" in found.table["reason"][0]
    assert "have more than their share of all reports" in found.verdict
    # observed and expected by counting again
    cells = [h3.cell_to_parent(f"{cell:x}", 10) for cell in many["cell"]]
    near = np.isin(cells, h3.grid_disk(found.table["cell"][0], 1))
    tested = found.tests.iloc[0]
    assert tested["observed"] == (near & kind).sum()
    assert tested["expected"] == pytest.approx(near.sum() * kind.sum() / 6000, rel=1e-3)


def test_homes_and_enterprises_are_set_against(own_town_with_homes, reports):
    town = own_town_with_homes
    found = find_hotspots(
        *(town, ALL),
        method="gi",
        coverage=1.0,
        language="en",
        reports=reports,
        options=Options(against="households"),
    )
    # 1000 homes in the first grid, 100 in each other: it is expected to have 1000 of 1800 of the reports
    inside = shapely.intersects_xy(
        town.layer("grids").geometry.iloc[0], found.table["lon"], found.table["lat"]
    )
    busy = found.tests["expected"] / found.tests["cells"]
    assert busy[inside].median() > 4 * busy[~inside].median()
    assert dict(found.about)["Set against"].startswith("households")
    assert "its share of households" in " ".join(found.table["reason"])


@pytest.fixture
def own_town_with_homes(tiny_town_files, tmp_path):
    """The tiny town, its grids with households."""
    import geopandas as gpd

    from pingan_geo.workflow.towns import create_town

    grids = gpd.read_file(tiny_town_files / "grids.geojson")
    grids["户数"] = [1000] + [100] * 8
    grids.to_file(tmp_path / "grids.geojson", driver="GeoJSON")
    town = create_town(
        tmp_path / "town",
        area=tiny_town_files / "area.geojson",
        grids=tmp_path / "grids.geojson",
        name="小镇",
    )
    yield town
    town.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["homes", "labels"])
@pytest.mark.parametrize("reports", [300, 3000])
def test_what_follows_an_uneven_exposure_makes_few_hotspots(tiny_town, kind, reports):
    """Calibration: 500 towns in which reports follow a very uneven exposure and nothing else."""
    from pingan_geo.spatial.cells import cells_covering, centres

    cells = cells_covering(tiny_town.area, 10)
    lon, lat = centres(cells)
    hill = np.exp(-np.hypot((lon - 120.608) * 0.86, lat - 30.79) / 0.003) + 0.02
    rng = np.random.default_rng([reports, len(kind)])
    alarms = 0
    for seed in range(500):
        if kind == "homes":
            exposure = hill
            counts = rng.multinomial(reports, hill / hill.sum())
        else:  # a fifth of all reports are of the kind asked for, wherever they are
            everything = rng.multinomial(5 * reports, hill / hill.sum())
            exposure = everything.astype(float)
            counts = rng.multivariate_hypergeometric(everything, reports)
        tested = hotspots._Tested.of(cells, counts, exposure, "bh", 0, seed, labels=kind == "labels")
        alarms += bool((tested.p_value < 0.05).any())
    print(f"{kind}, {reports}: {alarms / 500:.1%}")
    assert alarms / 500 <= 0.07


# -- scan --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def outbreak(reports):
    """600 scattered reports, and 25 in one place in the last week."""
    rng = np.random.default_rng(8)
    lon, lat = rng.uniform(120.601, 120.6305, 600), rng.uniform(30.781, 30.806, 600)
    day = pd.Timestamp("2025-12-01") + pd.to_timedelta(rng.integers(0, 84, 600), "D")
    lon[:25], lat[:25] = rng.normal(120.615, 0.0005, 25), rng.normal(30.795, 0.0005, 25)
    day = day.to_numpy().astype("datetime64[s]")
    day[:25] = np.datetime64("2026-02-17") + rng.integers(0, 6, 25).astype("timedelta64[D]")
    return moved(reports, lon, lat, time=day, time_until=NEVER)


LATE = ReportFilter(period=Period(datetime(2025, 12, 1), datetime(2026, 2, 23)))


def test_the_scan_lists_the_cells_of_a_planted_outbreak(tiny_town, outbreak, tmp_path):
    told = []
    found = find_hotspots(
        *(tiny_town, LATE),
        method="scan",
        reports=outbreak,
        language="en",
        options=Options(replications=199),
        on_progress=lambda done, of: told.append((done, of)),
    )
    assert told[-1][1] == 199
    first = found.clusters.iloc[0]
    assert first["p_value"] == pytest.approx(1 / 200)
    assert first["since"] >= pd.Timestamp("2026-02-16")
    assert first["until"] == pd.Timestamp("2026-02-23")
    assert math.dist((first["lon"], first["lat"]), (120.615, 30.795)) < 0.004
    assert first["observed"] >= 20 > 10 > first["expected"]
    assert found.significant == len(found.table) > 0
    assert (found.table["p_value"] < 0.05).all()
    assert (found.tests["cluster"] == 1).all()
    assert len(found.table) == first["cells"]
    assert "to 2026-02-22: " in found.table["reason"][0]
    assert found.verdict.startswith("1 cluster stands out")
    again = find_hotspots(
        tiny_town, LATE, method="scan", reports=outbreak, language="en", options=Options(replications=199)
    )
    pd.testing.assert_frame_equal(found.table, again.table)
    every = find_hotspots(
        tiny_town, LATE, method="scan", top=500, reports=outbreak, options=Options(replications=99)
    )
    assert len(every.table) > len(found.table)
    about = dict(found.about)
    assert "84 days" in about["Scan"]
    assert "extrapolation" in about["Random data sets"]
    assert export_hotspots(found, tmp_path / "scan.csv").stat().st_size > 300


def test_the_scan_of_the_list_is_that_of_the_analysis(tiny_town, outbreak):
    one = emerging_cluster(
        tiny_town, index_reports(outbreak, {}), ReportFilter(), datetime(2026, 2, 23), replications=99
    )
    found = find_hotspots(
        tiny_town, LATE, method="scan", reports=outbreak, options=Options(replications=99)
    ).clusters.iloc[0]
    assert (found["since"], found["until"]) == (one.since, one.until)
    assert (found["observed"], found["place"]) == (one.observed, one.place)
    assert found["expected"] == pytest.approx(one.expected)
    assert found["p_value"] == one.p_value


def test_a_cluster_that_is_over_is_found_only_looking_back(tiny_town, outbreak):
    longer = ReportFilter(period=Period(datetime(2025, 12, 1), datetime(2026, 4, 5)))
    later = outbreak.copy()
    rng = np.random.default_rng(9)
    later.loc[300:, "time"] = (
        np.datetime64("2025-12-01") + rng.integers(0, 125, 300).astype("timedelta64[D]")
    ).astype("datetime64[s]")
    now = find_hotspots(tiny_town, longer, method="scan", reports=later, options=Options(replications=99))
    back = find_hotspots(
        *(tiny_town, longer),
        method="scan",
        reports=later,
        options=Options(replications=99, retrospective=True, days=10),
    )
    assert now.significant == 0
    assert now.verdict.startswith("没有明显的聚集")
    assert len(now.table) == 0
    assert back.significant > 0
    assert back.clusters["until"].iloc[0] <= pd.Timestamp("2026-02-24")


def test_too_few_reports_are_not_scanned(tiny_town, outbreak):
    found = find_hotspots(tiny_town, LATE, method="scan", reports=outbreak.iloc[:29])
    assert found.verdict == "数据太少，不下结论（共 29 条，至少要 30 条）"
    assert (len(found.table), len(found.clusters)) == (0, 0)


# -- near repeats ------------------------------------------------------------------------------------


def test_near_repeats_without_a_category_say_what_to_do(tiny_town, reports):
    found = find_hotspots(tiny_town, ALL, method="near_repeat", reports=reports, language="en")
    assert found.verdict.startswith("Choose a category first")
    assert len(found.table) == 0


def test_cells_near_a_recent_report_are_listed_while_others_follow(tiny_town, reports):
    rng = np.random.default_rng(11)
    first = rng.integers(0, 170, 300)
    lon, lat = rng.uniform(120.602, 120.6295, 300), rng.uniform(30.782, 30.805, 300)
    days = np.concatenate([first, first + rng.integers(0, 6, 300)])
    chained = moved(
        reports,
        np.concatenate([lon, lon + rng.normal(0, 0.0003, 300)]),
        np.concatenate([lat, lat + rng.normal(0, 0.0003, 300)]),
        category="TH1",
        time=(np.datetime64("2025-09-01") + days.astype("timedelta64[D]")).astype("datetime64[s]"),
        time_until=NEVER,
    )
    found = find_hotspots(
        tiny_town, ReportFilter(categories=("TH1",)), method="near_repeat", resolution=10,
        reports=chained, language="en",
    )  # fmt: skip
    assert len(found.table) > 0
    assert (found.table["score"] > 1).all()
    assert found.table["p_value"].isna().all()
    assert "times as many follow as by chance" in found.table["reason"][0]
    assert "does not say that anything will happen" in " ".join(text for _, text in found.about)
    newest = chained["time"].max()
    recent = chained[chained["time"] > newest - pd.Timedelta(days=28)]
    for row in found.table.itertuples():
        metres = [
            h3.great_circle_distance((row.lat, row.lon), (y, x), unit="m")
            for x, y in zip(recent["lon"], recent["lat"], strict=True)
        ]
        assert min(metres) < 400 + 150  # the reach, and half a cell
