/* The fault mode: what goes wrong on purpose with the next calls whose path contains a text. Set by `portal-sim fault`,
 * each fault is used up by as many calls as asked for. */
#pragma once
#include "portal.h"
#include "server.h"

enum fault_mode {
        FAULT_NONE,
        FAULT_DROP_BEFORE,  /* closes the connection, nothing applied */
        FAULT_DROP_AFTER,   /* applies, then closes without an answer */
        FAULT_DELAY_BEFORE, /* waits arg ms, then applies */
        FAULT_DELAY_AFTER,  /* applies, answers arg ms later */
        FAULT_STATUS,       /* answers status arg (429, 500, 503, 302 ...), nothing applied */
        FAULT_NONSENSE,     /* applies, answers 200 with what is no JSON */
        FAULT_TRUNCATE,     /* applies, sends arg bytes of the body, closes */
        FAULT_BAD_RECEIPT,  /* applies, answers with a receipt whose signature is wrong */
};

struct fault {
        enum fault_mode mode;
        int64_t arg;
};

bool fault_mode_parse(const char *word);
/* Takes the oldest fault that fits the path, if any. In the caller's transaction. */
void fault_take(struct portal *portal, const char *path, struct fault *ret);
/* True when the call must not be applied now: ret is filled. */
bool fault_before(const struct fault *fault, struct answer *ret);
void fault_after(const struct fault *fault, struct answer *ret);
