"""Plans of patrols, and what came back from them.

A return is one file of one team. What it says of a stop stands beside what earlier files said of it: the
answer that was said last counts, the others are kept. Visits and finds are apart from reports: nothing here is
ever counted as a report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, and_, delete, func, insert, or_, select, update

from pingan_geo.model.patrol import FINDS, VISITS, Patrol
from pingan_geo.model.patrol_json import patrol_from_json, patrol_to_json
from pingan_geo.model.tables import TIME, TableSpec
from pingan_geo.storage.bulk import typed
from pingan_geo.storage.tables import FIND, PATROL, PATROL_HELD, PATROL_PHOTO, PATROL_RETURN, VISIT

#: What became of a plan: nothing came back yet; something did; another plan stands in its place and nothing came back.
PATROL_STATES: Final = ("planned", "returned", "replaced")

#: Plans, one row each.
PATROLS: Final = TableSpec(
    "patrols",
    {
        "patrol_id": "str",
        "title": "str",
        "since": TIME,
        "until": TIME,
        "made_at": TIME,
        "seed": "int64",
        "state": "str",
    },
)
#: Files that came back, one row each.
RETURNS: Final = TableSpec(
    "patrol returns",
    {
        "return_id": "int64",
        "patrol_id": "str",
        "team": "str",
        "file_name": "str",
        "file_sha256": "str",
        "kind": "str",
        "person": "str",
        "returned_at": TIME,
        "said_at": TIME,
        "receipt": "str",
    },
)
#: FINDS as a file brings them, with the name that the phone or the sheet gives each.
BROUGHT_FINDS: Final = TableSpec("finds brought back", {**FINDS.columns, "find_key": "str"})
#: Rows of a file that came back which could not be taken.
HELD_RETURNS: Final = TableSpec(
    "held rows of patrols",
    {"row_number": "int64", "reason": "str", "detail": "str", "received": "str"},
)
#: Photos of a return in ``media/``.
RETURN_PHOTOS: Final = TableSpec("photos of patrols", {"file": "str", "sha256": "str", "likeness": "int64"})

_NAT: Final = np.datetime64("NaT", "s")
#: What a later look says about what was found before: ``no_entry`` says nothing.
_SETTLING, _OPENING = ("none", "settled"), ("found",)


@dataclass(frozen=True, eq=False)
class PatrolReturn:
    """One file that a team brought back, read and checked.

    Parameters
    ----------
    patrol_id, team
        Of the plan.
    file_name, file_sha256, kind, person
        Of the file; ``kind``: ``phone``, ``qr``, ``sheet``; ``person``: 工号 or ``""``.
    returned_at
        When it was taken in.
    said_at
        When it was written, else ``returned_at``: of two files about one stop the later one counts.
    visits
        VISITS, at most one row a stop.
    finds
        BROUGHT_FINDS; ``find_id`` is not read.
    held
        HELD_RETURNS.
    photos
        RETURN_PHOTOS.
    """

    patrol_id: str
    team: str
    file_name: str
    file_sha256: str
    kind: str
    person: str
    returned_at: datetime
    said_at: datetime
    visits: Any = field(default_factory=VISITS.empty, repr=False)
    finds: Any = field(default_factory=BROUGHT_FINDS.empty, repr=False)
    held: Any = field(default_factory=HELD_RETURNS.empty, repr=False)
    photos: Any = field(default_factory=RETURN_PHOTOS.empty, repr=False)


@dataclass(frozen=True, eq=False)
class WrittenReturn:
    """What a return changed.

    Parameters
    ----------
    return_id
        Its number; that of the earlier return when the same file was there before.
    known
        The very file was there before: nothing was written.
    new_visits, new_finds
        One a row: it says something that was not known. The others repeat what an earlier file said, or are
        older than what counts.
    """

    return_id: int
    known: bool
    new_visits: NDArray[np.bool_]
    new_finds: NDArray[np.bool_]


# -- plans -------------------------------------------------------------------------------------------


def next_patrol_id(connection: Connection, day: date) -> str:
    """Return the next free number of a day's patrols: ``XL-20250801-003``."""
    prefix = f"XL-{day:%Y%m%d}-"
    taken = connection.execute(
        select(PATROL.c.patrol_id).where(PATROL.c.patrol_id.startswith(prefix, autoescape=True))
    )
    numbers = [int(name.removeprefix(prefix)) for name in taken.scalars() if name[len(prefix) :].isdigit()]
    return f"{prefix}{max(numbers, default=0) + 1:03d}"


def write_patrol(connection: Connection, patrol: Patrol, request: str = "") -> bool:
    """Keep a plan, and say whether it was kept: not when there is one of that number.

    Parameters
    ----------
    connection
        That writes.
    patrol
        As planned.
    request
        What was asked for, as JSON.
    """
    known = select(PATROL.c.patrol_id).where(PATROL.c.patrol_id == patrol.patrol_id)
    if connection.execute(known).first() is not None:
        return False
    connection.execute(
        insert(PATROL).values(
            patrol_id=patrol.patrol_id,
            title=patrol.title,
            since=patrol.since,
            until=patrol.until,
            made_at=patrol.made_at.replace(microsecond=0),
            seed=patrol.seed,
            state=PATROL_STATES[0],
            plan=patrol_to_json(patrol),
            request=request,
        )
    )
    return True


def set_patrol_state(connection: Connection, patrol_id: str, state: str) -> bool:
    """Say what became of a plan (of :data:`PATROL_STATES`), and whether there is such a plan."""
    done = connection.execute(update(PATROL).where(PATROL.c.patrol_id == patrol_id).values(state=state))
    return done.rowcount > 0


def delete_patrol(connection: Connection, patrol_id: str) -> bool:
    """Forget a plan for which nothing came back, and say whether there was one."""
    returned = select(PATROL_RETURN.c.patrol_id)
    done = connection.execute(
        delete(PATROL).where(PATROL.c.patrol_id == patrol_id, PATROL.c.patrol_id.not_in(returned))
    )
    return done.rowcount > 0


def read_patrols(
    connection: Connection, *, since: datetime | None = None, until: datetime | None = None
) -> Any:
    """Return PATROLS whose shift begins in ``[since, until)``, the latest shift first."""
    wanted = select(*(PATROL.c[name] for name in PATROLS.columns))
    if since is not None:
        wanted = wanted.where(PATROL.c.since >= since)
    if until is not None:
        wanted = wanted.where(PATROL.c.since < until)
    return _table(
        connection, wanted.order_by(PATROL.c.since.desc(), PATROL.c.patrol_id.desc()), PATROLS.columns
    )


def read_patrol(connection: Connection, patrol_id: str) -> Patrol | None:
    """Return a plan, ``None`` when there is none of that number.

    Raises
    ------
    PatrolPlanError
        If what is stored cannot be read.
    """
    text = connection.execute(select(PATROL.c.plan).where(PATROL.c.patrol_id == patrol_id)).scalar()
    return None if text is None else patrol_from_json(text)


def read_request(connection: Connection, patrol_id: str) -> str:
    """Return what was asked for when a plan was made, as JSON; ``""`` when that is not known."""
    found = connection.execute(select(PATROL.c.request).where(PATROL.c.patrol_id == patrol_id)).scalar()
    return str(found or "")


# -- returns -----------------------------------------------------------------------------------------


def find_return(connection: Connection, patrol_id: str, team: str, sha256: str) -> int:
    """Return the number of the return of this very file, 0 when it was not there before."""
    found = connection.execute(
        select(PATROL_RETURN.c.return_id).where(
            PATROL_RETURN.c.patrol_id == patrol_id,
            PATROL_RETURN.c.team == team,
            PATROL_RETURN.c.file_sha256 == sha256,
        )
    ).scalar()
    return int(found or 0)


def write_return(connection: Connection, brought: PatrolReturn) -> WrittenReturn:
    """Keep what a team brought back.

    The same file again changes nothing. Where two files speak of one stop, or of one find, the one that was
    said later counts and the other is kept beside it; a stop that a file leaves empty never takes the place of
    an answer. Finds made at a stop before are settled by a later patrol's answer that nothing is there
    (any more), and opened again by one that something is.

    Parameters
    ----------
    connection
        That writes.
    brought
        Of a plan that is stored.

    Returns
    -------
    WrittenReturn

    Raises
    ------
    BadTableError
        If a table lacks a column or has one of another type.
    """
    visits, finds = VISITS.check(brought.visits), BROUGHT_FINDS.check(brought.finds)
    known = find_return(connection, brought.patrol_id, brought.team, brought.file_sha256)
    if known:
        return WrittenReturn(known, True, np.zeros(len(visits), bool), np.zeros(len(finds), bool))
    done = connection.execute(
        insert(PATROL_RETURN).values(
            patrol_id=brought.patrol_id,
            team=brought.team,
            file_name=brought.file_name,
            file_sha256=brought.file_sha256,
            kind=brought.kind,
            person=brought.person,
            returned_at=brought.returned_at.replace(microsecond=0),
            said_at=brought.said_at.replace(microsecond=0),
            receipt="",
        )
    )
    return_id = int(done.inserted_primary_key[0])  # type: ignore[index]
    new_visits = [_keep_visit(connection, return_id, brought, row) for row in _records(visits, VISITS)]
    new_finds = [_keep_find(connection, return_id, brought, row) for row in _records(finds, BROUGHT_FINDS)]
    for table, rows, names in (
        (PATROL_HELD, HELD_RETURNS.check(brought.held), HELD_RETURNS),
        (PATROL_PHOTO, RETURN_PHOTOS.check(brought.photos), RETURN_PHOTOS),
    ):
        if len(rows):
            connection.execute(
                insert(table), [{"return_id": return_id, **row} for row in _records(rows, names)]
            )
    connection.execute(
        update(PATROL)
        .where(PATROL.c.patrol_id == brought.patrol_id)  # also one that was replaced: it was walked
        .values(state=PATROL_STATES[1])
    )
    _follow_up(connection, sorted(set(visits["stop_id"])))
    return WrittenReturn(return_id, False, np.array(new_visits, dtype=bool), np.array(new_finds, dtype=bool))


def set_receipt(connection: Connection, return_id: int, receipt: str) -> None:
    """Keep the receipt of a return, as JSON."""
    connection.execute(
        update(PATROL_RETURN).where(PATROL_RETURN.c.return_id == return_id).values(receipt=receipt)
    )


def read_returns(connection: Connection, patrol_id: str = "") -> Any:
    """Return RETURNS of a patrol, or of all, in the order of their coming."""
    wanted = select(*(PATROL_RETURN.c[name] for name in RETURNS.columns))
    if patrol_id:
        wanted = wanted.where(PATROL_RETURN.c.patrol_id == patrol_id)
    return _table(connection, wanted.order_by(PATROL_RETURN.c.return_id), RETURNS.columns)


def read_held_returns(connection: Connection, return_id: int) -> Any:
    """Return HELD_RETURNS of one return, in the order of its rows."""
    wanted = select(*(PATROL_HELD.c[name] for name in HELD_RETURNS.columns))
    wanted = wanted.where(PATROL_HELD.c.return_id == return_id).order_by(PATROL_HELD.c.row_number)
    return _table(connection, wanted, HELD_RETURNS.columns)


def read_visits(
    connection: Connection,
    patrol_id: str = "",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    history: bool = False,
) -> Any:
    """Return VISITS of a patrol or of all, by patrol, team and number.

    Parameters
    ----------
    connection
        A snapshot.
    patrol_id
        ``""``: of all patrols.
    since, until
        Only stops planned for ``[since, until)``.
    history
        Also what an answer that counts has taken the place of; there is then a column ``counts``.
    """
    names = {**VISITS.columns, **({"counts": "bool"} if history else {})}
    wanted = select(*(VISIT.c[name] for name in names))
    if not history:
        wanted = wanted.where(VISIT.c.counts)
    if patrol_id:
        wanted = wanted.where(VISIT.c.patrol_id == patrol_id)
    if since is not None:
        wanted = wanted.where(VISIT.c.planned_arrive >= since)
    if until is not None:
        wanted = wanted.where(VISIT.c.planned_arrive < until)
    order = (VISIT.c.patrol_id, VISIT.c.team, VISIT.c.number, VISIT.c.visit_id)
    return _table(connection, wanted.order_by(*order), names)


def read_finds(
    connection: Connection, patrol_id: str = "", *, open_only: bool = False, history: bool = False
) -> Any:
    """Return FINDS of a patrol or of all, and ``settled_at``, by number.

    Parameters
    ----------
    connection
        A snapshot.
    patrol_id
        ``""``: of all patrols.
    open_only
        Only those that are not settled.
    history
        Also what was said of a find before; there is then a column ``counts``.
    """
    names = {**FINDS.columns, "settled_at": TIME, **({"counts": "bool"} if history else {})}
    wanted = select(*(FIND.c[name] for name in names))
    if not history:
        wanted = wanted.where(FIND.c.counts)
    if patrol_id:
        wanted = wanted.where(FIND.c.patrol_id == patrol_id)
    if open_only:
        wanted = wanted.where(FIND.c.state == "open")
    return _table(connection, wanted.order_by(FIND.c.find_id), names)


def set_find_state(connection: Connection, find_id: int, state: str, at: datetime | None = None) -> bool:
    """Say that a find is ``open`` or ``settled`` (when), and whether there is such a find."""
    done = connection.execute(
        update(FIND)
        .where(FIND.c.find_id == find_id, FIND.c.counts)
        .values(state=state, settled_at=at.replace(microsecond=0) if at and state == "settled" else None)
    )
    return done.rowcount > 0


# -- parts -------------------------------------------------------------------------------------------

_SAID: Final = ("arrived", "left", "answer", "note", "photos")


def _keep_visit(connection: Connection, return_id: int, brought: PatrolReturn, row: dict[str, Any]) -> bool:
    """Store one visit; of those about its stop the one said last counts. Say whether it was news."""
    same = and_(
        VISIT.c.patrol_id == brought.patrol_id, VISIT.c.team == brought.team, VISIT.c.stop_id == row["stop_id"],
        VISIT.c.number == row["number"], VISIT.c.counts,
    )  # fmt: skip
    known = connection.execute(select(VISIT, PATROL_RETURN.c.said_at).join(PATROL_RETURN).where(same)).first()
    if known is not None and all(getattr(known, name) == row[name] for name in _SAID):
        return False
    says_more = _was_there(row) or known is None or not (known.arrived or known.answer)
    counts = known is None or (says_more and brought.said_at >= known.said_at)
    if known is not None and counts:
        connection.execute(update(VISIT).where(VISIT.c.visit_id == known.visit_id).values(counts=False))
    connection.execute(insert(VISIT).values(return_id=return_id, counts=counts, **row))
    return counts


def _was_there(row: dict[str, Any]) -> bool:
    return row["arrived"] is not None or bool(row["answer"])


def _keep_find(connection: Connection, return_id: int, brought: PatrolReturn, row: dict[str, Any]) -> bool:
    """Store one find; one that is known by its key keeps its number. Say whether it was news."""
    row = {name: value for name, value in row.items() if name != "find_id"}
    known = connection.execute(
        select(FIND, PATROL_RETURN.c.said_at)
        .join(PATROL_RETURN)
        .where(
            FIND.c.patrol_id == brought.patrol_id,
            FIND.c.team == brought.team,
            FIND.c.find_key == row["find_key"],
            FIND.c.counts,
        )
    ).first()
    if known is None:
        connection.execute(
            insert(FIND).values(return_id=return_id, counts=True, state_said=row["state"], **row)
        )
        return True
    if all(getattr(known, name) == value for name, value in row.items() if name != "state") and (
        known.state_said == row["state"]
    ):
        return False
    if brought.said_at < known.said_at:
        connection.execute(
            insert(FIND).values(return_id=return_id, counts=False, state_said=row["state"], **row)
        )
        return False
    before = {
        name: value
        for name, value in known._mapping.items()  # noqa: SLF001 - SQLAlchemy's public name for it
        if name not in {"find_id", "said_at"}
    }
    connection.execute(insert(FIND).values(**before | {"counts": False}))
    connection.execute(
        update(FIND)
        .where(FIND.c.find_id == known.find_id)
        .values(return_id=return_id, state_said=row["state"], settled_at=None, **row)
    )
    return True


def _follow_up(connection: Connection, stops: Sequence[str]) -> None:
    """Set the state of finds made at stops by what later patrols answered there."""
    numbers = [int(stop[5:]) for stop in stops if stop.startswith("find:") and stop[5:].isdigit()]
    chosen = or_(and_(FIND.c.stop_id.in_(stops), FIND.c.stop_id != ""), FIND.c.find_id.in_(numbers))
    dated = FIND.c.time.is_not(None)
    for find in connection.execute(select(FIND).where(FIND.c.counts, dated, chosen)).all():
        places = [f"find:{find.find_id}", *([find.stop_id] if find.stop_id else [])]
        answered = VISIT.c.answer.in_((*_SETTLING, *_OPENING))
        when = func.coalesce(VISIT.c.arrived, VISIT.c.left, VISIT.c.planned_arrive)
        later = connection.execute(
            select(VISIT.c.answer, when.label("at"))
            .where(VISIT.c.counts, answered, VISIT.c.stop_id.in_(places))
            .where(VISIT.c.patrol_id != find.patrol_id, when > find.time)
            .order_by(when.desc(), VISIT.c.visit_id.desc())
        ).first()
        state, at = find.state_said, None
        if later is not None:
            state = "settled" if later.answer in _SETTLING else "open"
            at = _as_instant(later.at) if state == "settled" else None
        connection.execute(
            update(FIND).where(FIND.c.find_id == find.find_id).values(state=state, settled_at=at)
        )


def _as_instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def _records(table: Any, spec: TableSpec) -> list[dict[str, Any]]:
    """Return the rows of a small table as the driver takes them; missing times become NULL."""
    columns = {}
    for name, dtype in spec.columns.items():
        values = table[name]
        if dtype == TIME:
            columns[name] = [None if pd.isna(one) else one.to_pydatetime() for one in values]
        elif dtype == "uint64":
            columns[name] = [int(one) for one in values]
        else:
            columns[name] = values.tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _table(connection: Connection, wanted: Select[Any], names: dict[str, str] | Any) -> Any:
    rows = connection.execute(wanted).all()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pd.DataFrame(
        {
            name: np.array(values, dtype=bool) if dtype == "bool" else typed(values, dtype)
            for (name, dtype), values in zip(names.items(), columns, strict=True)
        }
    )
