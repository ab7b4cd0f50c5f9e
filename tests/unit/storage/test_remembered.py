"""What was said once: layouts, aliases, corrections, answers, and how a file was read."""

from __future__ import annotations

import json
from datetime import datetime

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from pingan_geo.errors import BadTableError, BatchNotFoundError
from pingan_geo.model.tables import ALIASES, CORRECTIONS
from pingan_geo.storage import records, review

AT, LATER = datetime(2025, 7, 2, 9, 0), datetime(2025, 7, 3, 9, 0, 0, 5)


def corrections(*rows):
    return pd.DataFrame(rows, columns=list(CORRECTIONS.columns)).astype(dict(CORRECTIONS.columns))


# -- refused -----------------------------------------------------------------------------------------


def test_alias_of_another_kind_is_refused(store):
    with pytest.raises(ValueError, match="person"), store.begin() as connection:
        review.save_alias(connection, "person", "x", "y", learned_at=AT)


def test_corrections_without_a_column_are_refused(store, begin_batch):
    table = corrections().drop(columns="sheet")
    with pytest.raises(BadTableError, match="sheet"), store.begin() as connection:
        review.insert_corrections(connection, begin_batch(connection), table)


def test_options_of_an_import_that_is_not_there(store):
    with pytest.raises(BatchNotFoundError), store.read() as connection:
        records.batch_options(connection, 7)
    with pytest.raises(BatchNotFoundError), store.read() as connection:
        records.batch_receipt(connection, 7)


# -- kept --------------------------------------------------------------------------------------------


def test_how_a_file_was_read_is_kept_with_its_import(store, begin_batch):
    with store.begin() as connection:
        plain = begin_batch(connection)
        told = records.insert_batch(
            connection,
            kind="reports",
            source="",
            file_name="a.csv",
            file_sha256="",
            datum="wgs84",
            layout="",
            imported_at=AT,
            options=json.dumps({"year": 2025, "布局": "老台账"}),
        )
        records.finish_batch(connection, told, '{"read": 3}')
        assert records.batch_options(connection, plain) == {}
        assert records.batch_options(connection, told) == {"year": 2025, "布局": "老台账"}
        assert [records.batch_receipt(connection, each) for each in (plain, told)] == ["", '{"read": 3}']


def test_layouts_are_saved_over_and_forgotten(store):
    with store.begin() as connection:
        assert review.read_layout(connection, "驿站") is None
        review.save_layout(connection, "驿站", "reports", '{"a": 1}', AT)
        review.save_layout(connection, "驿站", "reports", '{"a": 2}', LATER)
        review.save_layout(connection, "A'; --", "posts", "{}", AT)
        found = review.read_layout(connection, "驿站")
        assert (found["content"], found["saved_at"]) == ('{"a": 2}', LATER.replace(microsecond=0))
        listed = review.read_layouts(connection)
        assert listed["name"].tolist() == ["A'; --", "驿站"]
        assert listed["saved_at"].tolist() == [pd.Timestamp(AT), pd.Timestamp(LATER).floor("s")]
        assert review.delete_layout(connection, "驿站")
        assert not review.delete_layout(connection, "驿站")
        assert review.read_layouts(connection)["name"].tolist() == ["A'; --"]


def test_aliases_are_saved_over_and_forgotten(store):
    with store.begin() as connection:
        review.save_alias(connection, "category", "飞线", "FW1", learned_at=AT)
        review.save_alias(connection, "category", "飞线", "FW2", learned_at=LATER)
        review.save_alias(connection, "grid", "飞线", "", learned_at=AT)
        where = {"lon": 120.6, "lat": 30.8, "level": "place", "radius_m": 25.0}
        review.save_alias(connection, "place", "北街老供销社", "老供销社", learned_at=AT, **where)
        found = ALIASES.check(review.read_aliases(connection))
        assert found[["kind", "spelling", "target"]].to_numpy().tolist() == [
            ["category", "飞线", "FW2"],
            ["grid", "飞线", ""],
            ["place", "北街老供销社", "老供销社"],
        ]
        place = review.read_aliases(connection, "place").iloc[0]
        assert {name: place[name] for name in where} == where
        assert_frame_equal(review.read_aliases(connection, "grid"), found.iloc[[1]].reset_index(drop=True))
        assert review.delete_alias(connection, "grid", "飞线")
        assert not review.delete_alias(connection, "grid", "飞线")
        assert len(review.read_aliases(connection)) == 2


def test_corrections_come_back_with_their_file(store, begin_batch):
    table = corrections(
        ("七月", 9, "mended", "飞线", "FW1"), ("", 4, "swapped_place", "30.8, 120.6", "120.6, 30.8")
    )
    with store.begin() as connection:
        first, second = begin_batch(connection), begin_batch(connection, name="b.csv")
        review.insert_corrections(connection, first, table)
        review.insert_corrections(connection, second, table.iloc[:1])
        found = review.read_corrections(connection, first)
        assert_frame_equal(found[list(CORRECTIONS.columns)], table.iloc[::-1].reset_index(drop=True))
        assert review.read_corrections(connection)["file_name"].tolist() == ["台账.csv"] * 2 + ["b.csv"]
        review.delete_corrections(connection, found["correction_id"].iloc[:1])
        assert review.read_corrections(connection)["what"].tolist() == ["mended", "mended"]


def test_answers_are_taken_back_from_the_newest_on(store):
    with store.begin() as connection:
        assert review.last_answer(connection) is None
        review.insert_answer(connection, "held:1", {"dismiss": True}, {"held": [1]}, AT)
        review.insert_answer(connection, "grid:XC-07-09", {"code": "网格9"}, {"alias": None}, LATER)
        newest = review.last_answer(connection)
        assert (newest["item"], newest["answer"], newest["before"]) == (
            "grid:XC-07-09",
            {"code": "网格9"},
            {"alias": None},
        )
        review.delete_answer(connection, newest["answer_id"])
        assert review.last_answer(connection)["item"] == "held:1"
