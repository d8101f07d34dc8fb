#include "proto/qr.h"
#include "proto/base/cleanup.h"
#include "proto/base64.h"
#include "proto/text/date.h"
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

enum { VERSION = 1, DATE_SIZE = 4, HALF = QR_SIGNATURE_SIZE / 2, DER_MAX = 80 };
enum { SIGNED_SIZE = 1 + QR_KEY_ID_SIZE + QR_FACE_CODE_SIZE + QR_HASH_SIZE + DATE_SIZE };
enum { ALL_SIZE = SIGNED_SIZE + QR_SIGNATURE_SIZE };

static const char prefix[] = "MOHR1:";
static const char domain[] = "mohr-qr-v1"; /* its NUL is part of what is hashed */

_Static_assert(sizeof prefix + BASE32_LENGTH(ALL_SIZE) == QR_TEXT_MAX, "the text has its documented length");

DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)
DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)

bool qr_face_code_ok(const char *text)
{
        return strlen(text) == QR_FACE_CODE_SIZE &&
               strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == QR_FACE_CODE_SIZE;
}

bool qr_key_id(EVP_PKEY *key, uint8_t ret[QR_KEY_ID_SIZE])
{
        unsigned char *der = NULL;
        uint8_t hash[QR_HASH_SIZE];
        int n = i2d_PUBKEY(key, &der);

        if (n <= 0)
                return false;
        SHA256(der, (size_t)n, hash);
        OPENSSL_free(der);
        memcpy(ret, hash, QR_KEY_ID_SIZE);
        return true;
}

static bool put_signed(const struct qr_statement *s, struct writer *w)
{
        uint8_t date[DATE_SIZE];
        char digits[2 * DATE_SIZE + 1];
        int32_t day;
        size_t n;

        if (!qr_face_code_ok(s->face_code) || !date_parse(s->issue_date, &day))
                return false;
        (void)snprintf(digits, sizeof digits, "%.4s%.2s%.2s", s->issue_date, s->issue_date + 5, s->issue_date + 8);
        if (!hex_decode(digits, date, sizeof date, &n))
                return false;
        write_u8(w, VERSION);
        write_bytes(w, BYTES(s->key_id));
        write_bytes(w, (struct bytes){ (const uint8_t *)s->face_code, QR_FACE_CODE_SIZE });
        write_bytes(w, BYTES(s->data_sha256));
        write_bytes(w, BYTES(date));
        return !w->failed;
}

static void digest(const uint8_t *p, uint8_t ret[QR_HASH_SIZE])
{
        uint8_t all[sizeof domain + SIGNED_SIZE];

        memcpy(all, domain, sizeof domain);
        memcpy(all + sizeof domain, p, SIGNED_SIZE);
        SHA256(all, sizeof all, ret);
}

bool qr_digest(const struct qr_statement *s, uint8_t ret[QR_HASH_SIZE])
{
        uint8_t buffer[SIGNED_SIZE];
        struct writer w = WRITER(buffer);

        if (!put_signed(s, &w))
                return false;
        digest(buffer, ret);
        return true;
}

bool qr_assemble(const struct qr_statement *s, const uint8_t signature[QR_SIGNATURE_SIZE], char ret[QR_TEXT_MAX])
{
        uint8_t buffer[ALL_SIZE];
        struct writer w = WRITER(buffer);

        if (!put_signed(s, &w))
                return false;
        write_bytes(&w, (struct bytes){ signature, QR_SIGNATURE_SIZE });
        memcpy(ret, prefix, sizeof prefix);
        base32_encode(writer_bytes(&w), ret + sizeof prefix - 1, QR_TEXT_MAX - (sizeof prefix - 1));
        return true;
}

static bool take_date(struct bytes *in, char ret[11])
{
        struct bytes date;
        char d[2 * DATE_SIZE + 1], text[DATE_TEXT_MAX];
        int32_t day;

        if (!bytes_take(in, DATE_SIZE, &date))
                return false;
        hex_encode(date, d, sizeof d);
        (void)snprintf(text, sizeof text, "%.4s-%.2s-%.2s", d, d + 4, d + 6);
        memcpy(ret, text, sizeof text);
        return date_parse(text, &day);
}

static bool take_all(const char *text, uint8_t ret[ALL_SIZE])
{
        const size_t at = sizeof prefix - 1;
        size_t n;

        return strlen(text) == QR_TEXT_MAX - 1 && memcmp(text, prefix, at) == 0 &&
               base32_decode((struct bytes){ (const uint8_t *)text + at, strlen(text) - at }, ret, ALL_SIZE, &n) &&
               n == ALL_SIZE;
}

bool qr_parse(const char *text, struct qr_statement *ret, uint8_t ret_signature[QR_SIGNATURE_SIZE])
{
        uint8_t buffer[ALL_SIZE], version;
        struct bytes in = BYTES(buffer);
        struct qr_statement s = { 0 };

        if (!take_all(text, buffer) || !bytes_u8(&in, &version) || version != VERSION)
                return false;
        if (!bytes_copy(&in, s.key_id, sizeof s.key_id) || !bytes_copy(&in, s.face_code, QR_FACE_CODE_SIZE) ||
            !bytes_copy(&in, s.data_sha256, sizeof s.data_sha256) || !take_date(&in, s.issue_date))
                return false;
        if (!qr_face_code_ok(s.face_code) || !bytes_copy(&in, ret_signature, QR_SIGNATURE_SIZE))
                return false;
        *ret = s;
        return true;
}

/* ECDSA-Sig-Value of raw r || s. */
static int signature_der(const uint8_t raw[QR_SIGNATURE_SIZE], uint8_t ret[DER_MAX])
{
        cleanup(ECDSA_SIG_free_p) ECDSA_SIG *s = ECDSA_SIG_new();
        BIGNUM *r_part = BN_bin2bn(raw, HALF, NULL), *s_part = BN_bin2bn(raw + HALF, HALF, NULL);

        if (!s || !r_part || !s_part || ECDSA_SIG_set0(s, r_part, s_part) != 1) {
                BN_free(r_part);
                BN_free(s_part);
                return -1;
        }
        return i2d_ECDSA_SIG(s, &ret);
}

static bool signature_ok(EVP_PKEY *key, const uint8_t hash[QR_HASH_SIZE], const uint8_t raw[QR_SIGNATURE_SIZE])
{
        cleanup(EVP_PKEY_CTX_free_p) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
        uint8_t der[DER_MAX];
        int n = signature_der(raw, der);
        bool ok = n > 0 && context && EVP_PKEY_verify_init(context) == 1 &&
                  EVP_PKEY_verify(context, der, (size_t)n, hash, QR_HASH_SIZE) == 1;

        ERR_clear_error();
        return ok;
}

bool qr_verify(const char *text, EVP_PKEY *key, struct qr_statement *ret)
{
        uint8_t signature[QR_SIGNATURE_SIZE], hash[QR_HASH_SIZE], id[QR_KEY_ID_SIZE];
        struct qr_statement s;

        if (!qr_parse(text, &s, signature) || !qr_digest(&s, hash) || !qr_key_id(key, id))
                return false;
        if (memcmp(id, s.key_id, sizeof id) != 0 || !signature_ok(key, hash, signature))
                return false;
        *ret = s;
        return true;
}
