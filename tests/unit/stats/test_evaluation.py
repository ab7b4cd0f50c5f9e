"""Scores against brute force, intervals and alarms against what they promise."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pingan_geo.errors import BadChoiceError, ShortRecordError, UnalignedIndexError
from pingan_geo.stats.evaluation import (
    Record,
    Score,
    block_draws,
    compare,
    control_chart,
    covered,
    covered_groups,
    dispersion,
    drift,
    flagged,
    intervals,
    origins,
    pooled,
    prediction_interval,
    record_of,
    reliability,
    score,
)

DAY = np.timedelta64(1, "D")
FIRST = np.datetime64("2025-01-01T00:00:00")


def record(hits, events, best=None, share=0.02) -> Record:
    caught = np.atleast_2d(np.asarray(hits, dtype=float))
    most = np.full_like(caught, 50.0) if best is None else np.atleast_2d(np.asarray(best, dtype=float))
    return Record(caught, most, np.full_like(caught, share), np.asarray(events, dtype=float))


# -- refused -------------------------------------------------------------------------------------------


def test_a_record_without_room_for_a_window_is_refused_with_its_length():
    with pytest.raises(ShortRecordError, match="147 days, but a back-test needs 148"):
        origins(FIRST, FIRST + 147 * DAY, 7)
    assert len(origins(FIRST, FIRST + 148 * DAY, 7)) == 1
    with pytest.raises(ShortRecordError, match="200 days, but a back-test needs 210"):
        origins(FIRST, FIRST + 200 * DAY, 90)


@pytest.mark.parametrize("wrong", [{"horizon_d": 0}, {"horizon_d": -7}, {"horizon_d": np.nan}, {"most": 0}])
def test_origins_refuse_what_is_not_above_nothing(wrong):
    with pytest.raises(BadChoiceError):
        origins(FIRST, FIRST + 900 * DAY, **{"horizon_d": 7, **wrong})


@pytest.mark.parametrize("coverage", [0, -0.1, 1.01, np.nan])
def test_a_coverage_that_is_no_share_is_refused(coverage):
    with pytest.raises(BadChoiceError):
        score([1.0, 2.0], [0, 1], 1, [1, 1], coverage)


@pytest.mark.parametrize("expected", [[np.nan, 1.0], [np.inf, 1.0], []])
def test_a_forecast_that_is_no_number_is_refused(expected):
    with pytest.raises(BadChoiceError):
        flagged(expected, 0.5)


def test_scores_refuse_lengths_that_differ_and_hits_of_nothing():
    with pytest.raises(UnalignedIndexError):
        score([1.0, 2.0], [0, 1, 0], 1, [1, 1], 0.5)
    with pytest.raises(UnalignedIndexError):
        score([1.0, 2.0], [0, 1], 1, [1, 1, 1], 0.5)
    with pytest.raises(BadChoiceError, match="3 or more"):
        score([1.0, 2.0], [2, 1], 2, [1, 1], 0.5)
    with pytest.raises(BadChoiceError):
        pooled([])
    with pytest.raises(BadChoiceError):
        record_of([])
    one, other = Score(1, 2, 2, 0.1), Score(1, 3, 2, 0.1)
    with pytest.raises(UnalignedIndexError):
        record_of([[one], [other]])


def test_methods_are_compared_on_the_same_windows_only():
    rng = np.random.default_rng(0)
    with pytest.raises(UnalignedIndexError):
        compare([record([1, 2], [9, 9])], [record([1, 2], [9, 8])], rng)
    with pytest.raises(UnalignedIndexError):
        compare([record([1, 2], [9, 9])], [record([[1, 2], [1, 2]], [9, 9])], rng)
    with pytest.raises(UnalignedIndexError):
        compare([record([1, 2], [9, 9])] * 2, [record([1, 2], [9, 9])], rng)
    with pytest.raises(BadChoiceError):
        compare([], [], rng)
    with pytest.raises(BadChoiceError):
        compare([record([0, 0], [0, 0])], [record([0, 0], [0, 0])], rng)


def test_calibration_refuses_what_is_no_expectation():
    with pytest.raises(BadChoiceError):
        reliability([-1.0, 1.0], [0, 1])
    with pytest.raises(BadChoiceError):
        reliability([np.nan], [0])
    with pytest.raises(BadChoiceError):
        reliability([1.0], [0], bins=0)
    with pytest.raises(UnalignedIndexError):
        dispersion([1.0, 2.0], [1])
    for wrong in ({"spread": -1}, {"spread": np.inf}, {"level": 0}, {"level": 1}):
        with pytest.raises(BadChoiceError):
            prediction_interval([1.0], **wrong)


@pytest.mark.parametrize(
    ("hits", "events", "recent"),
    [
        ([1], [10], (1, 10)),
        ([1, 0], [10, 0], (1, 10)),
        ([11, 1], [10, 10], (1, 10)),
        ([1, 1], [10, 10], (11, 10)),
        ([1, 1], [10, 10], (0, 0)),
    ],
)
def test_an_alarm_needs_windows_with_reports(hits, events, recent):
    with pytest.raises(BadChoiceError):
        drift(hits, events, *recent)


def test_an_alarm_needs_events_for_each_of_hits():
    with pytest.raises(UnalignedIndexError):
        drift([1, 2], [9, 9, 9], 1, 9)


# -- origins -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("horizon", "last"), [(7, 28), (28, 28), (60, 60)])
def test_origins_are_28_days_apart_and_every_window_is_whole(horizon, last):
    end = FIRST + 900 * DAY
    found = origins(FIRST, end, horizon)
    assert len(found) == 12
    assert (np.diff(found) == 28 * DAY).all()
    assert found[-1] == end - last * DAY
    assert found[-1] + horizon * DAY <= end


def test_no_origin_has_less_than_120_days_before_it():
    end = FIRST + 240 * DAY
    found = origins(FIRST, end, 28)
    assert len(found) == 4
    assert found[0] == end - 112 * DAY
    assert found[0] - FIRST >= 120 * DAY
    assert found[0] - FIRST < (120 + 28) * DAY


# -- scores --------------------------------------------------------------------------------------------

cells = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 2), min_size=n, max_size=n),
        st.lists(st.integers(0, 4), min_size=n, max_size=n),
        st.lists(st.integers(1, 9), min_size=n, max_size=n),
        st.floats(0.01, 1.0),
        st.integers(0, 5),
    )
)


@settings(deadline=None, max_examples=150)
@given(cells)
def test_a_score_is_the_mean_over_all_ways_to_break_ties(case):
    expected, happened, areas, coverage, outside = case
    n = len(expected)
    k = max(1, round(coverage * n))
    hits, share = [], []
    for order in permutations(range(n)):  # each order breaks ties in its own way
        first = sorted(order, key=lambda cell: -expected[cell])[:k]
        hits.append(sum(happened[cell] for cell in first))
        share.append(sum(areas[cell] for cell in first) / sum(areas))
    best = max(sum(happened[cell] for cell in chosen) for chosen in combinations(range(n), k))
    events = sum(happened) + outside
    found = score(expected, happened, events, areas, coverage)
    assert found.hits == pytest.approx(np.mean(hits))
    assert found.area_share == pytest.approx(np.mean(share))
    assert found.best == best
    assert found.events == events
    if events:
        assert found.hit_rate == pytest.approx(np.mean(hits) / events)
        assert found.pai == pytest.approx(np.mean(hits) / events / np.mean(share))
    else:
        assert np.isnan(found.hit_rate)
    if best:
        assert found.pei == pytest.approx(np.mean(hits) / best)
        assert found.pei <= 1 + 1e-12
    else:
        assert np.isnan(found.pei)


def test_reports_outside_the_region_count_as_missed():
    assert score([2.0, 1.0], [3, 1], 4, [1, 1], 0.5).hit_rate == 0.75
    assert score([2.0, 1.0], [3, 1], 12, [1, 1], 0.5).hit_rate == 0.25


def test_windows_are_pooled_by_sums_and_not_by_the_mean_of_rates():
    few, many = Score(1, 1, 1, 0.1), Score(10, 99, 40, 0.1)
    both = pooled([few, many])
    assert both.hit_rate == 0.11
    assert both.pai == pytest.approx(1.1)
    assert both.pei == 11 / 41
    table = record_of([[few, many], [Score(1, 1, 1, 0.2), Score(20, 99, 60, 0.2)]])
    assert table.pooled(0) == both
    assert table.pooled(1).hits == 21
    assert table.score(1, 1) == Score(20, 99, 60, 0.2)


# -- intervals -----------------------------------------------------------------------------------------


def test_blocks_are_runs_of_neighbouring_windows_round_the_corner():
    drawn = block_draws(7, np.random.default_rng(1), draws=400, block=3)
    assert drawn.shape == (400, 7)
    steps = np.diff(drawn, axis=1) % 7
    assert (steps[:, [0, 1, 3, 4]] == 1).all()
    assert (steps[:, 2] != 1).any()
    assert np.bincount(drawn.ravel(), minlength=7).min() > 300
    with pytest.raises(BadChoiceError):
        block_draws(0, np.random.default_rng(1))
    with pytest.raises(BadChoiceError):
        block_draws(3, np.random.default_rng(1), block=0)


def test_intervals_hold_the_value_and_shrink_with_windows():
    rng = np.random.default_rng(3)
    widths = []
    for n in (12, 120):
        events = rng.poisson(100, n)
        found = intervals(record(rng.binomial(events, 0.3), events), np.random.default_rng(0))[0]
        rate = found["hit_rate"]
        assert rate.low < rate.value < rate.high
        assert found["pai"].value == pytest.approx(rate.value / 0.02)
        assert found["pai"].low == pytest.approx(rate.low / 0.02)
        assert found["pei"].low < found["pei"].value < found["pei"].high
        widths.append(rate.high - rate.low)
    assert 2.0 < widths[0] / widths[1] < 5.0  # about the root of ten


def test_without_a_report_there_is_no_rate():
    found = intervals(record([0, 0], [0, 0], [0, 0]), np.random.default_rng(0))[0]
    assert np.isnan([found["hit_rate"].value, found["hit_rate"].low, found["pei"].high]).all()


def test_a_lead_is_the_geometric_mean_over_data_sets_and_coverages():
    ours = [record([[10, 10], [30, 10]], [100, 100]), record([[3, 0], [4, 4]], [10, 10])]
    theirs = [record([[5, 5], [20, 20]], [100, 100]), record([[3, 3], [2, 2]], [10, 10])]
    lead = compare(ours, theirs, np.random.default_rng(0))
    assert lead.ratio.value == pytest.approx((2 * 1 * 0.5 * 2) ** 0.25 - 1)
    back = compare(theirs, ours, np.random.default_rng(0))
    assert (1 + back.ratio.value) * (1 + lead.ratio.value) == pytest.approx(1)


def test_a_lead_counts_for_the_same_area():
    narrow, wide = record([10, 10], [50, 50], share=0.01), record([10, 10], [50, 50], share=0.02)
    assert compare([narrow], [wide], np.random.default_rng(0)).ratio.value == pytest.approx(1.0)


def test_the_same_windows_are_drawn_for_both_methods():
    events = [100, 10, 50, 80, 20, 70]
    lead = compare([record([40, 4, 20, 32, 8, 28], events)], [record([20, 2, 10, 16, 4, 14], events)], RNG())
    assert (lead.ratio.low, lead.ratio.value, lead.ratio.high) == pytest.approx((1.0, 1.0, 1.0))
    assert lead.better == 1.0


def RNG() -> np.random.Generator:
    return np.random.default_rng(0)


def test_no_hit_at_all_is_half_a_hit_and_not_an_infinite_lead():
    lead = compare([record([3, 2], [9, 9])], [record([0, 0], [9, 9])], RNG())
    assert lead.ratio.value == pytest.approx(5.5 / 0.5 - 1)


# -- calibration ---------------------------------------------------------------------------------------


def test_a_true_forecast_is_reliable_and_a_doubled_one_is_seen():
    rng = np.random.default_rng(8)
    truth = rng.gamma(0.5, 0.4, 6_000)
    came = rng.poisson(truth)
    table = reliability(truth, came, 10)
    assert len(table) == 10
    assert table["cells"].sum() == 6_000
    assert table["expected"].sum() == pytest.approx(truth.sum())
    assert table["happened"].sum() == came.sum()
    assert table["expected"].max() < 1.3 * table["expected"].min()
    assert ((table["low"] <= 1) & (table["high"] >= 1)).sum() >= 8
    doubled = reliability(2 * truth, came, 10)
    assert (doubled["high"] < 1).all()
    low = stats.chi2.ppf(0.025, 2 * table["happened"][3]) / 2 / table["expected"][3]
    assert table["low"][3] == pytest.approx(low)


def test_cells_that_expect_the_same_stay_together():
    table = reliability([1.0] * 50 + [3.0] * 10, [1] * 60, 8)
    assert table["cells"].tolist() == [50, 10]
    assert table["ratio"].tolist() == pytest.approx([1.0, 1 / 3])


def test_where_nothing_is_expected_the_ratio_is_not_known():
    table = reliability([0.0, 0.0], [0, 1], 4)
    assert len(table) == 1
    assert np.isnan(table["ratio"][0])


def test_dispersion_is_that_of_the_counts():
    rng = np.random.default_rng(2)
    expected = rng.gamma(2.0, 1.0, 40_000)
    assert dispersion(expected, rng.poisson(expected)) < 0.02
    for alpha in (0.3, 1.0):
        came = rng.poisson(expected * rng.gamma(1 / alpha, alpha, expected.size))
        assert dispersion(expected, came) == pytest.approx(alpha, rel=0.1)
    assert dispersion([0.0, 0.0], [0, 0]) == 0.0


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("mean", [0.05, 2.0, 40.0])
def test_intervals_hold_at_least_what_they_promise(alpha, mean):
    rng = np.random.default_rng(5)
    expected = np.full(20_000, mean)
    came = rng.poisson(expected * (rng.gamma(1 / alpha, alpha, expected.size) if alpha else 1.0))
    low, high = prediction_interval(expected, spread=alpha, level=0.9)
    inside = covered(low, high, came)
    assert inside >= 0.89
    if mean > 10:
        assert inside < 0.93  # not by being wide
    if alpha:
        poisson = covered(*prediction_interval(expected, level=0.9), came)
        assert poisson <= inside
        assert mean < 10 or poisson < 0.5


def test_nothing_expected_is_nothing_and_no_interval_is_no_share():
    assert [ends.tolist() for ends in prediction_interval([0.0, 0.0], spread=0.5)] == [[0, 0], [0, 0]]
    assert np.isnan(covered([], [], []))


# -- drift ---------------------------------------------------------------------------------------------


def test_half_the_hits_raise_the_alarm_and_the_same_hits_do_not():
    events = np.full(12, 200)
    hits = np.random.default_rng(4).binomial(events, 0.3)
    poor, same = drift(hits, events, 30, 200), drift(hits, events, 60, 200)
    assert poor.alarm
    assert poor.p_value < 1e-4
    assert poor.now == 0.15
    assert not same.alarm
    assert same.p_value > 0.3
    assert same.before == pytest.approx(hits.sum() / 2400)


@pytest.mark.parametrize(
    ("hits", "events", "now", "of"), [([30] * 10, [100] * 10, 20, 100), ([12] * 3, [40] * 3, 5, 40)]
)
def test_with_even_windows_the_law_is_that_of_two_samples(hits, events, now, of):
    found = drift(hits, events, now, of)
    # how seldom a random part of all reports holds so few of all hits, which knows no rate beforehand
    exact = stats.hypergeom.cdf(now, sum(events) + of, sum(hits) + now, of)
    assert found.p_value == pytest.approx(exact, rel=0.15)
    assert found.p_value > stats.binom.cdf(now, of, 0.3)


def test_windows_that_differ_much_anyway_raise_it_later():
    even = drift([30] * 8, [100] * 8, 15, 100)
    uneven = drift([10, 50, 20, 45, 12, 48, 15, 40], [100] * 8, 15, 100)
    assert even.alarm
    assert not uneven.alarm


@pytest.mark.parametrize("hits", [[0, 0, 0], [20, 20, 20]])
def test_all_or_nothing_before_still_gives_a_chance(hits):
    found = drift(hits, [20, 20, 20], 0, 20)
    assert 0 < found.p_value <= 1
    assert found.alarm == (hits[0] == 20)


@pytest.mark.parametrize(("alike", "most"), [(0.0, 0.015), (0.02, 0.03)])
def test_the_alarm_is_seldom_false(alike, most):
    rng = np.random.default_rng(11)
    false = 0
    runs = 1_500
    for _ in range(runs):
        events = rng.poisson(80, 12)
        rates = rng.beta(0.3 * (1 / alike - 1), 0.7 * (1 / alike - 1), 12) if alike else np.full(12, 0.3)
        hits = rng.binomial(events, rates)
        false += drift(hits[:-1], events[:-1], hits[-1], events[-1]).alarm
    assert false / runs <= most


# -- groups by window, control chart -------------------------------------------------------------------


def test_totals_of_groups_lie_in_their_intervals_as_often_as_said():
    rng = np.random.default_rng(8)
    truth = np.tile(rng.gamma(0.5, 1.0, 400), (12, 1))
    inside = np.concatenate(
        [covered_groups(truth, rng.poisson(truth), 10, level=0.9).ravel() for _ in range(60)]
    )
    told = inside[~np.isnan(inside)]
    assert len(told) == 60 * 6 * 10  # the later six of twelve windows
    assert 0.88 < told.mean() < 0.97
    # the spread is learnt from the windows before: a last window of twice as many lies outside
    came = rng.poisson(truth).astype(float)
    came[-1] *= 3
    assert np.nanmean(covered_groups(truth, came)[-1]) < 0.2
    with pytest.raises(BadChoiceError, match="bins"):
        covered_groups(truth, came, 0)


def test_the_chart_judges_each_window_by_those_before_it():
    hits, events = [40, 42, 38, 41, 8], [100] * 5
    chart = control_chart(hits, events)
    assert chart["alarm"].tolist() == [False] * 4 + [True]
    assert chart["limit"].isna().tolist() == [True, True, False, False, False]
    assert chart["before"].iloc[-1] == pytest.approx(161 / 400)
    assert chart["p_value"].iloc[-1] == drift(hits[:-1], events[:-1], 8, 100).p_value
    limit = round(float(chart["limit"].iloc[-1]) * 100)
    assert not drift(hits[:-1], events[:-1], limit, 100).alarm
    assert drift(hits[:-1], events[:-1], limit - 1, 100).alarm


def test_a_window_without_a_whole_report_is_not_judged():
    chart = control_chart([3, 2, 0, 0.2], [9, 9, 0, 0.5])
    assert not chart["alarm"].any()
    assert chart["p_value"].isna().all()
    assert np.isnan(chart["hit_rate"].iloc[2])
