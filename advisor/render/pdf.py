"""The report as PDF: its HTML, printed by a browser on this machine. `print.css` says how it looks on paper."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from eval.task import BadInput
from eval.temporary import temporary_folder

SECONDS = 60  # a report takes two or three on a busy machine
NO_BROWSER = (
    "A PDF needs Chromium, Chrome or Edge, and this machine has none of them. Install one, or open report.html in your "
    "browser and print it to PDF."
)
_COMMANDS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
_MAC = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_WINDOWS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # small in containers
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    # The report loads nothing, and the browser itself must not call anybody either.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)
_FOLD = re.compile(r"<details(?=[\s>])(?![^>]*\sopen\b)")


def find_browser() -> str | None:
    """The browser that prints: the one that the environment variable CHROME names, else the first on this machine."""
    named = os.environ.get("CHROME")
    return next(filter(None, map(shutil.which, [named] if named else [*_COMMANDS, *_installed()])), None)


def render_pdf(html: str) -> bytes:
    """A document of `render_html` as PDF. Raises BadInput where no browser is found, or where it fails or takes longer
    than SECONDS."""
    if (browser := find_browser()) is None:
        raise BadInput(NO_BROWSER)
    try:
        with temporary_folder() as folder:
            return _printed(browser, html, folder)
    except OSError as wrong:
        raise _failure(browser, wrong.strerror or str(wrong)) from wrong


def _printed(browser: str, html: str, folder: Path) -> bytes:
    page, printed = folder / "report.html", folder / "report.pdf"
    page.write_text(_unfolded(html), encoding="utf-8")
    options = [*_OPTIONS, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={printed}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium has no sandbox for root
    reason = _run([browser, *options, page.as_uri()])
    content = printed.read_bytes() if reason is None and printed.exists() else b""
    if not content.startswith(b"%PDF-"):
        raise _failure(browser, reason or "it ended without writing one")
    return content


def _failure(browser: str, reason: str) -> BadInput:
    return BadInput(
        f"{Path(browser).stem} could not make the PDF: {reason}. Open report.html in your browser and print it to PDF."
    )


def _installed() -> list[str]:
    """Where browsers are installed that are not on the path."""
    if sys.platform == "darwin":
        return [str(root / "Applications" / path) for root in (Path("/"), Path.home()) for path in _MAC]
    roots = [os.environ.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
    return [str(Path(root, path)) for root in roots if root for path in _WINDOWS]


def _unfolded(html: str) -> str:
    """With every fold open: a style sheet cannot open one before Chromium 131."""
    return _FOLD.sub("<details open", html)


def _run(command: list[str]) -> str | None:
    """Waits for the browser to end, and ends it with all its processes when it takes too long. Returns what went
    wrong, or None."""
    nothing = subprocess.DEVNULL
    browser = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
    try:
        exit_code = browser.wait(SECONDS)
    except BaseException as wrong:
        _end(browser)
        if isinstance(wrong, subprocess.TimeoutExpired):
            return f"it took longer than {SECONDS} seconds"
        raise
    return f"it ended with code {exit_code}" if exit_code else None


def _end(browser: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(browser.pid, signal.SIGKILL)
    else:
        browser.kill()
    browser.wait()
