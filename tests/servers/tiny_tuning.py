"""The fine-tuning of the tiny server: files, jobs that take a few polls, and tuned models that answer as the tiny
network does. In OpenAI's shape, and with Together's paths."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
_POLLS_WAITING, _POLLS = 1, 3  # a job is done when it was looked at so often
_NAME = re.compile(rb'filename="([^"]+)"')


@dataclass
class Job:
    id: str
    order: Json
    looks: int = 0
    status: str = "queued"
    model: str | None = None
    tokens: int | None = None


@dataclass
class TinyTuning:
    """`fails`: what every job says when it fails. `hangs`: jobs stay in the queue. `refuses_files`: what every upload
    is refused with. `breaks_off`: so many next jobs are started, but the answer is an error. `sent` are the requests,
    as method and path."""

    fails: str = ""
    hangs: bool = False
    refuses_files: str = ""
    breaks_off: int = 0
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # name and content, by id
    deleted: list[str] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    uploads: list[bytes] = field(default_factory=list)

    def reply(self, method: str, path: str, content: bytes, kind: str) -> tuple[int, Json] | None:
        """Status and body; None if the path is for something else."""
        parts = path.partition("?")[0].removeprefix("/v1/").split("/")
        if parts[0] == "models" and method == "DELETE":
            return self._delete_model(method, path, "/".join(parts[1:]))
        if parts[0] == "files":
            self.sent.append((method, path))
            return self._file(method, parts[1:], content, kind)
        if parts[:2] == ["fine_tuning", "jobs"] or parts[0] == "fine-tunes":
            self.sent.append((method, path))
            is_together = parts[0] == "fine-tunes"
            return self._job(method, parts[1:] if is_together else parts[2:], content, is_together)
        return None

    def _delete_model(self, method: str, path: str, name: str) -> tuple[int, Json]:
        self.sent.append((method, path))
        name = name.replace("%3A", ":")
        if name not in self.models:
            return _refused(404, f"The model `{name}` does not exist.")
        self.models.remove(name)
        return 200, {"id": name, "object": "model", "deleted": True}

    def _file(self, method: str, rest: list[str], content: bytes, kind: str) -> tuple[int, Json]:
        if method == "GET":
            listed = [{"id": id, "object": "file", "filename": name} for id, (name, _) in self.files.items()]
            return 200, {"object": "list", "data": listed}
        if method == "DELETE":
            if self.files.pop(rest[0], None) is None:
                return _refused(404, "No such File object.")
            self.deleted.append(rest[0])
            return 200, {"id": rest[0], "object": "file", "deleted": True}
        if self.refuses_files:
            return _refused(400, self.refuses_files)
        boundary = kind.partition("boundary=")[2].encode()
        part = next(part for part in content.split(b"--" + boundary) if b"filename=" in part)
        [name] = _NAME.findall(part)
        id = f"file-{len(self.uploads)}"
        self.files[id] = name.decode(), part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        self.uploads.append(self.files[id][1])
        return 200, {"id": id, "object": "file", "filename": name.decode(), "purpose": "fine-tune"}

    def _job(self, method: str, rest: list[str], content: bytes, is_together: bool) -> tuple[int, Json]:
        if method == "GET" and not rest:
            return 200, {"object": "list", "data": [self._shown(job, is_together) for job in reversed(self.jobs)]}
        if method == "POST" and not rest:
            order = json.loads(content)
            if order["training_file"] not in self.files:
                return _refused(400, "invalid training_file")
            self.jobs.append(Job(f"ftjob-{len(self.jobs)}", order))
            if self.breaks_off:
                self.breaks_off -= 1
                return _refused(500, "Something went wrong.")
            return 200, self._shown(self.jobs[-1], is_together)
        job = next((one for one in self.jobs if one.id == rest[0]), None)
        if job is None:
            return _refused(404, "No such job.")
        if rest[1:] == ["cancel"]:
            if job.status in ("queued", "running"):
                job.status = "cancelled"
        elif job.status in ("queued", "running") and not self.hangs:
            self._go_on(job)
        return 200, self._shown(job, is_together)

    def _go_on(self, job: Job) -> None:
        job.looks += 1
        words = len(self.files[job.order["training_file"]][1].split())
        if job.looks <= _POLLS_WAITING:
            return
        job.status, job.tokens = "running", words * (job.looks - _POLLS_WAITING)
        if job.looks >= _POLLS and self.fails:
            job.status = "failed"
        elif job.looks >= _POLLS:
            job.status, job.model = "succeeded", f"ft:tiny:{job.order['suffix']}:{job.id[6:]}"
            self.models.append(job.model)

    def _shown(self, job: Job, is_together: bool) -> Json:
        if is_together:
            status = {"succeeded": "completed", "failed": "error"}.get(job.status, job.status)
            events = [{"object": "fine-tune-event", "message": self.fails}] if job.status == "failed" else []
            return {"id": job.id, "status": status, "training_file": job.order["training_file"], "events": events,
                    "created_at": f"2026-01-01T00:00:{job.id[6:]:0>2}Z", "model_output_name": job.model,
                    "token_count": job.tokens}  # fmt: skip
        error = {"code": "invalid", "message": self.fails} if job.status == "failed" else None
        return {"id": job.id, "object": "fine_tuning.job", "status": job.status, "fine_tuned_model": job.model,
                "trained_tokens": job.tokens, "training_file": job.order["training_file"], "error": error}  # fmt: skip


def _refused(status: int, said: str) -> tuple[int, Json]:
    return status, {"error": {"message": said, "type": "invalid_request_error", "param": None}}
