import type { Link } from '../link/link.ts'
import type { Clock, Timer } from '../world/clock.ts'
import { type Random, uint32 } from '../world/random.ts'
import { QUESTIONS } from './constants.ts'

interface Open<A> {
  readonly done: (answer: A | undefined) => void
  nonce: number
  timer: Timer | undefined
}

/**
 * Questions that one packet answers, one at a time over each link: sent again a few times, and an answer is taken only with
 * the nonce of the question. Bounded in number.
 */
export class Questions<A> {
  private readonly clock: Clock
  private readonly random: Random
  private readonly open = new Map<Link, Open<A>>()

  constructor(clock: Clock, random: Random) {
    this.clock = clock
    this.random = random
  }

  /**
   * @param packetOf the question with that nonce
   * @param done called once: with the answer, or undefined if none came, or there was no room for the question
   */
  ask(link: Link, packetOf: (nonce: number) => Uint8Array, done: (answer: A | undefined) => void): void {
    if (this.open.has(link) || this.open.size >= QUESTIONS.maxOpen) {
      done(undefined)
      return
    }
    const question: Open<A> = { done, nonce: uint32(this.random), timer: undefined }
    this.open.set(link, question)
    this.send(link, question, packetOf, 1)
  }

  /** @returns false if nobody has asked that */
  answer(link: Link, nonce: number, answer: A): boolean {
    const question = this.open.get(link)
    if (question?.nonce !== nonce) return false
    this.close(link, question, answer)
    return true
  }

  /** Ends all of them, unanswered. */
  stop(): void {
    for (const [link, question] of [...this.open]) this.close(link, question, undefined)
  }

  private send(link: Link, question: Open<A>, packetOf: (nonce: number) => Uint8Array, tried: number): void {
    if (!link.open || tried > QUESTIONS.tries) {
      this.close(link, question, undefined)
      return
    }
    question.timer = this.clock.after(QUESTIONS.retryMs, () => this.send(link, question, packetOf, tried + 1))
    link.send(packetOf(question.nonce), 0)
  }

  private close(link: Link, question: Open<A>, answer: A | undefined): void {
    question.timer?.cancel()
    this.open.delete(link)
    question.done(answer)
  }
}
