// Links an account, tells a customer that the order is ready, and thanks for the answer.
//
//     npm ci && npm run build
//     BLAZZ_API_URL=http://127.0.0.1:7000 BLAZZ_API_KEY=blz_… node build/shop.js +15550000002

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

import { type Account, Blazz, type BlazzEvent, Problem, sleep } from "./blazz.js";

// The account and how far the event log has been read: a restart goes on from there.
const STATE = "shop.json";

interface State {
  account: string;
  cursor?: string;
}

async function main(customer: string): Promise<void> {
  const blazz = new Blazz(setting("BLAZZ_API_URL"), setting("BLAZZ_API_KEY"));
  const state = await load(blazz);
  await link(blazz, state.account);
  const message = await blazz.send(state.account, customer, "Your order is ready", "order-17");
  console.log("sent:", message.id);
  await follow(blazz, state);
}

async function load(blazz: Blazz): Promise<State> {
  if (existsSync(STATE)) return JSON.parse(readFileSync(STATE, "utf8"));
  const account = await blazz.call<Account>("POST", "/v1/accounts", { name: "Shop" });
  const state = { account: account.id };
  save(state);
  return state;
}

/** Shows QR codes, which change, until one is scanned and the session is connected. */
async function link(blazz: Blazz, account: string): Promise<void> {
  await blazz.call("POST", `/v1/accounts/${account}/session/start`);
  let shown: string | undefined;
  while ((await blazz.call<Account>("GET", `/v1/accounts/${account}`)).state !== "connected") {
    try {
      const code = await blazz.call<{ text: string }>("GET", `/v1/accounts/${account}/session/qr?wait=5`);
      if (code.text !== shown) await show((shown = code.text));
    } catch (error) {
      // Starting, or just scanned.
      if (!(error instanceof Problem && error.code === "qr_not_available")) throw error;
    }
    await sleep(200);
  }
}

/** With a real phone you draw the code. In the sandbox, a scripted phone is told to scan it. */
async function show(code: string): Promise<void> {
  const phones = process.env.BLAZZ_PHONES_URL;
  if (phones === undefined) {
    console.log("scan this as a QR code:", code);
    return;
  }
  const scan = { method: "POST", body: JSON.stringify({ qr: code }) };
  const answer = await fetch(`${phones}/phones/${setting("BLAZZ_PHONE")}/scan`, scan);
  if (!answer.ok) throw new Error(await answer.text());
}

async function follow(blazz: Blazz, state: State): Promise<void> {
  for await (const page of blazz.pagesOfEvents(state.cursor)) {
    let answered = false;
    for (const event of page.data) answered = (await answer(blazz, event)) || answered;
    state.cursor = page.next;
    save(state);
    if (answered) return;
  }
}

/** Deals with one event. Done twice after a crash, it still sends one message: the key is made of the event's id. */
async function answer(blazz: Blazz, event: BlazzEvent): Promise<boolean> {
  if (event.type !== "message.received" || event.data.contact_phone === null) return false;
  await blazz.send(event.data.account_id, event.data.contact_phone, "Thank you", `thanks-${event.id}`);
  console.log("answered:", event.data.id);
  return true;
}

function save(state: State): void {
  writeFileSync(`${STATE}.new`, JSON.stringify(state));
  renameSync(`${STATE}.new`, STATE);
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

const customer = process.argv[2];
if (customer === undefined) {
  console.error("usage: node build/shop.js +15550000002");
  process.exit(2);
}
try {
  await main(customer);
} catch (error) {
  if (!(error instanceof Problem && error.code === "invalid_phone")) throw error;
  console.error(`${error.code}: ask the customer for another number`);
  process.exitCode = 1;
}
