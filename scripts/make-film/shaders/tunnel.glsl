// Inside: a brick pipe, black water, three lanterns, and a light in three coats that loses one at each.
const float SPEED = 1.6;
const float LEAD = 2.3;        // the light goes this far ahead of the eye
const float WATER = -0.52;
const float MOUTH_PAST = 0.5;

float eyeZ() { return (uTime - T_tunnelIn) * SPEED; }
float lanternZ(int k) { return (T_lanterns[k] - T_tunnelIn) * SPEED + LEAD; }
float mouthZ() { return (T_daylight - T_tunnelIn) * SPEED + MOUTH_PAST; }
vec2 bend(float z) {
  float straight = smoothstep(0.0, 9.0, mouthZ() - z);
  return vec2(1.15 * sin(z * 0.125) * straight, 0.0);
}
float chamber(float z) {
  float gap = lanternZ(1) - lanternZ(0);   // lanterns hang evenly: only the nearest one counts
  float d = z - lanternZ(0);
  d = (d - gap * clamp(floor(d / gap + 0.5), 0.0, 2.0)) / 1.9;
  return exp(-d * d);
}
float radius(float z) { return 1.0 + 0.6 * chamber(z); }
vec3 lightAt() {
  float z = eyeZ() + LEAD;
  return vec3(bend(z) + vec2(0.05 * sin(uTime * 0.8), -0.1 + 0.05 * sin(uTime * 1.3)), z);
}
vec3 lanternAt(int k) { float z = lanternZ(k); return vec3(bend(z) + vec2(0.0, 0.82), z); }
float worn(int k) { return ease(T_wraps[k], T_wraps[k] + 1.6, uTime) * (1.0 - ease(T_lanterns[2 - k] - 0.2, T_lanterns[2 - k] + 1.2, uTime)); }
// Coats are put on inside first (LAYER[2]) and taken off outside first (LAYER[0]).
vec3 coat(int k) { return LAYER[2 - k]; }
float taken(int k) { return ease(T_lanterns[k] + 0.5, T_lanterns[k] + 1.8, uTime); }
vec3 lanternLight(int k) {
  float flicker = 0.92 + 0.08 * noise(vec2(uTime * 5.0, float(k) * 7.0));
  return mix(vec3(1.0, 0.62, 0.3) * 0.75, LAYER[k] * 1.9, taken(k)) * flicker;
}
vec3 ownLight() {
  vec3 c = vec3(0.5, 0.78, 1.0);
  for (int k = 0; k < 3; k++) c = mix(c, coat(k), worn(k) * 0.75);
  return c;
}

float march(vec3 ro, vec3 rd, int steps) {
  float t = 0.05;
  for (int i = 0; i < 64; i++) {
    if (i >= steps) break;
    vec3 p = ro + rd * t;
    float d = radius(p.z) - length(p.xy - bend(p.z));
    if (d < 0.002 + 0.0025 * t || t > 34.0) break;
    t += d * 0.94 + 0.002;
  }
  return t;
}

// Light scattered towards the eye by damp air along a ray of length far: closed form for a point light.
float haze(vec3 ro, vec3 rd, float far, vec3 light) {
  vec3 to = light - ro;
  float along = dot(to, rd), h = sqrt(max(dot(to, to) - along * along, 0.0006));
  return (atan((far - along) / h) + atan(along / h)) / h;
}

vec3 wall(vec3 p, float t) {
  vec2 q = p.xy - bend(p.z);
  float a = atan(q.y, q.x), R = radius(p.z);
  vec2 g = vec2(p.z * 1.9, a / TAU * 30.0);
  g.x += 0.5 * mod(floor(g.y), 2.0);
  vec2 cell = floor(g), f = fract(g);
  float sharp = exp(-t * 0.11);
  float joint = min(min(f.x, 1.0 - f.x) * 1.1, min(f.y, 1.0 - f.y) * 0.55);
  float mortar = mix(0.8, smoothstep(0.015, 0.07, joint), sharp);
  float rough = fbm(vec2(p.z * 4.0, a * 5.0));
  float tone = mix(0.75, 0.5 + 0.5 * hash2(cell), sharp);
  vec3 c = mix(vec3(0.12, 0.1, 0.095), vec3(0.3, 0.2, 0.16) * tone + vec3(0.1) * (rough - 0.5), mortar);
  c = mix(c, vec3(0.07, 0.12, 0.08), smoothstep(0.3, -0.5, q.y) * smoothstep(0.35, 0.7, rough) * 0.8);
  c *= 0.4 + 0.6 * smoothstep(0.0, 0.16, p.y - WATER);
  // relief: bricks stand out of the mortar and lean a little
  vec2 lean = (vec2(hash2(cell + 3.0), hash2(cell + 5.0)) - 0.5) * 0.5 * sharp;
  vec3 n = normalize(vec3(-q / max(length(q), 0.001), lean.x) + vec3(-q.y, q.x, 0.0) * lean.y);
  vec3 lit = vec3(0.0012, 0.002, 0.003);
  vec3 to = lightAt() - p;
  float d2 = dot(to, to);
  lit += ownLight() * (0.15 + 0.85 * max(dot(n, to) / sqrt(d2), 0.0)) / (0.35 + d2 * 1.1) * 0.55 * ease(T_tunnelIn, T_tunnelIn + 2.5, uTime);
  for (int k = 0; k < 3; k++) {
    to = lanternAt(k) - p;
    d2 = dot(to, to);
    lit += lanternLight(k) * (0.1 + 0.9 * max(dot(n, to) / sqrt(d2), 0.0)) / (0.25 + d2 * 0.75) * 1.25;
  }
  float day = smoothstep(9.0, 0.0, mouthZ() - p.z);
  lit += vec3(1.0, 0.62, 0.38) * day * day * 0.9;
  // caustics thrown up by the water, near the light
  float caustic = pow(noise(vec2(p.z * 5.0 + uTime * 0.8, a * 6.0 - uTime)) * noise(vec2(p.z * 4.0 - uTime, a * 5.0)), 2.0);
  lit *= 1.0 + 3.0 * caustic * smoothstep(0.4, -0.5, q.y);
  return c * lit;
}

vec3 daylight(vec3 rd) {
  vec3 c = mix(vec3(1.7, 0.85, 0.4), vec3(0.7, 0.6, 0.7), clamp(rd.y * 2.5 + 0.35, 0.0, 1.0));
  return c * 1.25;
}

vec3 air(vec3 ro, vec3 rd, float far) {
  vec3 c = vec3(0.0);
  for (int k = 0; k < 3; k++) c += lanternLight(k) * haze(ro, rd, far, lanternAt(k)) * 0.012;
  c += ownLight() * haze(ro, rd, far, lightAt()) * 0.009 * ease(T_tunnelIn, T_tunnelIn + 2.5, uTime);
  return c;
}

vec3 lookAlong(vec3 ro, vec3 rd, int steps) {
  float t = march(ro, rd, steps);
  vec3 p = ro + rd * t;
  float through = p.z > mouthZ() ? 1.0 : 0.0;
  vec3 c = through > 0.5 ? daylight(rd) : wall(p, t) * exp(-t * 0.05);
  return c + air(ro, rd, t);
}

// A lantern: four bars, a cap, a flame. m is in the plane z of the lantern.
void paintLantern(inout vec3 c, vec2 m, int k) {
  vec3 light = lanternLight(k);
  float chain = smoothstep(0.012, 0.006, abs(m.x)) * step(0.14, m.y);
  float glass = smoothstep(0.01, 0.0, max(abs(m.x) - 0.085 + m.y * -0.12, abs(m.y) - 0.13));
  float bars = smoothstep(0.012, 0.004, abs(abs(m.x) - 0.078)) + smoothstep(0.01, 0.003, abs(m.x));
  float cap = smoothstep(0.01, 0.0, max(abs(m.x) - 0.13 + (m.y - 0.13) * 1.1, abs(m.y - 0.165) - 0.045));
  float base = smoothstep(0.01, 0.0, max(abs(m.x) - 0.1, abs(m.y + 0.145) - 0.02));
  vec2 fl = m + vec2(0.006 * sin(uTime * 9.0 + m.y * 30.0), 0.03);
  float flame = smoothstep(0.05, 0.0, length(fl * vec2(1.5, 0.75)));
  c = mix(c, light * (1.1 + 2.4 * flame) + flame, glass);
  c = mix(c, vec3(0.012), clamp(chain + bars * glass + cap + base, 0.0, 1.0));
}

void paintLight(inout vec3 c, vec2 m) {
  float d = length(m);
  float born = ease(T_tunnelIn, T_tunnelIn + 2.5, uTime);
  for (int k = 0; k < 3; k++) {
    float on = ease(T_wraps[k], T_wraps[k] + 1.6, uTime);
    float off = ramp(T_lanterns[2 - k] - 0.2, T_lanterns[2 - k] + 1.6, uTime);
    if (on <= 0.0 || off >= 1.0) continue;
    float a = atan(m.y, m.x);
    float swirl = fbm(vec2(a * 1.2 + uTime * 0.4, d * 9.0 - uTime * 0.3 + float(k) * 9.0));
    float swirl2 = fbm(vec2(-a * 1.2 + 4.0, d * 9.0 + uTime * 0.2));
    float s = mix(swirl, swirl2, smoothstep(2.2, 3.1, abs(a)));
    float R = 0.12 + 0.1 * float(k + 1) + 0.012 * sin(a * 3.0 + uTime * 1.4 + float(k) * 2.0);
    R *= mix(1.7, 1.0, on) * (1.0 + 0.9 * off * off);
    float shell = smoothstep(R, R - 0.008, d) * (0.1 + 0.9 * pow(clamp(d / R, 0.0, 1.0), 5.0));
    float film = 0.55 + 0.9 * s;
    float drawn = smoothstep(-0.1, 0.1, on * 1.2 - (a / TAU + 0.5) * on - (1.0 - on) * s);
    float torn = smoothstep(off * 1.25 - 0.2, off * 1.25, s + 0.12);
    c = c * (1.0 - shell * 0.35 * drawn * torn) + coat(k) * shell * film * drawn * torn * 0.7 * (1.0 - off * 0.6);
  }
  float pulse = 1.0 + 0.12 * sin(uTime * 2.2);
  c += vec3(0.55, 0.85, 1.0) * born * pulse * (smoothstep(0.085, 0.02, d) * 1.5 + glow(d, 0.042) * 0.7 + glow(d, 0.2) * 0.06);
  float glint = exp(-abs(m.x) * 90.0) * exp(-abs(m.y) * 7.0) + exp(-abs(m.y) * 90.0) * exp(-abs(m.x) * 7.0);
  c += vec3(0.6, 0.85, 1.0) * glint * 0.35 * born;
}

void main() {
  vec3 ro = vec3(bend(eyeZ()), eyeZ());
  ro.xy += vec2(0.03 * sin(uTime * 0.6), 0.06 + 0.02 * sin(uTime * 0.9));
  vec2 ahead = mix(bend(eyeZ() + 3.0), lightAt().xy, 0.4);
  vec3 fw = normalize(vec3(ahead.x, 0.02, eyeZ() + 3.0) - ro);
  vec3 rt = normalize(cross(vec3(0, 1, 0), fw));
  vec3 rd = normalize(fw * 1.25 + rt * uv.x + cross(fw, rt) * uv.y);
  float t = march(ro, rd, 64);
  if (ro.z + rd.z * t > mouthZ()) t = 400.0;   // no wall out there: open water to the horizon
  float tw = rd.y < -0.001 ? (WATER - ro.y) / rd.y : 1e5;
  vec3 c;
  float far = t;
  if (tw < t) {
    far = tw;
    vec3 p = ro + rd * tw;
    vec2 s = vec2((p.x - bend(p.z).x) * 3.2, p.z * 1.6 - uTime * 1.4);
    vec2 e = vec2(0.08, 0.0);
    float n0 = fbm(s), nx = fbm(s + e.xy), nz = fbm(s + e.yx);
    float calm = 0.16 / (1.0 + tw * 0.3);
    vec3 n = normalize(vec3((n0 - nx) / e.x * calm, 1.0, (n0 - nz) / e.x * calm));
    vec3 wayOut = p.z > mouthZ() ? daylight(vec3(rd.x, -rd.y, rd.z)) : lookAlong(p + n * 0.01, reflect(rd, n), 30);
    float fresnel = 0.12 + 0.88 * pow(1.0 - clamp(dot(n, -rd), 0.0, 1.0), 3.0);
    c = wayOut * fresnel + vec3(0.002, 0.005, 0.006);
    vec3 to = lightAt() - p;
    c += ownLight() * 0.03 / (0.12 + dot(to, to));
    c += air(ro, rd, tw);
  } else {
    vec3 p = ro + rd * t;
    c = p.z > mouthZ() ? daylight(rd) : wall(p, t) * exp(-t * 0.05);
    c += air(ro, rd, t);
  }
  for (int k = 2; k >= 0; k--) {
    vec3 at = lanternAt(k);
    float d = (at.z - ro.z) / rd.z;
    if (d > 0.12 && d < far) {
      vec3 was = c;
      paintLantern(c, (ro + rd * d - at).xy, k);
      c = mix(was, c, smoothstep(0.12, 0.6, d));
    }
  }
  vec3 at = lightAt();
  float d = (at.z - ro.z) / rd.z;
  paintLight(c, (ro + rd * d - at).xy * (d < far + 0.3 ? 1.0 : 1.4));
  float white = ease(T_daylight - 1.6, T_daylight + 0.1, uTime);
  c = mix(c, vec3(1.25, 0.72, 0.4), white * white);
  colour = vec4(c * ease(T_tunnelIn, T_tunnelIn + 1.6, uTime), 1.0);
}
