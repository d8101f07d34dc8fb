/* Cases: what the ledger cannot settle by itself and people must (DESIGN 1.5, 1.8). Each is closed with a finding of
 * its kind's list, signed by two people of two offices, and only when the ledger's own facts bear the finding out.
 *
 * Kinds: missing, none_came_out, withdrawn; stray (a card where none should be); report, spoil, void, claim, begin,
 * release, anchor: what the portal refused. rebound is answered in rebound.h. */
#pragma once
#include "daemon/core/core.h"

enum { CASE_TEXT_MAX = 500 };

/* Inside a transaction. Whatever does not apply is NULL, all three for what nobody here knows; text says what happened,
 * without personal data. */
void case_open(struct ledger *l, const char *kind, const char *application, const char *serial, const char *intent,
               const char *text);
/* Inside a transaction: the application of this card was withdrawn; one case of kind withdrawn holds it, whether the
 * portal's list says so or the refusal of the card's report, which is the intent then; else NULL. */
void case_withdrawn(struct ledger *l, const char *application, const char *serial, const char *intent);
/* A case about this card is open: it may not be handed over. */
bool case_holds_card(struct ledger *l, const char *serial);

/* [{case, kind, application, serial, intent, text, opened_at, state, findings: [{finding, possible, says, command}],
 * asked: [{finding, by, office, at}], closed_at, closed_by, finding, first}]: the open ones, or all; new reference. */
json_t *cases_list(struct core *c, bool all);
/* Closes it; text may be "". 0, or -1 and *err: not_found, bad_request (no finding of this kind; a text is needed),
 * wrong_state (the facts do not bear it out, *err says which), same_person. *ret_second_needed: the first of two
 * people has spoken. */
int case_close(struct core *c, const struct who *who, int64_t id, const char *finding, const char *text,
               bool *ret_second_needed, struct error *err);
