// The controller C of World Models: action = tanh(W features + b), optionally through one hidden tanh layer.
// Parameters stand row by row: the weights of one output over the features, then its bias.

#include "rollout.h"

controller_shape controller_for(const world_features *f, int A, int hidden, bool bias) {
  controller_shape s = {.F = f->F, .A = A, .hidden = hidden, .bias = bias};
  for (int i = 0; i < f->parts; i++) s.part[i] = f->part[i].size;
  return s;
}

static int controller_layer_size(int inputs, int outputs, bool bias) { return (inputs + bias) * outputs; }

int controller_size(const controller_shape *s) {
  if (s->hidden == 0) return controller_layer_size(s->F, s->A, s->bias);
  return controller_layer_size(s->F, s->hidden, s->bias) + controller_layer_size(s->hidden, s->A, s->bias);
}

// y = tanh(W x + b), the sums in `parts`; returns the parameters after the layer's
static const float *controller_layer(float *y, int outputs, const float *w, bool bias, const float *x,
                                     const int *parts) {
  for (int o = 0; o < outputs; o++) {
    // features come in parts (z, h, c), each a dot product of its own
    const float *from = x;
    float sum = 0;
    for (const int *n = parts; *n; from += *n, w += *n, n++) sum += vec_dot(w, from, *n);
    y[o] = bias ? sum + *w++ : sum;
  }

  vec_tanh(y, y, outputs);
  return w;
}

void controller_act(const controller_shape *s, float *action, const float *parameters, const float *features) {
  if (s->hidden == 0) {
    controller_layer(action, s->A, parameters, s->bias, features, s->part);
    return;
  }

  // one hidden layer, with its own tanh
  float units[CONTROLLER_HIDDEN_MAX];
  CHECK(s->hidden <= CONTROLLER_HIDDEN_MAX, "%d hidden units", s->hidden);
  parameters = controller_layer(units, s->hidden, parameters, s->bias, features, s->part);
  controller_layer(action, s->A, parameters, s->bias, units, (const int[]){s->hidden, 0});
}
