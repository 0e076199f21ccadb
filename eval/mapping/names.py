"""What columns are usually called, in several languages, and what their names then mean."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# The earlier a name, the more surely it is meant.
INPUT_NAMES = (
    "input", "user_input", "question", "query", "prompt", "utterance", "message", "text", "request", "instruction",
    "ticket", "body", "email", "comment", "review", "sentence", "premise", "sentence1", "description", "content",
    "inputs", "problem", "user", "source", "document", "article",
    "eingabe", "frage", "anfrage", "nachricht", "beschreibung", "anliegen", "entree", "texte", "demande", "entrada",
    "pregunta", "texto", "mensaje", "consulta", "pergunta", "mensagem", "testo", "domanda", "messaggio",
    "入力", "質問", "問い合わせ", "お問い合わせ", "本文", "テキスト", "文章", "内容", "输入", "问题", "文本",
    "질문", "입력", "텍스트", "문의", "вопрос", "запрос", "сообщение", "обращение", "текст", "описание",
)  # fmt: skip
# Names that mean the right answer and nothing else.
IDEAL_NAMES = (
    "expected_output", "expected_answer", "expected_response", "expected", "ideal", "gold", "golden", "gold_answer",
    "ground_truth", "ground_truths", "groundtruth", "generation_gt", "correct_answer", "reference_answer",
    "reference_output", "reference", "target", "output", "outputs", "chosen", "preferred_output", "preferred",
    "label_text", "label_name", "majority", "majority_label",
    "ausgabe", "sortie", "salida", "saida", "出力", "正解", "输出", "출력",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "category", "intent", "class", "sentiment", "topic", "tag", "tags", "queue", "department",
    "team", "desk", "priority", "urgency", "severity", "order", "json", "rating", "score", "stars", "type",
    "polarity", "stance", "emotion", "verdict", "grade", "specialty",
    "kategorie", "klasse", "etikett", "thema", "abteilung", "categorie", "etiquette", "classe", "categoria", "etiqueta",
    "clase", "tema", "ラベル", "カテゴリ", "カテゴリー", "分類", "标签", "类别", "分类", "라벨", "카테고리",
    "метка", "категория", "отдел", "group",
)  # fmt: skip
ANSWER_NAMES = (
    "answer", "answers", "completion", "reply", "response", "resolution", "solution", "result", "summary", "highlights",
    "sql", "code", "snippet", "command", "cmd", "translation", "hypothesis", "pos", "positive", "assistant",
    "antwort", "ergebnis", "losung", "zusammenfassung", "reponse", "resume", "respuesta", "resultado", "resumen",
    "resposta", "risposta", "回答", "答え", "解答", "返答", "返信", "要約", "答案", "回复", "답변", "요약",
    "ответ", "решение",
)  # fmt: skip
# Never the right answer: what a model said, what is wrong on purpose, what describes the row.
NEVER_TARGETS = (
    "actual_output", "actual", "prediction", "predicted", "predictions", "predicted_label", "model_output",
    "model_answer", "model_response", "generated", "generated_answer", "neg", "negative", "negatives", "neg_sample",
    "hard_negative", "rejected", "non_preferred_output", "non_preferred", "wrong_answer", "distractor", "distractors",
    "metadata", "meta", "status", "source", "url", "uri", "link", "href", "email", "e_mail", "mail", "phone", "telefon",
    "author", "agent", "caller", "assignee", "assigned_to", "owner", "requester", "reporter", "created_by",
    "updated_by", "sender", "recipient", "username", "user_name", "annotator", "annotators", "worker", "bearbeiter",
    "created", "updated", "modified", "datum",
    "date", "fecha", "日付", "日期", "time", "timestamp", "duration", "lead_time", "context", "contexts",
    "kontext", "contexte", "contexto", "contesto", "文脈", "上下文", "system",
    "tools", "history", "retrieval_context", "retrieved_contexts", "reference_contexts", "synthesizer_name", "project",
    "evolution_type", "confidence", "probability", "notes", "lang", "language", "sprache", "version", "model", "cost",
    "latency", "tokens",
)  # fmt: skip
# Further right answers, beside the answer itself.
ALSO_NAMES = (
    "aliases", "answer_aliases", "alternative_answers", "alternatives", "other_answers", "also_right",
    "acceptable_answers", "accepted_answers", "further_answers",
)  # fmt: skip
TURNS_COLUMN = "earlier turns"  # of a chat, which reading writes
REJECTED_NAMES = (
    "rejected", "rejected_response", "rejected_answer", "rejected_output", "rejected_completion",
    "non_preferred_output", "non_preferred",
)  # fmt: skip
# The better and the worse of two answers, where a name means that only beside the other.
PREFERRED_PAIRS = (
    ("preferred", "dispreferred"), ("preferred_response", "dispreferred_response"), ("better", "worse"),
    ("better_response", "worse_response"), ("better_answer", "worse_answer"), ("good", "bad"),
    ("good_response", "bad_response"), ("good_answer", "bad_answer"), ("win", "lose"),
    ("winner", "loser"), ("winning", "losing"), ("accepted", "rejected"), ("accept", "reject"),
    *((f"{stem}_w", f"{stem}_l") for stem in ("response", "answer", "completion", "output", "y")),
)  # fmt: skip
# Where both are there, the second is added to the first, which names the row.
JOINED_NAMES = (
    (("instruction", "anweisung", "instruccion", "指示", "指令"),
     ("input", "eingabe", "entree", "entrada", "入力", "输入")),
    (
        ("question", "query", "instruction", "prompt", "frage", "pregunta", "pergunta", "domanda", "質問", "问题",
         "질문"),
        ("context", "passage", "paragraph", "kontext", "contexte", "contexto", "contesto", "文脈", "上下文", "문맥"),
    ),
    (("query", "question", "instruction", "prompt"), ("tools", "functions")),
    (("premise", "pramisse", "premisse", "premisa", "前提"), ("hypothesis", "hypothese", "hipotesis", "仮説", "假设")),
    (("sentence1",), ("sentence2",)),
    (("sentence_1",), ("sentence_2",)),
    (("question1",), ("question2",)),
    (("text_a",), ("text_b",)),
    (("text1",), ("text2",)),
    (("question", "query", "frage"), ("choices", "options")),
    (("sentence", "text", "review"), ("aspect", "aspect_term", "aspect_category")),
)  # fmt: skip
# The choices of a question, each in its own column.
CHOICE_NAMES = (
    ("a", "b", "c", "d", "e"), ("opa", "opb", "opc", "opd", "ope"),
    *(tuple(f"{word}{ending}" for ending in endings)
      for word in ("option", "option_", "choice", "choice_", "answer_", "op", "ending", "sol")
      for endings in ("abcde", "12345", "01234")),
)  # fmt: skip
# What a text is about: the answer only if nothing else can be.
# Of several labels a row.
LABELS_NAMES = {
    "labels", "tags", "categories", "topics", "emotions", "genres", "keywords", "label_ids", "tag_ids", "category_ids",
    "topic_ids", "intents", "classes", "hashtags",
}  # fmt: skip
# Numbers in such a column say how much, so that one near the right one is nearly right.
RATING_NAMES = {
    "rating", "ratings", "stars", "star", "score", "grade", "severity", "priority", "urgency", "difficulty", "level",
    "satisfaction", "likelihood", "similarity", "relatedness", "readability", "overall", "bewertung", "note", "sterne",
    "punkte", "etoiles", "puntuacion", "calificacion", "estrellas", "nota", "valoracion", "avaliacao", "voto",
    "schulnote", "nps", "csat", "cijfer", "ocena", "betyg", "puan", "hodnoceni", "評価", "评分", "評分", "星级", "평점",
    "оценка", "рейтинг",
}  # fmt: skip
AMOUNT_NAMES = {
    "price", "amount", "cost", "total", "sum", "percent", "percentage", "share", "age", "salary", "income", "revenue",
    "duration", "minutes", "hours", "days", "seconds", "distance", "weight", "height", "size", "quantity", "count",
    "temperature", "points", "probability", "polarity", "valence", "arousal", "toxicity", "intensity",
    "preis", "betrag", "summe", "kosten", "prozent", "dauer", "prix", "montant",
    "precio", "importe", "preco", "prezzo", "価格", "金額", "价格", "金额", "가격", "цена", "сумма",
}  # fmt: skip
TITLE_NAMES = ("title", "subject", "headline", "betreff", "titel", "titre", "objet", "oggetto", "titolo", "asunto",
               "titulo", "assunto", "件名", "标题", "제목")  # fmt: skip
SPLIT_NAMES = ("split", "set", "fold", "subset", "partition", "usage", "part", "division", "データ分割", "aufteilung")
GROUP_NAMES = ("group", "group_id", "customer_id", "user_id", "conversation_id", "thread_id", "session_id")
DOCUMENT_NAMES = (
    "doc_id", "doc_ids", "document", "documents", "document_id", "document_ids", "source_id", "source_ids",
    "retrieval_gt", "corpus_id", "corpus_ids",
)  # fmt: skip
IDENTIFIER_WORDS = frozenset(("id", "ids", "qid", "index", "idx", "uuid", "guid", "nr", "date", "timestamp", "at"))
LANGUAGE_CODES = frozenset((
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "zh", "ja", "ko", "ar", "tr", "sv", "cs", "uk", "ro", "hi",
))  # fmt: skip

_SIDES = {
    "train": "train", "training": "train", "tr": "train", "trn": "train",
    "dev": "dev", "valid": "dev", "validation": "dev", "val": "dev", "development": "dev",
    "va": "dev", "cv": "dev", "entwicklung": "dev", "validierung": "dev", "public-test": "dev", "publictest": "dev",
    "te": "test", "tst": "test", "private-test": "test", "privatetest": "test",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test", "holdout": "test", "hold-out": "test",
    "held-out": "test", "heldout": "test",
}  # fmt: skip
_YES = {"true": True, "1": True, "1.0": True, "yes": True, "false": False, "0": False, "0.0": False, "no": False}
_FILE_ENDING = re.compile(r"\.(csv|tsv|jsonl?|parquet|txt)$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@cache
def plain(column: str) -> str:
    """A name to compare: lower case, no accents, words joined by "_" ("expectedOutput" is "expected_output")."""
    letters = unicodedata.normalize("NFKD", _CAMEL.sub("_", column.strip()))
    bare = "".join(letter for letter in letters if not "\u0300" <= letter <= "\u036f")
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFC", bare).casefold()).strip("_")


def is_known(column: str) -> bool:
    """Whether columns are usually called so."""
    return plain(column) in _KNOWN or any(word in IDENTIFIER_WORDS for word in plain(column).split("_"))


def side_of(value: str, column: str = "") -> str | None:
    """The side of the split that a value names: "train", "dev" or "test". In a column such as "is_test", yes and no
    name a side too. None if it names none."""
    value = value.strip().casefold().replace(" ", "-").replace("_", "-")
    asked = flag_side(column)
    if asked and value in _YES:
        return asked if _YES[value] else "test" if asked == "train" else "train"
    return _SIDES.get(_FILE_ENDING.sub("", value))


def flag_side(column: str) -> str | None:
    """The side of the rows for which a column such as "is_test" says yes."""
    words = [word for word in plain(column).split("_") if word not in ("is", "in", "set", "split", "flag")]
    return _SIDES.get(words[0]) if len(words) == 1 else None


_KNOWN = frozenset(
    plain(name)
    for names in (
        INPUT_NAMES, IDEAL_NAMES, LABEL_NAMES, ANSWER_NAMES, NEVER_TARGETS, SPLIT_NAMES, GROUP_NAMES, DOCUMENT_NAMES,
    )
    for name in names
) | {"title", "subject", "name"}  # fmt: skip
