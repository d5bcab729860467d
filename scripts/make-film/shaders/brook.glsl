// A brook between firs, built like a multiplane camera: paper-thin banks, one behind the other, drifting past in mist.
const float FOCAL = 1.5;
const float SPEED = 1.25;
const float SPACING = 1.5;
const float EYE = 0.85;
const vec2 MOON = vec2(0.35, 0.6);

float travelled() { return (uTime - T_brookIn) * SPEED; }
float wallAt() { return (T_culvertMouth - T_brookIn) * SPEED; }
float meander(float z) {
  float calm = smoothstep(0.0, 7.0, wallAt() - z);   // straight before the culvert
  return (0.95 * sin(z * 0.42) + 0.35 * sin(z * 0.9 + 1.0)) * calm;
}
float halfWidth(float z) { return 0.62 + 0.14 * sin(z * 1.3) * smoothstep(0.0, 4.0, wallAt() - z); }
vec3 misted(vec3 c, float depth) { return mix(vec3(0.06, 0.115, 0.155), c, exp(-depth * 0.075)); }

vec3 backdrop(vec2 q, vec2 moon) {
  vec3 c = nightSky(q, moon);
  for (int i = 0; i < 3; i++) {
    float f = float(i);
    float h = 0.32 - 0.09 * f + 0.2 * (fbm(vec2(q.x * (0.8 + 0.5 * f) + 7.0 * f, f * 5.0)) - 0.4);
    vec3 tone = mix(vec3(0.07, 0.13, 0.175), vec3(0.032, 0.066, 0.092), f / 2.0);
    tone += vec3(0.03, 0.045, 0.05) * smoothstep(0.16, 0.0, abs(q.y - h + 0.14));
    c = mix(c, tone, smoothstep(0.004, -0.004, q.y - h));
  }
  return mix(c, vec3(0.09, 0.15, 0.19), smoothstep(0.22, -0.05, q.y) * 0.75);
}

vec3 water(vec2 xz, float depth, vec2 p, float cam) {
  float flow = fbm(vec2((xz.x - meander(xz.y)) * 3.4, (xz.y - uTime * 1.5) * 1.1));
  float fine = noise(vec2(xz.x * 9.0, (xz.y - uTime * 1.9) * 2.6));
  vec2 q = vec2(p.x + (flow - 0.5) * 0.3, -p.y * 1.1 + (fine - 0.5) * 0.1 + (flow - 0.5) * 0.2);
  vec3 c = backdrop(vec2(q.x, abs(q.y)), vec2(9.0)) * 0.8;
  c += vec3(0.5, 0.6, 0.66) * exp(-pow((q.x - MOON.x) / 0.13, 2.0)) * smoothstep(0.25, 0.75, fine * 0.6 + flow * 0.5) * 0.35;
  float streak = smoothstep(0.6, 0.82, flow * 0.72 + fine * 0.3);
  c += vec3(0.32, 0.47, 0.55) * streak * 0.5 * exp(-depth * 0.13);
  return c;
}

vec3 stone(vec2 m, out float inside) {
  float r = length(m - vec2(0.0, 0.42));
  inside = smoothstep(1.02, 1.0, r);
  vec2 g = vec2(m.x * 1.7, m.y * 3.0);
  g.x += 0.5 * mod(floor(g.y), 2.0);
  float joint = min(abs(fract(g.x) - 0.5) * -1.0 + 0.5, (0.5 - abs(fract(g.y) - 0.5)) * 0.6);
  float tone = 0.55 + 0.45 * hash2(floor(g)) + 0.5 * (fbm(m * 6.0) - 0.5);
  float a = atan(m.y - 0.42, m.x);
  float ringJoint = 0.5 - abs(fract(a / TAU * 26.0) - 0.5);
  float arch = smoothstep(1.36, 1.34, r);
  joint = mix(joint, min(ringJoint, (1.36 - r) * 2.0), arch);
  tone = mix(tone, 0.8 + 0.35 * hash1(floor(a / TAU * 26.0)) + 0.4 * (fbm(m * 7.0) - 0.5), arch);
  vec3 c = vec3(0.066, 0.09, 0.102) * tone * smoothstep(0.0, 0.07, joint);
  c = mix(c, vec3(0.03, 0.06, 0.04), smoothstep(0.5, 0.75, fbm(m * 2.2 + 4.0)) * 0.7);
  return c * (0.55 + 0.4 * smoothstep(0.0, 2.2, m.y));
}

void main() {
  float cam = travelled(), camX = meander(cam + 0.6) * 0.85;
  float sway = 0.012 * sin(uTime * 0.9);
  vec2 p = uv + vec2(-0.22 * (meander(cam + 2.2) - camX), sway);
  float wallDepth = wallAt() - cam;
  vec3 c = backdrop(p, MOON);
  // the ground and the brook on it
  if (p.y < 0.0) {
    float depth = EYE * FOCAL / -p.y;
    vec2 xz = vec2(p.x * depth / FOCAL + camX, cam + depth);
    float off = abs(xz.x - meander(xz.y)) - halfWidth(xz.y) - 0.12 * (noise(xz * 3.0) - 0.5);
    vec3 grass = vec3(0.012, 0.026, 0.024) * (0.6 + 0.8 * fbm(xz * vec2(5.0, 3.0)));
    vec3 g = mix(water(xz, depth, p, cam), grass, smoothstep(-0.02, 0.03, off));
    g += vec3(0.3, 0.42, 0.46) * smoothstep(0.05, 0.0, abs(off)) * 0.14;
    vec2 toLight = vec2((xz.x - meander(xz.y)) * 1.6, (depth - 3.4) * 0.55);
    g += vec3(0.45, 0.8, 0.95) * glow(length(toLight), 0.3) * (0.55 + 0.3 * noise(vec2(xz.x * 12.0, uTime * 4.0)));
    c = misted(g, min(depth, 30.0));
  }
  // the headwall and its dark mouth
  if (wallDepth > 0.05) {
    vec2 m = p * wallDepth / FOCAL + vec2(camX - meander(wallAt()), EYE);
    float hill = 2.5 + 0.9 * fbm(vec2(m.x * 0.7, 2.0)) + 0.8 * firs(m.x * 0.33, 5.0, 2.6) - 0.05 * m.x * m.x;
    float coping = step(abs(m.x), 2.9) * step(m.y, 2.05);
    float inside;
    vec3 s = stone(m, inside);
    s = mix(vec3(0.012, 0.024, 0.024), s, coping);
    s += vec3(0.12, 0.17, 0.18) * smoothstep(0.05, 0.0, abs(m.y - 2.02)) * step(abs(m.x), 2.9) * 0.5;
    s = misted(s, max(wallDepth, 0.0));
    float floorCut = step(0.0, m.y);
    c = mix(c, s, step(m.y, hill) * floorCut * (1.0 - inside));
    float dark = mix(0.75, 1.0, smoothstep(12.0, 5.0, wallDepth));
    c = mix(c, vec3(0.003, 0.006, 0.009) + vec3(0.5, 0.26, 0.1) * glow(length(m - vec2(0.0, 0.6)), 0.12) * 0.25, inside * floorCut * dark);
  }
  // banks, far to near
  float first = floor(cam / SPACING) + 1.0;
  for (int i = 11; i >= 0; i--) {
    float id = first + float(i), z = id * SPACING, depth = z - cam;
    if (depth < 0.25 || z > wallAt() - 0.4) continue;
    vec2 m = p * depth / FOCAL + vec2(camX, EYE);
    float side = m.x - meander(z), off = abs(side) - halfWidth(z) - 0.06;
    float rise = smoothstep(0.0, 3.2, off);
    float top = 0.9 * rise + 0.1 * noise(vec2(m.x * 3.0, id)) * smoothstep(0.0, 0.4, off);
    top += 0.13 * smoothstep(0.02, 0.3, off) * pow(noise(vec2(m.x * 22.0, id * 3.0)), 2.0);
    top += 2.7 * firs(m.x * 0.5, id, 1.5) * smoothstep(0.7, 1.5, off);
    if (off < 0.0 || m.y < 0.0) continue;
    float edge = 0.006 * depth;
    float cover = smoothstep(edge, -edge, m.y - top) * smoothstep(0.0, 0.06, off) * smoothstep(0.25, 1.1, depth);
    vec3 tone = vec3(0.008, 0.018, 0.021) + vec3(0.03, 0.05, 0.055) * smoothstep(0.25, 0.0, top - m.y) * 0.6;
    tone += vec3(0.1, 0.2, 0.24) * glow(length(vec2(side, m.y)), 0.5) * glow(depth - 3.4, 1.0) * 0.7;
    float low = smoothstep(1.1, 0.0, m.y) * (0.3 + 0.7 * fbm(vec2(m.x * 0.5 + uTime * 0.1, id + uTime * 0.05)));
    tone = mix(misted(tone, depth), vec3(0.1, 0.165, 0.2), low * 0.42 * smoothstep(2.0, 9.0, depth));
    c = mix(c, tone, cover);
  }
  float enter = smoothstep(2.2, 0.2, wallDepth);
  colour = vec4(c * (1.0 - enter), 1.0);
}
