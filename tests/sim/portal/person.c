#include "person.h"
#include "util.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

static const char *text_or(const json_t *object, const char *key, const char *other)
{
        const char *text = text_of(object, key);

        return text ? text : other;
}

/* The national ID's check digit: weights 10 to 2, sum mod 11; below 2 the remainder itself, else 11 minus it. */
static char check_digit(const char *nine)
{
        int sum = 0;

        for (int i = 0; i < 9; i++)
                sum += (nine[i] - '0') * (10 - i);
        return (char)('0' + (sum % 11 < 2 ? sum % 11 : 11 - sum % 11));
}

static void national_id_make(char ret[11], int64_t n)
{
        enum {
                FIRST = 500000,
                STEP = 7919,
                PRIME = 499979
        }; /* walks 999500000.. without repeating; samples lie below */

        snprintf(ret, 11, "999%06lld", (long long)(FIRST + n * STEP % PRIME));
        ret[9] = check_digit(ret);
        ret[10] = '\0';
}

/* The next person of the same sex after `from`, going round. */
static const json_t *person_like(const json_t *people, size_t from, const char *sex)
{
        size_t n = json_array_size(people);

        for (size_t i = 0; i < n; i++) {
                const json_t *other = json_array_get(people, (from + i) % n);

                if (strcmp(text_of(other, "sex"), sex) == 0)
                        return other;
        }
        return json_array_get(people, from % n);
}

void person_make(struct person *person, const json_t *samples, int64_t n)
{
        const json_t *people = json_object_get(samples, "people");
        size_t n_people = json_array_size(people);
        size_t lap = (size_t)n / n_people;
        const json_t *one = json_array_get(people, (size_t)n % n_people);
        const json_t *other = lap ? person_like(people, (size_t)n + lap * 17, text_of(one, "sex")) : one;

        *person = (struct person){ .sex = text_of(one, "sex")[0] };
        person->given_clean = text_of(one, "given_fa");
        person->given_fa = text_or(one, "raw_given_fa", person->given_clean);
        person->given_en = text_of(one, "given_en");
        person->family_clean = text_of(other, "family_fa");
        person->family_fa = text_or(other, "raw_family_fa", person->family_clean);
        person->family_en = text_of(other, "family_en");
        person->father_fa = text_of(other, "father_fa");
        if (lap)
                national_id_make(person->national_id, n);
        else
                snprintf(person->national_id, sizeof(person->national_id), "%s", text_of(one, "national_id"));
}

/* A centre whose name does not place it in another province. */
static const json_t *centre_pick(const json_t *samples, int64_t number, const char *province_en)
{
        const json_t *centres = json_object_get(samples, "centres");
        size_t n = json_array_size(centres);

        for (size_t i = 0; i < n; i++) {
                const json_t *centre = json_array_get(centres, ((size_t)number + i) % n);
                const char *name = text_of(centre, "name_en");

                if (strcmp(text_of(centre, "province_en"), province_en) == 0 ||
                    (!strstr(name, text_of(centre, "city_en")) && !strstr(name, text_of(centre, "province_en"))))
                        return centre;
        }
        return json_array_get(centres, 0);
}

static json_t *skill_make(const json_t *samples, int64_t number, int64_t exam, struct rng *rng)
{
        static const char *const grades_fa[] = { "درجه ۱", "درجه ۲", "درجه ۳" };
        static const char *const grades_en[] = { "Grade 1", "Grade 2", "Grade 3" };
        const json_t *skills = json_object_get(samples, "skills");
        const json_t *skill = json_array_get(skills, (size_t)number % json_array_size(skills));
        const char *title = text_of(skill, "title_en");
        int grade = strstr(title, "grade 1") ? 0 : strstr(title, "grade 2") ? 1 : (int)rng_int(rng, 0, 2);
        char date[11];

        date_text(exam, date);
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:I, s:I, s:s}", "code", text_of(skill, "code"), "title_fa",
                         text_of(skill, "title_fa"), "title_en", title, "grade_fa", grades_fa[grade], "grade_en",
                         grades_en[grade], "hours", json_object_get(skill, "hours"), "theory_score",
                         (json_int_t)rng_int(rng, 24, 40) * 50, "practical_score",
                         (json_int_t)rng_int(rng, 56, 80) * 25, "exam_date", date);
}

json_t *person_certificate(const struct person *person, const json_t *samples, int64_t number, int64_t exam,
                           struct rng *rng, const char *province_fa, const char *province_en)
{
        const json_t *centre = centre_pick(samples, number, province_en);
        OWNED char *certificate_number = text_format("1405/27/%06lld", (long long)number);
        OWNED char *director_fa =
                text_format("مدیرکل آموزش فنی و حرفه‌ای استان %s", province_fa);
        OWNED char *director_en = text_format("Director General of Technical and Vocational Training, %s", province_en);
        OWNED char *code = text_format("%s", text_of(centre, "id"));
        char sex[2] = { person->sex, '\0' }, birth[11], valid[11];
        bool limited = number % 3 == 0;

        date_text(exam - rng_int(rng, 18 * 365, 48 * 365) * 86400, birth);
        date_text(exam + 5 * 365 * 86400LL, valid);
        return json_pack(
                "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:{s:s, s:s, s:s, s:s}, s:s, s:s, s:s, s:s,"
                " s:s?}",
                "number", certificate_number, "national_id", person->national_id, "given_fa", person->given_fa,
                "family_fa", person->family_fa, "father_fa", person->father_fa, "given_en", person->given_en,
                "family_en", person->family_en, "birth_date", birth, "sex", sex, "skill",
                skill_make(samples, number, exam, rng), "centre", "code", code, "kind", text_of(centre, "kind"),
                "name_fa", text_of(centre, "name_fa"), "name_en", text_of(centre, "name_en"), "province_fa",
                province_fa, "province_en", province_en, "director_title_fa", director_fa, "director_title_en",
                director_en, "valid_until", limited ? valid : NULL);
}
