/* The UNKNOWN desk: what nobody can say yet, with the evidence and specific questions (DESIGN 1.4). */
#pragma once
#include "daemon/core/core.h"

/* [{intent, kind, application, serial, line, since, step, evidence, questions: [{answer, needs, text}]}]; new
 * reference. */
json_t *unknown_list(struct core *c);

/* A person's answer:
 *   came_out       a print: the card with this serial lies there, printed well or badly; inspection follows. The
 *                  serial of another blank of the hopper means a double feed: the line holds for stock_sort.
 *   none_came_out  a print: no card came out; serial as found in the hopper, or NULL when it is nowhere (then missing).
 *                  Two people of two offices; RETRY unknown_open until the printer has been asked.
 *   lost           a write or lock: the card cannot be found. Two people of two offices; it counts as live (missing).
 * 0, or -1 and *err. *ret_second_needed: the first of two people has spoken. */
int unknown_decide(struct core *c, const struct who *who, const char *intent, const char *answer, const char *serial,
                   bool *ret_second_needed, struct error *err);
