"""What the database says of a run or a dataset and their folders would not, kept there too, so that the database can be
rebuilt from them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from advisor.as_json import AsJson
from advisor.storage.files import write_whole
from advisor.storage.stored import Origin, StoredDataset, StoredRun

_ABOUT, _NAMES = "about.json", "names.json"


@dataclass(frozen=True, slots=True)
class About:
    """Of a run; each field as in `StoredRun`."""

    name: str
    created_at: float
    origin: Origin = "own"
    given_name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    owner: str = ""
    owner_name: str = ""
    is_shared: bool = False

    @classmethod
    def of(cls, run: StoredRun) -> About:
        return cls(*(getattr(run, field.name) for field in fields(cls)))


@dataclass(frozen=True, slots=True)
class Names:
    """Of the uploaded files of a dataset, and the key of the person whose they are."""

    name: str
    documents_name: str | None = None
    owner: str = ""

    @classmethod
    def of(cls, dataset: StoredDataset) -> Names:
        return cls(*(getattr(dataset, field.name) for field in fields(cls)))


_ABOUT_JSON, _NAMES_JSON = AsJson[About](About), AsJson[Names](Names)


def write_about(run_folder: Path, about: About) -> None:
    write_whole(run_folder / _ABOUT, _ABOUT_JSON.write(about, indent=1))


def read_about(run_folder: Path) -> About | None:
    """None if an earlier version made the run, or if the file is damaged."""
    try:
        return _ABOUT_JSON.read((run_folder / _ABOUT).read_bytes())
    except (OSError, ValueError):
        return None


def spoiled_about(run_folder: Path, run: StoredRun) -> Path | None:
    """The file, if it doesn't say what the database does. An earlier version made runs without it."""
    path = run_folder / _ABOUT
    return path if path.exists() and read_about(run_folder) != About.of(run) else None


def origin_of(run_folder: Path) -> Origin:
    """ "own" if an earlier version made the run. "shared" if the file is damaged: then nobody knows whether the run was
    measured here."""
    about = read_about(run_folder)
    if about is not None:
        return about.origin
    return "shared" if (run_folder / _ABOUT).exists() else "own"


def write_names(dataset_folder: Path, names: Names) -> None:
    write_whole(dataset_folder / _NAMES, _NAMES_JSON.write(names))


def read_names(dataset_folder: Path) -> Names | None:
    """None if an earlier version stored the dataset, or if the file is damaged."""
    try:
        return _NAMES_JSON.read((dataset_folder / _NAMES).read_bytes())
    except (OSError, ValueError):
        return None


def spoiled_names(dataset_folder: Path, dataset: StoredDataset) -> Path | None:
    """As `spoiled_about`."""
    path = dataset_folder / _NAMES
    return path if path.exists() and read_names(dataset_folder) != Names.of(dataset) else None
