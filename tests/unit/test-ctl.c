/* The command's own small parts: paths, widths, options. What it does is tests/scenario/ctl-test.py. */
#include "daemon/ctl/client.h"
#include "daemon/ctl/out.h"
#include "tests/unit/test.h"
#include <string.h>

/* RFC 3986 2.1 and 2.3 */
static void test_paths(void)
{
        char path[64];

        client_path(path, sizeof path, "/v1/blanks/", "SC-1405_0.1~", "/spoil");
        CHECK(strcmp(path, "/v1/blanks/SC-1405_0.1~/spoil") == 0);
        client_path(path, sizeof path, "/v1/x/", "../a b?\xD8\xA2%", "");
        CHECK(strcmp(path, "/v1/x/..%2Fa%20b%3F%D8%A2%25") == 0);
}

static void test_widths(void)
{
        CHECK(out_width("abc") == 3 && out_width("") == 0);
        CHECK(out_width("نام") == 3);
        CHECK(out_width("می\u200cشود") == 5);      /* the joiner takes no column */
        CHECK(out_width("\u2066SC-1\u2069") == 4); /* nor do isolates */
        CHECK(out_width("مُهر") == 3);              /* nor does a mark */
}

static void test_texts(void)
{
        cleanup(json_p) json_t *row = json_pack("{s:i,s:b,s:s,s:n}", "n", 7, "b", 1, "s", "x", "none");
        char buffer[32];

        CHECK(strcmp(out_text(json_object_get(row, "n"), buffer, sizeof buffer), "7") == 0);
        CHECK(strcmp(out_text(json_object_get(row, "b"), buffer, sizeof buffer), "yes") == 0);
        CHECK(strcmp(out_text(json_object_get(row, "s"), buffer, sizeof buffer), "x") == 0);
        CHECK(out_text(json_object_get(row, "none"), buffer, sizeof buffer)[0] == '\0');
        CHECK(out_text(NULL, buffer, sizeof buffer)[0] == '\0');
}

static int take(struct ctl *c, char **argv, const char **operands, size_t *n, const char **line, bool *yes,
                const char **cards, size_t *n_cards)
{
        const struct option_spec options[] = { { .name = "line", .value = line },
                                               { .name = "yes", .flag = yes },
                                               { .name = "card", .values = cards, .n_values = n_cards },
                                               { 0 } };
        int argc = 0;

        while (argv[argc])
                argc++;
        *n_cards = 0;
        return args_take(c, argc, argv, options, operands, n);
}

#define ARGV(...) ((char *[]){ (char *)(uintptr_t) "x", __VA_ARGS__, NULL })
#define WORD(w) (char *)(uintptr_t)(w)

static void test_options(void)
{
        const char *operands[CTL_ARGS_MAX], *cards[CTL_ARGS_MAX], *line = NULL;
        struct ctl c = { 0 };
        bool yes = false;
        size_t n, n_cards;

        CHECK(take(&c,
                   ARGV(WORD("a"), WORD("--line"), WORD("1"), WORD("b"), WORD("--card=s:f"), WORD("--yes"),
                        WORD("--card"), WORD("t"), WORD("--json"), WORD("--"), WORD("--c")),
                   operands, &n, &line, &yes, cards, &n_cards) == 0);
        CHECK(n == 3 && strcmp(operands[0], "a") == 0 && strcmp(operands[1], "b") == 0 &&
              strcmp(operands[2], "--c") == 0);
        CHECK(strcmp(line, "1") == 0 && yes && c.json && n_cards == 2 && strcmp(cards[0], "s:f") == 0 &&
              strcmp(cards[1], "t") == 0);
        CHECK(take(&c, ARGV(WORD("--line")), operands, &n, &line, &yes, cards, &n_cards) < 0);
        CHECK(take(&c, ARGV(WORD("--yes=1")), operands, &n, &line, &yes, cards, &n_cards) < 0);
        CHECK(take(&c, ARGV(WORD("--lin"), WORD("1")), operands, &n, &line, &yes, cards, &n_cards) < 0);
        CHECK(take(&c, ARGV(WORD("--help")), operands, &n, &line, &yes, cards, &n_cards) == 1);
}

static void test_commands(void)
{
        CHECK(ctl_command("fsck") && strcmp(ctl_command("fsck")->name, "fsck") == 0 && !ctl_command("fsc"));
        for (size_t i = 0; i < n_commands; i++)
                CHECK(commands[i].run && commands[i].help[0] && ctl_command(commands[i].name) == &commands[i]);
}

int main(void)
{
        test_paths();
        test_widths();
        test_texts();
        test_options();
        test_commands();
        return 0;
}
