"""What a plan of patrols is made of: places, their risk by the hour, teams, ways between them, and rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.errors import BadChoiceError, BadTableError, UnalignedIndexError
from pingan_geo.model.patrol import CANDIDATES, STOP_KINDS, Halt, Patrol, Team

Floats = NDArray[np.float64]
_HOUR_MIN = 60


@dataclass(frozen=True)
class PatrolRules:
    """How a plan is made; a town may set its own.

    Parameters
    ----------
    effect_min
        How long a stop works on after arrival, in minutes. In Koper's study of Minneapolis (1995) disorder stayed
        away longest after stops of 10 to 16 minutes, and the practice drawn from it is a stop at least every two
        hours. A visit is worth the reports expected in that time.
    control_share
        Share of the stops that are quiet places (0–1); at least one a patrol where time allows.
    variety
        Share (0–1) of the best plan's value that may be given up so that no two nights have the same round.
    break_near_min
        A break begins at most so many minutes from where it would lie in the middle of the shift.
    """

    effect_min: float = 120.0
    control_share: float = 0.1
    variety: float = 0.02
    break_near_min: float = 45.0

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("effect_min", self.effect_min, 1, 1440),
            ("control_share", self.control_share, 0, 1),
            ("variety", self.variety, 0, 1),
            ("break_near_min", self.break_near_min, 0, 1440),
        ):
            if not least <= value <= most:
                raise BadChoiceError(name=name, value=value, expected=f"{least}-{most}")


@dataclass(frozen=True)
class Changes:
    """What a person changed in a plan; all else is kept where it still can be.

    Parameters
    ----------
    previous
        The plan that was changed. Its pinned stops stay pinned, what was taken off it stays off.
    placed
        ``stop_id`` to the code of the team that shall see it; ``""``: whichever fits. For stops moved to another
        team and for places added.
    removed
        ``stop_id`` of places taken off.
    """

    previous: Patrol | None = None
    placed: Mapping[str, str] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()

    def all_placed(self) -> dict[str, str]:
        """Return what is pinned, by earlier changes and by these, with its team."""
        routes = self.previous.routes if self.previous else ()
        earlier = {stop.stop_id: route.team.code for route in routes for stop in route.stops if stop.pinned}
        placed = {**earlier, **self.placed}
        return {stop_id: team for stop_id, team in placed.items() if stop_id not in self.removed}

    def all_removed(self) -> set[str]:
        """Return what is taken off, by earlier changes and by these."""
        left = self.previous.left_out if self.previous else ()
        earlier = {one.stop_id for one in left if one.reason == "removed"}
        return (earlier - set(self.placed)) | self.removed


def shift_hour_starts(since: datetime, until: datetime, *, after_min: float = 120.0) -> list[datetime]:
    """Return the beginnings of the hours of a shift, counted from its start, and of the hours after it.

    These are the columns of :attr:`PatrolTask.hourly`: a shift from 18:30 has hours that begin at 18:30, 19:30 ….

    Parameters
    ----------
    since, until
        The shift.
    after_min
        How long after the shift a late visit still works, in minutes.
    """
    hours = _hours(since, until) + math.ceil(after_min / _HOUR_MIN)
    return [since + timedelta(hours=k) for k in range(hours)]


def _hours(since: datetime, until: datetime) -> int:
    return max(math.ceil((until - since) / timedelta(hours=1)), 1)


@dataclass(frozen=True, eq=False)
class PatrolTask:
    """All that a plan is made of. Times are wall-clock times of the town in whole minutes.

    Parameters
    ----------
    since, until
        The shift of the patrol; each team's own lies within it.
    candidates
        :data:`pingan_geo.model.patrol.CANDIDATES`, n rows; each ``stop_id`` once, and the expected reports of a
        cell at one row only.
    hourly
        ``(n, H)``: reports expected at each place in the hours of :func:`shift_hour_starts`; H at least the hours
        of the shift. The last hour of the shift holds only what lies before ``until``; hours after it are what a
        late visit still works on, and without them the last one goes on.
    teams
        At least one; codes are unique.
    halts
        Every start, end and break place, in the order of the matrices.
    minutes, metres
        Mode to ``(n + halts, n + halts)``: from row to column, candidates first, then halts; infinite where no
        way leads.
    breaks
        Halts where a team may rest; none: where it starts or ends.
    allowed
        ``(n, teams)``: whether the team may go there; ``None``: everywhere.
    no_go
        ``(n,)``: whether the place must not be entered; ``None``: nowhere.

    Raises
    ------
    BadTableError
        If the candidates have other columns, a ``stop_id`` twice, a kind that is none, reports of one cell at two
        rows, or ``expected`` is not the sum of the shift's hours.
    UnalignedIndexError
        If a matrix does not have a row for each candidate (and halt).
    BadChoiceError
        If a team, a mode, a halt or a time does not fit.
    """

    since: datetime
    until: datetime
    candidates: pd.DataFrame
    hourly: Floats
    teams: tuple[Team, ...]
    halts: tuple[Halt, ...]
    minutes: Mapping[str, Floats]
    metres: Mapping[str, Floats]
    breaks: tuple[Halt, ...] = ()
    allowed: NDArray[np.bool_] | None = None
    no_go: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        self._check_places()
        self._check_teams()
        self._check_matrices()

    @cached_property
    def _halt_rows(self) -> dict[Halt, int]:
        return {halt: len(self.candidates) + row for row, halt in enumerate(self.halts)}

    def place_of(self, halt: Halt) -> int:
        """Return the row of a halt in the matrices."""
        return self._halt_rows[halt]

    def minute(self, time: datetime) -> int:
        """Return the whole minutes from the start of the shift."""
        return round((time - self.since) / timedelta(minutes=1))

    def time(self, minute: float) -> datetime:
        """Return the time of a minute of the shift."""
        return self.since + timedelta(minutes=round(minute))

    def rests_of(self, team: Team) -> tuple[Halt, ...]:
        """Return where a team may take its break."""
        return self.breaks or tuple(dict.fromkeys((team.start, team.end)))

    @property
    def shift_hours(self) -> int:
        """Number of columns of ``hourly`` that lie in the shift."""
        return _hours(self.since, self.until)

    @cached_property
    def legs(self) -> dict[str, Floats]:
        """Minutes between places, rounded up to whole ones: a timetable is kept in whole minutes."""
        return {mode: np.ceil(np.asarray(matrix) - 1e-9) for mode, matrix in self.minutes.items()}

    @cached_property
    def may(self) -> NDArray[np.bool_]:
        """Whether a team may go to a place, ``(n, teams)``, by its mode alone."""
        shape = (len(self.candidates), len(self.teams))
        return np.ones(shape, dtype=bool) if self.allowed is None else np.asarray(self.allowed, dtype=bool)

    @cached_property
    def closed_off(self) -> NDArray[np.bool_]:
        """Whether a place must not be entered, ``(n,)``."""
        if self.no_go is None:
            return np.zeros(len(self.candidates), dtype=bool)
        return np.asarray(self.no_go, dtype=bool)

    @cached_property
    def dwell(self) -> Floats:
        """Whole minutes that a stop takes."""
        whole: Floats = np.ceil(self.candidates["dwell_min"].to_numpy(dtype=np.float64) - 1e-9)
        return whole

    @cached_property
    def opens(self) -> Floats:
        """First minute of the shift at which a place may be looked at."""
        return self._minutes_of("opens", -np.inf)

    @cached_property
    def closes(self) -> Floats:
        """Last minute at which one may arrive."""
        return self._minutes_of("closes", np.inf)

    def _minutes_of(self, column: str, missing: float) -> Floats:
        times = self.candidates[column]
        minutes = (times - pd.Timestamp(self.since)) / pd.Timedelta(minutes=1)
        rounded = np.ceil(minutes) if column == "opens" else np.floor(minutes)
        found: Floats = rounded.fillna(missing).to_numpy(dtype=np.float64)
        return found

    def _check_places(self) -> None:
        places = CANDIDATES.check(self.candidates)
        wrong = ""
        if not places["stop_id"].is_unique or (places["stop_id"] == "").any():
            wrong = "a stop_id is empty or there twice"
        elif not places["kind"].isin([kind for kind in STOP_KINDS if kind != "break"]).all():
            wrong = "a kind is none that a place can have"
        elif not np.isfinite(places[["lon", "lat", "expected"]].to_numpy()).all():
            wrong = "a place or its expected reports are missing"
        elif not (np.isfinite(places["dwell_min"]) & (places["dwell_min"] >= 0)).all():
            wrong = "the minutes of a stop are missing or below 0"
        elif (counted := places.loc[(places["expected"] > 0) & (places["cell"] != ""), "cell"]).size and not (
            counted.is_unique
        ):
            wrong = "the expected reports of a cell stand at two places"
        if wrong:
            raise BadTableError(table=CANDIDATES.name, detail=wrong)
        hourly = np.asarray(self.hourly)
        if hourly.ndim != 2 or len(hourly) != len(places) or hourly.shape[1] < self.shift_hours:
            raise UnalignedIndexError(left="candidates", right="hourly")
        if not (np.isfinite(hourly) & (hourly >= 0)).all():
            raise BadTableError(table="hourly", detail="a number is missing or below 0")
        if not np.allclose(
            hourly[:, : self.shift_hours].sum(axis=1), places["expected"], rtol=1e-6, atol=1e-9
        ):
            raise BadTableError(table=CANDIDATES.name, detail="expected is not the sum of the shift's hours")

    def _check_teams(self) -> None:
        if not self.since < self.until:
            raise BadChoiceError(name="until", value=self.until, expected=f"> {self.since}")
        codes = [team.code for team in self.teams]
        if not codes or len(set(codes)) < len(codes):
            raise BadChoiceError(name="teams", value=codes, expected="at least one, each code once")
        for team in self.teams:
            if team.mode not in self.minutes or team.mode not in self.metres:
                raise BadChoiceError(name="mode", value=team.mode, expected=" / ".join(self.minutes))
            if not self.since <= team.since < team.until <= self.until:
                raise BadChoiceError(
                    name="shift",
                    value=f"{team.since} – {team.until}",
                    expected=f"{self.since} – {self.until}",
                )
        for halt in (*self.breaks, *(each for team in self.teams for each in (team.start, team.end))):
            if halt not in self._halt_rows:
                raise BadChoiceError(name="halt", value=halt.name, expected="one of halts")

    def _check_matrices(self) -> None:
        size = len(self.candidates) + len(self.halts)
        for name, matrices in (("minutes", self.minutes), ("metres", self.metres)):
            for matrix in matrices.values():
                if np.shape(matrix) != (size, size):
                    raise UnalignedIndexError(left="candidates", right=name)
                if not (np.asarray(matrix) >= 0).all():  # NaN too
                    raise BadTableError(table=name, detail="a way is missing or below 0")
        for name, mask, shape in (
            ("allowed", self.allowed, (len(self.candidates), len(self.teams))),
            ("no_go", self.no_go, (len(self.candidates),)),
        ):
            if mask is not None and np.shape(mask) != shape:
                raise UnalignedIndexError(left="candidates", right=name)
