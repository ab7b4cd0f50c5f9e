"""Compiled parts of the road network: chains of pieces of road, and shortest ways. Import this module late."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def trace_chains(starts: Any, pieces: Any, u: Any, v: Any) -> Any:  # pragma: no cover - compiled
    """Follow pieces through nodes that join two of them and no more.

    ``starts, pieces``: pieces at each node; ``u, v``: ends of each piece, never the same. Returns the pieces
    in the order of their chains, whether each is passed from v to u, and where each chain begins.
    """
    count = u.size
    order = np.empty(count, dtype=np.int64)
    turned = np.empty(count, dtype=np.bool_)
    begins = np.empty(count + 1, dtype=np.int64)
    done = np.zeros(count, dtype=np.bool_)
    filled = chains = 0
    # junctions first; what is left then are rings without any, which begin anywhere
    for ring in range(2):
        for node in range(starts.size - 1):
            if ring == 0 and starts[node + 1] - starts[node] == 2:
                continue
            for place in range(starts[node], starts[node + 1]):
                piece, here = pieces[place], node
                if done[piece]:
                    continue
                begins[chains] = filled
                chains += 1
                while True:
                    done[piece] = True
                    order[filled] = piece
                    turned[filled] = v[piece] == here
                    filled += 1
                    here = u[piece] if v[piece] == here else v[piece]
                    if starts[here + 1] - starts[here] != 2 or here == node:
                        break
                    first, second = pieces[starts[here]], pieces[starts[here] + 1]
                    piece = second if first == piece else first
    begins[chains] = filled
    return order, turned, begins[: chains + 1]


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def sum_up(
    begins: Any, minutes: Any, metres: Any, forward: Any, back: Any
) -> Any:  # pragma: no cover - compiled
    """Return running sums along each chain: minutes, metres, pieces closed ahead, pieces closed behind."""
    size = begins.size - 1 + minutes.size
    run_min, run_m = np.zeros(size), np.zeros(size)
    shut, shut_back = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    for chain in range(begins.size - 1):
        for piece in range(begins[chain], begins[chain + 1]):
            at = piece + chain
            run_min[at + 1] = run_min[at] + minutes[piece]
            run_m[at + 1] = run_m[at] + metres[piece]
            shut[at + 1] = shut[at] + (not forward[piece])
            shut_back[at + 1] = shut_back[at] + (not back[piece])
    return run_min, run_m, shut, shut_back


#: Junctions of at most so many roads are taken out: of more, the roads that take their place would be too many.
_THIN: Final = 3


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _unlink(
    half: int, node: int, first: Any, following: Any, before: Any
) -> None:  # pragma: no cover - compiled
    if before[half] >= 0:
        following[before[half]] = following[half]
    else:
        first[node] = following[half]
    if following[half] >= 0:
        before[following[half]] = before[half]


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _link(
    edge: int, one: int, other: int, on: float, on_m: float, back: float, back_m: float,
    ends: Any, cost: Any, length: Any, first: Any, following: Any, before: Any, degree: Any,
) -> bool:  # pragma: no cover - compiled  # fmt: skip
    """Put an edge between two junctions, or better the one that is there; returns whether it was put."""
    half = first[one]
    while half >= 0:
        if ends[half ^ 1] == other:
            if on < cost[half]:
                cost[half], length[half] = on, on_m
            if back < cost[half ^ 1]:
                cost[half ^ 1], length[half ^ 1] = back, back_m
            return False
        half = following[half]
    for side in range(2):
        half, node = 2 * edge + side, one if side == 0 else other
        ends[half] = node
        before[half], following[half] = -1, first[node]
        if first[node] >= 0:
            before[first[node]] = half
        first[node] = half
        degree[node] += 1
    cost[2 * edge], length[2 * edge] = on, on_m
    cost[2 * edge + 1], length[2 * edge + 1] = back, back_m
    return True


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def thin_out(  # noqa: C901 - one loop; calls inside compiled code hide what belongs together
    head: Any, tail: Any, minutes: Any, metres: Any, ahead: Any, behind: Any, needed: Any
) -> Any:  # pragma: no cover - compiled
    """Take out junctions of at most three roads that are not needed, and keep the ways between the others.

    Two roads that met there become one; where two then join the same junctions the quicker one stays, in each
    direction. ``head, tail``: ends of each road, never the same. Returns the directed graph of what is left by
    rows (starts, ends, minutes, metres), and the new number of each junction, -1 where it was taken out.
    """
    count, edges = needed.size, head.size
    ends = np.empty(
        2 * edges, dtype=np.int64
    )  # half 2 e stands at one end of edge e, half 2 e + 1 at the other
    cost, length = np.empty(2 * edges), np.empty(2 * edges)  # of leaving by it
    first, degree = np.full(count, -1, dtype=np.int64), np.zeros(count, dtype=np.int64)
    following, before = np.empty(2 * edges, dtype=np.int64), np.empty(2 * edges, dtype=np.int64)
    unused, spare = np.empty(edges + 1, dtype=np.int64), 0
    for edge in range(edges):
        on = minutes[edge] if ahead[edge] else np.inf
        back = minutes[edge] if behind[edge] else np.inf
        if not _link(
            edge, head[edge], tail[edge], on, metres[edge], back, metres[edge],
            ends, cost, length, first, following, before, degree,
        ):  # fmt: skip
            unused[spare] = edge
            spare += 1
    waiting, waits = np.empty((_THIN + 1, 5 * count), dtype=np.int64), np.zeros(_THIN + 1, dtype=np.int64)
    gone = np.zeros(count, dtype=np.bool_)
    for node in range(count):
        if not needed[node] and degree[node] <= _THIN:
            waiting[degree[node], waits[degree[node]]] = node
            waits[degree[node]] += 1
    near, halves = np.empty(_THIN, dtype=np.int64), np.empty(_THIN, dtype=np.int64)
    while True:
        level = 0
        while level <= _THIN and waits[level] == 0:
            level += 1
        if level > _THIN:
            break
        waits[level] -= 1
        node = waiting[level, waits[level]]
        if gone[node] or degree[node] != level:
            continue
        gone[node] = True
        half, around = first[node], 0
        while half >= 0:
            near[around], halves[around] = ends[half ^ 1], half
            around += 1
            half = following[half]
        for place in range(around):
            _unlink(halves[place] ^ 1, near[place], first, following, before)
            degree[near[place]] -= 1
        # of three edges that go three come at most: their numbers are free only when all are read
        on, back = np.empty(_THIN), np.empty(_THIN)
        on_m, back_m = np.empty(_THIN), np.empty(_THIN)
        for place in range(around):
            out, into = halves[place], halves[place] ^ 1
            on[place], on_m[place], back[place], back_m[place] = (
                cost[out],
                length[out],
                cost[into],
                length[into],
            )
            unused[spare] = halves[place] >> 1
            spare += 1
        for place in range(around):
            for beside in range(place + 1, around):
                if _link(
                    unused[spare - 1], near[place], near[beside],
                    back[place] + on[beside], back_m[place] + on_m[beside],
                    back[beside] + on[place], back_m[beside] + on_m[place],
                    ends, cost, length, first, following, before, degree,
                ):  # fmt: skip
                    spare -= 1
        for place in range(around):
            beside = near[place]
            if not needed[beside] and degree[beside] <= _THIN:
                waiting[degree[beside], waits[degree[beside]]] = beside
                waits[degree[beside]] += 1
    number, kept = np.full(count, -1, dtype=np.int64), 0
    for node in range(count):
        if not gone[node]:
            number[node] = kept
            kept += 1
    arc_starts = np.zeros(kept + 1, dtype=np.int64)
    arc_ends, arc_min, arc_m = np.empty(2 * edges, np.int64), np.empty(2 * edges), np.empty(2 * edges)
    arcs = 0
    for node in range(count):
        if gone[node]:
            continue
        half = first[node]
        while half >= 0:
            if cost[half] < np.inf:
                arc_ends[arcs], arc_min[arcs], arc_m[arcs] = number[ends[half ^ 1]], cost[half], length[half]
                arcs += 1
            half = following[half]
        arc_starts[number[node] + 1] = arcs
    return arc_starts, arc_ends[:arcs], arc_min[:arcs], arc_m[:arcs], number


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _push(keys: Any, nodes: Any, size: int, key: float, node: int) -> int:  # pragma: no cover - compiled
    place = size
    while place > 0:
        above = (place - 1) >> 1
        if keys[above] <= key:
            break
        keys[place], nodes[place] = keys[above], nodes[above]
        place = above
    keys[place], nodes[place] = key, node
    return size + 1


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _pop(keys: Any, nodes: Any, size: int) -> int:  # pragma: no cover - compiled
    """Drop the first of the heap, which the caller has read; returns its new size."""
    size -= 1
    key, node = keys[size], nodes[size]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        keys[place], nodes[place] = keys[below], nodes[below]
        place = below
    keys[place], nodes[place] = key, node
    return size


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _spread(
    starts: Any,
    ends: Any,
    minutes: Any,
    metres: Any,
    out_node: Any,
    out_min: Any,
    out_m: Any,
    wanted: Any,
    wanted_count: int,
    best: Any,
    length: Any,
    via: Any,
    settled: Any,
    keys: Any,
    nodes: Any,
) -> None:  # pragma: no cover - compiled
    """Dijkstra from the one or two junctions that a place leads out to, until all wanted ones are settled."""
    best[:] = np.inf
    length[:] = np.inf
    via[:] = -1
    settled[:] = False
    size = 0
    for side in range(2):
        node = out_node[side]
        if node >= 0 and out_min[side] < best[node]:
            best[node], length[node] = out_min[side], out_m[side]
            size = _push(keys, nodes, size, out_min[side], node)
    while size > 0 and wanted_count > 0:
        node = nodes[0]
        size = _pop(keys, nodes, size)
        if settled[node]:
            continue
        settled[node] = True
        if wanted[node]:
            wanted_count -= 1
        for arc in range(starts[node], starts[node + 1]):
            end = ends[arc]
            reached = best[node] + minutes[arc]
            if reached < best[end]:
                best[end], length[end], via[end] = reached, length[node] + metres[arc], arc
                size = _push(keys, nodes, size, reached, end)


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def all_ways(
    starts: Any,
    ends: Any,
    minutes: Any,
    metres: Any,
    out_node: Any,
    out_min: Any,
    out_m: Any,
    in_node: Any,
    in_min: Any,
    in_m: Any,
) -> Any:  # pragma: no cover - compiled
    """Return minutes and metres from each place to each, by way of at least one junction.

    ``out_*`` (n, 2): junctions that a place leads out to, -1 where closed, and how far they are; ``in_*``:
    those that lead to it.
    """
    count, junctions = out_node.shape[0], starts.size - 1
    wanted = np.zeros(junctions, dtype=np.bool_)
    wanted_count = 0
    for place in range(count):
        for side in range(2):
            node = in_node[place, side]
            if node >= 0 and not wanted[node]:
                wanted[node] = True
                wanted_count += 1
    best, length = np.empty(junctions), np.empty(junctions)
    via = np.empty(junctions, dtype=np.int64)
    settled = np.empty(junctions, dtype=np.bool_)
    keys = np.empty(ends.size + 3)
    nodes = np.empty(ends.size + 3, dtype=np.int64)
    all_min, all_m = np.full((count, count), np.inf), np.full((count, count), np.inf)
    for place in range(count):
        _spread(
            starts, ends, minutes, metres, out_node[place], out_min[place], out_m[place], wanted, wanted_count,
            best, length, via, settled, keys, nodes,
        )  # fmt: skip
        for other in range(count):
            for side in range(2):
                node = in_node[other, side]
                if node >= 0:
                    total = best[node] + in_min[other, side]
                    if total < all_min[place, other]:
                        all_min[place, other] = total
                        all_m[place, other] = length[node] + in_m[other, side]
    return all_min, all_m


@njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def one_way(
    starts: Any,
    ends: Any,
    begins_at: Any,
    minutes: Any,
    metres: Any,
    out_node: Any,
    out_min: Any,
    out_m: Any,
    in_node: Any,
    in_min: Any,
) -> Any:  # pragma: no cover - compiled
    """Return the arcs from one place to another, in order, the junctions at both ends, and the minutes.

    ``begins_at``: the junction that each arc leaves. The junctions are -1 where there is no way.
    """
    junctions = starts.size - 1
    wanted = np.zeros(junctions, dtype=np.bool_)
    wanted_count = 0
    for side in range(2):
        if in_node[side] >= 0 and not wanted[in_node[side]]:
            wanted[in_node[side]] = True
            wanted_count += 1
    best, length = np.empty(junctions), np.empty(junctions)
    via = np.empty(junctions, dtype=np.int64)
    settled = np.empty(junctions, dtype=np.bool_)
    keys = np.empty(ends.size + 3)
    nodes = np.empty(ends.size + 3, dtype=np.int64)
    _spread(
        starts, ends, minutes, metres, out_node, out_min, out_m, wanted, wanted_count,
        best, length, via, settled, keys, nodes,
    )  # fmt: skip
    last, total = -1, np.inf
    for side in range(2):
        node = in_node[side]
        if node >= 0 and best[node] + in_min[side] < total:
            last, total = node, best[node] + in_min[side]
    arcs = np.empty(junctions, dtype=np.int64)
    count, here = 0, last
    while here >= 0 and via[here] >= 0:
        arcs[count] = via[here]
        here = begins_at[via[here]]
        count += 1
    return arcs[:count][::-1].copy(), here, last, total
