"""Safe enterprises: what is known of a firm, what it is graded by, what was done there.

Self-checks by the firm, service visits (advice by the fire station) and inspections (行政检查 by licensed officers)
are three activities and never mixed: neither counted together nor planned for one another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pingan_geo.model.tables import TIME, TableSpec

#: Grades from the gravest down, with the word for people.
GRADES: Final[Mapping[str, str]] = {"red": "Red", "orange": "Orange", "yellow": "Yellow", "blue": "Blue"}

ACTIVITIES: Final[Mapping[str, str]] = {
    "self_check": "Self-check",
    "service_visit": "Service visit",
    "inspection": "Inspection",
}

#: Rungs of the ladder of harm (海恩法则), from the top.
RUNGS: Final[Mapping[str, str]] = {
    "serious": "Serious accidents",
    "minor": "Minor accidents",
    "near_miss": "Near misses",
    "hazard": "Hazards",
}

#: What became of one standard at one firm. Anything but ``passed`` does not count as passed.
STANDARD_STATES: Final[Mapping[str, str]] = {
    "passed": "Passed",
    "failed": "Not passed",
    "unfilled": "To be filled in",
}

#: What a firm is graded by, one row each; a number that is not known is NaN, never 0.
ENTERPRISE_FACTS: Final = TableSpec(
    "enterprise facts",
    {
        "enterprise_id": "str",
        "hazard_classes": "str",  # joined by ";", "" none known
        "lec": "float64",  # D = L x E x C of its gravest activity
        "standards_short": "float64",  # 0-1, share of the standards not passed
        "open_hazards": "float64",
        "overdue_hazards": "float64",
        "major_hazards": "float64",  # open 重大事故隐患
        "incidents_near": "float64",  # within 500 m in twelve months
        "silent_days": "float64",  # working days without a self-check that was due, up to today
        "days_since_visit": "float64",  # since the last service visit or inspection
    },
)

#: One self-check (企业自查): five people, about 14:00.
SELF_CHECKS: Final = TableSpec(
    "self-checks",
    {
        "enterprise_id": "str",
        "time": TIME,
        "people": "int64",
        "items": "int64",  # looked at
        "finds": "int64",
    },
)

#: One standard at one firm, as last assessed.
STANDARD_SCORES: Final = TableSpec(
    "standard scores",
    {
        "enterprise_id": "str",
        "item": "int64",  # number of the standard
        "state": "str",  # of STANDARD_STATES
        "time": TIME,
        "evidence": "str",
        "photos": "str",  # names in media/, joined by ";"
    },
)

#: Something that happened or was found at a firm, on one rung of the ladder.
LADDER_RECORDS: Final = TableSpec("ladder records", {"enterprise_id": "str", "rung": "str", "time": TIME})

#: Documents, trainings and drills that run out. ``kind`` is a word of the town's own list.
DOCUMENTS: Final = TableSpec(
    "documents",
    {"enterprise_id": "str", "kind": "str", "name": "str", "valid_until": TIME},
)
