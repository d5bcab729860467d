// One direction of a wide blur, on a quarter-size picture.
uniform sampler2D uFrom;
uniform vec2 uStep;

void main() {
  vec2 st = vec2(uv.x / 3.5556, uv.y * 0.5) + 0.5;
  vec3 sum = vec3(0.0);
  float weight = 0.0;
  for (int i = -8; i <= 8; i++) {
    float w = exp(-float(i * i) / 28.0);
    sum += min(texture(uFrom, st + uStep * float(i)).rgb, vec3(6.0)) * w;
    weight += w;
  }
  colour = vec4(sum / weight, 1.0);
}
