"""Gi* with permutations on 100,000 cells, empty ones included, on one core, beside esda's ``G_Local``.

Seconds are of the processor, not of the clock, the best of as many runs on either side: on a machine that is
shared, a long run is slowed more than the best of some short ones, and the clock gave ratios ten times as
high. esda is compiled by numba before it is timed. Finding neighbours is not timed on either side: ours takes
pairs, esda its ``W``. Every size is run in full and nothing is scaled.

Only z is compared here. esda divides sums before it compares them, and at some totals rounding loses every
tie: on 20,000 such cells its permuted tail was up to 0.26 from the distribution worked out by convolution, its
own draws counted with ties 0.05, ours 0.03 (999 draws) and 0.001 (500,000).

Run as ``python benchmarks/gi_star.py [CELLS]``.
"""

# ruff: noqa: E402 - threads are limited before the libraries are imported
from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from report import Row, one_core, print_table

one_core()

import numpy as np
from esda import G_Local
from libpysal.weights import W

from pingan_geo.spatial.cells import cells_of, disk, neighbour_pairs
from pingan_geo.stats.gi_star import gi_star, gi_star_series, gi_star_test, local_moran
from pingan_geo.stats.significance import adjust

PERMUTATIONS = 999
STEPS = 52
RUNS = 3
RESOLUTION = 10


def town(cells: int, seed: int = 1):
    """Return counts and neighbours of a round town: two reports in three cells, and a few heaps."""
    rng = np.random.default_rng(seed)
    k = int(np.sqrt(cells / 3)) + 1  # a disk of k rings has 3 k (k + 1) + 1 cells
    middle = cells_of([120.6], [30.8], RESOLUTION)[0]
    left, right = neighbour_pairs(np.sort(disk(middle, k))[:cells])
    counts = rng.poisson(0.5, cells)
    for heap in rng.integers(0, right.size, max(cells // 500, 1)):
        counts[[left[heap], right[heap]]] += rng.poisson(6, 2)
    return counts, left, right


def weights_of(cells: int, left: np.ndarray, right: np.ndarray) -> W:
    """Return esda's kind of neighbours."""
    neighbours: dict[int, list[int]] = {cell: [] for cell in range(cells)}
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        neighbours[one].append(other)
        neighbours[other].append(one)
    return W(neighbours, silence_warnings=True)


def esdas(counts: np.ndarray, weights: W) -> G_Local:
    """Return esda's answer; it warns of changes to come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return G_Local(
            counts.astype(float), weights, transform="B", star=True, permutations=PERMUTATIONS, seed=1
        )


def processor_s(task: Callable[[], Any], runs: int = RUNS) -> tuple[Any, float]:
    """Return an answer and the fewest seconds of the processor that it took."""
    answer, best = None, float("inf")
    for _ in range(runs):
        start = time.process_time()
        answer = task()
        best = min(best, time.process_time() - start)
    return answer, best


def compared(counts: np.ndarray, left: np.ndarray, right: np.ndarray) -> Row:
    """Return ours beside esda's on the same counts."""
    weights = [weights_of(counts.size, left, right) for _ in range(RUNS)]  # esda changes what it is given
    theirs, its_s = processor_s(lambda: esdas(counts, weights.pop()))
    ours, ours_s = processor_s(
        lambda: gi_star_test(counts, left, right, permutations=PERMUTATIONS, rng=np.random.default_rng(1))
    )
    note = f"z at most {np.abs(ours.z - theirs.Zs).max():.0e} apart"
    what = f"**Gi\\*, {PERMUTATIONS} permutations, {counts.size:,} cells**"
    return Row(what, ours_s, "`esda.G_Local`, numba", its_s, note)


def main(cells: int) -> None:
    rng = np.random.default_rng(1)
    small = town(1_000)
    esdas(small[0], weights_of(1_000, *small[1:]))  # compiles
    rows = [compared(*town(size)) for size in sorted({cells // 10, cells // 2, cells})]
    counts, left, right = town(cells)
    _, plain_s = processor_s(lambda: gi_star(counts, left, right))
    rows.append(Row(f"Gi\\*, no permutations, {cells:,} cells", plain_s))
    rates = counts / rng.gamma(2.0, 1.0, cells)
    _, rates_s = processor_s(lambda: gi_star_test(rates, left, right, permutations=PERMUTATIONS, rng=rng))
    note = "each cell another value"
    rows.append(Row(f"Gi\\* of rates, {PERMUTATIONS} permutations", rates_s, note=note))
    many = 20 * cells
    found, many_s = processor_s(lambda: gi_star_test(counts, left, right, permutations=many, rng=rng), 1)
    hot = [int((adjust(found.p_permuted, method) <= 0.05).sum()) for method in ("bh", "by", "bonferroni")]
    note = f"hot after BH {hot[0]:,}, BY {hot[1]:,}, Bonferroni {hot[2]:,}"
    rows.append(Row(f"Gi\\*, {many:,} permutations", many_s, note=note))
    _, moran_s = processor_s(lambda: local_moran(counts, left, right, permutations=PERMUTATIONS, rng=rng))
    rows.append(Row(f"local Moran, {PERMUTATIONS} permutations", moran_s))
    steps = rng.poisson(0.1, (STEPS, cells))
    _, series_s = processor_s(lambda: gi_star_series(steps, left, right), 1)
    rows.append(Row(f"Gi\\* of {STEPS} steps", series_s))
    print_table(f"Gi\\* on up to {cells:,} cells, one core, seconds of the processor", rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
