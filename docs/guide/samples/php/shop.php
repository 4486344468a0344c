<?php
// Links an account, tells a customer that the order is ready, and thanks for the answer.
//
//     BLAZZ_API_URL=http://127.0.0.1:7000 BLAZZ_API_KEY=blz_… php shop.php +15550000002

declare(strict_types=1);

require __DIR__ . '/blazz.php';

// The account and how far the event log has been read: a restart goes on from there.
const STATE = 'shop.json';

function main(array $arguments): int
{
    if (count($arguments) !== 2) {
        fwrite(STDERR, "usage: php shop.php +15550000002\n");
        return 2;
    }
    $blazz = new Blazz(getenv('BLAZZ_API_URL'), getenv('BLAZZ_API_KEY'));
    $state = is_file(STATE) ? json_decode(file_get_contents(STATE), true) : [];
    if (!isset($state['account'])) {
        $state['account'] = $blazz->call('POST', '/v1/accounts', ['name' => 'Shop'])['id'];
        save($state);
    }
    link_account($blazz, $state['account']);
    try {
        $message = $blazz->send($state['account'], $arguments[1], 'Your order is ready', 'order-17');
    } catch (Problem $problem) {
        if ($problem->problem === 'invalid_phone') {
            fwrite(STDERR, "{$problem->problem}: ask the customer for another number\n");
            return 1;
        }
        throw $problem;
    }
    echo "sent: {$message['id']}\n";
    follow($blazz, $state);
    return 0;
}

/** Shows QR codes, which change, until one is scanned and the session is connected. */
function link_account(Blazz $blazz, string $account): void
{
    $blazz->call('POST', "/v1/accounts/$account/session/start");
    $shown = null;
    while ($blazz->call('GET', "/v1/accounts/$account")['state'] !== 'connected') {
        try {
            $code = $blazz->call('GET', "/v1/accounts/$account/session/qr?wait=5")['text'];
        } catch (Problem $problem) {
            if ($problem->problem !== 'qr_not_available') {
                throw $problem;
            }
            usleep(200_000); // Starting, or just scanned.
            continue;
        }
        if ($code !== $shown) {
            $shown = $code;
            show($code);
        }
        usleep(200_000);
    }
}

/** With a real phone you draw the code. In the sandbox, a scripted phone is told to scan it. */
function show(string $code): void
{
    $phones = getenv('BLAZZ_PHONES_URL');
    if ($phones === false) {
        echo "scan this as a QR code: $code\n";
        return;
    }
    $curl = curl_init("$phones/phones/" . getenv('BLAZZ_PHONE') . '/scan');
    $body = json_encode(['qr' => $code], JSON_THROW_ON_ERROR);
    curl_setopt_array($curl, [CURLOPT_POSTFIELDS => $body, CURLOPT_RETURNTRANSFER => true, CURLOPT_FAILONERROR => true]);
    curl_exec($curl) !== false || throw new RuntimeException(curl_error($curl));
}

function follow(Blazz $blazz, array $state): void
{
    foreach ($blazz->pagesOfEvents($state['cursor'] ?? null) as $page) {
        $answered = array_filter($page['data'], fn (array $event): bool => answer($blazz, $event));
        $state['cursor'] = $page['next'];
        save($state);
        if ($answered !== []) {
            return;
        }
    }
}

/** Deals with one event. Done twice after a crash, it still sends one message: the key is made of the event's id. */
function answer(Blazz $blazz, array $event): bool
{
    if ($event['type'] !== 'message.received') {
        return false;
    }
    $message = $event['data'];
    $blazz->send($message['account_id'], $message['contact_phone'], 'Thank you', "thanks-{$event['id']}");
    echo "answered: {$message['id']}\n";
    return true;
}

function save(array $state): void
{
    file_put_contents(STATE . '.new', json_encode($state, JSON_THROW_ON_ERROR));
    rename(STATE . '.new', STATE);
}

exit(main($argv));
