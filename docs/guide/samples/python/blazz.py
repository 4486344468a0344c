"""A small client of Blazz: repeats what may be repeated, names problems by their code, reads the event log by its cursor."""

import json
import random
import time
import urllib.error
import urllib.request

ATTEMPTS = 8


class Problem(Exception):
    """The API's refusal. `code` is stable: switch on it. `detail` is for people; `request_id` is for the operator's logs."""

    def __init__(self, status, body):
        self.status = status
        self.code = body.get("code", "unknown")
        self.detail = body.get("detail") or body.get("title", "")
        self.request_id = body.get("request_id")
        super().__init__(f"{self.code}: {self.detail}")


class Blazz:
    def __init__(self, url, key):
        self.url = url.rstrip("/")
        self.key = key

    def call(self, method, path, body=None, idempotency_key=None):
        """One request. It is repeated after 429, and after 503 or a broken connection if a repeat cannot do anything twice."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        data = None if body is None else json.dumps(body).encode()
        may_repeat = method != "POST" or idempotency_key is not None
        for attempt in range(1, ATTEMPTS + 1):
            request = urllib.request.Request(self.url + path, data, headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    text = answer.read()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                problem = Problem(error.code, read_problem(error))
                again = error.code == 429 or (error.code == 503 and may_repeat)
                if not again or attempt == ATTEMPTS:
                    raise problem from None
                pause(attempt, error.headers.get("Retry-After"))
            except OSError:
                if not may_repeat or attempt == ATTEMPTS:
                    raise
                pause(attempt)

    def send(self, account, to, text, idempotency_key):
        body = {"account_id": account, "to": to, "text": text}
        return self.call("POST", "/v1/messages", body, idempotency_key)

    def pages_of_events(self, cursor=None):
        """The event log from a cursor on, page by page, forever. Store a page's `next` when its events are dealt with."""
        while True:
            after = f"&after={cursor}" if cursor else ""
            page = self.call("GET", f"/v1/events?limit=200{after}")
            yield page
            cursor = page["next"]
            if not page["data"]:
                time.sleep(0.5)


def read_problem(error):
    try:
        body = json.loads(error.read())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def pause(attempt, retry_after=None):
    """Waits as long as the server says, or twice as long every time, with some chance in it so that clients do not come back together."""
    if retry_after and retry_after.isdigit():
        seconds = int(retry_after)
    else:
        seconds = min(0.25 * 2**attempt, 15)
    time.sleep(seconds + random.uniform(0, 0.25))
