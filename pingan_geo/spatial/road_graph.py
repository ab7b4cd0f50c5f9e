"""The roads of one mode as a graph: the part in which one can come back from everywhere, in chains.

A chain is what lies between two junctions: pieces of road one after another, at whose points one can only go
on or turn back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import LocalMetres, local_metres
from pingan_geo.errors import NoRoadsForModeError
from pingan_geo.model.patrol import MODES
from pingan_geo.spatial.road_lines import RoadLines
from pingan_geo.spatial.road_profiles import METRES_A_MINUTE, Profile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: What lies nearer than this to a node lies on it, metres.
SAME_M: Final = 1e-6
#: With more parts than these the name of each is that of its longest piece only.
_MANY_PARTS: Final = 2_000


@dataclass(frozen=True, eq=False)
class Pieces:
    """All straight pieces of road between two points, in metres.

    Parameters
    ----------
    roads
        What they are made from.
    plane
        Metres around the middle of the roads.
    x, y
        Of the nodes of ``roads``, metres in the plane.
    u, v
        Nodes that each piece leads from and to, in the order in which it was drawn.
    line
        The line of ``roads`` that each belongs to.
    metres
        Length of each.
    """

    roads: RoadLines
    plane: LocalMetres
    x: Floats
    y: Floats
    u: Ints
    v: Ints
    line: Ints
    metres: Floats

    @classmethod
    def of(cls, roads: RoadLines) -> Self:
        """Cut roads into pieces; there must be at least one line."""
        used = roads.nodes
        lon, lat = roads.lon[used], roads.lat[used]
        plane = local_metres((lon.min() + lon.max()) / 2.0, (lat.min() + lat.max()) / 2.0)
        x, y = plane.forward(roads.lon, roads.lat)
        line_of = np.repeat(np.arange(roads.count), np.diff(roads.starts))
        same = line_of[1:] == line_of[:-1]
        u, v = used[:-1][same], used[1:][same]
        return cls(roads, plane, x, y, u, v, line_of[:-1][same], np.hypot(x[v] - x[u], y[v] - y[u]))


@dataclass(frozen=True)
class RoadPart:
    """Roads that a mode may use and that are not joined to the rest.

    Parameters
    ----------
    name
        Of the longest road in it; ``""`` when none has a name.
    lon, lat
        A place on it, WGS-84.
    metres
        Length of all its roads.
    one_way
        It touches the rest, but one-way streets lead only in, or only out.
    """

    name: str
    lon: float
    lat: float
    metres: float
    one_way: bool


@dataclass(frozen=True, eq=False)
class Spots:
    """Places on chains: which, how far along, and the nodes of the chain at or before and at or behind."""

    chain: Ints
    minutes: Floats
    metres: Floats
    before: Ints
    behind: Ints


@dataclass(frozen=True, eq=False)
class Doors:
    """The one or two junctions that each place leads out to and is entered from: node, minutes, metres, (n, 2)."""

    out: tuple[Ints, Floats, Floats]
    into: tuple[Ints, Floats, Floats]


@dataclass(frozen=True, eq=False)
class ModeGraph:
    """The part of the roads of one mode in which one can come back from everywhere, in chains between junctions.

    ``run_*`` and the other sums stand at each point of a chain, one chain after another, so that a chain has one
    more of them than pieces.
    """

    pieces: Ints  # of the network
    chain_of: Ints  # of each of these
    place_of: Ints  # where each stands in run_*
    turned: Flags  # whether each is passed against its own direction
    points: Ints  # node at each place of run_*
    first: Ints  # place of each chain in run_*
    last: Ints
    run_min: Floats
    run_m: Floats
    shut: Ints  # pieces before each place that are closed ahead
    shut_back: Ints
    head: Ints  # junction at each end of each chain
    tail: Ints
    arcs: tuple[Ints, Ints, Floats, Floats]
    arc_from: Ints
    arc_chain: Ints
    arc_back: Flags
    tree: Any
    metres: float
    parts: tuple[RoadPart, ...]

    @classmethod
    def of(cls, all_pieces: Pieces, profile: Profile) -> Self:
        """Contract the roads that a profile may use."""
        from pingan_geo.spatial.road_search import sum_up, trace_chains

        roads, u, v = all_pieces.roads, all_pieces.u, all_pieces.v
        passage = np.array([profile.passage(tags) for tags in roads.tags], dtype=np.float64).reshape(-1, 3)
        about = passage[roads.tags_of[all_pieces.line]]
        real = u != v
        ahead, behind = (about[:, 1] > 0) & real, (about[:, 2] > 0) & real
        main = _main_nodes(all_pieces, ahead, behind)
        inside = main[u] & main[v] & (ahead | behind)
        if not inside.any():  # one-way streets that lead nowhere
            raise NoRoadsForModeError(mode=MODES.get(profile.mode, profile.mode))
        pieces = np.flatnonzero(inside)
        starts, around = _pieces_at(u[pieces], v[pieces], len(all_pieces.x))
        order, turned, begins = trace_chains(starts, around, u[pieces], v[pieces])
        pieces = pieces[order]
        minutes = all_pieces.metres[pieces] / (about[pieces, 0] * METRES_A_MINUTE)
        chains = len(begins) - 1
        open_ahead = np.where(turned, behind[pieces], ahead[pieces])
        open_back = np.where(turned, ahead[pieces], behind[pieces])
        sums = sum_up(begins, minutes, all_pieces.metres[pieces], open_ahead, open_back)
        run_min, run_m, shut, shut_back = sums
        chain_of = np.repeat(np.arange(chains), np.diff(begins))
        place_of = np.arange(len(pieces)) + chain_of
        first, last = begins[:-1] + np.arange(chains), begins[1:] + np.arange(chains)
        points = np.empty(len(pieces) + chains, dtype=np.int64)
        points[place_of] = np.where(turned, v[pieces], u[pieces])
        points[place_of + 1] = np.where(turned, u[pieces], v[pieces])
        junctions, ends = np.unique(np.concatenate((points[first], points[last])), return_inverse=True)
        head, tail = ends[:chains].astype(np.int64), ends[chains:].astype(np.int64)
        arcs = _arcs(
            head, tail, run_min[last], run_m[last], shut[last] == 0, shut_back[last] == 0, len(junctions)
        )
        xy = np.column_stack((all_pieces.x, all_pieces.y))
        return cls(
            pieces=pieces,
            chain_of=chain_of,
            place_of=place_of,
            turned=turned,
            points=points,
            first=first,
            last=last,
            run_min=run_min,
            run_m=run_m,
            shut=shut,
            shut_back=shut_back,
            head=head,
            tail=tail,
            arcs=arcs[:4],
            arc_from=arcs[4],
            arc_chain=arcs[5],
            arc_back=arcs[6],
            tree=shapely.STRtree(shapely.linestrings(np.stack((xy[u[pieces]], xy[v[pieces]]), axis=1))),
            metres=float(all_pieces.metres[pieces].sum()),
            parts=_parts(all_pieces, (ahead | behind) & ~inside, main),
        )

    def spots(self, found: Ints, share: Floats) -> Spots:
        """Return places on chains from the piece that each lies on and its share of it."""
        place, chain = self.place_of[found], self.chain_of[found]
        share = np.where(self.turned[found], 1.0 - share, share)
        long_m = self.run_m[place + 1] - self.run_m[place]
        at_end = (1.0 - share) * long_m < SAME_M
        share = np.where(at_end | (share * long_m < SAME_M), 0.0, share)
        place = place + at_end
        following = np.minimum(place + 1, self.last[chain])
        return Spots(
            chain=chain,
            minutes=self.run_min[place] + share * (self.run_min[following] - self.run_min[place]),
            metres=self.run_m[place] + share * (self.run_m[following] - self.run_m[place]),
            before=place,
            behind=place + (share > 0.0),
        )

    def doors(self, at: Spots, reachable: Flags) -> Doors:
        """Return the junctions that places lead out to and are entered from."""
        last = self.last[at.chain]
        back_min, back_m = at.minutes, at.metres
        on_min, on_m = self.run_min[last] - at.minutes, self.run_m[last] - at.metres
        minutes, metres = np.column_stack((back_min, on_min)), np.column_stack((back_m, on_m))
        ends = np.column_stack((self.head[at.chain], self.tail[at.chain]))
        out = np.column_stack((self.shut_back[at.behind] == 0, self.shut[last] == self.shut[at.before]))
        into = np.column_stack((self.shut[at.behind] == 0, self.shut_back[last] == self.shut_back[at.before]))
        usable = reachable[:, None]
        return Doors(
            (np.where(out & usable, ends, -1), minutes, metres),
            (np.where(into & usable, ends, -1), minutes, metres),
        )

    def ways(self, doors: Doors) -> tuple[Floats, Floats]:
        """Return minutes and metres from each place to each, by way of at least one junction."""
        from pingan_geo.spatial.road_search import all_ways, thin_out

        out, into = doors.out[0], doors.into[0]
        needed = np.zeros(len(self.arcs[0]) - 1, dtype=bool)
        needed[out[out >= 0]] = needed[into[into >= 0]] = True
        apart = self.head != self.tail  # a chain that comes back leads nowhere
        last = self.last[apart]
        starts, ends, minutes, metres, number = thin_out(
            self.head[apart],
            self.tail[apart],
            self.run_min[last],
            self.run_m[last],
            self.shut[last] == 0,
            self.shut_back[last] == 0,
            needed,
        )
        out, into = np.where(out >= 0, number[out], -1), np.where(into >= 0, number[into], -1)
        found: tuple[Floats, Floats] = all_ways(
            starts, ends, minutes, metres, out, *doors.out[1:], into, *doors.into[1:]
        )
        return found

    def open_between(self, at: Spots, one: Ints, other: Ints) -> Flags:
        """Return whether one can go along the chain from places to others on the same one."""
        on = self.shut[at.behind[other]] == self.shut[at.before[one]]
        back = self.shut_back[at.behind[one]] == self.shut_back[at.before[other]]
        same = at.metres[one] == at.metres[other]
        return np.asarray(same | np.where(at.metres[other] > at.metres[one], on, back))


def _main_nodes(all_pieces: Pieces, ahead: Flags, behind: Flags) -> Flags:
    """Return the nodes of the largest part, by length of road, in which each is reached from each."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    u, v, count = all_pieces.u, all_pieces.v, len(all_pieces.x)
    start, end = np.concatenate((u[ahead], v[behind])), np.concatenate((v[ahead], u[behind]))
    graph = coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(count, count))
    _, part = connected_components(graph.tocsr(), connection="strong")
    within = (part[u] == part[v]) & (ahead | behind)
    metres = np.bincount(part[u[within]], all_pieces.metres[within], minlength=1)
    return np.asarray(part == metres.argmax())


def _pieces_at(u: Ints, v: Ints, count: int) -> tuple[Ints, Ints]:
    """Return the pieces at each node: where each node's begin, and the pieces."""
    ends = np.concatenate((u, v))
    order = np.argsort(ends, kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(ends, minlength=count))))
    return starts.astype(np.int64), (order % len(u)).astype(np.int64)


def _arcs(
    head: Ints, tail: Ints, minutes: Floats, metres: Floats, ahead: Flags, behind: Flags, count: int
) -> tuple[Ints, Ints, Floats, Floats, Ints, Ints, Flags]:
    """Return the directed graph of the junctions by rows, and the chain and direction of each arc."""
    chain = np.arange(len(head))
    on, back = ahead & (head != tail), behind & (head != tail)  # a chain that comes back leads nowhere
    start = np.concatenate((head[on], tail[back]))
    end = np.concatenate((tail[on], head[back]))
    of_chain = np.concatenate((chain[on], chain[back]))
    is_back = np.arange(len(start)) >= int(on.sum())
    order = np.lexsort((end, start))
    of_chain = of_chain[order]
    starts = np.concatenate(([0], np.cumsum(np.bincount(start, minlength=count)))).astype(np.int64)
    return starts, end[order], minutes[of_chain], metres[of_chain], start[order], of_chain, is_back[order]


def _parts(all_pieces: Pieces, left: Flags, main: Flags) -> tuple[RoadPart, ...]:
    """Return the pieces that are left over, in groups that hang together without the main part."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pieces = np.flatnonzero(left)
    if not pieces.size:
        return ()
    count, own = len(all_pieces.x), np.arange(len(pieces))
    u, v = all_pieces.u[pieces], all_pieces.v[pieces]
    touches = main[u] | main[v]
    # where a piece meets the main part it ends: two stubs of one main street are two parts
    u, v = np.where(main[u], count + own, u), np.where(main[v], count + len(own) + own, v)
    size = count + 2 * len(own)
    graph = coo_array((np.ones(len(u), dtype=np.int8), (u, v)), shape=(size, size))
    _, group = connected_components(graph, directed=False)
    _, group = np.unique(group[u], return_inverse=True)
    metres = all_pieces.metres[pieces]
    total = np.bincount(group, metres)
    joined = np.bincount(group, touches) > 0
    longest = np.lexsort((-metres, group))
    longest = longest[np.searchsorted(group[longest], np.arange(len(total)))]
    lon, lat = all_pieces.roads.lon, all_pieces.roads.lat
    lines = all_pieces.line[pieces]
    found = []
    for number in np.argsort(-total, kind="stable"):
        mine = group == number if len(total) < _MANY_PARTS else np.array([longest[number]])
        piece = pieces[longest[number]]
        ends = [all_pieces.u[piece], all_pieces.v[piece]]
        found.append(
            RoadPart(
                _longest_name(all_pieces.roads.names[lines[mine]], metres[mine]),
                float(lon[ends].mean()),
                float(lat[ends].mean()),
                float(total[number]),
                bool(joined[number]),
            )
        )
    return tuple(found)


def _longest_name(names: NDArray[np.object_], metres: Floats) -> str:
    sums: dict[str, float] = {}
    for name, long_m in zip(names, metres, strict=True):
        if name:
            sums[name] = sums.get(name, 0.0) + float(long_m)
    return max(sums, key=lambda name: (sums[name], name), default="")
