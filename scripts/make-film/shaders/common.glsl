// Shared by every scene. uv: x -1.78..1.78, y -1..1, both up and to the right.
uniform float uTime;
uniform sampler2D uText;
in vec2 uv;
out vec4 colour;

const float TAU = 6.2831853;

float hash1(float n) { return fract(sin(n * 91.3458) * 47453.5453); }
float hash2(vec2 p) {
  vec3 q = fract(vec3(p.xyx) * 0.1031);
  q += dot(q, q.yzx + 33.33);
  return fract((q.x + q.y) * q.z);
}
float noise(vec2 p) {
  vec2 i = floor(p), f = fract(p);
  f = f * f * (3.0 - 2.0 * f);
  return mix(mix(hash2(i), hash2(i + vec2(1, 0)), f.x), mix(hash2(i + vec2(0, 1)), hash2(i + vec2(1, 1)), f.x), f.y);
}
float fbm(vec2 p) {
  float sum = 0.0, a = 0.5;
  for (int i = 0; i < 4; i++) {
    sum += a * noise(p);
    p = mat2(1.6, 1.2, -1.2, 1.6) * p;
    a *= 0.5;
  }
  return sum;
}
float ramp(float from, float to, float t) { return clamp((t - from) / (to - from), 0.0, 1.0); }
float ease(float from, float to, float t) { return smoothstep(from, to, t); }
float glow(float d, float size) { return size * size / (d * d + size * size); }

// A clear night: elevation y from 0 (horizon) up.
vec3 nightSky(vec2 q, vec2 moon) {
  float y = max(q.y, 0.0);
  vec3 c = mix(vec3(0.055, 0.115, 0.17), vec3(0.006, 0.012, 0.035), pow(clamp(y, 0.0, 1.0), 0.55));
  float veil = fbm(vec2(q.x * 0.9 + uTime * 0.012, q.y * 2.6));
  c += vec3(0.05, 0.09, 0.13) * smoothstep(0.42, 0.9, veil) * 0.6;
  vec2 cell = floor(q * 26.0), at = fract(q * 26.0) - 0.5;
  float h = hash2(cell + 7.0);
  vec2 jitter = (vec2(hash2(cell + 1.3), hash2(cell + 9.1)) - 0.5) * 0.7;
  float twinkle = 0.65 + 0.35 * sin(uTime * (1.0 + 3.0 * h) + h * 60.0);
  c += vec3(0.8, 0.9, 1.0) * step(0.8, h) * twinkle * smoothstep(0.085, 0.0, length(at - jitter)) * (h - 0.76) * 3.2
    * smoothstep(0.08, 0.4, y);
  float d = length(q - moon);
  float disc = smoothstep(0.095, 0.088, d);
  float face = 0.82 + 0.18 * noise(q * 24.0) - 0.2 * smoothstep(0.5, 0.7, fbm(q * 11.0 + 3.0));
  c = mix(c, vec3(1.15, 1.1, 0.98) * face, disc);
  c += vec3(0.5, 0.62, 0.75) * (glow(d, 0.1) * 0.28 + glow(d, 0.4) * 0.1);
  return c;
}

// Height of a row of firs at x: pointed, uneven, denser here than there.
float firs(float x, float seed, float count) {
  float best = 0.0;
  for (int k = 0; k < 2; k++) {
    float u = x * count + float(k) * 0.5 + seed * 3.7;
    float i = floor(u), f = fract(u) - 0.5 + (hash1(i * 1.7 + seed) - 0.5) * 0.3;
    float tall = (0.35 + 0.65 * hash1(i + seed * 13.0 + float(k) * 5.0)) * step(0.22, hash1(i * 3.1 + seed));
    float side = 1.0 - abs(f) * 2.1;
    float branches = 0.12 * abs(fract(side * 6.0) - 0.5);
    best = max(best, tall * clamp(side + branches - 0.12, 0.0, 1.0));
  }
  return best;
}
