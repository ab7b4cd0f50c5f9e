"""Gi* and local Moran do not depend on the order of cells or on the unit of the counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pingan_geo.stats.gi_star import gi_star, gi_star_test, local_moran
from pingan_geo.stats.significance import ADJUSTMENTS, adjust

UNHURRIED = settings(deadline=None, max_examples=100)


@st.composite
def towns(draw):
    """Counts and neighbours, any graph."""
    cells = draw(st.integers(2, 25))
    counts = draw(arrays.arrays(np.int64, cells, elements=st.integers(0, 50)))
    every = [(one, other) for one in range(cells) for other in range(one + 1, cells)]
    pairs = draw(st.lists(st.sampled_from(every), unique=True, max_size=60))
    left, right = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return counts, left, right


@UNHURRIED
@given(towns(), st.randoms(use_true_random=False))
def test_another_order_of_cells_and_pairs_gives_the_same(town, shuffled):
    counts, left, right = town
    order = list(range(counts.size))
    shuffled.shuffle(order)
    new_place = np.argsort(order)
    pairs = list(range(left.size))
    shuffled.shuffle(pairs)
    turned = new_place[right[pairs]], new_place[left[pairs]]
    one, other = gi_star_test(counts, left, right), gi_star_test(counts[order], *turned)
    assert other.z == pytest.approx(one.z[order], abs=1e-9)
    assert other.p == pytest.approx(one.p[order], abs=1e-9)
    moran, again = local_moran(counts, left, right), local_moran(counts[order], *turned)
    assert again.i == pytest.approx(moran.i[order], abs=1e-9)


@UNHURRIED
@given(towns(), st.floats(1e-3, 1e6), st.integers(1, 60))
def test_another_unit_gives_the_same(town, unit, draws):
    counts, left, right = town
    one, other = (
        gi_star_test(values, left, right, permutations=draws, rng=np.random.default_rng(1))
        for values in (counts, counts * unit)
    )
    assert other.z == pytest.approx(one.z, abs=1e-9)
    assert np.array_equal(other.p_permuted, one.p_permuted, equal_nan=True)
    assert local_moran(counts * unit, left, right).i == pytest.approx(
        local_moran(counts, left, right).i, abs=1e-9
    )


@UNHURRIED
@given(towns(), st.integers(1, 1000))
def test_the_same_more_everywhere_changes_nothing(town, more):
    counts, left, right = town
    assert gi_star(counts + more, left, right) == pytest.approx(gi_star(counts, left, right), abs=1e-9)


@UNHURRIED
@given(towns(), st.integers(1, 60))
def test_permuted_p_values_are_possible_ones(town, draws):
    counts, left, right = town
    p = gi_star_test(counts, left, right, permutations=draws, rng=np.random.default_rng(1)).p_permuted
    alone = np.bincount(np.append(left, right), minlength=counts.size) == 0
    assert np.array_equal(np.isnan(p), alone)
    reached = p[~alone] * (draws + 1)
    assert reached == pytest.approx(np.round(reached))
    assert ((reached > 0.5) & (reached < draws + 1.5)).all()


@UNHURRIED
@given(arrays.arrays(np.float64, st.integers(0, 40), elements=st.floats(0, 1)))
def test_adjusting_keeps_the_order_and_only_raises(p):
    bounds = [adjust(p, method) for method in ADJUSTMENTS]
    order = np.argsort(p, kind="stable")
    for adjusted in bounds:
        assert (np.diff(adjusted[order]) >= 0).all()
        assert (adjusted <= 1).all()
        assert (adjusted >= p * (1 - 1e-12)).all()
    _, bh, by, bonferroni = bounds
    assert (bh <= by + 1e-12).all()
    assert (bh <= bonferroni + 1e-12).all()
