# SPDX-License-Identifier: Apache-2.0
"""The official client's HTTP requests answered by tests/tools/ask_lines instead of a server.

`client(program, directory)` gives a QdrantClient whose requests become lines for the program.
"""
import json
import re
import subprocess
import urllib.parse

import httpx
from qdrant_client import QdrantClient

ASK = {"points": 0, "points/scroll": 1, "points/count": 2, "facet": 3, "points/query": 4,
       "points/query/batch": 5, "points/query/groups": 6, "points/search": 7,
       "points/search/batch": 8, "points/search/groups": 9, "points/recommend": 10,
       "points/recommend/batch": 11, "points/recommend/groups": 12, "points/discover": 13,
       "points/discover/batch": 14, "points/search/matrix/pairs": 15,
       "points/search/matrix/offsets": 16}
HTTP = {-1: 400, -2: 404, -3: 409, -4: 400, -5: 400, -11: 408, -13: 422}


def done(answer):
    """An update's answer as the server gives it."""
    if "result" in answer:
        answer["result"] = {"operation_id": 0, "status": "completed"}
    return answer


class Program:
    """One running ask_lines."""

    def __init__(self, program, directory):
        self.process = subprocess.Popen([program, str(directory)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def line(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"ask_lines ended ({self.process.wait()}) at {what}")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0

    def request(self, method, path, body):
        """The answer to a request of the REST interface."""
        match = re.fullmatch(r"/collections/([^/]+)(?:/(.+))?", path)
        if not match:
            return {"result": None} if path != "/" else {"version": "1.19.0"}
        name, rest = urllib.parse.unquote(match.group(1)), match.group(2)
        if rest is None:
            return self.line(op="create" if method == "PUT" else "drop", collection=name, body=body)
        if (method, rest) == ("PUT", "index"):
            return done(self.line(op="index", collection=name, path=body["field_name"],
                                  body=body["field_schema"]))
        if (method, rest) == ("PUT", "points"):
            return done(self.line(op="tell", kind=0, collection=name, body=body))
        if method == "GET" and rest.startswith("points/"):
            raise NotImplementedError(path)
        return self.line(op="ask", kind=ASK[rest], collection=name, body=body)

    def handle(self, request):
        body = json.loads(request.content) if request.content else None
        answer = self.request(request.method, request.url.raw_path.decode().split("?")[0], body)
        if "error" in answer:
            return httpx.Response(HTTP.get(answer["status"], 500),
                                  json={"status": {"error": answer["error"]}, "time": 0})
        if "version" in answer:
            return httpx.Response(200, json={"title": "latent", **answer})
        return httpx.Response(200, json={"result": answer["result"], "status": "ok", "time": 0})


def client(program, directory):
    running = Program(program, directory)
    made = QdrantClient(url="http://ask", transport=httpx.MockTransport(running.handle),
                        check_compatibility=False)
    made.program = running
    return made
