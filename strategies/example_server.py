"""Send the prompt to a server with OpenAI's API: python example.py "a new input".

The address comes from the variable OPENAI_BASE_URL, and the key, if there is one, from OPENAI_API_KEY. It needs nothing
but Python.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

REQUEST = json.loads((Path(__file__).parent / "request.json").read_text("utf-8"))
ADDRESS = os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1").rstrip("/")


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key and the text go to the address above alone: a redirect is an error."""

    def redirect_request(self, *_: Any) -> None:
        return None


def answer(text: str) -> str:
    messages = [{**turn, "content": turn["content"].replace("{{input}}", text)} for turn in REQUEST["messages"]]
    body = json.dumps({**REQUEST, "messages": messages}).encode()
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("OPENAI_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    asked = urllib.request.Request(f"{ADDRESS}/chat/completions", body, headers)
    with urllib.request.build_opener(NoRedirects).open(asked, timeout=120) as given:
        return str(json.load(given)["choices"][0]["message"]["content"]).strip()


if __name__ == "__main__":
    for text in sys.argv[1:] or map(str.strip, sys.stdin):
        print(answer(text))
