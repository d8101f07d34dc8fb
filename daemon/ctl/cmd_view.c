/* Commands that only look. */
#include "daemon/core/ledger/machine.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/out.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

/* ---- status -------------------------------------------------------------------------------------------------------
 */

static void print_portal(const json_t *portal)
{
        char at[24], text[160];
        bool up = json_is_true(json_object_get(portal, "up"));

        out_time(json_integer_value(json_object_get(portal, "synced_at")), at);
        (void)snprintf(text, sizeof text, "%s%s; %lld calls wait; last round %s", up ? "up" : "down",
                       json_is_true(json_object_get(portal, "fenced")) ? ", FENCED" : "",
                       (long long)json_integer_value(json_object_get(portal, "pending")), at[0] ? at : "never");
        out_field("portal", text);
        out_field_of(json_object_get(portal, "error"), "portal says", "text");
}

static void print_act(const char *label, const json_t *act)
{
        char text[200];

        if (!json_is_object(act))
                return;
        (void)snprintf(text, sizeof text, "%s %s", text_of(act, "step"),
                       text_of(act, "serial")[0] ? text_of(act, "serial") : text_of(act, "application"));
        out_field(label, text);
}

static void print_outcome(const char *label, const json_t *outcome)
{
        const json_t *e = json_object_get(outcome, "error");
        char text[400], at[24];

        if (!json_is_object(outcome))
                return;
        out_time(json_integer_value(json_object_get(outcome, "at")), at);
        (void)snprintf(text, sizeof text, "%s %s %s%s%s", at, text_of(outcome, "serial"),
                       json_is_true(json_object_get(outcome, "ok")) ? "good" : "failed: ", text_of(e, "text"), "");
        out_field(label, text);
}

static void print_line(const json_t *line)
{
        static const struct column columns[] = {
                { "serial", "serial" }, { "state", "state" }, { "application", "application" }, { NULL, NULL }
        };
        const json_t *held = json_object_get(line, "held");
        char text[160];

        putchar('\n');
        (void)snprintf(text, sizeof text, "line %s", text_of(line, "line"));
        out_title(text);
        if (json_is_object(held)) {
                (void)snprintf(text, sizeof text, "%s, since serial %s", text_of(held, "held"),
                               text_of(held, "serial"));
                out_field("HELD", text);
        }
        (void)snprintf(text, sizeof text, "%lld blanks, next %s",
                       (long long)json_integer_value(json_object_get(line, "hopper")),
                       text_of(line, "next")[0] ? text_of(line, "next") : "-");
        out_field("hopper", text);
        print_act("printing", json_object_get(line, "printing"));
        print_act("chip", json_object_get(line, "chipping"));
        print_outcome("last print", json_object_get(line, "printed"));
        print_outcome("last chip", json_object_get(line, "chipped"));
        out_field_of(line, "to confirm", "shown");
        out_table(json_object_get(line, "in_work"), columns, NULL);
}

static void print_counts(const char *label, const json_t *counts)
{
        char text[512] = "";
        const json_t *row;
        size_t i;

        json_array_foreach(counts, i, row)
        {
                size_t n = strlen(text);

                (void)snprintf(text + n, sizeof text - n, "%s%lld %s", i ? ", " : "",
                               (long long)json_integer_value(json_object_get(row, "count")), text_of(row, "state"));
        }
        out_field(label, text);
}

static void print_status(const json_t *status)
{
        static const struct column columns[] = {
                { "worker", "name" },       { "line", "line" },     { "state", "state" }, { "pid", "pid" },
                { "restarts", "restarts" }, { "queued", "queued" }, { NULL, NULL }
        };
        const json_t *counts = json_object_get(status, "counts"), *line;
        size_t i;

        out_field_of(status, "station", "station");
        print_portal(json_object_get(status, "portal"));
        out_field_of(status, "audit rows", "audit_seq");
        print_counts("applications", json_object_get(counts, "applications"));
        print_counts("blanks", json_object_get(counts, "blanks"));
        if (json_integer_value(json_object_get(counts, "unknown")) > 0)
                out_field_of(counts, "UNKNOWN", "unknown");
        if (json_integer_value(json_object_get(counts, "cases")) > 0)
                out_field_of(counts, "open cases", "cases");
        json_array_foreach(json_object_get(status, "lines"), i, line) print_line(line);
        putchar('\n');
        out_table(json_object_get(status, "workers"), columns, NULL);
}

/* GET and print: what most looking commands are. */
static int get(struct ctl *c, const char *path, void (*print)(const json_t *json))
{
        cleanup(json_p) json_t *json = NULL;
        struct error err;

        if (client_call(c, "GET", path, NULL, &json, &err) < 0)
                return ctl_fail(c, &err);
        if (!ctl_json(c, json))
                print(json);
        return 0;
}

int cmd_status(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX];
        size_t n;

        if (args_take(c, argc, argv, NULL, operands, &n) < 0 || n > 0)
                return ctl_usage(ctl_command("status"));
        return get(c, "/v1/status", print_status);
}

/* ---- queue --------------------------------------------------------------------------------------------------------
 */

static void print_queue(const json_t *json)
{
        static const struct column columns[] = {
                { "application", "application" }, { "state", "state" }, { "kind", "kind" }, { "worksheet", "matched" },
                { "waits for", "waits" },         { "name", "name" },   { NULL, NULL }
        };
        json_t *row;
        size_t i;

        json_array_foreach(json_object_get(json, "applications"), i, row)
        {
                const char *refusal = text_of(row, "refusal"), *waits = text_of(row, "waiting_for");
                bool matched = json_is_integer(json_object_get(row, "worksheet_at"));

                (void)json_object_set_new(row, "matched", json_string(matched ? "matched" : ""));
                (void)json_object_set_new(row, "waits", json_string(refusal[0] ? refusal : waits));
        }
        out_table(json_object_get(json, "applications"), columns, "Nobody waits.");
}

int cmd_queue(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *limit = "200";
        const struct option_spec options[] = { { .name = "limit", .value = &limit }, { 0 } };
        char path[64];
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n > 0 ||
            strspn(limit, "0123456789") != strlen(limit))
                return ctl_usage(ctl_command("queue"));
        (void)snprintf(path, sizeof path, "/v1/queue?limit=%.10s", limit);
        return get(c, path, print_queue);
}

/* ---- show ---------------------------------------------------------------------------------------------------------
 */

static void print_certificate(const json_t *d)
{
        static const char *const rows[][2] = {
                { "certificate", "number" },      { "given name", "given_fa" }, { "family name", "family_fa" },
                { "father", "father_fa" },        { "in English", "given_en" }, { "", "family_en" },
                { "national ID", "national_id" }, { "skill", "skill_fa" },      { "", "skill_en" },
                { "standard", "skill_code" },     { "grade", "grade_fa" },      { "centre", "centre_fa" },
                { "province", "province_fa" }
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                out_field_of(d, rows[i][0], rows[i][1]);
        out_field_of(json_object_get(d, "birth_date"), "born", "jalali");
}

static void print_application(const json_t *a)
{
        static const struct column cards[] = {
                { "attempt", "attempt" }, { "face", "face_code" }, { "serial", "serial" }, { "state", "state" },
                { "cause", "cause" },     { "chip", "chip_fate" }, { NULL, NULL }
        };
        static const struct column chain[] = {
                { "confirmed by", "role" }, { "who", "by" }, { "at", "at" }, { NULL, NULL }
        };
        const json_t *sheet = json_object_get(a, "worksheet"), *difference;
        size_t i;

        out_field_of(a, "application", "application");
        out_field_of(a, "state", "state");
        out_field_of(a, "refused", "refusal");
        out_field_of(a, "waits for", "waiting_for");
        out_field_of(a, "kind", "kind");
        out_field_of(json_object_get(a, "problem"), "problem", "text");
        print_certificate(json_object_get(a, "certificate"));
        out_field_of(sheet, "worksheet", "number");
        out_field_of(a, "matched by", "worksheet_by");
        json_array_foreach(json_object_get(sheet, "differences"), i, difference)
                out_field("DIFFERS", json_string_value(difference));
        out_table(json_object_get(a, "confirmations"), chain, NULL);
        out_table(json_object_get(a, "cards"), cards, NULL);
}

static void print_blank(const json_t *b)
{
        static const char *const keys[] = { "serial",    "state",      "line",        "application",
                                            "face_code", "chip_id",    "sod_sha256",  "cause",
                                            "chip_fate", "registered", "accepted_by", "confirmed_by" };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                out_field_of(b, keys[i], keys[i]);
}

static int save(struct ctl *c, const char *path, const char *file, struct error *err)
{
        cleanup(close_p) int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0)
                return err_input(err, REASON_BAD_REQUEST, "cannot write %s", file);
        return client_fetch(c, path, fd, err);
}

static int show_application(struct ctl *c, const char *id, const json_t *json, const char *photo, struct error *err)
{
        char path[128];

        client_path(path, sizeof path, "/v1/applications/", id, "/photo");
        if (photo && save(c, path, photo, err) < 0)
                return ctl_fail(c, err);
        if (!ctl_json(c, json))
                print_application(json);
        return 0;
}

int cmd_show(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *photo = NULL;
        const struct option_spec options[] = { { .name = "photo", .value = &photo }, { 0 } };
        cleanup(json_p) json_t *json = NULL;
        struct error err, first;
        char path[128];
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n != 1)
                return ctl_usage(ctl_command("show"));
        client_path(path, sizeof path, "/v1/applications/", operands[0], "");
        if (client_call(c, "GET", path, NULL, &json, &first) == 0)
                return show_application(c, operands[0], json, photo, &err);
        client_path(path, sizeof path, "/v1/blanks/", operands[0], "");
        if (first.reason == REASON_CORE_DOWN || client_call(c, "GET", path, NULL, &json, &err) < 0)
                return ctl_fail(c, &first);
        if (!ctl_json(c, json))
                print_blank(json);
        return 0;
}

/* ---- audit list
 * ------------------------------------------------------------------------------------------------------
 */

static void print_audit(const json_t *json)
{
        static const struct column columns[] = { { "row", "seq" },         { "actor", "actor" },
                                                 { "event", "event" },     { "entity", "entity" },
                                                 { "subject", "subject" }, { "from", "from_state" },
                                                 { "to", "to_state" },     { NULL, NULL } };

        out_table(json_object_get(json, "rows"), columns, "No more rows.");
}

int cmd_audit_list(struct ctl *c, const char *after)
{
        char path[64];

        (void)snprintf(path, sizeof path, "/v1/audit?after=%.20s", after);
        return get(c, path, print_audit);
}

/* ---- states --------------------------------------------------------------------------------------------------------
 */

static json_t *own_states(void)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n_transitions; i++)
                (void)json_array_append_new(
                        list, json_pack("{s:s,s:s,s:s,s:s}", "entity", entity_name(transitions[i].entity), "from",
                                        transitions[i].from, "event", transitions[i].event, "to", transitions[i].to));
        return json_pack("{s:o}", "transitions", list);
}

static void print_dot(const json_t *transitions_json)
{
        const char *entity = "";
        const json_t *t;
        size_t i;

        puts("digraph mohr {\n  rankdir=LR;");
        json_array_foreach(transitions_json, i, t)
        {
                if (strcmp(entity, text_of(t, "entity")) != 0) {
                        printf("%s  subgraph cluster_%s {\n    label=\"%s\";\n", entity[0] ? "  }\n" : "",
                               text_of(t, "entity"), text_of(t, "entity"));
                        entity = text_of(t, "entity");
                }
                printf("    \"%s %s\" -> \"%s %s\" [label=\"%s\"];\n", entity, text_of(t, "from"), entity,
                       text_of(t, "to"), text_of(t, "event"));
        }
        puts(entity[0] ? "  }\n}" : "}");
}

/* The running station's table; without one, this program's, which is the same of one release. */
int cmd_states(struct ctl *c, int argc, char **argv)
{
        static const struct column columns[] = {
                { "entity", "entity" }, { "from", "from" }, { "event", "event" }, { "to", "to" }, { NULL, NULL }
        };
        const char *operands[CTL_ARGS_MAX];
        bool dot = false;
        const struct option_spec options[] = { { .name = "dot", .flag = &dot }, { 0 } };
        cleanup(json_p) json_t *json = NULL;
        struct error err;
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n > 0)
                return ctl_usage(ctl_command("states"));
        if (client_call(c, "GET", "/v1/states", NULL, &json, &err) < 0)
                json = own_states();
        if (dot)
                print_dot(json_object_get(json, "transitions"));
        else if (!ctl_json(c, json))
                out_table(json_object_get(json, "transitions"), columns, NULL);
        return 0;
}
