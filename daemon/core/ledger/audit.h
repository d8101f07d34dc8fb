/* The audit chain: the hash of a row covers the row before it and every field of its own.
 *
 * hash = SHA-256("mohr-audit-v1" 0x00 || prev as 64 hex digits || netstring of each field as text, in this order: seq,
 * epoch, boot_id, t_wall, t_boot, actor, role, event, entity, subject, from_state, to_state, intent, body), written as
 * 64 lower-case hex digits. A netstring is the length in decimal, ':', the bytes, ','; NULL is "-1:,". The first row's
 * prev is 64 times '0'. Pure. */
#pragma once
#include "proto/base/bytes.h"

enum { AUDIT_HASH_TEXT = 65 }; /* 64 digits and NUL */

struct audit_row {
        int64_t seq, epoch, t_wall, t_boot;
        const char *boot_id, *actor, *role, *event, *entity, *subject, *from_state, *to_state, *intent, *body;
};
extern const char audit_first_prev[AUDIT_HASH_TEXT];

void audit_hash(const char *prev, const struct audit_row *row, char ret[AUDIT_HASH_TEXT]);
/* SHA-256 of bytes as 64 lower-case hex digits; used for payloads and digests too. */
void sha256_hex(struct bytes data, char ret[AUDIT_HASH_TEXT]);
