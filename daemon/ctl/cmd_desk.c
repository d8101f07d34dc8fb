/* The desk: outcomes that nobody knows, and cases; what is known, what to ask, and the command that answers. */
#include "daemon/ctl/client.h"
#include "daemon/ctl/out.h"
#include <stdio.h>
#include <string.h>

static const char not_given[] = "not given";

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

static const char *time_of(const json_t *object, const char *key, char ret[24])
{
        out_time(json_integer_value(json_object_get(object, key)), ret);
        return ret[0] ? ret : not_given;
}

/* The value as text, or that nobody gave it. */
static const char *value_of(const json_t *object, const char *key, char *buffer, size_t max)
{
        const char *text = out_text(json_object_get(object, key), buffer, max);

        return text[0] ? text : not_given;
}

static void print_count(const char *one, const char *many, size_t n, const char *none)
{
        if (n == 0)
                puts(none);
        else
                printf("%zu %s\n\n", n, n == 1 ? one : many);
}

/* ---- evidence -----------------------------------------------------------------------------------------------------
 */

static void join(const json_t *list, char *ret, size_t max)
{
        const json_t *item;
        size_t i, n = 0;

        ret[0] = '\0';
        json_array_foreach(list, i, item)
        {
                if (n < max)
                        n += (size_t)snprintf(ret + n, max - n, "%s%s", i ? ", " : "", json_string_value(item));
        }
}

static void print_job(const json_t *evidence)
{
        const json_t *job = json_object_get(evidence, "job");
        char text[400], reasons[200], a[24], b[24], c[24], n[32];

        if (!json_is_object(job)) {
                out_field("CUPS job",
                          json_is_false(json_object_get(evidence, "cups")) ? "cupsd did not answer" : "none");
                return;
        }
        join(json_object_get(job, "reasons"), reasons, sizeof reasons);
        (void)snprintf(text, sizeof text, "%lld %s (%s)", (long long)json_integer_value(json_object_get(job, "id")),
                       text_of(job, "state"), reasons[0] ? reasons : "reasons not given");
        out_field("CUPS job", text);
        out_field_of(job, "  uuid", "uuid");
        (void)snprintf(text, sizeof text, "made %s, begun %s, ended %s", time_of(job, "created_at", a),
                       time_of(job, "processing_at", b), time_of(job, "completed_at", c));
        out_field("  times", text);
        out_field("  impressions", value_of(job, "impressions", n, sizeof n));
}

static void print_print(const json_t *evidence)
{
        const json_t *printer = json_object_get(evidence, "printer");
        const char *gate = text_of(evidence, "gate"), *verdict = text_of(evidence, "verdict");
        char text[120], a[32], b[32];

        out_field("print gate", gate[0] ? gate : "not asked yet");
        print_job(evidence);
        (void)snprintf(text, sizeof text, "before: %s, after: %s", value_of(printer, "counter_before", a, sizeof a),
                       value_of(printer, "counter_after", b, sizeof b));
        out_field("card counter", text);
        out_field("verdict", verdict[0] ? verdict : "not asked yet");
}

static void print_chip(const json_t *evidence)
{
        const json_t *bound = json_object_get(evidence, "bound"), *read = json_object_get(evidence, "read");
        bool good = json_is_true(json_object_get(read, "verified"));
        char text[200];

        out_field_of(bound, "chip", "chip_id");
        out_field_of(bound, "  written", "sod_sha256");
        out_field_of(bound, "  parked", "parked");
        if (!json_is_object(read)) {
                out_field("read back", "not yet: insert the card");
                return;
        }
        (void)snprintf(text, sizeof text, "%s, %s%s%s", text_of(read, "app"),
                       good ? "verified" : "not verified: ", good ? "" : text_of(read, "why"),
                       json_is_true(json_object_get(read, "as_written")) ? "" : "; not what was to be written");
        out_field("read back", text);
        out_field_of(read, "  found", "sod_sha256");
}

static void print_calls(const json_t *calls)
{
        const json_t *call;
        size_t i;

        json_array_foreach(calls, i, call)
        {
                char text[400], at[24];

                (void)snprintf(text, sizeof text, "%s %s %s%s%s", time_of(call, "at", at), text_of(call, "kind"),
                               text_of(call, "state"), text_of(call, "says")[0] ? ": " : "", text_of(call, "says"));
                out_field(i == 0 ? "portal" : "", text);
        }
        if (json_array_size(calls) == 0)
                out_field("portal", "was told nothing about it");
}

static void print_asked(const json_t *list, const char *key)
{
        const json_t *ask;
        size_t i;

        json_array_foreach(list, i, ask)
        {
                char text[300], at[24];

                (void)snprintf(text, sizeof text, "%s by %s (%s) at %s; a second person of another office must agree",
                               text_of(ask, key), text_of(ask, "by"), text_of(ask, "office"), time_of(ask, "at", at));
                out_field("ASKED", text);
        }
}

static void print_item(const json_t *item)
{
        const json_t *evidence = json_object_get(item, "evidence"), *q;
        char title[200], at[24];
        size_t i;

        (void)snprintf(title, sizeof title, "%s of card %s, line %s", text_of(item, "kind"), text_of(item, "serial"),
                       text_of(item, "line"));
        out_title(title);
        out_field_of(item, "intent", "intent");
        out_field_of(item, "application", "application");
        out_field("since", time_of(item, "since", at));
        out_field_of(item, "last step", "step");
        out_field("looked at", time_of(evidence, "probed_at", at));
        if (strcmp(text_of(item, "kind"), "print") == 0)
                print_print(evidence);
        else
                print_chip(evidence);
        print_calls(json_object_get(evidence, "portal"));
        print_asked(json_object_get(item, "asked"), "answer");
        json_array_foreach(json_object_get(item, "questions"), i, q)
                printf("\n  %zu. %s\n     Needs %s; %s.\n     %s\n", i + 1, text_of(q, "text"), text_of(q, "needs"),
                       strcmp(text_of(q, "people"), "one") == 0 ? "one person" : "two people of two offices",
                       text_of(q, "command"));
        putchar('\n');
}

/* ---- unknown ------------------------------------------------------------------------------------------------------
 */

/* Leaves the items whose intent begins with the prefix; one object with the list. New reference. */
static json_t *chosen(const json_t *answer, const char *prefix)
{
        json_t *list = json_array(), *item;
        size_t i;

        json_array_foreach(json_object_get(answer, "unknown"), i, item)
        {
                if (strncmp(text_of(item, "intent"), prefix, strlen(prefix)) == 0)
                        (void)json_array_append(list, item);
        }
        return json_pack("{s:o}", "unknown", list);
}

static int show_unknown(struct ctl *c, const char *prefix)
{
        cleanup(json_p) json_t *answer = NULL, *shown = NULL;
        const json_t *list, *item;
        struct error err;
        size_t i;

        if (client_call(c, "GET", "/v1/unknown", NULL, &answer, &err) < 0)
                return ctl_fail(c, &err);
        shown = chosen(answer, prefix);
        list = json_object_get(shown, "unknown");
        if (prefix[0] && json_array_size(list) == 0) {
                (void)err_input(&err, REASON_NOT_FOUND, "no unknown outcome %s", prefix);
                return ctl_fail(c, &err);
        }
        if (ctl_json(c, shown))
                return 0;
        print_count("outcome is unknown.", "outcomes are unknown.", json_array_size(list), "Nothing is unknown.");
        json_array_foreach(list, i, item) print_item(item);
        return 0;
}

int cmd_unknown(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *serial = NULL;
        const struct option_spec options[] = { { .name = "serial", .value = &serial }, { 0 } };
        char path[128];
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0)
                return ctl_usage(ctl_command("unknown"));
        if (n == 0 || (n == 1 && strcmp(operands[0], "list") == 0))
                return show_unknown(c, "");
        if (n == 1 && strcmp(operands[0], "decide") != 0)
                return show_unknown(c, operands[0]);
        if (n != 3 || strcmp(operands[0], "decide") != 0)
                return ctl_usage(ctl_command("unknown"));
        client_path(path, sizeof path, "/v1/unknown/", operands[1], "");
        return ctl_post_second(c, path, json_pack("{s:s,s:s*}", "answer", operands[2], "serial", serial), "Decided.");
}

/* ---- cases --------------------------------------------------------------------------------------------------------
 */

static void print_findings(const json_t *findings)
{
        const json_t *f;
        size_t i;

        json_array_foreach(findings, i, f)
        {
                if (json_is_true(json_object_get(f, "possible")))
                        printf("\n  %s\n     %s\n", text_of(f, "says"), text_of(f, "command"));
                else
                        printf("\n  (%s: not now, %s)\n", text_of(f, "finding"), text_of(f, "lacks"));
        }
}

static void print_case(const json_t *row)
{
        bool is_open = json_is_null(json_object_get(row, "closed_at"));
        char title[120], text[200], at[24];

        (void)snprintf(title, sizeof title, "case %lld: %s%s",
                       (long long)json_integer_value(json_object_get(row, "case")), text_of(row, "kind"),
                       is_open ? "" : ", closed");
        out_title(title);
        out_field_of(row, "card", "serial");
        out_field_of(row, "is now", "state");
        out_field_of(row, "application", "application");
        out_field_of(row, "intent", "intent");
        out_field("since", time_of(row, "opened_at", at));
        out_field_of(row, "what", "text");
        if (is_open) {
                print_asked(json_object_get(row, "asked"), "finding");
                print_findings(json_object_get(row, "findings"));
        } else {
                (void)snprintf(text, sizeof text, "%s, by %s and %s at %s", text_of(row, "finding"),
                               text_of(row, "first"), text_of(row, "second"), time_of(row, "closed_at", at));
                out_field("finding", text);
                out_field_of(row, "remark", "finding_text");
        }
        putchar('\n');
}

int cmd_cases(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX];
        bool all = false;
        const struct option_spec options[] = { { .name = "all", .flag = &all }, { 0 } };
        cleanup(json_p) json_t *answer = NULL;
        const json_t *list, *row;
        struct error err;
        size_t i, n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n > 0)
                return ctl_usage(ctl_command("cases"));
        if (client_call(c, "GET", all ? "/v1/cases?all=1" : "/v1/cases", NULL, &answer, &err) < 0)
                return ctl_fail(c, &err);
        if (ctl_json(c, answer))
                return 0;
        list = json_object_get(answer, "cases");
        print_count(all ? "case." : "open case.", all ? "cases." : "open cases.", json_array_size(list),
                    all ? "There was never a case." : "No case is open.");
        json_array_foreach(list, i, row) print_case(row);
        return 0;
}

int cmd_case(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *text = NULL;
        const struct option_spec options[] = { { .name = "text", .value = &text }, { 0 } };
        char path[128];
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n != 3 || strcmp(operands[0], "close") != 0)
                return ctl_usage(ctl_command("case"));
        client_path(path, sizeof path, "/v1/cases/", operands[1], "/close");
        return ctl_post_second(c, path, json_pack("{s:s,s:s*}", "finding", operands[2], "text", text),
                               "The case is closed.");
}
