"""Rungs are counted, a missing one is named, no accident is foretold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pingan_geo.enterprises.ladder import LEVEL, count_rungs, missing_rungs
from pingan_geo.errors import BadChoiceError, UnalignedIndexError
from pingan_geo.model.enterprise import LADDER_RECORDS


def records(*rows: tuple[str, str, int]) -> pd.DataFrame:
    firms, rungs = [], []
    for firm, rung, count in rows:
        firms += [firm] * count
        rungs += [rung] * count
    table = pd.DataFrame({"enterprise_id": firms, "rung": rungs}).astype("str")
    return LADDER_RECORDS.check(
        table.assign(time=pd.Series([pd.Timestamp("2026-08-01")] * len(table), dtype="datetime64[s]"))
    )


def firms(*names: str) -> pd.Series:
    return pd.Series(names, index=names, dtype="str")


def test_unknown_rung_and_unknown_firm_are_refused():
    with pytest.raises(BadChoiceError):
        count_rungs(records(("a", "scare", 1)), firms("a"), pd.Index(["a"]))
    with pytest.raises(UnalignedIndexError):
        count_rungs(records(("b", "hazard", 1)), firms("a"), pd.Index(["a"]))


def test_rungs_of_firms_add_up_to_the_towns():
    given = records(("a", "hazard", 7), ("a", "near_miss", 2), ("b", "hazard", 5), ("b", "serious", 1))
    by_firm = count_rungs(given, firms("a", "b", "c"), pd.Index(["a", "b", "c"]))
    town = count_rungs(given, pd.Series("town", index=["a", "b", "c"]), pd.Index(["town"]))
    assert by_firm.loc["c"].tolist() == [0, 0, 0, 0]
    assert by_firm.sum().tolist() == town.loc["town"].tolist() == [1, 0, 2, 12]


def test_many_hazards_without_a_near_miss_are_asked_about():
    given = records(
        ("quiet", "hazard", 40), ("open", "hazard", 60), ("open", "near_miss", 18), ("few", "hazard", 3)
    )
    names = ["quiet", "open", "few"]
    found = missing_rungs(count_rungs(given, firms(*names), pd.Index(names)))
    assert found["missing"].tolist() == ["near_miss", "", ""]
    # 40 hazards at the others' share of 18 near misses for 63 hazards
    assert found.loc["quiet", "chance"] == pytest.approx(np.exp(-40 * 18 / 63))
    assert found.loc["few", "chance"] > LEVEL


def test_accidents_without_a_hazard_are_asked_about():
    found = missing_rungs(count_rungs(records(("a", "minor", 1)), firms("a"), pd.Index(["a"])))
    assert found["missing"].tolist() == ["hazard"]


def test_town_that_knows_no_near_miss_is_judged_by_a_stated_number():
    given = records(("a", "hazard", 30), ("b", "hazard", 29))
    found = missing_rungs(count_rungs(given, firms("a", "b"), pd.Index(["a", "b"])))
    assert found["missing"].tolist() == ["near_miss", ""]
    assert found["chance"].isna().all()


def test_firms_that_report_alike_are_seldom_flagged():
    rng = np.random.default_rng(11)
    flagged = total = 0
    for _ in range(300):
        hazards = rng.integers(5, 60, 20)
        near = rng.poisson(hazards * 0.15)
        counts = pd.DataFrame({"serious": 0, "minor": 0, "near_miss": near, "hazard": hazards})
        found = missing_rungs(counts)["missing"].eq("near_miss")
        flagged, total = flagged + int(found.sum()), total + len(found)
    assert flagged / total <= 0.05
