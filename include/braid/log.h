/*
 * The library's log: one line for a person about what it refused or could not do. Never the only
 * way an error is told. Silent by default; BRAID_LOG=error|warn|info|debug in the environment
 * prints to stderr.
 */
#ifndef BRAID_LOG_H
#define BRAID_LOG_H

#include <os/base.h>

BRAID_DECLS_BEGIN

/*!
 * @enum braid_log_level_t
 * @abstract How important a line is: the lower, the more.
 */
typedef enum {
	BRAID_LOG_ERROR = 1,
	BRAID_LOG_WARN = 2,
	BRAID_LOG_INFO = 3,
	BRAID_LOG_DEBUG = 4,
} braid_log_level_t;

/*!
 * @typedef braid_log_handler_f
 * @param level A braid_log_level_t.
 * @param message One line without its newline, borrowed. Called on any thread, one at a time; it
 * must not call this library.
 */
typedef void (*braid_log_handler_f)(void *_Nullable context, int level, const char *message);

/*!
 * @function braid_log_set_handler_f
 * @param max_level The least important level to be told of; 0: none.
 * @param context The handler's first argument; not destroyed. After another call of this function
 *   has returned it is not used any more.
 * @param handler NULL: as at the start (the environment decides).
 */
void braid_log_set_handler_f(
	int max_level, void *_Nullable context, braid_log_handler_f _Nullable handler);

BRAID_DECLS_END

#endif
