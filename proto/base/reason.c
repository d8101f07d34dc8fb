#include "proto/base/reason.h"
#include <assert.h>
#include <string.h>

static const struct {
        const char *word, *advice;
        int status;
} rows[REASON_COUNT] = {
#define X(name, word, status, what) [REASON_##name] = { word, what, status },
        REASONS(X)
#undef X
};

const char *reason_word(enum reason reason)
{
        assert(reason < REASON_COUNT);
        return rows[reason].word;
}

const char *reason_advice(enum reason reason)
{
        assert(reason < REASON_COUNT);
        return rows[reason].advice;
}

int reason_exit_status(enum reason reason)
{
        assert(reason < REASON_COUNT);
        return rows[reason].status;
}

bool reason_parse(const char *word, enum reason *ret)
{
        for (unsigned i = 0; i < REASON_COUNT; i++) {
                if (strcmp(rows[i].word, word) == 0) {
                        *ret = (enum reason)i;
                        return true;
                }
        }
        return false;
}
