"""Categories that somebody asks for: known to the town, or refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pingan_geo.errors import UnknownCategoryError
from pingan_geo.workflow.towns import Town


def check_categories(town: Town, categories: Sequence[str], reports: Any) -> None:
    """Refuse a category that is neither in the town's list nor in any report.

    Raises
    ------
    UnknownCategoryError
        Naming it and the list.
    """
    if not categories:
        return
    known = set(town.settings.category_names) | set(reports["category"].unique())
    for category in categories:
        if category not in known:
            raise UnknownCategoryError(category=category, known=", ".join(sorted(known)))
