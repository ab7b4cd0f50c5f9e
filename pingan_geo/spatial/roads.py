"""The road network: how long and how far it is from each of some places to each, and along which roads.

Roads come from a layer of lines or from an extract of OpenStreetMap. Each mode has a network of its own; only
the largest part of it in which everybody can come back from everywhere is used, and the other parts are told.
Turn restrictions, gates and traffic are not known. Numbers of minutes are expectations of somebody on patrol,
see :mod:`pingan_geo.spatial.road_profiles`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadChoiceError, NoRoadsError
from pingan_geo.spatial.road_graph import SAME_M, Doors, ModeGraph, Pieces, RoadPart, Spots
from pingan_geo.spatial.road_lines import JOIN_M, RoadLines, lines_of_layer
from pingan_geo.spatial.road_profiles import METRES_A_MINUTE, PROFILES, WALK_KMH, Profile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: A place farther than this from every road cannot be reached, metres.
SNAP_LIMIT_M: Final = 300.0
#: How much longer a way is than the straight line where no roads are known, and how fast it is gone, km/h: assumptions.
DETOUR: Final = 1.4
STRAIGHT_KMH: Final[Mapping[str, float]] = {"walk": WALK_KMH, "ebike": 15.0, "car": 25.0}
_NO_LINE: Final = (0, 2)


@dataclass(frozen=True, eq=False)
class Travel:
    """Ways between places, by one mode.

    Parameters
    ----------
    minutes, metres
        (n, n), from each place (row) to each (column); 0 on the diagonal, infinite where there is no way. The
        metres are those of the quickest way, and both hold the straight stretches on foot between a place and
        its road.
    snapped_m
        (n,) from each place to the nearest road that the mode may use; infinite for a place without
        coordinates; 0 without roads.
    reachable
        (n,) whether a road is near enough.
    mode
        ``walk``, ``ebike`` or ``car``.
    basis
        ``roads`` or ``straight``.
    factor
        By which straight lines were lengthened; 1 along roads.
    """

    minutes: Floats
    metres: Floats
    snapped_m: Floats
    reachable: Flags
    mode: str
    basis: str
    factor: float
    _way: Callable[[int, int], Floats] = field(repr=False)

    def line(self, start: int, end: int) -> Floats:
        """Return the way from one place to another, (k, 2) longitude and latitude, WGS-84.

        It begins and ends at the places themselves. Without a way it has no points.
        """
        if not np.isfinite(self.minutes[start, end]):
            return np.empty(_NO_LINE)
        return _without_repeats(self._way(int(start), int(end)))

    def lines(self, order: Sequence[int]) -> Floats:
        """Return one line through places in the order given, (k, 2); stretches without a way are left out."""
        legs = [self.line(start, end) for start, end in pairwise(order)]
        return _without_repeats(np.concatenate([np.empty(_NO_LINE), *legs]))


@dataclass(frozen=True, eq=False)
class Snaps:
    """Where places meet the road network of a mode.

    Parameters
    ----------
    lon, lat
        On the road, WGS-84; NaN for a place without coordinates.
    metres
        From the place to the road, infinite for a place without coordinates.
    reachable
        Whether that is within the limit.
    at
        Where on the graph.
    """

    lon: Floats
    lat: Floats
    metres: Floats
    reachable: Flags
    at: Spots = field(repr=False)


class RoadNetwork:
    """Roads on which ways can be found. Make it with :meth:`of_layer` or :meth:`of_osm`.

    Parameters
    ----------
    roads
        The lines.
    profiles
        By mode.

    Raises
    ------
    NoRoadsError
        If there is no line with a length.
    """

    def __init__(self, roads: RoadLines, profiles: Mapping[str, Profile] = PROFILES) -> None:
        if not roads.count:
            raise NoRoadsError(file="roads")
        self.roads, self.profiles = roads, profiles
        self.pieces = Pieces.of(roads)
        self._graphs: dict[str, ModeGraph] = {}

    @classmethod
    def of_layer(
        cls, frame: Any, *, join_m: float = JOIN_M, profiles: Mapping[str, Profile] = PROFILES
    ) -> Self:
        """Make a network of a layer of lines, see :func:`pingan_geo.spatial.road_lines.lines_of_layer`."""
        return cls(lines_of_layer(frame, join_m=join_m), profiles)

    @classmethod
    def of_osm(cls, file: Path, area: Any = None, *, profiles: Mapping[str, Profile] = PROFILES) -> Self:
        """Make a network of an extract of OpenStreetMap, see :func:`pingan_geo.spatial.road_osm.read_osm`."""
        from pingan_geo.spatial.road_osm import read_osm

        return cls(read_osm(Path(file), area), profiles)

    @property
    def nodes(self) -> int:
        """Points of all roads, each counted once."""
        return int(np.unique(self.roads.nodes).size)

    @property
    def metres(self) -> float:
        """Length of all roads, whoever may use them."""
        return float(self.pieces.metres.sum())

    def metres_of(self, mode: str) -> float:
        """Return the length of the roads that are used for a mode."""
        return float(self.graph(mode).metres)

    def parts(self, mode: str) -> tuple[RoadPart, ...]:
        """Return the roads of a mode that are not joined to the rest, the longest part first."""
        return self.graph(mode).parts

    def snap(self, lon: ArrayLike, lat: ArrayLike, mode: str, *, limit_m: float = SNAP_LIMIT_M) -> Snaps:
        """Return where places meet the nearest road that a mode may use.

        Parameters
        ----------
        lon, lat
            WGS-84 degrees, (n,).
        mode
            ``walk``, ``ebike`` or ``car``.
        limit_m
            A place farther off is not reachable.

        Returns
        -------
        Snaps
            Of places beyond the limit, too, the nearest road is told.

        Raises
        ------
        BadChoiceError
            If there is no such mode.
        NoRoadsForModeError
            If no road is open to it.
        """
        graph = self.graph(mode)
        lons, lats = np.broadcast_arrays(np.atleast_1d(np.asarray(lon, float)), np.asarray(lat, float))
        known = np.isfinite(lons) & np.isfinite(lats)
        pieces, plane = self.pieces, self.pieces.plane
        x, y = plane.forward(np.where(known, lons, plane.lon0), np.where(known, lats, plane.lat0))
        found = graph.tree.query_nearest(shapely.points(x, y), all_matches=False)[1]
        u, v = pieces.u[graph.pieces[found]], pieces.v[graph.pieces[found]]
        from_x, from_y = pieces.x[u], pieces.y[u]
        along_x, along_y = pieces.x[v] - from_x, pieces.y[v] - from_y
        long2 = np.maximum(along_x**2 + along_y**2, SAME_M**2)
        share = np.clip(((x - from_x) * along_x + (y - from_y) * along_y) / long2, 0.0, 1.0)
        on_x, on_y = from_x + share * along_x, from_y + share * along_y
        metres = np.where(known, np.hypot(x - on_x, y - on_y), np.inf)
        road_lon, road_lat = plane.inverse(on_x, on_y)
        return Snaps(
            np.where(known, road_lon, np.nan),
            np.where(known, road_lat, np.nan),
            metres,
            metres <= limit_m,
            graph.spots(found, share),
        )

    def matrix(self, lons: ArrayLike, lats: ArrayLike, mode: str, *, limit_m: float = SNAP_LIMIT_M) -> Travel:
        """Return the ways from each place to each.

        Parameters
        ----------
        lons, lats
            WGS-84 degrees, (n,).
        mode
            ``walk``, ``ebike`` or ``car``.
        limit_m
            A place farther than this from every road of the mode is not reachable; it is never moved.

        Returns
        -------
        Travel
            Quickest ways. The straight stretch to the road is walked, whatever the mode.

        Raises
        ------
        BadChoiceError
            If there is no such mode.
        NoRoadsForModeError
            If no road is open to it.
        """
        lons, lats = np.broadcast_arrays(np.atleast_1d(np.asarray(lons, float)), np.asarray(lats, float))
        graph, snaps = self.graph(mode), self.snap(lons, lats, mode, limit_m=limit_m)
        doors = graph.doors(snaps.at, snaps.reachable)
        minutes, metres = graph.ways(doors)
        _take_direct(graph, snaps, minutes, metres)
        walked = np.where(snaps.reachable, snaps.metres, np.inf)
        both = walked[:, None] + walked[None, :]
        minutes += both / (WALK_KMH * METRES_A_MINUTE)
        metres += both
        np.fill_diagonal(minutes, 0.0)
        np.fill_diagonal(metres, 0.0)
        return Travel(
            minutes=minutes,
            metres=metres,
            snapped_m=snaps.metres,
            reachable=snaps.reachable,
            mode=mode,
            basis="roads",
            factor=1.0,
            _way=_Ways(self.roads, graph, snaps, doors, lons, lats),
        )

    def graph(self, mode: str) -> ModeGraph:
        """Return the roads that a mode may use as a graph, made when first asked for."""
        if mode not in self.profiles:
            raise BadChoiceError(name="mode", value=mode, expected=" / ".join(self.profiles))
        if mode not in self._graphs:
            self._graphs[mode] = ModeGraph.of(self.pieces, self.profiles[mode])
        return self._graphs[mode]


def straight_travel(
    lons: ArrayLike,
    lats: ArrayLike,
    mode: str,
    factor: float = DETOUR,
    *,
    speeds_kmh: Mapping[str, float] = STRAIGHT_KMH,
) -> Travel:
    """Return ways between places where no roads are known: straight lines times a stated factor.

    Parameters
    ----------
    lons, lats
        WGS-84 degrees, (n,).
    mode
        ``walk``, ``ebike`` or ``car``.
    factor
        How much longer than the straight line a way is taken to be.
    speeds_kmh
        By mode.

    Returns
    -------
    Travel
        With ``basis`` ``straight``; its lines are straight.

    Raises
    ------
    BadChoiceError
        If there is no such mode.
    """
    if mode not in speeds_kmh:
        raise BadChoiceError(name="mode", value=mode, expected=" / ".join(speeds_kmh))
    lon, lat = np.broadcast_arrays(np.atleast_1d(np.asarray(lons, float)), np.asarray(lats, float))
    known = np.isfinite(lon) & np.isfinite(lat)
    metres = np.full((len(lon), len(lon)), np.inf)
    if known.any():
        west, east, south, north = lon[known].min(), lon[known].max(), lat[known].min(), lat[known].max()
        x, y = local_metres((west + east) / 2.0, (south + north) / 2.0).forward(lon[known], lat[known])
        metres[np.ix_(known, known)] = factor * np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
    np.fill_diagonal(metres, 0.0)
    ends = np.column_stack((lon, lat))
    return Travel(
        minutes=metres / (speeds_kmh[mode] * METRES_A_MINUTE),
        metres=metres,
        snapped_m=np.where(known, 0.0, np.inf),
        reachable=known,
        mode=mode,
        basis="straight",
        factor=factor,
        _way=lambda start, end: ends[[start, end]],
    )


# -- ways --------------------------------------------------------------------------------------------


def _take_direct(graph: ModeGraph, snaps: Snaps, minutes: Floats, metres: Floats) -> None:
    """Take the way along the chain where two places lie on the same one and it is quicker."""
    at = snaps.at
    one, other = np.nonzero(
        (at.chain[:, None] == at.chain[None, :]) & snaps.reachable[:, None] & snaps.reachable[None, :]
    )
    direct_min = np.abs(at.minutes[one] - at.minutes[other])
    quicker = graph.open_between(at, one, other) & (direct_min <= minutes[one, other])
    one, other = one[quicker], other[quicker]
    minutes[one, other] = direct_min[quicker]
    metres[one, other] = np.abs(at.metres[one] - at.metres[other])


@dataclass(frozen=True, eq=False)
class _Ways:
    """Draws the way between two places of a matrix."""

    roads: RoadLines
    graph: ModeGraph
    snaps: Snaps
    doors: Doors
    lons: Floats
    lats: Floats

    def __call__(self, start: int, end: int) -> Floats:
        """Return the points of the way, (k, 2) longitude and latitude."""
        here = np.array([[self.lons[start], self.lats[start]]])
        there = np.array([[self.lons[end], self.lats[end]]])
        if start == end:
            return here
        snaps = self.snaps
        on = np.array([[snaps.lon[start], snaps.lat[start]]])
        off = np.array([[snaps.lon[end], snaps.lat[end]]])
        roads = self.roads
        nodes = self._nodes(start, end)
        middle = np.column_stack((roads.lon[nodes], roads.lat[nodes]))
        return np.concatenate((here, on, middle, off, there))

    def _nodes(self, start: int, end: int) -> Ints:
        from pingan_geo.spatial.road_search import one_way

        graph, at = self.graph, self.snaps.at
        out, into = self.doors.out, self.doors.into
        starts, ends, minutes, metres = graph.arcs
        arcs, left, entered, total = one_way(
            starts, ends, graph.arc_from, minutes, metres,
            out[0][start], out[1][start], out[2][start], into[0][end], into[1][end],
        )  # fmt: skip
        if at.chain[start] == at.chain[end]:
            direct = abs(at.minutes[start] - at.minutes[end])
            if direct <= total and graph.open_between(at, np.array([start]), np.array([end]))[0]:
                return self._between(at, start, end)
        leave = _side(out, start, left)
        enter = _side(into, end, entered)
        chain = at.chain[start]
        if leave == 0:  # back to where the chain begins
            steps = [graph.points[graph.first[chain] : at.behind[start]][::-1]]
        else:
            steps = [graph.points[at.before[start] + 1 : graph.last[chain] + 1]]
        for arc in arcs:
            of_chain = graph.arc_chain[arc]
            points = graph.points[graph.first[of_chain] : graph.last[of_chain] + 1]
            steps.append(points[::-1] if graph.arc_back[arc] else points)
        chain = at.chain[end]
        if enter == 0:
            steps.append(graph.points[graph.first[chain] : at.behind[end]])
        else:
            steps.append(graph.points[at.before[end] + 1 : graph.last[chain] + 1][::-1])
        return np.concatenate(steps)

    def _between(self, at: Spots, start: int, end: int) -> Ints:
        if at.metres[start] <= at.metres[end]:
            return self.graph.points[at.before[start] + 1 : at.behind[end]]
        return self.graph.points[at.before[end] + 1 : at.behind[start]][::-1]


def _side(doors: tuple[Ints, Floats, Floats], place: int, junction: int) -> int:
    """Return by which of its two doors (0 or 1) a place is left or entered at a junction."""
    nodes, minutes = doors[0][place], doors[1][place]
    return min((side for side in range(2) if nodes[side] == junction), key=lambda side: float(minutes[side]))


def _without_repeats(points: Floats) -> Floats:
    fresh = np.ones(len(points), dtype=bool)
    fresh[1:] = (points[1:] != points[:-1]).any(axis=1)
    return points[fresh]
