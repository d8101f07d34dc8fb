/* What the parts of the chip flow share: the run itself (chip_flow.c), what the ledger records (chip_record.c). */
#pragma once
#include "daemon/core/card/chip_flow.h"
#include "daemon/core/card/pick.h"
#include "daemon/core/portal/approvals.h"
#include "proto/ipc/chip.h"

enum chip_mode { CHIP_WRITE, CHIP_READ, CHIP_LOCK };
enum { CHIP_ID_TEXT = 21, CHIP_ATTEMPTS_MAX = 2 };

struct chip_flow {
        struct line *line;
        struct task chip, key;
        enum chip_mode mode;
        struct who who;
        struct approval_file file; /* write only */
        struct attempt attempt;
        struct chip_identity identity;
        char serial[SERIAL_TEXT], intent[UUID_TEXT], chip_id[CHIP_ID_TEXT], sod_sha256[SHA256_TEXT];
        char session[33];
        char step[IPC_NAME_MAX + 1];
        int64_t done, of;
        bool released; /* the script has left: what the chip holds is open until it is read */
        bool fallback; /* lock by emptying the security object */
        bool locked_before;
        char cause[33], text[SPOIL_TEXT_MAX + 1];                             /* lock: the spoil it is for */
        char minutes[41], minutes_sha256[SHA256_TEXT], first[65], second[65]; /* or the void */
        uint8_t *photo;                                                       /* as the chip gave it */
        size_t n_photo;
        struct error error; /* why it was called off */
        bool failing;
        unsigned n_checkpoints; /* passed, in their one order */
        bool orphan;            /* the chip worker is gone; the key worker's answer ends the flow */
        void (*answered)(struct chip_flow *f, struct ipc_message *m, int blob);
};

/* The end, with this error; f is gone. */
void chip_fail(struct chip_flow *f, const struct error *why);
/* The chip worker waits at a checkpoint: it is called off, and its last message ends the flow with this error. */
void chip_give_up(struct chip_flow *f, const struct error *why);
/* A key session that was left half way is ended now and not at its age limit. Nothing when there is none. */
void chip_close_session(struct chip_flow *f);
/* A keyless read by the line's chip worker: verb read or watch. fresh: not the card that is in the reader already. */
void chip_submit_read(struct line *line, struct task *t, const char *verb, int64_t wait_ms, bool fresh);
/* The chip worker stands at a checkpoint: go on from there (chip_talk.c). */
void chip_checkpoint(struct chip_flow *f, const struct ipc_message *m, int blob);

/* Each is one transaction; false and f->error when it could not be. */
bool chip_record_begin(struct chip_flow *f);                                      /* the write or lock intent */
bool chip_record_identified(struct chip_flow *f, const struct chip_identity *id); /* attempt counted, chip bound */
bool chip_record_script(struct chip_flow *f, const char *sod_sha256);
bool chip_record_written(struct chip_flow *f);
bool chip_record_verified(struct chip_flow *f);
bool chip_record_incomplete(struct chip_flow *f); /* a read-back found no whole certificate */
bool chip_record_failed(struct chip_flow *f, const struct error *why);
/* Refuses a chip before any key is used: foreign, taken, locked, personalised, parked, out of attempts. */
int chip_check_identity(struct chip_flow *f, const struct chip_identity *id, struct error *err);
/* Refuses (chip_taken) another chip than the one bound to the serial. */
int chip_check_same(const struct chip_flow *f, const uint8_t chip_id[GP_CHIP_ID_SIZE], struct error *err);
/* Whether what the chip says is what this card was to hold. */
int chip_check_content(struct chip_flow *f, const struct chip_content *content, struct error *err);
