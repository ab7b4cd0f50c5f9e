"""Forecasts beside each other on any table of ``event_id,category,datetime,lon,lat`` (WGS-84, local time).

The region is every child of an H3 cell of resolution 8 whose children hold an event before the first origin. Origins lie
28 days apart, the last 28 days before the end of the record, at most 12, each with 120 days or more before it.
A method is given the events before its origin and nothing else. Flagged are round(coverage x cells) cells,
ties at the cut by expectation; a hit rate is of all events of the window, also those outside the region. PAI takes
cells as equally large (they differ by some 2 % across a city).

``--thin 10,30`` adds random subsets with about so many events in 28 days, several of each; region and origins
are found anew on each (the ends of the record stay). ``--reuse FILE`` takes what an earlier ``--out FILE`` holds of other methods; a run with the same ``--out`` goes on
where it was cut short.

Run as ``python benchmarks/forecast.py FILE… [--methods …] [--resolutions 9 10] [--horizons 7 28] [--thin …]``.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from report import columns, machine, measure, one_core

#: Taken when no file is given.
EXAMPLE = Path(__file__).resolve().parents[2] / "shared" / "data" / "cincinnati_burglary_2016_2018.csv"
PARENT_RESOLUTION = 8
DRAWS = 2_000
OURS = "ensemble"
MEASURES = {"pai": "PAI", "hit_rate": "hit rate", "pei": "PEI"}
CASE = ["file", "thin", "thin_seed", "resolution", "horizon_days"]
#: What tells one task's rows from another's.
DONE = ["file", "thin", "thin_seed", "resolution", "method", "origin_number", "horizon_days"]


@dataclass(frozen=True)
class Case:
    """One record of events: a file, or a random part of it; ``thin`` 0 is all of it."""

    file: str
    thin: float = 0.0
    thin_seed: int = 0


@dataclass(frozen=True)
class Task:
    """One method at one origin, for every horizon."""

    case: Case
    resolution: int
    method: str
    origin: int
    horizons: tuple[float, ...]
    coverages: tuple[float, ...]
    seed: int

    def key(self) -> tuple[object, ...]:
        """Return what its rows begin with (:data:`DONE`), but for the horizon."""
        case = self.case
        return (
            *(Path(case.file).stem, case.thin, case.thin_seed),
            *(self.resolution, self.method, self.origin),
        )


def read_events(file: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return longitude, latitude and time of a file's events, sorted by time; incomplete rows are counted."""
    table = pd.read_csv(file, usecols=["datetime", "lon", "lat"])
    time = pd.to_datetime(table["datetime"], errors="coerce", format="ISO8601").to_numpy("datetime64[s]")
    lon, lat = table["lon"].to_numpy(float), table["lat"].to_numpy(float)
    known = ~np.isnat(time) & np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    if not known.all():
        print(f"{file}: {(~known).sum()} of {len(known)} rows without time or place", file=sys.stderr)
    order = np.argsort(time[known], kind="stable")
    return lon[known][order], lat[known][order], time[known][order]


@lru_cache(maxsize=8)
def case_of(case: Case):
    """Return a case's events, the first day of its record and the day after its last."""
    lon, lat, time = read_events(case.file)
    day = np.timedelta64(1, "D")
    first, end = time[0].astype("datetime64[D]"), time[-1].astype("datetime64[D]") + day
    if case.thin:
        n = round(case.thin / 28 * float((end - first) / day))
        rng = np.random.default_rng([case.thin_seed, round(case.thin * 1000)])
        kept = np.sort(rng.choice(len(time), min(n, len(time)), replace=False))
        lon, lat, time = lon[kept], lat[kept], time[kept]
    return lon, lat, time, first.astype("datetime64[s]"), end.astype("datetime64[s]")


@lru_cache(maxsize=4)
def placed(case: Case, resolution: int, horizon_d: float):
    """Return a case's events on its region, the beginning of its record and its origins."""
    import h3ronpy

    from pingan_geo.spatial.cells import cells_of, parents
    from pingan_geo.stats.evaluation import origins
    from pingan_geo.stats.forecasting.history import place_events, region_of

    lon, lat, time, first, end = case_of(case)
    starts = origins(first, end, horizon_d)
    known = time < starts[0]
    held = np.unique(parents(cells_of(lon[known], lat[known], resolution), PARENT_RESOLUTION))
    children = h3ronpy.change_resolution(held, resolution).to_numpy()
    return place_events(region_of(children), lon, lat, time), first, starts


def forecaster_of(name: str):
    """Return a method by its name, or any other as ``module:function``."""
    if ":" in name:
        module, function = name.split(":")
        return getattr(importlib.import_module(module), function)
    from pingan_geo.stats.forecasting.methods import forecaster

    return forecaster(name)


def run(task: Task) -> list[dict[str, object]]:
    """Return one row a horizon and coverage."""
    from pingan_geo.stats.evaluation import score
    from pingan_geo.stats.forecasting.history import history_before

    rows = []
    for horizon in task.horizons:
        events, first, starts = placed(task.case, task.resolution, horizon)
        if task.origin >= len(starts):
            continue
        origin = starts[task.origin]
        history = history_before(events, origin, since=first)
        method = forecaster_of(task.method)
        rng = np.random.default_rng([task.seed, task.origin])
        expected, measured = measure(lambda: method(history, horizon, rng))  # noqa: B023 - called at once
        window = np.timedelta64(round(horizon * 86_400), "s")
        begin, stop = np.searchsorted(events.time, [origin, origin + window], side="left")
        cell = events.cell[begin:stop]
        happened = np.bincount(cell[cell >= 0], minlength=len(events.region))
        for coverage in task.coverages:
            found = score(expected, happened, stop - begin, np.ones(len(expected)), coverage)
            rows.append(
                {
                    "file": Path(task.case.file).stem,
                    "thin": task.case.thin,
                    "thin_seed": task.case.thin_seed,
                    "resolution": task.resolution,
                    "horizon_days": horizon,
                    "method": task.method,
                    "origin": str(origin),
                    "origin_number": task.origin,
                    "coverage": coverage,
                    "cells": len(events.region),
                    "hits": found.hits,
                    "events": found.events,
                    "best": found.best,
                    "area_share": found.area_share,
                    "hit_rate": found.hit_rate,
                    "pai": found.pai,
                    "pei": found.pei,
                    "expected": float(expected.sum()),
                    "known": len(history),
                    "seconds": measured.seconds,
                    "peak_mb": measured.peak_mb,
                }
            )
    return rows


def measured(tasks: Sequence[Task], workers: int, out: Path | None) -> pd.DataFrame:
    """Return the rows of all tasks; a method that fails is said and left out, the others go on.

    Rows are added to ``out`` as they come, and a task whose rows stand there already is not done again.
    """
    rows = [pd.read_csv(out)] if out is not None and out.is_file() else []
    have = {tuple(row) for part in rows for row in part[DONE].itertuples(index=False)}
    tasks = [task for task in tasks if not all((*task.key(), horizon) in have for horizon in task.horizons)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(run, task): task for task in tasks}
        for done, future in enumerate(as_completed(waiting), 1):
            task = waiting[future]
            try:
                found = pd.DataFrame(future.result())
            except Exception as error:  # noqa: BLE001 - one method's fault must not end an hour's run
                where = f"{Path(task.case.file).stem} res {task.resolution} origin {task.origin}"
                print(f"{task.method} failed on {where}: {error!r}", file=sys.stderr)
                continue
            if out is not None and len(found):
                found.to_csv(out, mode="a", header=not out.is_file(), index=False)
            rows.append(found)
            if done * 20 // len(tasks) > (done - 1) * 20 // len(tasks):
                print(f"{done}/{len(tasks)} {task.method}", file=sys.stderr, flush=True)
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def cases_of(files: Iterable[str], thin: Iterable[float], seeds: int) -> list[Case]:
    """Return every file, and the random parts of those that have at least twice as many events."""
    found = []
    for file in files:
        whole = Case(file)
        found.append(whole)
        _, _, time, first, end = case_of(whole)
        per_28 = len(time) / (float((end - first) / np.timedelta64(1, "D")) / 28)
        found += [Case(file, one, seed) for one in thin if per_28 >= 2 * one for seed in range(seeds)]
    return found


def records(rows: pd.DataFrame):
    """Return a Record for each case and method of rows of one resolution, horizon and thinness."""
    from pingan_geo.stats.evaluation import Record

    found = {}
    for key, part in rows.groupby([*CASE, "method"]):
        wide = {
            name: part.pivot_table(index="coverage", columns="origin", values=name, dropna=False).to_numpy(
                float
            )
            for name in ("hits", "best", "area_share", "events")
        }
        record = Record(wide["hits"], wide["best"], wide["area_share"], wide["events"][0])
        if np.isfinite(record.hits).all() and record.events.sum():
            found[key[:-1], key[-1]] = record
    return found


def pooled_tables(rows: pd.DataFrame) -> str:
    """Return PAI, hit rate and PEI per case and coverage, a column a method."""
    text = []
    keys = [*CASE, "coverage"]
    sums = rows.groupby([*keys, "method"], as_index=False).agg(
        hits=("hits", "sum"),
        events=("events", "sum"),
        best=("best", "sum"),
        area_share=("area_share", "mean"),
        known=("known", "mean"),
    )
    sums["hit_rate"] = sums["hits"] / sums["events"]
    sums["pai"], sums["pei"] = sums["hit_rate"] / sums["area_share"], sums["hits"] / sums["best"]
    whole = sums[sums["thin"] == 0]
    for measure_name, title in MEASURES.items():
        digits = 2 if measure_name == "pai" else 3
        wide = whole.pivot_table(
            index=["horizon_days", "resolution", "file", "coverage", "events"],
            columns="method",
            values=measure_name,
        )
        heading = ["days", "res.", "file", "coverage", "events", *map(str, wide.columns)]
        lines = [
            [f"{key[0]:g}", str(key[1]), key[2], f"{key[3]:.0%}", f"{key[4]:g}"]
            + [_best(value, line.max(), digits) for value in line]
            for key, line in zip(wide.index, wide.to_numpy(), strict=True)
        ]
        text.append(f"### {title}\n\n{columns(heading, lines)}")
    thin = sums[sums["thin"] > 0]
    if len(thin):
        wide = thin.pivot_table(
            index=["horizon_days", "resolution", "thin", "file"],
            columns="method",
            values="pai",
            aggfunc="mean",
        )
        heading = ["days", "res.", "per 28 days", "file", *map(str, wide.columns)]
        lines = [
            [f"{key[0]:g}", str(key[1]), f"{key[2]:g}", key[3]]
            + [_best(value, line.max(), 2) for value in line]
            for key, line in zip(wide.index, wide.to_numpy(), strict=True)
        ]
        text.append(
            f"### PAI on thinned records, mean over subsets and coverages\n\n{columns(heading, lines)}"
        )
    return "\n".join(text)


def _best(value: float, best: float, digits: int) -> str:
    if not np.isfinite(value):
        return ""
    text = f"{value:.{digits}f}"
    return f"**{text}**" if value == best else text


def cost_table(rows: pd.DataFrame) -> str:
    """Return seconds and memory of a forecast, per method and resolution."""
    once = rows.drop_duplicates([*CASE, "method", "origin"])
    lines = [
        [
            *(str(method), str(resolution)),
            *(f"{value:.2f}" for value in (part["seconds"].mean(), part["seconds"].max())),
            f"{part['peak_mb'].max():.0f}",
        ]
        for (method, resolution), part in once.groupby(["method", "resolution"])
    ]
    heading = ["method", "res.", "mean s", "longest s", "memory rise, MB"]
    return f"### Cost of one forecast (one core a worker)\n\n{columns(heading, lines)}"


def lead_tables(rows: pd.DataFrame, ours: str, seed: int) -> str:
    """Return the lead of one method over each other, and over the best peer of each case in hindsight."""
    from pingan_geo.stats.evaluation import compare

    text = []
    for (thin, horizon, resolution), part in rows.groupby(["thin", "horizon_days", "resolution"]):
        found = records(part)
        cases = [case for case, method in found if method == ours]
        peers = sorted({method for _, method in found} - {ours})
        if not cases or not peers:
            continue
        lines, by_case = [], {}
        for peer in peers:
            shared = [case for case in cases if (case, peer) in found]
            if not shared:
                continue
            lead = compare(
                [found[case, ours] for case in shared],
                [found[case, peer] for case in shared],
                np.random.default_rng(seed),
                draws=DRAWS,
            )
            ratio = lead.ratio
            each = {
                case: compare(
                    [found[case, ours]], [found[case, peer]], np.random.default_rng(seed), draws=1
                ).ratio.value
                for case in shared
            }
            by_case[peer] = each
            least = min(each, key=lambda case: each[case])
            lines.append(
                (
                    ratio.value,
                    [
                        peer,
                        str(len(shared)),
                        f"{ratio.value:+.1%}",
                        f"{ratio.low:+.1%}",
                        f"{ratio.high:+.1%}",
                        f"{lead.better:.2f}",
                        f"{each[least]:+.1%} {least[0]}",
                    ],
                )
            )
        about = f"{horizon:g} days, resolution {resolution}" + (
            f", thinned to {thin:g} in 28 days" if thin else ""
        )
        heading = ["over", "records", "lead", "low", "high", "ahead in draws", "least in one record"]
        table = columns(heading, [line for _, line in sorted(lines, key=lambda one: one[0])])
        text.append(f"### Lead of {ours}: {about}\n\n{table}")
        worst = []
        for case in cases:
            of_peers = {peer: each[case] for peer, each in by_case.items() if case in each}
            best = min(of_peers, key=lambda peer: of_peers[peer])
            known = part[(part["file"] == case[0]) & (part["thin_seed"] == case[2])]["known"].mean()
            worst.append(
                [
                    f"{case[0]}" + (f" #{case[2]}" if thin else ""),
                    f"{found[case, ours].events.sum():g}",
                    f"{known:.0f}",
                    best,
                    f"{1 + of_peers[best]:.3f}",
                ]
            )
        heading = ["record", "events in windows", "known at an origin", "its best peer", "ours / best peer"]
        text.append(columns(heading, worst))
    return "\n".join(text)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--methods", nargs="+", help="names, or module:function; default all")
    parser.add_argument("--resolutions", nargs="+", type=int, default=[9, 10])
    parser.add_argument("--horizons", nargs="+", type=float, default=[7.0, 28.0])
    parser.add_argument("--coverage", nargs="+", type=float, default=[0.01, 0.02, 0.05])
    parser.add_argument("--thin", default="", help="events in 28 days, separated by commas")
    parser.add_argument("--thin-seeds", type=int, default=3)
    parser.add_argument("--thin-only", action="store_true", help="leave out the whole files")
    parser.add_argument("--ours", default=OURS)
    parser.add_argument(
        "--out", type=Path, help="CSV of every origin; a run that was cut short goes on from it"
    )
    parser.add_argument("--reuse", nargs="+", default=[], help="CSV of an earlier run")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args(arguments)
    one_core()  # the workers inherit it
    methods = said.methods
    if not said.files and not said.reuse:
        if not EXAMPLE.is_file():
            print("## Forecasts\n\nnot run: no FILE given, and no example data in ../shared/data\n")
            return 0
        said.files, said.resolutions, said.horizons = [str(EXAMPLE)], [9], [28.0]
    if methods is None:
        from pingan_geo.stats.forecasting.methods import METHODS

        methods = list(METHODS)
    thin = [float(word) for word in said.thin.split(",") if word]
    cases = [case for case in cases_of(said.files, thin, said.thin_seeds) if case.thin or not said.thin_only]
    tasks = [
        Task(case, resolution, method, origin, tuple(said.horizons), tuple(said.coverage), said.seed)
        for case in cases
        for resolution in said.resolutions
        for method in methods
        for origin in range(12)
    ]
    rows = measured(tasks, min(said.workers, 2), said.out) if tasks else pd.DataFrame()
    earlier = [pd.read_csv(file) for file in said.reuse]
    rows = pd.concat([rows, *earlier], ignore_index=True)
    rows = rows.drop_duplicates([*CASE, "method", "origin", "coverage"])  # the new ones stand first
    rows = rows.sort_values([*CASE, "method", "coverage", "origin"], ignore_index=True)
    print(f"## Forecasts\n\n{machine()}\n")
    print(pooled_tables(rows))
    print(cost_table(rows))
    if said.ours in set(rows["method"]):
        print(lead_tables(rows, said.ours, said.seed))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
