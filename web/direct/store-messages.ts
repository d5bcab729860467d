/** What the page's store and its worker say to each other; each ask with an `id` is answered once. */

export type StoreAsk =
  | { readonly type: 'open'; readonly chunkLength: number; readonly length: number }
  | {
      readonly type: 'put'
      readonly id: number
      readonly index: number
      readonly data: Uint8Array<ArrayBuffer>
    }
  | {
      readonly type: 'get'
      readonly id: number
      readonly index: number
      readonly offset: number
      /** To the end of the piece if undefined. */
      readonly length: number | undefined
    }
  | { readonly type: 'close'; readonly id: number }

export type StoreAnswer =
  | { readonly type: 'done'; readonly id: number; readonly data: Uint8Array<ArrayBuffer> | undefined }
  | { readonly type: 'failed'; readonly id: number; readonly code: string }
