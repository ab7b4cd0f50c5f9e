"""How often each test of change cries wolf where nothing changes, and how often it sees what does.

Every share is of at least 500 made towns; 3-7 % is what 500 draws of a true 5 % test give. Exact tests of
small counts stay below: a count cannot take the value that would make it 5 %.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from pingan_geo.stats.change import compare_periods, life_classes, mann_kendall, newcomers
from pingan_geo.stats.near_repeat import knox, reach
from pingan_geo.stats.rates import rate_interval

pytestmark = pytest.mark.slow

TOWNS = 500


@pytest.mark.parametrize("lengths", [(28, 28), (90, 7), (365, 30)])
@pytest.mark.parametrize("usual", [2, 20, 100, 1000, 10_000])
def test_two_periods_of_the_same_pace(lengths, usual):
    """``usual`` reports in the longer period, on average over cells that differ tenfold.

    An exact test keeps below 5 % whatever the counts. With few reports it cries wolf less often than it
    may, and misses more: above 3 % is asked only where the shorter period has some eighty.
    """
    rng = np.random.default_rng([usual, *lengths])
    pace = usual * rng.gamma(2, 0.5, 20_000) / max(lengths)
    table = compare_periods(
        rng.poisson(pace * lengths[0]),
        rng.poisson(pace * lengths[1]),
        length_before_d=lengths[0],
        length_after_d=lengths[1],
    )
    share = (table["p_value"] <= 0.05).mean()
    print(f"two periods {lengths} usual {usual}: {share:.3f}")
    assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 20_000)
    if usual * min(lengths) / max(lengths) >= 75:
        assert share >= 0.03


@pytest.mark.parametrize("usual", [0.5, 3, 30, 300])
def test_interval_of_a_rate_holds_the_truth_at_least_as_often_as_it_says(usual):
    rng = np.random.default_rng(int(usual * 10))
    low, high = rate_interval(rng.poisson(usual, 50_000), np.full(50_000, 4.0))
    share = ((low <= usual / 4) & (usual / 4 <= high)).mean()
    print(f"rate interval, mean {usual}: {share:.3f}")
    assert share >= 0.948


def made_reports(rng, *, days, old, new, rise=1.0, past_d=0):
    """Return reports of ``old`` people over two periods and ``new`` ones who join in the second.

    The old ones also reported in ``past_d`` days before day 0. People differ tenfold in how much they report; the pace of all is ``rise`` times as high in the second.
    """
    before_d, after_d = days

    def reports(people, start, length, pace):
        number = rng.poisson(pace * length / 30)
        return np.repeat(people, number), start + rng.uniform(0, length, int(number.sum()))

    pace = rng.gamma(0.8, 2.0, old)
    names = np.array([f"P{number}" for number in range(old + new)])
    parts = [
        reports(names[:old], -past_d, past_d, pace),
        reports(names[:old], 0, before_d, pace),
        reports(names[:old], before_d, after_d, pace * rise),
        reports(names[old:], before_d, after_d, rng.gamma(0.8, 2.0, new) * rise),
    ]
    who, when = (np.concatenate(each) for each in zip(*parts, strict=True))
    time = np.datetime64("2026-01-01", "s") + (when * 86_400).astype("timedelta64[s]")
    return pd.DataFrame({"time": time, "reporter": pd.Series(who, dtype="str")})


def share_of_rises(days, **made):
    start = np.datetime64("2026-01-01", "s")
    since, split, until = (
        (start + np.timedelta64(day, "D")).astype(datetime) for day in (0, days[0], sum(days))
    )
    alarms = naive = 0
    for town in range(TOWNS):
        rng = np.random.default_rng([town, 17])
        found = newcomers(made_reports(rng, days=days, **made), split, since=since, until=until)
        alarms += found.p_value_old <= 0.05
        plain = compare_periods(
            [found.before], [found.after], length_before_d=days[0], length_after_d=days[1]
        )
        naive += plain["p_value"][0] <= 0.05
    return alarms / TOWNS, naive / TOWNS


@pytest.mark.parametrize("past_d", [0, 365])
@pytest.mark.parametrize("days", [(30, 30), (90, 30)])
@pytest.mark.parametrize("new", [0, 60])
def test_newcomers_are_not_taken_for_a_rise(new, days, past_d):
    """Sixty newcomers to a hundred people: counts alone see a rise nearly always, the old ones do not."""
    alarms, naive = share_of_rises(days, old=100, new=new, past_d=past_d)
    print(f"newcomers {new} days {days} past {past_d}: old ones {alarms:.3f}, all reports {naive:.3f}")
    assert alarms <= 0.07
    assert (naive > 0.9) if new else (naive <= 0.07)


@pytest.mark.parametrize("days", [(30, 30), (90, 30)])
def test_a_real_rise_among_newcomers_is_seen_if_the_past_is_given(days):
    """Without it, old people who happened to be silent before the split look new, and the rise looks less."""
    seen = {past_d: share_of_rises(days, old=100, new=60, rise=1.5, past_d=past_d)[0] for past_d in (0, 365)}
    print(f"rise of half among 60 newcomers, days {days}: seen, by days of past: {seen}")
    assert seen[365] > 0.8
    assert seen[0] <= seen[365]


@pytest.mark.parametrize("steps", [8, 12, 24, 52])
def test_no_trend(steps):
    rng = np.random.default_rng(steps)
    for values in (rng.normal(0, 1, (steps, 20_000)), rng.poisson(2, (steps, 20_000))):
        share = (mann_kendall(values)[2] <= 0.05).mean()
        print(f"no trend, {steps} steps: {share:.3f}")
        assert 0.03 <= share <= 0.07


def test_lives_of_cells_that_do_not_change():
    rng = np.random.default_rng(6)
    for level, at_most in ((0.0, 0.01), (2.0, 0.06), (4.0, 0.06)):
        found = life_classes(level + rng.normal(0, 1, (12, 20_000)))
        moving = np.isin(found, ["intensifying", "fading"]).mean()
        print(f"z around {level}: " + str(dict(zip(*np.unique(found, return_counts=True), strict=True))))
        assert moving <= at_most
        assert (found == "persistent").mean() > 0.9 or level < 4


def test_chance_alone_gives_classes_at_the_usual_threshold_and_hardly_any_at_3():
    nothing = np.random.default_rng(7).normal(0, 1, (12, 20_000))
    shares = [(life_classes(nothing, threshold=threshold) != "never").mean() for threshold in (1.96, 3.0)]
    print(f"cells without anything that get a class at 1.96 and at 3: {shares}")
    assert 0.2 < shares[0] < 0.3
    assert shares[1] < 0.02


def made_events(rng, kind, events):
    if kind == "even":
        return rng.uniform(0, 3000, (2, events)), rng.integers(0, 180, events)
    # crowded places and a busy season, but no event that follows another
    centres = rng.uniform(300, 2700, (12, 2))
    place = centres[rng.choice(12, events, p=rng.dirichlet(np.ones(12)))] + rng.normal(0, 200, (events, 2))
    return place.T, np.minimum(rng.gamma(3, 25, events), 179).astype(int)


@pytest.mark.parametrize("kind", ["even", "crowded"])
def test_no_near_repeat(kind):
    alarms, blocks, every = 0, 0, []
    for town in range(TOWNS):
        rng = np.random.default_rng([town, 23])
        (x, y), day = made_events(rng, kind, 300)
        table = knox(x, y, day, (0, 100, 200, 300), (0, 7, 14, 21), permutations=199, rng=rng)
        alarms += table.p[0, 0] <= 0.05
        blocks += reach(table) is not None
        every.append((table.p <= 0.05).mean())
    print(f"{kind}: first class {alarms / TOWNS:.3f}, all classes {np.mean(every):.3f}, a reach {blocks / TOWNS:.3f}")  # fmt: skip
    assert 0.02 <= alarms / TOWNS <= 0.07
    assert 0.03 <= np.mean(every) <= 0.07
    assert blocks == alarms
