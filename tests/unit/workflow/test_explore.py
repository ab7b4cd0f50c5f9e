"""The index answers as the plain functions do, every report is accounted for, and nothing is guessed."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.errors import BadChoiceError, BadTableError
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.model.tables import REPORTS
from pingan_geo.spatial.cells import cells_of, disk, parents
from pingan_geo.stats.aoristic import hour_weekday
from pingan_geo.stats.breaks import class_of
from pingan_geo.stats.counts import count_by_cell, count_by_polygon
from pingan_geo.stats.filters import select
from pingan_geo.workflow.explore import (
    explore,
    index_reports,
    look_into,
    loosen,
    parse_cell,
    see_density,
)

BOARD_OF = {"FW1": "home", "TH1": "home", "RD1": "commerce"}
GRIDS, VILLAGES = ["g1", "g2", "g3"], ["v1", "v2"]
START = datetime(2026, 1, 1)


def made_up(count: int, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    time = np.datetime64(START, "s") + rng.integers(0, 200 * 86400, count).astype("timedelta64[s]")
    dated, parted = np.split(rng.random((2, count)) < 0.2, 2)
    dated, parted = dated[0], parted[0] & ~dated[0]  # only the day is known, or only its quarter
    time[dated] = time[dated].astype("datetime64[D]")
    time[parted] -= time[parted].astype(np.int64) % (6 * 3600)
    length = np.where(dated, 86400, 6 * 3600).astype("timedelta64[s]")
    until = np.where(dated | parted, time + length, np.datetime64("NaT"))
    order = np.argsort(time, kind="stable")
    time, until = time[order], until[order]
    lon, lat = 120.60 + rng.normal(0, 0.01, count), 30.79 + rng.normal(0, 0.01, count)
    cell = cells_of(lon, lat, 11)
    cell[rng.random(count) < 0.05] = 0
    table = {
        "report_id": np.arange(count),
        "batch_id": rng.integers(1, 4, count),
        "row_number": np.arange(count),
        "source": rng.choice(["a", "b"], count),
        "source_id": [""] * count,
        "category": rng.choice(["FW1", "TH1", "RD1", "new"], count),
        "time": time,
        "time_until": until,
        "lon": lon,
        "lat": lat,
        "datum": ["wgs84"] * count,
        "datum_known_by": ["stated"] * count,
        "level": ["point"] * count,
        "radius_m": np.full(count, np.nan),
        "origin": rng.choice(["reported", "found"], count, p=[0.9, 0.1]),
        "reporter": [""] * count,
        "place": [""] * count,
        "description": [""] * count,
        "stated_grid": [""] * count,
        "extra": [""] * count,
        "merged_into": np.zeros(count),
        "cell": cell,
        "grid_id": rng.choice(["", "g1", "g2", "gone"], count),
        "village_id": rng.choice(["", "v1", "v2"], count),
        "beat_id": [""] * count,
    }
    return REPORTS.check(pd.DataFrame(table).astype(REPORTS.columns))


REPORTED = made_up(3000)
INDEX = index_reports(REPORTED, BOARD_OF)


def test_a_table_of_another_kind_is_refused():
    with pytest.raises(BadTableError):
        index_reports(REPORTED.drop(columns="cell"), {})


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("cell", "nonsense"),
        ("cell", "8a309a8b2c07fff"),
        ("cell", ""),
        ("cell", "ffffffffffffffff"),
        ("street", "x"),
    ],
)
def test_a_place_that_is_none_is_refused(kind, code):
    view = explore(INDEX, ReportFilter(), resolution=9)
    with pytest.raises(BadChoiceError):
        look_into(INDEX, view, kind, code)


def test_no_reports_give_an_empty_answer():
    index = index_reports(REPORTS.empty(), BOARD_OF)
    view = explore(index, ReportFilter(), resolution=9, grids=GRIDS, villages=VILLAGES)
    assert (view.total, view.of_all, view.in_cells, view.without_cell) == (0, 0, 0, 0)
    assert view.grids["count"].tolist() == [0, 0, 0]
    assert len(view.trend) == 0
    assert index.newest is None


def test_a_limit_that_nothing_fits_gives_an_empty_answer():
    view = explore(INDEX, ReportFilter(categories=("nothing",)), resolution=9, grids=GRIDS)
    assert (view.total, len(view.cells), view.grids["count"].sum()) == (0, 0, 0)


def some_of(values):
    return st.lists(st.sampled_from(values), unique=True, max_size=len(values)).map(tuple)


days = st.one_of(st.none(), st.integers(-5, 205).map(lambda day: START + timedelta(days=day, microseconds=1)))
filters = st.builds(
    ReportFilter,
    categories=some_of(["FW1", "TH1", "RD1", "new", "absent"]),
    boards=some_of(["home", "commerce", "enterprise"]),
    period=st.builds(Period, since=days, until=days),
    hours=some_of(list(range(24))),
    weekdays=some_of(list(range(7))),
    villages=some_of(["v1", "v2", "v9"]),
    grids=some_of(["g1", "g3", "gone"]),
    sources=some_of(["a", "b"]),
    origin=st.sampled_from(["", "reported", "found"]),
    batch=st.sampled_from([None, 1, 9]),
)


@settings(max_examples=60, deadline=None)
@given(filters)
def test_the_index_selects_as_the_plain_filter_does(asked):
    np.testing.assert_array_equal(INDEX.select(asked), select(REPORTED, asked, BOARD_OF))


@settings(max_examples=20, deadline=None)
@given(filters, st.sampled_from([7, 9, 10, 11]))
def test_every_report_that_fits_is_accounted_for(asked, resolution):
    view = explore(INDEX, asked, resolution=resolution, grids=GRIDS, villages=VILLAGES)
    chosen = REPORTED[view.fits]
    assert view.in_cells + view.without_cell == view.total == len(chosen)
    assert view.cells["count"].sum() == view.in_cells
    assert view.grids["count"].sum() + view.without_grid == view.total
    assert view.villages["count"].sum() + view.without_village == view.total
    hours = view.hours
    assert hours.known + hours.spread + hours.unknown == view.total
    assert hours.counts.sum() + hours.unknown == pytest.approx(view.total)
    assert view.categories["count"].sum() == view.total
    assert view.trend["count"].sum() == view.total
    counts = count_by_cell(chosen["cell"].to_numpy(), resolution)
    pd.testing.assert_frame_equal(view.cells.reset_index(drop=True), counts)
    by_grid, outside = count_by_polygon(chosen["grid_id"], GRIDS)
    pd.testing.assert_frame_equal(view.grids, by_grid)
    assert outside == view.without_grid
    plainly = hour_weekday(chosen["time"], chosen["time_until"])
    np.testing.assert_array_equal(hours.counts, plainly.counts)
    assert (hours.known, hours.spread, hours.unknown) == (plainly.known, plainly.spread, plainly.unknown)


def test_the_same_number_is_in_the_same_class_in_every_view():
    whole = explore(INDEX, ReportFilter(), resolution=7)
    part = explore(INDEX, ReportFilter(categories=("FW1",)), resolution=11)
    shared = min(len(whole.cell_breaks), len(part.cell_breaks))
    assert whole.cell_breaks[:shared].tolist() == part.cell_breaks[:shared].tolist()
    for view in (whole, part):
        found = np.searchsorted(view.cell_breaks, view.cells["count"], side="right") - 1
        np.testing.assert_array_equal(found, class_of(view.cells["count"]))


def test_what_lies_in_a_cell():
    view = explore(INDEX, ReportFilter(origin=""), resolution=9)
    cell = view.cells.sort_values("count")["cell"].iloc[-1]
    place = look_into(INDEX, view, "cell", f"{int(cell):x}", limit=10)
    inside = REPORTED[parents(REPORTED["cell"].to_numpy(), 9) == cell]
    assert (place.total, place.shown) == (len(inside), 10)
    assert place.reports["time"].is_monotonic_decreasing
    assert place.reports["report_id"].iloc[0] == inside["report_id"].iloc[-1]
    assert place.hours.counts.sum() + place.hours.unknown == pytest.approx(place.total)
    around = {f"{int(one):x}" for one in disk(cell, 1)} - {f"{int(cell):x}"}
    assert set(place.neighbours["code"]) == around
    by_cell = dict(zip(view.cells["cell"], view.cells["count"], strict=True))
    assert {code: by_cell.get(int(code, 16), 0) for code in around} == dict(
        zip(place.neighbours["code"], place.neighbours["count"], strict=True)
    )


def test_a_cell_without_reports_can_be_looked_into():
    view = explore(INDEX, ReportFilter(), resolution=9)
    far = cells_of(np.array([0.0]), np.array([51.0]), 9)[0]
    place = look_into(INDEX, view, "cell", f"{int(far):x}")
    assert (place.total, place.shown, place.neighbours["count"].sum()) == (0, 0, 0)
    assert parse_cell(f"{int(far):x}", 9) == far


def test_what_lies_in_a_grid_is_what_the_map_counts_there():
    view = explore(INDEX, ReportFilter(), resolution=9, grids=GRIDS)
    for code, count in zip(view.grids["code"], view.grids["count"], strict=True):
        assert look_into(INDEX, view, "grid", code).total == count


def test_an_hour_that_is_not_known_is_in_no_hour():
    view = explore(INDEX, ReportFilter(hours=tuple(range(24)), origin=""), resolution=9)
    dated = REPORTED["time_until"] - REPORTED["time"] == pd.Timedelta(days=1)
    assert 0 < view.total == len(REPORTED) - dated.sum() < len(REPORTED)
    assert view.hours.unknown == 0


def test_a_part_of_the_day_fits_hours_that_hold_all_of_it():
    parted = (REPORTED["time_until"] - REPORTED["time"] == pd.Timedelta(hours=6)).to_numpy()
    afternoon = parted & (REPORTED["time"].dt.hour == 12).to_numpy()
    view = explore(INDEX, ReportFilter(hours=(12, 13, 14, 15, 16, 17), origin=""), resolution=9)
    assert 0 < view.hours.spread == afternoon.sum() == (view.fits & parted).sum()
    assert view.hours.counts[:, 12:18].sum() == pytest.approx(view.total)
    shorter = explore(INDEX, ReportFilter(hours=(12, 13, 14, 15, 16), origin=""), resolution=9)
    assert shorter.hours.spread == 0


def test_the_density_adds_up_to_the_reports():
    view = explore(INDEX, ReportFilter(origin=""), resolution=9)
    surface = see_density(INDEX, view, (120.50, 30.69, 120.70, 30.89))
    assert surface.n == view.total
    total = (surface.values * np.asarray(surface.cell_areas_km2())[:, None]).sum()
    assert total == pytest.approx(view.total, rel=0.01)


def test_asking_changes_nothing():
    before = REPORTED.copy(deep=True)
    explore(INDEX, ReportFilter(hours=(3,)), resolution=9, grids=GRIDS)
    pd.testing.assert_frame_equal(REPORTED, before)


def test_what_a_question_would_find_without_each_limit():
    asked = ReportFilter(categories=("FW1",), hours=(3,), grids=("absent",))
    helping = dict(loosen(INDEX, asked))
    assert set(helping) == {"categories", "hours", "grids", "origin"}
    assert helping["grids"] == INDEX.select(ReportFilter(categories=("FW1",), hours=(3,))).sum() > 0
    assert helping["hours"] == helping["categories"] == 0
    assert loosen(INDEX, ReportFilter(origin="")) == ()
