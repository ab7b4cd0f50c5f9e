"""Alerts after a report: refused questions first, then a planted process, a scatter, and what must not leak."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadChoiceError, UnknownCategoryError
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import centres, parents, resolutions
from pingan_geo.workflow.alerts import MOST_EVENTS, near_repeat_alerts

START = datetime(2025, 9, 1)
PLANE = local_metres(120.61575, 30.7935)
THEFT = ReportFilter(categories=("TH1",))


def scatter(rng, size=300, days=180):
    return rng.uniform(-1400, 1400, size), rng.uniform(-1400, 1400, size), rng.integers(0, days, size)


def planted(rng, size=300, days=180):
    """Return mothers at random, half of them followed within 60 m and 4 days by another."""
    x, y, day = scatter(rng, size, days)
    half = size // 2
    return (
        np.concatenate([x, x[:half] + rng.uniform(-40, 40, half)]),
        np.concatenate([y, y[:half] + rng.uniform(-40, 40, half)]),
        np.concatenate([day, np.minimum(day[:half] + rng.integers(1, 5, half), days - 1)]),
    )


@pytest.fixture(scope="module")
def repeating(tiny_town, made_index):
    return made_index(tiny_town, *planted(np.random.default_rng(1)))


# -- refused, or nothing said ------------------------------------------------------------------------


def test_what_does_not_exist_is_refused(tiny_town, repeating):
    with pytest.raises(UnknownCategoryError, match="XX9"):
        near_repeat_alerts(tiny_town, repeating, ReportFilter(categories=("XX9",)), resolution=10)
    with pytest.raises(BadChoiceError, match="resolution"):
        near_repeat_alerts(tiny_town, repeating, THEFT, resolution=tiny_town.settings.finest + 1)


def test_without_a_category_nothing_is_measured(tiny_town, repeating):
    found = near_repeat_alerts(tiny_town, repeating, ReportFilter(), resolution=10, language="en")
    assert found.table.empty
    assert found.reach is None
    assert found.sentence.startswith("Choose a category first")


def test_reports_and_finds_are_not_tested_together(tiny_town, made_index):
    x, y, day = planted(np.random.default_rng(1))
    origin = np.where(np.arange(len(x)) % 5, "reported", "found")
    index = made_index(tiny_town, x, y, day, origin=origin)
    both = near_repeat_alerts(tiny_town, index, replace(THEFT, origin=""), resolution=10, language="en")
    assert both.table.empty
    assert both.sentence.startswith("Not tested: reports and finds")
    assert near_repeat_alerts(tiny_town, index, THEFT, resolution=10).of_all == int(
        (origin == "reported").sum()
    )


def test_too_few_reports_get_no_verdict(tiny_town, made_index):
    x, y, day = planted(np.random.default_rng(1), size=18)
    found = near_repeat_alerts(tiny_town, made_index(tiny_town, x, y, day), THEFT, resolution=10)
    assert len(x) == 27
    assert found.table.empty
    assert "数据太少,不下结论" in found.sentence.replace("，", ",")


def test_a_scatter_gives_no_alert(tiny_town, made_index):
    reaches = []
    for seed in range(40):
        index = made_index(tiny_town, *scatter(np.random.default_rng(seed)))
        found = near_repeat_alerts(tiny_town, index, THEFT, resolution=10, language="en")
        reaches.append(found.reach)
        assert found.reach is not None or (found.table.empty and found.sentence.startswith("No alert:"))
    # at 5 % two of forty are to be expected; six or more come in 1.4 %
    assert sum(reach is not None for reach in reaches) < 6


# -- a planted process ---------------------------------------------------------------------------------


def test_a_planted_process_is_found_and_its_alerts_lie_where_it_struck(tiny_town, repeating):
    found = near_repeat_alerts(tiny_town, repeating, THEFT, resolution=10, language="en")
    assert found.reach is not None
    assert found.reach.radius_m == 100
    assert found.reach.days == 7
    assert found.measured == found.of_all == 450
    assert found.today == date(2026, 2, 27)
    recent = np.flatnonzero(repeating.time >= np.datetime64("2026-02-21", "s").astype(np.int64))
    assert found.open_events == len(recent) > 5
    own = parents(repeating.reports["cell"].to_numpy()[recent], 10)
    drawn = found.table.set_index("cell")
    # a cell is 66 m to its rim, so that only a report's own cell is within 100 m of its middle
    assert set(drawn.index) == set(own)
    assert int(drawn["events"].sum()) == len(recent)
    last = pd.Series(repeating.time[recent] // 86_400).groupby(own).max()
    until = pd.to_datetime((last + 7) * 86_400, unit="s")
    assert (drawn["until"] == until.reindex(drawn.index)).all()
    # half of 300 mothers are followed, so that pairs are several times as frequent
    assert drawn["factor"].between(3, 200).all()
    assert drawn["factor"].iloc[0] == pytest.approx(found.reach.ratio)
    assert "Within 100 m and 7 days" in found.sentence
    assert f"{len(recent)} are so recent: {len(drawn)} cells" in found.sentence


def test_alerts_expire_day_by_day(tiny_town, made_index):
    """One report in one place; the day moves on by reports elsewhere, of another kind."""
    alive = []
    for after in range(10):
        until = datetime(2026, 2, 28) + timedelta(days=after)
        x, y, day = planted(np.random.default_rng(1))
        index = made_index(
            tiny_town,
            np.append(x, 1000.0),
            np.append(y, 1000.0),
            np.append(day, 179 + after),
            category=np.append(np.full(len(x), "TH1"), "FR1"),
        )
        found = near_repeat_alerts(tiny_town, index, THEFT, resolution=10)
        assert found.today == (until - timedelta(days=1)).date()
        assert (found.table["until"] > pd.Timestamp(found.today)).all()
        alive.append(found.open_events)
    assert alive[0] > 5
    assert alive == sorted(alive, reverse=True)
    assert alive[7:] == [0, 0, 0]


def test_a_period_that_is_over_has_the_alerts_of_its_last_day(tiny_town, repeating):
    then = replace(THEFT, period=Period(datetime(2026, 1, 25), datetime(2026, 2, 1)))
    found = near_repeat_alerts(tiny_town, repeating, then, resolution=10)
    assert found.today == date(2026, 1, 31)
    assert found.measured == int((repeating.time < np.datetime64("2026-02-01", "s").astype(np.int64)).sum())
    assert len(found.table)
    assert found.table["until"].between("2026-02-01", "2026-02-07").all()


def test_the_reach_is_the_whole_towns_and_alerts_are_of_the_villages_asked_for(tiny_town, made_index):
    x, y, day = planted(np.random.default_rng(1))
    index = made_index(tiny_town, x, y, day)
    part = near_repeat_alerts(tiny_town, index, replace(THEFT, villages=("330411104001",)), resolution=10)
    whole = near_repeat_alerts(tiny_town, index, THEFT, resolution=10)
    assert part.measured == whole.measured == 450
    assert part.reach == whole.reach
    assert 0 < part.open_events < whole.open_events
    assert set(part.table["cell"]) < set(whole.table["cell"])


# -- what must not leak, and what must not wait --------------------------------------------------------


def test_private_alerts_are_cells_of_the_patrols_and_the_same_wherever_in_its_cell_it_was(
    tiny_town, made_index
):
    assert next(one for one in tiny_town.settings.categories if one.code == "TH1").private
    x, y, day = planted(np.random.default_rng(1))
    index = made_index(tiny_town, x, y, day)
    fine = near_repeat_alerts(tiny_town, index, THEFT, resolution=11)
    assert fine.resolution == tiny_town.settings.patrol_resolution == 10
    assert set(resolutions(fine.table["cell"])) == {10}
    # a recent report is moved within its cell: the alerts must not tell
    middle_x, middle_y = PLANE.forward(*centres(parents(index.reports["cell"].to_numpy(), 10)))
    recent = index.time >= np.datetime64("2026-02-21", "s").astype(np.int64)
    at_x, at_y = PLANE.forward(index.reports["lon"].to_numpy(), index.reports["lat"].to_numpy())
    moved = made_index(
        tiny_town,
        np.where(recent, middle_x, at_x),
        np.where(recent, middle_y, at_y),
        (index.time - np.datetime64(START, "s").astype(np.int64)) / 86_400,
    )
    other = near_repeat_alerts(tiny_town, moved, THEFT, resolution=10)
    assert other.reach.radius_m == fine.reach.radius_m
    assert set(other.table["cell"]) == set(fine.table["cell"])
    # what is not private is as fine as asked
    open_index = made_index(tiny_town, x, y, day, category="RD1")
    road = near_repeat_alerts(tiny_town, open_index, ReportFilter(categories=("RD1",)), resolution=11)
    assert set(resolutions(road.table["cell"])) == {11}
    # of several kinds at once the private one decides
    both = near_repeat_alerts(tiny_town, index, replace(THEFT, categories=("TH1", "RD1")), resolution=11)
    assert both.resolution == 10


def test_only_the_newest_are_measured(tiny_town, made_index):
    x, y, day = scatter(np.random.default_rng(3), size=MOST_EVENTS + 500)
    found = near_repeat_alerts(tiny_town, made_index(tiny_town, x, y, day), THEFT, resolution=9)
    assert found.measured == MOST_EVENTS
    assert found.of_all == MOST_EVENTS + 500


def test_the_same_seed_gives_the_same(tiny_town, repeating):
    first, again = (near_repeat_alerts(tiny_town, repeating, THEFT, resolution=9, seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(first.table, again.table)
    assert first.sentence == again.sentence
