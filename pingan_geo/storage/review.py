"""What people have said once and need not say again: layouts, aliases, corrections, answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, delete, func, insert, select

from pingan_geo.model.tables import ALIASES, CORRECTIONS, TIME
from pingan_geo.storage.bulk import fetch_columns, in_slabs, insert_slabs, quoted, run_slabs, sign
from pingan_geo.storage.tables import ALIAS, ANSWER, CORRECTION, LAYOUT

#: What a spelling may be explained as.
ALIAS_KINDS = ("category", "grid", "place")
#: Characters of a spelling that is remembered.
LONGEST_SPELLING = 400

# -- layouts -----------------------------------------------------------------------------------------


def save_layout(connection: Connection, name: str, kind: str, content_json: str, saved_at: datetime) -> None:
    """Remember how a ledger is laid out, in place of what was known under its name."""
    delete_layout(connection, name)
    connection.execute(
        insert(LAYOUT).values(
            name=name, kind=kind, content=content_json, saved_at=saved_at.replace(microsecond=0)
        )
    )


def read_layout(connection: Connection, name: str) -> Mapping[str, Any] | None:
    """Return ``name, kind, content`` (JSON) and ``saved_at`` of a layout, ``None`` when there is none."""
    row = connection.execute(select(LAYOUT).where(LAYOUT.c.name == name)).first()
    return None if row is None else dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def read_layouts(connection: Connection) -> Any:
    """Return all layouts by name: ``name, kind, content`` (JSON), ``saved_at``."""
    types = {"name": "str", "kind": "str", "content": "str", "saved_at": TIME}
    read = fetch_columns(
        connection, "SELECT name, kind, content, saved_at FROM layout ORDER BY name", list(types.values())
    )
    return pd.DataFrame(dict(zip(types, read, strict=True)))


def delete_layout(connection: Connection, name: str) -> bool:
    """Forget a layout, and say whether there was one."""
    return connection.execute(delete(LAYOUT).where(LAYOUT.c.name == name)).rowcount > 0


# -- aliases -----------------------------------------------------------------------------------------


def save_alias(
    connection: Connection,
    kind: str,
    spelling: str,
    target: str,
    *,
    learned_at: datetime,
    lon: float | None = None,
    lat: float | None = None,
    level: str = "",
    radius_m: float | None = None,
) -> None:
    """Remember what a spelling means, in place of what was known.

    Parameters
    ----------
    connection
        That writes.
    kind
        Of :data:`ALIAS_KINDS`.
    spelling
        As it is compared: the caller folds it; at most :data:`LONGEST_SPELLING` characters.
    target
        Code of the category or grid, name of the place; ``""`` for a grid that is to be left empty.
    learned_at
        Wall-clock time of the town.
    lon, lat, level, radius_m
        Of a place; WGS-84 degrees.
    """
    if kind not in ALIAS_KINDS:
        raise ValueError(f"{kind!r} is none of {ALIAS_KINDS}")
    if len(spelling) > LONGEST_SPELLING:  # SQLite would take it, and PostgreSQL fail
        raise ValueError(f"a spelling of {len(spelling)} characters")
    delete_alias(connection, kind, spelling)
    connection.execute(
        insert(ALIAS).values(
            kind=kind,
            spelling=spelling,
            target=target,
            lon=lon,
            lat=lat,
            level=level,
            radius_m=radius_m,
            learned_at=learned_at.replace(microsecond=0),
        )
    )


def read_aliases(connection: Connection, kind: str = "") -> Any:
    """Return ``ALIASES`` of a kind, or all, by kind and spelling."""
    where = f"WHERE kind = {sign(connection)} " if kind else ""
    read = fetch_columns(
        connection,
        f"SELECT {', '.join(ALIASES.columns)} FROM alias {where}ORDER BY kind, spelling",  # noqa: S608
        list(ALIASES.columns.values()),
        (kind,) if kind else (),
    )
    return pd.DataFrame(dict(zip(ALIASES.columns, read, strict=True)))


def delete_alias(connection: Connection, kind: str, spelling: str) -> bool:
    """Forget what a spelling means, and say whether it was known."""
    done = connection.execute(delete(ALIAS).where(ALIAS.c.kind == kind, ALIAS.c.spelling == spelling))
    return done.rowcount > 0


# -- corrections -------------------------------------------------------------------------------------


def insert_corrections(connection: Connection, batch_id: int, table: Any) -> list[int]:
    """Keep what was changed in the rows of an import, and return the numbers that the corrections got.

    Parameters
    ----------
    connection
        That writes.
    batch_id
        Of the import.
    table
        ``CORRECTIONS``.

    Raises
    ------
    BadTableError
        If a column is missing or of another type.
    """
    table = CORRECTIONS.check(table)
    columns: dict[str, Any] = {name: table[name].array for name in CORRECTIONS.columns}
    columns["batch_id"] = np.full(len(table), batch_id)
    newest = select(func.coalesce(func.max(CORRECTION.c.correction_id), 0))
    before = int(connection.execute(newest).scalar_one())
    insert_slabs(connection, CORRECTION, columns)
    added = select(CORRECTION.c.correction_id).where(CORRECTION.c.correction_id > before)
    return [int(number) for number in connection.execute(added).scalars()]


def read_corrections(connection: Connection, batch_id: int | None = None) -> Any:
    """Return ``CORRECTIONS`` and ``batch_id, file_name, correction_id``, in the order of their files."""
    types = {**CORRECTIONS.columns, "batch_id": "int64", "file_name": "str", "correction_id": "int64"}
    fetched = [
        f"batch.{name}" if name == "file_name" else f"correction.{name}"
        for name in quoted(connection, list(types))
    ]
    where = "" if batch_id is None else f"WHERE correction.batch_id = {int(batch_id)} "
    read = fetch_columns(
        connection,
        f"SELECT {', '.join(fetched)} FROM correction "  # noqa: S608 - our own names, and a number
        f"JOIN batch ON batch.batch_id = correction.batch_id {where}"
        "ORDER BY correction.batch_id, correction.sheet, correction.row_number, correction.correction_id",
        list(types.values()),
    )
    return pd.DataFrame(dict(zip(types, read, strict=True)))


def delete_corrections(connection: Connection, correction_ids: Any) -> None:
    """Forget corrections, when the rows they are about are held again."""
    statement = f"DELETE FROM correction WHERE correction_id = {sign(connection)}"  # noqa: S608 - only a sign
    run_slabs(connection, statement, [np.asarray(correction_ids, dtype=np.int64)])


# -- answers -----------------------------------------------------------------------------------------


def insert_answer(
    connection: Connection, item: str, answer: Mapping[str, Any], before: Mapping[str, Any], at: datetime
) -> int:
    """Remember an answer of the review with what stood there before, and return its number."""
    found = connection.execute(
        insert(ANSWER).values(
            item=item,
            answer=json.dumps(answer, ensure_ascii=False),
            before=json.dumps(before, ensure_ascii=False),
            answered_at=at.replace(microsecond=0),
        )
    )
    return int(found.inserted_primary_key[0])  # type: ignore[index]


def last_answer(connection: Connection) -> Mapping[str, Any] | None:
    """Return ``answer_id, item, answer, before, answered_at`` of the newest answer, or ``None``."""
    row = connection.execute(select(ANSWER).order_by(ANSWER.c.answer_id.desc())).first()
    if row is None:
        return None
    found = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return found | {name: json.loads(found[name]) for name in ("answer", "before")}


def last_answered(connection: Connection) -> str:
    """Return the question of the newest answer, ``""`` when there is none."""
    found = connection.execute(select(ANSWER.c.item).order_by(ANSWER.c.answer_id.desc()).limit(1)).scalar()
    return str(found or "")


def rows_of_imports(connection: Connection, table: str, numbers: Any, batch_ids: Any) -> list[int]:
    """Return those of the numbers under which imports have rows, in order.

    A number may belong to another import by now: the database gives those of deleted rows again, and a report
    that comes again has the number that it had.

    Parameters
    ----------
    connection
        A snapshot.
    table
        ``held``, ``report`` or ``correction``.
    numbers
        int64: ``held_id``, ``report_id`` or ``correction_id``.
    batch_ids
        Numbers of the imports.
    """
    key = {"held": "held_id", "report": "report_id", "correction": "correction_id"}[table]
    wanted = np.unique(np.asarray(numbers, dtype=np.int64))
    statement = f"SELECT {key}, batch_id FROM {table} WHERE {key}"  # noqa: S608 - our own names
    found, batches = in_slabs(connection, statement, ["int64"] * 2, wanted)
    there: list[int] = np.sort(found[np.isin(batches, batch_ids)]).tolist()
    return there


def delete_answer(connection: Connection, answer_id: int) -> None:
    """Forget an answer that was taken back."""
    connection.execute(delete(ANSWER).where(ANSWER.c.answer_id == answer_id))
