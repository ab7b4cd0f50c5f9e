"""Looking into an area that somebody drew or named, and comparing: with the rest, another area, another time.

All counts are of reports. A test here says whether chance alone makes such a difference; it does not say what
makes it, and where more people look, more is reported. An area that was drawn because the map is dark there
has been chosen by what is then tested: its p-value is too small, and the page says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.errors import AreaError, BadChoiceError
from pingan_geo.i18n import mark
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import centres
from pingan_geo.spatial.grids import area_m2
from pingan_geo.stats.breaks import fixed_breaks
from pingan_geo.stats.counts import trend
from pingan_geo.storage.records import read_reports
from pingan_geo.workflow.courses import split_newcomers
from pingan_geo.workflow.explore import (
    Codes,
    MapView,
    ReportIndex,
    day_of,
    explore,
    mean_edge_m,
    span_of,
    whole_seconds,
)
from pingan_geo.workflow.towns import Town

if TYPE_CHECKING:
    from pingan_geo.stats.change import NewcomerSplit

KINDS = ("polygon", "circle", "grid", "village")
MOST_CORNERS = 60
RADIUS_M = (50, 5_000)
#: How far and how long after one report the next are looked for.
NEAR_M = (100.0, 200.0, 400.0)
NEAR_DAYS = (7, 14, 28)
NEAR_PERMUTATIONS = 199
#: Pairs grow with the square of the reports; of more than these the newest are taken, and that is said.
NEAR_MOST = 2_000
#: The weeks that the scan knows, and the longest and widest cluster that it looks for.
SCAN_DAYS, SCAN_LONGEST, SCAN_RADIUS_M, SCAN_REPLICATIONS = 84, 28, 1_000.0, 199
#: Where a step of the time slider is a day, a week or else a month: up to so many days in all.
_SLICES = (("day", 31), ("week", 217))
_CIRCLE_SIDES = 64
_NUMBER = r"-?[0-9]{1,3}(?:\.[0-9]{1,8})?"


@dataclass(frozen=True)
class Area:
    """An area as a person gave it.

    Parameters
    ----------
    kind
        Of :data:`KINDS`.
    codes
        Of grids or villages.
    corners
        Longitude and latitude, WGS-84 degrees: of a polygon in the order of clicks, of a circle its centre.
    radius_m
        Of a circle.
    """

    kind: str
    codes: tuple[str, ...] = ()
    corners: tuple[tuple[float, float], ...] = ()
    radius_m: int = 500

    @property
    def complete(self) -> bool:
        """Whether it is an area yet: a polygon needs three corners."""
        return len(self.corners or self.codes) >= (3 if self.kind == "polygon" else 1)

    @property
    def text(self) -> str:
        """As :func:`parse_area` reads it: one parameter of an address."""
        if self.kind in {"grid", "village"}:
            return f"{self.kind}:" + ",".join(quote(code, safe="") for code in self.codes)
        places = ";".join(f"{lon:.5f},{lat:.5f}" for lon, lat in self.corners)
        return f"{self.kind}:{places}" + (f";{self.radius_m}" if self.kind == "circle" and places else "")


@dataclass(frozen=True)
class Compared:
    """Two numbers of reports and whether chance explains the difference.

    Parameters
    ----------
    before, after
        Reports of the base, and of what is compared with it.
    ratio, low, high
        Rate of ``after`` by that of ``before``, and its exact 95 % interval; NaN without any report before.
    p_value
        Exact, two-sided, of this one comparison: not corrected for how many were tried.
    enough
        Whether the stated least numbers of reports are reached; otherwise there is no verdict.
    """

    before: int
    after: int
    ratio: float
    low: float
    high: float
    p_value: float
    enough: bool


@dataclass(frozen=True)
class Rate:
    """Reports per km² with an exact 95 % interval: of chance, not of what goes unreported."""

    per_km2: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class NearRepeat:
    """How much more often reports follow each other within ``metres`` and ``days`` than by chance.

    Parameters
    ----------
    observed, expected
        Pairs; expected when the days are dealt out anew among the places.
    p_value
        Of the permutations, of this one pair of limits.
    events, of_all
        Reports taken (the newest), of all in the area.
    reach_m, reach_days
        Within which reports bunch together; NaN where they do not beyond chance.
    alerts
        Places to look at first while it lasts: ``lon``, ``lat``, ``days_left`` from the end of the period;
        no rows without a reach. An alert is no forecast: most reports have no repeat.
    """

    metres: float
    days: int
    observed: int
    expected: float
    ratio: float
    p_value: float
    events: int
    of_all: int
    reach_m: float
    reach_days: float
    alerts: pd.DataFrame = field(repr=False)


@dataclass(frozen=True, eq=False)
class AreaFindings:
    """All that is found for one area.

    ``total + rest + placeless`` is the number of reports of the town that fit the question.

    Parameters
    ----------
    area, shape
        As given; and the part of it within the town, WGS-84 degrees.
    period
        Closed: an open side ends with the reports.
    earlier
        The period of the same length before it; ``None`` when reports do not reach back so far.
    km2, rest_km2
        Area within the town, and the rest of the town.
    total, rest, placeless
        Reports in the area, in the rest of the town, in neither (outside the town's border).
    mixed
        Reports and finds of patrols together: nothing is tested.
    rate, rest_rate
        Per km² and the whole period.
    against_rest, against_earlier
        ``None`` where nothing was tested.
    view
        The reports of the area as the map page has them.
    """

    area: Area
    shape: Any
    period: Period
    earlier: Period | None
    km2: float
    rest_km2: float
    total: int
    rest: int
    placeless: int
    mixed: bool
    rate: Rate
    rest_rate: Rate
    against_rest: Compared | None
    against_earlier: Compared | None
    newcomers: NewcomerSplit | None
    near: NearRepeat | None
    view: MapView = field(repr=False)


@dataclass(frozen=True, eq=False)
class PeriodPair:
    """Two periods of the same length, counted in the same cells and coloured by the same classes.

    ``newcomers`` is ``None`` where reporters are not given, nothing was compared, or the other period is later.
    """

    first: MapView
    second: MapView
    breaks: NDArray[np.int64]
    compared: Compared | None
    newcomers: NewcomerSplit | None = None


@dataclass(frozen=True, eq=False)
class TimeSlices:
    """Reports per cell for each step of time, with one ladder of classes for all steps.

    Parameters
    ----------
    starts
        First day of each step; the last one ends with ``until``.
    cells, counts
        Cells with a report in any step; steps × cells.
    """

    step: str
    starts: tuple[datetime, ...]
    until: datetime
    cells: NDArray[np.uint64]
    counts: NDArray[np.int64]
    breaks: NDArray[np.int64]

    @property
    def usual(self) -> int:
        """The last step that the period does not cut short, else the last."""
        last = len(self.starts) - 1
        whole = {"day": 1, "week": 7, "month": 28}[self.step]
        cut = self.until - self.starts[last] < timedelta(days=whole)
        return last - int(cut and last > 0)

    def at(self, position: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return cells with reports in one step, and how many."""
        hit = self.counts[position] > 0
        return self.cells[hit], self.counts[position][hit]

    def period(self, position: int) -> Period:
        """Return the half-open period of one step."""
        after = (*self.starts[1:], self.until)
        return Period(self.starts[position], after[position])


@dataclass(frozen=True, eq=False)
class Emerging:
    """The strongest cluster of the last weeks that still lasts.

    Parameters
    ----------
    period
        The weeks that were scanned.
    total
        Reports that took part.
    place
        Village and grid of its middle; empty outside all of them.
    since, until
        Half-open days of the cluster.
    observed, expected, ratio, p_value
        Of :class:`pingan_geo.stats.scan.Cluster`; the p-value counts in that all places and days were tried.
    lon, lat, radius_m, cells
        WGS-84 degrees; metres from its middle to the rim of the outermost cells.
    found
        Whether there is a cluster at all; all else is then empty.
    """

    period: Period
    total: int
    found: bool = False
    place: str = ""
    since: datetime = datetime(1970, 1, 1)
    until: datetime = datetime(1970, 1, 1)
    observed: int = 0
    expected: float = math.nan
    ratio: float = math.nan
    p_value: float = math.nan
    lon: float = math.nan
    lat: float = math.nan
    radius_m: float = math.nan
    cells: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))

    @property
    def stands_out(self) -> bool:
        """Whether it has the stated least number of reports and chance alone seldom makes it."""
        from pingan_geo.workflow.verdicts import LEAST_NEAR, LEVEL

        return self.found and self.observed >= LEAST_NEAR and self.p_value < LEVEL


# -- areas -------------------------------------------------------------------------------------------


def parse_area(text: str) -> Area:
    """Return the area that an address names; the codes in it may be none of the town's.

    Parameters
    ----------
    text
        ``polygon:lon,lat;lon,lat;…``, ``circle:lon,lat;radius`` (metres), ``grid:code,code`` or
        ``village:code``; codes as in an address. What follows the colon may be absent: nothing chosen yet.

    Raises
    ------
    BadChoiceError
        If it is none of these.
    """
    kind, _, rest = text.partition(":")
    wrong = BadChoiceError(name="area", value=text[:40], expected=" / ".join(KINDS))
    if kind not in KINDS or len(text) > 4_000:
        raise wrong
    if kind in {"grid", "village"}:
        return Area(kind, codes=tuple(dict.fromkeys(unquote(code) for code in rest.split(",") if code)))
    parts = [part for part in rest.split(";") if part]
    radius = Area(kind).radius_m
    if kind == "circle" and len(parts) == 2 and re.fullmatch("[0-9]{1,5}", parts[1]):
        radius = int(parts.pop())
        if not RADIUS_M[0] <= radius <= RADIUS_M[1]:
            raise wrong
    if len(parts) > (1 if kind == "circle" else MOST_CORNERS):
        raise wrong
    corners = []
    for part in parts:
        found = re.fullmatch(f"({_NUMBER}),({_NUMBER})", part)
        if found is None or not (abs(float(found[1])) <= 180 and abs(float(found[2])) < 90):
            raise wrong
        corners.append((float(found[1]), float(found[2])))
    return Area(kind, corners=tuple(corners), radius_m=radius)


def area_shape(town: Town, area: Area) -> Any:
    """Return the part of an area that lies in the town: shapely, WGS-84 degrees.

    Raises
    ------
    AreaError
        If it is not complete, crosses itself, names no polygon of the town, or lies outside the town.
    """
    if not area.complete:
        raise AreaError(detail=mark("it is not complete"))
    if area.kind in {"grid", "village"}:
        frame = town.layer(f"{area.kind}s")
        chosen = frame[frame["code"].isin(area.codes)]
        if len(chosen) < len(area.codes):
            raise AreaError(detail=mark("the town has no grid or village of that code"))
        shape = shapely.union_all(chosen.geometry.to_numpy())
    elif area.kind == "circle":
        ((lon, lat),) = area.corners
        shape = circle(lon, lat, area.radius_m)
    else:
        shape = shapely.Polygon(area.corners)
        if not shape.is_valid or shape.area == 0:
            raise AreaError(detail=mark("its border crosses itself or encloses nothing"))
    inside = shapely.intersection(shape, town.area)
    if inside.is_empty or inside.area == 0:
        raise AreaError(detail=mark("it lies outside the town"))
    return inside


def circle(lon: float, lat: float, radius_m: float) -> Any:
    """Return a circle as a polygon of the same area, WGS-84 degrees."""
    turn = np.linspace(0.0, 2 * np.pi, _CIRCLE_SIDES, endpoint=False)
    reach_m = radius_m * math.sqrt(2 * np.pi / _CIRCLE_SIDES / math.sin(2 * np.pi / _CIRCLE_SIDES))
    plane = local_metres(lon, lat)
    return shapely.Polygon(np.column_stack(plane.inverse(reach_m * np.cos(turn), reach_m * np.sin(turn))))


def reports_inside(index: ReportIndex, area: Area, shape: Any) -> NDArray[np.bool_]:
    """Return which reports lie in an area: those of a grid or village by its code, else by their place.

    Parameters
    ----------
    index
        All reports.
    area, shape
        As given, and of :func:`area_shape`. A place on the very border is outside.
    """
    if area.kind in {"grid", "village"}:
        return (index.grid if area.kind == "grid" else index.village).among(area.codes)
    return _within(index, shape)


def _within(index: ReportIndex, shape: Any) -> NDArray[np.bool_]:
    lon, lat = index.reports["lon"].to_numpy(), index.reports["lat"].to_numpy()
    west, south, east, north = shape.bounds
    near = np.flatnonzero((lon >= west) & (lon <= east) & (lat >= south) & (lat <= north))
    shapely.prepare(shape)
    inside = np.zeros(len(index), dtype=bool)
    inside[near] = shapely.contains_xy(shape, lon[near], lat[near])
    return inside


# -- one area ----------------------------------------------------------------------------------------


def load_reporters(town: Town, index: ReportIndex) -> NDArray[np.object_]:
    """Return the pseudonym of who sent each report of the index, ``""`` where none is known."""
    with town.store.read() as connection:
        read = read_reports(connection, ("report_id", "reporter"))
    by_number = pd.Series(read["reporter"].to_numpy(object), index=read["report_id"].to_numpy())
    found = by_number.reindex(index.reports["report_id"].to_numpy())
    return np.asarray(found.fillna("").to_numpy(), dtype=object)


def analyse_area(
    town: Town,
    index: ReportIndex,
    asked: ReportFilter,
    area: Area,
    *,
    resolution: int,
    reporters: NDArray[np.object_] | None = None,
    seed: int = 0,
) -> AreaFindings:
    """Return what is reported in an area, and how that differs from the rest and from the time before.

    Parameters
    ----------
    town, index
        The town and all its reports.
    asked
        The question; its limits on villages and grids do not count, the area stands for them.
    area
        Complete.
    resolution
        H3 resolution of the cells of ``view``.
    reporters
        Of :func:`load_reporters`; without them newcomers are not told apart.
    seed
        Of the permutations.

    Returns
    -------
    AreaFindings
        Nothing in it says how safe the area is.

    Raises
    ------
    AreaError
        As :func:`area_shape`.
    """
    from pingan_geo.workflow.verdicts import LEAST_NEAR, LEAST_REPORTS

    asked = replace(asked, villages=(), grids=())
    shape = area_shape(town, area)
    inside, in_town = reports_inside(index, area, shape), _within(index, town.area)
    fits = index.select(asked)
    period = closed_period(index, asked, fits)
    asked = replace(asked, period=period)
    here, elsewhere = fits & inside, fits & in_town & ~inside
    total, rest = int(here.sum()), int(elsewhere.sum())
    km2 = float(area_m2(shape)[0]) / 1e6
    rest_km2 = max(float(area_m2(town.area)[0]) / 1e6 - km2, 0.0)
    mixed = not asked.origin and len(np.unique(index.origin.code[fits])) > 1
    earlier = earlier_period(index, period)
    before = inside & index.select(replace(asked, period=earlier)) if earlier is not None else None
    rates = [_rate(total, km2), _rate(rest, rest_km2)]
    tested = not mixed
    against_rest = against_earlier = newcomers = near = None
    if tested and rest_km2 > 0:
        enough = total + rest >= LEAST_REPORTS and max(total, rest * km2 / rest_km2) >= LEAST_NEAR
        against_rest = compare(rest, total, rest_km2, km2, enough=enough)
    if tested and before is not None:
        many = int(before.sum())
        against_earlier = compare(many, total, 1.0, 1.0, enough=many + total >= 2 * LEAST_NEAR)
        if reporters is not None and earlier is not None:
            (since, until), marks = _ends(period), (before, here)
            newcomers = split_newcomers(index.time, reporters, *marks, since, until - since)
    if tested and total >= LEAST_REPORTS:
        near = _near_repeat(index, here, _ends(period)[1], seed)
    return AreaFindings(
        area=area,
        shape=shape,
        period=period,
        earlier=earlier,
        km2=km2,
        rest_km2=rest_km2,
        total=total,
        rest=rest,
        placeless=int(fits.sum()) - total - rest,
        mixed=mixed,
        rate=rates[0],
        rest_rate=rates[1],
        against_rest=against_rest,
        against_earlier=against_earlier,
        newcomers=newcomers,
        near=near,
        view=explore(_part(index, here), asked, resolution=resolution),
    )


def compare(before: int, after: int, size_before: float, size_after: float, *, enough: bool) -> Compared:
    """Compare two numbers of reports by what they stand on: km² or days.

    Parameters
    ----------
    before, after
        Reports.
    size_before, size_after
        In one unit, both above 0.
    enough
        Whether a verdict may be given.
    """
    from pingan_geo.stats.change import compare_periods

    (row,) = compare_periods(
        np.array([before]), np.array([after]), length_before_d=size_before, length_after_d=size_after
    ).itertuples(index=False)
    return Compared(
        before=before,
        after=after,
        ratio=float(row.ratio),
        low=float(row.ratio_low),
        high=float(row.ratio_high),
        p_value=float(row.p_value),
        enough=enough,
    )


def compare_areas(first: AreaFindings, second: AreaFindings) -> Compared | None:
    """Compare the rates per km² of two areas, ``second`` being the base; ``None`` where nothing is tested.

    Two areas that overlap share reports, and the p-value is then wrong.
    """
    from pingan_geo.workflow.verdicts import LEAST_NEAR

    if first.mixed or second.mixed or shapely.intersection(first.shape, second.shape).area > 0:
        return None
    enough = first.total + second.total >= 2 * LEAST_NEAR
    return compare(second.total, first.total, second.km2, first.km2, enough=enough)


def _rate(count: int, km2: float) -> Rate:
    from pingan_geo.stats.rates import rate_interval

    if km2 <= 0:
        return Rate(math.nan, math.nan, math.nan)
    low, high = rate_interval(np.array([count]), np.array([km2]))
    return Rate(count / km2, float(np.ravel(low)[0]), float(np.ravel(high)[0]))


def _near_repeat(index: ReportIndex, here: NDArray[np.bool_], until: datetime, seed: int) -> NearRepeat:
    from pingan_geo.stats.near_repeat import alerts, knox, reach

    rows = np.flatnonzero(here)
    of_all = len(rows)
    rows = rows[np.argsort(-index.time[rows], kind="stable")][:NEAR_MOST]
    lon, lat = index.reports["lon"].to_numpy()[rows], index.reports["lat"].to_numpy()[rows]
    plane = local_metres(float(lon.mean()), float(lat.mean()))
    x_m, y_m = plane.forward(lon, lat)
    day = index.time[rows] // 86_400
    found = knox(
        x_m,
        y_m,
        day,
        (0.0, *NEAR_M),
        (0, *NEAR_DAYS),
        permutations=NEAR_PERMUTATIONS,
        rng=np.random.default_rng(seed),
    )
    block = reach(found)
    lasting = pd.DataFrame({"lon": [], "lat": [], "days_left": []}, dtype="float64")
    if block is not None:
        today = (whole_seconds(until) - 1) // 86_400
        table = alerts(x_m, y_m, day, today, block.radius_m, block.days)
        at_lon, at_lat = plane.inverse(table["x_m"].to_numpy(), table["y_m"].to_numpy())
        left = table["until_day"].to_numpy() - today
        lasting = pd.DataFrame({"lon": at_lon, "lat": at_lat, "days_left": left})
    # The pair of limits that is told: near and soon, as a patrol can use it.
    return NearRepeat(
        metres=NEAR_M[0],
        days=NEAR_DAYS[0],
        observed=int(found.observed[0, 0]),
        expected=float(found.expected[0, 0]),
        ratio=float(found.ratio[0, 0]),
        p_value=float(found.p[0, 0]),
        events=len(rows),
        of_all=of_all,
        reach_m=math.nan if block is None else block.radius_m,
        reach_days=math.nan if block is None else block.days,
        alerts=lasting,
    )


# -- periods -----------------------------------------------------------------------------------------


def closed_period(index: ReportIndex, asked: ReportFilter, fits: NDArray[np.bool_]) -> Period:
    """Return the period asked for, an open side closed by the reports that fit, in whole days."""
    times = index.time[fits]
    if not len(times):
        today = index.newest or datetime(2000, 1, 1)
        times = np.array([whole_seconds(today)])
    since, until = _ends(span_of(asked.period, times))
    return Period(since, max(until, since + timedelta(days=1)))


def earlier_period(index: ReportIndex, period: Period) -> Period | None:
    """Return the period of the same length before; ``None`` where the town has no reports so old."""
    since, until = _ends(period)
    start = since - (until - since)
    return (
        Period(start, since)
        if index.oldest is not None and index.oldest < start + timedelta(days=1)
        else None
    )


def compare_two_periods(
    index: ReportIndex,
    asked: ReportFilter,
    since: datetime,
    *,
    resolution: int,
    inside: NDArray[np.bool_] | None = None,
    reporters: NDArray[np.object_] | None = None,
) -> PeriodPair:
    """Count another period of the same length beside the one asked for.

    Parameters
    ----------
    index
        All reports.
    asked
        The question; its period is the second one.
    since
        First day of the other period.
    resolution
        H3 resolution of the cells of both.
    inside
        Of :func:`reports_inside`, to count an area only.
    reporters
        Of :func:`load_reporters`; without them newcomers are not told apart.

    Returns
    -------
    PeriodPair
        ``compared`` is ``None`` for reports mixed with finds, and where the periods overlap. A period in
        which nobody reported yet counts as quiet: look whether the ledger was kept then.
    """
    from pingan_geo.workflow.verdicts import LEAST_NEAR

    whole = index
    if inside is not None:
        index = _part(index, inside)
    first, last = _ends(closed_period(index, asked, index.select(asked)))
    other = Period(since, since + (last - first))
    views = [
        explore(index, replace(asked, period=period), resolution=resolution)
        for period in (other, Period(first, last))
    ]
    both = np.concatenate([view.cells["count"].to_numpy() for view in views])
    origins = np.unique(index.origin.code[views[0].fits | views[1].fits])
    compared = newcomers = None
    if (asked.origin or len(origins) < 2) and (since + (last - first) <= first or since >= last):
        enough = views[0].total + views[1].total >= 2 * LEAST_NEAR
        compared = compare(views[0].total, views[1].total, 1.0, 1.0, enough=enough)
        if reporters is not None and since < first:
            marks = [view.fits for view in views]
            if inside is not None:
                rows = np.flatnonzero(inside)
                marks = [np.isin(np.arange(len(whole)), rows[fits]) for fits in marks]
            newcomers = split_newcomers(whole.time, reporters, marks[0], marks[1], first, last - first)
    breaks = np.asarray(fixed_breaks(both), dtype=np.int64)
    return PeriodPair(views[0], views[1], breaks, compared, newcomers)


def slice_time(index: ReportIndex, asked: ReportFilter, *, resolution: int) -> TimeSlices:
    """Return the reports per cell for each day, week or month of the period, whichever suits its length.

    Steps at the ends may be cut by the period, and hold fewer reports for that reason alone.
    """
    fits = index.select(asked)
    since, until = _ends(closed_period(index, asked, fits))
    step = next((step for step, limit in _SLICES if (until - since).days <= limit), "month")
    level = index.cells(resolution)
    fits &= level.code >= 0
    times, code = index.time[fits].astype("datetime64[s]"), level.code[fits]
    starts = trend(times, Period(since, until), step)["start"].to_numpy(dtype="datetime64[s]")
    used, place = np.unique(code, return_inverse=True)
    at = np.searchsorted(starts, times, side="right") - 1
    counts = np.bincount(at * len(used) + place, minlength=len(starts) * len(used))
    counts = counts.reshape(len(starts), len(used)).astype(np.int64)
    first = [max(day_of(int(start)), since) for start in starts.astype(np.int64)]
    breaks = np.asarray(fixed_breaks(counts), dtype=np.int64)
    return TimeSlices(step, tuple(first), until, level.cells[used], counts, breaks)


def emerging_cluster(
    town: Town,
    index: ReportIndex,
    asked: ReportFilter,
    until: datetime,
    *,
    resolution: int = 9,
    seed: int = 0,
    replications: int = SCAN_REPLICATIONS,
    on_progress: Callable[[int, int], None] | None = None,
) -> Emerging:
    """Look for the cluster of the last weeks that still lasts: more here and now than place and time explain.

    Parameters
    ----------
    town, index
        The town and all its reports.
    asked
        The question; its period, villages and grids do not count.
    until
        The moment that the last week ends with.
    resolution
        H3 resolution of the cells.
    seed, replications
        Of the random data sets.
    on_progress
        Called with how many of them are done, and of how many.

    Returns
    -------
    Emerging
        A place that is bad all the time is no cluster here, and a new reporter makes one.

    Raises
    ------
    BadChoiceError
        If reports and finds of patrols are asked for together.
    """
    from pingan_geo.workflow.clusters import name_middle, scan_cells
    from pingan_geo.workflow.verdicts import LEAST_REPORTS

    if not asked.origin:
        raise BadChoiceError(name="origin", value=mark("Both"), expected="reported / found")
    since = until - timedelta(days=SCAN_DAYS)
    period = Period(since, until)
    fits = index.select(replace(asked, period=period, villages=(), grids=()))
    level = index.cells(resolution)
    fits &= level.code >= 0
    used, place = np.unique(level.code[fits], return_inverse=True)
    day = (index.time[fits] - whole_seconds(since)) // 86_400
    if len(day) < LEAST_REPORTS:
        return Emerging(period, len(day))
    lon, lat = centres(level.cells[used])
    found = scan_cells(
        *(level.cells[used], place, day, SCAN_DAYS),
        radius_m=SCAN_RADIUS_M,
        longest=SCAN_LONGEST,
        replications=replications,
        seed=seed,
        on_progress=on_progress,
        most_clusters=1,
    )
    if not found.clusters:
        return Emerging(period, len(day))
    best = found.clusters[0]
    x, y = float(lon[best.centre]), float(lat[best.centre])
    return Emerging(
        period=period,
        total=len(day),
        found=True,
        place=name_middle(town, x, y),
        since=since + timedelta(days=int(best.first_step)),
        until=since + timedelta(days=int(best.last_step) + 1),
        observed=int(best.observed),
        expected=float(best.expected),
        ratio=float(best.ratio),
        p_value=float(best.p),
        lon=x,
        lat=y,
        radius_m=float(best.radius_m) + mean_edge_m(resolution),
        cells=level.cells[used][best.cells],
    )


def _part(index: ReportIndex, rows: NDArray[np.bool_]) -> ReportIndex:
    """Return an index of some rows only."""

    def some(codes: Codes) -> Codes:
        return Codes(codes.names, codes.code[rows])

    return ReportIndex(
        reports=index.reports[rows].reset_index(drop=True),
        category=some(index.category),
        board=some(index.board),
        village=some(index.village),
        grid=some(index.grid),
        source=some(index.source),
        origin=some(index.origin),
        hour=index.hour[rows],
        weekday=index.weekday[rows],
        time=index.time[rows],
    )


def _ends(period: Period) -> tuple[datetime, datetime]:
    if period.since is None or period.until is None:
        raise BadChoiceError(name="period", value="open", expected="closed")
    return period.since, period.until
