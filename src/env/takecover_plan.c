// The lookahead policy of takecover: the ceiling a controller can be measured against. It sees the true state, flies
// every fireball on for 55 tics (the flight from the imps takes at least 48) and walks the player through a handful of
// plans. It draws no luck: throws still to come are not foreseen.

#include <math.h>
#include <string.h>

#include "takecover.h"

enum { HORIZON = 55, THREATS = 4 * TAKECOVER_BALLS };
#define MARGIN 2.0  // wider than the hit box by this, so that a plan is not lost by a hair
#define REACH (PLAYER_RADIUS + BALL_RADIUS)

// A ball abreast of the player during one half of a tic: where he must not be.
typedef struct threat { double y; int tic; } threat;
typedef struct threats {
  int count, begin[HORIZON + 2];
  threat at[THREATS];
} threats;

typedef struct plan { int first, tics, then; } plan;  // go `first` for `tics`, `then` to the end

static void threat_add(threats *t, double y, int tic) {
  if (t->count < THREATS && y > -REACH && y < ROOM_WIDTH + REACH) t->at[t->count++] = (threat){y, tic};
}

// Half-steps of flight at which |x - player| < reach; half-step k ends tic (k + 1) / 2.
static void ball_foresee(threats *t, const ball *b) {
  double distance = b->x - PLAYER_X, half = -b->vx / 2;
  int from = (int)fmax(1, ceil((distance - REACH) / half));
  int to = (int)fmin(2 * HORIZON, floor((distance + REACH) / half));
  for (int k = from; k <= to; k++) threat_add(t, b->y + b->vy / 2 * k, (k + 1) / 2);
}

// Sorted by tic (counting sort); those of tic i are [begin[i], begin[i + 1]).
static void threats_sort(threats *t) {
  threat sorted[THREATS];
  int place[HORIZON + 2] = {0};

  // How many before each tic: where its first one goes.
  for (int i = 0; i < t->count; i++) place[t->at[i].tic + 1]++;
  for (int i = 1; i <= HORIZON + 1; i++) place[i] += place[i - 1];
  memcpy(t->begin, place, sizeof place);

  // A copy, since each threat moves on the place of the next of its tic.
  for (int i = 0; i < t->count; i++) sorted[place[t->at[i].tic]++] = t->at[i];
  memcpy(t->at, sorted, (size_t)t->count * sizeof *sorted);
}

static void foresee(threats *t, const takecover *s) {
  t->count = 0;
  for (int i = 0; i < s->balls; i++) ball_foresee(t, &s->ball[i]);
  threats_sort(t);
}

static bool hit(const threats *t, int tic, double y) {
  for (int i = t->begin[tic]; i < t->begin[tic + 1]; i++)
    if (fabs(t->at[i].y - y) < REACH + MARGIN) return true;
  return false;
}

// Tics lived, and among plans that live as long the one that ends nearest to the middle, where there is most room.
static double worth(const threats *t, const takecover *s, plan p) {
  double y = s->y, v = s->v;
  for (int tic = 1; tic <= HORIZON; tic++) {
    takecover_walk(&y, &v, tic <= p.tics ? p.first : p.then);
    if (hit(t, tic, y)) return tic;
  }
  return HORIZON + 2 - fabs(y - ROOM_WIDTH / 2) / ROOM_WIDTH;
}

int takecover_plan(const takecover *s) {
  static const int tics[] = {3, 7, 12, 18, 26};
  threats t;
  foresee(&t, s);

  // Of equals the first counts, so that a plan is a function of the state alone.
  int best_first = 0;
  double best = -1;

  // Where both directions are one, it makes no difference when the turn comes.
  for (int first = -1; first <= 1; first++)
    for (int then = -1; then <= 1; then++)
      for (size_t i = 0; i < (first == then ? 1 : sizeof tics / sizeof *tics); i++) {
        double w = worth(&t, s, (plan){first, tics[i], then});
        if (w <= best) continue;
        best = w;
        best_first = first;
      }
  return best_first;
}
