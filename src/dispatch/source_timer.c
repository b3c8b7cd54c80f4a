/*
 * TIMER sources. Monotonic times use the loop's timers. Wall times have a timerfd of their own,
 * which the kernel also makes ready when somebody sets the clock. Leeway is not made use of.
 */
#include "dispatch/source_internal.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/time_internal.h"

static void look(struct dispatch_source_s *source)
{
	bri_object_get(source); /* the handler may release it */
	bri_source_look(source);
	bri_object_put(source);
}

static void on_fire(void *context)
{
	look(context);
}

static void on_wall(void *context, uint32_t events)
{
	struct dispatch_source_s *source = context;
	uint64_t count;

	(void)events;
	/* ECANCELED: the clock was set. Either way we look at it anew */
	if (read(source->u.timer.wall_fd, &count, sizeof(count)) < 0 && errno == EAGAIN)
		return;
	look(source);
}

static int open_timer(struct dispatch_source_s *source)
{
	source->u.timer.wall_fd = -1;
	return source->handle || source->mask & ~(uintptr_t)DISPATCH_TIMER_STRICT ? -EINVAL : 0;
}

static int attach_wall(struct dispatch_source_s *source)
{
	struct bri_source_timer *t = &source->u.timer;

	if (t->watch)
		return 0;
	if (t->wall_fd < 0)
		t->wall_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t->wall_fd < 0)
		return -errno;
	return bri_watch_new(source->queue, t->wall_fd, source, on_wall, &t->watch);
}

static int attach_timer(struct dispatch_source_s *source)
{
	struct bri_source_timer *t = &source->u.timer;
	int r = t->timer ? 0 : bri_timer_new(source->queue, source, on_fire, &t->timer);

	return r == 0 && t->wall ? attach_wall(source) : r;
}

static void detach_timer(struct dispatch_source_s *source)
{
	bri_timer_free(source->u.timer.timer);
	bri_watch_free(source->u.timer.watch);
	source->u.timer.timer = NULL;
	source->u.timer.watch = NULL;
}

static void close_timer(struct dispatch_source_s *source)
{
	if (source->u.timer.wall_fd >= 0)
		close(source->u.timer.wall_fd);
	source->u.timer.wall_fd = -1;
}

static void arm_wall(struct bri_source_timer *t)
{
	struct itimerspec its = { 0 };

	its.it_value.tv_sec = (time_t)(t->target_ns / BRI_NS_PER_S);
	its.it_value.tv_nsec = (long)(t->target_ns % BRI_NS_PER_S);
	timerfd_settime(t->wall_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &its, NULL);
}

static void arm(struct dispatch_source_s *source)
{
	struct bri_source_timer *t = &source->u.timer;

	if (t->watch && t->wall && t->armed)
		arm_wall(t);
	if (t->timer)
		bri_timer_set(t->timer, t->armed && !t->wall ? t->target_ns : BRI_NEVER);
}

void bri_source_apply_timer(struct dispatch_source_s *source)
{
	struct bri_source_timer *t = &source->u.timer;
	dispatch_time_t start;
	uint64_t interval;
	bool changed;
	int r;

	if (source->type != DISPATCH_SOURCE_TYPE_TIMER)
		return;
	pthread_mutex_lock(&source->lock);
	changed = t->changed;
	t->changed = false;
	start = t->start;
	interval = t->interval;
	pthread_mutex_unlock(&source->lock);
	if (!changed)
		return;
	t->armed = start != DISPATCH_TIME_FOREVER;
	t->wall = bri_time_is_wall(start);
	/* 0 would be as fast as it can: nobody wants that, once is what is meant */
	t->interval_ns = interval && interval <= INT64_MAX ? interval : BRI_NEVER;
	t->target_ns = t->wall ? -start : bri_time_to_deadline_ns(start);
	if (start == DISPATCH_WALLTIME_NOW)
		t->target_ns = bri_clock_wall_ns();
	r = t->wall ? attach_wall(source) : 0;
	if (r < 0)
		bri_error("dispatch_source timer: no timer of the wall clock: error %d", -r);
	arm(source);
}

static bool collect_timer(struct dispatch_source_s *source, uintptr_t *ret_data)
{
	struct bri_source_timer *t = &source->u.timer;
	uint64_t now_ns = t->wall ? bri_clock_wall_ns() : bri_clock_now_ns();
	uint64_t count = 1;
	bool due = t->armed && now_ns >= t->target_ns;

	if (due && t->interval_ns == BRI_NEVER) {
		t->armed = false;
	} else if (due) {
		count += (now_ns - t->target_ns) / t->interval_ns;
		if (__builtin_add_overflow(t->target_ns, count * t->interval_ns, &t->target_ns))
			t->armed = false;
	}
	arm(source);
	*ret_data = count;
	return due;
}

void dispatch_source_set_timer(
	dispatch_source_t source, dispatch_time_t start, uint64_t interval, uint64_t leeway)
{
	struct bri_source_timer *t = &source->u.timer;

	(void)leeway;
	if (source->type != DISPATCH_SOURCE_TYPE_TIMER) {
		bri_error("dispatch_source_set_timer: a %s source", source->type->name);
		return;
	}
	/* an interval is counted from this call, not from when the queue comes to it */
	if (start == DISPATCH_TIME_NOW)
		start = dispatch_time(DISPATCH_TIME_NOW, 0);
	pthread_mutex_lock(&source->lock);
	t->start = start;
	t->interval = interval;
	t->changed = true;
	pthread_mutex_unlock(&source->lock);
	bri_source_kick(source);
}

const struct dispatch_source_type_s _dispatch_source_type_timer = {
	.name = "timer",
	.open = open_timer,
	.attach = attach_timer,
	.detach = detach_timer,
	.collect = collect_timer,
	.close = close_timer,
};
