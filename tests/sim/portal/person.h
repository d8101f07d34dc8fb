/* Who an applicant is and what the certificate says, from the invented people, centres and skills of samples.json. */
#pragma once
#include "rng.h"
#include <jansson.h>

struct person {
        char national_id[11];
        char sex;
        const char *given_fa, *family_fa;       /* as the portal holds them: sometimes in an odd spelling */
        const char *given_clean, *family_clean; /* as the worksheet has them */
        const char *father_fa, *given_en, *family_en;
};

/* The n-th person from 0. Beyond the samples, given name and family name of two people of one sex are combined and a
 * new national ID with a right check digit is made. Texts live as long as samples. */
void person_make(struct person *person, const json_t *samples, int64_t n);
/* The `certificate` object of an approval. exam: unix seconds. */
json_t *person_certificate(const struct person *person, const json_t *samples, int64_t number, int64_t exam,
                           struct rng *rng, const char *province_fa, const char *province_en);
