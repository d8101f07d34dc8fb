/* EF.SOD: the security object, CMS SignedData (RFC 5652 5) in the one spelling this system writes and accepts.
 *
 * 77 { ContentInfo { SignedData v3, digest SHA-256, eContentType 2.23.136.1.1.1, LDSSecurityObject v1 { SHA-256,
 * { group, hash } .., { "0108", "150000" } } (ICAO 9303-10 D.1), one certificate, one signer { v1, issuerAndSerial,
 * SHA-256, signed attributes contentType, signingTime, messageDigest, ecdsa-with-SHA256, signature } } }.
 * The parser takes the parts out, builds the object again from them and refuses a file that differs in any bit, so
 * that nothing unsigned can vary. The signature is made by whoever holds the key: builders give what is to be signed.
 */
#pragma once
#include "proto/base/error.h"
#include "proto/lds/record.h"

enum {
        LDS_GROUPS_MAX = 16,
        LDS_OBJECT_MAX = 1024,
        LDS_SOD_MAX = 8192,
        LDS_RAW_SIGNATURE_SIZE = 64,
        LDS_TAG_SOD = 0x77
};

struct lds_hash {
        uint8_t group; /* 1..16, rising */
        uint8_t sha256[LDS_HASH_SIZE];
};

/* The parts of a security object; all borrowed. */
struct lds_sod {
        struct bytes object;      /* LDSSecurityObject, DER */
        struct bytes certificate; /* of the document signer, DER */
        int64_t signed_at;        /* seconds since 1970; 1970 to 2049 (UTCTime, RFC 5652 11.3) */
        struct bytes signature;   /* ECDSA-Sig-Value, DER */
};

/* Signs a SHA-256 digest with the document signer's P-256 key: raw r || s. 0, or -1 and *err. */
typedef int (*lds_sign)(void *context, const uint8_t digest[LDS_HASH_SIZE],
                        uint8_t ret_signature[LDS_RAW_SIGNATURE_SIZE], struct error *err);

/* Appends the LDSSecurityObject for these hashes. */
void lds_object_put(struct writer *w, const struct lds_hash *hashes, size_t n);
/* False unless it is exactly what lds_object_put writes for some rising groups. */
bool lds_object_parse(struct bytes object, struct lds_hash ret[LDS_GROUPS_MAX], size_t *ret_n);

/* The digest that the signer signs: SHA-256 over the signed attributes as SET OF (RFC 5652 5.4). False when the time
 * cannot be told. */
bool lds_sod_digest(struct bytes object, int64_t signed_at, uint8_t ret[LDS_HASH_SIZE]);
/* Appends the whole file; w fails when a part cannot be used. */
void lds_sod_put(struct writer *w, const struct lds_sod *sod);
bool lds_sod_parse(struct bytes file, struct lds_sod *ret); /* ret borrows from file */

/* lds_object_put, lds_sod_digest, sign, lds_sod_put in one. 0, or -1 and *err (the signer's, or BUG). */
int lds_sod_build(const struct lds_hash *hashes, size_t n, struct bytes certificate, int64_t signed_at, lds_sign sign,
                  void *context, struct writer *w, struct error *err);
