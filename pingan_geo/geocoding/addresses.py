"""Chinese words for a place → one spelling, and the parts of an address.

Two texts that mean the same address by the rules below get the same spelling: full width, radicals that look
like characters, traditional characters, Chinese numerals before a unit, 栋 / 号楼 / 座 for 幢. The same rules
are used for the names of the gazetteer and for the texts that are looked up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

#: Longer texts are not words for a place.
LONGEST = 120

# -- one spelling ------------------------------------------------------------------------------------

#: Radicals of the block U+2E80–2EF3, which NFKC leaves alone, and characters typed for others in numbers.
_RADICALS = dict(
    zip(
        "⺌⺒⺝⺠⺧⺨⺩⺪⺫⺬⺮⺶⺷⺸⺹⺼⺽⻁⻂⻃⻄⻅⻆⻇⻈⻉⻊⻋⻌⻐⻑⻒⻓⻔⻖⻗⻘⻙⻚⻛⻜⻝⻞⻟⻠⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻱⻲",
        "小巳月民牛犬王疋目示竹羊羊羊老肉臼虎衣西西见角角言贝足车辶金长长长门阝雨青韦页风飞食食食饣马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龟亀",
        strict=True,
    )
)
_ONE_FOR_ANOTHER = str.maketrans(
    {
        **_RADICALS,
        "衖": "弄",
        "○": "〇",
        "﹟": "#",
        "♯": "#",
        "—": "-",
        "–": "-",
        "―": "-",
        "−": "-",
        "~": "-",
        "〜": "-",
    }
    | dict.fromkeys("【[〔「『{<《(", "(")
    | dict.fromkeys("】]〕」』}>》)", ")")
    | dict.fromkeys("，；;、。:!?|\\/\"'·•*&+=_", ",")
)
#: 6:40 is a time; without its colon it would be read as two house numbers.
_CLOCK = re.compile(r"(?<!\d)(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?!\d)")
_NOT_WORDS = re.compile(r"[^\u3400-\u9fff\U00020000-\U0003ffffA-Z0-9〇()#,.\-\n]")
_DIGITS_APART = re.compile(r"(?<=[0-9])\s+(?=[0-9])")
_OH_IN_NUMBER = re.compile(r"(?<=\d)O(?=[\dO]|号|弄|幢|栋)|(?<=\d)[LI](?=[\d号弄幢栋])")
_EMPTY_COMMA = re.compile(r",{2,}|^,+|,+$|,(?=[()])|(?<=[()]),")

_DIGIT = {
    character: value
    for value, characters in enumerate(
        ("零〇", "一壹", "二贰两", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
    )
    for character in characters
}
_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "廿": 20, "卅": 30}
_NUMERAL = re.compile(
    # 延吉东陆281号 is no number of four digits: the long numerals stand among themselves
    r"(?<![\d.])(?:[零〇一二三四五六七八九十百千两廿卅]+|[零〇壹贰叁肆伍陆柒捌玖拾佰仟]+)"
    r"(?=号|弄|支弄|幢|栋|座|单元|室|层|楼|组|小组|村民小组|村民组|队|米|公里|期|村|区|街坊|#)"
)
_ROAD_OF_DIGIT = re.compile(
    r"(?<=[\u4e00-\u9fff])(?<!第)([1-9])(?=(?:东|西|南|北|中)?(?:路|街|马路|大道|巷)(?!口))"
)
_KILOMETRES = re.compile(r"(?<=\d)千米|(?<=\d)KM")
_METRES = re.compile(r"(?<=\d)M(?![A-Z])")
_BUILDING = re.compile(r"(?<=[\dA-Z甲乙丙丁])(?:号楼|#楼|楼栋|栋楼|幢楼|栋|座|幢)")
_HOUSE = re.compile(r"(?<=\d)号(?:房|院|铺)(?!子)")
_PART_OF_NUMBER = re.compile(
    r"(?<!\d)(\d+)(?:号之|号附|附|之|号-)([一二三四五六七八九]|\d{1,2})(?:号|(?!\d|米))"
)
_LETTER_AFTER = re.compile(r"(\d)号([甲乙丙丁A-D])(?![座幢栋区\w])")
_LEADING_ZERO = re.compile(r"(?<![\d.])0+(?=\d+(?:号|弄|幢|#|组|队))")
_GROUP = re.compile(r"(?:第(?=\d+(?:村民)?小?[组队]))|(?<=\d)(?:村民小组|村民组|小组)")
_ESTATE_TWICE = re.compile(r"(?<=花园|花苑|家园|新村|公寓)小区")
#: No.59, 第59号, 59-号
_NUMERO = re.compile(r"NO\.?(\d+)(?!\d|[号弄幢])")
_WORD_FOR_NUMBER = re.compile(r"NO\.?(?=\d+[号弄幢])|第(?=\d+[号弄幢])|(?<=\d)-(?=[号弄幢](?!\d))")
#: 村村民委员会, 村民委员会, 村委 are 村委会.
_COMMITTEE = re.compile(r"(?:(村)村(?:民委员会|委会?(?!员))|(村)民委员会|(居)民委员会|(村|居)委(?![会员]))")
_PLATE = re.compile(r"门牌号?(?:码)?(?:为|是)?(?=\d)|(?<=\d)号门牌")


def normalise(texts: Sequence[Any], *, numerals: bool = True) -> list[str]:
    """Return texts in the one spelling in which they are compared.

    Parameters
    ----------
    texts
        Words for places; anything that is not text counts as empty.
    numerals
        Whether numbers get one form too; otherwise they stay as they are written.

    Returns
    -------
    list of str
        Of the same length. Only Chinese characters, capitals, digits and ``( ) # , . -`` are left.
    """
    # one long text goes through OpenCC a hundred times faster than many short ones
    joined = "\n".join(_width(text) if isinstance(text, str) else "" for text in texts)
    simple = _NOT_WORDS.sub("", _simplified(joined))
    if not len(texts):
        return []
    return [_numbers(line) if numerals else line for line in simple.split("\n")]


def plain(normal: str) -> str:
    """Return a normalised text without its punctuation."""
    return normal.replace(",", "").replace("(", "").replace(")", "")


def _width(text: str) -> str:
    # beyond any address nothing is read; the caller refuses by the length that is left
    text = text[: 4 * LONGEST].encode("utf-8", "ignore").decode()
    text = unicodedata.normalize("NFKC", text).upper()
    if ":" in text:
        text = _CLOCK.sub(",", text)
    text = text.translate(_ONE_FOR_ANOTHER)
    return "".join(_DIGITS_APART.sub(",", text).split())


def _simplified(text: str) -> str:
    return str(_converter().convert(text)) if not text.isascii() else text


@cache
def _converter() -> Any:
    import opencc

    return opencc.OpenCC("t2s")


def _numbers(text: str) -> str:
    """Return a text with its numbers and units in one form."""
    if not text:
        return ""
    text = _OH_IN_NUMBER.sub(lambda found: "0" if found.group() == "O" else "1", text)
    text = _ESTATE_TWICE.sub("", text)
    if "委" in text:
        text = _COMMITTEE.sub(lambda found: f"{found.group(found.lastindex or 0)}委会", text)
    text = _NUMERAL.sub(lambda found: str(_value(found.group())), text)
    if any(character.isdigit() or character == "幢" for character in text) or "栋" in text or "座" in text:
        text = _WORD_FOR_NUMBER.sub("", _NUMERO.sub(r"\1号", text))
        text = _PLATE.sub(lambda found: "号" if found.group().startswith("号") else "", text)
        text = _GROUP.sub(lambda found: "组" if found.group() != "第" else "", text)
        text = _METRES.sub("米", _KILOMETRES.sub("公里", text))
        text = _ROAD_OF_DIGIT.sub(lambda found: "零一二三四五六七八九"[int(found.group(1))], text)
        text = _HOUSE.sub("号", _BUILDING.sub("幢", text))
        text = _PART_OF_NUMBER.sub(lambda found: f"{found.group(1)}-{_part(found.group(2))}号", text)
        text = _LETTER_AFTER.sub(r"\1\2号", text)
        text = _LEADING_ZERO.sub("", text)
    return _EMPTY_COMMA.sub("", text)


_NEAR_NUMERAL = re.compile(
    r"(?P<before>[零一二三四五六七八九]*)(?P<heard>[\u4e00-\u9fff])(?P<after>\d{0,4})(?=号|弄|幢|组)"
)
_HEARD = dict(
    zip(["ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu"], "0123456789", strict=True)
)


def heard_numerals(text: str, syllable: Callable[[str], str]) -> str:
    """Return a normalised text with a character that sounds as a numeral, before a unit, as a digit.

    北街一器2号 → 北街172号, 北街而17号 (二十七) → 北街27号; ``""`` when there is none. Only for review: it is a
    guess at a number.
    """

    def digits(found: re.Match[str]) -> str:
        digit = _HEARD.get(syllable(found["heard"]), "")
        if not digit:
            return found.group()
        before, after = "".join(str(_DIGIT[each]) for each in found["before"]), found["after"]
        is_ten = len(after) == 2 and after[0] == "1" and not before
        return before + digit + (after[1:] if is_ten else after)

    heard = _NEAR_NUMERAL.sub(digits, text)
    return heard if heard != text else ""


_SPELT_OUT = re.compile(r"[零〇一二三四五六七八九十百](?=号|弄|支弄|幢|栋|座|组|队|小组)")


def is_spelt_out(text: str) -> bool:
    """Say whether a text has a number written in words: 北街二八一号."""
    return _SPELT_OUT.search(text) is not None


_ANY_NUMERAL = re.compile(r"[零〇一二三四五六七八九十百千两廿卅]+")


def in_digits(text: str) -> str:
    """Return a text with every Chinese numeral as digits, also one that may be part of a name: 五一路 → 51路."""
    return _ANY_NUMERAL.sub(lambda found: str(_value(found.group())), text)


def _part(number: str) -> int:
    return int(number) if number.isdigit() else _DIGIT[number]


def _value(numeral: str) -> int:
    """Return the value of a Chinese numeral; digits in a row are read one by one."""
    if not any(character in _TENS for character in numeral):
        return int("".join(str(_DIGIT[character]) for character in numeral))
    total, digit = 0, 0
    for character in numeral:
        if character in _DIGIT:
            digit = _DIGIT[character]
        elif character in "廿卅":
            total, digit = total + _TENS[character], 0
        else:
            total, digit = total + max(digit, 1) * _TENS[character], 0
    return total + digit


# -- districts before the address -----------------------------------------------------------------------

_DISTRICT = re.compile(
    r"(?:[\u4e00-\u9fff]{2,8}?(?:自治区|自治州|特别行政区|自治县|新区|街道|省|市|区|县|旗|镇|乡))"
)
_NO_DISTRICT = re.compile(
    r"(?:小区|社区|园区|校区|厂区|片区|院区|景区|库区|街区|商区|业区|宅区|活区|村区|墅区|[东西南北中\dA-Z]区|特区"
    r"|超市|菜市|夜市|花市|城市|门市|集市|都市|商市|集镇|古镇|小镇|老镇|市镇|城镇|下乡|家乡|水乡|同乡|故乡|老乡)$"
)
_ROAD_WORD = r"(?:路|街(?!道)|大街|大道|巷|弄|胡同|公路|[一二三四五六七八九十]路|[一二三四五六七八九]弄)"
#: What follows a district's name when it is part of another: 新区路, 超市场, 新塍镇政府.
_NAME_GOES_ON = re.compile(
    _ROAD_WORD + r"|政府|人民政府|委|中学|小学|中心|医院|卫生|派出所|法院|公安|敬老院|幼儿园|支行|分行|场"
    r"|(?:桥|口|里|站)(?:$|[旁边头东西南北附])"
)


def districts(text: str) -> tuple[tuple[str, ...], str]:
    """Return the districts that a normalised text begins with (省 市 区 县 镇 乡 街道), and the rest."""
    found: list[str] = []
    rest = text
    while len(found) < 6:
        match = _DISTRICT.match(rest)
        if match is None or match.end() == len(rest):
            break
        name = match.group()
        after = rest[match.end() :]
        if name.endswith(("乡", "镇")) and after.startswith(name[-1]):  # 乌镇镇
            name, after = name + after[0], after[1:]
        if not after or _NO_DISTRICT.search(name) or _NAME_GOES_ON.match(after):
            break
        if _is_no_district(name, bool(found)):
            break
        found.append(name)
        rest = after.lstrip(",-")
    return tuple(found), rest


_PROVINCE = re.compile(
    r"(?:河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾)省$"
)
_ROAD_INSIDE = re.compile(r"[\u4e00-\u9fff](?:路|街|大道|巷|弄)(?!道)")


def _is_no_district(name: str, follows: bool) -> bool:
    """Say whether words that end as a district does are none: 发生在旗 of 旗星村, 洛东路与镇 of 镇宁路, 强省."""
    if name.endswith("旗"):
        return not follows
    if name.endswith("省"):
        return _PROVINCE.search(name) is None
    return not name.endswith("街道") and _ROAD_INSIDE.search(name[:-1]) is not None


_SUFFIX = re.compile(r"(?:自治区|自治州|特别行政区|自治县|新区|街道|省|市|区|县|旗|镇|乡)$")


def stem(district: str) -> str:
    """Return the name of a district without its kind: 新塍镇 → 新塍; one of a single character stays whole."""
    short = _SUFFIX.sub("", district)
    return short if len(short) > 1 else district


def rank(district: str) -> str:
    """Return the kind of a district: 省, 市, 区 (also 县, 旗) or 镇 (also 乡, 街道)."""
    if district.endswith(("街道", "镇", "乡")):
        return "镇"
    if district.endswith(("省", "自治区", "特别行政区")):
        return "省"
    return "市" if district.endswith(("市", "自治州")) else "区"


# -- numbers -------------------------------------------------------------------------------------------

_NUMBER = re.compile(
    r"(?P<value>(?:\d+(?:\.\d+)?|[A-Z]\d*(?=[幢号#])|[甲乙丙丁](?=幢)|[A-Z]-?\d+)(?:-\d+)*(?:[甲乙丙丁]|[A-Z](?![A-Z]))?)"
    r"(?P<unit>支弄|弄|幢|号(?!线(?![路缆乱充断头])|[桥码闸]|井(?!盖)|库(?!房)|仓(?!库)|机(?![动器房])|门(?!口|前|市|面|外|内)|路(?!边|旁)|街|地块|车间|公馆)|#|单元|室|层|楼|组|队)?"
)
#: From the outside to the inside: a number may only be followed by one that is finer.
_FINENESS = {
    "弄": 0,
    "支弄": 1,
    "组": 1,
    "队": 1,
    "号": 2,
    "#": 3,
    "幢": 3,
    "": 4,
    "单元": 5,
    "层": 6,
    "楼": 6,
    "室": 7,
}
_WITHIN = {"单元", "层", "楼", "室"}
#: A house stands at the number, further ones lie inside it.
_HOUSES = {"号", "幢", "#", ""}


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address.

    Parameters
    ----------
    base
        What the numbers belong to: a road, an estate or a village; ``""`` when there are no numbers.
    numbers
        Value and unit of each number that tells one address from another, outermost first: 弄, 号, 幢, 组.
        A unit is ``""`` when none is written and ``#`` when only that is.
    detail
        What lies inside the building: unit, floor, room.
    inner
        Names written between the numbers (东方路1881弄 *东方城市花园* 79号).
    tail
        What follows the numbers.
    """

    base: str
    numbers: tuple[tuple[str, str], ...] = ()
    detail: str = ""
    inner: str = ""
    tail: str = ""

    @property
    def chain(self) -> str:
        """The numbers as written: ``1881弄79号``."""
        return "".join(value + unit for value, unit in self.numbers)

    @property
    def lane(self) -> str:
        """Number of the 弄, ``""`` when there is none."""
        return next((value for value, unit in self.numbers if unit == "弄"), "")

    @property
    def house(self) -> str:
        """Number of the house or building, ``""`` when there is none."""
        return next((value for value, unit in self.numbers if unit in _HOUSES), "")


def parse(text: str) -> Address:
    """Return the parts of a normalised text that begins after its districts."""
    numbers: list[tuple[str, str]] = []
    detail, inner, base = "", "", ""
    start, fineness = -1, -1
    for match in _NUMBER.finditer(text):
        value, unit = match["value"], match["unit"] or ""
        between = text[start : match.start()] if start >= 0 else ""
        if not unit and not _stands_alone(text, match, bool(numbers)):
            continue
        if not numbers:
            if match.start() == 0 or unit in _WITHIN:
                continue  # 3幢 of nothing; a floor of a named building is no address
            base = text[: match.start()].rstrip(",(-#")
        elif between.strip(",()-"):
            if "," in between or fineness > _FINENESS["号"] or not _may_follow(unit, fineness):
                break
            inner += between.strip(",()-")
        elif not _may_follow(unit, fineness) and (unit or fineness < _FINENESS["号"]):
            break
        start = match.end()
        if unit in _WITHIN or (unit in {"", "#"} and fineness >= _FINENESS["号"]):
            detail += value + unit
            fineness = max(fineness, _FINENESS.get(unit, 7))
        else:
            numbers.append((value, unit))
            fineness = _FINENESS[unit]
    if not numbers or not base:
        return Address("", tail=text)
    return Address(base, tuple(numbers), detail, inner, text[start:].strip(",()-"))


def _stands_alone(text: str, match: re.Match[str], follows: bool) -> bool:
    """Say whether a number without a unit is one of an address: at the end of the text or of a part of it."""
    after = text[match.end() : match.end() + 1]
    before = text[match.start() - 1 : match.start()] if match.start() else ""
    if before in {"G", "S", "X", "Y"} or "." in match["value"] or not match["value"][0].isdigit():
        return False
    return after in {"", ",", "(", ")"} or (follows and before in {"号", "幢", "#"} and after != "米")


def _may_follow(unit: str, fineness: int) -> bool:
    return _FINENESS[unit] > fineness


# -- words about the place -----------------------------------------------------------------------------

_SIDES = {
    "东北": (0.7071, 0.7071), "东南": (0.7071, -0.7071), "西北": (-0.7071, 0.7071), "西南": (-0.7071, -0.7071),
    "东": (1.0, 0.0), "西": (-1.0, 0.0), "南": (0.0, -1.0), "北": (0.0, 1.0),
}  # fmt: skip
_SIDE = r"东南|东北|西南|西北|[东西南北]"
_RELATION = (
    rf"(?:的|,|\()*(?:"
    rf"(?P<to>(?:往|向|朝|以|偏|靠|再)?)(?P<direction>{_SIDE})(?:方向|侧|面|边|方|向|首|部|走|行|约|大约|大概|大致|,)*"
    rf"(?P<metres>\d+(?:\.\d+)?)(?P<unit>米|公里)"
    rf"|(?:约|大约|相距|距离|外)?(?P<away>\d+(?:\.\d+)?)(?P<away_unit>米|公里)"
    rf"|(?P<side>东南|东北|西南|西北|(?:{_SIDE})(?:侧|面|边|首|方向|角|隅|头|端))(?:侧|面|边|方向|角)?"
    rf"|(?P<gate>{_SIDE}|正|大|后|前|侧)门(?:口|外|处)?"
    rf"|(?P<opposite>(?:马路|道路|街|路)?(?:斜?对面|斜对过|对过|对门))"
    rf"|(?P<next>隔壁|旁边|旁侧|边上|一侧|旁|侧|边|后面|背后|背面|后侧|前面|前方|前侧|楼下|后|前)"
    rf"|(?P<near>附近|周边|周围|一带|近处|区域|范围|沿线|沿街|路段|段|左近)"
    rf"|(?P<at>门口|门前|门外|大门口|里面|内部|内侧|院内|区内|楼内|内|里|处|门面房?|门面前|店面|店门口|公交站旁)"
    rf")(?:处|左右|远|开外|位置|地方|方向|的地方|\))*"
)  # fmt: skip
_AT_END = re.compile(_RELATION + "$")
_AT_START = re.compile(_RELATION)
#: 静安里 is not a place inside 静安; only of a number or a village are these words about the place.
_PART_OF_NAMES = frozenset("里前后段侧边")
_BETWEEN = re.compile(r"(?:的)?(?:之间|中间)(?:路段|位置|处)?$")

#: How far a place may lie from the thing that it is described by, metres.
_WIDER = {"at": 15.0, "next": 35.0, "gate": 60.0, "side": 40.0, "opposite": 50.0, "near": 100.0}


@dataclass(frozen=True, slots=True)
class Shift:
    """How a place lies from the thing that it is described by.

    Parameters
    ----------
    east_m, north_m
        Metres to move.
    wider_m
        Metres that the radius grows by.
    """

    east_m: float = 0.0
    north_m: float = 0.0
    wider_m: float = 0.0

    def and_then(self, other: Shift) -> Shift:
        """Return both shifts in one."""
        return Shift(self.east_m + other.east_m, self.north_m + other.north_m, self.wider_m + other.wider_m)


def relation_at_end(text: str) -> tuple[str, Shift] | None:
    """Return a text without the words at its end that say how the place lies from it; None without such."""
    match = _AT_END.search(text)
    if match is None or match.start() == 0:
        return None
    if match.group() in _PART_OF_NAMES and text[match.start() - 1] not in "号弄幢室村":
        return None
    return text[: match.start()].rstrip(",(-"), _shift(match)


def relation_at_start(text: str) -> tuple[str, Shift] | None:
    """Return what follows words that say how the place lies from what stood before; None without such."""
    match = _AT_START.match(text)
    if match is None or match.end() == match.start():
        return None
    return text[match.end() :].lstrip(",)-"), _shift(match)


def _shift(match: re.Match[str]) -> Shift:
    if match["direction"]:
        metres = float(match["metres"]) * (1000.0 if match["unit"] == "公里" else 1.0)
        east, north = _SIDES[match["direction"]]
        return Shift(east * metres, north * metres, max(15.0, 0.3 * metres))
    if match["away"]:
        return Shift(wider_m=float(match["away"]) * (1000.0 if match["away_unit"] == "公里" else 1.0))
    kind = next((each for each in _WIDER if match[each]), "at")
    return Shift(wider_m=_WIDER[kind])


_CROSSING_WORD = (
    r"(?:交叉路口|交叉口|十字路口|丁字路口|三岔路口|交汇处|交汇口|交汇|交会处|交会|交界处|交界|交接处|交叉处|交叉点|交叉"
    r"|相交处|相交|交口|汇合处|转角处?|转弯处|拐角处?|路口|口)"
)
_CROSSING = re.compile(
    rf"(?:的)?{_CROSSING_WORD}(?:的)?(?:(?P<corner>{_SIDE})(?:角|侧|面|边|方向|方)?)?"
    r"(?:处|附近|旁边|旁|边|位置|的地方|红绿灯|信号灯)*$"
)
#: The word for the crossing stands behind the first road: 新塍大道路口(洛东路).
_CROSSING_FIRST = re.compile(rf"^(?P<first>[^,]+?){_CROSSING_WORD},(?:近|靠近|与|和)?(?P<second>[^,]+)$")
_AND = re.compile(r"以及|与|和|同|跟|及|靠近|临近|近|靠|,|-|X(?![A-Z])")
_BRACKET = re.compile(r"[(),]+")
_ROAD_END = re.compile(r"(?:路|街|大道|巷|弄|道|公路|线|国道|坊)$")


@dataclass(frozen=True, slots=True)
class Crossing:
    """Two roads that cross.

    Parameters
    ----------
    first, second
        The roads; without a second name both stand in the first, to be split by who knows roads.
    shift
        How the place lies from the crossing.
    is_said
        Whether a word for a crossing is there.
    ends_in_road
        Whether the 路 of the second name is in the word for the crossing: 洛东路口.
    others
        The same two roads split at another word: 康,路与洛东路 and 康和路,洛东路.
    joined
        Both names as they stand, without punctuation.
    """

    first: str
    second: str
    shift: Shift = Shift()
    is_said: bool = True
    ends_in_road: bool = False
    others: tuple[tuple[str, str], ...] = ()
    joined: str = ""


def crossing(text: str) -> Crossing | None:
    """Return the two roads whose crossing a normalised text names, None when it does not look like one."""
    text = _BRACKET.sub(",", text).strip(",")
    behind_first = _CROSSING_FIRST.match(text)
    if behind_first is not None:
        text = f"{behind_first['second']},{behind_first['first']}路口"
    match = _CROSSING.search(text)
    shift = Shift()
    if match is not None:
        if match["corner"]:
            east, north = _SIDES[match["corner"]]
            shift = Shift(15 * east, 15 * north, 10.0)
        is_road = match.group().startswith(("路口", "口"))
        roads = text[: match.start()].rstrip(",")
    else:
        is_road, roads = False, text
    said = match is not None
    pairs = _pairs(roads)
    if pairs and (said or len(pairs[0][1]) > 1):
        return Crossing(*pairs[0], shift, said, is_road, tuple(pairs[1:]), plain(roads))
    if not pairs and len(roads) >= 4:
        return Crossing(roads, "", shift, said, is_road, (), roads)
    return None


def _pairs(roads: str) -> list[tuple[str, str]]:
    """Return two names split at each word that may join them, those first whose first name ends as a road does."""
    found = []
    for match in _AND.finditer(roads):
        first, second = roads[: match.start()].strip(",的"), roads[match.end() :].strip(",的")
        second = re.sub("^(?:近|靠近|与|和)", "", second) if match.group() == "," else second
        if first and second:
            found.append((first, second))
    return sorted(found, key=lambda pair: (_ROAD_END.search(pair[0]) is None, "," in pair[0] + pair[1]))


_STRETCH = re.compile(
    r"^(.{1,12}?(?:路|街|大道|巷|公路|国道))[,(]?([^,()]{2,12})(?:至|到|-|与|和)([^,()]{2,12}?)\)?(?:之间|路段|段|一段)*$"
)


def stretch(text: str) -> tuple[str, str, str] | None:
    """Return a road and the two roads between which a stretch of it lies, None when the text is no such."""
    match = _STRETCH.match(text)
    return (match[1], match[2], match[3]) if match is not None else None


# -- words before the place, and what a sentence says beside it ------------------------------------------

#: What a report begins with. Each is followed by a place, or by a further one of them.
_BEGINNING = re.compile(
    r"(?:,|-|(?:20\d\d年)?\d{1,2}月\d{1,2}[日号]?|\d{1,2}[日](?=[上下中凌早傍晚夜,\d])"
    r"|(?:上午|下午|中午|凌晨|早上|早晨|清晨|傍晚|晚上|夜间|夜里|深夜|昨天|昨日|昨晚|今天|今日|今早|今晚|前天|近日|近期|最近|目前|日前|当晚|当日|当天)"
    r"|\d{1,2}(?:点钟|点半|点|时)(?:\d{1,2}分)?(?:许|左右|多)?"
    r"|(?:接到?|有|据)?(?:群众|市民|居民|村民|网民|热心人|热线|来电人?|来访人?|报警人?|报案人?|举报人?|投诉人?|当事人|业主|住户|租户|网格员|巡逻员|志愿者|平安员|民警|群众来电)"
    r"|反映|反应|反馈|报告|上报|报警|报案|报称|举报|投诉|来电|来信|来访|求助|咨询|接报|接警|接到|接|称|表示|说|述"
    r"|发现|发生在|发生于|发生地点?|发生|事发|案发|出现在|事件|事故|警情|案件|问题|隐患|情况"
    r"|(?:详细|具体|标准|门牌|诉求|警情|问题|事件|门店|现场|事发|案发|事故|家庭|单位|所在|居住|户籍|联系|通讯|现住|经营|涉事)?(?:地点|地址|位置|住址|住所|所在地|方位)"
    r"|现场|位于|坐落于|坐落在|坐落|座落于|处于|地处|现住|现居|家住|住在|居住在|居住于|居住|暂住|租住在?|寄住|户籍|就在|人在|家在|店在|开在|设在|停在"
    r"|前往|赶往|赶到|赶赴|去往|巡逻至|巡逻到|巡查至|巡查到|巡查发现|走访|途经|行至|路过|经过|请到|请去|麻烦到|上门"
    r"|关于|对于|针对|请问|您好|你好|其在|我在|本人在|其|我家|我|本人|现在|正在|目前在|为|是|在|于|至|到|去|对|报|住|距离?|离|从)"
)


def without_beginning(text: str) -> list[str]:
    """Return a normalised text without the words that a report begins with, the shortest first.

    What is left after each of them is returned, since a name may begin as such a word does. Empty when the
    text begins with none.
    """
    found: list[str] = []
    rest = text
    while len(found) < 12 and (match := _BEGINNING.match(rest)) is not None:
        rest = rest[match.end() :].lstrip(",)-")
        if len(rest) < 2:
            break
        found.append(rest)
    return found[::-1]


_QUANTITY = re.compile(
    r"\d{4}年(?:\d{1,2}月)?(?:\d{1,2}[日号])?|\d{1,2}月\d{1,2}[日号]?|\d{1,2}[日](?!用)"
    r"|\d{1,2}(?:点钟|点半|点|时)(?:\d{1,2}分)?(?:许|左右|多)?|\d{1,2}分(?:许|钟|左右)"
    r"|0\d{2,3}-\d{7,8}|(?<!\d)\d{7,}(?![号\d])|\d+\.\d+(?![米公\d])"
    r"|\d+(?:余|多|来)?(?:平方米|平方|平米|万元|千元|元|块|万|人|辆|根|台|个|名|位|次|起|天|小时|分钟|岁|斤|公斤|吨|箱|瓶|只|条|张|户|件|年|月|周|度|厘米|千瓦|伏|瓦|家|处|间|亩|分)"
)


def without_quantities(text: str) -> str:
    """Return a normalised text with dates, times, quantities and telephone numbers made commas."""
    return _QUANTITY.sub(",", text).strip(",")


_PART = r"(?:\d+(?:-\d+)*[甲乙丙丁A-D]?(?:支弄|弄|号|幢|组|队|单元|室|层)[,]?)"
_NUMBER_FIRST = re.compile(rf"^(?P<numbers>{_PART}+)[,的-]*(?P<rest>[^\d,()].+)$")
_NUMBERS_BEHIND = re.compile(rf"^(?P<place>[^\d]{{2,}}?),?(?P<numbers>{_PART}+)(?P<words>.*)$")
_NUMBERS_IN_A_ROW = re.compile(rf"{_PART}{{2,}}")
_ONE_PART = re.compile(r"(\d+(?:-\d+)*[甲乙丙丁A-D]?)(支弄|弄|号|幢|组|队|单元|室|层)")


def turned(text: str) -> str:
    """Return an address that begins with its number in the usual order: 8组,陡门村 → 陡门村8组; else ``""``."""
    match = _NUMBER_FIRST.match(_BRACKET.sub(",", text).strip(","))  # 8组(陡门村)
    if match is None:
        return ""
    place, words = match["rest"], ""
    while (found := relation_at_end(place)) is not None and len(found[0]) > 1:
        place = found[0]
    words = match["rest"][len(place) :]
    inside = _NUMBERS_BEHIND.match(place)  # 51幢桃景小区3单元
    behind = inside["numbers"] if inside is not None else ""
    if inside is not None:
        place, words = inside["place"], inside["words"] + words
    return place.rstrip(",") + _in_order(match["numbers"] + behind) + words


def numbers_in_order(text: str) -> str:
    """Return a text whose numbers stand from the outside to the inside: 北街3号12弄 → 北街12弄3号."""
    return _NUMBERS_IN_A_ROW.sub(lambda found: _in_order(found.group()), text)


def _in_order(numbers: str) -> str:
    parts = _ONE_PART.findall(numbers)
    return "".join(value + unit for value, unit in sorted(parts, key=lambda part: _FINENESS[part[1]]))


_SEVERAL = re.compile(
    r"^(?P<base>.*?[^\d,()])(?P<first>\d+)(?P<unit>号|幢|弄)?(?P<more>(?:[,和与及至到](?:\d+)(?:号|幢|弄)?)+)(?P<rest>(?![\d-]).*)$"
)


def several(text: str) -> list[str]:
    """Return the addresses of a text that gives one road or estate several numbers: 北街3,5号 → 北街3号, 北街5号."""
    match = _SEVERAL.match(text)
    if match is None:
        return []
    numbers = [match["first"], *re.findall(r"\d+", match["more"])]
    units = re.findall("号|幢|弄", (match["unit"] or "") + match["more"])
    if len(set(units)) != 1 or len(numbers) > 12:
        return []
    return [f"{match['base']}{number}{units[0]}" for number in numbers]


_LEADING = re.compile(r"^(?:(?P<near>靠近|临近|邻近|紧邻|毗邻|紧靠|近|靠)|距离?|离)")


def relation_before(text: str) -> tuple[str, Shift] | None:
    """Return a text without the words before it that say how the place lies from it; None without such."""
    match = _LEADING.match(text)
    if match is None or match.end() == len(text):
        return None
    return text[match.end() :], Shift(wider_m=_WIDER["near"] if match["near"] else 0.0)


def between(text: str) -> tuple[str, str] | None:
    """Return the two things that a place is said to lie between, None when it is not said."""
    match = _BETWEEN.search(text)
    if match is None:
        return None
    parts = [part for part in re.split(r"与|和|同|跟|及|,|-", text[: match.start()]) if part]
    return (parts[0], parts[1]) if len(parts) == 2 else None
