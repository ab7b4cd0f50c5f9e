"""What is asked of a plan of patrols: the shift, the teams, what to look for; and where teams may start."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadChoiceError, PatrolPlanError, PlaceUnknownError, TeamStartError
from pingan_geo.i18n import Translator
from pingan_geo.model.patrol import MODES, Halt, Team
from pingan_geo.storage.records import read_features
from pingan_geo.workflow.towns import Town

#: Layers of features that have a place, in the order in which a name is looked for.
PLACED: Final = ("stations", "posts", "places", "enterprises")
#: Kinds of places where a team may start, besides stations and posts.
STARTS: Final = frozenset(
    {"police", "fire", "hall", "office", "派出所", "消防站", "应急消防站", "政府", "村委会", "village hall"}
)
MOST_TEAMS: Final = 50
LONGEST_SHIFT: Final = timedelta(hours=24)
#: What stands around a start, as the crow flies: a team begins where most is expected within it.
_AROUND_M: Final = 1_500.0


@dataclass(frozen=True)
class TeamRequest:
    """One team, as somebody asks for it; what is empty is taken from the town's settings.

    Parameters
    ----------
    start, end
        Number or name of a station, post or place, or ``lon,lat`` (WGS-84). ``start`` empty: the settings' own,
        else the station or post with most expected around it that no other team starts from; ``end`` empty: the
        start.
    mode
        Of :data:`pingan_geo.model.patrol.MODES`.
    name
        For people.
    since, until
        Its own hours within the shift.
    break_min
        Minutes of rest; ``None``: as the settings say for so long a shift.
    """

    start: str = ""
    end: str = ""
    mode: str = ""
    name: str = ""
    since: datetime | None = None
    until: datetime | None = None
    break_min: int | None = None


@dataclass(frozen=True)
class PatrolRequest:
    """One shift to be planned.

    Parameters
    ----------
    since, until
        The shift: wall clock of the town, whole minutes.
    teams
        Empty: as many as the settings say.
    categories
        What is looked for: codes; empty for all.
    seed
        Of the variety from night to night, and of the quiet places looked at.
    must
        Places to be seen, named by hand: ``posts:P1`` (layer and number of a feature), a number or name of one,
        an H3 cell in hexadecimal, or ``lon,lat``.
    posts
        Numbers or names of posts to sign in at.
    title
        What it is called; empty: made from the categories.
    """

    since: datetime
    until: datetime
    teams: tuple[TeamRequest, ...] = ()
    categories: tuple[str, ...] = ()
    seed: int = 1
    must: tuple[str, ...] = ()
    posts: tuple[str, ...] = ()
    title: str = ""

    def check(self) -> None:
        """Refuse what no plan can be made of.

        Raises
        ------
        BadChoiceError
            If the shift ends before it begins or is longer than a day, an instant has seconds, a team's hours
            lie outside it, there are too many teams, or a mode is not offered.
        """
        if not timedelta(0) < self.until - self.since <= LONGEST_SHIFT:
            raise BadChoiceError(name="until", value=self.until, expected="after the start, within 24 hours")
        if len(self.teams) > MOST_TEAMS:
            raise BadChoiceError(name="teams", value=len(self.teams), expected=f"1-{MOST_TEAMS}")
        if not 0 <= self.seed < 2**31:
            raise BadChoiceError(name="seed", value=self.seed, expected="0 or more, below 2147483648")
        named = [("since", self.since), ("until", self.until)]
        own = [pair for team in self.teams for pair in (("since", team.since), ("until", team.until))]
        for name, value in (*named, *own):
            if value is not None and (value.second or value.microsecond or value.tzinfo):
                raise BadChoiceError(name=name, value=value, expected="whole minutes of the town's clock")
        for team in self.teams:
            since, until = team.since or self.since, team.until or self.until
            if not self.since <= since < until <= self.until:
                raise BadChoiceError(name="teams", value=until, expected="hours within the shift")
            if team.mode and team.mode not in MODES:
                raise BadChoiceError(name="mode", value=team.mode, expected=" / ".join(MODES))
            if team.break_min is not None and not 0 <= team.break_min <= 120:
                raise BadChoiceError(name="break", value=team.break_min, expected="0-120")


def request_to_json(request: PatrolRequest) -> str:
    """Return a request as JSON text."""
    return json.dumps(asdict(request), ensure_ascii=False, default=lambda instant: instant.isoformat())


def request_from_json(text: str) -> PatrolRequest:
    """Return the request of a text of :func:`request_to_json`.

    Raises
    ------
    PatrolPlanError
        If it is no such text.
    """
    try:
        read = json.loads(text)
        teams = tuple(_made(TeamRequest, one) for one in read.pop("teams"))
        listed = {name: tuple(read[name]) for name in ("categories", "must", "posts")}
        request: PatrolRequest = _made(PatrolRequest, {**read, **listed, "teams": teams})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PatrolPlanError(detail=type(error).__name__) from error
    return request


def _made(kind: type[Any], read: Mapping[str, Any]) -> Any:
    known = {one.name for one in fields(kind)}
    return kind(
        **{
            name: datetime.fromisoformat(value) if name in {"since", "until"} and value else value
            for name, value in read.items()
            if name in known
        }
    )


# -- places that people name ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class NamedPlaces:
    """All features of a town that have a place.

    Parameters
    ----------
    table
        ``key`` (``layer:feature_id``), ``layer``, ``feature_id``, ``name``, ``kind``, ``lon``, ``lat``.
    """

    table: pd.DataFrame

    @classmethod
    def of(cls, town: Town) -> NamedPlaces:
        """Read them."""
        parts = []
        with town.store.read() as connection:
            for layer in PLACED:
                features = read_features(connection, layer)
                features = features[np.isfinite(features["lon"].to_numpy(np.float64))]
                key = pd.Series([f"{layer}:{number}" for number in features["feature_id"]], dtype="str")
                parts.append(
                    features[["feature_id", "name", "kind", "lon", "lat"]]
                    .reset_index(drop=True)
                    .assign(layer=layer, key=key)
                )
        return cls(pd.concat(parts, ignore_index=True))

    def find(self, words: str) -> Halt:
        """Return the one place that is meant: by its key, its number, its whole name, a piece of its name, or ``lon,lat``.

        Raises
        ------
        PlaceUnknownError
            If no place is called so, or several are.
        """
        words = words.strip()
        if (at := _degrees(words)) is not None:
            return Halt(f"{at[1]:.5f}, {at[0]:.5f}", *at)
        return self._halt(self.row(words))

    def row(self, words: str) -> int:
        """Return the row of the one place that is meant.

        Raises
        ------
        PlaceUnknownError
            If no place is called so, or several are.
        """
        table = self.table
        for column in ("key", "feature_id", "name"):
            rows = np.flatnonzero((table[column] == words).to_numpy(dtype=bool))
            if len(rows):
                break
        else:
            rows = np.flatnonzero(
                table["name"].str.contains(words, regex=False).to_numpy(dtype=bool) & bool(words)
            )
        places = len(np.unique(table[["lon", "lat"]].to_numpy(np.float64)[rows].round(6), axis=0))
        if places != 1:
            known = [f"{table['name'][row] or '-'} ({table['key'][row]})" for row in rows[:5]]
            raise PlaceUnknownError(place=words, count=places, known=", ".join(known) or "-")
        return int(rows[0])

    def starts(self) -> pd.DataFrame:
        """Return the rows where teams may start: stations, posts, police and fire stations, offices."""
        return self.table[self._starting()].reset_index(drop=True)

    def halts(self) -> list[Halt]:
        """Return the places of :meth:`starts`."""
        return [self._halt(int(row)) for row in np.flatnonzero(self._starting())]

    def _starting(self) -> NDArray[np.bool_]:
        table = self.table
        some = table["layer"].isin(["stations", "posts"]) | table["kind"].isin(sorted(STARTS))
        chosen: NDArray[np.bool_] = np.asarray(
            some & (table["name"] != "") & (table["layer"] != "enterprises"), dtype=bool
        )
        return chosen

    def _halt(self, row: int) -> Halt:
        one = self.table.iloc[row]
        return Halt(str(one["name"] or one["feature_id"]), float(one["lon"]), float(one["lat"]))


def _degrees(words: str) -> tuple[float, float] | None:
    parts = words.replace("，", ",").split(",")
    if len(parts) != 2:
        return None
    try:
        lon, lat = float(parts[0]), float(parts[1])
    except ValueError:
        return None
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else None


# -- teams -------------------------------------------------------------------------------------------


def teams_of(
    town: Town,
    request: PatrolRequest,
    places: NamedPlaces,
    risk: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    t: Translator,
) -> tuple[Team, ...]:
    """Return the teams of a request, each with its start, end, hours and rest.

    Parameters
    ----------
    town, request, places
        What is asked, and where one may start.
    risk
        Longitudes, latitudes and expected reports of the town's cells.
    t
        For the names of teams.

    Raises
    ------
    PlaceUnknownError
        If a start or end names no place, or several.
    TeamStartError
        If none is named and the town has no station and no post.
    """
    usual = town.settings.patrol
    asked = request.teams or (TeamRequest(),) * usual.teams
    free = _best_starts(town, places, risk, sum(not (one.start or usual.start) for one in asked))
    teams = []
    for number, one in enumerate(asked, 1):
        named = one.start or usual.start
        start = places.find(named) if named else free.pop(0)
        since, until = one.since or request.since, one.until or request.until
        long = until - since > timedelta(hours=usual.break_after_h)
        rest = one.break_min if one.break_min is not None else usual.break_min * long
        teams.append(
            Team(
                code=str(number),
                name=one.name or t("Team {number}", number=number),
                mode=one.mode or usual.mode,
                start=start,
                end=places.find(one.end) if one.end else start,
                since=since,
                until=until,
                break_min=int(rest),
            )
        )
    return tuple(teams)


def _best_starts(
    town: Town,
    places: NamedPlaces,
    risk: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    count: int,
) -> list[Halt]:
    """Return so many starts, each where most is expected that is not around an earlier one."""
    if not count:
        return []
    table = places.starts()
    own = table[table["layer"].isin(["stations", "posts"])]
    table = (own if len(own) else table).reset_index(drop=True)
    if not len(table):
        raise TeamStartError(town=town.settings.name)
    lon, lat, expected = risk
    plane = local_metres(float(np.mean(lon)), float(np.mean(lat)))
    at = np.column_stack(plane.forward(table["lon"].to_numpy(np.float64), table["lat"].to_numpy(np.float64)))
    cells = np.column_stack(plane.forward(lon, lat))
    left = expected.copy()
    near = np.hypot(*(at[:, None, :] - cells[None, :, :]).transpose(2, 0, 1)) <= _AROUND_M
    chosen: list[int] = []
    for _ in range(count):
        gain = near @ left
        if not gain.max() > 0:
            left, gain = expected.copy(), near @ expected
        row = int(np.argmax(gain))
        chosen.append(row)
        left = np.where(near[row], 0.0, left)
    return [
        Halt(
            str(table["name"][row] or table["feature_id"][row]),
            float(table["lon"][row]),
            float(table["lat"][row]),
        )
        for row in chosen
    ]


def places_named(places: NamedPlaces, words: Sequence[str], layer: str = "") -> list[tuple[str, Halt]]:
    """Return ``stop_id`` and place of what was named by hand, each once.

    Raises
    ------
    PlaceUnknownError
        If one is not known, or not one of ``layer``.
    """
    found: dict[str, Halt] = {}
    for one in words:
        at = _degrees(one.strip())
        if at is not None and not layer:
            found.setdefault(f"at:{at[0]:.5f},{at[1]:.5f}", Halt(f"{at[1]:.5f}, {at[0]:.5f}", *at))
            continue
        row = places.row(one.strip())
        key = str(places.table["key"][row])
        if layer and not key.startswith(f"{layer}:"):
            raise PlaceUnknownError(place=one, count=0, known=layer)
        found.setdefault(key, places.find(key))
    return list(found.items())
