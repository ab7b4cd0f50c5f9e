"""``pingan backtest``: refused in one sentence, then the columns of the contract."""

from __future__ import annotations

import csv
import json

import pytest

from pingan_geo import cli

COLUMNS = ["method", "origin", "horizon_days", "coverage", "hits", "events", "hit_rate", "pai", "pei"]
QUICK = ("--methods", "count_365", "count_all", "--horizon", "7")


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch, tmp_path, tiny_town):
    """The tiny town, and no language from the surroundings."""
    for name in ("PINGAN_LANGUAGE", "PINGAN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PINGAN_TOWN", str(tiny_town.folder))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    def call(*words: object) -> tuple[int, str, str]:
        code = cli.main(["backtest", *(str(word) for word in words)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--methods", "crystal_ball"), "count_365"),
        (("--category", "XX"), "XX"),
        (("--horizon", "0"), "horizon"),
        (("--horizon", "500"), "--horizon"),
        (("--coverage", "2"), "--coverage"),
        (("--origins", "0"), "--origins"),
        (("--resolution", "3"), "resolution"),
        (("--since", "2030-01-01"), "No report"),
        (("--since", "2026-02-01"), "a back-test needs 148"),
        ((*QUICK[:3], "--horizon", "90"), "a back-test needs 210"),
        (("--out", "scores.pdf"), "scores.pdf"),
        (("--out", "no/scores.csv"), "scores.csv"),
        (("surplus",), "surplus"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_cannot_be_done_is_one_sentence_and_writes_nothing(run, tmp_path, words, said):
    code, out, err = run(*words, "--language", "en")
    assert code == cli.REFUSED
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_file_has_the_columns_of_the_contract(run, tmp_path):
    code, out, _ = run(*QUICK, "--coverage", "0.05", "0.2", "--origins", "2", "--out", "scores.csv")
    assert code == cli.DONE
    with (tmp_path / "scores.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[: len(COLUMNS)] == COLUMNS
    assert {row["method"] for row in rows} == {"count_365", "count_all"}
    assert {float(row["coverage"]) for row in rows} == {0.05, 0.2}
    assert {float(row["horizon_days"]) for row in rows} == {7.0}
    assert len({row["origin"] for row in rows}) == 2
    assert len(rows) == 8
    for row in rows:
        assert float(row["hit_rate"]) == pytest.approx(float(row["hits"]) / float(row["events"]))
    assert "scores.csv" in out


def test_the_answer_for_programs_adds_up(run):
    code, out, err = run(*QUICK, "--category", "RD1", "--coverage", "0.05", "--json")
    assert (code, err) == (cli.DONE, "")
    found = json.loads(out)
    assert found["rows_in"] == found["used"] + found["left_out"]
    assert len(found["table"]) == 2 * len(found["origins"])
    assert {row["method"] for row in found["summary"]} == {"count_365", "count_all"}
    assert [(row["method"], row["baseline"]) for row in found["pairs"]] == [
        ("count_365", "count_all"),
        ("count_all", "count_365"),
    ]


def test_people_read_a_line_a_coverage_in_their_language(run):
    _, chinese, _ = run(*QUICK)
    _, english, _ = run(*QUICK, "--language", "en")
    assert chinese.count("命中率 ") >= 6
    assert english.count("hit rate ") >= 6
    assert "count_all" in chinese
    assert run(*QUICK)[1] == chinese
