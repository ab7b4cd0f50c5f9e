"""Runs the app once for each click of each visitor."""

from __future__ import annotations

from pingan_geo.ui.script import run

run()
