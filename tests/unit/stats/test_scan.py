"""Kulldorff's scan: what it refuses, a planted cluster, p-values, early stop, the same answer twice."""

from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats.scan import STOP_AFTER, scan_permutation, scan_poisson

SIDE, STEPS = 8, 60


@pytest.fixture
def places():
    x, y = np.meshgrid(np.arange(SIDE) * 200.0, np.arange(SIDE) * 200.0)
    return x.ravel(), y.ravel()


@pytest.fixture
def quiet():
    """Per report cell and step, with neither place nor time standing out."""
    rng = np.random.default_rng(5)
    return rng.integers(0, SIDE * SIDE, 600), rng.integers(0, STEPS, 600)


def with_cluster(quiet, cells=(27, 28, 35), steps=(50, 55), n=25):
    rng = np.random.default_rng(6)
    return (
        np.append(quiet[0], rng.choice(cells, n)),
        np.append(quiet[1], rng.integers(steps[0], steps[1] + 1, n)),
    )


def permute(reports, places, steps=STEPS, **wanted):
    given = {"radius_m": 500, "longest": 14, "replications": 99, "rng": np.random.default_rng(1)} | wanted
    return scan_permutation(*reports, *places, steps, **given)


def counted(reports):
    counts = np.zeros((SIDE * SIDE, STEPS), dtype=np.int64)
    np.add.at(counts, reports, 1)
    return counts


def poisson(counts, expected, places, **wanted):
    given = {"radius_m": 500, "longest": 14, "replications": 99, "rng": np.random.default_rng(1)} | wanted
    return scan_poisson(counts, expected, *places, **given)


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"radius_m": -1}, "radius_m"),
        ({"radius_m": np.nan}, "radius_m"),
        ({"longest": 0}, "longest"),
        ({"longest": STEPS + 1}, "longest"),
        ({"most_share": 0}, "most_share"),
        ({"most_share": 1.01}, "most_share"),
        ({"replications": -1}, "replications"),
        ({"most_clusters": 0}, "most_clusters"),
    ],
)
def test_numbers_out_of_range_are_refused(quiet, places, wanted, named):
    with pytest.raises(BadChoiceError, match=named):
        permute(quiet, places, **wanted)
    with pytest.raises(BadChoiceError, match=named):
        poisson(counted(quiet), np.ones((SIDE * SIDE, STEPS)), places, **wanted)


def test_reports_outside_of_cells_or_time_are_refused(quiet, places):
    cell, step = quiet
    for bad in (-1, SIDE * SIDE):
        with pytest.raises(BadChoiceError, match="cell"):
            permute((np.append(cell, bad), np.append(step, 0)), places)
    for bad in (-1, STEPS):
        with pytest.raises(BadChoiceError, match="step"):
            permute((np.append(cell, 0), np.append(step, bad)), places)
    with pytest.raises(BadChoiceError, match="steps"):
        permute(quiet, places, steps=0)


def test_lengths_that_do_not_fit_are_refused(quiet, places):
    with pytest.raises(UnalignedIndexError):
        permute((quiet[0][:-1], quiet[1]), places)
    with pytest.raises(UnalignedIndexError):
        permute(quiet, (places[0], places[1][:-1]))
    counts, ones = counted(quiet), np.ones((SIDE * SIDE, STEPS))
    with pytest.raises(UnalignedIndexError):
        poisson(counts, ones[:-1], places)
    with pytest.raises(UnalignedIndexError):
        poisson(counts[:-1], ones[:-1], places)


def test_missing_places_are_refused(quiet, places):
    x = places[0].copy()
    x[3] = np.nan
    with pytest.raises(BadChoiceError, match="x_m"):
        permute(quiet, (x, places[1]))


@pytest.mark.parametrize(
    ("count", "exposure", "named"),
    [
        (-1, 1, "counts"),
        (0.5, 1, "counts"),
        (np.nan, 1, "counts"),
        (1, -1, "expected"),
        (1, np.nan, "expected"),
    ],
)
def test_counts_and_exposure_must_be_numbers_that_can_be(quiet, places, count, exposure, named):
    counts, expected = counted(quiet).astype(float), np.ones((SIDE * SIDE, STEPS))
    counts[5, 5], expected[5, 5] = count, exposure
    with pytest.raises(BadChoiceError, match=named):
        poisson(counts, expected, places)


def test_reports_without_exposure_are_refused(quiet, places):
    counts, expected = counted(quiet), np.ones((SIDE * SIDE, STEPS))
    counts[5, 5], expected[5, 5] = 1, 0
    with pytest.raises(BadChoiceError, match="wherever there are reports"):
        poisson(counts, expected, places)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_reports_are_no_cluster(places, n):
    result = permute((np.zeros(n, dtype=int), np.zeros(n, dtype=int)), places)
    assert (result.clusters, result.total, result.replications) == ((), n, 0)
    counts = np.zeros((SIDE * SIDE, STEPS), dtype=int)
    counts[0, 0] = n
    assert poisson(counts, counts + 1.0, places).clusters == ()


def test_planted_cluster_is_found(quiet, places):
    reports = with_cluster(quiet)
    for result in (
        permute(reports, places),
        poisson(counted(reports), np.ones((SIDE * SIDE, STEPS)), places),
    ):
        first = result.clusters[0]
        assert {27, 28, 35} <= set(first.cells.tolist())
        assert abs(first.first_step - 50) <= 1
        assert abs(first.last_step - 55) <= 1
        assert first.p == 0.01
        assert first.p_gumbel < 0.001
        assert result.replications == 99
        assert not result.stopped_early
        assert result.clusters[1].p > 0.05


def test_prospective_looks_only_at_what_lasts_until_now(quiet, places):
    over = with_cluster(quiet, steps=(20, 25))
    going_on = with_cluster(quiet, steps=(55, 59))
    assert permute(over, places).clusters[0].p == 0.01
    assert permute(over, places, prospective=True).clusters[0].p > 0.05
    found = permute(going_on, places, prospective=True)
    assert found.clusters[0].p == 0.01
    assert all(one.last_step == STEPS - 1 for one in found.clusters)


def test_what_rises_everywhere_or_is_always_busy_is_no_cluster_to_the_permutation_form(quiet, places):
    rng = np.random.default_rng(7)
    everywhere = np.append(quiet[0], rng.integers(0, SIDE * SIDE, 300)), np.append(quiet[1], np.full(300, 58))
    always = np.append(quiet[0], np.full(300, 27)), np.append(quiet[1], rng.integers(0, STEPS, 300))
    for reports in (everywhere, always):
        assert permute(reports, places).clusters[0].p_gumbel > 0.01
        surplus = poisson(counted(reports), np.ones((SIDE * SIDE, STEPS)), places).clusters[0]
        assert surplus.p_gumbel < 1e-6


def test_exposure_explains_what_it_explains(places):
    rng = np.random.default_rng(8)
    people = np.ones(SIDE * SIDE)
    people[[27, 28, 35]] = 12
    counts = rng.poisson(people * 5)
    even = poisson(counts, np.ones(SIDE * SIDE), places, purely_spatial=True)
    fair = poisson(counts, people, places, purely_spatial=True)
    assert even.clusters[0].p == 0.01
    assert fair.clusters[0].p > 0.05


def test_only_proportions_of_the_expected_count(quiet, places):
    reports = with_cluster(quiet)
    one = poisson(counted(reports), np.full((SIDE * SIDE, STEPS), 0.3), places)
    other = poisson(counted(reports), np.full((SIDE * SIDE, STEPS), 700.0), places)
    assert one.clusters[0].expected == pytest.approx(other.clusters[0].expected)
    assert one.clusters[0].p_gumbel == pytest.approx(other.clusters[0].p_gumbel)


def test_stops_when_plainly_nothing_is_there(quiet, places):
    told = []
    result = permute(quiet, places, replications=9999, on_progress=lambda done, of: told.append((done, of)))
    assert result.stopped_early
    assert STOP_AFTER <= result.replications < 9999
    first = result.clusters[0]
    assert int((result.maxima >= first.statistic).sum()) == STOP_AFTER
    assert first.p == STOP_AFTER / result.replications
    assert all(of == 9999 for _, of in told)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_without_replications_nothing_is_claimed(quiet, places):
    first = permute(quiet, places, replications=0).clusters[0]
    assert np.isnan(first.p)
    assert np.isnan(first.p_gumbel)


def test_same_seed_same_answer_on_any_number_of_cores(quiet, places, monkeypatch):
    reports = with_cluster(quiet)
    many = permute(reports, places)
    monkeypatch.setattr("pingan_geo.stats.scan.os.cpu_count", lambda: 1)
    one = permute(reports, places)
    np.testing.assert_array_equal(many.maxima, one.maxima)
    assert many.clusters[0].p_gumbel == one.clusters[0].p_gumbel
    other = permute(reports, places, rng=np.random.default_rng(2))
    assert not np.array_equal(many.maxima, other.maxima)


def test_circles_stay_within_radius_and_share(quiet, places):
    reports = with_cluster(quiet)
    x, y = places
    for one in permute(reports, places, radius_m=250, replications=0).clusters:
        assert np.hypot(x[one.cells] - x[one.centre], y[one.cells] - y[one.centre]).max() <= 250
    small = permute(reports, places, radius_m=np.inf, most_share=0.05, replications=0)
    for one in small.clusters:
        assert np.isin(reports[0], one.cells).mean() <= 0.05


def test_no_more_clusters_than_asked(quiet, places):
    assert len(permute(quiet, places, replications=0, most_clusters=3).clusters) == 3
