// Open water at dawn.
const float HORIZON = 0.06;
const vec2 SUN = vec2(0.62, 0.0);

float sunUp() { return 0.02 + 0.14 * ramp(T_seaIn, 80.0, uTime); }
vec3 sky(vec2 q) {
  float y = max(q.y, 0.0);
  float up = ramp(T_seaIn, 80.0, uTime);
  vec3 c = mix(vec3(0.72, 0.27, 0.1), vec3(0.4, 0.2, 0.2), smoothstep(0.0, 0.24, y));
  c = mix(c, vec3(0.1, 0.15, 0.26), smoothstep(0.12, 0.6, y));
  c = mix(c, vec3(0.03, 0.07, 0.16), smoothstep(0.45, 1.05, y));
  vec2 s = vec2(SUN.x, sunUp());
  float d = length(q - s);
  float band = fbm(vec2(q.x * 0.75 + uTime * 0.018, q.y * 3.6 - uTime * 0.004));
  float puff = fbm(vec2(q.x * 1.9 + uTime * 0.03, q.y * 7.0) + band * 1.6);
  float cloud = smoothstep(0.47, 0.78, band * 0.6 + puff * 0.5) * smoothstep(0.03, 0.2, y);
  vec3 lit = mix(vec3(0.15, 0.11, 0.18), vec3(0.95, 0.4, 0.2), clamp(exp(-d * 1.5) * 1.2 + 0.25 * (puff - 0.4), 0.0, 1.0));
  c = mix(c, lit, cloud * 0.8);
  c += vec3(1.1, 0.55, 0.22) * (glow(d, 0.1) * 0.6 + glow(d, 0.5) * 0.2) * (0.7 + 0.4 * up);
  c = mix(c, vec3(2.6, 2.0, 1.35), smoothstep(0.082, 0.074, d));
  return c;
}
float swell(vec2 w) {
  float h = 0.55 * noise(w * vec2(0.5, 1.1) + vec2(uTime * 0.15, -uTime * 0.42));
  h += 0.3 * noise(w * vec2(1.3, 2.7) + vec2(-uTime * 0.3, -uTime * 0.8));
  h += 0.15 * noise(w * vec2(3.3, 6.4) + vec2(uTime * 0.5, -uTime * 1.4));
  return h;
}
float coast(vec2 q) {
  float left = 0.2 * smoothstep(-0.55, -1.9, q.x) * (0.7 + 0.6 * fbm(vec2(q.x * 3.0, 1.0)));
  float right = 0.1 * smoothstep(1.0, 1.9, q.x) * (0.7 + 0.6 * fbm(vec2(q.x * 4.0, 6.0)));
  return max(left, right);
}
vec3 above(vec2 q) {
  vec3 c = sky(q);
  float h = coast(q);
  vec3 land = mix(vec3(0.05, 0.035, 0.055), vec3(0.26, 0.12, 0.1), smoothstep(0.1, -0.02, q.y)) ;
  return mix(c, land, smoothstep(0.004, -0.004, q.y - h) * step(0.002, h));
}

void main() {
  float rise = ramp(T_seaIn, 80.0, uTime);
  vec2 p = uv * (1.0 - 0.06 * rise) + vec2(0.0, -0.05 * rise);
  float below = HORIZON - p.y;
  vec3 c;
  if (below < 0.0) {
    c = above(vec2(p.x, -below));
  } else {
    float z = 1.0 / (below + 0.012);
    vec2 w = vec2(p.x * z * 1.3, z * 1.3 + (uTime - T_seaIn) * 0.7);
    vec2 e = vec2(0.06, 0.0);
    float h = swell(w);
    vec2 slope = vec2(swell(w + e.xy) - h, swell(w + e.yx) - h) / e.x;
    slope /= 1.0 + z * 0.035;
    vec2 q = vec2(p.x + slope.x * 0.16 * (0.3 + below), below * 0.9 + abs(slope.y) * 0.2 * (0.2 + below) + 0.02);
    float fresnel = clamp(0.95 - below * 0.75 - slope.y * 0.22, 0.14, 1.0);
    c = above(q) * fresnel + vec3(0.012, 0.05, 0.075) * (1.0 - fresnel);
    float path = exp(-pow((p.x - SUN.x + slope.x * 0.1) / (0.05 + below * 0.22), 2.0));
    float sparkle = smoothstep(0.35, 1.0, -slope.y * 0.8 + noise(w * vec2(6.0, 9.0) + uTime) * 0.65);
    c += vec3(1.5, 0.8, 0.36) * path * sparkle * (0.9 - below * 0.5);
    c += vec3(1.1, 0.6, 0.3) * path * 0.14;
    // the light swims out and becomes part of the sea
    float out1 = ramp(T_seaIn + 0.6, T_seaIn + 10.0, uTime);
    float zl = mix(1.05, 9.0, out1 * out1 * 0.7 + out1 * 0.3);
    vec2 swim = vec2(mix(0.0, SUN.x, ease(0.0, 1.0, out1)), 1.0 / zl - 0.012);
    vec2 to = vec2(p.x - swim.x - 0.012 * sin(uTime * 1.7), (below - swim.y) * 2.6);
    float fade = 1.0 - ease(0.75, 1.0, out1);
    float size = 0.16 / (0.6 + zl * 0.3);
    c += vec3(0.5, 0.9, 1.0) * (glow(length(to), size) * 0.9 + glow(length(to), size * 0.35) * 1.3) * fade * (0.75 + 0.5 * sparkle);
    float wake = exp(-pow(to.x / (0.02 + 0.1 * max(below - swim.y, 0.0)), 2.0)) * smoothstep(0.0, 0.05, below - swim.y) * exp(-(below - swim.y) * 4.0);
    c += vec3(0.35, 0.65, 0.7) * wake * fade * (0.3 + sparkle) * 0.6;
  }
  float st = ease(T_closingIn, T_closingIn + 1.8, uTime) * (1.0 - ease(T_closingOut - 1.2, T_closingOut, uTime));
  float text = texture(uText, vec2(uv.x / 3.5556 + 0.5, uv.y * 0.5 + 0.5)).g * st;
  c = c * (1.0 - 0.2 * st * smoothstep(1.0, 0.2, abs(uv.y - 0.42) * 1.6)) + vec3(1.25, 1.18, 1.05) * text * 2.0;
  colour = vec4(c, 1.0);
}
