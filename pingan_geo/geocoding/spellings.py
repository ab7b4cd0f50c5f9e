"""Names found by a misspelt one: one character wrong, the same sound, or pieces in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from pingan_geo.geocoding.addresses import in_digits

#: Names less alike than this (0–1) are not offered.
LEAST_LIKENESS = 0.5
#: The same for names whose numbers agree, compared without these but with their units.
LEAST_NUMBERED_LIKENESS = 0.6
#: The same for a part of a longer text.
LEAST_LIKENESS_WITHIN = 0.72
#: Names of the same characters in another order: 小区桃景, 桃景小区.
LIKENESS_OF_TURNED = 0.82
_PIECES_IN_COMMON = 40
_LOOKED_AT = 7


#: Characters that are taken for each other because they look alike: one part in common, or nearly one shape.
_ALIKE = (
    "塍滕腾縢藤膝胜塖誊 苑宛菀婉碗 园圆囿 洛络落骆格路 设没役 未末朱 己已巳 土士工 人入八 日曰目 天夭夫 千干于 贝见 "
    "青清晴睛情请静靖 方芳坊访防纺仿 令铃玲岭领零龄冷 江红虹缸杠 胡湖葫蝴糊 羊洋样祥详 皇煌惶蝗凰 唐塘糖搪 包跑泡抱炮饱苞 "
    "桂挂佳娃洼哇住往 莫漠模摸膜幕墓 宗综棕踪崇 建健键 兴共 康庚唐糠 和知利种 富福副幅 竹行 桥侨轿娇骄 荷何河 梅海悔 "
    "柳卯 杨扬汤肠 桃挑逃跳 李季 陈陣冻东 王玉主壬 田由甲申电 村材林 镇填慎真 华毕 庭廷延挺 嘉喜 锦绵棉 瑞端湍 "
    "新析所 明朋 阳阴 春舂 秋秒 冬各 金全舍 银很根恨跟 水永冰 木本术 火灭伙 石右古 山出 丰奉 民氏 政故 安按鞍 定锭 "
    "平苹坪 昌冒唱 武式 宁亭 苏办 州洲川 南楠 北比此 西酉 中申串 光先 复夏 长张涨 寿筹 常堂尝裳 德徳 昆崑 仓苍舱沧 "
    "港巷 浜滨宾 埭棣逮 荡汤 湾弯 渡度 浦蒲铺捕 漕曹槽 溪奚 泾径经轻 沈沉忱 姚桃 徐除涂 钱残栈线浅 陆击 周同 吴昊 "
    "高亮 家蒙 庙届 庄压 店点 厂广 场杨 馆管 院完 校较 学字 小少 大太犬 星晨 晨辰 旗棋期 蓬篷 莱菜 贤资 思恩 育肓 才材 "
    "能熊 仁仕 万方 通诵 达送 友支 谊宜 盛成城诚 顺须 发友 宏宠 利刹 旺枉汪 美羡 琪棋淇 鼎员 创苍 业亚 振震 环坏怀 城域 "
    "乌鸟岛 公分 火大 车东 站战 供洪拱哄 销消稍梢 社杜 牌碑 派脉 所听 幼幻 儿几 超起 市布 便更 饭板版 药约 理埋 服报 "
    "装袋 果裸 汽气 修侈 具县 烟咽 酒洒 快块 餐登 母毋 婴樱 珠株 宝室 茶荼 纺仿 织识 包句 限根 司同 子孑 门问闪 名各 邸底 "
    "里理 厦夏 楼搂 栋株 座坐 层尽 幢撞 弄异 浩皓 堂党 观现 亭停 阁阅 岸炭 沙纱妙 汇江 塔搭 凤风 龙尤 虎虚 鹤鹊 燕蒸 松讼 柏伯"
)
_SHAPES = {ord(character): group[0] for group in reversed(_ALIKE.split()) for character in group if character}


@lru_cache(maxsize=30_000)
def syllable(character: str) -> str:
    """Return how a character sounds, without its tone."""
    if character.isdigit():
        character = "零一二三四五六七八九"[int(character)]  # 物乌耳村 sounds like 物乌2村
    if not "\u3400" <= character <= "\u9fff":
        return character
    from pypinyin import lazy_pinyin

    return str(lazy_pinyin(character)[0])


@lru_cache(maxsize=30_000)
def _rough(character: str) -> str:
    """Return how a character sounds to an ear of the south: zh is z, n is l at the beginning, f is h, ng is n."""
    heard = syllable(character)
    if len(heard) == 1 and not heard.isascii():
        return heard
    for precise, rough in (
        ("zh", "z"),
        ("ch", "c"),
        ("sh", "s"),
        ("n", "l"),
        ("r", "l"),
        ("f", "h"),
        ("hu", "h"),
        ("w", "h"),
    ):
        if heard.startswith(precise) and len(heard) > len(precise):
            heard = rough + heard[len(precise) :]
            break
    return heard.removesuffix("g") if heard.endswith("ng") else heard


@lru_cache(maxsize=30_000)
def _sound_of(character: str) -> str:
    return _one_character(_rough(character))


@lru_cache(maxsize=30_000)
def _exact_sound_of(character: str) -> str:
    return _one_character(syllable(character))


@lru_cache(maxsize=30_000)
def _one_character(heard: str) -> str:
    # a character of the private planes for each syllable, so that sounds are compared as letters are
    value = 0
    for letter in heard.encode():
        value = (value * 131 + letter) % 131_001
    return heard if len(heard) == 1 else chr(0xF0000 + value % 131_000)


@lru_cache(maxsize=60_000)
def sound(text: str) -> str:
    """Return how a text sounds to an ear of the south, one character for each of its own; only to be compared."""
    return "".join(map(_sound_of, text))


@lru_cache(maxsize=60_000)
def _exact_sound(text: str) -> str:
    return "".join(map(_exact_sound_of, text))


@lru_cache(maxsize=60_000)
def _shape(text: str) -> str:
    """Return a text in which characters that look alike are one."""
    return text.translate(_SHAPES)


def is_misspelt(word: str, right: str) -> bool:
    """Say whether a word is another with one character taken for one that sounds or looks like it."""
    if len(word) != len(right) or sum(one != other for one, other in zip(word, right, strict=True)) != 1:
        return False
    return sound(word) == sound(right) or _shape(word) == _shape(right)


@lru_cache(maxsize=100_000)
def likeness(first: str, second: str) -> float:
    """Return how alike two names are, 0–1: half by spelling, half by sound or by look, whichever is nearer.

    By characters in common in their order, by the number of slips that make one of the other, and a little by
    characters in common in any order: two exchanged characters are likelier than a wrong one.
    """
    if first == second:
        return 1.0
    ratio, similarity = fuzz.ratio, OSA.normalized_similarity
    one, other = _exact_sound(first), _exact_sound(second)
    common, slips = ratio(one, other), similarity(one, other)
    for way, share in ((_shape, 1.0), (sound, 0.98)):
        one, other = way(first), way(second)
        common, slips = max(common, share * ratio(one, other)), max(slips, share * similarity(one, other))
    common, slips = (ratio(first, second) + common) / 200, (similarity(first, second) + slips) / 2
    anywhere = ratio("".join(sorted(first)), "".join(sorted(second))) / 100
    rated = 0.45 * common + 0.45 * slips + 0.1 * anywhere
    return max(rated, LIKENESS_OF_TURNED) if anywhere == 1.0 else rated


def likeness_within(name: str, text: str) -> float:
    """Return how alike a name and the piece of a text are that is most like it, 0–1."""
    if len(text) <= len(name):
        return likeness(name, text)
    found = [fuzz.partial_ratio_alignment(name, text), fuzz.partial_ratio_alignment(sound(name), sound(text))]
    ends = {each.dest_end for each in found if each is not None}
    size = len(name)
    pieces = {text[max(end - size, 0) : end + late] for end in ends for late in (-1, 0, 1)}
    pieces |= {text[max(end - size - early, 0) : end] for end in ends for early in (-1, 1)}
    return max((likeness(name, piece) for piece in pieces if piece), default=0.0)


class Spellings:
    """A set of names, to be searched by misspelt ones.

    Parameters
    ----------
    names
        Normalised, without punctuation.
    in_words
        Whether numbers are compared as they are written; otherwise 五一路 and 51路 are one.
    """

    def __init__(self, names: Iterable[str], *, in_words: bool = False) -> None:
        self.names = sorted(name for name in names if name)
        self._in_words = in_words
        self._spelt = self.names if in_words else [in_digits(name) for name in self.names]
        self._short: dict[str, list[int]] = defaultdict(list)
        self._sounds: dict[str, list[int]] = defaultdict(list)
        pieces: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(self._spelt):
            for key in _one_less(name):
                self._short[key].append(index)
            self._sounds[sound(name)].append(index)
            for piece in _pieces(name) | _pieces(sound(name)):
                pieces[piece].append(index)
        self._pieces = {piece: np.array(where, dtype=np.int32) for piece, where in pieces.items()}
        self._last: tuple[str, list[int]] = ("", [])
        self._weight = np.array([max(len(name), 2) ** 0.3 for name in self._spelt])

    def near(self, name: str) -> list[tuple[str, float]]:
        """Return the names that are one character or only the characters' sound away, best first."""
        name = name if self._in_words else in_digits(name)
        heard = sound(name)
        found = set(self._sounds.get(heard, ()))
        for key in _one_less(name):
            found.update(self._short.get(key, ()))
        likely = [
            (self.names[index], likeness(name, self._spelt[index]))
            for index in found
            if OSA.distance(name, self._spelt[index]) <= 1 or heard == sound(self._spelt[index])
        ]
        return sorted(likely, key=lambda each: (-each[1], each[0]))

    def like(self, name: str, limit: int = 8) -> list[tuple[str, float]]:
        """Return the names that have the most in common with one, by rare pieces first, best first."""
        name = in_digits(name)
        likely = self._most_like(name, self._likely(name), fuzz.ratio)
        rated = [(self.names[index], likeness(name, self._spelt[index])) for index in likely]
        rated = [each for each in rated if each[1] >= LEAST_LIKENESS]
        return sorted(rated, key=lambda each: (-each[1], each[0]))[:limit]

    def within(self, text: str, limit: int = 8) -> list[tuple[str, float]]:
        """Return the names that a part of a longer text is most like, best first."""
        text = in_digits(text)
        likely = [index for index in self._likely(text) if 3 <= len(self._spelt[index]) <= len(text) + 1]
        likely = self._most_like(text, likely, fuzz.partial_ratio)
        rated = [(self.names[index], likeness_within(self._spelt[index], text)) for index in likely]
        rated = [each for each in rated if each[1] >= LEAST_LIKENESS_WITHIN]
        return sorted(rated, key=lambda each: (-each[1], -len(each[0]), each[0]))[:limit]

    def _most_like(self, text: str, likely: list[int], scorer: Any) -> list[int]:
        """Return the few of the likely names that are most like a text by spelling or by sound."""
        heard = sound(text)
        by_spelling = {index: scorer(text, self._spelt[index]) for index in likely}
        by_sound = {index: scorer(heard, sound(self._spelt[index])) for index in likely}
        return sorted(
            {
                index
                for scores in (by_spelling, by_sound)
                for index in sorted(likely, key=lambda each: (-scores[each], each))[:_LOOKED_AT]
            }
        )

    def _likely(self, text: str) -> list[int]:
        """Return the names with the most and rarest pieces in common with a text."""
        last = self._last  # read once: another thread may ask too
        if text == last[0]:  # asked for the whole text and for what lies within it
            return last[1]
        score = np.zeros(len(self.names))
        for piece in _pieces(text) | _pieces(sound(text)):
            where = self._pieces.get(piece)
            if where is not None:
                score[where] += 1.0 / np.log2(2.0 + len(where))
        if not score.any():
            self._last = (text, [])
            return []
        # of two names with the same pieces in common the shorter has less that the text lacks
        score /= self._weight
        many = min(_PIECES_IN_COMMON, len(score))
        likely = np.argpartition(-score, many - 1)[:many]
        found = [int(index) for index in likely if score[index] > 0]
        self._last = (text, found)
        return found


class Shortlist:
    """A few names, told apart by their words alone because their numbers are the same."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._sounds: list[str] = []
        self.entries: list[int] = []

    def add(self, name: str, entry: int) -> None:
        """Take up the name of an entry, without its numbers."""
        self.names.append(name)
        self.entries.append(entry)

    def close(self) -> None:
        """Make ready what is compared; no name may be added after it."""
        self._sounds = [sound(each) for each in self.names]

    def like(self, name: str, limit: int = 8) -> list[tuple[int, float]]:
        """Return the entries whose names are most like one, and how much, best first."""
        found = {
            index
            for words, names in ((name, self.names), (sound(name), self._sounds))
            for _, _, index in process.extract(
                words, names, scorer=fuzz.ratio, limit=3 * limit, score_cutoff=50
            )
        }
        rated = [(self.entries[index], likeness(name, self.names[index])) for index in found]
        rated = [each for each in rated if each[1] >= LEAST_NUMBERED_LIKENESS]
        return sorted(rated, key=lambda each: (-each[1], each[0]))[:limit]

    def within(self, text: str, limit: int = 8) -> list[tuple[int, float]]:
        """Return the entries whose names are most like a piece of a longer text, best first."""
        found = {
            index
            for words, names in ((text, self.names), (sound(text), self._sounds))
            for _, _, index in process.extract(
                words, names, scorer=fuzz.partial_ratio, limit=2 * limit, score_cutoff=60
            )
        }
        rated = [(self.entries[index], likeness_within(self.names[index], text)) for index in found]
        rated = [each for each in rated if each[1] >= LEAST_LIKENESS_WITHIN]
        return sorted(rated, key=lambda each: (-each[1], each[0]))[:limit]


def _one_less(name: str) -> set[str]:
    """Return a name and every name that is one character shorter."""
    return {name, *(name[:index] + name[index + 1 :] for index in range(len(name)))}


def _pieces(name: str) -> set[str]:
    """Return the characters of a name and its pairs of neighbours."""
    return {*name, *(name[index : index + 2] for index in range(len(name) - 1))}
