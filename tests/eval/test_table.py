"""Uploads as people make them: each good form is read exactly, each bad one refused in one sentence."""

from __future__ import annotations

import datetime
import io
import json
import re
import zipfile
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

import openpyxl
import pyarrow
import pyarrow.parquet
import pytest

from eval.reading.chat import turns_in
from eval.reading.table import Table, read_table
from eval.task import BadInput, Turn


def workbook(*sheets: Sequence[Sequence[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def parquet(columns: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), stream)
    return stream.getvalue()


def jsonl(*records: Any) -> bytes:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()


def archive(**parts: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return stream.getvalue()


BAD_UPLOADS: dict[str, tuple[str, bytes, list[str]]] = {
    "empty": ("a.csv", b" \n", ["is empty"]),
    "header only": ("a.csv", b"text,label\n", ["header (text, label)", "no rows"]),
    "one column": ("a.csv", b"text\nhello\nthere\n", ["only one column (text)"]),
    "binary named csv": (
        "a.csv",
        workbook([["text", "label"], ["a", "b"]]),
        ["a ZIP or Excel file under another name"],
    ),
    "truncated jsonl": ("a.jsonl", b'{"input": "a", "target": "b"}\n\n{"input": "c", "tar', ["line 3", "cut off"]),
    "ragged": ("a.csv", b'text,label\n"two\nlines",x\na,b,c\nd\n', ["2 columns", "2 rows do not", "line 4, with 3"]),
    "nul bytes": ("a.csv", b"text,label\na,b\nc\0,d\n", ["NUL byte in line 3"]),
    "damaged letters": ("a.csv", "text,label\näöü,b\nsch".encode() + b"\xf6n,c\n", ["line 3", "save it as UTF-8"]),
    "too large": ("a.csv", b"text,label\n" + b"a,b\n" * (210 * 2**20 // 4), ["210 MB", "200 MB"]),
    "unknown type": ("a.docx", b"text", [".csv", ".parquet"]),
    "two columns of one name": ("a.csv", b"text,label,text\na,b,c\n", ["two columns named 'text'"]),
    "open quote": ("a.csv", b'text,label\na,b\n"c,d\ne,f\n', ["quotation mark in line 3"]),
    "json that is no list": ("a.json", b'{"input": "a"}', ["not a JSON array of objects"]),
    "json line that is no object": ("a.jsonl", b'{"a": 1, "b": 2}\n[1, 2]', ["no JSON object in line 2"]),
    "half a character": ("a.jsonl", rb'{"a": "\ud83d", "b": "x"}', ["half a character", "line 1"]),
    "deeply nested": ("a.jsonl", b"[" * 100_000, ["line 1"]),
    "damaged workbook": ("a.xlsx", b"PK\x03\x04 and no more", ["cannot be unpacked"]),
    "archive that is no workbook": ("a.xlsx", archive(readme=b"text"), ["cannot be opened as an Excel workbook"]),
    "truncated parquet": ("a.parquet", parquet({"a": ["x"], "b": ["y"]})[:-10], ["cannot be read as Parquet"]),
    "chat without an answer": (
        "a.jsonl",
        jsonl({"messages": [{"role": "user", "content": "Hello"}]}),
        ["row 1", "does not end with an assistant's message"],
    ),
    "chat without roles": ("a.jsonl", jsonl({"messages": ["Hello", "Hi"]}), ["row 1", '"role"']),
}


@pytest.mark.parametrize("case", BAD_UPLOADS)
def test_a_bad_upload_is_refused_in_one_sentence(case: str) -> None:
    name, content, fragments = BAD_UPLOADS[case]
    with pytest.raises(BadInput) as refusal:
        read_table(name, content)
    message = str(refusal.value)
    assert message.startswith(name)
    assert message.endswith(".")
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


def test_labels_that_look_like_missing_values_survive() -> None:
    table = read_table("a.csv", b"text,label\nNamibia,NA\nnothing,null\nnumber,007\n")
    assert table.column("label") == ("NA", "null", "007")


def test_quoted_lines_commas_and_a_byte_order_mark() -> None:
    table = read_table("a.csv", '\ufefftext,label\r\n"one\ntwo, ""three""",x\r\n'.encode())
    assert table == Table(("text", "label"), (('one\ntwo, "three"', "x"),), (2,))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found_among_others_in_the_text(separator: str) -> None:
    content = separator.join(["text", "label"]) + "\n" + separator.join(['"Hello; you, there\tnow"', "greeting"]) + "\n"
    assert read_table("a.csv", content.encode()).rows == (("Hello; you, there\tnow", "greeting"),)


def test_tsv_and_utf_16_are_read() -> None:
    assert read_table("a.tsv", b"text\tlabel\na;b;c,d\tx\n").rows == (("a;b;c,d", "x"),)
    assert read_table("a.csv", "text,label\nschön,x\n".encode("utf-16")).rows == (("schön", "x"),)


def test_empty_rows_and_trailing_columns_go_and_the_row_numbers_stay() -> None:
    table = read_table("a.csv", b"text,label,,\n\na,b,,\n , ,,\nc,d\n,,,\n")
    assert table == Table(("text", "label"), (("a", "b"), ("c", "d")), (3, 5))


def test_rows_without_numbers_of_their_own_follow_the_header() -> None:
    assert list(Table(("a", "b"), (("1", "2"), ("3", "4"))).numbers()) == [2, 3]


def test_jsonl_keeps_long_integers_and_nested_values() -> None:
    content = b'{"q": "a", "n": 1234567890123456789, "o": {"k": ["\xc3\xa9", 1]}}\n\n{"q": "b", "o": null, "x": true}\n'
    table = read_table("a.jsonl", content)
    assert table.columns == ("q", "n", "o", "x")
    assert table.rows == (("a", "1234567890123456789", '{"k": ["é", 1]}', ""), ("b", "", "", "true"))
    assert table.row_numbers == (1, 3)


def test_json_array_and_line_separator_inside_a_string() -> None:
    assert read_table("a.json", b'[{"prompt": "a", "completion": 1.5}]').rows == (("a", "1.5"),)
    assert read_table("a.ndjson", '{"a": "one\u2028two", "b": "x"}'.encode()).rows == (("one\u2028two", "x"),)


def test_a_chat_with_a_common_system_message() -> None:
    system = {"role": "system", "content": "Be brief."}
    table = read_table(
        "a.jsonl",
        jsonl(
            {
                "messages": [system, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}],
                "split": "test",
            },
            {
                "messages": [
                    system,
                    {"role": "user", "content": [{"type": "text", "text": "One"}]},
                    {"role": "assistant", "content": "Two"},
                    {"role": "user", "content": "Three"},
                    {"role": "assistant", "content": "Four"},
                ],
                "split": "train",
            },
        ),
    )
    assert table.instruction == "Be brief."
    assert table.without("earlier turns").columns == ("input", "target", "split")
    assert table.without("earlier turns").rows == (
        ("Hi", "Hello.", "test"),
        ("user: One\nassistant: Two\nuser: Three", "Four", "train"),
    )
    earlier = (Turn("user", "One"), Turn("assistant", "Two"))
    assert list(map(turns_in, table.column("earlier turns"))) == [(), earlier]


def test_a_chat_with_differing_system_messages_keeps_each_in_its_input() -> None:
    chats = [
        {"messages": [{"role": role, "content": text} for role, text in turns]}
        for turns in (
            [("system", "French."), ("user", "Hi"), ("assistant", "Salut")],
            [("user", "Hi"), ("assistant", "Hello")],
        )
    ]
    table = read_table("a.json", json.dumps(chats).encode())
    assert table.instruction == ""
    assert table.column("input") == ("system: French.\nuser: Hi", "Hi")


def test_a_workbook_reads_as_excel_shows_it() -> None:
    rows: list[list[object]] = [
        ["text", "number", "day", "moment"],
        ["a", 3, datetime.date(2024, 5, 1), datetime.datetime(2024, 5, 1, 8, 30)],
        ["b", 0.1 + 0.2, None, None],
    ]
    table = read_table("a.XLSX", workbook([], rows))
    assert table.rows == (("a", "3", "2024-05-01", "2024-05-01T08:30:00"), ("b", "0.3", "", ""))
    assert table.row_numbers == (2, 3)


def test_a_column_whose_name_is_as_long_as_a_page_gets_a_short_one() -> None:
    long = "Which of these did you see? " * 100
    assert read_table("a.csv", f"{long},label\na,b\n".encode()).columns == (f"{long[:300]}…", "label")
    told_apart = read_table("a.csv", f"{long}one,{long}two\na,b\n".encode()).columns
    assert told_apart == (f"{long}one", f"{long}two")


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"])
def test_a_workbook_with_an_unknown_encoding_is_read_or_refused_in_a_sentence(part: str) -> None:
    with zipfile.ZipFile(io.BytesIO(workbook([["text", "label"], ["a", "b"]]))) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    parts[part] = parts[part].partition(b"?>")[2] or parts[part]
    parts[part] = b'<?xml version="1.0" encoding="ATF-8"?>' + parts[part]
    try:
        assert read_table("a.xlsx", archive(**parts)).columns == ("text", "label")
    except BadInput as refused:
        assert "save it again" in str(refused)


def test_a_workbook_with_a_cell_in_the_far_corner_is_refused_before_it_takes_the_memory() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook([["text", "label"], ["a", "b"]])))
    book.active["XFD1048576"] = "far"
    stream = io.BytesIO()
    book.save(stream)
    with pytest.raises(BadInput, match="reaches to row 1,048,576 and column 16,384"):
        read_table("a.xlsx", stream.getvalue())


def test_a_workbook_that_unpacks_to_gigabytes_is_refused() -> None:
    with pytest.raises(BadInput, match="unpacks to more than 200 MB"):
        read_table("a.xlsx", archive(one=bytes(101 * 2**20), two=bytes(101 * 2**20)))


def test_parquet_with_numbers_missing_values_and_chats() -> None:
    table = read_table(
        "a.parquet", parquet({"text": ["a", None, "c"], "label": [1.0, 2.0, float("nan")], "id": [2**60] * 3})
    )
    assert table.rows == (("a", "1", str(2**60)), ("", "2", str(2**60)), ("c", "", str(2**60)))
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert read_table("a.parquet", parquet({"messages": [chat]})).rows == (("Hi", "Hello"),)


def test_parquet_numbers_are_read_as_every_program_shows_them() -> None:
    exact = [*map(Decimal, ("0", "1E-7", "10.5")), None]
    numbers = {"single": pyarrow.array([0.1, 4.3, 2, None], pyarrow.float32()),
               "half": pyarrow.array([0.1, 4.3, 2, None], pyarrow.float16()),
               "exact": pyarrow.array(exact, pyarrow.decimal128(20, 8))}  # fmt: skip
    assert read_table("a.parquet", parquet(numbers)).rows == (
        ("0.1", "0.1", "0.00000000"), ("4.3", "4.3", "0.00000010"), ("2", "2", "10.50000000"),
    )  # fmt: skip


def test_parquet_with_two_columns_of_one_name_is_refused_as_csv_is() -> None:
    stream = io.BytesIO()
    columns = pyarrow.Table.from_arrays([pyarrow.array(["a", "b"])] * 3, names=["text", "label", "label"])
    pyarrow.parquet.write_table(columns, stream)
    with pytest.raises(BadInput, match="two columns named 'label'"):
        read_table("a.parquet", stream.getvalue())


@pytest.mark.parametrize(("kind", "far"), [(pyarrow.timestamp("us"), 2**62), (pyarrow.timestamp("s", "UTC"), 2**40)])
def test_a_date_out_of_range_is_refused_with_its_row(kind: Any, far: int) -> None:
    until = pyarrow.array([*[0] * 1_500, far], pyarrow.int64()).cast(kind)
    with pytest.raises(BadInput, match="date or time in row 1501 of column 'until' that is out of range"):
        read_table("a.parquet", parquet({"text": ["a"] * 1_501, "until": until}))


def test_a_small_parquet_file_that_holds_gigabytes_is_refused() -> None:
    rows = 20_000
    text = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows, pyarrow.int32()), ["x" * 100_000])
    content = parquet({"text": text, "label": ["a"] * rows})
    assert len(content) < 200_000
    with pytest.raises(BadInput, match="unpacks to more than 200 MB"):
        read_table("a.parquet", content)


def test_another_sheet_can_be_chosen() -> None:
    book = workbook([["text", "label"], ["a", "b"], ["c", "d"]], [["word", "class"], ["e", "f"]])
    first, second = read_table("a.xlsx", book), read_table("a.xlsx", book, "Sheet1")
    assert first.sheets == second.sheets == (("Sheet", 2), ("Sheet1", 1))
    assert (first.columns, second.columns) == (("text", "label"), ("word", "class"))
    assert first.notes == ("We read only the sheet 'Sheet' (2 rows) of a.xlsx, not 'Sheet1' (1).",)
    with pytest.raises(BadInput, match="no sheet 'Feb' with data in it: choose among Sheet, Sheet1"):
        read_table("a.xlsx", book, "Feb")


def test_percentages_and_leading_zeros_are_read_as_shown() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["share", "code"])
    sheet.append([0.125, 7])
    sheet["A2"].number_format, sheet["B2"].number_format = "0.0%", "00000"
    stream = io.BytesIO()
    book.save(stream)
    assert read_table("a.xlsx", stream.getvalue()).rows == (("12.5%", "00007"),)


def open_document(*rows: str) -> bytes:
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"' for short in ("office", "table", "text")
    )
    sheet = f'<table:table table:name="One">{"".join(rows)}</table:table>'
    inner = f"<office:body><office:spreadsheet>{sheet}</office:spreadsheet></office:body>"
    manifest = '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"></m:manifest>'
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:  # its type first, not packed, by which programs know it
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        file.writestr("META-INF/manifest.xml", manifest)
        file.writestr("content.xml", f"<office:document-content {spaces}>{inner}</office:document-content>")
    return stream.getvalue()


def open_row(*cells: tuple[str, str, str], more: str = "", first: str = "") -> str:
    """A row of cells, each of a type, a value and a text; `more` and `first` are attributes of it and of a cell."""
    written = []
    for at, (kind, value, shown) in enumerate(cells):
        given = f'office:value-type="{kind}"' + (f' office:value="{value}"' if value else "")
        written.append(f"<table:table-cell {'' if at else first} {given}><text:p>{shown}</text:p></table:table-cell>")
    return f"<table:table-row {more}>{''.join(written)}</table:table-row>"


def test_an_open_document_is_read_as_it_is_shown() -> None:
    values = ("percentage", "0.125", "12.5%"), ("float", "7", "00007")
    content = open_document(
        open_row(*(("string", "", name) for name in ("text", "share", "code"))),
        open_row(("string", "", "a"), *values),
        open_row(("string", "", "b"), *values, more='table:number-rows-repeated="2" table:visibility="filter"'),
        open_row(("string", "", "c"), ("float", "0.125", "0.125"), ("float", "7", "7")),
        open_row(("string", "", "d"), *values, first='table:number-rows-spanned="2"'),
        open_row(*values).replace("<table:table-cell", "<table:covered-table-cell/><table:table-cell", 1),
    )
    table, shown = read_table("a.ods", content), ("12.5%", "00007")
    assert table.column("text") == ("a", "b", "b", "c", "d", "d")
    assert [row[1:] for row in table.rows] == [shown, shown, shown, ("0.125", "7"), shown, shown]
    assert table.notes == (
        "We also read 2 hidden rows of the sheet 'One' of a.ods: delete them if you don't want that.",
    )


_STRICT = {b"http://schemas.openxmlformats.org/spreadsheetml/2006/main": b"http://purl.oclc.org/ooxml/spreadsheetml/main",
           b"http://schemas.openxmlformats.org/officeDocument/2006/relationships":
               b"http://purl.oclc.org/ooxml/officeDocument/relationships"}  # fmt: skip


@pytest.mark.parametrize(
    "rewritten",
    [
        lambda part: re.sub(rb'<c r="(\w+)" s="(\d+)"', rb"<c s='\2' r='\1'", part),
        lambda part: re.sub(rb'<(c|row) r="\w+"', rb"<\1", part),
        lambda part: re.sub(rb"<(/?)(?=[a-zA-Z])", rb"<\1x:", part).replace(b"xmlns=", b"xmlns:x="),
        lambda part: reduce(lambda done, names: done.replace(*names), _STRICT.items(), part),
    ],
    ids=["attributes in another order", "without places", "with a prefix", "strict"],
)
def test_formats_and_hidden_rows_are_found_however_the_xml_is_written(rewritten: Callable[[bytes], bytes]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook([["text", "code", "sum"], ["a", 7, "=B2"], *[["b", 8, 1]] * 9])))
    book.active["B2"].number_format, book.active["B3"].number_format = "00000", '"ID "000-00'
    book.active.row_dimensions[3].hidden = True
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    for name in ("xl/workbook.xml", "xl/styles.xml", "xl/worksheets/sheet1.xml"):
        parts[name] = rewritten(parts[name])
    table = read_table("a.xlsx", archive(**parts))
    assert table.column("code")[:3] == ("00007", "ID 000-08", "8")
    assert [said.split(" of ")[0] for said in table.notes] == [
        "We also read 1 hidden row", "a.xlsx has 1 formula without a value (the first in cell C2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "text", "name"),
    [
        ("cp1252", "où est ma caméra ? à côté, même très tôt", "Windows-1252"),
        ("cp1252", "não recebi a câmera, coração", "Windows-1252"),
        ("cp1250", "zażółć gęślą jaźń, łódź świeża", "Windows-1250"),
        ("cp1250", "Můj fotoaparát šel na starou adresu, žádná faktura", "Windows-1250"),
        ("cp1251", "Моя камера ушла на старый адрес", "Windows-1251"),
        ("cp850", "livraison différée à Orléans, schön größer", "DOS (CP850)"),
        ("cp932", "注文が届きませんので教えてください", "Shift JIS"),
        ("euc_jp", "注文が届きませんので教えてください", "EUC-JP"),
        ("gb18030", "我的相机寄到了旧地址，灯被收了两次钱", "GB 18030"),
        ("cp949", "카메라가 옛 주소로 갔습니다", "Korean (CP949)"),
        ("utf_16_le", "plain words and an é", "UTF-16"),
    ],
)
def test_an_encoding_is_detected_and_said(encoding: str, text: str, name: str) -> None:
    table = read_table("a.csv", f"text;label\n{text};x\n{text};y\n".encode(encoding))
    assert table.column("text") == (text, text)
    assert table.encoding == name
    assert f"we read it as {name}, for example" in table.notes[0]


def test_letters_that_were_decoded_wrongly_before_are_noticed() -> None:
    [note] = read_table("a.csv", "text,label\ndiffÃ©rÃ©e,x\nitâ€™s,y\n".encode()).notes
    assert note.startswith("2 values hold letters that a program decoded wrongly, such as 'diffÃ©rÃ©e'")


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ('{"columns": ["text", "label"], "index": [0], "data": [["a", "b"]]}', ("text", "label")),
        ('{"text": {"0": "a"}, "label": {"0": "b"}}', ("text", "label")),
        ('{"text": ["a", "c"], "label": ["b", "d"]}', ("text", "label")),
        ('{"x": {"text": "a", "label": "b"}, "y": {"text": "c", "label": "d"}}', ("id", "text", "label")),
        ('{"rows": [{"row_idx": 0, "row": {"text": "a", "label": "b"}}]}', ("text", "label", "row_idx")),
        ('[{"vars": {"text": "a"}, "assert": [{"type": "equals", "value": "b"}]}]', ("text", "expected")),
        ('[{"inputs": {"question": "a"}, "outputs": {"answer": "b"}}]', ("inputs", "outputs")),
    ],
)  # fmt: skip
def test_json_of_other_shapes(content: str, columns: tuple[str, ...]) -> None:
    table = read_table("a.json", content.encode())
    assert table.columns == columns
    assert {"a", "b"} <= set(table.rows[0])


def test_the_nul_character_is_left_out_since_no_csv_file_can_hold_it() -> None:
    rows = {"text": "a\0", "label": "b"}, {"text": "c", "label": "\0d\0"}
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    for name, content in (("a.jsonl", jsonl(*rows)), ("a.parquet", parquet(columns))):
        table = read_table(name, content)
        assert table.rows == (("a", "b"), ("c", "d"))
        assert table.notes == (
            "2 values hold the NUL character, which CSV files and databases can't hold, so we left it out.",
        )


def test_columns_of_numbered_values_meet_by_their_number() -> None:
    columns = {"text": {"0": "a", "1": "b", "2": "c"}, "label": {"0": "A", "2": "C", "1": "B"}}
    assert read_table("a.json", json.dumps(columns).encode()).rows == (("a", "A"), ("b", "B"), ("c", "C"))
    del columns["label"]["1"]
    columns["label"]["3"] = "D"
    with pytest.raises(BadInput, match="is not a JSON array of objects"):
        read_table("a.json", json.dumps(columns).encode())


@pytest.mark.parametrize(
    ("columns", "row", "said"),
    [
        (["text", "label", "label"], ["a", "b", "c"], "has two columns named 'label'"),
        (["text", "label"], ["a", "b", "c"], "has 2 columns, but row 1 of its data has 3 values"),
        (["text", "label", "id"], ["a", "b"], "has 3 columns, but row 1 of its data has 2 values"),
    ],
)
def test_rows_beside_their_columns_lose_no_value(columns: list[str], row: list[str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_table("a.json", json.dumps({"columns": columns, "data": [row] * 9}).encode())


_TASK = {"data": {"text": "a"}, "annotations": [{"result": [{"type": "choices", "value": {"choices": ["b"]}}]}]}


@pytest.mark.parametrize(
    ("good", "odd", "said"),
    [
        (_TASK, {**_TASK, "annotations": ["b"]}, "annotations in row 2"),
        (_TASK, {**_TASK, "annotations": [{"result": 5}]}, "annotations in row 2"),
        (_TASK, {**_TASK, "annotations": [{"result": [{"value": "b"}]}]}, "annotations in row 2"),
        ({"paragraphs": []}, {"paragraphs": ["a"]}, "paragraphs in row 2"),
        ({"paragraphs": []}, {"paragraphs": [{"qas": 5}]}, "paragraphs in row 2"),
        ({"assert": []}, {"assert": 5}, "checks in row 2"),
    ],
)
def test_a_row_that_is_not_as_its_tool_writes_it_is_named(good: object, odd: object, said: str) -> None:
    with pytest.raises(BadInput, match=f"a.json has {said} that we can't read"):
        read_table("a.json", json.dumps([good, odd, good]).encode())


def test_objects_without_their_text_and_requests_without_messages_are_no_fault() -> None:
    rows = [{"prompt": {"text": "a"}, "label": "b"}, {"prompt": {}, "label": "c"}]
    assert read_table("a.json", json.dumps(rows).encode()).rows == (("a", "b"), ("", "c"))
    answered = {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}
    row = {"request": {"messages": 5}, "response": answered}
    assert read_table("a.json", json.dumps([row] * 3).encode()).columns == ("request", "response")


@pytest.mark.parametrize("line", [b'{"text": "a", "label": "b", "label": "c"}', b'{"a": [{"label": 1, "label": 1}]}'])
def test_an_object_with_two_values_of_one_name_is_refused_as_csv_is(line: bytes) -> None:
    said = "has two values for 'label' in one object, in JSON that begins in line 2"
    with pytest.raises(BadInput, match=said):
        read_table("a.jsonl", b'{"text": "a", "label": "b"}\n' + line)
    with pytest.raises(BadInput, match=said.replace("2", "1")):
        read_table("a.json", b"[" + line + b"]")


def test_a_number_of_thousands_of_digits_is_refused_as_such() -> None:
    with pytest.raises(BadInput, match="has a number of thousands of digits in JSON that begins in line 2"):
        read_table("a.jsonl", b'{"text": "a", "label": 1}\n{"text": "b", "label": %s}\n' % (b"9" * 5_000))


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"text|label\na,b|c\n", (("a,b", "c"),)),
        (b"# of, many; words\ntext;label\na, b;c\nd, e;f\n", (("a, b", "c"), ("d, e", "f"))),
        (b'sep=;\ntext;label\n"a;b";c\n', (("a;b", "c"),)),
        (b"text,label\na,b\nc,d\n(2 rows)\n", (("a", "b"), ("c", "d"))),
        (b'text,label\n"a ""b""",c\n', (('a "b"', "c"),)),
        (b'text,label\n"a \\"b\\"",c\n', (('a "b"', "c"),)),
        (b'text, label\n"a, b", "c"\n', (("a, b", "c"),)),
        (b'text,label\r"a\nb",c\rd,e\r', (("a\nb", "c"), ("d", "e"))),
        (b'text,label\n"a\rb",c\nd,e\rf,g\n', (("a\rb", "c"), ("d", "e"), ("f", "g"))),
        (b"text,label\r\r\na,b\r\r\nc,d\r\r\n", (("a", "b"), ("c", "d"))),
        (b"\xef\xbb\xbf\xef\xbb\xbftext,label\na,b\n", (("a", "b"),)),
        (b"\xef\xbb\xbftext,label\r\na,b\r\n\xef\xbb\xbftext,label\r\nc,d\r\n", (("a", "b"), ("c", "d"))),
    ],
)
def test_csv_in_many_hands(content: bytes, rows: tuple[tuple[str, ...], ...]) -> None:
    table = read_table("a.csv", content)
    assert (table.columns, table.rows) == (("text", "label"), rows)


def test_joined_files_of_json_lines_are_read() -> None:
    content = b'\xef\xbb\xbf{"text": "a", "label": "b"}\n'
    assert read_table("a.jsonl", content * 2).rows == (("a", "b"),) * 2


def test_a_line_that_a_carriage_return_breaks_is_named() -> None:
    with pytest.raises(BadInput, match=r"1 row does not have 2 values \(the first is in line 3, with 1\)"):
        read_table("a.csv", b"text,label\na,b\nc\rd,e\n" + b"f,g\n" * 9)


def test_an_open_quotation_mark_in_a_tsv_swallows_no_rows() -> None:
    content = b'text\tlabel\n"a\tx\nb\tx\nc\ty\nd\ty\ne"\tz\n'
    assert read_table("a.tsv", content).column("text") == ('"a', "b", "c", "d", 'e"')


def test_running_numbers_without_a_name_are_no_column() -> None:
    assert read_table("a.csv", b",text,label\n0,a,b\n1,c,d\n").columns == ("text", "label")
    table = read_table("a.csv", b",text,label\nx,a,b\ny,c,d\n")
    assert table.columns == ("column 1", "text", "label")
    assert table.notes == ("Column 1 of a.csv has no name, so we call it 'column 1'.",)


def test_the_older_chat_formats() -> None:
    preferred = {"input": {"messages": [{"role": "user", "content": "Hi"}]},
                 "preferred_output": [{"role": "assistant", "content": "Hello"}],
                 "non_preferred_output": [{"role": "assistant", "content": "What?"}]}  # fmt: skip
    hh = {"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Hi\n\nAssistant: What?"}
    for record in (preferred, hh):
        table = read_table("a.jsonl", jsonl(record, record))
        assert (table.columns, table.rows[0]) == (("input", "target", "rejected"), ("Hi", "Hello", "What?"))


def test_hidden_sheets_are_named_and_hidden_rows_are_said() -> None:
    book = openpyxl.Workbook()
    book.active.title = "Lists"
    for row in [("name", "desk"), *((f"n{at}", "a") for at in range(9))]:
        book.active.append(row)
    book.active.sheet_state = "hidden"
    sheet = book.create_sheet("Tickets")
    for row in [("text", "label"), ("a", "b"), ("c", "d"), ("e", "f")]:
        sheet.append(row)
    sheet.row_dimensions[3].hidden = True
    book.active = 1
    stream = io.BytesIO()
    book.save(stream)
    table = read_table("a.xlsx", stream.getvalue())
    assert len(table.rows) == 3 and table.notes == (
        "We read only the sheet 'Tickets' (3 rows) of a.xlsx, not 'Lists' (9, hidden).",
        "We also read 1 hidden row of the sheet 'Tickets' of a.xlsx: delete it if you don't want that.",
    )


@pytest.mark.parametrize("merged", ["A1:A4", "E1:E4", "B7:B8"])
def test_merged_cells_that_hold_nothing_change_no_other_cell(merged: str) -> None:
    book = openpyxl.Workbook()
    for row in [(), ("", "text", "label"), ("", "a", "b"), ("", "c", "d")]:
        book.active.append([value or None for value in row])
    book.active.merge_cells(merged)
    stream = io.BytesIO()
    book.save(stream)
    table = read_table("a.xlsx", stream.getvalue())
    assert (table.columns, table.rows) == (("text", "label"), (("a", "b"), ("c", "d")))


def test_sheets_with_the_same_columns_can_be_read_together() -> None:
    book = workbook([["text", "label"], ["a", "b"], ["c", "d"]], [["text", "label"], ["e", "f"]])
    first = read_table("a.xlsx", book)
    together = first.sheets[-1]
    assert together == ("Sheet to Sheet1 (2 sheets)", 3) and "choose 'Sheet to Sheet1 (2 sheets)'." in first.notes[0]
    both = read_table("a.xlsx", book, together[0])
    assert both.columns == ("text", "label") and both.rows == (("a", "b"), ("c", "d"), ("e", "f"))
    assert len(set(both.numbers())) == 3


@pytest.mark.parametrize("rule", ["|---|---|", "| :--- | ---: |"])
def test_the_rule_of_a_markdown_table_is_no_row(rule: str) -> None:
    table = read_table(
        "tickets.txt", f"| text | label |\n{rule}\n| It broke | repair |\n| It is late | delivery |".encode()
    )
    assert [tuple(map(str.strip, row)) for row in table.rows] == [("It broke", "repair"), ("It is late", "delivery")]


@pytest.mark.parametrize("separator", "^~")
def test_rare_separators_are_found_beside_commas_in_the_text(separator: str) -> None:
    rows = [f"My lamp broke, case {number}{separator}repair" for number in range(3)]
    table = read_table("tickets.csv", "\n".join([f"text{separator}label", *rows]).encode())
    assert (table.columns, table.rows[0]) == (("text", "label"), ("My lamp broke, case 0", "repair"))


def test_a_line_break_in_a_column_name_is_a_space() -> None:
    table = read_table("task.csv", b'"Customer\nquestion"," ideal  answer "\nHello,a\nBye,b\n')
    assert table.columns == ("Customer question", "ideal answer") and table.rows[0] == ("Hello", "a")
