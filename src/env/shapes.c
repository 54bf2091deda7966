// Shapes by their distance from a pixel's middle.

#include <math.h>
#include <stddef.h>

#include "shapes.h"

double shapes_segment(point p, point a, point b) {
  double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  double along = length > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / length : 0;
  along = along < 0 ? 0 : along > 1 ? 1 : along;
  return hypot(p.x - a.x - along * dx, p.y - a.y - along * dy);
}

double shapes_box(point p, point middle, double half_x, double half_y) {
  double x = fabs(p.x - middle.x) - half_x, y = fabs(p.y - middle.y) - half_y;
  return hypot(fmax(x, 0), fmax(y, 0)) + fmin(fmax(x, y), 0);
}

double shapes_disc(point p, point middle, double radius) { return hypot(p.x - middle.x, p.y - middle.y) - radius; }

void shapes_blend(double *rgb, const double *ink, double distance, double pixel) {
  double share = 0.5 - distance / pixel;
  if (!(share > 0)) return;
  share = share > 1 ? 1 : share;
  for (int i = 0; i < 3; i++) rgb[i] += (ink[i] - rgb[i]) * share;
}

double shapes_half(double reach, int rows, int columns) { return reach * columns / (rows < columns ? rows : columns); }

void shapes_draw(uint8_t *rgb, int rows, int columns, point middle, double half, shapes_colour *colour,
                 const void *scene) {
  double pixel = 2 * half / columns;
  for (int row = 0; row < rows; row++)
    for (int column = 0; column < columns; column++) {
      double shade[3] = {244, 244, 244};
      point p = {middle.x + (column + 0.5 - 0.5 * columns) * pixel, middle.y + (0.5 * rows - row - 0.5) * pixel};
      colour(shade, p, pixel, scene);
      for (int i = 0; i < 3; i++) rgb[((size_t)row * columns + column) * 3 + i] = (uint8_t)(shade[i] + 0.5);
    }
}
