"""Fine-tuning as OpenAI offers it, and servers with the same paths: /files and /fine_tuning/jobs.

Source: developers.openai.com/api/reference, resources "files", "fine_tuning" and "models", and the types of the
`openai` package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from strategies.served.client import StoppedError
from strategies.tuning.provider import Cancelled, Failed, JobOrder, JobState, Running, Tuned, Waiting
from strategies.tuning.service import Json, Service, count_in, items_of

JOBS, FILES = "/fine_tuning/jobs", "/files"


class OpenAIJobs:
    name: ClassVar[str] = "openai"

    def __init__(self, service: Service) -> None:
        self._service = service

    def upload(self, name: str, content: bytes) -> str:
        return _id_in(self._service.upload(FILES, {"purpose": "fine-tune"}, name, content), self._service)

    def uploaded(self, name: str) -> str | None:
        listed = items_of(self._service.find(f"{FILES}?purpose=fine-tune"))
        return next((str(one["id"]) for one in listed if one.get("filename") == name and one.get("id")), None)

    def start(self, order: JobOrder) -> str:
        body: Json = {
            "model": order.model,
            "training_file": order.training_file,
            "seed": order.seed,
            "suffix": order.suffix,
            "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": order.epochs}}},
        }
        if order.validation_file:
            body["validation_file"] = order.validation_file
        started = self._service.post_once(JOBS, body, lambda: self._latest(order.training_file))
        return _id_in(started, self._service)

    def started(self, training_file: str) -> str | None:
        latest = self._latest(training_file)
        return None if latest is None else str(latest["id"])

    def state(self, job: str) -> JobState:
        said = self._service.get(f"{JOBS}/{quote(job, safe='')}")
        tokens = count_in(said, "trained_tokens")
        match said.get("status"):
            case "succeeded" if said.get("fine_tuned_model"):
                return Tuned(str(said["fine_tuned_model"]), tokens)
            case "succeeded" | "failed":
                return Failed(_reason_in(said), tokens)
            case "cancelled":
                return Cancelled(tokens)
            case "running":
                return Running(tokens)
        return Waiting()

    def cancel(self, job: str) -> None:
        self._service.post(f"{JOBS}/{quote(job, safe='')}/cancel")

    def delete_file(self, file: str) -> None:
        self._service.delete(f"{FILES}/{quote(file, safe='')}")

    def delete_model(self, model: str) -> None:
        self._service.delete(f"/models/{quote(model, safe='')}")

    def _latest(self, training_file: str) -> Json | None:
        jobs = items_of(self._service.find(JOBS))  # the newest first
        return next((one for one in jobs if one.get("training_file") == training_file and one.get("id")), None)


def _id_in(reply: Mapping[str, Any], service: Service) -> str:
    if not reply.get("id"):
        raise StoppedError(f"The server at {service.address.host} took a request for fine-tuning, but gave it no id.")
    return str(reply["id"])


def _reason_in(job: Mapping[str, Any]) -> str:
    error = job.get("error")
    return str(error.get("message") or "") if isinstance(error, Mapping) else ""
