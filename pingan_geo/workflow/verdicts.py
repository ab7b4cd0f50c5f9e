"""The plain sentence about a place: how many times the mean, and whether chance alone would bring it.

Every number in a sentence is one that the test gave. Where the reports are too few, the sentence says so and
nothing else. A verdict speaks of reports, not of what happened: where more people look, more is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pingan_geo.i18n import Translator, mark

#: Below this p-value, after the correction, a cell is called a hotspot.
LEVEL: Final = 0.05
#: Fewer reports in all, and no cell gets a verdict: one report more or less would turn too many of them.
LEAST_REPORTS: Final = 30
#: Fewer reports in a cell and its neighbours, and the cell gets no verdict. The p-value of Gi* is that of a
#: normal curve, which three or four reports of one evening are not.
LEAST_NEAR: Final = 5
#: A place farther from the cell's centre than this does not name it.
NAMING_M: Final = 500.0
#: Upper bounds of the classes of p-values, strongest first, each with the sign that the map writes beside
#: a rank, so that nobody needs to tell colours apart.
CLASSES: Mapping[float, str] = {0.001: "***", 0.01: "**", LEVEL: "*"}
#: How p-values are corrected for the number of cells tested, code to msgid.
CORRECTIONS: Mapping[str, str] = {
    "bh": mark("Benjamini-Hochberg"),
    "by": mark("Benjamini-Yekutieli"),
    "bonferroni": mark("Bonferroni"),
    "none": mark("none"),
}


def significance_class(p_value: ArrayLike) -> NDArray[np.int64]:
    """Return the class of each p-value.

    Parameters
    ----------
    p_value
        Corrected; NaN where there is no verdict.

    Returns
    -------
    numpy.ndarray
        3 below 0.001, 2 below 0.01, 1 below 0.05, 0 from there on, -1 without a verdict. A class says how
        seldom chance would do this, not how dangerous the place is.
    """
    p = np.asarray(p_value, dtype=np.float64)
    found = np.sum([p < bound for bound in CLASSES], axis=0).astype(np.int64)
    return np.where(np.isnan(p), -1, found)


def say_chance(p_value: float, t: Translator) -> str:
    """Return a p-value in percent as people say it: ``<1%``, or ``12%`` where it is no hotspot."""
    for bound in CLASSES:
        if p_value < bound:
            return f"<{t.percent(bound, 1 if bound < 0.01 else 0)}"
    return t.percent(p_value, 0 if p_value >= 0.1 else 1)


def say_verdict(
    place: str,
    observed: float,
    expected: float,
    p_value: float,
    t: Translator,
    *,
    total: int,
    scope: str = "",
    corrected: bool = True,
    exposure: str = "",
) -> str:
    """Return one sentence on a place: how many times the mean, and how likely by chance.

    Parameters
    ----------
    place
        Name of the place, as a person wrote it.
    observed, expected
        Reports there, and as many as would be there if every cell had the mean.
    p_value
        Of the test, corrected or not; NaN: no verdict.
    t
        Translator.
    total
        Reports in all that the test knew.
    scope
        What the mean is of, in the reader's language; the town by default.
    corrected
        Whether ``p_value`` is corrected for the number of places tested.
    exposure
        In words, what ``expected`` is a share of; the mean of ``scope`` by default.

    Returns
    -------
    str
        Without a full stop. "3.1 times" is observed ÷ expected. It says nothing of danger, of causes, or of
        what nobody reported.
    """
    scope = scope or t("the town")
    if total < LEAST_REPORTS:
        return say_too_few(total, LEAST_REPORTS, t)
    if exposure and not observed > expected:
        return t(
            "{place} and around: not above its share of {exposure} in the same period",
            place=place,
            exposure=exposure,
        )
    if not observed > expected:
        return t(
            "{place} and around: not above the mean of {scope} in the same period", place=place, scope=scope
        )
    if observed < LEAST_NEAR or np.isnan(p_value):
        return t(
            "No verdict, too few reports: {count} at {place} and around, {least} are needed",
            count=int(observed),
            place=place,
            least=LEAST_NEAR,
        )
    words = {
        "place": place,
        "scope": scope,
        "ratio": t.number(observed / expected, 1),
        "chance": say_chance(p_value, t),
        "corrected": t("corrected") if corrected else t("not corrected"),
        "exposure": exposure,
    }
    if exposure and p_value < LEVEL:
        return t(
            "{place} and around: {ratio} times what its share of {exposure} gives in the same period; by chance "
            "alone {chance} ({corrected})",
            **words,
        )
    if exposure:
        return t(
            "{place} and around: {ratio} times what its share of {exposure} gives in the same period, but that "
            "may be chance ({chance}, {corrected}): no hotspot",
            **words,
        )
    if p_value < LEVEL:
        return t(
            "{place} and around: {ratio} times the mean of {scope} in the same period; by chance alone "
            "{chance} ({corrected})",
            **words,
        )
    return t(
        "{place} and around: {ratio} times the mean of {scope} in the same period, but that may be chance "
        "({chance}, {corrected}): no hotspot",
        **words,
    )


def say_too_few(total: int, least: int, t: Translator) -> str:
    """Return the sentence that no verdict is given, and why."""
    return t("No verdict, too few reports: {count} in all, {least} are needed", count=total, least=least)


def name_place(nearest: str, metres: float, grid: str, village: str, cell: str) -> str:
    """Return what a cell is called in a sentence: a named place near it, else its grid, village or number."""
    return (nearest if metres <= NAMING_M else "") or grid or village or cell
