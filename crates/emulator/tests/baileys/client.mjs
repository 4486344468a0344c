// An independent WhatsApp client (Baileys), driven over stdin and stdout, one JSON object a line.
//
//   node client.mjs WS_URL ROOT_KEY MEDIA_URL DIRECTORY [history]
//
// In:  {"do":"send","to":"1555…","content":{…}}  content as Baileys takes it; an `image` is base64; `to` may be an address,
//                                                with `options` as Baileys takes them
//      {"do":"call","method":"…","args":[…]}     any other method of the client, answered by `result`
//      {"do":"read","key":{…}}                   a read receipt for a message
//      {"do":"download","message":{…}}           the file of a message that was received
//      {"do":"digest"}                           compares the published keys with its own
//      {"do":"code","phone":"1555…"}             asks for a pairing code
//      {"do":"stop"}                             ends the client; its session stays in DIRECTORY
// Out: {"event":"qr"|"open"|"closed"|"message"|"receipt"|"sent"|"file"|"code"|"digest"|"keyed"|"result"|"failed", …}
//      and what the client itself reports, by its own names: "groups.upsert", "chats.update", "messaging-history.set", …
import { createHash } from 'node:crypto'
import http from 'node:http'
import { createInterface } from 'node:readline'
import { format } from 'node:util'
import makeWASocket, {
  BufferJSON,
  Curve,
  DisconnectReason,
  WA_CERT_DETAILS,
  downloadMediaMessage,
  proto,
  useMultiFileAuthState,
} from 'baileys'
import { verify } from 'curve25519-js'

const [url, rootKey, media, directory, history] = process.argv.slice(2)
WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootKey, 'hex')
// The library expects its verification to throw, and gets `false` from it: without this every signature would do.
Curve.verify = (key, message, signature) => verify(key.length === 33 ? key.subarray(1) : key, message, signature)

const say = (event, fields = {}) => process.stdout.write(JSON.stringify({ event, ...fields }, BufferJSON.replacer) + '\n')
const complain = (...words) => process.env.BAILEYS_LOG && process.stderr.write(format(...words) + '\n')
// Its Signal library writes to the console what is not ours to read.
for (const name of ['log', 'info', 'warn', 'debug', 'error']) console[name] = complain
const logger = { level: 'trace', child: () => logger }
for (const level of ['trace', 'debug', 'info', 'warn', 'error']) logger[level] = (...words) => complain(level, ...words)

// The emulator's media host speaks plain HTTP on the loopback; the library insists on https.
const plain = new http.Agent()
plain.protocol = 'https:'
const realFetch = globalThis.fetch
// What comes without a URL it looks for at WhatsApp's own host, whatever host the server names.
globalThis.fetch = (to, options) =>
  realFetch(
    String(to).replace('https://mmg.whatsapp.net', media).replace(/^https:\/\/127\.0\.0\.1:/, 'http://127.0.0.1:'),
    options,
  )

const { state, saveCreds } = await useMultiFileAuthState(directory)
// Everything is written one after another and before the process ends: half a file would be no session.
let writing = Promise.resolve()
const write = (task) => (writing = writing.then(task, task))
const save = () => write(saveCreds)
const { set } = state.keys
state.keys.set = (data) => write(() => set(data))
// What is passed on as the client reports it.
const REPORTED = [
  'chats.upsert',
  'chats.update',
  'contacts.upsert',
  'contacts.update',
  'group-participants.update',
  'groups.update',
  'groups.upsert',
  'message-receipt.update',
  'messaging-history.set',
  'presence.update',
]
const sent = new Map()
let socket
let stopping = false

function connect() {
  socket = makeWASocket({
    waWebSocketUrl: url,
    version: [2, 3000, 1],
    auth: state,
    logger,
    fetchAgent: plain,
    // A phone without a past hands nothing over: without this the client holds everything back for 20 seconds.
    syncFullHistory: false,
    shouldSyncHistoryMessage: () => Boolean(history),
    getMessage: async (key) => sent.get(key.id),
  })
  socket.ev.on('creds.update', save)
  // From now on it can change settings.
  socket.ev.on('creds.update', ({ myAppStateKeyId }) => myAppStateKeyId && say('keyed'))
  socket.ev.on('connection.update', ({ connection, qr, lastDisconnect }) => {
    if (qr) say('qr', { qr })
    if (connection === 'open') say('open', { me: socket.user })
    if (connection !== 'close') return
    const status = lastDisconnect?.error?.output?.statusCode
    if (stopping) return
    // After pairing the server asks for a new connection.
    if (status === DisconnectReason.restartRequired) connect()
    else say('closed', { status, reason: String(lastDisconnect?.error) })
  })
  socket.ev.on('messages.upsert', ({ messages, type }) => {
    for (const message of messages) say('message', { type, key: message.key, message: message.message })
  })
  for (const name of REPORTED) socket.ev.on(name, (report) => say(name, { report }))
  // A receipt of one peer comes as a new status of the message.
  socket.ev.on('messages.update', (updates) => {
    for (const { key, update } of updates) if (update.status) say('receipt', { id: key.id, status: proto.WebMessageInfo.Status[update.status] })
  })
}

const commands = {
  async send({ to, content, options = {} }) {
    if (content.image) content.image = Buffer.from(content.image, 'base64')
    const { quoted, ...rest } = content
    const chat = to.includes('@') ? to : `${to}@s.whatsapp.net`
    const message = await socket.sendMessage(chat, rest, quoted ? { quoted, ...options } : options)
    sent.set(message.key.id, message.message)
    say('sent', { id: message.key.id, key: message.key, message: message.message })
  },
  async call({ method, args }) {
    say('result', { method, result: (await socket[method](...args)) ?? null })
  },
  async read({ key }) {
    await socket.readMessages([key])
  },
  async download({ message }) {
    const file = await downloadMediaMessage(message, 'buffer', {})
    say('file', { data: file.toString('base64') })
  },
  // What the server says it holds of this client, against what the client itself has.
  async digest() {
    const part = (node, tag) => node.content.find((child) => child.tag === tag)
    const attrs = { to: 's.whatsapp.net', type: 'get', xmlns: 'encrypt' }
    const digest = part(await socket.query({ tag: 'iq', attrs, content: [{ tag: 'digest', attrs: {} }] }), 'digest')
    const ids = part(digest, 'list').content.map(({ content }) => String(Buffer.from(content).readUIntBE(0, 3)))
    const keys = await state.keys.get('pre-key', ids)
    const { signedIdentityKey, signedPreKey, registrationId } = state.creds
    const hash = createHash('sha1')
    hash.update(signedIdentityKey.public).update(signedPreKey.keyPair.public).update(signedPreKey.signature)
    for (const id of ids) hash.update(keys[id].public)
    const same = hash.digest().equals(Buffer.from(part(digest, 'hash').content))
    const registration = Buffer.from(part(digest, 'registration').content).readUInt32BE(0)
    say('digest', { count: ids.length, same: same && registration === registrationId })
  },
  async code({ phone }) {
    say('code', { code: await socket.requestPairingCode(phone) })
  },
  async stop() {
    stopping = true
    await socket.end(undefined)
    await save()
    process.exit(0)
  },
}

connect()
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line, BufferJSON.reviver)
  try {
    await commands[command.do](command)
  } catch (error) {
    say('failed', { command: command.do, reason: String(error?.stack ?? error) })
  }
}
