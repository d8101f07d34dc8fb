/* The rig's workers in one program, told apart by their name. Each asks the script (DIR/script, station-script.h) what
 * to do at each of its steps: "die" by SIGKILL, "hang", "wait" while the script says so, fail with a kind's name
 * ("retry", "operator", "card", "unknown", "input", "bug") and perhaps a reason, "nonsense", or nothing: go on. What
 * they do to the world stands in DIR/effects, the card in the reader in DIR/chip ("FACE" it holds, or "locked"). */
#define _GNU_SOURCE
#include "daemon/work/service.h"
#include "proto/base/cleanup.h"
#include "proto/ipc/chip.h"
#include "proto/ipc/key.h"
#include "proto/ipc/print.h"
#include "proto/ipc/render.h"
#include "tests/unit/station-script.h"
#include <openssl/evp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define RUN(name)                                                                                         \
        static int name(struct worker *w, const json_t *args, int blob, json_t **ret_args, int *ret_blob, \
                        struct error *err)
#define UNUSED (void)w, (void)args, (void)blob, (void)ret_args, (void)ret_blob

static const char *dir;

static bool says(const char *who, const char *name, const char *word)
{
        return strcmp(script_action(dir, who, name), word) == 0;
}

static int step(const char *who, const char *name, struct error *err)
{
        char word[40] = "", reason[40] = "internal";
        enum reason why = REASON_INTERNAL;
        enum error_kind kind;

        if (sscanf(script_action(dir, who, name), "%39s %39s", word, reason) < 1)
                return 0;
        if (strcmp(word, "die") == 0)
                (void)raise(SIGKILL);
        while (strcmp(word, "hang") == 0)
                (void)pause();
        while (says(who, name, "wait"))
                (void)usleep(10000);
        (void)reason_parse(reason, &why);
        if (!error_kind_parse(word, &kind))
                return 0;
        return err_own(err, kind, why, "as the script says at %s", name);
}

/* ---- mohr-print -------------------------------------------------------------------------------------------------- */

RUN(print_check)
{
        struct print_check c = { .queue = "cards",
                                 .device_uri = "mohr-once:fake",
                                 .error_policy = "abort-job",
                                 .state = "idle",
                                 .behind_gate = true,
                                 .accepting = true,
                                 .gate_writable = true };

        UNUSED;
        if (step("print", "check", err) < 0)
                return -1;
        *ret_args = says("print", "check", "nonsense") ? json_pack("{s:i}", "x", 1) : print_check_encode(&c);
        return 0;
}

RUN(print_print)
{
        struct print_submitted submitted = { 7, "urn:uuid:00000000-0000-4000-8000-000000000000", -1 };
        struct print_done done = { 7, PRINT_JOB_COMPLETED, -1 };
        struct print_ask ask;
        char word[60];

        UNUSED;
        if (print_ask_decode(args, &ask, err) < 0 || step("print", "start", err) < 0 ||
            worker_checkpoint(w, "submitted", print_submitted_encode(&submitted), -1, NULL, NULL, err) < 0 ||
            step("print", "released", err) < 0)
                return -1;
        (void)snprintf(word, sizeof word, "print %s", ask.intent);
        script_effect(dir, word);
        script_effect(dir, "print");
        if (step("print", "printed", err) < 0)
                return -1;
        *ret_args = says("print", "printed", "nonsense") ? json_pack("{s:i}", "x", 1) : print_done_encode(&done);
        return 0;
}

static bool has_effect(const char *word)
{
        char path[160], line[200];
        bool found = false;
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/effects", dir);
        f = fopen(path, "r");
        while (f && fgets(line, sizeof line, f)) {
                line[strcspn(line, "\n")] = '\0';
                found |= strcmp(line, word) == 0;
        }
        if (f)
                (void)fclose(f);
        return found;
}

RUN(print_probe)
{
        struct print_evidence e = { .verdict = PRINT_NOT_STARTED, .cups = true, .counter = -1 };
        struct print_probe ask;
        char word[60];

        UNUSED;
        if (print_probe_decode(args, &ask, err) < 0 || step("print", "probe", err) < 0)
                return -1;
        (void)snprintf(word, sizeof word, "print %s", ask.intent);
        if (has_effect(word))
                e = (struct print_evidence){ .job = PRINT_JOB_COMPLETED,
                                             .job_id = 7,
                                             .gate.phase = GATE_DONE,
                                             .verdict = PRINT_PRINTED,
                                             .cups = true,
                                             .facts.impressions = -1,
                                             .counter = -1 };
        if (says("print", "verdict", "unknown"))
                e = (struct print_evidence){ .gate.phase = GATE_CONSUMED,
                                             .verdict = PRINT_UNKNOWN,
                                             .cups = !says("print", "cups", "silent"),
                                             .counter = -1 };
        *ret_args = print_evidence_encode(&e);
        return 0;
}

/* ---- mohr-render ------------------------------------------------------------------------------------------------- */

RUN(render_card)
{
        struct render_done done = { 20, { 1 } };

        UNUSED;
        if (step("render", "card", err) < 0 || worker_part(w, "pdf", BYTES_STR("%PDF-1.7"), err) < 0)
                return -1;
        *ret_args = says("render", "card", "nonsense") ? NULL : render_done_encode(&done);
        return 0;
}

/* ---- mohr-key: the script it wraps is the face code, the security object its hash ----------------------------------
 */

static char face[11];
static enum key_purpose purpose;

static void sod_of(const char *content, uint8_t ret[32])
{
        (void)EVP_Digest(content, strlen(content), ret, NULL, EVP_sha256(), NULL);
}

RUN(key_qr)
{
        struct key_statement s = { .qr = "MOHR1:TEST" };

        UNUSED;
        if (step("key", "qr", err) < 0)
                return -1;
        *ret_args = key_statement_encode(&s);
        return 0;
}

RUN(key_challenge)
{
        struct key_challenged c = { .session = "00112233445566778899aabbccddeeff",
                                    .apdu = { 0x80, 0x50, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0 },
                                    .n = 14 };
        struct key_challenge ask;

        UNUSED;
        if (step("key", "challenge", err) < 0 || key_challenge_decode(args, &ask, err) < 0)
                return -1;
        purpose = ask.purpose;
        (void)snprintf(face, sizeof face, "%s", purpose == KEY_LOCK ? "locked" : ask.subject.face_code);
        *ret_args = says("key", "challenge", "nonsense") ? json_object() : key_challenged_encode(&c);
        return 0;
}

RUN(key_open)
{
        struct key_opened o = { { 0x84, 0x82, 0x33, 0, 1, 9 }, 6 };

        UNUSED;
        if (step("key", "open", err) < 0)
                return -1;
        *ret_args = says("key", "open", "nonsense") ? json_object() : key_opened_encode(&o);
        return 0;
}

RUN(key_wrap)
{
        struct key_wrapped k = { .n_apdus = 1, .personalised = purpose == KEY_PERSONALISE };

        UNUSED;
        if (step("key", "wrap", err) < 0)
                return -1;
        sod_of(face, k.sod_sha256);
        *ret_args = key_wrapped_encode(&k);
        *ret_blob = says("key", "wrap", "nonsense")
                            ? -1
                            : blob_new(((struct bytes){ (const uint8_t *)face, strlen(face) }), err);
        return 0;
}

RUN(key_check)
{
        UNUSED;
        if (step("key", "check", err) < 0)
                return -1;
        *ret_args = key_checked_encode();
        return 0;
}

/* ---- mohr-chip --------------------------------------------------------------------------------------------------- */

static void read_chip(char ret[40])
{
        char path[160];
        FILE *f;

        ret[0] = '\0';
        (void)snprintf(path, sizeof path, "%s/chip", dir);
        f = fopen(path, "r");
        if (f && !fgets(ret, 40, f))
                ret[0] = '\0';
        if (f)
                (void)fclose(f);
}

static void write_chip(const char *text, size_t n)
{
        char path[160], word[60];
        FILE *f;

        (void)snprintf(path, sizeof path, "%s/chip", dir);
        f = fopen(path, "w");
        if (f) {
                (void)fwrite(text, 1, n, f);
                (void)fclose(f);
        }
        (void)snprintf(word, sizeof word, "script %.*s", (int)n, text);
        script_effect(dir, word);
        script_effect(dir, "script");
}

/* "chip serial SERIAL": the card with this serial is in the reader; without it the rig's one card. */
static const char *serial_in_reader(void)
{
        const char *serial = script_action(dir, "chip", "serial");

        return serial[0] ? serial : "SC-1405-000101";
}

static void chip_id(uint8_t ret[GP_CHIP_ID_SIZE])
{
        const char *serial = script_action(dir, "chip", "serial"), *hex;
        uint8_t digest[32];
        unsigned n = 1;

        if (serial[0]) {
                sod_of(serial, digest);
                memcpy(ret, digest, GP_CHIP_ID_SIZE);
                return;
        }
        hex = script_action(dir, "chip", "id");
        (void)sscanf(hex, "%u", &n);
        memset(ret, (int)n, GP_CHIP_ID_SIZE);
}

static enum chip_app app(void)
{
        char now[40];

        read_chip(now);
        if (says("chip", "app", "absent"))
                return CHIP_APP_ABSENT;
        return !now[0] ? CHIP_APP_BLANK : strcmp(now, "locked") == 0 ? CHIP_APP_LOCKED : CHIP_APP_PERSONALISED;
}

static int point(struct worker *w, const char *name, json_t *args, int blob, int *ret_blob, struct error *err)
{
        if (says("chip", name, "nonsense")) {
                json_decref(args);
                args = json_pack("{s:i}", "x", 1);
        }
        if (says("chip", name, "stray"))
                name = "written";
        return worker_checkpoint(w, name, args, blob, NULL, ret_blob, err) < 0 || step("chip", name, err) < 0 ? -1 : 0;
}

static int send_script(int blob, struct error *err)
{
        cleanup(blob_unmap) struct bytes script = { 0 };

        if (step("chip", "script", err) < 0 || blob_map(blob, &script, err) < 0)
                return -1;
        write_chip((const char *)script.p, script.n);
        return step("chip", "sent", err);
}

static int session(struct worker *w, struct error *err)
{
        struct chip_identity id = { .atr = { 0x3B, 0x80 }, .n_atr = 2, .scp = 3, .i = 0x70, .max_command = 255 };
        struct chip_answer ok = { { 0x90, 0 }, 2 };
        struct chip_written written = { 1, 5 };
        cleanup(close_p) int script = -1, answers = -1;

        if (step("chip", "identify", err) < 0)
                return -1;
        chip_id(id.chip_id);
        id.app = app();
        if (point(w, "identified", chip_identity_encode(&id), -1, NULL, err) < 0 ||
            point(w, "challenged", chip_answer_encode(&ok), -1, NULL, err) < 0 ||
            point(w, "opened", chip_answer_encode(&ok), -1, &script, err) < 0 || send_script(script, err) < 0)
                return -1;
        answers = blob_new((struct bytes){ (const uint8_t *)"\0\2\x90\0", 4 }, err);
        return point(w, "written", chip_written_encode(&written), answers, NULL, err);
}

static json_t *content(void)
{
        static struct chip_content c;
        char now[40];

        read_chip(now);
        c = (struct chip_content){ .app = app(), .why = "blank" };
        chip_id(c.chip_id);
        if (c.app == CHIP_APP_PERSONALISED) {
                c.complete = c.verified = c.has_sod = c.has_token = true;
                (void)strcpy(c.why, "verified");
                (void)snprintf(c.face_code, sizeof c.face_code, "%.10s", now);
                (void)snprintf(c.record.serial, sizeof c.record.serial, "%s", serial_in_reader());
                sod_of(now, c.sod_sha256);
        }
        return chip_content_encode(&c);
}

RUN(chip_write)
{
        UNUSED;
        if (session(w, err) < 0 || step("chip", "readback", err) < 0)
                return -1;
        *ret_args = says("chip", "readback", "nonsense") ? json_object() : content();
        return 0;
}

RUN(chip_read)
{
        UNUSED;
        if (step("chip", "read", err) < 0)
                return -1;
        *ret_args = content();
        return 0;
}

/* A card is inserted when the script says "chip inserted WORD"; another word is another card. */
RUN(chip_watch)
{
        struct chip_task task;
        char before[40] = "";

        UNUSED;
        if (chip_task_decode(args, true, &task, err) < 0)
                return -1;
        if (task.fresh)
                (void)snprintf(before, sizeof before, "%.39s", script_action(dir, "chip", "inserted"));
        while (script_action(dir, "chip", "inserted")[0] == '\0' ||
               strcmp(script_action(dir, "chip", "inserted"), before) == 0)
                (void)usleep(5000);
        script_effect(dir, "watched");
        worker_progress(w, "identify", 0, 1);
        if (step("chip", "watch", err) < 0)
                return -1;
        *ret_args = content();
        return 0;
}

RUN(chip_lock)
{
        struct chip_locked l = { .unverifiable = true };

        UNUSED;
        chip_id(l.chip_id);
        if (app() != CHIP_APP_ABSENT && app() != CHIP_APP_LOCKED && session(w, err) < 0)
                return -1;
        *ret_args = chip_locked_encode(&l);
        return 0;
}

/* -------------------------------------------------------------------------------------------------------------------
 */

static const struct worker_task print_tasks[] = {
        { "check", print_check }, { "print", print_print }, { "probe", print_probe }, { NULL, NULL }
};
static const struct worker_task render_tasks[] = { { "card", render_card }, { NULL, NULL } };
static const struct worker_task chip_tasks[] = {
        { "write", chip_write }, { "read", chip_read }, { "watch", chip_watch }, { "lock", chip_lock }, { NULL, NULL }
};
static const struct worker_task key_tasks[] = {
        { "qr", key_qr },     { "challenge", key_challenge }, { "open", key_open },
        { "wrap", key_wrap }, { "check", key_check },         { NULL, NULL },
};

/* Each verb in a process of its own child: a service that dies is there again at once, as systemd does it. */
static int serve_key(void)
{
        char path[160];
        struct error err;

        (void)snprintf(path, sizeof path, "%s/key.sock", dir);
        for (;;) {
                pid_t pid = fork();

                if (pid == 0) {
                        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                        if (service_setup(&err) == 0)
                                (void)service_run(path, getuid(), "mohr-key", key_tasks, NULL, &err);
                        _exit(1);
                }
                (void)waitpid(pid, NULL, 0);
        }
}

static const char *option(char **argv, const char *name)
{
        for (; *argv; argv++)
                if (strcmp(*argv, name) == 0)
                        return argv[1];
        return NULL;
}

int main(int argc, char **argv)
{
        const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
        struct error err;

        (void)argc;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (strcmp(name, "mohr-key") == 0) {
                dir = option(argv, "--dir");
                return serve_key();
        }
        if (worker_child_setup(&err) < 0)
                return 1;
        if (strcmp(name, "mohr-print") == 0) {
                dir = option(argv, "--gate");
                return worker_run(WORKER_FD, name, print_tasks, NULL, &err) < 0;
        }
        if (strcmp(name, "mohr-render") == 0) {
                dir = option(argv, "--layouts");
                return worker_run(WORKER_FD, name, render_tasks, NULL, &err) < 0;
        }
        dir = getenv("PCSCLITE_CSOCK_NAME");
        return worker_run(WORKER_FD, name, chip_tasks, NULL, &err) < 0;
}
