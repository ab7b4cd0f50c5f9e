"""Where and when reports crowd together more than place and time explain: the scan, over cells and days."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadChoiceError
from pingan_geo.i18n import Translator
from pingan_geo.spatial.cells import centres
from pingan_geo.workflow.towns import Town
from pingan_geo.workflow.verdicts import LEAST_NEAR, LEVEL, say_chance

if TYPE_CHECKING:  # loads numba
    from pingan_geo.stats.scan import Cluster, ScanResult

#: The widest and longest cluster that is looked for, unless something else is asked.
RADIUS_M: Final = 1_000.0
LONGEST_DAYS: Final = 28
#: More random data sets would take minutes and say nothing more.
MOST_REPLICATIONS: Final = 99_999
_COLUMNS: Final = {
    "cluster": "int64",
    "place": "str",
    "since": "datetime64[s]",
    "until": "datetime64[s]",
    "observed": "int64",
    "expected": "float64",
    "ratio": "float64",
    "statistic": "float64",
    "p_value": "float64",
    "p_gumbel": "float64",
    "lon": "float64",
    "lat": "float64",
    "radius_m": "float64",
    "cells": "int64",
}


def scan_cells(
    cells: NDArray[np.uint64],
    position: NDArray[np.int64],
    day: NDArray[np.int64],
    days: int,
    *,
    radius_m: float = RADIUS_M,
    longest: int = LONGEST_DAYS,
    prospective: bool = True,
    replications: int,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    most_clusters: int = 10,
) -> ScanResult:
    """Return the clusters of reports over cells and days, by the space-time permutation scan.

    Parameters
    ----------
    cells
        H3 cells.
    position, day
        Per report: position of its cell, and number of its day from 0.
    days
        Of the whole period.
    radius_m, longest
        The widest circle in metres and the most days.
    prospective
        Only clusters that last until the last day.
    replications, seed
        Of the random data sets.
    on_progress
        Told how many of them are done, of how many.
    most_clusters
        Returned at most.

    Returns
    -------
    ScanResult
        A place that is bad all the time is no cluster, and a new reporter makes one.

    Raises
    ------
    BadChoiceError
        If a number is out of its range, or ``longest`` more than half of the period: what is usual could then
        not be told from what is not.
    """
    from pingan_geo.stats.scan import scan_permutation

    if not 1 <= longest <= days // 2:
        raise BadChoiceError(
            name="days", value=longest, expected=f"1-{days // 2}" if days > 1 else "shorter than the period"
        )
    lon, lat = centres(cells)
    plane = local_metres(float(lon.mean()), float(lat.mean()))
    return scan_permutation(
        *(position, day, *plane.forward(lon, lat), days),
        radius_m=radius_m,
        longest=longest,
        prospective=prospective,
        replications=replications,
        rng=np.random.default_rng(seed),
        on_progress=on_progress,
        most_clusters=most_clusters,
    )


def cluster_table(
    clusters: tuple[Cluster, ...],
    cells: NDArray[np.uint64],
    begin: np.datetime64,
    name_of: Callable[[float, float], str],
) -> pd.DataFrame:
    """Return clusters as a table, the most likely first.

    Parameters
    ----------
    clusters, cells
        Of :func:`scan_cells`, and what it was given.
    begin
        Day with the number 0.
    name_of
        Names a place, longitude and latitude in degrees.

    Returns
    -------
    pandas.DataFrame
        ``cluster`` from 1; ``place`` of its middle; ``since`` and ``until``, half-open days; ``observed``,
        ``expected``, ``ratio``, ``statistic`` and ``radius_m`` (to the middle of the outermost cell) of
        :class:`pingan_geo.stats.scan.Cluster`; ``p_value`` of the random data sets; ``p_gumbel``, read off a
        curve laid through them: an extrapolation, not counted; ``lon``, ``lat``; ``cells``, their number.
    """
    lon, lat = centres(cells)
    day = np.timedelta64(86_400, "s")
    rows = [
        (
            number,
            name_of(float(lon[one.centre]), float(lat[one.centre])),
            begin.astype("datetime64[s]") + one.first_step * day,
            begin.astype("datetime64[s]") + (one.last_step + 1) * day,
            *(one.observed, one.expected, one.ratio, one.statistic, one.p, one.p_gumbel),
            *(
                round(float(lon[one.centre]), 7),
                round(float(lat[one.centre]), 7),
                one.radius_m,
                len(one.cells),
            ),
        )
        for number, one in enumerate(clusters, 1)
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def name_middle(town: Town, lon: float, lat: float) -> str:
    """Return village and grid of a place in WGS-84 degrees; empty outside all of them."""
    point = shapely.Point(lon, lat)
    names = []
    for layer in ("villages", "grids"):
        frame = town.layer(layer)
        here = frame[frame.geometry.intersects(point)].sort_values("code")
        if len(here):
            names.append(str(here["name"].iloc[0] or here["code"].iloc[0]))
    return " ".join(names)


def stands_out(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which clusters have the stated least number of reports and are seldom made by chance alone."""
    enough = table["observed"].to_numpy() >= LEAST_NEAR
    return np.asarray(enough & (table["p_value"].to_numpy() < LEVEL))


def say_cluster(row: Any, t: Translator) -> str:
    """Return one sentence on a row of :func:`cluster_table`, without a full stop."""
    first = pd.Timestamp(row.since).date()
    last = (pd.Timestamp(row.until) - pd.Timedelta(days=1)).date()
    words = {
        "place": row.place or f"{row.lat:.4f}, {row.lon:.4f}",
        "first": first.isoformat(),
        "last": last.isoformat(),
        "observed": int(row.observed),
        "expected": t.number(row.expected, 1),
        "ratio": t.number(row.ratio, 1),
    }
    if row.observed < LEAST_NEAR:
        words["least"] = LEAST_NEAR
        return t(
            "{place} and around, {first} to {last}: {observed} reports where {expected} were to be expected; "
            "no verdict under {least}",
            **words,
        )
    if np.isnan(row.p_value):
        return t(
            "{place} and around, {first} to {last}: {observed} reports where {expected} were to be expected "
            "({ratio} times); not tested, no random data sets were asked for",
            **words,
        )
    words["chance"] = say_chance(row.p_value, t)
    if row.p_value < LEVEL:
        return t(
            "{place} and around, {first} to {last}: {observed} reports where {expected} were to be expected "
            "({ratio} times); by chance alone {chance}, all places and days counted in",
            **words,
        )
    return t(
        "{place} and around, {first} to {last}: {observed} reports where {expected} were to be expected "
        "({ratio} times), but that may be chance ({chance}, all places and days counted in): no cluster",
        **words,
    )
