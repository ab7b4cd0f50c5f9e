"""Online geocoders against a real HTTP server that speaks the documented answers of each."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from pingan_geo.coords import from_wgs84
from pingan_geo.errors import (
    BadChoiceError,
    OnlineAnswerError,
    OnlineKeyError,
    OnlineQuotaError,
    OnlineUnreachableError,
)
from pingan_geo.geocoding.online import MOST_LETTERS, OnlineGeocoder, public_words
from pingan_geo.model.online import PROVIDERS, OnlineSettings
from pingan_geo.model.place import LEVELS, LOCATED

HERE = (120.6100, 30.8000)
BOUNDS = (120.55, 30.75, 120.68, 30.85)
TODAY = dt.date(2026, 3, 1)
DATUM = {"amap": "gcj02", "tianditu": "wgs84", "baidu": "bd09", "nominatim": "wgs84"}
WORDS = {
    "amap": {"door": "门牌号", "road": "道路", "town": "乡镇"},
    "tianditu": {"door": "门址", "road": "道路", "town": "乡镇"},
    "baidu": {"door": "门址", "road": "道路", "town": "乡镇"},
    "nominatim": {
        "door": ("place", "house"),
        "road": ("highway", "residential"),
        "town": ("boundary", "administrative"),
    },
}


def answer_of(provider, places):
    """The documented answer for (lon, lat in WGS-84, kind) of places."""
    told = [
        (*(float(each) for each in from_wgs84(lon, lat, DATUM[provider])), kind) for lon, lat, kind in places
    ]
    if provider == "amap":
        codes = [
            {
                "formatted_address": f"浙江省嘉兴市秀洲区测试路{number}号",
                "country": "中国",
                "province": "浙江省",
                "citycode": "0573",
                "city": "嘉兴市",
                "district": "秀洲区",
                "township": [],
                "neighborhood": {"name": [], "type": []},
                "building": {"name": [], "type": []},
                "adcode": "330411",
                "street": "测试路",
                "number": f"{number}号",
                "location": f"{x:.6f},{y:.6f}",
                "level": WORDS["amap"][kind],
            }
            for number, (x, y, kind) in enumerate(told, 1)
        ]
        return {"status": "1", "info": "OK", "infocode": "10000", "count": str(len(codes)), "geocodes": codes}
    if provider == "tianditu":
        if not told:
            return {"msg": "无结果", "searchVersion": "6.4.9V", "status": "101"}
        x, y, kind = told[0]
        place = {
            "score": 92,
            "level": WORDS["tianditu"][kind],
            "lon": f"{x:.6f}",
            "lat": f"{y:.6f}",
            "keyWord": "北街12号",
        }
        return {"msg": "ok", "location": place, "searchVersion": "6.4.9V", "status": "0"}
    if provider == "baidu":
        if not told:
            return {"status": 1, "msg": "Internal Service Error:无相关结果", "results": []}
        x, y, kind = told[0]
        result = {
            "location": {"lng": x, "lat": y},
            "precise": 1,
            "confidence": 80,
            "comprehension": 95,
            "level": WORDS["baidu"][kind],
        }
        return {"status": 0, "result": result}
    return [
        {
            "place_id": number,
            "licence": "Data © OpenStreetMap contributors, ODbL 1.0",
            "osm_type": "node",
            "osm_id": number,
            "lat": f"{y:.7f}",
            "lon": f"{x:.7f}",
            "class": WORDS["nominatim"][kind][0],
            "type": WORDS["nominatim"][kind][1],
            "place_rank": 30,
            "importance": 0.1,
            "addresstype": "place",
            "name": "",
            "display_name": f"{number}, 测试路, 秀洲区, 嘉兴市, 浙江省, 中国",
            "boundingbox": ["30.79", "30.81", "120.60", "120.62"],
        }
        for number, (x, y, kind) in enumerate(told, 1)
    ]


class StandIn:
    """A server whose next answers are put into it; the last one stays."""

    def __init__(self):
        self.asked = []
        self.answers = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urlsplit(self.path)
                stand_in.asked.append((parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}))
                answers = stand_in.answers
                status, body, kind, wait_s = answers.pop(0) if len(answers) > 1 else answers[0]
                time.sleep(wait_s)
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # the client gave up

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def says(self, *answers):
        self.answers = [
            each
            if isinstance(each, tuple)
            else (200, json.dumps(each, ensure_ascii=False).encode(), "application/json;charset=UTF-8", 0)
            for each in answers
        ]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def page(status, body, wait_s=0.0, kind="application/json"):
    return (
        status,
        body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode(),
        kind,
        wait_s,
    )


@pytest.fixture
def stand_in():
    server = StandIn()
    yield server
    server.close()


class Waits:
    """Time that only sleeping moves."""

    def __init__(self):
        self.now, self.slept = 1000.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def made(stand_in, provider="amap", *, today=TODAY, cache_file=None, waits=None, **settings):
    waits = waits or Waits()
    settings = {"url": stand_in.url, "key": "K-7", "timeout_s": 2.0, **settings}
    return OnlineGeocoder(
        OnlineSettings(online=provider, **settings),
        BOUNDS,
        today=today,
        cache_file=cache_file,
        clock=waits,
        sleep=waits.sleep,
    )


def apart_m(row):
    return np.hypot((row["lon"] - HERE[0]) * 95_600, (row["lat"] - HERE[1]) * 110_900)


# -- refused ------------------------------------------------------------------------------------------


def test_nothing_is_made_without_a_provider_or_a_key(stand_in):
    for name in ("", "google"):
        with pytest.raises(BadChoiceError):
            made(stand_in, name)
    with pytest.raises(OnlineKeyError):
        made(stand_in, "amap", key="")
    made(stand_in, "nominatim", key="")
    assert stand_in.asked == []


def test_the_key_is_never_shown():
    assert "K-7" not in repr(OnlineSettings(online="amap", key="K-7"))


@pytest.mark.parametrize(
    ("provider", "answer", "problem", "requests"),
    [
        ("amap", {"status": "0", "info": "INVALID_USER_KEY", "infocode": "10001"}, OnlineKeyError, 1),
        ("amap", {"status": "0", "info": "USERKEY_PLAT_NOMATCH", "infocode": "10009"}, OnlineKeyError, 1),
        ("amap", {"status": "0", "info": "DAILY_QUERY_OVER_LIMIT", "infocode": "10003"}, OnlineQuotaError, 1),
        ("amap", {"status": "0", "info": "USER_DAILY_QUERY_OVER_LIMIT", "infocode": "10044"}, OnlineQuotaError, 1),
        ("amap", {"status": "0", "info": "CUQPS_HAS_EXCEEDED_THE_LIMIT", "infocode": "10021"}, OnlineQuotaError, 3),
        ("amap", {"status": "0", "info": "SERVER_IS_BUSY", "infocode": "10016"}, OnlineUnreachableError, 9),
        ("amap", {"status": "0", "info": "INVALID_PARAMS", "infocode": "20000"}, OnlineAnswerError, 3),
        ("amap", {"status": "1", "infocode": "10000", "geocodes": [{"location": "here"}]}, OnlineAnswerError, 3),
        ("amap", ["not", "an", "object"], OnlineAnswerError, 3),
        ("tianditu", page(403, {"code": 300001, "msg": "非法Key", "resolve": "请检查Key"}), OnlineKeyError, 1),
        ("tianditu", page(403, {"code": 301012, "msg": "权限类型错误", "resolve": "服务端Key"}), OnlineKeyError, 1),
        ("tianditu", page(418, {"code": 302001, "msg": "该Key调用次数超限", "resolve": ""}), OnlineQuotaError, 1),
        ("tianditu", {"status": "404", "msg": "出错"}, OnlineUnreachableError, 9),
        ("tianditu", page(429, b""), OnlineQuotaError, 3),
        ("baidu", {"status": 200, "message": "APP不存在,AK有误请检查再重试"}, OnlineKeyError, 1),
        ("baidu", {"status": 5, "message": "ak不存在或者非法"}, OnlineKeyError, 1),
        ("baidu", {"status": 240, "message": "APP 服务被禁用"}, OnlineKeyError, 1),
        ("baidu", {"status": 302, "message": "天配额超限,限制访问"}, OnlineQuotaError, 1),
        ("baidu", {"status": 401, "message": "当前并发量已经超过约定并发配额,限制访问"}, OnlineQuotaError, 3),
        ("baidu", {"status": 1, "message": "服务器内部错误"}, OnlineUnreachableError, 9),
        ("nominatim", page(403, b"<html>blocked", kind="text/html"), OnlineKeyError, 1),
        ("nominatim", page(429, b""), OnlineQuotaError, 3),
    ],
)  # fmt: skip
def test_faults_are_one_sentence_and_stop_nothing(stand_in, provider, answer, problem, requests):
    stand_in.says(answer)
    geocoder = made(stand_in, provider)
    located = geocoder.locate([f"北街{number}号" for number in range(1, 8)])
    LOCATED.check(located)
    assert located["status"].tolist() == ["rejected"] * 7
    assert located["reason"].tolist() == ["online_error"] * 7
    assert located[["lon", "lat", "radius_m"]].isna().all(axis=None)
    assert [type(each) for each in geocoder.problems] == [problem]
    assert provider in str(geocoder.problems[0])
    assert "K-7" not in str(geocoder.problems[0])
    assert len(stand_in.asked) == requests  # gives up soon instead of asking for every text


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (page(200, "<html><title>上网认证</title>".encode(), kind="text/html"), OnlineAnswerError),
        (page(200, b'{"status": "1", "geoc'), OnlineAnswerError),
        (page(200, b"\xff\xfe\x00"), OnlineAnswerError),
        (page(200, b'"text"'), OnlineAnswerError),
        (page(500, b"oops", kind="text/plain"), OnlineUnreachableError),
        (page(503, b""), OnlineUnreachableError),
        (page(200, b"{}", wait_s=0.6), OnlineUnreachableError),
    ],
)
def test_pages_that_are_no_answer(stand_in, provider, answer, problem):
    stand_in.says(answer)
    geocoder = made(stand_in, provider, timeout_s=0.2, retries=0)
    located = geocoder.locate(["北街12号"])
    assert located["reason"].tolist() == ["online_error"]
    assert [type(each) for each in geocoder.problems] == [problem]


def test_nobody_listens(stand_in):
    stand_in.close()
    geocoder = made(stand_in, retries=0)
    assert geocoder.locate(["北街12号"])["reason"].tolist() == ["online_error"]
    assert isinstance(geocoder.problems[0], OnlineUnreachableError)


def test_no_texts_ask_nothing(stand_in):
    assert len(made(stand_in).locate([])) == 0
    assert made(stand_in).locate(["", "  ", "13800000000", "12"])["reason"].tolist() == ["not_found"] * 4
    assert stand_in.asked == []


# -- answers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_service_is_asked_and_its_datum_turned_to_wgs84(stand_in, provider):
    stand_in.says(answer_of(provider, [(*HERE, "door")]))
    geocoder = made(stand_in, provider)
    located = geocoder.locate(["北街12号", "北街12号"])
    LOCATED.check(located)
    row = located.iloc[0]
    assert apart_m(row) < 0.3
    assert (row["status"], row["reason"], row["level"]) == ("review", "online", "door")
    assert row["level"] in LEVELS
    assert row["radius_m"] >= 200
    assert 0 < row["score"] < 1
    assert row["name"]
    candidate = json.loads(row["candidates"])[0]
    assert (candidate["lon"], candidate["lat"], candidate["level"]) == (row["lon"], row["lat"], "door")
    assert located.iloc[1].equals(row)
    assert len(stand_in.asked) == 1
    path, asked = stand_in.asked[0]
    expected = {
        "amap": ("/v3/geocode/geo", {"key": "K-7", "address": "北街12号", "output": "JSON"}),
        "tianditu": ("/geocoder", {"ds": '{"keyWord": "北街12号"}', "tk": "K-7"}),
        "baidu": ("/geocoding/v3/", {"ak": "K-7", "output": "json", "address": "北街12号"}),
        "nominatim": (
            "/search",
            {
                "q": "北街12号",
                "format": "json",
                "limit": "5",
                "viewbox": "120.55,30.75,120.68,30.85",
                "bounded": "1",
                "accept-language": "zh",
            },
        ),
    }[provider]
    assert (path, asked) == expected


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_answer_in_another_town_is_refused(stand_in, provider):
    stand_in.says(answer_of(provider, [(116.4, 39.9, "door")]))
    row = made(stand_in, provider).locate(["北街12号"]).iloc[0]
    assert (row["status"], row["reason"], row["level"], row["candidates"]) == (
        "rejected",
        "elsewhere",
        "",
        "[]",
    )
    assert np.isnan(row["lon"])


def test_the_bounds_are_kept_in_wgs84(stand_in):
    """30 m inside the border lies outside it when GCJ-02 is read as WGS-84."""
    edge = (BOUNDS[2] - 0.0003, 30.8)
    stand_in.says(
        answer_of("amap", [(*edge, "door")]), answer_of("amap", [(BOUNDS[2] + 0.0003, 30.8, "door")])
    )
    assert made(stand_in).locate(["甲路1号", "乙路2号"])["reason"].tolist() == ["online", "elsewhere"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_middle_of_a_district_is_no_place(stand_in, provider):
    stand_in.says(answer_of(provider, [(*HERE, "town")]))
    row = made(stand_in, provider).locate(["北街12号"]).iloc[0]
    assert (row["status"], row["reason"]) == ("rejected", "too_coarse")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_nothing_found_is_no_fault_and_is_not_asked_again(stand_in, provider, tmp_path):
    stand_in.says(answer_of(provider, []))
    for _ in range(2):
        geocoder = made(stand_in, provider, cache_file=tmp_path / "kept.jsonl")
        assert geocoder.locate(["某某路"])["reason"].tolist() == ["not_found"]
        assert geocoder.problems == ()
    assert len(stand_in.asked) == 1


def test_amap_makes_nothing_of_some_words(stand_in):
    stand_in.says({"status": "0", "info": "ENGINE_RESPONSE_DATA_ERROR", "infocode": "30001"})
    geocoder = made(stand_in)
    assert geocoder.locate(["啊啊啊"])["reason"].tolist() == ["not_found"]
    assert geocoder.problems == ()


def test_several_answers_become_candidates_and_those_outside_do_not(stand_in):
    places = [(116.4, 39.9, "door"), (120.62, 30.81, "road"), (*HERE, "door"), (*HERE, "town")]
    stand_in.says(answer_of("amap", places))
    row = made(stand_in).locate(["北街12号"]).iloc[0]
    assert [each["level"] for each in json.loads(row["candidates"])] == ["road", "door"]
    assert (row["level"], row["radius_m"], row["status"]) == ("road", 1500.0, "review")


def test_a_weak_confidence_widens_the_radius(stand_in):
    answer = answer_of("baidu", [(*HERE, "door")])
    answer["result"]["confidence"] = 50
    stand_in.says(answer)
    assert made(stand_in, "baidu").locate(["北街12号"]).iloc[0]["radius_m"] == 1000.0


# -- manners ------------------------------------------------------------------------------------------


def test_numbers_of_persons_never_leave_the_machine(stand_in, caplog):
    caplog.set_level(logging.DEBUG)
    stand_in.says(answer_of("amap", [(*HERE, "door")]))
    secrets = [
        "13800001234",
        "138-0000-1234",
        "１３８００００１２３４",
        "33041119900101123X",
        "0573-82820000",
        "+86 138 0000 1234",
    ]
    texts = [f"北街{number}号 联系{secret}" for number, secret in enumerate(secrets, 1)]
    made(stand_in).locate(texts)
    assert [asked["address"] for _, asked in stand_in.asked] == [
        f"北街{number}号 联系" for number in range(1, 7)
    ]
    assert "北街" not in caplog.text
    assert "%E5%8C%97" not in caplog.text
    assert "K-7" not in caplog.text


@pytest.mark.parametrize(
    "text", ["新塍大道1234号", "虹桥小区12幢3单元401室", "12-3-401 虹桥小区", "X101县道5公里"]
)
def test_house_numbers_stay(text):
    assert public_words(text) == text


def test_the_region_is_named_once(stand_in):
    stand_in.says(answer_of("amap", []))
    made(stand_in, region="秀洲区新塍镇").locate(["北街12号", "嘉兴市秀洲区新塍镇北街12号"])
    assert [asked["address"] for _, asked in stand_in.asked] == [
        "秀洲区新塍镇北街12号",
        "嘉兴市秀洲区新塍镇北街12号",
    ]


def test_requests_keep_their_distance(stand_in):
    stand_in.says(answer_of("amap", []))
    waits = Waits()
    made(stand_in, waits=waits, per_second=4.0).locate(["甲路", "乙路", "丙路"])
    assert waits.slept == [0.25, 0.25]


def test_a_passing_fault_is_asked_again_after_a_growing_pause(stand_in):
    busy = {"status": "0", "info": "CUQPS_HAS_EXCEEDED_THE_LIMIT", "infocode": "10021"}
    stand_in.says(busy, page(502, b""), answer_of("amap", [(*HERE, "door")]))
    waits = Waits()
    geocoder = made(stand_in, waits=waits, per_second=100.0)
    assert geocoder.locate(["北街12号"])["status"].tolist() == ["review"]
    assert waits.slept == [1.0, 2.0]
    assert geocoder.problems == ()


def test_one_unanswered_text_does_not_stop_the_others(stand_in):
    stand_in.says(page(500, b""), answer_of("amap", [(*HERE, "door")]))
    geocoder = made(stand_in, retries=0)
    assert geocoder.locate(["甲路1号", "乙路2号"])["reason"].tolist() == ["online_error", "online"]
    assert [type(each) for each in geocoder.problems] == [OnlineUnreachableError]
    assert geocoder.locate(["甲路1号"])["reason"].tolist() == ["online"]  # a fault is not kept
    assert geocoder.problems == ()


def test_the_limit_of_a_day_holds_over_runs_and_ends_with_the_day(stand_in, tmp_path):
    stand_in.says(answer_of("amap", [(*HERE, "door")]))
    kept = tmp_path / "kept.jsonl"
    texts = [f"北街{number}号" for number in range(5)]
    first = made(stand_in, cache_file=kept, per_day=2)
    assert first.locate(texts[:1])["reason"].tolist() == ["online"]
    second = made(stand_in, cache_file=kept, per_day=2)
    assert second.locate(texts)["reason"].tolist() == ["online"] * 2 + ["online_error"] * 3
    assert [type(each) for each in second.problems] == [OnlineQuotaError]
    assert len(stand_in.asked) == 2
    tomorrow = made(stand_in, cache_file=kept, per_day=2, today=TODAY + dt.timedelta(days=1))
    assert tomorrow.locate(texts[:4])["reason"].tolist() == ["online"] * 4
    assert len(stand_in.asked) == 4


@pytest.mark.parametrize("provider", PROVIDERS)
def test_kept_answers_are_the_same_and_hold_no_text(stand_in, provider, tmp_path):
    kept = tmp_path / "kept.jsonl"
    stand_in.says(answer_of(provider, [(*HERE, "door")]))
    words = "北街12号老供销社旁"
    first = made(stand_in, provider, cache_file=kept).locate([words])
    again = made(stand_in, provider, cache_file=kept).locate([words])
    assert first.equals(again)
    assert len(stand_in.asked) == 1
    content = kept.read_text(encoding="utf-8")
    assert "供销社" not in content
    assert "北街" not in content
    assert "K-7" not in content
    other = "tianditu" if provider == "amap" else "amap"
    stand_in.says(answer_of(other, []))
    assert made(stand_in, other, cache_file=kept).locate([words])["reason"].tolist() == ["not_found"]


def test_kept_answers_grow_old_and_damaged_lines_are_skipped(stand_in, tmp_path):
    kept = tmp_path / "kept.jsonl"
    stand_in.says(answer_of("amap", [(*HERE, "door")]))
    made(stand_in, cache_file=kept).locate(["北街12号"])
    kept.write_text('{"day":"2026-03-01","key":"x\n[]\n{"day":1}\n' + kept.read_text("utf-8"), "utf-8")
    made(stand_in, cache_file=kept).locate(["北街12号"])
    assert len(stand_in.asked) == 1
    made(stand_in, cache_file=kept, today=TODAY + dt.timedelta(days=91)).locate(["北街12号"])
    assert len(stand_in.asked) == 2


def test_a_cache_that_cannot_be_written_costs_only_the_cache(stand_in, tmp_path):
    stand_in.says(answer_of("amap", [(*HERE, "door")]))
    geocoder = made(stand_in, cache_file=tmp_path / "absent" / "kept.jsonl")
    assert geocoder.locate(["北街12号"])["status"].tolist() == ["review"]


def test_of_a_long_text_only_the_beginning_leaves_and_at_once():
    assert public_words("北街12号" + "+1" * 50_000).startswith("北街12号")
    assert len(public_words("北街" * 5_000)) == MOST_LETTERS
