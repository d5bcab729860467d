import { bass, bell, bubble, hall, master, pad, pitch, rush, type Stereo, seeded, silence } from './synth.ts'
import { cue, film } from './timeline.ts'

/** Chords: start and end (s), root, and the notes above it. D minor by night, D major by day. */
const harmony: [from: number, to: number, root: string, notes: string][] = [
  [0.5, 7.6, 'D2', 'A2 F3 C4 E4'],
  [7, 14, 'Bb1', 'F2 D3 A3 C4'],
  [13.2, 18.4, 'F2', 'C3 G3 A3 E4'],
  [17.8, 23, 'C2', 'G2 E3 G3 D4'],
  [22.4, 28.4, 'A1', 'E2 C3 G3 C4'],
  [27.4, 35, 'D2', 'D2 A2 E3'],
  [34, 43.2, 'G1', 'D2 Bb2 F3 A3'],
  [42.5, 51, 'F2', 'C3 A3 E4 G4'],
  [50.5, 59, 'C2', 'G2 E3 B3 D4'],
  [58.5, 62.2, 'A1', 'E2 D3 G3 B3'],
  [61.2, 65, 'A1', 'E2 C#3 G3 B3 E4'],
  [64, 70.5, 'D2', 'A2 F#3 A3 E4 F#4'],
  [69.5, 75, 'G1', 'D3 B3 F#4 A4'],
  [74, 80, 'D2', 'A2 F#3 A3 D4 E4'],
]

/** The tune of the last scene: when (s), which note. */
const tune: [at: number, note: string][] = [
  [65, 'A4'],
  [66.2, 'D5'],
  [67.1, 'E5'],
  [68, 'F#5'],
  [69.6, 'B4'],
  [70.8, 'D5'],
  [71.7, 'F#5'],
  [72.6, 'A5'],
  [74.1, 'F#5'],
  [75.2, 'E5'],
  [76.2, 'D5'],
]

const between = (from: number, to: number, t: number) => Math.min(1, Math.max(0, (t - from) / (to - from)))

function chords(music: Stereo): void {
  for (const [from, to, root, notes] of harmony) {
    const inside = from > 27 && from < 42
    for (const note of notes.split(' '))
      pad(music, from, to - from, pitch(note), inside ? 0.028 : 0.036, inside ? 2.3 : 1.9)
    bass(music, from, to - from, pitch(root), 0.06)
  }
}

/** Small bells over the brook, walking through the chord that sounds. */
function brookBells(music: Stereo): void {
  const chance = seeded(7)
  for (let t = cue.brookIn + 0.6; t < cue.culvertMouth - 0.4; t += 0.375) {
    const chord = harmony.findLast(([from]) => t >= from)
    const notes = chord?.[3].split(' ') ?? []
    const note = notes[Math.floor(chance() * notes.length)] ?? 'A4'
    if (chance() < 0.3) continue
    const octave = chance() < 0.35 ? 4 : 2
    bell(
      music,
      t + chance() * 0.015,
      pitch(note) * octave,
      0.028 + 0.02 * chance(),
      chance() * 1.4 - 0.7,
      1.5,
    )
  }
}

/** Every coat put on is a rising third; every coat taken off a shower of the lantern's chord. */
function coats(music: Stereo): void {
  const rising = [
    ['D4', 'A4'],
    ['F4', 'C5'],
    ['A4', 'E5'],
  ]
  for (const [k, at] of cue.wraps.entries()) {
    const notes = rising[k] ?? []
    for (const [i, note] of notes.entries()) bell(music, at + 0.25 + i * 0.28, pitch(note), 0.085, i - 0.5, 3)
    rush(music, at - 0.6, 2, 40 + k, (t) => ({
      hz: 500 + 1800 * t,
      width: 0.25,
      loud: 0.016 * Math.sin((Math.PI * t) / 2) ** 2,
    }))
  }
  const showers = ['A5 E5 C5 A4 G4 E4 C5 E5', 'D6 B5 G5 E5 D5 B4 E5 G5', 'E6 D6 B5 G5 E5 D5 G5 B5']
  for (const [k, at] of cue.lanterns.entries()) {
    const notes = showers[k]?.split(' ') ?? []
    for (const [i, note] of notes.entries()) {
      bell(
        music,
        at + i * 0.13 + (i > 5 ? 0.3 : 0),
        pitch(note),
        0.07 - i * 0.004,
        Math.sin(i * 2.4) * 0.7,
        2.6,
      )
    }
    bell(music, at, pitch(['F2', 'C2', 'A2'][k] ?? 'D2') * 2, 0.1, 0, 4)
    rush(music, at - 1.2, 3.4, 60 + k, (t) => ({
      hz: 900 + 900 * t,
      width: 0.4,
      loud: 0.016 * Math.sin((Math.PI * t) / 3.4) ** 2,
    }))
  }
}

function water(sound: Stereo): void {
  const chance = seeded(19)
  // night air over the pool
  rush(sound, 0, 15, 3, (t) => ({
    hz: 320 + 120 * Math.sin(t * 0.7),
    width: 0.9,
    loud: 0.012 * between(0, 3, t) * between(15, 12, t),
  }))
  // the brook: a bright bed, and many small bubbles
  const brook = (t: number) => between(0, 2.5, t) * between(16.2, 14.2, t)
  rush(sound, 12.4, 16.2, 11, (t) => ({
    hz: 1500 + 500 * Math.sin(t * 1.9) + 300 * Math.sin(t * 5.3),
    width: 1.1,
    loud: 0.016 * brook(t),
  }))
  for (let t = 12.8; t < 28; t += 0.012 + 0.05 * chance()) {
    bubble(
      sound,
      t,
      420 + 1500 * chance() ** 2,
      0.022 * chance() * brook(t - 12.4),
      chance() * 1.6 - 0.8,
      0.015 + 0.03 * chance(),
    )
  }
  // inside: a low breath, lapping, single drips
  const inside = (t: number) => between(0, 3, t) * between(37.5, 34, t)
  rush(sound, 27, 37.5, 23, (t) => ({ hz: 170 + 40 * Math.sin(t * 0.4), width: 0.5, loud: 0.02 * inside(t) }))
  rush(sound, 27, 37.5, 29, (t) => ({
    hz: 620 + 200 * Math.sin(t * 2.3),
    width: 0.8,
    loud: 0.008 * inside(t) * (0.6 + 0.4 * Math.sin(t * 1.7)),
  }))
  for (let t = 28.5; t < 63; t += 0.5 + 1.9 * chance()) {
    bubble(
      sound,
      t,
      700 + 1100 * chance(),
      0.05 + 0.05 * chance(),
      chance() * 1.8 - 0.9,
      0.03 + 0.02 * chance(),
    )
  }
  // the sea
  const wave = (t: number) => (0.5 - 0.5 * Math.cos((t * Math.PI * 2) / 6.2)) ** 2
  rush(sound, 63, 17, 31, (t) => ({
    hz: 380 + 900 * wave(t),
    width: 1.2,
    loud: (0.006 + 0.026 * wave(t)) * between(0, 2.5, t),
  }))
  // out into the day: everything opens
  rush(sound, 61.4, 5, 37, (t) => ({
    hz: 300 + 5200 * between(0, 2.8, t) ** 2,
    width: 0.7,
    loud: 0.05 * between(0, 2.7, t) ** 2 * between(5, 2.7, t),
  }))
}

function drops(sound: Stereo): void {
  bubble(sound, cue.dropLands, 640, 0.2, 0, 0.07)
  bubble(sound, cue.dropLands + 0.055, 980, 0.1, 0.2, 0.05)
  bubble(sound, cue.dropLandsAgain, 1150, 0.1, -0.1, 0.05)
}

/** The whole score, as long as the film. */
export function score(): Stereo {
  const [music, sound] = [silence(), silence()]
  chords(music)
  brookBells(music)
  coats(music)
  for (const [i, note] of ['D4', 'A4', 'C5', 'E5', 'A5'].entries())
    bell(music, cue.titleIn + 0.5 + i * 0.42, pitch(note), 0.06, i * 0.3 - 0.6, 3)
  for (const [at, note] of tune) {
    bell(music, at, pitch(note), 0.075, 0.15, 2.8)
    pad(music, at - 0.5, 3.4, pitch(note) / 2, 0.014)
  }
  for (const [i, note] of ['D4', 'A4', 'D5', 'F#5'].entries())
    bell(music, 77.3 + i * 0.09, pitch(note), 0.07, i * 0.4 - 0.6, 3)
  water(sound)
  drops(sound)
  const dry: Stereo = [
    music[0].map((v, i) => v + 1.6 * (sound[0][i] ?? 0)),
    music[1].map((v, i) => v + 1.6 * (sound[1][i] ?? 0)),
  ]
  const parts: [Stereo, number][] = [
    [music, 0.8],
    [sound, 1.85],
    [hall(dry, 0.86, 0.32), 0.39],
  ]
  return master(parts, film.lengthS - cue.blackFrom)
}
