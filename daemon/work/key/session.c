#define _GNU_SOURCE
#include "daemon/work/key/session.h"
#include "proto/base/cleanup.h"
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

static int64_t boot_s(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_BOOTTIME, &t);
        return t.tv_sec;
}

bool session_table_init(struct session_table *table)
{
        memset(table, 0, sizeof *table);
        return secret_lock(table, sizeof *table);
}

void session_wipe(struct session *session)
{
        explicit_bzero(session, sizeof *session);
}

static void wipe_old(struct session_table *table)
{
        for (size_t i = 0; i < SESSIONS_MAX; i++)
                if (table->sessions[i].state != SESSION_FREE &&
                    boot_s() - table->sessions[i].since_s > SESSION_AGE_MAX_S)
                        session_wipe(&table->sessions[i]);
}

struct session *session_new(struct session_table *table, struct error *err)
{
        struct session *s = &table->sessions[0];
        uint8_t id[(KEY_SESSION_MAX - 1) / 2];

        if (RAND_bytes(id, sizeof id) != 1) {
                (void)err_own(err, ERR_BUG, REASON_INTERNAL, "no randomness");
                return NULL;
        }
        for (size_t i = 0; i < SESSIONS_MAX && s->state != SESSION_FREE; i++)
                if (table->sessions[i].state == SESSION_FREE || table->sessions[i].since_s < s->since_s)
                        s = &table->sessions[i];
        session_wipe(s);
        s->since_s = boot_s();
        hex_encode(BYTES(id), s->id, sizeof s->id);
        return s;
}

struct session *session_find(struct session_table *table, const char *id, enum session_state state, struct error *err)
{
        wipe_old(table);
        for (size_t i = 0; i < SESSIONS_MAX; i++)
                if (table->sessions[i].state == state && strcmp(table->sessions[i].id, id) == 0)
                        return &table->sessions[i];
        (void)err_input(err, REASON_KEY_REFUSED, "no such session at this step");
        return NULL;
}

void session_end(struct session_table *table, const char *id)
{
        for (size_t i = 0; i < SESSIONS_MAX; i++)
                if (table->sessions[i].state != SESSION_FREE && strcmp(table->sessions[i].id, id) == 0)
                        session_wipe(&table->sessions[i]);
}
