"""Column names and types of the bulk tables that travel between the layers.

Every bulk value is a pandas DataFrame whose columns are named here once. Functions that hand a table
over a layer border check it with :meth:`TableSpec.check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pingan_geo.errors import BadTableError

#: The longest time step of any stored instant; naive wall-clock time of the town.
TIME = "datetime64[s]"


@dataclass(frozen=True)
class TableSpec:
    """Name and columns of a bulk table.

    Parameters
    ----------
    name
        Used in messages.
    columns
        Column name to numpy or pandas dtype. ``"str"`` is pandas' string type; missing text is ``""``.
    """

    name: str
    columns: Mapping[str, str]

    def empty(self) -> pd.DataFrame:
        """Return a table of this kind with no rows."""
        return pd.DataFrame({name: pd.Series([], dtype=dtype) for name, dtype in self.columns.items()})

    def check(self, table: Any) -> pd.DataFrame:
        """Return ``table`` with exactly these columns first in this order; more columns may follow.

        Raises
        ------
        BadTableError
            If a column is missing or has another type.
        """
        for name, dtype in self.columns.items():
            if name not in table.columns:
                raise BadTableError(table=self.name, detail=f"column {name} is missing")
            if table[name].dtype != pd.Series([], dtype=dtype).dtype:
                raise BadTableError(
                    table=self.name, detail=f"column {name} is {table[name].dtype}, not {dtype}"
                )
        rest = [name for name in table.columns if name not in self.columns]
        return table[[*self.columns, *rest]]


#: A report as a ledger gives it, cleaned, before it is placed. Coordinates are WGS-84 degrees.
CLEAN_REPORTS = TableSpec(
    "clean reports",
    {
        "row_number": "int64",  # of the source file, counted as a spreadsheet counts: header = 1
        "source": "str",  # name of the ledger, "" when not named
        "source_id": "str",  # the sender's own number, "" when there is none
        "category": "str",  # code of the town's taxonomy
        "time": TIME,  # instant, or start of the interval
        "time_until": TIME,  # end of the interval (exclusive); NaT when the instant is known
        "lon": "float64",  # WGS-84
        "lat": "float64",  # WGS-84
        "datum": "str",  # the datum that the sender's numbers were in
        "datum_known_by": "str",  # stated | column | setting | crs | guessed (from known places) | gazetteer
        "level": "str",  # how finely the place is known, see pingan_geo.model.place.LEVELS
        "radius_m": "float64",  # the true place lies within this; NaN unknown
        "origin": "str",  # reported (by the public) | found (by a patrol sent there)
        "reporter": "str",  # pseudonym, never a name
        "place": "str",  # words for the place, as received
        "description": "str",  # words, as received
        "stated_grid": "str",  # code of the 网格 that the sender names, "" when none
        "extra": "str",  # JSON object of further columns of a ledger with a layout, "" otherwise
    },
)

#: A report as it is stored: clean, placed, with the batch that brought it.
REPORTS = TableSpec(
    "reports",
    {
        "report_id": "int64",  # stable hash of source, source_id, category, time, place: same row, same id
        "batch_id": "int64",
        **CLEAN_REPORTS.columns,
        "cell": "uint64",  # H3 cell of the finest resolution stored by the town
        "grid_id": "str",  # 网格, "" when in none
        "village_id": "str",
        "beat_id": "str",
        "merged_into": "int64",  # report_id of the report that stands for the same incident; 0: stands for itself
    },
)

#: A value that was changed while a row was read, for a stated reason; the row counts as corrected.
CORRECTIONS = TableSpec(
    "corrections",
    {
        "sheet": "str",
        "row_number": "int64",
        "what": "str",  # code, see pingan_geo.model.receipt.CORRECTION_REASONS
        "before": "str",
        "after": "str",
    },
)

#: Two reports that may tell of one incident. ``first`` is the earlier arrival.
DUPLICATE_PAIRS = TableSpec(
    "duplicate pairs",
    {
        "first": "int64",  # report_id
        "second": "int64",  # report_id
        "distance_m": "float64",
        "gap_h": "float64",  # hours between them
        "text_likeness": "float64",  # 0–1; NaN when one has no words
        "photo_likeness": "float64",  # 0–1; NaN when one has no photo
        "score": "float64",  # 0–1, orders the queue
        "reason": "str",  # codes joined by ";": near, soon, same_words, same_photo, same_reporter …
    },
)

#: Spellings that a person has explained. Coordinates are WGS-84 degrees, of places only.
ALIASES = TableSpec(
    "aliases",
    {
        "kind": "str",  # category | grid | place
        "spelling": "str",  # as it is compared
        "target": "str",  # code of the category or grid ("": leave it empty), name of the place
        "lon": "float64",
        "lat": "float64",
        "level": "str",  # of pingan_geo.model.place.LEVELS, "" unless a place
        "radius_m": "float64",
        "learned_at": TIME,
    },
)

#: Photos in ``media/``, without their EXIF.
PHOTOS = TableSpec(
    "photos",
    {
        "row_number": "int64",
        "report_id": "int64",  # 0 while the row is held
        "file": "str",  # name in media/
        "sha256": "str",  # of the file as received
        "likeness": "int64",  # 64 bits of a perceptual hash, as a signed number
    },
)

#: A row that could not be accepted: kept whole, with the reason.
HELD_ROWS = TableSpec(
    "held rows",
    {
        "sheet": "str",  # of a workbook of which several are read, "" otherwise
        "row_number": "int64",
        "reason": "str",  # code, see pingan_geo.model.receipt.HOLD_REASONS
        "detail": "str",  # the value at fault, shortened; never a whole private text
        "values": "str",  # JSON object: the row as received, heading to text
    },
)

#: Posts, stations, enterprises, places, volunteers: points with a name.
FEATURES = TableSpec(
    "features",
    {
        "feature_id": "str",
        "name": "str",
        "kind": "str",  # of its own kind's list: e.g. hazard class of an enterprise, volunteer kind
        "lon": "float64",  # WGS-84; NaN when the ledger gives none (a volunteer's area is a village)
        "lat": "float64",
        "cell": "uint64",  # 0 when without a place
        "grid_id": "str",
        "village_id": "str",
        "attributes": "str",  # JSON object: every other column of the ledger
    },
)

#: Counts per cell, for a map.
CELL_COUNTS = TableSpec("cell counts", {"cell": "uint64", "count": "int64"})

#: Counts per polygon of a layer; every polygon has a row, also with 0.
POLYGON_COUNTS = TableSpec("polygon counts", {"code": "str", "count": "int64"})

#: The ranked hotspot list, as the contract names its columns.
HOTSPOTS = TableSpec(
    "hotspots",
    {
        "rank": "int64",
        "cell": "str",  # hexadecimal, as every H3 tool writes it
        "grid_id": "str",
        "grid": "str",
        "village": "str",
        "lon": "float64",  # centre of the cell, WGS-84
        "lat": "float64",
        "score": "float64",
        "count": "int64",
        "p_value": "float64",  # NaN: no test was made by this method
        "share": "float64",  # of all reports that fit the question
        "cumulative_share": "float64",
        "nearest_place": "str",
        "nearest_place_m": "float64",
        "main_hours": "str",
        "last_time": TIME,
        "life": "str",  # see pingan_geo.workflow.courses.LIFE_WORDS; "" not a tested hotspot, or not told
        "change": "str",  # since the period before, see pingan_geo.workflow.courses.CHANGE_WORDS; "" not told
        "near": "float64",  # reports in the cell and its neighbours; NaN where nothing was compared
        "near_before": "float64",  # the same in the equally long period before
        "near_newcomers": "float64",  # of ``near``, by people never seen before the period
        "change_p": "float64",  # corrected
        "reason": "str",
    },
)

#: Polygon layers: columns beside the geometry (EPSG:4326).
POLYGONS = TableSpec("polygons", {"code": "str", "name": "str", "parent": "str"})
