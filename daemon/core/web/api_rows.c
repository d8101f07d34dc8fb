#include "daemon/core/web/api.h"
#include <string.h>

json_t *api_rows(struct ledger *l, const char *const *keys, const char *sql, const char *types, const char *text,
                 int64_t number)
{
        json_t *list = json_array();
        struct db_rows rows;
        bool ok;

        ok = strcmp(types, "s") == 0    ? ledger_query(l, &rows, sql, "s", text)
             : strcmp(types, "si") == 0 ? ledger_query(l, &rows, sql, "si", text, number)
             : strcmp(types, "i") == 0  ? ledger_query(l, &rows, sql, "i", number)
                                        : ledger_query(l, &rows, sql, "");
        while (ok && db_next(&rows)) {
                json_t *row = json_object();

                for (int i = 0; keys[i]; i++) {
                        bool is_number = keys[i][0] == '#';

                        (void)json_object_set_new(row, keys[i] + is_number,
                                                  db_is_null(&rows, i) ? json_null()
                                                  : is_number          ? json_integer(db_int(&rows, i))
                                                                       : json_string(db_text(&rows, i)));
                }
                (void)json_array_append_new(list, row);
        }
        if (ok)
                db_rows_done(&rows);
        return list;
}

json_t *api_first(json_t *list)
{
        json_t *first = json_incref(json_array_get(list, 0));

        json_decref(list);
        return first ? first : json_null();
}
