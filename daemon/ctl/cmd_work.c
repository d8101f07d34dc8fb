/* Commands that act: each is one call, and for print, write and a spoil with its chip the way to the outcome. */
#include "daemon/ctl/client.h"
#include "daemon/ctl/follow.h"
#include "daemon/ctl/out.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* POST; prints the answer as JSON, or the sentence. */
static int post(struct ctl *c, const char *path, json_t *body, const char *done)
{
        cleanup(json_p) json_t *answer = NULL;
        struct error err;

        if (client_call(c, "POST", path, body, &answer, &err) < 0)
                return ctl_fail(c, &err);
        if (!ctl_json(c, answer))
                puts(done);
        return 0;
}

static int post_count(struct ctl *c, const char *path, json_t *body, const char *what)
{
        cleanup(json_p) json_t *answer = NULL;
        struct error err;

        if (client_call(c, "POST", path, body, &answer, &err) < 0)
                return ctl_fail(c, &err);
        if (!ctl_json(c, answer))
                printf("%lld %s\n", (long long)json_integer_value(json_object_get(answer, "count")), what);
        return 0;
}

const char ctl_second_needed[] = "Recorded. A second person of another office must now ask for exactly the same.";

int ctl_post_second(struct ctl *c, const char *path, json_t *body, const char *done)
{
        cleanup(json_p) json_t *answer = NULL;
        struct error err;

        if (client_call(c, "POST", path, body, &answer, &err) < 0)
                return ctl_fail(c, &err);
        if (!ctl_json(c, answer))
                puts(json_is_true(json_object_get(answer, "second_person_needed")) ? ctl_second_needed : done);
        return 0;
}

/* ---- stock ---------------------------------------------------------------------------------------------------------
 */

int cmd_blank(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX];
        size_t n;

        if (args_take(c, argc, argv, NULL, operands, &n) < 0 || n != 3 || strcmp(operands[0], "add") != 0)
                return ctl_usage(ctl_command("blank"));
        return post_count(c, "/v1/blanks", json_pack("{s:s,s:s}", "from", operands[1], "to", operands[2]),
                          "blanks are in the room");
}

static int on_line(struct ctl *c, const char *name, const char *verb, char *ret_path, size_t max, struct error *err)
{
        cleanup(json_p) json_t *status = NULL;
        const char *line;

        if (ctl_line(c, name, &status, &line, err) < 0)
                return -1;
        client_path(ret_path, max, "/v1/lines/", line, verb);
        return 0;
}

static int hopper_load(struct ctl *c, const char *const *operands, size_t n)
{
        char path[256];
        struct error err;

        if (on_line(c, n == 3 ? operands[0] : NULL, "/hopper", path, sizeof path, &err) < 0)
                return ctl_fail(c, &err);
        return post_count(c, path, json_pack("{s:s,s:s}", "from", operands[n - 2], "to", operands[n - 1]),
                          "blanks are in the hopper");
}

int cmd_hopper(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX];
        char path[256];
        struct error err;
        size_t n;

        if (args_take(c, argc, argv, NULL, operands, &n) < 0 || n == 0)
                return ctl_usage(ctl_command("hopper"));
        if (strcmp(operands[0], "load") == 0 && (n == 3 || n == 4))
                return hopper_load(c, operands + 1, n - 1);
        if (strcmp(operands[0], "unload") != 0 || n > 2)
                return ctl_usage(ctl_command("hopper"));
        if (on_line(c, n == 2 ? operands[1] : NULL, "/unload", path, sizeof path, &err) < 0)
                return ctl_fail(c, &err);
        return post_count(c, path, NULL, "blanks are back on the shelf");
}

int cmd_resume(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX];
        char path[256];
        size_t n;

        if (args_take(c, argc, argv, NULL, operands, &n) < 0 || n != 1)
                return ctl_usage(ctl_command("resume"));
        client_path(path, sizeof path, "/v1/lines/", operands[0], "/resume");
        return post(c, path, NULL, "The line goes on.");
}

int cmd_sync(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX];
        size_t n;

        if (args_take(c, argc, argv, NULL, operands, &n) < 0 || n > 0)
                return ctl_usage(ctl_command("sync"));
        return post(c, "/v1/sync", NULL, "The portal is being asked.");
}

/* "SERIAL" or "SERIAL:FACE" */
static json_t *sorted_card(const char *text)
{
        const char *colon = strchr(text, ':');
        cleanup(free_p) char *serial = colon ? strndup(text, (size_t)(colon - text)) : strdup(text);

        return json_pack("{s:s,s:s*}", "serial", serial ? serial : "", "face", colon ? colon + 1 : NULL);
}

int cmd_sort(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *cards[CTL_ARGS_MAX], *line = NULL, *next = NULL;
        size_t n, n_cards = 0;
        const struct option_spec options[] = { { .name = "line", .value = &line },
                                               { .name = "next", .value = &next },
                                               { .name = "card", .values = cards, .n_values = &n_cards },
                                               { 0 } };
        char path[256];
        struct error err;
        json_t *list;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n > 0 || n_cards == 0)
                return ctl_usage(ctl_command("sort"));
        if (on_line(c, line, "/sort", path, sizeof path, &err) < 0)
                return ctl_fail(c, &err);
        list = json_array();
        for (size_t i = 0; i < n_cards; i++)
                (void)json_array_append_new(list, sorted_card(cards[i]));
        return ctl_post_second(c, path, json_pack("{s:o,s:s*}", "cards", list, "next", next),
                               "Each face is now with the serial it stands on; the line goes on.");
}

/* ---- one card -------------------------------------------------------------------------------------------------------
 */

static int match(struct ctl *c, const char *application, const char *number, json_t **ret, struct error *err)
{
        char path[128];

        client_path(path, sizeof path, "/v1/applications/", application, "/worksheet");
        return client_call(c, "POST", path, json_pack("{s:s}", "number", number), ret, err);
}

int cmd_match(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *number = NULL;
        const struct option_spec options[] = { { .name = "worksheet", .value = &number }, { 0 } };
        cleanup(json_p) json_t *answer = NULL;
        struct error err;
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n != 1 || !number)
                return ctl_usage(ctl_command("match"));
        if (match(c, operands[0], number, &answer, &err) < 0)
                return ctl_fail(c, &err);
        if (!ctl_json(c, answer))
                printf("%s matches worksheet %s.\n", operands[0], number);
        return 0;
}

int ctl_start(struct ctl *c, const char *line, enum act act, const char *path, json_t *body, bool wait,
              const char *done)
{
        cleanup(json_p) json_t *owned = json_incref(body);
        cleanup(json_p) json_t *answer = NULL, *outcome = NULL;
        struct follow f;
        struct error err;
        int r;

        json_decref(body);
        if ((line && follow_prepare(&f, c, line, act, &err) < 0) ||
            client_call(c, "POST", path, json_incref(owned), &answer, &err) < 0)
                return ctl_fail(c, &err);
        if (!wait || !line || !json_object_get(answer, act == ACT_PRINT ? "printing" : "chipping")) {
                if (!ctl_json(c, answer))
                        puts(json_is_true(json_object_get(answer, "second_person_needed")) ? ctl_second_needed
                             : wait                                                        ? done
                                                                                           : "Begun.");
                return 0;
        }
        r = follow_run(&f, &outcome, &err);
        if (r < 0)
                return ctl_fail(c, &err);
        if (r > 0)
                return CTL_INTERRUPTED;
        if (!ctl_json(c, outcome))
                printf("%s: %s\n", json_string_value(json_object_get(outcome, "serial")), done);
        return 0;
}

int cmd_print(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *line = NULL, *number = NULL;
        bool no_wait = false;
        const struct option_spec options[] = { { .name = "line", .value = &line },
                                               { .name = "worksheet", .value = &number },
                                               { .name = "no-wait", .flag = &no_wait },
                                               { 0 } };
        cleanup(json_p) json_t *status = NULL;
        char path[256];
        struct error err;
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n > 1 || (number && n == 0))
                return ctl_usage(ctl_command("print"));
        if (ctl_line(c, line, &status, &line, &err) < 0 || (number && match(c, operands[0], number, NULL, &err) < 0))
                return ctl_fail(c, &err);
        client_path(path, sizeof path, "/v1/lines/", line, "/print");
        return ctl_start(c, line, ACT_PRINT, path, json_pack("{s:s*}", "application", n ? operands[0] : NULL), !no_wait,
                         "printed. Take the card, look at it and scan its serial: mohr inspect.");
}

int cmd_write(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *line = NULL, *serial = NULL;
        bool no_wait = false;
        const struct option_spec options[] = { { .name = "line", .value = &line },
                                               { .name = "serial", .value = &serial },
                                               { .name = "no-wait", .flag = &no_wait },
                                               { 0 } };
        cleanup(json_p) json_t *status = NULL;
        char path[256];
        struct error err;
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n > 0 || !serial)
                return ctl_usage(ctl_command("write"));
        if (ctl_line(c, line, &status, &line, &err) < 0)
                return ctl_fail(c, &err);
        client_path(path, sizeof path, "/v1/lines/", line, "/write");
        return ctl_start(c, line, ACT_CHIP, path, json_pack("{s:s}", "serial", serial), !no_wait,
                         "written and verified. Compare the chip with the plastic: mohr confirm.");
}

const char *ctl_reader_line(struct ctl *c, const char *name, const char *serial, json_t **ret_status,
                            json_t **ret_blank)
{
        struct error ignored;
        char path[128];
        const char *line = name;

        client_path(path, sizeof path, "/v1/blanks/", serial, "");
        if (!line && client_call(c, "GET", path, NULL, ret_blank, &ignored) == 0)
                line = json_string_value(json_object_get(*ret_blank, "line"));
        if (!line && ctl_line(c, NULL, ret_status, &line, &ignored) < 0)
                return NULL;
        return line;
}

struct spoil {
        const char *serial, *cause, *text, *line, *face;
        bool no_chip, no_wait;
};

static json_t *spoil_body(const struct spoil *s, const char *line)
{
        json_t *body = json_pack("{s:s*,s:s*,s:s*}", "cause", s->cause, "text", s->text, "line", line);

        if (s->no_chip)
                (void)json_object_set_new(body, "no_chip", json_true());
        return body;
}

int cmd_spoil(struct ctl *c, int argc, char **argv)
{
        cleanup(json_p) json_t *status = NULL, *blank = NULL;
        const char *operands[CTL_ARGS_MAX], *line;
        struct spoil s = { 0 };
        const struct option_spec options[] = {
                { .name = "cause", .value = &s.cause },    { .name = "text", .value = &s.text },
                { .name = "line", .value = &s.line },      { .name = "no-chip", .flag = &s.no_chip },
                { .name = "no-wait", .flag = &s.no_wait }, { 0 }
        };
        char path[128];
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n != 1 || !s.cause)
                return ctl_usage(ctl_command("spoil"));
        line = ctl_reader_line(c, s.line, operands[0], &status, &blank);
        client_path(path, sizeof path, "/v1/blanks/", operands[0], "/spoil");
        return ctl_start(c, line, ACT_CHIP, path, spoil_body(&s, line), !s.no_wait,
                         "recorded as spoiled. The card itself must go to headquarters.");
}

int cmd_inspect(struct ctl *c, int argc, char **argv)
{
        cleanup(json_p) json_t *status = NULL, *blank = NULL;
        const char *operands[CTL_ARGS_MAX], *line = NULL;
        struct spoil s = { 0 };
        const struct option_spec options[] = { { .name = "serial", .value = &s.serial },
                                               { .name = "face", .value = &s.face },
                                               { .name = "cause", .value = &s.cause },
                                               { .name = "text", .value = &s.text },
                                               { .name = "line", .value = &s.line },
                                               { .name = "no-chip", .flag = &s.no_chip },
                                               { 0 } };
        bool good, spoiled;
        json_t *body;
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n != 1 || !s.serial)
                return ctl_usage(ctl_command("inspect"));
        good = strcmp(operands[0], "good") == 0 && s.face && !s.cause;
        spoiled = strcmp(operands[0], "spoiled") == 0 && s.cause;
        if (!good && !spoiled)
                return ctl_usage(ctl_command("inspect"));
        if (spoiled)
                line = ctl_reader_line(c, s.line, s.serial, &status, &blank);
        body = spoiled ? spoil_body(&s, line) : json_object();
        (void)json_object_update_new(
                body, json_pack("{s:s,s:s*,s:s}", "serial", s.serial, "face", s.face, "verdict", operands[0]));
        return ctl_start(c, line, ACT_CHIP, "/v1/inspect", body, true,
                         good ? "The print is accepted. Scan the card, insert it into the reader: mohr write."
                              : "Recorded as spoiled. The card itself must go to headquarters.");
}

/* ---- confirm --------------------------------------------------------------------------------------------------------
 */

static const char *line_showing(const json_t *status, const char *serial)
{
        const json_t *line;
        size_t i;

        json_array_foreach(json_object_get(status, "lines"), i, line)
        {
                const char *shown = json_string_value(json_object_get(line, "shown"));

                if (shown && strcmp(shown, serial) == 0)
                        return json_string_value(json_object_get(line, "line"));
        }
        return NULL;
}

static void print_chip(const json_t *chip)
{
        const json_t *holder = json_object_get(chip, "holder");
        const json_t *entry = json_array_get(json_object_get(chip, "certificates"), 0);

        out_title("The chip says");
        out_field_of(holder, "نام", "given_fa");
        out_field_of(holder, "نام خانوادگی", "family_fa");
        out_field_of(holder, "کد ملی", "national_id");
        out_field_of(holder, "name", "given_en");
        out_field_of(holder, "", "family_en");
        out_field_of(entry, "عنوان مهارت", "title_fa");
        out_field_of(entry, "شماره گواهینامه", "number");
        out_field_of(chip, "face code", "face_code");
}

/* 1 when it was shown, 0 when the chip has not been read, -1 and *err. */
static int show_chip(struct ctl *c, const char *serial, const char *photo, struct error *err)
{
        cleanup(json_p) json_t *status = NULL, *shown = NULL;
        const char *line;
        char path[256];

        if (client_call(c, "GET", "/v1/status", NULL, &status, err) < 0)
                return -1;
        line = line_showing(status, serial);
        if (!line)
                return 0; /* the station says itself that the card must be read once more */
        client_path(path, sizeof path, "/v1/lines/", line, "/shown");
        if (client_call(c, "GET", path, NULL, &shown, err) < 0)
                return -1;
        if (!c->json)
                print_chip(json_object_get(shown, "chip"));
        client_path(path, sizeof path, "/v1/lines/", line, "/shown/photo");
        if (photo) {
                cleanup(close_p) int fd = open(photo, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

                if (fd < 0)
                        return err_input(err, REASON_BAD_REQUEST, "cannot write %s", photo);
                return client_fetch(c, path, fd, err) < 0 ? -1 : 1;
        }
        return 1;
}

static bool asked(void)
{
        char answer[16] = "";

        fputs("Does the plastic show the same name and photo? [y/N] ", stderr);
        return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

int cmd_confirm(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *photo = NULL;
        bool mismatch = false, yes = false;
        const struct option_spec options[] = { { .name = "mismatch", .flag = &mismatch },
                                               { .name = "yes", .flag = &yes },
                                               { .name = "photo", .value = &photo },
                                               { 0 } };
        struct error err;
        char path[128];
        bool ask;
        int shown;
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n != 1)
                return ctl_usage(ctl_command("confirm"));
        ask = !mismatch && !yes && isatty(STDIN_FILENO) == 1;
        shown = show_chip(c, operands[0], photo, &err);
        if (shown == 0 && ask) /* nobody is asked to compare what was not seen */
                shown = err_own(&err, ERR_OPERATOR, REASON_NO_CARD, "the chip of %s has not been read: mohr write",
                                operands[0]);
        if (shown < 0)
                return ctl_fail(c, &err);
        if (ask && !asked()) {
                fputs("Nothing was confirmed. Another person's data: mohr confirm --mismatch\n", stderr);
                return reason_exit_status(REASON_WRONG_STATE);
        }
        client_path(path, sizeof path, "/v1/blanks/", operands[0], "/confirm");
        return post(c, path, json_pack("{s:b}", "match", !mismatch), "Issued; the serial is being sent to the portal.");
}
