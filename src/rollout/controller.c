// The controller C of World Models: action = tanh(W [z, h, c] + b), optionally through one hidden tanh layer.
// Parameters stand row by row: the weights of one output over [z, h, c], then its bias.

#include "rollout.h"

static int inputs_of(const controller_shape *s) { return s->Z + (s->use_h ? s->H : 0) + (s->use_c ? s->H : 0); }

static int layer_size(int inputs, int outputs, bool bias) { return (inputs + bias) * outputs; }

int controller_size(const controller_shape *s) {
  if (s->hidden == 0) return layer_size(inputs_of(s), s->A, s->bias);
  return layer_size(inputs_of(s), s->hidden, s->bias) + layer_size(s->hidden, s->A, s->bias);
}

typedef struct piece { const float *values; int n; } piece;

// y = tanh(W [pieces] + b); returns the parameters after the layer's
static const float *layer(float *y, int outputs, const float *w, bool bias, const piece *pieces, int count) {
  for (int o = 0; o < outputs; o++) {
    float sum = 0;
    for (int p = 0; p < count; p++) {
      sum += vec_dot(w, pieces[p].values, pieces[p].n);
      w += pieces[p].n;
    }
    y[o] = bias ? sum + *w++ : sum;
  }
  vec_tanh(y, y, outputs);
  return w;
}

void controller_act(const controller_shape *s, float *action, const float *parameters, const float *z, const float *h,
                    const float *c) {
  const piece inputs[3] = {{z, s->Z}, {h, s->use_h ? s->H : 0}, {c, s->use_c ? s->H : 0}};
  if (s->hidden == 0) {
    layer(action, s->A, parameters, s->bias, inputs, 3);
    return;
  }
  float units[CONTROLLER_HIDDEN_MAX];
  CHECK(s->hidden <= CONTROLLER_HIDDEN_MAX, "%d hidden units", s->hidden);
  parameters = layer(units, s->hidden, parameters, s->bias, inputs, 3);
  layer(action, s->A, parameters, s->bias, &(piece){units, s->hidden}, 1);
}
