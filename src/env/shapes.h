// Pictures of states: shapes by their distance, so that edges are smooth without a library. A distance is that of a
// point from a shape's edge, negative inside.
#ifndef ENV_SHAPES_H
#define ENV_SHAPES_H

#include <stdint.h>

typedef struct point {
  double x, y;  // to the right, upwards
} point;

double shapes_segment(point p, point a, point b);  // from the line between two points
double shapes_box(point p, point middle, double half_x, double half_y);
double shapes_disc(point p, point middle, double radius);
// Covers as much of the pixel as the shape does; nothing where the distance is no number.
void shapes_blend(double *rgb, const double *ink, double distance, double pixel);

// What is to be shown left and right of the middle, so that `reach` is shown in every direction.
double shapes_half(double reach, int rows, int columns);
// rgb (rows, columns, 3): each pixel as `colour` makes it from light grey, whose middle is the point p; `half` is shown
// left and right of `middle`, `pixel` is one pixel's width.
typedef void shapes_colour(double *rgb, point p, double pixel, const void *scene);
void shapes_draw(uint8_t *rgb, int rows, int columns, point middle, double half, shapes_colour *colour,
                 const void *scene);

#endif
