"""The scan finds what trying every cylinder finds, whatever the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.stats.scan import FEWEST, scan_permutation, scan_poisson


def log_likelihood_ratio(count, mean, total):
    if count < FEWEST or count <= mean:
        return 0.0
    rest = total - count
    return count * np.log(count / mean) + (rest * np.log(rest / (total - mean)) if rest else 0.0)


def best_by_trying(counts, expected, x, y, radius_m, longest, most_share, prospective):
    """The greatest statistic of all cylinders, one after the other."""
    total = counts.sum()
    mean = expected * total / expected.sum()
    used = np.flatnonzero(mean.sum(axis=1) > 0)
    steps = counts.shape[1]
    best = 0.0
    for centre in used:
        away = np.round(np.hypot(x[used] - x[centre], y[used] - y[centre]), 3)
        for radius in np.unique(away[away <= radius_m]):
            inside = used[away <= radius]
            if mean[inside].sum() > most_share * total * (1 + 1e-12):
                continue
            for first in range(steps):
                for last in range(first, min(first + longest, steps)):
                    if prospective and last != steps - 1:
                        continue
                    part = np.ix_(inside, range(first, last + 1))
                    best = max(best, log_likelihood_ratio(counts[part].sum(), mean[part].sum(), total))
    return best


@st.composite
def scenes(draw):
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    cells, steps = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    # whole hundreds make many equal distances
    x, y = rng.integers(0, 4, cells) * 100.0, rng.integers(0, 4, cells) * 100.0
    wanted = {
        "radius_m": draw(st.sampled_from([0.0, 100.0, 150.0, 300.0, np.inf])),
        "longest": draw(st.integers(1, steps)),
        "most_share": draw(st.sampled_from([0.2, 0.5, 1.0])),
        "prospective": draw(st.booleans()),
    }
    busy = draw(st.sampled_from([0.2, 2.0, 10.0]))
    counts = rng.poisson(busy, (cells, steps))
    counts[rng.integers(cells), rng.integers(steps)] += draw(st.integers(0, 20))
    return counts, x, y, wanted, rng


@settings(max_examples=150, deadline=None)
@given(scenes())
def test_permutation_form_finds_the_best_cylinder(scene):
    counts, x, y, wanted, rng = scene
    cell, step = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape[1])
    order = rng.permutation(cell.size)
    result = scan_permutation(
        cell[order], step[order], x, y, counts.shape[1], replications=0, rng=rng, **wanted
    )
    expected = counts.sum(axis=1)[:, None] * counts.sum(axis=0) / max(counts.sum(), 1)
    best = best_by_trying(counts, expected, x, y, **wanted) if counts.sum() else 0.0
    assert (result.clusters[0].statistic if result.clusters else 0.0) == pytest.approx(
        best, rel=1e-8, abs=1e-8
    )
    check_clusters(result, counts, expected)


@settings(max_examples=150, deadline=None)
@given(scenes(), st.booleans())
def test_poisson_form_finds_the_best_cylinder(scene, purely_spatial):
    counts, x, y, wanted, rng = scene
    exposure = rng.gamma(0.5, 1.0, counts.shape) * rng.integers(0, 3, counts.shape[0])[:, None]
    exposure[rng.random(counts.shape) < 0.2] = 0.0
    counts = np.where(exposure > 0, counts, 0)
    result = scan_poisson(
        counts, exposure, x, y, purely_spatial=purely_spatial, replications=0, rng=rng, **wanted
    )
    if purely_spatial:
        counts, exposure = counts.sum(axis=1, keepdims=True), exposure.sum(axis=1, keepdims=True)
        wanted |= {"longest": 1}
    best = best_by_trying(counts, exposure, x, y, **wanted) if counts.sum() else 0.0
    assert (result.clusters[0].statistic if result.clusters else 0.0) == pytest.approx(
        best, rel=1e-8, abs=1e-8
    )
    check_clusters(result, counts, exposure * counts.sum() / max(exposure.sum(), 1e-300))


def check_clusters(result, counts, expected):
    assert result.total == counts.sum()
    taken = np.zeros(counts.shape, dtype=bool)
    for one in result.clusters:
        part = np.ix_(one.cells, range(one.first_step, one.last_step + 1))
        assert not taken[part].any()
        taken[part] = True
        assert one.centre in one.cells
        assert one.observed == counts[part].sum()
        assert one.expected == pytest.approx(expected[part].sum())
        assert one.statistic == pytest.approx(
            log_likelihood_ratio(one.observed, one.expected, result.total), abs=1e-9
        )
        assert one.ratio > 1
    # equals may differ in the last digit
    statistics = [round(one.statistic, 9) for one in result.clusters]
    assert statistics == sorted(statistics, reverse=True)


@settings(max_examples=20, deadline=None)
@given(scenes())
def test_order_of_reports_and_place_of_origin_do_not_matter(scene):
    counts, x, y, wanted, rng = scene
    cell, step = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape[1])
    order = rng.permutation(cell.size)
    one = scan_permutation(cell, step, x, y, counts.shape[1], replications=0, rng=rng, **wanted)
    other = scan_permutation(
        cell[order], step[order], x - 5000, y + 700, counts.shape[1], replications=0, rng=rng, **wanted
    )
    assert [found.statistic for found in one.clusters] == pytest.approx(
        [found.statistic for found in other.clusters], abs=1e-9
    )
    assert [found.cells.tolist() for found in one.clusters] == [
        found.cells.tolist() for found in other.clusters
    ]
