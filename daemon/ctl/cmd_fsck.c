/* fsck and audit verify: on a snapshot of the running station, on the ledger of a stopped one, or on a file. */
#include "daemon/core/fsck.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/out.h"
#include <stdio.h>
#include <string.h>

struct source {
        char path[512];
        bool temporary;
};

static void source_done(struct source *s)
{
        if (s->temporary)
                (void)unlink(s->path);
}

static int take_snapshot(struct ctl *c, struct source *ret, struct error *err)
{
        const char *folder = getenv("TMPDIR");
        int fd;

        (void)snprintf(ret->path, sizeof ret->path, "%s/mohr-fsck-XXXXXX", folder ? folder : "/tmp");
        fd = mkstemp(ret->path); /* 0600 */
        if (fd < 0)
                return err_own(err, ERR_RETRY, REASON_DISK_FULL, "no temporary file in %s", folder ? folder : "/tmp");
        ret->temporary = true;
        if (client_fetch(c, "/v1/snapshot", fd, err) < 0) {
                (void)close(fd);
                return -1;
        }
        return close(fd) == 0 ? 0 : err_own(err, ERR_RETRY, REASON_DISK_FULL, "cannot keep the snapshot");
}

static int choose(struct ctl *c, const char *ledger, struct source *ret, struct error *err)
{
        struct error down;

        if (ledger) {
                (void)snprintf(ret->path, sizeof ret->path, "%s", ledger);
                return 0;
        }
        if (take_snapshot(c, ret, &down) == 0)
                return 0;
        source_done(ret);
        *ret = (struct source){ 0 };
        *err = down;
        if (down.reason != REASON_CORE_DOWN || ctl_config(c, &down) < 0)
                return -1;
        (void)snprintf(ret->path, sizeof ret->path, "%s/ledger.db", c->config.station.state_dir);
        return 0;
}

static void collect(void *context, const struct fsck_fault *fault)
{
        (void)json_array_append_new(context, json_pack("{s:s,s:s,s:s,s:s,s:s}", "rule", fault->rule->name, "subject",
                                                       fault->subject, "detail", fault->detail, "sentence",
                                                       fault->rule->sentence, "clause", fault->rule->clause));
}

static void print_faults(const json_t *faults)
{
        static const struct column columns[] = {
                { "rule", "rule" }, { "subject", "subject" }, { "what", "detail" }, { NULL, NULL }
        };

        out_table(faults, columns, NULL);
}

static size_t count_rules(bool audit_only)
{
        size_t n = 0;

        for (size_t i = 0; i < fsck_n_rules(); i++)
                n += !audit_only || fsck_rule(i)->audit;
        return n;
}

static int report(struct ctl *c, const json_t *faults, int64_t n_faults, bool audit_only)
{
        cleanup(json_p) json_t *json =
                json_pack("{s:s,s:I,s:I,s:O}", audit_only ? "audit" : "fsck", n_faults ? "faults" : "ok", "rules",
                          (json_int_t)count_rules(audit_only), "n_faults", (json_int_t)n_faults, "faults", faults);

        if (!ctl_json(c, json)) {
                print_faults(faults);
                printf("%s: %zu rules, %lld faults\n", n_faults ? "BROKEN" : "ok", count_rules(audit_only),
                       (long long)n_faults);
                if (n_faults)
                        fprintf(stderr, "%s\nreason: fsck\n", reason_advice(REASON_FSCK));
        }
        return n_faults ? reason_exit_status(REASON_FSCK) : 0;
}

static int check(struct ctl *c, const char *ledger, bool audit_only)
{
        cleanup(source_done) struct source source = { 0 };
        cleanup(json_p) json_t *faults = json_array();
        struct error err;
        int64_t n = 0;

        if (choose(c, ledger, &source, &err) < 0 || fsck_file(source.path, audit_only, collect, faults, &n, &err) < 0)
                return ctl_fail(c, &err);
        return report(c, faults, n, audit_only);
}

static int list_rules(struct ctl *c)
{
        static const struct column columns[] = { { "rule", "rule" },
                                                 { "what must be true", "sentence" },
                                                 { NULL, NULL } };
        cleanup(json_p) json_t *rules = json_array();

        for (size_t i = 0; i < fsck_n_rules(); i++)
                (void)json_array_append_new(rules, json_pack("{s:s,s:s,s:s}", "rule", fsck_rule(i)->name, "clause",
                                                             fsck_rule(i)->clause, "sentence", fsck_rule(i)->sentence));
        if (!ctl_json(c, rules))
                out_table(rules, columns, NULL);
        return 0;
}

int cmd_fsck(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *ledger = NULL;
        bool list = false;
        const struct option_spec options[] = { { .name = "ledger", .value = &ledger },
                                               { .name = "list", .flag = &list },
                                               { 0 } };
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n > 0)
                return ctl_usage(ctl_command("fsck"));
        return list ? list_rules(c) : check(c, ledger, false);
}

int cmd_audit(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *ledger = NULL, *after = "0";
        const struct option_spec options[] = { { .name = "ledger", .value = &ledger },
                                               { .name = "after", .value = &after },
                                               { 0 } };
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n != 1 ||
            strspn(after, "0123456789") != strlen(after))
                return ctl_usage(ctl_command("audit"));
        if (strcmp(operands[0], "list") == 0)
                return cmd_audit_list(c, after);
        return strcmp(operands[0], "verify") == 0 ? check(c, ledger, true) : ctl_usage(ctl_command("audit"));
}
