/* proto/lds: the sample card of tests/data/lds-sample.json (made with the OpenSSL command, none of our code), round
 * trips, every truncation, flipped bits, foreign signers, and `openssl cms -verify` over what we build.
 * argv[1]: the folder tests/data. */
#include "proto/base/cleanup.h"
#include "proto/lds/der.h"
#include "proto/lds/group.h"
#include "proto/lds/photo.h"
#include "proto/lds/verify.h"
#include "tests/unit/lds-pki.h"
#include "tests/unit/test.h"
#include <jansson.h>
#include <openssl/sha.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = 4096 };

/* The smallest JPEG frame: SOI, SOF0 240 x 320, end. */
static const uint8_t photo[] = { 0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0x01, 0x40, 0, 0xF0, 1, 1, 0x11, 0, 0xFF, 0xD9 };
static const uint8_t chip_id[LDS_CHIP_ID_SIZE] = { 0x47, 0x90, 0x50, 0x40, 1, 2, 3, 4, 5, 6 };

struct card {
        uint8_t bytes[LDS_N_FILES][FILE_MAX];
        struct lds_file files[LDS_N_FILES];
};

static const struct lds_record record = {
        .bound = true,
        .chip_id = { 0x47, 0x90, 0x50, 0x40, 1, 2, 3, 4, 5, 6 },
        .serial = "SC-1405-000123",
        .holder = { .family_fa = "کاظمی",
                    .given_fa = "علی",
                    .family_en = "Kazemi",
                    .given_en = "Ali",
                    .national_id = "9990079196",
                    .birth_date = "1990-03-21" },
        .document = { .authority_fa = "سازمان",
                      .authority_en = "Organisation",
                      .issue_date = "2026-11-20",
                      .personalised_at = "2026-11-20T12:34:56Z",
                      .station = "KARG-0007" },
        .entries = { { .code = "742320990100001",
                       .title_fa = "تعمیرکار",
                       .title_en = "Mechanic",
                       .grade_fa = "درجه ۲",
                       .grade_en = "Grade 2",
                       .theory_score = 1850,
                       .practical_score = 9100,
                       .hours = 220,
                       .exam_date = "2026-11-01",
                       .issue_date = "2026-11-20",
                       .valid_until = "2031-11-20",
                       .centre_code = "07-112",
                       .centre_fa = "مرکز",
                       .centre_en = "Centre",
                       .number = "FA-1405-00070001",
                       .token = "MOHR1:0123456789:000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F" } },
        .n_entries = 1,
        .photo = { photo, sizeof photo },
        .photo_type = LDS_PHOTO_JPEG,
};

static struct bytes put(void (*build)(struct writer *w, const struct lds_record *r), const struct lds_record *r,
                        uint8_t *buffer)
{
        struct writer w = { buffer, 0, FILE_MAX, false };

        build(&w, r);
        return writer_bytes(&w);
}

static void make_card(const struct lds_record *r, const struct pki *p, int64_t at, struct card *ret)
{
        static void (*const build[])(struct writer *, const struct lds_record *) = { lds_dg2_put, lds_dg11_put,
                                                                                     lds_dg12_put, lds_dg13_put };
        static const uint8_t groups[] = { 2, 11, 12, 13 };
        struct lds_hash hashes[4];
        struct writer com = { ret->bytes[4], 0, FILE_MAX, false }, sod = { ret->bytes[5], 0, FILE_MAX, false };
        struct error err;

        for (size_t i = 0; i < 4; i++) {
                ret->files[i] = (struct lds_file){ lds_fids[i], put(build[i], r, ret->bytes[i]) };
                CHECK(ret->files[i].content.n > 0);
                hashes[i].group = groups[i];
                SHA256(ret->files[i].content.p, ret->files[i].content.n, hashes[i].sha256);
        }
        lds_com_put(&com, groups, 4);
        CHECK(lds_sod_build(hashes, 4, (struct bytes){ p->der, p->n_der }, at, pki_sign, p->key, &sod, &err) == 0);
        ret->files[4] = (struct lds_file){ LDS_FID_COM, writer_bytes(&com) };
        ret->files[5] = (struct lds_file){ LDS_FID_SOD, writer_bytes(&sod) };
}

static enum lds_verdict judge(const struct card *c, const struct pki *p, struct lds_result *ret)
{
        struct lds_input in = {
                c->files, LDS_N_FILES, chip_id, { (const uint8_t *)p->ca_pem, strlen(p->ca_pem) }, time(NULL)
        };

        CHECK(lds_verify(&in, ret) == (ret->verdict == LDS_VERIFIED));
        return ret->verdict;
}

static void test_round_trip(const struct pki *p)
{
        static struct card c;
        static struct lds_result r;
        static struct lds_record expected;

        make_card(&record, p, time(NULL), &c);
        CHECK(judge(&c, p, &r) == LDS_VERIFIED && r.fid == 0);
        CHECK(r.record.photo.n == sizeof photo && memcmp(r.record.photo.p, photo, sizeof photo) == 0);
        CHECK(memcmp(&r.record.holder, &record.holder, sizeof record.holder) == 0);
        CHECK(memcmp(&r.record.document, &record.document, sizeof record.document) == 0);
        CHECK(memcmp(&r.record.entries, &record.entries, sizeof record.entries) == 0);
        CHECK(strcmp(r.record.serial, record.serial) == 0 && r.record.n_entries == 1);
        CHECK(r.has_token && strcmp(r.face_code, "0123456789") == 0 && r.data_sha256[31] == 0x1F);
        CHECK(c.files[0].content.n == sizeof photo + 85 - 8); /* facts: 85 bytes around 14 KB, four lengths shorter */
        expected = record;
        expected.bound = false;
        make_card(&expected, p, time(NULL), &c);
        CHECK(judge(&c, p, &r) == LDS_OTHER_CHIP && r.record.holder.family_fa[0] == '\0');
}

static void test_altered(const struct pki *p)
{
        static struct card c;
        static struct lds_result r;

        make_card(&record, p, time(NULL), &c);
        for (size_t f = 0; f < LDS_N_FILES; f++) {
                size_t step = lds_fids[f] == LDS_FID_SOD ? 1 : 5;
                struct bytes whole = c.files[f].content;

                for (size_t i = 0; i < whole.n; i += step) {
                        c.bytes[f][i] ^= (uint8_t)(1u << (i % 8));
                        CHECK(judge(&c, p, &r) != LDS_VERIFIED);
                        c.bytes[f][i] ^= (uint8_t)(1u << (i % 8));
                }
                for (size_t n = 0; n < whole.n; n += step) {
                        c.files[f].content.n = n;
                        CHECK(judge(&c, p, &r) != LDS_VERIFIED);
                }
                c.files[f].content = whole;
        }
        CHECK(judge(&c, p, &r) == LDS_VERIFIED);
        c.bytes[5][c.files[5].content.n] = 0;
        c.files[5].content.n++;
        CHECK(judge(&c, p, &r) == LDS_MALFORMED && r.fid == LDS_FID_SOD);
}

/* Every truncation of every group goes through its parser alone. */
static void test_parsers(const struct pki *p)
{
        static bool (*const parse[])(struct bytes, struct lds_record *) = { lds_dg2_parse, lds_dg11_parse,
                                                                            lds_dg12_parse, lds_dg13_parse };
        static struct card c;
        static struct lds_record r;

        make_card(&record, p, time(NULL), &c);
        for (size_t f = 0; f < 4; f++) {
                struct bytes b = c.files[f].content;

                CHECK(parse[f](b, &r));
                for (size_t n = 0; n < b.n; n++)
                        CHECK(!parse[f]((struct bytes){ b.p, n }, &r));
                c.bytes[f][b.n] = 0;
                CHECK(!parse[f]((struct bytes){ b.p, b.n + 1 }, &r));
        }
}

static void test_signers(void)
{
        static struct card c;
        static struct lds_result r;
        struct pki good, other, no_usage, short_lived;
        int64_t now = time(NULL);

        pki_make(&good, 10, "critical,digitalSignature");
        pki_make(&other, 10, "critical,digitalSignature");
        pki_make(&no_usage, 10, NULL);
        pki_make(&short_lived, 0, "critical,digitalSignature");
        make_card(&record, &good, now, &c);
        CHECK(judge(&c, &other, &r) == LDS_SIGNER_UNTRUSTED);
        make_card(&record, &no_usage, now, &c);
        CHECK(judge(&c, &no_usage, &r) == LDS_SIGNER_UNTRUSTED);
        make_card(&record, &good, now - 3 * 86400, &c);
        CHECK(judge(&c, &good, &r) == LDS_SIGNER_NOT_VALID);
        make_card(&record, &good, now + 3600, &c);
        CHECK(judge(&c, &good, &r) == LDS_SIGNED_IN_FUTURE);
        make_card(&record, &short_lived, now - 3600, &c); /* valid then, over now */
        CHECK(judge(&c, &short_lived, &r) == LDS_VERIFIED && r.signed_at == now - 3600);
        EVP_PKEY_free(good.key);
        good.key = EVP_EC_gen("P-256");
        make_card(&record, &good, now, &c);
        CHECK(judge(&c, &good, &r) == LDS_SIGNATURE_WRONG);
        c.files[3].fid = 0x0199;
        CHECK(judge(&c, &good, &r) == LDS_INCOMPLETE && r.fid == LDS_FID_DG13);
        memcpy(good.ca_pem, "no certificate", 15);
        make_card(&record, &good, now, &c);
        CHECK(judge(&c, &good, &r) == LDS_CA_UNUSABLE);
        pki_done(&good);
        pki_done(&other);
        pki_done(&no_usage);
        pki_done(&short_lived);
}

static void refused(void (*build)(struct writer *, const struct lds_record *), const struct lds_record *r)
{
        uint8_t buffer[FILE_MAX];

        CHECK(put(build, r, buffer).n == 0);
}

static void test_builders_refuse(void)
{
        static struct lds_record r;

        r = record;
        r.holder.given_fa[0] = '\0';
        refused(lds_dg11_put, &r);
        r = record;
        memcpy(r.holder.family_en, "a<<b", 5);
        refused(lds_dg11_put, &r);
        r = record;
        memcpy(r.holder.given_en, "a\xE2\x80\xAE", 5); /* U+202E */
        refused(lds_dg11_put, &r);
        r = record;
        memcpy(r.document.issue_date, "2026-02-30", 11);
        refused(lds_dg12_put, &r);
        r = record;
        r.entries[0].hours = 65536;
        refused(lds_dg13_put, &r);
        r = record;
        r.photo.n = 6;
        refused(lds_dg2_put, &r);
}

static size_t sample(const json_t *json, const char *key, uint8_t *ret)
{
        const char *text = json_string_value(json_object_get(json, key));
        size_t n;

        CHECK(text && hex_decode(text, ret, FILE_MAX, &n));
        return n;
}

/* What the sample holds, built by us from its parsed parts, is the sample's very bytes. */
static void test_sample(const char *folder)
{
        static struct lds_record r;
        uint8_t file[FILE_MAX], again[FILE_MAX], object[FILE_MAX], dg2[32], hash[32];
        char path[512];
        struct writer w = WRITER(again);
        struct lds_hash hashes[LDS_GROUPS_MAX];
        struct lds_sod sod;
        size_t n;
        json_t *json;

        (void)snprintf(path, sizeof path, "%s/lds-sample.json", folder);
        json = json_load_file(path, 0, NULL);
        CHECK(json);
        n = sample(json, "ef_sod", file);
        CHECK(lds_sod_parse((struct bytes){ file, n }, &sod) && sod.signed_at == 1795189613);
        lds_sod_put(&w, &sod);
        CHECK(bytes_equal(writer_bytes(&w), (struct bytes){ file, n }));
        CHECK(bytes_equal(sod.object, (struct bytes){ object, sample(json, "lds_security_object", object) }));
        CHECK(lds_object_parse(sod.object, hashes, &n) && n == 4 && sample(json, "dg2_sha256", dg2) == 32);
        CHECK(hashes[0].group == 2 && memcmp(hashes[0].sha256, dg2, 32) == 0);

        n = sample(json, "dg11", file);
        SHA256(file, n, hash);
        CHECK(memcmp(hash, hashes[1].sha256, 32) == 0 && lds_dg11_parse((struct bytes){ file, n }, &r));
        CHECK(strcmp(r.holder.national_id, "0012345678") == 0 && strcmp(r.holder.birth_date, "1990-03-21") == 0);
        CHECK(bytes_equal(put(lds_dg11_put, &r, again), (struct bytes){ file, n }));
        n = sample(json, "dg12", file);
        CHECK(lds_dg12_parse((struct bytes){ file, n }, &r) && strcmp(r.document.station, "KARG-0007") == 0);
        CHECK(bytes_equal(put(lds_dg12_put, &r, again), (struct bytes){ file, n }));
        n = sample(json, "dg13", file);
        CHECK(lds_dg13_parse((struct bytes){ file, n }, &r) && r.n_entries == 3 && !r.bound);
        CHECK(strcmp(r.entries[2].number, "FA-1405-00070003") == 0 && r.entries[2].theory_score == 0x222E);
        CHECK(bytes_equal(put(lds_dg13_put, &r, again), (struct bytes){ file, n }));
        w = (struct writer)WRITER(again);
        lds_com_put(&w, (const uint8_t[]){ 2, 11, 12, 13 }, 4);
        CHECK(bytes_equal(writer_bytes(&w), (struct bytes){ file, sample(json, "ef_com", file) }));
        json_decref(json);
}

static void write_file(const char *folder, const char *name, struct bytes content)
{
        char path[128];
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        f = fopen(path, "wb");
        CHECK(f && fwrite(content.p, 1, content.n, f) == content.n && fclose(f) == 0);
}

/* The witness that shares no code with us above libcrypto: the openssl command. */
static void test_openssl(const struct pki *p)
{
        static struct card c;
        char folder[] = "/tmp/test-lds-XXXXXX", command[512];
        struct bytes cms = { NULL, 0 };

        CHECK(mkdtemp(folder));
        make_card(&record, p, time(NULL), &c);
        CHECK(der_only(c.files[5].content, LDS_TAG_SOD, &cms));
        write_file(folder, "sod.cms", cms);
        write_file(folder, "ca.pem", (struct bytes){ (const uint8_t *)p->ca_pem, strlen(p->ca_pem) });
        (void)snprintf(command, sizeof command,
                       "cd %s && openssl cms -verify -inform DER -in sod.cms -CAfile ca.pem -purpose any -binary "
                       "-out lds.der 2>out && test $(openssl asn1parse -inform DER -in lds.der | grep -c OCTET) = 4",
                       folder);
        CHECK(system(command) == 0);
        (void)snprintf(command, sizeof command, "rm -r %s", folder);
        CHECK(system(command) == 0);
}

static void test_der(void)
{
        static const uint8_t bad[][6] = { { 0x30, 0x80, 0, 0 },       { 0x30, 0x81, 0x01, 0 }, { 0x30, 0x82, 0, 0x81 },
                                          { 0x30, 0x84, 0, 0, 0, 0 }, { 0x30, 5, 1, 2 },       { 0x1F, 0x81, 1, 0 } };
        static uint8_t buffer[70000], value[66000];
        static const size_t sizes[] = { 0, 1, 127, 128, 255, 256, 65535, 65536 };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct bytes v, in = BYTES(bad[i]);
                uint32_t tag;

                CHECK(!der_next(&in, &tag, &v) && in.n == sizeof bad[i]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                struct writer w = WRITER(buffer);
                size_t mark = der_open(&w, 0x7F61);
                struct bytes v;

                write_bytes(&w, (struct bytes){ value, sizes[i] });
                der_close(&w, mark);
                CHECK(der_only(writer_bytes(&w), 0x7F61, &v) && v.n == sizes[i]);
        }
}

int main(int argc, char **argv)
{
        struct pki p;

        CHECK(argc == 2);
        test_der();
        test_sample(argv[1]);
        pki_make(&p, 10, "critical,digitalSignature");
        test_round_trip(&p);
        test_parsers(&p);
        test_altered(&p);
        test_openssl(&p);
        pki_done(&p);
        test_signers();
        test_builders_refuse();
        return 0;
}
