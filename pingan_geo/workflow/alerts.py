"""Where to look again after a report: how far and how long others follow, measured on the town's own reports.

An alert is a cell and the day on which it is over. It names no place: every cell near the *cell* of a report is
drawn, never a circle around the place itself, so that the map of alerts tells no more than the map of counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadChoiceError
from pingan_geo.i18n import Translator, translator
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.spatial.cells import NO_CELL, cells_covering, centres, parents, to_text
from pingan_geo.workflow.explore import ReportIndex, day_of, whole_seconds
from pingan_geo.workflow.seen import zones_of_cells
from pingan_geo.workflow.stated_categories import check_categories
from pingan_geo.workflow.towns import Town
from pingan_geo.workflow.verdicts import LEAST_REPORTS, LEVEL, say_too_few

if TYPE_CHECKING:  # loads numba
    from pingan_geo.stats.near_repeat import Knox, Reach

#: Outer edges of the classes that are asked about, metres and days.
NEAR_M: Final = (100.0, 200.0, 400.0)
NEAR_DAYS: Final = (7, 14, 28)
PERMUTATIONS: Final = 199
#: So many of the newest reports are measured: more would take seconds and say the same.
MOST_EVENTS: Final = 5_000
_DAY_S: Final = 86_400


@dataclass(frozen=True, eq=False)
class Alerts:
    """Cells to look at first, each until a day; an alert does not say that anything will happen there.

    Parameters
    ----------
    table
        ``cell`` (uint64, at ``resolution``), ``until`` (midnight of the day on which the alert is over),
        ``factor`` (how many times as many reports as by chance follow after so many days, within the reach;
        of several reports near by the highest), ``events`` (reports near by whose alert still holds).
        Highest factor first, then the latest to end, then by cell; no rows where there is nothing to say.
    reach
        Within how many metres and days others follow; ``None`` where it could not be told.
    today
        The day that alerts are asked for.
    measured, of_all
        Reports that the reach was measured on, the newest of all that there are.
    open_events
        Reports whose alert holds today.
    resolution
        As used: no finer than the patrols' where private categories are among the events.
    sentence
        All this in one sentence without a full stop, also why there is no alert.
    """

    table: pd.DataFrame
    reach: Reach | None
    today: date
    measured: int
    of_all: int
    open_events: int
    resolution: int
    sentence: str


def near_repeat_alerts(
    town: Town,
    index: ReportIndex,
    asked: ReportFilter,
    *,
    resolution: int,
    language: str = "",
    seed: int = 0,
) -> Alerts:
    """Return the cells near a recent report of some kind, as long as others are likelier there.

    How near and how long is measured by Knox's test on all reports of that kind up to the end of the period,
    wherever in the town; the beginning of the period does not count, so that a narrow filter does not take
    away what is measured with. Alerts are of the reports in the villages and grids asked for. A report known
    as an interval counts by its first day.

    Parameters
    ----------
    asked
        Its categories are the kind of report that is meant. Without any there is no answer: what follows what
        among all kinds of reports is mostly that somebody went through a street with a telephone.
    resolution
        H3 resolution of the cells, at most the finest stored.
    language
        Of the sentence; the town's when empty.
    seed
        Of the permutations.

    Returns
    -------
    Alerts
        Its day is the newest on which anything was reported, of any kind, or the last of the period. A cell
        is drawn when its centre is within the reach of the centre of the report's cell, so that the drawn
        area is about that of the circle, moved by half a cell at most. No alert does not mean safe.

    Raises
    ------
    BadChoiceError
        If there are no cells of that resolution.
    UnknownCategoryError
        If a category is neither in the town's list nor in any report.
    """
    settings = town.settings
    t = translator(language or settings.language)
    check_categories(town, asked.categories, index.reports)
    if not 0 <= resolution <= settings.finest:
        raise BadChoiceError(name="resolution", value=resolution, expected=f"0-{settings.finest}")
    resolution = _resolution_for(town, asked, resolution)
    today = _today(index, asked.period)
    before = Period(until=asked.period.until)
    kind = np.flatnonzero(index.select(replace(asked, period=before, villages=(), grids=())))

    def nothing(sentence: str, reach: Reach | None = None, measured: int = 0) -> Alerts:
        return Alerts(_no_rows(), reach, today, measured, len(kind), 0, resolution, sentence)

    if not asked.categories:
        return nothing(
            t(
                "Choose a category first, e.g. thefts: whether one report is followed by others is asked of "
                "one kind of incident"
            )
        )
    if not asked.origin and len(np.unique(index.origin.code[kind])) > 1:
        return nothing(
            t("Not tested: reports and finds of patrols are mixed. Choose one origin in the filters")
        )
    if len(kind) < LEAST_REPORTS:
        return nothing(say_too_few(len(kind), LEAST_REPORTS, t))
    found, reach = _measure(index, kind, seed)
    if reach is None:
        return nothing(
            t(
                "No alert: among {events} reports of this kind others do not follow nearby and soon more often "
                "than by chance",
                events=found.events,
            ),
            measured=found.events,
        )
    here = np.flatnonzero(index.select(replace(asked, period=before)))
    passed = _day_number(today) - index.time[here] // _DAY_S
    placed = index.reports["cell"].to_numpy(dtype=np.uint64)[here] != NO_CELL
    alive = (passed >= 0) & (passed < reach.days) & placed
    here, passed = here[alive], passed[alive]
    table = _cells_near(town, index, here, passed, found, reach, resolution, today)
    return Alerts(
        table=table,
        reach=reach,
        today=today,
        measured=found.events,
        of_all=len(kind),
        open_events=len(here),
        resolution=resolution,
        sentence=_say(reach, today, table, len(here), t),
    )


def alert_table(town: Town, found: Alerts) -> pd.DataFrame:
    """Return alerts as a list.

    Returns
    -------
    pandas.DataFrame
        As :attr:`Alerts.table`, with ``cell`` in hexadecimal, and ``village_id``, ``grid_id``, ``lon`` and ``lat`` of
        its centre (WGS-84 degrees).
    """
    cells = found.table["cell"].to_numpy()
    villages, grids, lon, lat = zones_of_cells(town, cells)
    return found.table.assign(
        cell=pd.Series(to_text(cells), dtype="str"),
        village_id=pd.Series(villages, dtype="str"),
        grid_id=pd.Series(grids, dtype="str"),
        lon=lon,
        lat=lat,
    )


def _resolution_for(town: Town, asked: ReportFilter, resolution: int) -> int:
    private = {category.code for category in town.settings.categories if category.private}
    if private.intersection(asked.categories):
        return min(resolution, town.settings.patrol_resolution)
    return resolution


def _today(index: ReportIndex, period: Period) -> date:
    """Return the newest day with a report of any kind, or the last of the period when that is over before."""
    newest = index.newest
    today = date(1970, 1, 1) if newest is None else newest.date()
    if period.until is not None:
        today = min(today, day_of(whole_seconds(period.until) - 1).date())
    return today


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _measure(index: ReportIndex, kind: NDArray[np.int64], seed: int) -> tuple[Knox, Reach | None]:
    """Return the table of pairs by metres and days of the newest reports of a kind, and their reach."""
    from pingan_geo.stats.near_repeat import knox, reach

    rows = kind[np.argsort(-index.time[kind], kind="stable")][:MOST_EVENTS]
    lon, lat = (index.reports[name].to_numpy(dtype=np.float64)[rows] for name in ("lon", "lat"))
    x_m, y_m = local_metres(float(lon.mean()), float(lat.mean())).forward(lon, lat)
    found = knox(
        x_m,
        y_m,
        index.time[rows] // _DAY_S,
        (0.0, *NEAR_M),
        (0, *NEAR_DAYS),
        permutations=PERMUTATIONS,
        rng=np.random.default_rng(seed),
    )
    return found, reach(found, LEVEL)


def _cells_near(
    town: Town,
    index: ReportIndex,
    events: NDArray[np.int64],
    passed: NDArray[np.int64],
    found: Knox,
    reach: Reach,
    resolution: int,
    today: date,
) -> pd.DataFrame:
    """Return the town's cells within the reach of the cells of events, one row a cell."""
    from scipy.spatial import cKDTree

    cells = cells_covering(town.area, resolution)
    if not len(events) or not len(cells):
        return _no_rows()
    own, event_of = np.unique(
        parents(index.reports["cell"].to_numpy(dtype=np.uint64)[events], resolution), return_inverse=True
    )
    lon, lat = centres(cells)
    plane = local_metres(float(lon.mean()), float(lat.mean()))
    near = cKDTree(np.column_stack(plane.forward(*centres(own)))).sparse_distance_matrix(
        cKDTree(np.column_stack(plane.forward(lon, lat))), reach.radius_m, output_type="ndarray"
    )
    # Of the whole radius: a cell is too coarse to tell the nearer class from the next.
    rows = int(np.searchsorted(found.distances_m, reach.radius_m))
    ratio = found.observed[:rows].sum(axis=0) / found.expected[:rows].sum(axis=0)
    factor = ratio[np.searchsorted(found.days, passed, side="right") - 1]
    left = (reach.days - passed).astype(np.int64)
    per_own = pd.DataFrame({"own": event_of.ravel(), "factor": factor, "left": left})
    pairs = pd.DataFrame({"own": near["i"], "cell": cells[near["j"]]}).merge(per_own, on="own")
    table = (
        pairs.groupby("cell")
        .agg(left=("left", "max"), factor=("factor", "max"), events=("left", "size"))
        .reset_index()
        .sort_values(["factor", "left", "cell"], ascending=[False, False, True])
    )
    until = np.datetime64(today, "s") + table["left"].to_numpy() * np.timedelta64(_DAY_S, "s")
    return _rows(table["cell"], until, table["factor"], table["events"])


def _rows(cell: Any, until: Any, factor: Any, events: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cell": np.asarray(cell, dtype=np.uint64),
            "until": np.asarray(until, dtype="datetime64[s]"),
            "factor": np.asarray(factor, dtype=np.float64),
            "events": np.asarray(events, dtype=np.int64),
        }
    )


def _no_rows() -> pd.DataFrame:
    return _rows([], [], [], [])


def _say(reach: Reach, today: date, table: pd.DataFrame, open_events: int, t: Translator) -> str:
    words = {
        "metres": round(reach.radius_m),
        "days": round(reach.days),
        "ratio": t.number(reach.ratio, 2 if reach.ratio < 2 else 1),
        "day": t.date(today),
    }
    said = t(
        "Within {metres} m and {days} days of such a report there are {ratio} times as many others as by chance",
        **words,
    )
    if table.empty:
        return said + t("; on {day} none is so recent", **words)
    last = table["until"].max().date() - timedelta(days=1)
    return said + t(
        "; on {day} {events} are so recent: {cells} cells to look at first, the last of them to {last}",
        **words,
        events=open_events,
        cells=len(table),
        last=t.date(last),
    )
