#!/usr/bin/env python3
"""traces-standin.py PORT-FILE [ADDRESS]: takes spans and shows them as Jaeger does, as far as test.sh asks; for machines without its image.

POST /v1/traces takes OTLP over HTTP in its JSON form, GET /api/traces/ID answers with a trace. Whatever is not OTLP is refused, and
programs that send it count their spans as dropped. The free port that it chose is written to PORT-FILE.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TRACES = {}


def take(message):
    for resource in message["resourceSpans"]:
        attributes = {one["key"]: one["value"] for one in resource["resource"]["attributes"]}
        service = attributes["service.name"]["stringValue"]
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                if len(bytes.fromhex(span["traceId"])) != 16 or len(bytes.fromhex(span["spanId"])) != 8:
                    raise ValueError("an id of a wrong length")
                began, ended = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
                if ended < began:
                    raise ValueError("ends before it begins")
                TRACES.setdefault(span["traceId"], []).append((service, span, began // 1000, (ended - began) // 1000))


def show(trace):
    spans, processes = [], {}
    for service, span, began, took in TRACES.get(trace, []):
        processes[service] = {"serviceName": service}
        parent = span.get("parentSpanId")
        references = [{"refType": "CHILD_OF", "traceID": trace, "spanID": parent}] if parent else []
        spans.append({"traceID": trace, "spanID": span["spanId"], "operationName": span["name"], "references": references,
                      "startTime": began, "duration": took, "processID": service})
    return {"data": [{"traceID": trace, "spans": spans, "processes": processes}] if spans else []}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        text = json.dumps(body, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):  # noqa: N802 (the name is the library's)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/json":
                raise ValueError("neither the path nor the type of OTLP over HTTP")
            take(json.loads(body))
            self.answer(200, {"partialSuccess": {}})
        except (KeyError, TypeError, ValueError) as error:
            self.answer(400, {"message": repr(error)})

    def do_GET(self):  # noqa: N802
        found = show(self.path.rsplit("/", 1)[-1])
        self.answer(200 if found["data"] else 404, found)

    def log_message(self, *_):
        pass


def main():
    server = ThreadingHTTPServer((sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1", 0), Handler)
    # Whole or not at all.
    with open(sys.argv[1] + ".new", "w", encoding="ascii") as file:
        file.write(f"{server.server_port}\n")
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    server.serve_forever()


main()
