"""Gi* and local Moran against esda in this run, and against esda's and spdep's stored answers."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from pingan_geo.spatial.cells import from_text, neighbour_pairs
from pingan_geo.stats.gi_star import gi_star, gi_star_series, gi_star_test, local_moran


@pytest.fixture(scope="module")
def cincinnati(shared_dir):
    folder = shared_dir / "reference" / "gi"
    table = pd.read_csv(folder / "cincinnati_r8_gi_esda_spdep.csv")
    pairs = pd.read_csv(folder / "cincinnati_r8_nb.csv").to_numpy()
    once = pairs[pairs[:, 0] < pairs[:, 1]]
    return table, once[:, 0], once[:, 1]


@pytest.mark.shared_data
def test_equal_to_esda_and_spdep_on_burglaries(cincinnati):
    table, left, right = cincinnati
    counts = table["count"].to_numpy()
    found = gi_star_test(counts, left, right)
    for column in ("Gistar_Z_B", "spdep_Gistar_B", "spdep_Gistar_W"):
        assert found.z == pytest.approx(table[column].to_numpy(), abs=1e-12)
    theirs = table["Gistar_p_B"].to_numpy()  # of the side where z lies
    assert np.minimum(found.p, 1 - found.p) == pytest.approx(theirs, abs=1e-12)
    assert local_moran(counts, left, right).i == pytest.approx(table["LocalI_R"].to_numpy(), abs=1e-12)
    # the trap: esda's default weights are another number
    assert np.abs(found.z - table["Gistar_Z_R"].to_numpy()).max() > 4


@pytest.mark.shared_data
def test_the_neighbours_are_the_same_cells(cincinnati):
    table, left, right = cincinnati
    ours = neighbour_pairs(from_text(table["cell"].tolist()))
    assert set(zip(*map(np.ndarray.tolist, ours), strict=True)) == set(
        zip(left.tolist(), right.tolist(), strict=True)
    )


@pytest.fixture(scope="module")
def esda():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        return pytest.importorskip("esda")


def grid(rows, columns):
    place = np.arange(rows * columns).reshape(rows, columns)
    left = np.concatenate([place[:, :-1].ravel(), place[:-1].ravel(), place[:-1, :-1].ravel()])
    right = np.concatenate([place[:, 1:].ravel(), place[1:].ravel(), place[1:, 1:].ravel()])
    return left, right


def weights(cells, left, right):
    from libpysal.weights import W

    neighbours = {cell: [] for cell in range(cells)}
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        neighbours[one].append(other)
        neighbours[other].append(one)
    return W(neighbours, silence_warnings=True)


def kinds_of_counts(rng, cells):
    yield rng.poisson(0.3, cells)
    yield rng.poisson(40, cells)
    yield rng.gamma(0.5, 3.0, cells)
    yield rng.normal(5, 3, size=cells)
    heap = np.zeros(cells)
    heap[:4] = 500
    yield heap


def test_equal_to_esda_in_this_run(esda):
    left, right = grid(13, 17)
    cells = 13 * 17
    rng = np.random.default_rng(8)
    given = list(kinds_of_counts(rng, cells))
    series = gi_star_series(given, left, right)
    for counts, step in zip(given, series, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = esda.G_Local(
                counts.astype(float), weights(cells, left, right), transform="B", star=True, permutations=0
            )
            moran = esda.Moran_Local(counts.astype(float), weights(cells, left, right), permutations=0)
        assert gi_star(counts, left, right) == pytest.approx(theirs.Zs, abs=1e-12, rel=1e-12)
        assert step == pytest.approx(theirs.Zs, abs=1e-12, rel=1e-12)
        ours = local_moran(counts, left, right)
        assert ours.i == pytest.approx(moran.Is, abs=1e-12, rel=1e-12)
        codes = np.array(["", "HH", "LH", "LL", "HL"])[moran.q]
        assert ours.quadrant.tolist() == codes.tolist()


def test_the_sign_is_that_of_the_surroundings_where_esda_turns_it(esda):
    """Its G is a share of the sum of all values, so a negative sum turns high into low."""
    left, right = grid(13, 17)
    values = np.random.default_rng(8).normal(-5, 3, size=13 * 17)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = esda.G_Local(values, weights(13 * 17, left, right), transform="B", star=True, permutations=0)
    ours = gi_star(values, left, right)
    assert ours == pytest.approx(-theirs.Zs, abs=1e-12, rel=1e-12)
    middle = np.argmax(ours)
    around = np.append(right[left == middle], left[right == middle])
    assert values[around].mean() > values.mean()


@pytest.mark.slow  # esda compiles for a minute
def test_permuted_p_values_are_esdas_within_the_chance_of_the_draws(esda):
    left, right = grid(12, 12)
    cells, draws = 144, 9_999
    counts = np.random.default_rng(4).poisson(2, cells)
    counts[[0, 1, 12, 13, 14]] += 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = esda.G_Local(
            counts.astype(float),
            weights(cells, left, right),
            transform="B",
            star=True,
            permutations=draws,
            seed=1,
            keep_simulations=True,
        )
        moran = esda.Moran_Local(
            counts.astype(float),
            weights(cells, left, right),
            permutations=draws,
            seed=1,
            keep_simulations=True,
        )
    rng = np.random.default_rng(9)
    # from its simulations and not its p_sim, which is of the smaller side, and may lose ties to rounding
    at_least = (theirs.rGs >= theirs.Gs[:, None] - 1e-9).sum(axis=1)
    ours = gi_star_test(counts, left, right, permutations=draws, rng=rng)
    near = 5 * np.sqrt(2 * 0.25 / draws)
    assert ours.p_permuted == pytest.approx((at_least + 1) / (draws + 1), abs=near)
    assert ours.p_permuted.min() < 0.001
    upper = (moran.sim >= moran.Is - 1e-9).sum(axis=0)
    lower = (moran.sim <= moran.Is + 1e-9).sum(axis=0)
    twice = np.minimum(2 * (np.minimum(upper, lower) + 1) / (draws + 1), 1)
    found = local_moran(counts, left, right, permutations=draws, rng=rng)
    assert found.p_permuted == pytest.approx(twice, abs=2 * near)
