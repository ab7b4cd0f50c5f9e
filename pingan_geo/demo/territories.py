"""Who answers for what: villages, grids and beats as territories on the mesh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from scipy.spatial import cKDTree

from pingan_geo.demo import names
from pingan_geo.demo.lines import Line
from pingan_geo.demo.mesh import Barrier, Floats, Ints, Mesh, cell_areas, spread, trace_rings, way_lengths

#: Households that one 网格 has about.
HOUSEHOLDS_PER_GRID = 330

#: Hearts of the police beats, kilometres from the seat. Made up.
BEATS_KM = (
    ("城西警格", -1.75, 0.05),
    ("城中警格", -0.10, 0.10),
    ("城东警格", 1.40, -1.00),
    ("洛东警格", 0.60, 3.60),
    ("西北警格", -4.60, 3.60),
    ("西南警格", -3.70, -2.70),
    ("东部警格", 3.60, -0.60),
    ("南部警格", -0.40, -5.80),
)


def share_out_villages(
    mesh: Mesh, waters: Sequence[Line], roads: Sequence[Line], rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Return the village of every inner cell, and the cell at each village's heart.

    Borders follow waters where they can. Villages whose area is known get it, the others share the rest.
    """
    barriers = [Barrier(water.line, water.push_m) for water in waters if water.push_m]
    # A motorway runs over the land and parts it less than it parts police beats.
    barriers += [
        Barrier(road.line, (0.2 if road.kind == "motorway" else 0.6) * road.push_m)
        for road in roads
        if road.kind in ("motorway", "main")
    ]
    lengths = way_lengths(mesh, barriers, rng, 0.16)
    hearts = np.array([(village.x_km, village.y_km) for village in names.VILLAGES]) * 1000
    loose = np.array([not village.fixed and village.area_km2 is None for village in names.VILLAGES])
    hearts = hearts + loose[:, None] * rng.normal(0, 110, hearts.shape)
    seeds = nearest_cells(mesh, hearts)
    known = np.array([village.area_km2 or 0.0 for village in names.VILLAGES])
    shares = np.where(known > 0, 0.0, np.exp(rng.normal(0, 0.16, len(known))))
    wanted = np.where(known > 0, known, shares / shares.sum() * (names.AREA_KM2 - known.sum())) * 1e6
    areas = cell_areas(mesh)
    head_start = np.zeros(len(seeds))
    best, best_miss = np.zeros(mesh.inside, dtype=np.int64), np.inf
    for turn in range(60):
        labels = spread(mesh, lengths, seeds, head_start)
        held = np.bincount(labels, weights=areas, minlength=len(seeds))
        # Only known areas must be met; the others may come out as the country has it.
        miss = float(np.abs(held / wanted - 1)[known > 0].max() + 0.1 * np.abs(held / wanted - 1).max())
        if miss < best_miss and all(
            ring is not None for ring in trace_rings(mesh, labels, range(len(seeds)))
        ):
            best, best_miss = labels, miss
        step = np.where(known > 0, 0.9, 0.5) * (0.985**turn)
        head_start += step * (np.sqrt(held) - np.sqrt(wanted))
    return best, seeds


def share_out_grids(
    mesh: Mesh,
    villages: Ints,
    households: Floats,
    estates: Ints,
    waters: Sequence[Line],
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """Return the grid of every inner cell (numbered over the town) and the village of every grid.

    Each grid lies in one village; where more people live, grids are more and smaller.

    Parameters
    ----------
    villages
        Village of every inner cell.
    households
        Of every inner cell.
    estates
        Estate of every inner cell, -1 in none: an estate is not parted.
    """
    barriers = [Barrier(water.line, 0.5 * water.push_m) for water in waters if water.push_m]
    lengths = way_lengths(mesh, barriers, rng, 0.14)
    pairs = mesh.inner_pairs
    together = (estates[pairs[:, 0]] == estates[pairs[:, 1]]) & (estates[pairs[:, 0]] >= 0)
    lengths = np.where(together, 0.03 * lengths, lengths)
    areas = cell_areas(mesh)
    weight = households + 0.15 * households.sum() * areas / areas.sum()
    seeds: list[int] = []
    begun: set[int] = set()
    village_of_grid: list[int] = []
    for village, about in enumerate(names.VILLAGES):
        cells = np.flatnonzero(villages == village)
        number = max(2, round(about.households / HOUSEHOLDS_PER_GRID))
        hearts = _weighted_means(mesh.points[cells], weight[cells], number, rng)
        # From north to south, so that numbers run as on a plan.
        hearts = hearts[np.argsort(-hearts[:, 1], kind="stable")]
        for heart in hearts:
            order = cells[np.argsort(np.hypot(*(mesh.points[cells] - heart).T), kind="stable")]
            # Two grids that began in one estate could not part it.
            seed = next(int(cell) for cell in order if cell not in seeds and estates[cell] not in begun)
            seeds.append(seed)
            if estates[seed] >= 0:
                begun.add(int(estates[seed]))
            village_of_grid.append(village)
    within = villages[pairs[:, 0]] == villages[pairs[:, 1]]
    owner = np.array(village_of_grid, dtype=np.int64)
    of_village = np.bincount(villages, weights=weight, minlength=len(names.VILLAGES))
    wanted = (of_village / np.bincount(owner, minlength=len(names.VILLAGES)))[owner]
    head_start = np.zeros(len(seeds))
    best = np.zeros(mesh.inside, dtype=np.int64)
    best_miss = np.full(len(names.VILLAGES), np.inf)
    for turn in range(60):
        grids = spread(mesh, lengths, np.array(seeds), head_start, within)
        held = np.bincount(grids, weights=weight, minlength=len(seeds))
        ratio = np.log(np.maximum(held, 1e-9) / wanted)
        miss = np.zeros(len(names.VILLAGES))
        np.maximum.at(miss, owner, np.abs(ratio))
        # Villages do not touch each other's grids: each keeps its own best round of whole shapes.
        asked = np.flatnonzero(np.isin(owner, np.flatnonzero(miss < best_miss)))
        rings = trace_rings(mesh, grids, asked.tolist())
        torn = owner[[number for number, ring in zip(asked.tolist(), rings, strict=True) if ring is None]]
        miss[torn] = np.inf
        better = (miss < best_miss)[villages]
        best[better] = grids[better]
        best_miss = np.minimum(best_miss, miss)
        head_start += 160 * 0.965**turn * np.clip(ratio, -1.5, 1.5)
    return best, owner


def share_out_beats(mesh: Mesh, roads: Sequence[Line], rng: np.random.Generator) -> Ints:
    """Return the police beat of every inner cell; beats follow roads, not villages."""
    barriers = [Barrier(road.line, road.push_m) for road in roads if road.push_m]
    lengths = way_lengths(mesh, barriers, rng, 0.14)
    seeds = nearest_cells(mesh, np.array([(x, y) for _, x, y in BEATS_KM]) * 1000)
    # Beats in the built-up middle begin late, and so stay small.
    late = np.array([900.0, 1200.0, 700.0, 300.0, 0.0, 0.0, 300.0, 0.0])
    return spread(mesh, lengths, seeds, late)


def nearest_cells(mesh: Mesh, xy: Floats) -> Ints:
    """Return the inner cell that holds each point in metres."""
    return np.asarray(cKDTree(mesh.points[: mesh.inside]).query(xy)[1], dtype=np.int64)


def estate_of_cells(mesh: Mesh, estates: Sequence[shapely.Polygon], margin_m: float = 55.0) -> Ints:
    """Return the number of the estate that an inner cell's heart lies in or near, -1 for none."""
    found = np.full(mesh.inside, -1, dtype=np.int64)
    points = mesh.points[: mesh.inside]
    for number, estate in enumerate(estates):
        found[shapely.contains_xy(estate.buffer(margin_m), points[:, 0], points[:, 1])] = number
    return found


def _weighted_means(xy: Floats, weight: Floats, number: int, rng: np.random.Generator) -> Floats:
    """Return ``number`` centres by Lloyd's rounds over weighted points."""
    centres = xy[rng.choice(len(xy), 1, p=weight / weight.sum())]
    while len(centres) < number:
        far = cKDTree(centres).query(xy)[0] ** 2 * weight
        centres = np.vstack([centres, xy[rng.choice(len(xy), 1, p=far / far.sum())]])
    for _ in range(15):
        nearest = cKDTree(centres).query(xy)[1]
        mass = np.bincount(nearest, weights=weight, minlength=number)
        moved = np.column_stack(
            [np.bincount(nearest, weights=weight * xy[:, axis], minlength=number) for axis in (0, 1)]
        )
        centres = np.where(mass[:, None] > 0, moved / np.maximum(mass, 1e-9)[:, None], centres)
    return centres
