"""Loading a network: what a folder may do, and what it may not."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.task import BadInput
from strategies.engine.plain import PlainModel
from strategies.engine.transformer import Transformer
from strategies.engine.weights import Loader, load_language_model, load_network
from tests.tiny_model import save_tiny_model
from tests.tiny_networks import save_tiny_network


@pytest.mark.parametrize(
    ("file", "changed", "load"),
    [
        (
            "config.json",
            {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}},
            load_network,
        ),
        (
            "tokenizer_config.json",
            {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}},
            lambda folder: load_language_model(str(folder)),
        ),
    ],
)
def test_python_code_in_a_model_folder_is_refused_and_never_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    changed: dict[str, object],
    load: Callable[[Path], object],
) -> None:
    folder, marker = save_tiny_model(tmp_path / "model"), tmp_path / "it_ran"
    (folder / "own.py").write_text(f"open({str(marker)!r}, 'w').close()")
    (folder / file).write_text(json.dumps({**json.loads((folder / file).read_text()), **changed}))
    willing = io.StringIO("y\n" * 9)
    monkeypatch.setattr("sys.stdin", willing)
    with pytest.raises(BadInput) as refused:
        load(folder)
    assert str(refused.value) == (
        f"The model in {folder} needs Python code from its own folder, and Threeways never runs such code: "
        "choose a model that transformers supports by itself."
    )
    assert willing.tell() == 0 and not marker.exists()


def test_whoever_loads_a_model_knows_why_it_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load = Loader(str(save_tiny_network("mpt", tmp_path / "mpt")))
    assert load.slow_because is None
    assert isinstance(load(), PlainModel)
    assert (load.slow_because or "").startswith("Our engine's numbers for this network differ from those of transf")
    assert len(list((tmp_path / "cache" / "threeways" / "checks").iterdir())) == 1
    fast = Loader(str(save_tiny_network("mistral", tmp_path / "mistral")))
    assert isinstance(fast(), Transformer) and fast.slow_because is None
