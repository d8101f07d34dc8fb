/* Messages of mohr-chip: args, checkpoints and answers of its verbs write, read and lock. docs/card-applet.md.
 *
 *   write  struct chip_task (with ca_pem)
 *            checkpoint "identified"  struct chip_identity      go struct chip_command "init_update"
 *            checkpoint "challenged"  struct chip_answer        go struct chip_command "external_authenticate"
 *            checkpoint "opened"      struct chip_answer        go {} + blob: the script, a list (proto/apdu.h)
 *            checkpoint "written"     struct chip_written + blob: the answers, a list   go {}
 *          part "photo" (JPEG or PNG) -> done struct chip_content, always verified
 *   read   struct chip_task (with ca_pem) -> part "photo" when verified, done struct chip_content
 *   watch  as read, but waits in silence, for the reader too when it is gone: tells nothing before a card is there
 *   lock   struct chip_task: as write up to "written" -> done struct chip_locked. When the application is absent or
 *          locked already, done comes without a checkpoint: compare chip_id.
 *
 * Progress steps: "no_card" (waits for insertion; done and of in ms), "identify", "authenticate", "write" (done of of
 * commands), "reset", "read" (bytes), "verify". Each is posted before a step that may be slow, and again each second
 * between commands; a card is never hurried.
 * failed: OPERATOR and RETRY mean that the chip was not changed; CARD that this chip is refused or lost; UNKNOWN that
 * the script may have had its effect: read again. Pure. Encoders answer a new reference (NULL only without memory);
 * decoders are strict: 0, or -1 and *err. */
#pragma once
#include "proto/base/json.h"
#include "proto/gp/card.h"
#include "proto/gp/command.h"
#include "proto/lds/verify.h"

enum {
        CHIP_WAIT_MAX_MS = 86400000, /* a day: watch */
        CHIP_ATR_MAX = 33,
        CHIP_CPLC_MAX = 42,
        CHIP_PEM_MAX = 16384,
        CHIP_APDU_MAX = 261,   /* a short command; an answer of 256 bytes and its status word fits too */
        CHIP_SCRIPT_MAX = 512, /* commands of one script */
        CHIP_WHY_MAX = 32,
};

/* {wait_ms, aid, isd_aid?, ca_pem?, fresh?}: fresh = a card that lies in the reader already does not count. aid = the
 * application; isd_aid = the security domain to authenticate with, the card's default when absent; ca_pem is required
 * for write and read and refused for lock. */
struct chip_task {
        int64_t wait_ms;
        uint8_t aid[GP_AID_MAX], isd_aid[GP_AID_MAX];
        size_t n_aid, n_isd_aid;
        const char *ca_pem; /* borrowed; NULL for lock */
        bool fresh;
};
json_t *chip_task_encode(const struct chip_task *t);
int chip_task_decode(const json_t *json, bool with_ca, struct chip_task *ret, struct error *err);

enum chip_app {
        CHIP_APP_ABSENT,       /* the application is not on the card */
        CHIP_APP_BLANK,        /* it is there without a security object */
        CHIP_APP_PERSONALISED, /* EF.SOD is there */
        CHIP_APP_LOCKED,       /* it refuses selection or reading */
};
const char *chip_app_word(enum chip_app app); /* "absent", "blank", "personalised", "locked" */

/* {chip_id, atr, cplc?, isd_aid?, key_info:[{kid,kvn,type,len}], scp, i, max_command, app, sod_sha256?}: what the card
 * told without keys. scp and i are -1 when it does not tell; key_info is empty then. */
struct chip_identity {
        uint8_t chip_id[GP_CHIP_ID_SIZE];
        uint8_t atr[CHIP_ATR_MAX], cplc[CHIP_CPLC_MAX], isd_aid[GP_AID_MAX];
        size_t n_atr, n_cplc, n_isd_aid;
        struct gp_key_info keys[GP_KEYS_MAX];
        size_t n_keys;
        int64_t scp, i, max_command;
        enum chip_app app;
        bool has_sod;
        uint8_t sod_sha256[32];
};
json_t *chip_identity_encode(const struct chip_identity *c);
int chip_identity_decode(const json_t *json, struct chip_identity *ret, struct error *err);

/* {NAME: hex APDU}: exactly one short command. name: "init_update" or "external_authenticate". */
struct chip_command {
        uint8_t apdu[CHIP_APDU_MAX];
        size_t n;
};
json_t *chip_command_encode(const char *name, const struct chip_command *c);
int chip_command_decode(const json_t *json, const char *name, struct chip_command *ret, struct error *err);

/* {answer: hex with status word} */
struct chip_answer {
        uint8_t bytes[CHIP_APDU_MAX];
        size_t n;
};
json_t *chip_answer_encode(const struct chip_answer *a);
int chip_answer_decode(const json_t *json, struct chip_answer *ret, struct error *err);

/* {n_apdus, ms_device}; the blob holds as many answers, each with its status word. */
struct chip_written {
        int64_t n_apdus, ms_device;
};
json_t *chip_written_encode(const struct chip_written *w);
int chip_written_decode(const json_t *json, struct chip_written *ret, struct error *err);

/* {chip_id, app, complete, verified, why, file?, sod_sha256?, n_apdus, ms_device, ms_total} and when verified {serial,
 * signed_at, signer_sha256, face_code?, data_sha256?, holder{}, document{}, certificates[]}. why: the verifier's word
 * (proto/lds/verify.h), "absent", "blank" or "locked". file: number of the file at fault. */
struct chip_content {
        uint8_t chip_id[GP_CHIP_ID_SIZE];
        enum chip_app app;
        bool complete, verified, has_sod;
        char why[CHIP_WHY_MAX + 1];
        uint16_t fid; /* 0: none */
        uint8_t sod_sha256[32];
        int64_t n_apdus, ms_device, ms_total;
        int64_t signed_at;
        uint8_t signer_sha256[32];
        bool has_token;
        char face_code[LDS_FACE_CODE_MAX];
        uint8_t data_sha256[32];
        struct lds_record record; /* bound, chip_id and photo are not carried */
};
json_t *chip_content_encode(const struct chip_content *c);
int chip_content_decode(const json_t *json, struct chip_content *ret, struct error *err);

/* {chip_id, unverifiable:true}: proven by a fresh look after a cold reset. */
struct chip_locked {
        uint8_t chip_id[GP_CHIP_ID_SIZE];
        bool unverifiable;
};
json_t *chip_locked_encode(const struct chip_locked *l);
int chip_locked_decode(const json_t *json, struct chip_locked *ret, struct error *err);

/* A script or its answers as a blob: 1..CHIP_SCRIPT_MAX items, in a script each one short command. 0, or -1 and *err
 * (INPUT, bad_request); *ret_n: the number of items. */
int chip_script_check(struct bytes list, size_t *ret_n, struct error *err);
int chip_answers_check(struct bytes list, size_t *ret_n, struct error *err);
