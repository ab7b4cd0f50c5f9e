"""The truth of the demo town, written beside it so that methods can be judged by it."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pandas as pd

from pingan_geo.demo.effort import FAMILIES, Effort
from pingan_geo.demo.mesh import Floats
from pingan_geo.demo.rhythm import MONTHS
from pingan_geo.demo.spots import CATEGORIES, Spots


def risk_table(spots: Spots, risk: Floats) -> pd.DataFrame:
    """Return ``cell, category, incidents_per_year``: expected incidents, reported or not.

    Parameters
    ----------
    spots
        Gives the cells.
    risk
        (categories, cells).
    """
    return pd.DataFrame(
        {
            "cell": np.tile(spots.cells, len(CATEGORIES)),
            "category": pd.Categorical.from_codes(
                np.repeat(np.arange(len(CATEGORIES)), len(spots.cells)), categories=list(CATEGORIES)
            ),
            "incidents_per_year": risk.ravel(),
        }
    )


def effort_table(spots: Spots, effort: Effort, risk: Floats) -> pd.DataFrame:
    """Return ``cell, month, share`` and a share for each family of categories.

    ``share`` is that of all incidents of the cell; families differ, because the police see thefts and
    couriers see wires.
    """
    codes = list(CATEGORIES)
    weights = np.stack(
        [risk[[codes.index(code) for code in codes if code[:2] == family]].sum(axis=0) for family in FAMILIES]
    )
    weights = weights + 1e-12
    weights /= weights.sum(axis=0)
    seen = np.stack([effort.seen[family] for family in FAMILIES])
    share = (weights[:, :, None] * seen).sum(axis=0)
    number = len(MONTHS)
    table = {
        "cell": np.repeat(spots.cells, number),
        "month": pd.Categorical.from_codes(
            np.tile(np.arange(number), len(spots.cells)), categories=[str(month) for month in MONTHS]
        ),
        "share": np.round(share, 4).ravel(),
    }
    table |= {f"share_{family}": effort.seen[family].ravel() for family in FAMILIES}
    return pd.DataFrame(table)


def readme_text() -> str:
    """Return what the files are, in both languages, as Markdown."""
    return resources.files("pingan_geo.demo").joinpath("truth_readme.md").read_text(encoding="utf-8")
