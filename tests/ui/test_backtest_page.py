"""The back-test page: what cannot be tried is a sentence, and its numbers are those of the workflow."""

from __future__ import annotations

import pytest

from pingan_geo.i18n import translator
from pingan_geo.model.report import ReportFilter
from pingan_geo.stats.forecasting.methods import METHODS
from pingan_geo.ui.components.backtest import QUICK as UNASKED
from pingan_geo.workflow.backtest import METHOD_WORDS, back_test, say_hit_rate

QUICK = [name for name in METHODS if name in UNASKED]


@pytest.fixture(scope="module")
def found(tiny_town):
    return back_test(tiny_town, ReportFilter(), methods=QUICK, horizon_d=7)


def test_a_record_that_is_too_short_is_a_sentence(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "backtest", period="custom", since="2026-01-10", until="2026-02-20")
    assert not app.exception
    assert "回测至少要 148 天" in words_of(app)
    assert not app.dataframe


def test_without_reports_there_is_nothing_to_try(open_page, tiny_town, words_of):
    app = open_page(tiny_town, "backtest", period="custom", since="1999-01-01", until="1999-01-02")
    assert not app.exception
    assert "没有符合条件的上报" in words_of(app)


@pytest.mark.parametrize("address", [{"period": "all"}, {}])
def test_the_page_says_what_the_workflow_found(open_page, tiny_town, words_of, found, address):
    app = open_page(tiny_town, "backtest", **address)  # of its own it asks for the last 90 days
    assert not app.exception
    shown = app.dataframe[0].value
    part = found.summary[found.summary["coverage"] == 0.02]
    t = translator("zh")
    assert shown["tried_method"].tolist() == [t(METHOD_WORDS[name]) for name in QUICK]
    assert shown["pai"].tolist() == pytest.approx(part["pai"].tolist())
    assert shown["hit_rate"].tolist() == pytest.approx((part["hit_rate"] * 100).tolist())
    best = part["method"].iloc[int(part["hits"].to_numpy().argmax())]
    assert say_hit_rate(found, best, 0.02, t) in words_of(app)


def test_another_coverage_window_and_language(open_page, tiny_town, words_of, found):
    app = open_page(tiny_town, "backtest", period="all", lang="en")
    first = words_of(app)
    assert "A list of 2% of the area caught" in first
    app.session_state["ask_bt_coverage"] = "0.05"
    app.run()
    assert not app.exception
    assert "A list of 5% of the area caught" in words_of(app)
    days = next(box for box in app.selectbox if box.label == "List made on")
    days.select(days.options[0]).run()
    assert not app.exception
    row = found.table[(found.table["method"] == QUICK[0]) & (found.table["coverage"] == 0.05)].iloc[0]
    assert f"From {str(row['origin'])[:10]}, 7 days" in words_of(app)
    assert f"of {row['events']} reports lay in the cells listed (5% of the area)" in words_of(app)
