#include "tests/unit/vectors.h"
#include "tests/unit/test.h"
#include <string.h>

json_t *vectors_load(const char *folder, const char *name)
{
        char path[4096];
        json_error_t fault;
        json_t *json;

        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        json = json_load_file(path, JSON_REJECT_DUPLICATES, &fault);
        CHECK(json);
        return json;
}

struct bytes vectors_hex(const json_t *object, const char *key)
{
        static uint8_t store[1 << 19];
        static size_t used;
        const char *text = json_string_value(json_object_get(object, key));
        struct bytes ret = { NULL, 0 };

        if (!text)
                return ret;
        CHECK(hex_decode(text, store + used, sizeof store - used, &ret.n));
        ret.p = store + used;
        used += ret.n;
        return ret;
}

const char *vectors_text(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

bool vectors_group_is(const json_t *vector, const char *group)
{
        return strcmp(vectors_text(vector, "group"), group) == 0;
}
