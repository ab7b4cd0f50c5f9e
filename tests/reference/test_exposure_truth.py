"""Risk corrected for effort against the truth of the demo towns: nearer to it than counts, and where it is not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

TOWNS, RESOLUTION = 20, 9


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "exposure.py"
    spec = importlib.util.spec_from_file_location("exposure_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def judged(benchmark):
    parts = [benchmark.judge(seed, RESOLUTION) for seed in range(1, TOWNS + 1)]
    ranked, known = (pd.concat(part) for part in zip(*parts, strict=True))
    return ranked, known


def test_ties_share_their_places(benchmark):
    truth = np.arange(100.0)
    assert benchmark.top_overlap(truth, truth) == 1.0
    assert benchmark.top_overlap(-truth, truth) == 0.0
    assert benchmark.top_overlap(np.zeros(100), truth) == pytest.approx(0.02)
    assert benchmark.top_overlap((truth > 90).astype(float), truth) == pytest.approx(2 / 9)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_corrected_risk_is_nearer_to_the_truth_than_counts(benchmark, judged):
    ranked, _ = judged
    rank = benchmark.paired(ranked, "spearman", "corrected", "raw")
    top = benchmark.paired(ranked, "top", "corrected", "raw")
    # the whole interval, pooled over the families
    assert rank.loc["all", "low"] > 0.08
    assert top.loc["all", "low"] > 0.005
    for family in ("FW", "FR", "RD", "TH", "LF", "CF"):
        assert rank.loc[family, "low"] > 0.0, family
    for family in ("FR", "EN"):
        assert top.loc[family, "low"] > 0.0, family
    # nowhere are the places that matter lost for it
    assert (top["mean"] > -0.03).all()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_effort_itself_helps_where_reports_come_by_pictures(benchmark, judged):
    """Apart from what smoothing wins, among the cells that have reports."""
    ranked, _ = judged
    gain = benchmark.paired(ranked, "reported", "corrected", "smoothed only")
    for family in ("FW", "RD", "all"):
        assert gain.loc[family, "low"] > 0.0, family


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_estimate_of_effort_follows_the_true_one(judged):
    _, known = judged
    mean = known.groupby("family")[
        ["correlation", "effort_in_interval", "risk_in_interval", "dark_seen"]
    ].mean()
    assert mean.loc["FW", "correlation"] > 0.8
    assert (mean["correlation"] > 0.4).all()
    assert (mean["effort_in_interval"] > 0.9).all()
    assert (mean["risk_in_interval"] > 0.7).all()
    # where nobody seems to look, less is truly seen
    assert (mean["dark_seen"] < 0.8).all()
