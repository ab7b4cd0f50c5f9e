"""A patrol as JSON text and back, whole: what was planned is read as it was planned."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

from pingan_geo.errors import PatrolPlanError
from pingan_geo.model.patrol import Halt, LeftOut, Patrol, Route, Stop, Team

FORMAT: Final = "pingan-patrol/1"


def patrol_to_json(patrol: Patrol) -> str:
    """Return a patrol as one line of JSON; instants as ``2025-08-01T19:00:00``, the same text for the same patrol."""
    written = {"format": FORMAT, **asdict(patrol)}
    return json.dumps(written, ensure_ascii=False, separators=(",", ":"), default=_instant, allow_nan=False)


def patrol_from_json(text: str) -> Patrol:
    """Return the patrol of a text of :func:`patrol_to_json`.

    Fields that this version does not know are passed over; absent ones that have a default take it.

    Raises
    ------
    PatrolPlanError
        If it is no such text.
    """
    try:
        read = json.loads(text)
        if read["format"] != FORMAT:
            raise PatrolPlanError(detail=str(read["format"])[:40])
        routes = tuple(_route(one) for one in read["routes"])
        left_out = tuple(_made(LeftOut, one) for one in read["left_out"])
        words = {"routes": routes, "left_out": left_out, "notes": tuple(read["notes"])}
        patrol: Patrol = _made(Patrol, {**read, **words})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, PatrolPlanError):
            raise
        raise PatrolPlanError(detail=type(error).__name__) from error
    return patrol


_INSTANTS: Final = frozenset({"since", "until", "made_at", "arrive", "leave", "last_visit", "back_at"})


def _instant(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _made(kind: type[Any], read: dict[str, Any]) -> Any:
    known = {one.name for one in fields(kind)}
    return kind(
        **{
            name: datetime.fromisoformat(value) if name in _INSTANTS and value is not None else value
            for name, value in read.items()
            if name in known
        }
    )


def _route(read: dict[str, Any]) -> Route:
    team = dict(read["team"])
    halts = {name: _made(Halt, team[name]) for name in ("start", "end")}
    route: Route = _made(
        Route,
        {
            **read,
            "team": _made(Team, {**team, **halts}),
            "stops": tuple(_made(Stop, one) for one in read["stops"]),
            "line": tuple((float(lon), float(lat)) for lon, lat in read["line"]),
        },
    )
    return route
