"""Maps that a town's safety alliance acts on: placing, counting, judging, planning, drawing.

Notebooks and scripts start at :mod:`pingan_geo.workflow`; nothing here needs Streamlit.
"""

from __future__ import annotations

__version__ = "0.1.0"
