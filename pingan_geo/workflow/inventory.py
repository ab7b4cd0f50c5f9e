"""What a town holds beside its reports: features, imports, layers and whether they are sound."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pingan_geo.spatial.grids import PolygonReport, check_polygons
from pingan_geo.storage.records import data_version, read_batches, read_features
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
