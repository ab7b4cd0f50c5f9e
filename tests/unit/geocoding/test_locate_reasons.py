"""Each code that a geocoder gives has a sentence for people, and each sentence a code that is given."""

from __future__ import annotations

import ast
from pathlib import Path

from pingan_geo.geocoding import offline, online
from pingan_geo.model.place import LEVELS, LOCATE_REASONS, STATUSES


def texts_of(module) -> set[str]:
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def given_by(module) -> set[str]:
    """Codes handed to what makes an answer."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        name = getattr(getattr(node, "func", None), "attr", getattr(getattr(node, "func", None), "id", ""))
        if name in {"to_review", "_rejected", "_Row", "Answer"}:
            parts = [part for argument in node.args for part in ast.walk(argument)]
            found |= {
                part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)
            }
    return found - {"", *STATUSES, *LEVELS}


def test_every_reason_that_is_given_is_explained():
    given = given_by(offline) | given_by(online)
    assert len(given) > 10
    assert given <= set(LOCATE_REASONS)


def test_no_sentence_is_for_a_reason_that_nobody_gives():
    assert set(LOCATE_REASONS) <= texts_of(offline) | texts_of(online)
