// The end of a job, by rank 0: who is still there is asked, and everybody hears that he may go.

#include <unistd.h>

#include "parts.h"

// Who answers? A rank may have died unnoticed, its tasks done by others before its lease ran out. Where all do, those
// that were lost for a while among them, the farm is whole again.
static void dismiss_roll_call(farm *f) {
  const order_head ping_head = {.order = ORDER_PING, .job = f->job};
  const void *bytes;
  size_t size;
  int from, missing = 0;
  for (int w = 1; w < f->size; w++) {
    f->peer[w].present = schedule_is_lost(f->plan, w);  // nothing is asked of the lost
    missing += !f->peer[w].present;
    while (f->post.receive(f->post.self, &from, &bytes, &size)) continue;  // older words are no answer
    f->post.send(f->post.self, w, &ping_head, sizeof ping_head);
  }

  // As long as a worker may be silent in a job, its answer is waited for.
  double lease = schedule_lease(f->plan);
  for (stopwatch w = stopwatch_begin(master_now(f)); missing && stopwatch_spent(&w, master_now(f)) < lease; usleep(100))
    while (f->post.receive(f->post.self, &from, &bytes, &size)) {
      missing -= !f->peer[from].present;
      f->peer[from].present = true;
    }

  f->lossy = false;
  for (int w = 1; w < f->size; w++) {
    if (!f->peer[w].present) master_say(f, "worker %d does not answer and is taken for lost", w);
    if (!f->peer[w].present) schedule_lose(f->plan, w, master_now(f));
    f->lossy |= schedule_is_lost(f->plan, w);
  }
}

void farm_dismiss(farm *f) {
  dismiss_roll_call(f);
  const order_head head = {.order = ORDER_DISMISS, .job = f->job, .lossy = f->lossy};

  // A lost one hears of it if it can, but is not waited for.
  for (int w = 1; w < f->size; w++) {
    double seconds = schedule_is_lost(f->plan, w) ? 0.1 : 10;
    for (stopwatch p = stopwatch_begin(master_now(f)); stopwatch_spent(&p, master_now(f)) < seconds; usleep(200))
      if (f->post.send(f->post.self, w, &head, sizeof head)) break;
  }

  for (int w = 1; w < f->size; w++) transport_flush(f->line, w, f->lossy ? 0.2 : 10);
}
