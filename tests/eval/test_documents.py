"""Documents of every kind that is read, and each refusal."""

from __future__ import annotations

import io
import stat
import time
import zipfile

import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from eval.reading.documents import read_documents
from eval.task import BadInput, Document


def archive(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return stream.getvalue()


def pdf(text: str, password: str = "") -> bytes:
    return pdf_of(f"BT /F 12 Tf 20 200 Td ({text}) Tj ET" if text else "", password)


def pdf_of(drawn: str, password: str = "") -> bytes:
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(500, 300)
    if drawn:
        entries = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
        font = DictionaryObject({NameObject(key): NameObject(value) for key, value in entries.items()})
        fonts = DictionaryObject({NameObject("/F"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(drawn.encode())
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


@pytest.mark.parametrize(
    "without", ['{"id": "b", "text": null}', '{"id": "b", "title": "B"}', '{"id": "b", "text": ""}']
)
def test_a_record_without_text_is_left_out_with_a_note(without: str) -> None:
    lines = ['{"id": "a", "text": "one"}', without, '{"id": "c", "text": "three"}']
    found = read_documents("docs.jsonl", "\n".join(lines).encode())
    assert [one.id for one in found.documents] == ["a", "c"]
    assert found.notes == ("There is 1 document without text, so we left out b.",)


def test_a_pdf_gives_its_text() -> None:
    assert read_documents("terms.pdf", pdf("Fourteen days")).documents == [Document("terms", "terms", "Fourteen days")]


def test_links_in_a_zip_are_no_documents() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a.txt", "Open from nine.")
        link = zipfile.ZipInfo("more/keys.txt")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    for content in (stream.getvalue(), archive({"in.zip": stream.getvalue()})):
        found = read_documents("all.zip", content)
        assert [document.text for document in found.documents] == ["Open from nine."]
        assert found.notes == ("There is 1 link, and links aren't followed: more/keys.txt.",)


def test_what_has_no_name_in_a_zip_is_no_document() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a.txt", "Open from nine.")
        file.writestr(zipfile.ZipInfo(""), "Until five.")
    found = read_documents("all.zip", stream.getvalue())
    assert [document.text for document in found.documents] == ["Open from nine."]


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


UNKNOWN_ENCODING = b'<?xml version="1.0" encoding="ATF-8"?><a/>'


def of_a_later_version(zipped: bytes) -> bytes:
    """It can be unpacked by a program that knows version 25.4 of the format."""
    at = zipped.index(b"PK\x01\x02") + 6
    return zipped[:at] + b"\xfe" + zipped[at + 1 :]


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
        ("a.docx", archive({"word/document.xml": UNKNOWN_ENCODING}), "cannot be read as an Office file"),
        ("a.md", of_a_later_version(archive({"a.txt": b"text"})), "a ZIP or Excel file under another name"),
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


WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT_WORD = "http://purl.oclc.org/ooxml/wordprocessingml/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
MARKUP = "http://schemas.openxmlformats.org/markup-compatibility/2006"


def docx(*blocks: str) -> bytes:
    return archive({"word/document.xml": docx_part("document", "body", *blocks)})


def docx_part(whole: str, inner: str, *blocks: str) -> bytes:
    return f'<w:{whole} xmlns:w="{WORD}"><w:{inner}>{"".join(blocks)}</w:{inner}></w:{whole}>'.encode()


def paragraph(text: str, style: str = "") -> str:
    styled = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{styled}<w:r><w:t>{text}</w:t></w:r></w:p>"


def row(*cells: str) -> str:
    return f"<w:tr>{''.join(f'<w:tc>{paragraph(cell)}</w:tc>' for cell in cells)}</w:tr>"


def slide(*texts: str) -> bytes:
    paragraphs = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in texts)
    return f'<p:sld xmlns:p="p" xmlns:a="{DRAWING}"><p:txBody>{paragraphs}</p:txBody></p:sld>'.encode()


def test_a_word_file_keeps_headings_and_rows_of_tables() -> None:
    table = f"<w:tbl>{row('Item', 'Price')}{row('Kettle', '3 coins')}</w:tbl>"
    content = docx(paragraph("Intro"), paragraph("Prices", "Heading2"), paragraph("As of May:"), table)
    [document] = read_documents("prices.docx", content).documents
    assert document == Document("prices", "Prices", "Intro\n## Prices\nAs of May:\nItem | Price\nKettle | 3 coins")


def test_what_a_word_file_holds_twice_is_read_once() -> None:
    box = f"<w:txbxContent>{paragraph('in a box')}</w:txbxContent>"
    either = f'<m:AlternateContent xmlns:m="{MARKUP}"><m:Choice>{box}</m:Choice><m:Fallback>{box}</m:Fallback>'
    blocks = (
        f"<w:p><w:r><w:t>Beside</w:t></w:r><w:r>{either}</m:AlternateContent></w:r></w:p>",
        "<w:p><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom></w:p>",
        "<w:p><w:moveTo><w:r><w:t>moved</w:t></w:r></w:moveTo></w:p>",
        f"<w:tbl><w:tr><w:tc>{paragraph('A')}</w:tc><w:tc><w:tbl>{row('B', 'C')}</w:tbl></w:tc></w:tr></w:tbl>",
        "<w:p><w:ruby><w:rt><w:t>とうきょう</w:t></w:rt><w:rubyBase><w:t>東京</w:t></w:rubyBase></w:ruby></w:p>",
    )
    [document] = read_documents("a.docx", docx(*blocks)).documents
    assert document.text == "Beside\nin a box\n\nmoved\nA | B C\n東京"


def test_a_word_file_keeps_its_formulas() -> None:
    math = '<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:r><m:t>a=b</m:t></m:r>'
    [document] = read_documents("a.docx", docx(f"<w:p><w:r><w:t>So </w:t></w:r>{math}</m:oMath></w:p>")).documents
    assert document.text == "So a=b"


def test_a_word_file_keeps_its_footnotes() -> None:
    body = docx_part("document", "body", paragraph("Two weeks."))
    notes = docx_part("footnotes", "footnote", paragraph(""), paragraph("Four for lamps."))
    [document] = read_documents("a.docx", archive({"word/document.xml": body, "word/footnotes.xml": notes})).documents
    assert document.text == "Two weeks.\nFour for lamps."


@pytest.mark.parametrize(
    ("path", "space"), [("word/document2.xml", WORD), ("word/document.xml", STRICT_WORD), ("word/doc.xml", STRICT_WORD)]
)
def test_a_word_file_is_read_whichever_program_wrote_it(path: str, space: str) -> None:
    part = docx_part("document", "body", paragraph("Two weeks.")).replace(WORD.encode(), space.encode())
    relation = f'<Relationship Type="http://x/officeDocument" Target="{path}"/>'
    content = archive({"_rels/.rels": f"<Relationships>{relation}</Relationships>".encode(), path: part})
    assert read_documents("a.docx", content).documents == [Document("a", "a", "Two weeks.")]


@pytest.mark.parametrize("name", ["a.docx", "a.pptx"])
def test_an_office_file_nested_too_deeply_is_refused_alone(name: str) -> None:
    deep = {"a.docx": docx("<w:sdt>" * 5_000, "</w:sdt>" * 5_000),
            "a.pptx": archive({"ppt/slides/slide1.xml": b"<a>" * 5_000 + b"</a>" * 5_000})}  # fmt: skip
    found = read_documents("all.zip", archive({name: deep[name], "b.txt": b"text"}))
    assert (found.documents, found.notes[1]) == (
        [Document("b", "b", "text")],
        f"{name} cannot be read as an Office file, perhaps because it is damaged: save it again.",
    )


def test_slides_are_read_in_their_order() -> None:
    content = archive(
        {"ppt/slides/slide10.xml": slide("Last"), "ppt/slides/slide2.xml": slide("Prices", "A kettle: 3")}
    )
    [document] = read_documents("talk.pptx", content).documents
    assert document == Document("talk", "Prices", "Prices\nA kettle: 3\n\nLast")


def test_a_web_page_is_read_as_it_is_shown() -> None:
    page = (
        "<html><head><title>Our prices</title><style>p {color: red}</style></head><body><script>var x = 1;</script>"
        "<h2>Kettles</h2><p>From &euro;&nbsp;3<br>each</p>"
        "<table><tr><th>Item</th><th>Price</th></tr><tr><td>Kettle</td><td>3</td></tr></table></body></html>"
    )
    [document] = read_documents("p.html", page.encode()).documents
    assert document == Document("p", "Our prices", "## Kettles\n\nFrom € 3\neach\n\nItem | Price\nKettle | 3")


@pytest.mark.parametrize(
    "page",
    [
        "<html><head><title>Prices</title><body><p>A kettle: 3</p></body></html>",
        "<title>Prices</title><svg><title>Menu</title></svg><p>A kettle: 3",
        "<title>Prices</title><p>A kettle<![if !x]>: <![what ever]>3<![endif]></p>",
    ],
    ids=["open head", "pictures with titles", "marked sections"],
)
def test_a_careless_web_page_is_read_as_it_is_shown(page: str) -> None:
    [document] = read_documents("p.html", page.encode()).documents
    assert document == Document("p", "Prices", "A kettle: 3")


def test_the_title_is_no_comment_and_front_matter_is_no_text() -> None:
    text = "---\n# generated\ntitle: 'Kettles'\n---\n```bash\n# install\n```\n# Heading\ntext"
    [document] = read_documents("a.mdx", text.encode()).documents
    assert document == Document("a", "Kettles", "```bash\n# install\n```\n# Heading\ntext")
    assert read_documents("a.md", b"```\n# no\n```\nTitle\n=====\ntext").documents[0].title == "Title"


def test_a_table_of_documents_and_a_table_as_a_document() -> None:
    assert read_documents("a.csv", b"ID,Title,Text\n7,Seven,a\n8,Eight,b\n").documents == [
        Document("7", "Seven", "a"),
        Document("8", "Eight", "b"),
    ]
    [document] = read_documents("prices.csv", b"item,price\nkettle,3\nlamp,4\n").documents
    assert document == Document("prices", "prices", "item: kettle\nprice: 3\n\nitem: lamp\nprice: 4")


def test_pieces_of_one_source_are_one_document() -> None:
    content = b"\n".join(
        b'{"page_content": "part %d", "metadata": {"source": "%s.md"}}' % (number, source)
        for number, source in enumerate([b"a", b"a", b"b"])
    )
    assert [(d.id, d.text) for d in read_documents("chunks.jsonl", content).documents] == [
        ("a.md", "part 0\n\npart 1"),
        ("b.md", "part 2"),
    ]


def test_documents_without_ids_are_numbered_and_it_is_said() -> None:
    found = read_documents("a.jsonl", b'{"text": "one"}\n\n{"text": "two"}\n')
    assert [document.id for document in found.documents] == ["1", "3"]
    assert found.notes == ("There are 2 documents without an id in a.jsonl, so each has the number of its line.",)


def test_documents_without_ids_of_several_files_are_told_apart() -> None:
    files = {"faq.csv": b"text\none\ntwo\n", "old/more.jsonl": b'{"text": "three"}', "note.txt": b"four"}
    found = read_documents("all.zip", archive(files)).documents
    assert [(one.id, one.text) for one in found] == [
        ("faq 2", "one"),
        ("faq 3", "two"),
        ("note", "four"),
        ("more 1", "three"),
    ]


def test_a_table_of_texts_alone_is_a_document_a_row() -> None:
    content = 'text\n"We open at nine, and\nclose at five."\n\nReturns take 14 days, or less.\n'
    found = read_documents("faq.csv", content.encode()).documents
    assert [(one.id, one.text) for one in found] == [
        ("2", "We open at nine, and\nclose at five."),
        ("5", "Returns take 14 days, or less."),
    ]
    assert len(read_documents("book.csv", b"text\n" + b"word " * 100_000).documents[0].text) == 499_999
    with pytest.raises(BadInput, match="only one column"):
        read_documents("faq.csv", b"price\n4\n5\n")


def test_archives_in_archives_and_names_in_an_old_encoding() -> None:
    inner = archive({"a.txt": b"inner"})
    assert [d.id for d in read_documents("all.zip", archive({"b.txt": b"outer", "in.zip": inner})).documents] == [
        "b",
        "a",
    ]
    meant = "料金のご案内.txt"
    placeholder = "x" * len(meant.encode("cp932"))
    garbled = archive({placeholder: b"text"}).replace(placeholder.encode(), meant.encode("cp932"))
    assert [document.id for document in read_documents("all.zip", garbled).documents] == ["料金のご案内"]


def test_a_document_holds_no_nul_character() -> None:
    content = b'{"id": "a\\u0000", "title": "b\\u0000", "text": "c\\u0000"}'
    assert read_documents("a.jsonl", content).documents == [Document("a", "b", "c")]
    assert read_documents("a.pdf", pdf("a\\000b")).documents == [Document("a", "a", "ab")]


def test_an_id_of_several_lines_is_named_on_one() -> None:
    with pytest.raises(
        BadInput, match=r"^a\.jsonl holds 2 documents with the id 'a b': give each document its own id\.$"
    ):
        read_documents("a.jsonl", b'{"id": "a\\n\\nb", "text": "c"}\n' * 2)


def test_names_in_an_archive_stay_on_one_line_and_use_the_separator_of_any_system() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in ("docs\\prices.md", "docs\\returns.md", "odd\x1b[2J\n.bin", "x" * 5_000 + ".bin"):
            part = zipfile.ZipInfo(name)
            part.create_system = 0
            file.writestr(part, b"text")
    found = read_documents("all.zip", stream.getvalue())
    assert [document.id for document in found.documents] == ["prices", "returns"]
    assert found.notes == (f"There are 2 files of a type that isn't read: odd [2J .bin, {'x' * 200}….",)


@pytest.mark.parametrize("line", ["# a" + " \t" * 50_000 + "x", "---\ntitle: x" + " " * 50_000 + "y\n---\nbody"])
def test_a_title_with_many_spaces_is_found_in_linear_time(line: str) -> None:
    begun = time.process_time()
    read_documents("a.md", line.encode())
    assert time.process_time() - begun < 2


def test_what_is_not_read_is_listed_with_its_reason() -> None:
    found = read_documents(
        "all.zip",
        archive(
            {
                "a.txt": b"text",
                "b.txt": b"",
                "photo.png": b"x",
                "scan.pdf": pdf(""),
                "also.pdf": pdf(""),
                "c.docx": b"no",
            }
        ),
    )
    assert [document.id for document in found.documents] == ["a"]
    assert found.notes == (
        "There is 1 file of a type that isn't read: photo.png.",
        "There is 1 document without text, so we left out b.",
        "3 of 6 files of all.zip can't be read.",
        "also.pdf holds no text, only pictures of pages: run text recognition (OCR) on it first. The same goes for "
        "scan.pdf.",
        "c.docx cannot be unpacked, because it is damaged or has a password: save it again without one.",
    )


def test_a_pdf_keeps_the_rows_of_a_table_with_their_caption() -> None:
    rows = [
        ("Item", "Price", "Weight"),
        ("Kettle", "3 coins", "1 kg"),
        ("Lamp", "4 coins", "2 kg"),
        ("Fan", "5 coins", "9 kg"),
    ]
    drawn = ["BT /F 12 Tf 20 260 Td (Table 1: prices) Tj ET"]
    for column in range(3):  # column by column, as some programs draw
        drawn += [
            f"BT /F 12 Tf {20 + 150 * column} {240 - 20 * line} Td ({row[column]}) Tj ET"
            for line, row in enumerate(rows)
        ]
    text = read_documents("a.pdf", pdf_of("\n".join(drawn))).documents[0].text
    assert "Table 1: prices\nItem | Price | Weight\nKettle | 3 coins | 1 kg\nLamp | 4 coins | 2 kg" in text


@pytest.mark.parametrize("declared", ["iso-8859-2", "windows-1250", "utf-8"])
def test_a_page_is_in_the_encoding_it_declares(declared: str) -> None:
    page = f'<html><head><meta charset="{declared}"></head><body><p>Příliš žluťoučký kůň</p></body></html>'
    assert read_documents("p.html", page.encode(declared)).documents[0].text == "Příliš žluťoučký kůň"


@pytest.mark.parametrize("name", ["docs", "docs.pdf", "docs.txt", "docs.ZIP"])
def test_an_archive_is_read_whatever_its_name(name: str) -> None:
    assert [one.id for one in read_documents(name, archive({"a.txt": b"A", "b.md": b"B"})).documents] == ["a", "b"]


def test_other_files_are_read_by_what_they_are() -> None:
    assert "hello" in read_documents("manual", pdf("hello")).documents[0].text
    assert "hello" in read_documents("manual.txt", pdf("hello")).documents[0].text
    assert read_documents("README", b"Read me.").documents == [Document("README", "README", "Read me.")]
    office = {"[Content_Types].xml": b"", "word/document.xml": b"damaged"}
    with pytest.raises(BadInput, match="cannot be read as an Office file"):
        read_documents("letter", archive(office))
    with pytest.raises(BadInput, match=r"^program holds no documents of a type that is read"):
        read_documents("program", b"\x7fELF\x00\x01\x02")
