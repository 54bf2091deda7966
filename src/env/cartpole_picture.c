// How a state of cart-pole looks. Lengths are in metres.

#include <math.h>

#include "cartpole.h"
#include "shapes.h"

#define POLE_SHOWN 1.1    // m: longer than it is (0.6), to be seen on a small picture
#define VIEW 2.75         // m left and right of the middle
#define CART_HALF 0.26
#define CART_HIGH 0.14

typedef struct cartpole_pose { point cart, tip; } cartpole_pose;

static void cartpole_pixel(double *rgb, point p, double pixel, const void *scene) {
  const cartpole_pose *pose = scene;
  point cart = pose->cart, tip = pose->tip;
  static const double track[] = {150, 150, 150}, wheel[] = {40, 40, 40}, body[] = {0, 114, 178}, rod[] = {213, 94, 0};

  // The track with its two ends, and upon it cart, pole and hinge.
  point left = {-2.4, 0}, right = {2.4, 0};
  shapes_blend(rgb, track, shapes_segment(p, left, right) - 0.012, pixel);
  shapes_blend(rgb, track, shapes_segment(p, (point){-2.4, -0.18}, (point){-2.4, 0.18}) - 0.02, pixel);
  shapes_blend(rgb, track, shapes_segment(p, (point){2.4, -0.18}, (point){2.4, 0.18}) - 0.02, pixel);

  shapes_blend(rgb, body, shapes_box(p, cart, CART_HALF, CART_HIGH), pixel);
  shapes_blend(rgb, rod, shapes_segment(p, cart, tip) - 0.05, pixel);
  shapes_blend(rgb, wheel, hypot(p.x - cart.x, p.y - cart.y) - 0.07, pixel);
}

// A dream's state may be anything: where cosine and sine are not those of an angle, the pole is as long as they are.
void cartpole_picture(uint8_t *rgb, int rows, int columns, const float *observation) {
  cartpole_pose pose = {.cart = {(double)observation[0], 0}};
  pose.tip = (point){pose.cart.x - POLE_SHOWN * (double)observation[3], POLE_SHOWN * (double)observation[2]};
  shapes_draw(rgb, rows, columns, (point){0, 0}, VIEW, cartpole_pixel, &pose);
}
