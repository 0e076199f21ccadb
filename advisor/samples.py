"""Six small tasks, written for this project, to try before bringing your own data. Each suits another strategy."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from eval.reading.decoding import readable_name

EXAMPLES_FOLDER = Path(__file__).resolve().parent.parent / "examples"
SAMPLE_REPORT = EXAMPLES_FOLDER / "sample_report.zip"  # a run of the handbook questions, by `make sample-report`


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample as its card shows it. `expected` names the strategy that theory would choose, and `why` gives the reason
    in a sentence."""

    name: str
    title: str
    sentence: str
    expected: str
    why: str
    file: str
    documents: str | None = None


SAMPLES = (
    Sample(
        "support_tickets",
        "Support tickets",
        "Sort customer messages into the categories of a shop.",
        "finetuning",
        "Many labelled examples teach the model your own categories.",
        "support_tickets.csv",
    ),
    Sample(
        "handbook_questions",
        "Handbook questions",
        "Answer questions about a company from its handbook.",
        "retrieval",
        "The facts are in documents that the model has never seen.",
        "handbook_questions.csv",
        "handbook",
    ),
    Sample(
        "order_messages",
        "Order messages",
        "Turn messages to a bakery into orders as JSON.",
        "finetuning",
        "Examples teach the model one exact structure.",
        "order_messages.jsonl",
    ),
    Sample(
        "house_style_replies",
        "House style replies",
        "Answer customers in one tone, with all the parts a reply needs.",
        "finetuning",
        "A style is easier to learn from examples than to describe.",
        "house_style_replies.csv",
    ),
    Sample(
        "furniture_tickets",
        "Furniture tickets",
        "Give customer messages all the tags that apply.",
        "finetuning",
        "Examples show the model where one tag ends and another begins.",
        "furniture_tickets.csv",
    ),
    Sample(
        "guest_reviews",
        "Guest reviews",
        "Tell from a hotel review how many stars the guest gave.",
        "finetuning",
        "Examples show the model how strict the guests are.",
        "guest_reviews.csv",
    ),
)


def zipped(files: Iterable[tuple[str, bytes]], links: Iterable[str] = ()) -> bytes:
    """Several files as one archive, and the names of links, without what they lead to. The same files always give the
    same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files:
            out.writestr(zipfile.ZipInfo(readable_name(name)), content, zipfile.ZIP_DEFLATED)
        for name in links:
            link = zipfile.ZipInfo(readable_name(name))
            link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16  # as Unix writes them
            out.writestr(link, b"")
    return archive.getvalue()


def load_sample(name: str) -> tuple[str, bytes, str | None, bytes | None]:
    """The task file of a sample and its documents (a zip), as if a person had uploaded them."""
    sample = next(sample for sample in SAMPLES if sample.name == name)
    content = (EXAMPLES_FOLDER / sample.file).read_bytes()
    if sample.documents is None:
        return sample.file, content, None, None
    files = sorted((EXAMPLES_FOLDER / sample.documents).iterdir())
    return sample.file, content, f"{sample.documents}.zip", zipped((file.name, file.read_bytes()) for file in files)
