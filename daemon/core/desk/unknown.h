/* The UNKNOWN desk: what nobody can say yet, with the evidence and specific questions (DESIGN 1.4). */
#pragma once
#include "daemon/core/core.h"

/* [{intent, kind, application, serial, line, since, step, evidence, questions: [{answer, needs, people, text,
 * command}], asked: [{answer, serial, by, office, at}]}], the oldest first; new reference (desk_view.c). evidence is
 * data, null where nobody gave it: {probed_at, verdict, gate, job, printer, chip, portal}, see station.openapi.yaml. */
json_t *unknown_list(struct core *c);

/* A person's answer:
 *   came_out       a print: the card with this scanned serial lies there, printed well or badly; inspection follows.
 * The serial of another blank of the hopper means a double feed: the line holds for stock_sort. none_came_out  a print:
 * no card came out; serial as scanned from the blank, which lies in the hopper as before. Two people of two offices;
 * opens a case until the blank was counted. lost           the card, or the blank sent to the printer, cannot be found:
 * no serial to scan. Two people of two offices; it counts as live (missing), and a case is open. The last two: RETRY
 * unknown_open until the printer has been asked. The decision is an intent of its own (decision.h). 0, or -1 and *err.
 * *ret_second_needed: the first of two people has spoken. */
int unknown_decide(struct core *c, const struct who *who, const char *intent, const char *answer, const char *serial,
                   bool *ret_second_needed, struct error *err);
