"""Adjusting p-values for how many tests were made."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from pingan_geo.errors import BadChoiceError
from pingan_geo.stats.significance import ADJUSTMENTS, adjust

THEIRS = {"bh": "fdr_bh", "by": "fdr_by", "bonferroni": "bonferroni"}


def test_an_unknown_method_is_refused():
    with pytest.raises(BadChoiceError, match="method is holm, but must be none / bh / by / bonferroni"):
        adjust([0.1], "holm")


@pytest.mark.parametrize("wrong", [-0.01, 1.01, np.inf])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(BadChoiceError, match="p is"):
        adjust([0.1, wrong], "bh")


@pytest.mark.parametrize("method", THEIRS)
@pytest.mark.parametrize("tests", [1, 2, 37, 2000])
def test_adjusted_as_statsmodels_does(method, tests):
    rng = np.random.default_rng(tests)
    for p in (rng.uniform(size=tests), rng.uniform(size=tests) ** 4, rng.integers(0, 5, tests) / 4):
        assert adjust(p, method) == pytest.approx(multipletests(p, method=THEIRS[method])[1], abs=1e-15)


@pytest.mark.parametrize("method", ADJUSTMENTS)
def test_cells_that_were_not_tested_stay_so_and_do_not_count(method):
    p = np.array([np.nan, 0.02, 0.5, np.nan, 0.01])
    found = adjust(p, method)
    assert np.isnan(found[[0, 3]]).all()
    assert np.array_equal(found[[1, 2, 4]], adjust(p[[1, 2, 4]], method))


@pytest.mark.parametrize("method", ADJUSTMENTS)
def test_no_test_at_all(method):
    assert adjust([], method).shape == (0,)
    assert np.isnan(adjust([np.nan, np.nan], method)).all()


def test_without_adjustment_they_are_a_copy():
    p = np.array([0.2, 0.1])
    found = adjust(p, "none")
    assert np.array_equal(found, p)
    found[0] = 1
    assert p[0] == 0.2


def test_the_shape_stays():
    p = np.random.default_rng(1).uniform(size=(3, 4))
    found = adjust(p, "by")
    assert np.array_equal(found, adjust(p.ravel(), "by").reshape(3, 4))


def test_by_hand():
    # 3 tests: 0.01 * 3 / 1, 0.04 * 3 / 2, 0.05 * 3 / 3; the middle one takes the last one's 0.05
    assert adjust([0.05, 0.01, 0.04], "bh") == pytest.approx([0.05, 0.03, 0.05])
    assert adjust([0.05, 0.01, 0.04], "by") == pytest.approx(np.array([0.05, 0.03, 0.05]) * 11 / 6)
    assert adjust([0.05, 0.01, 0.4], "bonferroni") == pytest.approx([0.15, 0.03, 1])
