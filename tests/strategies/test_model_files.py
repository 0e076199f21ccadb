"""A model of somebody else is data: nothing in its folder runs, and nothing in it leads elsewhere."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from eval.task import BadInput
from strategies.engine.adapter import add_adapter, further_adapter, read_adapter
from strategies.engine.language_model import Message
from strategies.engine.models import check_model
from strategies.engine.weights import load_language_model, load_network
from strategies.model_files import fingerprint, problem_in
from strategies.search.embedder import EMBEDDED_PACKAGE, SentenceEmbedder
from strategies.search.reranker import CrossEncoderReranker
from strategies.standalone import chat_template
from tests.servers.tiny_hub import OWNER, tiny_hub
from tests.tiny_model import save_tiny_model, tiny_network, tiny_transformer

ELSEWHERE = "owner/elsewhere"
PICKLES = ("pytorch_model.bin", "adapter_model.bin", "model.bin")


class Runs:
    """What a pickle runs when it is read."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


def packaged_encoder(folder: Path) -> Path:
    package = find_spec(EMBEDDED_PACKAGE)
    assert package is not None and package.origin is not None
    shutil.copytree(Path(package.origin).parent / "model", folder)
    return folder


def change(file: Path, **changed: Any) -> None:
    described = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**described, **changed}))


def with_pickles(folder: Path, marker: Path) -> Path:
    for name in PICKLES:
        (folder / name).write_bytes(pickle.dumps(Runs(marker)))
    return folder


def load_embedder(folder: Path) -> object:
    return SentenceEmbedder(str(folder))


def load_reranker(folder: Path) -> object:
    return CrossEncoderReranker(str(folder))


def test_pickled_weights_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where torch would run what is in them."""
    marker = tmp_path / "it_ran"
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    folder = with_pickles(save_tiny_model(tmp_path / "model"), marker)
    (folder / "model.safetensors").rename(folder / "weights.safetensors")
    with pytest.raises(BadInput, match=r"could not be read: Error no file named model\.safetensors"):
        load_language_model(str(folder))
    for load in (load_embedder, load_reranker):
        folder = with_pickles(packaged_encoder(tmp_path / load.__name__), marker)
        (folder / "model.safetensors").unlink()
        if load is load_reranker:
            (folder / "modules.json").unlink()
        with pytest.raises(BadInput, match=r"could not be read: OSError: Error no file named model\.safetensors"):
            load(folder)
    assert not marker.exists()


@pytest.mark.parametrize("beside", ["model.safetensors", "model.gguf"])
def test_an_adapter_leads_to_no_other_model(tmp_path: Path, beside: str) -> None:
    folder = save_tiny_model(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / beside)
    network = add_adapter(tiny_network(), seed=0)
    network.save_pretrained(str(folder))
    change(folder / "adapter_config.json", base_model_name_or_path=str(save_tiny_model(tmp_path / "elsewhere")))
    said = f"The folder {folder} contains an adapter: merge it into its base model, and choose the merged model."
    assert (check_model(str(folder)) or "").startswith(said)
    with pytest.raises(BadInput) as refused:
        load_language_model(str(folder / beside) if beside.endswith(".gguf") else str(folder))
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("part", ["", "1_Pooling", "0_Router/query_0_Transformer"])
def test_an_adapter_in_a_search_model_leads_to_no_other(tmp_path: Path, part: str) -> None:
    folder = packaged_encoder(tmp_path / "model")
    (folder / part).mkdir(parents=True, exist_ok=True)
    change(folder / part / "adapter_config.json", base_model_name_or_path=ELSEWHERE)
    with pytest.raises(BadInput, match="contains an adapter"):
        load_embedder(folder)


@pytest.mark.parametrize(
    ("file", "changed", "said"),
    [
        ("config.json", {"attn_implementation": ELSEWHERE}, "code from the hub"),
        ("config.json", {"text_config": {"_attn_implementation": {"": ELSEWHERE}}}, "code from the hub"),
        ("config.json", {"experts_implementation": ELSEWHERE}, "code from the hub"),
        ("config.json", {"transformers_weights": "adapter_model.bin"}, "weights that aren't safetensors"),
        ("config.json", {"transformers_weights": "../elsewhere/model.safetensors"}, "weights that aren't safetensors"),
        ("config.json", {"transformers_weights": "model.safetensors.index.json"}, "weights that aren't safetensors"),
    ],
)
def test_a_config_leads_nowhere_else(tmp_path: Path, file: str, changed: dict[str, Any], said: str) -> None:
    folder = save_tiny_model(tmp_path / "model")
    change(folder / file, **changed)
    assert (check_model(str(folder)) or "").startswith(f"The file {folder / file} asks for {said}")
    with pytest.raises(BadInput, match=said):
        load_language_model(str(folder))


def test_a_config_nested_as_deeply_as_json_can_be_is_read(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    deep: dict[str, Any] = {"attn_implementation": ELSEWHERE}
    for _ in range(900):
        deep = {"": deep}
    change(folder / "config.json", deep=deep)
    assert "code from the hub" in (problem_in(folder) or "")


@pytest.mark.parametrize(
    ("file", "changed", "said", "load"),
    [
        ("sentence_bert_config.json", {"model_args": {"weights_only": False}}, "weights_only “False”", load_embedder),
        ("sentence_bert_config.json", {"model_args": {"use_safetensors": False}}, "use_safetensors", load_embedder),
        ("sentence_bert_config.json", {"model_kwargs": {"gguf_file": "a.gguf"}}, "gguf_file", load_embedder),
        ("sentence_bert_config.json", {"config_args": {"trust_remote_code": True}}, "trust_remote_code", load_embedder),
        ("sentence_bert_config.json", {"model_args": {"dtype": "../own"}}, "dtype “../own”", load_embedder),
        ("sentence_bert_config.json", {"tokenizer_name_or_path": ELSEWHERE}, "the tokenizer “", load_embedder),
        ("config_sentence_transformers.json", {"activation_fn": "torch.hub.get_dir"}, "Python code", load_reranker),
        (
            "config.json",
            {"sentence_transformers": {"activation_fn": "torch.hub.get_dir"}},
            "Python code",
            load_reranker,
        ),
        ("1_Pooling/config.json", {"activation_function": "os.getpid"}, "Python code", load_embedder),
        ("router_config.json", {"types": {"query": "own.Own"}}, "the Python class “own.Own”", load_embedder),
        ("router_config.json", {"types": {"../../a": f"{EMBEDDED_PACKAGE}.A"}}, "the Python class", load_embedder),
    ],
)
def test_a_search_model_leads_nowhere_else(
    tmp_path: Path, file: str, changed: dict[str, Any], said: str, load: Callable[[Path], object]
) -> None:
    folder = packaged_encoder(tmp_path / "model")
    change(folder / file, **changed)
    with pytest.raises(BadInput) as refused:
        load(folder)
    assert str(refused.value).startswith(f"The file {folder / file} asks for {said}")


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ("own.Own", ""),
        ("sentence_transformers.base.model.torch", ""),
        ("sentence_transformers.util.misc.import_from_string", ""),
        ("sentence_transformers.models.Transformer", "../elsewhere"),
        ("sentence_transformers.models.Transformer", "/etc"),
    ],
)
def test_the_parts_of_a_search_model_are_known_and_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, path: str
) -> None:
    folder, marker = packaged_encoder(tmp_path / "model"), tmp_path / "it_ran"
    (folder / "own.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Own: ...")
    monkeypatch.syspath_prepend(str(folder))
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": path, "type": part}]))
    for load in (load_embedder, load_reranker):
        with pytest.raises(BadInput, match=r"modules\.json asks for the (Python class|folder) "):
            load(folder)
    assert not marker.exists()


def test_code_that_a_search_model_brings_for_its_network_never_runs(tmp_path: Path) -> None:
    folder, marker = packaged_encoder(tmp_path / "model"), tmp_path / "it_ran"
    (folder / "own.py").write_text(f"open({str(marker)!r}, 'w').close()")
    change(folder / "config.json", model_type="own", auto_map={"AutoConfig": "own.Own", "AutoModel": "own.Own"})
    for load in (load_embedder, load_reranker):
        with pytest.raises(BadInput, match="could not be read"):
            load(folder)
    assert not marker.exists()


def test_search_models_as_they_are_saved_are_read(tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder, SentenceTransformer
    from sentence_transformers.base.modules import Dense, Router

    folder = packaged_encoder(tmp_path / "model")
    encoder = SentenceTransformer(str(folder))
    parts: list[Any] = [encoder[0], encoder[1]]
    by_role = SentenceTransformer(modules=[Router.for_query_document(parts, parts)])
    by_role.save(str(tmp_path / "by role"))
    encoder.append(Dense(384, 8))
    encoder.save(str(tmp_path / "dense"))
    assert SentenceEmbedder(str(tmp_path / "dense")).embed(["a lamp"]).shape == (1, 8)
    assert SentenceEmbedder(str(tmp_path / "by role")).embed(["a lamp"]).shape == (1, 384)
    change(folder / "sentence_bert_config.json", model_args={"dtype": "float32", "attn_implementation": "eager"})
    assert load_embedder(folder)
    CrossEncoder(str(folder), num_labels=1).save(str(tmp_path / "pairs"))
    assert CrossEncoderReranker(str(tmp_path / "pairs")).score([("a", "b")]).shape == (1,)


@pytest.mark.parametrize(
    "changed",
    [
        {"megatron_config": {"a": 1}, "megatron_core": "own"},
        {"corda_config": {"cache_file": "own.pt"}},
        {"peft_type": "XLORA", "adapters": {"0": ELSEWHERE}},
        {"modules_to_save": ["lm_head"]},
        {"r": "many"},
    ],
)
def test_an_adapter_of_a_run_is_only_its_weights(tmp_path: Path, changed: dict[str, Any]) -> None:
    add_adapter(tiny_network(), seed=0).save_pretrained(str(tmp_path))
    change(tmp_path / "adapter_config.json", base_model_name_or_path=ELSEWHERE)  # as if another machine had trained it
    assert read_adapter(tiny_network(), tmp_path).peft_config["default"].base_model_name_or_path != ELSEWHERE
    assert further_adapter(tiny_network(), tmp_path).active_adapter == "default"
    change(tmp_path / "adapter_config.json", **changed)
    for read in (read_adapter, further_adapter):
        with pytest.raises(BadInput, match=r"which no adapter of Threeways does|can't be read"):
            read(tiny_network(), tmp_path)


def test_pickled_weights_of_an_adapter_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = tmp_path / "it_ran"
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    add_adapter(tiny_network(), seed=0).save_pretrained(str(tmp_path))
    (with_pickles(tmp_path, marker) / "adapter_model.safetensors").unlink()
    with pytest.raises(BadInput, match=r"lacks adapter_model\.safetensors"):
        read_adapter(tiny_network(), tmp_path)
    assert not marker.exists()


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.__class__.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.system('touch ' ~ marker) }}",
        "{% include '/etc/hostname' %}",
    ],
)
def test_a_chat_template_reaches_nothing_but_the_turns(tmp_path: Path, attack: str) -> None:
    """A template that fails is not used: the turns are written plainly."""
    model = tiny_transformer()
    model.tokenizer.chat_template = attack + "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    prompt = model.encode((Message("user", "A cup"),))
    assert model.tokenizer.decode(prompt) == "user:\nA cup\nassistant:\n"
    turns, template = [{"role": "user", "content": "A cup"}], chat_template(model.tokenizer.chat_template)
    with pytest.raises(Exception, match=r"unsafe|no loader|undefined"):
        model.tokenizer.apply_chat_template(turns, chat_template=template, tokenize=False)


LOOK = "from strategies.engine.models import check_model; import sys; print(check_model(sys.argv[1]))"
FETCH = """
import sys
from strategies.engine.models import check_model, local_folder
print(check_model(sys.argv[1]))
print(local_folder(sys.argv[1]))
"""


def with_hub(address: str, cache: Path, program: str, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, name],
        env=os.environ | {"HF_ENDPOINT": address, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("is_there", [False, True], ids=["no network", "a proxy's page"])
def test_a_hub_that_cannot_be_reached_is_one_sentence(tmp_path: Path, is_there: bool) -> None:
    with tiny_hub() as (hub, address):
        hub.page = b"<html>Please log in to the network.</html>"
        done = with_hub(address if is_there else "http://127.0.0.1:9", tmp_path / "cache", LOOK, OWNER)
    assert done.stdout.startswith(f"The model {OWNER} could not be reached"), done.stderr


def test_of_a_model_on_the_hub_only_data_is_fetched_at_the_commit_that_was_looked_at(tmp_path: Path) -> None:
    """Its owner publishes again, first between the look and the fetching."""
    published = save_tiny_model(tmp_path / "published")
    for name in ("own.py", "pytorch_model.bin", "onnx/model.onnx", "training_args.pt", ".gitattributes"):
        (published / name).parent.mkdir(exist_ok=True)
        (published / name).write_text("import os")
    changed = tmp_path / "changed"
    shutil.copytree(published, changed)
    change(changed / "config.json", changed=True)
    with tiny_hub() as (hub, address):

        def run(program: str, name: str, cache: str) -> list[str]:
            done = with_hub(address, tmp_path / cache, program, name)
            assert not done.returncode, done.stderr
            return done.stdout.split("\n")

        first = hub.publish(published)
        assert run(LOOK, OWNER, "one") == ["None", ""]
        second = hub.publish(changed)
        said, folder, _ = run(FETCH, OWNER, "one")
        assert said == "None" and Path(folder).name == first
        names = {file.name for file in Path(folder).rglob("*") if file.is_file()}
        assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= names
        assert not {"own.py", "pytorch_model.bin", "model.onnx", "training_args.pt"} & names
        assert not [
            path for path in hub.asked if "/resolve/" in path and path.endswith((".py", ".bin", ".onnx", ".pt"))
        ]
        assert Path(run(FETCH, OWNER, "two")[1]).name == second
        assert Path(run(FETCH, f"{OWNER}@{first}", "three")[1]).name == first
        load_network(Path(folder))


def test_an_adapter_on_the_hub_leads_to_no_other_model(tmp_path: Path) -> None:
    published = save_tiny_model(tmp_path / "published")
    change(published / "adapter_config.json", base_model_name_or_path=ELSEWHERE)
    with tiny_hub() as (hub, address):
        hub.publish(published)
        done = with_hub(address, tmp_path / "cache", FETCH, OWNER)
        assert "contains an adapter: merge it into its base model" in done.stderr
        assert not [path for path in hub.asked if ELSEWHERE in path]


def test_torch_is_not_needed_to_look_at_a_folder() -> None:
    """Pages do."""
    program = "import sys, strategies.model_files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert torch.__version__


def test_what_the_hub_keeps_by_its_content_is_the_same_on_every_machine(tmp_path: Path) -> None:
    def machine(name: str, written_at: int, content: str = "a" * 64) -> Path:
        blob, snapshot = tmp_path / name / "blobs" / content, tmp_path / name / "snapshots" / "main"
        for folder in (blob.parent, snapshot):
            folder.mkdir(parents=True)
        blob.write_text("weights")
        os.utime(blob, (written_at, written_at))
        (snapshot / "model.safetensors").symlink_to(blob)
        return snapshot

    here, there, changed = machine("here", 1), machine("there", 2), machine("changed", 1, "b" * 64)
    assert fingerprint(here) == fingerprint(there) != fingerprint(changed)
    copies = [tmp_path / "copy", tmp_path / "later"]
    for at, copy in enumerate(copies):
        shutil.copytree(here, copy)  # files of their own, which only their time tells apart
        os.utime(copy / "model.safetensors", (at, at))
    assert fingerprint(copies[0]) != fingerprint(copies[1])


def test_a_folder_that_is_no_model_has_a_fingerprint_soon(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c" / "d"
    deep.mkdir(parents=True)
    before = fingerprint(tmp_path)
    (deep / "file").write_text("further down than a model's files")
    (tmp_path / "link").symlink_to("link")  # to itself, which can't be followed
    assert fingerprint(tmp_path) == before
    assert fingerprint(Path("/proc"))
