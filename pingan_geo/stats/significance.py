"""Many tests at once: p-values that stay honest when every cell of a town is tested.

Of 10,000 cells where nothing is, about 500 have p < 0.05. A map of cells is therefore judged by adjusted
p-values only.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError

#: ``bh`` Benjamini-Hochberg (1995), ``by`` Benjamini-Yekutieli (2001).
ADJUSTMENTS: Final = ("none", "bh", "by", "bonferroni")


def adjust(p: ArrayLike, method: str) -> NDArray[np.float64]:
    """Return p-values adjusted for how many tests were made.

    Parameters
    ----------
    p
        P-values of any shape, NaN where no test was made; those are not counted as tests.
    method
        ``bh``: calling all cells up to 0.05 hot keeps the expected share of false ones among them under
        5 % for independent tests and for tests that help each other, as those of neighbours do; ``by``:
        the same however the tests depend on each other, at the price of fewer finds; ``bonferroni``: the
        chance of even one false one is under 5 %; ``none``: as they are.

    Returns
    -------
    numpy.ndarray
        As many, in the same order and shape, at most 1, NaN where ``p`` is.
        It does not mean the probability that a cell is an ordinary one: of the cells called hot one by
        one, each may be false, and it is no more valid than the p-values given.

    Raises
    ------
    BadChoiceError
        If there is no such method, or a p-value is not 0 to 1.
    """
    if method not in ADJUSTMENTS:
        raise BadChoiceError(name="method", value=method, expected=" / ".join(ADJUSTMENTS))
    given = np.asarray(p, dtype=np.float64)
    tested = ~np.isnan(given)
    values = given[tested]
    if bool(((values < 0) | (values > 1)).any()):
        wrong = float(values[(values < 0) | (values > 1)][0])
        raise BadChoiceError(name="p", value=wrong, expected="0 to 1, or NaN where no test was made")
    adjusted = np.full(given.shape, np.nan)
    adjusted[tested] = values if method == "none" else _adjusted(values, method)
    return adjusted


def _adjusted(values: NDArray[np.float64], method: str) -> NDArray[np.float64]:
    tests = values.size
    if method == "bonferroni":
        return np.minimum(values * tests, 1.0)
    order = np.argsort(values, kind="stable")
    rank = np.arange(1, tests + 1)
    factor = tests / rank * (np.sum(1 / rank) if method == "by" else 1.0)
    # a larger p-value never has a smaller adjusted one: the least of all that follow
    stepped = np.minimum.accumulate((values[order] * factor)[::-1])[::-1]
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
