"""Batches as OpenRouter and BigModel have them, on one port of 127.0.0.1.

A batch moves on by one state each time it is asked about. What its lines answer is told by scripts.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.servers.batch_plan import Counters, Job, Plan
from tests.servers.bigmodel import BigModel
from tests.servers.listener import Connection, Listener, Recorded
from tests.servers.model_server import _head, _send_json
from tests.servers.openrouter import OpenRouter
from tests.servers.script import Failure, Script
from tests.servers.vendor import CREATED, KEY, bearer

OPENROUTER, BIGMODEL = "/api/v1", "/api/paas/v4"
OPENROUTER_MODELS = ("z-ai/glm-5.3:batch", "z-ai/glm-5.2:batch")
BIGMODEL_MODELS = ("glm-4-plus", "glm-4-air-250414", "glm-4-flashx-250414")
MAX_OPENROUTER, MAX_BIGMODEL = 5_000, 50_000


class BatchServer(Listener):
    """Serve batches; everything else is 404."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = Plan()
        self.jobs: dict[str, Job] = {}
        self.counters = Counters()
        self.script: Callable[[str], Script | Failure] = lambda prompt: Script(
            answer=f"about {prompt}", reasoning="Let me see."
        )
        self.page = 1_000
        """How many results a page has at most."""
        self.inline = True
        """Whether a batch that has ended comes with its results."""
        self.loses = 0
        """If not 0: where the list of results is cut, as by a fault."""
        self.held = threading.Event()
        """While it is set, a batch stays ``in_progress``."""
        self.vendors = {OPENROUTER: OpenRouter(), BIGMODEL: BigModel()}

    # ---- routes ----------------------------------------------------------------------------------

    def respond(self, request: Recorded, connection: Connection) -> bool:
        path, _, query = request.path.partition("?")
        base = next((b for b in (OPENROUTER, BIGMODEL) if path.startswith(f"{b}/")), None)
        if base is None:
            return _send_json(connection, 404, {"error": {"message": "no such path"}})
        if bearer(request) != KEY:
            refusal = Failure(401, "1000" if base == BIGMODEL else 401, "Authentication failed.")
            return self._refuse(connection, base, refusal)
        route = (request.method, re.sub(r"/(batch|file)[-_]\w+", r"/\1_id", path[len(base) :]))
        if route == ("POST", "/files") and base == BIGMODEL:
            return self._upload(request, connection)
        if route == ("POST", "/batches"):
            return self._create(base, request, connection)
        if route == ("GET", "/batches"):
            return self._list(base, query, connection)
        return self._about(base, route, path.split("/"), query, connection)

    def _about(
        self,
        base: str,
        route: tuple[str, str],
        words: list[str],
        query: str,
        connection: Connection,
    ) -> bool:
        if route == ("GET", "/files/file_id/content") and base == BIGMODEL:
            content = self.counters.files.get(words[-2])
            if content is None:
                return self._refuse(connection, base, Failure(404, "1215", "file not found"))
            head = {"content-type": "application/octet-stream", "content-length": len(content)}
            connection.send(_head(200, {k: str(v) for k, v in head.items()}) + content)
            return True
        job = self.jobs.get(next((w for w in words if w.startswith("batch_")), ""))
        if job is None or job.vendor != base:
            return self._refuse(connection, base, Failure(404, "1215", "batch not found"))
        if route == ("GET", "/batches/batch_id"):
            self._advance(job)
            return _send_json(connection, 200, self._shown(job))
        if route == ("GET", "/batches/batch_id/results") and base == OPENROUTER:
            return self._page(job, query, connection)
        if route == ("POST", "/batches/batch_id/cancel") and base == BIGMODEL:
            if job.has_ended:
                return self._refuse(connection, base, Failure(400, "1214", "it has ended"))
            self.counters.cancels += 1
            job.states = ["cancelling", "cancelled"]
            job.answered = job.answered if job.answered is not None else len(job.lines) // 2
            return _send_json(connection, 200, self._shown(job))
        return self._refuse(connection, base, Failure(404, 404, "no such route"))

    def _page(self, job: Job, query: str, connection: Connection) -> bool:
        asked = dict(pair.split("=", 1) for pair in query.split("&") if pair)
        cursor, limit = asked.get("cursor", "from%3A0"), int(asked.get("limit", 500))
        if not job.has_ended or not 1 <= limit <= 1_000 or not cursor.startswith("from%3A"):
            return self._refuse(connection, OPENROUTER, Failure(400, 400, "limit or cursor"))
        start = int(cursor[7:])
        limit = min(limit, self.page)
        results = self._answers(job)[: self.loses or None]
        more = start + limit < len(results)
        answer = {
            "object": "list",
            "data": results[start : start + limit],
            "has_more": more,
            "next_cursor": f"from:{start + limit}" if more else None,
        }
        return _send_json(connection, 200, answer)

    def _refuse(self, connection: Connection, base: str, failure: Failure) -> bool:
        body = self.vendors[base].error_body(failure)
        return _send_json(connection, failure.status, body, failure.headers)

    def _list(self, base: str, query: str, connection: Connection) -> bool:
        asked = dict(pair.split("=") for pair in query.split("&") if pair)
        jobs = [job for job in reversed(self.jobs.values()) if job.vendor == base]
        ids = [job.id for job in jobs]
        start = ids.index(asked["after"]) + 1 if asked.get("after") in ids else 0
        limit = min(100, int(asked.get("limit", 20)))
        page = jobs[start : start + limit]
        answer = {
            "object": "list",
            "data": [self._shown(job, whole=False) for job in page],
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
            "has_more": start + limit < len(jobs),
        }
        return _send_json(connection, 200, answer)

    # ---- making a batch --------------------------------------------------------------------------

    def _create(self, base: str, request: Recorded, connection: Connection) -> bool:
        plan, body = self.plan, request.json if isinstance(request.json, dict) else {}
        check = self._openrouter_problem if base == OPENROUTER else self._bigmodel_problem
        refusal = plan.refusal or check(request, body)
        if refusal is not None:
            return self._refuse(connection, base, refusal)
        if plan.breaks == "before":
            connection.reset()
            return False
        job = self._made(base, body)
        if plan.breaks == "after":
            connection.reset()
            return False
        if plan.breaks == "stall":
            connection.wait(3600.0)
        return _send_json(connection, 202 if base == OPENROUTER else 200, self._shown(job))

    def _made(self, base: str, body: Mapping[str, Any]) -> Job:
        self.counters.made += 1
        if base == OPENROUTER:
            lines, problem = list(body["requests"]), None
        else:
            lines, problem = self._checked_file(self.counters.files[body["input_file_id"]])
        states = list(self.plan.states) if problem is None else ["validating", "failed"]
        about = {k: v for k, v in body.items() if k != "requests"}
        job = Job(
            f"batch_{self.counters.made:04}",
            base,
            lines,
            about,
            states,
            self.plan.answered,
            problem,
        )
        self.jobs[job.id] = job
        return job

    def _openrouter_problem(self, request: Recorded, body: dict[str, Any]) -> Failure | None:
        keys = list(body)
        if "requests" in keys[:2] and {"endpoint", "model"} - set(keys[: keys.index("requests")]):
            return Failure(400, 400, "endpoint and model must come before requests")
        if body.get("endpoint") != "/v1/chat/completions":
            return Failure(400, 400, "endpoint is not supported")
        if body.get("model") not in OPENROUTER_MODELS:
            return Failure(400, 400, f"{body.get('model')} has no batch pricing")
        requests = body.get("requests")
        if not isinstance(requests, list) or not 0 < len(requests) <= MAX_OPENROUTER:
            return Failure(400, 400, f"requests must have 1 to {MAX_OPENROUTER} entries")
        names = [str(entry.get("custom_id") or "") for entry in requests]
        if len(set(names)) < len(names) or any(not 0 < len(name) <= 64 for name in names):
            return Failure(400, 400, "custom_id must be unique, with at most 64 characters")
        for entry in requests:
            asked = entry.get("body") or {}
            if asked.get("model", body["model"]) != body["model"]:
                return Failure(400, 400, "the model of a request must be that of the batch")
            if asked.get("stream") or not asked.get("messages"):
                return Failure(400, 400, "a request has messages, and does not stream")
        return None

    def _bigmodel_problem(self, request: Recorded, body: dict[str, Any]) -> Failure | None:
        if body.get("input_file_id") not in self.counters.files:
            return Failure(400, "1214", "input_file_id is invalid")
        if body.get("endpoint") != "/v4/chat/completions":
            return Failure(400, "1214", "endpoint is invalid")
        metadata = body.get("metadata") or {}
        if any(len(k) > 64 or len(str(v)) > 512 for k, v in metadata.items()):
            return Failure(400, "1214", "metadata is too long")
        return None

    def _upload(self, request: Recorded, connection: Connection) -> bool:
        if self.plan.breaks == "upload":
            connection.reset()
            return False
        kind = request.headers.get("content-type", "")
        boundary = kind.partition("boundary=")[2].encode()
        fields = {}
        for piece in request.body.split(b"--" + boundary)[1:-1] if boundary else []:
            head, _, content = piece.strip(b"\r\n").partition(b"\r\n\r\n")
            name = re.search(rb' name="(\w+)"', head)
            if name:
                fields[name[1].decode()] = (head, content)
        head, content = fields.get("file", (b"", b""))
        file = re.search(rb'filename="([^"]+)"', head)
        if fields.get("purpose", (b"", b""))[1] != b"batch" or file is None:
            return self._refuse(connection, BIGMODEL, Failure(400, "1214", "purpose is invalid"))
        if not file[1].endswith(b".jsonl") or len(content) > 100_000_000:
            return self._refuse(connection, BIGMODEL, Failure(400, "1214", "the file is invalid"))
        id_ = f"file_{len(self.counters.files):04}"
        self.counters.files[id_] = content
        answer = {
            "id": id_, "object": "file", "bytes": len(content), "created_at": CREATED,
            "filename": file[1].decode(), "purpose": "batch",
        }  # fmt: skip
        return _send_json(connection, 200, answer)

    def _checked_file(self, content: bytes) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Return the lines of a file, and its first problem: what ``validating`` finds."""
        lines: list[dict[str, Any]] = []
        names: set[str] = set()
        for number, text in enumerate(content.decode().split("\n"), 1):
            if not text.strip():
                continue
            why = ""
            try:
                line = json.loads(text)
            except ValueError:
                return lines, {"code": "invalid_json_line", "line": number, "message": "not JSON"}
            name, body = str(line.get("custom_id") or ""), line.get("body") or {}
            if len(name) < 6 or name in names:
                why = "custom_id must be unique, with at least 6 characters"
            elif line.get("method") != "POST" or line.get("url") != "/v4/chat/completions":
                why = "method or url is invalid"
            elif body.get("model") not in BIGMODEL_MODELS:
                why = f"model {body.get('model')} is not supported in batches"
            elif body.get("stream") or not body.get("messages"):
                why = "a request has messages, and does not stream"
            if why:
                return lines, {"code": "invalid_request", "line": number, "message": why}
            names.add(name)
            lines.append(line)
        if len(lines) > MAX_BIGMODEL:
            return lines, {"code": "too_many_lines", "line": None, "message": "too many lines"}
        return lines, None

    # ---- what a batch tells ----------------------------------------------------------------------

    def _advance(self, job: Job) -> None:
        if len(job.states) > 1 and not (self.held.is_set() and job.state == "in_progress"):
            job.states.pop(0)

    def _answers(self, job: Job) -> list[dict[str, Any]]:
        """Return the results of a batch that has ended, in another order than its lines had."""
        if job.state == "failed" or not job.has_ended:
            return []
        vendor = self.vendors[job.vendor]
        results = []
        for line in job.lines[: job.answered]:
            body = {"model": job.about.get("model"), **line["body"]}
            reply = self.script(body["messages"][-1]["content"])
            result: dict[str, Any] = {"id": f"r-{line['custom_id'][:8]}", "error": None}
            result["custom_id"] = line["custom_id"]
            if isinstance(reply, Failure):
                error = vendor.error_body(reply)["error"]
                if job.vendor == OPENROUTER:
                    result |= {"response": None, "error": error}
                else:
                    answer = {"status_code": reply.status, "body": {"error": error}}
                    result["response"] = answer
            else:
                result["response"] = {"status_code": 200, "body": vendor.document(reply, body)}
            results.append(result)
        return results[::-1]

    def _shown(self, job: Job, *, whole: bool = True) -> dict[str, Any]:
        results = self._answers(job)
        failed = [r for r in results if r["error"] or r["response"]["status_code"] >= 400]
        done = len(job.lines) // 2 if job.state == "finalizing" else len(results) - len(failed)
        counts = {"total": len(job.lines), "completed": done, "failed": len(failed)}
        shown: dict[str, Any] = {
            "id": job.id, "object": "batch", "status": job.state, "completion_window": "24h",
            "endpoint": job.about["endpoint"], "created_at": int(time.time()),
            "request_counts": counts,
        }  # fmt: skip
        if job.vendor == OPENROUTER:
            message = "the provider rejected the batch"
            error = {"message": message} if job.state == "failed" else None
            shown |= {
                "model": job.about["model"],
                "error": error,
                "finalized_at": None,
                "usage": None,
            }
            return {**shown, "results": results if whole and self.inline and job.has_ended else []}
        shown |= {
            "input_file_id": job.about["input_file_id"],
            "metadata": job.about.get("metadata"),
        }
        if job.state == "failed":
            problem = job.problem or {"code": "failed", "message": "the batch was rejected"}
            shown["errors"] = {"object": "list", "data": [problem]}
        good = [r for r in results if r not in failed][: self.loses or None]
        for name, some in (("output_file_id", good), ("error_file_id", failed)):
            shown[name] = self._file(job, name, some) if some else None
        return shown

    def _file(self, job: Job, name: str, results: list[dict[str, Any]]) -> str:
        id_ = f"file_{job.id[6:]}{name[0]}"
        text = "".join(f"{json.dumps(result, ensure_ascii=False)}\n" for result in results)
        self.counters.files[id_] = text.encode()
        return id_
