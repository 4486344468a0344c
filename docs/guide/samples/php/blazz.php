<?php
// A small client of Blazz: repeats what may be repeated, names problems by their code, reads the event log by its cursor.

declare(strict_types=1);

/** The API's refusal. `problem` is stable: switch on it. The message is for people; `requestId` is for the operator's logs. */
final class Problem extends Exception
{
    public readonly string $problem;
    public readonly ?string $requestId;

    public function __construct(public readonly int $status, array $body)
    {
        $this->problem = $body['code'] ?? 'unknown';
        $this->requestId = $body['request_id'] ?? null;
        parent::__construct($this->problem . ': ' . ($body['detail'] ?? $body['title'] ?? ''));
    }
}

final class Blazz
{
    private const ATTEMPTS = 8;

    public function __construct(private readonly string $url, private readonly string $key)
    {
    }

    /** One request. It is repeated after 429, and after 503 or a broken connection if a repeat cannot do anything twice. */
    public function call(string $method, string $path, ?array $body = null, ?string $idempotencyKey = null): ?array
    {
        $mayRepeat = $method !== 'POST' || $idempotencyKey !== null;
        for ($attempt = 1; ; $attempt++) {
            [$status, $answer, $retryAfter, $error] = $this->request($method, $path, $body, $idempotencyKey);
            if ($status >= 200 && $status < 300) {
                return $answer;
            }
            $again = $status === 429 || (($status === 503 || $status === 0) && $mayRepeat);
            if (!$again || $attempt === self::ATTEMPTS) {
                throw $status === 0 ? new RuntimeException($error) : new Problem($status, $answer ?? []);
            }
            self::pause($attempt, $retryAfter);
        }
    }

    public function send(string $account, string $to, string $text, string $idempotencyKey): array
    {
        $body = ['account_id' => $account, 'to' => $to, 'text' => $text];
        return $this->call('POST', '/v1/messages', $body, $idempotencyKey);
    }

    /** The event log from a cursor on, page by page, forever. Store a page's `next` when its events are dealt with. */
    public function pagesOfEvents(?string $cursor = null): Generator
    {
        while (true) {
            $page = $this->call('GET', '/v1/events?limit=200' . ($cursor === null ? '' : "&after=$cursor"));
            yield $page;
            $cursor = $page['next'];
            if ($page['data'] === []) {
                usleep(500_000);
            }
        }
    }

    /** Status (0: no whole answer came), body, `Retry-After`, and what went wrong with the connection. */
    private function request(string $method, string $path, ?array $body, ?string $idempotencyKey): array
    {
        $headers = ["Authorization: Bearer {$this->key}", 'Content-Type: application/json'];
        if ($idempotencyKey !== null) {
            $headers[] = "Idempotency-Key: $idempotencyKey";
        }
        $retryAfter = null;
        $curl = curl_init(rtrim($this->url, '/') . $path);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_HTTPHEADER => $headers,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 60,
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$retryAfter): int {
                if (preg_match('/^retry-after:\s*(\d+)/i', $line, $found) === 1) {
                    $retryAfter = (int) $found[1];
                }
                return strlen($line);
            },
        ]);
        if ($body !== null) {
            curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body, JSON_THROW_ON_ERROR));
        }
        $text = curl_exec($curl);
        if ($text === false) {
            return [0, null, null, curl_error($curl)];
        }
        return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), json_decode($text, true), $retryAfter, null];
    }

    /** Waits as long as the server says, or twice as long every time, with some chance in it so that clients do not come back together. */
    private static function pause(int $attempt, ?int $retryAfter): void
    {
        $milliseconds = $retryAfter === null ? min(250 * 2 ** $attempt, 15_000) : 1000 * $retryAfter;
        usleep(1000 * ($milliseconds + random_int(0, 250)));
    }
}
