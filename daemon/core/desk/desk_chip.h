/* While a write or lock is of unknown outcome, each reader that rests is watched: whatever card is inserted is read
 * without keys, and when its chip is the one in question the evidence is recorded. A certificate found whole settles
 * the write; whatever would change a chip is left to the expert's mohr write or mohr spoil (DESIGN 1.4, 1.7).
 *
 * The worker waits in silence; the core is not woken before a card is there. */
#pragma once
#include "daemon/core/card/line.h"

struct chip_watch;

/* Begins when there is something to find out and the reader rests; harmless otherwise. again: a card that is in the
 * reader already is looked at too. */
void chip_watch_begin(struct line *line, bool again);
/* The reader is wanted for something else: a watch without a card is ended at once; one that reads is left to its end,
 * the new task waits for it in the queue. */
void chip_watch_yield(struct line *line);
void chip_watch_drop(struct line *line); /* at exit, after the works have stopped */
