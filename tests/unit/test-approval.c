/* proto/portal/approval: the sample of the contract decodes; each wrong form is refused; each rule has its reason.
 * Changes are text replacements in tests/data/approval.json. argv[1]: the folder tests/data. */
#include "proto/base/cleanup.h"
#include "proto/portal/approval.h"
#include "tests/unit/pki.h"
#include <openssl/x509_vfy.h>

static char sample[8192];

static void load(const char *folder)
{
        char path[512];
        FILE *file;
        size_t n;

        (void)snprintf(path, sizeof path, "%s/approval.json", folder);
        file = fopen(path, "r");
        CHECK(file);
        n = fread(sample, 1, sizeof sample - 1, file);
        CHECK(n > 0 && n < sizeof sample - 1);
        (void)fclose(file);
}

/* The sample with the first `from` turned into `to`. */
static const char *with(const char *from, const char *to)
{
        static char text[16384];
        const char *at = strstr(sample, from);

        CHECK(at);
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - sample), sample, to, at + strlen(from));
        return text;
}

static int decode(const char *text, struct approval *ret, struct error *err)
{
        return approval_decode((struct bytes){ (const uint8_t *)text, strlen(text) }, ret, err);
}

/* Not an approval at all. */
static bool malformed(const char *text)
{
        struct approval a;
        struct error err;

        return decode(text, &a, &err) < 0 && err.kind == ERR_INPUT && err.reason == REASON_BAD_JSON;
}

/* The reason approval_check gives, NONE when it may be produced; the text must name `where`. */
static enum reason judged(const char *text, const char *where)
{
        struct approval a;
        struct error err;

        CHECK(decode(text, &a, &err) == 0);
        if (approval_check(&a, &err) == 0)
                return REASON_NONE;
        CHECK(err.kind == ERR_INPUT && strstr(err.text, where));
        return err.reason;
}

static void test_sample(void)
{
        struct approval a;
        struct error err;

        CHECK(decode(sample, &a, &err) == 0 && approval_check(&a, &err) == 0);
        CHECK(strcmp(a.id, "APP-1405-000017") == 0 && a.seq == 17 && a.kind == APPROVAL_NEW && a.paid);
        CHECK(a.n_confirmations == 5 && a.confirmations[4].role == APPROVED_BY_DIRECTOR);
        CHECK(a.payment.amount_rial == 1000000 && a.payment.at == 1793536200); /* date -u -d 2026-11-01T12:30:00Z +%s */
        CHECK(strcmp(a.certificate.given_fa, "علی") == 0 && strcmp(a.certificate.family_fa, "کاظمی") == 0);
        CHECK(strcmp(a.certificate.national_id, "9990079196") == 0 && a.certificate.sex == 'm');
        CHECK(a.certificate.skill.practical_score == 1850 && a.certificate.skill.hours == 220);
        CHECK(!a.certificate.centre.school && !a.certificate.has_valid_until);
        CHECK(a.photo.type == PHOTO_JPEG && a.photo.n_bytes == 20480 && a.photo.sha256[0] == 0x9f);
        CHECK(approval_worksheet_differences(&a) == 0);
}

static void test_form(void)
{
        static char cut[sizeof sample];
        size_t n = strlen(sample);

        memcpy(cut, sample, n);
        while (n > 0 && sample[n - 1] != '}')
                n--;
        for (size_t i = 0; i < n; i++) {
                cut[i] = '\0';
                CHECK(malformed(cut));
                cut[i] = sample[i];
        }
        CHECK(malformed(with("\"v\"", "\"V\"")) && malformed(with("\"v\": 1", "\"v\": 2")));
        CHECK(malformed(with("\"v\": 1", "\"v\": 1, \"v\": 1")) && malformed(with("\"v\": 1", "\"v\": 1, \"w\": 1")));
        CHECK(malformed(with("\"v\": 1", "\"v\": \"1\"")) && malformed(with("\"seq\": 17", "\"seq\": 17.0")));
        CHECK(malformed(with("\"seq\": 17", "\"seq\": 0")) && malformed(with("APP-1405-000017", "app-1405-000017")));
        CHECK(malformed(with("\"new\"", "\"old\"")) && malformed(with("\"sex\": \"m\"", "\"sex\": \"x\"")));
        CHECK(malformed(with("\"image/jpeg\"", "\"image/gif\"")) && malformed(with("\"hours\": 220", "\"hours\": 0")));
        CHECK(malformed(with("\"father_fa\"", "\"father\"")) && malformed(with("751220990010001", "75122099001000")));
        CHECK(malformed(with("\"n_bytes\": 20480", "\"n_bytes\": 1048577")) && malformed(with("\"9f86", "\"9F86")));
        CHECK(malformed(with("\"director\"", "\"king\"")) && malformed(with("\"code\": \"c01\"", "\"code\": \"c 1\"")));
        CHECK(malformed(with("محمود", "\\u0000")) && malformed(with("محمود", "\xFF")) &&
              malformed(with("محمود", "\\ud800")));
        CHECK(malformed(with("محمود", "")) && malformed("[]") && malformed("null"));
}

static void test_chain(void)
{
        CHECK(judged(with("\"role\": \"security\"", "\"role\": \"director\""), "security") ==
              REASON_APPROVAL_INCOMPLETE);
        CHECK(judged(with("\"2026-10-20T08:00:00Z\"", "\"2026-10-30T08:00:00Z\""), "director") ==
              REASON_APPROVAL_INCOMPLETE);
        CHECK(judged(with("{\"role\": \"exam_expert\", \"by\": \"p-101\", \"at\": \"2026-10-01T08:00:00Z\"},", ""),
                     "centre_head stands in the place of exam_expert") == REASON_APPROVAL_INCOMPLETE);
        CHECK(judged(with(",\n  {\"role\": \"director\", \"by\": \"p-105\", \"at\": \"2026-10-25T08:00:00Z\"}", ""),
                     "director is missing") == REASON_APPROVAL_INCOMPLETE);
        CHECK(malformed(with("{\"role\": \"director\"",
                             "{\"role\": \"director\", \"by\": \"p\", \"at\": \"\"}, {\"role\": \"director\"")));
}

static void test_payment(void)
{
        CHECK(judged(with("{\"amount_rial\": 1000000, \"reference\": \"PAY-88213\", \"at\": \"2026-11-01T12:30:00Z\"}",
                          "null"),
                     "not paid") == REASON_NOT_PAID);
        CHECK(judged(with("2026-11-01T12:30:00Z", "2026-10-25T07:59:59Z"), "director") == REASON_PAID_TOO_EARLY);
        CHECK(judged(with("2026-11-01T12:30:00Z", "2026-10-25T08:00:00Z"), "") == REASON_NONE);
        CHECK(judged(with("2026-11-01T12:30:00Z", "2026-11-01T12:30:00+00:00"), "payment.at") == REASON_BAD_DATE);
}

static void test_data(void)
{
        struct approval a;
        struct error err;

        CHECK(judged(with("9990079196", "9990079197"), "certificate.national_id: checksum") == REASON_BAD_NATIONAL_ID);
        CHECK(judged(with("9990079196", "1111111111"), "repeated") == REASON_BAD_NATIONAL_ID);
        CHECK(judged(with("محمود", "مح\xE2\x80\xAEمود"), "certificate.father_fa: bidi") == REASON_BAD_TEXT);
        CHECK(judged(with("محمود", "مح\\u202Eمود"), "certificate.father_fa: bidi") == REASON_BAD_TEXT);
        CHECK(judged(with("محمود", "Mahmud"), "foreign") == REASON_BAD_TEXT);
        CHECK(judged(with("Sangak bread baker", "Sangak\\u0007"), "title_en: control") == REASON_BAD_TEXT);
        CHECK(judged(with("1990-04-21", "1990-04-31"), "birth_date") == REASON_BAD_DATE);
        CHECK(judged(with("1990-04-21", "2026-09-20"), "birth_date") == REASON_BAD_DATE);
        CHECK(judged(with("\"valid_until\": null", "\"valid_until\": \"2026-09-20\""), "valid_until") ==
              REASON_BAD_DATE);
        CHECK(judged(with("\"valid_until\": null", "\"valid_until\": \"2031-09-20\""), "") == REASON_NONE);
        /* What is refused never stands in the struct. */
        CHECK(decode(with("محمود", "مح\\u202Eمود"), &a, &err) == 0 && a.certificate.father_fa[0] == '\0');
}

static unsigned differences(const char *text)
{
        struct approval a;
        struct error err;

        CHECK(decode(text, &a, &err) == 0);
        return approval_worksheet_differences(&a);
}

static void test_worksheet(void)
{
        CHECK(differences(with("\"practical_score\": 1850", "\"practical_score\": 1849")) ==
              1U << WORKSHEET_PRACTICAL_SCORE);
        CHECK(differences(with("\"skill_code\": \"751220990010001\"", "\"skill_code\": \"751220990010002\"")) ==
              1U << WORKSHEET_SKILL);
        CHECK(differences(with("\"given_fa\": \"علي\"", "\"given_fa\": \"رضا\"")) == 1U << WORKSHEET_GIVEN);
        CHECK(differences(with("\"family_fa\": \"كاظمي\"", "\"family_fa\": \"کاظمی‌نژاد\"")) ==
              1U << WORKSHEET_FAMILY);
        CHECK(differences(with("\"national_id\": \"9990079196\"", "\"national_id\": \"9990158381\"")) ==
              1U << WORKSHEET_NATIONAL_ID);
        CHECK(strcmp(worksheet_field_word(WORKSHEET_GIVEN), "given_fa") == 0);
}

static void test_open(void)
{
        struct pki_party root =
                pki_make((struct pki_wish){ .cn = "CA", .from = 1700000000, .until = 1900000000, .ca = true }, NULL);
        struct pki_party leaf = pki_make(
                (struct pki_wish){ .cn = "s", .ou = "approvals", .from = 1700000000, .until = 1900000000 }, &root);
        static char header[8000], text[40000], pem[4096];
        size_t n = pki_pem(&root, pem, sizeof pem);
        X509_STORE *ca = NULL;
        struct approval a;
        struct error err;
        uint8_t sha256[32], expect[32];

        CHECK(jws_ca_new((struct bytes){ (const uint8_t *)pem, n }, &ca, &err) == 0);
        pki_header("mohr-approval", &leaf, NULL, header, sizeof header);
        pki_jws(leaf.key, header, sample, text);
        CHECK(approval_open((struct bytes){ (const uint8_t *)text, strlen(text) }, ca, 1800000000, &a, sha256, &err) ==
              0);
        CHECK(EVP_Digest(sample, strlen(sample), expect, NULL, EVP_sha256(), NULL) == 1);
        CHECK(memcmp(sha256, expect, sizeof expect) == 0 && strcmp(a.id, "APP-1405-000017") == 0);
        CHECK(approval_open((struct bytes){ (const uint8_t *)text, strlen(text) }, ca, 1900000001, &a, sha256, &err) <
              0);
        CHECK(err.reason == REASON_APPROVAL_BROKEN);
        X509_STORE_free(ca);
        pki_free(&root);
        pki_free(&leaf);
}

int main(int argc, char **argv)
{
        CHECK(argc == 2);
        load(argv[1]);
        test_sample();
        test_form();
        test_chain();
        test_payment();
        test_data();
        test_worksheet();
        test_open();
        return 0;
}
