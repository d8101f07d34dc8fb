/* proto/portal/messages, answers, receipt, reissue: the exact bytes of each request (written by hand from
 * proto/portal.openapi.yaml), strict reading of each answer, and what a refusal means. With the argument "bodies" it
 * prints one request per line for tests/scenario/contract-test.py, which holds them against the schema. */
#include "proto/base/cleanup.h"
#include "proto/portal/answers.h"
#include "proto/portal/receipt.h"
#include "proto/portal/reissue.h"
#include "tests/unit/pki.h"
#include <openssl/x509_vfy.h>

#define ZERO16 "0000000000000000"
#define KEY "6f1c1f6e-8f7a-4b7e-9d0a-2f3b5c6d7e8f"
static const uint8_t head[32] = { 0xAB, [31] = 0xCD };
#define HEAD "ab00000000000000" ZERO16 ZERO16 "00000000000000cd"

static struct bytes text(const char *t)
{
        return (struct bytes){ (const uint8_t *)t, strlen(t) };
}

static const struct portal_begin begin = { "APP-17", 2, 5, "0123456789", 20778, "AUTH-1" }; /* 2026-11-21 */
static const struct portal_issuance issuance = {
        "APP-17",
        5,
        "SC-1405-000123",
        (const uint8_t[10]){ 1, [9] = 0xFF },
        head,
        head,
        "ABCDEFGHJK",
        20778,
        1795258800,
        1795258800,
        1795258801,
        "p-1",
        "p-2",
        77,
        head,
};
static const struct portal_spoil spoil = {
        "APP-17",  5,    "SC-1405-000123", "other", "\"dropped\"\nشکست",
        "printed", true, CHIP_UNWRITTEN,   "p-1",   1795258800,
        "M-1",     head,
};
static const struct portal_spoil blank_spoil = {
        NULL, 0, "SC-1405-000124", "card_dust", "", "room", true, CHIP_UNWRITTEN, "p-1", 1795258800, NULL, NULL,
};

static const struct portal_void void_ = {
        "APP-17", "SC-1405-000123", "", CHIP_ON_WITHDRAWN_LIST, { "p-1", "p-2" }, 1795258800, "M-2", head,
};

static int encode(size_t i, struct portal_request *ret, struct error *err)
{
        switch (i) {
        case 0:
                return portal_encode_hello(&(struct portal_hello){ "golestan-1", 2, 0, head }, ret, err);
        case 1:
                return portal_encode_claim("APP-17", 2, ret, err);
        case 2:
                return portal_encode_begin(&begin, ret, err);
        case 3:
                return portal_encode_release("APP-17", 5, ret, err);
        case 4:
                return portal_encode_issuance(&issuance, ret, err);
        case 5:
                return portal_encode_spoil(&spoil, ret, err);
        case 6:
                return portal_encode_spoil(&blank_spoil, ret, err);
        case 7:
                return portal_encode_void(&void_, ret, err);
        default:
                return portal_encode_anchor(2, 77, head, ret, err);
        }
}

static const struct {
        enum portal_what what;
        const char *path, *body;
} expected[] = {
        { WHAT_HELLO, "/v1/hello", "{\"epoch\":2,\"head\":\"" HEAD "\",\"seq\":0,\"station\":\"golestan-1\"}" },
        { WHAT_CLAIM, "/v1/applications/APP-17/claim", "{\"epoch\":2}" },
        { WHAT_BEGIN, "/v1/applications/APP-17/begin",
          "{\"authorisation\":\"AUTH-1\",\"epoch\":2,\"face_code\":\"0123456789\",\"fence\":5,"
          "\"issue_date\":\"2026-11-21\"}" },
        { WHAT_RELEASE, "/v1/applications/APP-17/release", "{\"fence\":5}" },
        { WHAT_ISSUANCE, "/v1/applications/APP-17/issuance",
          "{\"audit_head\":\"" HEAD "\",\"audit_seq\":77,\"chip_id\":\"010000000000000000ff\",\"data_sha256\":\"" HEAD
          "\",\"expert\":\"p-2\",\"face_code\":\"ABCDEFGHJK\",\"fence\":5,\"issue_date\":\"2026-11-21\",\"operator\":"
          "\"p-1\",\"printed_at\":\"2026-11-21T11:00:00Z\",\"serial\":\"SC-1405-000123\",\"sod_sha256\":\"" HEAD
          "\",\"verified_at\":\"2026-11-21T11:00:01Z\",\"written_at\":\"2026-11-21T11:00:00Z\"}" },
        { WHAT_SPOIL, "/v1/spoils",
          "{\"application\":\"APP-17\",\"at\":\"2026-11-21T11:00:00Z\",\"cause\":\"other\",\"chip\":\"unwritten\","
          "\"fence\":5,\"minutes\":{\"number\":\"M-1\",\"sha256\":\"" HEAD "\"},\"operator\":\"p-1\","
          "\"registered\":true,\"serial\":\"SC-1405-000123\",\"stage\":\"printed\","
          "\"text\":\"\\\"dropped\\\"\\nشکست\"}" },
        { WHAT_SPOIL, "/v1/spoils",
          "{\"application\":null,\"at\":\"2026-11-21T11:00:00Z\",\"cause\":\"card_dust\",\"chip\":\"unwritten\","
          "\"fence\":null,\"operator\":\"p-1\",\"registered\":false,\"serial\":\"SC-1405-000124\",\"stage\":\"room\","
          "\"text\":\"\"}" },
        { WHAT_VOID, "/v1/voids",
          "{\"application\":\"APP-17\",\"at\":\"2026-11-21T11:00:00Z\",\"chip\":\"withdrawn_list\","
          "\"minutes\":{\"number\":\"M-2\",\"sha256\":\"" HEAD "\"},\"operators\":[\"p-1\",\"p-2\"],"
          "\"serial\":\"SC-1405-000123\",\"text\":\"\"}" },
        { WHAT_ANCHOR, "/v1/anchors", "{\"epoch\":2,\"head\":\"" HEAD "\",\"seq\":77}" },
};

static void test_requests(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                struct portal_request r = { 0 }, again = { 0 };
                struct error err;
                uint8_t digest[32];

                CHECK(encode(i, &r, &err) == 0 && encode(i, &again, &err) == 0);
                CHECK(strcmp(r.path, expected[i].path) == 0 && strcmp(r.body, expected[i].body) == 0);
                CHECK(r.what == expected[i].what && r.n_body == strlen(r.body) && strcmp(r.body, again.body) == 0);
                CHECK(r.method == (r.what == WHAT_ISSUANCE ? NET_PUT : NET_POST));
                CHECK(EVP_Digest(r.body, r.n_body, digest, NULL, EVP_sha256(), NULL) == 1);
                CHECK(memcmp(digest, r.sha256, sizeof digest) == 0);
                portal_request_done(&r);
                portal_request_done(&again);
        }
}

static void test_lists(void)
{
        struct portal_request r = { 0 };
        struct error err;

        CHECK(portal_encode_list(LIST_APPLICATIONS, "", 50, &r, &err) == 0 && r.method == NET_GET && !r.body);
        CHECK(strcmp(r.path, "/v1/applications?limit=50") == 0);
        CHECK(portal_encode_list(LIST_LEDGER, "c_7-", 100, &r, &err) == 0);
        CHECK(strcmp(r.path, "/v1/ledger?after=c_7-&limit=100") == 0);
        CHECK(portal_encode_list(LIST_REISSUES, "a&b", 1, &r, &err) < 0 && err.reason == REASON_BAD_REQUEST);
        CHECK(portal_encode_list(LIST_WITHDRAWN, "", 101, &r, &err) < 0);
        CHECK(portal_encode_photo(head, &r, &err) == 0 && strcmp(r.path, "/v1/photos/" HEAD) == 0);
}

/* What would be refused is never sent. */
static void test_bad_requests(void)
{
        struct portal_request r = { 0 };
        struct error err;
        struct portal_issuance i = issuance;
        struct portal_begin b = begin;
        struct portal_spoil s = spoil;

        CHECK(portal_encode_claim("app", 1, &r, &err) < 0 && err.kind == ERR_INPUT && !r.body);
        CHECK(portal_encode_claim("APP/17", 1, &r, &err) < 0 && portal_encode_claim("APP-17", 0, &r, &err) < 0);
        i.verified_at = i.written_at - 1;
        CHECK(portal_encode_issuance(&i, &r, &err) < 0);
        i = issuance, i.serial = "SC-1405-";
        CHECK(portal_encode_issuance(&i, &r, &err) < 0);
        i = issuance, i.chip_id = NULL;
        CHECK(portal_encode_issuance(&i, &r, &err) < 0);
        i = issuance, i.operator_ = "نام";
        CHECK(portal_encode_issuance(&i, &r, &err) < 0);
        b.face_code = "ABCDEFGHIJ"; /* I is not Crockford's */
        CHECK(portal_encode_begin(&b, &r, &err) < 0);
        s.text = "";
        CHECK(portal_encode_spoil(&s, &r, &err) < 0);
        s = spoil, s.cause = "bad_luck";
        CHECK(portal_encode_spoil(&s, &r, &err) < 0);
        s = spoil, s.text = "a\tb";
        CHECK(portal_encode_spoil(&s, &r, &err) < 0);
        s = spoil, s.text = "a\xFF";
        CHECK(portal_encode_spoil(&s, &r, &err) < 0);
        s = spoil, s.minutes_sha256 = NULL;
        CHECK(portal_encode_spoil(&s, &r, &err) < 0);
}

static bool applied(enum portal_what what, const char *body, struct portal_applied *ret)
{
        struct error err;
        int r = portal_decode_applied(what, text(body), ret, &err);

        CHECK(r == 0 || (err.kind == ERR_UNKNOWN && err.reason == REASON_PORTAL_NONSENSE));
        return r == 0;
}

static bool refused(enum portal_what what, const char *body)
{
        struct portal_applied a = { 0 };

        return !applied(what, body, &a) && !a.json;
}

static void test_applied(void)
{
        static const char claim[] =
                "{\"id\":\"APP-17\",\"stage\":\"claimed\",\"fence\":5,\"lease_s\":900,\"receipt\":\"a.b.c\"}";
        struct portal_applied a = { 0 };
        char cut[200];

        CHECK(applied(WHAT_CLAIM, claim, &a) && strcmp(a.application, "APP-17") == 0 && a.stage == STAGE_CLAIMED);
        CHECK(a.fence == 5 && a.lease_s == 900 && bytes_equal(a.receipt, BYTES_STR("a.b.c")));
        portal_applied_done(&a);
        for (size_t n = 0; n < strlen(claim); n++) {
                (void)snprintf(cut, sizeof cut, "%.*s", (int)n, claim);
                CHECK(refused(WHAT_CLAIM, cut));
        }
        CHECK(refused(WHAT_BEGIN, claim));
        CHECK(refused(WHAT_CLAIM,
                      "{\"id\":\"APP-17\",\"stage\":\"bound\",\"fence\":5,\"lease_s\":9,\"receipt\":\"a\"}"));
        CHECK(applied(WHAT_SPOIL,
                      "{\"application\":null,\"serial\":\"SC-1405-000124\",\"stage\":null,\"receipt\":\"a\"}", &a));
        CHECK(!a.has_stage && a.application[0] == '\0' && strcmp(a.serial, "SC-1405-000124") == 0);
        portal_applied_done(&a);
        CHECK(applied(WHAT_SPOIL,
                      "{\"application\":\"APP-17\",\"serial\":\"SC-1405-000123\",\"stage\":\"awaiting_reissue\","
                      "\"receipt\":\"a\"}",
                      &a) &&
              a.has_stage && a.stage == STAGE_AWAITING_REISSUE);
        portal_applied_done(&a);
        CHECK(applied(WHAT_ISSUANCE, "{\"id\":\"APP-17\",\"stage\":\"issued\",\"receipt\":\"a\"}", &a));
        portal_applied_done(&a);
        CHECK(refused(WHAT_ISSUANCE, "{\"id\":\"APP-17\",\"stage\":\"issued\"}"));
        CHECK(refused(WHAT_ISSUANCE, "{\"id\":\"APP-17\",\"stage\":\"issued\",\"receipt\":\"a\",\"x\":1}"));
        CHECK(applied(WHAT_RELEASE, "{\"id\":\"APP-17\",\"stage\":\"approved\",\"receipt\":\"a\"}", &a));
        portal_applied_done(&a);
        CHECK(applied(WHAT_ANCHOR, "{\"seq\":77,\"receipt\":\"a\"}", &a) && a.seq == 77);
        portal_applied_done(&a);
}

static void test_hello(void)
{
        static const char body[] =
                "{\"station\":\"golestan-1\",\"epoch\":2,\"status\":\"fenced\",\"bound\":[{\"id\":\"APP-17\",\"stage\":"
                "\"awaiting_reissue\",\"fence\":5,\"face_code\":\"ABCDEFGHJK\",\"issue_date\":\"2026-11-21\","
                "\"spoiled_serial\":\"SC-1405-000123\"},{\"id\":\"APP-18\",\"stage\":\"bound\",\"fence\":6,\"face_"
                "code\":"
                "\"ABCDEFGHJM\",\"issue_date\":\"2026-11-21\",\"spoiled_serial\":null}],\"issued\":[{\"id\":\"APP-16\","
                "\"fence\":4,\"serial\":\"SC-1405-000122\"}],\"truncated\":false,\"server_time\":\"2026-11-21T11:00:"
                "00Z\","
                "\"receipt_seq\":9,\"receipt\":\"a.b.c\"}";
        struct portal_hello_answer a = { 0 };
        struct error err;

        CHECK(portal_decode_hello(text(body), &a, &err) == 0 && a.fenced && a.epoch == 2 && a.receipt_seq == 9);
        CHECK(a.n_bound == 2 && a.bound[0].stage == STAGE_AWAITING_REISSUE && a.bound[0].issue_date == 20778);
        CHECK(strcmp(a.bound[0].spoiled_serial, "SC-1405-000123") == 0 && a.bound[1].spoiled_serial[0] == '\0');
        CHECK(a.n_issued == 1 && a.issued[0].fence == 4 && a.server_time == 1795258800);
        portal_hello_answer_done(&a);
        for (size_t n = 0; n < sizeof body - 1; n++)
                CHECK(portal_decode_hello((struct bytes){ (const uint8_t *)body, n }, &a, &err) < 0 &&
                      err.kind == ERR_UNKNOWN && !a.json);
}

static struct portal_page page;

static bool reads(enum portal_list list, const char *items)
{
        char body[4096];
        struct error err;
        int r;

        portal_page_done(&page);
        (void)snprintf(body, sizeof body, "{\"items\":[%s],\"next\":\"c9\",\"more\":true}", items);
        r = portal_decode_page(list, text(body), &page, &err);
        CHECK(r == 0 || (err.kind == ERR_RETRY && err.reason == REASON_PORTAL_NONSENSE && !page.json));
        return r == 0;
}

static void test_application_pages(void)
{
        CHECK(reads(LIST_APPLICATIONS, "") && page.n == 0 && page.more && strcmp(page.next, "c9") == 0);
        CHECK(reads(
                LIST_APPLICATIONS,
                "{\"cursor\":\"c8\",\"id\":\"APP-17\",\"stage\":\"approved\",\"held\":\"none\",\"approval\":\"a.b.c\"},"
                "{\"cursor\":\"c9\",\"id\":\"APP-18\",\"stage\":\"in_chain\",\"held\":\"none\",\"deadline\":"
                "\"2026-11-21T11:00:00Z\",\"waiting_for\":\"security\"}"));
        CHECK(page.n == 2 && bytes_equal(page.applications[0].approval, BYTES_STR("a.b.c")));
        CHECK(!page.applications[0].has_deadline && page.applications[1].has_deadline);
        CHECK(page.applications[1].waiting_for == APPROVED_BY_SECURITY && page.applications[1].approval.n == 0);
        CHECK(!reads(LIST_APPLICATIONS, "{\"cursor\":\"c8\",\"id\":\"APP-17\",\"stage\":\"approved\",\"held\":\"none\","
                                        "\"deadline\":\"2026-11-21T11:00:00Z\"}"));
        CHECK(!reads(LIST_APPLICATIONS,
                     "{\"cursor\":\"c8\",\"id\":\"APP-17\",\"stage\":\"approved\",\"held\":\"me\"}"));
        CHECK(!reads(LIST_APPLICATIONS, "1") && !reads(LIST_APPLICATIONS, "{}"));
}

static void test_other_pages(void)
{
        CHECK(reads(LIST_REISSUES, "{\"cursor\":\"c9\",\"authorisation\":\"a.b.c\"}"));
        CHECK(page.n == 1 && page.reissues[0].authorisation.n == 5);
        CHECK(reads(LIST_WITHDRAWN,
                    "{\"cursor\":\"c9\",\"kind\":\"serial\",\"application\":null,\"serial\":\"SC-1405-000123\","
                    "\"at\":\"2026-11-21T11:00:00Z\",\"statement\":\"a.b.c\"}"));
        CHECK(page.withdrawals[0].of_serial && page.withdrawals[0].statement.n == 5);
        CHECK(reads(LIST_WITHDRAWN,
                    "{\"cursor\":\"c9\",\"kind\":\"application\",\"application\":\"APP-17\",\"serial\":null,"
                    "\"at\":\"2026-11-21T11:00:00Z\",\"statement\":null}"));
        CHECK(!page.withdrawals[0].of_serial && strcmp(page.withdrawals[0].application, "APP-17") == 0);
        CHECK(!reads(LIST_WITHDRAWN, "{\"cursor\":\"c9\",\"kind\":\"serial\",\"application\":null,\"serial\":null,"
                                     "\"at\":\"2026-11-21T11:00:00Z\",\"statement\":\"a\"}"));
        CHECK(reads(LIST_LEDGER,
                    "{\"cursor\":\"c9\",\"portal_seq\":3,\"what\":\"issuance\",\"key\":\"" KEY
                    "\",\"payload_sha256\":\"" HEAD "\",\"at\":\"2026-11-21T11:00:00Z\",\"application\":\"APP-17\","
                    "\"serial\":\"SC-1405-000123\",\"fence\":5,\"authorisation\":null}"));
        CHECK(page.ledger[0].what == WHAT_ISSUANCE && page.ledger[0].fence == 5 &&
              page.ledger[0].payload_sha256[0] == 0xAB);
        CHECK(!reads(LIST_LEDGER, "{\"cursor\":\"c9\",\"portal_seq\":3}"));
        portal_page_done(&page);
}

static enum reason refusal(int status, const char *body, enum error_kind kind)
{
        struct error err;

        CHECK(portal_refusal(status, text(body), &err) < 0 && err.kind == kind && err.code == (uint32_t)status);
        CHECK(err.origin == ORIGIN_HTTP);
        return err.reason;
}

static void test_refusals(void)
{
        static const char fenced[] = "{\"error\":{\"reason\":\"fenced\",\"text\":\"x\"}}";

        CHECK(refusal(409, fenced, ERR_INPUT) == REASON_FENCED && refusal(409, "", ERR_INPUT) == REASON_PORTAL_REFUSED);
        CHECK(refusal(409, "{\"error\":{\"reason\":\"already_issued\",\"text\":\"\"}}", ERR_INPUT) ==
              REASON_ALREADY_ISSUED);
        CHECK(refusal(409, "{\"error\":{\"reason\":\"data_differs\",\"text\":\"\"}}", ERR_INPUT) ==
              REASON_PORTAL_REFUSED);
        CHECK(refusal(409, "{\"error\":{\"reason\":\"fenced\"}}", ERR_INPUT) == REASON_PORTAL_REFUSED);
        CHECK(refusal(422, "{\"error\":{\"reason\":\"key_reused\",\"text\":\"\"}}", ERR_INPUT) ==
              REASON_PORTAL_REFUSED);
        CHECK(refusal(403, "{\"error\":{\"reason\":\"not_permitted\",\"text\":\"\"}}", ERR_INPUT) ==
              REASON_NOT_PERMITTED);
        CHECK(refusal(503, fenced, ERR_RETRY) == REASON_PORTAL_DOWN &&
              refusal(429, "x", ERR_RETRY) == REASON_PORTAL_DOWN);
        CHECK(refusal(500, "", ERR_RETRY) == REASON_PORTAL_DOWN &&
              refusal(400, "", ERR_INPUT) == REASON_PORTAL_REFUSED);
}

/* A signer of one purpose under its own CA. */
struct signer {
        struct pki_party root, leaf;
        X509_STORE *ca;
        char header[8000], text[12000];
};

static const int64_t NOW = 1795258800;

static void signer_init(struct signer *s, const char *typ, const char *ou)
{
        char pem[4096];
        struct error err;
        size_t n;

        s->root = pki_make((struct pki_wish){ .cn = "CA", .from = NOW - 9, .until = NOW + 9, .ca = true }, NULL);
        s->leaf = pki_make((struct pki_wish){ .cn = "s", .ou = ou, .from = NOW - 9, .until = NOW + 9 }, &s->root);
        n = pki_pem(&s->root, pem, sizeof pem);
        CHECK(jws_ca_new((struct bytes){ (const uint8_t *)pem, n }, &s->ca, &err) == 0);
        pki_header(typ, &s->leaf, NULL, s->header, sizeof s->header);
}

static struct bytes signer_text(struct signer *s, const char *payload)
{
        pki_jws(s->leaf.key, s->header, payload, s->text);
        return text(s->text);
}

static void signer_done(struct signer *s)
{
        X509_STORE_free(s->ca);
        pki_free(&s->root);
        pki_free(&s->leaf);
}

#define RECEIPT(v, station, key, sum, what)                                                      \
        "{\"v\":" v ",\"station\":\"" station "\",\"key\":\"" key "\",\"payload_sha256\":\"" sum \
        "\",\"portal_seq\":9,"                                                                   \
        "\"at\":\"2026-11-21T11:00:00Z\",\"what\":\"" what "\"}"

static bool receipt_good(struct signer *s, const char *payload)
{
        struct receipt_wanted wanted = { .station = "golestan-1", .key = KEY, .what = WHAT_ISSUANCE };
        struct receipt r;
        struct error err;
        int got;

        memcpy(wanted.payload_sha256, head, sizeof head);
        got = receipt_open(signer_text(s, payload), s->ca, NOW, &wanted, &r, &err);
        CHECK(got == 0 ? r.portal_seq == 9 && r.at == NOW
                       : err.kind == ERR_INPUT && err.reason == REASON_RECEIPT_BROKEN);
        return got == 0;
}

static void test_receipts(void)
{
        static struct signer s;

        signer_init(&s, "mohr-receipt", "receipts");
        CHECK(receipt_good(&s, RECEIPT("1", "golestan-1", KEY, HEAD, "issuance")));
        CHECK(!receipt_good(&s, RECEIPT("2", "golestan-1", KEY, HEAD, "issuance")));
        CHECK(!receipt_good(&s, RECEIPT("1", "golestan-2", KEY, HEAD, "issuance")));
        CHECK(!receipt_good(&s, RECEIPT("1", "golestan-1", "6f1c1f6e-8f7a-4b7e-9d0a-2f3b5c6d7e8e", HEAD, "issuance")));
        CHECK(!receipt_good(&s, RECEIPT("1", "golestan-1", KEY, ZERO16 ZERO16 ZERO16 ZERO16, "issuance")));
        CHECK(!receipt_good(&s, RECEIPT("1", "golestan-1", KEY, HEAD, "spoil")));
        CHECK(!receipt_good(&s, "{\"v\":1}"));
        signer_done(&s);
}

#define REISSUE(more)                                                                                                 \
        "{\"v\":1,\"id\":\"AUTH-1\",\"application\":\"APP-17\",\"spoiled_serial\":\"SC-1405-000123\",\"granted_at\":" \
        "\"2026-11-21T11:00:00Z\"" more "}"

static void test_reissues(void)
{
        static struct signer s;
        struct reissue a;
        struct error err;
        uint8_t other[32] = { 0 };

        signer_init(&s, "mohr-reissue", "reissues");
        CHECK(reissue_open(signer_text(&s, REISSUE("")), s.ca, NOW, &a, &err) == 0 && !a.names_approval);
        CHECK(strcmp(a.id, "AUTH-1") == 0 && a.granted_at == NOW);
        CHECK(reissue_check(&a, "APP-17", "SC-1405-000123", other, &err) == 0);
        CHECK(reissue_check(&a, "APP-18", "SC-1405-000123", NULL, &err) < 0 &&
              err.reason == REASON_AUTHORISATION_BROKEN);
        CHECK(reissue_check(&a, "APP-17", "SC-1405-000124", NULL, &err) < 0);
        CHECK(reissue_open(signer_text(&s, REISSUE(",\"approval_sha256\":\"" HEAD "\"")), s.ca, NOW, &a, &err) == 0);
        CHECK(reissue_check(&a, NULL, NULL, head, &err) == 0 && reissue_check(&a, NULL, NULL, other, &err) < 0);
        CHECK(reissue_open(signer_text(&s, REISSUE(",\"x\":1")), s.ca, NOW, &a, &err) < 0);
        CHECK(err.reason == REASON_AUTHORISATION_BROKEN);
        signer_done(&s);
}

static void test_withdrawn(void)
{
        static struct signer s;
        struct withdrawn w;
        struct error err;

        signer_init(&s, "mohr-withdrawn", "withdrawn");
        CHECK(withdrawn_open(signer_text(&s, "{\"v\":1,\"serial\":\"SC-1405-000123\",\"application\":null,\"at\":"
                                             "\"2026-11-21T11:00:00Z\"}"),
                             s.ca, NOW, &w, &err) == 0);
        CHECK(strcmp(w.serial, "SC-1405-000123") == 0 && w.application[0] == '\0' && w.at == NOW);
        CHECK(withdrawn_open(signer_text(&s, "{\"v\":1}"), s.ca, NOW, &w, &err) < 0);
        signer_done(&s);
}

static void print_bodies(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
                struct portal_request r = { 0 };
                struct error err;

                CHECK(encode(i, &r, &err) == 0);
                printf("%s %s %s\n", portal_what_words[r.what], r.path, r.body);
                portal_request_done(&r);
        }
}

int main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "bodies") == 0) {
                print_bodies();
                return 0;
        }
        test_requests();
        test_lists();
        test_bad_requests();
        test_applied();
        test_hello();
        test_application_pages();
        test_other_pages();
        test_refusals();
        test_receipts();
        test_reissues();
        test_withdrawn();
        return 0;
}
