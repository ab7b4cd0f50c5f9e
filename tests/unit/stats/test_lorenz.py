"""The line of concentration: refused inputs first, then by hand, then what chance alone makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats.counts import concentration
from pingan_geo.stats.lorenz import lorenz


def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize(("counts", "how", "error"), [
    ([-1, 2], {}, BadChoiceError), ([0.5], {}, BadChoiceError), ([np.nan], {}, BadChoiceError),
    ([], {}, BadChoiceError), ([1], {"top": 0}, BadChoiceError), ([1], {"top": 1.1}, BadChoiceError),
    ([1], {"draws": 0}, BadChoiceError), ([1, 2], {"weights": [0, 0]}, BadChoiceError),
    ([1, 2], {"weights": [1, np.nan]}, BadChoiceError), ([1, 2], {"weights": [1]}, UnalignedIndexError),
    ([1, 2], {"total_units": 1}, UnalignedIndexError),
    ([1, 2], {"total_units": 3, "weights": [1, 1]}, UnalignedIndexError),
])  # fmt: skip
def test_refused(counts, how, error):
    with pytest.raises(error):
        lorenz(counts, rng(), **how)


def test_by_hand():
    found = lorenz([0, 6, 1, 3], rng(), total_units=5)
    assert found.unit_share.tolist() == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert found.held.tolist() == pytest.approx([0, 0.6, 0.9, 1, 1, 1])
    assert (found.units, found.top_units, found.top_held) == (5, 1, pytest.approx(0.6))


def test_one_report_lies_in_one_place_however_it_falls():
    found = lorenz([0, 0, 1, 0], rng(), top=0.25)
    assert found.top_held == found.top_scattered == found.top_low == found.top_high == 1


def test_nothing_reported():
    found = lorenz([0, 0], rng())
    assert found.held.tolist() == [0, 0, 0]
    assert found.top_held == found.top_scattered == 0


def test_many_reports_scattered_alike_lie_on_the_even_line():
    found = lorenz(np.full(50, 10_000), rng(), draws=20)
    np.testing.assert_allclose(found.held, found.unit_share, atol=1e-12)
    np.testing.assert_allclose(found.scattered, found.unit_share, atol=0.01)


def test_weights_make_the_line_that_they_have_themselves():
    weights = np.array([8.0, 1, 1])
    found = lorenz([80_000, 10_000, 10_000], rng(), weights=weights, top=1 / 3)
    assert found.top_scattered == pytest.approx(0.8, abs=0.005)
    assert found.top_low <= found.top_held <= found.top_high


def test_scattered_reports_are_within_what_scatter_brings():
    draw = np.random.default_rng(8)
    inside = 0
    for _ in range(200):
        counts = draw.multinomial(60, np.full(100, 0.01))
        found = lorenz(counts, draw, draws=99)
        inside += found.top_low <= found.top_held <= found.top_high
        assert found.top_scattered > 0.3  # so few reports seem concentrated by chance alone
    assert inside >= 184


@given(st.lists(st.integers(0, 30), min_size=1, max_size=400), st.integers(0, 300), st.floats(0.01, 1))
def test_the_line_rises_ever_more_slowly_and_agrees_with_concentration(counts, empty, top):
    found = lorenz(counts, rng(), total_units=len(counts) + empty, top=top, draws=2)
    assert found.unit_share[0] == found.held[0] == 0
    assert found.unit_share[-1] == 1
    for line in (found.held, found.scattered):
        assert (np.diff(line) >= -1e-12).all()
        slope = np.diff(line) / np.diff(found.unit_share)
        assert (np.diff(slope) <= 1e-9).all()
        assert (line >= found.unit_share * bool(sum(counts)) - 1e-12).all()
    if sum(counts):
        assert found.held[-1] == pytest.approx(1)
        fewest = concentration(counts, total_cells=found.units, shares=(found.top_held,))
        assert int(fewest["cells"].iloc[0]) <= found.top_units
