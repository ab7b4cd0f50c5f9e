"""Rows of text → named points: posts, stations, enterprises, places, volunteers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pingan_geo.intake.columns import ColumnMap, pair_order
from pingan_geo.intake.places import PlaceRules, Verdicts, read_places
from pingan_geo.intake.raw import RawChunk
from pingan_geo.intake.texts import arrow_text, mask_persons, pandas_text, says_more
from pingan_geo.intake.values import broken_rows, corrections_of, further_cells, held_rows
from pingan_geo.model.tables import CORRECTIONS

#: Of these, a row without a place is stored too: a volunteer's area is a village.
WITHOUT_PLACE = ("volunteers",)


@dataclass(frozen=True)
class CleanedFeatures:
    """What became of a chunk.

    Parameters
    ----------
    features
        ``row_number, feature_id, name, kind, lon, lat, attributes``; FEATURES without its placing.
    held
        HELD_ROWS.
    phones, id_numbers
        Masked in texts.
    corrections
        CORRECTIONS: features whose longitude and latitude were exchanged.
    """

    features: pd.DataFrame
    held: pd.DataFrame
    phones: int
    id_numbers: int
    corrections: pd.DataFrame = field(default_factory=CORRECTIONS.empty)


def clean_features(chunk: RawChunk, kind: str, columns: ColumnMap, rules: PlaceRules) -> CleanedFeatures:
    """Read the rows of a chunk as named points.

    Parameters
    ----------
    chunk
        Rows as received.
    kind
        One of :data:`pingan_geo.intake.columns.FEATURE_KINDS`.
    columns
        Field to heading.
    rules
        What is known of the coordinates.

    Returns
    -------
    CleanedFeatures
        A row without a number is known by its name, one without a name bears its number. Columns that no
        field was found for become attributes, but for those that hold persons.
    """
    rows = chunk.rows
    texts = {name: arrow_text(rows[heading]) for name, heading in columns.fields.items()}
    verdicts = Verdicts(len(rows))
    names = _numbers_and_names(texts, len(rows))
    number, name = names.number, names.name
    verdicts.hold(np.asarray(pc.equal(number, "")), "no_name", number)
    places = read_places(
        texts,
        rules,
        verdicts,
        count=len(rows),
        order=pair_order(columns.fields["lonlat"]) if "lonlat" in texts else "",
        needed=kind not in WITHOUT_PLACE,
    )
    good = verdicts.good
    kept = pa.array(good)
    attributes, phones, ids = further_cells(rows[good], columns.unused)
    table = pd.DataFrame(
        {
            "row_number": rows.index.to_numpy("int64")[good],
            "feature_id": pandas_text(number.filter(kept)),
            "name": pandas_text(name.filter(kept)),
            "kind": pandas_text(texts["kind"].filter(kept)) if "kind" in texts else "",
            "lon": places.lon[good],
            "lat": places.lat[good],
            "attributes": pd.array(attributes, dtype="str"),
        }
    )
    table["kind"] = table["kind"].astype("str")
    held = held_rows(chunk, ~good, *verdicts.held(), columns.left_out)
    broken = broken_rows(chunk, columns.left_out)
    return CleanedFeatures(
        features=table,
        held=pd.concat([held, broken], ignore_index=True),
        phones=phones + names.phones,
        id_numbers=ids + names.id_numbers,
        corrections=corrections_of(chunk, places, good),
    )


@dataclass(frozen=True)
class _Named:
    """Numbers and names of rows, and what was masked in them."""

    number: Any
    name: Any
    phones: int
    id_numbers: int


def _numbers_and_names(texts: Mapping[str, Any], count: int) -> _Named:
    """Return what rows are called; a telephone or identity number is neither a number nor a name."""
    empty = pa.repeat(pa.scalar("", pa.large_string()), count)
    phones = ids = 0
    said = []
    for field_name in ("feature_id", "name"):
        text, more_phones, more_ids = mask_persons(texts.get(field_name, empty))
        phones, ids = phones + more_phones, ids + more_ids
        if field_name == "feature_id":  # masked numbers would all be the same one
            text = pc.if_else(pc.equal(text, texts.get(field_name, empty)), text, "")
        said.append(pc.if_else(pa.array(says_more(text)), text, ""))
    number, name = said
    return _Named(
        pc.if_else(pc.equal(number, ""), name, number),
        pc.if_else(pc.equal(name, ""), number, name),
        phones,
        ids,
    )
