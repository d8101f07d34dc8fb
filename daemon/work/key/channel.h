/* The secure channel's part of a session: profile, SCP03 and plan put together. */
#pragma once
#include "daemon/work/key/content.h"
#include "daemon/work/key/session.h"

/* The chip as the core saw it is one of the profile's; a fresh host challenge and INITIALIZE UPDATE. 0, or -1 and *err
 * (CARD, chip_foreign). */
int channel_begin(const struct profile *p, const struct key_challenge *c, struct session *s, struct key_challenged *ret,
                  struct error *err);
/* The answer to INITIALIZE UPDATE: derives the card's keys, checks the cryptogram, makes EXTERNAL AUTHENTICATE. 0, or
 * -1 and *err: CARD chip_key_refused (park the chip), chip_foreign, chip_answer, chip_status; or the token's. */
int channel_open(struct custody *custody, struct session *s, struct bytes answer, struct key_opened *ret,
                 struct error *err);
/* The answer to EXTERNAL AUTHENTICATE. 0, or -1 and *err: CARD chip_key_refused when the chip refused it. */
int channel_confirm(struct session *s, struct bytes answer, struct error *err);
/* The whole write, wrapped. 0, or -1 and *err (CARD, chip_small). */
int channel_wrap_card(const struct profile *p, struct session *s, const struct plan_file files[LDS_N_FILES],
                      struct writer *script, struct error *err);
/* The lock of the application; or, fallback, the security object overwritten with an empty one. */
int channel_wrap_lock(const struct profile *p, struct session *s, bool fallback, struct writer *script,
                      struct error *err);
/* The answers to the script. 0, or -1 and *err: CARD chip_mac, chip_status (code = SW). */
int channel_check(struct session *s, struct bytes answers, struct error *err);
