/* Two people for one act (DESIGN 1.8): the first asks, the second, of another office, asks for exactly the same, and
 * the act happens in the second's transaction or not at all. */
#pragma once
#include "daemon/core/ledger/ledger.h"

enum act_turn { ACT_REFUSED = -1, ACT_FIRST, ACT_SECOND };

/* Inside a transaction. body is what both ask for, to the letter (compared by digest). FIRST: recorded, the caller
 * answers that a second person is needed and commits. SECOND: signed by both, the caller does the act. REFUSED: the
 * transaction has failed with same_person. */
enum act_turn act_turn(struct ledger *l, const char *kind, const json_t *body);
/* Who have signed exactly this, the last time it was signed: false when nobody has. Each text holds max bytes. */
bool act_signers(struct ledger *l, const char *kind, const json_t *body, char *ret_first, char *ret_second, size_t max);
/* Who asked first for what ACT_SECOND has just signed; ret gets "" when nobody did. */
void act_first_person(struct ledger *l, const char *kind, const json_t *body, char *ret, size_t max);
