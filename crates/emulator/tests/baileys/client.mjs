// An independent WhatsApp client (Baileys), driven over stdin and stdout, one JSON object a line.
//
//   node client.mjs WS_URL ROOT_KEY DIRECTORY
//
// In:  {"do":"send","to":"1555…","content":{…}}  content as Baileys takes it; an `image` is base64
//      {"do":"read","key":{…}}                   a read receipt for a message
//      {"do":"download","message":{…}}           the file of a message that was received
//      {"do":"code","phone":"1555…"}             asks for a pairing code
//      {"do":"stop"}                             ends the client; its session stays in DIRECTORY
// Out: {"event":"qr"|"open"|"closed"|"message"|"receipt"|"sent"|"file"|"code"|"failed", …}
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

const [url, rootKey, directory] = process.argv.slice(2)
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
globalThis.fetch = (to, options) => realFetch(String(to).replace(/^https:\/\/127\.0\.0\.1:/, 'http://127.0.0.1:'), options)

const { state, saveCreds } = await useMultiFileAuthState(directory)
// Everything is written one after another and before the process ends: half a file would be no session.
let writing = Promise.resolve()
const write = (task) => (writing = writing.then(task, task))
const save = () => write(saveCreds)
const { set } = state.keys
state.keys.set = (data) => write(() => set(data))
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
    // The phones hand no history over: without this the client holds everything back for 20 seconds.
    syncFullHistory: false,
    shouldSyncHistoryMessage: () => false,
    getMessage: async (key) => sent.get(key.id),
  })
  socket.ev.on('creds.update', save)
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
  // A receipt of one peer comes as a new status of the message.
  socket.ev.on('messages.update', (updates) => {
    for (const { key, update } of updates) if (update.status) say('receipt', { id: key.id, status: proto.WebMessageInfo.Status[update.status] })
  })
}

const commands = {
  async send({ to, content }) {
    if (content.image) content.image = Buffer.from(content.image, 'base64')
    const { quoted, ...rest } = content
    const message = await socket.sendMessage(`${to}@s.whatsapp.net`, rest, quoted ? { quoted } : {})
    sent.set(message.key.id, message.message)
    say('sent', { id: message.key.id, key: message.key, message: message.message })
  },
  async read({ key }) {
    await socket.readMessages([key])
  },
  async download({ message }) {
    const file = await downloadMediaMessage(message, 'buffer', {})
    say('file', { data: file.toString('base64') })
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
