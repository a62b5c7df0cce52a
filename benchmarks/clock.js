// A picture of the time, and viewers that read it back: glass to glass in milliseconds.
// The time (milliseconds, 32 bits) and a check sum (16 bits) stand in the top band as 24 × 2 blocks.
const COLUMNS = 24, CELL_W = 48, CELL_H = 44, WIDTH = 1280, HEIGHT = 720
const latencies = []
let frames = 0

const checksum = (value) => ((value >>> 16) ^ (value & 0xffff) ^ 0x5aa5) & 0xffff

function drawClock(context, turn) {
  const value = Date.now() >>> 0, check = checksum(value)
  context.fillStyle = '#244466'
  context.fillRect(0, 0, WIDTH, HEIGHT)
  for (let i = 0; i < 120; i++) {
    context.fillStyle = `hsl(${(i * 29 + turn * 3) % 360} 70% 50%)`
    context.fillRect((i * 53 + turn * 5) % WIDTH, 120 + (i * 97 + turn * 2) % 560, 60, 40)
  }
  for (let i = 0; i < 48; i++) {
    const bit = i < 32 ? (value >>> i) & 1 : (check >>> (i - 32)) & 1
    context.fillStyle = bit ? '#fff' : '#000'
    context.fillRect((i % COLUMNS) * CELL_W, Math.floor(i / COLUMNS) * CELL_H, CELL_W, CELL_H)
  }
}

async function publish(url, token, rate, bitrate) {
  const canvas = document.createElement('canvas')
  canvas.width = WIDTH
  canvas.height = HEIGHT
  document.body.append(canvas)
  const context = canvas.getContext('2d')
  let turn = 0
  setInterval(() => drawClock(context, turn++), 1000 / rate)
  const stream = canvas.captureStream(rate)
  const audio = new AudioContext(), sink = audio.createMediaStreamDestination(), tone = audio.createOscillator()
  tone.connect(sink)
  tone.start()
  const connection = new RTCPeerConnection()
  const video = connection.addTransceiver(stream.getVideoTracks()[0], {
    direction: 'sendonly', sendEncodings: [{ maxBitrate: bitrate }],
  })
  const codecs = RTCRtpSender.getCapabilities('video').codecs
  video.setCodecPreferences(codecs.filter((codec) => /h264|rtx/i.test(codec.mimeType)))
  connection.addTransceiver(sink.stream.getAudioTracks()[0], { direction: 'sendonly' })
  await negotiate(connection, url, { Authorization: `Bearer ${token}` })
}

async function negotiate(connection, url, headers) {
  await connection.setLocalDescription()
  const answer = await fetch(url, {
    method: 'POST', headers: { 'Content-Type': 'application/sdp', ...headers }, body: connection.localDescription.sdp,
  })
  if (answer.status !== 201) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
  await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
}

function screen() {
  const video = document.createElement('video')
  video.muted = video.autoplay = video.playsInline = true
  document.body.append(video)
  const canvas = document.createElement('canvas')
  canvas.width = COLUMNS
  canvas.height = 2
  const context = canvas.getContext('2d', { willReadFrequently: true })
  const look = () => {
    frames += 1
    const scale = video.videoWidth / WIDTH
    context.drawImage(video, 0, 0, COLUMNS * CELL_W * scale, 2 * CELL_H * scale, 0, 0, COLUMNS, 2)
    const pixels = context.getImageData(0, 0, COLUMNS, 2).data
    let value = 0, check = 0
    for (let i = 0; i < 48; i++) {
      const bit = pixels[i * 4 + 1] > 128 ? 1 : 0
      if (i < 32) value = (value | (bit << i)) >>> 0
      else check |= bit << (i - 32)
    }
    if (check === checksum(value)) latencies.push(((Date.now() >>> 0) - value) | 0)
    video.requestVideoFrameCallback(look)
  }
  video.requestVideoFrameCallback(look)
  return video
}

async function watchWebrtc(url) {
  const video = screen(), stream = new MediaStream(), connection = new RTCPeerConnection()
  video.srcObject = stream
  connection.ontrack = (event) => stream.addTrack(event.track)
  connection.addTransceiver('video', { direction: 'recvonly' })
  connection.addTransceiver('audio', { direction: 'recvonly' })
  await negotiate(connection, url, {})
}

async function watchNative(url) {
  screen().src = url
}

// A small low-latency player: blocking reload, parts into a SourceBuffer, the announced hold-back.
async function watchHls(url) {
  const variant = await (await fetch(url)).text()
  const codecs = /CODECS="([^"]+)"/.exec(variant)[1]
  const list = new URL(variant.trim().split('\n').at(-1), url).href
  const video = screen(), source = new MediaSource()
  video.src = URL.createObjectURL(source)
  await new Promise((resolve) => source.addEventListener('sourceopen', resolve, { once: true }))
  const buffer = source.addSourceBuffer(`video/mp4; codecs="${codecs}"`)
  const append = async (data) => {
    buffer.appendBuffer(data)
    await new Promise((resolve) => buffer.addEventListener('updateend', resolve, { once: true }))
  }
  follow(list, append, video).catch((error) => { window.failure = String(error) })
}

async function follow(list, append, video) {
  let next = null, head = null, ask = ''
  for (;;) {
    const text = await (await fetch(list + ask)).text()
    const hold = Number(/PART-HOLD-BACK=([\d.]+)/.exec(text)[1])
    const map = /#EXT-X-MAP:URI="([^"]+)"/g.exec(text.slice(text.lastIndexOf('#EXT-X-MAP')))[1]
    if (map !== head) {
      head = map
      await append(await (await fetch(new URL(map, list))).arrayBuffer())
    }
    const parts = [...text.matchAll(/#EXT-X-PART:DURATION=[\d.]+,URI="(\d+)\.(\d+)\.m4s"(,INDEPENDENT=YES)?/g)]
      .map((found) => ({ segment: Number(found[1]), part: Number(found[2]), key: Boolean(found[3]) }))
    next ??= parts.findLast((part) => part.key) ?? null
    if (next === null) {
      await new Promise((resolve) => setTimeout(resolve, 300))
      continue
    }
    for (const part of parts) {
      if (part.segment < next.segment || (part.segment === next.segment && part.part < next.part)) continue
      await append(await (await fetch(new URL(`${part.segment}.${part.part}.m4s`, list))).arrayBuffer())
      next = { segment: part.segment, part: part.part + 1 }
    }
    steer(video, hold)
    const last = parts.at(-1)
    ask = `?_HLS_msn=${last.segment}&_HLS_part=${last.part + 1}`
    next = { segment: last.segment, part: last.part + 1 }
  }
}

function steer(video, hold) {
  if (!video.buffered.length) return
  const ahead = video.buffered.end(video.buffered.length - 1) - video.currentTime
  if (ahead > hold + 1 || video.currentTime < video.buffered.start(0)) {
    video.currentTime = video.buffered.end(video.buffered.length - 1) - hold
  }
  video.playbackRate = ahead > hold + 0.15 ? 1.1 : 1
  if (video.paused) video.play()
}

function results() {
  const sorted = latencies.slice().sort((a, b) => a - b)
  const at = (share) => sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] : null
  return { n: sorted.length, frames, p50: at(0.5), p95: at(0.95), failure: window.failure ?? null }
}
