/* daemon/work/render/isolate: what is wrapped and what is left alone. Expected results follow UAX 9 (a run between
 * U+2066 and U+2069 keeps its own order and counts as one neutral outside); the cases are the traps of real titles. */
#include "daemon/work/render/isolate.h"
#include "tests/unit/test.h"
#include <string.h>

#define L "\u2066"
#define P "\u2069"

static const struct {
        const char *text;
        bool rtl, persian;
        const char *want;
} cases[] = {
        { "علی کاظمی", true, true, "علی کاظمی" },
        { "برنامه‌نویس C++ مقدماتی", true, true, "برنامه‌نویس " L "C++" P " مقدماتی" },
        { "مقدماتی ++C", true, true, "مقدماتی ++" L "C" P }, /* so written that plain bidi shows C++ */
        { "زبان C#", true, true, "زبان " L "C#" P },
        { "رایانه‌کار (ICDL) درجه 2", true, true,
          "رایانه‌کار (" L "ICDL" P ") درجه " L "۲" P },
        { "وب با Python 3.11 و", true, true, "وب با " L "Python 3.11" P " و" },
        { "سریال ۱۴۰۳-۱۲-۰۰۰۱۲۳ است", true, false, "سریال " L "۱۴۰۳-۱۲-۰۰۰۱۲۳" P " است" },
        { "1405/09/30", true, true, L "۱۴۰۵/۰۹/۳۰" P },
        { "رضایی-مقدم", true, true, "رضایی-مقدم" },
        { "صالحی (فرد)", true, true, "صالحی (فرد)" },
        { "CNC/PLC فرز", true, true, L "CNC/PLC" P " فرز" },
        { "Basic C++, 2", false, false, "Basic C++, 2" },
        { "9990079196", false, true, "۹۹۹۰۰۷۹۱۹۶" },
        { "", true, true, "" },
};

static void test_code(void)
{
        char got[64];

        /* Begins with digits: piece by piece it would read 7dfa-12 from the left. */
        CHECK(isolate_code("12-fa7d", false, got, sizeof got) && strcmp(got, L "12-fa7d" P) == 0);
        CHECK(isolate_code("2026/12", true, got, sizeof got) && strcmp(got, L "۲۰۲۶/۱۲" P) == 0);
        CHECK(!isolate_code("12345", true, got, 10));
}

int main(void)
{
        char out[256];

        test_code();
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                CHECK(isolate_text(cases[i].text, cases[i].rtl, cases[i].persian, out, sizeof out));
                if (strcmp(out, cases[i].want) != 0)
                        fprintf(stderr, "case %zu: '%s'\n", i, out);
                CHECK(strcmp(out, cases[i].want) == 0);
                CHECK(!isolate_text(cases[i].text, cases[i].rtl, cases[i].persian, out, strlen(cases[i].want)));
        }
        return 0;
}
