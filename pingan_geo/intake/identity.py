"""Which report is which: stable numbers, so that the same row is known again in any file.

The numbers are hashes of what a row says, 63 bits wide. They do not depend on the machine, on how a file was
cut into chunks or on the order of its columns. A test holds them to fixed values, because a town's stored
reports would not be known again if they ever changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_KEY = "pingan-report-id"  # sixteen bytes, as SipHash wants
_STEP = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio, as in splitmix64
_MIX_A, _MIX_B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_POSITIVE = np.uint64(0x7FFF_FFFF_FFFF_FFFF)
_DEGREE_STEPS = 1e7  # seven decimals: a centimetre


def content_keys(reports: Any) -> NDArray[np.uint64]:
    """Return a number for what each report says; equal for rows that say the same.

    Parameters
    ----------
    reports
        CLEAN_REPORTS.

    Returns
    -------
    NDArray
        uint64, of source, number, category, time, end of the interval, place to 1e-7 degrees, words for the
        place and description. Of a row placed by its words only these count: where they lie is the town's
        knowledge, which grows, and not what the row says.
    """
    by_words = (reports["datum_known_by"] == "gazetteer").to_numpy(dtype=bool)
    key = np.zeros(len(reports), dtype=np.uint64)
    for name in ("source", "source_id", "category"):
        key = _mix(key, _hash(reports[name], few=name != "source_id"))
    for name in ("time", "time_until"):
        key = _mix(key, reports[name].to_numpy("datetime64[s]").astype("int64").view(np.uint64))
    for name in ("lon", "lat"):
        steps = np.rint(reports[name].to_numpy("float64") * _DEGREE_STEPS).astype("int64")
        steps[by_words] = 0
        key = _mix(key, steps.view(np.uint64))
    for name in ("place", "description"):
        key = _mix(key, _hash(reports[name]))
    return key


def report_ids(keys: NDArray[np.uint64], occurrence: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the stored number of each report.

    Parameters
    ----------
    keys
        From :func:`content_keys`.
    occurrence
        How many rows before it in the same file say the same and bear no number of their own; 0 for the
        first, and for rows with a number.
    """
    mixed = _mix(keys, occurrence.astype(np.uint64))
    return _positive(mixed)


def source_keys(reports: Any) -> NDArray[np.int64]:
    """Return a number for (ledger, sender's number) of each report; 0 where the sender gave none."""
    ids = reports["source_id"]
    keys = _positive(_mix(_hash(reports["source"], few=True), _hash(ids)))
    keys = np.maximum(keys, 1)
    keys[(ids == "").to_numpy(dtype=bool)] = 0
    return keys


class Occurrences:
    """Counts, over the chunks of one file, how often a key has come before."""

    def __init__(self) -> None:
        self._seen = np.empty(0, dtype=np.uint64)

    def count(self, keys: NDArray[np.uint64], counted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return how often each key came before, and remember the chunk; 0 for rows not counted."""
        before = np.zeros(len(keys), dtype=np.int64)
        own = keys[counted]
        if own.size:
            within = pd.Series(own).groupby(own, sort=False).cumcount().to_numpy()
            earlier = np.searchsorted(self._seen, own, "right") - np.searchsorted(self._seen, own, "left")
            before[counted] = within + earlier
            self._seen = np.sort(np.concatenate([self._seen, np.sort(own)]), kind="stable")
        return before


class SeenKeys:
    """Keys stored before and keys met in this file, for rows that come again."""

    def __init__(self, stored: NDArray[np.int64]) -> None:
        self._stored = stored
        self._met = np.empty(0, dtype=np.int64)

    def stored(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which keys were stored before this file."""
        return _among(keys, self._stored)

    def met(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which keys an earlier chunk of this file brought."""
        return _among(keys, self._met)

    def add(self, keys: NDArray[np.int64]) -> None:
        """Remember the keys of accepted rows."""
        self._met = np.sort(np.concatenate([self._met, np.sort(keys)]), kind="stable")  # merges two runs


def _among(keys: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not known.size:
        return np.zeros(len(keys), dtype=bool)
    order = np.argsort(keys)  # in order, the search stays within the processor's cache
    ascending = keys[order]
    place = np.minimum(np.searchsorted(known, ascending), known.size - 1)
    found = np.empty(len(keys), dtype=bool)
    found[order] = known[place] == ascending
    return found


def _hash(column: Any, *, few: bool = False) -> NDArray[np.uint64]:
    """Hash texts; ``few``: most of them are alike, which only changes the speed."""
    hashed: NDArray[np.uint64] = pd.util.hash_array(
        column.to_numpy(dtype=object), hash_key=_KEY, categorize=few
    )
    return hashed


def _mix(key: NDArray[np.uint64], value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix a value into a key (splitmix64), so that the order of the values counts."""
    mixed = (key ^ value) + _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_A
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_B
    return mixed ^ (mixed >> np.uint64(31))


def _positive(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (keys & _POSITIVE).astype(np.int64)
