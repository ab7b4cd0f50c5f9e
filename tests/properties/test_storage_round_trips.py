"""Whatever an import may hand over comes back from the database as it was."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from pingan_geo.model.tables import FEATURES, HELD_ROWS, REPORTS
from pingan_geo.storage import records
from pingan_geo.storage.database import open_store

EARLIEST, LATEST = np.datetime64("0001-01-01T00:00:00"), np.datetime64("9999-12-31T23:59:59")
SECONDS = int((LATEST - EARLIEST).astype(int))
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
shared_words = st.sampled_from(["", "平安驿", "a", "'", "新塍🚲", "\x00"])
int64 = st.integers(-(2**63), 2**63 - 1)
times = st.integers(0, SECONDS).map(lambda seconds: EARLIEST + np.timedelta64(seconds, "s"))
numbers = st.floats(allow_nan=False, allow_infinity=False)


#: Columns whose words differ from row to row; of the others, many rows share a few.
UNLIKE = {"source_id", "category", "reporter", "place", "description", "feature_id"}


class TakeBackError(Exception):
    """Ends an example without a trace."""


@contextmanager
def taken_back(store):
    with suppress(TakeBackError), store.begin() as connection:
        yield connection
        raise TakeBackError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    opened = open_store(f"sqlite:///{folder / 'town.sqlite'}", backups=None, create=True)
    yield opened
    opened.close()


def values_of(name, dtype):
    if dtype == "str":
        return words if name in UNLIKE else shared_words
    if dtype == "float64":
        return numbers | st.just(np.nan) if name == "radius_m" else numbers
    if dtype == "datetime64[s]":
        return times | st.just(np.datetime64("NaT")) if name == "time_until" else times
    return st.integers(0, 2**63 - 1) if dtype == "uint64" else int64


@st.composite
def tables(draw, spec, fixed, extra=None, unique=None):
    count = draw(st.integers(0, 12))
    columns = {}
    for name, dtype in {**spec.columns, **(extra or {})}.items():
        if name in fixed:
            columns[name] = pd.Series([fixed[name]] * count, dtype=dtype)
            continue
        drawn = draw(st.lists(values_of(name, dtype), min_size=count, max_size=count, unique=name == unique))
        if dtype == "datetime64[s]":
            columns[name] = pd.Series(np.array(drawn, dtype="datetime64[s]"))
        else:
            columns[name] = pd.Series(drawn, dtype=dtype)
    return pd.DataFrame(columns)


def begin_batch(connection):
    return records.insert_batch(
        connection,
        kind="reports",
        source="",
        file_name="",
        file_sha256="",
        datum="",
        layout="",
        imported_at=datetime(2025, 1, 1),
    )


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(table=tables(REPORTS, {"batch_id": 0}, {"source_key": "int64"}, "report_id"))
def test_any_reports(store, table):
    with taken_back(store) as connection:
        table["batch_id"] = np.int64(begin_batch(connection))
        records.insert_reports(connection, table)
        found = records.read_reports(connection, merged=True)
        expected = table[list(REPORTS.columns)].sort_values(["time", "report_id"], ignore_index=True)
        assert_frame_equal(found, expected, check_exact=True)
        reports, sources = records.existing_keys(connection)
        assert reports.tolist() == sorted(table["report_id"])
        assert sources.tolist() == sorted(key for key in table["source_key"] if key)


@settings(max_examples=60, deadline=None)
@given(table=tables(HELD_ROWS, {}))
def test_any_held_rows(store, table):
    with taken_back(store) as connection:
        records.insert_held(connection, begin_batch(connection), table)
        found = records.read_held(connection)[list(HELD_ROWS.columns)]
        assert_frame_equal(found, table.sort_values("row_number", kind="stable", ignore_index=True))


@settings(max_examples=60, deadline=None)
@given(
    first=tables(FEATURES, {}, unique="feature_id"),
    second=tables(FEATURES, {}, unique="feature_id"),
)
def test_any_features_and_back(store, first, second):
    by_key = {"by": "feature_id", "ignore_index": True}
    with taken_back(store) as connection:
        added, changed, repeated = records.insert_features(
            connection, "posts", begin_batch(connection), first
        )
        assert (added, changed, repeated) == (len(first), 0, 0)
        assert records.insert_features(connection, "posts", begin_batch(connection), first) == (
            0,
            0,
            len(first),
        )
        batch = begin_batch(connection)
        assert sum(records.replace_features(connection, "posts", batch, second)) == len(second)
        assert_frame_equal(records.read_features(connection, "posts"), second.sort_values(**by_key))
        records.undo_batch(connection, batch, datetime(2025, 1, 2))
        assert_frame_equal(records.read_features(connection, "posts"), first.sort_values(**by_key))
