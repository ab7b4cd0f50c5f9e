"""The plain sentence: its number words are right, and too few reports get none."""

from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.i18n import translator
from pingan_geo.workflow.verdicts import (
    LEAST_NEAR,
    LEAST_REPORTS,
    name_place,
    say_chance,
    say_verdict,
    significance_class,
)

ZH, EN = translator("zh"), translator("en")


@pytest.mark.parametrize(
    ("total", "observed", "sentence"),
    [
        (LEAST_REPORTS - 1, 25, "数据太少，不下结论（共 29 条，至少要 30 条）"),
        (LEAST_REPORTS, LEAST_NEAR - 1, "数据太少，不下结论（北街一带 4 条，至少要 5 条）"),
    ],
)
def test_too_few_reports_get_no_verdict_however_small_p_is(total, observed, sentence):
    assert say_verdict("北街", observed, 0.1, 1e-12, ZH, total=total) == sentence


def test_no_test_is_no_verdict():
    assert "不下结论" in say_verdict("北街", 40, 10.0, float("nan"), ZH, total=400)


def test_times_is_observed_by_expected():
    said = say_verdict("北街", 31, 10.0, 0.004, ZH, total=400)
    assert said == "北街一带是全镇同期平均的 3.1 倍，随机出现的可能 <1%（已校正）"
    said = say_verdict("Bei Jie", 31, 10.0, 0.004, EN, total=400)
    assert said == (
        "Bei Jie and around: 3.1 times the mean of the town in the same period; by chance alone <1% (corrected)"
    )


def test_what_may_be_chance_is_no_hotspot():
    said = say_verdict("北街", 18, 10.0, 0.123, ZH, total=400)
    assert said == ("北街一带是全镇同期平均的 1.8 倍，但可能只是偶然（随机出现的可能 12%，已校正），不算热点")
    assert "no hotspot" in say_verdict("Bei Jie", 18, 10.0, 0.05, EN, total=400)


@pytest.mark.parametrize("observed", [0, 3, 10])
def test_what_is_not_above_the_mean_is_said_so(observed):
    said = say_verdict("北街", observed, 10.0, 0.9, ZH, total=400)
    assert said == "北街一带不高于全镇同期平均"


def test_what_was_not_corrected_and_what_is_not_the_town_is_said():
    said = say_verdict("北街", 31, 10.0, 0.04, ZH, total=400, scope="所选范围", corrected=False)
    assert said == "北街一带是所选范围同期平均的 3.1 倍，随机出现的可能 <5%（未校正）"


@pytest.mark.parametrize(
    ("p_value", "said", "place"),
    [
        (1e-30, "<0.1%", 3),
        (0.000999, "<0.1%", 3),
        (0.001, "<1%", 2),
        (0.00999, "<1%", 2),
        (0.01, "<5%", 1),
        (0.0499, "<5%", 1),
        (0.05, "5.0%", 0),
        (0.0512, "5.1%", 0),
        (0.123, "12%", 0),
        (1.0, "100%", 0),
    ],
)
def test_the_words_and_the_class_of_a_p_value_agree(p_value, said, place):
    assert say_chance(p_value, ZH) == say_chance(p_value, EN) == said
    assert significance_class(np.array([p_value, np.nan])).tolist() == [place, -1]


def test_a_place_is_named_by_what_is_near_else_by_its_polygon():
    assert name_place("北街", 500.0, "一网格", "东村", "8a") == "北街"
    assert name_place("北街", 501.0, "一网格", "东村", "8a") == "一网格"
    assert name_place("", float("nan"), "", "东村", "8a") == "东村"
    assert name_place("", float("nan"), "", "", "8a") == "8a"
