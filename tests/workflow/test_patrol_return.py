"""What a patrol brings back: taken in once, checked row by row, kept apart from reports."""

from __future__ import annotations

import base64
import io
import json
import random
import shutil
import zlib
from datetime import datetime, timedelta
from urllib.parse import quote

import openpyxl
import pytest
from PIL import Image

from pingan_geo.coords import from_wgs84
from pingan_geo.errors import (
    EmptyFileError,
    FileMissingError,
    MissingColumnsError,
    PatrolNotFoundError,
    PatrolReturnError,
    QrPartsError,
    UnreadableFileError,
    WrongTeamError,
)
from pingan_geo.i18n import translator
from pingan_geo.intake.photos import is_bare
from pingan_geo.outputs.patrol_pack import Ground, write_pack
from pingan_geo.storage.patrols import read_finds, read_held_returns, read_returns, read_visits
from pingan_geo.workflow.explore import load_reports
from pingan_geo.workflow.patrol_candidates import find_candidates
from pingan_geo.workflow.patrol_request import PatrolRequest, TeamRequest
from pingan_geo.workflow.patrol_return import take_return
from pingan_geo.workflow.photos import photo_path, sweep_media
from pingan_geo.workflow.plan_patrol import plan_patrol
from pingan_geo.workflow.towns import open_town

NOW = datetime(2026, 3, 1, 22, 30)
ASKED = PatrolRequest(
    datetime(2026, 3, 1, 18),
    datetime(2026, 3, 1, 22),
    teams=(TeamRequest(start="P1"), TeamRequest(start="P2")),
)
PERSON = "P017"


@pytest.fixture(scope="module")
def base(tiny_town, tmp_path_factory):
    folder = tmp_path_factory.mktemp("return_town") / "town"
    shutil.copytree(tiny_town.folder, folder)
    town = open_town(folder)
    find_candidates(town, ASKED, now=NOW)
    plan_patrol(town, ASKED, now=NOW, rounds=1)
    yield town
    town.close()


@pytest.fixture
def town(base, tmp_path):
    folder = tmp_path / "town"
    shutil.copytree(base.folder, folder)
    opened = open_town(folder)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def plan(base):
    from pingan_geo.workflow.plan_patrol import load_patrol

    return load_patrol(base, "XL-20260301-001")


def jpeg(colour: str = "red", *, gps: bool = True) -> bytes:
    image = Image.new("RGB", (40, 30), colour)
    exif = Image.Exif()
    if gps:
        exif.get_ifd(0x8825)[1] = "N"
        exif[0x010E] = "某人的家"
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


def photo(name: str, content: bytes) -> dict:
    return {"name": name, "jpeg_base64": base64.b64encode(content).decode()}


def phone(plan, answers: dict[int, str] | None = None, *, team: int = 0, finds=(), stops=None, **top) -> dict:
    """A file of the phone as the page writes it."""
    route = plan.routes[team]
    answers = answers or {}
    rows = []
    for stop in route.stops:
        answer = answers.get(stop.number, "")
        there = stop.number in answers
        rows.append(
            {
                "number": stop.number,
                "stop_id": stop.stop_id,
                "arrived": stop.arrive.isoformat() if there else None,
                "left": stop.leave.isoformat() if there else None,
                "answer": answer,
                "note": "",
                "photos": [],
            }
        )
    for number, changes in (stops or {}).items():
        rows[number - 1] |= changes
    return {
        "format": "pingan-patrol-return/1",
        "patrol_id": plan.patrol_id,
        "team": route.team.code,
        "person": PERSON,
        "stops": rows,
        "finds": list(finds),
        "made_at": "2026-03-01T20:05:00",
        **top,
    }


def a_find(key: str = "f3a9c0d1e2f30415", **words) -> dict:
    usual = {
        "key": key, "time": "2026-03-01T19:11:05", "lon": 120.6155, "lat": 30.7935, "datum": "wgs84",
        "how": "gps", "accuracy_m": 12, "stop_id": "", "category": "FW1", "note": "", "photos": [],
    }  # fmt: skip
    return usual | words


def save(tmp_path, content: dict | str | bytes, name: str = "回单.json"):
    file = tmp_path / name
    text = json.dumps(content, ensure_ascii=False) if isinstance(content, dict) else content
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def qr_lines(content: dict, parts: int, *, packed: bool = True) -> list[str]:
    plain = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = squeezed.compress(plain) + squeezed.flush() if packed else plain
    word = ("d" if packed else "j") + f"{zlib.crc32(plain):08x}"
    word += base64.urlsafe_b64encode(body).decode().rstrip("=")
    size = -(-len(word) // parts)
    head = f"PG1/{quote(content['patrol_id'], safe='')}/{quote(content['team'], safe='')}"
    pieces = [word[at : at + size] for at in range(0, len(word), size)]
    return [f"{head}/{number}/{len(pieces)}/{piece}" for number, piece in enumerate(pieces, 1)]


def kept(town):
    with town.store.read() as connection:
        return read_visits(connection), read_finds(connection), read_returns(connection)


def assert_nothing_written(town):
    visits, finds, returns = kept(town)
    assert [len(visits), len(finds), len(returns)] == [0, 0, 0]
    media = town.folder / "media"
    assert not media.exists() or list(media.iterdir()) == []


# -- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", (UnreadableFileError, EmptyFileError)),
        ("{", PatrolReturnError),
        ('{"format": "other"}', PatrolReturnError),
        ("[1, 2]", (UnreadableFileError, MissingColumnsError, EmptyFileError)),
        ('{"format": "pingan-patrol-return/1"}', PatrolReturnError),
        ('{"format": "pingan-patrol-return/1", "patrol_id": 1, "team": "1", "stops": []}', PatrolReturnError),
        ("{" * 100_000, PatrolReturnError),
        ("编号,类别\n1,FW1\n", MissingColumnsError),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), (UnreadableFileError, PatrolReturnError)),
        ("PG1/a/1/3/2/xx", PatrolReturnError),
        ("PG1/a/1/1/1/jdeadbeefAAAA", PatrolReturnError),
        ("PG1/a/1/1/1/d00000000AAAA", PatrolReturnError),
        ("PG1/a/1/1/1/", PatrolReturnError),
    ],
)
def test_file_that_is_no_return_is_refused_in_one_sentence(base, tmp_path, content, error):
    with pytest.raises(error) as caught:
        take_return(base, save(tmp_path, content, "x.json"), now=NOW)
    assert "\n" not in translator("zh").error(caught.value)
    assert_nothing_written(base)


def test_other_town_other_patrol_other_team_are_refused(base, plan, tmp_path):
    with pytest.raises(PatrolNotFoundError, match="XL-20990101-001"):
        take_return(base, save(tmp_path, phone(plan, {1: "none"}, patrol_id="XL-20990101-001")), now=NOW)
    with pytest.raises(WrongTeamError, match="team 9"):
        take_return(base, save(tmp_path, phone(plan, {1: "none"}, team=0) | {"team": "9"}), now=NOW)
    with pytest.raises(FileMissingError):
        take_return(base, tmp_path / "nothing.json", now=NOW)
    assert_nothing_written(base)


def test_missing_parts_of_qr_codes_are_named(base, plan, tmp_path):
    lines = qr_lines(phone(plan, {1: "found"}), 5)
    with pytest.raises(QrPartsError) as caught:
        take_return(base, save(tmp_path, "\n".join([lines[0], lines[2], lines[4]]), "扫码.txt"), now=NOW)
    assert caught.value.values["missing"] == [2, 4]
    assert "第 2、4 个" in translator("zh").error(caught.value)
    assert_nothing_written(base)


def test_qr_codes_of_two_returns_or_damaged_ones_are_refused(base, plan, tmp_path):
    one, other = qr_lines(phone(plan, {1: "found"}), 4), qr_lines(phone(plan, {1: "none", 2: "found"}), 4)
    mixed = [one[0], one[1], other[2], other[3]]
    damaged = [*one[:3], one[3][:-3] + "AAA"]
    beside = save(tmp_path, phone(plan, {1: "found"}), "phone.json")
    for files in ([save(tmp_path, "\n".join(one), "a.txt"), beside], [beside, tmp_path / "a.txt"]):
        with pytest.raises(PatrolReturnError):  # of two kinds one would be passed over
            take_return(base, files, now=NOW)
    for lines in (mixed, damaged, [*one, other[0]]):
        with pytest.raises(PatrolReturnError):
            take_return(base, save(tmp_path, "\n".join(lines), "扫码.txt"), now=NOW)
    whole = qr_lines(phone(plan, {1: "found"}), 1, packed=False)[0]
    head, check, payload = (
        whole[: -len(whole.rsplit("/", 1)[1])],
        whole.rsplit("/", 1)[1][:9],
        whole.rsplit("/", 1)[1][9:],
    )
    changed = base64.urlsafe_b64decode(payload + "==").replace(
        b'"found"', b'"none"'
    )  # reads well, and is wrong
    word = base64.urlsafe_b64encode(changed).decode().rstrip("=")
    with pytest.raises(PatrolReturnError):
        take_return(base, save(tmp_path, f"{head}{check}{word}", "扫码.txt"), now=NOW)
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = bomb.compress(b" " * (40 << 20)) + bomb.flush()
    word = "d00000000" + base64.urlsafe_b64encode(body).decode().rstrip("=")
    with pytest.raises(PatrolReturnError):
        take_return(base, save(tmp_path, f"PG1/{plan.patrol_id}/1/1/1/{word}", "扫码.txt"), now=NOW)
    assert_nothing_written(base)


# -- the phone's file --------------------------------------------------------------------------------


def test_answers_become_visits_and_finds(town, plan, tmp_path):
    before = len(load_reports(town))
    content = phone(plan, {1: "none", 2: "found", 3: "settled", 4: "no_entry"}, finds=[a_find()])
    receipt = take_return(town, save(tmp_path, content), now=NOW)
    assert receipt.adds_up()
    route = plan.routes[0]
    assert (receipt.kind, receipt.read, receipt.accepted) == (
        "patrol",
        len(route.stops) + 1,
        len(route.stops) + 1,
    )
    visits, finds, returns = kept(town)
    assert visits["answer"].tolist()[:5] == ["none", "found", "settled", "no_entry", ""]
    assert visits["planned_arrive"].tolist() == [stop.arrive for stop in route.stops]
    assert visits["arrived"].isna().sum() == len(route.stops) - 4
    assert finds["state"].tolist() == ["open", "settled", "open"]
    assert finds["stop_id"].tolist() == [route.stops[1].stop_id, route.stops[2].stop_id, ""]
    assert finds["due"].isna().tolist() == [False, True, False]
    wiring = finds.iloc[2]
    assert wiring["office"] == "应急消防站"
    assert wiring["due"] == datetime(2026, 3, 4, 19, 11, 5)
    assert wiring["grid_id"].startswith("330411104002")
    assert returns["person"].tolist() == [PERSON]
    assert json.loads(returns["receipt"].iloc[0])["accepted"] == receipt.accepted
    assert len(load_reports(town)) == before  # never a report


def test_finds_never_train_the_forecast(town, plan, tmp_path):
    before = find_candidates(town, ASKED, now=NOW)
    finds = [a_find(f"{number:016x}") for number in range(40)]
    take_return(town, save(tmp_path, phone(plan, {}, finds=finds)), now=NOW)
    after = find_candidates(town, ASKED, now=NOW)
    assert after.expected_all == before.expected_all
    hot = after.table[after.table["kind"] == "hotspot"]
    assert hot["count_30d"].tolist() == before.table[before.table["kind"] == "hotspot"]["count_30d"].tolist()


def test_same_file_again_changes_nothing_and_says_so(town, plan, tmp_path):
    file = save(tmp_path, phone(plan, {1: "found"}, finds=[a_find()]))
    first = take_return(town, file, now=NOW)
    before = kept(town)
    again = take_return(town, file, now=NOW + timedelta(hours=1))
    assert again.adds_up()
    assert (again.repeated, again.batch_id) == (first.read, None)
    for left, right in zip(before, kept(town), strict=True):
        assert left.equals(right)


def test_second_file_brings_only_what_is_new_and_the_later_answer_counts(town, plan, tmp_path):
    one = phone(plan, {1: "none", 2: "found"}, finds=[a_find()])
    take_return(town, save(tmp_path, one), now=NOW)
    later = phone(plan, {1: "found", 2: "found", 3: "none"}, finds=[a_find(), a_find("b" * 16)])
    later["made_at"] = "2026-03-01T21:00:00"
    receipt = take_return(town, save(tmp_path, later, "again.json"), now=NOW)
    assert receipt.adds_up()
    assert receipt.accepted == 3  # stop 1 changed, stop 3 and a find are new
    assert receipt.repeated == receipt.read - 3
    visits, finds, _ = kept(town)
    assert visits["answer"].tolist()[:3] == ["found", "found", "none"]
    assert len(finds) == 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"number": 99}, "wrong_stop"),
        ({"stop_id": "8a309ab0ba37fff"}, "wrong_stop"),
        ({"number": "1"}, "broken_row"),
        ({"number": True}, "broken_row"),
        ({"answer": "maybe"}, "unknown_answer"),
        ({"arrived": "soon"}, "bad_time"),
        ({"arrived": "2026-03-01T19:00:00+08:00"}, "bad_time"),
        ({"arrived": "2026-03-09T19:00:00"}, "wrong_day"),
        ({"arrived": "2026-03-01T19:00:00", "left": "2026-03-01T18:00:00"}, "bad_time"),
    ],
)
def test_stop_that_does_not_fit_is_held_and_the_rest_is_kept(town, plan, tmp_path, change, reason):
    content = phone(plan, {1: "none", 2: "none"}, stops={2: change})
    receipt = take_return(town, save(tmp_path, content), now=NOW)
    assert receipt.adds_up()
    assert dict(receipt.held_by_reason) == {reason: 1}
    visits, _, returns = kept(town)
    assert len(visits) == len(plan.routes[0].stops) - 1
    with town.store.read() as connection:
        held = read_held_returns(connection, int(returns["return_id"].iloc[0]))
    assert held["row_number"].tolist() == [2]
    assert json.loads(held["received"].iloc[0])["answer"] == content["stops"][1]["answer"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lon": None}, "no_place"),
        ({"lat": 95}, "bad_place"),
        ({"lon": 121.5}, "outside_town"),
        ({"datum": "gcj02"}, "unknown_datum"),
        ({"time": None}, "no_time"),
        ({"time": "2020-01-01T00:00:00"}, "wrong_day"),
        ({"key": ""}, "broken_row"),
    ],
)
def test_find_that_does_not_fit_is_held(town, plan, tmp_path, change, reason):
    content = phone(plan, {1: "none"}, finds=[a_find(), a_find(**({"key": "k"} | change))])
    receipt = take_return(town, save(tmp_path, content), now=NOW)
    assert receipt.adds_up()
    assert dict(receipt.held_by_reason) == {reason: 1}
    assert len(kept(town)[1]) == 1


def test_closed_taxonomy_holds_other_categories(town, plan, tmp_path):
    file = town.folder / "town.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("open = true", "open = false"), encoding="utf-8")
    town.close()
    closed = open_town(town.folder)
    content = phone(plan, {}, finds=[a_find(category="XX"), a_find("c" * 16, category="")])
    receipt = take_return(closed, save(tmp_path, content), now=NOW)
    assert dict(receipt.held_by_reason) == {"unknown_category": 1}
    closed.close()


def test_numbers_of_persons_are_masked_everywhere(town, plan, tmp_path):
    said = "老板电话13812345678，证件330411199001011234"
    content = phone(
        plan, {1: "found", 2: "none"}, stops={1: {"note": said}, 2: {"note": said, "number": 77}},
        finds=[a_find(note=said)], person="13812345678",
    )  # fmt: skip
    receipt = take_return(town, save(tmp_path, content, "13812345678.json"), now=NOW)
    assert receipt.adds_up()
    assert (receipt.corrected, receipt.held) == (2, 1)
    town.close()
    for file in town.folder.rglob("*"):
        if file.is_file():
            assert b"13812345678" not in file.read_bytes(), file
            assert b"330411199001011234" not in file.read_bytes(), file
    assert "13812345678" not in json.dumps(receipt.as_dict(), ensure_ascii=False)


def test_photos_go_through_the_door_that_takes_their_place_away(town, plan, tmp_path):
    picture = jpeg()
    assert not is_bare(picture)
    content = phone(
        plan,
        {1: "found", 2: "none"},
        stops={
            1: {"photos": [photo("1-a.jpg", picture), photo("1-b.jpg", b"no picture")]},
            2: {"photos": [{"name": "x", "jpeg_base64": "%%%"}, photo("2.jpg", jpeg("blue"))]},
        },
        finds=[a_find(photos=[photo("f.jpg", picture)])],
    )
    receipt = take_return(town, save(tmp_path, content), now=NOW)
    assert receipt.adds_up()
    assert receipt.held == 0
    visits, finds, _ = kept(town)
    names = visits["photos"].tolist()[:2]
    assert all(len(name) == 68 for name in names)
    assert finds["photos"].tolist() == [names[0], names[0]]
    for name in names:
        file = photo_path(town, name)
        assert file is not None
        assert is_bare(file.read_bytes())
    said = [translator("zh")(msgid, **values) for msgid, values in receipt.notes]
    assert "保存了 2 张照片，已去掉照片里的位置和时间。" in said
    assert "2 张照片打不开，没有收。" in said
    with town.store.begin() as connection:
        assert sweep_media(connection, town.folder) == 0  # they belong to somebody


def test_trial_writes_nothing(town, plan, tmp_path):
    content = phone(plan, {1: "found"}, stops={1: {"photos": [photo("a", jpeg())]}}, finds=[a_find()])
    receipt = take_return(town, save(tmp_path, content), now=NOW, dry_run=True)
    assert receipt.adds_up()
    assert (receipt.dry_run, receipt.batch_id, receipt.accepted) == (True, None, receipt.read)
    assert_nothing_written(town)


# -- QR codes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [True, False])
def test_lines_of_qr_codes_in_any_order_are_the_same_return(town, plan, tmp_path, packed):
    content = phone(plan, {1: "none", 2: "found"}, finds=[a_find()], photos_kept=3)
    lines = qr_lines(content, 6, packed=packed)
    random.Random(1).shuffle(lines)
    text = "扫到的内容：\r\n" + "\r\n".join([*lines, lines[0]]) + "\r\n"
    receipt = take_return(town, save(tmp_path, text, "扫码.txt"), now=NOW)
    assert receipt.adds_up()
    assert receipt.accepted == receipt.read
    visits, finds, returns = kept(town)
    assert visits["answer"].tolist()[:2] == ["none", "found"]
    assert len(finds) == 2
    assert returns["kind"].tolist() == ["qr"]
    # the same again in another order, over two files
    halves = [save(tmp_path, "\n".join(part), f"{n}.txt") for n, part in enumerate((lines[3:], lines[:3]))]
    assert take_return(town, halves, now=NOW).repeated == receipt.read
    # the phone's own file later brings its photos and nothing twice
    content["stops"][1]["photos"] = [photo("a", jpeg())]
    later = take_return(town, save(tmp_path, content), now=NOW)
    assert later.accepted == 1
    assert len(kept(town)[1]) == 2


# -- the list ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sheets(base, plan, tmp_path_factory):
    """The lists of the pack, in both languages, as they are printed and filled in."""
    files = {}
    for language in ("zh", "en"):
        folder = tmp_path_factory.mktemp(f"pack_{language}")
        ground = Ground(*(base.layer(name) for name in ("roads", "waters", "area", "villages")))
        offices = {one.code: one.lead_office for one in base.settings.categories}
        names = base.settings.category_names
        write_pack(plan, folder, ground=ground, categories=names, offices=offices, t=translator(language))
        files[language] = next(folder.rglob("*team-1.xlsx"))
    return files


def fill(file, tmp_path, rows: dict[int, dict[str, object]], more=(), name: str = "filled.xlsx"):
    """Fill in the list: stop number to heading (Chinese) to what is written there."""
    from pingan_geo.intake.patrol_returns import HEADINGS

    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    headings = [cell.value for cell in sheet[1]]
    columns = {}
    for words in HEADINGS.values():
        for word in words[:2]:
            if word in headings:
                columns[words[0]] = headings.index(word) + 1
    number = columns["点位序号"]
    for row in range(2, sheet.max_row + 1):
        for heading, value in rows.get(sheet.cell(row, number).value, {}).items():
            sheet.cell(row, columns[heading]).value = value
    for extra in more:
        row = sheet.max_row + 1
        for heading, value in extra.items():
            sheet.cell(row, columns[heading]).value = value
    book.save(tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize("language", ["zh", "en"])
def test_filled_list_is_read_by_its_own_headings(town, plan, sheets, tmp_path, language):
    from datetime import time

    lon, lat = from_wgs84(120.6155, 30.7935, "gcj02")
    file = fill(
        sheets[language],
        tmp_path,
        {
            1: {"到点签到时间": "18:05", "是否发现问题": "否", "巡查人(工号)": PERSON},
            2: {
                "到点签到时间": time(18, 31), "是否发现问题": "是", "问题描述(不写当事人姓名电话)": "插座外露，13812345678",
                "现场处置": "断电", "转办部门": "供电所", "整改期限": "2026-03-02 20:00", "照片编号": "A1",
            },
            3: {"到点签到时间": "2026-03-01 18:50", "是否发现问题": "已处置"},
            4: {"到点签到时间": "19：10", "是否发现问题": "进不去"},
        },
        more=[{"到点签到时间": "19:30", "是否发现问题": "是", "问题描述(不写当事人姓名电话)": "路面塌陷",
               "经度(GCJ-02)": float(lon), "纬度(GCJ-02)": float(lat), "坐标系": "GCJ-02"}],
    )  # fmt: skip
    receipt = take_return(town, file, now=NOW)
    listed = sum(stop.kind != "break" for stop in plan.routes[0].stops)
    assert receipt.adds_up()
    assert receipt.read == listed + 1
    assert (receipt.corrected, receipt.held, receipt.accepted) == (1, 0, listed)
    visits, finds, returns = kept(town)
    assert visits["answer"].tolist()[:5] == ["none", "found", "settled", "no_entry", ""]
    assert visits["arrived"].tolist()[:4] == [
        datetime(2026, 3, 1, 18, 5), datetime(2026, 3, 1, 18, 31), datetime(2026, 3, 1, 18, 50), datetime(2026, 3, 1, 19, 10),
    ]  # fmt: skip
    assert visits["note"].tolist()[1] == "插座外露，***********；现场处置：断电；照片编号：A1"
    assert visits["note"].tolist()[4] == ""
    assert finds["office"].tolist()[0] == "供电所"
    assert finds["due"].tolist()[0] == datetime(2026, 3, 2, 20)
    assert finds["state"].tolist() == ["open", "settled", "open"]
    assert (finds["lon"].iloc[2], finds["lat"].iloc[2]) == pytest.approx((120.6155, 30.7935), abs=1e-5)
    assert returns[["kind", "person"]].to_numpy().tolist() == [["sheet", PERSON]]
    assert take_return(town, file, now=NOW).repeated == receipt.read


def test_rows_of_a_list_that_do_not_fit_are_held(town, plan, sheets, tmp_path):
    file = fill(
        sheets["zh"],
        tmp_path,
        {
            1: {"到点签到时间": "快七点", "是否发现问题": "否"},
            2: {"是否发现问题": "也许"},
            3: {"点位序号": 99, "是否发现问题": "否"},
            4: {"任务单号": "XL-20260301-001-2", "是否发现问题": "否"},
            5: {"H3单元": "8a309ab0ba37fff", "是否发现问题": "否"},
        },
        more=[
            {"是否发现问题": "是", "问题描述(不写当事人姓名电话)": "在路上"},
            {"点位序号": "二", "是否发现问题": "是"},
        ],
    )
    receipt = take_return(town, file, now=NOW)
    assert receipt.adds_up()
    assert dict(receipt.held_by_reason) == {
        "bad_time": 1, "unknown_answer": 1, "wrong_stop": 3, "wrong_patrol": 1, "no_place": 1,
    }  # fmt: skip
    mended = fill(
        sheets["zh"], tmp_path, {1: {"到点签到时间": "18:58", "是否发现问题": "否"}}, name="mended.xlsx"
    )
    again = take_return(town, mended, now=NOW + timedelta(minutes=5))
    assert again.adds_up()
    assert again.held == 0
    assert kept(town)[0]["answer"].tolist()[0] == "none"


def test_hour_after_midnight_is_of_the_next_day(town, tmp_path):
    late = PatrolRequest(datetime(2026, 3, 1, 22), datetime(2026, 3, 2, 2), teams=(TeamRequest(start="P1"),))
    plan = plan_patrol(town, late, now=NOW, rounds=1)
    ground = Ground(*(town.layer(name) for name in ("roads", "waters", "area", "villages")))
    write_pack(plan, tmp_path, ground=ground, categories={}, offices={}, t=translator("zh"))
    numbers = [stop.number for stop in plan.routes[0].stops if stop.kind != "break"]
    filled = fill(
        next(tmp_path.rglob("*.xlsx")), tmp_path,
        {numbers[0]: {"到点签到时间": "22:10", "是否发现问题": "否"}, numbers[1]: {"到点签到时间": "0:20", "是否发现问题": "否"}},
    )  # fmt: skip
    assert take_return(town, filled, now=NOW).held == 0
    visits = kept(town)[0].set_index("number")
    assert visits.loc[numbers[:2], "arrived"].tolist() == [
        datetime(2026, 3, 1, 22, 10),
        datetime(2026, 3, 2, 0, 20),
    ]
