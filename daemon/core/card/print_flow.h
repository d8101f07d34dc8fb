/* One card through the printer: face signed and drawn, application claimed and bound, one job, its outcome.
 *
 * Order (I-6.6, DESIGN 3): nothing is asked of the portal before the face is drawn without fault, and no blank is fed
 * before the portal bound the application to this station. Every stage ends in a callback from the loop. */
#pragma once
#include "daemon/core/core.h"

struct print_ask_card {
        const char *application; /* NULL: the next that can be printed */
        struct who who;          /* the responsible issuance expert */
};

/* Checks everything that can be known now, then starts. 0, or -1 and *err: nothing was done. */
int print_flow_start(struct line *line, const struct print_ask_card *ask, struct error *err);
/* An intent of the flow's application was closed (claim, begin): the flow that waits for it goes on. */
void print_flow_intent(struct core *c, const char *intent);
/* Asks the worker what became of prints with unknown outcome on this line; harmless when there is none. */
void print_flow_probe(struct line *line);
void print_flow_drop(struct line *line); /* at exit, after the works have stopped */
/* Inside a transaction: the two ends of a print intent. Printed: the blank awaits inspection. Not started: proven, the
 * blank lies in the hopper as before and its card's face code can be used again. */
void print_record_printed(struct ledger *l, const char *intent, const char *serial, const json_t *result);
void print_record_not_started(struct ledger *l, const char *intent, const char *serial, const json_t *result);
void print_probe_drop(struct line *line); /* at exit, after the works have stopped */
/* Where it stands: {"stage","application","serial","intent","step","done","of"} or null. New reference. */
json_t *print_flow_json(const struct line *line);
/* True while a flow of the line runs this print intent. */
bool print_flow_runs(const struct line *line, const char *intent);
