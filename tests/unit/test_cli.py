"""The command line: what is refused first, then exit codes, one JSON object, two languages, any locale."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from pingan_geo import cli
from pingan_geo.errors import AssetsMissingError, BadChoiceError, Cancelled

COMMANDS = (
    *(
        "answer",
        "backtest",
        "check",
        "demo",
        "export",
        "held",
        "hotspots",
        "import",
        "init",
        "locate",
        "memory",
    ),
    *("patrol", "patrol-return", "rates", "review", "serve", "undo"),
)


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch, tmp_path):
    """No town and no language from the surroundings."""
    for name in ("PINGAN_TOWN", "PINGAN_LANGUAGE", "PINGAN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    """Run the command line in this process; gives exit code, output, errors."""

    def call(*words: object) -> tuple[int, str, str]:
        code = cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def answer(run):
    """Run with --json; the output must be one JSON object and nothing else."""

    def call(*words: object) -> tuple[int, dict]:
        code, out, err = run(*words, "--json")
        assert out.endswith("\n")
        assert out.count("\n") == 1
        assert err == ""
        return code, json.loads(out)

    return call


@pytest.fixture
def town(tiny_town, tmp_path) -> Path:
    """A copy of the tiny town that may be written to."""
    folder = tmp_path / "town"
    shutil.copytree(tiny_town.folder, folder)
    return folder


@pytest.fixture
def spoilt(tmp_path) -> Path:
    """A ledger of one good row and two to be held."""
    file = tmp_path / "spoilt.csv"
    file.write_text(
        "编号,类别,发生时间,经度,纬度\n1,RD1,2026-01-05 10:00,120.6111,30.7911\n2,RD1,昨天,120.6111,30.7911\n3,RD1,2026-01-05,0,0\n",
        encoding="utf-8",
    )
    return file


def stored(town: Path) -> int:
    with sqlite3.connect(town / "town.sqlite") as connection:
        found = connection.execute("SELECT count(*) FROM report").fetchone()[0]
    connection.close()
    return int(found)


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ((), "A command is missing."),
        (("frobnicate",), "There is no command frobnicate."),
        (("hotspots", "--topp", "3"), "There is no option --topp. Is --top meant?"),
        (("hotspots", "--top"), "--top needs a value."),
        (("hotspots", "--top", "many"), "--top is many"),
        (("hotspots", "--top", "0"), "--top is 0"),
        (("hotspots", "--method", "g"), "must be count / density / gi / scan / near_repeat / forecast."),
        (("hotspots", "--method", "density", "--bandwidth", "wide"), "--bandwidth is wide"),
        (("hotspots", "--method", "density", "--bandwidth", "-5"), "--bandwidth is -5"),
        (("hotspots", "--bandwidth", "200"), "only the method density takes it"),
        (("hotspots", "--edge", "round"), "--edge is round"),
        (("hotspots", "--method", "scan", "--days", "0"), "--days is 0"),
        (("hotspots", "--correction", "fdr"), "must be bh / by / bonferroni / none."),
        (("hotspots", "--permutations", "-1"), "--permutations is -1"),
        (("hotspots", "--coverage", "2"), "--coverage is 2"),
        (("hotspots", "--since", "yesterday"), "--since is yesterday"),
        (("rates", "--per", "head"), "--per is head, but must be household / reporter / km2 / find."),
        (("hotspots", "--since", "2026-01-01T00:00+08:00"), "--since is 2026"),
        (("hotspots", "--since", "2026-02-01", "--until", "2026-02-01"), "later than --since"),
        (("hotspots", "--hours", "25-3"), "--hours is 25-3"),
        (("hotspots", "--hours", "18-18"), "--hours is 18-18"),
        (("export", "reports"), "--out is missing."),
        (("export", "weather", "--out", "a.csv"), "KIND is weather"),
        (("export", "reports", "--out", "a.csv", "--datum", "mars"), "--datum is mars"),
        (("import", "reports"), "FILE… is missing."),
        (("import", "grids", "a.geojson", "b.geojson"), "one file"),
        (("init", "here"), "--area is missing."),
        (("init", "here", "--area", "nothing.geojson"), "There is no file nothing.geojson."),
        (("demo",), "DIR is missing."),
        (("demo", "here", "--seed", "x"), "--seed is x"),
        (("demo", "here", "--reports", "-1"), "--reports is -1"),
        (("export", "posts", "--out", "a.csv", "--layout", "x"), "--layout is x"),
        (("import", "reports", "a.csv", "--year", "26"), "--year is 26"),
        (("locate", "a.csv"), "--out is missing."),
        (("answer", "k", "use", "--at", "30.8"), "--at is 30.8"),
        (("answer", "k", "mend", "--cell", "x"), "--cell is x"),
        (("undo", "first"), "BATCH is first"),
        (("check", "weather"), "SUBJECT is weather"),
        (("serve", "--port", "70000"), "--port is 70000"),
        (("hotspots", "--language", "fr"), "--language is fr"),
        (("hotspots",), "There is no town in town."),
        (("serve",), "There is no town in town."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refused_in_one_sentence_with_exit_code_2(run, tmp_path, monkeypatch, words, part):
    monkeypatch.setenv("PINGAN_LANGUAGE", "en")
    code, out, err = run(*words)
    assert code == cli.REFUSED
    assert out == ""
    assert part in err
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("hotspots", "--topp", "3"), "usage"),
        (("undo", "99"), "batch_not_found"),
        (("hotspots", "--category", "XX"), "unknown_category"),
        (("hotspots", "--method", "gi", "--against", "trees"), "no_exposure"),
        (("hotspots", "--method", "gi", "--against", "households"), "no_exposure"),
        (("hotspots", "--against", "all"), "bad_choice"),
        (("hotspots", "--method", "scan", "--days", "300"), "bad_choice"),
        (("hotspots", "--since", "2030-01-01"), "no_reports"),
        (("hotspots", "--out", "a.pdf"), "export_format"),
        (("export", "posts", "--out", "no/a.csv"), "folder_missing"),
        (("import", "reports", "nothing.csv"), "file_missing"),
        (("held", "--batch", "99"), "batch_not_found"),
        (("demo", "town"), "town_exists"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_errors_are_one_json_object_too(answer, town, words, code):
    before = stored(town)
    exit_code, error = answer(*words)
    assert exit_code == cli.REFUSED
    assert set(error) == {"error", "message", "values"}
    assert error["error"] == code
    assert any("\u4e00" <= sign <= "\u9fff" for sign in error["message"])  # the town's language
    assert stored(town) == before


# -- failed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "part"),
    [
        (RuntimeError("secret detail"), "unexpected", "RuntimeError"),
        (PermissionError(13, "Permission denied", "a.csv"), "os_error", "a.csv"),
        (AssetsMissingError(file="leaflet.js"), "assets_missing", "leaflet.js"),
        (KeyboardInterrupt(), Cancelled.code, "Nothing was written"),
        (Cancelled(), Cancelled.code, "Nothing was written"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_failed_in_one_sentence_with_exit_code_3(run, town, monkeypatch, error, code, part):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("pingan_geo.workflow.checks._check_data", fail)
    monkeypatch.setattr("pingan_geo.workflow.checks._CHECKS", {"data": fail})
    exit_code, out, err = run("check", "data", "--language", "en")
    assert (exit_code, out) == (cli.FAILED, "")
    assert part in err
    assert "secret" not in err
    assert err.strip().count("\n") == 0
    exit_code, out, err = run("check", "data", "--json")
    assert (exit_code, err.strip()) == (cli.FAILED, "")
    assert json.loads(out)["error"] == code


def test_debug_shows_the_traceback(run):
    code, _, err = run("hotspots", "--debug")
    assert code == cli.REFUSED
    assert "Traceback" in err


def test_a_damaged_database_is_a_failure(run, town):
    (town / "town.sqlite").write_bytes(b"this is no database" * 100)
    code, _, err = run("hotspots")
    assert code == cli.FAILED
    assert "town.sqlite" in err


# -- done --------------------------------------------------------------------------------------------


def test_a_whole_day_from_files_to_a_list(answer, tiny_town_files, tmp_path):
    files = tiny_town_files
    code, made = answer(
        "init", "new", "--area", files / "area.geojson", "--grids", files / "grids.geojson", "--name", "小镇"
    )
    assert (code, made["grids"], made["timezone"], made["language"]) == (cli.DONE, 9, "Asia/Shanghai", "zh")
    code, receipt = answer("import", "villages", files / "villages.geojson", "--town", "new")
    assert (code, receipt["accepted"]) == (cli.DONE, 3)
    code, trial = answer("--town", "new", "import", "reports", files / "reports.csv", "--dry-run")
    assert (code, trial["accepted"], trial["dry_run"], trial["batch_id"]) == (cli.DONE, 600, True, None)
    assert stored(tmp_path / "new") == 0
    code, receipt = answer("import", "reports", files / "reports.csv", "--town", "new", "--datum", "auto")
    numbers = {
        name: receipt[name] for name in ("read", "accepted", "merged", "corrected", "held", "repeated")
    }
    assert numbers == {"read": 600, "accepted": 600, "merged": 0, "corrected": 0, "held": 0, "repeated": 0}
    code, again = answer("import", "reports", files / "reports.csv", "--town", "new")
    assert (code, again["accepted"], again["repeated"]) == (cli.DONE, 0, 600)
    code, found = answer("hotspots", "--town", "new", "--top", "3", "--out", "list.csv")
    assert code == cli.DONE
    assert found["total"] == found["in_listed"] + found["in_other"] + found["unassigned"] == 600
    assert "hotspots" not in found
    wanted = ["rank", "cell", "grid_id", "lon", "lat", "score", "count", "p_value", "share", "reason"]
    columns = list(pd.read_csv("list.csv").columns)
    assert [name for name in columns if name in wanted] == wanted
    code, undone = answer("undo", receipt["batch_id"], "--town", "new")
    assert (code, undone["taken_back"]) == (cli.DONE, 600)
    assert answer("hotspots", "--town", "new")[1]["error"] == "no_reports"


def test_held_rows_give_exit_code_1_and_go_back_in_the_senders_layout(answer, run, town, spoilt):
    code, receipt = answer("import", "reports", spoilt)
    assert code == cli.REVIEW
    assert (receipt["read"], receipt["accepted"], receipt["held"]) == (3, 1, 2)
    assert receipt["held_by_reason"] == {"bad_time": 1, "null_island": 1}
    code, held = answer("held", "--export", "back.csv")
    assert (code, held["held"]) == (cli.DONE, 2)
    assert [row["row_number"] for row in held["rows"]] == [3, 4]
    assert held["imports"][0]["batch_id"] == receipt["batch_id"]
    with Path("back.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:5] == ["编号", "类别", "发生时间", "经度", "纬度"]
    assert len(rows) == 3
    code, out, _ = run("held")
    assert "spoilt.csv" in out
    assert run("check", "data")[0] == cli.REVIEW


def test_questions_are_listed_answered_and_taken_back(answer, town, tmp_path):
    ledger = tmp_path / "随手拍.csv"
    ledger.write_text(
        "类别,时间,经度,纬度\n怪事,8月3日下午,120.6111,30.7911\nRD1,8月4日,30.7911,120.6111\n",
        encoding="utf-8",
    )
    toml = town / "town.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("open = true", "open = false"), encoding="utf-8")
    code, receipt = answer(
        "import", "reports", ledger, "--town", town, "--year", "2025", "--layout", "随手拍"
    )
    assert (code, receipt["held"], receipt["corrected"]) == (cli.REVIEW, 1, 1)
    code, queue = answer("review", "--kind", "category", "--town", town)
    assert (code, queue["questions"]["category"]) == (cli.REVIEW, 1)
    key = queue["items"][0]["key"]
    before = stored(town)
    code, outcome = answer("answer", key, "use", "--code", "RD1", "--town", town)
    assert (code, outcome["accepted"], outcome["alias"]) == (cli.DONE, 1, True)
    code, learned = answer("memory", "--export", tmp_path / "写法.csv", "--town", town)
    assert [one["spelling"] for one in learned["aliases"]] == ["怪事"]
    assert [one["name"] for one in learned["layouts"]] == ["随手拍"]
    assert stored(town) == before + 1
    code, back = answer("answer", "--back", "--town", town)
    assert (code, back["written"], stored(town)) == (cli.DONE, True, before)
    assert answer("answer", "--back", "--town", town)[1]["written"] is False
    code, outcome = answer("memory", "--import", tmp_path / "写法.csv", "--town", town)
    assert [one["target"] for one in outcome["aliases"]] == ["RD1"]
    code, done = answer(
        "export", "reports", "--layout", "随手拍", "--out", tmp_path / "b.csv", "--town", town
    )
    assert (code, done["rows"]) == (cli.DONE, 1)


def test_words_are_located_and_exit_code_1_asks_for_review(answer, town, tmp_path):
    ledger = tmp_path / "a.csv"
    ledger.write_text("类别,时间,地点\nRD1,2025-08-03,平案岗1号\n", encoding="utf-8")
    assert answer("import", "reports", ledger, "--town", town)[1]["held"] == 1
    key = answer("review", "--kind", "place", "--town", town)[1]["items"][0]["key"]
    assert answer("answer", key, "use", "--pick", 5, "--town", town)[0] == cli.REFUSED
    assert answer("answer", key, "use", "--pick", 1, "--town", town)[1]["accepted"] == 1
    table = tmp_path / "q.csv"
    table.write_text("地点\n平安岗1号\n平安岗1号对面的岗亭\n乌有大厦\n", encoding="utf-8")
    code, done = answer("locate", table, "--out", tmp_path / "out.csv", "--town", town)
    assert done["rows"] == done["accepted"] + done["review"] + done["rejected"] == 3
    assert done["accepted"] >= 1
    assert code == (cli.REVIEW if done["review"] else cli.DONE)
    found = pd.read_csv(tmp_path / "out.csv")
    assert found["status"].tolist()[2] == "rejected"
    assert found["lon"].tolist()[2] != found["lon"].tolist()[2]


def test_of_several_files_all_are_taken_or_none(answer, town, spoilt, tmp_path):
    good = tmp_path / "good.csv"
    good.write_text("类别,发生时间,经度,纬度\nRD1,2026-01-06 10:00,120.6121,30.7921\n", encoding="utf-8")
    before = stored(town)
    code, error = answer("import", "reports", good, "nothing.csv")
    assert (code, error["error"]) == (cli.REFUSED, "file_missing")
    assert stored(town) == before
    code, receipt = answer("import", "reports", good, spoilt)
    assert (code, receipt["read"], receipt["accepted"], receipt["held"]) == (cli.REVIEW, 4, 2, 2)
    assert [one["file"] for one in receipt["files"]] == ["good.csv", "spoilt.csv"]
    assert stored(town) == before + 2


def test_export_names_the_datum(answer, town):
    code, done = answer("export", "posts", "--out", "posts.csv", "--datum", "gcj02")
    assert (code, done["rows"], done["datum"]) == (cli.DONE, 3, "gcj02")
    assert set(pd.read_csv("posts.csv")["datum"]) == {"gcj02"}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".geojson", ".gpkg", ".kml"])
def test_hotspots_in_every_format(answer, town, suffix):
    code, found = answer("hotspots", "--out", f"a{suffix}", "--coverage", "0.02", "--method", "density")
    assert code == cli.DONE
    assert Path(f"a{suffix}").stat().st_size > 500
    assert found["cells_listed"] == int(0.02 * found["cells_all"])


def test_without_a_file_the_list_is_the_answer(answer, run, town):
    code, found = answer(
        "hotspots", "--top", "2", "--hours", "18-21", "--category", "FW1", "--category", "RD1"
    )
    assert code == cli.DONE
    assert [row["rank"] for row in found["hotspots"]] == [1, 2]
    assert found["hotspots"][0]["p_value"] is None
    code, out, err = run("hotspots", "--top", "2", "--resolution", "10", "--language", "en")
    assert (code, err) == (cli.DONE, "")
    assert "by chance alone" in out
    assert "a rank may be chance" in out


def test_tested_hotspots_have_p_values_and_none_is_an_answer_too(answer, run, town):
    code, found = answer("hotspots", "--method", "gi", "--resolution", "10")
    assert code == cli.DONE
    assert found["significant"] == len(found["hotspots"]) > 0
    assert all(row["p_value"] < 0.05 for row in found["hotspots"])
    strictly = ("--resolution", "10", "--correction", "bonferroni", "--permutations", "500")
    strict = answer("hotspots", "--method", "gi", *strictly)[1]
    assert (strict["correction"], strict["permutations"]) == ("bonferroni", 500)
    assert strict["significant"] < found["significant"]
    thin = ("hotspots", "--method", "gi", "--since", "2026-02-26", "--out", "none.csv")
    code, out, err = run(*thin)
    assert (code, err) == (cli.DONE, "")
    assert "数据太少，不下结论" in out
    assert len(pd.read_csv("none.csv")) == 0


def test_rates_of_units_and_what_is_not_known(answer, run, town):
    code, found = answer("rates", "--by", "grid", "--per", "km2", "--category", "FW1")
    assert code == cli.DONE
    assert (
        found["total"] == found["in_units"] + found["in_none"] == sum(row["count"] for row in found["rates"])
    )
    assert len(found["rates"]) == found["units"] == 9
    assert found["concentration"]["scattered_over"] == "km2"
    assert "above" in {row["outside"] for row in found["rates"]}
    unknown = answer("rates")[1]
    assert (unknown["by"], unknown["per"], unknown["scale"], unknown["unknown"]) == (
        "village",
        "household",
        100,
        3,
    )
    assert {row["rate"] for row in unknown["rates"]} == {None}
    code, out, err = run("rates", "--by", "grid", "--per", "km2", "--language", "en")
    assert (code, err) == (cli.DONE, "")
    assert "reports per km²" in out
    assert "more than chance brings" in out
    code, out, err = run("rates", "--by", "estate")
    assert code == cli.REFUSED
    assert "estates" in err


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".geojson", ".gpkg", ".kml"])
def test_rates_in_every_format(answer, town, suffix):
    code, found = answer("rates", "--per", "reporter", "--by", "cell", "--out", f"r{suffix}")
    assert code == cli.DONE
    assert found["without_sender"] == 600  # the ledger of the tiny town names nobody
    assert "rates" not in found
    code, found = answer("rates", "--per", "km2", "--since", "2026-01-01", "--out", f"r{suffix}")
    assert code == cli.DONE
    assert Path(f"r{suffix}").stat().st_size > 300


def test_each_method_says_what_it_was_told(answer, run, town):
    told = (
        "--method",
        "density",
        "--bandwidth",
        "150",
        "--adaptive",
        "--edge",
        "diggle",
        "--category",
        "RD1",
    )
    code, found = answer("hotspots", *told, "--against", "all")
    assert code == cli.DONE
    assert found["bandwidth_m"] == 150
    kept = {name: found["options"][name] for name in ("adaptive", "edge", "against")}
    assert kept == {"adaptive": True, "edge": "diggle", "against": "all"}
    assert found["hotspots"][0]["score"] > 1
    code, found = answer(
        *("hotspots", "--method", "scan", "--days", "14", "--radius-m", "800"),
        *("--replications", "99", "--retrospective", "--top", "5"),
    )
    assert code == cli.DONE
    assert (found["options"]["days"], found["options"]["radius_m"]) == (14, 800)
    assert 0.01 <= found["clusters"][0]["p_value"] <= 1
    assert found["clusters"][0]["observed"] > found["clusters"][0]["expected"]
    code, out, err = run("hotspots", "--method", "near_repeat", "--category", "TH1", "--language", "en")
    assert (code, err) == (cli.DONE, "")
    assert "Day of the alerts: 2026-02-2" in out


def test_the_demo_town_is_made_and_sound(answer, tmp_path):
    code, made = answer("demo", "show", "--seed", "3", "--reports", "40")
    assert (code, made["reports"], made["seed"], made["synthetic"]) == (cli.DONE, 40, 3, True)
    code, found = answer("check", "--town", "show")
    assert found["findings"] == []
    assert code == cli.DONE


# -- which town, which language ----------------------------------------------------------------------


def test_the_town_is_said_before_or_after_or_by_the_surroundings(answer, town, tmp_path, monkeypatch):
    shutil.move(town, tmp_path / "elsewhere")
    assert answer("check", "posts")[0] == cli.REFUSED
    assert answer("check", "posts", "--town", "elsewhere")[0] == cli.DONE
    assert answer("--town", "elsewhere", "check", "posts")[0] == cli.DONE
    assert answer("--town", "nowhere", "check", "posts", "--town", "elsewhere")[0] == cli.DONE
    monkeypatch.setenv("PINGAN_TOWN", "elsewhere")
    assert answer("check", "posts")[0] == cli.DONE
    assert answer("check", "posts", "--town", "nowhere")[0] == cli.REFUSED


def test_the_language_is_said_or_that_of_the_surroundings_or_of_the_town(run, town, monkeypatch):
    def says(*words: str) -> str:
        return "zh" if "应当" in run("hotspots", "--top", "0", *words)[2] else "en"

    assert says() == "zh"
    settings = town / "town.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace('language = "zh"', 'language = "en"'), encoding="utf-8"
    )
    assert says() == "en"
    monkeypatch.setenv("PINGAN_LANGUAGE", "zh")
    assert says() == "zh"
    assert says("--language", "en") == "en"
    assert says("--language=en") == "en"


@pytest.mark.parametrize(
    "command", [(), *((name,) for name in COMMANDS)], ids=lambda words: "".join(words) or "all"
)
def test_every_command_has_help_in_both_languages(run, command):
    code, english, _ = run("--language", "en", *command, "--help")
    assert code == cli.DONE
    code, chinese, _ = run("--language", "zh", *command, "-h")
    assert code == cli.DONE
    for option in ("--town", "--json", "--language", "--debug", "--help"):
        assert option in english
        assert option in chinese
    assert not any("\u4e00" <= sign <= "\u9fff" for sign in english)
    described = [line for line in chinese.splitlines() if line.startswith("  -") and len(line) > 40]
    assert all(any("\u4e00" <= sign <= "\u9fff" for sign in line) for line in described)
    if not command:
        assert sorted(cli.pingan.commands) == list(COMMANDS)
        assert all(f"\n  {name} " in english for name in COMMANDS)


def test_version(run):
    code, out, _ = run("--version")
    assert code == cli.DONE
    assert out.startswith("pingan 0.")


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("", ()),
        ("18-23", (18, 19, 20, 21, 22)),
        ("22-2", (0, 1, 22, 23)),
        ("18", (18,)),
        ("23", (23,)),
        ("0-24", tuple(range(24))),
        (" 7 – 9 ", (7, 8)),
    ],
)
def test_hours_run_from_one_full_hour_to_another(text, hours):
    assert cli._hours(text) == hours


@pytest.mark.parametrize(
    ("text", "days"),
    [("", ()), ("1", (0,)), ("1-5", (0, 1, 2, 3, 4)), ("6,7", (5, 6)), ("5-1", (0, 4, 5, 6)), ("1-7", ())],
)
def test_weekdays_run_from_monday_and_past_sunday(text, days):
    assert cli._weekdays(text) == days


@pytest.mark.parametrize("text", ["0", "8", "1-", "mon", "1;2"])
def test_a_weekday_that_is_none_is_refused(text):
    with pytest.raises(BadChoiceError, match="1 is Monday"):
        cli._weekdays(text)


# -- as a process ------------------------------------------------------------------------------------


def call(*words: str, **surroundings: str) -> subprocess.CompletedProcess[bytes]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LC_", "LANG", "PINGAN_", "PYTHON"))
    }
    return subprocess.run(
        [sys.executable, "-m", "pingan_geo.cli", *words],
        env=kept | surroundings,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_chinese_survives_a_locale_without_it(tmp_path, locale):
    done = call("--language", "zh", "--help", **locale)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "城镇文件夹" in done.stdout.decode("utf-8")
    done = call("check", "--town", "没有", **locale)
    assert done.returncode == cli.REFUSED
    assert "没有城镇" in done.stderr.decode("utf-8")


def test_help_does_not_wait_for_heavy_libraries():
    code = (
        "import sys; from pingan_geo.cli import main; main(['--help'])\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'pandas', 'numpy', 'geopandas', 'shapely', 'sqlalchemy', 'streamlit', 'folium', 'h3ronpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_stops_early_is_no_fault(town):
    process = subprocess.Popen(
        [sys.executable, "-m", "pingan_geo.cli", "export", "posts", "--out", "a.csv", "--town", str(town)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), error) == (cli.DONE, b"")


def test_ctrl_c_in_an_import_leaves_the_town_as_it_was(town, tmp_path):
    file = tmp_path / "large.csv"
    lines = (
        f"RD1,2026-01-05 10:{n % 60:02d},120.61{n % 9973:04d},30.79{n % 9967:04d}" for n in range(400_000)
    )
    file.write_text("类别,发生时间,经度,纬度\n" + "\n".join(lines), encoding="utf-8")
    before = stored(town)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pingan_geo.cli",
            "import",
            "reports",
            str(file),
            "--town",
            str(town),
            "--json",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell that runs the suite in the background has it ignore Ctrl+C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )
    deadline = time.monotonic() + 60
    while not (town / "town.sqlite-wal").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == cli.FAILED, (out, err)
    assert json.loads(out)["error"] == "cancelled"
    assert b"Traceback" not in err
    assert stored(town) == before


def test_a_taken_port_is_refused(answer, town):
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        code, error = answer("serve", "--port", taken.getsockname()[1])
    assert (code, error["error"]) == (cli.REFUSED, "port_taken")
