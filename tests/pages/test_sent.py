"""What was sent for an answer, on the report page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from advisor.pages.sent_prompt import sent_html
from advisor.sections.answers import CUT_OFF_MEANS
from advisor.storage.stored import StoredRun
from eval.outcomes import Trial
from eval.sent import Part, Piece, SentPrompts
from tests.app import html_of, open_answers

MakeTrials = Callable[..., tuple[Trial, ...]]
Finish = Callable[..., StoredRun]
BAD = "<script>alert(1)</script>"
PROMPT = (
    Piece(Part.TEMPLATE, "<|im_start|>", (1,), (12,)),
    Piece(Part.INSTRUCTION, "Sort this.", (2, 3, 4), (4, 5, 1)),
    Piece(Part.PASSAGE, "Returns", (5,), (7,)),
    Piece(Part.EXAMPLE, "my money", (6, 7), (2, 6)),
    Piece(Part.INPUT, BAD, (8, 9), (8, 17)),
)


def test_the_prompt_of_an_answer_is_shown_when_it_is_asked_for(synthetic_trials: MakeTrials, finished: Finish) -> None:
    prompting, *others = synthetic_trials()
    prompts = SentPrompts()
    first, failed = (prompting.outcomes[at].example_id for at in range(2))
    prompts.add(first, PROMPT)
    outcomes = (
        replace(prompting.outcomes[0], cut_off=True),
        replace(prompting.outcomes[1], error="The prompt is too long."),
        *prompting.outcomes[2:],
    )
    run = finished((replace(prompting, outcomes=outcomes, prompts=prompts), *others))
    app = open_answers(run=run.id)
    assert "im_start" not in html_of(app) and 'title="' + CUT_OFF_MEANS in html_of(app)
    offer = app.pills(key=f"sent-{run.id}-{first}")
    assert offer.label.startswith("What was sent for “Question number")
    offer.set_value("prompting").run()
    said = html_of(app)
    assert sent_html(PROMPT) in said and BAD not in said
    assert [code.value for code in app.code] == [f"<|im_start|>Sort this.Returnsmy money{BAD}"]
    app.pills(key=f"sent-{run.id}-{failed}").set_value("prompting").run()
    assert [text.value for text in app.text] == ["Nothing was sent. The prompt is too long."]
    app.pills(key=f"sent-{run.id}-{first}").set_value("retrieval").run()
    assert app.text[0].value.startswith("Not recorded: an earlier version of Threeways made this run")


def test_each_part_has_a_name_and_its_tokens() -> None:
    said = sent_html(PROMPT)
    assert "The exact prompt, 9 tokens." in said
    assert '<li class="part instruction"><b>Instruction</b> 3 tokens</li>' in said
    assert '<span class="part instruction"><b>instruction</b><i>Sort</i><i> this</i><i>.</i></span>' in said
    assert "<i>&lt;script&gt;</i><i>alert(1)&lt;/script&gt;</i>" in said
    assert "<mark>" not in said and "also in the input" not in said
    unknown = sent_html((Piece(Part.WHOLE, BAD, (1, 2)),))
    assert "doesn't say where each begins" in unknown and "<i>&lt;script&gt;alert(1)&lt;/script&gt;</i>" in unknown


def test_messages_to_a_server_have_parts_and_no_count_of_tokens() -> None:
    said = sent_html(
        (Piece(Part.TEMPLATE, "system\n", ()), Piece(Part.INSTRUCTION, BAD, ()), Piece(Part.INPUT, "the parcel", ()))
    )
    assert "The messages that were sent." in said and " token<" not in said and " tokens<" not in said
    assert '<li class="part instruction"><b>Instruction</b></li>' in said and "Chat template" not in said
    assert "<i>&lt;script&gt;alert(1)&lt;/script&gt;</i>" in said


def test_words_of_passages_and_examples_that_the_input_has_too_are_marked_across_tokens() -> None:
    said = sent_html(
        (
            Piece(Part.INSTRUCTION, "Sort the parcels.", (1,), (17,)),
            Piece(Part.PASSAGE, "Lost <parcels>", (2, 3, 4), (8, 5, 1)),
            Piece(Part.EXAMPLE, "the parcel", (5,)),
            Piece(Part.INPUT, "the parcel", (6, 7), (4, 6)),
        )
    )
    assert "Marked words are also in the input." in said
    assert "<i>Lost &lt;<mark>pa</mark></i><i><mark>rcels</mark></i><i>&gt;</i>" in said
    assert "<i>the <mark>parcel</mark></i>" in said and "<i>the </i><i>parcel</i>" in said
    assert "<i>Sort the parcels.</i>" in said
