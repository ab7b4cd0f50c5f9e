"""Were so many reports here if all reports were scattered at random? An exact answer, also for few reports."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError, UnalignedIndexError


def scatter_p(observed: ArrayLike, total: int, share: ArrayLike) -> NDArray[np.float64]:
    """Return how often at least so many of all reports fall into a place when each falls anywhere alike.

    Parameters
    ----------
    observed
        Reports in each place: whole numbers from 0 to ``total``.
    total
        Reports in all.
    share
        Of the whole area that each place has, above 0 to 1; for cells, their number ÷ the number of all.

    Returns
    -------
    numpy.ndarray
        One-sided binomial p-values, exact. Small does not mean dangerous, and not that reports there come from
        one cause: where people live, more is reported than in fields, and a report seldom comes alone.

    Raises
    ------
    UnalignedIndexError
        If ``observed`` and ``share`` differ in shape.
    BadChoiceError
        If a count is not from 0 to ``total``, or a share not above 0 to 1.
    """
    from scipy.special import betainc  # not needed by the first page

    counts, shares = np.asarray(observed, dtype=np.float64), np.asarray(share, dtype=np.float64)
    if counts.shape != shares.shape:
        raise UnalignedIndexError(left="observed", right="share")
    if not ((counts >= 0) & (counts <= total) & (counts == np.floor(counts))).all():
        raise BadChoiceError(name="observed", value="other", expected=f"whole numbers, 0-{total}")
    if not ((shares > 0) & (shares <= 1)).all():
        raise BadChoiceError(name="share", value="other", expected="shares above 0, at most 1")
    at_least_one = np.maximum(counts, 1.0)
    p: NDArray[np.float64] = betainc(at_least_one, total - at_least_one + 1.0, shares)
    return np.where(counts == 0, 1.0, p)
