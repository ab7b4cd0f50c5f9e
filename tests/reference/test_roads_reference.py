"""Ways on a real extract of OpenStreetMap equal those of scipy on every point of every road."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from pingan_geo.spatial.roads import RoadNetwork
from pingan_geo.workflow.road_network import layer_of_roads

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def network(shared_dir):
    return RoadNetwork.of_osm(shared_dir / "data" / "osm" / "liechtenstein-latest.osm.pbf")


def whole_graph(network, mode):
    """Every point a node: minutes, metres, and the largest part by number of nodes."""
    roads, profile = network.roads, network.profiles[mode]
    plane = network.pieces.plane
    xy = np.column_stack(plane.forward(roads.lon, roads.lat))
    arcs = {}
    for line in range(roads.count):
        kmh, forward, back = profile.passage(roads.tags[roads.tags_of[line]])
        nodes = roads.nodes[roads.starts[line] : roads.starts[line + 1]]
        for u, v in zip(nodes[:-1].tolist(), nodes[1:].tolist(), strict=True):
            metres = float(np.hypot(*(xy[u] - xy[v])))
            for start, end, is_open in ((u, v, forward), (v, u, back)):
                if is_open and u != v:
                    known = arcs.get((start, end), (np.inf, np.inf))
                    arcs[start, end] = min(known, (metres / (kmh * 1000 / 60), metres))
    start, end = np.array(list(arcs)).T
    minutes, metres = np.array(list(arcs.values())).T
    size = (len(xy), len(xy))
    graph = csr_array((minutes, (start, end)), shape=size)
    _, part = connected_components(graph, connection="strong")
    main = np.flatnonzero(part == np.bincount(part).argmax())
    return graph, csr_array((metres, (start, end)), shape=size), main


@pytest.mark.parametrize("mode", ["walk", "ebike", "car"])
def test_ways_equal_those_of_the_whole_graph(network, mode):
    graph, lengths, main = whole_graph(network, mode)
    nodes = np.random.default_rng(2).choice(main, 60, replace=False)
    travel = network.matrix(network.roads.lon[nodes], network.roads.lat[nodes], mode)
    assert travel.reachable.all()
    assert travel.snapped_m.max() < 1e-6
    minutes, before = dijkstra(graph, indices=nodes, return_predecessors=True)
    np.testing.assert_allclose(travel.minutes, minutes[:, nodes], rtol=0, atol=1e-9)
    for row, start in enumerate(nodes):
        for column, end in enumerate(nodes[:8]):
            metres, here = 0.0, end
            while here != start:
                metres += lengths[before[row, here], here]
                here = before[row, here]
            assert travel.metres[row, column] == pytest.approx(metres, abs=1e-6)
    if mode == "walk":  # one speed but for steps: without them the shortest way is the quickest
        assert (travel.metres / 75.0 <= travel.minutes + 1e-9).all()


def test_an_extract_kept_as_a_layer_is_the_same_network(network):
    again = RoadNetwork.of_layer(layer_of_roads(network.roads))
    rng = np.random.default_rng(3)
    nodes = rng.choice(network.roads.nodes, 80)
    lons = network.roads.lon[nodes] + rng.normal(0, 5e-4, 80)
    lats = network.roads.lat[nodes] + rng.normal(0, 5e-4, 80)
    for mode in ("walk", "car"):
        one, other = network.matrix(lons, lats, mode), again.matrix(lons, lats, mode)
        np.testing.assert_array_equal(one.reachable, other.reachable)
        np.testing.assert_allclose(one.minutes, other.minutes, atol=1e-6)


def test_parts_of_a_real_extract_are_named(network):
    for mode in ("walk", "ebike", "car"):
        parts = network.parts(mode)
        assert parts == tuple(sorted(parts, key=lambda part: -part.metres))
        assert 0 < sum(part.metres for part in parts) < 0.06 * network.metres_of(mode)
