import { request } from 'node:http'
import { CulvertError } from '../../shared/bytes/error.ts'
import type { RelayConfig } from '../config.ts'
import { loadToken } from './token.ts'

/** Asks the admin API of the relay that runs with this configuration. @throws CulvertError `admin-unreachable`, `admin-answer`, `admin-...` */
export async function askAdmin(config: Pick<RelayConfig, 'admin'>, path: string): Promise<unknown> {
  const { enabled, host, port, tokenFile } = config.admin
  if (!enabled) {
    throw new CulvertError(
      'admin-off',
      'the admin API is off: set admin.enabled to true and start the relay anew',
    )
  }
  const token = await loadToken(tokenFile)
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const asked = request({ host, port, path, headers: { authorization: `Bearer ${token}` } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    asked.setTimeout(5_000, () => asked.destroy(new Error('no answer in 5 s')))
    asked.on('error', (cause) =>
      reject(
        new CulvertError(
          'admin-unreachable',
          `no relay answers at port ${port} of ${host}: ${cause.message}`,
          {
            cause,
          },
        ),
      ),
    )
    asked.end()
  })
  const value = parsed(text)
  if (status === 200 && value !== undefined) return value
  if (typeof value?.error === 'string' && typeof value.message === 'string') {
    throw new CulvertError(value.error, value.message)
  }
  throw new CulvertError(
    'admin-answer',
    `what answers at port ${port} of ${host} (status ${status}) is no relay's admin API: has another program admin.port?`,
  )
}

function parsed(text: string): Partial<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
