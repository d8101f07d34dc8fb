#include "proto/ipc/envelope.h"
#include <string.h>

static const char *const says[] = {
        [IPC_READY] = "ready", [IPC_CHECKPOINT] = "checkpoint", [IPC_PROGRESS] = "progress", [IPC_PART] = "part",
        [IPC_DONE] = "done",   [IPC_FAILED] = "failed",
};

void ipc_message_done(struct ipc_message *m)
{
        json_decref(m->args);
        m->args = NULL;
}

json_t *ipc_encode_error(const struct error *e)
{
        return json_pack("{s:s,s:s,s:I,s:s,s:s}", "kind", error_kind_name(e->kind), "origin",
                         error_origin_name(e->origin), "code", (json_int_t)e->code, "reason", reason_word(e->reason),
                         "text", e->text);
}

int ipc_decode_error(const json_t *json, struct error *ret, struct error *err)
{
        struct jread r = jread_begin(json, "error", err);
        const char *kind = "", *origin = "", *reason = "", *text = "";
        struct error e = { 0 };
        int64_t code = 0;

        jread_str(&r, "kind", 1, 16, &kind);
        jread_str(&r, "origin", 1, 16, &origin);
        jread_int(&r, "code", 0, UINT32_MAX, &code);
        jread_str(&r, "reason", 1, 64, &reason);
        jread_str(&r, "text", 0, ERROR_TEXT_MAX - 1, &text);
        if (jread_end(&r) < 0)
                return -1;
        if (!error_kind_parse(kind, &e.kind) || !error_origin_parse(origin, &e.origin) ||
            !reason_parse(reason, &e.reason))
                return err_input(err, REASON_BAD_JSON, "error: unknown word");
        e.code = (uint32_t)code;
        memcpy(e.text, text, strlen(text) + 1);
        *ret = e;
        return 0;
}

static json_t *encode_args(const struct ipc_message *m)
{
        return m->args ? json_incref(m->args) : json_object();
}

json_t *ipc_encode(const struct ipc_message *m)
{
        json_int_t id = (json_int_t)m->id;

        switch (m->kind) {
        case IPC_DO:
                return json_pack("{s:s,s:I,s:o}", "do", m->name, "id", id, "args", encode_args(m));
        case IPC_GO:
                return json_pack("{s:b,s:I,s:o}", "go", 1, "id", id, "args", encode_args(m));
        case IPC_CALL_OFF:
                return json_pack("{s:b,s:I}", "go", 0, "id", id);
        case IPC_READY:
                return json_pack("{s:s,s:s}", "say", says[IPC_READY], "worker", m->name);
        case IPC_CHECKPOINT:
                return json_pack("{s:s,s:I,s:s,s:o}", "say", says[m->kind], "id", id, "name", m->name, "args",
                                 encode_args(m));
        case IPC_PROGRESS:
                return json_pack("{s:s,s:I,s:s,s:I,s:I}", "say", says[m->kind], "id", id, "step", m->name, "done",
                                 (json_int_t)m->done, "of", (json_int_t)m->of);
        case IPC_PART:
                return json_pack("{s:s,s:I,s:s}", "say", says[m->kind], "id", id, "name", m->name);
        case IPC_DONE:
                return json_pack("{s:s,s:I,s:o}", "say", says[m->kind], "id", id, "args", encode_args(m));
        case IPC_FAILED:
                return json_pack("{s:s,s:I,s:o}", "say", says[m->kind], "id", id, "error", ipc_encode_error(&m->error));
        }
        return NULL;
}

static void read_name(struct jread *r, const char *key, struct ipc_message *m)
{
        const char *name = "";

        jread_str(r, key, 1, IPC_NAME_MAX, &name);
        memcpy(m->name, name, strlen(name) + 1);
}

static void read_id(struct jread *r, struct ipc_message *m)
{
        jread_int(r, "id", 1, INT64_MAX, &m->id);
}

static void read_args(struct jread *r, const json_t **ret)
{
        jread_object(r, "args", ret);
}

static void decode_core(struct jread *r, struct ipc_message *m, const json_t **args)
{
        bool go = false;

        if (json_object_get(r->object, "do")) {
                m->kind = IPC_DO;
                read_name(r, "do", m);
                read_args(r, args);
        } else {
                jread_bool(r, "go", &go);
                m->kind = go ? IPC_GO : IPC_CALL_OFF;
                if (go)
                        read_args(r, args);
        }
        read_id(r, m);
}

static int decode_worker(struct jread *r, struct ipc_message *m, const json_t **args)
{
        static const char *const words[] = { "ready", "checkpoint", "progress", "part", "done", "failed", NULL };
        const json_t *error = NULL;
        unsigned word = 0;

        jread_word(r, "say", words, &word);
        m->kind = (enum ipc_kind)(IPC_READY + word);
        if (m->kind == IPC_READY) {
                read_name(r, "worker", m);
                return 0;
        }
        read_id(r, m);
        if (m->kind == IPC_CHECKPOINT || m->kind == IPC_PART)
                read_name(r, "name", m);
        if (m->kind == IPC_CHECKPOINT || m->kind == IPC_DONE)
                read_args(r, args);
        if (m->kind == IPC_PROGRESS) {
                read_name(r, "step", m);
                jread_int(r, "done", 0, INT32_MAX, &m->done);
                jread_int(r, "of", 0, INT32_MAX, &m->of);
        }
        if (m->kind != IPC_FAILED)
                return 0;
        jread_object(r, "error", &error);
        return r->failed ? -1 : ipc_decode_error(error, &m->error, r->err);
}

int ipc_decode(const json_t *json, struct ipc_message *ret, struct error *err)
{
        struct jread r = jread_begin(json, "ipc", err);
        struct ipc_message m = { 0 };
        const json_t *args = NULL;

        if (!json_object_get(json, "say"))
                decode_core(&r, &m, &args);
        else if (decode_worker(&r, &m, &args) < 0)
                return -1;
        if (jread_end(&r) < 0)
                return -1;
        m.args = json_incref((json_t *)(uintptr_t)args);
        *ret = m;
        return 0;
}
