"""Near repeat: seconds of Knox's test with 999 shuffles, beside the same in plain numpy and SciPy.

Burglaries of Chicago in 2016: those up to 31 January (970) and all (11,700), eleven classes up to 1,000 m and
four up to 28 days. The peer shuffles the days over the pairs that lie near enough with ``np.bincount``.

Run as ``python benchmarks/near_repeat.py [CHICAGO.csv]``; the file is looked for beside the project, and
even made-up events take its place when it is absent.
"""

# ruff: noqa: E402 - threads are limited before the libraries are imported
from __future__ import annotations

import argparse
import time
from pathlib import Path

from report import Row, measure, one_core, print_table

one_core()

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from pingan_geo.coords import local_metres
from pingan_geo.stats.near_repeat import knox

EVENTS = Path(__file__).resolve().parents[2] / "shared" / "data" / "chicago_burglary_2016.csv"
DISTANCES_M = (0, 0.001, *range(100, 1001, 100))
DAYS = (0, 7, 14, 21, 28)
PERMUTATIONS = 999


def read_events(path: Path | None) -> tuple[str, np.ndarray, np.ndarray, np.ndarray]:
    """Return the name, metres east and north, and days of events in order of time."""
    if path is None:
        rng = np.random.default_rng(1)
        place = rng.integers(0, 25_000, (2, 11_700))
        return "made-up events", *place.astype(float), np.sort(rng.integers(0, 367, 11_700))
    table = pd.read_csv(path)
    day = pd.to_datetime(table["datetime"]).to_numpy().astype("datetime64[D]").astype(np.int64)
    lon, lat = table["lon"].to_numpy(), table["lat"].to_numpy()
    order = np.argsort(day, kind="stable")
    x_m, y_m = local_metres(float(lon.mean()), float(lat.mean())).forward(lon[order], lat[order])
    return "burglaries in Chicago", x_m, y_m, day[order] - day.min()


def plain_knox(x_m, y_m, day, permutations, rng):
    """Return the counts and p of the same classes without compiled code."""
    pairs = cKDTree(np.column_stack([x_m, y_m])).query_pairs(DISTANCES_M[-1], output_type="ndarray")
    first, second = pairs.T
    apart_m = np.hypot(x_m[first] - x_m[second], y_m[first] - y_m[second])
    row = np.searchsorted(DISTANCES_M, apart_m, side="right") - 1
    rows, columns = len(DISTANCES_M) - 1, len(DAYS)

    def count(days):
        column = np.searchsorted(DAYS, np.abs(days[first] - days[second]), side="right") - 1
        return np.bincount(row * columns + column, minlength=(rows + 1) * columns).reshape(-1, columns)[:rows, :-1]  # fmt: skip

    observed = count(day)
    at_least = sum((count(rng.permutation(day)) >= observed).astype(int) for _ in range(permutations))
    return observed, (at_least + 1) / (permutations + 1)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", nargs="?", type=Path, help="events with datetime, lon and lat")
    given = parser.parse_args(arguments)
    name, x_m, y_m, day = read_events(given.events or (EVENTS if EVENTS.is_file() else None))
    start = time.perf_counter()
    knox(x_m[:50], y_m[:50], day[:50], DISTANCES_M, DAYS, permutations=1, rng=np.random.default_rng(1))
    compiling_s = time.perf_counter() - start
    rows = []
    january = int(np.searchsorted(day, 32))
    for number, plain_permutations in ((january, PERMUTATIONS), (day.size, 20)):
        events = x_m[:number], y_m[:number], day[:number]
        table, mine = measure(
            lambda events=events: knox(
                *events, DISTANCES_M, DAYS, permutations=PERMUTATIONS, rng=np.random.default_rng(2)
            ),
            runs=3,
        )
        peers = [
            measure(
                lambda events=events, shuffles=shuffles: plain_knox(
                    *events, shuffles, np.random.default_rng(3)
                )
            )
            for shuffles in (0, plain_permutations)
        ]
        ((observed, _), before), ((_, p), peer) = peers
        same = "the same counts" if np.array_equal(table.observed, observed) else "OTHER COUNTS"
        # finding the pairs takes its time once, whatever the number of shuffles
        scaled = before.seconds + (peer.seconds - before.seconds) * PERMUTATIONS / plain_permutations
        note = f"{same}; peak memory +{mine.peak_mb:.0f} MB; "
        note += (
            f"p differ by {np.abs(table.p - p).max():.3f} at most"
            if plain_permutations == PERMUTATIONS
            else f"its time from {plain_permutations} shuffles"
        )
        rows.append(Row(f"{number:,} {name}", mine.seconds, "plain numpy", scaled, note))
    rows.append(Row("loading the compiled code, once", compiling_s))
    print_table(f"Near repeat: Knox's test with {PERMUTATIONS} shuffles, 44 classes, one core", rows)


if __name__ == "__main__":
    main()
