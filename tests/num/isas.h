// Every instruction set that this processor has, one after another; the best one is in use again afterwards.
#ifndef TESTS_NUM_ISAS_H
#define TESTS_NUM_ISAS_H

#include "num.h"

static inline num_isa isa_next(int isa) {
  for (; isa <= NUM_NEON; isa++)
    if (num_isa_use((num_isa)isa)) return (num_isa)isa;
  num_isa_use(num_isa_best());
  return (num_isa)(NUM_NEON + 1);
}
#define FOR_EACH_ISA(isa) for (num_isa isa = isa_next(0); isa <= NUM_NEON; isa = isa_next((int)isa + 1))

#endif
