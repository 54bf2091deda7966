// What the settings say to the rooms below: how a controller, a dream and a crew are to be.

#include "search.h"

const char *search_features(const settings *s) {
  static const char *const words[] = {[CONFIG_FEATURES_Z] = "z",
                                      [CONFIG_FEATURES_ZH] = "zh",
                                      [CONFIG_FEATURES_ZHC] = "zhc",
                                      [CONFIG_FEATURES_OBSERVATION] = WORLD_OBSERVATION};
  return words[s->controller.features];
}

dream_rules search_rules(const settings *s, const env_spec *e) {
  static const int ends[] = {[CONFIG_END_THRESHOLD] = DREAM_END_THRESHOLD,
                             [CONFIG_END_SAMPLED] = DREAM_END_SAMPLED,
                             [CONFIG_END_EXPECTED] = DREAM_END_EXPECTED};
  return (dream_rules){.temperature = (float)s->dream.temperature,
                       .first = (float)s->dream.first,
                       .end = ends[s->dream.end],
                       .cap = s->dream.cap ? s->dream.cap : e->cap,
                       .reward_head = s->dream.reward == CONFIG_REWARD_HEAD};
}

dream_rules search_rules_compared(const settings *s, float first, int cap) {
  return (dream_rules){
      .temperature = (float)s->dream.temperature, .first = first, .end = DREAM_END_SAMPLED, .cap = cap};
}

controller_shape search_controller(const settings *s, const env_spec *e, const world_features *f) {
  return controller_for(f, e->actions, s->controller.hidden, s->controller.bias);
}

farm_crew search_crew(rollout *r) {
  return (farm_crew){.self = r,
                     .vacancies = rollout_vacancies,
                     .begin = rollout_begin,
                     .work = rollout_work,
                     .drop = rollout_drop,
                     .apart = rollout_controller_seconds,
                     .lanes = rollout_lanes(r),
                     .state_bytes = rollout_state_bytes(r),
                     .give = rollout_give,
                     .begin_from = rollout_begin_from};
}

void search_dismiss(farm *f) {
  heartbeat_silence(HEARTBEAT_LEASE_SECONDS);
  farm_dismiss(f);
}
