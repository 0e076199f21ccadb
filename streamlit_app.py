"""The pages of Threeways. This process holds no model: torch is never imported here."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from advisor.pages import frame
from eval.task import BadInput

# An icon of our own: a Material icon here would be fetched from the web by every page.
_ICON = Path(__file__).parent / "advisor" / "pages" / "icon.svg"
st.set_page_config(page_title="Threeways", page_icon=str(_ICON), layout="wide")

page = st.navigation(
    [
        st.Page("advisor/pages/start.py", title="Start", url_path="start", default=True),
        st.Page("advisor/pages/data.py", title="Data", url_path="data"),
        st.Page("advisor/pages/compare.py", title="Compare", url_path="compare"),
        st.Page("advisor/pages/report.py", title="Report", url_path="report"),
        st.Page("advisor/pages/advice.py", title="Advice", url_path="advice"),
        st.Page("advisor/pages/history.py", title="History", url_path="history"),
    ],
    position="hidden",
)
frame.show_top(page.title)
try:
    page.run()
except BadInput as wrong:  # what no page expects, a home of another version say, is still a sentence
    frame.problem(str(wrong))
