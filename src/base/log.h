/*
 * One line of log for a person. Silent unless BRAID_LOG is set in the environment (error, warn,
 * info, debug: stderr), or the application set a handler (braid/log.h). Never the only way an
 * error is told.
 */
#ifndef BRI_LOG_H
#define BRI_LOG_H

#include "base/base.h"

enum bri_log_level {
	BRI_LOG_ERROR = 1,
	BRI_LOG_WARN,
	BRI_LOG_INFO,
	BRI_LOG_DEBUG,
};

typedef void (*bri_log_handler_f)(void *context, int level, const char *message);

/* bri_log_set_handler(): NULL restores the default. Context: any thread. */
void bri_log_set_handler(int max_level, void *context, bri_log_handler_f handler);
BRI_COLD bool bri_log_wants(enum bri_log_level level);
BRI_COLD void bri_log_write(enum bri_log_level level, const char *fmt, ...) BRI_PRINTF(2, 3);

#define bri_log(level, ...)                                                                        \
	do {                                                                                       \
		if (BRI_UNLIKELY(bri_log_wants(level)))                                            \
			bri_log_write((level), __VA_ARGS__);                                       \
	} while (0)
#define bri_error(...) bri_log(BRI_LOG_ERROR, __VA_ARGS__)
#define bri_warn(...)  bri_log(BRI_LOG_WARN, __VA_ARGS__)
#define bri_info(...)  bri_log(BRI_LOG_INFO, __VA_ARGS__)
#define bri_debug(...) bri_log(BRI_LOG_DEBUG, __VA_ARGS__)

#endif
