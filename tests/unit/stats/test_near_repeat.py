from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.stats import near_repeat
from pingan_geo.stats.near_repeat import Knox, alerts, knox, reach


def random(seed=1):
    return np.random.default_rng(seed)


def brute(x, y, day, distances_m, days, right_closed):
    """Count every pair in plain Python."""

    def column(value, edges):
        for number in range(len(edges) - 1):
            low, high = edges[number], edges[number + 1]
            if (
                (low < value <= high or (number == 0 and value == low))
                if right_closed
                else low <= value < high
            ):
                return number
        return None

    counts = np.zeros((len(distances_m) - 1, len(days) - 1), dtype=int)
    for one in range(len(x)):
        for other in range(one):
            row = column(float(np.hypot(x[one] - x[other], y[one] - y[other])), distances_m)
            place = column(abs(day[one] - day[other]), days)
            if row is not None and place is not None:
                counts[row, place] += 1
    return counts


# -- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("edges", [(), (5,), (0, 0), (0, 7, 3), (-1, 3), (0, np.nan), (0, np.inf)])
def test_edges_ascend_from_0(edges):
    with pytest.raises(BadChoiceError, match="distances_m"):
        knox([0, 1], [0, 1], [0, 1], edges, (0, 7), rng=random())
    with pytest.raises(BadChoiceError, match="days"):
        knox([0, 1], [0, 1], [0, 1], (0, 7), edges, rng=random())


def test_a_missing_place_or_day_is_refused_and_counted():
    for bad in range(3):
        events = [[0.0, 1.0, 2.0] for _ in range(3)]
        events[bad][1] = np.nan
        with pytest.raises(BadChoiceError, match="missing for 1 events"):
            knox(*events, (0, 7), (0, 7), rng=random())
        with pytest.raises(BadChoiceError, match="missing for 1 events"):
            alerts(*events, 3, 100, 7)


def test_each_event_has_a_place_and_a_day():
    for events in (([0, 1], [0], [0, 1]), ([0, 1], [0, 1], [0])):
        with pytest.raises(UnalignedIndexError):
            knox(*events, (0, 7), (0, 7), rng=random())
        with pytest.raises(UnalignedIndexError):
            alerts(*events, 3, 100, 7)


def test_permutations_are_not_negative():
    with pytest.raises(BadChoiceError, match="permutations"):
        knox([0, 1], [0, 1], [0, 1], (0, 7), (0, 7), permutations=-1, rng=random())


def test_too_many_pairs_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(near_repeat, "MOST_PAIRS", 5)
    assert knox([0] * 3, [0] * 3, [0, 1, 2], (0, 7), (0, 7), rng=random()).observed.sum() == 3
    with pytest.raises(BadChoiceError, match="6 pairs of events"):
        knox([0] * 4, [0] * 4, [0, 1, 2, 3], (0, 7), (0, 7), rng=random())


def test_reach_needs_a_test_and_a_level():
    untested = knox([0, 1], [0, 1], [0, 1], (0, 7), (0, 7), permutations=0, rng=random())
    assert np.isnan(untested.p).all()
    with pytest.raises(BadChoiceError, match="permutations"):
        reach(untested)
    with pytest.raises(BadChoiceError, match="level"):
        reach(untested, 0)


@pytest.mark.parametrize(("radius_m", "days"), [(0, 7), (100, 0), (np.nan, 7), (100, np.inf)])
def test_alerts_need_a_radius_and_days(radius_m, days):
    with pytest.raises(BadChoiceError, match="above 0"):
        alerts([0], [0], [0], 0, radius_m, days)
    with pytest.raises(BadChoiceError, match="now_day"):
        alerts([0], [0], [0], np.nan, 100, 7)


# -- pairs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("right_closed", [False, True])
@pytest.mark.parametrize("step", [1.0, 0.25])
def test_counts_equal_every_pair_in_plain_python(right_closed, step):
    """Places on a lattice and days on a grid, so that many pairs lie right on an edge."""
    rng = random(4)
    x, y = rng.integers(0, 8, 60) * 50.0, rng.integers(0, 8, 60) * 50.0
    day = rng.integers(0, 40, 60) * step
    edges = (50, 100, 200), (1, 2, 5)
    table = knox(x, y, day, *edges, permutations=0, rng=rng, right_closed=right_closed)
    np.testing.assert_array_equal(table.observed, brute(x, y, day, *edges, right_closed))
    assert table.observed.min() > 0


@pytest.mark.parametrize("right_closed", [False, True])
@pytest.mark.parametrize("step", [1.0, 0.37])
def test_expected_is_the_mean_over_all_orders(right_closed, step):
    from itertools import permutations

    x, y, day = [0, 30, 60, 500, 530], [0, 0, 0, 0, 0], step * np.array([0, 1, 1, 3, 9])
    edges = (0, 40, 100), (0, step, 3 * step)
    counts = [brute(x, y, list(order), *edges, right_closed) for order in permutations(day)]
    table = knox(x, y, day, *edges, permutations=0, rng=random(), right_closed=right_closed)
    np.testing.assert_allclose(table.expected, np.mean(counts, axis=0), rtol=1e-12)
    at_least = np.mean(np.array(counts) >= table.observed, axis=0)
    tested = knox(x, y, day, *edges, permutations=4000, rng=random(), right_closed=right_closed)
    np.testing.assert_allclose(tested.p, at_least, atol=0.04)


def test_no_pair_in_a_class_has_no_ratio():
    table = knox([0, 1000], [0, 0], [0, 1], (0, 100), (0, 7), rng=random())
    assert table.observed.tolist() == [[0]]
    assert table.expected.tolist() == [[0]]
    assert np.isnan(table.ratio).all()
    assert table.p.tolist() == [[1]]


@pytest.mark.parametrize("events", [[], [5.0]])
def test_no_event_and_one(events):
    table = knox(events, events, events, (0, 100, 200), (0, 7), rng=random())
    assert table.observed.tolist() == [[0], [0]]
    assert table.events == len(events)
    assert reach(table) is None


def test_the_same_seed_gives_the_same_p_in_any_order_of_events():
    rng = random(2)
    x, y, day = rng.uniform(0, 2000, 200), rng.uniform(0, 2000, 200), rng.integers(0, 60, 200)
    first, second = (
        knox(x, y, day, (0, 100, 300), (0, 3, 7), permutations=99, rng=random(7)) for _ in range(2)
    )
    np.testing.assert_array_equal(first.p, second.p)
    turned = knox(x[::-1], y[::-1], day[::-1], (0, 100, 300), (0, 3, 7), permutations=99, rng=random(7))
    np.testing.assert_array_equal(first.observed, turned.observed)
    np.testing.assert_allclose(first.expected, turned.expected)


# -- reach ------------------------------------------------------------------------------------------


def test_planted_repeats_are_found_with_their_reach():
    rng = random(9)
    x, y, day = rng.uniform(0, 6000, 600), rng.uniform(0, 6000, 600), rng.integers(0, 365, 600)
    again = 150
    turn = rng.uniform(0, 2 * np.pi, again)
    far = rng.uniform(0, 140, again)
    x = np.append(x, x[:again] + far * np.cos(turn))
    y = np.append(y, y[:again] + far * np.sin(turn))
    day = np.append(day, day[:again] + rng.integers(0, 7, again))
    table = knox(x, y, day, (0, 50, 100, 150, 200, 300), (0, 7, 14, 28), rng=rng)
    found = reach(table, 0.01)
    assert (found.radius_m, found.days) == (150, 7)
    assert found.observed == table.observed[:3, 0].sum()
    assert found.ratio == pytest.approx(found.observed / table.expected[:3, 0].sum())
    assert found.ratio > 5


def table_of(p, observed, expected):
    p, observed, expected = (np.asarray(each, dtype=float) for each in (p, observed, expected))
    edges = np.arange(p.shape[0] + 1.0) * 100, np.arange(p.shape[1] + 1.0) * 7
    return Knox(*edges, observed.astype(int), expected, observed / expected, p, 10, 999)


def test_reach_is_a_block_without_holes():
    expected = np.ones((3, 2))
    holed = table_of([[0.01, 0.01], [0.3, 0.01], [0.01, 0.01]], np.full((3, 2), 9), expected)
    assert (reach(holed).radius_m, reach(holed).days) == (100, 14)
    missing_corner = table_of([[0.2, 0.01], [0.01, 0.01], [0.01, 0.01]], np.full((3, 2), 9), expected)
    assert reach(missing_corner) is None


# -- alerts -----------------------------------------------------------------------------------------


def test_alerts_expire():
    x, y, day = np.arange(5.0), np.zeros(5), [10, 3, 4, 11, 10]
    table = alerts(x, y, day, now_day=10, radius_m=200, days=7)
    assert table["event"].tolist() == [0, 4, 2]
    assert table["until_day"].tolist() == [17, 17, 11]
    assert table["x_m"].tolist() == [0, 4, 2]
    assert (table["radius_m"] == 200).all()
    assert len(alerts(x, y, day, now_day=99, radius_m=200, days=7)) == 0
    nothing = alerts([], [], [], now_day=0, radius_m=200, days=7)
    assert nothing.dtypes.astype(str).tolist() == ["int64"] + ["float64"] * 4
