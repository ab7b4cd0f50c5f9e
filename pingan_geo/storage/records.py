"""What a town's database holds, written and read as the bulk tables of :mod:`pingan_geo.model.tables`.

Every function takes a connection of :class:`pingan_geo.storage.database.Store`: its transaction is the
caller's, so that an import is one step whatever it is made of. Millions of rows pass as tuples straight to
the driver, in slabs small enough to stay in the processor's cache (twice as fast as slabs of 50,000).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, and_, delete, func, insert, select, update

from pingan_geo.errors import BadTableError, BatchNotFoundError
from pingan_geo.model.tables import FEATURES, HELD_ROWS, REPORTS, TIME
from pingan_geo.storage.tables import BATCH, FEATURE, HELD, META, PROVENANCE, REPORT, ZONE

_SLAB = 2_000
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
) -> int:
    """Note an import that begins, and return its number, which is never given again."""
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

    Its reports and held rows go; where it had changed a feature, the version before it counts again.

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
        Rows taken back: reports, held rows and features.

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
    rows = 0
    for table in (REPORT, HELD, FEATURE):
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
    _insert_slabs(connection, REPORT, columns)


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
    statement = f"SELECT {', '.join(_quoted(connection, fetched))} FROM report"  # noqa: S608 - our own names
    limits = [] if merged else ["merged_into = 0"]
    if batch_id is not None:
        limits.append(f"batch_id = {int(batch_id)}")
    if limits:
        statement += f" WHERE {' AND '.join(limits)}"
    types = [REPORTS.columns.get(name, "int64") for name in fetched]
    read = dict(zip(fetched, _fetch_columns(connection, statement, types), strict=True))
    order = np.lexsort((read["report_id"], read["time"]))
    if not (order[1:] > order[:-1]).all():
        read = {name: values.take(order) for name, values in read.items()}
    for table, names in shared:
        words = [name for name in names if name in wanted]
        read |= _shared_words(connection, table, words, read[f"{table.name}_id"])
    return pd.DataFrame({name: read[name] for name in wanted}, copy=False)


def existing_keys(connection: Connection) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what is stored already: all ``report_id`` and all ``source_key`` but 0, each sorted by itself.

    A row whose ``report_id`` is among them was stored before; one whose ``source_key`` alone is among them
    bears the number of another report.
    """
    reports, sources = _fetch_columns(
        connection, "SELECT report_id, source_key FROM report", ["int64", "int64"]
    )
    return np.sort(reports), np.sort(sources[sources != 0])


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
    sign = _sign(connection)
    statement = f"UPDATE report SET zone_id = {sign} WHERE report_id = {sign}"  # noqa: S608 - only signs
    for start in range(0, len(ids), _SLAB):
        slab = order[start : start + _SLAB]
        connection.exec_driver_sql(
            statement, list(zip(zones[slab].tolist(), ids[slab].tolist(), strict=True))
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
    _insert_slabs(connection, HELD, columns)


def read_held(connection: Connection, batch_id: int | None = None) -> Any:
    """Return the held rows, of one import or of all that were not taken back, in the order of their files.

    Parameters
    ----------
    connection
        A snapshot.
    batch_id
        Of one import; ``None``: of all.

    Returns
    -------
    DataFrame
        ``HELD_ROWS`` and ``batch_id, kind, file_name, source``.
    """
    statement = (
        "SELECT held.sheet, held.row_number, held.reason, held.detail, held.received, held.batch_id, "
        "batch.kind, batch.file_name, batch.source FROM held JOIN batch ON batch.batch_id = held.batch_id"
    )
    if batch_id is not None:
        statement += f" WHERE held.batch_id = {int(batch_id)}"
    types = [*HELD_ROWS.columns.values(), "int64", "str", "str", "str"]
    names = [*HELD_ROWS.columns, "batch_id", "kind", "file_name", "source"]
    read = _fetch_columns(
        connection, f"{statement} ORDER BY held.batch_id, held.row_number, held.held_id", types
    )
    return pd.DataFrame(dict(zip(names, read, strict=True)))


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
            name: _typed(list(values), dtype)
            for (name, dtype), values in zip(FEATURES.columns.items(), columns, strict=True)
        }
    )


def update_feature_placing(
    connection: Connection, kind: str, feature_ids: Any, grid_id: Any, village_id: Any
) -> None:
    """Store in which polygons named places lie, in all their versions, after new polygons came."""
    rows = zip(grid_id, village_id, [kind] * len(feature_ids), feature_ids, strict=True)
    sign = _sign(connection)
    statement = (
        f"UPDATE feature SET grid_id = {sign}, village_id = {sign} "  # noqa: S608 - only signs
        f"WHERE layer = {sign} AND feature_id = {sign}"
    )
    parameters = [tuple(str(value) for value in row) for row in rows]
    if parameters:
        connection.exec_driver_sql(statement, parameters)


def _insert_versions(connection: Connection, kind: str, batch_id: int, table: Any, *, gone: bool) -> None:
    columns = {name: table[name].array for name in FEATURES.columns}
    columns |= {"layer": np.full(len(table), kind, dtype=object), "batch_id": np.full(len(table), batch_id)}
    columns["gone"] = np.full(len(table), gone)
    _insert_slabs(connection, FEATURE, columns)


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


# -- bulk --------------------------------------------------------------------------------------------


def _sign(connection: Connection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def _quoted(connection: Connection, names: Sequence[str]) -> list[str]:
    return [connection.dialect.identifier_preparer.quote(name) for name in names]


def _insert_slabs(connection: Connection, table: Table, columns: Mapping[str, Any]) -> None:
    names = ", ".join(_quoted(connection, list(columns)))
    signs = ", ".join([_sign(connection)] * len(columns))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({signs})"  # noqa: S608 - names of our own tables
    rows = len(next(iter(columns.values())))
    for start in range(0, rows, _SLAB):
        lists = [_as_list(values[start : start + _SLAB]) for values in columns.values()]
        connection.exec_driver_sql(statement, list(zip(*lists, strict=True)))


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


def _fetch_columns(connection: Connection, statement: str, types: Sequence[str]) -> list[Any]:
    """Fetch a whole answer by column, a slab of rows at a time, so that few Python objects live at once."""
    slabs: list[list[Any]] = [[] for _ in types]
    for rows in _fetch_slabs(connection, statement):
        for slab, values, dtype in zip(slabs, zip(*rows, strict=True), types, strict=True):
            slab.append(_typed_slab(values, dtype))
    return [_join_slabs(slab, dtype) for slab, dtype in zip(slabs, types, strict=True)]


def _fetch_slabs(connection: Connection, statement: str) -> Iterator[list[tuple[Any, ...]]]:
    cursor = connection.connection.cursor()  # SQLAlchemy's own rows would cost more than the reading itself
    try:
        cursor.execute(statement)
        while rows := cursor.fetchmany(_SLAB):
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


def _typed(values: Sequence[Any], dtype: str) -> Any:
    return _join_slabs([_typed_slab(values, dtype)], dtype)


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
