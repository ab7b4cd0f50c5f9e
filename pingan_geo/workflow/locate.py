"""A table with words for places → the same table with places, without storing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pingan_geo.errors import EmptyFileError, PinganError
from pingan_geo.intake.columns import map_columns
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.places import PLACE_PARTS, place_words
from pingan_geo.intake.texts import arrow_text
from pingan_geo.model.place import LOCATED, STATUSES
from pingan_geo.model.receipt import OnProgress, Progress
from pingan_geo.outputs.exports import write_table
from pingan_geo.spatial.cells import to_text
from pingan_geo.workflow.gazetteer import proposing_geocoder
from pingan_geo.workflow.placing import Placer
from pingan_geo.workflow.reading import tell
from pingan_geo.workflow.towns import Town

#: Columns that are added, in this order.
ADDED = (
    "lon",
    "lat",
    "level",
    "radius_m",
    "score",
    "status",
    "name",
    "reason",
    "candidates",
    "cell",
    "grid_id",
)
_DIGITS = 7


@dataclass(frozen=True)
class LocatedTable:
    """What became of the rows.

    Parameters
    ----------
    file
        Written.
    rows
        Read and written.
    by_status
        ``accepted``, ``review``, ``rejected`` to rows.
    columns
        Headings of the columns that hold the words.
    problems
        What went wrong online.
    """

    file: Path
    rows: int
    by_status: dict[str, int]
    columns: tuple[str, ...]
    problems: tuple[PinganError, ...] = ()


def locate_table(
    town: Town, file: Path, out: Path, *, today: date, on_progress: OnProgress | None = None
) -> LocatedTable:
    """Find places for the words of a table; nothing is stored in the town.

    Parameters
    ----------
    town
        The town, whose gazetteer is used.
    file
        Any table that can be imported; its column of places is found as in an import, or is its only column.
    out
        The same rows with their own columns and :data:`ADDED`; ``.csv``, ``.xlsx`` or a layer format. A column
        of the file that is named like an added one gets `` (file)`` after its name.
    today
        The real day, by which questions asked online are counted, if the town's settings allow any.
    on_progress
        Called after each chunk.

    Returns
    -------
    LocatedTable

    Raises
    ------
    MissingColumnsError
        If no column holds words for places.
    EmptyFileError, PinganError
        If the file cannot be read, or the other not be written.
    """
    table = open_table(Path(file), kind="reports")
    columns = _place_columns(table.headings, table.name)
    geocoder, placer = proposing_geocoder(town, today=today), Placer.of(town)
    parts: list[pd.DataFrame] = []
    for chunk in read_rows(table):
        texts = {name: arrow_text(chunk.rows[heading]) for name, heading in columns.items()}
        located = LOCATED.check(geocoder.locate(place_words(texts).to_pylist()))
        parts.append(_with_places(chunk.rows, located, placer))
        tell(on_progress, Progress("Looking for places", chunk.done, table.total, sum(map(len, parts))))
    if not parts:
        raise EmptyFileError(file=table.name)
    whole = pd.concat(parts, ignore_index=True)
    write_table(whole, Path(out), notice="")
    counts = whole["status"].value_counts()
    by_status = {one: int(counts.get(one, 0)) for one in STATUSES}
    return LocatedTable(Path(out), len(whole), by_status, tuple(columns.values()), geocoder.problems)


def _place_columns(headings: Sequence[str], file: str) -> dict[str, str]:
    """Return the fields that hold words for a place; the only column of a file does, whatever its name."""
    if len(headings) == 1:
        return {"place": headings[0]}
    fields = map_columns(headings, "texts", file=file).fields
    return {name: heading for name, heading in fields.items() if name in {"place", *PLACE_PARTS}}


def _with_places(rows: pd.DataFrame, located: Any, placer: Placer) -> pd.DataFrame:
    own = rows.rename(columns={name: f"{name} (file)" for name in rows.columns if name in ADDED})
    lon, lat = located["lon"].to_numpy(), located["lat"].to_numpy()
    known = np.isfinite(lon)
    cell, grid = np.full(len(own), "", dtype=object), np.full(len(own), "", dtype=object)
    if known.any():
        cell[known] = to_text(placer.cells(lon[known], lat[known]))
        grid[known] = np.asarray(placer.zones(lon[known], lat[known])["grid_id"], dtype=object)
    added = located.assign(
        lon=np.round(lon, _DIGITS),
        lat=np.round(lat, _DIGITS),
        cell=pd.array(cell, dtype="str"),
        grid_id=pd.array(grid, dtype="str"),
    )[list(ADDED)]
    return pd.concat([own.reset_index(drop=True), added.reset_index(drop=True)], axis=1)
