"""Links an account, tells a customer that the order is ready, and thanks for the answer.

    BLAZZ_API_URL=http://127.0.0.1:7000 BLAZZ_API_KEY=blz_… python3 shop.py +15550000002
"""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

from blazz import Blazz, Problem

STATE = Path("shop.json")  # The account and how far the event log has been read: a restart goes on from there.


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python3 shop.py +15550000002")
    customer = sys.argv[1]
    blazz = Blazz(os.environ["BLAZZ_API_URL"], os.environ["BLAZZ_API_KEY"])
    state = json.loads(STATE.read_text()) if STATE.exists() else {}
    if "account" not in state:
        state["account"] = blazz.call("POST", "/v1/accounts", {"name": "Shop"})["id"]
        save(state)
    link(blazz, state["account"])
    try:
        message = blazz.send(state["account"], customer, "Your order is ready", "order-17")
    except Problem as problem:
        if problem.code == "invalid_phone":
            sys.exit(f"{problem.code}: ask the customer for another number")
        raise
    print("sent:", message["id"])
    follow(blazz, state)


def link(blazz, account):
    """Shows QR codes, which change, until one is scanned and the session is connected."""
    blazz.call("POST", f"/v1/accounts/{account}/session/start")
    shown = None
    while blazz.call("GET", f"/v1/accounts/{account}")["state"] != "connected":
        try:
            code = blazz.call("GET", f"/v1/accounts/{account}/session/qr?wait=5")["text"]
        except Problem as problem:
            if problem.code != "qr_not_available":
                raise
            time.sleep(0.2)  # Starting, or just scanned.
            continue
        if code != shown:
            shown = code
            show(code)
        time.sleep(0.2)


def show(code):
    """With a real phone you draw the code. In the sandbox, a scripted phone is told to scan it."""
    phones, phone = os.environ.get("BLAZZ_PHONES_URL"), os.environ.get("BLAZZ_PHONE")
    if not phones:
        print("scan this as a QR code:", code)
        return
    body = json.dumps({"qr": code}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{phones}/phones/{phone}/scan", body)).close()


def follow(blazz, state):
    for page in blazz.pages_of_events(state.get("cursor")):
        answered = any([answer(blazz, event) for event in page["data"]])
        state["cursor"] = page["next"]
        save(state)
        if answered:
            return


def answer(blazz, event):
    """Deals with one event. Done twice after a crash, it still sends one message: the key is made of the event's id."""
    if event["type"] != "message.received":
        return False
    message = event["data"]
    blazz.send(message["account_id"], message["contact_phone"], "Thank you", f"thanks-{event['id']}")
    print("answered:", message["id"])
    return True


def save(state):
    new = STATE.with_suffix(".new")
    new.write_text(json.dumps(state))
    new.replace(STATE)


main()
