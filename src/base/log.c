/* Where log lines go. Knows nothing of who writes them. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static bri_log_handler_f log_handler;
static void *log_context;
static _Atomic int log_max = -1; /* -1: the environment was not read yet */

static int level_from_environment(void)
{
	static const char *const names[] = { "none", "error", "warn", "info", "debug" };
	const char *value = secure_getenv("BRAID_LOG");

	for (size_t i = 0; value && i < BRI_LEN(names); i++) {
		if (!strcmp(value, names[i]))
			return (int)i;
	}
	return 0;
}

bool bri_log_wants(enum bri_log_level level)
{
	int max = atomic_load_explicit(&log_max, memory_order_relaxed);

	if (BRI_UNLIKELY(max < 0)) {
		int expected = -1;

		atomic_compare_exchange_strong(&log_max, &expected, level_from_environment());
		max = atomic_load_explicit(&log_max, memory_order_relaxed);
	}
	return (int)level <= max;
}

void bri_log_set_handler(int max_level, void *context, bri_log_handler_f handler)
{
	pthread_mutex_lock(&log_lock);
	log_handler = handler;
	log_context = context;
	atomic_store(&log_max, handler ? max_level : level_from_environment());
	pthread_mutex_unlock(&log_lock);
}

void bri_log_write(enum bri_log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "", "error", "warning", "info", "debug" };
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&log_lock);
	if (log_handler)
		log_handler(log_context, (int)level, line);
	else
		fprintf(stderr, "braid: %s: %s\n", names[level], line);
	pthread_mutex_unlock(&log_lock);
}

void bri_abort(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	dprintf(STDERR_FILENO, "braid: fatal: %s\n", line);
	abort();
}
