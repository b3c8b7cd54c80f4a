/*
 * SIGNAL sources. One handler for the process counts each signal and pokes an eventfd; the
 * library's own queue reads that and tells the sources. The handler that the program had before
 * is called too, and put back after the last source of its signal.
 */
#include "dispatch/source_internal.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct watched {
	struct bri_list sources;
	struct sigaction old;
	/* for the handler, which may take no lock */
	_Atomic uintptr_t count;
	_Atomic(void (*)(int)) plain;
	_Atomic(void (*)(int, siginfo_t *, void *)) with_info;
};

static pthread_mutex_t signals_lock = PTHREAD_MUTEX_INITIALIZER;
static struct watched signals[NSIG];
static struct bri_watch *signals_watch; /* for the life of the process */
static int signals_fd = -1;

static void on_signal(int number, siginfo_t *info, void *ucontext)
{
	struct watched *w = &signals[number];
	void (*with_info)(int, siginfo_t *, void *) = atomic_load(&w->with_info);
	void (*plain)(int) = atomic_load(&w->plain);
	uint64_t one = 1;
	int saved = errno;

	atomic_fetch_add(&w->count, 1);
	while (write(signals_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	errno = saved;
	if (with_info)
		with_info(number, info, ucontext);
	else if (plain)
		plain(number);
}

static void on_poke(void *context, uint32_t events)
{
	uint64_t ignored;

	(void)context;
	(void)events;
	if (read(signals_fd, &ignored, sizeof(ignored)) < 0)
		return;
	pthread_mutex_lock(&signals_lock);
	for (int i = 1; i < NSIG; i++) {
		uintptr_t count = atomic_exchange(&signals[i].count, 0);
		struct bri_list *link;

		if (!count)
			continue;
		bri_list_foreach (link, &signals[i].sources) {
			struct dispatch_source_s *source =
				bri_list_entry(link, struct dispatch_source_s, u.signal.link);

			atomic_fetch_add(&source->pending, count);
			bri_source_kick(source);
		}
	}
	pthread_mutex_unlock(&signals_lock);
}

/* Under lock. */
static int init_process(void)
{
	int r;

	if (signals_watch)
		return 0;
	if (signals_fd < 0) {
		for (int i = 0; i < NSIG; i++)
			bri_list_init(&signals[i].sources);
		signals_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	if (signals_fd < 0)
		return -errno;
	r = bri_watch_new(bri_internal_queue(), signals_fd, NULL, on_poke, &signals_watch);
	return r;
}

/* Under lock: the first source of this signal. */
static int install(int number)
{
	struct watched *w = &signals[number];
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };

	action.sa_sigaction = on_signal;
	sigfillset(&action.sa_mask);
	if (sigaction(number, NULL, &w->old) < 0)
		return -errno;
	atomic_store(&w->count, 0);
	if (w->old.sa_flags & SA_SIGINFO)
		atomic_store(&w->with_info, w->old.sa_sigaction);
	else if (w->old.sa_handler != SIG_DFL && w->old.sa_handler != SIG_IGN)
		atomic_store(&w->plain, w->old.sa_handler);
	return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}

/* Under lock: the last one has gone. A handler that the program set meanwhile stays. */
static void uninstall(int number)
{
	struct watched *w = &signals[number];
	struct sigaction now;

	if (sigaction(number, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
		now.sa_sigaction == on_signal)
		sigaction(number, &w->old, NULL);
	atomic_store(&w->with_info, NULL);
	atomic_store(&w->plain, NULL);
}

static int open_signal(struct dispatch_source_s *source)
{
	bool ours = source->handle > 0 && source->handle < NSIG && source->handle != SIGKILL &&
		    source->handle != SIGSTOP;

	return ours && !source->mask ? 0 : -EINVAL;
}

static int activate_signal(struct dispatch_source_s *source)
{
	int number = (int)source->handle;
	int r;

	pthread_mutex_lock(&signals_lock);
	r = init_process();
	if (r == 0 && bri_list_empty(&signals[number].sources))
		r = install(number);
	if (r == 0) {
		bri_list_append(&signals[number].sources, &source->u.signal.link);
		source->u.signal.linked = true;
	}
	pthread_mutex_unlock(&signals_lock);
	return r;
}

static bool collect_signal(struct dispatch_source_s *source, uintptr_t *ret_data)
{
	*ret_data = atomic_exchange(&source->pending, 0);
	return *ret_data;
}

static void close_signal(struct dispatch_source_s *source)
{
	int number = (int)source->handle;

	pthread_mutex_lock(&signals_lock);
	if (source->u.signal.linked) {
		bri_list_remove(&source->u.signal.link);
		source->u.signal.linked = false;
		if (bri_list_empty(&signals[number].sources))
			uninstall(number);
	}
	pthread_mutex_unlock(&signals_lock);
}

const struct dispatch_source_type_s _dispatch_source_type_signal = {
	.name = "signal",
	.open = open_signal,
	.activate = activate_signal,
	.collect = collect_signal,
	.close = close_signal,
};
