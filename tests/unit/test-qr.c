/* proto/qr: the text round trips, has the documented length and alphabet, and no altered or cut text verifies. The
 * signed bytes are put together here a second time by hand from the documented layout. */
#include "proto/qr.h"
#include "tests/unit/lds-pki.h"
#include "tests/unit/test.h"
#include <openssl/sha.h>
#include <string.h>

static struct qr_statement make(EVP_PKEY *key)
{
        struct qr_statement s = { .face_code = "0123456789", .issue_date = "2026-11-21" };

        CHECK(qr_key_id(key, s.key_id));
        memset(s.data_sha256, 0xAB, sizeof s.data_sha256);
        return s;
}

static void sign(const struct qr_statement *s, EVP_PKEY *key, char ret[QR_TEXT_MAX])
{
        uint8_t hash[32], signature[64];
        struct error err;

        CHECK(qr_digest(s, hash) && pki_sign(key, hash, signature, &err) == 0 && qr_assemble(s, signature, ret));
}

static void test_layout(EVP_PKEY *key)
{
        struct qr_statement s = make(key);
        uint8_t bytes[66], hash[32], expected[32];

        memcpy(bytes, "mohr-qr-v1\0\1", 12);
        memcpy(bytes + 12, s.key_id, 8);
        memcpy(bytes + 20, "0123456789", 10);
        memset(bytes + 30, 0xAB, 32);
        memcpy(bytes + 62, "\x20\x26\x11\x21", 4);
        SHA256(bytes, sizeof bytes, expected);
        CHECK(qr_digest(&s, hash) && memcmp(hash, expected, 32) == 0);
        s.face_code[0] = 'U';
        CHECK(!qr_digest(&s, hash));
        s = make(key);
        memcpy(s.issue_date, "2026-13-01", 11);
        CHECK(!qr_digest(&s, hash));
}

static void test_verify(EVP_PKEY *key, EVP_PKEY *other)
{
        struct qr_statement s = make(key), back;
        char text[QR_TEXT_MAX], cut[QR_TEXT_MAX];

        sign(&s, key, text);
        CHECK(strlen(text) == 197 && strlen(text) <= QR_TEXT_LIMIT);
        CHECK(strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ:") == 197);
        CHECK(qr_verify(text, key, &back) && memcmp(&back, &s, sizeof s) == 0 && !qr_verify(text, other, &back));
        for (size_t i = 0; i < strlen(text); i++) {
                char c = text[i];

                text[i] = c == 'A' ? 'B' : 'A';
                CHECK(!qr_verify(text, key, &back));
                text[i] = c;
                memcpy(cut, text, i);
                cut[i] = '\0';
                CHECK(!qr_verify(cut, key, &back));
        }
}

int main(void)
{
        struct pki p;

        pki_make(&p, 1, NULL);
        test_layout(p.key);
        test_verify(p.key, p.ca_key);
        pki_done(&p);
        return 0;
}
