// Choices at real moments: of some actions the dream says which is best, and reality which was. Sums over an episode's
// moments, and shares over episodes, whose errors know that moments of one episode are alike.

#include <math.h>

#include "fidelity.h"

// Where all die there is nothing to choose, and where all are paid alike neither.
bool fidelity_probes_matter(const fidelity_probe *p, int n) {
  bool differ = false, lives = false;
  for (int i = 0; i < n; i++) {
    differ |= p[i].real != p[0].real;
    lives |= !p[i].died;
  }
  return differ && lives;
}

// Of two probes that reality tells apart, whether the dream tells them apart alike; a half where it does not know.
static double pair_right(const fidelity_probe *a, const fidelity_probe *b) {
  double dreamt = a->dream - b->dream;
  return dreamt == 0 ? 0.5 : (dreamt > 0) == (a->real > b->real);
}

static void pairs_count(fidelity_choice *c, const fidelity_probe *p, int n) {
  for (int i = 0; i < n; i++)
    for (int k = 0; k < i; k++) {
      if (p[i].real == p[k].real) continue;
      c->pairs++;
      c->pairs_right += pair_right(&p[i], &p[k]);
    }
}

void fidelity_choice_count(fidelity_choice *c, const fidelity_probe *p, int n) {
  double best = -INFINITY, favoured = -INFINITY, sum = 0, chosen = 0;
  int worse = 0, favourites = 0, wrong = 0;
  for (int i = 0; i < n; i++) {
    best = fmax(best, p[i].real);
    favoured = fmax(favoured, p[i].dream);
    sum += p[i].real;
  }

  // equal favourites are chosen among by chance
  for (int i = 0; i < n; i++) {
    bool is_worse = p[i].real < best, is_favourite = p[i].dream == favoured;
    c->wrong_always[i] += is_worse;
    worse += is_worse;
    favourites += is_favourite;
    wrong += is_worse && is_favourite;
    chosen += is_favourite ? p[i].real : 0;
  }

  c->matter++;
  c->by_chance += (double)worse / n;
  c->wrong += (double)wrong / favourites;
  c->lost += best - chosen / favourites;
  c->lost_by_chance += best - sum / n;
  pairs_count(c, p, n);
}

// --- over episodes --------------------------------------------------------------------------------------------------

typedef struct choice_part { double of, over; } choice_part;  // of an episode
typedef choice_part part_of(const fidelity_choice *c, int blind);

// Sum over sum, and its error: a ratio's, by episode (Cochran, Sampling Techniques, 2.11).
static fidelity_rate ratio_over(const fidelity_choice *c, int n, part_of *part, int blind) {
  double of = 0, over = 0, squares = 0;
  for (int i = 0; i < n; i++) {
    choice_part p = part(&c[i], blind);
    of += p.of;
    over += p.over;
  }
  if (!(over > 0)) return (fidelity_rate){(double)NAN, (double)NAN};

  for (int i = 0; i < n; i++) {
    choice_part p = part(&c[i], blind);
    double apart = p.of - of / over * p.over;
    squares += apart * apart;
  }
  return (fidelity_rate){of / over, n > 1 ? sqrt(squares * n / (n - 1)) / over : (double)NAN};
}

static choice_part part_wrong(const fidelity_choice *c, int blind) {
  (void)blind;
  return (choice_part){c->wrong, c->matter};
}

static choice_part part_by_chance(const fidelity_choice *c, int blind) {
  (void)blind;
  return (choice_part){c->by_chance, c->matter};
}

static choice_part part_blind(const fidelity_choice *c, int blind) {
  return (choice_part){c->wrong_always[blind], c->matter};
}

static choice_part part_gain(const fidelity_choice *c, int blind) {
  return (choice_part){c->wrong_always[blind] - c->wrong, c->matter};
}

static choice_part part_regret(const fidelity_choice *c, int blind) {
  (void)blind;
  return (choice_part){c->lost, c->lost_by_chance};
}

static choice_part part_order(const fidelity_choice *c, int blind) {
  (void)blind;
  return (choice_part){c->pairs_right, c->pairs};
}

static double wrong_by(const fidelity_choice *c, int n, int probe) {
  double wrong = 0;
  for (int i = 0; i < n; i++) wrong += c[i].wrong_always[probe];
  return wrong;
}

static int blind_best(const fidelity_choice *c, int n, int probes) {
  int best = 0;
  for (int i = 1; i < probes; i++)
    if (wrong_by(c, n, i) < wrong_by(c, n, best)) best = i;
  return best;
}

fidelity_choices fidelity_choices_of(const fidelity_choice *c, int n, int probes) {
  int blind = blind_best(c, n, probes);
  fidelity_choices all = {.wrong = ratio_over(c, n, part_wrong, blind),
                          .by_chance = ratio_over(c, n, part_by_chance, blind),
                          .blind = ratio_over(c, n, part_blind, blind),
                          .gain = ratio_over(c, n, part_gain, blind),
                          .regret = ratio_over(c, n, part_regret, blind),
                          .order = ratio_over(c, n, part_order, blind)};

  for (int i = 0; i < n; i++) {
    all.moments += c[i].moments;
    all.matter += c[i].matter;
    all.broken += c[i].broken;
  }
  return all;
}
