"""Sums over the neighbours of each unit, for pairs that stand once each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]


def sum_beside(values: Floats, left: Positions, right: Positions) -> Floats:
    """Return the sum of the values of each unit's neighbours, without its own.

    Parameters
    ----------
    values
        One per unit.
    left, right
        Positions of neighbours, each pair once, as :func:`pingan_geo.spatial.cells.neighbour_pairs` gives
        them; they are not checked.
    """
    here = np.bincount(left, values[right], values.size)
    there = np.bincount(right, values[left], values.size)
    return np.asarray(here + there, dtype=np.float64)


def count_beside(size: int, left: Positions, right: Positions) -> Positions:
    """Return how many neighbours each of ``size`` units has; ``left`` and ``right`` as in :func:`sum_beside`."""
    return np.bincount(left, minlength=size) + np.bincount(right, minlength=size)
