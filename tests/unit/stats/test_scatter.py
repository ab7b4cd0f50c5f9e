"""Reports scattered at random: refused input, the binomial of scipy, and its share of false alarms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats.scatter import label_p, scatter_p


@pytest.mark.parametrize("observed", [[-1], [11], [0.5], [np.nan]], ids=str)
def test_what_is_no_count_is_refused(observed):
    with pytest.raises(BadChoiceError):
        scatter_p(observed, 10, [0.1])


@pytest.mark.parametrize("share", [[0.0], [1.1], [np.nan]], ids=str)
def test_what_is_no_share_is_refused(share):
    with pytest.raises(BadChoiceError):
        scatter_p([1], 10, share)


def test_one_share_a_place():
    with pytest.raises(UnalignedIndexError):
        scatter_p([1, 2], 10, [0.1])


def test_it_is_the_binomial_tail():
    observed, share = np.meshgrid(np.arange(41), [1e-6, 0.001, 0.2, 0.9, 1.0])
    expected = binom.sf(observed - 1, 40, share)
    np.testing.assert_allclose(scatter_p(observed, 40, share), expected, rtol=1e-10, atol=1e-300)


def test_far_in_the_tail_it_is_small_and_not_nothing():
    p = scatter_p([300], 100_000, [0.0001])[0]
    assert 0 < p < 1e-200


def test_under_a_random_scatter_false_alarms_are_at_most_as_many_as_said():
    rng = np.random.default_rng(4)
    counts = rng.multinomial(3_000, np.full(500, 1 / 500), size=200)
    p = scatter_p(counts, 3_000, np.full(counts.shape, 1 / 500))
    for level in (0.1, 0.05, 0.01):
        assert level / 3 < (p < level).mean() < level * 1.05


# -- labels among all reports ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observed", "around", "total", "population"),
    [([-1], [5], 5, 10), ([6], [5], 8, 10), ([0.5], [5], 5, 10), ([1], [11], 5, 10), ([1], [5], 11, 10)],
    ids=str,
)
def test_labels_that_do_not_fit_are_refused(observed, around, total, population):
    with pytest.raises(BadChoiceError):
        label_p(observed, around, total, population)


def test_one_population_a_place():
    with pytest.raises(UnalignedIndexError):
        label_p([1, 2], [5], 5, 10)


def test_labels_are_drawn_without_putting_back():
    observed, around = (part.ravel() for part in np.meshgrid(np.arange(8), np.arange(7, 40)))
    p = label_p(observed, around, 12, 60)
    np.testing.assert_allclose(p, hypergeom.sf(observed - 1, 60, around, 12), rtol=1e-9)
    assert (p[observed == 0] == 1).all()
    # all reports of the town are of the kind asked for: any place has just its share
    np.testing.assert_array_equal(label_p([3, 9], [3, 9], 12, 12), [1, 1])
    rng = np.random.default_rng(1)
    drawn = np.array([(rng.permutation(60)[:20] < 12).sum() for _ in range(4000)])
    assert label_p([7], [20], 12, 60)[0] == pytest.approx((drawn >= 7).mean(), abs=0.01)
