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


def label_p(observed: ArrayLike, around: ArrayLike, total: int, population: int) -> NDArray[np.float64]:
    """Return how often at least so many of some reports are among those of a place, were they any of all reports.

    Parameters
    ----------
    observed
        Reports in question in each place: whole numbers.
    around
        Reports of all kinds there, those in question among them: whole numbers, at least as many.
    total, population
        Reports in question, and of all kinds, in all places.

    Returns
    -------
    numpy.ndarray
        One-sided hypergeometric p-values, exact. Small says that the kind is common among what is reported there; it
        may be so because little else is.

    Raises
    ------
    UnalignedIndexError
        If ``observed`` and ``around`` differ in shape.
    BadChoiceError
        If a number is not whole, below 0, or above what it is a part of.
    """
    from scipy.stats import hypergeom  # not needed by the first page

    few, many = np.asarray(observed, dtype=np.float64), np.asarray(around, dtype=np.float64)
    if few.shape != many.shape:
        raise UnalignedIndexError(left="observed", right="around")
    if not ((few >= 0) & (few <= np.minimum(many, total)) & (few == np.floor(few))).all():
        raise BadChoiceError(name="observed", value="other", expected="whole numbers, no more than around")
    if not ((many <= population) & (many == np.floor(many))).all() or total > population:
        raise BadChoiceError(name="around", value="other", expected=f"whole numbers, 0-{population}")
    # many places have the same numbers, and each pair takes the library a while
    pairs, place = np.unique(np.column_stack([few.ravel(), many.ravel()]), axis=0, return_inverse=True)
    p = hypergeom.sf(pairs[:, 0] - 1, population, pairs[:, 1], total)
    return np.asarray(np.clip(p, 0.0, 1.0), dtype=np.float64)[place.ravel()].reshape(few.shape)
