from __future__ import annotations

from datetime import datetime
from math import comb

import numpy as np
import pandas as pd
import pytest

from pingan_geo.errors import BadChoiceError, BadTableError, UnalignedIndexError
from pingan_geo.stats.change import (
    LIFE_CLASSES,
    compare_periods,
    life_classes,
    mann_kendall,
    newcomers,
)

# -- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [-1, 0.5, np.nan])
def test_counts_must_be_whole(count):
    with pytest.raises(BadChoiceError, match="before is"):
        compare_periods([count], [1], length_before_d=1, length_after_d=1)
    with pytest.raises(BadChoiceError, match="after is"):
        compare_periods([1], [count], length_before_d=1, length_after_d=1)


@pytest.mark.parametrize("length", [0, -7, np.nan, np.inf])
def test_lengths_must_be_above_0(length):
    with pytest.raises(BadChoiceError, match="length_before_d"):
        compare_periods([1], [1], length_before_d=length, length_after_d=1)
    with pytest.raises(BadChoiceError, match="length_after_d"):
        compare_periods([1, 2], [1, 3], length_before_d=1, length_after_d=[1, length])


def test_units_must_be_the_same():
    with pytest.raises(UnalignedIndexError):
        compare_periods([1, 2], [1], length_before_d=1, length_after_d=1)
    with pytest.raises(UnalignedIndexError):
        compare_periods([1, 2], [1, 3], length_before_d=[1, 2, 3], length_after_d=1)
    with pytest.raises(BadChoiceError, match="level"):
        compare_periods([1], [1], length_before_d=1, length_after_d=1, level=1)


def test_newcomers_need_times_reporters_and_periods_in_order():
    reports = made([("2026-03-01", "甲"), ("2026-03-20", "乙")])
    for column in ("time", "reporter"):
        with pytest.raises(BadTableError, match=column):
            newcomers(reports.drop(columns=column), datetime(2026, 3, 10))
    for split in (datetime(2026, 3, 1), datetime(2026, 3, 21)):
        with pytest.raises(BadChoiceError, match="one after the other"):
            newcomers(reports, split)
    with pytest.raises(BadChoiceError, match="no report has a time"):
        newcomers(made([]), datetime(2026, 3, 10))


@pytest.mark.parametrize("asked", [mann_kendall, life_classes])
def test_a_series_has_steps_and_no_gaps(asked):
    for bad in (np.zeros((0, 3)), np.zeros(4), [[1.0, np.nan]], [[np.inf]]):
        with pytest.raises(BadChoiceError):
            asked(bad)
    with pytest.raises(BadChoiceError, match="threshold"):
        life_classes([[1.0]], threshold=np.nan)


# -- two periods ------------------------------------------------------------------------------------


def test_same_pace_in_periods_of_other_lengths_is_no_change():
    row = compare_periods([90], [7], length_before_d=90, length_after_d=7).iloc[0]
    assert (row["expected"], row["ratio"]) == (7, 1)
    assert row["ratio_low"] < 1 < row["ratio_high"]
    assert row["p_value"] > 0.9


def test_the_smallest_numbers_by_hand():
    """Given five reports in all, five after and none before has a chance of 1 in 32 each way."""
    table = compare_periods([0, 5, 0, 1], [5, 0, 0, 0], length_before_d=30, length_after_d=30)
    np.testing.assert_allclose(table["p_value"], [2 / 32, 2 / 32, np.nan, 1])
    assert table["ratio"].tolist()[:2] == [np.inf, 0]
    assert np.isnan(table["ratio"][2])
    # twice the tail of 5 in 5 at the lower end is the level
    share = 0.025 ** (1 / 5)
    assert table["ratio_low"][0] == pytest.approx(share / (1 - share))
    assert table["ratio_high"].tolist()[::2] == [np.inf, np.inf]
    assert table["ratio_low"].tolist()[1:] == [0, 0, 0]


def test_rates_are_compared_when_lengths_carry_exposure():
    """Twice the reports by twice the reporters is no change; by as many it is one."""
    days = 28
    table = compare_periods(
        [50, 50], [100, 100], length_before_d=days * np.array([10, 10]), length_after_d=days * np.array([20, 10])
    )  # fmt: skip
    assert table["ratio"].tolist() == [1, 2]
    assert table["p_value"][0] > 0.9
    assert table["p_value"][1] < 1e-4


def test_no_units():
    table = compare_periods([], [], length_before_d=1, length_after_d=1)
    assert table.dtypes.astype(str).tolist() == ["int64"] * 2 + ["float64"] * 5
    assert len(table) == 0


# -- newcomers --------------------------------------------------------------------------------------


def made(rows):
    return pd.DataFrame(
        {
            "time": np.array([time for time, _ in rows], dtype="datetime64[s]"),
            "reporter": pd.Series([reporter for _, reporter in rows], dtype="str"),
        }
    )


def test_newcomers_are_told_from_a_real_rise():
    before = [("2026-03-03", "甲")] * 3 + [("2026-03-05", "乙")] * 2 + [("2026-03-06", "")]
    after = [("2026-03-12", "甲")] * 4 + [("2026-03-13", "丙")] * 6 + [("2026-03-14", "")] * 2
    found = newcomers(
        made(before + after),
        datetime(2026, 3, 11),
        since=datetime(2026, 3, 1),
        until=datetime(2026, 3, 16),
    )
    assert (found.length_before_d, found.length_after_d) == (10, 5)
    assert (found.before, found.after) == (6, 12)
    assert (found.after_from_newcomers, found.after_from_old) == (6, 4)
    assert (found.before_without_reporter, found.after_without_reporter) == (1, 2)
    assert (found.new_reporters, found.old_reporters) == (1, 1)
    assert found.rise_from_old == 4 - 5 / 2
    assert found.rise_without_reporter == 2 - 1 / 2
    at_least_4_of_9 = sum(comb(9, of_old) * 2 ** (9 - of_old) for of_old in range(4, 10)) / 3**9
    assert found.p_value_old == pytest.approx(at_least_4_of_9)


def test_who_reported_long_ago_is_no_newcomer():
    reports = made([("2025-12-01", "甲"), ("2026-03-02", "乙"), ("2026-03-12", "甲"), ("2026-04-09", "丙")])
    found = newcomers(reports, datetime(2026, 3, 11), since=datetime(2026, 3, 1), until=datetime(2026, 3, 21))
    assert (found.before, found.after) == (1, 1)
    assert (found.after_from_newcomers, found.after_from_old) == (0, 1)


def test_open_ends_are_the_days_of_the_first_and_last_report_and_no_time_is_counted():
    reports = made([("2026-03-02T23:00", "甲"), ("2026-03-12T00:30", "甲"), ("NaT", "乙")])
    found = newcomers(reports, datetime(2026, 3, 11))
    assert (found.length_before_d, found.length_after_d) == (9, 2)
    assert (found.before, found.after, found.without_time) == (1, 1, 1)


def test_a_person_known_only_without_a_time_is_new_when_first_seen():
    found = newcomers(
        made([("NaT", "乙"), ("2026-03-02", "甲"), ("2026-03-12", "乙")]), datetime(2026, 3, 11)
    )
    assert found.after_from_newcomers == 1


def test_old_ones_without_a_report_are_not_tested():
    reports = made([("2026-03-12", "丙"), ("2026-03-02", "")])
    found = newcomers(reports, datetime(2026, 3, 11))
    assert np.isnan(found.p_value_old)
    assert found.rise_from_old == 0


# -- trends and lives -------------------------------------------------------------------------------


def test_mann_kendall_by_hand():
    rising, falling, flat, tied = [1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [2, 2, 2, 2, 2], [1, 1, 2, 2, 3]
    s, z, p = mann_kendall(np.array([rising, falling, flat, tied]).T)
    assert s.tolist() == [10, -10, 0, 8]
    # variance 5·4·15/18 without ties; two pairs take 2·1·9/18 each
    np.testing.assert_allclose(
        z, [9 / np.sqrt(50 / 3), -9 / np.sqrt(50 / 3), 0, 7 / np.sqrt(50 / 3 - 2)], rtol=1e-12
    )
    assert p[0] == p[1] < 0.05
    assert np.isnan(p[2])


def test_one_step_has_no_trend():
    s, z, p = mann_kendall([[3.0, 4.0]])
    assert s.tolist() == [0, 0]
    assert z.tolist() == [0, 0]
    assert np.isnan(p).all()
    assert mann_kendall(np.zeros((3, 0)))[0].size == 0


LIVES = {
    "never": [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1],
    "historical": [5, 5, 5, 5, 5, 5, 5, 5, 5, 0, 0, 0],
    "new": [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 9],
    "intensifying": [1, 2, 1, 3, 2, 4, 3, 5, 4, 6, 5, 7],
    "fading": [9, 8, 7, 8, 6, 5, 6, 4, 5, 3, 2, 2],
    "persistent": [4, 5, 3, 4, 5, 1, 5, 4, 3, 5, 4, 4],
    "sporadic": [0, 5, 0, 0, 1, 5, 0, 1, 0, 0, 5, 0],
}


def test_each_life_has_its_class():
    assert set(LIVES) == set(LIFE_CLASSES)
    found = life_classes(np.array(list(LIVES.values()), dtype=float).T)
    assert found.tolist() == list(LIVES)


def test_the_last_quarter_is_recent():
    """Hot up to the ninth of twelve months is history; the tenth is recent."""
    ninth, tenth = np.zeros((2, 12))
    ninth[8] = tenth[9] = 3
    assert life_classes(np.array([ninth, tenth]).T).tolist() == ["historical", "new"]
    assert life_classes([[3.0, 0.0]]).tolist() == ["new", "never"]


def test_the_threshold_is_hot():
    assert life_classes([[2.0, 1.999]], threshold=2.0).tolist() == ["new", "never"]
