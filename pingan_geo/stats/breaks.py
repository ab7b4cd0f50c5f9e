"""Classes of counts for colours: one ladder for every map, zoom, date and category.

The ladder is 1, 2, 5, 10, 20, 50, 100 … A map shows as many of its steps as its largest count needs; a
count is always in the same class, so the same number has the same colour on every map. Give each class a
colour of its own from one fixed list of :data:`MOST_CLASSES` colours; never spread the colours anew over
the classes that one map happens to have.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError

#: Lower edges of the classes; the last is open: "10,000 and more".
LADDER: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
MOST_CLASSES: Final = len(LADDER)


def fixed_breaks(maximum_or_counts: ArrayLike, classes: int = MOST_CLASSES) -> NDArray[np.int64]:
    """Return the lower edges of the classes that a map needs.

    Parameters
    ----------
    maximum_or_counts
        The largest count, or all counts of the map; nothing or 0 gives the first class alone.
    classes
        At most this many; the highest is then open ("100 and more"). The classes below keep their edges.

    Returns
    -------
    numpy.ndarray
        Ascending: class ``k`` holds counts from ``edges[k]`` up to but without ``edges[k + 1]``; the
        last holds all above. A count of 0 is in no class.

    Raises
    ------
    BadChoiceError
        If ``classes`` is not 1 to :data:`MOST_CLASSES`.
    """
    if not 1 <= classes <= MOST_CLASSES:
        raise BadChoiceError(name="classes", value=classes, expected=f"1-{MOST_CLASSES}")
    counts = np.asarray(maximum_or_counts)
    largest = int(counts.max()) if counts.size else 0
    needed = int(np.searchsorted(LADDER, largest, side="right"))
    return np.array(LADDER[: min(max(needed, 1), classes)], dtype=np.int64)


def class_of(counts: ArrayLike, classes: int = MOST_CLASSES) -> NDArray[np.int64]:
    """Return the class of each count on the fixed ladder: its place in the list of colours, -1 for 0."""
    place = np.searchsorted(LADDER, np.asarray(counts), side="right") - 1
    return np.minimum(place, classes - 1).astype(np.int64)
