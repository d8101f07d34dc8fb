/* daemon/core/config: every fault is told with file:line:column, all in one pass; the table prints a sample that it
 * accepts itself. Columns were counted by hand; UTF-8 cases are RFC 3629 4 and 10. */
#define _GNU_SOURCE
#include "daemon/core/config/config_table.h"
#include "daemon/core/people/actor.h"
#include "proto/base/cleanup.h"
#include "tests/unit/test.h"
#include <string.h>

static char faults[4096];

static void say(void *context, const char *file, unsigned line, unsigned column, const char *text)
{
        size_t n = strlen(faults);

        CHECK(context == faults && strcmp(file, "f") == 0);
        (void)snprintf(faults + n, sizeof faults - n, "%u:%u: %s\n", line, column, text);
}

static int parse(const char *text, struct config *ret, struct error *err)
{
        faults[0] = '\0';
        return config_parse("f", text, strlen(text), ret, say, faults, err);
}

#define HEAD "[station]\nid = qom-1\nprovince = قم\n"
#define REST "[portal]\nca = /p.pem\n[chip]\nca = /c.pem\n[line 1]\nqueue = cards\nreader = ACS ACR39U 00 00\n"
#define PEOPLE "[person expert-1]\nuid = 1000\nrole = issuer\noffice = assessment\n"

static void test_good(void)
{
        struct config c = { 0 };
        struct error err;

        CHECK(parse("# a comment\n" HEAD "console_port=8080\n  laboratory =  yes  \n"
                    "reissue_authorisation = registered\n" REST "feed = descending\n\n" PEOPLE
                    "[person guard-1]\nuid = 1001\nrole = security\noffice = security",
                    &c, &err) == 0);
        CHECK(faults[0] == '\0');
        CHECK(strcmp(c.station.id, "qom-1") == 0 && strcmp(c.station.province, "قم") == 0);
        CHECK(c.station.console_port == 8080 && c.station.laboratory && c.station.timezone_minutes == 210);
        CHECK(c.station.reissue_authorisation == REISSUE_REGISTERED && strcmp(c.station.clock_floor, "") == 0);
        CHECK(strcmp(c.chip.aid, "F04952534B494C4C0100") == 0 && c.portal.poll_s == 60 && c.print.limit_s > 0);
        CHECK(c.n_lines == 1 && strcmp(c.lines[0].name, "1") == 0 && c.lines[0].feed == FEED_DESCENDING);
        CHECK(strcmp(c.lines[0].reader, "ACS ACR39U 00 00") == 0 && strcmp(c.lines[0].cups_server, "") == 0);
        CHECK(config_line_by_name(&c, "1") == &c.lines[0] && !config_line_by_name(&c, "2"));
        CHECK(c.n_persons == 2 && c.persons[1].role == ROLE_SECURITY && c.persons[1].office == OFFICE_SECURITY);
        config_done(&c);
        config_done(&c);
}

static void test_quotes(void)
{
        struct config c = { 0 };
        struct error err;

        CHECK(parse(HEAD "[portal]\nca = \"/a b.pem\"\n[chip]\nca = /c\n[line 1]\nqueue=q\nreader = \" # x \"\n" PEOPLE,
                    &c, &err) == 0);
        CHECK(strcmp(c.portal.ca, "/a b.pem") == 0 && strcmp(c.lines[0].reader, " # x ") == 0);
        config_done(&c);
}

static void test_faults(void)
{
        static const struct {
                const char *text, *faults;
        } cases[] = {
                { HEAD "colour = red\n" REST PEOPLE, "4:1: [station] has no key 'colour'\n" },
                { HEAD "  id = x\n" REST PEOPLE, "4:3: 'id' stands twice\n" },
                { HEAD REST PEOPLE "[kitchen]\na = b\n", "15:2: unknown section 'kitchen'\n" },
                { HEAD REST PEOPLE "[portal]\nca = /x\n", "15:1: [portal] stands twice\n" },
                { HEAD REST PEOPLE "[line 1]\n", "15:7: [line 1] stands twice\n" },
                { HEAD REST PEOPLE "[line]\n", "15:6: a name of 1 to 32 of a-z, 0-9, '.', '_' and '-' must follow\n" },
                { HEAD REST PEOPLE "[print 1]\n", "15:8: [print] takes no name\n" },
                { HEAD REST PEOPLE "[print\n", "15:7: ']' is missing\n" },
                { "a = b\n" HEAD REST PEOPLE, "1:1: 'a' stands before the first section\n" },
                { HEAD "nonsense\n" REST PEOPLE, "4:1: neither a section, a comment nor KEY = VALUE\n" },
                { HEAD "console_port = 65536\n" REST PEOPLE,
                  "4:16: console_port: out of range; allowed: 0 to 65535\n" },
                { HEAD "console_port = 80x\n" REST PEOPLE, "4:16: console_port: not a number; allowed: 0 to 65535\n" },
                { HEAD "laboratory = true\n" REST PEOPLE,
                  "4:14: laboratory: neither yes nor no; allowed: yes or no\n" },
                { HEAD "state_dir = var\n" REST PEOPLE,
                  "4:13: state_dir: not an absolute path; allowed: absolute path of at most 255 bytes\n" },
                { HEAD "clock_floor = 2026-02-29\n" REST PEOPLE,
                  "4:15: clock_floor: not a day as YYYY-MM-DD; allowed: YYYY-MM-DD\n" },
                { HEAD "reissue_authorisation = never\n" REST PEOPLE,
                  "4:25: reissue_authorisation: not one of the allowed words; allowed: always or registered\n" },
                { HEAD "clock_floor = \"2026\n" REST PEOPLE,
                  "4:15: clock_floor: quotes must stand in pairs around the value; allowed: YYYY-MM-DD\n" },
                { HEAD REST PEOPLE "[person قم]\n",
                  "15:9: a name of 1 to 32 of a-z, 0-9, '.', '_' and '-' must follow\n" },
                /* columns count characters: three letters of two bytes before the '=' that is missing its key */
                { HEAD "قمق = \x80\n" REST PEOPLE, "4:7: bad UTF-8 or a control character\n" },
                { HEAD "a = \xC0\xAF\n" REST PEOPLE, "4:5: bad UTF-8 or a control character\n" },
                { HEAD "a = \xED\xA0\x80\n" REST PEOPLE, "4:5: bad UTF-8 or a control character\n" },
                { HEAD "a = \xF4\x90\x80\x80\n" REST PEOPLE, "4:5: bad UTF-8 or a control character\n" },
                { HEAD "a = \xE2\x82\n" REST PEOPLE, "4:5: bad UTF-8 or a control character\n" },
                { HEAD "a = b\r\n" REST PEOPLE, "4:6: bad UTF-8 or a control character\n" },
                { "[station]\nprovince = q\n" REST PEOPLE, "1:1: [station]: required key 'id' is missing\n" },
                { HEAD REST, "10:1: section [person NAME] is missing\n" },
                { HEAD REST PEOPLE "[person b]\nuid = 1000\nrole = security\noffice = security\n",
                  "15:1: uid 1000 belongs to 'expert-1' already; nobody holds two offices\n" },
                { HEAD REST "[person b]\nuid = 7\nrole = issuer\noffice = security\n",
                  "11:1: role issuer is not of the office security\n" },
                { HEAD REST "[line 2]\nqueue = cards\nreader = r\n" PEOPLE,
                  "11:1: queue 'cards' belongs to line '1' already\n" },
                /* all of them in one pass */
                { "[station]\nid = a b\nx = 1\n[portal]\n[chip]\nca = c\n",
                  "2:6: id: only letters, digits, '.', '_' and '-' are allowed; allowed: 1 to 32 of letters, digits, "
                  "'.', '_' and '-'\n3:1: [station] has no key 'x'\n1:1: [station]: required key 'province' is "
                  "missing\n"
                  "4:1: [portal]: required key 'ca' is missing\n"
                  "6:6: ca: not an absolute path; allowed: absolute path of at most 255 bytes\n"
                  "6:1: section [line NAME] is missing\n6:1: section [person NAME] is missing\n" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct config c = { 0 };
                struct error err = { 0 };
                char first[ERROR_TEXT_MAX];

                CHECK(parse(cases[i].text, &c, &err) == -1);
                if (strcmp(faults, cases[i].faults) != 0)
                        (void)fputs(faults, stderr);
                CHECK(strcmp(faults, cases[i].faults) == 0);
                (void)snprintf(first, 80, "f:%.*s", (int)strcspn(faults, "\n"), faults);
                CHECK(err.reason == REASON_BAD_CONFIG && strncmp(err.text, first, strlen(first)) == 0);
        }
}

/* A NUL is a control character, a line may not be endless, and every truncation is refused or complete. */
static void test_bounds(void)
{
        static const char text[] = HEAD REST PEOPLE;
        char endless[3000];
        struct config c = { 0 };
        struct error err;

        faults[0] = '\0';
        CHECK(config_parse("f", "a\0b", 3, &c, say, faults, &err) == -1);
        CHECK(strncmp(faults, "1:2: bad UTF-8 or a control character\n", 38) == 0);
        memset(endless, 'a', sizeof endless);
        faults[0] = '\0';
        CHECK(config_parse("f", endless, sizeof endless, &c, say, faults, &err) == -1);
        CHECK(strstr(faults, "line too long"));
        for (size_t n = 0; n < sizeof text - 1; n++)
                if (config_parse("f", text, n, &c, NULL, NULL, &err) == 0)
                        config_done(&c);
}

static char *printed(void (*print)(FILE *))
{
        char *text = NULL;
        size_t n = 0;
        FILE *f = open_memstream(&text, &n);

        print(f);
        CHECK(fclose(f) == 0);
        return text;
}

/* The sample the table prints is a configuration, and so it is with every default uncommented. */
static void test_sample(void)
{
        cleanup(free_p) char *sample = printed(config_print_sample), *man = printed(config_print_man);
        struct config c = { 0 };
        struct error err;

        CHECK(parse(sample, &c, &err) == 0);
        config_done(&c);
        for (char *at = sample; (at = strstr(at, "\n#")); at++)
                if (at[2] != ' ')
                        at[1] = ' ';
        CHECK(parse(sample, &c, &err) == 0);
        CHECK(c.station.console_port == 0 && strcmp(c.station.socket, "/run/mohr/station.sock") == 0);
        config_done(&c);
        for (size_t i = 0; i < config_table_n; i++)
                CHECK(strstr(man, config_table[i].sentence));
}

static void test_check(void)
{
        char path[] = "/tmp/mohr-conf-XXXXXX", text[4000] = "", good[80];
        int fd = mkstemp(path);
        FILE *f = fmemopen(text, sizeof text, "w");

        CHECK(fd >= 0 && f && write(fd, "[x]\n", 4) == 4 && close(fd) == 0);
        CHECK(config_check(path, f) == 3 && fflush(f) == 0);
        (void)snprintf(good, sizeof good, "%s:1:2: unknown section 'x'\n", path);
        CHECK(strncmp(text, good, strlen(good)) == 0 && fclose(f) == 0 && unlink(path) == 0);
        CHECK((f = fmemopen(text, sizeof text, "w")) && config_check(path, f) == 3 && fclose(f) == 0);
        CHECK(strstr(text, "No such file"));
}

static void test_actors(void)
{
        struct config c = { 0 };
        struct error err;
        const struct config_person *expert, *guard;

        CHECK(parse(HEAD REST PEOPLE "[person guard-1]\nuid = 1001\nrole = security\noffice = security", &c, &err) ==
              0);
        CHECK(actor_by_uid(&c, 1000, &expert, &err) == 0 && strcmp(expert->name, "expert-1") == 0);
        guard = actor_by_name(&c, "guard-1");
        CHECK(guard && guard->uid == 1001 && !actor_by_name(&c, "nobody"));
        CHECK(actor_by_uid(&c, 0, &expert, &err) == -1 && err.reason == REASON_NOT_PERMITTED);
        CHECK(actor_by_uid(&c, -1, &expert, &err) == -1 && err.reason == REASON_NOT_PERMITTED);
        CHECK(actor_check(expert, ROLE_BIT(ROLE_ISSUER) | ROLE_BIT(ROLE_IT), &err) == 0);
        CHECK(actor_check(expert, ROLE_BIT(ROLE_SECURITY) | ROLE_BIT(ROLE_IT), &err) == -1);
        CHECK(strstr(err.text, "security, it") && err.reason == REASON_NOT_PERMITTED);
        CHECK(actor_check_second(expert, guard, &err) == 0);
        CHECK(actor_check_second(expert, expert, &err) == -1 && err.reason == REASON_SAME_PERSON);
        config_done(&c);
}

int main(void)
{
        test_good();
        test_quotes();
        test_faults();
        test_bounds();
        test_sample();
        test_check();
        test_actors();
        return 0;
}
