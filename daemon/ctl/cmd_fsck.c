/* fsck and audit verify: on a snapshot of the running station, on the ledger of a stopped one, or on a file; with the
 * portal's own ledger when asked. */
#include "daemon/core/fsck/fsck.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/out.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PORTAL_PATH_MAX = 128 };

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
                return err_set(err, ERR_RETRY, ORIGIN_OS, (uint32_t)errno,
                               errno == ENOSPC ? REASON_DISK_FULL : REASON_INTERNAL, "no temporary file in %s: %s",
                               folder ? folder : "/tmp", strerror(errno));
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

/* ---- the portal ----------------------------------------------------------------------------------------------------
 * Asked before the snapshot is made: so the snapshot knows of every effect that the portal tells. */

struct portal {
        json_t *items;
        struct fsck_portal asked;
};

static void portal_done(struct portal *p)
{
        json_decref(p->items);
}

/* Adds the page after the cursor, which moves on. *ret_more: there are further ones. */
static int ask_page(struct ctl *c, json_t *items, char *after, size_t max, bool *ret_more, struct error *err)
{
        cleanup(json_p) json_t *page = NULL;
        char path[PORTAL_PATH_MAX];
        const char *next;

        (void)snprintf(path, sizeof path, "/v1/portal/ledger%s%s", after[0] ? "?after=" : "", after);
        if (client_call(c, "GET", path, NULL, &page, err) < 0)
                return -1;
        (void)json_array_extend(items, json_object_get(page, "items"));
        next = json_string_value(json_object_get(page, "next"));
        *ret_more = json_is_true(json_object_get(page, "more")) && next && strcmp(next, after) != 0;
        (void)snprintf(after, max, "%s", next ? next : "");
        return 0;
}

static int ask_portal(struct ctl *c, struct portal *ret, struct error *err)
{
        cleanup(json_p) json_t *status = NULL;
        char after[65] = "";
        bool more = true;

        if (client_call(c, "GET", "/v1/status", NULL, &status, err) < 0)
                return -1;
        ret->items = json_array();
        ret->asked = (struct fsck_portal){ .items = ret->items,
                                           .audit_seq = json_integer_value(json_object_get(status, "audit_seq")) };
        while (more)
                if (ask_page(c, ret->items, after, sizeof after, &more, err) < 0)
                        return -1;
        return 0;
}

static void say_portal(const struct fsck_portal *asked)
{
        if (asked->n_pending)
                printf("portal: not quiescent: %lld calls pending\n", (long long)asked->n_pending);
        else
                printf("portal: compared with its ledger, %zu effects\n", json_array_size(asked->items));
}

static json_t *portal_json(const struct fsck_portal *asked)
{
        return asked ? json_pack("{s:b,s:I,s:I}", "compared", asked->n_pending == 0, "pending",
                                 (json_int_t)asked->n_pending, "effects", (json_int_t)json_array_size(asked->items))
                     : NULL;
}

/* ---- the rules --------------------------------------------------------------------------------------------------- */

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

static size_t count_rules(bool audit_only, const struct fsck_portal *asked)
{
        size_t n = 0;

        for (size_t i = 0; i < fsck_n_rules(); i++) {
                const struct fsck_rule *rule = fsck_rule(i);

                n += audit_only ? rule->audit : !rule->portal || (asked && asked->n_pending == 0);
        }
        return n;
}

static enum reason verdict(int64_t n_faults, const struct fsck_portal *asked)
{
        if (n_faults)
                return REASON_FSCK;
        return asked && asked->n_pending ? REASON_NOT_QUIESCENT : REASON_NONE;
}

static int report(struct ctl *c, const json_t *faults, int64_t n_faults, bool audit_only,
                  const struct fsck_portal *asked)
{
        size_t n_rules = count_rules(audit_only, asked);
        enum reason reason = verdict(n_faults, asked);
        cleanup(json_p) json_t *json = json_pack("{s:s,s:I,s:I,s:O,s:o*}", audit_only ? "audit" : "fsck",
                                                 n_faults ? "faults" : "ok", "rules", (json_int_t)n_rules, "n_faults",
                                                 (json_int_t)n_faults, "faults", faults, "portal", portal_json(asked));

        if (!ctl_json(c, json)) {
                print_faults(faults);
                if (asked)
                        say_portal(asked);
                printf("%s: %zu rules, %lld faults\n", n_faults ? "BROKEN" : "ok", n_rules, (long long)n_faults);
                if (reason != REASON_NONE)
                        fprintf(stderr, "%s\nreason: %s\n", reason_advice(reason), reason_word(reason));
        }
        return reason_exit_status(reason);
}

static int check(struct ctl *c, const char *ledger, bool audit_only)
{
        cleanup(source_done) struct source source = { 0 };
        cleanup(json_p) json_t *faults = json_array();
        struct error err;
        int64_t n = 0;

        if (choose(c, ledger, &source, &err) < 0 || fsck_file(source.path, audit_only, collect, faults, &n, &err) < 0)
                return ctl_fail(c, &err);
        return report(c, faults, n, audit_only, NULL);
}

static int check_with_portal(struct ctl *c)
{
        cleanup(portal_done) struct portal portal = { 0 };
        cleanup(source_done) struct source source = { 0 };
        cleanup(json_p) json_t *faults = json_array();
        struct error err;
        int64_t n = 0;

        if (ask_portal(c, &portal, &err) < 0 || take_snapshot(c, &source, &err) < 0 ||
            fsck_file_portal(source.path, &portal.asked, collect, faults, &n, &err) < 0)
                return ctl_fail(c, &err);
        return report(c, faults, n, false, &portal.asked);
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
        bool list = false, portal = false;
        const struct option_spec options[] = { { .name = "ledger", .value = &ledger },
                                               { .name = "list", .flag = &list },
                                               { .name = "portal", .flag = &portal },
                                               { 0 } };
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n > 0 || (portal && (ledger || list)))
                return ctl_usage(ctl_command("fsck"));
        if (portal)
                return check_with_portal(c);
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
