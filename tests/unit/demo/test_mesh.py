"""Territories on the mesh are whole, and share their borders vertex by vertex."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from pingan_geo.demo.mesh import (
    Barrier,
    border_edges,
    cell_areas,
    relax_borders,
    rings_of,
    spread,
    trace_rings,
    way_lengths,
    weave_mesh,
)

OUTLINE = shapely.box(0, 0, 4000, 3000)
RIVER = shapely.LineString([(2000, -200), (2050, 1500), (1950, 3200)])


@pytest.fixture(scope="module")
def mesh():
    return weave_mesh(OUTLINE, [RIVER], np.random.default_rng(3))


def test_a_territory_with_a_hole_is_refused(mesh):
    labels = np.zeros(mesh.inside, dtype=np.int64)
    middle = np.argmin(np.hypot(*(mesh.points[: mesh.inside] - (1000, 1500)).T))
    labels[middle] = 1
    assert trace_rings(mesh, labels, [0])[0] is None
    with pytest.raises(ValueError, match="territory 0"):
        rings_of(mesh, labels, 2)


def test_a_territory_in_two_parts_is_refused(mesh):
    points = mesh.points[: mesh.inside]
    labels = np.ones(mesh.inside, dtype=np.int64)
    for corner in ((0, 0), (4000, 3000)):
        labels[np.hypot(*(points - corner).T) < 500] = 0
    with pytest.raises(ValueError, match="territory 0"):
        rings_of(mesh, labels, 2)


def test_an_empty_territory_is_refused(mesh):
    with pytest.raises(ValueError, match="territory 1"):
        rings_of(mesh, np.zeros(mesh.inside, dtype=np.int64), 2)


def test_cells_fill_the_outline(mesh):
    ring = rings_of(mesh, np.zeros(mesh.inside, dtype=np.int64), 1)[0]
    assert cell_areas(mesh).sum() == pytest.approx(shapely.Polygon(mesh.vertices[ring]).area, rel=1e-9)
    assert cell_areas(mesh).sum() == pytest.approx(OUTLINE.area, rel=0.01)


def test_territories_are_whole_and_tile(mesh):
    rng = np.random.default_rng(5)
    seeds = rng.choice(mesh.inside, 7, replace=False)
    lengths = way_lengths(mesh, [], rng, 0.3)
    labels = spread(mesh, lengths, seeds, np.zeros(7))
    assert (labels[seeds] == np.arange(7)).all()
    vertices = relax_borders(mesh, border_edges(mesh, labels))
    shapes = [shapely.Polygon(vertices[ring]) for ring in rings_of(mesh, labels, 7)]
    assert all(shape.is_valid for shape in shapes)
    assert shapely.coverage_is_valid(shapes)


def test_borders_follow_a_river_that_is_hard_to_cross(mesh):
    """Two seeds, one much nearer to the river: the border still lies on it."""
    points = mesh.points[: mesh.inside]
    seeds = np.array([np.argmin(np.hypot(*(points - at).T)) for at in ((500, 1500), (2400, 1500))])
    free = spread(mesh, way_lengths(mesh, [], np.random.default_rng(1), 0.0), seeds, np.zeros(2))
    hard = way_lengths(mesh, [Barrier(RIVER, 3000.0)], np.random.default_rng(1), 0.0)
    parted = spread(mesh, hard, seeds, np.zeros(2))
    west = points[:, 0] < 1900
    assert (parted[west] == 0).all()
    assert (free[west] == 1).any()
    vertices = relax_borders(mesh, border_edges(mesh, parted))
    shared = vertices[np.unique(mesh.edges[border_edges(mesh, parted)])]
    inner = shared[(shared[:, 1] > 300) & (shared[:, 1] < 2700) & (np.abs(shared[:, 0] - 2000) < 400)]
    assert len(inner) > 20
    assert max(RIVER.distance(point) for point in shapely.points(inner)) < 8
