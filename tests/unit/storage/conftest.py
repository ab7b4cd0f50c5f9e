"""An empty database, and reports to fill it with."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from pingan_geo.model.tables import REPORTS
from pingan_geo.storage import records
from pingan_geo.storage.database import open_store


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'town.sqlite'}"


@pytest.fixture
def store(url, tmp_path):
    opened = open_store(url, backups=tmp_path / "backups", create=True)
    yield opened
    opened.close()


@pytest.fixture
def begin_batch():
    def begin(connection, *, kind="reports", sha="0" * 64, name="台账.csv", at=datetime(2025, 7, 1, 8, 30)):
        return records.insert_batch(
            connection,
            kind=kind,
            source="平安驿",
            file_name=name,
            file_sha256=sha,
            datum="gcj02",
            layout="",
            imported_at=at,
        )

    return begin


@pytest.fixture
def make_reports():
    """Reports as an import would hand them over, every kind of gap included."""

    def make(count, *, batch_id=1, seed=1):
        rng = np.random.default_rng(seed)

        def words(*choices):
            return pd.array(
                np.array(choices, dtype=object)[rng.integers(0, len(choices), count)], dtype="str"
            )

        time = np.datetime64("2024-01-01T00:00:00") + rng.integers(0, 4 * 10**7, count).astype(
            "timedelta64[s]"
        )
        until = np.where(rng.random(count) < 0.3, time + np.timedelta64(3600, "s"), np.datetime64("NaT"))
        columns = {
            "report_id": rng.permutation(np.arange(count, dtype=np.int64)) + seed * 10**9 - 5 * 10**8,
            "batch_id": np.full(count, batch_id, dtype=np.int64),
            "row_number": np.arange(2, count + 2, dtype=np.int64),
            "source": words("平安驿", "派出所 110", ""),
            "source_id": pd.array(np.arange(count).astype(str), dtype="str"),
            "category": words("FW1", "RD1", "TH1"),
            "time": time.astype("datetime64[s]"),
            "time_until": until.astype("datetime64[s]"),
            "lon": 120.6 + rng.random(count) / 10,
            "lat": 30.7 + rng.random(count) / 10,
            "datum": words("wgs84", "gcj02"),
            "datum_known_by": words("stated", "setting"),
            "level": words("point", "road"),
            "radius_m": np.where(rng.random(count) < 0.5, np.nan, 25.0),
            "origin": words("reported", "found"),
            "reporter": words("", "r-17"),
            "place": words("北街 12 号", "新塍镇兴镇路", ""),
            "description": words("", "line\nbreak; 'quote' -- \"two\""),
            "stated_grid": words("", "330411104003001"),
            "extra": words("", '{"备注2": "x"}'),
            "merged_into": np.zeros(count, dtype=np.int64),
            "cell": rng.integers(2**59, 2**60, count).astype(np.uint64),
            "grid_id": words("330411104003001", "330411104003002", ""),
            "village_id": words("330411104003", ""),
            "beat_id": words("J1", ""),
            "source_key": rng.integers(-(2**62), 2**62, count),
        }
        return REPORTS.check(pd.DataFrame(columns))

    return make
