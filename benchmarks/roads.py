"""From an extract of OpenStreetMap to a matrix of ways, beside scipy on the graph of every point.

Takes an extract (PBF or XML), by default that of Liechtenstein of the public data beside the project. The cold
run is a process of its own, from its start to the matrix, with the compiled parts in numba's cache: the very
first run on a machine compiles them, which this prints too. Run as ``python benchmarks/roads.py [FILE]``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from report import Row, measure, one_core, print_table

one_core()

import numpy as np  # noqa: E402
from scipy.sparse import csr_array  # noqa: E402
from scipy.sparse.csgraph import dijkstra  # noqa: E402

from pingan_geo.spatial.roads import RoadNetwork  # noqa: E402

FILE = Path(__file__).resolve().parents[2] / "shared" / "data" / "osm" / "liechtenstein-latest.osm.pbf"
PLACES = 300
COLD = """
import sys
from pathlib import Path
import numpy as np
from pingan_geo.spatial.roads import RoadNetwork
lons, lats = np.load(sys.argv[2])
network = RoadNetwork.of_osm(Path(sys.argv[1]))
assert np.isfinite(network.matrix(lons, lats, "walk").minutes).any()
"""


def places_of(network: RoadNetwork) -> tuple[np.ndarray, np.ndarray]:
    """Return places on roads that everybody may walk."""
    pieces, graph = network.pieces, network.graph("walk")
    nodes = np.random.default_rng(1).choice(np.unique(graph.points), PLACES, replace=False)
    return pieces.roads.lon[nodes], pieces.roads.lat[nodes]


def whole_graph(network: RoadNetwork, mode: str) -> csr_array:
    """Return every point of every road as a node: minutes."""
    pieces, roads = network.pieces, network.roads
    passage = np.array([network.profiles[mode].passage(tags) for tags in roads.tags])
    about = passage[roads.tags_of[pieces.line]]
    ahead, back = about[:, 1] > 0, about[:, 2] > 0
    with np.errstate(divide="ignore"):
        minutes = pieces.metres / (about[:, 0] * 1000 / 60)
    start = np.concatenate((pieces.u[ahead], pieces.v[back]))
    end = np.concatenate((pieces.v[ahead], pieces.u[back]))
    weight = np.concatenate((minutes[ahead], minutes[back]))
    order = np.lexsort((weight, end, start))  # of two pieces between the same points the quicker one
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(start[order]) != 0) | (np.diff(end[order]) != 0)
    kept = order[first]
    return csr_array((weight[kept], (start[kept], end[kept])), shape=(len(pieces.x),) * 2)


def cold(file: Path, places: Path, cache: str | None = None) -> float:
    """Return the seconds of a process of its own, from its start to the matrix."""
    around = {**os.environ, **({"NUMBA_CACHE_DIR": cache} if cache else {})}
    root = str(Path(__file__).resolve().parents[1])
    around["PYTHONPATH"] = os.pathsep.join(filter(None, (root, around.get("PYTHONPATH", ""))))
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", COLD, str(file), str(places)], check=True, env=around)
    return time.perf_counter() - start


def by_networkx(graph: csr_array, nodes: np.ndarray) -> None:
    """Find the ways from a tenth of the places; all would take ten times as long."""
    import networkx as nx

    whole = nx.from_scipy_sparse_array(graph, create_using=nx.DiGraph)
    for node in nodes[: PLACES // 10]:
        nx.single_source_dijkstra_path_length(whole, int(node), weight="weight")


def main(file: Path) -> int:
    if not file.is_file():
        print(f"{file.name} is absent: the benchmark of roads was not run", file=sys.stderr)
        return 0
    network = RoadNetwork.of_osm(file)
    lons, lats = places_of(network)
    nodes = np.random.default_rng(1).choice(np.unique(network.graph("walk").points), PLACES, replace=False)
    network.matrix(lons, lats, "walk")  # compiled or loaded from the cache, once
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder) / "places.npy"
        np.save(places, np.stack((lons, lats)))
        compiled = cold(file, places, str(Path(folder) / "cache"))
        best = min(cold(file, places) for _ in range(3))
        rows.append(
            Row(
                f"cold process: extract → {PLACES} × {PLACES} on foot",
                best,
                note=f"{network.nodes:,} points; the very first run, which compiles: {compiled:.1f} s",
            )
        )
    for mode in ("walk", "ebike", "car"):
        travel, ours = measure(lambda mode=mode: network.matrix(lons, lats, mode), runs=5)
        graph = whole_graph(network, mode)
        theirs, peer = measure(lambda graph=graph: dijkstra(graph, indices=nodes)[:, nodes], runs=1)
        on_road = travel.snapped_m < 1e-6  # for a car the others are not on a road
        both = np.ix_(on_road, on_road)
        apart = np.abs(travel.minutes[both] - theirs[both]).max()
        rows.append(
            Row(
                f"matrix, {mode}",
                ours.seconds,
                "scipy, every point",
                peer.seconds,
                f"largest difference {apart:.0e} min over {int(on_road.sum())} places on its roads",
            )
        )
        if mode == "walk" and find_spec("networkx") is not None:
            _, tenth = measure(lambda graph=graph: by_networkx(graph, nodes))
            note = "measured on a tenth of the places, times ten"
            rows.append(Row(f"matrix, {mode}", ours.seconds, "networkx", 10 * tenth.seconds, note))
    travel = network.matrix(lons, lats, "walk")
    _, drawn = measure(lambda: [travel.line(place, place + 1) for place in range(20)], runs=3)
    rows.append(Row("20 lines to draw", drawn.seconds))
    print_table(f"Roads: {file.name}", rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE))
