/* The envelope of every message between the core and a worker: one JSON object of at most 64 KiB, at most one blob.
 *
 *   core -> worker   {"do":VERB,"id":N,"args":{...}}                 a task; N rises, one task at a time per worker
 *                    {"go":true,"id":N,"args":{...}}                 "committed": the answer to a checkpoint
 *                    {"go":false,"id":N}                             the core calls the task off; the worker ends it
 * failed worker -> core   {"say":"ready","worker":NAME}                   once, at start
 *                    {"say":"checkpoint","id":N,"name":W,"args":{}}  the worker waits for "go" before it does more
 *                    {"say":"progress","id":N,"step":W,"done":i,"of":n}
 *                    {"say":"part","id":N,"name":W} + blob           one named blob of the answer
 *                    {"say":"done","id":N,"args":{...}}              last message of a task; may carry a blob
 *                    {"say":"failed","id":N,"error":{"kind","origin","code","reason","text"}}
 *
 * This module is pure: JSON in and out. Sending and blobs are in daemon/ipc. The args of each verb have one encoder
 * and one decoder in proto/ipc/<worker>.h. */
#pragma once
#include "proto/base/json.h"

enum { IPC_MAX = 65536, IPC_BLOB_MAX = 16 << 20, IPC_NAME_MAX = 32 };

enum ipc_kind { IPC_DO, IPC_GO, IPC_CALL_OFF, IPC_READY, IPC_CHECKPOINT, IPC_PROGRESS, IPC_PART, IPC_DONE, IPC_FAILED };

struct ipc_message {
        enum ipc_kind kind;
        int64_t id;                  /* of the task; 0 for ready */
        char name[IPC_NAME_MAX + 1]; /* verb, checkpoint, step, part, or the worker's name */
        int64_t done, of;            /* progress */
        json_t *args;                /* owned; NULL stands for {} */
        struct error error;          /* failed */
};

void ipc_message_done(struct ipc_message *m); /* releases args; accepts a zeroed one */
/* New reference; NULL only without memory. Does not take m->args. */
json_t *ipc_encode(const struct ipc_message *m);
/* 0, or -1 and *err (INPUT, bad_json) for anything that is not exactly one of the forms above. */
int ipc_decode(const json_t *json, struct ipc_message *ret, struct error *err);
/* The error alone, for the HTTP API and the ledger too: {"kind","origin","code","reason","text"}. */
json_t *ipc_encode_error(const struct error *e);
int ipc_decode_error(const json_t *json, struct error *ret, struct error *err);
