"""Which photos belong to which rows; the pictures themselves lie in the town's ``media/``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from pingan_geo.model.tables import PHOTOS
from pingan_geo.storage.bulk import fetch_columns, insert_slabs, run_slabs, sign, with_gaps
from pingan_geo.storage.tables import PATROL_PHOTO, PHOTO


def insert_photos(connection: Connection, batch_id: int, table: Any) -> None:
    """Keep which photos came with which rows of an import.

    Parameters
    ----------
    connection
        That writes.
    batch_id
        Of the import.
    table
        ``PHOTOS``.

    Raises
    ------
    BadTableError
        If a column is missing or of another type.
    """
    table = PHOTOS.check(table)
    columns: dict[str, Any] = {name: table[name].array for name in PHOTOS.columns}
    reports = table["report_id"].to_numpy()
    columns["report_id"] = with_gaps(reports, reports == 0)
    columns["batch_id"] = np.full(len(table), batch_id)
    insert_slabs(connection, PHOTO, columns)


def read_photos(connection: Connection, batch_id: int | None = None) -> Any:
    """Return ``PHOTOS`` and ``batch_id, photo_id`` of one import, or of all, in their order."""
    return _read(connection, "1 = 1" if batch_id is None else f"batch_id = {int(batch_id)}")


def photos_of_report(connection: Connection, report_id: int) -> Any:
    """Return ``PHOTOS`` and ``batch_id, photo_id`` of a report and of those that are merged into it."""
    number = int(report_id)
    members = f"SELECT report_id FROM report WHERE merged_into = {number} AND merged_into != 0"  # noqa: S608
    return _read(connection, f"report_id = {number} OR report_id IN ({members})")


def photos_of_row(connection: Connection, batch_id: int, row_number: int) -> Any:
    """Return ``PHOTOS`` and ``batch_id, photo_id`` of one row of an import, held or stored."""
    return _read(connection, f"batch_id = {int(batch_id)} AND row_number = {int(row_number)}")


def rows_with_photos(connection: Connection, batch_id: int) -> NDArray[np.int64]:
    """Return the numbers of the rows of an import that came with a photo; few imports have any."""
    statement = f"SELECT DISTINCT row_number FROM photo WHERE batch_id = {int(batch_id)}"  # noqa: S608 - a number
    numbers: NDArray[np.int64] = fetch_columns(connection, statement, ["int64"])[0]
    return numbers


def photo_files(connection: Connection) -> frozenset[str]:
    """Return the names of all files in ``media/`` that any import or patrol names."""
    named = select(PHOTO.c.file).union(select(PATROL_PHOTO.c.file))
    return frozenset(connection.execute(named).scalars())


def is_photo_named(connection: Connection, file: str) -> bool:
    """Whether any import or patrol names a file in ``media/``."""
    return any(
        connection.execute(select(table.c.file).where(table.c.file == file).limit(1)).first() is not None
        for table in (PHOTO, PATROL_PHOTO)
    )


def link_photos(connection: Connection, batch_id: int, row_numbers: Any, report_ids: Any) -> None:
    """Say which report the rows of photos have become; ``0``: the row is held again.

    Parameters
    ----------
    connection
        That writes.
    batch_id
        Of the import.
    row_numbers, report_ids
        int64, aligned.
    """
    value = sign(connection)
    reports = np.asarray(report_ids, dtype=np.int64)
    run_slabs(
        connection,
        f"UPDATE photo SET report_id = {value} "  # noqa: S608 - only signs and a number
        f"WHERE batch_id = {int(batch_id)} AND row_number = {value}",
        [
            with_gaps(reports, reports == 0),
            np.asarray(row_numbers, dtype=np.int64),
        ],
    )


def _read(connection: Connection, where: str) -> Any:
    types = {**PHOTOS.columns, "batch_id": "int64", "photo_id": "int64"}
    fetched = ["coalesce(report_id, 0)" if name == "report_id" else name for name in types]
    statement = f"SELECT {', '.join(fetched)} FROM photo WHERE {where} ORDER BY photo_id"  # noqa: S608
    read = fetch_columns(connection, statement, list(types.values()))
    return pd.DataFrame(dict(zip(types, read, strict=True)))
