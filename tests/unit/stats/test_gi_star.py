"""Gi* and local Moran: refusals, small cases by hand, exact permutation tails by enumeration."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats.gi_star import (
    QUADRANTS,
    expected_counts,
    gi_star,
    gi_star_of_excess,
    gi_star_series,
    gi_star_test,
    local_moran,
    standardised_excess,
)

PATH = np.arange(4), np.arange(1, 5)  # 0-1-2-3-4


def star(leaves):
    """Cell 0 in the middle of ``leaves`` others, and as many cells again without a neighbour."""
    return np.zeros(leaves, dtype=int), np.arange(1, leaves + 1)


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [gi_star, gi_star_test, local_moran])
def test_bad_counts_and_pairs_are_refused(task):
    with pytest.raises(BadChoiceError, match="count of cell 1 is nan"):
        task([1, np.nan, 2, 3, 4], *PATH)
    with pytest.raises(BadChoiceError, match="counts is 2-D"):
        task(np.ones((2, 5)), *PATH)
    with pytest.raises(UnalignedIndexError, match="left and right"):
        task([1, 2, 3], [0, 1], [1])
    for wrong in (([0, 1], [1, 3]), ([0, -1], [1, 2]), ([0, 1], [1, 1])):
        with pytest.raises(BadChoiceError, match=r"pair 1 is .* two different positions below 3"):
            task([1, 2, 3], *wrong)
    with pytest.raises(BadChoiceError, match=r"pair is \(0, 1\), but must be there only once"):
        task([1, 2, 3], [0, 1, 1], [1, 2, 0])


@pytest.mark.parametrize("task", [gi_star_test, local_moran])
def test_bad_permutations_are_refused(task):
    with pytest.raises(BadChoiceError, match="permutations is -1"):
        task([1, 2, 3, 4, 5], *PATH, permutations=-1)
    with pytest.raises(BadChoiceError, match="rng is None"):
        task([1, 2, 3, 4, 5], *PATH, permutations=9)


def test_a_series_has_steps_and_cells():
    with pytest.raises(BadChoiceError, match="counts_by_step is 1-D"):
        gi_star_series([1, 2, 3, 4, 5], *PATH)
    with pytest.raises(BadChoiceError, match="count of cell 2 is inf"):
        gi_star_series([[1, 2, 3, 4, 5], [1, 2, np.inf, 4, 5]], *PATH)


def test_bad_exposures_are_refused():
    with pytest.raises(UnalignedIndexError):
        standardised_excess([1, 2], [1, 2, 3])
    with pytest.raises(BadChoiceError, match="exposure of cell 1 is -1"):
        standardised_excess([1, 0], [1, -1])
    with pytest.raises(BadChoiceError, match="exposure of cell 1 is 0"):
        standardised_excess([1, 2], [1, 0])


# -- by hand -----------------------------------------------------------------------------------------


def test_gi_star_by_hand():
    # mean 2, variance 2; the middle: 1 + 2 + 3 - 3 * 2 = 0; an end: 0 + 1 - 2 * 2 = -3
    z = gi_star([0, 1, 2, 3, 4], *PATH)
    end = -3 / np.sqrt(2 * 2 * (5 - 2) / 4)
    assert z == pytest.approx([end, -3 / np.sqrt(2 * 3 * 2 / 4), 0, 3 / np.sqrt(2 * 3 * 2 / 4), -end])


def test_empty_cells_are_part_of_the_question():
    with_empty = gi_star([3, 3, 3, 0, 0, 0, 0, 0, 0, 0], np.arange(9), np.arange(1, 10))
    assert with_empty[1] > 2.5
    assert not gi_star([3, 3, 3], np.arange(2), np.arange(1, 3)).any()


def test_equal_counts_show_nothing():
    for level in (0, 7, 0.1):
        counts = np.full(5, level)
        found = gi_star_test(counts, *PATH, permutations=19, rng=np.random.default_rng(1))
        assert not found.z.any()
        assert np.array_equal(found.p, np.full(5, 0.5))
        assert np.array_equal(found.p_permuted, np.ones(5))
        moran = local_moran(counts, *PATH, permutations=19, rng=np.random.default_rng(1))
        assert not moran.i.any()
        assert set(moran.quadrant) == {""}
        assert np.array_equal(moran.p_permuted, np.ones(5))


def test_no_cells_and_one_cell():
    nothing = np.zeros(0, dtype=int)
    for counts in ([], [4]):
        found = gi_star_test(counts, nothing, nothing, permutations=9, rng=np.random.default_rng(1))
        assert found.z.tolist() == [0.0] * len(counts)
        assert np.isnan(found.p_permuted).all()
        assert local_moran(counts, nothing, nothing).i.tolist() == [0.0] * len(counts)
    assert gi_star_series(np.zeros((0, 5)), *PATH).shape == (0, 5)
    assert gi_star_series(np.zeros((3, 0)), nothing, nothing).shape == (3, 0)


def test_a_cell_beside_all_others_cannot_stand_out():
    found = gi_star_test([9, 1, 0], *star(2), permutations=99, rng=np.random.default_rng(1))
    assert found.z[0] == 0
    assert found.p_permuted[0] == 1
    assert found.z[1:] == pytest.approx(gi_star([9, 1, 0], *star(2))[1:])


def test_a_cell_without_neighbours_has_a_z_but_no_permutation():
    found = gi_star_test([5, 1, 0, 2], [0], [1], permutations=99, rng=np.random.default_rng(1))
    assert found.z[3] == pytest.approx(0)
    assert np.isnan(found.p_permuted[2:]).all()
    assert not np.isnan(found.p_permuted[:2]).any()
    moran = local_moran([5, 1, 0, 2], [0], [1], permutations=99, rng=np.random.default_rng(1))
    assert moran.i[2:].tolist() == [0, 0]
    assert moran.quadrant[2:].tolist() == ["", ""]
    assert np.isnan(moran.p_permuted[2:]).all()


def test_permutations_not_asked_for_are_not_a_one():
    assert np.isnan(gi_star_test([0, 1, 2, 3, 4], *PATH).p_permuted).all()
    assert np.isnan(local_moran([0, 1, 2, 3, 4], *PATH).p_permuted).all()


def test_a_small_p_is_hot_never_cold():
    found = gi_star_test([9, 9, 9, 0, 0, 0, 0, 0], np.arange(7), np.arange(1, 8))
    assert found.p[1] < 0.01
    assert found.p[5] > 0.85


def test_quadrants():
    # high beside high, high alone among low, low beside high, low among low
    counts = [8, 9, 8, 0, 0, 0, 9, 0, 0, 0]
    found = local_moran(counts, np.arange(9), np.arange(1, 10)).quadrant
    assert set(found.tolist()) == set(QUADRANTS)
    assert [found[1], found[6], found[5], found[8]] == ["HH", "HL", "LH", "LL"]


def test_a_series_is_each_step_by_itself():
    steps = np.random.default_rng(3).poisson(2, (4, 5))
    steps[2] = 3
    z = gi_star_series(steps, *PATH)
    assert not z[2].any()
    for step, counts in zip(z, steps, strict=True):
        assert np.array_equal(step, gi_star(counts, *PATH))


def test_the_same_seed_gives_the_same_p():
    counts = np.random.default_rng(1).poisson(2, 5)
    one, other = (
        gi_star_test(counts, *PATH, permutations=99, rng=np.random.default_rng(7)).p_permuted
        for _ in range(2)
    )
    assert np.array_equal(one, other)


def test_excess_by_hand():
    # 12 reports over 6 households: 2 each
    assert standardised_excess([6, 2, 4, 0], [2, 2, 2, 0]) == pytest.approx([1, -1, 0, 0])
    assert standardised_excess([0, 0], [0, 0]).tolist() == [0, 0]
    assert standardised_excess([4, 8], [1, 2]).tolist() == [0, 0]


# -- permutations against every possible draw --------------------------------------------------------


def test_bad_exposures_of_a_test_are_refused():
    with pytest.raises(UnalignedIndexError):
        gi_star_of_excess([1, 2], [1, 2, 3], [0], [1])
    with pytest.raises(BadChoiceError, match="exposure of cell 0 is 0"):
        gi_star_of_excess([1, 0], [0, 1], [0], [1])
    with pytest.raises(BadChoiceError, match="exposure of cell 1 is -1"):
        expected_counts([1, 0], [1, -1])


def test_with_the_same_exposure_everywhere_it_is_plain_gi_star():
    rng = np.random.default_rng(4)
    counts = rng.poisson(2, 400)
    left, right = np.divmod(rng.choice(400 * 399 // 2, 1200, replace=False), 399)
    left, right = np.minimum(left, right), np.maximum(left, right) + 1
    once = np.unique(np.column_stack([left, right]), axis=0)
    for exposure in (1.0, 0.37):
        z = gi_star_of_excess(counts, np.full(400, exposure), *once.T)
        np.testing.assert_allclose(z, gi_star(counts, *once.T), rtol=1e-11, atol=1e-12)


def test_an_excess_is_above_nothing_just_where_more_was_seen_than_expected():
    # expected 4, 2, 2, 4, 0: the pair 0-1 has 8 of 6, the cell without homes has none of none
    counts, exposure = np.array([6, 2, 1, 3, 0]), np.array([2.0, 1, 1, 2, 0])
    np.testing.assert_allclose(expected_counts(counts, exposure), [4, 2, 2, 4, 0])
    times = (4 + 0 + 1 + 1) / (12 - (16 + 4 + 4 + 16) / 12)
    z = gi_star_of_excess(counts, exposure, [0], [1])
    expected = [2 / np.sqrt(times * 6 * 0.5)] * 2 + [-1 / np.sqrt(times * 2 * 10 / 12)]
    np.testing.assert_allclose(z, [*expected, -1 / np.sqrt(times * 4 * 8 / 12), 0])


def test_no_excess_is_no_z():
    assert (gi_star_of_excess([2, 4, 6], [1, 2, 3], [0], [1]) == 0).all()
    assert (gi_star_of_excess([0, 0, 0], [1, 2, 3], [0], [1]) == 0).all()
    assert (gi_star_of_excess([5], [2], [], []) == 0).all()
    assert gi_star_of_excess([], [], [], []).size == 0


def exact_tails(counts, left, right):
    """Share of all sets of other cells whose sum is at least, and at most, that of the neighbours."""
    neighbours = [set() for _ in counts]
    for one, other in zip(left, right, strict=True):
        neighbours[one].add(int(other))
        neighbours[other].add(int(one))
    at_least, at_most = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
    for cell, around in enumerate(neighbours):
        if around:
            others = [value for place, value in enumerate(counts) if place != cell]
            sums = np.array([sum(drawn) for drawn in combinations(others, len(around))])
            lag = sum(counts[place] for place in around)
            at_least[cell], at_most[cell] = (sums >= lag).mean(), (sums <= lag).mean()
    return at_least, at_most


@pytest.mark.parametrize("last", [0, 30])
def test_permutations_come_to_the_share_of_all_sets_of_other_cells(last):
    """Also for the last cell and with a last cell unlike all others: it stands in for each cell's own."""
    counts = np.array([9, 0, 2, 7, 0, 1, 3, 0, 5, last])
    left, right = [0, 0, 0, 1, 2, 3, 3, 5, 8], [1, 2, 3, 4, 5, 4, 6, 6, 9]
    at_least, at_most = exact_tails(counts.tolist(), left, right)
    draws = 200_001  # more than are drawn at once
    found = gi_star_test(counts, left, right, permutations=draws, rng=np.random.default_rng(5))
    near = 4.5 * np.sqrt(0.25 / draws)
    assert found.p_permuted == pytest.approx(at_least, abs=near, nan_ok=True)
    moran = local_moran(counts, left, right, permutations=draws, rng=np.random.default_rng(6))
    two_sided = np.minimum(2 * np.minimum(at_least, at_most), 1)
    assert moran.p_permuted == pytest.approx(two_sided, abs=2 * near, nan_ok=True)


def test_tenths_tie_as_whole_numbers_do():
    """0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1 in binary: sums of the same figures must still be equal."""
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 4, 60)
    left, right = np.arange(60), (np.arange(60) + 1) % 60
    left, right = np.append(left, np.arange(58)), np.append(right, np.arange(2, 60))
    whole, tenths = (
        gi_star_test(values, left, right, permutations=499, rng=np.random.default_rng(3)).p_permuted
        for values in (counts, counts / 10)
    )
    assert np.array_equal(whole, tenths)


def test_permuted_p_is_never_zero():
    counts = np.zeros(400)
    counts[:3] = 50
    found = gi_star_test(
        counts, np.arange(399), np.arange(1, 400), permutations=99, rng=np.random.default_rng(1)
    )
    assert found.p_permuted[1] == 1 / 100
