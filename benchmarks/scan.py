"""Space-time permutation scan of a year of burglaries in Chicago, beside SaTScan.

Needs ``chicago_burglary_2016.csv`` of the public data beside the project. SaTScan is not run here: its figure,
3.4 s a replication for the same cells, days, radius and lengths, is that of SaTScan 10.3.2 on both cores of a
machine of this kind, looking back. Run as ``python benchmarks/scan.py [FILE]``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from report import Row, columns, measure, print_table

from pingan_geo.coords import local_metres
from pingan_geo.spatial.cells import cells_of, centres
from pingan_geo.stats.scan import ScanResult, scan_permutation

FILE = Path(__file__).resolve().parents[2] / "shared" / "data" / "chicago_burglary_2016.csv"
RESOLUTION, RADIUS_M, LONGEST = 9, 2000, 28
SATSCAN_S = 3.4
SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)


def scan(lon, lat, day, steps, *, prospective, replications) -> ScanResult:
    """Count on cells, take their middles into metres, and scan."""
    cells, cell = np.unique(cells_of(lon, lat, RESOLUTION), return_inverse=True)
    middle_lon, middle_lat = centres(cells)
    x, y = local_metres(middle_lon.mean(), middle_lat.mean()).forward(middle_lon, middle_lat)
    return scan_permutation(
        cell,
        day,
        x,
        y,
        steps,
        radius_m=RADIUS_M,
        longest=LONGEST,
        prospective=prospective,
        replications=replications,
        rng=np.random.default_rng(1),
    )


def per_replication(arguments, *, prospective, replications) -> float:
    """Return seconds that a further replication takes."""
    start = time.perf_counter()
    scan(*arguments, prospective=prospective, replications=0)
    middle = time.perf_counter()
    made = scan(*arguments, prospective=prospective, replications=replications).replications
    return (time.perf_counter() - middle - (middle - start)) / made


def main(file: Path) -> int:
    if not file.is_file():
        print(f"{file.name} is absent: the scan's benchmark was not run", file=sys.stderr)
        return 0
    table = pd.read_csv(file, usecols=["datetime", "lon", "lat"])
    days = pd.to_datetime(table["datetime"]).to_numpy().astype("datetime64[D]").astype(np.int64)
    day, steps = days - days.min(), int(np.ptp(days)) + 1
    lon, lat = table["lon"].to_numpy(), table["lat"].to_numpy()
    everything = (lon, lat, day, steps)
    for prospective in (True, False):  # compiles, or loads what was compiled before
        scan(lon[:200], lat[:200], day[:200], steps, prospective=prospective, replications=2)

    rows = []
    now, took = measure(lambda: scan(*everything, prospective=True, replications=999))
    rows.append(
        Row(
            f"now: windows that last until the last day, {now.replications} replications",
            took.seconds,
            note=f"asked for: at most 30 s; memory +{took.peak_mb:.0f} MB",
        )
    )
    back, took = measure(lambda: scan(*everything, prospective=False, replications=99))
    one, peak_mb = per_replication(everything, prospective=False, replications=40), took.peak_mb
    rows.append(
        Row(
            f"looking back, {back.replications} replications",
            took.seconds,
            note=f"best cluster {back.clusters[0].observed} reports, {back.clusters[0].expected:.1f} expected, "
            f"Gumbel p {back.clusters[0].p_gumbel:.1g}; memory +{peak_mb:.0f} MB",
        )
    )
    rows.append(
        Row(
            "**looking back, one more replication**",
            one,
            "SaTScan 10.3.2, measured before on both cores of such a machine",
            SATSCAN_S,
            "asked for: 4 times",
        )
    )
    print_table(
        f"Space-time permutation scan, {len(table):,} burglaries, resolution {RESOLUTION}, {steps} days, "
        f"{RADIUS_M / 1000:.0f} km, up to {LONGEST} days",
        rows,
    )

    print("p-values of the clusters of now, from 99 and from 999 replications:\n")
    first = now.maxima[:99]
    print(
        columns(
            ["cluster", "statistic", "Gumbel, 99", "Gumbel, 999", "counted, 999"],
            [
                [
                    str(number),
                    f"{one.statistic:.2f}",
                    f"{gumbel(one.statistic, first):.4f}",
                    f"{one.p_gumbel:.4f}",
                    f"{one.p:.3f}",
                ]
                for number, one in enumerate(now.clusters[:6], 1)
            ],
        )
    )

    chosen = np.random.default_rng(2).permutation(len(table))
    sizes, seconds = [], {True: [], False: []}
    for share in SHARES:
        part = chosen[: int(len(table) * share)]
        sizes.append(part.size)
        arguments = (lon[part], lat[part], day[part], steps)
        for prospective, replications in ((True, 199), (False, 16)):
            seconds[prospective].append(
                per_replication(arguments, prospective=prospective, replications=replications)
            )
    print("Cost of a replication against the number of reports (seconds; slope of the logarithms):\n")
    print(
        columns(
            ["", *(f"{size:,}" for size in sizes), "slope"],
            [
                [
                    "now" if prospective else "looking back",
                    *(f"{value:.4f}" for value in seconds[prospective]),
                    f"{np.polyfit(np.log(sizes), np.log(seconds[prospective]), 1)[0]:.2f}",
                ]
                for prospective in (True, False)
            ],
        ),
        flush=True,
    )
    return 0


def gumbel(statistic: float, maxima) -> float:
    """Return the p-value by the moments of the maxima, as the scan does."""
    scale = maxima.std(ddof=1) * np.sqrt(6) / np.pi
    return float(-np.expm1(-np.exp(-(statistic - maxima.mean() + np.euler_gamma * scale) / scale)))


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILE))
