"""Documents of every kind that is read, and each refusal."""

from __future__ import annotations

import io
import zipfile

import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from eval.documents import read_documents
from eval.task import BadInput, Document


def archive(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return stream.getvalue()


def pdf(text: str, password: str = "") -> bytes:
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(300, 300)
    if text:
        entries = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
        font = DictionaryObject({NameObject(key): NameObject(value) for key, value in entries.items()})
        fonts = DictionaryObject({NameObject("/F"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F 12 Tf 20 200 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_text_and_markdown_are_named_and_titled() -> None:
    assert read_documents("opening_hours.txt", b"Nine to five.\n").documents == [
        Document("opening_hours", "opening hours", "Nine to five.")
    ]
    [document] = read_documents("refunds.MD", b"Intro\r\n# Refunds in C#\r\nWithin 14 days.").documents
    assert (document.id, document.title) == ("refunds", "Refunds in C#")


def test_jsonl_keeps_its_ids_and_ignores_other_keys() -> None:
    content = (
        b'{"doc_id": 7, "title": "Seven", "text": "a", "x": 1}\n{"id": "e", "text": " "}\n{"id": "b", "text": "c"}\n'
    )
    assert read_documents("a.jsonl", content).documents == [Document("7", "Seven", "a"), Document("b", "b", "c")]


def test_a_pdf_gives_its_text() -> None:
    assert read_documents("terms.pdf", pdf("Fourteen days")).documents == [Document("terms", "terms", "Fourteen days")]


def test_a_zip_with_folders_and_litter() -> None:
    content = archive(
        {
            "b/faq.txt": b"second",
            "a/faq.txt": b"first",
            "notes.md": b"third",
            "photo.jpg": b"\xff",
            "__MACOSX/notes.md": b"\0",
            ".hidden.txt": b"no",
        }
    )
    assert [(d.id, d.text) for d in read_documents("all.zip", content).documents] == [
        ("a/faq.txt", "first"),
        ("b/faq.txt", "second"),
        ("notes", "third"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "fragment"),
    [
        ("a.txt", b"", "is empty"),
        ("a.doc", b"text", "no documents of a type that is read"),
        ("a.zip", archive({"photo.jpg": b"x"}), "no documents of a type that is read"),
        ("a.zip", b"PK\x03\x04 and no more", "cannot be unpacked"),
        ("a.zip", archive({"a.txt": bytes(101 * 2**20), "b.txt": bytes(101 * 2**20)}), "unpacks to more than 200 MB"),
        ("a.zip", archive({"a.txt": b" ", "b.md": b""}), "no document with text"),
        ("a.zip", archive({"x.txt": b"a", "y.jsonl": b'{"id": "x", "text": "b"}'}), "2 documents with the id 'x'"),
        ("a.docx", b"text", "cannot be unpacked"),
        ("a.docx", archive({"readme.txt": b"text"}), "cannot be read as an Office file"),
        ("a.pptx", archive({"readme.txt": b"text"}), "cannot be read as an Office file"),
        ("a.txt", b"x" * 5_000_001, "5,000,001 characters"),
        ("a.jsonl", b'\n{"id": "a", "text": "b"}\n{"title": "c", "words": "d"}', "no text in line 3"),
        ("a.jsonl", b'{"id": "a", "te', "line 1"),
        ("a.pdf", pdf(""), "only pictures of pages"),
        ("a.pdf", pdf("secret", password="x"), "has a password"),
        ("a.pdf", b"%PDF-1.7 and no more", "cannot be read as a PDF"),
    ],
)  # fmt: skip
def test_bad_documents_are_refused_in_one_sentence(name: str, content: bytes, fragment: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read_documents(name, content)
    assert fragment in str(refusal.value)
    assert str(refusal.value).endswith(".")
