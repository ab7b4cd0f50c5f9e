# ruff: noqa: ANN001, ANN201, ANN202, NPY002, C901
# mypy: disable-error-code="no-untyped-def, no-untyped-call"
"""Compiled search of :mod:`pingan_geo.planning.orienteering`: ruin and recreate under simulated annealing.

Strings of neighbouring stops are taken out of the routes around a random place, and what is absent is put back
where it costs least, the best prize for its detour first; a worse plan is accepted now and then, less and less
often. See Christiaens and Vanden Berghe (2020), Slack Induction by String Removals, Transportation Science 54(2),
for routing without prizes. This module loads numba: import it late.

A route of ``n`` stops has the positions 0 (start), 1 … n, n + 1 (end); rows of every array of routes are teams.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])

#: Times are compared with this tolerance, minutes: sums in another order differ by less.
TOLERANCE = 1e-9


def _compiled(function: Function) -> Function:
    """Compile for the processor; the machine code is kept on the disk for the next start."""
    return cast("Function", njit(cache=True, nogil=True)(function))


@_compiled
def _time_route(
    k, stops, length, at, leg, free, late, position, loc, dwell, opens, closes, way, start, end, since, until
):
    """Fill in places, legs, earliest departures and latest begins of a route; return its travel time."""
    count = length[k]
    at[k, 0] = start[k]
    free[k, 0] = since[k]
    total = 0.0
    for p in range(1, count + 1):
        o = stops[k, p]
        here = loc[o]
        at[k, p] = here
        position[o] = p
        step = way[at[k, p - 1], here]
        leg[k, p] = step
        total += step
        free[k, p] = max(free[k, p - 1] + step, opens[o]) + dwell[o]
    at[k, count + 1] = end[k]
    step = way[at[k, count], end[k]]
    leg[k, count + 1] = step
    total += step
    late[k, count + 1] = until[k]
    for p in range(count, 0, -1):
        o = stops[k, p]
        late[k, p] = min(closes[o], late[k, p + 1] - leg[k, p + 1] - dwell[o])
    return total


@_compiled
def _cheapest(o, k, length, at, leg, free, late, loc, dwell, opens, closes, way, yaw):
    """Smallest detour that keeps every time of the route, and after which position; infinite if there is none."""
    out = way[loc[o]]
    into = yaw[loc[o]]
    best = np.inf
    where = -1
    for p in range(length[k] + 1):
        come = free[k, p] + into[at[k, p]]
        if come > closes[o] + 1e-9:
            break
        detour = into[at[k, p]] + out[at[k, p + 1]] - leg[k, p + 1]
        if detour < best and max(come, opens[o]) + dwell[o] + out[at[k, p + 1]] <= late[k, p + 1] + 1e-9:
            best = detour
            where = p
    return best, where


@_compiled
def _shortest(o, k, length, at, leg, loc, way, yaw):
    """Smallest detour without regard to time, and after which position."""
    out = way[loc[o]]
    into = yaw[loc[o]]
    best = np.inf
    where = -1
    for p in range(length[k] + 1):
        detour = into[at[k, p]] + out[at[k, p + 1]] - leg[k, p + 1]
        if detour < best:
            best = detour
            where = p
    return best, where


@_compiled
def _straighten(k, stops, length, at, way):
    """Reverse pieces of a route while that makes it shorter (2-opt; symmetric ways); minutes saved."""
    count = length[k]
    saved = 0.0
    again = True
    while again:
        again = False
        for i in range(count):
            a = at[k, i]
            b = at[k, i + 1]
            for j in range(i + 2, count + 1):
                c = at[k, j]
                d = at[k, j + 1]
                gain = way[a, b] + way[c, d] - way[a, c] - way[b, d]
                if gain > 1e-9:
                    low = i + 1
                    high = j
                    while low < high:
                        stops[k, low], stops[k, high] = stops[k, high], stops[k, low]
                        at[k, low], at[k, high] = at[k, high], at[k, low]
                        low += 1
                        high -= 1
                    saved += gain
                    again = True
                    b = at[k, i + 1]
    return saved


@_compiled
def anneal(
    prize,
    group,
    groups,
    loc,
    dwell,
    opens,
    closes,
    travel,
    mode,
    start,
    end,
    since,
    until,
    allowed,
    near,
    plain,
    symmetric,
    stops,
    length,
    best_stops,
    best_length,
    best_value,
    best_way,
    seed,
    iterations,
    hot,
    cold,
    first,
    last,
    price,
    removed,
    longest,
    again_p,
    polish,
    skip,
):
    """Search from the plan in ``stops`` and ``length``, which are changed in place, as are the best ones."""
    np.random.seed(seed)
    options = len(prize)
    teams = len(start)
    width = stops.shape[1]
    back = np.empty_like(travel)
    for q in range(travel.shape[0]):
        back[q] = travel[q].T
    at = np.zeros((teams, width), np.int32)
    leg = np.zeros((teams, width))
    free = np.zeros((teams, width))
    late = np.zeros((teams, width))
    position = np.zeros(options, np.int32)
    team_of = np.full(options, -1, np.int32)
    group_in = np.zeros(groups, np.bool_)
    ways = np.zeros(teams)
    work = np.zeros(teams)
    value = 0.0
    for k in range(teams):
        ways[k] = _time_route(
            k,
            stops,
            length,
            at,
            leg,
            free,
            late,
            position,
            loc,
            dwell,
            opens,
            closes,
            travel[mode[k]],
            start,
            end,
            since,
            until,
        )
        for p in range(1, length[k] + 1):
            o = stops[k, p]
            team_of[o] = k
            group_in[group[o]] = True
            value += prize[o]
            work[k] += dwell[o]
    cost = np.full((teams, options), np.inf)
    after = np.full((teams, options), -1, np.int32)  # the stop in front of the best place, -1 the start
    stamp = np.full((teams, options), -1, np.int64)
    version = np.zeros(teams, np.int64)
    clock = 0
    for k in range(teams):
        for o in range(options):
            if allowed[o, k] and team_of[o] < 0 and plain:
                c, w = _shortest(o, k, length, at, leg, loc, travel[mode[k]], back[mode[k]])
                cost[k, o] = c
                after[k, o] = stops[k, w] if w > 0 else -1
    # what a rejected plan goes back to
    old_stops = stops.copy()
    old_length = length.copy()
    old_at = at.copy()
    old_leg = leg.copy()
    old_free = free.copy()
    old_late = late.copy()
    old_position = position.copy()
    old_team = team_of.copy()
    old_group = group_in.copy()
    old_ways = ways.copy()
    old_work = work.copy()
    old_cost = cost.copy()
    old_after = after.copy()
    old_version = version.copy()
    touched = np.zeros(teams, np.bool_)
    fresh = np.zeros(options, np.int32)
    line = np.zeros(options, np.int32)
    rank = np.zeros(options)
    ranked = 0
    way_now = ways.sum()
    for step in range(iterations):
        share = first + (last - first) * step / iterations
        heat = hot * (cold / hot) ** share
        old_value = value
        old_way = way_now
        touched[:] = False
        # --- ruin
        inside = 0
        for k in range(teams):
            inside += length[k]
        freshly = 0
        if inside > 0:
            cap = max(1.0, min(float(longest), inside / teams))
            strings = int((4.0 * removed / (1.0 + cap) - 1.0) * np.random.random() + 1.0)
            centre = np.random.randint(options)
            done = 0
            for q in range(-1, near.shape[1]):
                if done >= strings:
                    break
                o = near[centre, q] if q >= 0 else centre
                k = team_of[o]
                if k < 0 or (touched[k] and np.random.random() >= again_p):
                    continue
                n = length[k]
                p0 = position[o]
                take = min(n, int(np.random.random() * min(float(n), cap) + 1.0))
                keep = 0
                if take < n and np.random.random() < 0.5:
                    keep = 1
                    while take + keep < n and keep <= 5 and np.random.random() < 0.9:
                        keep += 1
                span = take + keep
                low = max(1, p0 - span + 1)
                high = min(p0, n - span + 1)
                begin = low + np.random.randint(high - low + 1)
                cut = begin + (np.random.randint(take + 1) if keep > 0 else 0)
                w = begin
                for p in range(begin, n + 1):
                    x = stops[k, p]
                    if p < begin + span and not (keep > 0 and cut <= p < cut + keep):
                        team_of[x] = -1
                        group_in[group[x]] = False
                        value -= prize[x]
                        work[k] -= dwell[x]
                        fresh[freshly] = x
                        freshly += 1
                    else:
                        stops[k, w] = x
                        w += 1
                length[k] = w - 1
                touched[k] = True
                done += 1
                ways[k] = _time_route(
                    k,
                    stops,
                    length,
                    at,
                    leg,
                    free,
                    late,
                    position,
                    loc,
                    dwell,
                    opens,
                    closes,
                    travel[mode[k]],
                    start,
                    end,
                    since,
                    until,
                )
        for k in range(teams):
            if not touched[k]:
                continue
            clock += 1
            version[k] = clock
            if plain:
                forth = travel[mode[k]]
                yaw = back[mode[k]]
                # new edges: where the stop in front had another follower
                for x in range(options):
                    if team_of[x] >= 0 or not allowed[x, k]:
                        continue
                    c = cost[k, x]
                    a = after[k, x]
                    # is the edge behind ``a`` still as it was?
                    intact = c < np.inf
                    if intact:
                        if a < 0:
                            intact = old_stops[k, 1] == stops[k, 1] if length[k] > 0 else False
                        elif team_of[a] != k:
                            intact = False
                        else:
                            pa = position[a]
                            qa = old_position[a]
                            na = stops[k, pa + 1] if pa < length[k] else -1
                            ma = old_stops[k, qa + 1] if qa < old_length[k] else -1
                            intact = na == ma
                    if not intact:
                        c, w = _shortest(x, k, length, at, leg, loc, forth, yaw)
                        cost[k, x] = c
                        after[k, x] = stops[k, w] if w > 0 else -1
        if plain:
            for k in range(teams):
                forth = travel[mode[k]]
                yaw = back[mode[k]]
                for i in range(freshly):
                    x = fresh[i]
                    if allowed[x, k]:
                        c, w = _shortest(x, k, length, at, leg, loc, forth, yaw)
                        cost[k, x] = c
                        after[k, x] = stops[k, w] if w > 0 else -1
            # edges that came about where strings went
            for k in range(teams):
                if not touched[k]:
                    continue
                forth = travel[mode[k]]
                yaw = back[mode[k]]
                for p in range(length[k] + 1):
                    o = stops[k, p] if p > 0 else -1
                    q = old_position[o] if p > 0 else 0
                    na = stops[k, p + 1] if p < length[k] else -1
                    ma = old_stops[k, q + 1] if q < old_length[k] else -1
                    if na == ma:
                        continue
                    for x in range(options):
                        if team_of[x] < 0 and allowed[x, k]:
                            d = yaw[loc[x], at[k, p]] + forth[loc[x], at[k, p + 1]] - leg[k, p + 1]
                            if d < cost[k, x]:
                                cost[k, x] = d
                                after[k, x] = o
        # --- recreate
        rule = np.random.random()
        power = 0.5 + 1.5 * np.random.random()
        noise = 0.6 * np.random.random()
        rounds = 1
        while rounds > 0:
            rounds -= 1
            ranked = 0
            for x in range(options):
                if team_of[x] >= 0 or group_in[group[x]]:
                    continue
                b = np.inf
                for k in range(teams):
                    if not allowed[x, k]:
                        continue
                    if plain:
                        c = cost[k, x]
                        if ways[k] + work[k] + c + dwell[x] > until[k] - since[k] + 1e-9:
                            continue
                    else:
                        if stamp[k, x] != version[k]:
                            c, w = _cheapest(
                                x,
                                k,
                                length,
                                at,
                                leg,
                                free,
                                late,
                                loc,
                                dwell,
                                opens,
                                closes,
                                travel[mode[k]],
                                back[mode[k]],
                            )
                            cost[k, x] = c
                            after[k, x] = stops[k, w] if w > 0 else -1
                            stamp[k, x] = version[k]
                        c = cost[k, x]
                    b = min(b, c)
                if b == np.inf or np.random.random() < skip:
                    continue
                if rule < 0.15:
                    r = np.random.random()
                elif rule < 0.3:
                    r = -prize[x] * (0.5 + np.random.random())
                else:
                    r = -(prize[x] ** power) / (b + dwell[x] + 1e-3) * (1.0 + noise * np.random.random())
                line[ranked] = x
                rank[ranked] = r
                ranked += 1
            order = np.argsort(rank[:ranked])
            for i in range(ranked):
                x = line[order[i]]
                if group_in[group[x]]:
                    continue
                b = np.inf
                to = -1
                for k in range(teams):
                    if not allowed[x, k]:
                        continue
                    if plain:
                        c = cost[k, x]
                        if ways[k] + work[k] + c + dwell[x] > until[k] - since[k] + 1e-9:
                            continue
                    else:
                        if stamp[k, x] != version[k]:
                            c, w = _cheapest(
                                x,
                                k,
                                length,
                                at,
                                leg,
                                free,
                                late,
                                loc,
                                dwell,
                                opens,
                                closes,
                                travel[mode[k]],
                                back[mode[k]],
                            )
                            cost[k, x] = c
                            after[k, x] = stops[k, w] if w > 0 else -1
                            stamp[k, x] = version[k]
                        c = cost[k, x]
                    if c < b:
                        b = c
                        to = k
                if to < 0 or length[to] + 2 >= width:
                    continue
                a = after[to, x]
                p = position[a] + 1 if a >= 0 else 1
                for q in range(length[to], p - 1, -1):
                    stops[to, q + 1] = stops[to, q]
                stops[to, p] = x
                length[to] += 1
                team_of[x] = to
                group_in[group[x]] = True
                value += prize[x]
                work[to] += dwell[x]
                touched[to] = True
                clock += 1
                version[to] = clock
                ways[to] = _time_route(
                    to,
                    stops,
                    length,
                    at,
                    leg,
                    free,
                    late,
                    position,
                    loc,
                    dwell,
                    opens,
                    closes,
                    travel[mode[to]],
                    start,
                    end,
                    since,
                    until,
                )
                if plain:
                    forth = travel[mode[to]]
                    yaw = back[mode[to]]
                    before_at = at[to, p - 1]
                    here_at = at[to, p]
                    next_at = at[to, p + 1]
                    for y in range(options):
                        if team_of[y] >= 0 or not allowed[y, to]:
                            continue
                        if after[to, y] == a:
                            c, w = _shortest(y, to, length, at, leg, loc, forth, yaw)
                            cost[to, y] = c
                            after[to, y] = stops[to, w] if w > 0 else -1
                        else:
                            ly = loc[y]
                            d1 = yaw[ly, before_at] + forth[ly, here_at] - leg[to, p]
                            d2 = yaw[ly, here_at] + forth[ly, next_at] - leg[to, p + 1]
                            if d1 < cost[to, y]:
                                cost[to, y] = d1
                                after[to, y] = a
                            if d2 < cost[to, y]:
                                cost[to, y] = d2
                                after[to, y] = x
            if plain and symmetric and polish > 0.0 and np.random.random() < polish:
                for k in range(teams):
                    if touched[k] and _straighten(k, stops, length, at, travel[mode[k]]) > 0.0:
                        ways[k] = _time_route(
                            k,
                            stops,
                            length,
                            at,
                            leg,
                            free,
                            late,
                            position,
                            loc,
                            dwell,
                            opens,
                            closes,
                            travel[mode[k]],
                            start,
                            end,
                            since,
                            until,
                        )
                        for x in range(options):
                            if team_of[x] < 0 and allowed[x, k]:
                                c, w = _shortest(x, k, length, at, leg, loc, travel[mode[k]], back[mode[k]])
                                cost[k, x] = c
                                after[k, x] = stops[k, w] if w > 0 else -1
                        rounds = 1
        way_now = 0.0
        for k in range(teams):
            way_now += ways[k]
        gain = (value - old_value) - price * (way_now - old_way)
        if gain >= heat * np.log(np.random.random()):
            for k in range(teams):
                if touched[k]:
                    old_stops[k] = stops[k]
                    old_length[k] = length[k]
                    old_at[k] = at[k]
                    old_leg[k] = leg[k]
                    old_free[k] = free[k]
                    old_late[k] = late[k]
                    old_ways[k] = ways[k]
                    old_work[k] = work[k]
                    old_version[k] = version[k]
            if plain:
                old_cost[:] = cost
                old_after[:] = after
            old_position[:] = position
            old_team[:] = team_of
            old_group[:] = group_in
            if value > best_value + 1e-9 or (value > best_value - 1e-9 and way_now < best_way - 1e-9):
                best_value = value
                best_way = way_now
                best_stops[:] = stops
                best_length[:] = length
        else:
            for k in range(teams):
                if touched[k]:
                    stops[k] = old_stops[k]
                    length[k] = old_length[k]
                    at[k] = old_at[k]
                    leg[k] = old_leg[k]
                    free[k] = old_free[k]
                    late[k] = old_late[k]
                    ways[k] = old_ways[k]
                    work[k] = old_work[k]
                    version[k] = old_version[k]
            if plain:
                cost[:] = old_cost
                after[:] = old_after
            position[:] = old_position
            team_of[:] = old_team
            group_in[:] = old_group
            value = old_value
            way_now = old_way
    return best_value, best_way
