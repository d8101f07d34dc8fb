/* Missing and found cards, voids, and the way of a card to headquarters. */
#include "daemon/core/ledger/audit.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/follow.h"
#include <stdio.h>
#include <string.h>

int cmd_missing(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX];
        char path[128];
        size_t n;

        if (args_take(c, argc, argv, NULL, operands, &n) < 0 || n != 1)
                return ctl_usage(ctl_command("missing"));
        client_path(path, sizeof path, "/v1/blanks/", operands[0], "/missing");
        return ctl_post_second(c, path, json_object(), "Missing; a case is open: mohr cases.");
}

static void say_found(const json_t *answer)
{
        const char *found = json_string_value(json_object_get(answer, "found"));

        if (!found)
                puts(ctl_second_needed);
        else if (strcmp(found, "found") == 0)
                puts("Found. It never goes back into use: mohr spoil.");
        else
                printf("Case %lld: put the card aside; mohr cases says what is open.\n",
                       (long long)json_integer_value(json_object_get(answer, "case")));
}

int cmd_found(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *face = NULL, *chip = NULL;
        const struct option_spec options[] = { { .name = "face", .value = &face },
                                               { .name = "chip", .value = &chip },
                                               { 0 } };
        cleanup(json_p) json_t *answer = NULL;
        struct error err;
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n != 1)
                return ctl_usage(ctl_command("found"));
        if (client_call(c, "POST", "/v1/found",
                        json_pack("{s:s,s:s*,s:s*}", "scanned", operands[0], "face", face, "chip_id", chip), &answer,
                        &err) < 0)
                return ctl_fail(c, &err);
        if (!ctl_json(c, answer))
                say_found(answer);
        return 0;
}

enum { DOCUMENT_MAX = 32 << 20 };

/* SHA-256 of the scan of the signed minutes. */
static int read_document(const char *path, char ret[AUDIT_HASH_TEXT], struct error *err)
{
        cleanup(free_p) uint8_t *bytes = malloc(DOCUMENT_MAX + 1);
        FILE *f = fopen(path, "re");
        size_t n = f && bytes ? fread(bytes, 1, DOCUMENT_MAX + 1, f) : 0;

        if (f)
                (void)fclose(f);
        if (n == 0 || n > DOCUMENT_MAX)
                return err_input(err, REASON_BAD_REQUEST, "%s is no document of 1 byte to 32 MiB", path);
        sha256_hex((struct bytes){ bytes, n }, ret);
        return 0;
}

int cmd_void(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *minutes = NULL, *document = NULL, *text = NULL, *line = NULL;
        bool no_chip = false, no_wait = false;
        const struct option_spec options[] = { { .name = "minutes", .value = &minutes },
                                               { .name = "document", .value = &document },
                                               { .name = "text", .value = &text },
                                               { .name = "line", .value = &line },
                                               { .name = "no-chip", .flag = &no_chip },
                                               { .name = "no-wait", .flag = &no_wait },
                                               { 0 } };
        cleanup(json_p) json_t *status = NULL, *blank = NULL;
        char path[128], digest[AUDIT_HASH_TEXT];
        struct error err;
        json_t *body;
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n != 1 || !minutes || !document)
                return ctl_usage(ctl_command("void"));
        if (read_document(document, digest, &err) < 0)
                return ctl_fail(c, &err);
        if (!no_chip)
                line = ctl_reader_line(c, line, operands[0], &status, &blank);
        body = json_pack("{s:s,s:s,s:s*,s:s*,s:b}", "minutes", minutes, "minutes_sha256", digest, "text", text, "line",
                         line, "no_chip", no_chip);
        client_path(path, sizeof path, "/v1/blanks/", operands[0], "/void");
        return ctl_start(c, line, ACT_CHIP, path, body, !no_wait, "void. The card itself must go to headquarters.");
}

int cmd_withdrawn(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX];
        cleanup(json_p) json_t *answer = NULL;
        const json_t *row;
        struct error err;
        size_t i, n;

        if (args_take(c, argc, argv, NULL, operands, &n) < 0 || n > 0)
                return ctl_usage(ctl_command("withdrawn"));
        if (client_call(c, "GET", "/v1/withdrawn", NULL, &answer, &err) < 0)
                return ctl_fail(c, &err);
        if (ctl_json(c, answer))
                return 0;
        json_array_foreach(json_object_get(answer, "withdrawn"), i, row)
                puts(json_string_value(json_object_get(row, "statement")));
        return 0;
}

int cmd_dispatch(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *letter = NULL;
        bool acknowledged = false;
        const struct option_spec options[] = { { .name = "letter", .value = &letter },
                                               { .name = "acknowledged", .flag = &acknowledged },
                                               { 0 } };
        json_t *serials;
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n == 0 || !letter)
                return ctl_usage(ctl_command("dispatch"));
        serials = json_array();
        for (size_t i = 0; i < n; i++)
                (void)json_array_append_new(serials, json_string(operands[i]));
        return ctl_post_second(
                c, "/v1/dispatches",
                json_pack("{s:o,s:s,s:b}", "serials", serials, "letter", letter, "acknowledged", acknowledged),
                acknowledged ? "Headquarters has them." : "On their way to headquarters.");
}
