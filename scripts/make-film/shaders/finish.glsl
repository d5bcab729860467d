// Last pass: cross-fade, glow of bright parts, filmic curve, vignette, a dither against banding.
uniform sampler2D uFrom;
uniform sampler2D uTo;
uniform sampler2D uSoft;
uniform sampler2D uOver;
uniform float uMix;

vec3 filmic(vec3 x) { return clamp((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0); }

void main() {
  vec2 st = vec2(uv.x / 3.5556, uv.y * 0.5) + 0.5;
  vec3 c = mix(texture(uFrom, st).rgb, texture(uTo, st).rgb, uMix);
  c = mix(c, texture(uSoft, st).rgb, 0.13) + texture(uOver, st).rgb * 1.1;
  c *= 1.0 - 0.28 * pow(length(uv * vec2(0.6, 0.75)), 2.6);
  c *= 1.0 - ease(T_blackFrom, 79.6, uTime);
  c = pow(filmic(c * 1.12), vec3(1.0 / 2.2));
  c += (hash2(gl_FragCoord.xy + fract(uTime) * 61.0) - 0.5) / 255.0 * 1.6;
  colour = vec4(c, 1.0);
}
