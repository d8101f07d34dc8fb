/* The portal's signed receipt for one applied call: proto/portal.openapi.yaml ReceiptPayload (JWS typ mohr-receipt).
 * A receipt for another key, body, station or kind of effect proves nothing. */
#pragma once
#include "proto/portal/jws.h"
#include "proto/portal/words.h"

struct receipt {
        char station[PORTAL_STATION_MAX + 1];
        char key[PORTAL_KEY_LENGTH + 1];
        uint8_t payload_sha256[32]; /* of the request body's exact bytes */
        int64_t portal_seq;
        int64_t at; /* the portal's clock: a floor for ours */
        enum portal_what what;
};

/* What we sent. */
struct receipt_wanted {
        const char *station, *key;
        uint8_t payload_sha256[32];
        enum portal_what what;
};

/* Strict decoding of verified payload bytes; INPUT bad_json otherwise. */
int receipt_decode(struct bytes payload, struct receipt *ret, struct error *err);
/* 0, or -1 and *err (INPUT, receipt_broken) naming what does not match. */
int receipt_check(const struct receipt *r, const struct receipt_wanted *wanted, struct error *err);
/* Verifies, decodes and checks; every failure is INPUT receipt_broken. at: unix time for the certificates. */
int receipt_open(struct bytes jws_text, X509_STORE *ca, int64_t at, const struct receipt_wanted *wanted,
                 struct receipt *ret, struct error *err);
