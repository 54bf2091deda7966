// Choices at real moments: of some actions the dream says which is best, and reality which was. Sums over an episode's
// moments, and shares over episodes, whose errors know that moments of one episode are alike.

#include <math.h>

#include "fidelity.h"

// What tells probes apart: whether they live, where some live and some die; else what they are paid.
static double probe_value(const fidelity_probe *p, bool deadly) { return deadly ? !p->died : p->real; }

static int probes_dead(const fidelity_probe *p, int n) {
  int dead = 0;
  for (int i = 0; i < n; i++) dead += p[i].died;
  return dead;
}

// Where all die there is nothing to choose, and where all are paid alike neither.
bool fidelity_probes_matter(const fidelity_probe *p, int n) {
  int dead = probes_dead(p, n);
  bool differ = dead > 0;
  for (int i = 1; i < n; i++) differ |= p[i].real != p[0].real;
  return differ && dead < n;
}

// Of two probes that reality tells apart, whether the dream tells them apart alike; a half where it does not know.
static double pair_right(const fidelity_probe *a, const fidelity_probe *b, double apart) {
  double dreamt = a->dream - b->dream;
  return dreamt == 0 ? 0.5 : (dreamt > 0) == (apart > 0);
}

static void pairs_count(fidelity_choice *c, const fidelity_probe *p, int n, bool deadly) {
  for (int i = 0; i < n; i++)
    for (int k = 0; k < i; k++) {
      double apart = probe_value(&p[i], deadly) - probe_value(&p[k], deadly);
      if (apart == 0) continue;
      c->pairs++;
      c->pairs_right += pair_right(&p[i], &p[k], apart);
    }
}

void fidelity_choice_count(fidelity_choice *c, const fidelity_probe *p, int n) {
  bool deadly = probes_dead(p, n) > 0;
  double best = -INFINITY, favoured = -INFINITY, most = -INFINITY, sum = 0, chosen = 0;
  int worse = 0, favourites = 0, wrong = 0;
  for (int i = 0; i < n; i++) {
    best = fmax(best, probe_value(&p[i], deadly));
    favoured = fmax(favoured, p[i].dream);
    most = fmax(most, p[i].real);
    sum += p[i].real;
  }

  // equal favourites are chosen among by chance
  for (int i = 0; i < n; i++) {
    bool is_worse = probe_value(&p[i], deadly) < best, is_favourite = p[i].dream == favoured;
    worse += is_worse;
    favourites += is_favourite;
    wrong += is_worse && is_favourite;
    chosen += is_favourite ? p[i].real : 0;
  }

  c->matter++;
  c->by_chance += (double)worse / n;
  c->wrong += (double)wrong / favourites;
  c->lost += most - chosen / favourites;
  c->lost_by_chance += most - sum / n;
  pairs_count(c, p, n, deadly);
}

// --- over episodes --------------------------------------------------------------------------------------------------

// Sum of one number over that of another, and its error: a ratio's, by episode (Cochran 1977, 2.11).
static fidelity_rate ratio_over(const fidelity_choice *c, int n, double (*of)(const fidelity_choice *c),
                                double (*over)(const fidelity_choice *c)) {
  double a = 0, b = 0, squares = 0;
  for (int i = 0; i < n; i++) {
    a += of(&c[i]);
    b += over(&c[i]);
  }
  if (!(b > 0)) return (fidelity_rate){(double)NAN, (double)NAN};

  for (int i = 0; i < n; i++) {
    double d = of(&c[i]) - a / b * over(&c[i]);
    squares += d * d;
  }
  return (fidelity_rate){a / b, n > 1 ? sqrt(squares * n / (n - 1)) / b : (double)NAN};
}

static double choice_wrong(const fidelity_choice *c) { return c->wrong; }
static double choice_by_chance(const fidelity_choice *c) { return c->by_chance; }
static double choice_gain(const fidelity_choice *c) { return c->by_chance - c->wrong; }
static double choice_matter(const fidelity_choice *c) { return c->matter; }
static double choice_lost(const fidelity_choice *c) { return c->lost; }
static double choice_lost_by_chance(const fidelity_choice *c) { return c->lost_by_chance; }
static double choice_pairs_right(const fidelity_choice *c) { return c->pairs_right; }
static double choice_pairs(const fidelity_choice *c) { return c->pairs; }

fidelity_choices fidelity_choices_of(const fidelity_choice *c, int n) {
  fidelity_choices all = {.wrong = ratio_over(c, n, choice_wrong, choice_matter),
                          .by_chance = ratio_over(c, n, choice_by_chance, choice_matter),
                          .gain = ratio_over(c, n, choice_gain, choice_matter),
                          .regret = ratio_over(c, n, choice_lost, choice_lost_by_chance),
                          .order = ratio_over(c, n, choice_pairs_right, choice_pairs)};
  for (int i = 0; i < n; i++) {
    all.moments += c[i].moments;
    all.matter += c[i].matter;
    all.broken += c[i].broken;
  }
  return all;
}
