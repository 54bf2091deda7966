// How a state of cart-pole looks: shapes by their distance, so that edges are smooth without a library. Lengths are in
// metres; a distance is that of a pixel's middle from a shape's edge, negative inside.

#include <math.h>

#include "cartpole.h"

#define POLE_SHOWN 1.1    // m: longer than it is (0.6), to be seen on a small picture
#define VIEW 2.75         // m left and right of the middle
#define CART_HALF 0.26
#define CART_HIGH 0.14

typedef struct point {
  double x, y;
} point;

static double segment_distance(point p, point a, point b) {
  double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  double along = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
  along = along < 0 ? 0 : along > 1 ? 1 : along;
  return hypot(p.x - a.x - along * dx, p.y - a.y - along * dy);
}

static double box_distance(point p, point middle, double half_x, double half_y) {
  double x = fabs(p.x - middle.x) - half_x, y = fabs(p.y - middle.y) - half_y;
  return hypot(fmax(x, 0), fmax(y, 0)) + fmin(fmax(x, y), 0);
}

// Covers as much of the pixel as the shape, whose edge is `distance` away, does; nothing where that is no number.
static void picture_blend(double *rgb, const double *ink, double distance, double pixel) {
  double share = 0.5 - distance / pixel;
  if (!(share > 0)) return;
  share = share > 1 ? 1 : share;
  for (int i = 0; i < 3; i++) rgb[i] += (ink[i] - rgb[i]) * share;
}

static void pixel_draw(double *rgb, point p, point cart, point tip, double pixel) {
  static const double track[] = {150, 150, 150}, wheel[] = {40, 40, 40}, body[] = {0, 114, 178}, rod[] = {213, 94, 0};

  // The track with its two ends, and upon it cart, pole and hinge.
  point left = {-2.4, 0}, right = {2.4, 0};
  picture_blend(rgb, track, segment_distance(p, left, right) - 0.012, pixel);
  picture_blend(rgb, track, segment_distance(p, (point){-2.4, -0.18}, (point){-2.4, 0.18}) - 0.02, pixel);
  picture_blend(rgb, track, segment_distance(p, (point){2.4, -0.18}, (point){2.4, 0.18}) - 0.02, pixel);

  picture_blend(rgb, body, box_distance(p, cart, CART_HALF, CART_HIGH), pixel);
  picture_blend(rgb, rod, segment_distance(p, cart, tip) - 0.05, pixel);
  picture_blend(rgb, wheel, hypot(p.x - cart.x, p.y - cart.y) - 0.07, pixel);
}

// A dream's state may be anything: where cosine and sine are not those of an angle, the pole is as long as they are.
void cartpole_picture(uint8_t *rgb, int rows, int columns, const float *observation) {
  double pixel = 2 * VIEW / columns;
  point cart = {(double)observation[0], 0};
  point tip = {cart.x - POLE_SHOWN * (double)observation[3], POLE_SHOWN * (double)observation[2]};

  for (int row = 0; row < rows; row++)
    for (int column = 0; column < columns; column++) {
      double colour[3] = {244, 244, 244};
      point p = {(column + 0.5 - 0.5 * columns) * pixel, (0.5 * rows - row - 0.5) * pixel};
      pixel_draw(colour, p, cart, tip, pixel);
      for (int i = 0; i < 3; i++) rgb[((size_t)row * columns + column) * 3 + i] = (uint8_t)(colour[i] + 0.5);
    }
}
