"""Reports that name another 网格 than the one they lie in: which they are, how far off, what is said of them.

One judge for rows that come in with a file and for rows that are freed or mended in the review.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.intake.identity import content_keys, report_ids
from pingan_geo.spatial.nearest import border_distance_m
from pingan_geo.workflow.placing import Placer
from pingan_geo.workflow.towns import Town

#: Reason of HOLD_REASONS.
CONFLICT = "grid_conflict"
_NO_GRID = "-"
_DETAIL = re.compile(r".* ≠ (?P<lies>.+), \d+ m", re.DOTALL)


@dataclass(frozen=True)
class GridConflicts:
    """Which reports name another grid than the one they lie in.

    Parameters
    ----------
    rows
        Of the reports that were judged, a mask.
    away_m
        Of each such report, how far it lies from the grid that it names.
    details
        Of each such report, e.g. ``XC-07-3 ≠ XC-07-5, 722 m``.
    held
        Whether the town wants a person to decide on them.
    """

    rows: NDArray[np.bool_]
    away_m: NDArray[np.float64]
    details: list[str]
    held: bool


def judge_grids(
    town: Town, placer: Placer, reports: pd.DataFrame, stored: Callable[[Any], NDArray[np.bool_]]
) -> GridConflicts:
    """Find the reports whose stated grid is one of the town's and not the one they lie in.

    Parameters
    ----------
    town, placer
        The town, whose setting ``grid_conflict`` says what follows, and where places lie in it.
    reports
        CLEAN_REPORTS with ``grid_id``.
    stored
        Says which numbers of reports are stored: what a person let pass is not asked about again when it comes
        with another file.

    Returns
    -------
    GridConflicts
    """
    stated = reports["stated_grid"]
    rows = ((stated != "") & stated.isin(placer.grid_codes) & (stated != reports["grid_id"])).to_numpy(
        copy=True
    )
    held = town.settings.grid_conflict == "hold"
    if held and rows.any():
        keys = content_keys(reports[rows])
        rows[rows] = ~stored(report_ids(keys, np.zeros(len(keys), dtype=np.int64)))
    unlike = reports[rows].reset_index(drop=True)
    away_m = np.zeros(len(unlike))
    if len(unlike):
        shapes = town.layer("grids").set_index("code").geometry
        for code, numbers in unlike.groupby("stated_grid").groups.items():
            some = unlike.iloc[numbers]
            away_m[numbers] = border_distance_m(shapes[code], some["lon"], some["lat"])
    details = [
        f"{said} ≠ {lies or _NO_GRID}, {metres:.0f} m"
        for said, lies, metres in zip(unlike["stated_grid"], unlike["grid_id"], away_m, strict=True)
    ]
    return GridConflicts(rows, away_m, details, held)


def grid_of_place(detail: str) -> str | None:
    """Return the grid in which a held row lies, by its ``detail``: ``""`` in none, ``None`` not said."""
    found = _DETAIL.fullmatch(detail)
    if found is None:
        return None
    return "" if found["lies"] == _NO_GRID else found["lies"]
