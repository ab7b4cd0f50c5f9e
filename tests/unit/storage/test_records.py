"""What is put in comes out again, in order and with its types; what is taken back is gone."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy.exc import IntegrityError

from pingan_geo.errors import BadTableError, BatchNotFoundError
from pingan_geo.model.tables import FEATURES, HELD_ROWS, REPORTS
from pingan_geo.storage import records
from pingan_geo.storage.tables import PROVENANCE, ZONE

UNDONE_AT = datetime(2025, 7, 2, 9, 0)


def in_order(table):
    return table.sort_values(["time", "report_id"], ignore_index=True)


def features(*rows):
    """Rows of (feature_id, name, lon)."""
    table = pd.DataFrame(
        [(key, name, "", lon, 30.8, 5, "G1", "V1", json.dumps({"岗长": name})) for key, name, lon in rows],
        columns=list(FEATURES.columns),
    )
    return table.astype(dict(FEATURES.columns))


def held(count):
    rows = [("", number + 2, "no_place", "", '{"地点": "北街"}') for number in range(count)]
    return pd.DataFrame(rows, columns=list(HELD_ROWS.columns)).astype(dict(HELD_ROWS.columns))


# -- refused -----------------------------------------------------------------------------------------


def test_reports_without_source_key_are_refused(store, make_reports):
    with pytest.raises(BadTableError, match="source_key"), store.begin() as connection:
        records.insert_reports(connection, make_reports(2).drop(columns="source_key"))


def test_reports_of_other_types_are_refused(store, make_reports):
    with pytest.raises(BadTableError, match="cell"), store.begin() as connection:
        records.insert_reports(connection, make_reports(2).astype({"cell": "int64"}))


def test_same_report_is_never_stored_twice(store, begin_batch, make_reports):
    with store.begin() as connection:
        table = make_reports(50, batch_id=begin_batch(connection))
        records.insert_reports(connection, table)
    with pytest.raises(IntegrityError), store.begin() as connection:
        records.insert_reports(connection, table.iloc[[7]])


def test_unknown_column_is_refused(store):
    with pytest.raises(BadTableError, match="colour"), store.read() as connection:
        records.read_reports(connection, ["time", "colour"])


def test_undoing_what_is_not_there_or_undone_is_refused(store, begin_batch):
    with pytest.raises(BatchNotFoundError), store.begin() as connection:
        records.undo_batch(connection, 5, UNDONE_AT)
    with pytest.raises(BatchNotFoundError), store.begin() as connection:
        records.finish_batch(connection, 5, "{}")
    with store.begin() as connection:
        batch = begin_batch(connection)
        assert records.undo_batch(connection, batch, UNDONE_AT) == 0
    with pytest.raises(BatchNotFoundError), store.begin() as connection:
        records.undo_batch(connection, batch, UNDONE_AT)


def test_feature_that_stands_twice_is_refused(store, begin_batch):
    twice = features(("P1", "甲", 120.6), ("P1", "乙", 120.7))
    with pytest.raises(BadTableError, match="twice"), store.begin() as connection:
        records.insert_features(connection, "posts", begin_batch(connection), twice)


# -- reports -----------------------------------------------------------------------------------------


def test_nothing_stored_is_a_table_without_rows(store):
    with store.read() as connection:
        assert_frame_equal(records.read_reports(connection), REPORTS.empty())
        assert [len(keys) for keys in records.existing_keys(connection)] == [0, 0]
        assert len(records.read_batches(connection)) == 0
        assert_frame_equal(records.read_features(connection, "posts"), FEATURES.empty())
        assert list(HELD_ROWS.check(records.read_held(connection)).columns) == [
            *HELD_ROWS.columns,
            *("batch_id", "kind", "file_name", "source", "held_id", "dismissed_at"),
        ]


def test_reports_come_back_as_they_went_in(store, begin_batch, make_reports):
    with store.begin() as connection:
        table = make_reports(7_003, batch_id=begin_batch(connection))  # more than one slab, the last not full
        records.insert_reports(connection, table.iloc[:3_000])
        records.insert_reports(connection, table.iloc[3_000:])
    with store.read() as connection:
        found = records.read_reports(connection)
    assert_frame_equal(REPORTS.check(found), in_order(table[list(REPORTS.columns)]))


def test_inserting_changes_nothing_in_the_callers_table(store, begin_batch, make_reports):
    with store.begin() as connection:
        table = make_reports(100, batch_id=begin_batch(connection))
        before = table.copy(deep=True)
        records.insert_reports(connection, table)
    assert_frame_equal(table, before)


def test_some_columns_of_one_import(store, begin_batch, make_reports):
    with store.begin() as connection:
        first = make_reports(60, batch_id=begin_batch(connection))
        second = make_reports(40, batch_id=begin_batch(connection), seed=2)
        records.insert_reports(connection, first)
        records.insert_reports(connection, second)
    with store.read() as connection:
        found = records.read_reports(
            connection, ["village_id", "cell", "datum"], batch_id=second["batch_id"][0]
        )
        everything = records.read_reports(connection, ["report_id"])
    assert_frame_equal(found, in_order(second)[["village_id", "cell", "datum"]])
    assert len(everything) == 100


def test_ties_in_time_are_ordered_by_number(store, begin_batch, make_reports):
    with store.begin() as connection:
        table = make_reports(500, batch_id=begin_batch(connection))
        table["time"] = table["time"].to_numpy()[0]
        records.insert_reports(connection, table)
        found = records.read_reports(connection)
    assert found["report_id"].is_monotonic_increasing


def test_shared_words_stand_once(store, begin_batch, make_reports):
    with store.begin() as connection:
        table = make_reports(4_000, batch_id=begin_batch(connection))
        records.insert_reports(connection, table.iloc[:2_500])
        records.insert_reports(connection, table.iloc[2_500:])
        words = ["source", "datum", "datum_known_by", "level", "origin"]
        stored = connection.execute(PROVENANCE.select()).all()
        assert len(stored) == len(table[words].drop_duplicates())
        zones = connection.execute(ZONE.select()).all()
        assert len(zones) == len(table[["grid_id", "village_id", "beat_id"]].drop_duplicates())


def test_existing_keys_are_sorted_and_without_zero(store, begin_batch, make_reports):
    with store.begin() as connection:
        table = make_reports(3_000, batch_id=begin_batch(connection))
        table.loc[:9, "source_key"] = 0
        records.insert_reports(connection, table)
        reports, sources = records.existing_keys(connection)
    np.testing.assert_array_equal(reports, np.sort(table["report_id"]))
    np.testing.assert_array_equal(sources, np.sort(table["source_key"][10:]))


def test_new_placing_changes_the_polygons_and_nothing_else(store, begin_batch, make_reports):
    with store.begin() as connection:
        table = make_reports(5_000, batch_id=begin_batch(connection))
        records.insert_reports(connection, table)
    moved = table.iloc[::2]
    with store.begin() as connection:
        new = [f"G{number % 7}" for number in range(len(moved))]
        records.update_placing(connection, moved["report_id"], new, ["V9"] * len(moved), [""] * len(moved))
    expected = table.set_index("report_id")
    expected.loc[moved["report_id"], "grid_id"] = new
    expected.loc[moved["report_id"], "village_id"] = "V9"
    expected.loc[moved["report_id"], "beat_id"] = ""
    with store.read() as connection:
        found = records.read_reports(connection)
    assert_frame_equal(found, in_order(expected.reset_index())[list(REPORTS.columns)])


def test_times_are_text_that_any_tool_reads(store, begin_batch, make_reports):
    with store.begin() as connection:
        table = make_reports(1, batch_id=begin_batch(connection))
        table["time"] = np.array(["2025-03-09T02:30:00"], dtype="datetime64[s]")
        records.insert_reports(connection, table)
        assert connection.exec_driver_sql("SELECT time FROM report").scalar() == "2025-03-09 02:30:00"


# -- imports -----------------------------------------------------------------------------------------


def test_imports_are_listed_newest_first(store, begin_batch):
    with store.begin() as connection:
        first = begin_batch(connection)
        second = begin_batch(
            connection, kind="posts", name="岗.xlsx", at=datetime(2025, 7, 1, 9, 0, 1, 999_999)
        )
        records.finish_batch(connection, first, '{"read": 3}')
        records.undo_batch(connection, first, UNDONE_AT)
    with store.read() as connection:
        found = records.read_batches(connection)
    assert found["batch_id"].tolist() == [second, first]
    assert found["imported_at"].tolist() == [
        pd.Timestamp(2025, 7, 1, 9, 0, 1),
        pd.Timestamp(2025, 7, 1, 8, 30),
    ]
    assert found["undone_at"].isna().tolist() == [True, False]
    assert found["receipt"].tolist() == ["", '{"read": 3}']
    assert found["file_name"].tolist() == ["岗.xlsx", "台账.csv"]


def test_same_file_is_found_until_it_is_taken_back(store, begin_batch):
    with store.begin() as connection:
        batch = begin_batch(connection, sha="ab")
        assert records.find_batch_by_sha256(connection, "reports", "ab")["batch_id"] == batch
        assert records.find_batch_by_sha256(connection, "reports", "ab")["imported_at"] == datetime(
            2025, 7, 1, 8, 30
        )
        assert records.find_batch_by_sha256(connection, "posts", "ab") is None
        assert records.find_batch_by_sha256(connection, "reports", "cd") is None
        records.undo_batch(connection, batch, UNDONE_AT)
        assert records.find_batch_by_sha256(connection, "reports", "ab") is None


def test_number_of_an_import_is_never_given_again(store, begin_batch):
    with store.begin() as connection:
        first = begin_batch(connection)
        connection.exec_driver_sql("DELETE FROM batch")
        assert begin_batch(connection) > first


def test_undo_takes_back_one_import_and_only_that(store, begin_batch, make_reports):
    with store.begin() as connection:
        kept, undone = begin_batch(connection), begin_batch(connection)
        records.insert_reports(connection, make_reports(30, batch_id=kept))
        records.insert_reports(connection, make_reports(20, batch_id=undone, seed=2))
        records.insert_held(connection, kept, held(3))
        records.insert_held(connection, undone, held(4))
    with store.begin() as connection:
        assert records.undo_batch(connection, undone, UNDONE_AT) == 24
    with store.read() as connection:
        assert set(records.read_reports(connection)["batch_id"]) == {kept}
        assert set(records.read_held(connection)["batch_id"]) == {kept}


def test_held_rows_come_back_with_their_file(store, begin_batch):
    with store.begin() as connection:
        batch = begin_batch(connection)
        records.insert_held(connection, batch, held(2_500))
        records.insert_held(connection, begin_batch(connection, name="b.csv"), held(1))
        found = records.read_held(connection, batch)
        assert len(records.read_held(connection)) == 2_501
    assert_frame_equal(found[list(HELD_ROWS.columns)], held(2_500))
    assert set(found["file_name"]) == {"台账.csv"}
    assert set(found["kind"]) == {"reports"}
    assert set(found["source"]) == {"平安驿"}


# -- features ----------------------------------------------------------------------------------------


def test_features_are_added_changed_or_repeated(store, begin_batch):
    first = features(("P1", "甲", 120.6), ("P2", "乙", np.nan))
    second = features(("P1", "甲", 120.6), ("P2", "乙岗", np.nan), ("P3", "丙", 120.8))
    with store.begin() as connection:
        assert records.insert_features(connection, "posts", begin_batch(connection), first) == (2, 0, 0)
        assert records.insert_features(connection, "posts", begin_batch(connection), first) == (0, 0, 2)
        assert records.insert_features(connection, "posts", begin_batch(connection), second) == (1, 1, 1)
        assert records.insert_features(connection, "stations", begin_batch(connection), first) == (2, 0, 0)
        assert_frame_equal(records.read_features(connection, "posts"), second)
        assert_frame_equal(records.read_features(connection, "stations"), first)


def test_undo_brings_the_older_version_of_a_feature_to_light(store, begin_batch):
    first, second = features(("P1", "甲", 120.6)), features(("P1", "甲岗", 120.7), ("P2", "乙", 120.8))
    with store.begin() as connection:
        records.insert_features(connection, "posts", begin_batch(connection), first)
        batch = begin_batch(connection)
        records.insert_features(connection, "posts", batch, second)
    with store.begin() as connection:
        assert records.undo_batch(connection, batch, UNDONE_AT) == 2
        assert_frame_equal(records.read_features(connection, "posts"), first)


def test_whole_list_drops_what_it_lacks_until_it_is_taken_back(store, begin_batch):
    first = features(("P1", "甲", 120.6), ("P2", "乙", 120.7))
    with store.begin() as connection:
        records.insert_features(connection, "posts", begin_batch(connection), first)
        batch = begin_batch(connection)
        second = features(("P2", "乙", 120.7), ("P3", "丙", 120.7))
        assert records.replace_features(connection, "posts", batch, second) == (1, 0, 1)
        assert_frame_equal(records.read_features(connection, "posts"), second)
        records.undo_batch(connection, batch, UNDONE_AT)
        assert_frame_equal(records.read_features(connection, "posts"), first)


def test_feature_that_was_gone_comes_back_as_new(store, begin_batch):
    first = features(("P1", "甲", 120.6))
    with store.begin() as connection:
        records.insert_features(connection, "posts", begin_batch(connection), first)
        records.replace_features(connection, "posts", begin_batch(connection), features())
        assert len(records.read_features(connection, "posts")) == 0
        assert records.insert_features(connection, "posts", begin_batch(connection), first) == (1, 0, 0)
        assert_frame_equal(records.read_features(connection, "posts"), first)


def test_new_placing_of_features(store, begin_batch):
    with store.begin() as connection:
        records.insert_features(
            connection, "posts", begin_batch(connection), features(("P1", "甲", 120.6), ("P2", "乙", 120.7))
        )
        records.update_feature_placing(connection, "posts", ["P2"], ["G9"], ["V9"])
        found = records.read_features(connection, "posts")
    assert found[["grid_id", "village_id"]].to_numpy().tolist() == [["G1", "V1"], ["G9", "V9"]]


# -- small things ------------------------------------------------------------------------------------


def test_words_under_a_key(store):
    with store.begin() as connection:
        assert records.meta_get(connection, "路网") is None
        records.meta_set(connection, "路网", "v1")
        records.meta_set(connection, "路网", "v2'; DROP TABLE report; --")
        assert records.meta_get(connection, "路网") == "v2'; DROP TABLE report; --"
