/* For scenarios: reads what the portal sent, as the station does, and prints one line per item.
 *
 * read-portal applications CA < page    ID STAGE VERDICT [worksheet field ...]
 *                                       VERDICT: ok, none (no approval), or the reason word of the refusal
 * read-portal receipt CA STATION KEY SHA256 WHAT < answer of claim, begin, issuance ...     ok, or the reason word */
#include "proto/base/cleanup.h"
#include "proto/portal/answers.h"
#include "proto/portal/receipt.h"
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint8_t input[PORTAL_BODY_MAX + 1];
static X509_STORE *ca;

static struct bytes read_all(FILE *file)
{
        return (struct bytes){ input, fread(input, 1, sizeof input, file) };
}

static bool load_ca(const char *path)
{
        FILE *file = fopen(path, "r");
        struct error err;
        int r = file ? jws_ca_new(read_all(file), &ca, &err) : -1;

        if (file)
                (void)fclose(file);
        return r == 0;
}

static void print_item(const struct portal_application *item)
{
        struct approval a;
        uint8_t sha256[32];
        struct error err = { 0 };
        unsigned differ;

        printf("%s %s ", item->id, portal_stage_words[item->stage]);
        if (item->approval.n == 0) {
                printf("none\n");
                return;
        }
        if (approval_open(item->approval, ca, (int64_t)time(NULL), &a, sha256, &err) < 0 ||
            approval_check(&a, &err) < 0) {
                printf("%s\n", reason_word(err.reason));
                return;
        }
        printf("%s", strcmp(a.id, item->id) == 0 ? "ok" : "other_id");
        differ = approval_worksheet_differences(&a);
        for (unsigned i = 0; i < WORKSHEET_FIELDS; i++)
                if (differ & 1U << i)
                        printf(" %s", worksheet_field_word((enum worksheet_field)i));
        printf("\n");
}

static int applications(void)
{
        cleanup(portal_page_done) struct portal_page page = { 0 };
        struct error err;

        if (portal_decode_page(LIST_APPLICATIONS, read_all(stdin), &page, &err) < 0) {
                printf("%s: %s\n", reason_word(err.reason), err.text);
                return 1;
        }
        for (size_t i = 0; i < page.n; i++)
                print_item(&page.applications[i]);
        return 0;
}

static int receipt(char **words)
{
        cleanup(portal_applied_done) struct portal_applied answer = { 0 };
        cleanup(portal_hello_answer_done) struct portal_hello_answer hello = { 0 };
        struct receipt_wanted wanted = { .station = words[0], .key = words[1] };
        struct bytes body = read_all(stdin);
        struct receipt r;
        struct error err;
        unsigned what;
        size_t n;
        int done;

        if (!hex_decode(words[2], wanted.payload_sha256, 32, &n) ||
            !portal_word_find(portal_what_words, words[3], &what))
                return 2;
        wanted.what = (enum portal_what)what;
        if (wanted.what == WHAT_HELLO)
                done = portal_decode_hello(body, &hello, &err);
        else
                done = portal_decode_applied(wanted.what, body, &answer, &err);
        if (done == 0)
                done = receipt_open(wanted.what == WHAT_HELLO ? hello.receipt : answer.receipt, ca, (int64_t)time(NULL),
                                    &wanted, &r, &err);
        printf("%s\n", done == 0 ? "ok" : reason_word(err.reason));
        return 0;
}

int main(int argc, char **argv)
{
        int r = 2;

        if (argc < 3 || !load_ca(argv[2])) {
                (void)fprintf(stderr, "usage: read-portal applications CA | receipt CA STATION KEY SHA256 WHAT\n");
                return 2;
        }
        if (argc == 3 && strcmp(argv[1], "applications") == 0)
                r = applications();
        else if (argc == 7 && strcmp(argv[1], "receipt") == 0)
                r = receipt(argv + 3);
        X509_STORE_free(ca);
        return r;
}
