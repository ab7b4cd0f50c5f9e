"""Rates of units: refused first, then every number by hand, and that no report is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pingan_geo.errors import BadChoiceError, NoLayerError, NoReportsError
from pingan_geo.i18n import translator
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import areas_m2, cells_covering, cells_of
from pingan_geo.spatial.grids import PolygonIndex, area_m2
from pingan_geo.stats.change import compare_periods
from pingan_geo.stats.rates import rate_interval
from pingan_geo.workflow.analysis import load_reporters
from pingan_geo.workflow.explore import EXPLORED, index_reports, load_reports
from pingan_geo.workflow.import_layers import import_layer
from pingan_geo.workflow.rate_words import about_rates, say_line, say_rates, say_totals
from pingan_geo.workflow.rates import EXPOSURES, UNITS, export_rates, listed, rate_table
from pingan_geo.workflow.towns import create_town

NOW = datetime(2026, 3, 1, 9)
WEST, SOUTH, STEP_LON, STEP_LAT = 120.60, 30.78, 0.0105, 0.009
VILLAGES = {"V1": 400, "V2": 200, "V3": None}  # V3 has not said how many households it has
ALL = ReportFilter()


def box(column, row, columns=1.0, rows=1.0):
    west, south = WEST + column * STEP_LON, SOUTH + row * STEP_LAT
    return shapely.box(west, south, west + columns * STEP_LON, south + rows * STEP_LAT)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Three villages in a row, an estate in the first, an empty one in the second, a tiny one in the third."""
    folder = tmp_path_factory.mktemp("rates")

    def write(name, shapes, **columns):
        gpd.GeoDataFrame(columns, geometry=shapes, crs=4326).to_file(folder / f"{name}.geojson")
        return folder / f"{name}.geojson"

    town = create_town(folder / "town", area=write("area", [box(0, 0, 3, 1)], code=["T"]), name="小镇")
    shapes = [box(column, 0) for column in range(3)]
    import_layer(
        town,
        "villages",
        write(
            "villages",
            shapes,
            code=list(VILLAGES),
            村名=["一村", "二村", "三村"],
            户数=list(VILLAGES.values()),
        ),
        now=NOW,
    )
    shapes = [box(0.2, 0.2, 0.3, 0.3), box(1.2, 0.2, 0.3, 0.3), box(2.2, 0.2, 0.02, 0.02)]
    estates = write("estates", shapes, code=["E1", "E2", "E3"], 户数=[100, 0, None])
    import_layer(town, "estates", estates, now=NOW)
    yield town
    town.close()


def made_index(town, rows):
    """Return the index and senders of rows (column, row, category, origin, sender, day)."""
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 6
    lon = WEST + np.asarray(columns[0], dtype=float) * STEP_LON
    lat = SOUTH + np.asarray(columns[1], dtype=float) * STEP_LAT
    size = len(rows)
    layer = town.layer("villages")
    text = {
        name: pd.Series([""] * size, dtype="str") for name, kind in EXPLORED.columns.items() if kind == "str"
    }
    time = pd.Series([datetime(2026, 1, 1) + timedelta(days=day) for day in columns[5]])
    reports = pd.DataFrame(
        {
            **text,
            "report_id": np.arange(size, dtype=np.int64),
            "batch_id": np.ones(size, dtype=np.int64),
            "time": time.astype("datetime64[s]"),
            "time_until": pd.Series([pd.NaT] * size, dtype="datetime64[s]"),
            "category": pd.Series(columns[2], dtype="str"),
            "origin": pd.Series(columns[3], dtype="str"),
            "lon": lon,
            "lat": lat,
            "cell": cells_of(lon, lat, 11),
            "village_id": pd.Series(
                PolygonIndex(layer["code"], layer.geometry).assign(lon, lat), dtype="str"
            ),
        }
    )
    return index_reports(reports[list(EXPLORED.columns)], {}), np.asarray(columns[4], dtype=object)


def rows_of(place, count, category="FR1", origin="reported", sender="", day=0):
    return [(place, 0.9, category, origin, sender, day)] * count


@pytest.fixture(scope="module")
def index(town):
    """48 reports in V1, 10 in V2, 5 in V3, 2 outside; 4 finds in V1; a few senders."""
    rows = (
        rows_of(0.9, 40, sender="")
        + rows_of(0.9, 3, sender="a")
        + rows_of(0.9, 1, sender="b")
        + [(0.3, 0.3, "FW1", "reported", "b", 3)] * 4
        + rows_of(1.9, 9, sender="a")
        + rows_of(1.9, 1, category="FW1", sender="c")
        + rows_of(2.9, 5)
        + rows_of(5.0, 2, sender="d")
        + rows_of(0.8, 4, origin="found", sender="p")
    )
    return made_index(town, rows)


def table(town, index, asked=ALL, **how):
    found, senders = index
    return rate_table(town, found, asked, **{"by": "village", "per": "household", "reporters": senders} | how)


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [
    {"by": "street"}, {"per": "head"}, {"by": "cell", "per": "household"}, {"per": "reporter", "reporters": None},
    {"by": "cell", "per": "km2", "resolution": 15}, {"per": "find", "asked": ReportFilter(origin="found")},
    {"per": "find", "asked": ReportFilter(origin="")},
])  # fmt: skip
def test_what_is_not_offered_is_refused(town, index, how):
    with pytest.raises(BadChoiceError):
        table(town, index, **how)


def test_polygons_that_the_town_does_not_have(town, index):
    with pytest.raises(NoLayerError, match="grids"):
        table(town, index, by="grid")


def test_nothing_reported(town, index):
    with pytest.raises(NoReportsError):
        table(town, index, ReportFilter(categories=("nothing",)))
    with pytest.raises(NoReportsError):
        table(town, made_index(town, []))


# -- by hand -----------------------------------------------------------------------------------------


def test_rates_per_household_by_hand(town, index):
    found = table(town, index)
    rows = found.table.set_index("code")
    assert (found.total, found.in_units, found.in_none, found.without_sender) == (65, 63, 2, 0)
    assert rows["count"].to_dict() == {"V1": 48, "V2": 10, "V3": 5}
    assert rows["rate"]["V1"] == pytest.approx(12)  # per 100
    assert rows["rate"]["V2"] == pytest.approx(5)
    assert found.mean == pytest.approx(100 * 58 / 600)
    assert rows["ratio"]["V1"] == pytest.approx(12 / (5800 / 600))
    low, high = rate_interval([48], [400])
    assert rows.loc["V1", ["low", "high"]].tolist() == pytest.approx([100 * low[0], 100 * high[0]])
    assert rows["share"].sum() == pytest.approx(1)
    assert rows["name"].to_dict() == {"V1": "一村", "V2": "二村", "V3": "三村"}


def test_unknown_households_are_unknown_and_never_none(town, index):
    found = table(town, index)
    row = found.table.set_index("code").loc["V3"]
    assert np.isnan([row["exposure"], row["rate"], row["low"], row["smoothed"], row["p_value"]]).all()
    assert (found.unknown, found.without, found.unrated) == (1, 0, 5)
    assert found.table["code"].iloc[-1] == "V3"
    assert "有 1 个村社不知道户数，不计算比率；那里有 5 条上报" in say_rates(found, translator("zh"))
    assert not found.weighted  # nobody knows where reports scattered over households would fall


def test_a_unit_without_households_has_no_rate_and_says_so(town, index):
    found = table(town, index, by="estate")
    rows = found.table.set_index("code")
    assert rows["count"].to_dict() == {"E1": 4, "E2": 0, "E3": 0}
    assert rows["exposure"].drop("E3").to_dict() == {"E1": 100, "E2": 0}
    assert np.isnan(rows["rate"]["E2"])
    assert (found.total, found.in_units, found.in_none, found.without) == (65, 4, 61, 1)
    assert found.untested == "alone"
    assert rows["name"].to_dict() == {"E1": "E1", "E2": "E2", "E3": "E3"}


def test_who_has_no_name_is_no_reporter_and_counted_apart(town, index):
    found = table(town, index, per="reporter")
    rows = found.table.set_index("code")
    assert found.without_sender == 45
    assert (found.in_units, found.in_none) == (18, 2)
    assert rows["exposure"].to_dict() == {"V1": 2, "V2": 2, "V3": 0}
    assert rows["count"].to_dict() == {"V1": 8, "V2": 10, "V3": 0}
    assert found.untested == "reporter"
    assert "不知上报人 45" in say_totals(found, translator("zh"))


def test_a_reporter_of_anything_is_a_reporter_also_for_a_question_about_one_kind(town, index):
    found = table(town, index, ReportFilter(categories=("FW1",)), per="reporter")
    rows = found.table.set_index("code")
    assert rows["exposure"].to_dict() == {"V1": 2, "V2": 2, "V3": 0}
    assert rows["count"].to_dict() == {"V1": 4, "V2": 1, "V3": 0}


def test_a_find_is_no_report_and_no_visit(town, index):
    found = table(town, index, per="find")
    row = found.table.set_index("code").loc["V1"]
    assert (row["count"], row["exposure"], row["rate"]) == (48, 4, 12)
    ratio = compare_periods([4], [48], length_before_d=1.0, length_after_d=1.0)
    assert [row["low"], row["high"]] == [ratio["ratio_low"].iloc[0], ratio["ratio_high"].iloc[0]]
    assert (found.without, found.untested, found.mean) == (2, "find", 12)
    assert found.table["smoothed"].isna().all()
    said = say_rates(found, translator("en"))
    assert "Visits of patrols are not recorded" in " ".join(said)


def test_rates_per_area_are_counts_by_area(town, index):
    found = table(town, index, per="km2")
    rows = found.table.set_index("code")
    for code, geometry in zip(rows.index, rows.geometry, strict=True):
        assert rows["exposure"][code] == pytest.approx(area_m2(geometry)[0] / 1e6, rel=1e-6)
        assert rows["rate"][code] == pytest.approx(rows["count"][code] / rows["exposure"][code])
    assert found.weighted
    assert not found.untested


def test_hexagons_are_those_of_the_whole_town(town, index):
    found = table(town, index, by="cell", per="km2", resolution=9)
    cells = cells_covering(town.area, 9)
    assert found.units == len(cells)
    assert found.mean == pytest.approx(63 / (areas_m2(cells).sum() / 1e6))
    assert (found.in_units, found.in_none, found.untested) == (63, 2, "cell")
    assert int(found.table["count"].sum()) == 63
    assert (found.table["count"] > 0).all()
    assert set(found.table["name"]) <= {"一村", "二村", "三村"} | set(found.table["code"])


def test_the_tail_is_that_of_poisson_and_few_reports_get_no_verdict(town, index):
    found = table(town, index)
    from scipy.stats import poisson

    rows = found.table.set_index("code")
    expected = {"V1": 400 * 58 / 600, "V2": 200 * 58 / 600}
    p = {
        code: 2 * min(poisson.sf(rows["count"][code] - 1, mean), poisson.cdf(rows["count"][code], mean))
        for code, mean in expected.items()
    }
    assert rows["expected"].drop("V3").to_dict() == pytest.approx(expected)
    assert rows["p_value"]["V2"] == pytest.approx(min(2 * p["V2"], p["V1"], 1))  # Benjamini-Hochberg of two
    assert set(rows["outside"]) == {""}
    few = table(town, index, ReportFilter(categories=("FW1",)))
    assert few.untested == "few"
    assert few.table["p_value"].isna().all()
    assert few.limits.empty
    assert say_rates(few, translator("zh"))[1] == "数据太少，不下结论（共 5 条，至少要 30 条）"


def test_who_is_far_above_is_named_with_its_side(town):
    found = table(town, made_index(town, rows_of(0.5, 40) + rows_of(1.5, 90)))
    rows = found.table.set_index("code")
    assert (rows["outside"]["V1"], rows["outside"]["V2"]) == ("below", "above")
    assert found.table["code"].tolist() == ["V2", "V1", "V3"]
    limits = found.limits.set_index("exposure")
    at = limits.index[np.argmin(np.abs(limits.index - 200))]
    assert rows["rate"]["V2"] > limits["high_0.998"][at] > limits["high_0.95"][at] > found.mean
    said = " ".join(say_rates(found, translator("en")))
    assert "2 of 2 villages differ" in said
    assert "1 above, 1 below" in said


def test_a_unit_with_few_reports_gets_no_verdict_and_scatter_follows_the_exposure(town):
    rows = [(0.3, 0.3, "FR1", "reported", "", 0)] * 400 + [(2.21, 0.21, "FR1", "reported", "", 0)] * 3
    found = table(town, made_index(town, rows), by="estate", per="km2")
    row = found.table.set_index("code").loc["E3"]
    assert row["ratio"] > 3  # three reports on next to nothing
    assert np.isnan(row["p_value"])
    assert row["outside"] == ""
    assert found.tested == 2
    # the tiny one gets next to no scattered report: of two equal ones the fuller has a little over half
    assert 0.5 < found.line.top_scattered < 0.55


def test_reports_where_nothing_is_known_do_not_test_the_others(town):
    found = table(town, made_index(town, rows_of(2.9, 40)))
    assert (found.mean, found.untested, found.unrated) == (0, "few", 40)
    assert "数据太少，不下结论（共 0 条，至少要 30 条）" in say_rates(found, translator("zh"))


def test_reports_and_finds_together_are_not_tested(town, index):
    found = table(town, index, ReportFilter(origin=""))
    assert (found.untested, found.total) == ("mixed", 69)
    assert found.table["p_value"].isna().all()


def test_limits_on_villages_give_way(town, index):
    limited = ReportFilter(villages=("V1",), grids=("G",))
    pd.testing.assert_frame_equal(table(town, index, limited).table, table(town, index).table)


def test_the_period_is_closed_by_the_reports(town, index):
    found = table(town, index)
    assert found.period == Period(datetime(2026, 1, 1), datetime(2026, 1, 5))
    short = table(town, index, ReportFilter(period=Period(datetime(2026, 1, 3), None)))
    assert short.total == 4


def test_concentration_by_hand(town, index):
    found = table(town, index, per="km2")
    assert (found.line.top_units, found.line.units, found.most) == (1, 3, 2)
    assert found.line.top_held == pytest.approx(48 / 63)
    assert found.line.top_scattered < 0.5
    said = say_line(found, translator("zh"))
    assert said[0] == "上报最多的 1 个村社（占 3 个的 33%）有 76% 的上报；80% 的上报在 2 个村社里"
    assert "实际比偶然更集中" in said[1]


def test_few_reports_are_no_more_concentrated_than_chance_has_them(town):
    found = table(town, made_index(town, rows_of(0.5, 1) + rows_of(1.5, 1)), per="km2")
    assert "no more concentrated than chance brings" in say_line(found, translator("en"))[1]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".geojson", ".gpkg", ".kml"])
@pytest.mark.parametrize(("by", "per"), [("village", "household"), ("cell", "find")])
def test_files(town, index, tmp_path, suffix, by, per):
    found = table(town, index, by=by, per=per)
    t = translator("zh")
    about = about_rates(found, "小镇", [("时段", "x")], t)
    file = export_rates(found, tmp_path / f"a{suffix}", notice="示意", about=about)
    assert file.stat().st_size > 300
    if suffix == ".csv":
        read = pd.read_csv(file, comment="#")
        assert len(read) == len(found.table)
        np.testing.assert_allclose(read["rate"], found.table["rate"])
        assert set(read["rate_per"]) == {"100 household" if per == "household" else "1 find"}
    assert "m2" not in listed(found).columns
    assert dict(about)["比率"]


def test_the_same_again(town, index):
    one, two = table(town, index), table(town, index)
    pd.testing.assert_frame_equal(one.table, two.table)
    assert one.line.top_high == two.line.top_high


# -- properties --------------------------------------------------------------------------------------

places = st.tuples(
    st.sampled_from([0.3, 0.9, 1.3, 1.9, 2.9, 5.0]),
    st.sampled_from([0.3, 0.9]),
    st.sampled_from(["FR1", "FW1"]),
    st.sampled_from(["reported", "found"]),
    st.sampled_from(["", "a", "b", "c"]),
    st.integers(0, 40),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(places, min_size=1, max_size=80),
    by=st.sampled_from([unit for unit in UNITS if unit != "grid"]),
    per=st.sampled_from(EXPOSURES),
)
def test_no_report_is_lost_and_smoothed_rates_lie_between_the_rate_and_the_mean(town, rows, by, per):
    if (by, per) == ("cell", "household"):
        per = "km2"
    index = made_index(town, rows)
    reported = sum(origin == "reported" for _, _, _, origin, _, _ in rows)
    if not reported:
        with pytest.raises(NoReportsError):
            table(town, index, by=by, per=per)
        return
    found = table(town, index, by=by, per=per)
    assert found.total == reported == found.in_units + found.in_none + found.without_sender
    assert int(found.table["count"].sum()) == found.in_units
    assert (found.table["rate"].isna() == ~(found.table["exposure"] > 0)).all()
    assert found.unrated == int(found.table.loc[found.table["rate"].isna(), "count"].sum())
    rated = found.table[found.table["rate"].notna()]
    assert ((rated["low"] <= rated["rate"] + 1e-9) & (rated["rate"] <= rated["high"] + 1e-9)).all()
    if per != "find" and len(rated):
        ends = np.sort(np.column_stack([rated["rate"], np.full(len(rated), found.mean)]), axis=1)
        assert (rated["smoothed"] >= ends[:, 0] - 1e-9).all()
        assert (rated["smoothed"] <= ends[:, 1] + 1e-9).all()
    assert (found.table["p_value"].isna() | found.table["p_value"].between(0, 1)).all()
    assert set(found.table["unusual"]) <= set(found.table["outside"]) | {""}


def test_the_demo_like_town_has_all_its_reports(tiny_town):
    index = index_reports(load_reports(tiny_town), tiny_town.settings.board_of)
    senders = load_reporters(tiny_town, index)
    for by in ("village", "grid"):
        for per in EXPOSURES:
            found = rate_table(tiny_town, index, ALL, by=by, per=per, reporters=senders)
            assert found.total == 600 == found.in_units + found.in_none + found.without_sender
    unknown = rate_table(tiny_town, index, replace(ALL), by="grid", per="household")
    assert (unknown.unknown, unknown.units, unknown.untested) == (9, 9, "alone")
    assert np.isnan(unknown.mean)


def test_who_lies_beyond_the_dashed_line_is_called_unusual(tiny_town):
    """A point drawn beyond the line with a sentence that says "none" would make both useless."""
    index = index_reports(load_reports(tiny_town), tiny_town.settings.board_of)
    seen = 0
    for category in ("FR1", "FW1", "RD1", "TH1"):
        found = rate_table(tiny_town, index, ReportFilter(categories=(category,)), by="grid", per="km2")
        tested = found.table[found.table["p_value"].notna()]
        line = np.interp(
            np.log(tested["exposure"]), np.log(found.limits["exposure"]), found.limits["high_usual"]
        )
        beyond = (tested["rate"] > line * 1.001).to_numpy()
        assert (tested["unusual"][beyond] == "above").all()
        assert (found.limits["high_usual"] > found.limits["high_0.95"]).all()
        seen += len(tested)
    assert seen
