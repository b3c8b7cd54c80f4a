/* What the tests of public objects share: how many log lines there were, and the last of them. */
#ifndef API_TEST_UTIL_H
#define API_TEST_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "api/object.h"
#include "base/log.h"

static int log_lines;
static char log_last[1024];

static inline void on_log(void *context, int level, const char *message)
{
	(void)context;
	(void)level;
	log_lines++;
	snprintf(log_last, sizeof(log_last), "%s", message);
}

/* errors only: what else is logged is no verdict about arguments */
static inline int log_setup(void **state)
{
	(void)state;
	log_lines = 0;
	bri_log_set_handler(BRI_LOG_ERROR, NULL, on_log);
	return 0;
}

/* exactly one line was logged since the last look, and it says `what` */
static inline void assert_logged(const char *what)
{
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(log_last, what));
	log_lines = 0;
}

static inline void assert_quiet(void)
{
	if (log_lines)
		print_message("logged: %s\n", log_last);
	assert_int_equal(log_lines, 0);
}

/* the two counts of an object */
static inline int ext_count(const void *obj)
{
	return atomic_load(&((const struct bri_object *)obj)->ext);
}

static inline int ref_count(const void *obj)
{
	return atomic_load(&((const struct bri_object *)obj)->refs);
}

#endif
