"""What was changed in the rows of an import, and what is held, with places for a map beside the list."""

from __future__ import annotations

import pandas as pd

from pingan_geo.storage.records import read_held, read_reports
from pingan_geo.storage.review import read_corrections
from pingan_geo.workflow.held import held_positions
from pingan_geo.workflow.towns import Town


def list_corrections(town: Town, batch: int | None = None) -> pd.DataFrame:
    """Return every correction of an import, or of all that were not taken back.

    Parameters
    ----------
    town
        The town.
    batch
        Number of one import; ``None``: of all.

    Returns
    -------
    pandas.DataFrame
        CORRECTIONS and ``batch_id, file_name, correction_id``, and ``lon, lat`` (WGS-84) of the report that the
        row became; NaN where several sheets have a row of that number.
    """
    with town.store.read() as connection:
        corrections: pd.DataFrame = read_corrections(connection, batch)
        batches = [batch] if batch is not None else corrections["batch_id"].unique().tolist()
        reports = [
            read_reports(connection, ["batch_id", "row_number", "lon", "lat"], batch_id=one, merged=True)
            for one in batches
        ]
    if not reports:
        return corrections.assign(lon=pd.Series(dtype="float64"), lat=pd.Series(dtype="float64"))
    places = pd.concat(reports, ignore_index=True).drop_duplicates(["batch_id", "row_number"], keep=False)
    return corrections.merge(places, on=["batch_id", "row_number"], how="left")


def list_held(town: Town, batch: int | None = None, *, dismissed: bool = False) -> pd.DataFrame:
    """Return held rows as :func:`pingan_geo.workflow.held.held_rows`, and where they say that they are.

    Returns
    -------
    pandas.DataFrame
        HELD_ROWS, ``batch_id, kind, file_name, source, held_id, dismissed_at`` and ``lon, lat`` (WGS-84; NaN
        where the row gives no place on the earth).
    """
    with town.store.read() as connection:
        held: pd.DataFrame = read_held(connection, batch, dismissed=dismissed)
        lon, lat = held_positions(connection, held)
    return held.assign(lon=lon, lat=lat)
