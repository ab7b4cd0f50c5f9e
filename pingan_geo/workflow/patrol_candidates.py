"""Which places a patrol may look at in a shift, how much is expected there by the hour, and why each is listed.

Hotspots come from the forecast; beside them stand places that must be seen (finds whose deadline is due, stops
where something was found or settled last time, places named by hand), posts to sign in at, and quiet places
drawn at random, so that the list does not only confirm itself. What patrols found is never counted as a report.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.i18n import Translator, translator
from pingan_geo.intake.layers import read_layer
from pingan_geo.model.patrol import CANDIDATES, Team
from pingan_geo.model.receipt import OnProgress, Progress
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.planning.patrol_task import shift_hour_starts
from pingan_geo.settings import NO_GO_FILE
from pingan_geo.spatial.cells import cells_covering, cells_of, centres, parents, to_text
from pingan_geo.spatial.grids import PolygonIndex
from pingan_geo.spatial.nearest import nearest_named
from pingan_geo.stats.filters import hour_spans, select
from pingan_geo.stats.main_hours import count_spans, main_hours
from pingan_geo.storage.patrols import read_finds, read_visits
from pingan_geo.storage.records import read_reports
from pingan_geo.workflow.forecasts import expected_by_hour
from pingan_geo.workflow.patrol_request import NamedPlaces, PatrolRequest, places_named, teams_of
from pingan_geo.workflow.stated_categories import check_categories
from pingan_geo.workflow.towns import Town

#: Hotspots offered to the planner at most, and the quiet places among which it chooses.
MOST_HOTSPOTS, MOST_CONTROLS = 220, 30
#: Where something was found or settled, it is looked at again within this time.
RECHECK: Final = timedelta(days=28)
#: Hotspots offered for each stop that the teams have time for.
_FOR_EACH_STOP: Final = 4
#: A team on foot is offered the best places within this part of its shift's walk, beside the town's best.
_REACH_SHARE: Final = 6.0
#: Cells that become one stop where people live densely.
_CELLS_A_STOP: Final = 3
#: Reports of so many days say where in a cell things happen and of which kind they are.
_RECENT: Final = timedelta(days=365)
_MONTH: Final = timedelta(days=30)
#: A stop is called after a named place no farther away than this.
_NEAR_M: Final = 150.0
#: A quiet place lies at least so far from every hotspot.
_APART_M: Final = 250.0
_ROAD_STEP_DEG: Final = 0.0003
_LEVELS: Final = ("red", "orange", "yellow", "blue")
_COLUMNS: Final = (
    *("report_id", "batch_id", "source", "category", "time", "time_until", "lon", "lat", "origin", "cell"),
    *("grid_id", "village_id"),
)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Places that a patrol may look at in one shift.

    Parameters
    ----------
    table
        CANDIDATES: what must be seen, then hotspots by what is expected, posts, quiet places.
    hourly
        A row each: reports expected in the hours of ``starts``. A stop stands for its own cell and for
        neighbouring ones whose reports lie so near that they would be the same stop.
    starts
        Of the hours: those of :func:`pingan_geo.planning.patrol_task.shift_hour_starts`.
    expected_all
        Reports expected in the whole town in the shift.
    no_go
        A row each: lies in a place that is not to be entered.
    closed
        The places not to be entered, one shapely geometry (WGS-84); empty when there are none.
    teams
        Who goes, from where.
    notes
        Sentences that everyone who uses the list has to know.
    """

    table: pd.DataFrame
    hourly: NDArray[np.float64] = field(repr=False)
    starts: tuple[datetime, ...]
    expected_all: float
    no_go: NDArray[np.bool_] = field(repr=False)
    closed: Any = field(repr=False)
    teams: tuple[Team, ...]
    notes: tuple[str, ...] = ()


def find_candidates(
    town: Town,
    request: PatrolRequest,
    *,
    now: datetime,
    language: str = "",
    reports: pd.DataFrame | None = None,
    try_forecast: bool = False,
    on_progress: OnProgress | None = None,
) -> Candidates:
    """List the places that a patrol may look at.

    Parameters
    ----------
    town
        The town.
    request
        The shift, the teams and what is looked for.
    now
        The town's wall clock: what is due, and how long ago the last visit was.
    language
        Of names and reasons; the town's when empty.
    reports
        REPORTS table, when it is at hand.
    try_forecast
        Try our forecast on the past too, where that is not remembered: it takes minutes, once a month. Otherwise the
        best of the plain methods is used, unless ours is known to have earned its place.
    on_progress
        Called between the steps; may raise :class:`pingan_geo.errors.Cancelled`.

    Returns
    -------
    Candidates

    Raises
    ------
    BadChoiceError
        If the shift or a team is not one.
    UnknownCategoryError, NoReportsError
        If nothing of the kind asked for is known.
    PlaceUnknownError, TeamStartError
        If a place named by hand, a start or an end is not known.
    """
    request.check()
    t = translator(language or town.settings.language)
    if reports is None:
        with town.store.read() as connection:
            reports = read_reports(connection, _COLUMNS)
    check_categories(town, request.categories, reports)
    tell = _Teller(on_progress)
    tell(0)
    ground = _Ground.of(town, request, reports, t, tell, learning=try_forecast)
    tell(3)
    places = NamedPlaces.of(town)
    teams = teams_of(town, request, places, (ground.lon, ground.lat, ground.expected), t)
    closed = no_go_area(town)
    rows = _Rows(town, request, now, t, ground, places, teams)
    rows.add_must()
    rows.add_hotspots()
    rows.add_posts()
    rows.add_controls(closed)
    tell(4)
    table = rows.table()
    inside = shapely.contains_xy(closed, table["lon"].to_numpy(), table["lat"].to_numpy())
    return Candidates(
        table=table,
        hourly=rows.hourly(),
        starts=ground.starts,
        expected_all=float(ground.expected.sum()),
        no_go=np.asarray(inside, dtype=bool),
        closed=closed,
        teams=teams,
        notes=ground.notes,
    )


def no_go_area(town: Town) -> Any:
    """Return the places that no patrol enters as one shape, WGS-84: ``no_go.geojson`` and those of the settings.

    Raises
    ------
    PinganError
        If the file cannot be used, as :func:`pingan_geo.intake.layers.read_layer` says.
    """
    shapes = []
    file = town.folder / NO_GO_FILE
    if file.is_file():
        shapes += read_layer(file, kind="area").geometry.to_list()
    for one in town.settings.patrol.no_go:
        plane = local_metres(one.lon, one.lat)
        x_m, y_m = shapely.get_coordinates(shapely.Point(0.0, 0.0).buffer(one.radius_m, quad_segs=16)).T
        shapes.append(shapely.Polygon(np.column_stack(plane.inverse(x_m, y_m))))
    return shapely.union_all(shapes) if shapes else shapely.Polygon()


def since_last(town: Town, stop_ids: Sequence[str], *, language: str = "") -> dict[str, str]:
    """Return what became of the last visit of each stop, one sentence each; stops never visited are left out.

    Parameters
    ----------
    town
        The town.
    stop_ids
        Of a plan.
    language
        The town's when empty.
    """
    t = translator(language or town.settings.language)
    with town.store.read() as connection:
        past = _Past.of(read_visits(connection), read_finds(connection))
    return {stop: said for stop in stop_ids if (said := past.say(stop, t))}


class _Teller:
    """Says how far the work is."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress

    def __call__(self, done: int) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress("Looking for places to patrol", done, 4, 0))

    def trials(self, done: int, of: int) -> None:
        """Pass on how many trials of the forecast are done."""
        if self._on_progress is not None:
            self._on_progress(Progress("Trying methods on the past", done, of, 0))


# -- what is expected where ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Ground:
    """The town's cells of the patrol resolution, what is expected in them, and what was reported."""

    cells: NDArray[np.uint64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    starts: tuple[datetime, ...]
    hours: int  # of the shift; further columns come after it
    by_hour: NDArray[np.float64]  # cells x starts
    reports: pd.DataFrame  # that fit, reported by the public
    position: NDArray[np.int64]  # per report: its cell, -1 in none
    lived_in: NDArray[np.bool_]  # cells with roads, named places or any report at all
    notes: tuple[str, ...]

    @property
    def expected(self) -> NDArray[np.float64]:
        """Reports expected in each cell in the shift."""
        whole: NDArray[np.float64] = self.by_hour[:, : self.hours].sum(axis=1)
        return whole

    def position_of(self, cells: NDArray[np.uint64]) -> NDArray[np.int64]:
        at = np.minimum(np.searchsorted(self.cells, cells), max(len(self.cells) - 1, 0))
        return np.where(self.cells[at] == cells, at, -1).astype(np.int64)

    @classmethod
    def of(
        cls,
        town: Town,
        request: PatrolRequest,
        reports: pd.DataFrame,
        t: Translator,
        tell: _Teller,
        *,
        learning: bool,
    ) -> _Ground:
        resolution = town.settings.patrol_resolution
        cells = cells_covering(town.area, resolution)
        asked = ReportFilter(categories=request.categories, period=Period(None, request.since))
        starts = tuple(shift_hour_starts(request.since, request.until))
        hours = math.ceil((request.until - request.since) / timedelta(hours=1))
        whole = _whole_hours(starts[0], starts[-1] + timedelta(hours=1))
        found = expected_by_hour(
            town,
            since=whole[0],
            until=whole[1],
            categories=request.categories,
            resolution=resolution,
            language=t.language,
            reports=reports,
            on_progress=tell.trials,
            learning=learning,
        )
        fitting = reports[select(reports, asked, town.settings.board_of)].reset_index(drop=True)
        everyone = reports[select(reports, ReportFilter(), town.settings.board_of)]
        lon, lat = centres(cells)
        made = cls(
            cells=cells,
            lon=lon,
            lat=lat,
            starts=starts,
            hours=hours,
            by_hour=_by_column(found.starts, found.expected, _edges(starts, request.until, hours)),
            reports=fitting,
            position=np.empty(0, np.int64),
            lived_in=np.zeros(len(cells), bool),
            notes=tuple(said for said in (found.sentence, found.hit_rate_sentence) if said),
        )
        position = made.position_of(parents(fitting["cell"].to_numpy(dtype=np.uint64), resolution))
        seen = made.position_of(parents(everyone["cell"].to_numpy(dtype=np.uint64), resolution))
        lived_in = made.lived_in.copy()
        lived_in[seen[seen >= 0]] = True
        for x, y in _traces(town):
            at = made.position_of(cells_of(x, y, resolution))
            lived_in[at[at >= 0]] = True
        return replace(made, position=position, lived_in=lived_in)


def _edges(starts: Sequence[datetime], until: datetime, hours: int) -> list[tuple[datetime, datetime]]:
    """Return each hour's beginning and end; the last of the shift ends with it."""
    hour = timedelta(hours=1)
    return [
        (start, min(start + hour, until) if number < hours else start + hour)
        for number, start in enumerate(starts)
    ]


def _whole_hours(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """Return the full clock hours that hold a span."""
    first = since.replace(minute=0)
    last = until.replace(minute=0)
    return first, last if last == until else last + timedelta(hours=1)


def _by_column(
    clock: NDArray[np.datetime64],
    expected: NDArray[np.float64],
    spans: Sequence[tuple[datetime, datetime]],
) -> NDArray[np.float64]:
    """Return what is expected in spans of time, of what is expected in full clock hours."""
    first = clock.astype("datetime64[m]").astype(np.int64)
    begin, end = (
        np.array([np.datetime64(one, "m") for one in ends]).astype(np.int64)
        for ends in zip(*spans, strict=True)
    )
    shared = np.minimum(end[None, :], first[:, None] + 60) - np.maximum(begin[None, :], first[:, None])
    return np.asarray(expected @ (np.clip(shared, 0, None) / 60.0))


def _traces(town: Town) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return points along roads, and named places: where people are."""
    table = NamedPlaces.of(town).table
    found = [(table["lon"].to_numpy(np.float64), table["lat"].to_numpy(np.float64))]
    roads = town.layer("roads")
    if len(roads):
        points = shapely.get_coordinates(shapely.segmentize(roads.geometry.to_numpy(), _ROAD_STEP_DEG))
        found.append((points[:, 0], points[:, 1]))
    return found


# -- what became of earlier patrols ----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Past:
    """The last visit of each stop, and the finds there."""

    visits: Mapping[str, Any]  # stop_id -> the last row of somebody who was there
    looks: Mapping[str, Any]  # stop_id -> the last row that says what is there: not "could not get in"
    finds: Mapping[str, list[Any]]  # stop_id, or find:ID, -> its finds

    @classmethod
    def of(cls, visits: pd.DataFrame, finds: pd.DataFrame) -> _Past:
        seen = visits[(visits["arrived"].notna() | (visits["answer"] != "")) & (visits["kind"] != "break")]
        when = seen["arrived"].fillna(seen["planned_arrive"])
        seen = seen.assign(when=when).sort_values(["when", "patrol_id"], kind="stable")
        last = {row.stop_id: row for row in seen.itertuples(index=False)}
        told = seen[seen["answer"].isin(["none", "found", "settled"])]
        looks = {row.stop_id: row for row in told.itertuples(index=False)}
        there: dict[str, list[Any]] = {}
        for row in finds.itertuples(index=False):
            there.setdefault(row.stop_id or f"find:{row.find_id}", []).append(row)
        return cls(last, looks, there)

    def last(self, stop_id: str) -> pd.Timestamp | None:
        row = self.visits.get(stop_id)
        return None if row is None else row.when

    def say(self, stop_id: str, t: Translator) -> str:
        """Return what became of the last visit, ``""`` when there was none."""
        row, finds = self.visits.get(stop_id), self.finds.get(stop_id, [])
        said = []
        if row is not None:
            words = {
                "none": t("nothing found"),
                "found": t("something found"),
                "settled": t("settled on the spot"),
                "no_entry": t("could not get in"),
            }
            said.append(
                t(
                    "Last time ({day}): {answer}",
                    day=row.when.date(),
                    answer=words.get(row.answer, t("no answer")),
                )
            )
        still = [one for one in finds if one.state == "open"]
        if still:
            due = min((one.due for one in still if not pd.isna(one.due)), default=None)
            counted = t.plural("{count} find is open", "{count} finds are open", len(still))
            said.append(counted if due is None else t("{finds}, due {day}", finds=counted, day=due.date()))
        elif finds:
            said.append(t("all that was found is settled"))
        return t("; ").join(said)


# -- the rows ------------------------------------------------------------------------------------------


@dataclass
class _Row:
    """A candidate while the list is made."""

    stop_id: str
    kind: str
    lon: float
    lat: float
    cell: int  # position in the ground's cells, -1 outside
    reason: str
    name: str = ""
    expects: list[int] = field(default_factory=list)  # positions of the cells whose reports it stands for
    category: str = ""
    main_hours: str = ""
    dwell_min: float = 0.0
    level: str = ""


class _Rows:
    """Makes the list."""

    def __init__(
        self,
        town: Town,
        request: PatrolRequest,
        now: datetime,
        t: Translator,
        ground: _Ground,
        places: NamedPlaces,
        teams: tuple[Team, ...],
    ) -> None:
        self.town, self.request, self.now, self.t = town, request, now, t
        self.ground, self.places, self.teams = ground, places, teams
        self.settings = town.settings.patrol
        self.plane = local_metres(float(ground.lon.mean()), float(ground.lat.mean()))
        self.private = frozenset(one.code for one in town.settings.categories if one.private)
        self.rows: list[_Row] = []
        with town.store.read() as connection:
            self.finds = read_finds(connection)
            self.past = _Past.of(read_visits(connection), self.finds)
        self.facts = _CellFacts(ground, self.private, min(request.since, now), t)

    # what must be seen

    def add_must(self) -> None:
        """Add finds that are due, stops to be looked at again, and places named by hand."""
        why: dict[str, tuple[str, float, float]] = {}
        t, end = self.t, self.request.until
        for stop_id, row in self.past.looks.items():
            if row.answer == "none" or row.when < pd.Timestamp(self.now - RECHECK):
                continue
            if (at := self._place_of(stop_id)) is not None:
                word = (
                    t("something was found here on {day}: look again", day=row.when.date())
                    if row.answer == "found"
                    else t("settled here on {day}: look whether it stays so", day=row.when.date())
                )
                why[stop_id] = (word, *at)
        for find in self.finds.itertuples(index=False):
            if find.state != "open" or pd.isna(find.due) or find.due > end:
                continue
            stop_id = find.stop_id or f"find:{find.find_id}"
            at = (find.lon, find.lat) if not find.stop_id else self._place_of(stop_id) or (find.lon, find.lat)
            late = find.due < pd.Timestamp(self.now)
            word = (
                t("overdue: found on {found}, due {due}", found=find.time.date(), due=find.due.date())
                if late
                else t("due: found on {found}, due {due}", found=find.time.date(), due=find.due.date())
            )
            why[stop_id] = (word, *at)
        for stop_id, halt in self._by_hand():
            why[stop_id] = (t("named by hand"), halt[0], halt[1])
        for stop_id, (word, lon, lat) in why.items():
            self._add(stop_id, "must", lon, lat, word)

    def _by_hand(self) -> list[tuple[str, tuple[float, float]]]:
        cells = [word for word in self.request.must if self._cell_position(word) >= 0]
        named = [word for word in self.request.must if word not in cells]
        found = [(word, self._place_of(word) or (0.0, 0.0)) for word in cells]
        return found + [(key, (halt.lon, halt.lat)) for key, halt in places_named(self.places, named)]

    def _place_of(self, stop_id: str) -> tuple[float, float] | None:
        """Return where a stop of an earlier patrol lies, ``None`` when that is not known any more."""
        if (position := self._cell_position(stop_id)) >= 0:
            return self.facts.point(position)
        if stop_id.startswith("find:"):
            own = self.finds[self.finds["find_id"].astype("str") == stop_id[5:]]
            return (float(own["lon"].iloc[0]), float(own["lat"].iloc[0])) if len(own) else None
        if stop_id.startswith("at:"):
            try:
                halt = self.places.find(stop_id[3:])
            except LookupError:
                return None
            return halt.lon, halt.lat
        rows = np.flatnonzero((self.places.table["key"] == stop_id).to_numpy(dtype=bool))
        if not len(rows):
            return None
        one = self.places.table.iloc[int(rows[0])]
        return float(one["lon"]), float(one["lat"])

    def _cell_position(self, text: str) -> int:
        """Return the position of a cell given in hexadecimal, -1 when it is none of the town's."""
        if not 15 <= len(text) <= 16 or any(letter not in "0123456789abcdef" for letter in text):
            return -1
        return int(self.ground.position_of(np.array([int(text, 16)], dtype=np.uint64))[0])

    def _add(self, stop_id: str, kind: str, lon: float, lat: float, reason: str) -> _Row:
        position = int(
            self.ground.position_of(cells_of([lon], [lat], self.town.settings.patrol_resolution))[0]
        )
        own = self._cell_position(stop_id)
        dwell = self.settings.sign_in_min if kind == "post" else self.settings.dwell_min
        row = _Row(stop_id, kind, lon, lat, own if own >= 0 else position, reason, dwell_min=dwell)
        self.rows.append(row)
        return row

    # hotspots

    def add_hotspots(self) -> None:
        """Add the cells in which most is expected; near ones become one stop."""
        ground, most = self.ground, self._most_hotspots()
        order = self._hot(most)
        points = np.array([self.facts.point(position) for position in order.tolist()]).reshape(-1, 2)
        metres = np.column_stack(self.plane.forward(points[:, 0], points[:, 1]))
        taken = list(self.rows)
        spots = [tuple(one) for one in self._spots(taken).tolist()]
        own = {row.cell: row for row in reversed(taken) if row.cell >= 0}
        added = 0
        for position, point, at in zip(order.tolist(), points.tolist(), metres.tolist(), strict=True):
            row = own.get(position)
            if row is None and spots:
                apart = np.hypot(*(np.array(spots) - at).T)
                nearest = int(np.argmin(apart))
                row = taken[nearest] if apart[nearest] < self.settings.spacing_m else None
            if row is None:
                if added == most:
                    continue
                added += 1
                number = str(to_text(ground.cells[[position]])[0])
                row = self._add(number, "hotspot", float(point[0]), float(point[1]), "")
                taken.append(row)
                spots.append(tuple(at))
                own[position] = row
            row.expects.append(position)
        self._set_levels()

    def _spots(self, rows: Sequence[_Row]) -> NDArray[np.float64]:
        lon, lat = (
            np.array([getattr(row, name) for row in rows], dtype=np.float64) for name in ("lon", "lat")
        )
        return np.column_stack(self.plane.forward(lon, lat))

    def _most_hotspots(self) -> int:
        """Return how many hotspots are offered: a few for each stop that there is time for."""
        minutes = sum(
            (team.until - team.since) / timedelta(minutes=1) - team.break_min for team in self.teams
        )
        return int(np.clip(_FOR_EACH_STOP * minutes / (self.settings.dwell_min + 4.0), 40, MOST_HOTSPOTS))

    def _hot(self, most: int) -> NDArray[np.int64]:
        """Return positions of the cells of which hotspots are made, most expected first."""
        ground = self.ground
        expected = ground.expected
        order = np.lexsort((ground.cells, -expected))
        order = order[expected[order] > 0]
        metres = self._spots_of_cells(order)
        chosen = set(order[: _CELLS_A_STOP * most // 2].tolist())
        for team in self.teams:
            near = self._around(metres, team)
            chosen |= set(order[near][: _CELLS_A_STOP * most // len(self.teams)].tolist())
        # places looked at again keep what is expected there
        chosen |= {row.cell for row in self.rows if row.cell >= 0 and expected[row.cell] > 0}
        return order[np.isin(order, sorted(chosen))]

    def _spots_of_cells(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.column_stack(self.plane.forward(self.ground.lon[positions], self.ground.lat[positions]))

    def _around(self, metres: NDArray[np.float64], team: Team) -> NDArray[np.bool_]:
        """Say which places lie so near to a team's start or end that it gets there in a part of its shift."""
        far = self.settings.speed_kmh(team.mode) / self.settings.straight_factor * 1000.0
        far *= (team.until - team.since) / timedelta(hours=1) / _REACH_SHARE
        near = np.zeros(len(metres), dtype=bool)
        for halt in (team.start, team.end):
            at = np.column_stack(self.plane.forward([halt.lon], [halt.lat]))
            near |= np.hypot(*(metres - at).T) <= far
        return near

    def _set_levels(self) -> None:
        hot = [row for row in self.rows if row.expects]
        hot.sort(key=lambda row: (-self._expected(row), row.stop_id))
        whole = sum(map(self._expected, hot)) or 1.0
        before = 0.0
        for row in hot:
            row.level = _LEVELS[int(np.searchsorted(self.settings.levels, before / whole, side="right"))]
            before += self._expected(row)

    def _expected(self, row: _Row) -> float:
        return float(self.ground.expected[row.expects].sum())

    # posts and quiet places

    def add_posts(self) -> None:
        """Add posts to sign in at."""
        known = {row.stop_id for row in self.rows}
        for stop_id, halt in places_named(self.places, self.request.posts, "posts"):
            if stop_id not in known:
                self._add(stop_id, "post", halt.lon, halt.lat, self.t("post to sign in at"))

    def add_controls(self, closed: Any) -> None:
        """Add quiet places drawn at random among those where people are but little is expected."""
        ground = self.ground
        if self.settings.control_share <= 0:
            return
        expected = ground.expected
        lived_in = np.flatnonzero(ground.lived_in)
        if not len(lived_in):
            return
        quiet = lived_in[expected[lived_in] <= np.median(expected[lived_in])]
        metres = self._spots_of_cells(quiet)
        kept = np.zeros(len(quiet), dtype=bool)
        for team in self.teams:
            kept |= self._around(metres, team)
        if self.rows:
            apart = np.hypot(*(metres[:, None, :] - self._spots(self.rows)[None, :, :]).transpose(2, 0, 1))
            kept &= apart.min(axis=1) >= _APART_M
        kept &= ~shapely.contains_xy(closed, ground.lon[quiet], ground.lat[quiet])
        quiet = quiet[kept]
        days = (self.request.since.date() - datetime(2000, 1, 1).date()).days
        rng = np.random.default_rng(
            [self.request.seed, days]
        )  # other places each night, the same for one night
        reason = self.t("quiet place drawn at random, so that the list does not only confirm itself")
        for position in rng.permutation(quiet)[:MOST_CONTROLS].tolist():
            row = self._add(
                str(to_text(ground.cells[[position]])[0]), "control", *self.facts.point(position), reason
            )
            row.expects.append(position)

    # the table

    def hourly(self) -> NDArray[np.float64]:
        """Return what is expected at each row in each hour."""
        found = np.zeros((len(self.rows), len(self.ground.starts)))
        for number, row in enumerate(self.rows):
            found[number] = self.ground.by_hour[row.expects].sum(axis=0)
        return found

    def table(self) -> pd.DataFrame:
        """Return CANDIDATES."""
        ground, t = self.ground, self.t
        lon, lat = (
            np.array([getattr(row, name) for row in self.rows], dtype=np.float64) for name in ("lon", "lat")
        )
        zones = {
            name: self._zones(layer, lon, lat) for name, layer in (("grid", "grids"), ("village", "villages"))
        }
        names = self._names(lon, lat, zones)
        text = to_text(ground.cells)
        rows = []
        for number, row in enumerate(self.rows):
            cells = row.expects or ([row.cell] if row.cell >= 0 else [])
            category = self._category(row)
            opens, closes = self._window(category)
            count = self.facts.month(cells)
            expected = self._expected(row)
            hours = self.facts.hours(row.cell) if row.cell >= 0 else ""
            rows.append(
                {
                    "stop_id": row.stop_id,
                    "kind": row.kind,
                    "name": names[number],
                    "lon": row.lon,
                    "lat": row.lat,
                    "cell": str(text[row.cell]) if row.cell >= 0 else "",
                    "grid_id": zones["grid"][0][number],
                    "grid": zones["grid"][1][number],
                    "village": zones["village"][1][number],
                    "category": category,
                    "level": row.level,
                    "expected": expected,
                    "count_30d": count,
                    "main_hours": hours,
                    "dwell_min": row.dwell_min,
                    "opens": opens,
                    "closes": closes,
                    "last_visit": self.past.last(row.stop_id) or pd.NaT,
                    "checks": "/".join(self.settings.checks.get(category, ())),
                    "reason": row.reason or _say_hotspot(expected, count, hours, len(row.expects), t),
                }
            )
        table = pd.DataFrame(rows, columns=list(CANDIDATES.columns)).astype(dict(CANDIDATES.columns))
        return CANDIDATES.check(table)

    def _category(self, row: _Row) -> str:
        """Return the main kind of the reports at a place to look at: of its own cell, else of those beside it."""
        if row.kind not in {"hotspot", "must"}:
            return ""
        own = self.facts.category([row.cell]) if row.cell >= 0 else ""
        return own or self.facts.category(row.expects)

    def _zones(self, layer: str, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[Any, list[str]]:
        frame = self.town.layer(layer)
        if not len(frame) or not len(lon):
            return [""] * len(lon), [""] * len(lon)
        codes = PolygonIndex(frame["code"].to_numpy(dtype=object), frame.geometry.to_numpy()).assign(lon, lat)
        called = dict(zip(frame["code"], frame["name"], strict=True))
        return codes, [called.get(code) or code for code in codes]

    def _names(
        self, lon: NDArray[np.float64], lat: NDArray[np.float64], zones: Mapping[str, Any]
    ) -> list[str]:
        """Return what each place is called; one with private reports by its grid and cell only."""
        t, table = self.t, self.places.table
        named = table[(table["name"] != "") & (table["layer"] != "enterprises")]
        index, metres = nearest_named(
            lon, lat, named["lon"].to_numpy(np.float64), named["lat"].to_numpy(np.float64)
        )
        found = []
        text = to_text(self.ground.cells)
        for number, row in enumerate(self.rows):
            area = zones["grid"][1][number] or zones["village"][1][number] or self.town.settings.name
            cell = str(text[row.cell]).rstrip("f")[-4:] if row.cell >= 0 else ""
            private = self._category(row) in self.private
            if row.kind == "post" or row.stop_id.partition(":")[0] in {
                "stations",
                "posts",
                "places",
                "enterprises",
            }:
                own = table[table["key"] == row.stop_id]
                found.append(str(own["name"].iloc[0] or own["feature_id"].iloc[0]) if len(own) else area)
            elif private or index[number] < 0 or metres[number] > _NEAR_M:
                found.append(t("{area}, hexagon {cell}", area=area, cell=cell) if cell else area)
            else:
                found.append(t("near {place}", place=str(named["name"].iloc[int(index[number])])))
        return self._told_apart(found, text)

    def _told_apart(self, names: list[str], text: NDArray[np.object_]) -> list[str]:
        """Return names of which no two are the same: a second one bears the end of its cell's number."""
        first: dict[str, int] = {}
        for number, name in enumerate(names):
            if first.setdefault(name, number) != number and self.rows[number].cell >= 0:
                cell = str(text[self.rows[number].cell]).rstrip("f")[-4:]
                names[number] = self.t("{area}, hexagon {cell}", area=name, cell=cell)
        return names

    def _window(self, category: str) -> tuple[Any, Any]:
        """Return when a category may be looked for, of the days around the shift the one that fits it best."""
        span = self.settings.windows.get(category)
        if span is None:
            return pd.NaT, pd.NaT
        since, until = self.request.since, self.request.until
        midnight = datetime.combine(since.date(), time())
        best, longest = (pd.NaT, pd.NaT), timedelta.min
        for day in (0, -1, 1):
            opens, closes = (midnight + timedelta(days=day, minutes=one) for one in span)
            shared = min(closes, until) - max(opens, since)
            if shared > longest:
                best, longest = (pd.Timestamp(opens), pd.Timestamp(closes)), shared
        return best


def _say_hotspot(expected: float, count: int, hours: str, cells: int, t: Translator) -> str:
    """Return why a hotspot is on the list."""
    said = [
        t(
            "{expected} reports expected here in the shift",
            expected=t.number(expected, 2 if expected >= 0.1 else 3),
        ),
        t.plural("{count} report in the last 30 days", "{count} reports in the last 30 days", count),
    ]
    if hours:
        said.append(t("mostly {hours}", hours=hours))
    if cells > 1:
        said.append(t.plural("with {count} hexagon beside it", "with {count} hexagons beside it", cells - 1))
    return t("; ").join(said)


class _CellFacts:
    """What the reports of the last year say of a cell."""

    def __init__(self, ground: _Ground, private: frozenset[str], now: datetime, t: Translator) -> None:
        self._ground, self._t = ground, t
        reports = ground.reports
        when = reports["time"].to_numpy(dtype="datetime64[s]")
        end = np.datetime64(now, "s")
        inside = (ground.position >= 0) & (when < end)
        recent = inside & (when >= np.datetime64(now - _RECENT, "s"))
        usable = recent if recent.any() else inside
        size = len(ground.cells)
        month = inside & (when >= np.datetime64(now - _MONTH, "s"))
        self._month = np.bincount(ground.position[month], minlength=size)
        codes, names = pd.factorize(reports["category"].to_numpy(dtype=object), sort=True)
        self._names = [str(name) for name in names]
        # all years count a little, so that a cell without recent reports has its usual kind
        weight = np.where(usable, 1.0, 0.01)[inside]
        flat = np.bincount(
            ground.position[inside] * max(len(names), 1) + codes[inside],
            weight,
            minlength=size * max(len(names), 1),
        )
        self._kinds = flat.reshape(size, -1)
        hidden = np.isin(reports["category"].to_numpy(dtype=object), sorted(private))
        shown = usable & ~hidden
        at = ground.position[shown]
        number = np.bincount(at, minlength=size)
        self._points = []
        for name, centre in (("lon", ground.lon), ("lat", ground.lat)):
            sums = np.bincount(at, reports[name].to_numpy(np.float64)[shown], minlength=size)
            self._points.append(np.where(number > 0, sums / np.maximum(number, 1), centre))
        self._private = np.array([name in private for name in self._names], dtype=bool)
        hour, touched = hour_spans(
            when[inside], reports["time_until"].to_numpy(dtype="datetime64[s]")[inside]
        )
        self._spans = (ground.position[inside], hour, touched)

    def point(self, position: int) -> tuple[float, float]:
        """Return where in a cell things happen; its centre where private reports are the main kind."""
        ground = self._ground
        kinds = self._kinds[position]
        if kinds.any() and self._private[int(np.argmax(kinds))]:
            return float(round(ground.lon[position], 7)), float(round(ground.lat[position], 7))
        return float(round(self._points[0][position], 7)), float(round(self._points[1][position], 7))

    def category(self, positions: Sequence[int]) -> str:
        """Return the main kind of the reports in cells, ``""`` without any."""
        kinds = self._kinds[list(positions)].sum(axis=0) if len(positions) else np.zeros(0)
        return self._names[int(np.argmax(kinds))] if kinds.any() else ""

    def month(self, positions: Sequence[int]) -> int:
        """Return the reports of the last 30 days in cells."""
        return int(self._month[list(positions)].sum())

    def hours(self, position: int) -> str:
        """Return the hours in which most reports of a cell fall, in words."""
        own, hour, touched = self._spans
        mine = own == position
        counts = count_spans(np.zeros(int(mine.sum()), dtype=np.int64), hour[mine], touched[mine], 1)
        start, end = (int(one[0]) for one in main_hours(counts))
        return "" if start < 0 else self._t("{start}–{end} h", start=start, end=end)
