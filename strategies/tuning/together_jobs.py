"""Fine-tuning as Together offers it: /files/upload and /fine-tunes.

Source: docs.together.ai/reference (upload-file, get-files, delete-fine-tunes-id) and the types of the `together`
package. Its jobs take no seed. A tuned model that isn't served without a dedicated endpoint doesn't answer, and the
probe of the model says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from strategies.served.client import StoppedError
from strategies.tuning.provider import Cancelled, Failed, JobOrder, JobState, Running, Tuned, Waiting
from strategies.tuning.service import Json, Service, count_in, items_of

JOBS, FILES = "/fine-tunes", "/files"
_RUNNING = ("running", "compressing", "uploading", "cancel_requested")


class TogetherJobs:
    name: ClassVar[str] = "together"

    def __init__(self, service: Service) -> None:
        self._service = service

    def upload(self, name: str, content: bytes) -> str:
        fields = {"purpose": "fine-tune", "file_name": name}
        return _id_in(self._service.upload(f"{FILES}/upload", fields, name, content), self._service)

    def uploaded(self, name: str) -> str | None:
        listed = items_of(self._service.find(FILES))
        return next((str(one["id"]) for one in listed if one.get("filename") == name and one.get("id")), None)

    def start(self, order: JobOrder) -> str:
        body: Json = {
            "model": order.model,
            "training_file": order.training_file,
            "n_epochs": order.epochs,
            "suffix": order.suffix,
        }
        if order.validation_file:
            body |= {"validation_file": order.validation_file, "n_evals": 1}
        started = self._service.post_once(JOBS, body, lambda: self._latest(order.training_file))
        return _id_in(started, self._service)

    def started(self, training_file: str) -> str | None:
        latest = self._latest(training_file)
        return None if latest is None else str(latest["id"])

    def state(self, job: str) -> JobState:
        said = self._service.get(f"{JOBS}/{quote(job, safe='')}")
        tokens, model = count_in(said, "token_count"), said.get("model_output_name") or said.get("output_name")
        status = said.get("status")
        if status == "completed" and model:
            return Tuned(str(model), tokens)
        if status in ("completed", "error", "user_error"):
            return Failed(_last_event(said), tokens)
        if status == "cancelled":
            return Cancelled(tokens)
        return Running() if status in _RUNNING else Waiting()

    def cancel(self, job: str) -> None:
        self._service.post(f"{JOBS}/{quote(job, safe='')}/cancel")

    def delete_file(self, file: str) -> None:
        self._service.delete(f"{FILES}/{quote(file, safe='')}")

    def delete_model(self, model: str) -> None:
        """The documentation says how to delete a job, and not whether its model goes with it."""
        raise StoppedError(f"We don't know how to delete {model} at {self._service.address.host}: delete it there.")

    def _latest(self, training_file: str) -> Json | None:
        jobs = [one for one in items_of(self._service.find(JOBS)) if one.get("training_file") == training_file]
        return max((one for one in jobs if one.get("id")), key=lambda one: str(one.get("created_at")), default=None)


def _id_in(reply: Mapping[str, Any], service: Service) -> str:
    if not reply.get("id"):
        raise StoppedError(f"The server at {service.address.host} took a request for fine-tuning, but gave it no id.")
    return str(reply["id"])


def _last_event(job: Mapping[str, Any]) -> str:
    events = job.get("events")
    said = [one for one in events if isinstance(one, Mapping)] if isinstance(events, list) else []
    return str(said[-1].get("message") or "") if said else ""
