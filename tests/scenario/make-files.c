/* make-files CHIP_ID DIR [PHOTO_BYTES]: writes the files of one certificate for this chip, FID.bin each, and ca.pem of
 * a throw-away authority. For tests of the card's way alone, without the key service. */
#include "proto/lds/group.h"
#include "proto/lds/verify.h"
#include "tests/unit/lds-pki.h"
#include "tests/unit/test.h"
#include <openssl/sha.h>
#include <string.h>
#include <time.h>

static const uint8_t head[] = { 0xFF, 0xD8, 0xFF, 0xC0, 0, 11, 8, 0x01, 0x40, 0, 0xF0, 1, 1, 0x11, 0 };

static struct lds_record record = {
        .bound = true,
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
                       .centre_code = "07-112",
                       .centre_fa = "مرکز",
                       .centre_en = "Centre",
                       .number = "FA-1405-00070001",
                       .token = "MOHR1:0123456789:000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F" } },
        .n_entries = 1,
        .photo_type = LDS_PHOTO_JPEG,
};

static void save(const char *folder, const char *name, struct bytes data)
{
        char path[4096];
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        f = fopen(path, "we");
        CHECK(f && data.n > 0 && fwrite(data.p, 1, data.n, f) == data.n && fclose(f) == 0);
}

static void save_fid(const char *folder, unsigned fid, struct bytes data)
{
        char name[16];

        (void)snprintf(name, sizeof name, "%04X.bin", fid);
        save(folder, name, data);
}

static void make_photo(size_t n)
{
        uint8_t *p = calloc(1, n);

        CHECK(p && n >= sizeof head + 2);
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)(i % 251);
        memcpy(p, head, sizeof head);
        memcpy(p + n - 2, "\xFF\xD9", 2);
        record.photo = (struct bytes){ p, n };
}

static void make_groups(const char *folder, struct lds_hash hashes[4])
{
        static void (*const build[])(struct writer *, const struct lds_record *) = { lds_dg2_put, lds_dg11_put,
                                                                                     lds_dg12_put, lds_dg13_put };
        static const uint8_t groups[] = { 2, 11, 12, 13 };
        static uint8_t buffer[LDS_FILE_MAX];
        struct writer com = WRITER(buffer);

        lds_com_put(&com, groups, 4);
        save_fid(folder, LDS_FID_COM, writer_bytes(&com));
        for (size_t i = 0; i < 4; i++) {
                struct writer w = WRITER(buffer);

                build[i](&w, &record);
                save_fid(folder, lds_fids[i], writer_bytes(&w));
                hashes[i].group = groups[i];
                SHA256(buffer, w.n, hashes[i].sha256);
        }
}

int main(int argc, char **argv)
{
        static uint8_t sod[LDS_SOD_MAX];
        static struct pki pki;
        struct writer w = WRITER(sod);
        struct lds_hash hashes[4];
        struct error err;
        size_t n = 0;

        CHECK(argc == 3 || argc == 4);
        CHECK(hex_decode(argv[1], record.chip_id, sizeof record.chip_id, &n) && n == LDS_CHIP_ID_SIZE);
        make_photo(argc == 4 ? (size_t)atoi(argv[3]) : 14000);
        pki_make(&pki, 90, "critical,digitalSignature");
        make_groups(argv[2], hashes);
        CHECK(lds_sod_build(hashes, 4, (struct bytes){ pki.der, pki.n_der }, time(NULL) - 60, pki_sign, pki.key, &w,
                            &err) == 0);
        save_fid(argv[2], LDS_FID_SOD, writer_bytes(&w));
        save(argv[2], "ca.pem", (struct bytes){ (const uint8_t *)pki.ca_pem, strlen(pki.ca_pem) });
        pki_done(&pki);
        return 0;
}
