"""Pairs of reports that may tell of one incident, what people decided on them, and the groups that makes.

``merged_into`` of a report follows from the decisions alone: reports that merged pairs connect are one group,
and the one that happened first stands for it. So a decision that is taken back, or a report that goes, leaves
exactly what the other decisions say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection

from pingan_geo.model.tables import DUPLICATE_PAIRS, TIME
from pingan_geo.storage.bulk import (
    SLAB,
    fetch_columns,
    in_slabs,
    insert_slabs,
    quoted,
    run_slabs,
    sign,
    with_gaps,
)
from pingan_geo.storage.tables import DUPLICATE

#: What a pair may have been decided to be; ``""`` waits.
DECISIONS = ("", "merged", "apart")
#: What is compared of reports, beside how it was decided on them.
_COMPARED = {
    "report_id": "int64",
    "batch_id": "int64",
    "merged_into": "int64",
    "time": TIME,
    "time_until": TIME,
    "lon": "float64",
    "lat": "float64",
    "radius_m": "float64",
    "category": "str",
    "place": "str",
    "description": "str",
    "reporter": "str",
    "source_id": "str",
    "level": "str",
    "source": "str",
    "origin": "str",
}
#: What is shown of each of the two reports.
_SHOWN = {
    "batch_id": "int64",
    "row_number": "int64",
    "time": TIME,
    "time_until": TIME,
    "category": "str",
    "lon": "float64",
    "lat": "float64",
    "radius_m": "float64",
    "grid_id": "str",
    "source": "str",
    "source_id": "str",
    "reporter": "str",
    "place": "str",
    "description": "str",
}


def read_compared(
    connection: Connection,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    categories: Iterable[str] | None = None,
    batch_id: int | None = None,
    report_ids: Iterable[int] | None = None,
) -> Any:
    """Read what is compared of reports, also of merged ones, ordered by arrival.

    Parameters
    ----------
    connection
        A snapshot.
    since, until
        Bounds of ``time``, both inclusive.
    categories, batch_id, report_ids
        Only these.

    Returns
    -------
    DataFrame
        ``report_id, batch_id, merged_into, time, time_until, lon, lat, radius_m, category, place, description,
        reporter, source_id, level, source, origin``.
    """
    where, values = ["1 = 1"], []
    for comparison, instant in ((">=", since), ("<=", until)):
        if instant is not None:
            where.append(f"report.time {comparison} {sign(connection)}")
            values.append(instant.replace(microsecond=0).isoformat(" "))
    if categories is not None:
        named = list(dict.fromkeys(categories))
        where.append(
            f"report.category IN ({', '.join([sign(connection)] * len(named))})" if named else "1 = 0"
        )
        values += named
    if batch_id is not None:
        where.append(f"report.batch_id = {int(batch_id)}")
    shared = ("level", "source", "origin")
    fetched = ", ".join(
        f"{'provenance' if name in shared else 'report'}.{quoted(connection, [name])[0]}"
        for name in (*_COMPARED, "arrival")
    )
    statement = (
        f"SELECT {fetched} FROM report "  # noqa: S608 - our own names, numbers and signs
        "JOIN provenance ON provenance.provenance_id = report.provenance_id "
        f"WHERE {' AND '.join(where)}"
    )
    types = {**_COMPARED, "arrival": "int64"}
    if report_ids is None:
        read = fetch_columns(connection, statement, list(types.values()), values)
    else:
        numbers = np.unique(np.fromiter(report_ids, dtype=np.int64))
        read = in_slabs(
            connection, f"{statement} AND report.report_id", list(types.values()), numbers, values
        )
    table = pd.DataFrame(dict(zip(types, read, strict=True)))
    return table.sort_values("arrival", ignore_index=True).drop(columns="arrival")


def insert_duplicates(connection: Connection, batch_id: int, table: Any) -> int:
    """Ask whether reports tell of one incident; pairs known already are left alone with their decision.

    Parameters
    ----------
    connection
        That writes.
    batch_id
        Of the import that brought the second report of each pair.
    table
        ``DUPLICATE_PAIRS``.

    Returns
    -------
    int
        Pairs that are new.

    Raises
    ------
    BadTableError
        If a column is missing or of another type.
    """
    table = DUPLICATE_PAIRS.check(table).drop_duplicates(["first", "second"])
    first, second = _read_pairs(connection, "1 = 1")
    known = pd.MultiIndex.from_arrays([first, second])
    new = table[~pd.MultiIndex.from_frame(table[["first", "second"]]).isin(known)]
    columns: dict[str, Any] = {name: new[name].array for name in DUPLICATE_PAIRS.columns}
    for name in ("text_likeness", "photo_likeness"):
        values = new[name].to_numpy()
        columns[name] = with_gaps(values, np.isnan(values))  # SQLite keeps no NaN
    columns |= {"batch_id": np.full(len(new), batch_id), "decision": np.full(len(new), "", dtype=object)}
    insert_slabs(connection, DUPLICATE, columns)
    return len(new)


def read_duplicates(
    connection: Connection,
    decision: str | None = "",
    *,
    pairs: Sequence[tuple[int, int]] | None = None,
    batch_id: int | None = None,
    limit: int | None = None,
    asked: bool = False,
) -> Any:
    """Return pairs of reports with what a person needs to decide on them, the likeliest first.

    Parameters
    ----------
    connection
        A snapshot.
    decision
        ``""``: those that wait; ``merged``, ``apart``; ``None``: all.
    pairs
        Only these.
    batch_id
        Only those that this import brought.
    limit
        At most so many.
    asked
        With ``""``: only those that need an answer; of the others it follows from what is or will be decided
        (see :func:`count_duplicates`).

    Returns
    -------
    DataFrame
        ``DUPLICATE_PAIRS`` and ``batch_id, decision, decided_at``, and of each report ``first_…`` and
        ``second_…``: ``batch_id, row_number, time, time_until, category, lon, lat, radius_m, grid_id, source,
        source_id, reporter, place, description``.
    """
    own = {**DUPLICATE_PAIRS.columns, "batch_id": "int64", "decision": "str", "decided_at": TIME}
    types = dict(own)
    fetched = [f"duplicate.{name}" for name in quoted(connection, list(own))]
    joins = ""
    for side in ("first", "second"):
        types |= {f"{side}_{name}": dtype for name, dtype in _SHOWN.items()}
        fetched += [f"{_table_of(name, side)}.{name}" for name in _SHOWN]
        joins += (
            f" JOIN report AS {side}_report ON {side}_report.report_id = duplicate.{side}"
            f" JOIN zone AS {side}_zone ON {side}_zone.zone_id = {side}_report.zone_id"
            f" JOIN provenance AS {side}_provenance"
            f" ON {side}_provenance.provenance_id = {side}_report.provenance_id"
        )
    where, values = ["1 = 1"], []
    if asked:
        first, second, _ = _asked_pairs(connection, batch_id)
        open_now = set(zip(first[:limit].tolist(), second[:limit].tolist(), strict=True))
        pairs = list(open_now if pairs is None else open_now & set(pairs))
    if decision is not None:
        where.append(f"duplicate.decision = {sign(connection)}")
        values.append(decision)
    if pairs is not None:
        chosen = ", ".join(f"({int(first)}, {int(second)})" for first, second in pairs)
        where.append(f"(duplicate.first, duplicate.second) IN (VALUES {chosen})" if chosen else "1 = 0")
    if batch_id is not None:
        where.append(f"duplicate.batch_id = {int(batch_id)}")
    statement = (
        f"SELECT {', '.join(fetched)} FROM duplicate{joins} "  # noqa: S608 - our own names, and signs
        f"WHERE {' AND '.join(where)} ORDER BY duplicate.score DESC, duplicate.first, duplicate.second"
    )
    if limit is not None:
        statement += f" LIMIT {int(limit)}"
    read = fetch_columns(connection, statement, list(types.values()), values)
    return pd.DataFrame(dict(zip(types, read, strict=True)))


def count_duplicates(connection: Connection, batch_id: int | None = None) -> int:
    """Count the pairs that need an answer, of one import or of all.

    Not all that wait do. Reports that are one incident already are not asked about, nor two incidents of which
    one pair was kept apart; and where pairs close a circle, the least likely one is left out, because the answers
    to the others say it: six equal reports are five questions and not fifteen.
    """
    return len(_asked_pairs(connection, batch_id)[0])


def _asked_pairs(
    connection: Connection, batch_id: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return first, second and import of the pairs that need an answer, the likeliest first."""
    first, second, batch, apart = fetch_columns(
        connection,
        "SELECT first, second, batch_id, decision = 'apart' FROM duplicate WHERE decision != 'merged' "
        "ORDER BY score DESC, first, second",
        ["int64"] * 4,
    )
    merged = merged_reports(connection)
    head = dict(zip(merged["report_id"].tolist(), merged["merged_into"].tolist(), strict=True))
    incidents = [
        (head.get(one, one), head.get(other, other))
        for one, other in zip(first.tolist(), second.tolist(), strict=True)
    ]
    kept_apart = {frozenset(incidents[row]) for row in np.flatnonzero(apart).tolist()}
    joined: dict[int, int] = {}

    def top(incident: int) -> int:
        while (above := joined.get(incident, incident)) != incident:
            joined[incident] = joined.get(above, above)
            incident = above
        return incident

    asked = []
    for row in np.flatnonzero(apart == 0).tolist():
        one, other = (top(incident) for incident in incidents[row])
        if one != other and frozenset(incidents[row]) not in kept_apart:
            joined[other] = one
            asked.append(row)
    chosen = np.array(asked, dtype=np.int64)
    if batch_id is not None:
        chosen = chosen[batch[chosen] == batch_id]
    return first[chosen], second[chosen], batch[chosen]


def decide_duplicates(
    connection: Connection, pairs: Iterable[tuple[int, int]], decision: str, at: datetime | None
) -> int:
    """Decide on pairs, and let ``merged_into`` of their reports follow.

    Parameters
    ----------
    connection
        That writes.
    pairs
        ``(first, second)``, as they are stored.
    decision
        ``merged``, ``apart``, or ``""``: it is open again.
    at
        Wall-clock time of the town; ``None`` for ``""``.

    Returns
    -------
    int
        Pairs decided on.
    """
    if decision not in DECISIONS:
        raise ValueError(f"{decision!r} is none of {DECISIONS}")
    chosen = list(dict.fromkeys((int(first), int(second)) for first, second in pairs))
    touched = np.array(chosen, dtype=np.int64).reshape(-1)
    groups = groups_of(connection, touched)
    when = None if at is None or not decision else at.replace(microsecond=0).isoformat(" ")
    rows = 0
    for start in range(0, len(chosen), SLAB):
        values = ", ".join(f"({first}, {second})" for first, second in chosen[start : start + SLAB])
        statement = (
            f"UPDATE duplicate SET decision = {sign(connection)}, decided_at = {sign(connection)} "  # noqa: S608
            f"WHERE (first, second) IN (VALUES {values})"
        )
        rows += connection.exec_driver_sql(statement, (decision, when)).rowcount
    regroup(connection, np.union1d(groups, touched))
    return rows


def merge_reports(connection: Connection, into: int, report_ids: Iterable[int]) -> None:
    """Let one report stand for others that no stored pair joins, and for those merged into them.

    What :func:`decide_duplicates` decides on pairs needs no such call.
    """
    ids = np.setdiff1d(np.array(list(report_ids), dtype=np.int64), [into])
    members = np.setdiff1d(groups_of(connection, ids), [into])
    _set_merged(connection, members, np.full(len(members), into))


def unmerge_reports(connection: Connection, report_ids: Iterable[int]) -> None:
    """Let reports stand for themselves again."""
    ids = np.array(list(report_ids), dtype=np.int64)
    _set_merged(connection, ids, np.zeros(len(ids), dtype=np.int64))


def merged_reports(connection: Connection) -> Any:
    """Return ``report_id`` and ``merged_into`` of the reports that another stands for, by ``report_id``."""
    read = fetch_columns(
        connection,
        "SELECT report_id, merged_into FROM report WHERE merged_into != 0 ORDER BY report_id",
        ["int64"] * 2,
    )
    return pd.DataFrame({"report_id": read[0], "merged_into": read[1]})


def remove_pairs(connection: Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """Forget pairs, ``(first, second)`` as they are stored; ``merged_into`` of their reports follows."""
    chosen = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    groups = groups_of(connection, chosen.ravel())
    value = sign(connection)
    run_slabs(
        connection,
        f"DELETE FROM duplicate WHERE first = {value} AND second = {value}",  # noqa: S608 - only signs
        [chosen[:, 0], chosen[:, 1]],
    )
    regroup(connection, groups)


def forget_pairs(connection: Connection, report_ids: NDArray[np.int64]) -> None:
    """Forget the pairs that name a report, with what was decided on them."""
    first, second = _read_pairs(connection, "1 = 1")
    named = np.isin(first, report_ids) | np.isin(second, report_ids)
    value = sign(connection)
    run_slabs(
        connection,
        f"DELETE FROM duplicate WHERE first = {value} AND second = {value}",  # noqa: S608 - only signs
        [first[named], second[named]],
    )


def groups_of(connection: Connection, report_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the reports themselves and all that are merged with them, each once, in order."""
    merged = merged_reports(connection)
    member, head = merged["report_id"].to_numpy(), merged["merged_into"].to_numpy()
    heads = np.union1d(report_ids, head[np.isin(member, report_ids)])
    return np.union1d(heads, member[np.isin(head, heads)])


def regroup(connection: Connection, report_ids: NDArray[np.int64]) -> None:
    """Let ``merged_into`` of whole groups follow from the merged pairs among them.

    The report with the earliest ``time`` stands for its group, of several the earlier arrival.

    Parameters
    ----------
    connection
        That writes.
    report_ids
        int64; with each report all that a merged pair connects it with (see :func:`groups_of`).
    """
    times, arrivals, ids, before = in_slabs(
        connection,
        "SELECT time, arrival, report_id, merged_into FROM report WHERE report_id",
        [TIME, "int64", "int64", "int64"],
        np.unique(report_ids),
    )
    order = np.lexsort((arrivals, times))
    ids, before = ids[order], before[order]
    first, second = _read_pairs(connection, "decision = 'merged'")
    inside = np.isin(first, ids) & np.isin(second, ids)
    place = {int(number): position for position, number in enumerate(ids)}
    head = list(range(len(ids)))

    def head_of(position: int) -> int:
        while head[position] != position:
            head[position] = head[head[position]]
            position = head[position]
        return position

    for left, right in zip(first[inside].tolist(), second[inside].tolist(), strict=True):
        one, other = sorted((head_of(place[left]), head_of(place[right])))
        head[other] = one  # what happened first
    heads = np.array([head_of(position) for position in range(len(ids))], dtype=np.int64)
    after = np.where(heads == np.arange(len(ids)), 0, ids[heads]) if len(ids) else before
    changed = after != before
    _set_merged(connection, ids[changed], after[changed])


def _set_merged(connection: Connection, report_ids: NDArray[np.int64], into: NDArray[np.int64]) -> None:
    value = sign(connection)
    run_slabs(
        connection,
        f"UPDATE report SET merged_into = {value} WHERE report_id = {value}",  # noqa: S608 - only signs
        [into, report_ids],
    )


def _read_pairs(connection: Connection, where: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    statement = f"SELECT first, second FROM duplicate WHERE {where}"  # noqa: S608 - our own words
    first, second = fetch_columns(connection, statement, ["int64"] * 2)
    return first, second


def _table_of(name: str, side: str) -> str:
    if name == "grid_id":
        return f"{side}_zone"
    return f"{side}_provenance" if name == "source" else f"{side}_report"
