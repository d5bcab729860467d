// A still pool at night; a drop; rings that run out and shake the mirrored sky.
const float HORIZON = 0.1;
const vec2 MOON = vec2(-1.38, 0.6);
const float RING_Y = 0.62;   // how far below the horizon the drop lands

float title(vec2 q) {
  vec2 st = vec2(q.x / 3.5556 + 0.5, (q.y + HORIZON) * 0.5 + 0.5);
  float shown = ease(T_titleIn, T_titleIn + 1.8, uTime) * (1.0 - ease(T_titleOut - 1.6, T_titleOut, uTime));
  return texture(uText, vec2(st.x, st.y)).r * shown;
}

vec3 above(vec2 q) {
  vec3 c = nightSky(q, MOON);
  float far = 0.1 + 0.13 * fbm(vec2(q.x * 1.1 + 4.0, 1.0));
  c = mix(c, vec3(0.026, 0.055, 0.085), smoothstep(0.004, -0.004, q.y - far));
  float mist = smoothstep(0.2, 0.0, q.y) * (0.4 + 0.6 * fbm(vec2(q.x * 1.4 - uTime * 0.05, q.y * 5.0)));
  c = mix(c, vec3(0.1, 0.17, 0.22), mist * 0.55);
  float shore = 0.018 + 0.02 * noise(vec2(q.x * 2.0, 3.0)) + 0.11 * firs(q.x, 2.0, 9.0) * smoothstep(0.15, 0.75, abs(q.x - 0.1));
  c = mix(c, vec3(0.006, 0.013, 0.02), smoothstep(0.004, -0.004, q.y - shore));
  return c + vec3(0.95, 0.97, 0.92) * title(q) * 0.95;
}

float ring(float r, float born, float strength) {
  float age = uTime - born;
  if (age <= 0.0) return 0.0;
  float front = age * 0.42;
  float band = exp(-pow((r - front * 0.72) / (0.12 + 0.11 * age), 2.0)) * smoothstep(front + 0.02, front - 0.06, r);
  return strength * cos((r - front) * 46.0 / (1.0 + 0.12 * age)) * band * exp(-age * 0.3) / (0.4 + r * 0.8);
}

vec3 drop(vec2 at, float y, float stretch) {
  vec2 p = (at - vec2(0.0, y)) / vec2(1.0, 1.0 + stretch);
  float d = length(p);
  float body = smoothstep(0.019, 0.014, d);
  return vec3(0.6, 0.85, 1.0) * (body * (0.5 + 0.9 * smoothstep(0.016, 0.0, length(p - vec2(-0.004, 0.006)))) + glow(d, 0.03) * 0.3);
}

void main() {
  float push = 1.0 - 0.05 * ease(0.0, 14.0, uTime);
  vec2 p = (uv - vec2(0.0, -0.2)) * push + vec2(0.0, -0.2);
  float below = HORIZON - p.y;
  vec3 c;
  if (below < 0.0) {
    c = above(vec2(p.x, -below));
  } else {
    float z = 0.6 / (below + 0.02);
    vec2 w = vec2(p.x * z, z), centre = vec2(0.0, 0.6 / (RING_Y + 0.02));
    vec2 away = w - centre;
    float r = length(away);
    float wave = ring(r, T_dropLands, 1.0) + ring(r, T_dropLandsAgain, 0.5);
    vec2 slope = away / max(r, 0.02) * wave;
    float breeze = noise(vec2(w.x * 5.0 + uTime * 0.3, w.y * 9.0 - uTime * 0.5)) - 0.5;
    vec2 q = vec2(p.x + slope.x * 0.09 * below * 2.0, below + (slope.y * 0.16 + breeze * 0.02) * (0.25 + below));
    float facing = clamp(1.0 - below * 0.62, 0.25, 1.0);
    c = above(abs(vec2(0.0, q.y)) + vec2(q.x, 0.0)) * facing * 0.85 + vec3(0.002, 0.009, 0.014);
    c += vec3(0.25, 0.42, 0.5) * max(slope.y * 0.8 + slope.x * -0.4, 0.0) * 0.5;
    c += vec3(0.5, 0.8, 0.95) * glow(r, 0.06) * 0.6 * exp(-abs(uTime - T_dropLands - 0.05) * 5.0);
  }
  float surface = HORIZON - RING_Y;
  float fall = uTime - T_dropLets;
  if (fall > 0.0 && uTime < T_dropLands) {
    float u = fall / (T_dropLands - T_dropLets);
    float h = (1.0 - u * u) * 1.6;
    c += drop(p, surface + h, u * 1.3) + drop(p, surface - h, u * 1.3) * 0.35;
  }
  float hop = ramp(T_dropLands + 0.15, T_dropLandsAgain, uTime);
  if (hop > 0.0 && hop < 1.0) {
    float h = 0.3 * 4.0 * hop * (1.0 - hop);
    c += drop(p, surface + h, 0.0) * 0.9 + drop(p, surface - h, 0.0) * 0.3;
    float neck = smoothstep(0.012, 0.003, abs(p.x) - 0.004 * (1.0 - hop)) * step(surface, p.y) * step(p.y, surface + h * 0.6);
    c += vec3(0.3, 0.5, 0.6) * neck * (1.0 - ease(0.2, 0.5, hop));
  }
  colour = vec4(c * ease(0.0, 2.4, uTime), 1.0);
}
