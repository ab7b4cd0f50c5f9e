"""Made tasks for the planner of patrols: places scattered over a few kilometres, teams, straight ways."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from pingan_geo.model.patrol import CANDIDATES, Halt, Team
from pingan_geo.planning.patrol_task import PatrolTask

SINCE = datetime(2026, 9, 1, 18)
SPEED_KMH = {"walk": 4.8, "ebike": 15.0, "car": 25.0}
_EAST_M, _NORTH_M = 95_600.0, 110_900.0


def candidates(kinds, east_m, north_m, hourly, *, dwell_min=12.0, hours=4) -> pd.DataFrame:
    """CANDIDATES rows; ``expected`` is the sum of the first ``hours`` of ``hourly``."""
    size = len(kinds)
    table = CANDIDATES.empty().reindex(range(size))
    for name, dtype in CANDIDATES.columns.items():
        empty = pd.NaT if dtype.startswith("datetime") else "" if dtype == "str" else 0
        table[name] = pd.Series([empty] * size, dtype=dtype)
    table["stop_id"] = [f"stop:{k}" for k in range(size)]
    table["kind"] = pd.Series(list(kinds), dtype="str")
    table["name"] = [f"点位{k}" for k in range(size)]
    table["lon"] = 120.60 + np.asarray(east_m, dtype=float) / _EAST_M
    table["lat"] = 30.80 + np.asarray(north_m, dtype=float) / _NORTH_M
    table["cell"] = [f"{0x8A0000 + k:x}" for k in range(size)]
    table["dwell_min"] = dwell_min
    table["expected"] = np.asarray(hourly, dtype=float)[:, :hours].sum(axis=1)
    table["reason"] = "去年这个时段 5 件"
    return CANDIDATES.check(table.astype(dict(CANDIDATES.columns)))


def ways(lon, lat, modes=("walk", "ebike", "car"), factor=1.3):
    """Straight ways times a factor: minutes and metres by mode."""
    x, y = np.asarray(lon) * _EAST_M, np.asarray(lat) * _NORTH_M
    metres = factor * np.hypot(x[:, None] - x, y[:, None] - y)
    return {mode: metres / (SPEED_KMH[mode] * 1000 / 60) for mode in modes}, dict.fromkeys(modes, metres)


def task(
    size=30,
    teams=2,
    *,
    seed=1,
    hours=4,
    modes=("walk",),
    break_min=0,
    kinds=None,
    side_m=2_000.0,
    **changed,
) -> PatrolTask:
    """A task of ``size`` places in a square; teams start at its middle. ``changed`` replaces fields."""
    rng = np.random.default_rng(seed)
    if kinds is None:
        kinds = ["hotspot"] * (size - size // 5) + ["control"] * (size // 5)
    east, north = rng.uniform(-side_m / 2, side_m / 2, (2, size))
    hourly = rng.gamma(1.5, 0.05, (size, 1)) * rng.uniform(0.3, 1.7, (size, hours + 2))
    table = candidates(kinds, east, north, hourly, hours=hours)
    station, post = Halt("平安驿", 120.60, 30.80), Halt("东区平安岗", 120.603, 30.801)
    halts = (station, post)
    lon = np.append(table["lon"], [halt.lon for halt in halts])
    lat = np.append(table["lat"], [halt.lat for halt in halts])
    minutes, metres = ways(lon, lat)
    until = SINCE + timedelta(hours=hours)
    crews = tuple(
        Team(str(k + 1), f"{k + 1}队", modes[k % len(modes)], station, station, SINCE, until, break_min)
        for k in range(teams)
    )
    fields = {
        "since": SINCE,
        "until": until,
        "candidates": table,
        "hourly": hourly,
        "teams": crews,
        "halts": halts,
        "minutes": minutes,
        "metres": metres,
        "breaks": (post,),
    }
    return PatrolTask(**{**fields, **changed})
