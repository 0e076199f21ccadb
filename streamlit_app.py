"""The pages of Threeways. This process holds no model and never imports torch."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from advisor.pages.door import Door
from advisor.pages.own_origin import OwnOriginOnly
from advisor.pages.turnstile import turn
from advisor.pages.way_in import check_before_serving

# Our own icon: every page would fetch a Material icon from the web.
_ICON = Path(__file__).parent / "advisor" / "pages" / "icon.svg"

# What `streamlit run` serves. For each visit it runs this file again, as the main program.
app = st.App(__file__, middleware=[Middleware(OwnOriginOnly), Middleware(Door)])


def show() -> None:
    from advisor.pages import frame  # the server, which imports this file to start, answers sooner without the pages
    from advisor.pages.who import has_entered
    from advisor.storage.files import disk_problem
    from eval.task import BadInput

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
    frame.show_style()
    try:
        if not has_entered():
            return
        st.set_page_config(page_title=frame.title_of(page.title))
        frame.show_top(page.title)
        page.run()
        frame.settle(page.title)
    except BadInput as wrong:  # also problems that no page expects, such as a home folder of another version
        frame.problem(str(wrong))
    except OSError as wrong:
        if (problem := disk_problem(wrong)) is None:
            raise
        frame.problem(problem)


if __name__ == "__main__":
    with turn():
        show()
else:
    check_before_serving()
