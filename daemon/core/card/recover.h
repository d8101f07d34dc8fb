/* What a start finds open (DESIGN 1.4): every running intent of the former process is unknown until it is looked into.
 */
#pragma once
#include "daemon/core/core.h"

/* Marks running intents unknown; closes those whose committed step proves that nothing was done outside. */
int recover_at_start(struct core *c, struct error *err);
/* The same in a living process, soon, for print, write and lock intents that run though no flow runs them: their end
 * could not be recorded. Repeats itself until the ledger took it. Harmless when there is none. */
void recover_later(struct core *c);
