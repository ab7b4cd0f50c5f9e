"""The ladder of harm (海恩法则): counted rungs, and a rung that is missing.

Hain's ratio 1 : 29 : 300 : 1000 shows how accidents stand on near misses and hazards. It is used to look at, and
to ask whether somebody does not report; **never** to reckon accidents from hazards.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.model.enterprise import LADDER_RECORDS, RUNGS

#: Hain's numbers, for drawing beside what was counted.
HAIN: Final = {"serious": 1, "minor": 29, "near_miss": 300, "hazard": 1000}
#: A rung is called missing when, reported as elsewhere in the town, it would be empty less often than this.
LEVEL: Final = 0.05
#: Where the town knows no near miss at all, so many hazards without one are remarkable.
LEAST_HAZARDS: Final = 30


def count_rungs(records: pd.DataFrame, of: pd.Series, units: pd.Index) -> pd.DataFrame:
    """Count what is on each rung, per firm, village or town.

    Parameters
    ----------
    records
        LADDER_RECORDS.
    of
        Unit of each firm (index: ``enterprise_id``); a firm maps to itself, to its village, or all to the town.
    units
        Units in the order wanted; each has a row, also with nothing.

    Returns
    -------
    DataFrame
        Index ``units``; columns ``serious, minor, near_miss, hazard``.

    Raises
    ------
    BadChoiceError
        If a rung is none of :data:`pingan_geo.model.enterprise.RUNGS`.
    UnalignedIndexError
        If a record names a firm that ``of`` does not know, or a unit is not among ``units``.
    """
    LADDER_RECORDS.check(records)
    unknown = sorted(set(records["rung"]) - set(RUNGS))
    if unknown:
        raise BadChoiceError(name="rung", value=unknown, expected=", ".join(RUNGS))
    named = records["enterprise_id"].map(of)
    lost = sorted(set(records["enterprise_id"][named.isna()]) | (set(named.dropna()) - set(units)))
    if lost:
        raise UnalignedIndexError(left="records", right="enterprises and units")
    counted = pd.crosstab(named, records["rung"])
    return counted.reindex(index=units, columns=list(RUNGS), fill_value=0).astype("int64")


def missing_rungs(counts: pd.DataFrame) -> pd.DataFrame:
    """Return which rung looks unreported: "40 hazards, no near miss".

    A unit's near misses are set against the share that the *other* units report for one hazard: the chance to
    hear of none, if it reported as they do, is ``exp(-hazards x share)``. Below :data:`LEVEL` the rung is missing.
    Likewise accidents or near misses without a single hazard: the bottom rung is missing.

    Parameters
    ----------
    counts
        As :func:`count_rungs` gives it.

    Returns
    -------
    DataFrame
        Index of ``counts``; ``missing`` (``near_miss``, ``hazard`` or ``""``) and ``chance`` (NaN where it was not
        reckoned: the town knows no near miss and :data:`LEAST_HAZARDS` decides).

    Notes
    -----
    It says that reports may be missing. It does not say that anything happened, how likely an accident is, or
    that a unit without a flag reports all.
    """
    hazards, near = counts["hazard"].to_numpy(float), counts["near_miss"].to_numpy(float)
    others_hazards, others_near = hazards.sum() - hazards, near.sum() - near
    share = np.divide(others_near, others_hazards, out=np.zeros(len(counts)), where=others_hazards > 0)
    chance = np.where(share > 0, np.exp(-hazards * share), np.nan)
    quiet = np.where(np.isnan(chance), hazards >= LEAST_HAZARDS, chance < LEVEL) & (near == 0)
    harmed = counts[["serious", "minor", "near_miss"]].sum(axis=1).to_numpy() > 0
    missing: Any = np.select([quiet, harmed & (hazards == 0)], ["near_miss", "hazard"], "")
    return pd.DataFrame(
        {"missing": pd.array(missing, dtype="str"), "chance": np.where(near == 0, chance, np.nan)},
        index=counts.index,
    )
