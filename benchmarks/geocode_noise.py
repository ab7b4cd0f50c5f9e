"""Texts about the made town as people write them, each with its true place and with what is right.

Written without looking at the matcher, and never adapted to it. The rules ask what a careful 驿长 with
the same gazetteer and no other knowledge would do:

``accept``
    The text names one listed thing exactly, or so that only one listed thing can be meant. To put the
    point there is right; to ask first is never wrong, only work. Typing errors count here as long as no
    other existing name is as near; where one is, the query is ``review``.
``review``
    A person must look: the number is not listed though the road is, in either direction of 弄 and 号;
    the text fits several things; it names two places far apart; a road or village of more than a few
    hundred metres alone; a name that is one word off and does not sound or look like the listed one; a
    crossing that is not listed. To accept is wrong, even if the point happens to fall near. Where the
    true place is known it stands in the query and serves to judge the radius, not the share of hits.
``reject``
    The place is in another town, or nothing listed resembles it, or the text means nothing. To accept is
    wrong; review or rejection are both right. There is no true place.

The truth of words such as 旁边 or 附近 is moved away from the named thing by at most 45 m, so that the
50 m which are asked for can be reached.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from opencc import OpenCC
from pypinyin import lazy_pinyin
from rapidfuzz.distance import Levenshtein

sys.path.insert(0, str(Path(__file__).resolve().parent))

from made_town import TOWN, Entry, MadeTown, lon_lat
from made_town import words as _words

_MANY_TRIES = 400
#: More than this apart, two things are not one place.
FAR_M = 200.0

_SOUNDS_OF_THE_SOUTH = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ing", "in"), ("eng", "en"), ("ang", "an"))
# Pairs that a hurried reader or a scanner mixes up, both ways.
_LOOK_ALIKE = _words(
    "未末 土士 日曰 日目 人入 己已 大太 大犬 天夫 天夭 王玉 干千 于干 午牛 田由 由甲 今令 乐东 洛络 洛格 洛落 "
    "桥侨 桥娇 桃挑 园圆 园团 秀季 秀透 村材 新析 镇慎 镇填 波坡 波披 蓬篷 莱菜 凤风 凤夙 康庚 富宣 旗旌 星皇 炬矩 "
    "陡徒 思恩 古占 古右 永水 民氏 明朋 阳阴 江汪 湖潮 锦绵 绣锈 苑宛 花化 瑞端 华毕 庭廷 家冢 建律 振赈 文丈 文交 "
    "昌冒 泰秦 福幅 福副 学字 北比 北此 西酉 中申 河何 河可 塘糖 浜兵 港巷 庄压 潘播 钱线 钱浅 码妈 观现 庙庐 "
    "农衣 店唐 药约 银根 州洲 路露 清请 清情 和知 胜性 利刹 光兴 科料 创剑 物牧 迎仰 望塑 月用 竹付 梅悔 柳抑 岸崖 "
    "运远 吉古 祥详 龙尤 翔翻 健建 虹虾 盛盈 晖辉 春舂 秋秒 贤坚 崇祟 尚向 厚原 德得 公分 车东 站沾 电申 力刀 "
    "汲吸 丰韦 收牧 友反 谊宜 石右 翠悴 碧壁 兴头 塍腾 塍滕 塍胜"
)
#: Code points of the Kangxi and the supplementary radicals that some scanners and PDF files write.
_RADICALS = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0x2F00, 0x2FD6)} | dict(
    zip("马西门车长风飞食鱼鸟麦黄齐龙民青页见贝角", "⻢⻄⻔⻋⻓⻛⻜⻝⻥⻦⻨⻩⻬⻰⺠⻘⻚⻅⻉⻆", strict=True)
)
_MISSPELT_TOWNS = ("新滕镇", "新腾镇", "新縢镇", "新胜镇", "新程镇", "新塖镇", "新塍")
_TOWN_PREFIXES = (
    "新塍镇", "新塍", "秀洲区新塍镇", "秀洲新塍", "嘉兴市秀洲区新塍镇", "嘉兴新塍", "浙江省嘉兴市秀洲区新塍镇",
    "浙江嘉兴秀洲区新塍镇", "浙江省嘉兴市新塍镇", "中国浙江省嘉兴市秀洲区新塍镇",
)  # fmt: skip
_ELSEWHERE = (
    "王江泾镇", "秀洲区王江泾镇", "洪合镇", "嘉兴市秀洲区洪合镇", "油车港镇", "王店镇", "秀洲区王店镇", "桐乡市乌镇镇",
    "桐乡乌镇", "濮院镇", "桐乡市濮院镇", "吴江区盛泽镇", "苏州市吴江区桃源镇", "秀洲区新城街道", "秀洲区高照街道",
    "嘉北街道", "南湖区", "嘉兴市南湖区东栅街道", "海宁市", "平湖市当湖街道", "杭州市西湖区", "上海市浦东新区", "湖州市",
)  # fmt: skip
_ELSEWHERE_ROADS = _words(
    "子夜路 闻川路 洪运路 正阳路 舜湖路 花园弄 中环南路 友谊街 广平路 凯旋路 勤俭路 紫阳街 环北路 文二路"
)
_ABSENT_ROAD_STEMS = _words(
    "槐荫 嵩山 昆仑 黄浦 珞珈 惠安 鼎湖 武夷 雁荡 普陀 钟楼 丹枫 鹤鸣 凌霄 紫薇 翰林 状元 驿前 渡口 铁佛 "
    "白鹭 青羊 赤峰 雪松 麒麟 鲁班 轩辕 咸阳 岳麓 蜀山"
)
_ABSENT_ESTATE_STEMS = _words(
    "鼎盛 龙湖 恒大 万科 绿城 融创 保利 碧桂 招商 滨江 珺悦 雍景 铂金 君临 观澜 御龙 尊邸 橡树 帝景 罗马"
)
_ESTATE_SUFFIXES = ("花苑", "小区", "公寓", "家园", "名邸", "花园", "新村", "瑞苑", "嘉苑", "雅苑")
_ABSENT_SHOPS = (
    "沃尔玛超市", "宜家家居", "人民广场地铁站", "火车东站", "民航售票处", "海洋馆", "迪卡侬体育", "优衣库", "星巴克咖啡",
    "滑雪场", "电视塔", "第三人民医院", "科技大学东校区", "高尔夫球会", "游艇码头", "天文台", "博物馆二馆", "动物园北门",
)  # fmt: skip
_NOTHING = (
    "无", "不详", "同上", "见附件", "见照片", "电话联系", "路边", "马路上", "123", "。。。", "???", "测试", "asdf", "本村",
    "家里", "镇里", "村里", "新塍", "新塍镇", "嘉兴市", "老地方那边", "上次说的那里", "小区里", "楼下", "楼道里", "门口", "停车场",
    "我家门口", "菜场后面那条弄堂", "学校旁边", "桥头", "河边", "13800000000", "-", "/", "N/A", "null", "", " ", "　", "暂无",
    "待定", "请看描述", "群众反映有飞线充电", "3幢2单元", "501室", "12号", "东门", "北门口", "二楼", "第2个路口", "东侧", "对面",
    "隔壁邻居家", "地址保密", "#REF!", "#N/A", "0", "0,0", "😀", "路", "村", "组", "几号楼不清楚", "忘记了", "往前走50米",
)  # fmt: skip
_BESIDE = (
    ("门口", 0, 15), ("门前", 0, 15), ("大门口", 0, 15), ("楼下", 0, 15), ("旁边", 8, 30), ("旁", 8, 30), ("边上", 8, 30),
    ("隔壁", 8, 25), ("附近", 0, 45), ("对面", 18, 40), ("斜对面", 20, 45), ("马路对面", 18, 40), ("后面", 10, 35),
    ("东侧", 8, 30), ("路边", 3, 20), ("门口路边", 3, 20), ("人行道上", 3, 20), ("这边", 0, 30), ("那里", 0, 30), ("周边", 0, 45),
)  # fmt: skip
_BEFORE = (
    "在",
    "位于",
    "地址:",
    "地点:",
    "发生在",
    "地址是",
    "家住",
    "我在",
    "就在",
    "事发地:",
    "请到",
    "反映",
    "靠近",
)
_COMPASS = {"东": (1, 0), "西": (-1, 0), "南": (0, -1), "北": (0, 1)}
_DIGIT_WORDS = "零一二三四五六七八九"


@dataclass(frozen=True)
class Query:
    """A text, its true place in metres (``None``: none or unknown), what is right, and its class."""

    text: str
    place: tuple[float, float] | None
    expect: str
    noise: str


#: Name of a class to the function that makes one query of it, or ``None`` when its draw was no good.
Maker = Callable[["Writer"], "tuple[str, tuple[float, float] | None, str] | None"]
CLASSES: dict[str, Maker] = {}
#: Classes of texts whose entry is not in the gazetteer.
ABSENT: set[str] = set()


def _noise(name: str, *, absent: bool = False) -> Callable[[Maker], Maker]:
    def keep(maker: Maker) -> Maker:
        CLASSES[name] = maker
        if absent:
            ABSENT.add(name)
        return maker

    return keep


def make_queries(town: MadeTown, seed: int = 1, per_class: int = 200) -> pd.DataFrame:
    """Return ``text, lon, lat, expect, noise`` for every class, mixed; the same for the same seed.

    A class whose town has too few fitting things comes out shorter. No text stands twice in a class.
    """
    made: list[Query] = []
    for place, (noise, maker) in enumerate(CLASSES.items()):
        writer = Writer(town, np.random.default_rng([seed, place]))
        seen: set[str] = set()
        for _ in range(per_class * 30):
            found = maker(writer)
            if found is not None and found[0] not in seen:
                seen.add(found[0])
                made.append(Query(*found, noise))
                if len(seen) == per_class:
                    break
    order = np.random.default_rng(seed).permutation(len(made))
    rows = [made[place] for place in order]
    places = [(np.nan, np.nan) if row.place is None else lon_lat(*row.place) for row in rows]
    return pd.DataFrame(
        {
            "text": [row.text for row in rows],
            "lon": [lon for lon, _ in places],
            "lat": [lat for _, lat in places],
            "expect": [row.expect for row in rows],
            "noise": [row.noise for row in rows],
        }
    )


class Writer:
    """Draws things of the town and knows which words are taken."""

    #: How often each kind of thing is written about.
    KINDS = (("door",), ("building",), ("estate",), ("shop",), ("public",), ("lane_door",), ("hamlet",), ("firm",), ("gate",), ("house",))  # fmt: skip
    SHARES = (0.42, 0.13, 0.08, 0.12, 0.07, 0.06, 0.04, 0.03, 0.03, 0.02)

    def __init__(self, town: MadeTown, rng: np.random.Generator) -> None:
        self.town, self.rng = town, rng
        self.by_kind: dict[str, list[Entry]] = defaultdict(list)
        for entry in town.listed():
            self.by_kind[entry.kind].append(entry)
        self.stems = sorted(town.stems())
        self.bare = frozenset(entry.bare for entry in town.entries)
        self.shorts: dict[str, list[Entry]] = defaultdict(list)
        for entry in town.listed():
            for short in entry.short_forms:
                self.shorts[short].append(entry)

    def entry(self, *kinds: str) -> Entry:
        """Draw a listed thing, of these kinds or of any, whose name no other thing has."""
        for _ in range(_MANY_TRIES):
            wanted = kinds or self.KINDS[int(self.rng.choice(len(self.KINDS), p=self.SHARES))]
            pool = self.by_kind[wanted[int(self.rng.integers(len(wanted)))]]
            entry = pool[int(self.rng.integers(len(pool)))]
            if self.town.bare_counts[entry.bare] == 1:
                return entry
        raise RuntimeError(f"no entry of {kinds} with a name of its own")

    def one(self, words: Iterable[str]) -> str:
        """Draw a word."""
        pool = list(words)
        return pool[int(self.rng.integers(len(pool)))]

    def away(self, entry: Entry, least_m: float, most_m: float) -> tuple[float, float]:
        """Return a place beside a thing."""
        angle, metres = self.rng.uniform(0, 2 * np.pi), self.rng.uniform(least_m, most_m)
        return entry.x + metres * np.cos(angle), entry.y + metres * np.sin(angle)

    def rivals(self, spoilt: str, meant: str, alike: Callable[[str, str], bool]) -> list[str]:
        """Return other existing names that the spoilt one may stand for as well."""
        return [stem for stem in self.stems if stem != meant and alike(spoilt, stem)]


def at(entry: Entry) -> tuple[float, float]:
    """Return the place of a thing."""
    return entry.x, entry.y


# -- as listed, or only dressed differently ---------------------------------------------------------------


@_noise("exact")
def _exact(w: Writer):
    entry = w.entry()
    return entry.name, at(entry), "accept"


@_noise("prefix added")
def _prefix_added(w: Writer):
    entry = w.entry()
    return w.one(_TOWN_PREFIXES) + entry.bare, at(entry), "accept"


@_noise("prefix dropped")
def _prefix_dropped(w: Writer):
    entry = w.entry("door", "building", "estate", "gate")
    return (entry.bare, at(entry), "accept") if entry.name != entry.bare else None


_CONVERTERS = [OpenCC(name) for name in ("s2t", "s2tw", "s2hk")]


@_noise("traditional")
def _traditional(w: Writer):
    entry = w.entry()
    plain = w.one(["", "", "新塍镇", "秀洲区新塍镇"]) + entry.bare
    text = _CONVERTERS[int(w.rng.integers(3))].convert(plain)
    return (text, at(entry), "accept") if text != plain else None


@_noise("full width")
def _full_width(w: Writer):
    entry = w.entry("door", "building", "lane_door", "hamlet", "house")
    text = "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in entry.bare)
    return (text, at(entry), "accept") if text != entry.bare else None


@_noise("Chinese numerals")
def _chinese_numerals(w: Writer):
    entry = w.entry("door", "building", "lane_door", "hamlet", "house")
    if "-" in entry.tail:
        return None
    by_digit = w.rng.random() < 0.25
    tail = re.sub(r"\d+", lambda number: numeral(int(number[0]), by_digit=by_digit), entry.tail)
    return (entry.stem + tail, at(entry), "accept") if tail != entry.tail else None


@_noise("Arabic for Chinese numerals")
def _arabic(w: Writer):
    pool = [entry for kind in ("door", "building", "estate") for entry in w.by_kind[kind]]
    pool = [entry for entry in pool if re.search("[一二三四五六](?=村|路)", entry.stem)]
    entry = pool[int(w.rng.integers(len(pool)))]
    stem = re.sub("[一二三四五六](?=村|路)", lambda word: str(_DIGIT_WORDS.index(word[0])), entry.stem)
    return stem + entry.tail, at(entry), "accept"


@_noise("radical code points")
def _radical_code_points(w: Writer):
    entry = w.entry()
    places = [place for place, each in enumerate(entry.bare) if each in _RADICALS]
    if not places:
        return None
    text = "".join(_RADICALS.get(each, each) for each in entry.bare)
    return text, at(entry), "accept"


@_noise("spaces and punctuation")
def _spaces(w: Writer):
    entry = w.entry()
    style = int(w.rng.integers(7))
    gap = w.one([" ", "  ", "　", "\t", "·", "-", ",", ",", "、", "/", "\n"])
    town = w.one(["新塍镇", "新塍"])
    text = [
        entry.stem + gap + entry.tail if entry.tail else f" {entry.stem} ",
        f"({entry.bare})",
        f"“{entry.bare}”。",
        f"{town}{gap}{entry.bare}",
        " ".join(entry.bare),
        f"【{entry.bare}】",
        f"{town}({entry.bare})",
    ][style]
    return text, at(entry), "accept"


@_noise("号 written otherwise")
def _number_style(w: Writer):
    entry = w.entry("door", "lane_door", "building")
    number = re.search(r"(\d+)(号|幢|栋|号楼)$", entry.tail)
    if number is None or "-" in entry.tail:
        return None
    head = entry.stem + entry.tail[: number.start()]
    styles = {
        "号": ["{}", "{}#", "No.{}", "#{}", "{}號", "第{}号", "{}号门"],
        "幢": ["{}号楼", "{}栋", "{}#", "{}幢楼", "第{}幢", "{}#楼"],
        "栋": ["{}号楼", "{}幢", "{}#", "第{}栋", "{}#楼"],
        "号楼": ["{}幢", "{}栋", "{}#楼", "第{}号楼", "{}#"],
    }[number[2]]
    return head + w.one(styles).format(number[1]), at(entry), "accept"


@_noise("unit and room")
def _unit_tail(w: Writer):
    entry = w.entry("building", "door", "lane_door")
    room = f"{int(w.rng.integers(1, 18))}{int(w.rng.integers(1, 5)):02d}"
    unit = int(w.rng.integers(1, 5))
    if entry.kind == "building":
        number = re.sub(r"\D", "", entry.tail)
        tails = [
            f"{entry.tail}{unit}单元{room}室", f"{entry.tail}{unit}单元{room}", f"{entry.tail}{room}室", f"{entry.tail}{room}",
            f"{entry.tail}-{unit}-{room}", f"{number}-{unit}-{room}", f"{number}-{room}", f"{entry.tail}{unit}单元楼道",
            f"{entry.tail}地下车库", f"{entry.tail}{unit}单元一楼", f"{entry.tail} {unit}单元 {room}室",
        ]  # fmt: skip
    else:
        tails = [
            f"{entry.tail}{floor}"
            for floor in ("2楼", "三楼", "一楼", "底楼", f"{room}室", f"-{room}室", "楼上", "2层")
        ]
    return entry.stem + w.one(tails), at(entry), "accept"


@_noise("building of an estate listed whole")
def _building_of_small_estate(w: Writer):
    entry = w.entry("estate")
    if entry.stem in w.town.estates_with_buildings:
        return None
    tail = w.one(["{}幢", "{}号楼", "{}栋", "{}幢2单元", "{}号"]).format(int(w.rng.integers(1, 7)))
    return entry.stem + tail, w.away(entry, 0, 45), "accept"


@_noise("abbreviation")
def _abbreviation(w: Writer):
    kind = w.one(("shop", "public", "firm"))
    short = w.one(sorted(short for short, meant in w.shorts.items() if meant[0].kind == kind))
    meant = w.shorts[short]
    holders = [entry for entry in w.town.listed() if entry.bare == short]
    # 卫生院 alone is said of the one that the town has; a name that several have must be asked
    entry = meant[0]
    return short, at(entry), "accept" if len(meant) == 1 and not holders else "review"


@_noise("generic word dropped or changed")
def _generic_dropped(w: Writer):
    entry = w.entry("door", "building", "estate")
    stem = entry.stem
    ending = next((end for end in ("大道", "支路", "公路", *_ESTATE_SUFFIXES) if stem.endswith(end)), "")
    if not ending or ending == "支路":
        return None
    head = stem[: -len(ending)]
    spoilt = head + {"大道": "路", "公路": "路"}.get(ending, "")
    if entry.kind == "door" and entry.tail.startswith("-"):
        return None
    taken = any(other != stem and other.startswith(head) for other in w.stems)
    return spoilt + entry.tail, at(entry), "review" if taken or spoilt in w.bare else "accept"


# -- errors of writing ------------------------------------------------------------------------------------


def _alike_in_sound(one: str, other: str) -> bool:
    return len(one) == len(other) and sound(one) == sound(other)


def _alike_in_accent(one: str, other: str) -> bool:
    return len(one) == len(other) and accent(one) == accent(other)


def _alike_in_shape(one: str, other: str) -> bool:
    if len(one) != len(other):
        return False
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return all(b in look_alikes().get(a, ()) for a, b in pairs) or _alike_in_sound(one, other)


def _alike_by_one(one: str, other: str) -> bool:
    return Levenshtein.distance(one, other, score_cutoff=1) <= 1


def _written(w: Writer, entry: Entry, spoilt: str, alike: Callable[[str, str], bool]):
    """Return the query of a spoilt name: nothing if it is another's name, review if another is as near."""
    if spoilt == entry.stem or spoilt in w.stems or spoilt + entry.tail in w.bare:
        return None
    expect = "review" if w.rivals(spoilt, entry.stem, alike) else "accept"
    prefix = w.one(["", "", "", "新塍镇", "秀洲区新塍镇"])
    return prefix + spoilt + entry.tail, at(entry), expect


def _substituted(w: Writer, choices: Callable[[str], Iterable[str]], alike: Callable[[str, str], bool]):
    entry = w.entry()
    places = [place for place, each in enumerate(entry.stem[:-1]) if list(choices(each))]
    if not places:
        return None
    place = places[int(w.rng.integers(len(places)))]
    spoilt = entry.stem[:place] + w.one(choices(entry.stem[place])) + entry.stem[place + 1 :]
    return _written(w, entry, spoilt, alike)


@_noise("homophone")
def _homophone(w: Writer):
    return _substituted(w, homophones, _alike_in_sound)


@_noise("accent of the south")
def _accent(w: Writer):
    return _substituted(w, in_accent, _alike_in_accent)


@_noise("look-alike character")
def _look_alike(w: Writer):
    return _substituted(w, lambda each: look_alikes().get(each, ()), _alike_in_shape)


@_noise("missing character")
def _missing(w: Writer):
    entry = w.entry()
    if len(entry.stem) < 3:
        return None
    place = int(w.rng.integers(len(entry.stem) - 1))
    return _written(w, entry, entry.stem[:place] + entry.stem[place + 1 :], _alike_by_one)


@_noise("extra character")
def _extra(w: Writer):
    entry = w.entry()
    place = int(w.rng.integers(len(entry.stem)))
    added = entry.stem[place] if w.rng.random() < 0.5 else w.one("的小老大新一上里中了是有")
    return _written(w, entry, entry.stem[:place] + added + entry.stem[place:], _alike_by_one)


@_noise("two characters exchanged")
def _exchanged(w: Writer):
    entry = w.entry()
    if len(entry.stem) < 3:
        return None
    place = int(w.rng.integers(len(entry.stem) - 2))
    first, second = entry.stem[place : place + 2]
    spoilt = entry.stem[:place] + second + first + entry.stem[place + 2 :]
    return _written(
        w, entry, spoilt, lambda one, other: sorted(one) == sorted(other) or _alike_by_one(one, other)
    )


@_noise("town misspelt")
def _town_misspelt(w: Writer):
    entry = w.entry()
    wrong = w.one(_MISSPELT_TOWNS[:-1])
    if "新塍" in entry.bare:
        text = entry.bare.replace("新塍", wrong[:-1])
    else:
        text = w.one(["", "秀洲区", "嘉兴市秀洲区"]) + wrong + entry.bare
    return text, at(entry), "accept"


@_noise("two kinds of noise")
def _two_kinds(w: Writer):
    found = _substituted(w, homophones, _alike_in_sound) if w.rng.random() < 0.5 else _number_style(w)
    if found is None:
        return None
    text, (x, y), expect = found
    if not text.startswith(("新塍", "秀洲")):
        text = w.one(["新塍镇", "新滕镇", "浙江省嘉兴市秀洲区新塍镇"]) + text
    word, least_m, most_m = _BESIDE[int(w.rng.integers(len(_BESIDE)))]
    angle, metres = w.rng.uniform(0, 2 * np.pi), w.rng.uniform(least_m, most_m)
    return text + word, (x + metres * np.cos(angle), y + metres * np.sin(angle)), expect


# -- in a sentence ----------------------------------------------------------------------------------------


@_noise("beside, opposite, near")
def _beside(w: Writer):
    entry = w.entry()
    word, least_m, most_m = _BESIDE[int(w.rng.integers(len(_BESIDE)))]
    return entry.bare + word, w.away(entry, least_m, most_m), "accept"


@_noise("words before")
def _before(w: Writer):
    entry = w.entry()
    after = w.one(
        ["", "", "这里", "有人飞线充电", "路面破损", "电瓶车被偷", "堆放杂物", "井盖松动", "请处理"]
    )
    return w.one(_BEFORE) + entry.bare + after, w.away(entry, 0, 15), "accept"


@_noise("a whole sentence")
def _sentence(w: Writer):
    """Numbers that are no address: hours, dates, counts, storeys, a telephone number."""
    entry = w.entry()
    text = w.one(
        [
            "昨晚8点左右,{}有2辆电瓶车飞线充电",
            "7月31日下午{}门口路面有一个30公分的坑",
            "{},1辆红色电动车电瓶被偷,报警人电话13800000000",
            "有群众反映{}消防通道被3辆车堵了5天",
            "请网格员到{}看一下,110已来过2次",
            "{}前面第2根电线杆下面井盖缺失",
            "2026年3月12日早上6:40,{}捡到手提包一个",
            "我在{}丢了一部手机,内有现金500元",
        ]
    )
    return text.format(entry.bare), w.away(entry, 0, 20), "accept"


@_noise("order turned")
def _order(w: Writer):
    entry = w.entry("door", "building", "shop", "hamlet")
    if not entry.tail:
        return entry.bare + w.one([" ", ",", ""]) + w.one(["新塍镇", "秀洲区新塍镇"]), at(entry), "accept"
    tail = entry.tail.strip("()")
    text = w.one(
        [f"{tail}{entry.stem}", f"{tail},{entry.stem}", f"{tail} {entry.stem}", f"{entry.bare},新塍镇,秀洲区"]
    )
    return text, at(entry), "accept"


@_noise("address with its shop")
def _address_and_shop(w: Writer):
    entry = w.entry("shop", "public", "firm")
    address = entry.address
    if not address or w.town.bare_counts[address] != 1:
        return None
    text = w.one(
        [f"{address}{entry.bare}", f"{address}({entry.bare})", f"{entry.bare}({address})", f"{entry.bare},{address}",
         f"{address}{entry.bare}门口", f"{TOWN}{address}{entry.bare}"]
    )  # fmt: skip
    return text, at(entry), "accept"


@_noise("address with another's shop")
def _address_and_other_shop(w: Writer):
    shop, door = w.entry("shop", "public"), w.entry("door")
    if _apart(shop, door) < 2 * FAR_M:
        return None
    return (
        w.one([f"{door.bare}{shop.bare}", f"{door.bare}({shop.bare})", f"{shop.bare},{door.bare}"]),
        None,
        "review",
    )


@_noise("two addresses")
def _two_addresses(w: Writer):
    one, other = w.entry(), w.entry()
    if _apart(one, other) < 2 * FAR_M:
        return None
    between = w.one(["和", "、", "及", ";", ",", "以及", "\n", "还有"])
    return one.bare + between + other.bare + w.one(["", "", "都有飞线"]), None, "review"


@_noise("neighbouring numbers")
def _neighbours(w: Writer):
    door = w.entry("door")
    if "-" in door.tail:
        return None
    number = int(door.tail[:-1])
    other = next((e for e in w.by_kind["door"] if e.stem == door.stem and e.tail == f"{number + 2}号"), None)
    if other is None or _apart(door, other) > 45:
        return None
    text = w.one(
        [
            f"{number}号、{number + 2}号",
            f"{number}、{number + 2}号",
            f"{number}号和{number + 2}号",
            f"{number}号至{number + 2}号",
        ]
    )
    return door.stem + text, ((door.x + other.x) / 2, (door.y + other.y) / 2), "accept"


@_noise("free description")
def _description(w: Writer):
    entry = w.entry("estate", "building", "shop", "public", "gate", "hamlet")
    tails = {
        "estate": ["中心花坛边的充电棚", "物业办公室旁边", "里面的小广场", "门卫室旁"],
        "building": [
            "楼下充电棚",
            "北面草坪",
            "一楼楼道口有电瓶车",
            "西边第二个单元楼道里",
            "楼道口往里第三户",
        ],
        "shop": ["西边的非机动车停放点", "门口人行道上的窨井盖", "旁边巷子口", "后门的垃圾桶边上"],
        "public": ["停车场入口处", "大门进去左手边", "围墙外面的绿化带", "门口公交站台后面"],
        "gate": ["进去左转第一个车棚", "门卫边上的快递柜", "出来右手边的人行道"],
        "hamlet": ["村口水泥路上", "健身点旁边", "停车的空地上"],
    }[entry.kind]
    if entry.kind == "estate" and entry.stem in w.town.estates_with_buildings:
        return None  # a large estate: the centre is not where everything stands
    return entry.bare + w.one(tails), w.away(entry, 0, 45), "accept"


@_noise("crossing")
def _crossing(w: Writer):
    entry = w.entry("crossing")
    one, other = entry.roads if w.rng.random() < 0.5 else entry.roads[::-1]
    text = w.one(
        [f"{one}与{other}交叉口", f"{one}和{other}交叉口", f"{one}{other}路口", f"{one}/{other}", f"{one}{other}交界处",
         f"{one}与{other}十字路口", f"{one}跟{other}交叉路口", f"{one}({other}口)", f"{one}{other}口", f"{one}、{other}交叉口",
         f"{one}与{other}交叉口东南角", f"{one}靠近{other}路口", f"{TOWN}{one}与{other}交汇处", f"{one}&{other}"]
    )  # fmt: skip
    return text, w.away(entry, 0, 20), "accept"


@_noise("offset in metres")
def _offset(w: Writer):
    entry = w.entry("crossing", "crossing", "shop", "public", "door", "gate")
    metres = w.one(["20", "30", "50", "80", "100", "150"])
    compass = w.one(_COMPASS)
    east, north = _COMPASS[compass]
    here = entry.bare
    if entry.kind == "crossing":
        here = f"{entry.roads[0]}与{entry.roads[1]}交叉口"
    number = numeral(int(metres)) if w.rng.random() < 0.2 else metres
    text = here + w.one(
        [
            "往{c}{m}米",
            "向{c}{m}米",
            "以{c}{m}米处",
            "{c}侧{m}米",
            "往{c}{m}m",
            "往{c}约{m}米",
            "{c}边{m}米左右",
        ]
    )
    return (
        text.format(c=compass, m=number),
        (entry.x + east * float(metres), entry.y + north * float(metres)),
        "accept",
    )


# -- a person must look -----------------------------------------------------------------------------------


@_noise("several of one name")
def _several(w: Writer):
    names = [name for name, count in w.town.bare_counts.items() if count > 1]
    chains = sorted({entry.stem for entry in w.by_kind["shop"] if entry.tail.endswith(("店)", "支行"))})
    several = [stem for stem in chains if sum(entry.stem == stem for entry in w.by_kind["shop"]) > 1]
    name = w.one(sorted(names) + several)
    return (
        w.one(["", "新塍镇", "新塍", "在"]) + name + w.one(["", "", "门口", "旁边", "对面"]),
        None,
        "review",
    )


@_noise("road or village alone")
def _alone(w: Writer):
    entry = w.entry("road", "village")
    if entry.kind == "village":
        return (
            w.one(["", "新塍镇"]) + entry.bare + w.one(["", "村里", "境内"]),
            w.away(entry, 0, 1200),
            "review",
        )
    line = w.town.roads[entry.stem].line
    if line.length < 2 * FAR_M:
        return None
    place = line.interpolate(float(w.rng.random()), normalized=True)
    return (
        w.one(["", "新塍镇"]) + entry.bare + w.one(["", "", "上", "路边", "沿线"]),
        (place.x, place.y),
        "review",
    )


@_noise("half of a road name", absent=True)
def _half_of_a_road(w: Writer):
    """中山路12号 where only 中山东路 and 中山西路 exist; 中山东路 with a number that only 西路 has."""
    door = w.entry("door")
    match = re.fullmatch("(.+)([东西南北])路", door.stem)
    if match is None:
        return None
    opposite = match[1] + {"东": "西", "西": "东", "南": "北", "北": "南"}[match[2]] + "路"
    if w.rng.random() < 0.5 and match[1] + "路" not in w.stems:
        return match[1] + "路" + door.tail, None, "review"
    return (opposite + door.tail, None, "review") if opposite + door.tail not in w.bare else None


@_noise("弄 for 号", absent=True)
def _lane_for_number(w: Writer):
    if w.rng.random() < 0.5:
        door = w.entry("door")
        text = f"{door.stem}{door.tail.removesuffix('号')}弄"
    else:
        lane = w.entry("lane")
        text = f"{lane.stem}{lane.tail.removesuffix('弄')}号"
    return (text, None, "review") if text not in w.bare and "-" not in text else None


@_noise("crossing not listed", absent=True)
def _crossing_not_listed(w: Writer):
    hidden = w.town.hidden("crossing")
    entry = hidden[int(w.rng.integers(len(hidden)))]
    one, other = entry.roads if w.rng.random() < 0.5 else entry.roads[::-1]
    style = w.one(["{}与{}交叉口", "{}{}路口", "{}和{}十字路口", "{}/{}"])
    return style.format(one, other), at(entry), "review"


@_noise("roads that do not cross", absent=True)
def _no_crossing(w: Writer):
    one, other = w.entry("road"), w.entry("road")
    far = w.town.roads[one.stem].line.distance(w.town.roads[other.stem].line) > 2 * FAR_M
    return (f"{one.bare}与{other.bare}交叉口", None, "reject") if far else None


@_noise("number not listed", absent=True)
def _number_not_listed(w: Writer):
    hidden = w.town.hidden("door")
    door = hidden[int(w.rng.integers(len(hidden)))]
    return w.one(["", "", "新塍镇", "秀洲区新塍镇"]) + door.bare + w.one(["", "", "门口"]), at(door), "review"


@_noise("number with an unlisted part", absent=True)
def _sub_number(w: Writer):
    door = w.entry("door")
    if "-" in door.tail:
        return None
    text = door.stem + w.one(["{}-3号", "{}号甲", "{}号之二", "{}-9号", "甲{}号"]).format(door.tail[:-1])
    return (text, w.away(door, 0, 20), "review") if text not in w.bare else None


@_noise("number beyond the end", absent=True)
def _beyond(w: Writer):
    road = w.town.roads[w.one(sorted(w.town.roads))]
    number = max(road.numbers) + int(w.rng.integers(150, 900))
    return f"{road.name}{number}号", None, "reject"


@_noise("building not listed", absent=True)
def _building_not_listed(w: Writer):
    hidden = w.town.hidden("building")
    building = hidden[int(w.rng.integers(len(hidden)))]
    tail = w.one(["", "", "2单元", "1单元301室", "楼下"])
    return building.bare + tail, at(building), "review"


@_noise("number of a twin", absent=True)
def _twin(w: Writer):
    """蓬莱四村 where 一村 to 三村 exist, 工业九路, 15组 of a village of 12."""
    kind = int(w.rng.integers(3))
    if kind == 0:
        numbered = sorted({stem[:-2] for stem in w.stems if re.fullmatch("..[一二三]村", stem)})
        text = w.one(numbered) + w.one("四五六七八") + "村" + w.one(["", "3幢", "12幢", "5号楼"])
    elif kind == 1:
        text = "工业" + w.one("七八九十") + "路" + f"{int(w.rng.integers(1, 60))}号"
    else:
        village = w.entry("village").stem
        text = f"{village}{int(w.rng.integers(16, 40))}组"
    return (text, None, "review") if text not in w.bare else None


# -- not there --------------------------------------------------------------------------------------------


def _far_from_all(w: Writer, name: str) -> bool:
    return name not in w.stems and not any(
        _alike_by_one(name, stem) or _alike_in_accent(name, stem) for stem in w.stems
    )


@_noise("road not in the town", absent=True)
def _absent_road(w: Writer):
    road = w.one(_ABSENT_ROAD_STEMS) + w.one(["路", "路", "街", "大道", "东路"])
    tail = w.one(["{}号", "{}号", "{}弄3号", "{}号门口"]).format(int(w.rng.integers(1, 200)))
    return (w.one(["", "新塍镇"]) + road + tail, None, "reject") if _far_from_all(w, road) else None


@_noise("road one character off", absent=True)
def _near_road(w: Writer):
    """兴安路12号 where only 兴镇路 is listed: one character off, of another sound and another shape."""
    door = w.entry("door")
    place = int(w.rng.integers(min(2, len(door.stem) - 1)))
    other = w.one("安宝德恩芳刚海惠吉凯岭茂宁平庆荣森腾旺祥雅泽忠卓")
    road = door.stem[:place] + other + door.stem[place + 1 :]
    alike = any(_alike_in_accent(road, stem) or _alike_in_shape(road, stem) for stem in w.stems)
    return (road + door.tail, None, "review") if road not in w.stems and not alike else None


@_noise("estate not in the town", absent=True)
def _absent_estate(w: Writer):
    estate = w.one(_ABSENT_ESTATE_STEMS) + w.one(_ESTATE_SUFFIXES)
    tail = w.one(["", "3幢", "12幢1单元", "5号楼", "东门", "8栋602室"])
    return (w.one(["", "新塍镇"]) + estate + tail, None, "reject") if _far_from_all(w, estate) else None


@_noise("estate with another ending", absent=True)
def _estate_ending(w: Writer):
    """锦绣家园 where only 锦绣花苑 is listed: perhaps a slip, perhaps another estate."""
    estate = w.entry("estate").stem
    ending = next((end for end in _ESTATE_SUFFIXES if estate.endswith(end)), "")
    if not ending:
        return None
    other = estate.removesuffix(ending) + w.one(set(_ESTATE_SUFFIXES) - {ending})
    if other in w.stems or any(_alike_in_accent(other, stem) for stem in w.stems):
        return None
    return other + w.one(["", "3幢", "7号楼", "北门", "2幢1单元"]), None, "review"


@_noise("branch not in the town", absent=True)
def _absent_branch(w: Writer):
    chains = sorted({entry.stem for entry in w.by_kind["shop"] if entry.tail.endswith(("店)", "支行"))})
    chain = w.one(chains)
    branch = w.one(["乌镇", "王江泾", "濮院", "盛泽", "洪合", "油车港", "万达", "机场", "高铁站", "大学城"])
    return chain + (f"{branch}支行" if chain.endswith("银行") else f"({branch}店)"), None, "reject"


@_noise("branch at another road", absent=True)
def _other_branch(w: Writer):
    entry, road = w.entry("shop"), w.entry("road")
    if not entry.tail.endswith("店)"):
        return None
    text = f"{entry.stem}({road.stem}店)"
    return (text, None, "review") if text not in w.bare else None


@_noise("place not in the town", absent=True)
def _absent_place(w: Writer):
    return (
        w.one(["", "", "新塍镇", "位于"]) + w.one(_ABSENT_SHOPS) + w.one(["", "", "门口", "停车场", "2号门"]),
        None,
        "reject",
    )


@_noise("another town", absent=True)
def _elsewhere(w: Writer):
    prefix = w.one(_ELSEWHERE)
    style = int(w.rng.integers(4))
    if style == 0:
        text = f"{w.one(_ELSEWHERE_ROADS)}{int(w.rng.integers(1, 300))}号"
    elif style == 1:
        text = w.entry("door").bare  # the same road and number exist here
    elif style == 2:
        text = w.entry("building", "estate", "shop").bare
    else:
        text = w.one(["人民政府", "派出所", "卫生院", "中心小学", "农贸市场", "汽车站", "大润发超市"])
    return (prefix + text, None, "reject") if "新塍" not in text else None


@_noise("no place", absent=True)
def _nothing(w: Writer):
    return w.one(_NOTHING), None, "reject"


# -- characters -------------------------------------------------------------------------------------------


def numeral(number: int, *, by_digit: bool = False) -> str:
    """Return a whole number below 10,000 in Chinese: 一百零五, or 一〇五 digit by digit."""
    if by_digit and number >= 10:
        return "".join("〇" if digit == "0" else _DIGIT_WORDS[int(digit)] for digit in str(number))
    if number < 10:
        return _DIGIT_WORDS[number]
    words, zero = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        if digit:
            words += ("零" if zero and words else "") + _DIGIT_WORDS[digit] + name
        zero = digit == 0
    return words.removeprefix("一") if 10 <= number < 20 else words


@cache
def sound(text: str) -> str:
    """Return the pinyin without tones."""
    return " ".join(lazy_pinyin(text))


@cache
def accent(text: str) -> str:
    """Return the pinyin as the south hears it: no zh, ch, sh, no -ng, l for n."""
    syllables = []
    for syllable in lazy_pinyin(text):
        for far, near in _SOUNDS_OF_THE_SOUTH:
            syllable = syllable.replace(far, near)
        syllables.append("l" + syllable[1:] if syllable.startswith("n") else syllable)
    return " ".join(syllables)


@cache
def _common() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the 3,755 characters of the first level of GB 2312 by sound and by accent."""
    by_sound: dict[str, list[str]] = defaultdict(list)
    by_accent: dict[str, list[str]] = defaultdict(list)
    for high in range(0xB0, 0xD8):
        for low in range(0xA1, 0xFF):
            try:
                character = bytes((high, low)).decode("gb2312")
            except UnicodeDecodeError:
                continue
            by_sound[sound(character)].append(character)
            by_accent[accent(character)].append(character)
    return by_sound, by_accent


@cache
def homophones(character: str) -> tuple[str, ...]:
    """Return common characters of the same sound."""
    if not "一" <= character <= "鿿":
        return ()
    return tuple(each for each in _common()[0][sound(character)] if each != character)


@cache
def in_accent(character: str) -> tuple[str, ...]:
    """Return common characters that sound the same only to a southern ear."""
    if not "一" <= character <= "鿿":
        return ()
    return tuple(each for each in _common()[1][accent(character)] if sound(each) != sound(character))


@cache
def look_alikes() -> dict[str, tuple[str, ...]]:
    """Return each character's look-alikes."""
    found: dict[str, set[str]] = defaultdict(set)
    for one, other in _LOOK_ALIKE:
        if one != other:
            found[one].add(other)
            found[other].add(one)
    return {character: tuple(sorted(others)) for character, others in found.items()}


def _apart(one: Entry, other: Entry) -> float:
    return float(np.hypot(one.x - other.x, one.y - other.y))
