"""The app: ``streamlit run app.py``, ``python app.py``, or any ASGI server with ``app:app``.

Which town it serves is said by ``PINGAN_TOWN``; ``pingan serve`` does the same from anywhere.
"""

from __future__ import annotations

import streamlit as st

from pingan_geo.ui.main import OPTIONS, SCRIPT, parts

app = st.App(SCRIPT, **parts())

if __name__ == "__main__":
    app.run(config=OPTIONS)
