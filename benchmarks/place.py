"""Placing 1,000,000 points into cells of three resolutions and 100 polygons, on one core.

Beside the plain way, which asks, per resolution, ``h3.latlng_to_cell`` in a loop and
``GeoDataFrame.sjoin``. Every row is run, nothing is scaled. Run as ``python benchmarks/place.py [POINTS]``.
"""

# ruff: noqa: E402 - threads are limited before the libraries are imported
from __future__ import annotations

import sys

from report import Row, measure, one_core, print_table

one_core()

import geopandas as gpd
import h3
import numpy as np
import shapely

from pingan_geo.coords import from_wgs84, to_wgs84
from pingan_geo.spatial.cells import cells_of, from_text, parents
from pingan_geo.spatial.grids import PolygonIndex

RESOLUTIONS = (9, 10, 11)
SIDE = 10  # 10 x 10 polygons
BOUNDS = (120.53, 30.70, 120.68, 30.88)


def wavy_polygons(seed: int = 3, points_an_edge: int = 20) -> list[shapely.Polygon]:
    """Return polygons that tile the town, with borders that bend as roads and rivers do."""
    rng = np.random.default_rng(seed)
    west, south, east, north = BOUNDS
    corners = np.stack(
        np.meshgrid(np.linspace(west, east, SIDE + 1), np.linspace(south, north, SIDE + 1)), axis=-1
    )
    step = np.array([(east - west) / SIDE, (north - south) / SIDE])
    corners[1:-1, 1:-1] += rng.uniform(-0.25, 0.25, (SIDE - 1, SIDE - 1, 2)) * step

    def bend(one, other):
        share = np.linspace(0, 1, points_an_edge)[:, None]
        across = np.array([-(other - one)[1], (other - one)[0]])
        return one + (other - one) * share + across * 0.1 * np.sin(share * 17) * np.sin(np.pi * share)

    polygons = []
    for row in range(SIDE):
        for column in range(SIDE):
            a, b = corners[row, column], corners[row, column + 1]
            c, d = corners[row + 1, column], corners[row + 1, column + 1]
            polygons.append(
                shapely.Polygon(np.vstack([bend(a, b), bend(b, d), bend(c, d)[::-1], bend(a, c)[::-1]]))
            )
    return polygons


def main(points: int) -> None:
    rng = np.random.default_rng(1)
    lon = rng.uniform(BOUNDS[0] - 0.01, BOUNDS[2] + 0.01, points)
    lat = rng.uniform(BOUNDS[1] - 0.01, BOUNDS[3] + 0.01, points)
    polygons = wavy_polygons()
    codes = [f"33041110400{number:04d}" for number in range(len(polygons))]
    layer = gpd.GeoDataFrame({"code": codes}, geometry=polygons, crs=4326)

    def place_all():
        finest = cells_of(lon, lat, max(RESOLUTIONS))
        return {resolution: parents(finest, resolution) for resolution in RESOLUTIONS}, PolygonIndex(
            codes, polygons
        ).assign(lon, lat)

    def loop(resolution):
        place = h3.latlng_to_cell
        return [place(y, x, resolution) for x, y in zip(lon.tolist(), lat.tolist(), strict=True)]

    def join():
        frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy(lon, lat), crs=4326)
        return gpd.sjoin(frame, layer, how="left", predicate="intersects")

    finest = max(RESOLUTIONS)
    (cells, assigned), ours = measure(place_all, runs=3)
    _, ours_polygons = measure(lambda: PolygonIndex(codes, polygons).assign(lon, lat), runs=3)
    _, ours_parents = measure(
        lambda: [parents(cells[finest], resolution) for resolution in RESOLUTIONS], runs=3
    )
    rows, loop_s, join_s, peak_mb = [], 0.0, 0.0, 0.0
    for resolution in RESOLUTIONS:
        _, alone = measure(lambda resolution=resolution: cells_of(lon, lat, resolution), runs=3)
        if resolution == finest:
            all_cells_s = alone.seconds + ours_parents.seconds
        texts, looped = measure(lambda resolution=resolution: loop(resolution))
        same = np.mean(from_text(texts) == cells_of(lon, lat, resolution))
        of_parent = np.mean(from_text(texts) == cells[resolution])
        del texts
        joined, spatial = measure(join)
        loop_s, join_s = loop_s + looped.seconds, join_s + spatial.seconds
        peak_mb = max(peak_mb, looped.peak_mb, spatial.peak_mb)
        note = f"{same:.2%} the same cells; as parent of resolution {finest}: {of_parent:.1%}"
        what, peer = f"cells, resolution {resolution}, asked alone", "`h3.latlng_to_cell` loop"
        rows.append(Row(what, alone.seconds, peer, looped.seconds, note))
        codes_joined = joined["code"].fillna("")[~joined.index.duplicated()].to_numpy()
        note = f"{(codes_joined == assigned).mean():.2%} the same codes"
        rows.append(
            Row("100 polygons, index built anew", ours_polygons.seconds, "`sjoin`", spatial.seconds, note)
        )
    what, note = "cells of all three resolutions", "the finest once, then parents by bit arithmetic"
    rows.append(Row(what, all_cells_s, "three loops", loop_s, note))
    once_s = loop_s + join_s / len(RESOLUTIONS)
    rows.append(Row("**cells and polygons**", ours.seconds, "three loops, one `sjoin`", once_s))
    note = f"peak memory +{ours.peak_mb:.0f} MB, theirs +{peak_mb:.0f} MB"
    what, peer = "**cells and polygons, each per resolution**", "three loops, three `sjoin`"
    rows.append(Row(what, ours.seconds, peer, loop_s + join_s, note))
    for datum in ("gcj02", "bd09"):
        shifted, forward = measure(lambda datum=datum: from_wgs84(lon, lat, datum))
        _, back = measure(lambda datum=datum, shifted=shifted: to_wgs84(*shifted, datum))
        rows.append(Row(f"WGS-84 to {datum}", forward.seconds))
        rows.append(Row(f"{datum} to WGS-84", back.seconds))
    print_table(f"Placing {points:,} points, one core", rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
