"""Whether the mall answers, asked from where shoppers are."""

import json
import time
import urllib.error
import urllib.request

from .aws import Failed, say

# What must be true of it: the path, and of the answer's body whether it is good.
CHECKS = [
    ("/actuator/health", lambda body: json.loads(body)["status"] == "UP", "the gateway is healthy"),
    ("/product/allproduct", lambda body: isinstance(json.loads(body), (list, dict)), "the catalogue is read: registry, products, MySQL"),
    ("/v3/api-docs", lambda body: "/order/orderProduct" in json.loads(body)["paths"], "every service is found and describes itself"),
]

# What the world must not see.
CLOSED = ["/actuator/env", "/internal/orders/reservations", "/actuator/prometheus"]


def smoke(address, seconds=120, closed=True):
    """Each check is tried until it holds: instances appear in everybody's view within seconds."""
    end = time.monotonic() + seconds
    for path, good, what in CHECKS:
        while True:
            problem = attempt(address + path, good)
            if problem is None:
                break
            if time.monotonic() > end:
                raise Failed(f"smoke test, {what}: {address}{path}: {problem}")
            time.sleep(2)
        say(f"smoke test: {what}")
    for path in CLOSED if closed else []:
        status, _ = get(address + path)
        if status not in (401, 403, 404):
            raise Failed(f"smoke test: {address}{path} answers {status} to the world")
    say("smoke test: passed")


def attempt(url, good):
    """None, or what is wrong."""
    try:
        status, body = get(url)
        if status != 200:
            return f"status {status}"
        return None if good(body) else "the answer is not what it should be"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return str(error)


def get(url):
    """Status and body."""
    request = urllib.request.Request(url, headers={"Accept": "application/json", "User-Agent": "mall-deploy"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
