/*
 * Constants of the API that are compared by pointer: default contexts, and the blocks and functions
 * that stand for "disable", "default" and "idempotent". Knows nothing of who compares them.
 *
 * Each block constant's invoke function is the function constant of its `_f` twin, so after
 * bri_callable_from_block() (or _borrow_block()) one comparison of `fn` recognises both.
 */
#ifndef BRI_API_SENTINELS_H
#define BRI_API_SENTINELS_H

#include "api/object.h"
#include "base/callable.h"

/* To programs these are blocks; the library is compiled without them, and sees addresses. */
BRI_EXPORT extern const struct bri_block *const _nw_connection_send_idempotent_content;
BRI_EXPORT extern const struct bri_block
	*const _nw_parameters_configure_protocol_default_configuration;
BRI_EXPORT extern const struct bri_block *const _nw_parameters_configure_protocol_disable;

/* bri_sentinels_is_idempotent(): this completion stands for "no callback, may be sent early". */
bool bri_sentinels_is_idempotent(const struct bri_callable *completion);

#endif
