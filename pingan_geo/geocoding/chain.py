"""Several geocoders in turn: the town's own first, an online one only for what that leaves open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from pingan_geo.model.place import LOCATED, Geocoder

_MOST_CANDIDATES: Final = 5


def locate_in_turn(texts: Sequence[str], geocoders: Sequence[Geocoder]) -> pd.DataFrame:
    """Find places by asking one geocoder after another.

    Parameters
    ----------
    texts
        Words for places.
    geocoders
        In the order of trust. Each is asked only for the texts that none before it accepted.

    Returns
    -------
    pandas.DataFrame
        LOCATED and ``geocoder``, the name of the one that a row comes from (``""`` when rejected). A row is
        taken whole from one geocoder, so its status is never better than that one gave. When two offer a
        place for review, the earlier one's stays, and the later one's candidates follow its own. When all
        reject, the first reason stays, unless a later geocoder could not be asked (``online_error``): then
        asking again may help.
    """
    located = _nothing_found(len(texts))
    for geocoder in geocoders:
        open_rows = np.flatnonzero((located["status"] != "accepted").to_numpy(dtype=bool))
        if not open_rows.size:
            break
        asked = geocoder.locate([texts[int(row)] for row in open_rows])
        answers = LOCATED.check(asked)[[*LOCATED.columns]].reset_index(drop=True)
        answers["geocoder"] = pd.array(
            ["" if status == "rejected" else geocoder.name for status in answers["status"]], dtype="str"
        )
        earlier = located.iloc[open_rows].reset_index(drop=True)
        located.loc[open_rows] = _merged(earlier, answers).set_index(open_rows)
    return LOCATED.check(located)


def _nothing_found(count: int) -> pd.DataFrame:
    values = {"status": "rejected", "candidates": "[]", "score": 0.0}
    columns = {**LOCATED.columns, "geocoder": "str"}
    return pd.DataFrame(
        {
            name: pd.Series([values.get(name, "" if dtype == "str" else np.nan)] * count, dtype=dtype)
            for name, dtype in columns.items()
        }
    )


def _merged(earlier: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """Return the row that counts of each pair."""
    rejected = (later["status"] == "rejected").to_numpy(dtype=bool)
    reviewed = (earlier["status"] == "review").to_numpy(dtype=bool)
    said = (earlier["reason"] != "").to_numpy(dtype=bool)
    stays = (reviewed & (later["status"] != "accepted").to_numpy(dtype=bool)) | (rejected & said)
    unanswered = rejected & ~reviewed & (later["reason"] == "online_error").to_numpy(dtype=bool)
    places = np.arange(len(later)) + np.where(stays, 0, len(earlier))
    merged = pd.concat([earlier, later], ignore_index=True).iloc[places].reset_index(drop=True)
    merged.loc[unanswered, "reason"] = "online_error"
    for row in np.flatnonzero(earlier["candidates"] != "[]"):
        first, second = earlier["candidates"].iloc[row], later["candidates"].iloc[row]
        order = (first, second) if stays[row] else (second, first)
        merged.loc[row, "candidates"] = _joined(*order)
    return merged


def _joined(first: str, second: str) -> str:
    """Return two lists of candidates as one, each place once."""
    kept: list[dict[str, Any]] = []
    for each in [*json.loads(first), *json.loads(second)]:
        known = {(one["name"], round(one["lon"], 5), round(one["lat"], 5)) for one in kept}
        if (each["name"], round(each["lon"], 5), round(each["lat"], 5)) not in known:
            kept.append(each)
    return json.dumps(kept[:_MOST_CANDIDATES], ensure_ascii=False)
