/* verify: anyone checks a card offline with the CA's certificate alone (DESIGN 7). */
#include "daemon/ctl/child.h"
#include "daemon/ctl/out.h"
#include "daemon/ctl/withdrawn_list.h"
#include "proto/ipc/chip.h"
#include "proto/qr.h"
#include "proto/text/jalali.h"
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

struct ask {
        const char *reader, *line, *ca, *photo, *qr, *signer, *wait, *withdrawn, *portal_ca;
        bool listed; /* the withdrawn list could be looked at */
        char env[300];
};

/* What was not given comes from the configuration. */
static int complete(struct ctl *c, struct ask *a, struct error *err)
{
        const struct config_line *line;

        if (a->reader && a->ca)
                return 0;
        if (ctl_config(c, err) < 0)
                return -1;
        line = a->line ? config_line_by_name(&c->config, a->line) : &c->config.lines[0];
        if (!line)
                return err_input(err, REASON_NOT_FOUND, "no line %s", a->line);
        a->reader = a->reader ? a->reader : line->reader;
        a->ca = a->ca ? a->ca : c->config.chip.ca;
        if (line->pcsc_socket[0])
                (void)snprintf(a->env, sizeof a->env, "PCSCLITE_CSOCK_NAME=%s", line->pcsc_socket);
        return 0;
}

/* The caller's own PC/SC socket, e.g. of a private pcscd, goes to the worker too. */
static void take_environment(struct ask *a)
{
        const char *socket = getenv("PCSCLITE_CSOCK_NAME");

        if (socket && !a->env[0])
                (void)snprintf(a->env, sizeof a->env, "PCSCLITE_CSOCK_NAME=%s", socket);
}

static int wait_s(const struct ask *a)
{
        int s = a->wait ? atoi(a->wait) : 30;

        return s < 0 ? 0 : s > 3600 ? 3600 : s;
}

static void tell_step(const char *step)
{
        if (isatty(STDERR_FILENO) == 1 && strcmp(step, "no_card") == 0)
                fputs("\rInsert the card into the chip reader ...", stderr);
}

static int read_card(struct ctl *c, const struct ask *a, const char *pem, struct child_answer *ret, struct error *err)
{
        static const char default_aid[] = "F04952534B494C4C0100";
        struct chip_task task = { .wait_ms = wait_s(a) * 1000, .ca_pem = pem };
        const char *argv[] = { NULL, "--reader", a->reader, NULL };
        const char *env[] = { a->env[0] ? a->env : NULL, NULL };
        char program[512];
        int r;

        child_program(c, "mohr-chip", program, sizeof program);
        argv[0] = program;
        (void)hex_decode(c->config_loaded ? c->config.chip.aid : default_aid, task.aid, sizeof task.aid, &task.n_aid);
        if (c->config_loaded)
                (void)hex_decode(c->config.chip.isd_aid, task.isd_aid, sizeof task.isd_aid, &task.n_isd_aid);
        r = child_ask(argv, env, "read", chip_task_encode(&task), (wait_s(a) + 60) * 1000, tell_step, ret, err);
        if (isatty(STDERR_FILENO) == 1)
                fputs("\r\033[K", stderr);
        return r;
}

static int save_photo(const struct child_answer *a, const char *file, struct error *err)
{
        cleanup(close_p) int fd = -1;

        for (size_t i = 0; i < a->n_parts; i++) {
                if (strcmp(a->parts[i].name, "photo") != 0)
                        continue;
                fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                if (fd < 0 || write(fd, a->parts[i].p, a->parts[i].n) != (ssize_t)a->parts[i].n)
                        return err_input(err, REASON_BAD_REQUEST, "cannot write %s", file);
                return 0;
        }
        return err_own(err, ERR_CARD, REASON_VERIFY_FAILED, "the chip gave no photo");
}

/* The print says "approved", the chip says "issued": both must mean the same card. */
static int compare_qr(const struct chip_content *content, const char *text, struct error *err)
{
        struct qr_statement print;
        uint8_t signature[QR_SIGNATURE_SIZE];

        if (!qr_parse(text, &print, signature))
                return err_input(err, REASON_BAD_REQUEST, "this is no QR text of a certificate card");
        if (!content->has_token || strcmp(print.face_code, content->face_code) != 0)
                return err_own(err, ERR_CARD, REASON_FACE_MISMATCH, "the print has face %s, the chip %s",
                               print.face_code, content->has_token ? content->face_code : "none");
        if (memcmp(print.data_sha256, content->data_sha256, QR_HASH_SIZE) != 0)
                return err_own(err, ERR_CARD, REASON_FACE_MISMATCH, "print and chip stand for different data");
        return 0;
}

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(BIO *, BIO_free)

/* The signature of the print, by the document signer's certificate, which must be the one that signed the chip. */
static int check_qr_signature(const struct chip_content *content, const struct ask *a, struct error *err)
{
        cleanup(BIO_free_p) BIO *file = BIO_new_file(a->signer, "r");
        cleanup(X509_free_p) X509 *cert = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
        cleanup(EVP_PKEY_free_p) EVP_PKEY *key = cert ? X509_get_pubkey(cert) : NULL;
        struct qr_statement print;
        uint8_t digest[32];
        unsigned n = 0;

        if (!key)
                return err_input(err, REASON_BAD_REQUEST, "%s is no certificate", a->signer);
        if (X509_digest(cert, EVP_sha256(), digest, &n) != 1 ||
            memcmp(digest, content->signer_sha256, sizeof digest) != 0)
                return err_own(err, ERR_CARD, REASON_FACE_MISMATCH, "another signer signed the chip");
        if (!qr_verify(a->qr, key, &print))
                return err_own(err, ERR_CARD, REASON_VERIFY_FAILED, "the signature of the QR is wrong");
        return 0;
}

static int check_qr(const struct chip_content *content, const struct ask *a, struct error *err)
{
        if (!a->qr)
                return a->signer ? err_input(err, REASON_BAD_REQUEST, "--signer goes with --qr") : 0;
        if (compare_qr(content, a->qr, err) < 0)
                return -1;
        return a->signer ? check_qr_signature(content, a, err) : 0;
}

/* Jalali first, as on the card. */
static void out_date(const char *label, const char *iso)
{
        char local[DATE_TEXT_MAX], text[2 * DATE_TEXT_MAX + 4];
        int32_t day;

        if (!date_parse(iso, &day) || !jalali_format(day, local)) {
                out_field(label, iso);
                return;
        }
        (void)snprintf(text, sizeof text, "%s (%s)", local, iso);
        out_field(label, text);
}

static void print_entry(const struct lds_entry *e)
{
        putchar('\n');
        out_field("شماره گواهینامه", e->number);
        out_field("عنوان مهارت", e->title_fa);
        out_field("skill", e->title_en);
        out_field("کد استاندارد", e->code);
        out_field("درجه", e->grade_fa);
        out_field("مرکز یا آموزشگاه", e->centre_fa);
        out_date("تاریخ صدور", e->issue_date);
        out_date("تاریخ اعتبار", e->valid_until);
}

static void print_content(const struct chip_content *content, const struct ask *a)
{
        const struct lds_record *r = &content->record;

        out_mark(true, "chip", "signed under this CA, unaltered, and bound to this chip");
        if (a->qr)
                out_mark(true, "print",
                         a->signer ? "the QR on the face is genuine and stands for the same card and data"
                                   : "the QR on the face stands for the same card and data");
        out_mark(a->listed, "list",
                 a->listed ? "the serial is not on the withdrawn list" : "the withdrawn list was not looked at");
        putchar('\n');
        out_field("نام", r->holder.given_fa);
        out_field("نام خانوادگی", r->holder.family_fa);
        out_field("name", r->holder.given_en);
        out_field("family name", r->holder.family_en);
        out_field("کد ملی", r->holder.national_id);
        out_date("تاریخ تولد", r->holder.birth_date);
        out_field("شماره سریال", r->serial);
        out_field("صادرکننده", r->document.authority_fa);
        for (unsigned i = 0; i < r->n_entries; i++)
                print_entry(&r->entries[i]);
}

static int judge(const struct chip_content *content, struct error *err)
{
        if (content->complete && content->verified)
                return 0;
        if (content->app == CHIP_APP_LOCKED)
                return err_own(err, ERR_CARD, REASON_CHIP_LOCKED, "this card was made unverifiable");
        if (!content->complete)
                return err_own(err, ERR_CARD, REASON_NOT_ISSUED, "the chip holds no whole certificate (%s)",
                               content->why);
        return err_own(err, ERR_CARD, REASON_VERIFY_FAILED, "the chip's content does not verify: %s", content->why);
}

/* A chip that could not be locked still verifies: the list alone tells. Without a list at hand the card is judged by
 * its chip, unless one was named. */
static int check_list(struct ctl *c, struct ask *a, const struct chip_content *content, struct error *err)
{
        struct error why;
        int64_t at = 0;
        int r = withdrawn_list_has(c, a->withdrawn, a->portal_ca, content->record.serial, &at, &why);

        if (r > 0)
                return err_own(err, ERR_CARD, REASON_CARD_WITHDRAWN, "serial %s is on the withdrawn list",
                               content->record.serial);
        if (r < 0 && a->withdrawn) {
                *err = why;
                return -1;
        }
        a->listed = r == 0;
        return 0;
}

static int verify(struct ctl *c, struct ask *a, struct child_answer *answer, struct error *err)
{
        struct chip_content content;
        char pem[CHILD_PEM_MAX];

        if (complete(c, a, err) < 0 || child_read_pem(a->ca, pem, err) < 0)
                return -1;
        take_environment(a);
        if (read_card(c, a, pem, answer, err) < 0 || chip_content_decode(answer->args, &content, err) < 0 ||
            judge(&content, err) < 0 || check_list(c, a, &content, err) < 0 || check_qr(&content, a, err) < 0 ||
            (a->photo && save_photo(answer, a->photo, err) < 0))
                return -1;
        (void)json_object_set_new(answer->args, "withdrawn_list_checked", json_boolean(a->listed));
        if (!ctl_json(c, answer->args))
                print_content(&content, a);
        return 0;
}

int cmd_verify(struct ctl *c, int argc, char **argv)
{
        cleanup(child_answer_done) struct child_answer answer = { 0 };
        const char *operands[CTL_ARGS_MAX];
        struct ask a = { 0 };
        const struct option_spec options[] = { { .name = "reader", .value = &a.reader },
                                               { .name = "line", .value = &a.line },
                                               { .name = "ca", .value = &a.ca },
                                               { .name = "photo", .value = &a.photo },
                                               { .name = "qr", .value = &a.qr },
                                               { .name = "signer", .value = &a.signer },
                                               { .name = "wait", .value = &a.wait },
                                               { .name = "withdrawn", .value = &a.withdrawn },
                                               { .name = "portal-ca", .value = &a.portal_ca },
                                               { 0 } };
        struct error err;
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n > 0)
                return ctl_usage(ctl_command("verify"));
        return verify(c, &a, &answer, &err) < 0 ? ctl_fail(c, &err) : 0;
}
