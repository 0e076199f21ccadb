"""Inputs that list facts: each listed value is one fact, in the input's words or in those of the training answers."""

from __future__ import annotations

from itertools import product

import pytest

from eval.scoring import MetricName, Scorer
from eval.scoring.check import check_score
from eval.scoring.corruptions import Corruption
from eval.scoring.given import GivenFacts
from eval.scoring.listed import listed, without_repeated
from eval.scoring.reading import read
from eval.task import Example, Kind, Metric
from tests.benchmarks import keypoints


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (
            "name[The Eagle], eatType[coffee shop], familyFriendly[yes]",
            [("name", "The Eagle"), ("eat type", "coffee shop"), ("family friendly", "yes")],
        ),
        ("name: The Eagle | price range: cheap", [("name", "The Eagle"), ("price range", "cheap")]),
        (
            "Describe this place:\n- name: The Mill\n- closes at: 20:30\n- web: https://mill.org",
            [("name", "The Mill"), ("closes at", "20:30"), ("web", "https://mill.org")],
        ),
        ("size = 4; colour = dark green", [("size", "4"), ("colour", "dark green")]),
        ('{"name": "Ada", "tags": ["b", "c"], "open": true, "price": null}',
         [("name", "Ada"), ("tags", "b"), ("tags", "c"), ("open", "yes")]),
        ("Alan_Bean | occupation | Test_pilot\nAlan_Bean | birthPlace | Wheeler,_Texas",
         [("subject", "Alan Bean"), ("occupation", "Test pilot"), ("birth place", "Wheeler, Texas")]),
        ("How do I reset my password?", []),
        ("Order 123: where is it?", []),
        ("Context: In 1990, Oslo held the fair. Question: where was it?", []),
        ("Customer: My phone is dead.\nAgent: Did you charge it?\nCustomer: Yes, twice.", []),
        ('{"name": ', []),
        ("", []),
    ],
)  # fmt: skip
def test_lists_of_facts_are_read(text: str, pairs: list[tuple[str, str]]) -> None:
    assert [(one.label, one.value) for one in listed(text)] == pairs


PRICES = {"cheap": "You pay little there.", "high": "It is an expensive place."}
KINDS = ("pub", "coffee shop", "wine bar")
CHILDREN = {"yes": "Bring the kids.", "no": "It is for adults only."}
STARS = (1, 3, 5)


def row_of(at: int, price: str, kind: str, children: str, stars: int) -> Example:
    name = f"The {('Amber', 'Blue', 'Copper', 'Dusty')[at % 4]} {('Bell', 'Crow', 'Duck')[at % 3]}"
    given = f"name: {name} | type: {kind} | price: {price} | familyFriendly: {children} | rating: {stars} of 5"
    told = f"{name} is a {kind}. {PRICES[price]} {CHILDREN[children]} It has {stars} out of 5 stars."
    return Example(str(at), given, told)


ROWS = tuple(row_of(at, *each) for at, each in enumerate(product(PRICES, KINDS, CHILDREN, STARS)))
ROW = Example(
    "x",
    "name: The Old Oak | type: pub | price: cheap | familyFriendly: no | rating: 5 of 5",
    "The Old Oak is a pub. You pay little there. It is for adults only. It has 5 out of 5 stars.",
)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(Kind.WRITING, Metric(MetricName.FACTS_AND_FORM, carries=True), ROWS, (), (*ROWS, ROW))


@pytest.mark.parametrize(
    ("text", "recall", "is_wrong"),
    [
        ("A pub for adults only, The Old Oak, lets you pay little and has 5 of 5 stars.", 1.0, False),
        ("The Old Oak, a cheap pub with five stars out of five, is not family friendly.", 1.0, False),
        ("The Old Oak: 5/5, cheap, pub, adults only.", 1.0, False),
        ("The Old Oak, a cheap pub with a bar, is for adults only and has 5 of 5 stars.", 1.0, False),  # no wine bar
        ("The Old Oak is a pub. It is for adults only. It has 5 out of 5 stars.", 0.8, False),
        ("The Old Oak is a pub. It is an expensive place. It is for adults only. It has 5 out of 5 stars.", 0.8, True),
        ("The Old Oak is a wine bar. You pay little there. It is for adults only. It has 5 of 5 stars.", 0.8, True),
        ("The Old Oak is a pub. You pay little there. Bring the kids. It has 5 out of 5 stars.", 0.8, True),
        ("The Old Oak is a pub. You pay little there. It is for adults only. It has 3 out of 5 stars.", 0.8, True),
        ("The Old Elm is a pub. You pay little there. It is for adults only. It has 5 out of 5 stars.", 0.85, True),
        ("", 0.0, False),
        (ROW.input, 0.0, False),
        (ROW.input.replace(" | ", "\n"), 0.0, False),
    ],
)
def test_each_listed_value_is_one_fact(scorer: Scorer, text: str, recall: float, is_wrong: bool) -> None:
    score = scorer.score(text, ROW)
    assert score.parts["recall"] == pytest.approx(recall, abs=0.02)
    assert (score.parts["precision"] < 1) == (is_wrong or recall == 0)
    assert score.value <= recall


def test_a_wrong_fact_costs_more_than_a_missing_one_and_both_more_than_other_words(scorer: Scorer) -> None:
    complete, dropped, distorted = (
        scorer.score(text, ROW).value
        for text in (
            "For adults only and with five of five stars, The Old Oak is a pub where you pay little.",
            "For adults only and with five of five stars, The Old Oak is a pub.",
            "For adults only and with five of five stars, The Old Oak is an expensive pub.",
        )
    )
    assert complete - 0.15 > dropped > distorted + 0.05


def test_a_value_that_the_input_does_not_list_is_invented(scorer: Scorer) -> None:
    short = Example("s", "name: The Old Oak | type: pub", "The Old Oak is a pub.")
    plain, more, beside = (
        scorer.score(text, short)
        for text in (
            "The pub is called The Old Oak.",
            "The Old Oak is a pub. You pay little there. It is for adults only.",
            "The Old Oak is a pub with a garden, which everybody loves.",
        )
    )
    assert plain.value > more.value + 0.3 and more.parts["invented"] == 1
    assert beside.parts["invented"] == 0 and plain.value - beside.value < 0.05


def test_a_label_is_not_said_by_a_word_that_another_label_shares() -> None:
    row = Example("x", "name: The Oak | seats: 40 | outdoor seating: yes", "The Oak seats 40 people, some outdoors.")
    facts = GivenFacts.learn((row,) * 2, read)
    assert facts is not None
    outdoors = listed(row.input)[2]
    assert facts.share(outdoors, row.target, row.input) == 1
    assert facts.share(outdoors, "The Oak seats 40 people.", row.input) == 0


def test_a_place_without_something_is_no_refusal(scorer: Scorer) -> None:
    row = Example("x", "name: The Oak | type: pub | terrace: no", "The Oak is a pub. It has no terrace.")
    assert scorer.score("The Oak has no terrace.", row).parts["recall"] < 0.8


def test_what_answers_of_the_task_leave_out_need_not_be_stated() -> None:
    def with_code(row: Example) -> Example:
        return Example(row.id, f"{row.input} | code: X{row.id}7", row.target)

    scorer = Scorer(Kind.WRITING, None, tuple(map(with_code, ROWS)))
    assert scorer.metric == Metric(MetricName.FACTS_AND_FORM, carries=True)
    assert scorer.score(ROW.target, with_code(ROW)).value == 1


def test_the_turns_of_a_dialogue_are_no_facts() -> None:
    things = ("kettle", "lamp", "chair", "table", "clock", "mirror")
    rows = [
        Example(
            str(at),
            f"Customer: My {thing} came broken\nAgent: Sorry, shall I send a new one?\nCustomer: Yes, by {3 + at} May",
            f"A broken {thing} will be replaced by {3 + at} May.",
        )
        for at, thing in enumerate(things * 4)
    ]
    scorer = Scorer(Kind.WRITING, Metric(MetricName.FACTS_AND_FORM, carries=True), rows)
    right, wrong = (
        scorer.score(text, rows[2]).value for text in ("The chair is replaced by 5 May.", "A lamp, on 9 May.")
    )
    assert scorer.score(rows[2].target, rows[2]).value == 1 and right > wrong + 0.3


@pytest.mark.parametrize(
    "told",
    [
        "The Old Oak is a pub. You will not regret the prices. It is for adults only. It has 5 out of 5 stars.",
        "The Old Oak is a pub. It is for adults only. It has 5 out of 5 stars.",
        "The Old Oak is a pub. You pay little there. Bring the kids. It has 5 out of 5 stars.",
        "Oak, a pub, has 5 stars.",
    ],
)
def test_the_expected_answer_is_right_whatever_it_leaves_out_or_says_in_new_words(scorer: Scorer, told: str) -> None:
    row = Example("x", ROW.input, told)
    assert scorer.score(told, row).value == 1
    assert scorer.score("The Old Elm is a wine bar. It is an expensive place.", row).value < 0.2


def test_what_the_expected_answer_leaves_out_need_not_be_stated(scorer: Scorer) -> None:
    row = Example("x", ROW.input, "The Old Oak is a pub. It is for adults only. It has 5 out of 5 stars.")
    assert scorer.score("With 5 of 5 stars, The Old Oak is an adults only pub.", row).parts["recall"] == 1


@pytest.mark.parametrize(
    ("given", "text", "other"),
    [
        ("name: Cocum | food: Thai", "Cocum, not far from the river, serves Thai food.", "Thai food near the river."),
        ("name: Cocum | food: Thai", "Cocum is a not family friendly place with Thai food.", "A place with Thai food."),
        ("price: less than £20 | name: Cocum", "Cocum costs under £20.", "Cocum costs £50."),
        ("Name: Cocum\nHunde: nein", "Keine Hunde im Cocum.", "Hunde sind im Cocum willkommen."),
        ("名称：海底捞\n类型：火锅店", "海底捞是火锅店。花费不多。", "花费不多。"),
    ],
)
def test_a_value_is_found_whatever_is_denied_beside_it(given: str, text: str, other: str) -> None:
    rows = tuple(Example(str(at), given, text) for at in range(6))
    facts = GivenFacts.learn(rows, read)
    assert facts is not None
    assert all(facts.share(one, text, given) == 1 for one in listed(given))
    assert any(facts.share(one, other, given) < 1 for one in listed(given))


def test_one_item_of_a_list_is_a_sentence_and_several_repeat_it() -> None:
    given, target = "name: Ada | plan: Premium | paid: no", "Ada is on our Premium plan and still owes us."
    assert (
        without_repeated("Ada, you owe us. Your plan: Premium.", target, given)
        == "Ada, you owe us. Your plan: Premium."
    )
    assert "Premium" not in without_repeated("Here it is: name: Ada, plan: Premium, paid: no", target, given)


RAINS = ("There is a {}% Chance of Rain.", "The Risk of Rain is {}%.")
WEATHER = tuple(
    Example(str(at), f"city: {city}\nwind: {wind}\nrain: {rain}%", f"In {city} {told} {RAINS[at % 2].format(rain)}")
    for at, ((wind, told), city, rain) in enumerate(
        product(
            (("strong", "there are gusts."), ("calm", "there are still winds.")),
            ("Graz", "Leeds", "Porto"),
            (20, 40, 60),
        )
    )
)


@pytest.mark.parametrize(
    "text", ["Graz: strong wind, 60% chance of rain.", "In Graz there are gusts. The Risk is 60%."]
)
def test_words_of_a_label_and_nouns_of_the_task_contradict_nothing(text: str) -> None:
    row = Example("x", "city: Graz\nwind: strong\nrain: 60%", "In Graz there are gusts. There is a 60% Chance of Rain.")
    facts = Scorer(Kind.WRITING, Metric(MetricName.FACTS_AND_FORM, carries=True), WEATHER, (), (*WEATHER, row))
    assert facts.score(text, row).parts["precision"] == 1
    assert facts.score("In Graz there are still winds, with a 60% chance of rain.", row).parts["precision"] < 1


def test_a_denial_of_a_value_is_wrong_though_the_expected_answer_leaves_it_out() -> None:
    rows = tuple(Example(row.id, row.input, row.target.split(". ", 2)[0] + ".") for row in ROWS)
    row = Example("x", ROW.input, "The Old Oak is a pub.")
    facts = Scorer(Kind.WRITING, Metric(MetricName.FACTS_AND_FORM, carries=True), rows, (), (*rows, row))
    assert facts.score("The Old Oak is a pub that is not family friendly.", row).parts["precision"] == 1
    assert facts.score("The Old Oak is a family friendly pub.", row).parts["precision"] < 1


def test_the_input_repeated_is_no_summary_but_its_words_are() -> None:
    text = "The council met on Monday. It granted 4,000 euros to the Harbour Club. The hall was cold and few came."
    target = "The council granted the Harbour Club 4,000 euros."
    assert without_repeated(f" {text}\n", target, text) == ""
    assert without_repeated(target, target, text) == target
    assert without_repeated(text, text, text) == text  # an answer that is meant to repeat it


def test_corruptions_change_what_is_carried_over(scorer: Scorer) -> None:
    check = check_score(scorer, ROWS, (), seed=0)
    assert check is not None and check.right > 0.9 and not check.blind_to
    assert check.of(Corruption.QUESTION).mean < 0.1
    assert check.of(Corruption.CHANGED_NAME).right_is_higher == 1


def test_a_planted_task_puts_complete_descriptions_above_damaged_ones() -> None:
    pool = keypoints.read_pool("descriptions")
    kept = {example.id for example in pool.task.examples[:30]}
    score = keypoints.product_score(pool.task)
    scored = [
        (row, score(row.text, example))
        for row, example in zip(pool.rows, pool.examples, strict=True)
        if row.example_id in kept
    ]
    pairs = [
        whole > damaged
        for row, whole in scored
        for other, damaged in scored
        if row.example_id == other.example_id and row.truth == 1 > other.truth
    ]
    assert len(pairs) > 500 and sum(pairs) / len(pairs) > 0.95
