"""Every word has a Chinese translation, none is stale, none is written into the code."""

from __future__ import annotations

import ast
import datetime as dt
import re
import string
import threading
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from babel.messages.pofile import read_po

import pingan_geo
from pingan_geo import errors
from pingan_geo.errors import BadChoiceError, NoReportsError, PinganError, SettingsError
from pingan_geo.i18n import translator
from pingan_geo.model import enterprise, patrol
from pingan_geo.model.place import LOCATE_REASONS
from pingan_geo.model.receipt import HOLD_REASONS

PACKAGE = Path(pingan_geo.__file__).parent
CATALOGUE = PACKAGE / "locales" / "zh_CN" / "pingan.po"
CHINESE = re.compile(r"[\u3400-\u9fff\uff00-\uff5e\u3000-\u303f]")
MARKERS = {"t", "mark", "translate"}
#: Words that plain data hold, code to English.
WORDS = [
    (HOLD_REASONS, "model/receipt.py"),
    (LOCATE_REASONS, "model/place.py"),
    *((words, "model/patrol.py") for words in (patrol.MODES, patrol.STOP_KINDS, patrol.ANSWERS)),
    (patrol.LEFT_OUT_REASONS, "model/patrol.py"),
    *((words, "model/enterprise.py") for words in (enterprise.GRADES, enterprise.ACTIVITIES)),
    *((words, "model/enterprise.py") for words in (enterprise.RUNGS, enterprise.STANDARD_STATES)),
]


@cache
def modules() -> list[tuple[Path, ast.Module]]:
    files = sorted(PACKAGE.rglob("*.py")) + [path for path in [PACKAGE.parent / "app.py"] if path.is_file()]
    return [(file, ast.parse(file.read_text(encoding="utf-8"))) for file in files]


def text_of(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts_of(node: ast.AST) -> list[str]:
    """The texts that an argument can be: a constant, or either branch of a choice."""
    if isinstance(node, ast.IfExp):
        return texts_of(node.body) + texts_of(node.orelse)
    text = text_of(node)
    return [] if text is None else [text]


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def notes(node: ast.AST) -> list[ast.Tuple]:
    """Notes of a receipt: (msgid, {values}), or a pair that a function yields."""
    pair = node.value if isinstance(node, ast.Yield) else node
    if not isinstance(pair, ast.Tuple) or len(pair.elts) != 2:
        return []
    return [pair] if isinstance(node, ast.Yield) or isinstance(pair.elts[1], ast.Dict) else []


@cache
def used() -> dict[str, str]:
    """msgid -> where it is used."""
    found: dict[str, str] = {}
    for file, tree in modules():
        for node in ast.walk(tree):
            where = f"{file.relative_to(PACKAGE.parent)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call) and node.args:
                if called(node) in MARKERS:
                    found.update(dict.fromkeys(texts_of(node.args[0]), where))
                if called(node) == "plural" and len(node.args) > 1:
                    found.update(dict.fromkeys(texts_of(node.args[1]), where))
                if called(node) == "Progress":
                    found.update(dict.fromkeys(texts_of(node.args[0]), where))
            if isinstance(node, ast.keyword) and node.arg == "stage":
                found.update(dict.fromkeys(texts_of(node.value), where))
            for note in notes(node):
                found.update(dict.fromkeys(texts_of(note.elts[0]), where))
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, PinganError):
            found[value.message] = f"errors.{name}"
    for words, where in WORDS:
        found.update(dict.fromkeys(words.values(), where))
    found.pop("", None)
    return found


@cache
def chinese() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {m.id: m.string for m in read_po(file, locale="zh_CN") if m.id}


def names(text: str) -> list[str]:
    return sorted({part[1] for part in string.Formatter().parse(text) if part[1] is not None})


def test_language_that_is_not_offered_is_refused():
    with pytest.raises(BadChoiceError):
        translator("fr")


def test_every_word_has_a_chinese_translation():
    missing = {msgid: where for msgid, where in used().items() if not chinese().get(msgid)}
    assert not missing, "\n".join(f"{where}: {msgid!r}" for msgid, where in missing.items())


def test_translations_carry_the_same_names():
    wrong = {msgid for msgid, text in chinese().items() if names(msgid) != names(text)}
    assert not wrong


def test_translations_are_chinese():
    """A text copied over from English is not a translation; marks and codes are left out."""
    assert not [
        msgid
        for msgid, text in chinese().items()
        if re.search("[a-z]{4}", msgid) and not CHINESE.search(text)
    ]


def test_no_translation_is_stale():
    constants = {text_of(node) for _, tree in modules() for node in ast.walk(tree)}
    stale = [msgid for msgid in chinese() if msgid not in constants and msgid != ", "]
    assert not stale


def test_catalogue_holds_each_msgid_once():
    lines = re.findall(r'^msgid "(.+)"$', CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == len(set(lines)), sorted({line for line in lines if lines.count(line) > 1})


def test_no_chinese_is_written_into_the_interface():
    found = []
    for file, tree in modules():
        inside = file.relative_to(PACKAGE.parent).as_posix()
        if not inside.startswith(("pingan_geo/ui/", "pingan_geo/cli", "app.py")):
            continue
        found += [
            f"{inside}:{node.lineno} {node.value!r}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CHINESE.search(node.value)
        ]
    assert not found, "\n".join(found)


def test_words_numbers_and_days():
    zh, en = translator("zh"), translator("en")
    assert zh.error(NoReportsError()).startswith("没有符合条件的上报")
    assert en.error(NoReportsError()) == str(NoReportsError())
    assert "应当是文字" in zh.error(SettingsError(file="town.toml", key="a", value="3", expected="a text"))
    assert "KeyError" in zh.error(KeyError("x"))
    assert zh.number(15781) == en.number(np.int64(15781)) == "15,781"
    assert zh.number(float("nan")) == "—"
    assert zh.date(dt.date(2026, 3, 5)) == "2026年3月5日"
    assert en.date(dt.date(2026, 3, 5)) == "5 March 2026"
    assert zh.weekdays()[0] == "周一"
    assert en.weekdays()[6] == "Sun"
    assert zh("{n} of {m}", n=1234, m=np.int64(5)) == "1,234 of 5"
    assert zh("{names}", names=["甲", "乙"]) == "甲、乙"
    assert en.plural("{count} row", "{count} rows", 1) == "1 row"


def test_a_users_own_words_are_never_translated():
    assert translator("zh")("{file} {name}", file="a text", name="no name") == "a text no name"


def test_braces_in_a_value_are_left_alone():
    assert translator("zh")("{file}", file="{evil.__class__}") == "{evil.__class__}"


def test_each_visitor_has_a_language_of_their_own():
    said: dict[str, set[str]] = {"zh": set(), "en": set()}

    def visitor(language: str) -> None:
        for _ in range(200):
            said[language].add(translator(language)(NoReportsError.message))

    visitors = [threading.Thread(target=visitor, args=(language,)) for language in ("zh", "en") * 4]
    for thread in visitors:
        thread.start()
    for thread in visitors:
        thread.join()
    assert {language: len(texts) for language, texts in said.items()} == {"zh": 1, "en": 1}
    assert said["zh"] != said["en"]
    assert translator("zh") is translator("zh")
