"""Personal data and keys: what is found, what is left alone, and what a mask leaves."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from eval.checks import masked, mend_task
from eval.task import Document, Kind
from tests.checked_tasks import clean, findings, task_of

GITHUB = "ghp_" + "a1B2c3D4e5F6" * 3
MASKED = {
    "write to jo.doe@example.com now": "write to [e-mail] now",
    "my card 4111 1111 1111 1111, please": "my card [card number], please",
    "call me at (212) 555-0123": "call me at [phone number]",
    "Mobile: 07700 900123": "Mobile: [phone number]",
    "Bitte unter 0176 12345678 anrufen": "Bitte unter [phone number] anrufen",
    "ring +44 20 7946 0958": "ring [phone number]",
    "电话:13812345678": "电话:[phone number]",
    "pay to DE89 3704 0044 0532 0130 00": "pay to [IBAN]",
    "de89 3704 0044 0532 0130 00 with best wishes": "[IBAN] with best wishes",
    "GB29-NWBK-6016-1331-9268-19 is mine": "[IBAN] is mine",
    "iban:fr1420041010050500013m02606.": "iban:[IBAN].",
    "my SSN is 123-45-6789.": "my SSN is [social security number].",
    "Social Security number: 123 45 6789": "Social Security number: [social security number]",
    "123-45-6789 (social security)": "[social security number] (social security)",
    f"the token is {GITHUB}.": "the token is [key].",
    "AKIAIOSFODNN7EXAMPLE": "[key]",
    "postgres://admin:s3cretPw@db.example.com/x": "postgres://admin:[key]@db.example.com/x",
    "a -----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY----- b": "a [key] b",
    "my password is hunter22": "my password is [password]",
}
LEFT_ALONE = (
    "call me @ noon",
    "4111 1111 1111 1112",
    "order 0301234567",
    "call about order 12345678",
    "from 1999-2004 to 2010-2012, 3/4/5/6/7/8/9",
    "isbn 9783161484100, tracking 1Z999AA10123456784",
    "2024-05-01 12:30:45",
    "password: required",
    "part 123-45-6789 of order 7",
    "SSN 000-12-3456, SSN 123-00-4567, SSN 912-34-5678",
    "the social security office has the number 555-12",
    "SSN, see page 12, part 123-45-6789",
    "de89 3704 0044 0532 0130 01",
    "it12 this will take four days more than once",
    "forgot my password again",
    "DE89 3704 0044 0532 0130 01",
    "commit 9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c, id 550e8400-e29b-41d4-a716-446655440000",
    "https://example.com:8080/a/very/long/path?query=none",
)


@pytest.mark.parametrize("text", MASKED)
def test_what_is_private_is_masked(text: str) -> None:
    assert masked(text) == MASKED[text]
    assert masked(masked(text)) == masked(text)


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert masked(text) == text


def test_masked_json_stays_json() -> None:
    assert json.loads(masked('{"card": 4111111111111111, "to": ["a@b.de"], "count": 2}')) == {
        "card": "[card number]", "to": ["[e-mail]"], "count": 2,
    }  # fmt: skip


def test_a_fix_masks_every_text_and_only_its_own_kind() -> None:
    task = task_of([*clean(), ("I am jo@doe.org, key " + GITHUB, "Dear jo@doe.org")], Kind.WRITING)
    row = replace(task.examples[-1], also_right=("Hi jo@doe.org",), rejected="No, jo@doe.org")
    task = replace(
        task, examples=(*task.examples[:-1], row), documents=(Document("d", "jo@doe.org", "jo@doe.org writes"),)
    )
    found = findings(task)
    assert found["secrets"].severity == "warning" and found["secrets"].rows == ("r122",)
    assert found["personal-data"].severity == "info" and found["personal-data"].rows == ("r122",)
    assert found["personal-data"].what.startswith("1 row and 1 document hold")
    assert not any("jo@doe.org" in f"{finding.what}{finding.why}" for finding in found.values())
    half = mend_task(task, "personal-data")
    assert half.examples[-1].input == f"I am [e-mail], key {GITHUB}"
    assert (*half.examples[-1].answers, half.examples[-1].rejected) == (
        "Dear [e-mail]", "Hi [e-mail]", "No, [e-mail]",
    )  # fmt: skip
    assert half.documents == (Document("d", "[e-mail]", "[e-mail] writes"),)
    whole = mend_task(half, "secrets")
    assert whole.examples[-1].input == "I am [e-mail], key [key]"
    assert not {"secrets", "personal-data"} & set(findings(whole))


@pytest.mark.parametrize(
    "part",
    ["://a:", "1 ", "call ", "AB12 ", "de12 ", "ssn ", "123-45-6789 ", "a@b.", "eyJaaaaaaaaaa.",
     "-----BEGIN PRIVATE KEY-----"],
)  # fmt: skip
def test_long_text_takes_linear_time(part: str) -> None:
    def seconds(characters: int) -> float:
        text = f"{part * (characters // len(part))} 1"
        started = time.process_time()
        masked(text)
        return time.process_time() - started

    seconds(1_000)  # imports
    assert seconds(100_000) < 5
