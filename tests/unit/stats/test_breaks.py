from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError
from pingan_geo.stats.breaks import LADDER, MOST_CLASSES, class_of, fixed_breaks


@pytest.mark.parametrize("classes", [0, -1, MOST_CLASSES + 1])
def test_a_number_of_classes_that_the_ladder_does_not_have_is_refused(classes):
    with pytest.raises(BadChoiceError):
        fixed_breaks(10, classes)


@pytest.mark.parametrize(
    ("largest", "edges"),
    [
        (0, [1]),
        (1, [1]),
        (2, [1, 2]),
        (4, [1, 2]),
        (5, [1, 2, 5]),
        (99, [1, 2, 5, 10, 20, 50]),
        (100, [1, 2, 5, 10, 20, 50, 100]),
        (10**9, list(LADDER)),
    ],
)
def test_the_ladder_grows_with_the_largest_count(largest, edges):
    assert fixed_breaks(largest).tolist() == edges
    assert fixed_breaks([0, largest, 1]).tolist() == edges
    assert fixed_breaks([]).tolist() == [1]
    assert fixed_breaks(largest).dtype == np.int64


def test_the_same_number_is_in_the_same_class_on_every_map():
    counts = np.array([0, 1, 2, 3, 5, 9, 10, 37, 99, 100, 4_000, 1_000_000])
    classes = class_of(counts)
    assert classes.tolist() == [-1, 0, 1, 1, 2, 2, 3, 4, 5, 6, 10, 12]
    for largest in counts[1:]:
        edges = fixed_breaks(largest)
        seen = counts <= largest
        np.testing.assert_array_equal(np.searchsorted(edges, counts[seen], side="right") - 1, classes[seen])


def test_fewer_classes_leave_the_highest_open():
    assert fixed_breaks(5_000, classes=7).tolist() == [1, 2, 5, 10, 20, 50, 100]
    assert class_of([99, 100, 5_000], classes=7).tolist() == [5, 6, 6]
