/* Headquarters' signed word: the authorisation to print again for one spoiled serial (I-8.1.2; JWS typ mohr-reissue),
 * and the entry of the withdrawn list (JWS typ mohr-withdrawn). proto/portal.openapi.yaml ReissuePayload,
 * WithdrawnPayload. */
#pragma once
#include "proto/portal/jws.h"
#include "proto/portal/words.h"

struct reissue {
        char id[PORTAL_AUTHORISATION_MAX + 1];
        char application[PORTAL_APPLICATION_MAX + 1];
        char spoiled_serial[PORTAL_SERIAL_MAX + 1];
        int64_t granted_at;
        bool names_approval; /* then approval_sha256 is set */
        uint8_t approval_sha256[32];
};

int reissue_decode(struct bytes payload, struct reissue *ret, struct error *err); /* INPUT bad_json */
/* Is it for this application and spoiled serial, and (where it names one) this approval? NULL: not compared. 0, or -1
 * and *err (INPUT, authorisation_broken). That it is used once is the ledger's and the portal's to hold. */
int reissue_check(const struct reissue *a, const char *application, const char *spoiled_serial,
                  const uint8_t approval_sha256[32], struct error *err);
/* Verifies and decodes; every failure is INPUT authorisation_broken. at: unix time for the certificates. */
int reissue_open(struct bytes jws_text, X509_STORE *ca, int64_t at, struct reissue *ret, struct error *err);

struct withdrawn {
        char serial[PORTAL_SERIAL_MAX + 1];
        char application[PORTAL_APPLICATION_MAX + 1]; /* "" for a blank without applicant */
        int64_t at;
};

int withdrawn_decode(struct bytes payload, struct withdrawn *ret, struct error *err);
int withdrawn_open(struct bytes jws_text, X509_STORE *ca, int64_t at, struct withdrawn *ret, struct error *err);
