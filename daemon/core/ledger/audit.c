#include "daemon/core/ledger/audit.h"
#include "proto/base/ensure.h"
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

const char audit_first_prev[AUDIT_HASH_TEXT] = "0000000000000000000000000000000000000000000000000000000000000000";

static void add(EVP_MD_CTX *md, const void *p, size_t n)
{
        ensure(EVP_DigestUpdate(md, p, n) == 1);
}

static void add_text(EVP_MD_CTX *md, const char *text)
{
        char length[24];

        if (!text) {
                add(md, "-1:,", 4);
                return;
        }
        add(md, length, (size_t)snprintf(length, sizeof length, "%zu:", strlen(text)));
        add(md, text, strlen(text));
        add(md, ",", 1);
}

static void add_int(EVP_MD_CTX *md, int64_t v)
{
        char text[24];

        (void)snprintf(text, sizeof text, "%" PRId64, v);
        add_text(md, text);
}

static EVP_MD_CTX *begin(void)
{
        EVP_MD_CTX *md = EVP_MD_CTX_new();

        ensure(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
        return md;
}

static void finish(EVP_MD_CTX *md, char ret[AUDIT_HASH_TEXT])
{
        uint8_t digest[32];

        ensure(EVP_DigestFinal_ex(md, digest, NULL) == 1);
        EVP_MD_CTX_free(md);
        hex_encode_lower(BYTES(digest), ret, AUDIT_HASH_TEXT);
}

void audit_hash(const char *prev, const struct audit_row *row, char ret[AUDIT_HASH_TEXT])
{
        EVP_MD_CTX *md = begin();
        const char *texts[] = { row->actor,      row->role,     row->event,  row->entity, row->subject,
                                row->from_state, row->to_state, row->intent, row->body };

        add(md, "mohr-audit-v1", sizeof "mohr-audit-v1"); /* with its NUL */
        add(md, prev, strlen(prev));
        add_int(md, row->seq);
        add_int(md, row->epoch);
        add_text(md, row->boot_id);
        add_int(md, row->t_wall);
        add_int(md, row->t_boot);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                add_text(md, texts[i]);
        finish(md, ret);
}

void sha256_hex(struct bytes data, char ret[AUDIT_HASH_TEXT])
{
        EVP_MD_CTX *md = begin();

        add(md, data.p, data.n);
        finish(md, ret);
}
