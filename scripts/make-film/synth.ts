import { film } from './timeline.ts'

/** Left and right, samples from -1 to 1. */
export type Stereo = [Float32Array, Float32Array]

const rate = film.sampleRateHz
const TAU = Math.PI * 2

/** A repeatable source of chance in [0, 1): the film sounds the same every time it is made. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

export function silence(): Stereo {
  const length = film.lengthS * rate
  return [new Float32Array(length), new Float32Array(length)]
}

/** Frequency in Hz of a note such as 'D4' or 'Bb2' (A4 = 440 Hz). */
export function pitch(note: string): number {
  const [, letter = 'A', accidental = '', octave = '4'] = /^([A-G])([#b]?)(\d)$/.exec(note) ?? []
  const step = { C: -9, D: -7, E: -5, F: -4, G: -2, A: 0, B: 2 }[letter] ?? 0
  const shift = { '#': 1, b: -1, '': 0 }[accidental] ?? 0
  return 440 * 2 ** ((step + shift) / 12 + Number(octave) - 4)
}

/** Adds a sound: `sample(t)` is called for t = 0 to lengthS; pan -1 is left, 1 right. */
export function add(
  to: Stereo,
  atS: number,
  lengthS: number,
  pan: number,
  sample: (t: number) => number,
): void {
  const start = Math.max(0, Math.round(atS * rate))
  const end = Math.min(to[0].length, Math.round((atS + lengthS) * rate))
  const [left, right] = [Math.cos(((pan + 1) * Math.PI) / 4), Math.sin(((pan + 1) * Math.PI) / 4)]
  for (let i = start; i < end; i++) {
    const value = sample(i / rate - atS)
    to[0][i] = (to[0][i] ?? 0) + value * left
    to[1][i] = (to[1][i] ?? 0) + value * right
  }
}

const swell = (t: number, lengthS: number, attackS: number, releaseS: number) => {
  const u = Math.min(1, t / attackS, (lengthS - t) / releaseS)
  return u <= 0 ? 0 : u * u * (3 - 2 * u)
}

/** A soft string-like tone: harmonics that darken with `dark`, two detuned voices spread over left and right. */
export function pad(to: Stereo, atS: number, lengthS: number, hz: number, loud: number, dark = 1.9): void {
  for (const side of [-1, 1]) {
    const base = TAU * hz * (1 + side * 0.0019)
    const harmonics = hz > 300 ? 4 : 6
    add(to, atS, lengthS, side * 0.7, (t) => {
      const vibrato = 0.0009 * hz * Math.sin(TAU * 0.19 * t + side)
      let sum = 0
      for (let n = 1; n <= harmonics; n++) {
        const breath = 1 + 0.3 * Math.sin(TAU * (0.07 + 0.03 * n) * t + n * side)
        sum += (Math.sin(n * (base * t + vibrato) + n * side) / n ** dark) * breath
      }
      return sum * loud * swell(t, lengthS, 2.4, 2.8)
    })
  }
}

/** A glassy bell: one carrier, a modulator at an odd ratio that dies quickly, and a quiet octave. */
export function bell(to: Stereo, atS: number, hz: number, loud: number, pan = 0, decayS = 2.2): void {
  add(to, atS, decayS * 2.2, pan, (t) => {
    const strike = Math.min(1, t / 0.004)
    const modulation = 1.1 * Math.exp((-t * 5) / decayS) * Math.sin(TAU * hz * 3.53 * t)
    const tone =
      Math.sin(TAU * hz * t + modulation) + 0.25 * Math.sin(TAU * hz * 2.003 * t) * Math.exp(-t * 2)
    return tone * loud * strike * Math.exp((-t * 2.6) / decayS)
  })
}

/** A round low tone that carries the scene. */
export function bass(to: Stereo, atS: number, lengthS: number, hz: number, loud: number): void {
  add(to, atS, lengthS, 0, (t) => {
    const tone = Math.sin(TAU * hz * t) + 0.35 * Math.sin(TAU * hz * 2 * t) + 0.1 * Math.sin(TAU * hz * 3 * t)
    return tone * loud * swell(t, lengthS, 1.6, 2.4)
  })
}

/** Air trapped by a drop rings like a small bell whose pitch rises while the bubble shrinks. */
export function bubble(to: Stereo, atS: number, hz: number, loud: number, pan: number, decayS = 0.06): void {
  let phase = 0
  add(to, atS, decayS * 6, pan, (t) => {
    phase += (TAU * hz * (1 + (0.9 * t) / (decayS * 3))) / rate
    return Math.sin(phase) * loud * Math.min(1, t / 0.002) * Math.exp(-t / decayS)
  })
}

/** Filtered noise; colour(t) gives centre (Hz), width (0 to 1, smaller is narrower) and loudness at t. */
export function rush(
  to: Stereo,
  atS: number,
  lengthS: number,
  seed: number,
  colour: (t: number) => { hz: number; width: number; loud: number },
): void {
  for (const pan of [-0.8, 0.8]) {
    const chance = seeded(seed + (pan > 0 ? 1 : 0))
    let [low, band] = [0, 0]
    add(to, atS, lengthS, pan, (t) => {
      const { hz, width, loud } = colour(t)
      const f = 2 * Math.sin((Math.PI * Math.min(hz, 7_000)) / rate)
      low += f * band
      band += f * (chance() * 2 - 1 - low - width * band)
      return band * loud
    })
  }
}

/** A hall: eight delay lines that feed one another, each losing its highs; returns only the echo. */
export function hall(dry: Stereo, decay: number, damping: number): Stereo {
  const lengths = [1931, 2293, 2801, 3181, 3571, 4003, 4507, 5003]
  const lines = lengths.map((length) => new Float32Array(length))
  const damped = new Float32Array(lines.length)
  const outs = new Float32Array(lines.length)
  const wet = silence()
  for (let i = 0; i < dry[0].length; i++) {
    let sum = 0
    for (const [k, line] of lines.entries()) {
      const heard = line[i % line.length] ?? 0
      const kept = (damped[k] ?? 0) * damping + heard * (1 - damping)
      damped[k] = kept
      outs[k] = kept
      sum += kept
    }
    const shared = (sum * 2) / lines.length
    for (const [k, line] of lines.entries()) {
      const input = (k % 2 === 0 ? dry[0][i] : dry[1][i]) ?? 0
      line[i % line.length] = input + ((outs[k] ?? 0) - shared) * decay
      const side = wet[k % 2]
      if (side) side[i] = (side[i] ?? 0) + (outs[k] ?? 0) * 0.35
    }
  }
  return wet
}

/** Sums the parts, rounds off peaks, and fades the ends. */
export function master(parts: [Stereo, number][], fadeOutS: number): Stereo {
  const out = silence()
  let peak = 0
  for (const [side, channel] of out.entries()) {
    for (let i = 0; i < channel.length; i++) {
      let sum = 0
      for (const [part, level] of parts) sum += (part[side]?.[i] ?? 0) * level
      const left = (channel.length - i) / rate
      channel[i] = Math.tanh(sum) * Math.min(1, i / rate / 0.8, left / fadeOutS)
      peak = Math.max(peak, Math.abs(channel[i] ?? 0))
    }
  }
  for (const channel of out)
    for (let i = 0; i < channel.length; i++) channel[i] = ((channel[i] ?? 0) / peak) * 0.75
  return out
}

/** A 16-bit PCM WAV file. */
export function wavFile([left, right]: Stereo): Buffer {
  const file = Buffer.alloc(44 + left.length * 4)
  file.write('RIFF', 0)
  file.writeUInt32LE(file.length - 8, 4)
  file.write('WAVEfmt ', 8)
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(1, 20)
  file.writeUInt16LE(2, 22)
  file.writeUInt32LE(rate, 24)
  file.writeUInt32LE(rate * 4, 28)
  file.writeUInt16LE(4, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36)
  file.writeUInt32LE(left.length * 4, 40)
  for (let i = 0; i < left.length; i++) {
    file.writeInt16LE(Math.round((left[i] ?? 0) * 32767), 44 + i * 4)
    file.writeInt16LE(Math.round((right[i] ?? 0) * 32767), 46 + i * 4)
  }
  return file
}
