// Runs in the page that draws the film: four scene shaders, a soft glow, one last pass. Frames are read back as RGBA.

const overlayLetters = {
  title: { text: 'CULVERT', font: '200 92px "DejaVu Sans"', spacing: '44px', y: 0.275 },
  closing: { text: 'CULVERT', font: '200 70px "DejaVu Sans"', spacing: '34px', y: 0.25 },
  line: { text: 'water finds its way', font: 'italic 27px "DejaVu Serif"', spacing: '2.5px', y: 0.335 },
}

function letters(widthPx, heightPx) {
  const canvas = new OffscreenCanvas(widthPx, heightPx)
  const pen = canvas.getContext('2d')
  pen.fillStyle = '#000'
  pen.fillRect(0, 0, widthPx, heightPx)
  pen.globalCompositeOperation = 'lighter'
  pen.textAlign = 'center'
  const write = ({ text, font, spacing, y }, colour) => {
    pen.font = font
    pen.letterSpacing = spacing
    pen.fillStyle = colour
    // letter spacing also follows the last letter: half of it puts the word back in the middle
    pen.fillText(text, widthPx / 2 + Number.parseFloat(spacing) / 2, heightPx * y)
  }
  write(overlayLetters.title, '#f00')
  write(overlayLetters.closing, '#0f0')
  write(overlayLetters.line, '#0f0')
  return canvas
}

const vertexShader = `#version 300 es
out vec2 uv;
void main() {
  vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  uv = corner * vec2(16.0 / 9.0, 1.0);
  gl_Position = vec4(corner, 0.0, 1.0);
}`

/** Builds the renderer; sources maps a shader's name to its full GLSL text. */
export function createStage({ widthPx, heightPx, sources, cue }) {
  const canvas = new OffscreenCanvas(widthPx, heightPx)
  const gl = canvas.getContext('webgl2', { antialias: false, alpha: false })
  if (!gl?.getExtension('EXT_color_buffer_float'))
    throw new Error('WebGL 2 with float colour buffers is needed')

  const compile = (type, source) => {
    const shader = gl.createShader(type)
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader))
    return shader
  }
  const programs = Object.fromEntries(
    Object.entries(sources).map(([name, source]) => {
      const program = gl.createProgram()
      gl.attachShader(program, compile(gl.VERTEX_SHADER, vertexShader))
      gl.attachShader(program, compile(gl.FRAGMENT_SHADER, source))
      gl.linkProgram(program)
      if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program))
      return [name, program]
    }),
  )

  const texture = () => {
    const t = gl.createTexture()
    gl.bindTexture(gl.TEXTURE_2D, t)
    for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
      gl.texParameteri(gl.TEXTURE_2D, key, gl.LINEAR)
    for (const key of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T])
      gl.texParameteri(gl.TEXTURE_2D, key, gl.CLAMP_TO_EDGE)
    return t
  }
  const target = (width, height) => {
    const picture = texture()
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA16F, width, height, 0, gl.RGBA, gl.HALF_FLOAT, null)
    const buffer = gl.createFramebuffer()
    gl.bindFramebuffer(gl.FRAMEBUFFER, buffer)
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, picture, 0)
    return { picture, buffer, width, height }
  }
  const screen = { buffer: null, width: widthPx, height: heightPx }
  const full = [target(widthPx, heightPx), target(widthPx, heightPx)]
  // The tunnel is marched along every ray, and is soft with haze: three quarters of the size is enough for it.
  const reduced = target(widthPx * 0.75, heightPx * 0.75)
  const softA = target(widthPx / 4, heightPx / 4)
  const softB = target(widthPx / 4, heightPx / 4)

  gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, true)
  const text = texture()
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, letters(widthPx, heightPx))
  const overlay = new OffscreenCanvas(widthPx, heightPx)
  const pen = overlay.getContext('2d', { willReadFrequently: true })
  const over = texture()

  const draw = (name, goal, time, inputs = {}) => {
    const program = programs[name]
    gl.useProgram(program)
    gl.bindFramebuffer(gl.FRAMEBUFFER, goal.buffer)
    gl.viewport(0, 0, goal.width, goal.height)
    gl.uniform1f(gl.getUniformLocation(program, 'uTime'), time)
    let unit = 0
    for (const [uniform, value] of Object.entries({ uText: text, ...inputs })) {
      const at = gl.getUniformLocation(program, uniform)
      if (Array.isArray(value)) gl.uniform2fv(at, value)
      else if (typeof value === 'number') gl.uniform1f(at, value)
      else {
        gl.activeTexture(gl.TEXTURE0 + unit)
        gl.bindTexture(gl.TEXTURE_2D, value)
        gl.uniform1i(at, unit)
        unit += 1
      }
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3)
  }

  /** Which scenes are seen at a time, and how far the second has replaced the first. */
  const scenesAt = (time) => {
    const fade = (start, length) => Math.min(Math.max((time - start) / length, 0), 1)
    if (time < cue.brookIn) return ['pool', 'pool', 0]
    if (time < cue.brookIn + 1.6) return ['pool', 'brook', fade(cue.brookIn, 1.6)]
    if (time < cue.tunnelIn) return ['brook', 'brook', 0]
    if (time < cue.tunnelIn + 0.4) return ['brook', 'tunnel', fade(cue.tunnelIn, 0.4)]
    if (time < cue.seaIn) return ['tunnel', 'tunnel', 0]
    if (time < cue.seaIn + 2) return ['tunnel', 'sea', fade(cue.seaIn, 2)]
    return ['sea', 'sea', 0]
  }

  return {
    /** Draws the frame at time (seconds); sparks and birds come as drawing calls on a 2D pen. */
    frame(time, decorate) {
      const [first, second, mixed] = scenesAt(time)
      const from = first === 'tunnel' ? reduced : full[0]
      const to = second === 'tunnel' ? reduced : full[1]
      draw(first, from, time)
      if (mixed > 0) draw(second, to, time)
      const main = mixed > 0.5 ? to : from
      draw('soften', softA, time, { uFrom: main.picture, uStep: [1.2 / softA.width, 0] })
      draw('soften', softB, time, { uFrom: softA.picture, uStep: [0, 1.2 / softA.height] })
      pen.globalCompositeOperation = 'source-over'
      pen.fillStyle = '#000'
      pen.fillRect(0, 0, widthPx, heightPx)
      pen.globalCompositeOperation = 'lighter'
      decorate(pen, time)
      gl.activeTexture(gl.TEXTURE0)
      gl.bindTexture(gl.TEXTURE_2D, over)
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, overlay)
      const pictures = {
        uFrom: from.picture,
        uTo: to.picture,
        uSoft: softB.picture,
        uOver: over,
        uMix: mixed,
      }
      draw('finish', screen, time, pictures)
      const pixels = new Uint8Array(widthPx * heightPx * 4)
      gl.readPixels(0, 0, widthPx, heightPx, gl.RGBA, gl.UNSIGNED_BYTE, pixels)
      return pixels
    },
  }
}
