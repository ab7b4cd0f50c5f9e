"""The numbers of reports do not change: not with chunks, not with time, not with the library."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pingan_geo.intake.identity import Occurrences, SeenKeys, content_keys, report_ids, source_keys


def reports(**changes):
    row = {
        "source": "驿站",
        "source_id": "A1",
        "category": "FW1",
        "time": pd.Timestamp("2025-07-03 14:05:00"),
        "time_until": pd.NaT,
        "lon": 120.61,
        "lat": 30.80,
        "datum_known_by": "stated",
        "place": "北街",
        "description": "三楼飞线",
    } | changes
    table = pd.DataFrame([row])
    for name in ("source", "source_id", "category", "datum_known_by", "place", "description"):
        table[name] = table[name].astype("str")
    for name in ("time", "time_until"):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[s]")
    return table


def test_numbers_are_fixed_for_ever():
    """A town's reports would not be known again if these changed: never adapt the values to the code."""
    keys = content_keys(reports())
    assert report_ids(keys, np.array([0])).tolist() == [2632777475801908140]
    assert report_ids(keys, np.array([1])).tolist() == [423701324311823269]
    assert source_keys(reports()).tolist() == [8785670976152076134]


def test_any_field_changes_the_number():
    same = content_keys(reports())[0]
    changes = [
        {"source": "x"},
        {"source_id": "A2"},
        {"category": "RD1"},
        {"time": pd.Timestamp("2025-07-03 14:05:01")},
        {"time_until": pd.Timestamp("2025-07-04")},
        {"lon": 120.6100001},
        {"lat": 30.8000001},
        {"place": "南街"},
        {"description": ""},
        {"source": "A1", "source_id": "驿站"},
        {"place": "三楼飞线", "description": "北街"},
    ]
    keys = {int(content_keys(reports(**change))[0]) for change in changes}
    assert len(keys) == len(changes)
    assert int(same) not in keys
    assert content_keys(reports(lon=120.61 + 1e-9))[0] == same


def test_where_the_town_knows_the_words_to_be_does_not_change_the_number():
    """Or a ledger that comes again after the gazetteer was mended would be counted twice."""
    known = content_keys(reports(datum_known_by="gazetteer"))
    assert (content_keys(reports(datum_known_by="gazetteer", lon=120.7, lat=30.7)) == known).all()
    assert (content_keys(reports(datum_known_by="gazetteer", place="南街")) != known).all()


def test_report_without_number_has_no_source_key():
    assert source_keys(reports(source_id="")).tolist() == [0]


def test_occurrences_do_not_depend_on_chunks():
    keys = np.array([5, 5, 7, 5, 7, 9, 5], dtype=np.uint64)
    counted = np.array([True, True, True, True, True, True, False])
    whole = Occurrences().count(keys, counted)
    parts = Occurrences()
    split = np.concatenate([parts.count(keys[:2], counted[:2]), parts.count(keys[2:], counted[2:])])
    assert whole.tolist() == split.tolist() == [0, 1, 0, 2, 1, 0, 0]


def test_seen_keys():
    seen = SeenKeys(np.array([2, 4], dtype=np.int64))
    seen.add(np.array([9, 3], dtype=np.int64))
    assert seen.stored(np.array([2, 3, 9])).tolist() == [True, False, False]
    assert seen.met(np.array([2, 3, 9])).tolist() == [False, True, True]
    assert SeenKeys(np.empty(0, dtype=np.int64)).stored(np.array([1])).tolist() == [False]
