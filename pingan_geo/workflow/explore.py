"""Looking at reports: one frozen index of all of them, and the answer to each change of a filter.

The index turns every column that a filter can ask about into small whole numbers, once per change of the
data. A question is then a handful of masks and a count is one ``bincount``, so that half a million reports
answer in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.errors import BadChoiceError
from pingan_geo.model.report import Period, ReportFilter
from pingan_geo.model.tables import CELL_COUNTS, POLYGON_COUNTS, REPORTS, TableSpec
from pingan_geo.spatial.cells import centres, disk, parents
from pingan_geo.stats.aoristic import WeekHours, count_hours
from pingan_geo.stats.breaks import fixed_breaks
from pingan_geo.stats.counts import count_positions, trend
from pingan_geo.stats.filters import known_hours, within_hours
from pingan_geo.storage.records import read_reports
from pingan_geo.workflow.towns import Town

if TYPE_CHECKING:  # the first page does not need it
    from pingan_geo.stats.density import DensitySurface

#: Columns that a list of reports shows, in this order.
LISTED = (
    "time",
    "time_until",
    "category",
    "place",
    "description",
    "village_id",
    "grid_id",
    "source",
    "origin",
)
#: What exploring needs of REPORTS; reading the rest would make the first page wait.
EXPLORED = TableSpec(
    "reports",
    {name: REPORTS.columns[name] for name in ("report_id", "batch_id", *LISTED, "lon", "lat", "cell")},
)
#: Mean edge of an H3 cell of resolution 9, in metres.
_EDGE_9_M = 200.8
#: A trend has about as many steps as a line has room for.
_DAYS_BY_STEP = (("day", 62), ("week", 430), ("month", 100 * 366))


@dataclass(frozen=True, eq=False)
class Codes:
    """A column of texts as small numbers: ``names[code[row]]`` is the text of a row."""

    names: tuple[str, ...]
    code: NDArray[np.int32]

    def among(self, wanted: Sequence[str]) -> NDArray[np.bool_]:
        """Return which rows have one of ``wanted``; a text that no row has matches none."""
        return np.isin(np.array(self.names, dtype=object), list(wanted))[self.code]

    def counts(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return how many of the masked rows have each value, in the order of ``names``."""
        return count_positions(self.code[mask], len(self.names))[0]


@dataclass(frozen=True, eq=False)
class CellCodes:
    """The cells of one resolution as small numbers; ``code`` is -1 where a report has no cell."""

    cells: NDArray[np.uint64]
    code: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class ReportIndex:
    """All reports of a town, ready to be asked. Shared by all visitors; nothing in it is changed.

    Parameters
    ----------
    reports
        Columns of :data:`EXPLORED`, in the order of the arrays below.
    category, board, village, grid, source, origin
        Codes per row.
    hour, weekday
        Per row; hour is -1 where it is not known, weekday 0 = Monday.
    time
        Seconds since 1970 of the town's clock.
    """

    reports: pd.DataFrame
    category: Codes
    board: Codes
    village: Codes
    grid: Codes
    source: Codes
    origin: Codes
    hour: NDArray[np.int8]
    weekday: NDArray[np.int8]
    time: NDArray[np.int64]
    _levels: dict[int, CellCodes] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.time)

    @property
    def newest(self) -> datetime | None:
        """Time of the newest report; ``None`` without reports."""
        return instant_of(int(self.time.max())) if len(self) else None

    @property
    def oldest(self) -> datetime | None:
        """Time of the oldest report; ``None`` without reports."""
        return instant_of(int(self.time.min())) if len(self) else None

    @property
    def until(self) -> NDArray[np.datetime64]:
        """Ends of the intervals, NaT where the instant is known."""
        return np.asarray(self.reports["time_until"], dtype="datetime64[s]")

    def cells(self, resolution: int) -> CellCodes:
        """Return the cells of a resolution; worked out at the first call, kept for the next."""
        if resolution not in self._levels:
            rolled = parents(self.reports["cell"].to_numpy(dtype=np.uint64), resolution)
            cells, code = np.unique(rolled, return_inverse=True)
            lost = int(len(cells) > 0 and cells[0] == 0)
            self._levels[resolution] = CellCodes(cells[lost:], code.astype(np.int32).ravel() - lost)
        return self._levels[resolution]

    def select(self, asked: ReportFilter) -> NDArray[np.bool_]:
        """Return which reports fit, as :func:`pingan_geo.stats.filters.select` does, only faster."""
        fits = np.ones(len(self), dtype=bool)
        for codes, wanted in (
            (self.category, asked.categories),
            (self.board, asked.boards),
            (self.village, asked.villages),
            (self.grid, asked.grids),
            (self.source, asked.sources),
            (self.origin, (asked.origin,) if asked.origin else ()),
        ):
            if wanted:
                fits &= codes.among(wanted)
        if asked.period.since is not None:
            fits &= self.time >= whole_seconds(asked.period.since)
        if asked.period.until is not None:
            fits &= self.time < whole_seconds(asked.period.until)
        if asked.hours:
            holds = _table(asked.hours, 25)[self.hour]  # -1, not known, is the 25th entry: never asked for
            rest = np.flatnonzero(self.hour < 0)
            times = self.time[rest].astype("datetime64[s]")
            holds[rest] = within_hours(times, self.until[rest], asked.hours)
            fits &= holds
        if asked.weekdays:
            fits &= _table(asked.weekdays, 7)[self.weekday]
        if asked.batch is not None:
            fits &= self.reports["batch_id"].to_numpy() == asked.batch
        return fits


@dataclass(frozen=True, eq=False)
class MapView:
    """What a question to the reports brings: everything that is drawn, and what was left out.

    ``in_cells + without_cell == total`` and the sum of each polygon table plus its number without a
    polygon is ``total``.

    Parameters
    ----------
    fits
        Per report of the index.
    total, of_all
        Reports that fit; all reports.
    cells
        CELL_COUNTS at ``resolution``, only cells with reports.
    grids, villages
        POLYGON_COUNTS, polygons without reports too.
    cell_breaks, grid_breaks, village_breaks
        Lower edges of the classes of the legend; the same number has the same class in every view.
    trend
        Table ``start, count`` and whether a step is complete.
    hours
        Of the reports by hour and weekday: their ``counts`` and ``unknown`` add up to ``total``.
    categories
        Table ``category, count``, most first, only those with reports.
    period
        Asked for, or from the oldest to the newest report that fits.
    """

    asked: ReportFilter
    resolution: int
    fits: NDArray[np.bool_]
    total: int
    of_all: int
    cells: pd.DataFrame
    in_cells: int
    without_cell: int
    grids: pd.DataFrame
    without_grid: int
    villages: pd.DataFrame
    without_village: int
    cell_breaks: NDArray[np.int64]
    grid_breaks: NDArray[np.int64]
    village_breaks: NDArray[np.int64]
    trend: pd.DataFrame
    step: str
    hours: WeekHours
    categories: pd.DataFrame
    period: Period


@dataclass(frozen=True, eq=False)
class PlaceView:
    """One cell or polygon that was picked.

    Parameters
    ----------
    kind, code
        ``cell`` (hexadecimal), ``grid`` or ``village``.
    total, shown
        Reports there that fit the question, and how many of them ``reports`` lists (newest first).
    hours
        As in :class:`MapView`.
    neighbours
        Table ``code, count, bearing_deg`` (0 = north, clockwise): adjacent cells; for polygons empty.
    """

    kind: str
    code: str
    total: int
    reports: pd.DataFrame
    hours: WeekHours
    neighbours: pd.DataFrame

    @property
    def shown(self) -> int:
        """Rows of ``reports``."""
        return len(self.reports)


def load_reports(town: Town) -> pd.DataFrame:
    """Return all reports of a town, ordered by time: the columns of :data:`EXPLORED`."""
    with town.store.read() as connection:
        return read_reports(connection, tuple(EXPLORED.columns))


def index_reports(reports: pd.DataFrame, board_of: Mapping[str, str]) -> ReportIndex:
    """Make a table of reports ready to be asked.

    Parameters
    ----------
    reports
        REPORTS table, or the columns of :data:`EXPLORED`.
    board_of
        Category code to board code; a category that is absent has no board.

    Raises
    ------
    BadTableError
        If a column is missing or has another type.
    """
    reports = EXPLORED.check(reports)
    time = reports["time"].to_numpy(dtype="datetime64[s]")
    days = time.astype("datetime64[D]").astype(np.int64)
    category = _codes(reports["category"])
    boards = _codes(pd.Series([board_of.get(code, "") for code in category.names], dtype="str"))
    return ReportIndex(
        reports=reports,
        category=category,
        board=Codes(boards.names, boards.code[category.code]),
        village=_codes(reports["village_id"]),
        grid=_codes(reports["grid_id"]),
        source=_codes(reports["source"]),
        origin=_codes(reports["origin"]),
        hour=known_hours(time, reports["time_until"].to_numpy(dtype="datetime64[s]")).astype(np.int8),
        weekday=((days + 3) % 7).astype(np.int8),  # 1970-01-01 was a Thursday
        time=time.astype(np.int64),
    )


def explore(
    index: ReportIndex,
    asked: ReportFilter,
    *,
    resolution: int,
    grids: Sequence[str] = (),
    villages: Sequence[str] = (),
) -> MapView:
    """Answer a question to the reports.

    Parameters
    ----------
    index
        Of :func:`index_reports`.
    asked
        The question.
    resolution
        H3 resolution of the cells, at most the finest stored.
    grids, villages
        Codes of all polygons, so that one without reports is there with 0.

    Returns
    -------
    MapView
        Counts are of reports, not of incidents, and say nothing of how many people looked.
    """
    fits = index.select(asked)
    level = index.cells(resolution)
    counts, without_cell = count_positions(level.code[fits], len(level.cells))
    hit = counts > 0
    cells = pd.DataFrame({"cell": level.cells[hit], "count": counts[hit]})
    by_grid, without_grid = _by_polygon(index.grid, fits, grids)
    by_village, without_village = _by_polygon(index.village, fits, villages)
    categories = pd.DataFrame(
        {"category": pd.Series(index.category.names, dtype="str"), "count": index.category.counts(fits)}
    )
    categories = categories[categories["count"] > 0].sort_values(
        ["count", "category"], ascending=[False, True]
    )
    period = span_of(asked.period, index.time[fits])
    step = _step(period)
    times = index.time[fits]
    return MapView(
        asked=asked,
        resolution=resolution,
        fits=fits,
        total=len(times),
        of_all=len(index),
        cells=CELL_COUNTS.check(cells),
        in_cells=int(counts.sum()),
        without_cell=without_cell,
        grids=by_grid,
        without_grid=without_grid,
        villages=by_village,
        without_village=without_village,
        cell_breaks=_breaks(cells),
        grid_breaks=_breaks(by_grid),
        village_breaks=_breaks(by_village),
        trend=trend(times.astype("datetime64[s]"), period, step),
        step=step,
        hours=_hours(index, fits),
        categories=categories.reset_index(drop=True),
        period=period,
    )


def loosen(index: ReportIndex, asked: ReportFilter) -> tuple[tuple[str, int], ...]:
    """Return how many reports would fit without each limit of a question: (field of the filter, reports).

    Only fields that are limited, those that help most first.
    """
    free: dict[str, Any] = {
        "period": Period(),
        "categories": (),
        "boards": (),
        "hours": (),
        "weekdays": (),
        "villages": (),
        "grids": (),
        "sources": (),
        "origin": "",
    }
    freed = [
        (name, int(index.select(replace(asked, **{name: value})).sum()))
        for name, value in free.items()
        if getattr(asked, name) != value
    ]
    return tuple(sorted(freed, key=lambda one: -one[1]))


def look_into(index: ReportIndex, view: MapView, kind: str, code: str, *, limit: int = 200) -> PlaceView:
    """Return what lies in one cell or polygon of a view.

    Parameters
    ----------
    kind
        ``cell``, ``grid`` or ``village``.
    code
        Of the polygon, or the cell in hexadecimal at the view's resolution.
    limit
        Rows listed at most.

    Raises
    ------
    BadChoiceError
        If ``kind`` is none of the three or ``code`` is not a cell of that resolution.
    """
    neighbours = pd.DataFrame(
        {"code": pd.Series([], dtype="str"), "count": np.zeros(0, np.int64), "bearing_deg": np.zeros(0)}
    )
    if kind == "cell":
        cell = parse_cell(code, view.resolution)
        level = index.cells(view.resolution)
        at = int(np.searchsorted(level.cells, cell))
        known = at < len(level.cells) and level.cells[at] == cell
        inside = view.fits & (level.code == at) if known else np.zeros(len(index), dtype=bool)
        neighbours = _neighbours(view, cell)
    elif kind in {"grid", "village"}:
        inside = view.fits & (index.grid if kind == "grid" else index.village).among([code])
    else:
        raise BadChoiceError(name="kind", value=kind, expected="cell / grid / village")
    return PlaceView(
        kind,
        code,
        int(inside.sum()),
        list_reports(index, inside, limit=limit),
        _hours(index, inside),
        neighbours,
    )


def cell_table(index: ReportIndex, view: MapView) -> pd.DataFrame:
    """Return the cells of a view as a list: the twin of the map.

    Returns
    -------
    pandas.DataFrame
        ``cell`` (hexadecimal), ``village_id`` and ``grid_id`` (in which most of the cell's reports lie, of
        equals the first by code), ``count``, ``share`` of all reports that fit, ``lon`` and ``lat`` of the
        centre; most reports first, then by cell.
    """
    level = index.cells(view.resolution)
    code = level.code[view.fits]
    placed = code >= 0
    cells = view.cells["cell"].to_numpy()
    at = np.searchsorted(cells, level.cells[code[placed]])
    lon, lat = centres(cells)
    table = pd.DataFrame(
        {
            "cell": pd.Series([f"{int(cell):x}" for cell in cells], dtype="str"),
            "village_id": _most_common(at, index.village, index.village.code[view.fits][placed], len(cells)),
            "grid_id": _most_common(at, index.grid, index.grid.code[view.fits][placed], len(cells)),
            "count": view.cells["count"].to_numpy(),
            "share": view.cells["count"].to_numpy() / max(view.total, 1),
            "lon": lon,
            "lat": lat,
        }
    )
    return table.sort_values(["count", "cell"], ascending=[False, True]).reset_index(drop=True)


def _most_common(at: NDArray[Any], codes: Codes, code: NDArray[np.int32], cells: int) -> pd.Series:
    """Return the text that most reports of each cell have."""
    size = max(len(codes.names), 1)
    pairs, counts = np.unique(at * size + code, return_counts=True)
    order = np.lexsort((pairs, -counts, pairs // size))
    cell, first = np.unique(pairs[order] // size, return_index=True)
    names = np.full(cells, "", dtype=object)
    names[cell] = np.array([*codes.names, ""], dtype=object)[pairs[order][first] % size]
    return pd.Series(names, dtype="str")


def see_density(
    index: ReportIndex, view: MapView, bounds: tuple[float, float, float, float]
) -> DensitySurface:
    """Return the density of the reports of a view over the town: reports per km², smoothed.

    Parameters
    ----------
    bounds
        West, south, east, north in WGS-84 degrees.

    Returns
    -------
    DensitySurface
        The bandwidth goes with the view's resolution and is about the reach of a cell and its neighbours.
    """
    from pingan_geo.stats.density import density_surface

    places = index.reports[["lon", "lat"]].to_numpy()[view.fits]
    edge_m = mean_edge_m(view.resolution)
    return density_surface(
        places[:, 0], places[:, 1], bounds, bandwidth_m=round(1.5 * edge_m), step_m=round(edge_m / 4)
    )


def list_reports(index: ReportIndex, mask: NDArray[np.bool_], *, limit: int | None = None) -> pd.DataFrame:
    """Return the masked reports, newest first, at most ``limit``: what a list shows, lon, lat and cell."""
    rows = np.flatnonzero(mask)
    rows = rows[np.argsort(-index.time[rows], kind="stable")][:limit]
    return index.reports.iloc[rows][["report_id", *LISTED, "lon", "lat", "cell"]].reset_index(drop=True)


def parse_cell(code: str, resolution: int) -> np.uint64:
    """Return a hexadecimal cell as a number.

    Raises
    ------
    BadChoiceError
        If the text is not a cell of this resolution.
    """
    try:
        number = int(code, 16)
    except ValueError:
        number = 0
    if number >> 59 != 1 or (number >> 52) & 15 != resolution or number >= 1 << 63:
        raise BadChoiceError(name="cell", value=code, expected=f"H3 resolution {resolution}")
    return np.uint64(number)


def _neighbours(view: MapView, cell: np.uint64) -> pd.DataFrame:
    """Return the adjacent cells with their counts, most first."""
    around = disk(cell, 1)
    around = around[around != cell]
    counts = pd.Series(view.cells["count"].to_numpy(), index=view.cells["cell"].to_numpy())
    lon, lat = centres(np.concatenate([np.array([cell], dtype=np.uint64), around]))
    east, north = (lon[1:] - lon[0]) * np.cos(np.radians(lat[0])), lat[1:] - lat[0]
    table = pd.DataFrame(
        {
            "code": [f"{int(one):x}" for one in around],
            "count": counts.reindex(around, fill_value=0).to_numpy(),
            "bearing_deg": np.degrees(np.arctan2(east, north)) % 360,
        }
    )
    return table.sort_values(["count", "code"], ascending=[False, True]).reset_index(drop=True)


def _by_polygon(codes: Codes, fits: NDArray[np.bool_], all_codes: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """Return POLYGON_COUNTS of all polygons and how many reports are in none of them."""
    counts = pd.Series(codes.counts(fits), index=pd.Index(codes.names, dtype="object"))
    known = counts.reindex(list(all_codes), fill_value=0).to_numpy().astype(np.int64)
    table = pd.DataFrame({"code": pd.Series(list(all_codes), dtype="str"), "count": known})
    return POLYGON_COUNTS.check(table), int(counts.sum() - known.sum())


def _hours(index: ReportIndex, mask: NDArray[np.bool_]) -> WeekHours:
    times = index.time[mask].astype("datetime64[s]")
    return count_hours(times, index.until[mask], index.hour[mask], index.weekday[mask])


def _breaks(table: pd.DataFrame) -> NDArray[np.int64]:
    return np.asarray(fixed_breaks(table["count"].to_numpy()), dtype=np.int64)


def span_of(period: Period, times: NDArray[np.int64]) -> Period:
    """Return a period with open ends closed, in whole days, by the times of reports; as it is without any."""
    if not len(times):
        return period
    first, last = day_of(int(times.min())), day_of(int(times.max()))
    return Period(period.since or first, period.until or last + timedelta(days=1))


def mean_edge_m(resolution: int) -> float:
    """Return the mean edge of an H3 cell, in metres."""
    return float(_EDGE_9_M * 7 ** ((9 - resolution) / 2))


def _step(period: Period) -> str:
    if period.since is None or period.until is None:
        return "day"
    days = (period.until - period.since).days
    return next(step for step, limit in _DAYS_BY_STEP if days <= limit or step == "month")


def _codes(column: Any) -> Codes:
    code, values = pd.factorize(column, sort=True)
    return Codes(tuple(str(value) for value in values), code.astype(np.int32))


def _table(wanted: Sequence[int], size: int) -> NDArray[np.bool_]:
    table = np.zeros(size, dtype=bool)
    table[[number for number in wanted if 0 <= number < size - (size == 25)]] = True
    return table


def whole_seconds(instant: datetime) -> int:
    """Return the first whole second that is not before ``instant``; stored times are whole seconds."""
    return -(-int(np.datetime64(instant, "us").astype(np.int64)) // 1_000_000)


def day_of(seconds: int) -> datetime:
    """Return the beginning of the day that a stored time lies in."""
    return instant_of(seconds // 86_400 * 86_400)


def instant_of(seconds: int) -> datetime:
    """Return a stored time as an instant of the town's clock."""
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)
