/* What the portal's documents have in common: short texts of a fixed alphabet, times, dates and lower-case digests as
 * proto/portal.openapi.yaml writes them. All readers are jread's manner: the first fault sticks. Private to
 * proto/portal. */
#pragma once
#include "proto/base/json.h"

/* Characters, longest text without NUL. */
struct read_form {
        const char *alphabet;
        size_t min, max;
};
#define READ_UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define READ_LOWER "abcdefghijklmnopqrstuvwxyz"
#define READ_DIGITS "0123456789"
extern const struct read_form read_application_id, read_authorisation_id, read_station_id, read_pseudonym, read_cursor,
        read_cursor_or_none, read_face_code;

bool read_form_ok(struct read_form form, const char *text);
/* A text of this form, copied with NUL; ret has form.max + 1 bytes. */
void read_text(struct jread *r, const char *key, struct read_form form, char *ret);
/* The same, or null: then *ret is "". */
void read_text_or_null(struct jread *r, const char *key, struct read_form form, char *ret);
/* A serial that can count (proto/text/serial.h); the second also null: then *ret is "". */
void read_serial(struct jread *r, const char *key, char ret[21]);
void read_serial_or_null(struct jread *r, const char *key, char ret[21]);
void read_time(struct jread *r, const char *key, int64_t *ret);
void read_date(struct jread *r, const char *key, int32_t *ret);
void read_sha256(struct jread *r, const char *key, uint8_t ret[32]); /* 64 lower-case digits */
void read_key(struct jread *r, const char *key, char ret[37]);       /* a lower-case UUIDv4 */
/* A JWS text, not yet verified: a pointer into the object. */
void read_jws(struct jread *r, const char *key, struct bytes *ret);
void read_jws_opt(struct jread *r, const char *key, struct bytes *ret);
/* An integer, or null: then *ret stays. */
void read_int_or_null(struct jread *r, const char *key, int64_t min, int64_t max, int64_t *ret);
/* Makes the reader fail with this sentence. */
void read_fault(struct jread *r, const char *key, const char *what);

/* The largest integer that every JSON reader keeps exactly (RFC 8259 6). */
#define READ_INT_MAX INT64_C(9007199254740991)
