"""What a town's database holds, written and read as the bulk tables of :mod:`pingan_geo.model.tables`.

Every function takes a connection of :class:`pingan_geo.storage.database.Store`: its transaction is the
caller's, so that an import is one step whatever it is made of.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, and_, delete, func, insert, or_, select, update

from pingan_geo.errors import BadTableError, BatchNotFoundError
from pingan_geo.model.tables import FEATURES, HELD_ROWS, REPORTS, TIME
from pingan_geo.storage.bulk import (
    SLAB,
    fetch_columns,
    in_slabs,
    insert_slabs,
    quoted,
    run_slabs,
    sign,
    typed,
    with_gaps,
)
from pingan_geo.storage.duplicates import forget_pairs, groups_of, regroup
from pingan_geo.storage.photos import link_photos, rows_with_photos
from pingan_geo.storage.tables import (
    BATCH,
    CORRECTION,
    DUPLICATE,
    FEATURE,
    HELD,
    META,
    PHOTO,
    PROVENANCE,
    REPORT,
    ZONE,
)

_PROVENANCE = ("source", "datum", "datum_known_by", "level", "origin")
_ZONE = ("grid_id", "village_id", "beat_id")
#: Columns that stand in the report's own row, and beside them the keys of what it shares with others.
_OWN = tuple(
    column.name for column in REPORT.columns if column.name in REPORTS.columns or column.name == "source_key"
)
_SHARED: tuple[tuple[Table, tuple[str, ...]], ...] = ((PROVENANCE, _PROVENANCE), (ZONE, _ZONE))

# -- imports -----------------------------------------------------------------------------------------


def insert_batch(
    connection: Connection,
    *,
    kind: str,
    source: str,
    file_name: str,
    file_sha256: str,
    datum: str,
    layout: str,
    imported_at: datetime,
    options: str = "",
) -> int:
    """Note an import that begins, and return its number, which is never given again.

    ``options`` is a JSON object: how the file was read, so that a row of it can be read again by the same rules.
    """
    found = connection.execute(
        insert(BATCH).values(
            kind=kind,
            source=source,
            file_name=file_name,
            file_sha256=file_sha256,
            datum=datum,
            layout=layout,
            imported_at=imported_at.replace(microsecond=0),
            receipt="",
            options=options,
        )
    )
    return int(found.inserted_primary_key[0])  # type: ignore[index]


def finish_batch(connection: Connection, batch_id: int, receipt_json: str) -> None:
    """Keep the receipt of an import.

    Raises
    ------
    BatchNotFoundError
        If there is no such import.
    """
    done = connection.execute(update(BATCH).where(BATCH.c.batch_id == batch_id).values(receipt=receipt_json))
    if done.rowcount != 1:
        raise BatchNotFoundError(batch=batch_id)


def batch_options(connection: Connection, batch_id: int) -> dict[str, Any]:
    """Return how the file of an import was read; empty where nothing was noted.

    Raises
    ------
    BatchNotFoundError
        If there is no such import.
    """
    found = connection.execute(select(BATCH.c.options).where(BATCH.c.batch_id == batch_id)).scalar()
    if found is None:
        raise BatchNotFoundError(batch=batch_id)
    options: dict[str, Any] = json.loads(found) if found else {}
    return options


def update_options(connection: Connection, batch_id: int, options: Mapping[str, Any]) -> None:
    """Note anew how the file of an import is read, after a person said more about it.

    Raises
    ------
    BatchNotFoundError
        If there is no such import.
    """
    text = json.dumps(options, ensure_ascii=False)
    done = connection.execute(update(BATCH).where(BATCH.c.batch_id == batch_id).values(options=text))
    if done.rowcount != 1:
        raise BatchNotFoundError(batch=batch_id)


def batch_receipt(connection: Connection, batch_id: int) -> str:
    """Return the receipt of an import as JSON, ``""`` while it runs.

    Raises
    ------
    BatchNotFoundError
        If there is no such import.
    """
    found = connection.execute(select(BATCH.c.receipt).where(BATCH.c.batch_id == batch_id)).scalar()
    if found is None:
        raise BatchNotFoundError(batch=batch_id)
    return str(found)


def read_batches(connection: Connection) -> Any:
    """Return all imports, the newest first; ``undone_at`` is NaT unless the import was taken back."""
    names = [column.name for column in BATCH.columns]
    rows = connection.execute(select(BATCH).order_by(BATCH.c.batch_id.desc())).all()
    table = pd.DataFrame([tuple(row) for row in rows], columns=names)
    types = dict.fromkeys(names, "str")
    types |= {"batch_id": "int64", "imported_at": TIME, "undone_at": TIME}
    return table.astype(types)


def find_batch_by_sha256(connection: Connection, kind: str, sha256: str) -> Mapping[str, Any] | None:
    """Return the columns of the import of this very file, or ``None``; imports taken back do not count."""
    row = connection.execute(
        select(BATCH)
        .where(BATCH.c.kind == kind, BATCH.c.file_sha256 == sha256, BATCH.c.undone_at.is_(None))
        .order_by(BATCH.c.batch_id)
    ).first()
    return None if row is None else dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def undo_batch(connection: Connection, batch_id: int, undone_at: datetime) -> int:
    """Take an import back.

    Its reports, held rows, corrections and photos go; where it had changed a feature, the version before it
    counts again. Pairs that name a report that goes are forgotten with what was decided on them: reports of
    other imports that were merged by way of it stand for themselves again, or in the groups that the decisions
    left make. Rows of other imports that waited until this one brought them mended wait again, and their
    receipts say so. Aliases stay: they are knowledge about the town and not about one file.

    Parameters
    ----------
    connection
        That writes.
    batch_id
        Number of the import.
    undone_at
        Wall-clock time of the town.

    Returns
    -------
    int
        Rows taken back: reports, rows that were held and not mended, and features.

    Raises
    ------
    BatchNotFoundError
        If there is no such import, or it was taken back before.
    """
    done = connection.execute(
        update(BATCH)
        .where(BATCH.c.batch_id == batch_id, BATCH.c.undone_at.is_(None))
        .values(undone_at=undone_at.replace(microsecond=0))
    )
    if done.rowcount != 1:
        raise BatchNotFoundError(batch=batch_id)
    settled = or_(HELD.c.report_id.is_not(None), HELD.c.again_in.is_not(None))
    connection.execute(
        delete(HELD).where(HELD.c.batch_id == batch_id, settled)
    )  # counted as what they became
    release_held(
        connection,
        connection.execute(select(HELD.c.held_id).where(HELD.c.again_in == batch_id)).scalars().all(),
    )
    rows = _delete_batch(connection, batch_id)
    for table in (CORRECTION, DUPLICATE, PHOTO):
        connection.execute(delete(table).where(table.c.batch_id == batch_id))
    for table in (HELD, FEATURE):
        rows += connection.execute(delete(table).where(table.c.batch_id == batch_id)).rowcount
    return rows


# -- reports -----------------------------------------------------------------------------------------


def insert_reports(connection: Connection, table: Any) -> None:
    """Store reports.

    Parameters
    ----------
    connection
        That writes.
    table
        ``REPORTS``, and ``source_key`` (int64): hash of source and the sender's number, 0 without a number.
        No ``report_id`` may be stored already: the database refuses it.

    Raises
    ------
    BadTableError
        If a column is missing or of another type, or a report stands twice.
    """
    table = REPORTS.check(table)
    if "source_key" not in table.columns:
        raise BadTableError(table=REPORTS.name, detail="column source_key is missing")
    order = np.argsort(table["report_id"].to_numpy(), kind="stable")  # the index then grows in one sweep
    own = [name for name in _OWN if not _is_default(table[name])]
    columns: dict[str, Any] = {name: table[name].array.take(order) for name in own}
    for shared, names in _SHARED:
        columns[f"{shared.name}_id"] = _shared_keys(connection, shared, [table[name] for name in names])[
            order
        ]
    insert_slabs(connection, REPORT, columns)


def _is_default(column: Any) -> bool:
    """Whether the database fills a column by itself; few reports have anything there."""
    empty = {"stated_grid": "", "extra": "", "merged_into": 0}
    return column.name in empty and bool((column == empty[column.name]).all())


def read_reports(
    connection: Connection,
    columns: Sequence[str] | None = None,
    batch_id: int | None = None,
    *,
    merged: bool = False,
) -> Any:
    """Read reports, ordered by time and, within one second, by ``report_id``.

    An incident that several reports tell of counts once: by its first report, unless ``merged``.

    Parameters
    ----------
    connection
        A snapshot.
    columns
        Of ``REPORTS``; fewer are quicker. ``None``: all.
    batch_id
        Only the reports of this import.
    merged
        Also reports that were merged into another one.

    Returns
    -------
    DataFrame
        The columns asked for, with the types of ``REPORTS``.

    Raises
    ------
    BadTableError
        If a column does not exist.
    """
    wanted = list(REPORTS.columns if columns is None else columns)
    for name in wanted:
        if name not in REPORTS.columns:
            raise BadTableError(table=REPORTS.name, detail=f"column {name} is missing")
    shared = [(table, names) for table, names in _SHARED if set(names) & set(wanted)]
    fetched = ["time", "report_id", *(name for name in wanted if name in _OWN)]
    fetched = list(dict.fromkeys([*fetched, *(f"{table.name}_id" for table, _ in shared)]))
    statement = f"SELECT {', '.join(quoted(connection, fetched))} FROM report"  # noqa: S608 - our own names
    limits = [] if merged else ["merged_into = 0"]
    if batch_id is not None:
        limits.append(f"batch_id = {int(batch_id)}")
    if limits:
        statement += f" WHERE {' AND '.join(limits)}"
    types = [REPORTS.columns.get(name, "int64") for name in fetched]
    read = dict(zip(fetched, fetch_columns(connection, statement, types), strict=True))
    order = np.lexsort((read["report_id"], read["time"]))
    if not (order[1:] > order[:-1]).all():
        read = {name: values.take(order) for name, values in read.items()}
    for table, names in shared:
        words = [name for name in names if name in wanted]
        read |= _shared_words(connection, table, words, read[f"{table.name}_id"])
    return pd.DataFrame({name: read[name] for name in wanted}, copy=False)


def delete_reports(connection: Connection, report_ids: Any) -> int:
    """Delete reports, the pairs that name them, and the shared words that no other report uses.

    Parameters
    ----------
    connection
        That writes.
    report_ids
        int64; those that are not stored are passed over.

    Returns
    -------
    int
        Reports deleted.
    """
    ids = np.unique(np.asarray(report_ids, dtype=np.int64))
    columns = in_slabs(
        connection,
        f"SELECT {_GOING} FROM report WHERE report_id",  # noqa: S608 - our own names
        ["int64"] * 3,
        ids,
    )
    statement = f"DELETE FROM report WHERE report_id = {sign(connection)}"  # noqa: S608 - only a sign
    _forget_reports(connection, columns, lambda: run_slabs(connection, statement, [columns[0]]))
    return len(columns[0])


_GOING = "report_id, provenance_id, zone_id"


def _delete_batch(connection: Connection, batch_id: int) -> int:
    columns = fetch_columns(
        connection,
        f"SELECT {_GOING} FROM report WHERE batch_id = {int(batch_id)}",  # noqa: S608 - a number
        ["int64"] * 3,
    )
    statement = delete(REPORT).where(REPORT.c.batch_id == batch_id)
    _forget_reports(connection, columns, lambda: connection.execute(statement))
    return len(columns[0])


def _forget_reports(
    connection: Connection, columns: Sequence[NDArray[np.int64]], delete_them: Callable[[], object]
) -> None:
    """Delete reports and whatever points at them or stood there for them alone."""
    going = columns[0]
    held_ids, became = fetch_columns(
        connection, "SELECT held_id, report_id FROM held WHERE report_id IS NOT NULL", ["int64"] * 2
    )
    release_held(connection, held_ids[np.isin(became, going)])
    groups = groups_of(connection, going)
    forget_pairs(connection, going)
    delete_them()
    regroup(connection, groups[~np.isin(groups, going)])
    for (table, _), keys in zip(_SHARED, columns[1:], strict=True):
        name = f"{table.name}_id"
        used = fetch_columns(connection, f"SELECT DISTINCT {name} FROM report", ["int64"])[0]  # noqa: S608
        unused = np.setdiff1d(keys, used)
        run_slabs(connection, f"DELETE FROM {table.name} WHERE {name} = {sign(connection)}", [unused])  # noqa: S608


def existing_keys(connection: Connection) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what is stored already: all ``report_id`` and all ``source_key`` but 0, each sorted by itself.

    A row whose ``report_id`` is among them was stored before; one whose ``source_key`` alone is among them
    bears the number of another report.
    """
    reports, sources = fetch_columns(
        connection, "SELECT report_id, source_key FROM report", ["int64", "int64"]
    )
    return np.sort(reports), np.sort(sources[sources != 0])


def find_stored(connection: Connection, numbers: Any, keys: Any) -> Any:
    """Return ``report_id, source_key, batch_id`` of the reports that have one of the numbers or keys.

    Parameters
    ----------
    connection
        A snapshot.
    numbers
        int64: ``report_id``.
    keys
        int64: ``source_key``.
    """
    names = ("report_id", "source_key", "batch_id")
    statement = f"SELECT {', '.join(names)} FROM report"  # noqa: S608 - our own names
    wanted, keyed = np.asarray(numbers, dtype=np.int64), np.asarray(keys, dtype=np.int64)
    if max(len(wanted), len(keyed)) <= SLAB:
        parts = [
            in_slabs(connection, f"{statement} WHERE {name}", ["int64"] * 3, values)
            for name, values in (("report_id", wanted), ("source_key", keyed))
            if len(values)
        ]
        read = [np.concatenate(columns) for columns in zip(*parts, strict=True)] or [
            np.empty(0, np.int64)
        ] * 3
    else:  # one reading of all is quicker than looking for so many
        read = fetch_columns(connection, statement, ["int64"] * 3)
        chosen = np.isin(read[0], wanted) | np.isin(read[1], keyed)
        read = [column[chosen] for column in read]
    return pd.DataFrame(dict(zip(names, read, strict=True))).drop_duplicates("report_id", ignore_index=True)


def update_placing(
    connection: Connection, report_ids: Any, grid_id: Any, village_id: Any, beat_id: Any
) -> None:
    """Store in which polygons reports lie, after the polygons were imported anew.

    Parameters
    ----------
    connection
        That writes.
    report_ids
        int64, one per report.
    grid_id, village_id, beat_id
        Codes, aligned with ``report_ids``; ``""`` where a report lies in none.
    """
    ids = np.asarray(report_ids, dtype=np.int64)
    zones = _shared_keys(
        connection, ZONE, [pd.Series(codes, dtype="str") for codes in (grid_id, village_id, beat_id)]
    )
    order = np.argsort(ids, kind="stable")
    value = sign(connection)
    statement = f"UPDATE report SET zone_id = {value} WHERE report_id = {value}"  # noqa: S608 - only signs
    run_slabs(connection, statement, [zones[order], ids[order]])


def is_category_used(connection: Connection, code: str) -> bool:
    """Whether any report is of a category."""
    return connection.execute(select(REPORT.c.arrival).where(REPORT.c.category == code)).first() is not None


def recent_categories(connection: Connection, reports: int = 2_000) -> list[str]:
    """Return the categories of the reports that came last, the most frequent first."""
    statement = (
        "SELECT category FROM (SELECT category FROM report ORDER BY arrival DESC "  # noqa: S608 - a number
        f"LIMIT {int(reports)}) AS latest GROUP BY category ORDER BY count(*) DESC, category"
    )
    return [str(code) for code in fetch_columns(connection, statement, ["str"])[0]]


def count_stated_grids(connection: Connection) -> Any:
    """Count the reports by the code of the grid that their sender names: ``stated_grid, count``."""
    read = fetch_columns(
        connection,
        "SELECT stated_grid, count(*) FROM report WHERE stated_grid != '' GROUP BY stated_grid",
        ["str", "int64"],
    )
    return pd.DataFrame({"stated_grid": read[0], "count": read[1]})


def read_stated_grids(connection: Connection, spellings: Sequence[str]) -> Any:
    """Return the reports whose sender names one of these grids, in the order of arrival.

    Returns
    -------
    DataFrame
        ``report_id, batch_id, row_number, stated_grid, grid_id, lon, lat``.
    """
    types = {"report_id": "int64", "batch_id": "int64", "row_number": "int64", "stated_grid": "str"}
    types |= {"grid_id": "str", "lon": "float64", "lat": "float64"}
    statement = (
        f"SELECT {', '.join(types)} FROM report JOIN zone ON zone.zone_id = report.zone_id "  # noqa: S608
        f"WHERE stated_grid != '' AND stated_grid IN ({', '.join([sign(connection)] * len(spellings))}) "
        "ORDER BY arrival"
    )
    read = fetch_columns(connection, statement, list(types.values()), spellings)
    return pd.DataFrame(dict(zip(types, read, strict=True)))


def update_stated_grids(connection: Connection, report_ids: Any, codes: Any) -> None:
    """Store which grid the sender means, after it was asked; ``""``: none.

    Parameters
    ----------
    connection
        That writes.
    report_ids
        int64.
    codes
        Texts, aligned.
    """
    value = sign(connection)
    run_slabs(
        connection,
        f"UPDATE report SET stated_grid = {value} WHERE report_id = {value}",  # noqa: S608 - only signs
        [pd.array(list(codes), dtype="str"), np.asarray(report_ids, dtype=np.int64)],
    )


# -- held rows ---------------------------------------------------------------------------------------


def insert_held(connection: Connection, batch_id: int, table: Any) -> None:
    """Keep rows that could not be accepted.

    Parameters
    ----------
    connection
        That writes.
    batch_id
        Of the import that brought them.
    table
        ``HELD_ROWS``.

    Raises
    ------
    BadTableError
        If a column is missing or of another type.
    """
    table = HELD_ROWS.check(table)
    columns = {name: table[name].array for name in ("sheet", "row_number", "reason", "detail")}
    columns |= {"batch_id": np.full(len(table), batch_id), "received": table["values"].array}
    insert_slabs(connection, HELD, columns)


#: Of the held rows that still wait for a person.
_WAITING = "held.report_id IS NULL AND held.dismissed_at IS NULL AND held.again_in IS NULL"
#: Of those that wait, or that a person put aside.
_UNSETTLED = "held.report_id IS NULL AND held.again_in IS NULL"


def read_held(
    connection: Connection,
    batch_id: int | None = None,
    *,
    dismissed: bool = False,
    reasons: Sequence[str] = (),
    details: Sequence[str] | None = None,
    held_ids: Sequence[int] | None = None,
    limit: int | None = None,
) -> Any:
    """Return the held rows, of one import or of all that were not taken back, in the order of their files.

    Rows that were mended, or came again in a later import, stand there and are left out here.

    Parameters
    ----------
    connection
        A snapshot.
    batch_id
        Of one import; ``None``: of all.
    dismissed
        Also those that a person decided not to store.
    reasons
        Only these codes; empty: all.
    details
        Only rows with one of these values at fault, some hundreds at most.
    held_ids
        Only these rows.
    limit
        At most so many.

    Returns
    -------
    DataFrame
        ``HELD_ROWS`` and ``batch_id, kind, file_name, source, held_id, dismissed_at`` (NaT: it waits).
    """
    limits = [_UNSETTLED if dismissed else _WAITING]
    if batch_id is not None:
        limits.append(f"held.batch_id = {int(batch_id)}")
    if reasons:
        limits.append(f"held.reason IN ({', '.join([sign(connection)] * len(reasons))})")
    if details is not None:
        limits.append(f"held.detail IN ({', '.join([sign(connection)] * len(details))})")
    if held_ids is not None:
        limits.append(f"held.held_id IN ({', '.join(str(int(number)) for number in held_ids)})")
    statement = (
        "SELECT held.sheet, held.row_number, held.reason, held.detail, held.received, held.batch_id, "  # noqa: S608
        "batch.kind, batch.file_name, batch.source, held.held_id, held.dismissed_at "
        f"FROM held JOIN batch ON batch.batch_id = held.batch_id WHERE {' AND '.join(limits)} "
        "ORDER BY held.batch_id, held.row_number, held.held_id"
    )
    if limit is not None:
        statement += f" LIMIT {int(limit)}"
    types = [*HELD_ROWS.columns.values(), "int64", "str", "str", "str", "int64", TIME]
    names = [*HELD_ROWS.columns, "batch_id", "kind", "file_name", "source", "held_id", "dismissed_at"]
    read = fetch_columns(connection, statement, types, (*reasons, *(details or ())))
    return pd.DataFrame(dict(zip(names, read, strict=True)))


def count_held(connection: Connection) -> Any:
    """Count the waiting rows by import and reason.

    Returns
    -------
    DataFrame
        ``batch_id, kind, reason, count, held_id`` (of the first), in the order of ``held_id``.
    """
    statement = (
        "SELECT held.batch_id, batch.kind, held.reason, held.count, held.held_id FROM ("  # noqa: S608
        "SELECT batch_id, reason, count(*) AS count, min(held_id) AS held_id FROM held "
        f"WHERE {_WAITING} GROUP BY batch_id, reason"
        ") AS held JOIN batch ON batch.batch_id = held.batch_id ORDER BY held.held_id"
    )
    names = ("batch_id", "kind", "reason", "count", "held_id")
    read = fetch_columns(connection, statement, ["int64", "str", "str", "int64", "int64"])
    return pd.DataFrame(dict(zip(names, read, strict=True)))


def count_held_details(
    connection: Connection, kind: str, reasons: Sequence[str], batch_id: int | None = None
) -> Any:
    """Count the waiting rows of imports of a kind, or of one of them, by reason and value at fault.

    Returns
    -------
    DataFrame
        ``reason, detail, count, held_id`` (of the first); a value stands once for each import.
    """
    statement = (
        "SELECT reason, detail, count(*), min(held_id) FROM held "  # noqa: S608 - signs, and our own words
        f"WHERE {_WAITING} AND reason IN ({', '.join([sign(connection)] * len(reasons))}) "
        f"AND batch_id IN (SELECT batch_id FROM batch WHERE kind = {sign(connection)}) {_of_batch(batch_id)}"
        "GROUP BY batch_id, reason, detail"
    )
    names = ("reason", "detail", "count", "held_id")
    read = fetch_columns(connection, statement, ["str", "str", "int64", "int64"], (*reasons, kind))
    return pd.DataFrame(dict(zip(names, read, strict=True)))


def first_held(
    connection: Connection,
    kinds_reasons: Iterable[tuple[str, str]],
    limit: int,
    batch_id: int | None = None,
) -> list[int]:
    """Return the first ``held_id`` that wait, of (kind of import, reason) pairs, or of one import of them."""
    chosen, values = [], []
    for kind, reason in kinds_reasons:
        chosen.append(
            f"(reason = {sign(connection)} AND batch_id IN "  # noqa: S608 - only signs
            f"(SELECT batch_id FROM batch WHERE kind = {sign(connection)}))"
        )
        values += [reason, kind]
    if not chosen:
        return []
    statement = (
        f"SELECT held_id FROM held WHERE {_WAITING} AND ({' OR '.join(chosen)}) "  # noqa: S608 - signs
        f"{_of_batch(batch_id)}ORDER BY held_id LIMIT {int(limit)}"
    )
    numbers: list[int] = fetch_columns(connection, statement, ["int64"], values)[0].tolist()
    return numbers


def _of_batch(batch_id: int | None) -> str:
    return "" if batch_id is None else f"AND batch_id = {int(batch_id)} "


def dismiss_held(connection: Connection, held_ids: Any, at: datetime) -> int:
    """Put held rows aside for good, and return how many were: those that still waited."""
    return _mark_held(
        connection,
        f"SET dismissed_at = {sign(connection)}",
        held_ids,
        _WAITING,
        at.replace(microsecond=0).isoformat(" "),
    )


def restore_held(connection: Connection, held_ids: Any) -> int:
    """Let rows wait again that were put aside, and return how many were."""
    return _mark_held(connection, "SET dismissed_at = NULL", held_ids, "held.dismissed_at IS NOT NULL")


def settle_held(
    connection: Connection, held_ids: Any, report_ids: Any, *, again_in: int | None = None
) -> None:
    """Note what held rows became; they stay as they were received.

    The receipts of their imports and their photos follow: a row that became a report of its own import counts
    there as accepted, or as corrected where a correction names it; one whose report another import brought,
    or that came again, counts as repeated.

    Parameters
    ----------
    connection
        That writes; the reports, and the corrections about them, are stored already.
    held_ids, report_ids
        int64, aligned. 0: the row is held again as a row of ``again_in``.
    again_in
        The later import in which the rows came again; ``None``: they were mended in place.
    """
    ids, reports = np.asarray(held_ids, dtype=np.int64), np.asarray(report_ids, dtype=np.int64)
    value = sign(connection)
    run_slabs(
        connection,
        f"UPDATE held SET report_id = {value}, again_in = {value} WHERE held_id = {value}",  # noqa: S608 - signs
        [with_gaps(reports, reports == 0), np.full(len(ids), again_in, dtype=object), ids],
    )
    rows = _settled_rows(connection, ids)
    _move_in_receipts(connection, rows, 1)
    _link_photos(connection, rows, rows["report_id"])


def release_held(connection: Connection, held_ids: Any, *, again: bool = True) -> int:
    """Let rows wait again that :func:`settle_held` settled; receipts and photos follow.

    The reports that they became are not touched, and must still be there: see :func:`delete_reports`.

    Parameters
    ----------
    connection
        That writes.
    held_ids
        int64; rows that are not settled are passed over.
    again
        Also those that came again in a later import.

    Returns
    -------
    int
        Rows that wait again. One that had been put aside before it was settled is put aside as before.
    """
    rows = _settled_rows(connection, held_ids)
    if not again:
        rows = rows[rows["again_in"] == 0]
    _move_in_receipts(connection, rows, -1)
    _link_photos(connection, rows, rows["report_id"] * 0)
    return _mark_held(connection, "SET report_id = NULL, again_in = NULL", rows["held_id"], "1 = 1")


def _settled_rows(connection: Connection, held_ids: Any) -> pd.DataFrame:
    """Return ``held_id, batch_id, sheet, row_number, reason, report_id, again_in`` (0: none) of settled rows."""
    types = {"held_id": "int64", "batch_id": "int64", "sheet": "str", "row_number": "int64", "reason": "str"}
    types |= {"report_id": "int64", "again_in": "int64"}
    fetched = [f"coalesce({name}, 0)" if name in {"report_id", "again_in"} else name for name in types]
    read = in_slabs(
        connection,
        f"SELECT {', '.join(fetched)} FROM held "  # noqa: S608 - our own names
        "WHERE (report_id IS NOT NULL OR again_in IS NOT NULL) AND held_id",
        list(types.values()),
        np.asarray(held_ids, dtype=np.int64),
    )
    return pd.DataFrame(dict(zip(types, read, strict=True)))


def _move_in_receipts(connection: Connection, rows: pd.DataFrame, step: int) -> None:
    """Count settled rows as what they became (``step`` 1), or as held again (-1)."""
    numbers = np.unique(rows["report_id"].to_numpy())
    report_ids, home = in_slabs(
        connection, "SELECT report_id, batch_id FROM report WHERE report_id", ["int64"] * 2, numbers
    )
    own = (
        rows["report_id"].map(dict(zip(report_ids.tolist(), home.tolist(), strict=True))) == rows["batch_id"]
    )
    own &= rows["again_in"] == 0
    batches = np.unique(rows["batch_id"][own].to_numpy())
    statement = "SELECT DISTINCT batch_id, sheet, row_number FROM correction WHERE batch_id"
    corrected = in_slabs(connection, statement, ["int64", "str", "int64"], batches)
    named = set(zip(corrected[0].tolist(), corrected[1], corrected[2].tolist(), strict=True))
    places = zip(rows["batch_id"].tolist(), rows["sheet"], rows["row_number"].tolist(), strict=True)
    outcomes = [
        ("corrected" if place in named else "accepted") if is_own else "repeated"
        for place, is_own in zip(places, own, strict=True)
    ]
    for batch, some in rows.assign(outcome=outcomes).groupby("batch_id"):
        counts = {outcome: step * count for outcome, count in Counter(some["outcome"]).items()}
        reasons = {reason: -step * count for reason, count in Counter(some["reason"]).items()}
        _change_receipt(connection, int(batch), counts, reasons)


def _change_receipt(
    connection: Connection, batch_id: int, outcomes: Mapping[str, int], reasons: Mapping[str, int]
) -> None:
    """Add to the numbers of a receipt; the rows held are the sum of those held for each reason."""
    text = batch_receipt(connection, batch_id)
    if not text:
        return
    receipt = json.loads(text)
    for outcome, count in outcomes.items():
        receipt[outcome] = receipt.get(outcome, 0) + count
    held = Counter(receipt.get("held_by_reason", {}))
    for reason, count in reasons.items():
        held[reason] += count
    receipt["held_by_reason"] = {code: count for code, count in sorted(held.items()) if count}
    receipt["held"] = sum(receipt["held_by_reason"].values())
    finish_batch(connection, batch_id, json.dumps(receipt, ensure_ascii=False))


def _link_photos(connection: Connection, rows: pd.DataFrame, report_ids: Any) -> None:
    for batch, some in rows.groupby("batch_id"):
        numbers = rows_with_photos(connection, int(batch))
        chosen = some[np.isin(some["row_number"], numbers)]
        link_photos(connection, int(batch), chosen["row_number"], report_ids[chosen.index])


def update_held(connection: Connection, held_ids: Any, reasons: Any, details: Any) -> None:
    """Say anew why rows are held, after they were read again; the receipts of their imports follow.

    Parameters
    ----------
    connection
        That writes.
    held_ids
        int64.
    reasons, details
        Texts, aligned.
    """
    ids = np.asarray(held_ids, dtype=np.int64)
    said = dict(zip(ids.tolist(), list(reasons), strict=True))
    numbers, batches, before = in_slabs(
        connection,
        f"SELECT held_id, batch_id, reason FROM held WHERE {_UNSETTLED} AND held_id",  # noqa: S608 - our own words
        ["int64", "int64", "str"],
        ids,
    )
    changed = pd.DataFrame(
        {"batch_id": batches, "before": before, "after": [said[one] for one in numbers.tolist()]}
    )
    for batch, some in changed.groupby("batch_id"):
        moved = Counter(some["after"])
        moved.subtract(some["before"])
        _change_receipt(connection, int(batch), {}, moved)
    value = sign(connection)
    run_slabs(
        connection,
        f"UPDATE held SET reason = {value}, detail = {value} WHERE held_id = {value}",  # noqa: S608 - only signs
        [pd.array(list(reasons), dtype="str"), pd.array(list(details), dtype="str"), ids],
    )


def delete_held(connection: Connection, held_ids: Any) -> int:
    """Delete held rows, and return how many there were."""
    return _mark_held(connection, "", held_ids, "1 = 1")


def _mark_held(connection: Connection, change: str, held_ids: Any, where: str, *values: str) -> int:
    """Change (or delete, where nothing is to be changed) the rows that fit a condition."""
    statement = f"UPDATE held {change}" if change else "DELETE FROM held"
    ids, rows = np.asarray(held_ids, dtype=np.int64).tolist(), 0
    for start in range(0, len(ids), SLAB):
        chosen = ", ".join(map(str, ids[start : start + SLAB]))
        done = connection.exec_driver_sql(
            f"{statement} WHERE {where} AND held.held_id IN ({chosen})", tuple(values)
        )
        rows += done.rowcount
    return rows


# -- features ----------------------------------------------------------------------------------------


def insert_features(connection: Connection, kind: str, batch_id: int, table: Any) -> tuple[int, int, int]:
    """Store named places: new ones are added, known ones changed; those not in the table stay.

    Parameters
    ----------
    connection
        That writes.
    kind
        ``posts``, ``stations``, ``enterprises``, ``places``, ``volunteers``.
    batch_id
        Of the import that brings them.
    table
        ``FEATURES``, each ``feature_id`` once.

    Returns
    -------
    tuple of int
        Added, changed, repeated (stored before with the same content).

    Raises
    ------
    BadTableError
        If a column is missing or of another type, or a ``feature_id`` stands twice.
    """
    table = FEATURES.check(table)
    if table["feature_id"].duplicated().any():
        raise BadTableError(table=FEATURES.name, detail="a feature_id stands twice")
    stored = read_features(connection, kind)
    both = table[list(FEATURES.columns)].merge(stored, on="feature_id", how="left", suffixes=("", "_stored"))
    known = both["name_stored"].notna().to_numpy()
    same = known.copy()
    for name in FEATURES.columns:
        if name != "feature_id":
            new, old = both[name], both[f"{name}_stored"]
            same &= ((new == old) | (new.isna() & old.isna())).fillna(value=False).to_numpy(dtype=bool)
    _insert_versions(connection, kind, batch_id, table[~same], gone=False)
    return int((~known).sum()), int((known & ~same).sum()), int(same.sum())


def replace_features(connection: Connection, kind: str, batch_id: int, table: Any) -> tuple[int, int, int]:
    """Store a whole list of named places: as :func:`insert_features`, and those not in the table are gone.

    Taking the import back brings them to light again.
    """
    outcome = insert_features(connection, kind, batch_id, table)
    stored = read_features(connection, kind)
    _insert_versions(
        connection, kind, batch_id, stored[~stored["feature_id"].isin(table["feature_id"])], gone=True
    )
    return outcome


def read_features(connection: Connection, kind: str) -> Any:
    """Return the newest version of all named places of a kind as ``FEATURES``, ordered by ``feature_id``."""
    newest = (
        select(FEATURE.c.feature_id, func.max(FEATURE.c.batch_id).label("batch_id"))
        .where(FEATURE.c.layer == kind)
        .group_by(FEATURE.c.feature_id)
        .subquery()
    )
    rows = connection.execute(
        select(*(FEATURE.c[name] for name in FEATURES.columns))
        .join(
            newest,
            and_(FEATURE.c.feature_id == newest.c.feature_id, FEATURE.c.batch_id == newest.c.batch_id),
        )
        .where(FEATURE.c.layer == kind, FEATURE.c.gone.is_(False))
        .order_by(FEATURE.c.feature_id)
    ).all()
    columns = zip(*rows, strict=True) if rows else ((),) * len(FEATURES.columns)
    return pd.DataFrame(
        {
            name: typed(list(values), dtype)
            for (name, dtype), values in zip(FEATURES.columns.items(), columns, strict=True)
        }
    )


def update_feature_placing(
    connection: Connection, kind: str, feature_ids: Any, grid_id: Any, village_id: Any
) -> None:
    """Store in which polygons named places lie, in all their versions, after new polygons came."""
    rows = zip(grid_id, village_id, [kind] * len(feature_ids), feature_ids, strict=True)
    value = sign(connection)
    statement = (
        f"UPDATE feature SET grid_id = {value}, village_id = {value} "  # noqa: S608 - only signs
        f"WHERE layer = {value} AND feature_id = {value}"
    )
    parameters = [tuple(str(value) for value in row) for row in rows]
    if parameters:
        connection.exec_driver_sql(statement, parameters)


def _insert_versions(connection: Connection, kind: str, batch_id: int, table: Any, *, gone: bool) -> None:
    columns = {name: table[name].array for name in FEATURES.columns}
    columns |= {"layer": np.full(len(table), kind, dtype=object), "batch_id": np.full(len(table), batch_id)}
    columns["gone"] = np.full(len(table), gone)
    insert_slabs(connection, FEATURE, columns)


# -- small things ------------------------------------------------------------------------------------


def data_version(connection: Connection) -> int:
    """Return a number that grows with every committed change, for the key of a cache."""
    return int(meta_get(connection, "data_version") or 0)


def meta_get(connection: Connection, key: str) -> str | None:
    """Return the text kept under ``key``, ``None`` when there is none."""
    found = connection.execute(select(META.c.value).where(META.c.key == key)).scalar()
    return None if found is None else str(found)


def meta_set(connection: Connection, key: str, value: str) -> None:
    """Keep a text under ``key``."""
    if connection.execute(update(META).where(META.c.key == key).values(value=value)).rowcount == 0:
        connection.execute(insert(META).values(key=key, value=value))


# -- words that many reports share -------------------------------------------------------------------


def _shared_keys(connection: Connection, table: Table, columns: Sequence[Any]) -> NDArray[np.int64]:
    """Return for each row the key of its combination of words; combinations not seen before are stored."""
    names = [column.name for column in table.columns][1:]
    combined = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        codes, words = pd.factorize(column)
        # Numbering anew after each column keeps the product far below 2**63 however many words there are.
        combined = np.unique(combined * (len(words) + 1) + codes + 1, return_inverse=True)[1]
    _, firsts, inverse = np.unique(combined, return_index=True, return_inverse=True)
    wanted = list(zip(*(column.iloc[firsts].tolist() for column in columns), strict=True))
    known = _read_shared(connection, table)
    missing = [words for words in wanted if words not in known]
    if missing:
        connection.execute(insert(table), [dict(zip(names, words, strict=True)) for words in missing])
        known = _read_shared(connection, table)
    keys = np.array([known[words] for words in wanted], dtype=np.int64)
    return keys[inverse] if wanted else np.empty(0, dtype=np.int64)


def _read_shared(connection: Connection, table: Table) -> dict[tuple[str, ...], int]:
    return {tuple(row[1:]): int(row[0]) for row in connection.execute(select(table)).all()}


def _shared_words(
    connection: Connection, table: Table, names: Sequence[str], keys: NDArray[np.int64]
) -> dict[str, Any]:
    key = table.primary_key.columns[0]
    rows = connection.execute(select(key, *(table.c[name] for name in names)).order_by(key)).all()
    places = np.searchsorted(np.array([row[0] for row in rows], dtype=np.int64), keys)
    return {
        name: pd.array([row[number] for row in rows], dtype="str").take(places)
        for number, name in enumerate(names, 1)
    }
