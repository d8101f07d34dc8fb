/* The card's files, built by mohr-key alone: data groups from the approval, the photo and the chip; EF.SOD signed in
 * the token. */
#pragma once
#include "daemon/work/key/subject.h"
#include "proto/gp/plan.h"
#include "proto/lds/verify.h"

struct content { /* personal data: the caller wipes it */
        struct lds_record record;
        uint8_t bytes[LDS_N_FILES][LDS_FILE_MAX];
        struct plan_file files[LDS_N_FILES]; /* in the order of lds_fids */
        uint8_t sod_sha256[LDS_HASH_SIZE];
};

struct content_card {
        const struct subject *subject;
        struct bytes photo; /* checked */
        const uint8_t *chip_id;
        const char *serial, *station, *authority_fa, *authority_en;
        int64_t now;
};

/* 0, or -1 and *err: INPUT when a text cannot stand on the chip, CARD chip_small when a file is too large for the
 * profile, or the token's error. */
int content_build(const struct content_card *card, struct custody *custody, struct content *ret, struct error *err);
