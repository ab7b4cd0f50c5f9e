"""Rows by the million to the driver and back, as columns.

Rows pass as tuples straight to the driver, in slabs small enough to stay in the processor's cache (twice as
fast as slabs of 50,000).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, Table

from pingan_geo.model.tables import TIME

#: Rows handed to the driver at a time.
SLAB = 2_000


def sign(connection: Connection) -> str:
    """Return the sign that stands for a value in the driver's statements."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def quoted(connection: Connection, names: Sequence[str]) -> list[str]:
    """Return names as they stand in a statement."""
    return [connection.dialect.identifier_preparer.quote(name) for name in names]


def insert_slabs(connection: Connection, table: Table, columns: Mapping[str, Any]) -> None:
    """Insert rows given as columns; missing values become NULL."""
    names = ", ".join(quoted(connection, list(columns)))
    signs = ", ".join([sign(connection)] * len(columns))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({signs})"  # noqa: S608 - names of our own tables
    rows = len(next(iter(columns.values())))
    for start in range(0, rows, SLAB):
        lists = [_as_list(values[start : start + SLAB]) for values in columns.values()]
        connection.exec_driver_sql(statement, list(zip(*lists, strict=True)))


def with_gaps(values: NDArray[Any], gaps: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Return values with NULL in the gaps."""
    found = values.astype(object)
    found[gaps] = None
    return found


def _as_list(values: Any) -> list[Any]:
    """Turn a column of a slab into what the driver binds quickest; missing values become NULL."""
    if isinstance(values, pd.arrays.ArrowStringArray):
        return pa.array(values).to_pylist()  # type: ignore[no-any-return]
    found = np.asarray(values)
    if found.dtype.kind == "M":
        return _as_time_texts(found)
    if found.dtype.kind == "u":
        found = found.astype(np.int64)
    return found.tolist()  # type: ignore[no-any-return]


def _as_time_texts(times: NDArray[Any]) -> list[str | None]:
    missing = np.isnat(times)
    if missing.all():
        return [None] * len(times)
    texts = np.datetime_as_string(times.astype(TIME), unit="s").astype("U19")
    texts.view(np.uint32).reshape(-1, 19)[:, 10] = ord(" ")  # as SQLAlchemy writes a DateTime
    if not missing.any():
        return texts.tolist()  # type: ignore[no-any-return]
    return [None if gap else text for text, gap in zip(texts.tolist(), missing.tolist(), strict=True)]


def run_slabs(connection: Connection, statement: str, columns: Sequence[Any]) -> None:
    """Run a statement once for each row of values given as columns, in the order of its signs."""
    for start in range(0, len(columns[0]), SLAB):
        lists = [_as_list(values[start : start + SLAB]) for values in columns]
        connection.exec_driver_sql(statement, list(zip(*lists, strict=True)))


def fetch_columns(
    connection: Connection, statement: str, types: Sequence[str], values: Sequence[Any] = ()
) -> list[Any]:
    """Fetch a whole answer by column, a slab of rows at a time, so that few Python objects live at once.

    Parameters
    ----------
    connection
        That reads.
    statement
        SQL with the driver's signs.
    types
        As in :class:`pingan_geo.model.tables.TableSpec`, one per column of the answer.
    values
        For the signs.
    """
    slabs: list[list[Any]] = [[] for _ in types]
    for rows in _fetch_slabs(connection, statement, values):
        for slab, column, dtype in zip(slabs, zip(*rows, strict=True), types, strict=True):
            slab.append(_typed_slab(column, dtype))
    return [_join_slabs(slab, dtype) for slab, dtype in zip(slabs, types, strict=True)]


def in_slabs(
    connection: Connection,
    statement: str,
    types: Sequence[str],
    numbers: NDArray[np.int64],
    values: Sequence[Any] = (),
) -> list[Any]:
    """Fetch by column the rows whose number is among many.

    Parameters
    ----------
    connection
        That reads.
    statement
        Ends in the name of the column of numbers: ``SELECT … WHERE report_id``.
    types
        One per column of the answer.
    numbers
        That the column is compared with.
    values
        For the signs of the statement.
    """
    parts = [
        fetch_columns(
            connection,
            f"{statement} IN ({', '.join(map(str, numbers[start : start + SLAB].tolist()))})",
            types,
            values,
        )
        for start in range(0, max(len(numbers), 1), SLAB)
    ]
    return [
        pd.concat([pd.Series(part[place]) for part in parts], ignore_index=True).array
        if dtype == "str"
        else np.concatenate([part[place] for part in parts])
        for place, dtype in enumerate(types)
    ]


def _fetch_slabs(
    connection: Connection, statement: str, values: Sequence[Any]
) -> Iterator[list[tuple[Any, ...]]]:
    cursor = connection.connection.cursor()  # SQLAlchemy's own rows would cost more than the reading itself
    try:
        cursor.execute(statement, tuple(values))
        while rows := cursor.fetchmany(SLAB):
            yield list(rows)
    finally:
        cursor.close()


def _typed_slab(values: Sequence[Any], dtype: str) -> Any:
    if dtype == "str":
        return pa.array(values, type=pa.large_string())
    if dtype == TIME:
        return pa.array(
            values, type=pa.string() if not isinstance(_first(values), datetime) else pa.timestamp("s")
        )
    if dtype == "uint64":
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=dtype)  # None becomes NaN in a float column


def _first(values: Sequence[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def _join_slabs(slabs: list[Any], dtype: str) -> Any:
    if dtype == "str":
        joined = pa.chunked_array(slabs, type=pa.large_string())
        return pd.array(joined.combine_chunks(), dtype="str")
    if dtype == TIME:
        times = [slab.cast(pa.timestamp("s")) for slab in slabs]
        return pa.chunked_array(times, type=pa.timestamp("s")).to_numpy()
    numbers = np.concatenate(slabs) if slabs else np.empty(0, np.int64 if dtype == "uint64" else dtype)
    return numbers.astype(np.uint64) if dtype == "uint64" else numbers


def typed(values: Sequence[Any], dtype: str) -> Any:
    """Return values of the database as a column of a type."""
    return _join_slabs([_typed_slab(values, dtype)], dtype)
