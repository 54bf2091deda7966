// Take Cover as the player sees it, 64x64 in colour: a pinhole camera at his eyes, looking at the imps, 90 degrees wide
// as Doom's, and stretched upwards as a 4:3 screen is when it is squeezed into a square. A picture is a function of the
// state alone, made with + - * / only, so its bytes are the same everywhere. Edges are covered fractionally: what moves
// a tenth of a pixel changes the picture by a tenth, which is what lets a small network read positions from it.

#include <math.h>

#include "takecover.h"

enum { ROWS = 64, COLUMNS = 64, HORIZON = 32 };
#define ACROSS 32.0f  // pixels by which one unit at depth 1 is wide: 90 degrees
#define UP 56.0f      // and high
#define EYE 41.0f     // above the floor
#define BACK_DEPTH ((float)(ROOM_FRONT - PLAYER_X))
#define IMP_DEPTH ((float)(IMP_X - PLAYER_X))
#define BALL_HEIGHT 34.0f  // of a fireball's flight
#define BALL_SIZE 880.0f   // a drawn fireball's radius in pixels at depth 1: it looks larger than it hits, as in Doom
#define TILES 384.0f       // period of the floor's squares
#define NEAREST 8.0f       // what is nearer is behind the eyes

typedef struct colour { float r, g, b; } colour;
typedef uint8_t (*picture)[COLUMNS][3];

static float limit(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

static colour mix(colour a, colour b, float t) {
  return (colour){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

static void render_put(uint8_t *pixel, colour c) {
  pixel[0] = (uint8_t)(c.r + 0.5f);
  pixel[1] = (uint8_t)(c.g + 0.5f);
  pixel[2] = (uint8_t)(c.b + 0.5f);
}

static void render_blend(uint8_t *pixel, colour c, float cover) {
  if (cover <= 0) return;
  colour under = {pixel[0], pixel[1], pixel[2]};
  render_put(pixel, mix(under, c, cover));
}

// The part of pixel `i` that [from, to) covers.
static float covered(int i, float from, float to) {
  float low = from > (float)i ? from : (float)i, high = to < (float)(i + 1) ? to : (float)(i + 1);
  return high > low ? high - low : 0;
}

// --- surfaces -------------------------------------------------------------------------------------------------------
// A square wave of +1 and -1, one period per unit; its integral is a triangle wave, so its mean over a pixel is exact.
static float triangle(float u) {
  float t = u + 1024;  // arguments stay above -1024
  t -= (float)(int)t;
  return t < 1 - t ? t : 1 - t;
}

static float stripes(float from, float to) {
  float width = to - from;
  if (width < 0) return stripes(to, from);
  return width < 1e-4f ? 0 : (triangle(to) - triangle(from)) / width;
}

static float light(float depth) { return 1 / (1 + depth * 0.0008f); }

// The walls as 64 columns see them: rows between which each stands, and its colour. Planar, for vector registers.
typedef struct walls { float top[COLUMNS], bottom[COLUMNS], r[COLUMNS], g[COLUMNS], b[COLUMNS]; } walls;

// Where the line of sight through a column meets a wall. The wall ahead turns from blue at the left to green at the
// right, so that a part of it tells which part; the side walls continue it.
static void look_at_wall(walls *w, float y, int column) {
  const colour left = {62, 92, 138}, right = {72, 122, 84};
  float width = (float)ROOM_WIDTH, slope = ((float)column + 0.5f - COLUMNS / 2) / ACROSS;
  float half = 0.5f / ACROSS, there = y - BACK_DEPTH * slope, depth, stripe;
  colour c;

  // It meets the wall ahead, or one of the two beside.
  if (there >= 0 && there <= width) {
    depth = BACK_DEPTH;
    stripe = stripes((there - BACK_DEPTH * half) / 192, (there + BACK_DEPTH * half) / 192);
    c = mix(right, left, there / width);
  } else {
    float aside = there < 0 ? y : y - width;  // distance to that wall, with the slope's sign
    depth = aside / slope;
    stripe = stripes(aside / (slope + half) / 128, aside / (slope - half) / 128);
    c = there < 0 ? right : left;
  }

  float shade = light(depth) * (1.25f + 0.13f * stripe);
  w->r[column] = c.r * shade;
  w->g[column] = c.g * shade;
  w->b[column] = c.b * shade;

  w->top[column] = HORIZON - UP * ((float)ROOM_HEIGHT - EYE) / depth;
  w->bottom[column] = HORIZON + UP * EYE / depth;
}

// One row of floor or ceiling as brightness: large tiles whose contrast fades as pixels outgrow them.
static void light_plane(float *level, float y, float rows_from_horizon, float height, float contrast) {
  float depth = UP * height / rows_from_horizon, shade = light(depth), edge[COLUMNS + 1];
  float ahead = depth / TILES, across = ahead / ACROSS, middle = y / TILES, along = ahead / (2 * rows_from_horizon);

  // The pattern is the product of two square waves, each by its mean over the pixel: across, then along the view.
  for (int c = 0; c <= COLUMNS; c++) edge[c] = triangle(middle - across * (float)(c - COLUMNS / 2));
  float scale = contrast * stripes(ahead - along, ahead + along) / across;
  for (int c = 0; c < COLUMNS; c++) level[c] = shade * (1 + scale * (edge[c] - edge[c + 1]));
}

static uint32_t packed_colour(float r, float g, float b) {
  return (uint32_t)((int)(r + 0.5f) | (int)(g + 0.5f) << 8 | (int)(b + 0.5f) << 16);
}

static void shade_row(uint32_t *pixel, const float *level, colour base) {
  for (int c = 0; c < COLUMNS; c++) pixel[c] = packed_colour(base.r * level[c], base.g * level[c], base.b * level[c]);
}

// The same with the walls before it.
static void shade_row_and_walls(uint32_t *pixel, const float *level, colour base, const walls *w, float r) {
  for (int c = 0; c < COLUMNS; c++) {
    float top = w->top[c], bottom = w->bottom[c], low = top > r ? top : r, high = bottom < r + 1 ? bottom : r + 1;
    float between = high - low, cover = (between + fabsf(between)) / 2;  // max(between, 0), without a branch
    float seen = level[c] * (1 - cover);
    pixel[c] = packed_colour(base.r * seen + w->r[c] * cover, base.g * seen + w->g[c] * cover,
                             base.b * seen + w->b[c] * cover);
  }
}

static void put_row(uint8_t (*row)[3], const uint32_t *pixel) {
  for (int c = 0; c < COLUMNS; c++) {
    row[c][0] = (uint8_t)pixel[c];
    row[c][1] = (uint8_t)(pixel[c] >> 8);
    row[c][2] = (uint8_t)(pixel[c] >> 16);
  }
}

static void paint_room(picture p, float y) {
  const colour floor = {112, 104, 96}, ceiling = {70, 66, 76};
  walls w;
  float highest = HORIZON, lowest = HORIZON;
  for (int c = 0; c < COLUMNS; c++) {
    look_at_wall(&w, y, c);
    if (w.top[c] < highest) highest = w.top[c];
    if (w.bottom[c] > lowest) lowest = w.bottom[c];
  }

  // Rows above all walls or below them are floor or ceiling alone, which is most of the picture and quicker.
  for (int r = 0; r < ROWS; r++) {
    float away = (float)(r - HORIZON) + 0.5f, level[COLUMNS];
    uint32_t pixel[COLUMNS];
    bool below = away > 0;
    light_plane(level, y, below ? away : -away, below ? EYE : (float)ROOM_HEIGHT - EYE, below ? 0.10f : 0.08f);

    if ((float)(r + 1) > highest && (float)r < lowest)
      shade_row_and_walls(pixel, level, below ? floor : ceiling, &w, (float)r);
    else
      shade_row(pixel, level, below ? floor : ceiling);
    put_row(p[r], pixel);
  }
}

// --- figures --------------------------------------------------------------------------------------------------------
static void paint_box(picture p, float left, float right, float top, float bottom, colour c) {
  int first = (int)limit(left, 0, COLUMNS), last = (int)limit(right, -1, COLUMNS - 1);
  int from = (int)limit(top, 0, ROWS), to = (int)limit(bottom, -1, ROWS - 1);
  for (int i = from; i <= to; i++)
    for (int j = first; j <= last; j++) render_blend(p[i][j], c, covered(i, top, bottom) * covered(j, left, right));
}

static void paint_disc(picture p, float x, float y, float radius, colour core, colour rim) {
  int first = (int)limit(x - radius - 1, 0, COLUMNS), last = (int)limit(x + radius + 1, -1, COLUMNS - 1);
  int from = (int)limit(y - radius - 1, 0, ROWS), to = (int)limit(y + radius + 1, -1, ROWS - 1);

  float square = radius * radius;
  for (int i = from; i <= to; i++)
    for (int j = first; j <= last; j++) {
      float dx = (float)j + 0.5f - x, dy = (float)i + 0.5f - y, away = dx * dx + dy * dy;
      // (R^2 - d^2) / 2R is the distance to the rim, near the rim
      float cover = limit(0.5f + (square - away) / (2 * radius), 0, 1);
      render_blend(p[i][j], mix(core, rim, limit(away / square, 0, 1)), cover);
    }
}

static float render_column_of(float y, float aside, float depth) {
  return COLUMNS / 2 - (aside - y) * ACROSS / depth;
}

static float row_of(float height, float depth) { return HORIZON + (EYE - height) * UP / depth; }

static const colour FIRE_CORE = {255, 232, 120}, FIRE_RIM = {255, 84, 16};

// A box given in the imp's own units: across from its middle, and height.
static void paint_limb(picture p, float middle, float from, float to, float low, float high, colour c) {
  float unit = ACROSS / IMP_DEPTH;
  paint_box(p, middle + from * unit, middle + to * unit, row_of(high, IMP_DEPTH), row_of(low, IMP_DEPTH), c);
}

// Walking, an imp is a dark brown figure with its arms down; winding up it reddens and lifts them, and the fire grows
// between its hands until the ball leaves; having thrown it stands with them stretched aside.
static void paint_imp(picture p, const imp *m, float y) {
  const colour calm = {92, 52, 24}, angry = {168, 70, 30}, arm_calm = {116, 70, 34}, arm_angry = {236, 120, 50};
  bool thrown = m->pose == IMP_HAS_THROWN;
  float risen = m->pose == IMP_WINDS_UP ? 1 - (float)(m->wait - 1) / WINDUP_TICS : 0;
  float middle = render_column_of(y, (float)m->y, IMP_DEPTH), reach = thrown ? 36 : 27;
  float low = thrown ? 40 : 24 + 20 * risen, high = thrown ? 48 : 48 + 20 * risen;
  colour skin = mix(calm, angry, risen), arm = mix(arm_calm, arm_angry, risen);

  // Legs, body, head, then the two arms.
  paint_limb(p, middle, -14, 14, 0, 24, skin);
  paint_limb(p, middle, -18, 18, 24, 48, skin);
  paint_limb(p, middle, -9, 9, 48, 62, skin);
  paint_limb(p, middle, -reach, -18, low, high, arm);
  paint_limb(p, middle, 18, reach, low, high, arm);

  if (risen > 0)
    paint_disc(p, middle, row_of(64 - 28 * risen * risen, IMP_DEPTH), 0.4f + 1.2f * risen, FIRE_CORE, FIRE_RIM);
}

static void paint_ball(picture p, const ball *b, float y) {
  float depth = (float)(b->x - PLAYER_X), x = render_column_of(y, (float)b->y, depth);
  paint_disc(p, x, row_of(BALL_HEIGHT, depth), BALL_SIZE / depth, FIRE_CORE, FIRE_RIM);
}

// The balls in front of the eyes, far to near.
static int balls_in_order(const ball **order, const takecover *s) {
  int n = 0;
  for (int i = 0; i < s->balls; i++) {
    const ball *b = &s->ball[i];
    if (b->x - PLAYER_X < (double)NEAREST) continue;

    // By insertion: there are few.
    int at = n++;
    for (; at > 0 && order[at - 1]->x < b->x; at--) order[at] = order[at - 1];
    order[at] = b;
  }
  return n;
}

void takecover_observe(const void *state, void *observation) {
  const takecover *s = state;
  picture p = observation;
  float y = (float)s->y;
  paint_room(p, y);
  for (int i = 0; i < s->imps; i++) paint_imp(p, &s->imp[i], y);

  // What is near covers what is far.
  const ball *order[TAKECOVER_BALLS];
  int n = balls_in_order(order, s);
  for (int i = 0; i < n; i++) paint_ball(p, order[i], y);
}
