/* What the portal signs: JWS compact serialisation (RFC 7515 3.1), ES256 (RFC 7518 3.4), certificate chain inside.
 *
 * `BASE64URL(header) . BASE64URL(payload) . BASE64URL(r || s)`; the header holds exactly alg = "ES256", typ and x5c
 * (RFC 7515 4.1.6: base64 DER, leaf first, 1 to 4 certificates). The chain must lead to a given CA at a given time,
 * the leaf hold a P-256 key, be no CA, and have exactly one subject OU, that of the purpose. The payload's exact bytes
 * are the document: keep and hash those, parse them only after jws_verify, never write them anew. */
#pragma once
#include "proto/base/bytes.h"
#include "proto/base/error.h"
#include <openssl/types.h>

enum { JWS_TEXT_MAX = 131072, JWS_PAYLOAD_MAX = 65536, JWS_CHAIN_MAX = 4, JWS_SIGNER_MAX = 64 };

/* typ and OU: mohr-approval/approvals, mohr-receipt/receipts, mohr-reissue/reissues, mohr-withdrawn/withdrawn. */
enum jws_purpose { JWS_APPROVAL, JWS_RECEIPT, JWS_REISSUE, JWS_WITHDRAWN };

struct jws {
        struct bytes payload;            /* exact bytes, 1 to JWS_PAYLOAD_MAX; owned: jws_done */
        uint8_t sha256[32];              /* of the payload: the data hash of an approval */
        char signer[JWS_SIGNER_MAX + 1]; /* the leaf's common name, "" when it has none */
};

/* The portal's CA certificates, one or more, as PEM. The caller frees with X509_STORE_free. 0, or -1 and *err (INPUT,
 * bad_config) when there is none, or one is unreadable or no CA. */
int jws_ca_new(struct bytes pem, X509_STORE **ret, struct error *err);

/* Verifies one text (no newline at the end). at: unix time at which the certificates must be valid. Does not block.
 * 0 and *ret (jws_done), or -1 and *err: INPUT with approval_broken, receipt_broken or authorisation_broken (reissue,
 * withdrawn) for whatever is wrong with it. */
int jws_verify(struct bytes text, enum jws_purpose purpose, X509_STORE *ca, int64_t at, struct jws *ret,
               struct error *err);
void jws_done(struct jws *jws); /* accepts a zeroed one; fits cleanup() */
enum reason jws_broken_reason(enum jws_purpose purpose);
