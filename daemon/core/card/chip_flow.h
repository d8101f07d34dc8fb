/* One card in the reader: written and read back (I-6.8), only read back, or locked because it is spoiled.
 *
 * The chip worker stops at each checkpoint until the ledger has it: the attempt is counted before INITIALIZE UPDATE,
 * the script is released only after its intent step is committed. The key worker makes every command; the core carries
 * them between the two and never sees a key. */
#pragma once
#include "daemon/core/custody/spoil.h"

/* The scanned serial's card is about to be inserted. Writes an accepted card; reads one whose write is unknown, or that
 * is verified and waits to be confirmed. 0, or -1 and *err: nothing was done. */
int chip_flow_write(struct line *line, const struct who *who, const char *serial, struct error *err);
/* Makes a written chip unverifiable, then records the spoil or the void. The texts of ask are copied. */
int chip_flow_lock(struct line *line, const struct spoil_ask *ask, struct error *err);
/* Inside a transaction: a write that never sent its script. The blank is accepted as before, and the chip that was in
 * the reader is not bound to it: it may have been another card's. */
void chip_record_untouched(struct ledger *l, const char *serial, const char *intent);
/* True while the line's flow runs this intent. */
bool chip_flow_runs(const struct line *line, const char *intent);
void chip_flow_drop(struct line *line);          /* at exit, after the works have stopped */
json_t *chip_flow_json(const struct line *line); /* {"mode","stage","serial",...} or null; new reference */
