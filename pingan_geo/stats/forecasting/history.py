"""What a forecast may see: the reports before one instant, on the cells of one region.

Everything that forecasts takes a :class:`History` and nothing else, so that a forecast cannot look past
its own date: :func:`history_before` is the only way to make one, and it cuts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pingan_geo.coords import LocalMetres, local_metres
from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.spatial.cells import areas_m2, cells_of, centres, neighbour_pairs, resolutions

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

_DAY_S = 86_400


@dataclass(frozen=True, eq=False)
class Region:
    """The cells that are forecast.

    Parameters
    ----------
    cells
        uint64, ascending, of one resolution; with and without reports.
    x_m, y_m
        Their centres in metres from the middle of the region (:func:`pingan_geo.coords.local_metres`).
    area_m2
        Of each cell.
    left, right
        Positions of each pair of neighbours, once.
    resolution
        Of the cells.
    plane
        The metres.
    """

    cells: NDArray[np.uint64]
    x_m: Floats
    y_m: Floats
    area_m2: Floats
    left: Positions
    right: Positions
    resolution: int
    plane: LocalMetres

    def __len__(self) -> int:
        """Return how many cells there are."""
        return len(self.cells)

    def place(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Positions, Floats, Floats]:
        """Return the position of each place's cell (-1 outside the region) and its metres (WGS-84 in)."""
        own = cells_of(lon, lat, self.resolution)
        at = np.searchsorted(self.cells, own)
        at = np.minimum(at, len(self.cells) - 1)
        x, y = self.plane.forward(lon, lat)
        return np.where(self.cells[at] == own, at, -1).astype(np.int64), x, y


def region_of(cells: ArrayLike) -> Region:
    """Return the region made of cells of one resolution.

    Parameters
    ----------
    cells
        uint64 H3 cells, in any order, each once or several times; at least one.

    Raises
    ------
    BadChoiceError
        If there are none, or of more than one resolution.
    """
    own = np.unique(np.asarray(cells, dtype=np.uint64))
    found = np.unique(resolutions(own))
    if len(found) != 1:
        raise BadChoiceError(name="cells", value=len(found), expected="cells of one resolution")
    lon, lat = centres(own)
    plane = local_metres(float(lon.mean()), float(lat.mean()))
    x, y = plane.forward(lon, lat)
    left, right = neighbour_pairs(own)
    return Region(own, x, y, areas_m2(own), left, right, int(found[0]), plane)


@dataclass(frozen=True, eq=False)
class Events:
    """Reports placed on a region, in the order of their times. Not for a forecast: see :class:`History`.

    Parameters
    ----------
    region
        Where.
    cell
        Position of the cell; -1 outside the region.
    x_m, y_m
        The place itself in the region's metres.
    time
        datetime64[s], wall clock of the town, ascending.
    """

    region: Region
    cell: Positions
    x_m: Floats
    y_m: Floats
    time: NDArray[np.datetime64]

    def __len__(self) -> int:
        """Return how many reports there are."""
        return len(self.time)


def place_events(region: Region, lon: ArrayLike, lat: ArrayLike, time: ArrayLike) -> Events:
    """Place reports (WGS-84 degrees, wall-clock times) on a region, sorted by time; ties keep their order.

    Raises
    ------
    UnalignedIndexError
        If the three are not equally long.
    BadChoiceError
        If a time is missing.
    """
    when = np.asarray(time, dtype="datetime64[s]")
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if not len(when) == len(x) == len(y):
        raise UnalignedIndexError(left="lon, lat", right="time")
    if np.isnat(when).any():
        raise BadChoiceError(name="time", value="NaT", expected="an instant")
    order = np.argsort(when, kind="stable")
    cell, x_m, y_m = region.place(x[order], y[order])
    return Events(region, cell, x_m, y_m, when[order])


@dataclass(frozen=True, eq=False)
class History:
    """All that a forecast made at ``origin`` may know.

    Parameters
    ----------
    region
        The cells to forecast.
    origin
        datetime64[s]: the first instant of the window to forecast. Wall clock of the town.
    span_d
        Days of record before it, above 0.
    cell
        Position of each report's cell, -1 outside the region (such reports help a kernel near the edge).
    x_m, y_m
        Each report's place in the region's metres.
    age_d
        Days from each report to the origin, above 0, descending (oldest first).
    """

    region: Region
    origin: np.datetime64
    span_d: float
    cell: Positions
    x_m: Floats
    y_m: Floats
    age_d: Floats

    def __len__(self) -> int:
        """Return how many reports there are."""
        return len(self.age_d)

    def before(self, age_d: float) -> History:
        """Return what was known ``age_d`` days before this history's origin: for learning from the past.

        Raises
        ------
        BadChoiceError
            If nothing of the record is as old.
        """
        if not 0 <= age_d < self.span_d:
            raise BadChoiceError(name="age_d", value=age_d, expected=f"from 0 to below {self.span_d:g}")
        known = self.age_d > age_d
        return History(
            self.region,
            self.origin - np.timedelta64(round(age_d * _DAY_S), "s"),
            self.span_d - age_d,
            self.cell[known],
            self.x_m[known],
            self.y_m[known],
            self.age_d[known] - age_d,
        )

    def counts(self, oldest_d: float = np.inf, newest_d: float = 0.0) -> Floats:
        """Return reports per cell with ``newest_d < age <= oldest_d``; those outside the region are left out."""
        wanted = (self.age_d > newest_d) & (self.age_d <= oldest_d) & (self.cell >= 0)
        return np.bincount(self.cell[wanted], minlength=len(self.region)).astype(np.float64)


def history_before(events: Events, origin: np.datetime64, *, since: np.datetime64 | None = None) -> History:
    """Return what was known at an instant: every report strictly before it, and none from then on.

    Parameters
    ----------
    events
        All reports, also later ones: they are cut off here.
    origin
        The first instant that is not known.
    since
        First instant of the record; the day of the first report if not given.

    Raises
    ------
    BadChoiceError
        If there is no report before the origin.
    """
    origin = origin.astype("datetime64[s]")
    n = int(np.searchsorted(events.time, origin, side="left"))
    if n == 0:
        raise BadChoiceError(name="origin", value=origin, expected="after the first report")
    first = (events.time[0].astype("datetime64[D]") if since is None else since).astype("datetime64[s]")
    seconds = (origin - events.time[:n]).astype(np.int64)
    return History(
        events.region,
        origin,
        float((origin - first).astype(np.int64)) / _DAY_S,
        events.cell[:n],
        events.x_m[:n],
        events.y_m[:n],
        seconds / _DAY_S,
    )


class Forecaster(Protocol):
    """A way to forecast. Pure: the same history, horizon and generator state give the same numbers."""

    def __call__(self, history: History, horizon_d: float, rng: np.random.Generator) -> Floats:
        """Return the reports to expect in each cell of the region within ``horizon_d`` days from the origin.

        At least 0 and finite everywhere, one value a cell. Its sum is an honest total where the method
        models time; a method that only ranks spreads the mean of the record over its cells.
        """
        ...
