from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.spatial.cells import cells_of, disk
from pingan_geo.stats.forecasting.history import history_before, place_events, region_of

LON, LAT = 120.61, 30.80


@pytest.fixture
def region():
    return region_of(disk(cells_of([LON], [LAT], 9)[0], 3))


@pytest.fixture
def events(region):
    lon = [LON, LON + 0.003, LON, LON + 1.0]
    time = ["2026-03-04T10:00", "2026-03-01T06:00", "2026-03-08T00:00", "2026-03-02T00:00"]
    return place_events(region, lon, [LAT] * 4, np.array(time, dtype="datetime64[s]"))


def test_cells_of_two_resolutions_are_no_region():
    with pytest.raises(BadChoiceError):
        region_of(np.concatenate([cells_of([LON], [LAT], 9), cells_of([LON], [LAT], 8)]))


def test_no_cells_are_no_region():
    with pytest.raises(BadChoiceError):
        region_of(np.array([], dtype=np.uint64))


def test_places_and_times_must_be_equally_many(region):
    with pytest.raises(UnalignedIndexError):
        place_events(region, [LON], [LAT, LAT], np.array(["2026-01-01"], dtype="datetime64[s]"))


def test_a_report_without_a_time_is_refused(region):
    with pytest.raises(BadChoiceError):
        place_events(region, [LON], [LAT], np.array(["NaT"], dtype="datetime64[s]"))


def test_before_the_first_report_nothing_is_known(events):
    with pytest.raises(BadChoiceError):
        history_before(events, np.datetime64("2026-03-01T06:00"))


def test_reports_stand_in_order_of_time_and_outside_has_no_cell(events):
    assert events.time.astype(str).tolist() == [
        "2026-03-01T06:00:00",
        "2026-03-02T00:00:00",
        "2026-03-04T10:00:00",
        "2026-03-08T00:00:00",
    ]
    assert (events.cell >= 0).tolist() == [True, False, True, True]
    assert events.cell[2] == events.cell[3] != events.cell[0]


def test_the_origin_itself_is_not_known(events):
    history = history_before(events, np.datetime64("2026-03-08"))
    assert history.age_d.tolist() == [6.75, 6.0, 3 + 14 / 24]
    assert history.span_d == 7.0
    assert history.counts().sum() == 2
    assert history.counts(4.0).sum() == 1
    assert history.counts(newest_d=4.0).sum() == 1


def test_going_back_is_the_same_as_having_stood_there(events):
    late = history_before(events, np.datetime64("2026-03-09"))
    early = history_before(events, np.datetime64("2026-03-03"))
    back = late.before(6.0)
    assert back.origin == early.origin
    assert back.span_d == early.span_d
    assert back.age_d.tolist() == early.age_d.tolist()
    assert back.cell.tolist() == early.cell.tolist()
    with pytest.raises(BadChoiceError):
        late.before(8.0)
