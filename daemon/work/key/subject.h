/* What a request asks a card for, after mohr-key convinced itself: the approval's signature, the five confirmations in
 * their order, the payment after the director, the authorisation's signature where there is one (I-6.5, I-8, A-B1..B3).
 * The core's word counts for nothing here but the face code, the issue date and, at a station set to `registered`,
 * the former serial. */
#pragma once
#include "daemon/work/key/custody.h"
#include "daemon/work/key/store.h"
#include "proto/ipc/key.h"
#include "proto/portal/approval.h"
#include "proto/portal/reissue.h"

struct subject {
        struct approval approval;
        uint8_t data_sha256[STORE_HASH_SIZE];
        bool reissued;
        struct reissue reissue;
        char unregistered_serial[21]; /* "" unless the station is set to `registered` */
        char face_code[QR_FACE_CODE_SIZE + 1];
        char issue_date[DATE_TEXT_MAX];
};

/* registered: reissue_authorisation = registered. now: unix time. The issue date lies between the approval's day and
 * tomorrow. 0, or -1 and *err (INPUT) with the reasons of approval_open, approval_check, reissue_open; key_refused,
 * bad_date, bad_request. */
int subject_open(const struct key_subject *asked, X509_STORE *portal_ca, bool registered, int64_t now,
                 struct subject *ret, struct error *err);
void subject_wipe(struct subject *s); /* personal data; fits cleanup() */
/* For the store; borrows from subject. chip_id and serial may be NULL. */
struct store_claim subject_claim(const struct subject *s, const uint8_t *chip_id, const char *serial);
/* The photo is the one the approval names: size, digest, type. 0, or -1 and *err (INPUT, photo_bad). */
int subject_check_photo(const struct subject *s, struct bytes photo, struct error *err);
