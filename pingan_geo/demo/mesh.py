"""A fine mesh over the town, of whose edges every border of every layer is made.

Borders of villages, grids and beats are chosen from the edges of one Voronoi mesh. That is why layers tile
without a gap: a stretch of border is the same vertices on both sides and in every layer. Rivers, roads
and the outline are woven into the mesh, so that borders can follow them, as they do in a country of canals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Voronoi, cKDTree

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

#: Distance between mesh points; borders have a vertex about every half of it.
SPACING_M = 105.0
#: How far from a woven line its mirrored mesh points stand.
OFFSET_M = 36.0
OUTSIDE = -1


@dataclass(frozen=True)
class Barrier:
    """A line that borders like to follow.

    Parameters
    ----------
    line
        LineString in metres.
    push_m
        Crossing it counts like this many metres of way.
    """

    line: shapely.LineString
    push_m: float


@dataclass(frozen=True)
class Mesh:
    """Cells of a Voronoi diagram inside an outline, and the edges between them; metres.

    Parameters
    ----------
    points
        (n, 2) heart of each cell, those outside the town last.
    inside
        Number of cells in the town.
    vertices
        (v, 2) corners of cells.
    pairs
        (e, 2) cells on both sides of each edge.
    edges
        (e, 2) vertices at both ends of each edge.
    """

    points: Floats
    inside: int
    vertices: Floats
    pairs: Ints
    edges: Ints

    @cached_property
    def inner_pairs(self) -> Ints:
        """The pairs of which both cells are in the town."""
        return self.pairs[(self.pairs < self.inside).all(axis=1)]

    @cached_property
    def turned_edges(self) -> Ints:
        """The edges, turned so that the first cell of the pair lies to the left."""
        start, end = self.vertices[self.edges[:, 0]], self.vertices[self.edges[:, 1]]
        heart = self.points[self.pairs[:, 0]]
        along, across = end - start, heart - start
        left = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0] > 0
        return np.where(left[:, None], self.edges, self.edges[:, ::-1])


def smooth_noise(xy: Floats, wavelength_m: float, rng: np.random.Generator, waves: int = 24) -> Floats:
    """Return a smooth random field at points: mean 0, variance about 1, features of ``wavelength_m``."""
    angle = rng.uniform(0, 2 * np.pi, waves)
    length = wavelength_m * rng.uniform(0.6, 1.6, waves)
    phase = rng.uniform(0, 2 * np.pi, waves)
    wave = 2 * np.pi / length
    argument = xy[:, :1] * (wave * np.cos(angle)) + xy[:, 1:] * (wave * np.sin(angle)) + phase
    return np.asarray(np.sqrt(2 / waves) * np.cos(argument).sum(axis=1))


def sums(group: Ints, weights: Floats, number: int) -> Floats:
    """Return the sum of the weights of each of the groups 0 … ``number`` - 1."""
    return np.asarray(np.bincount(group, weights=weights, minlength=number), dtype=np.float64)


def weave_mesh(
    outline: shapely.Polygon, lines: Sequence[shapely.LineString], rng: np.random.Generator
) -> Mesh:
    """Return a mesh over ``outline`` in which the outline and every line are rows of edges.

    Points are set alternately left and right of each line: the edges between them zigzag about it, and
    relaxing the borders lays them onto it.

    Parameters
    ----------
    outline
        Of the town, metres.
    lines
        Woven in, the first with precedence where two come close.
    rng
        Jitter of the points between lines.
    """
    west, south, east, north = outline.bounds
    margin = 4 * SPACING_M
    columns = np.arange(west - margin, east + margin, SPACING_M)
    rows = np.arange(south - margin, north + margin, SPACING_M * np.sqrt(0.75))
    x, y = np.meshgrid(columns, rows)
    x = x + (np.arange(len(rows)) % 2 * SPACING_M / 2)[:, None]
    loose = np.column_stack([x.ravel(), y.ravel()])
    loose = loose + rng.uniform(-0.26, 0.26, loose.shape) * SPACING_M
    woven: list[Floats] = []
    for line in [outline.exterior, *lines]:
        beside = _points_beside(line)
        for earlier in woven:
            near = cKDTree(earlier).query(beside, distance_upper_bound=OFFSET_M * 1.3)[0] < np.inf
            beside = beside[~near]
        woven.append(beside)
    fixed = np.concatenate(woven)
    far = cKDTree(fixed).query(loose, distance_upper_bound=SPACING_M * 0.72)[0] == np.inf
    points = np.concatenate([fixed, loose[far]])
    near_town = shapely.contains_xy(outline.buffer(margin), points[:, 0], points[:, 1])
    points = points[near_town]
    in_town = shapely.contains_xy(outline, points[:, 0], points[:, 1])
    points = np.concatenate([points[in_town], points[~in_town]])
    diagram = Voronoi(points)
    edges = np.asarray(diagram.ridge_vertices, dtype=np.int64)
    pairs = np.asarray(diagram.ridge_points, dtype=np.int64)
    inside = int(in_town.sum())
    # The order of a diagram's ridges is an accident of the hull algorithm: sort, so that it cannot matter.
    pairs = np.sort(pairs, axis=1)
    useful = (edges >= 0).all(axis=1) & (pairs[:, 0] < inside)
    pairs, edges = pairs[useful], edges[useful]
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return Mesh(points, inside, diagram.vertices, pairs[order], edges[order])


def _points_beside(line: shapely.LineString) -> Floats:
    """Return points alternately left and right of a line."""
    number = max(2, round(line.length / (SPACING_M * 0.45)))
    along = (np.arange(number) + 0.5) * line.length / number
    step = 4.0
    here = shapely.get_coordinates(shapely.line_interpolate_point(line, along))
    before = shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(along - step, 0)))
    after = shapely.get_coordinates(
        shapely.line_interpolate_point(line, np.minimum(along + step, line.length))
    )
    heading = after - before
    heading = heading / np.hypot(heading[:, 0], heading[:, 1])[:, None]
    side = np.where(np.arange(number) % 2 == 0, OFFSET_M, -OFFSET_M)[:, None]
    return np.asarray(here + np.column_stack([-heading[:, 1], heading[:, 0]]) * side)


def way_lengths(mesh: Mesh, barriers: Sequence[Barrier], rng: np.random.Generator, wiggle: float) -> Floats:
    """Return how long each step between two inner cells counts: metres, noise, and barriers crossed."""
    pairs = mesh.inner_pairs
    start, end = mesh.points[pairs[:, 0]], mesh.points[pairs[:, 1]]
    length: Floats = np.hypot(*(end - start).T)
    middle = (start + end) / 2
    length = length * np.exp(
        wiggle * smooth_noise(middle, 700, rng) + wiggle * smooth_noise(middle, 1900, rng)
    )
    steps = shapely.linestrings(np.stack([start, end], axis=1))
    for barrier in barriers:
        crossing = np.zeros(len(steps), dtype=bool)
        crossing[shapely.STRtree(steps).query(barrier.line, predicate="intersects")] = True
        length = length + crossing * barrier.push_m
    return length


def spread(
    mesh: Mesh, lengths: Floats, seeds: Ints, head_start: Floats, allowed: NDArray[np.bool_] | None = None
) -> Ints:
    """Return for every inner cell the number of the seed that reaches it first.

    Territories grown so are connected by construction: no islands.

    Parameters
    ----------
    lengths
        Of the inner pairs.
    seeds
        Cell of each seed.
    head_start
        (s,) the way a seed has already behind it; the larger, the smaller its territory.
    allowed
        Inner pairs that may be stepped over; all when ``None``.
    """
    pairs = mesh.inner_pairs
    if allowed is not None:
        pairs, lengths = pairs[allowed], lengths[allowed]
    number = mesh.inside + len(seeds)
    sources = mesh.inside + np.arange(len(seeds))
    graph = coo_matrix(
        (
            np.concatenate([lengths, lengths, head_start - head_start.min() + 1.0]),
            (
                np.concatenate([pairs[:, 0], pairs[:, 1], sources]),
                np.concatenate([pairs[:, 1], pairs[:, 0], seeds]),
            ),
        ),
        shape=(number, number),
    ).tocsr()
    found = dijkstra(graph, indices=sources, min_only=True, return_predecessors=True)[2]
    return np.asarray(found[: mesh.inside], dtype=np.int64) - mesh.inside


def cell_areas(mesh: Mesh) -> Floats:
    """Return the area of each inner cell, m², by the shoelace formula over its edges."""
    start, end = mesh.vertices[mesh.edges[:, 0]], mesh.vertices[mesh.edges[:, 1]]
    areas = np.zeros(len(mesh.points))
    for side in (0, 1):
        heart = mesh.points[mesh.pairs[:, side]]
        u, v = start - heart, end - heart
        triangles = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
        areas += sums(mesh.pairs[:, side], triangles, len(areas))
    return areas[: mesh.inside]


def border_edges(mesh: Mesh, labels: Ints) -> NDArray[np.bool_]:
    """Return which edges part two labels, or the town from what is outside."""
    full = np.full(len(mesh.points), OUTSIDE, dtype=np.int64)
    full[: mesh.inside] = labels
    return np.asarray(full[mesh.pairs[:, 0]] != full[mesh.pairs[:, 1]])


def relax_borders(mesh: Mesh, drawn: NDArray[np.bool_], rounds: int = 4) -> Floats:
    """Return the vertices with those on drawn edges smoothed, so that borders lose the zigzag of the mesh."""
    edges = mesh.edges[drawn]
    number = len(mesh.vertices)
    links = coo_matrix(
        (
            np.ones(2 * len(edges)),
            (np.concatenate([edges[:, 0], edges[:, 1]]), np.concatenate([edges[:, 1], edges[:, 0]])),
        ),
        shape=(number, number),
    ).tocsr()
    degree = np.asarray(links.sum(axis=1)).ravel()
    used = degree > 0
    mean: csr_matrix = links.multiply(1 / np.where(used, degree, 1)[:, None]).tocsr()
    vertices = mesh.vertices.copy()
    for _ in range(rounds):
        vertices[used] += 0.5 * ((mean @ vertices)[used] - vertices[used])
    return vertices


def trace_rings(mesh: Mesh, labels: Ints, wanted: Sequence[int]) -> list[Ints | None]:
    """Return the outer ring of each wanted label as vertex numbers, open, counter-clockwise.

    ``None`` for a label that no cell has, that is in several parts or has a hole.
    """
    full = np.full(len(mesh.points), OUTSIDE, dtype=np.int64)
    full[: mesh.inside] = labels
    first, second = full[mesh.pairs[:, 0]], full[mesh.pairs[:, 1]]
    parting = np.flatnonzero(first != second)
    # Each border edge twice, turned so that its label lies to the left, sorted by label.
    turned = mesh.turned_edges[parting]
    label = np.concatenate([first[parting], second[parting]])
    edges = np.concatenate([turned, turned[:, ::-1]])
    order = np.argsort(label, kind="stable")
    label, edges = label[order], edges[order]
    return [
        _ring(edges[low:high])
        for low, high in zip(
            np.searchsorted(label, wanted), np.searchsorted(label, wanted, "right"), strict=True
        )
    ]


def _ring(edges: Ints) -> Ints | None:
    follow = dict(edges.tolist())
    if not follow:
        return None
    begin = min(follow)
    ring = [begin]
    while (step := follow[ring[-1]]) != begin:
        ring.append(step)
    return np.array(ring, dtype=np.int64) if len(ring) == len(follow) else None


def rings_of(mesh: Mesh, labels: Ints, number: int) -> list[Ints]:
    """Return the ring of each of the labels 0 … ``number`` - 1, see :func:`trace_rings`.

    Raises
    ------
    ValueError
        If a label is not one simple territory: the layout is then unusable.
    """
    rings = trace_rings(mesh, labels, range(number))
    found = [ring for ring in rings if ring is not None]
    if len(found) < number:
        torn = next(label for label, ring in enumerate(rings) if ring is None)
        raise ValueError(f"territory {torn} is empty, has a hole or is in several parts")
    return found
