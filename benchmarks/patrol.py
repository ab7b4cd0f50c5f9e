"""A plan of patrols: 300 places, 6 teams, 4 hours: the first whole plan, and the last.

Ways are straight lines times a factor; what the roads add is in ``benchmarks/roads.py``. Run as
``python benchmarks/patrol.py``.
"""

# ruff: noqa: E402 - the clone is put on the path first
from __future__ import annotations

import importlib.util
import time
from pathlib import Path

from report import Row, print_table

HERE = Path(__file__).resolve().parent

import numpy as np

from pingan_geo.planning.patrol import plan_routes
from pingan_geo.planning.patrol_rules import check_patrol


def made_task():
    spec = importlib.util.spec_from_file_location("made_patrols", HERE.parent / "tests" / "made_patrols.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made.task(300, 6, break_min=15, modes=("walk", "ebike"), side_m=4_000)


def main() -> None:
    task = made_task()
    began, first = time.perf_counter(), []
    planned = plan_routes(task, seed=1, on_plan=lambda _: first.append(time.perf_counter() - began))
    total = time.perf_counter() - began
    patrol = planned.patrol(
        patrol_id="XL-20260901-001", title="", since=task.since, until=task.until,
        expected_all=float(task.candidates["expected"].sum()), roads="straight", seed=1,
        made_at=task.since, synthetic=True, town="",
    )  # fmt: skip
    faults = check_patrol(patrol, task)
    stops = sum(len(route.stops) for route in planned.routes)
    given_up = 1 - planned.value / planned.best_value if planned.best_value else np.nan
    print_table(
        "Plan of patrols: 300 places, 6 teams",
        [
            Row("first whole plan", first[0]),
            Row("last plan", total, note=f"{stops} stops, {given_up:.1%} for variety, {len(faults)} faults"),
        ],
    )


if __name__ == "__main__":
    main()
