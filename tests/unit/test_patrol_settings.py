"""What ``[patrol]`` of ``town.toml`` may say; what cannot be used is refused with its name."""

from __future__ import annotations

import pytest

from pingan_geo.errors import SettingsError
from pingan_geo.model.patrol_settings import NoGo, PatrolSettings
from pingan_geo.settings import read_settings


def read(folder, text: str) -> PatrolSettings:
    (folder / "town.toml").write_text(text, encoding="utf-8")
    return read_settings(folder).patrol


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("teams = 0", "patrol.teams"),
        ("teams = 2.5", "patrol.teams"),
        ('mode = "boat"', "patrol.mode"),
        ('dwell_min = "long"', "patrol.dwell_min"),
        ("dwell_min = 0", "patrol.dwell_min"),
        ("walk_kmh = true", "patrol.walk_kmh"),
        ("control_share = 0.9", "patrol.control_share"),
        ("straight_factor = 0.5", "patrol.straight_factor"),
        ("levels = [0.5, 0.25, 0.75]", "patrol.levels"),
        ("levels = 0.5", "patrol.levels"),
        ('levels = ["a"]', "patrol.levels"),
        ('windows = "21-24"', "patrol.windows"),
        ('[patrol.windows]\nFW2 = "21-24"', "patrol.windows.FW2"),
        ('[patrol.windows]\nFW2 = "21:00-25:00"', "patrol.windows.FW2"),
        ('[patrol.windows]\nFW2 = "21:70-23:00"', "patrol.windows.FW2"),
        ('[patrol.windows]\nFW2 = "21:00-21:00"', "patrol.windows.FW2"),
        ('[patrol.windows]\nFW2 = "21:00-24:30"', "patrol.windows.FW2"),
        ('[patrol.checks]\nFW2 = "插座"', "patrol.checks.FW2"),
        ("[[patrol.no_go]]\nlon = 120.6", r"patrol.no_go\[1\].lat"),
        ("[[patrol.no_go]]\nlon = 120.6\nlat = 30.8\nradius_m = 0", r"patrol.no_go\[1\].radius_m"),
    ],
)
def test_unusable_values_are_refused_by_name(tmp_path, line, key):
    with pytest.raises(SettingsError, match=key):
        read(tmp_path, f"[patrol]\n{line}\n")


def test_town_that_says_nothing_has_the_defaults(tmp_path):
    assert read(tmp_path, "") == PatrolSettings()


def test_everything_may_be_said(tmp_path):
    found = read(
        tmp_path,
        """[patrol]
        teams = 3
        mode = "ebike"
        start = "平安岗1号"
        dwell_min = 14
        levels = [0.2, 0.4, 0.6]
        [patrol.windows]
        FW2 = "21:00-02:30"
        FW1 = "08:00-22:00"
        XX = "20:00-24:00"
        [patrol.checks]
        FW2 = ["楼道", "车棚"]
        [[patrol.no_go]]
        lon = 120.6
        lat = 30.8
        radius_m = 50
        name = "涵洞"
        """,
    )
    assert (found.teams, found.mode, found.start, found.dwell_min) == (3, "ebike", "平安岗1号", 14.0)
    assert found.windows == {"FW2": (1260, 1590), "FW1": (480, 1320), "XX": (1200, 1440)}
    assert found.checks == {"FW2": ("楼道", "车棚")}
    assert found.no_go == (NoGo(120.6, 30.8, 50.0, "涵洞"),)
    assert found.levels == (0.2, 0.4, 0.6)
    assert [found.speed_kmh(mode) for mode in ("walk", "ebike", "car")] == [4.5, 15.0, 25.0]
