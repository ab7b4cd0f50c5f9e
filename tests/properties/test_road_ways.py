"""Ways along roads equal those of a graph with every point of every road in it."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pingan_geo.coords import local_metres
from pingan_geo.errors import NoRoadsForModeError
from pingan_geo.spatial.road_profiles import PROFILES, WALK_KMH
from pingan_geo.spatial.roads import RoadNetwork

LON, LAT = 120.6, 30.78
SIDE = 4  # points on each side of the lattice
CLASSES = ("residential", "primary", "living_street", "footway")
ONEWAY = ("yes", "no", "-1", "no")
EDGES = [
    (one, other)
    for one in range(SIDE * SIDE)
    for other in range(one + 1, SIDE * SIDE)
    if (other - one == 1 and other % SIDE)
    or other - one == SIDE
    or (other - one == SIDE + 1 and other % SIDE)
]


@st.composite
def towns(draw):
    """A lattice with bends, some of its roads, one-way or not, and places on and off them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    chosen = draw(st.permutations(EDGES))[: draw(st.integers(2, len(EDGES)))]
    lon = LON + np.tile(np.arange(SIDE), SIDE) * 0.002 + rng.normal(0, 2e-4, SIDE * SIDE)
    lat = LAT + np.repeat(np.arange(SIDE), SIDE) * 0.002 + rng.normal(0, 2e-4, SIDE * SIDE)
    points = np.round(np.column_stack((lon, lat)), 7)
    turned = [
        edge if way else edge[::-1] for edge, way in zip(chosen, rng.random(len(chosen)) < 0.5, strict=True)
    ]
    frame = gpd.GeoDataFrame(
        {
            "osm_id": [str(number) for number in range(len(chosen))],
            "highway": [CLASSES[number] for number in rng.integers(0, draw(st.integers(1, 4)), len(chosen))],
            "oneway": [ONEWAY[number] for number in rng.integers(0, draw(st.integers(1, 4)), len(chosen))],
        },
        geometry=[shapely.LineString(points[list(edge)]) for edge in turned],
        crs=4326,
    )
    # at a crossing, on a road, off it: places of their own on the same piece of road are the hard ones
    count = draw(st.integers(1, 8))
    edge = np.array(turned)[rng.integers(0, min(draw(st.integers(1, 9)), len(turned)), count)]
    share = rng.choice([0.0, 0.5, 1.0, rng.random()], count)[:, None]
    places = points[edge[:, 0]] * (1 - share) + points[edge[:, 1]] * share
    places += rng.normal(0, 4e-4, (count, 2)) * rng.choice([0.0, 0.0, 1.0], count)[:, None]
    return frame, places


def naive(frame, places, mode, limit_m):  # noqa: C901 - told in the order in which one would do it by hand
    """Minutes and metres by trying every way, on a graph that holds all points and all places; None without roads."""
    ends = [np.array(shape.coords) for shape in frame.geometry]
    points = np.unique(np.concatenate(ends), axis=0)
    number = {tuple(point): place for place, point in enumerate(points)}
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    plane = local_metres(*middle)
    xy = np.column_stack(plane.forward(*points.T))
    where = np.column_stack(plane.forward(*places.T))
    roads = []
    for row, line in zip(frame.itertuples(), ends, strict=True):
        kmh, forward, back = PROFILES[mode].passage({"highway": row.highway, "oneway": row.oneway})
        if forward or back:
            roads.append((number[tuple(line[0])], number[tuple(line[1])], kmh, forward, back))
    size = len(points)
    reach = np.eye(size, dtype=bool)
    for u, v, _, forward, back in roads:
        reach[u, v] |= forward
        reach[v, u] |= back
    for k in range(size):
        reach |= reach[:, [k]] & reach[[k], :]
    both = reach & reach.T
    lengths = {}
    for u, v, *_ in roads:
        if both[u, v]:
            part = both[u].tobytes()
            lengths[part] = lengths.get(part, 0.0) + np.hypot(*(xy[u] - xy[v]))
    if not lengths:
        return None
    best = max(lengths.values())
    assume(sum(value > best - 1e-6 for value in lengths.values()) == 1)
    main = np.frombuffer(next(part for part, value in lengths.items() if value == best), dtype=bool)
    inside = [road for road in roads if main[road[0]] and main[road[1]] and both[road[0], road[1]]]
    total = size + len(places)
    minutes, metres = np.full((total, total), np.inf), np.full((total, total), np.inf)
    np.fill_diagonal(minutes, 0)
    np.fill_diagonal(metres, 0)

    def join(one, other, long_m, kmh, forward, back):
        long_min = long_m / (kmh * 1000 / 60)
        for start, end, is_open in ((one, other, forward), (other, one, back)):
            if is_open and long_min < minutes[start, end]:
                minutes[start, end], metres[start, end] = long_min, long_m

    on_road = {}
    snapped = np.full(len(places), np.inf)
    for place, point in enumerate(where):
        for road, (u, v, *_) in enumerate(inside):
            along = xy[v] - xy[u]
            share = np.clip((point - xy[u]) @ along / (along @ along), 0, 1)
            apart = np.hypot(*(point - xy[u] - share * along))
            if apart < snapped[place]:
                snapped[place], on_road[place] = apart, (road, share)
    for road, (u, v, kmh, forward, back) in enumerate(inside):
        whole = np.hypot(*(xy[u] - xy[v]))
        stations = [(0.0, u), (whole, v)]
        for place, (found, share) in on_road.items():
            if found == road:
                at = share * whole
                if at < 1e-6 or whole - at < 1e-6:  # on the end itself
                    join(u if at < 1e-6 else v, size + place, 0.0, 1.0, True, True)
                else:
                    stations.append((at, size + place))
        stations.sort()
        for (at, one), (then, other) in pairwise(stations):
            same = then - at == 0.0
            join(one, other, then - at, kmh, forward or same, back or same)
    for k in range(total):
        through = minutes[:, [k]] + minutes[[k], :]
        shorter = through < minutes
        metres = np.where(shorter, metres[:, [k]] + metres[[k], :], metres)
        minutes = np.where(shorter, through, minutes)
    reachable = snapped <= limit_m
    walked = np.where(reachable, snapped, np.inf)
    both_walked = walked[:, None] + walked[None, :]
    minutes = minutes[size:, size:] + both_walked / (WALK_KMH * 1000 / 60)
    metres = metres[size:, size:] + both_walked
    np.fill_diagonal(minutes, 0)
    np.fill_diagonal(metres, 0)
    return minutes, metres, snapped, reachable


@settings(max_examples=300, deadline=None)
@given(towns(), st.sampled_from(("walk", "ebike", "car")))
def test_ways_equal_those_of_the_whole_graph(town, mode):
    frame, places = town
    try:
        network = RoadNetwork.of_layer(frame)
        network.metres_of(mode)
    except NoRoadsForModeError:
        assert naive(frame, places, mode, 60) is None
        return
    minutes, metres, snapped, reachable = naive(frame, places, mode, 60)
    travel = network.matrix(*places.T, mode, limit_m=60)
    np.testing.assert_allclose(travel.snapped_m, snapped, atol=1e-6)
    np.testing.assert_array_equal(travel.reachable, reachable)
    np.testing.assert_allclose(travel.minutes, minutes, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(travel.metres, metres, rtol=1e-9, atol=1e-5)
    for start in range(len(places)):
        for end in range(len(places)):
            line = travel.line(start, end)
            if np.isfinite(metres[start, end]):
                x, y = local_metres(LON, LAT).forward(*line.T)
                assert np.hypot(np.diff(x), np.diff(y)).sum() == pytest.approx(metres[start, end], abs=1e-3)
            else:
                assert len(line) == 0
