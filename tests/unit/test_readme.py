"""Both READMEs name every command and no option that is not there, and show the same commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pingan_geo.cli import pingan

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh-CN.md")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", READMES)
def test_every_command_is_described(name):
    text = read(name)
    assert [command for command in pingan.commands if f"`pingan {command}" not in text] == []


@pytest.mark.parametrize("name", READMES)
def test_every_command_and_option_named_is_there(name):
    text = read(name)
    for command, rest in re.findall(r"pingan ([a-z]+)((?: [^`\n]*)?)", text):
        if f"`pingan {command}" not in text and f"\npingan {command}" not in text:
            continue  # a word of a sentence
        assert command in pingan.commands, command
        known = {name for each in pingan.commands[command].params for name in each.opts}
        assert set(re.findall(r"--[a-z][a-z-]*", rest.split("#")[0])) <= known, (command, rest)


def test_both_show_the_same_commands():
    shown = [
        [line.split("#")[0].strip() for line in re.findall(r"^pingan .*", read(name), re.MULTILINE)]
        for name in READMES
    ]
    assert shown[0] == shown[1]
    assert len(shown[0]) > 5
