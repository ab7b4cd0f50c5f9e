"""What a town holds beside its reports: features, imports, layers and whether they are sound."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from pingan_geo.model.receipt import Receipt
from pingan_geo.spatial.grids import PolygonReport, check_polygons
from pingan_geo.storage.records import (
    batch_receipt,
    data_version,
    read_batches,
    read_features,
    read_reports,
)
from pingan_geo.workflow.towns import Town

#: Kinds of features, in the order that people name them.
FEATURE_KINDS = ("stations", "posts", "enterprises", "places", "volunteers")
#: Layers of polygons that must neither overlap nor leave gaps, then those that need not fill the town.
FILLING_LAYERS = ("villages", "grids", "beats")
LAYERS = ("area", *FILLING_LAYERS, "estates", "roads", "waters")


@dataclass(frozen=True, eq=False)
class LayerCheck:
    """One layer, and what was found in it.

    Parameters
    ----------
    layer
        Name.
    shapes
        How many; 0 when the town has no such layer.
    report
        Overlaps, gaps and other faults; ``None`` for a layer that may overlap or leave gaps.
    """

    layer: str
    shapes: int
    report: PolygonReport | None


def read_data_version(town: Town) -> int:
    """Return a number that grows with every change of the town's data: the key of everything cached."""
    with town.store.read() as connection:
        return data_version(connection)


def load_features(town: Town, kind: str) -> pd.DataFrame:
    """Return the FEATURES table of a kind of :data:`FEATURE_KINDS`."""
    with town.store.read() as connection:
        return read_features(connection, kind)


def load_batches(town: Town) -> pd.DataFrame:
    """Return all imports, the newest first, with the numbers of their receipts.

    Returns
    -------
    pandas.DataFrame
        ``batch_id, imported_at, kind, file_name, source, read, accepted, merged, corrected, held, repeated,
        undone_at`` (NaT unless taken back).
    """
    with town.store.read() as connection:
        batches = read_batches(connection)
    receipts = [_receipt(text) for text in batches["receipt"]]
    names = ["read", "accepted", "merged", "corrected", "held", "repeated"]
    numbers = {name: np.array([one.get(name, 0) for one in receipts], dtype=np.int64) for name in names}
    columns = ["batch_id", "imported_at", "kind", "file_name", "source"]
    return batches[columns].assign(**numbers, undone_at=batches["undone_at"])


def load_receipt(town: Town, batch: int) -> Receipt:
    """Return the receipt of an import as it is now: mending held rows changes it.

    Raises
    ------
    BatchNotFoundError
        If there is no such import.
    """
    with town.store.read() as connection:
        found = _receipt(batch_receipt(connection, batch))
    known = {each.name for each in fields(Receipt)}
    kept = {name: value for name, value in found.items() if name in known}
    said: dict[str, Any] = {
        name: tuple((str(one[key]), one["values"]) for one in found.get(name, ()))
        for name, key in (("notes", "text"), ("questions", "code"))
    }
    content: dict[str, Any] = {"kind": "", "file": "", "read": 0, "accepted": 0, **kept, **said}
    return Receipt(**{**content, "batch_id": batch})


def load_batch_reports(town: Town, batch: int, *, merged: bool = False) -> pd.DataFrame:
    """Return the reports that an import brought, in the order of its file.

    Parameters
    ----------
    town
        The town.
    batch
        Number of the import.
    merged
        Only those that were merged into another report since, instead of those that stand for themselves.

    Returns
    -------
    pandas.DataFrame
        ``row_number, time, category, place, description, lon, lat, report_id``.
    """
    columns = ["row_number", "time", "category", "place", "description", "lon", "lat", "report_id"]
    with town.store.read() as connection:
        reports: pd.DataFrame = read_reports(
            connection, [*columns, "merged_into"], batch_id=batch, merged=merged
        )
    if merged:
        reports = reports[reports["merged_into"] != 0]
    return reports[columns].sort_values("row_number", kind="stable").reset_index(drop=True)


def check_layers(town: Town) -> tuple[LayerCheck, ...]:
    """Return all layers of a town in a fixed order, each polygon layer that should fill it with its check."""
    return tuple(_check(town, layer) for layer in LAYERS)


def _check(town: Town, layer: str) -> LayerCheck:
    frame = town.layer(layer)
    filling = layer in FILLING_LAYERS and len(frame) > 0
    return LayerCheck(layer, len(frame), check_polygons(frame, town.area) if filling else None)


def _receipt(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
