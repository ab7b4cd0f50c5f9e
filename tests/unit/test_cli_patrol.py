"""``pingan patrol`` and ``pingan patrol-return``: from a shift to files, and back again."""

from __future__ import annotations

import json
import shutil

import pytest

from pingan_geo import cli
from pingan_geo.workflow.plan_patrol import list_patrols
from pingan_geo.workflow.towns import open_town

SHIFT = ("--date", "2026-03-01", "--shift", "18:00-20:00")


@pytest.fixture(scope="module")
def base(tiny_town, tmp_path_factory):
    """A copy of the tiny town in which the forecast was tried, so that no other has to."""
    folder = tmp_path_factory.mktemp("cli_patrol") / "town"
    shutil.copytree(tiny_town.folder, folder)
    out = tmp_path_factory.mktemp("cli_patrol_out")
    words = ["patrol", "--town", str(folder), *SHIFT, "--out", str(out), "--seconds", "0.2"]
    assert cli.main(words) == cli.DONE
    return folder


@pytest.fixture(autouse=True)
def town(monkeypatch, tmp_path, base):
    for name in ("PINGAN_LANGUAGE", "PINGAN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "town"
    shutil.copytree(base, folder)
    monkeypatch.setenv("PINGAN_TOWN", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def run(capsys):
    def call(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def plans(folder) -> int:
    town = open_town(folder)
    try:
        return len(list_patrols(town))
    finally:
        town.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--shift", "18:00-20:00", "--out", "p"), "--date"),
        (("--date", "2026-03-01", "--out", "p"), "--shift"),
        (SHIFT, "--out"),
        (("--date", "soon", "--shift", "18:00-20:00", "--out", "p"), "soon"),
        (("--date", "2026-03-01T05:00", "--shift", "18:00-20:00", "--out", "p"), "--date"),
        (("--date", "2026-03-01", "--shift", "18-20", "--out", "p"), "18-20"),
        (("--date", "2026-03-01", "--shift", "18:00-18:00", "--out", "p"), "18:00-18:00"),
        (("--date", "2026-03-01", "--shift", "18:70-20:00", "--out", "p"), "18:70-20:00"),
        ((*SHIFT, "--out", "p", "--teams", "0"), "--teams"),
        ((*SHIFT, "--out", "p", "--mode", "boat"), "boat"),
        ((*SHIFT, "--out", "p", "--category", "XX"), "XX"),
        ((*SHIFT, "--out", "p", "--from", "月亮"), "月亮"),
        ((*SHIFT, "--out", "p", "--must", "月亮"), "月亮"),
        ((*SHIFT, "--out", "p", "--teams", "3", "--from", "P1", "--from", "P2"), "--from"),
        ((*SHIFT, "--out", "no/folder/p"), "no/folder"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_cannot_be_planned_is_one_sentence_and_writes_nothing(run, tmp_path, town, words, said):
    before = plans(town)
    code, out, err = run("patrol", *words, "--language", "en")
    assert code == cli.REFUSED
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["town"]
    assert plans(town) == before


def test_pack_that_cannot_be_written_leaves_no_plan(run, tmp_path, town):
    (tmp_path / "p").write_text("a file", encoding="utf-8")
    before = plans(town)
    code, _, err = run("patrol", *SHIFT, "--out", "p", "--seconds", "0.2", "--language", "en")
    assert code == cli.FAILED
    assert err.count("\n") == 1
    assert plans(town) == before
    assert (tmp_path / "p").read_text(encoding="utf-8") == "a file"


def test_plan_is_told_stored_and_its_files_written(run, tmp_path, town):
    words = (*SHIFT, "--teams", "2", "--from", "P1", "--from", "平安岗2号", "--mode", "ebike", "--seed", "7")
    code, out, err = run("patrol", *words, "--out", "p", "--seconds", "0.2", "--json")
    assert (code, err) == (cli.DONE, "")
    values = json.loads(out)
    assert values["patrol_id"] == "XL-20260301-002"
    assert [route["team"]["start"]["name"] for route in values["routes"]] == ["平安岗1号", "平安岗2号"]
    assert {route["team"]["mode"] for route in values["routes"]} == {"ebike"}
    assert (values["since"], values["until"], values["seed"]) == (
        "2026-03-01T18:00:00",
        "2026-03-01T20:00:00",
        7,
    )
    assert 0 < values["covered"] <= 1
    assert len(values["files"]) == 12
    for file in values["files"]:
        assert (tmp_path / file).stat().st_size > 500
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == [
        "XL-20260301-002-team-1",
        "XL-20260301-002-team-2",
    ]
    assert plans(town) == 2


def test_words_name_the_stops_and_what_was_left_out(run):
    code, out, _ = run(
        "patrol", *SHIFT, "--out", "p", "--seconds", "0.2", "--must", "posts:P3", "--language", "en"
    )
    assert code == cli.DONE
    assert "Patrol XL-20260301-002" in out
    assert "Must be seen  平安岗3号" in out
    assert "named by hand" in out
    assert "places are on no round:" in out
    assert "straight lines times 1.4" in out


def test_shift_may_pass_midnight(run):
    words = ("--date", "2026-03-01", "--shift", "22:00-1:30", "--out", "p", "--seconds", "0.2", "--json")
    code, out, _ = run("patrol", *words)
    assert code == cli.DONE
    assert json.loads(out)["until"] == "2026-03-02T01:30:00"


def phone_file(tmp_path, town, **changes):
    opened = open_town(town)
    from pingan_geo.workflow.plan_patrol import load_patrol

    plan = load_patrol(opened, "XL-20260301-001")
    opened.close()
    stops = [
        {
            "number": stop.number, "stop_id": stop.stop_id, "arrived": stop.arrive.isoformat(), "left": None,
            "answer": "none", "note": "", "photos": [],
        }
        for stop in plan.routes[0].stops
    ]  # fmt: skip
    stops[0] |= changes
    content = {
        "format": "pingan-patrol-return/1", "patrol_id": plan.patrol_id, "team": "1", "person": "",
        "stops": stops, "finds": [], "made_at": "2026-03-01T20:00:00",
    }  # fmt: skip
    file = tmp_path / "back.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file, len(stops)


def test_return_is_taken_in_with_a_receipt(run, tmp_path, town):
    file, count = phone_file(tmp_path, town, answer="found")
    code, out, _ = run("patrol-return", file, "--dry-run", "--json")
    assert (code, json.loads(out)["dry_run"], json.loads(out)["return_id"]) == (cli.DONE, True, None)
    code, out, err = run("patrol-return", file, "--json")
    assert (code, err) == (cli.DONE, "")
    values = json.loads(out)
    assert (values["kind"], values["read"], values["accepted"], values["held"]) == ("patrol", count, count, 0)
    code, out, _ = run("patrol-return", file, "--language", "en")
    assert code == cli.DONE
    assert f"{count} repeated" in out
    assert "was taken in before" in out


def test_held_rows_are_told_and_the_exit_code_says_so(run, tmp_path, town):
    file, _ = phone_file(tmp_path, town, answer="maybe")
    code, out, _ = run("patrol-return", file, "--language", "en")
    assert code == cli.REVIEW
    assert "Row 1 is held: the answer is none of: no, yes, settled, could not get in (maybe)." in out
    code, out, _ = run("patrol-return", phone_file(tmp_path, town, number=77)[0], "--json")
    assert code == cli.REVIEW
    assert json.loads(out)["rows"][0]["reason"] == "wrong_stop"


@pytest.mark.parametrize(
    ("content", "said"), [("{}", "not a file of the phone page"), ("PG1/x/1/1/2/ab", "lacks parts 2")]
)
def test_return_that_is_none_is_refused(run, tmp_path, content, said):
    (tmp_path / "x.txt").write_text(content, encoding="utf-8")
    code, out, err = run("patrol-return", "x.txt", "--language", "en")
    assert (code, out) == (cli.REFUSED, "")
    assert said in err
    assert err.count("\n") == 1
