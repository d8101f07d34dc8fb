/* Messages of mohr-key: args and answers of its verbs. DESIGN 2 ("mohr-key decides for itself"), 7.
 *
 *   describe  {}                          -> struct key_described
 *   qr        struct key_qr               -> struct key_statement
 *   challenge struct key_challenge + blob: the photo (JPEG or PNG; purpose personalise only)
 *                                         -> struct key_challenged: send init_update to the chip
 *   open      struct key_open, answer to INITIALIZE UPDATE with its status word
 *                                         -> struct key_opened: send external_authenticate; failed CARD
 *                                            chip_key_refused when the chip's cryptogram is wrong: send nothing more
 *   wrap      struct key_wrap, answer to EXTERNAL AUTHENTICATE with its status word
 *                                         -> struct key_wrapped + blob: the wrapped APDUs in order. From here on
 *                                            the approval is spent on this chip.
 *   check     {session} + blob: the answers in order, each with its status word
 *                                         -> {ok:true}; failed CARD chip_mac or chip_status
 *   close     {session}                   -> {}; an unknown session is no fault
 *
 * Refusals: key_refused, key_spent, approval_broken, approval_incomplete, not_paid, paid_too_early,
 * authorisation_broken, authorisation_used, photo_bad, photo_large, chip_foreign, chip_budget, chip_small.
 * A list blob is an apdu_list of proto/apdu.h: repeated { length u16 big endian, that many bytes }.
 * Decoded texts are borrowed from the JSON. Encoders answer a new reference (NULL only without memory); decoders are
 * strict: 0, or -1 and *err. Pure. */
#pragma once
#include "proto/base/json.h"

enum {
        KEY_CHIP_ID_SIZE = 10,
        KEY_ATR_MAX = 33,
        KEY_APPROVAL_MAX = 40000, /* characters of a compact JWS */
        KEY_AUTHORISATION_MAX = 16000,
        KEY_APDU_MAX = 261, /* a short command or answer */
        KEY_INFOS_MAX = 32,
        KEY_PEM_MAX = 8192,
        KEY_QR_MAX = 200,
        KEY_SESSION_MAX = 33, /* 32 hexadecimal digits and NUL */
};

/* {ds_cert_pem, qr_key_id: hex 8, profile_id, ok}. ok: token, self-test and store are fine. */
struct key_described {
        const char *ds_cert_pem, *profile_id;
        uint8_t qr_key_id[8];
        bool ok;
};
json_t *key_described_encode(const struct key_described *d);
int key_described_decode(const json_t *json, struct key_described *ret, struct error *err);

/* What a card is made for. authorisation: NULL unless a re-issue. unregistered_serial: NULL, or with
 * reissue_authorisation = registered the serial of the former card, which the core states was spoiled before the
 * portal had recorded it (I-8, note 3). issue_date is Gregorian YYYY-MM-DD. */
struct key_subject {
        const char *approval, *authorisation, *unregistered_serial;
        const char *face_code, *issue_date;
};

struct key_qr {
        struct key_subject subject;
};
json_t *key_qr_encode(const struct key_qr *q);
int key_qr_decode(const json_t *json, struct key_qr *ret, struct error *err);

/* {qr, data_sha256: hex 32}: the text for the face, and the SHA-256 of the approval's payload. */
struct key_statement {
        const char *qr;
        uint8_t data_sha256[32];
};
json_t *key_statement_encode(const struct key_statement *s);
int key_statement_decode(const json_t *json, struct key_statement *ret, struct error *err);

enum key_purpose { KEY_PERSONALISE, KEY_LOCK };

struct key_info { /* one entry of the chip's key information template, GPCS 11.3.3.1 */
        int64_t kid, kvn, type, len;
};

/* {purpose:"personalise"|"lock", chip_id, key_info:[{kid,kvn,type,len}], max_command, atr?, scp?, i?} and for
 * personalise {serial, approval, authorisation?, unregistered_serial?, face_code, issue_date}. key_info is empty when
 * the chip does not tell; scp and i are -1 then. max_command: bytes of command data the chip takes, 255 unless it says
 * less. */
struct key_challenge {
        enum key_purpose purpose;
        struct key_subject subject;
        const char *serial;
        uint8_t chip_id[KEY_CHIP_ID_SIZE];
        struct key_info infos[KEY_INFOS_MAX];
        size_t n_infos;
        uint8_t atr[KEY_ATR_MAX];
        size_t n_atr; /* 0: not told */
        int64_t max_command, scp, i;
};
json_t *key_challenge_encode(const struct key_challenge *c);
int key_challenge_decode(const json_t *json, struct key_challenge *ret, struct error *err);

/* {session, init_update: hex APDU} */
struct key_challenged {
        const char *session;
        uint8_t apdu[KEY_APDU_MAX];
        size_t n;
};
json_t *key_challenged_encode(const struct key_challenged *c);
int key_challenged_decode(const json_t *json, struct key_challenged *ret, struct error *err);

/* {session, answer: hex with status word} */
struct key_open {
        const char *session;
        uint8_t answer[KEY_APDU_MAX];
        size_t n;
};
json_t *key_open_encode(const struct key_open *o);
int key_open_decode(const json_t *json, struct key_open *ret, struct error *err);

/* {external_authenticate: hex APDU} */
struct key_opened {
        uint8_t apdu[KEY_APDU_MAX];
        size_t n;
};
json_t *key_opened_encode(const struct key_opened *o);
int key_opened_decode(const json_t *json, struct key_opened *ret, struct error *err);

/* {session, answer: hex with status word, fallback?}. fallback, for lock only: instead of locking the application,
 * overwrite its security object with an empty one; takes a session of its own. */
struct key_wrap {
        const char *session;
        uint8_t answer[KEY_APDU_MAX];
        size_t n;
        bool fallback;
};
json_t *key_wrap_encode(const struct key_wrap *w);
int key_wrap_decode(const json_t *json, struct key_wrap *ret, struct error *err);

/* {n_apdus, sod_sha256?, data_sha256?}: the hashes with purpose personalise only (personalised). */
struct key_wrapped {
        int64_t n_apdus;
        bool personalised;
        uint8_t sod_sha256[32], data_sha256[32];
};
json_t *key_wrapped_encode(const struct key_wrapped *w);
int key_wrapped_decode(const json_t *json, struct key_wrapped *ret, struct error *err);

/* {session}: args of check and close. The text is borrowed. */
json_t *key_session_encode(const char *session);
int key_session_decode(const json_t *json, const char **ret, struct error *err);
/* {ok:true} */
json_t *key_checked_encode(void);
int key_checked_decode(const json_t *json, struct error *err);
