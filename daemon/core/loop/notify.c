#include "daemon/core/loop/notify.h"
#include "proto/base/cleanup.h"
#include <stddef.h>
#include <systemd/sd-daemon.h>

static void beat(struct timer *t)
{
        struct notify *n = owner_of(t, struct notify, watchdog);

        (void)sd_notify(0, "WATCHDOG=1");
        loop_timer_set(n->loop, t, now_boot_ms() + n->every_ms);
}

void notify_ready(struct notify *n, struct loop *loop)
{
        uint64_t us = 0;

        *n = (struct notify){ .loop = loop, .watchdog.fired = beat };
        (void)sd_notify(0, "READY=1");
        if (sd_watchdog_enabled(0, &us) <= 0)
                return;
        n->every_ms = (int64_t)(us / 2000);
        if (n->every_ms > 0)
                beat(&n->watchdog);
}

void notify_status(const char *text)
{
        (void)sd_notifyf(0, "STATUS=%s", text);
}

void notify_stopping(struct notify *n)
{
        if (n->loop)
                loop_timer_clear(n->loop, &n->watchdog);
        (void)sd_notify(0, "STOPPING=1");
}
