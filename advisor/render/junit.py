"""The bounds of a gate as JUnit XML, which the services that run pipelines can show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from advisor.sections.gate import CheckedBound

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 can't even escape these


def render_junit(name: str, bounds: Sequence[CheckedBound]) -> bytes:
    """One test per bound. `name` is that of the data."""
    broken = sum(not one.holds for one in bounds)
    totals = {"tests": str(len(bounds)), "failures": str(broken), "errors": "0", "skipped": "0"}
    totals["time"] = _seconds(sum(one.seconds for one in bounds))
    suites = ElementTree.Element("testsuites", totals)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": _text(f"Threeways: {name}"), **totals})
    for one in bounds:
        facts = {"classname": "threeways.gate", "name": _text(one.bound), "time": _seconds(one.seconds)}
        case = ElementTree.SubElement(suite, "testcase", facts)
        if one.holds:
            ElementTree.SubElement(case, "system-out").text = _text(one.sentence)
        else:
            failure = {"type": "broken bound", "message": _text(one.sentence)}
            ElementTree.SubElement(case, "failure", failure).text = _text(f"{one.bound}: {one.sentence}")
    ElementTree.indent(suites)
    written: bytes = ElementTree.tostring(suites, "utf-8", xml_declaration=True)
    return written + b"\n"


def _text(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)


def _seconds(value: float) -> str:
    return f"{value:.3f}"
