"""Importing a made CSV of 1,000,000 reports end to end, every check and the receipt included.

Beside the plain way, which checks nothing: ``pandas.read_csv``, ``h3.latlng_to_cell`` in a loop, ``sjoin``
with the grids and ``to_sql``. Each runs in a process of its own, so that its peak memory is its own; the time
is that of the work without the start of Python. Run as ``python benchmarks/import_csv.py [ROWS]``.
"""

# ruff: noqa: E402 - threads are limited before the libraries are imported
from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from report import Row, one_core, print_table

one_core()

import numpy as np

NOW = datetime(2026, 1, 1)
SEED = 7
CATEGORIES = ("私拉电线", "道路破损", "盗窃", "消防通道堵塞", "井盖缺失")
WORDS = ("三楼楼道飞线充电", "路面坑槽约半米", "车棚电瓶被盗,已报警", "消防通道停放电动车", "井盖松动有响声")


def make_files(folder: Path, rows: int) -> None:
    """Write the CSV, the town's area and its grids."""
    import geopandas as gpd
    import pandas as pd
    import shapely
    from place import BOUNDS, wavy_polygons

    rng = np.random.default_rng(SEED)
    west, south, east, north = BOUNDS
    polygons = wavy_polygons()
    codes = [f"330411104{number:06d}" for number in range(len(polygons))]
    gpd.GeoDataFrame({"code": codes}, geometry=polygons, crs=4326).to_file(folder / "grids.geojson")
    area = gpd.GeoDataFrame({"name": ["town"]}, geometry=[shapely.box(*BOUNDS)], crs=4326)
    area.to_file(folder / "area.geojson")
    margin = 1e-4
    seconds = rng.integers(0, 3 * 365 * 86_400, rows)
    kind = rng.integers(0, len(CATEGORIES), rows)
    table = pd.DataFrame(
        {
            "event_id": np.char.add("XTW", np.arange(rows).astype(str)),
            "category": np.array(CATEGORIES)[kind],
            "datetime": np.datetime_as_string(np.datetime64("2022-07-01", "s") + seconds, unit="s"),
            "lon": np.round(rng.uniform(west + margin, east - margin, rows), 6),
            "lat": np.round(rng.uniform(south + margin, north - margin, rows), 6),
            "description": np.char.add(np.array(WORDS)[kind], rng.integers(0, 10_000, rows).astype(str)),
        }
    )
    table.to_csv(folder / "reports.csv", index=False)


def import_ours(folder: Path) -> dict[str, float]:
    """Import with :func:`pingan_geo.workflow.import_reports.import_reports`."""
    from pingan_geo.workflow.import_reports import import_reports
    from pingan_geo.workflow.towns import create_town

    town = create_town(
        folder / "town",
        area=folder / "area.geojson",
        grids=folder / "grids.geojson",
        name="bench",
        language="en",
    )
    start, busy = time.perf_counter(), time.process_time()
    receipt = import_reports(town, folder / "reports.csv", now=NOW)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    assert receipt.adds_up()
    town.close()
    start = time.perf_counter()
    with_again = import_reports(town, folder / "reports.csv", now=NOW)
    again = time.perf_counter() - start
    assert with_again.repeated == receipt.read
    return {"seconds": seconds, "busy": busy, "rows": receipt.accepted, "again": again}


def import_plainly(folder: Path) -> dict[str, float]:
    """Import as a notebook would."""
    import sqlite3

    import geopandas as gpd
    import h3
    import pandas as pd

    place = h3.latlng_to_cell
    start, busy = time.perf_counter(), time.process_time()
    table = pd.read_csv(folder / "reports.csv")
    table["cell"] = [place(lat, lon, 11) for lat, lon in zip(table["lat"], table["lon"], strict=True)]
    points = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table["lon"], table["lat"]), crs=4326)
    joined = gpd.sjoin(points, gpd.read_file(folder / "grids.geojson"), how="left", predicate="intersects")
    with sqlite3.connect(folder / "plain.sqlite") as connection:
        pd.DataFrame(joined.drop(columns=["geometry", "index_right"])).to_sql(
            "report", connection, index=False
        )
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    return {"seconds": seconds, "busy": busy, "rows": len(joined)}


def in_child(way: str, folder: Path) -> dict[str, float]:
    """Run one way in a process of its own; adds its peak resident memory in MB."""
    command = [sys.executable, __file__, "--child", way, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_child(way: str, folder: Path) -> None:
    found = {"ours": import_ours, "plain": import_plainly}[way](folder)
    print(json.dumps(found | {"peak_mb": peak_mb()}))


def peak_mb() -> float:
    """Return the most memory that this process has held.

    Linux counts the parent's memory at the moment of the start into ``ru_maxrss``, but not into ``VmHWM``.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder, rows)
        size_mb = (folder / "reports.csv").stat().st_size / 1e6
        ours, plain = in_child("ours", folder), in_child("plain", folder)
    assert ours["rows"] == rows
    note = (
        f"processor {ours['busy']:.1f} s, theirs {plain['busy']:.1f} s; "
        f"peak memory {ours['peak_mb']:.0f} MB, theirs {plain['peak_mb']:.0f} MB"
    )
    print_table(
        f"Importing a CSV of {rows:,} reports ({size_mb:.0f} MB), one core",
        [
            Row("**every check, cells, grids, receipt, SQLite**", ours["seconds"], "plain, checks nothing",
                plain["seconds"], note),
            Row("the same file once more: nothing new", ours["again"]),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run_child(sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
