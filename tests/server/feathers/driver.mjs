// Real clients of Feathers, driven line by line from standard input: each line a command, answered by a line.
import { createInterface } from 'node:readline'
import { feathers } from '@feathersjs/feathers'
import socketio from '@feathersjs/socketio-client'
import authentication from '@feathersjs/authentication-client'
import { FeathersError, errors } from '@feathersjs/errors'
import io from 'socket.io-client'

const CUSTOM = ['find', 'get', 'create', 'update', 'patch', 'remove', 'at', 'why', 'history', 'elements', 'retry', 'answer', 'password', 'frobnicate']
const clients = new Map()
const say = (said) => process.stdout.write(JSON.stringify(said) + '\n')
const failed = (error) => ({
  name: error.name, message: error.message, code: error.code, className: error.className, data: error.data,
  errors: error.errors, isFeathers: error instanceof FeathersError,
  isClass: Boolean(errors[error.name]) && error instanceof errors[error.name]
})
const memory = () => {
  const kept = {}
  return { getItem: (k) => kept[k] ?? null, setItem: (k, v) => { kept[k] = v }, removeItem: (k) => { delete kept[k] } }
}

const ops = {
  async connect({ client, url, options, token, listens }) {
    const socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true, ...options })
    const app = feathers()
    const storage = memory()
    if (token) storage.setItem('feathers-jwt', token)
    app.configure(socketio(socket))
    app.configure(authentication({ storage }))
    const known = { socket, app, storage, services: new Map(), over: null, reason: null }
    clients.set(client, known)
    socket.on('over', (error) => { known.over = error; say({ client, event: 'over', said: error }) })
    socket.on('disconnect', (reason) => { known.reason = reason; say({ client, event: 'disconnect', said: reason }) })
    for (const [service, events] of listens) listen(client, service, events)
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve({ connected: true }))
      socket.once('connect_error', (error) => resolve({ refused: error.message, data: error.data ?? null }))
    })
  },
  async reconnect({ client, auth }) {
    const { socket } = clients.get(client)
    if (auth) socket.auth = auth
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve({ connected: true }))
      socket.once('connect_error', (error) => resolve({ refused: error.message, data: error.data ?? null }))
      socket.connect()
    })
  },
  async call({ client, service, method, args }) {
    return await serviceOf(client, service)[method](...args)
  },
  async listen({ client, service, events }) { listen(client, service, events) },
  async authenticate({ client, said }) { return await clients.get(client).app.authenticate(said) },
  async reauthenticate({ client }) { return await clients.get(client).app.reAuthenticate() },
  async logout({ client }) { return await clients.get(client).app.logout() },
  async raw({ client, args }) { clients.get(client).socket.emit(...args) },
  async close({ client }) { clients.get(client).socket.disconnect() },
  async drop({ client }) { clients.get(client).socket.io.engine.transport.ws.terminate?.() }
}

function listen(client, service, events) {
  for (const event of events) {
    serviceOf(client, service).on(event, (said, mark) => say({ client, service, event, said, mark }))
  }
}

function serviceOf(client, path) {
  const { app, socket, services } = clients.get(client)
  if (!services.has(path)) {
    app.use(path, socketio.service ? socketio.service(path) : app.defaultService(path), { methods: CUSTOM })
    services.set(path, app.service(path))
  }
  return services.get(path)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, op, ...rest } = JSON.parse(line)
  Promise.resolve().then(() => ops[op](rest)).then(
    (result) => say({ id, result: result ?? null }),
    (error) => say({ id, error: failed(error) })
  )
}
process.exit(0)
