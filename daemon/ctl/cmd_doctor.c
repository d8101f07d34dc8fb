/* doctor: every part the station needs, looked at one by one; each problem with the way to mend it. It changes nothing:
 * the queue is asked by `mohr-print check`, the reader is waited on for a card that need not come. */
#include "daemon/ctl/child.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/out.h"
#include "proto/ipc/chip.h"
#include "proto/ipc/print.h"
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>

enum { FREE_MIN_MIB = 200, TASK_MS = 15000 };

struct doctor {
        struct ctl *ctl;
        json_t *findings;
        int status; /* exit status of the first problem */
};

__attribute__((format(printf, 4, 5))) static void good(struct doctor *d, const char *part, const char *mend,
                                                       const char *format, ...)
{
        char text[400];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        (void)json_array_append_new(d->findings,
                                    json_pack("{s:s,s:b,s:s,s:s}", "part", part, "ok", 1, "text", text, "mend", mend));
        if (d->ctl->json)
                return;
        out_mark(true, part, text);
        if (mend[0])
                printf("%*s%s\n", 28, "", mend);
}

__attribute__((format(printf, 5, 6))) static void bad(struct doctor *d, const char *part, enum reason reason,
                                                      const char *mend, const char *format, ...)
{
        char text[400];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        (void)json_array_append_new(d->findings, json_pack("{s:s,s:b,s:s,s:s,s:s}", "part", part, "ok", 0, "text", text,
                                                           "mend", mend, "reason", reason_word(reason)));
        if (d->status == 0)
                d->status = reason_exit_status(reason);
        if (d->ctl->json)
                return;
        out_mark(false, part, text);
        printf("%*s%s\n", 28, "", mend);
}

static void bad_error(struct doctor *d, const char *part, const char *mend, const struct error *err)
{
        bad(d, part, err->reason, mend ? mend : reason_advice(err->reason), "%s", err->text);
}

/* ---- configuration, ledger, clock -----------------------------------------------------------------------------------
 */

static bool check_config(struct doctor *d)
{
        struct error err;

        if (ctl_config(d->ctl, &err) < 0) {
                bad_error(d, "configuration", "Correct the file there; mohrd --check-config tells every fault.", &err);
                return false;
        }
        good(d, "configuration", "", "%s: %zu lines, %zu people", d->ctl->config_file, d->ctl->config.n_lines,
             d->ctl->config.n_persons);
        if (d->ctl->config.station.laboratory)
                good(d, "configuration", "Set laboratory = no on a station that issues real cards.",
                     "LABORATORY: well-known test keys are allowed");
        return true;
}

static void check_file(struct doctor *d, const char *part, const char *path)
{
        if (access(path, R_OK) == 0)
                good(d, part, "", "%s", path);
        else
                bad(d, part, REASON_BAD_CONFIG, "Put the certificate there, readable, or name it in the configuration.",
                    "%s: %s", path, strerror(errno));
}

static void check_ledger(struct doctor *d)
{
        const char *folder = d->ctl->config.station.state_dir;
        char path[512];
        struct statvfs fs;
        struct stat st;

        (void)snprintf(path, sizeof path, "%s/ledger.db", folder);
        if (statvfs(folder, &fs) < 0) {
                bad(d, "ledger", REASON_LEDGER, "Create it with the packaged tmpfiles rules, or correct state_dir.",
                    "%s: %s", folder, strerror(errno));
                return;
        }
        if (fs.f_bavail * (fs.f_frsize >> 10) < FREE_MIN_MIB * 1024UL)
                bad(d, "disk", REASON_DISK_FULL, "Free space on the ledger's file system.",
                    "less than %d MiB left at %s", FREE_MIN_MIB, folder);
        else
                good(d, "disk", "", "%lu MiB left at %s", (unsigned long)(fs.f_bavail * (fs.f_frsize >> 10) >> 10),
                     folder);
        if (stat(folder, &st) == 0 && (st.st_mode & 077) != 0)
                bad(d, "ledger", REASON_LEDGER, "chmod 0700 it: the ledger holds personal data.", "%s has mode %04o",
                    folder, st.st_mode & 07777);
        else if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
                bad(d, "ledger", REASON_LEDGER, "chmod 0600 it: the ledger holds personal data.", "%s has mode %04o",
                    path, st.st_mode & 07777);
        else
                good(d, "ledger", "", "%s, for the station's user alone", path);
}

static void check_clock(struct doctor *d, const json_t *status)
{
        const char *floor = d->ctl->config.station.clock_floor;
        int64_t synced = json_integer_value(json_object_get(json_object_get(status, "portal"), "synced_at"));
        struct timex t = { 0 };
        time_t now = time(NULL);
        char today[16];
        struct tm tm;

        (void)gmtime_r(&now, &tm);
        (void)strftime(today, sizeof today, "%Y-%m-%d", &tm);
        if (strcmp(today, floor) < 0 || now < synced / 1000)
                bad(d, "clock", REASON_CLOCK_WRONG, "Set the clock (timedatectl); nothing prints before.",
                    "it shows %s UTC, earlier than what is known to be past", today);
        else if (adjtimex(&t) == TIME_ERROR)
                good(d, "clock", "Turn on time synchronisation: timedatectl set-ntp true.",
                     "%s UTC; not synchronised, keep an eye on it", today);
        else
                good(d, "clock", "", "%s UTC, synchronised", today);
}

/* ---- the station and its services
 * ------------------------------------------------------------------------------------ */

static const json_t *worker(const json_t *status, const char *name)
{
        const json_t *w;
        size_t i;

        json_array_foreach(json_object_get(status, "workers"), i, w)
        {
                const char *its = json_string_value(json_object_get(w, "name"));

                if (its && strcmp(its, name) == 0)
                        return w;
        }
        return NULL;
}

static void check_service(struct doctor *d, const json_t *status, const char *name, enum reason down)
{
        const char *state = json_string_value(json_object_get(worker(status, name), "state"));
        char mend[160];

        (void)snprintf(mend, sizeof mend, "Start it: systemctl status %s; then journalctl -u %s.", name, name);
        if (!state || strcmp(state, "down") == 0 || strcmp(state, "stopped") == 0)
                bad(d, name, down, mend, "the station cannot reach it");
        else
                good(d, name, "", "%s", state);
}

static void check_portal(struct doctor *d, const json_t *status)
{
        const json_t *portal = json_object_get(status, "portal");
        const json_t *e = json_object_get(portal, "error");
        const char *text = json_string_value(json_object_get(e, "text"));
        const char *word = json_string_value(json_object_get(e, "reason"));
        enum reason reason = REASON_PORTAL_DOWN;

        if (json_is_true(json_object_get(portal, "fenced"))) {
                bad(d, "portal", REASON_FENCED, reason_advice(REASON_FENCED), "this station is fenced");
        } else if (json_is_true(json_object_get(portal, "up"))) {
                good(d, "portal", "", "up; %lld calls wait",
                     (long long)json_integer_value(json_object_get(portal, "pending")));
        } else {
                if (word)
                        (void)reason_parse(word, &reason);
                bad(d, "portal", reason, reason_advice(reason), "%s", text ? text : "not reached yet");
        }
}

static void check_open_matters(struct doctor *d, const json_t *status)
{
        const json_t *counts = json_object_get(status, "counts"), *line;
        long long unknown = json_integer_value(json_object_get(counts, "unknown"));
        size_t i;

        if (unknown > 0)
                bad(d, "unknown", REASON_UNKNOWN_OPEN, reason_advice(REASON_UNKNOWN_OPEN), "%lld outcomes are unknown",
                    unknown);
        json_array_foreach(json_object_get(status, "lines"), i, line)
        {
                const json_t *held = json_object_get(line, "held");

                if (json_is_object(held))
                        bad(d, json_string_value(json_object_get(line, "line")), REASON_LINE_HELD,
                            "Settle it (mohr sort, mohr spoil), then mohr resume.", "held: %s since serial %s",
                            json_string_value(json_object_get(held, "held")),
                            json_string_value(json_object_get(held, "serial"))
                                    ? json_string_value(json_object_get(held, "serial"))
                                    : "-");
        }
}

static json_t *check_core(struct doctor *d)
{
        json_t *status = NULL;
        struct error err;

        if (client_call(d->ctl, "GET", "/v1/status", NULL, &status, &err) < 0) {
                bad_error(d, "station", "Start it: systemctl start mohrd; then journalctl -u mohrd.", &err);
                return NULL;
        }
        good(d, "station", "", "%s answers", json_string_value(json_object_get(status, "station")));
        check_service(d, status, "mohr-net", REASON_PORTAL_DOWN);
        check_portal(d, status);
        check_service(d, status, "mohr-key", REASON_KEY_DOWN);
        check_open_matters(d, status);
        return status;
}

/* ---- a line
 * ---------------------------------------------------------------------------------------------------------- */

static void check_gate(struct doctor *d, const struct config_line *line)
{
        static const char mend[] = "install -d -o mohr -g lp -m 2770 it: the CUPS backends' group must write there.";
        struct stat st;
        struct group *group;

        if (stat(line->gate_dir, &st) < 0) {
                bad(d, "print gate", REASON_QUEUE_WRONG, mend, "%s: %s", line->gate_dir, strerror(errno));
                return;
        }
        group = getgrgid(st.st_gid);
        if (!S_ISDIR(st.st_mode) || (st.st_mode & 07777) != 02770)
                bad(d, "print gate", REASON_QUEUE_WRONG, mend, "%s has mode %04o, not 2770", line->gate_dir,
                    st.st_mode & 07777);
        else
                good(d, "print gate", "", "%s, mode 2770, group %s", line->gate_dir, group ? group->gr_name : "?");
}

static void judge_queue(struct doctor *d, const char *part, const struct print_check *check)
{
        for (size_t i = 0; i < check->n_problems; i++)
                bad(d, part, REASON_QUEUE_WRONG, reason_advice(REASON_QUEUE_WRONG), "%s", check->problems[i]);
        for (size_t i = 0; i < check->n_reasons; i++)
                bad(d, part, check->reasons[i], reason_advice(check->reasons[i]), "queue %s: %s", check->queue,
                    reason_word(check->reasons[i]));
        if (check->n_problems + check->n_reasons == 0)
                good(d, part, "", "queue %s, %s, behind the gate: %s", check->queue, check->state, check->device_uri);
}

static void check_queue(struct doctor *d, const struct config_line *line, const char *part)
{
        const char *argv[] = { NULL, "--queue", line->queue, "--gate", line->gate_dir, NULL };
        char program[512], variable[200];
        const char *env[] = { line->cups_server[0] ? variable : NULL, NULL };
        cleanup(child_answer_done) struct child_answer answer = { 0 };
        struct print_check check;
        struct error err;

        child_program(d->ctl, "mohr-print", program, sizeof program);
        argv[0] = program;
        (void)snprintf(variable, sizeof variable, "CUPS_SERVER=%s", line->cups_server);
        if (child_ask(argv, env, "check", NULL, TASK_MS, NULL, &answer, &err) < 0 ||
            print_check_decode(answer.args, &check, &err) < 0)
                bad_error(d, part, "Start the print service (systemctl status cups) and check the queue's name.", &err);
        else
                judge_queue(d, part, &check);
}

static void judge_reader(struct doctor *d, const struct config_line *line, const char *part, const struct error *err)
{
        if (err->reason == REASON_NO_CARD || err->kind == ERR_CARD)
                good(d, part, "", "%s", line->reader);
        else
                bad_error(d, part, "Check its cable and name (opensc-tool -l), and pcscd (systemctl status pcscd).",
                          err);
}

/* Waits a moment for a card: "no card" is the answer of a reader that works. */
static void check_reader(struct doctor *d, const struct config_line *line, const char *part, const char *pem)
{
        const char *argv[] = { NULL, "--reader", line->reader, NULL };
        char program[512], variable[200];
        const char *env[] = { line->pcsc_socket[0] ? variable : NULL, NULL };
        struct chip_task task = { .wait_ms = 1, .ca_pem = pem };
        cleanup(child_answer_done) struct child_answer answer = { 0 };
        struct error err;

        child_program(d->ctl, "mohr-chip", program, sizeof program);
        argv[0] = program;
        (void)snprintf(variable, sizeof variable, "PCSCLITE_CSOCK_NAME=%s", line->pcsc_socket);
        (void)hex_decode(d->ctl->config.chip.aid, task.aid, sizeof task.aid, &task.n_aid);
        if (child_ask(argv, env, "read", chip_task_encode(&task), TASK_MS, NULL, &answer, &err) < 0)
                judge_reader(d, line, part, &err);
        else
                good(d, part, "", "%s; a card is in it", line->reader);
}

static const json_t *line_status(const json_t *status, const char *name)
{
        const json_t *line;
        size_t i;

        json_array_foreach(json_object_get(status, "lines"), i,
                           line) if (strcmp(json_string_value(json_object_get(line, "line")), name) == 0) return line;
        return NULL;
}

static void check_line(struct doctor *d, const struct config_line *line, const json_t *status)
{
        const json_t *now = line_status(status, line->name);
        char printer[64], reader[64], pem[CHILD_PEM_MAX];
        struct error err;

        (void)snprintf(printer, sizeof printer, "printer of %s", line->name);
        (void)snprintf(reader, sizeof reader, "reader of %s", line->name);
        check_gate(d, line);
        check_queue(d, line, printer);
        if (json_is_object(json_object_get(now, "chipping")))
                good(d, reader, "", "%s, at work", line->reader);
        else if (child_read_pem(d->ctl->config.chip.ca, pem, &err) < 0)
                bad_error(d, reader, NULL, &err);
        else
                check_reader(d, line, reader, pem);
}

int cmd_doctor(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX];
        cleanup(json_p) json_t *status = NULL, *findings = json_array(), *json = NULL;
        struct doctor d = { .ctl = c, .findings = findings };
        size_t n;

        if (args_take(c, argc, argv, NULL, operands, &n) < 0 || n > 0)
                return ctl_usage(ctl_command("doctor"));
        if (check_config(&d)) {
                check_file(&d, "portal's CA", c->config.portal.ca);
                check_file(&d, "chip's CA", c->config.chip.ca);
                check_ledger(&d);
        }
        status = check_core(&d);
        if (c->config_loaded) {
                check_clock(&d, status);
                for (size_t i = 0; i < c->config.n_lines; i++)
                        check_line(&d, &c->config.lines[i], status);
        }
        json = json_pack("{s:b,s:O}", "ok", d.status == 0, "findings", findings);
        (void)ctl_json(c, json);
        return d.status;
}
