"""The other end of the signed hop, by an independent implementation of RFC 9421 and RFC 9530 (PyPI: http-message-signatures).

    hop.py serve                       a node that verifies what it is asked, prints it, and signs its answers
    hop.py call URL LEASE UNIX_TIME    an API that signs its requests and verifies the answers

FLEET_SECRET (hex) and NODE_ID come from the environment. The keys are derived here, from the description alone.
"""

import datetime
import http.client
import http.server
import json
import os
import secrets
import sys
import urllib.parse
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import HMAC_SHA256

NODE = os.environ["NODE_ID"]
REQUEST = ["@method", "@path", "@query", "content-type", "content-digest", "blazz-from", "blazz-to"]
ANSWER = ["@status", "content-digest", '"signature";req']


def derive(secret, info, length=32):
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info.encode()).derive(secret)


def direction_key(direction):
    secret = derive(bytes.fromhex(os.environ["FLEET_SECRET"]), f"blazz node secret v1 {NODE}")
    key = derive(secret, f"blazz hop key v1 {direction} {NODE}")
    return f"{NODE}/{direction}/{derive(key, 'blazz key id v1', 4).hex()}", key


ASKER, ASKER_KEY = direction_key("api-to-node")
ANSWERER, ANSWERER_KEY = direction_key("node-to-api")


class Keys(HTTPSignatureKeyResolver):
    def resolve_public_key(self, key_id):
        return {ASKER: ASKER_KEY, ANSWERER: ANSWERER_KEY}[key_id]

    resolve_private_key = resolve_public_key


SIGNER = HTTPMessageSigner(signature_algorithm=HMAC_SHA256, key_resolver=Keys())
VERIFIER = HTTPMessageVerifier(signature_algorithm=HMAC_SHA256, key_resolver=Keys())


@dataclass
class Request:
    method: str
    url: str
    headers: dict


@dataclass
class Response:
    status_code: int
    request: Request
    headers: dict = field(default_factory=dict)


def verify(message, components, key_id, body, max_age=None):
    (result,) = VERIFIER.verify(
        message, expect_tag="blazz", expect_label="blazz", require_components=components, body=body, max_age=max_age
    )
    assert result.parameters["keyid"] == key_id, result.parameters
    assert len(result.covered_components) == len(components) + 1, result.covered_components
    assert result.body == body, "the digest was not checked"
    return result


class Node(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        url = f"http://{self.headers['host']}{self.path}"
        request = Request(self.command, url, dict(self.headers.items()))
        leased = ["blazz-lease"] if "blazz-lease" in self.headers else []
        result = verify(request, REQUEST + leased, ASKER, body)
        assert len(result.nonce) >= 16
        assert (self.headers["blazz-from"], self.headers["blazz-to"]) == ("api", NODE)
        print(f"verified {self.command} {self.path}", flush=True)

        response = Response(200, request)
        payload = json.dumps(self.payload()).encode()
        SIGNER.sign(
            response, key_id=ANSWERER, label="blazz", tag="blazz", include_alg=False, covered_component_ids=ANSWER, body=payload
        )
        self.send_response(200)
        for name, value in {**response.headers, "content-type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def payload(self):
        if self.command == "POST":
            return {"outcome": "not_connected"}
        if "/qr" in self.path:
            moment = "2026-01-02T03:04:05Z"
            return {"text": "2@python", "expires_at": moment, "round_ends_at": moment}
        return {"sessions": []}

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


def serve():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Node) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


def call(base, lease, now, method, path, body=b"", meant_for=NODE):
    headers = {"content-type": "application/json", "blazz-from": "api", "blazz-to": meant_for}
    covered = list(REQUEST)
    if lease:
        headers["blazz-lease"] = lease
        covered.append("blazz-lease")
    request = Request(method, urllib.parse.urljoin(base, path), headers)
    SIGNER.sign(
        request,
        key_id=ASKER,
        created=datetime.datetime.fromtimestamp(now),
        nonce=secrets.token_hex(16),
        label="blazz",
        tag="blazz",
        include_alg=False,
        covered_component_ids=covered,
        body=body,
    )
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(base).netloc, timeout=10)
    connection.request(method, path, body=body, headers=request.headers)
    answer = connection.getresponse()
    response = Response(answer.status, request, dict(answer.getheaders()))
    verify(response, ANSWER, ANSWERER, answer.read())
    print(f"{answer.status} verified", flush=True)


def call_all(base, lease, now):
    now = int(now)
    sessions = "/internal/v1/sessions"
    session = f"{sessions}/{lease.split(';')[1]}"
    call(base, lease, now, "PUT", session, b'{"linked": true}')
    call(base, lease, now, "GET", f"{session}/qr?wait_ms=7")
    call(base, None, now, "GET", sessions)
    call(base, lease, now, "PUT", session, b'{"linked": true}', meant_for="somebody-else")
    call(base, None, now, "GET", "/internal/v1/nowhere")


if __name__ == "__main__":
    {"serve": serve, "call": call_all}[sys.argv[1]](*sys.argv[2:])
