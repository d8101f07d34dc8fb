#include "routes.h"
#include <stdio.h>
#include <string.h>

#define PATTERN(name, regex)                                         \
        {                                                            \
                .key = name, .kind = FIELD_PATTERN, .pattern = regex \
        }
#define NUMBER(name, low, high)                                         \
        {                                                               \
                .key = name, .kind = FIELD_INT, .min = low, .max = high \
        }
#define TIME(name)                              \
        {                                       \
                .key = name, .kind = FIELD_TIME \
        }
#define PERSON(name) PATTERN(name, "^[A-Za-z0-9._:@-]{1,64}$")
#define TEXT(name)                                           \
        {                                                    \
                .key = name, .kind = FIELD_TEXT, .max = 1000 \
        }
#define EPOCH NUMBER("epoch", 1, 1000000)
#define FENCE NUMBER("fence", 1, MAX_EXACT_INT)
#define SERIAL(name) PATTERN(name, PATTERN_SERIAL)
#define TWO(name)                                                                             \
        {                                                                                     \
                .key = name, .kind = FIELD_TWO_PERSONS, .pattern = "^[A-Za-z0-9._:@-]{1,64}$" \
        }
#define FACE PATTERN("face_code", "^[0-9A-HJKMNP-TV-Z]{10}$")
#define ISSUE_DATE                                      \
        {                                               \
                .key = "issue_date", .kind = FIELD_DATE \
        }
#define CHIP PATTERN("chip", "^(unwritten|unverifiable|withdrawn_list)$")
#define MINUTES                                         \
        {                                               \
                .key = "minutes", .kind = FIELD_MINUTES \
        }
#define MINUTES_OPTIONAL                                                  \
        {                                                                 \
                .key = "minutes", .kind = FIELD_MINUTES, .optional = true \
        }

static const struct field hello_fields[] = {
        PATTERN("station", PATTERN_STATION),
        EPOCH,
        NUMBER("seq", 0, MAX_EXACT_INT),
        PATTERN("head", PATTERN_SHA256),
};
static const struct field anchor_fields[] = {
        EPOCH,
        NUMBER("seq", 0, MAX_EXACT_INT),
        PATTERN("head", PATTERN_SHA256),
};
static const struct field claim_fields[] = { EPOCH };
static const struct field begin_fields[] = {
        EPOCH,
        FENCE,
        FACE,
        ISSUE_DATE,
        { .key = "authorisation", .kind = FIELD_PATTERN, .pattern = "^[A-Z0-9-]{4,40}$", .optional = true },
};
static const struct field release_fields[] = { FENCE };
static const struct field issuance_fields[] = {
        FENCE,
        SERIAL("serial"),
        PATTERN("chip_id", "^[0-9a-f]{20}$"),
        PATTERN("data_sha256", PATTERN_SHA256),
        PATTERN("sod_sha256", PATTERN_SHA256),
        FACE,
        ISSUE_DATE,
        TIME("printed_at"),
        TIME("written_at"),
        TIME("verified_at"),
        PERSON("operator"),
        PERSON("expert"),
        NUMBER("audit_seq", 0, MAX_EXACT_INT),
        PATTERN("audit_head", PATTERN_SHA256),
};
static const struct field spoil_fields[] = {
        { .key = "application", .kind = FIELD_PATTERN, .pattern = PATTERN_APPLICATION, .nullable = true },
        { .key = "fence", .kind = FIELD_INT, .min = 1, .max = MAX_EXACT_INT, .nullable = true },
        SERIAL("serial"),
        PATTERN("cause", "^(print_shifted|print_streaks|print_colour|print_ribbon|print_side|print_data|"
                         "print_unreadable|card_jam|card_surface|card_dust|serial_bad|chip_mute|chip_refused|"
                         "chip_partial|power_fault|other)$"),
        TEXT("text"),
        PATTERN("stage", "^(room|hopper|reserved|printing|printed|accepted|writing|written|verified|issued|post|"
                         "delivered|returned)$"),
        { .key = "registered", .kind = FIELD_BOOL },
        CHIP,
        PERSON("operator"),
        TIME("at"),
        MINUTES_OPTIONAL,
};
static const struct field delivery_fields[] = {
        PATTERN("application", PATTERN_APPLICATION),
        SERIAL("serial"),
        PATTERN("way", "^(hand|post)$"),
        PATTERN("recipient", "^(holder|other)$"),
        PERSON("operator"),
        TIME("at"),
        MINUTES_OPTIONAL,
};
static const struct field void_fields[] = {
        PATTERN("application", PATTERN_APPLICATION),
        SERIAL("serial"),
        TEXT("text"),
        CHIP,
        TWO("operators"),
        TIME("at"),
        MINUTES,
};
static const struct field shipment_receipt_fields[] = {
        SERIAL("from"),
        SERIAL("to"),
        NUMBER("count", 0, 1000000),
        { .key = "sound", .kind = FIELD_BOOL },
        TEXT("text"),
        TWO("operators"),
        TIME("at"),
        MINUTES,
};

#define FIELDS(name) .fields = name, .n_fields = sizeof(name) / sizeof(name[0])
#define APPLICATION(verb, last) \
        .method = verb, .prefix = "/v1/applications/", .suffix = last, .id_pattern = PATTERN_APPLICATION
static const struct route routes[] = {
        { .method = "POST", .prefix = "/v1/hello", FIELDS(hello_fields), .rule = call_hello },
        { .method = "GET", .prefix = "/v1/applications", .list = list_applications },
        { APPLICATION("POST", "/claim"), FIELDS(claim_fields), .rule = call_claim },
        { APPLICATION("POST", "/begin"), FIELDS(begin_fields), .rule = call_begin },
        { APPLICATION("POST", "/release"), FIELDS(release_fields), .rule = call_release },
        { APPLICATION("PUT", "/issuance"), FIELDS(issuance_fields), .rule = call_issuance },
        { .method = "POST", .prefix = "/v1/spoils", FIELDS(spoil_fields), .rule = call_spoil },
        { .method = "GET", .prefix = "/v1/reissues", .list = list_reissues },
        { .method = "GET", .prefix = "/v1/withdrawn", .list = list_withdrawn },
        { .method = "GET", .prefix = "/v1/ledger", .list = list_ledger },
        { .method = "POST", .prefix = "/v1/anchors", FIELDS(anchor_fields), .rule = call_anchor },
        { .method = "GET", .prefix = "/v1/photos/", .suffix = "", .id_pattern = PATTERN_SHA256 },
        { .method = "POST", .prefix = "/v1/deliveries", FIELDS(delivery_fields), .rule = call_delivery },
        { .method = "POST", .prefix = "/v1/voids", FIELDS(void_fields), .rule = call_void },
        { .method = "GET", .prefix = "/v1/shipments", .list = list_shipments },
        { .method = "POST",
          .prefix = "/v1/shipments/",
          .suffix = "/receipt",
          .id_pattern = "^[A-Z0-9-]{4,32}$",
          FIELDS(shipment_receipt_fields),
          .rule = call_shipment_receipt },
};

static bool path_matches(const struct route *route, const char *path, char ret_id[80])
{
        size_t n_prefix = strlen(route->prefix);
        size_t n_path = strlen(path);

        ret_id[0] = '\0';
        if (!route->suffix)
                return strcmp(path, route->prefix) == 0;
        size_t n_suffix = strlen(route->suffix);
        if (n_path < n_prefix + n_suffix || strncmp(path, route->prefix, n_prefix) != 0 ||
            strcmp(path + n_path - n_suffix, route->suffix) != 0 || n_path - n_prefix - n_suffix > 79)
                return false;
        snprintf(ret_id, 80, "%.*s", (int)(n_path - n_prefix - n_suffix), path + n_prefix);
        return pattern_match(route->id_pattern, ret_id);
}

const struct route *route_find(const char *method, const char *path, char ret_id[80])
{
        for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
                if (strcmp(routes[i].method, method) == 0 && path_matches(&routes[i], path, ret_id))
                        return &routes[i];
        }
        return NULL;
}
