/* What the portal's answers put into the ledger. A page goes in whole with its cursor, or not at all. */
#pragma once
#include "daemon/core/core.h"
#include "proto/portal/answers.h"

enum portal_list intake_portal_list(enum sync_list list);
/* A report that the portal refused has an open case, and the portal's own ledger was not seen to show it: it is read.
 */
bool intake_wants_ledger(struct core *c);
/* The cursor to ask with; "" at the beginning. */
void intake_cursor(struct core *c, enum sync_list list, char ret[PORTAL_CURSOR_MAX + 1]);
/* 0 and *ret_more, or -1 and *err. */
int intake_page(struct core *c, enum sync_list list, struct bytes body, bool *ret_more, struct error *err);
/* The answer to a hello: its receipt is checked; what is bound to this station gets its fence. */
int intake_hello(struct core *c, const char *key, const uint8_t sha256[32], struct bytes body, bool *ret_fenced,
                 struct error *err);
/* True and its digest when a photo of an application in the queue has not come yet. */
bool intake_missing_photo(struct core *c, char ret[SHA256_TEXT]);
/* The portal has no such photo: its applications wait, and say why. */
int intake_no_photo(struct core *c, const char *sha256, struct error *err);
/* The photo's bytes. When their digest is another: RETRY, and refused for good at the third time. */
int intake_photo(struct core *c, const char *sha256, struct bytes body, struct error *err);
