// What a child says of its environment, and what follows from it: how an action comes to be, and what is observed.
#ifndef ENV_GYM_FACTS_H
#define ENV_GYM_FACTS_H

#include "gym_child.h"

typedef enum gym_action_kind { GYM_BOX, GYM_CHOICES, GYM_BINARY } gym_action_kind;

typedef struct gym_facts {
  char version[32];
  int cap;                     // steps of its own; 0: it knows none
  bool picture;
  int rows, columns, channels;  // of a picture
  int numbers;                  // of a state
  gym_action_kind kind;
  int count;                    // of an action: floats of a box, else choices
  int A;                        // numbers from -1 to 1 that decide on it
  bool thresholds;              // one number decides on three choices
  float low[GYM_NUMBERS_MAX], high[GYM_NUMBERS_MAX];  // (count) of a box, of finite numbers
  int64_t of[GYM_NUMBERS_MAX], from[GYM_NUMBERS_MAX]; // (count) choices each, and the first
  char shows[256], takes[256];  // the spaces as Gymnasium prints them
} gym_facts;

// BROKEN: the text is none that our script writes. BAD_CONFIG: what it says does not go with the options.
status gym_facts_read(gym_facts *f, const char *text, const env_options *o);
size_t gym_action_bytes(const gym_facts *f);
size_t gym_observation_bytes(const gym_facts *f);  // as they lie in shared memory
// action (A), from -1 to 1  ->  place (gym_action_bytes)
void gym_action_write(const gym_facts *f, void *place, const float *action);

// A picture (rows, columns, channels) without its borders (crop: top, bottom, left, right) in GYM_SIDE x GYM_SIDE x
// 3: each of its pixels is the mean over its area, rounded; exact in whole numbers.
enum { GYM_SIDE = 64 };
void gym_picture(uint8_t *out, const uint8_t *picture, const gym_facts *f, const int crop[4], bool grey);

#endif
