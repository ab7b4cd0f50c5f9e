"""What is not filled in is never passed."""

from __future__ import annotations

import pandas as pd
import pytest

from pingan_geo.enterprises.standards import TEMPLATE, assess_standards, read_standards
from pingan_geo.errors import BadChoiceError, SettingsError
from pingan_geo.model.enterprise import STANDARD_SCORES


def scores(*rows: tuple[str, int, str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["enterprise_id", "item", "state", "time"]).assign(
        evidence="", photos=""
    )
    table["time"] = pd.to_datetime(table["time"])
    return table.astype(dict(STANDARD_SCORES.columns))


@pytest.mark.parametrize(
    "text", ["standards = 3", "[[standards]]\ntext = ''", "[[standards]]\nname = 'x'", "[["]
)
def test_file_that_is_no_list_of_texts_is_refused(tmp_path, text):
    (tmp_path / "standards.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError):
        read_standards(tmp_path)


def test_new_town_has_four_standards_one_cut_and_five_to_fill(tmp_path):
    standards = read_standards(tmp_path)
    assert len(standards) == 10
    assert [standard.is_open for standard in standards] == [False] * 4 + [True] * 6
    (tmp_path / "standards.toml").write_text(
        TEMPLATE.replace('"待填"', '"开展应急演练"', 1), encoding="utf-8"
    )
    assert [standard.is_open for standard in read_standards(tmp_path)] == [False] * 4 + [True, False] + [
        True
    ] * 4


def test_standard_without_text_cannot_be_passed(tmp_path):
    with pytest.raises(BadChoiceError):
        assess_standards(scores(("a", 6, "passed", "2026-08-01")), read_standards(tmp_path), ["a"])
    with pytest.raises(BadChoiceError):
        assess_standards(scores(("a", 11, "failed", "2026-08-01")), read_standards(tmp_path), ["a"])
    with pytest.raises(BadChoiceError):
        assess_standards(scores(("a", 1, "fine", "2026-08-01")), read_standards(tmp_path), ["a"])


def test_best_firm_of_a_new_town_is_not_at_a_hundred_percent(tmp_path):
    all_passed = scores(*(("a", item, "passed", "2026-08-01") for item in (1, 2, 3, 4)))
    found = assess_standards(all_passed, read_standards(tmp_path), ["a", "b"])
    assert found.loc["a", ["passed", "failed", "unfilled"]].tolist() == [4, 0, 6]
    assert found.loc["a", "short"] == pytest.approx(0.6)
    assert found.loc["b", "short"] == 1.0


def test_newest_score_counts(tmp_path):
    given = scores(
        ("a", 1, "passed", "2026-08-02"), ("a", 1, "failed", "2026-08-01"), ("a", 2, "failed", "2026-08-03")
    )
    found = assess_standards(given, read_standards(tmp_path), ["a"])
    assert found.loc["a", 1] == "passed"
    assert found.loc["a", ["passed", "failed", "unfilled"]].sum() == 10
