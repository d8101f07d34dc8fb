#include "fault.h"
#include "util.h"
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
        [FAULT_NONE] = "none",
        [FAULT_DROP_BEFORE] = "drop_before",
        [FAULT_DROP_AFTER] = "drop_after",
        [FAULT_DELAY_BEFORE] = "delay_before",
        [FAULT_DELAY_AFTER] = "delay_after",
        [FAULT_STATUS] = "status",
        [FAULT_NONSENSE] = "nonsense",
        [FAULT_TRUNCATE] = "truncate",
        [FAULT_BAD_RECEIPT] = "bad_receipt",
};
enum { N_WORDS = sizeof(words) / sizeof(words[0]) };

static enum fault_mode mode_of(const char *word)
{
        for (int i = 0; i < N_WORDS; i++) {
                if (strcmp(words[i], word) == 0)
                        return (enum fault_mode)i;
        }
        return FAULT_NONE;
}

bool fault_mode_parse(const char *word)
{
        return mode_of(word) != FAULT_NONE;
}

void fault_take(struct portal *portal, const char *path, struct fault *ret)
{
        QUERY row = store_query(&portal->store,
                                "SELECT n, mode, arg FROM fault WHERE remaining > 0 AND instr(?1, match) ORDER BY n"
                                " LIMIT 1",
                                "s", path);

        if (!store_row(row))
                return;
        *ret = (struct fault){ mode_of(column_text(row, 1)), sqlite3_column_int64(row, 2) };
        store_run(&portal->store, "UPDATE fault SET remaining = remaining - 1 WHERE n = ?1", "i",
                  sqlite3_column_int64(row, 0));
}

static void answer_status(struct answer *ret, int status)
{
        ret->status = status;
        ret->retry_after_s = status == 429 || status == 503 ? 1 : -1;
        ret->body = must(strdup(status == 429   ? "{\"error\":{\"reason\":\"slow_down\",\"text\":\"too many calls\"}}"
                                : status == 503 ? "{\"error\":{\"reason\":\"unavailable\",\"text\":\"try later\"}}"
                                                : "{\"error\":{\"reason\":\"internal\",\"text\":\"own fault\"}}"));
        ret->n_body = strlen(ret->body);
}

bool fault_before(const struct fault *fault, struct answer *ret)
{
        if (fault->mode == FAULT_DROP_BEFORE)
                ret->drop = true;
        else if (fault->mode == FAULT_DELAY_BEFORE)
                ret->hold_ms = fault->arg;
        else if (fault->mode == FAULT_STATUS)
                answer_status(ret, (int)fault->arg);
        else
                return false;
        return true;
}

static void spoil_receipt(struct answer *ret)
{
        char *receipt = memmem(ret->body, ret->n_body, "\"receipt\":\"", 11);
        char *end = receipt ? strchr(receipt + 11, '"') : NULL;

        if (end) /* a character in the middle of the signature: all its bits count */
                end[-40] = end[-40] == 'A' ? 'B' : 'A';
}

void fault_after(const struct fault *fault, struct answer *ret)
{
        static const char nonsense[] = "<html><body>It works!</body></html>";

        if (fault->mode == FAULT_DROP_AFTER) {
                ret->drop = true;
                free(ret->body);
                ret->body = NULL;
        } else if (fault->mode == FAULT_DELAY_AFTER) {
                ret->hold_ms = fault->arg;
        } else if (fault->mode == FAULT_TRUNCATE) {
                ret->n_send = (size_t)fault->arg;
        } else if (fault->mode == FAULT_BAD_RECEIPT) {
                spoil_receipt(ret);
        } else if (fault->mode == FAULT_NONSENSE) {
                free(ret->body);
                ret->status = 200;
                ret->body = must(strdup(nonsense));
                ret->n_body = sizeof(nonsense) - 1;
        }
}
