/* The signed statement on the card's face: which approved data this face stands for, checkable offline.
 *
 * Text: `MOHR1:` + RFC 4648 base32 without padding of
 *   version 01 | key id 8 | face code 10 ASCII | data hash 32 | issue date 4 (BCD YYYYMMDD, Gregorian) | r || s 64
 * = 119 bytes, 197 characters, all of QR's alphanumeric mode (ISO/IEC 18004:2015 7.4.4); never over QR_TEXT_LIMIT.
 * key id = first 8 bytes of SHA-256 over the document signer's SubjectPublicKeyInfo (DER). The signature is ECDSA
 * P-256 over SHA-256("mohr-qr-v1" 00 | all bytes before the signature). Signed before the print it says "approved";
 * only the chip says "issued". DESIGN 6. */
#pragma once
#include "proto/base/bytes.h"
#include <openssl/types.h>

enum {
        QR_TEXT_LIMIT = 200,
        QR_TEXT_MAX = 198, /* with NUL */
        QR_KEY_ID_SIZE = 8,
        QR_FACE_CODE_SIZE = 10,
        QR_HASH_SIZE = 32,
        QR_SIGNATURE_SIZE = 64,
};

struct qr_statement {
        uint8_t key_id[QR_KEY_ID_SIZE];
        char face_code[QR_FACE_CODE_SIZE + 1]; /* Crockford base32: 0-9 A-Z without I L O U */
        uint8_t data_sha256[QR_HASH_SIZE];     /* of the approval's payload */
        char issue_date[11];                   /* YYYY-MM-DD */
};

bool qr_face_code_ok(const char *text);
/* The key id of a public key. False without memory. */
bool qr_key_id(EVP_PKEY *key, uint8_t ret[QR_KEY_ID_SIZE]);
/* What is to be signed, as a SHA-256 digest. False when face code or date is malformed. */
bool qr_digest(const struct qr_statement *s, uint8_t ret[QR_HASH_SIZE]);
/* The text. False as qr_digest. */
bool qr_assemble(const struct qr_statement *s, const uint8_t signature[QR_SIGNATURE_SIZE], char ret[QR_TEXT_MAX]);
/* Takes a text apart without checking the signature. False for anything but a text that qr_assemble writes. */
bool qr_parse(const char *text, struct qr_statement *ret, uint8_t ret_signature[QR_SIGNATURE_SIZE]);
/* qr_parse, and: the key has the statement's key id and made the signature. */
bool qr_verify(const char *text, EVP_PKEY *key, struct qr_statement *ret);
