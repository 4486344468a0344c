// A small client of Blazz: repeats what may be repeated, names problems by their code, reads the event log by its cursor.

const ATTEMPTS = 8;

export interface Account {
  id: string;
  state: string;
}

export interface Message {
  id: string;
  account_id: string;
  contact_phone: string | null;
  status: string;
}

/** The kinds of events that this sample deals with; `GET /openapi.json` has all of them. */
export type BlazzEvent = { id: string; sequence: number } & (
  | { type: "message.received" | "message.status.updated"; data: Message }
  | { type: "account.state.updated"; data: Account }
);

export interface EventPage {
  data: BlazzEvent[];
  next: string;
}

/** The API's refusal. `code` is stable: switch on it. `message` is for people; `requestId` is for the operator's logs. */
export class Problem extends Error {
  readonly code: string;
  readonly requestId: string | undefined;

  constructor(
    readonly status: number,
    body: Record<string, string | undefined>,
  ) {
    const code = body.code ?? "unknown";
    super(`${code}: ${body.detail ?? body.title ?? ""}`);
    this.code = code;
    this.requestId = body.request_id;
  }
}

export class Blazz {
  constructor(
    private readonly url: string,
    private readonly key: string,
  ) {}

  /** One request. It is repeated after 429, and after 503 or a broken connection if a repeat cannot do anything twice. */
  async call<T>(method: string, path: string, body?: object, idempotencyKey?: string): Promise<T> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.key}`, "Content-Type": "application/json" };
    if (idempotencyKey !== undefined) headers["Idempotency-Key"] = idempotencyKey;
    const mayRepeat = method !== "POST" || idempotencyKey !== undefined;
    for (let attempt = 1; ; attempt++) {
      let status: number, text: string, retryAfter: string | null;
      try {
        const request = { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(60_000) };
        const answer = await fetch(this.url + path, request);
        [status, text, retryAfter] = [answer.status, await answer.text(), answer.headers.get("Retry-After")];
      } catch (error) {
        if (!mayRepeat || attempt === ATTEMPTS) throw error;
        await pause(attempt, null);
        continue;
      }
      if (status >= 200 && status < 300) return (text === "" ? undefined : JSON.parse(text)) as T;
      const again = status === 429 || (status === 503 && mayRepeat);
      if (!again || attempt === ATTEMPTS) throw new Problem(status, readProblem(text));
      await pause(attempt, retryAfter);
    }
  }

  send(account: string, to: string, text: string, idempotencyKey: string): Promise<Message> {
    return this.call("POST", "/v1/messages", { account_id: account, to, text }, idempotencyKey);
  }

  /** The event log from a cursor on, page by page, forever. Store a page's `next` when its events are dealt with. */
  async *pagesOfEvents(cursor?: string): AsyncGenerator<EventPage, never> {
    for (;;) {
      const after = cursor === undefined ? "" : `&after=${cursor}`;
      const page = await this.call<EventPage>("GET", `/v1/events?limit=200${after}`);
      yield page;
      cursor = page.next;
      if (page.data.length === 0) await sleep(500);
    }
  }
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, milliseconds));
}

function readProblem(text: string): Record<string, string | undefined> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Waits as long as the server says, or twice as long every time, with some chance in it so that clients do not come back together. */
function pause(attempt: number, retryAfter: string | null): Promise<void> {
  const seconds = /^\d+$/.test(retryAfter ?? "") ? Number(retryAfter) : Math.min(0.25 * 2 ** attempt, 15);
  return sleep(1000 * seconds + 250 * Math.random());
}
