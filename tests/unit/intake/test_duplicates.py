"""Pairs of reports that may tell of one incident: single cases, then made ledgers with known truth."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pingan_geo.errors import BadTableError, SettingsError
from pingan_geo.intake.duplicates import (
    DEFAULT_RULE,
    DEFAULT_RULES,
    MOST_COMPARED,
    MOST_OFFERED,
    QUEUE_SCORE,
    DuplicateRule,
    duplicate_rules,
    find_duplicates,
    groups_of,
)
from pingan_geo.model.tables import DUPLICATE_PAIRS, REPORTS

START = datetime(2025, 6, 2, 9, 0)
LON, LAT = 120.60, 30.79
LON_M, LAT_M = 111_320.0 * math.cos(math.radians(LAT)), 110_860.0


def report(number: int, **given: Any) -> dict[str, Any]:
    """Return a report ``east_m``, ``north_m`` and ``hours`` from the beginning."""
    east, north, hours = (given.pop(name, 0.0) for name in ("east_m", "north_m", "hours"))
    until = given.pop("until_hours", None)
    return {
        "report_id": number,
        "category": "RD1",
        "time": START + timedelta(hours=hours),
        "time_until": None if until is None else START + timedelta(hours=until),
        "lon": LON + east / LON_M,
        "lat": LAT + north / LAT_M,
        "radius_m": 10.0,
        "level": "point",
        "place": "",
        "description": "",
        "reporter": "",
        "source": "随手拍",
        "origin": "reported",
    } | given


def ledger(*rows: dict[str, Any]) -> pd.DataFrame:
    names = list(report(0))
    table = pd.DataFrame({name: [row[name] for row in rows] for name in names})
    return table.astype({name: REPORTS.columns[name] for name in names})


def find(*rows: dict[str, Any], **options: Any) -> pd.DataFrame:
    options = {"rules": DEFAULT_RULES, "default": DEFAULT_RULE} | options
    return find_duplicates(ledger(*rows), **options)


def ids(pairs: pd.DataFrame) -> set[tuple[int, int]]:
    return set(zip(pairs["first"].tolist(), pairs["second"].tolist(), strict=True))


def score(*rows: dict[str, Any], **options: Any) -> float:
    pairs = find(*rows, least_score=0.0, **options)
    assert len(pairs) == 1
    return float(pairs["score"].iloc[0])


# -- refused -----------------------------------------------------------------------------------------


def test_a_table_without_a_column_is_refused() -> None:
    with pytest.raises(BadTableError, match="column origin is missing"):
        find_duplicates(ledger(report(1)).drop(columns="origin"), rules={}, default=DEFAULT_RULE)


def test_a_report_that_stands_twice_is_refused() -> None:
    with pytest.raises(BadTableError, match="stands twice"):
        find(report(1), report(1))


def test_flags_of_another_length_are_refused() -> None:
    with pytest.raises(BadTableError, match="another length"):
        find(report(1), report(2), new=[True])


@pytest.mark.parametrize(
    ("stated", "key"),
    [
        ({"RD1": 30}, "duplicates.RD1"),
        ({"RD1": {"radius_m": "30"}}, "duplicates.RD1.radius_m"),
        ({"RD1": {"radius_m": 0}}, "duplicates.RD1.radius_m"),
        ({"RD1": {"window_h": True}}, "duplicates.RD1.window_h"),
        ({"default": {"beside": 0}}, "duplicates.default.beside"),
        ({"RD1": {"tellings": "many"}}, "duplicates.RD1.tellings"),
        ({"RD1": {"facts": "door"}}, "duplicates.RD1.facts"),
        ({"RD1": {"facts": ["door", "smell"]}}, "duplicates.RD1.facts"),
        ({"RD1": {"family": 3}}, "duplicates.RD1.family"),
        ({"RD1": {"radius": 30}}, "duplicates.RD1.radius"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_its_key(stated: Any, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        duplicate_rules([], stated)
    assert caught.value.values["key"] == key


# -- rules -------------------------------------------------------------------------------------------


def test_a_town_changes_what_it_states_and_keeps_the_rest() -> None:
    stated = {
        "RD1": {"radius_m": 12, "window_h": 48.5, "facts": ["door"], "beside": 2},
        "XX9": {"family": "new"},
        "default": {"radius_m": 70},
    }
    rules, default = duplicate_rules([], stated)
    assert rules["RD1"] == DuplicateRule(12.0, 48.5, beside=2.0, facts=("door",), family="road")
    assert rules["XX9"] == DuplicateRule(70.0, DEFAULT_RULE.window_h, family="new")
    assert default == DuplicateRule(70.0, DEFAULT_RULE.window_h)
    assert rules["FW1"] == DEFAULT_RULES["FW1"]


def test_the_names_of_a_category_say_nothing_within_it() -> None:
    named = SimpleNamespace(
        code="FW2", name="飞线充电(居民楼)", name_en="Unsafe wiring", aliases=("私拉电线/飞线", "a")
    )
    rules, _ = duplicate_rules([named], {})
    assert rules["FW2"].words == ("飞线充电", "居民楼", "unsafewiring", "私拉电线", "飞线")
    told = [
        report(1, category="FW2", description="居民楼飞线充电，三楼窗口"),
        report(2, category="FW2", description="居民楼飞线充电，门卫旁边", east_m=5),
    ]
    with_names = find(*told, least_score=0.0)["text_likeness"].iloc[0]
    without = find(*told, least_score=0.0, rules=rules)["text_likeness"].iloc[0]
    assert with_names > 0.3
    assert without < 0.1


# -- one pair ----------------------------------------------------------------------------------------

HOLE = "路中间一个大坑，骑车差点摔倒"


def test_two_who_tell_of_one_hole_are_offered_with_the_reasons() -> None:
    pairs = find(
        report(1, description=HOLE, reporter="V1", place="北街12号"),
        report(
            2,
            description="路中间有个大坑，骑车差点摔",
            reporter="V2",
            place="北街十二号旁",
            east_m=8,
            hours=5,
        ),
    )
    assert list(pairs.columns) == list(DUPLICATE_PAIRS.columns)
    assert ids(pairs) == {(1, 2)}
    assert pairs["distance_m"].iloc[0] == pytest.approx(8, abs=0.1)
    assert pairs["gap_h"].iloc[0] == 5
    assert pairs["reason"].iloc[0] == "near;soon;same_words;few_others"
    assert pairs["score"].iloc[0] > 0.9
    assert np.isnan(pairs["photo_likeness"].iloc[0])


@pytest.mark.parametrize(
    "other",
    [
        report(2, description=HOLE, east_m=62),
        report(2, description=HOLE, hours=45 * 24 + 1),
        report(2, description=HOLE, category="RD3"),
        report(2, description=HOLE, origin="found"),
    ],
    ids=["too far", "too late", "another kind", "found by a patrol"],
)
def test_what_is_outside_the_rule_is_never_offered(other: dict[str, Any]) -> None:
    assert len(find(report(1, description=HOLE), report(2, description=HOLE))) == 1
    assert len(find(report(1, description=HOLE), other, least_score=0.0)) == 0


def test_other_doors_are_other_places_however_they_are_written() -> None:
    def at(place: str, **more: Any) -> float:
        first = report(1, place="北街37号", description="店门口插座充电动车", **{"category": "FW1"} | more)
        return score(first, first | {"report_id": 2, "place": place})

    assert at("北街三十七号") == at("北街３７号") > at("北街") > at("北街39号") == at("北街三十九号")
    assert at("北街37号") > QUEUE_SCORE > at("北街39号")
    # a hole in the road has no door, each names the one he saw
    assert at("北街37号", category="RD1") == at("北街39号", category="RD1")


@pytest.mark.parametrize(
    ("category", "told", "same", "other"),
    [
        ("TH2", "超市门口黑色的车被偷（黑）", "丢了一辆黑色的", "丢了一辆白色的"),
        ("TH2", "店门口丢了红色的车", "被偷的车是酒红色", "被偷的车是湖蓝色"),
        ("TH1", "雅迪，停在店门口", "店门口那辆雅迪", "店门口那辆爱玛"),
        ("TH3", "电瓶车里的电池被偷", "电池没了", "钱包没了"),
        ("LF1", "女式单车一辆", "单车，女款", "单车，男款"),
        ("FW2", "三楼窗口拉线", "3楼往下拉线", "五楼往下拉线"),
        ("RD4", "占道的车浙F12345", "浙F12345占道", "浙F54321占道"),
    ],
)
def test_a_fact_that_differs_speaks_against_a_pair(category: str, told: str, same: str, other: str) -> None:
    def points(words: str) -> float:
        # whatever the words, only the facts are compared: the one without any has the same words
        odds = score(
            report(1, category=category, description=told), report(2, category=category, description=words)
        )
        return math.log(odds / (1 - odds))

    assert points(same) > points(other) + 2


def test_of_a_hole_the_vehicle_that_fell_in_it_is_no_fact() -> None:
    first = report(1, description="路面有坑，电动车摔了")
    assert score(first, report(2, description="有坑，轿车底盘刮了")) > QUEUE_SCORE
    theft = report(1, category="TH1", description="路边电动车被偷了")
    assert score(theft, report(2, category="TH1", description="路边轿车被偷了")) < QUEUE_SCORE


def test_other_words_say_little_against_a_pair_and_shared_ones_much_for_it() -> None:
    told = [words for thing in PHRASES["RD1"][1:] for words in thing]
    crowd = [report(3 + n, description=words, north_m=900.0 * (n + 1)) for n, words in enumerate(told * 5)]
    silent = score(report(1), report(2, east_m=5, hours=24), *crowd)
    other = score(
        report(1, description=HOLE), report(2, description="沥青缺了一块", east_m=5, hours=24), *crowd
    )
    shared = score(
        report(1, description=HOLE),
        report(2, description="一个大坑，电瓶车摔倒", east_m=5, hours=24),
        *crowd,
    )
    logit = [math.log(each / (1 - each)) for each in (other, silent, shared)]
    assert logit[1] - 1.3 < logit[0] < logit[1] < logit[2] - 1


def test_in_a_crowd_of_its_kind_a_pair_is_less_likely() -> None:
    """Of two with the same distance, gap and words, it depends on how often others are told there."""
    pair = [report(1, east_m=0, hours=5_000), report(2, east_m=20, hours=5_050)]

    def among(others: int, north_m: float) -> float:
        rows = [
            report(10 + n, east_m=n % 7, north_m=north_m, hours=n * 10_000 / others) for n in range(others)
        ]
        pairs = find(*pair, *rows, report(4, hours=10_000, north_m=90_000), least_score=0.0)
        return float(pairs.set_index(["first", "second"])["score"][(1, 2)])

    quiet, next_door, far = among(1, 60_000.0), among(200, 70.0), among(200, 60_000.0)
    assert quiet == pytest.approx(far, abs=0.02)
    assert quiet > 0.8
    assert next_door < 0.6


def test_when_all_the_town_tells_of_a_kind_at_once_a_pair_is_less_likely() -> None:
    """After a night of rain there is water everywhere."""
    pair = [report(1, category="RD3", hours=1_000), report(2, category="RD3", hours=1_003, east_m=30)]
    others = [
        report(
            10 + n, category="RD3", east_m=200.0 * (n % 10 - 5), north_m=200.0 * (n // 10 - 4.5), hours=n * 20
        )
        for n in range(100)
    ]
    rain = [each | {"time": pair[0]["time"] + timedelta(minutes=n)} for n, each in enumerate(others)]
    calendar = [report(3 + n, category="RD3", hours=n * 2_000, north_m=50_000) for n in range(2)]

    def of_pair(rows: list[dict[str, Any]]) -> float:
        pairs = find(*pair, *calendar, *rows, least_score=0.0)
        return float(pairs.set_index(["first", "second"])["score"][(1, 2)])

    assert of_pair(rain) < of_pair(others) - 0.05


def test_photos_alike_speak_for_a_pair_and_others_say_nothing() -> None:
    told = report(1, description="路面破损"), report(2, description="有裂缝", east_m=20, hours=100)
    bare = score(*told)
    assert score(*told, likeness={1: 0, 2: 0xFF}) > score(*told, likeness={1: 0, 2: 0xFFF}) > bare
    assert score(*told, likeness={1: 0, 2: 0x1FFF}) == bare
    pairs = find(*told, least_score=0.0, likeness={1: -1, 2: 0})  # signed, as the database keeps it
    assert pairs["photo_likeness"].iloc[0] == 0.0
    assert find(*told, likeness={1: -1, 2: -1})["reason"].iloc[0].split(";")[2] == "same_photo"


def test_one_person_on_a_round_tells_of_several_things() -> None:
    def told(reporter: str, **second: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        same = {"category": "FW1", "description": "店门口插座充电动车", "reporter": reporter}
        return report(1, **same | {"reporter": "K1"}), report(2, **same | second)

    assert score(*told("K1", east_m=25, hours=0.05)) < QUEUE_SCORE < score(*told("K2", east_m=25, hours=0.05))
    twice = find(*told("K1", east_m=2, hours=0.05))
    assert "sent_twice" in twice["reason"].iloc[0]
    assert twice["score"].iloc[0] > score(*told("K2", east_m=2, hours=0.05))
    later = {"east_m": 5, "hours": 40.0}
    assert score(*told("K1", **later)) == score(*told("K2", **later))


def test_a_rough_place_reaches_farther_and_says_less() -> None:
    def apart(east_m: float, radius_m: float) -> pd.DataFrame:
        second = report(2, description=HOLE, east_m=east_m, radius_m=radius_m)
        return find(report(1, description=HOLE, radius_m=0.0), second, least_score=0.0)

    assert len(apart(150, 10)) == 0
    assert len(apart(150, 200)) == 1
    assert "rough_place" in apart(150, 200)["reason"].iloc[0]
    assert apart(5, 200)["score"].iloc[0] < apart(5, 10)["score"].iloc[0]
    assert len(apart(311, 5_000)) == 0, "however rough, 250 m more and no farther"
    assert len(apart(309, 5_000)) == 1
    assert len(apart(5, math.nan)) == 1


def test_intervals_that_overlap_are_no_hours_apart() -> None:
    day = report(1, category="FW3", description="楼道里停满电动车", hours=-9, until_hours=15)
    assert find(day, report(2, category="FW3", hours=10), least_score=0.0)["gap_h"].iloc[0] == 0
    assert find(day, report(2, category="FW3", hours=20), least_score=0.0)["gap_h"].iloc[0] == 5
    assert len(find(day, report(2, category="FW3", hours=15 + 7 * 24 + 1), least_score=0.0)) == 0
    sharp = score(report(1, category="FW3"), report(2, category="FW3"))
    assert sharp > score(report(1, category="FW3", until_hours=24), report(2, category="FW3", until_hours=24))


def test_two_kinds_of_one_family_are_compared() -> None:
    wire = "三楼窗口拉线下来给电动车充电"
    shop = report(1, category="FW1", description=wire)
    home = report(2, category="FW2", description=wire)
    pairs = find(shop, home)
    assert "other_category" in pairs["reason"].iloc[0]
    assert pairs["score"].iloc[0] < score(shop, home | {"category": "FW1"})


def test_words_that_all_use_say_less() -> None:
    pair = [report(1, description="路面破损"), report(2, description="路面破损", east_m=20, hours=50)]
    crowd = [report(n, description="路面破损", north_m=500.0 * n) for n in range(3, 60)]
    others = [report(n, description=f"编号{n}另有说法", north_m=500.0 * n) for n in range(3, 60)]
    assert score(*pair, *crowd) < score(*pair, *others)


# -- many --------------------------------------------------------------------------------------------


def test_only_pairs_with_a_new_report_and_the_old_one_first() -> None:
    rows = [report(number, description=HOLE, hours=number) for number in (5, 6, 7)]
    assert ids(find(*rows)) == {(5, 6), (5, 7), (6, 7)}
    assert ids(find(*rows, new=[True, False, False])) == {(6, 5), (7, 5)}
    assert ids(find(*rows, new=[False] * 3)) == set()


@pytest.mark.parametrize("rough", [0, 1, 2])
def test_new_ones_are_found_whichever_of_the_two_is_rough(rough: int) -> None:
    rows = [
        report(n, description=HOLE, east_m=100.0 * n, radius_m=300.0 if n == rough else 5.0) for n in range(3)
    ]
    everything = ids(find(*rows, least_score=0.0))
    for number in range(3):
        new = [n == number for n in range(3)]
        found = {tuple(sorted(pair)) for pair in ids(find(*rows, new=new, least_score=0.0))}
        assert found == {pair for pair in everything if number in pair}


def test_a_crowd_is_cut_short_and_says_so() -> None:
    number = 3 * MOST_COMPARED
    rows = [report(n, description=HOLE, hours=n / 100) for n in range(number)]
    pairs = find(*rows, least_score=0.0)
    assert pairs.attrs["crowded"] == number
    # of all that each has in reach, all but itself and the nearest were left alone
    assert pairs.attrs["not_compared"] == number * (number - 1 - MOST_COMPARED)
    assert pairs.attrs["not_offered"] > 0
    busiest = pd.concat([pairs["first"], pairs["second"]]).value_counts()
    assert busiest.min() >= MOST_OFFERED
    few = find(*rows[: MOST_COMPARED + 1], least_score=0.0)
    assert (few.attrs["crowded"], few.attrs["not_compared"]) == (0, 0)


def test_nothing_and_one_report_have_no_pairs() -> None:
    assert len(find()) == len(find(report(1))) == 0
    DUPLICATE_PAIRS.check(find())


def test_a_report_without_a_place_is_passed_over() -> None:
    rows = report(1, description=HOLE), report(2, description=HOLE), report(3, description=HOLE)
    assert ids(find(rows[0], rows[1], rows[2] | {"lon": math.nan})) == {(1, 2)}


# -- groups ------------------------------------------------------------------------------------------


def test_tellers_of_one_incident_stand_together_and_a_street_of_things_does_not() -> None:
    together = [report(n, description=HOLE, east_m=3.0 * n, hours=n) for n in range(1, 5)]
    street = [report(10 + n, description="窨井边的砖碎了", east_m=2000 + 45.0 * n) for n in range(4)]
    pairs = find(*together, *street)
    assert {(10, 11), (11, 12), (12, 13)} <= ids(pairs)
    groups = groups_of(pairs)
    assert (1, 2, 3, 4) in groups
    assert all(len(group) == 2 for group in groups if group[0] >= 10)
    assert sorted(sum(groups, ())) == sorted({*sum(groups, ())}), "a report is in one group"


def test_a_teller_in_other_words_joins_when_place_and_time_allow() -> None:
    rows = [
        report(1, description=HOLE, hours=0),
        report(2, description=HOLE + "，路灯也不亮，绿化带旁", hours=1),
        report(3, description="路灯不亮，绿化带旁，很危险", hours=20, east_m=12),
    ]
    pairs = find(*rows)
    pairs = pairs[~((pairs["first"] == 1) & (pairs["second"] == 3))]
    assert groups_of(pairs) != ((1, 2, 3),)
    assert groups_of(pairs, ledger(*rows), rules=DEFAULT_RULES) == ((1, 2, 3),)
    far = [*rows[:2], report(3, hours=20, east_m=66)]
    assert (1, 2, 3) not in groups_of(pairs, ledger(*far), rules=DEFAULT_RULES)


# -- made ledgers with known truth -------------------------------------------------------------------

PHRASES = {
    "RD1": [
        [
            "路中间一个大坑，骑车差点摔倒",
            "机动车道上有个坑，很深，电瓶车要绕",
            "路面中间坑很大，昨晚有人骑车摔了",
            "大坑！骑电瓶车的人绕着走",
        ],
        [
            "人行道地砖翘起来了，老人绊脚",
            "地砖松动，走路会绊倒",
            "步道的砖翘了一块，有老人绊了一下",
            "人行道砖块松脱",
        ],
        [
            "桥头接坡沉下去了，车子过去一跳",
            "过桥的地方有高差，汽车颠一下",
            "桥头跳车，接缝沉了好几公分",
            "桥面和路接口处下沉",
        ],
        ["水泥板断角，碎石子到处都是", "路板碎了，石子飞溅", "混凝土板破碎，边角断了", "板角断裂有碎石"],
        ["窄缝很长，横着整条马路", "路上横向裂缝，从东到西", "路面裂了一条缝，很长", "横缝，越来越宽"],
    ],
    "FW1": [
        [
            "理发店门口拉出插线板给电瓶车充电",
            "发廊把插座拖到人行道上充电瓶车",
            "理发店电线拖到门外，在充车子",
            "剪头发那家门口飞线充电",
        ],
        [
            "水果店二楼窗口垂一根电线下来充三轮车",
            "卖水果的从楼上放线给三轮车充电",
            "三轮车充电，线从水果店楼上窗户挂下来",
            "水果摊楼上吊下来的电线",
        ],
        [
            "早餐店外墙电线接头露在外面",
            "包子铺墙上电线裸露，胶布都掉了",
            "早点店外面线头露铜",
            "墙上接头裸露，卖早餐那家",
        ],
        [
            "手机店串了三个插线板在用，很烫",
            "修手机的店插线板接插线板，发热",
            "插排串联，手机维修店，摸着烫手",
            "手机店里插座一个接一个",
        ],
        [
            "快递站用拖线板给五六辆车一起充",
            "驿站门前好几辆电瓶车用一个拖线板充电",
            "快递点一排车共用一个插座充电",
            "菜鸟驿站拖线板充一排电瓶车",
        ],
    ],
    "TH1": [
        [
            "红色雅迪电动车在超市门口被偷，车锁剪断",
            "超市门前一辆红色雅迪不见了，锁被剪",
            "停超市门口的雅迪（红）被盗",
        ],
        ["白色爱玛停在车棚里早上不见了", "车棚丢了一辆白色爱玛电瓶车", "爱玛白色的车，昨晚在棚里被偷走"],
        ["黑色台铃送外卖时没拔钥匙被骑走", "外卖小哥的台铃被人骑走了，钥匙没拔", "送餐途中黑色台铃被骑走"],
        [
            "蓝色新日，停在医院西门，下班没了",
            "医院西门口丢失蓝色新日电动车",
            "新日电动车（蓝色）医院门口被盗",
        ],
    ],
    "LF1": [
        ["捡到黑色双肩包一个，里面有书", "拾到一只黑色书包，内有课本", "有人捡到双肩包（黑），装着书"],
        ["遗失老年卡一张", "老人家掉了一张老年公交卡", "老年卡丢了"],
        ["拾到手机一部，屏幕有裂痕", "捡到一个屏幕碎了的手机", "手机，屏裂，拾得"],
        ["掉了一串钥匙，上面有小熊挂件", "丢失钥匙一串带小熊", "小熊挂件的钥匙串不见了"],
        ["儿童手表一只，粉色", "捡到小孩的粉色电话手表", "拾得粉色儿童手表"],
    ],
    "FR1": [
        ["绿化带冒烟", "路边草丛在冒烟", "绿化里烧起来了，有烟", "草着火了"],
        ["三楼厨房冒黑烟", "有户人家厨房起火", "看见三楼窗户冒烟", "楼上厨房着火了，烟很大"],
        ["垃圾桶着火", "路边垃圾桶烧起来了", "垃圾箱冒烟起火", "有人扔烟头垃圾桶烧了"],
    ],
    "RD5": [
        ["窨井盖没了，用树枝插着", "井盖不见了，有人插了根树枝", "缺一个井盖，很危险"],
        ["井盖破了一半，车子压上去响", "窨井盖裂开，压过去咣当响", "破的井盖，晚上很吵"],
        ["雨水箅子少两块", "下水的铁格栅缺了两根", "雨水篦子缺失"],
    ],
    "CF1": [
        ["两户为停车位吵架", "因为车位争执，双方吵起来", "抢停车位吵架"],
        ["楼上漏水，和楼下闹纠纷", "漏水纠纷，楼下天花板湿了", "楼上漏水不肯赔"],
        ["晚上跳广场舞太吵", "广场舞噪音扰民，邻居投诉", "跳舞音响太响，居民有意见"],
    ],
}

#: How soon others tell of it, in hours, on average.
LAG_H = {"RD1": 100, "FW1": 30, "TH1": 4, "LF1": 8, "FR1": 0.4, "RD5": 40, "CF1": 8}
ROADS = ("新塍大道", "北街", "蓬莱路", "洛东路", "兴镇路", "桃园街", "南街", "佳源路")
COURTESY = ("，请尽快处理", "，已拍照", "。", "，谢谢")


class MadeLedger:
    """Incidents told by one to four people, in their own words and rough places, among near misses."""

    def __init__(self, seed: int, incidents: int = 220, days: int = 60) -> None:
        self.draw, self.rows, self.incident = random.Random(seed), [], []
        for _ in range(incidents):
            draw, category = self.draw, self.draw.choice(list(PHRASES))
            facts, lag = len(PHRASES[category]), LAG_H[category]
            fact, house = draw.randrange(facts), draw.randrange(1, 300)
            east, north, hours = draw.uniform(0, 2500), draw.uniform(0, 2500), draw.uniform(0, 24 * days)
            thing = {"category": category, "road": draw.choice(ROADS)}
            late = 0.0
            for _ in range(draw.choices([1, 2, 3, 4], [55, 28, 12, 5])[0]):
                self.tell(fact, east, north, hours + late, house, new=not late, **thing)
                late += draw.expovariate(1 / lag)
            trick, other = draw.random(), (fact + draw.randrange(1, facts)) % facts
            soon = hours + draw.uniform(0, lag)
            if trick < 0.15:  # another thing next door
                self.tell(other, east + draw.choice([-22, 22, 30]), north - 8, soon, house + 2, **thing)
            elif trick < 0.25 and category in {"RD1", "FW1", "RD5"}:  # a courier tells of a whole street
                for step in range(1, 5):
                    at = east + 35 * step, north, hours + 0.03 * step, house + 4 * step
                    self.tell(draw.randrange(facts), *at, reporter=f"K{draw.randrange(9)}", **thing)
            elif 0.25 <= trick < 0.33:  # the same again, in the same words, long after
                later = hours + DEFAULT_RULES[category].window_h * draw.uniform(1.2, 3)
                self.tell(fact, east, north, later, house, **thing)
            elif trick < 0.45:  # another thing on the very spot
                self.tell(other, east, north, soon, house, **thing)

    def tell(
        self,
        fact: int,
        east: float,
        north: float,
        hours: float,
        house: int,
        *,
        category: str,
        road: str,
        reporter: str = "",
        new: bool = True,
    ) -> None:
        draw = self.draw
        spread, radius = draw.choices(
            [(8.0, draw.choice([5.0, 8.0, 12.0, 20.0])), (15.0, 30.0), (45.0, 120.0), (90.0, 200.0)],
            [60, 25, 10, 5],
        )[0]
        words = "" if draw.random() < 0.12 else draw.choice(PHRASES[category][fact])
        words += draw.choice(COURTESY) if words and draw.random() < 0.3 else ""
        place = draw.choices([f"{road}{house}号", f"{road}{house}号附近", road, ""], [35, 10, 30, 25])[0]
        until = None
        if draw.random() < 0.08:  # known to the day
            hours = hours // 24 * 24 - 9
            until = hours + 24
        self.rows.append(
            report(
                len(self.rows),
                category=category,
                east_m=east + draw.gauss(0, spread),
                north_m=north + draw.gauss(0, spread),
                hours=hours,
                until_hours=until,
                radius_m=radius,
                place=place,
                description=words,
                reporter=reporter or f"V{draw.randrange(60):03d}",
            )
        )
        self.incident.append(self.incident[-1] + new if self.incident else 0)

    def judge(self, pairs: pd.DataFrame) -> tuple[int, int, int]:
        """Return pairs that are true, pairs offered, and those that are both."""
        size = pd.Series(self.incident).value_counts().to_numpy()
        first, second = (pairs[side].to_numpy() for side in ("first", "second"))
        incident = np.array(self.incident)
        return (
            int((size * (size - 1) // 2).sum()),
            len(pairs),
            int((incident[first] == incident[second]).sum()),
        )


def test_of_hostile_ledgers_most_is_found_and_most_offered_is_true() -> None:
    """Half of the incidents have another thing beside or on the very spot: more than any town has."""
    ledgers = [MadeLedger(seed) for seed in range(8)]
    offers = [find(*made.rows) for made in ledgers]

    def shares(least: float) -> tuple[float, float]:
        true, offered, hits = np.array(
            [made.judge(pairs[pairs["score"] >= least]) for made, pairs in zip(ledgers, offers, strict=True)]
        ).sum(axis=0)
        assert true > 1_000
        return hits / offered, hits / true

    # on seeds 20-27: 0.65 and 0.92 at 0.5, 0.77 and 0.74 at 0.8. The floors are some points lower, so that a
    # fault shows and luck does not.
    precision, recall = shares(QUEUE_SCORE)
    assert precision > 0.61
    assert recall > 0.88
    precision, recall = shares(0.8)
    assert precision > 0.73
    assert recall > 0.69


def test_near_misses_make_the_difference() -> None:
    made = MadeLedger(3)
    by_place_only = find(*made.rows, least_score=0.0)
    _true, offered, hits = made.judge(find(*made.rows))
    _, offered_blindly, hits_blindly = made.judge(by_place_only)
    assert hits / offered > hits_blindly / offered_blindly + 0.1
    assert hits > 0.85 * hits_blindly


@pytest.mark.slow
def test_a_hundred_thousand_reports_in_crowded_places() -> None:
    draw = np.random.default_rng(1)
    number, codes = 100_000, np.array(list(DEFAULT_RULES), dtype=object)
    spot, kind = draw.integers(0, 20, number), draw.integers(0, len(codes), number)
    second = draw.integers(0, 540 * 86_400, number)
    table = pd.DataFrame(
        {
            "report_id": np.arange(number),
            "category": codes[kind],
            "time": np.datetime64(START, "s") + second.astype("timedelta64[s]"),
            "time_until": np.full(number, np.datetime64("NaT", "s")),
            "lon": LON + (spot % 5 * 1_000 + draw.normal(0, 20, number)) / LON_M,
            "lat": LAT + (spot // 5 * 1_000 + draw.normal(0, 20, number)) / LAT_M,
            "radius_m": draw.choice([10.0, 30.0, 200.0], number),
            "place": np.array([f"{ROADS[one % 8]}{one}号" for one in spot], dtype=object),
            "description": np.array([f"第{one}件，{one % 7}米" for one in range(number)], dtype=object),
            "reporter": np.array([f"V{one % 300}" for one in range(number)], dtype=object),
            "origin": "reported",
        }
    ).astype(dict.fromkeys(("category", "place", "description", "reporter", "origin"), "str"))
    pairs = find_duplicates(table, rules=DEFAULT_RULES, default=DEFAULT_RULE)
    assert pairs.attrs["crowded"] > 0
    # a cut-short search still finds what stands on one spot at one time in the same words
    twin = table.iloc[:200].assign(report_id=np.arange(number, number + 200))
    again = find_duplicates(
        pd.concat([table, twin], ignore_index=True),
        rules=DEFAULT_RULES,
        default=DEFAULT_RULE,
        new=np.arange(number + 200) >= number,
    )
    # a place known to 200 m in a hot spot says too little
    exact = np.flatnonzero(table["radius_m"].iloc[:200] < 100)
    expected = {(n, n + number) for n in exact.tolist()}
    assert len(expected & ids(again)) > 0.95 * len(expected)
